/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The serial driver's front door: what may stand in a section with
 * `driver = serial`, and how an instance comes and goes. The rooms behind it
 * are listed in serial.h. Nothing is opened before attach: an adapter may come
 * and go, and each time it may be another ttyUSB.
 */
#include "drivers/serial.h"

#include <stdlib.h>
#include <string.h>

#include "drivers/drivers.h"

static const char *const serial_speeds[] = {
	"300", "600", "1200", "2400", "4800", "9600", "19200", "38400", "57600",
	"115200", "230400", "460800", "921600", "1500000", NULL,
};
static const char *const serial_parities[] = { "none", "odd", "even", "mark",
					       "space", NULL };
static const char *const serial_flows[] = { "none", "rtscts", "xonxoff", NULL };

static const struct option serial_options[] = {
	{ .key = "path", .type = OPTION_TEXT, .required = true,
	  .help = "The port: /dev/ttyS0, or a link in /dev/serial/by-id, which "
		  "finds an adapter again that was pulled out. What came before it "
		  "is opened is thrown away: a machine that waits at a prompt by "
		  "then shows nothing until it prints again, and a sequence for it "
		  "begins with a power action." },
	{ .key = "speed", .type = OPTION_CHOICE, .unit = "baud",
	  .fallback = "115200", .choices = serial_speeds,
	  .help = "Speed of the line." },
	{ .key = "speeds", .type = OPTION_WORDS, .unit = "baud",
	  .choices = serial_speeds,
	  .help = "Other speeds to try, in this order, when what comes is no "
		  "text; firmware and kernel may use different ones." },
	{ .key = "bits", .type = OPTION_NUMBER, .fallback = "8", .min = 5,
	  .max = 8, .help = "Data bits." },
	{ .key = "parity", .type = OPTION_CHOICE, .fallback = "none",
	  .choices = serial_parities, .help = "Parity." },
	{ .key = "stop", .type = OPTION_NUMBER, .fallback = "1", .min = 1,
	  .max = 2, .help = "Stop bits." },
	{ .key = "flow", .type = OPTION_CHOICE, .fallback = "none",
	  .choices = serial_flows,
	  .help = "Flow control; none also ignores a CTS that stays low and an "
		  "XOFF." },
	{ .key = "rts", .type = OPTION_BOOL, .fallback = "yes",
	  .help = "Whether RTS is asserted; not with flow = rtscts." },
	{ .key = "dtr", .type = OPTION_BOOL, .fallback = "yes",
	  .help = "Whether DTR is asserted." },
	{ .key = "write-timeout", .type = OPTION_DURATION, .unit = "ms",
	  .fallback = "10s", .min = 500, .max = 600000,
	  .help = "How long the line may take no byte before it counts as "
		  "stuck." },
	OPTION_END,
};

/* The place of a word in a list that has it. */
static int serial_index(const char *const *list, const char *word)
{
	int i = 0;

	while (strcmp(list[i], word) != 0)
		i++;
	return i;
}

static void serial_add_speed(struct serial *s, int speed)
{
	int i;

	for (i = 0; i < s->speed_count; i++) {
		if (s->speeds[i] == speed)
			return;
	}
	if (speed > 0 && s->speed_count < SERIAL_SPEEDS_MAX)
		s->speeds[s->speed_count++] = speed;
}

/* `speed`, and then `speeds` in their order. */
static void serial_open_speeds(struct serial *s,
			       const struct settings *settings)
{
	const char *rest = settings_text(settings, "speeds");
	char *end;

	s->speed_count = 0;
	serial_add_speed(s, atoi(settings_text(settings, "speed")));
	while (rest != NULL && *rest != '\0') {
		serial_add_speed(s, (int)strtol(rest, &end, 10));
		rest = end + strspn(end, " \t\n,");
	}
}

static int serial_open(void *self, const struct settings *settings,
		       int64_t deadline, struct rh_error *err)
{
	static const enum sp_parity parities[] = {
		SP_PARITY_NONE, SP_PARITY_ODD, SP_PARITY_EVEN, SP_PARITY_MARK,
		SP_PARITY_SPACE,
	};
	static const enum sp_flowcontrol flows[] = {
		SP_FLOWCONTROL_NONE, SP_FLOWCONTROL_RTSCTS,
		SP_FLOWCONTROL_XONXOFF,
	};
	struct serial *s = self;

	(void)deadline;
	s->lock_fd = s->fd = -1;
	s->path = settings_text(settings, "path");
	if (s->path[0] != '/')
		return rh_error_set(err, RH_ERR_CONFIG,
				    "path = %.80s: expected a path from the root, "
				    "such as /dev/ttyS0", s->path);
	serial_open_speeds(s, settings);
	s->bits = (int)settings_number(settings, "bits");
	s->stop = (int)settings_number(settings, "stop");
	s->parity = parities[serial_index(serial_parities,
				settings_text(settings, "parity"))];
	s->flow = flows[serial_index(serial_flows,
				settings_text(settings, "flow"))];
	s->rts = settings_bool(settings, "rts");
	s->dtr = settings_bool(settings, "dtr");
	s->write_timeout = settings_number(settings, "write-timeout");
	return 0;
}

static void serial_close(void *self)
{
	serial_port_close(self);
}

const struct driver driver_serial = {
	.name = "serial",
	.summary = "console on a serial port of this machine",
	.options = serial_options,
	.size = sizeof(struct serial),
	.flags = DRIVER_OPENS_DEVICES,
	.open = serial_open,
	.close = serial_close,
	.console = &serial_console_ops,
	.doctor = &serial_doctor_ops,
};
