/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The only file that names drivers. */
#include <string.h>

#include "drivers/driver.h"
#include "drivers/drivers.h"

const struct driver *const driver_table[] = {
	&driver_exec,
	&driver_ipmi,
	&driver_ipmitool,
	&driver_manual,
	&driver_serial,
	&driver_ssh,
	&driver_tcp,
	&driver_telnet,
	&driver_twin,
	NULL,
};

const struct driver *driver_find(const char *name)
{
	int i;

	for (i = 0; driver_table[i] != NULL; i++) {
		if (strcmp(driver_table[i]->name, name) == 0)
			return driver_table[i];
	}
	return NULL;
}
