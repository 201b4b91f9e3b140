/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Serial over LAN by `ipmitool sol activate` on a pseudo-terminal. The hand
 * comes in by ipmitool_console_ops.
 *
 * What ipmitool does and we must know:
 *  - behind Enter, and at the beginning, it takes a ~ for itself ("~." ends,
 *    "~B" is a break): there a ~ is written twice, and only there can a break
 *    be asked for, which it confirms by "~B [send break]" among the console's
 *    own bytes: that line is taken out again;
 *  - the end of its input makes it give SOL and the session back. So a console
 *    is left by closing the terminal, without SIGHUP: nothing is typed, and
 *    nobody waits half a minute for a session that died (L10);
 *  - it sees that its BMC is gone after a minute, or never (L22). So the BMC is
 *    watched from here (ipmi-watch.c), and the session is lost when it is silent.
 */
#include <stdlib.h>
#include <string.h>

#include "base/deadline.h"
#include "drivers/ipmitool.h"

#define IPMITOOL_TAKE_TRIES 3	/* L02 */
#define IPMITOOL_EARLY_MAX 65536

static const char ipmitool_ready[] =
	"[SOL Session operational.  Use ~? for help]\n";
static const char ipmitool_breaks[] = "~B [send break]\n";

/* --- attach -------------------------------------------------------------------- */

/* Drops what came up to and with the line that says "operational". */
static bool ipmitool_is_ready(struct ipmitool_console *c)
{
	char *at;

	if (c->early.len == 0)
		return false;
	at = memmem(c->early.data, c->early.len, ipmitool_ready,
		    sizeof(ipmitool_ready) - 1);
	if (at == NULL)
		return false;
	buffer_drop(&c->early, (size_t)(at - c->early.data) +
		    sizeof(ipmitool_ready) - 1);
	return true;
}

/* Why it has ended, in our codes. */
static int ipmitool_console_ended(struct ipmitool *d, enum rh_code otherwise,
				  struct rh_error *err)
{
	struct program_terminal *t = &d->console.terminal;
	const struct ipmitool_meaning *m;

	program_terminal_gone(t, otherwise, err);
	m = ipmitool_map_errors(buffer_text(&t->error_text));
	if (m == NULL)
		return -1;
	return rh_error_set(err, m->code, "%s (%s:%s)", m->text,
			    settings_text(d->settings, "address"), d->port);
}

static int ipmitool_console_wait(struct ipmitool *d, int64_t deadline,
				 struct rh_error *err)
{
	struct ipmitool_console *c = &d->console;
	struct pollfd fds[2];
	char bytes[1024];
	int count, n;

	while (!ipmitool_is_ready(c)) {
		if (deadline_now() >= deadline ||
		    c->early.len > IPMITOOL_EARLY_MAX)
			return rh_error_set(err, RH_ERR_TIMEOUT,
					    "SOL did not start in time (%s:%s)",
					    settings_text(d->settings,
							  "address"), d->port);
		count = program_terminal_pollfds(&c->terminal, fds, 2);
		(void)poll(fds, (nfds_t)count, deadline_poll_ms(deadline));
		n = program_terminal_read(&c->terminal, bytes, sizeof(bytes),
					  err);
		if (n < 0)
			return ipmitool_console_ended(d, RH_ERR_PROTOCOL, err);
		buffer_append(&c->early, bytes, (size_t)n);
	}
	return 0;
}

static int ipmitool_console_start(struct ipmitool *d, int64_t deadline,
				  struct rh_error *err)
{
	const struct ipmitool_call call = { { "sol", "activate" }, 4, 1 };
	struct ipmitool_console *c = &d->console;
	struct ipmitool_args args;
	const struct program p = {
		.args = args.args, .secret = d->password.bytes,
		.secret_len = d->password.len,
	};

	ipmitool_make_args(d, &call, &args);
	buffer_clear(&c->early);
	c->line_start = true;
	c->owes_tilde = false;
	c->breaks = 0;
	c->matched = 0;
	if (program_terminal_start(&p, false, &c->terminal, err) < 0)
		return -1;
	if (ipmitool_console_wait(d, deadline, err) == 0)
		return 0;
	(void)program_terminal_close(&c->terminal, deadline_now());
	return -1;
}

/* Takes SOL away from whoever has it: the caller may. */
static void ipmitool_console_take(struct ipmitool *d, int64_t deadline)
{
	const struct ipmitool_call call = { { "sol", "deactivate" }, 4, 1 };
	struct program_result result = { 0 };

	/* "already de-activated" is a failure to ipmitool: then try as well */
	(void)ipmitool_run(d, &call, deadline, &result, NULL);
	program_result_release(&result);
}

/* A name that has no address now is not watched: the session is there. */
static void ipmitool_console_watch(struct ipmitool *d, int64_t deadline)
{
	const char *name = settings_text(d->settings, "address");
	struct rh_error ignored = RH_ERROR_INIT;

	if (ipmi_targets_resolve(&d->targets, name, atoi(d->port), deadline,
				 &ignored) == 0)
		ipmi_watch_begin(&d->console.watch, &d->targets, d->lost_after);
}

static int ipmitool_attach(void *self, unsigned flags, int64_t deadline,
			   struct rh_error *err)
{
	bool take = flags & (DRIVER_ATTACH_STEAL | DRIVER_ATTACH_OWN);
	struct rh_error ignored = RH_ERROR_INIT;
	struct ipmitool *d = self;
	int tries = 0, rc;

	if (err == NULL)
		err = &ignored;
	if (ipmitool_login(d, deadline, err) < 0)
		return -1;
	rc = ipmitool_console_start(d, deadline, err);
	while (rc < 0 && take && err->code == RH_ERR_BUSY &&
	       tries++ < IPMITOOL_TAKE_TRIES) {
		ipmitool_console_take(d, deadline);
		rc = ipmitool_console_start(d, deadline, err);
	}
	if (rc == 0)
		ipmitool_console_watch(d, deadline);
	return rc;
}

/* --- bytes --------------------------------------------------------------------- */

static int ipmitool_pollfds(void *self, struct pollfd *fds, int max,
			    int *ret_wake_ms)
{
	struct ipmitool *d = self;
	int wake = ipmi_watch_wake_ms(&d->console.watch);

	if (d->console.early.len > 0)
		*ret_wake_ms = 0;
	else if (wake >= 0)
		*ret_wake_ms = wake;
	return program_terminal_pollfds(&d->console.terminal, fds, max);
}

/* Takes one confirmation of a break out of bytes; what is left stays in order. */
static size_t ipmitool_strip(struct ipmitool_console *c, char *bytes,
			     size_t len, struct buffer *out)
{
	const size_t want = sizeof(ipmitool_breaks) - 1;
	size_t i;

	for (i = 0; i < len && c->breaks > 0; i++) {
		if (bytes[i] == ipmitool_breaks[c->matched]) {
			if (++c->matched == want) {
				c->matched = 0;
				c->breaks--;
			}
			continue;
		}
		/* no text begins with '~' but at its start */
		buffer_append(out, ipmitool_breaks, c->matched);
		c->matched = bytes[i] == ipmitool_breaks[0] ? 1 : 0;
		if (c->matched == 0)
			buffer_append_char(out, bytes[i]);
	}
	return i;
}

static int ipmitool_read_early(struct ipmitool_console *c, void *bytes,
			       size_t size)
{
	size_t len = c->early.len < size ? c->early.len : size;

	memcpy(bytes, c->early.data, len);
	buffer_drop(&c->early, len);
	return (int)len;
}

static int ipmitool_read(void *self, void *bytes, size_t size,
			 struct rh_error *err)
{
	struct ipmitool *d = self;
	struct ipmitool_console *c = &d->console;
	int64_t now = deadline_now();
	size_t taken;
	int n;

	if (c->early.len > 0)
		return ipmitool_read_early(c, bytes, size);
	n = program_terminal_read(&c->terminal, bytes, size, err);
	if (n < 0)
		return ipmitool_console_ended(d, RH_ERR_LOST, err);
	if (n > 0)
		ipmi_watch_heard(&c->watch, now);
	else if (ipmi_watch_is_lost(&c->watch, now))
		return rh_error_set(err, RH_ERR_LOST,
				    "the BMC does not answer any more (%s:%s)",
				    settings_text(d->settings, "address"),
				    d->port);
	if (n == 0 || c->breaks == 0)
		return n;
	taken = ipmitool_strip(c, bytes, (size_t)n, &c->early);
	buffer_append(&c->early, (char *)bytes + taken, (size_t)n - taken);
	return c->early.len > 0 ? ipmitool_read_early(c, bytes, size) : 0;
}

/* Writes the second '~' that is owed. 1: done, 0: not now, -1: gone. */
static int ipmitool_pay_tilde(struct ipmitool_console *c, struct rh_error *err)
{
	int n = program_terminal_write(&c->terminal, "~", 1, err);

	if (n > 0)
		c->owes_tilde = false;
	return n;
}

/* How many bytes can be written as they are. */
static size_t ipmitool_plain(const struct ipmitool_console *c,
			     const char *bytes, size_t len)
{
	bool start = c->line_start;
	size_t i;

	for (i = 0; i < len && !(start && bytes[i] == '~'); i++)
		start = bytes[i] == '\r' || bytes[i] == '\n';
	return i;
}

/* The byte '~' counts as written when its first half is: the rest is owed. */
static int ipmitool_write(void *self, const void *bytes, size_t len,
			  struct rh_error *err)
{
	struct ipmitool_console *c = &((struct ipmitool *)self)->console;
	const char *p = bytes;
	size_t done = 0, plain;
	int n = 1;

	while (n > 0 && done < len) {
		n = c->owes_tilde ? ipmitool_pay_tilde(c, err) : 1;
		if (n <= 0)
			break;
		plain = ipmitool_plain(c, p + done, len - done);
		n = program_terminal_write(&c->terminal, p + done,
					   plain > 0 ? plain : 1, err);
		if (n <= 0)
			break;
		c->owes_tilde = plain == 0;
		done += (size_t)n;
		c->line_start = p[done - 1] == '\r' || p[done - 1] == '\n';
	}
	if (n >= 0 && c->owes_tilde)
		n = ipmitool_pay_tilde(c, err);
	return n < 0 ? -1 : (int)done;
}

static int ipmitool_send_break(void *self, struct rh_error *err)
{
	struct ipmitool_console *c = &((struct ipmitool *)self)->console;
	int n;

	if (!c->line_start || c->owes_tilde)
		return rh_error_set(err, RH_ERR_STATE,
				    "ipmitool sends a break only right behind "
				    "an Enter; nothing was sent");
	n = program_terminal_write(&c->terminal, "~B", 2, err);
	if (n < 0)
		return -1;
	if (n < 2)
		return rh_error_set(err, RH_ERR_BUSY,
				    "ipmitool does not take the break now");
	c->line_start = false;
	c->breaks++;
	return 0;
}

static void ipmitool_detach(void *self, int64_t deadline)
{
	struct ipmitool *d = self;

	ipmi_watch_end(&d->console.watch);
	(void)program_terminal_close(&d->console.terminal, deadline);
	buffer_clear(&d->console.early);
}

const struct driver_console_ops ipmitool_console_ops = {
	.attach = ipmitool_attach,
	.pollfds = ipmitool_pollfds,
	.read = ipmitool_read,
	.write = ipmitool_write,
	.send_break = ipmitool_send_break,
	.detach = ipmitool_detach,
};
