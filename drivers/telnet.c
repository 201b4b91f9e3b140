/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The telnet driver's front door: what may stand in a section with
 * `driver = telnet`, and how an instance comes and goes. The rooms behind it
 * are listed in telnet.h. Who has to log in to a console server first does
 * it in a sequence; the driver types nothing.
 */
#include "drivers/telnet.h"

#include <string.h>

#include "drivers/drivers.h"

static const char *const telnet_kinds[] = { "telnet", "raw", "rfc2217", NULL };
static const char *const telnet_parities[] = { "none", "odd", "even", "mark",
					       "space", NULL };

static const struct option telnet_options[] = {
	{ .key = "address", .type = OPTION_NAME, .required = true,
	  .help = "Name or address of the console server." },
	{ .key = "port", .type = OPTION_NUMBER, .required = true, .min = 1,
	  .max = 65535, .help = "TCP port of the console." },
	{ .key = "protocol", .type = OPTION_CHOICE, .fallback = "telnet",
	  .choices = telnet_kinds,
	  .help = "How bytes go over the connection: telnet, raw (as they are, no "
		  "break), or rfc2217 (telnet, and the port can be set)." },
	{ .key = "speed", .type = OPTION_NUMBER, .unit = "baud", .min = 50,
	  .max = 4000000,
	  .help = "Speed of the port, only with protocol = rfc2217; where it is "
		  "not set it stays as it is." },
	{ .key = "bits", .type = OPTION_NUMBER, .min = 5, .max = 8,
	  .help = "Data bits of the port, only with protocol = rfc2217." },
	{ .key = "parity", .type = OPTION_CHOICE, .choices = telnet_parities,
	  .help = "Parity of the port, only with protocol = rfc2217." },
	{ .key = "stop", .type = OPTION_NUMBER, .min = 1, .max = 2,
	  .help = "Stop bits of the port, only with protocol = rfc2217." },
	{ .key = "busy", .type = OPTION_TEXT, .fallback = "Port already in use",
	  .help = "What the console server prints in the first seconds when "
		  "somebody else holds the console." },
	OPTION_END,
};

static enum telnet_kind telnet_kind(const char *name)
{
	if (strcmp(name, "raw") == 0)
		return TELNET_KIND_RAW;
	if (strcmp(name, "rfc2217") == 0)
		return TELNET_KIND_RFC2217;
	return TELNET_KIND_TELNET;
}

/* The number of RFC 2217 for a name: its place in the table, from 1. */
static uint32_t telnet_parity(const char *name)
{
	uint32_t i = 0;

	while (strcmp(telnet_parities[i], name) != 0)
		i++;
	return i + 1;
}

static int telnet_open_port(struct telnet *t, struct rh_error *err)
{
	static const char *const keys[TELNET_COM_PORT_COUNT] = {
		[TELNET_COM_PORT_SPEED] = "speed",
		[TELNET_COM_PORT_BITS] = "bits",
		[TELNET_COM_PORT_PARITY] = "parity",
		[TELNET_COM_PORT_STOP] = "stop",
	};
	int i;

	for (i = 0; i < TELNET_COM_PORT_COUNT; i++) {
		if (keys[i] == NULL || !settings_has(t->settings, keys[i]))
			continue;
		if (t->kind != TELNET_KIND_RFC2217)
			return rh_error_set(err, RH_ERR_CONFIG,
					    "%s: only protocol = rfc2217 can set "
					    "the port of a console server",
					    keys[i]);
		t->wanted[i] = i == TELNET_COM_PORT_PARITY ?
			telnet_parity(settings_text(t->settings, keys[i])) :
			(uint32_t)settings_number(t->settings, keys[i]);
	}
	return 0;
}

static int telnet_open(void *self, const struct settings *settings,
		       int64_t deadline, struct rh_error *err)
{
	struct telnet *t = self;

	(void)deadline;
	t->fd = -1;
	t->settings = settings;
	t->address = settings_text(settings, "address");
	t->port = (uint16_t)settings_number(settings, "port");
	t->kind = telnet_kind(settings_text(settings, "protocol"));
	t->busy = settings_text(settings, "busy");
	if (t->busy[0] == '\0')
		t->busy = NULL;
	return telnet_open_port(t, err);
}

static void telnet_close(void *self)
{
	telnet_console_close(self);
}

const struct driver driver_telnet = {
	.name = "telnet",
	.summary = "console by telnet, raw TCP or RFC 2217",
	.options = telnet_options,
	.size = sizeof(struct telnet),
	.open = telnet_open,
	.close = telnet_close,
	.console = &telnet_console_ops,
	.doctor = &telnet_doctor_ops,
};
