/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The IPMI driver's front door: what may stand in a section with
 * `driver = ipmi`, and how an instance comes and goes. The rooms behind it are
 * listed in ipmi.h.
 *
 * Always true: at most one command session and one SOL session of this
 * instance are open; nothing is sent before the first operation; cipher
 * suite 0 and anything that weakens a check is used only where the file
 * says so.
 */
#include "drivers/ipmi.h"

#include <string.h>

#include "drivers/drivers.h"

const char *const ipmi_privileges[] = { "user", "operator", "admin", NULL };
const char *const ipmi_boot_types[] = { "bios", "efi", NULL };
static const char *const ipmi_suite_names[] = { "17", "3", "16", "15", "8",
						"12", "7", "11", "6", "2",
						"1", "0", NULL };
static const char *const ipmi_keepalives[] = { "no", "empty", NULL };

static const struct option ipmi_options[] = {
	IPMI_OPTIONS_LOGIN,
	{ .key = "k-g", .type = OPTION_SECRET,
	  .help = "The BMC's second key (K_g), text or 0x and hexadecimal "
		  "digits, where it has one." },
	{ .key = "privilege", .type = OPTION_CHOICE, .fallback = "operator",
	  .choices = ipmi_privileges,
	  .help = "Privilege of the session; where it is not set, SOL is tried "
		  "as admin if the BMC does not let an operator have it." },
	{ .key = "cipher-suite", .type = OPTION_WORDS, .fallback = "17 3",
	  .choices = ipmi_suite_names,
	  .help = "Cipher suites in the order in which they are tried; 0 is no "
		  "protection at all." },
	{ .key = "workarounds", .type = OPTION_WORDS,
	  .choices = ipmi_map_workaround_names,
	  .help = "Flags for BMCs that break the standard, by their FreeIPMI "
		  "names." },
	{ .key = "min-interval", .type = OPTION_DURATION, .unit = "ms",
	  .fallback = "1s", .min = 0, .max = 60000,
	  .help = "Pause between two operations on the BMC; some hang when "
		  "asked too often." },
	{ .key = "retransmit", .type = OPTION_DURATION, .unit = "ms",
	  .fallback = "1s", .min = 100, .max = 10000,
	  .help = "Time without an answer until a packet is sent again; longer "
		  "for a slow BMC." },
	{ .key = "act-wait", .type = OPTION_DURATION, .unit = "ms",
	  .fallback = "5s", .min = 500, .max = 60000,
	  .help = "Time that the BMC gets to answer a power command, which is "
		  "never sent again." },
	IPMI_OPTION_LOST_AFTER,
	{ .key = "serial-keepalive", .type = OPTION_CHOICE, .fallback = "no",
	  .choices = ipmi_keepalives,
	  .help = "Whether empty SOL packets find out that a session was taken "
		  "away; not every BMC answers them." },
	IPMI_OPTION_BOOT_TYPE,
	OPTION_END,
};

static uint8_t ipmi_privilege(const char *name)
{
	if (strcmp(name, "user") == 0)
		return IPMI_PRIVILEGE_LEVEL_USER;
	if (strcmp(name, "admin") == 0)
		return IPMI_PRIVILEGE_LEVEL_ADMIN;
	return IPMI_PRIVILEGE_LEVEL_OPERATOR;
}

static int ipmi_open_address(struct ipmi *d, struct rh_error *err)
{
	const char *colon;

	d->address = settings_text(d->settings, "address");
	d->port = (int)settings_number(d->settings, "port");
	colon = strchr(d->address, ':');
	if (colon != NULL && strchr(colon + 1, ':') == NULL)
		return rh_error_set(err, RH_ERR_CONFIG,
				    "address = %.60s: the port has a line of its "
				    "own, port = %.10s", d->address, colon + 1);
	return 0;
}

int ipmi_open_login(const struct settings *settings, struct secret *ret_password,
		    int64_t deadline, struct rh_error *err)
{
	const char *user = settings_text(settings, "user");

	if (strlen(user) > IPMI_USER_MAX)
		return rh_error_set(err, RH_ERR_CONFIG,
				    "user = %.40s: IPMI allows %d bytes", user,
				    IPMI_USER_MAX);
	if (secret_load(ret_password, settings_secret_ref(settings, "password"),
			deadline, err) < 0)
		return rh_error_prefix(err, "password");
	if (ret_password->len > IPMI_PASSWORD_MAX)
		return rh_error_set(err, RH_ERR_CONFIG,
				    "password: it has %zu bytes, IPMI 2.0 allows "
				    "%d; a BMC that took it has cut it",
				    ret_password->len, IPMI_PASSWORD_MAX);
	return 0;
}

static int ipmi_open_credential(struct ipmi *d, int64_t deadline,
				struct rh_error *err)
{
	const char *user = settings_text(d->settings, "user");
	const char *key = settings_secret_ref(d->settings, "k-g");

	if (ipmi_open_login(d->settings, &d->password, deadline, err) < 0)
		return -1;
	memcpy(d->user, user, strlen(user) + 1);
	if (key == NULL)
		return 0;
	if (secret_load(&d->key, key, deadline, err) < 0)
		return rh_error_prefix(err, "k-g");
	if (ipmi_map_key(d->key.bytes, d->key.len, d->key_bytes) < 0)
		return rh_error_set(err, RH_ERR_CONFIG,
				    "k-g: expected up to %d bytes, or 0x and up "
				    "to %d hexadecimal digits", IPMI_KEY_LEN,
				    2 * IPMI_KEY_LEN);
	return 0;
}

static int ipmi_open_protocol(struct ipmi *d, struct rh_error *err)
{
	const struct settings *s = d->settings;

	d->privilege = ipmi_privilege(settings_text(s, "privilege"));
	d->privilege_set = settings_has(s, "privilege");
	d->lan_workarounds = ipmi_map_workarounds_lan(s);
	d->sol_workarounds = ipmi_map_workarounds_sol(s);
	d->min_interval = settings_number(s, "min-interval");
	d->retransmit = settings_number(s, "retransmit");
	d->act_wait = settings_number(s, "act-wait");
	d->lost_after = settings_number(s, "lost-after");
	d->suite_count = ipmi_map_suites(settings_text(s, "cipher-suite"),
					 d->suites, IPMI_SUITES_MAX);
	if (d->suite_count == 0)
		return rh_error_set(err, RH_ERR_CONFIG,
				    "cipher-suite: name one at least");
	return 0;
}

static int ipmi_open(void *self, const struct settings *settings,
		     int64_t deadline, struct rh_error *err)
{
	struct ipmi *d = self;

	d->settings = settings;
	if (ipmi_open_address(d, err) < 0 || ipmi_open_protocol(d, err) < 0)
		return -1;
	return ipmi_open_credential(d, deadline, err);
}

static void ipmi_close(void *self)
{
	struct ipmi *d = self;

	ipmi_console_close(d);
	ipmi_session_close(d);
	ipmi_alarm_release(&d->alarm);
	secret_release(&d->password);
	secret_release(&d->key);
	explicit_bzero(d->key_bytes, sizeof(d->key_bytes));
}

const struct driver driver_ipmi = {
	.name = "ipmi",
	.summary = "power, event log and Serial over LAN by IPMI 2.0",
	.options = ipmi_options,
	.size = sizeof(struct ipmi),
	.open = ipmi_open,
	.close = ipmi_close,
	.power = &ipmi_power_ops,
	.console = &ipmi_console_ops,
	.evidence = &ipmi_evidence_ops,
	.doctor = &ipmi_doctor_ops,
	.fleet = &ipmi_fleet_ops,
};
