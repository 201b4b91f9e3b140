/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_DRIVERS_DRIVERS_H
#define RH_DRIVERS_DRIVERS_H

/* The drivers that exist, for driver-table.c alone. */
#include "drivers/driver.h"

extern const struct driver driver_exec;
extern const struct driver driver_ipmi;
extern const struct driver driver_ipmitool;
extern const struct driver driver_manual;
extern const struct driver driver_serial;
extern const struct driver driver_ssh;
extern const struct driver driver_tcp;
extern const struct driver driver_telnet;
extern const struct driver driver_twin;	/* agent/twin/twin-driver.c */

#endif
