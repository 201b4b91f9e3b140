/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looks at a BMC step by step, as far as it goes: does anything answer, does
 * the credential work, what may it do, which cipher suites are taken, is
 * Serial over LAN free. The hand comes in by ipmi_doctor_ops.
 *
 * Always true: nothing is changed and nothing typed; a credential that was
 * refused is not tried again; a flag that weakens a check is never tried; and
 * without the flag solchannelsupport no SOL session is opened here: the
 * question that it leaves out ends some BMCs.
 */
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/deadline.h"
#include "drivers/garbage.h"
#include "drivers/ipmi.h"

#define IPMI_LOOK_TRIES 3
#define IPMI_LOOK_ANSWER_MS 1000
#define IPMI_LOOK_SESSION_MS 8000	/* one configuration of flags */
#define IPMI_LOOK_PROBE_MS 3000		/* one cipher suite */
#define IPMI_LOOK_SOL_MS 5000		/* one configuration of flags */
#define IPMI_LOOK_BYTES_MS 3000
#define IPMI_LOOK_BREAK_MS 500
#define IPMI_CLOCK_FAULT_S 300
#define IPMI_CLOCK_RELATIVE 0x20000000u	/* counts from the BMC's start (37.1) */

struct ipmi_look {
	struct ipmi *d;
	int64_t deadline;
	unsigned flags;
	bool console;
	struct buffer *ret;
};

__attribute__((format(printf, 5, 6)))
static void ipmi_look_say(struct ipmi_look *look, const char *level,
			  const char *subject, const char *hint,
			  const char *fmt, ...)
{
	struct buffer text = { 0 };
	char line[700];
	va_list ap;
	size_t i;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	for (i = 0; line[i] != '\0'; i++) {
		if (line[i] == '\t' || line[i] == '\n')
			line[i] = ' ';
	}
	buffer_printf(&text, "%s\t%s\t%s", level, subject, line);
	if (hint != NULL && hint[0] != '\0')
		buffer_printf(&text, "\t%s", hint);
	buffer_append_char(&text, '\n');
	buffer_append(look->ret, text.data, text.len);
	buffer_release(&text);
}

static int64_t ipmi_look_until(const struct ipmi_look *look, int64_t ms)
{
	return deadline_min(look->deadline, deadline_in(ms));
}

/* --- is there anything? -------------------------------------------------------- */

static void ipmi_look_capabilities(struct ipmi_look *look, const uint8_t *bytes,
				   size_t len)
{
	const struct ipmi *d = look->d;
	const char *where = ipmi_targets_current(&d->targets);

	if (len < 25 || bytes[20] != 0x00 || (bytes[22] & 0x80) == 0 ||
	    (bytes[24] & 0x02) == 0) {
		ipmi_look_say(look, "note", "address", NULL,
			      "%s answers, and does not say that it speaks "
			      "IPMI 2.0", where);
		return;
	}
	ipmi_look_say(look, "ok", "address", NULL, "%s answers, IPMI 2.0",
		      where);
	if ((bytes[23] & 0x20) != 0 && d->key.bytes == NULL)
		ipmi_look_say(look, "note", "k-g", "k-g = @file:...",
			      "the BMC says that it wants a K_g");
	if ((bytes[23] & 0x01) != 0)
		ipmi_look_say(look, "note", "anonymous", NULL,
			      "the BMC lets in users without a name");
}

/* Each address of the name, some times; the one that answers is kept. */
static bool ipmi_look_reach(struct ipmi_look *look)
{
	struct ipmi *d = look->d;
	struct rh_error err = RH_ERROR_INIT;
	uint8_t bytes[256];
	size_t len = 0;
	int tries, fd;

	if (ipmi_targets_resolve(&d->targets, d->address, d->port,
				 look->deadline, &err) < 0) {
		ipmi_look_say(look, "fail", "address", NULL, "%s", err.text);
		return false;
	}
	tries = IPMI_LOOK_TRIES * d->targets.count;
	while (tries-- > 0 && len == 0 && deadline_now() < look->deadline) {
		fd = ipmi_watch_socket(&d->targets);
		if (fd >= 0) {
			int64_t until = ipmi_look_until(look,
							IPMI_LOOK_ANSWER_MS);

			len = ipmi_watch_ask(fd, until, bytes, sizeof(bytes));
			close(fd);
		}
		if (len == 0)
			ipmi_targets_next(&d->targets);
	}
	if (len > 0)
		ipmi_look_capabilities(look, bytes, len);
	else
		ipmi_look_say(look, "fail", "address", NULL,
			      "no answer from %s: the BMC is dead or has no "
			      "power, the address or port is wrong, or a "
			      "firewall drops UDP",
			      ipmi_targets_current(&d->targets));
	return len > 0;
}

/* --- the session --------------------------------------------------------------- */

static int ipmi_look_device(struct ipmi_look *look, struct ipmi_answer *ret,
			    struct rh_error *err)
{
	static const struct ipmi_command command = {
		.what = "device id",
		.net_fn = IPMI_NET_FN_APP_RQ,
		.bytes = { 0x01 },
		.len = 1,
	};

	return ipmi_session_get(look->d, &command, 11,
				ipmi_look_until(look, IPMI_LOOK_SESSION_MS),
				ret, err);
}

/*
 * With the file's flags; where the BMC refuses without naming the credential,
 * with each harmless flag in turn. Then the flags that it needed are in d.
 */
static bool ipmi_look_open(struct ipmi_look *look, struct ipmi_answer *ret)
{
	static const char *const names[] = { "opensesspriv", "authcap",
					     "intel20", "supermicro20",
					     "sun20" };
	struct ipmi *d = look->d;
	struct rh_error err = RH_ERROR_INIT, ignored = RH_ERROR_INIT;
	const unsigned before = d->lan_workarounds;
	unsigned lan, sol;
	size_t i;

	if (ipmi_look_device(look, ret, &err) == 0)
		return true;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (err.code == RH_ERR_AUTH || d->denied.code != RH_ERR_NONE ||
		    deadline_now() >= look->deadline)
			break;
		ipmi_map_workaround(names[i], &lan, &sol);
		if ((before & lan) != 0)
			continue;
		ipmi_session_turn_over(d);
		ipmi_session_turn(d, look->deadline);
		d->lan_workarounds = before | lan;
		if (strcmp(names[i], "sun20") == 0)
			d->lan_workarounds |=
				IPMI_WORKAROUND_FLAGS_OUTOFBAND_2_0_OPEN_SESSION_PRIVILEGE;
		if (ipmi_look_device(look, ret, &ignored) == 0)
			return true;
	}
	d->lan_workarounds = before;
	ipmi_look_say(look, "fail",
		      err.code == RH_ERR_AUTH ? "password" : "session", NULL,
		      "%s", err.text);
	return false;
}

static void ipmi_look_session(struct ipmi_look *look,
			      const struct ipmi_answer *device)
{
	const struct ipmi *d = look->d;
	const uint8_t *b = device->data;

	ipmi_look_say(look, "ok", "password", NULL,
		      "%s is let in as %s, cipher suite %d", d->user,
		      settings_text(d->settings, "privilege"),
		      d->suites[d->suite]);
	ipmi_look_say(look, "ok", "device", NULL,
		      "manufacturer %u, product %u, firmware %u.%02x",
		      (unsigned)(b[6] | b[7] << 8 | (b[8] & 0x0f) << 16),
		      (unsigned)(b[9] | b[10] << 8), b[2] & 0x7fu, b[3]);
}

/* Flags that were needed and do not stand in the file. */
static void ipmi_look_flags(struct ipmi_look *look, unsigned lan, unsigned sol,
			    const char *level, const char *text)
{
	struct buffer hint = { 0 };

	ipmi_map_workarounds_line(look->d->settings, lan, sol, &hint);
	ipmi_look_say(look, level, "workarounds", buffer_text(&hint), "%s",
		      text);
	buffer_release(&hint);
}

static void ipmi_look_lan_flags(struct ipmi_look *look)
{
	struct ipmi *d = look->d;
	const unsigned open =
		IPMI_WORKAROUND_FLAGS_OUTOFBAND_2_0_OPEN_SESSION_PRIVILEGE;
	unsigned missing = d->lan_workarounds &
			   ~ipmi_map_workarounds_lan(d->settings);

	if (missing == 0 || look->console)
		return;
	if (missing == open)
		ipmi_look_flags(look, d->lan_workarounds, 0, "note",
				"it lets us in only with opensesspriv, which "
				"costs a try each time");
	else
		ipmi_look_flags(look, d->lan_workarounds, 0, "fail",
				"it lets us in only with flags that the file "
				"does not have");
}

/* --- what it knows --------------------------------------------------------------- */

static void ipmi_look_power(struct ipmi_look *look)
{
	enum driver_power state = DRIVER_POWER_UNKNOWN;
	struct rh_error err = RH_ERROR_INIT;

	if (ipmi_power_ops.query(look->d, look->deadline, &state, &err) < 0)
		ipmi_look_say(look, "fail", "power", NULL, "%s", err.text);
	else
		ipmi_look_say(look,
			      state == DRIVER_POWER_UNKNOWN ? "fail" : "ok",
			      "power", NULL, "it is %s%s",
			      driver_power_name(state),
			      state == DRIVER_POWER_UNKNOWN ?
			      ": the BMC does not know it, so no power action "
			      "can be confirmed" : "");
}

static int ipmi_look_get(struct ipmi_look *look, uint8_t net_fn,
			 const uint8_t *bytes, size_t len, size_t min_len,
			 const char *what, struct ipmi_answer *ret,
			 struct rh_error *err)
{
	struct ipmi_command command = { .what = what, .net_fn = net_fn,
					.len = len };

	memcpy(command.bytes, bytes, len);
	return ipmi_session_get(look->d, &command, min_len, look->deadline, ret,
				err);
}

static void ipmi_look_log(struct ipmi_look *look)
{
	static const uint8_t info[] = { 0x40 };	/* Get SEL Info (31.2) */
	struct rh_error err = RH_ERROR_INIT;
	struct ipmi_answer a;
	unsigned entries, left;

	if (ipmi_look_get(look, IPMI_NET_FN_STORAGE_RQ, info, 1, 14,
			  "event log", &a, &err) < 0) {
		ipmi_look_say(look, "note", "event-log", NULL, "%s", err.text);
		return;
	}
	entries = (unsigned)(a.data[1] | a.data[2] << 8);
	left = (unsigned)(a.data[3] | a.data[4] << 8) / 16;
	if ((a.data[13] & 0x80) != 0)
		ipmi_look_say(look, "note", "event-log", NULL,
			      "%u entries, and newer ones were lost: it is full",
			      entries);
	else
		ipmi_look_say(look, left < entries / 9 ? "note" : "ok",
			      "event-log", NULL, "%u entries, room for %u",
			      entries, left);
}

static void ipmi_look_clock(struct ipmi_look *look)
{
	static const uint8_t get[] = { 0x48 };	/* Get SEL Time (31.10) */
	struct rh_error err = RH_ERROR_INIT;
	struct ipmi_answer a;
	int64_t off;
	uint32_t t;

	if (ipmi_look_get(look, IPMI_NET_FN_STORAGE_RQ, get, 1, 4,
			  "clock of the event log", &a, &err) < 0) {
		ipmi_look_say(look, "note", "clock", NULL, "%s", err.text);
		return;
	}
	t = (uint32_t)a.data[0] | (uint32_t)a.data[1] << 8 |
	    (uint32_t)a.data[2] << 16 | (uint32_t)a.data[3] << 24;
	off = (int64_t)t - deadline_wall_ms() / 1000;
	if (t < IPMI_CLOCK_RELATIVE)
		ipmi_look_say(look, "note", "clock", NULL, "not set: events "
			      "have no date");
	else if (off > IPMI_CLOCK_FAULT_S || off < -IPMI_CLOCK_FAULT_S)
		ipmi_look_say(look, "note", "clock", NULL,
			      "%lld s off from ours (or in local time)",
			      (long long)off);
	else
		ipmi_look_say(look, "ok", "clock", NULL, "set");
}

/* --- cipher suites ------------------------------------------------------------- */

static void ipmi_look_suites(struct ipmi_look *look)
{
	static const uint8_t asked[] = { 17, 3, 0 };
	struct ipmi *d = look->d;
	struct buffer good = { 0 };
	bool open = false;
	size_t i;

	for (i = 0; i < sizeof(asked); i++) {
		ipmi_session_turn_over(d);
		ipmi_session_turn(d, look->deadline);
		if (!ipmi_session_probe(d, asked[i],
					ipmi_look_until(look,
							IPMI_LOOK_PROBE_MS)))
			continue;
		if (asked[i] == 0)
			open = true;
		else
			buffer_printf(&good, "%s%u", good.len > 0 ? " " : "",
				      asked[i]);
	}
	ipmi_look_say(look, good.len > 0 ? "ok" : "note", "cipher-suite", NULL,
		      "of 17 and 3 it takes: %s",
		      good.len > 0 ? good.data : "none");
	if (open)
		ipmi_look_say(look, "fail", "cipher-suite-0", NULL,
			      "the BMC takes cipher suite 0: it accepts any "
			      "password from anybody; switch it off there "
			      "(ipmitool lan set N cipher_privs Xaaaaaaaaaaaaaa)");
	buffer_release(&good);
}

/* --- Serial over LAN ----------------------------------------------------------- */

static void ipmi_look_sol_enabled(struct ipmi_look *look)
{
	/* Get SOL Configuration Parameters, 1: enable (26.3) */
	static const uint8_t get[] = { 0x22, 0x0e, 0x01, 0x00, 0x00 };
	struct rh_error err = RH_ERROR_INIT;
	struct ipmi_answer a;

	if (ipmi_look_get(look, IPMI_NET_FN_TRANSPORT_RQ, get, sizeof(get), 2,
			  "SOL configuration", &a, &err) < 0)
		ipmi_look_say(look, "note", "sol", NULL, "%s", err.text);
	else if ((a.data[1] & 0x01) == 0)
		ipmi_look_say(look, "fail", "sol", NULL,
			      "it is switched off in the BMC (ipmitool sol set "
			      "enabled true)");
	else
		ipmi_look_say(look, "ok", "sol", NULL, "switched on");
}

static int ipmi_look_attach(struct ipmi_look *look, unsigned flags,
			    struct rh_error *err)
{
	struct ipmi *d = look->d;

	ipmi_session_turn_over(d);
	ipmi_session_turn(d, look->deadline);
	d->sol_workarounds = flags;
	rh_error_clear(err);
	return ipmi_console_ops.attach(
		d, 0, ipmi_look_until(look, IPMI_LOOK_SOL_MS), err);
}

/* Whether a workaround may help against this. */
static bool ipmi_look_is_odd(const struct rh_error *err)
{
	return err->code == RH_ERR_PROTOCOL || err->code == RH_ERR_UNREACHABLE ||
	       err->code == RH_ERR_TIMEOUT;
}

/* The file's flags, then with each harmless one, then with all. */
static int ipmi_look_sol_try(struct ipmi_look *look, struct rh_error *err)
{
	static const char *const names[] = { "solpayloadsize", "solport",
					     "solstatus" };
	struct rh_error again = RH_ERROR_INIT;
	unsigned base = look->d->sol_workarounds, all, lan, sol;
	size_t i;

	ipmi_map_workaround("solchannelsupport", &lan, &sol);
	base |= sol;
	all = base;
	if (ipmi_look_attach(look, base, err) == 0)
		return 0;
	for (i = 0; ipmi_look_is_odd(err) && i < 3 &&
		    deadline_now() < look->deadline; i++) {
		ipmi_map_workaround(names[i], &lan, &sol);
		all |= sol;
		if ((base & sol) != 0)
			continue;
		if (ipmi_look_attach(look, base | sol, &again) == 0)
			return 0;
		if (!ipmi_look_is_odd(&again)) {
			*err = again;
			return -1;
		}
	}
	if (!ipmi_look_is_odd(err) || deadline_now() >= look->deadline)
		return -1;
	return ipmi_look_attach(look, all, &again);
}

static void ipmi_look_sol_flags(struct ipmi_look *look)
{
	struct ipmi *d = look->d;
	unsigned missing = d->sol_workarounds &
			   ~ipmi_map_workarounds_sol(d->settings);

	if (missing == 0)
		return;
	if ((missing & ~(IPMICONSOLE_WORKAROUND_SKIP_CHANNEL_PAYLOAD_SUPPORT |
			 IPMICONSOLE_WORKAROUND_OPEN_SESSION_PRIVILEGE)) != 0)
		ipmi_look_flags(look, d->lan_workarounds, d->sol_workarounds,
				"fail", "SOL opens only with flags that the "
				"file does not have");
	else
		ipmi_look_flags(look, d->lan_workarounds, d->sol_workarounds,
				"note", "these flags were in use when SOL "
				"opened; without them it was not tried");
}

/* Until there is text, or the time is over. -1: gone. */
static int ipmi_look_listen(struct ipmi *d, int64_t until, struct garbage *g,
			    size_t *ret_len, struct rh_error *err)
{
	struct pollfd p;
	char bytes[4096];
	int n, wake = -1;

	*ret_len = 0;
	while (deadline_now() < until &&
	       garbage_verdict(g) != GARBAGE_TEXT) {
		if (ipmi_console_ops.pollfds(d, &p, 1, &wake) != 1)
			break;
		(void)poll(&p, 1, deadline_poll_ms(until));
		n = ipmi_console_ops.read(d, bytes, sizeof(bytes), err);
		if (n < 0)
			return -1;
		garbage_feed(g, bytes, (size_t)n);
		*ret_len += (size_t)n;
	}
	return 0;
}

static void ipmi_look_break(struct ipmi_look *look)
{
	struct rh_error err = RH_ERROR_INIT;
	struct garbage ignored = { 0 };
	size_t len;

	if ((look->flags & DRIVER_DOCTOR_BREAK) == 0)
		return;
	/* and some time for it to go out */
	if (ipmi_console_ops.send_break(look->d, &err) < 0 ||
	    ipmi_look_listen(look->d, ipmi_look_until(look, IPMI_LOOK_BREAK_MS),
			     &ignored, &len, &err) < 0)
		ipmi_look_say(look, "fail", "break", NULL, "%s", err.text);
	else
		ipmi_look_say(look, "note", "break", NULL,
			      DRIVER_DOCTOR_BREAK_SENT);
}

static void ipmi_look_bytes(struct ipmi_look *look)
{
	struct rh_error err = RH_ERROR_INIT;
	struct garbage g = { 0 };
	size_t len;

	if (ipmi_look_listen(look->d, ipmi_look_until(look, IPMI_LOOK_BYTES_MS),
			     &g, &len, &err) < 0) {
		ipmi_look_say(look, "fail", "console", NULL, "%s", err.text);
		return;
	}
	ipmi_look_say(look, "ok", "console", NULL, "SOL is free%s",
		      len > 0 ? ", and carries bytes" : "");
	if (len == 0)
		ipmi_look_say(look, "note", "bytes", NULL,
			      DRIVER_DOCTOR_SILENT);
	else if (garbage_verdict(&g) == GARBAGE_NOISE)
		ipmi_look_say(look, "fail", "speed", NULL,
			      DRIVER_DOCTOR_NOISE);
	ipmi_look_break(look);
}

static void ipmi_look_sol(struct ipmi_look *look)
{
	struct rh_error err = RH_ERROR_INIT;
	struct ipmi *d = look->d;
	unsigned lan, sol;

	ipmi_map_workaround("opensesspriv", &lan, &sol);
	if ((d->lan_workarounds & lan) != 0)
		d->sol_workarounds |= sol;
	ipmi_look_sol_enabled(look);
	ipmi_session_close(d);
	if (ipmi_look_sol_try(look, &err) < 0) {
		ipmi_look_say(look, "fail", "console", NULL, "%s", err.text);
		return;
	}
	ipmi_look_sol_flags(look);
	ipmi_look_bytes(look);
	ipmi_console_ops.detach(d, ipmi_look_until(look, 2000));
}

static int ipmi_look(void *self, unsigned flags, int64_t deadline,
		     struct buffer *ret, struct rh_error *err)
{
	struct ipmi *d = self;
	struct ipmi_look look = { .d = d, .deadline = deadline, .flags = flags,
				  .console = flags & DRIVER_DOCTOR_CONSOLE,
				  .ret = ret };
	struct ipmi_answer device;

	if (d->console.ctx != NULL)
		return rh_error_set(err, RH_ERR_STATE,
				    "ipmi: a console is attached here");
	ipmi_session_turn(d, deadline);
	if (ipmi_look_reach(&look) && ipmi_look_open(&look, &device)) {
		ipmi_look_session(&look, &device);
		ipmi_look_lan_flags(&look);
		if (look.console) {
			ipmi_look_sol(&look);
		} else {
			ipmi_look_power(&look);
			ipmi_look_log(&look);
			ipmi_look_clock(&look);
			ipmi_look_suites(&look);
		}
	}
	ipmi_session_close(d);
	ipmi_session_turn_over(d);
	return 0;
}

const struct driver_doctor_ops ipmi_doctor_ops = {
	.look = ipmi_look,
};
