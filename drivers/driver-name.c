/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The words of driver.h as text, for files, journals and people. */
#include <string.h>

#include "drivers/driver.h"

static const char *const power_names[] = {
	[DRIVER_POWER_UNKNOWN] = "unknown",
	[DRIVER_POWER_ON] = "on",
	[DRIVER_POWER_OFF] = "off",
};

static const char *const act_names[] = {
	[DRIVER_ACT_NONE] = "none",   [DRIVER_ACT_ON] = "on",
	[DRIVER_ACT_OFF] = "off",     [DRIVER_ACT_CYCLE] = "cycle",
	[DRIVER_ACT_RESET] = "reset", [DRIVER_ACT_SOFT] = "soft",
	[DRIVER_ACT_DIAG] = "diag",
};

static const char *const boot_names[] = {
	[DRIVER_BOOT_NONE] = "none",   [DRIVER_BOOT_DISK] = "disk",
	[DRIVER_BOOT_PXE] = "pxe",     [DRIVER_BOOT_CDROM] = "cdrom",
	[DRIVER_BOOT_SETUP] = "setup",
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

const char *driver_power_name(enum driver_power state)
{
	return (unsigned)state < COUNT(power_names) ? power_names[state] : "unknown";
}

const char *driver_act_name(enum driver_act act)
{
	return (unsigned)act < COUNT(act_names) ? act_names[act] : "none";
}

const char *driver_boot_name(enum driver_boot device)
{
	return (unsigned)device < COUNT(boot_names) ? boot_names[device] : "none";
}

enum driver_act driver_act_from_name(const char *name)
{
	size_t i;

	for (i = 1; i < COUNT(act_names); i++) {
		if (strcmp(act_names[i], name) == 0)
			return (enum driver_act)i;
	}
	return DRIVER_ACT_NONE;
}

enum driver_boot driver_boot_from_name(const char *name)
{
	size_t i;

	for (i = 1; i < COUNT(boot_names); i++) {
		if (strcmp(boot_names[i], name) == 0)
			return (enum driver_boot)i;
	}
	return DRIVER_BOOT_NONE;
}
