/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What may stand in every section of a capability, whatever its driver:
 * how the run and the console treat that way. The driver's own options are in
 * the driver. Both end up in one struct settings (config-way.c).
 */
#include "agent/config/config.h"
#include "agent/console/keys.h"

static const char *const cycle_choices[] = { "off-on", "controller", NULL };
/* What consoles have, and what UEFI firmware takes from a serial line. */
static const char *const size_choices[] = {
	"80x24", "80x25", "80x43", "80x50", "80x60", "100x31", "128x40",
	"132x25", "132x43", "160x42", "240x56", NULL
};
static const char *const enter_choices[] = { "cr", "lf", "crlf", NULL };

static const struct option way_options_power[] = {
	{ .key = "min-off", .type = OPTION_DURATION, .unit = "ms",
	  .fallback = "5s", .min = 1000, .max = 300000,
	  .help = "How long the power stays off before it is switched on "
		  "again." },
	{ .key = "confirm", .type = OPTION_DURATION, .unit = "ms",
	  .fallback = "60s", .min = 5000, .max = 1800000,
	  .help = "How long a change of power may take until it is seen." },
	{ .key = "cycle-by", .type = OPTION_CHOICE, .fallback = "off-on",
	  .choices = cycle_choices,
	  .help = "How a power cycle is done: off, seen off, min-off, on; or "
		  "by the controller's own command." },
	OPTION_END
};

static const struct option way_options_console[] = {
	{ .key = "terminal", .type = OPTION_CHOICE, .fallback = "vt100",
	  .choices = keys_terminal_names,
	  .help = "Whose bytes the keys are sent as." },
	{ .key = "key-delay", .type = OPTION_DURATION, .unit = "ms",
	  .fallback = "30ms", .min = 0, .max = 5000,
	  .help = "The pause between two keys." },
	{ .key = "enter", .type = OPTION_CHOICE, .fallback = "cr",
	  .choices = enter_choices,
	  .help = "What the Enter key sends." },
	{ .key = "size", .type = OPTION_CHOICE, .fallback = "80x25",
	  .choices = size_choices,
	  .help = "The size of the screen that the console is drawn on, "
		  "columns and rows; UEFI setups often draw 80x50 or 100x31." },
	{ .key = "steal", .type = OPTION_BOOL, .fallback = "no",
	  .help = "Whether a console that somebody else holds is taken "
		  "away from them." },
	{ .key = "mute", .type = OPTION_DURATION, .unit = "ms",
	  .fallback = "20s", .min = 0, .max = 1800000,
	  .help = "Silent for so long after power-on, the console is opened "
		  "anew." },
	OPTION_END
};

static const struct option way_options_none[] = { OPTION_END };

const struct option *const way_options[WAY_COUNT] = {
	[WAY_NONE] = way_options_none,
	[WAY_POWER] = way_options_power,
	[WAY_CONSOLE] = way_options_console,
	[WAY_SHELL] = way_options_none,
	[WAY_CHECK] = way_options_none,
};

const char *way_capability_name(enum way_capability capability)
{
	static const char *const names[WAY_COUNT] = {
		[WAY_NONE] = "none",   [WAY_POWER] = "power",
		[WAY_CONSOLE] = "console", [WAY_SHELL] = "shell",
		[WAY_CHECK] = "check",
	};

	if ((int)capability < 0 || capability >= WAY_COUNT)
		return names[WAY_NONE];
	return names[capability];
}
