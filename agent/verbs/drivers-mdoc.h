/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_VERBS_DRIVERS_MDOC_H
#define RH_AGENT_VERBS_DRIVERS_MDOC_H

#include "drivers/driver.h"

/* rhands-NAME(5) of a driver, in mdoc(7), on standard output. */
void drivers_mdoc(const struct driver *driver);

#endif
