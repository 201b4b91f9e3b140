/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Serial over LAN on libipmiconsole, which has threads and clocks of its own
 * and gives us one end of a socket pair. The hand comes in by
 * ipmi_console_ops.
 *
 * What the library does and we must know:
 *  - its engine is one per process: it is started for the first console and
 *    torn down when the last instance that used it is closed. That takes half a
 *    second, and a session that is still being given up goes on until then;
 *  - without ERROR_ON_SOL_INUSE it takes over any session of anybody;
 *  - it drops a session whose input overran 8 KB, so writing has a credit
 *    that grows no faster than a slow serial line empties it;
 *  - shutting our end down makes it give SOL back to the BMC, and it closes
 *    its end when that is done: detach waits for that end of file. To leave
 *    without doing so keeps SOL busy for half a minute (L10);
 *  - its garbage collector uses select(2), and would abort the process were
 *    its descriptor 1024 or more;
 *  - it keeps the port in 16 bits with a sign, and a submit that fails
 *    because of that closes descriptor 0.
 *
 * A session is open while console.ctx is not NULL.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/log.h"
#include "drivers/ipmi.h"

/* Bytes that may be written at once, and per second. */
#define IPMI_CREDIT_MAX 6144
#define IPMI_CREDIT_RATE 960	/* a line of 9600 baud */
#define IPMI_CREDIT_WAKE_MS 20
#define IPMI_BACKOFF_FIRST_MS 250
#define IPMI_BACKOFF_LAST_MS 4000
#define IPMI_ENGINE_FDS 16
#define IPMI_CLOSE_MS 300	/* and the engine's end takes 500 */

/* How many consoles of this process use the library's one engine. */
static int ipmi_engine_users;

/* --- the engine -------------------------------------------------------------- */

/* Whether the descriptors that come next are small enough for select(2). */
static bool ipmi_engine_fds_fit(void)
{
	int fds[IPMI_ENGINE_FDS], count;
	bool fit = true;

	for (count = 0; count < IPMI_ENGINE_FDS && fit; count++) {
		fds[count] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (fds[count] < 0)
			break;
		fit = fds[count] < FD_SETSIZE;
	}
	fit = fit && count == IPMI_ENGINE_FDS;
	while (count > 0)
		close(fds[--count]);
	return fit;
}

static int ipmi_engine_start(struct ipmi *d, struct rh_error *err)
{
	struct rlimit limit;
	int rc;

	if (d->console.running)
		return 0;
	if (!ipmi_engine_fds_fit())
		return rh_error_set(err, RH_ERR_IO,
				    "too many open files for libipmiconsole");
	if (ipmi_engine_users == 0) {
		/* it raises this limit as a side effect */
		rc = getrlimit(RLIMIT_NOFILE, &limit);
		if (ipmiconsole_engine_init(1, 0) < 0)
			return rh_error_set_errno(err, RH_ERR_INTERNAL, errno,
						  "libipmiconsole");
		if (rc == 0)
			(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	ipmi_engine_users++;
	d->console.running = true;
	return 0;
}

/* What was not given back by now is given up: close has no time to wait. */
static void ipmi_engine_stop(struct ipmi *d)
{
	if (!d->console.running)
		return;
	d->console.running = false;
	if (--ipmi_engine_users == 0)
		ipmiconsole_engine_teardown(0);
}

/* --- setting up -------------------------------------------------------------- */

static int ipmi_console_privilege(uint8_t privilege)
{
	switch (privilege) {
	case IPMI_PRIVILEGE_LEVEL_USER:
		return IPMICONSOLE_PRIVILEGE_USER;
	case IPMI_PRIVILEGE_LEVEL_ADMIN:
		return IPMICONSOLE_PRIVILEGE_ADMIN;
	default:
		return IPMICONSOLE_PRIVILEGE_OPERATOR;
	}
}

/* A context with our settings, not submitted yet. NULL on failure. */
static ipmiconsole_ctx_t ipmi_console_make(struct ipmi *d, unsigned flags)
{
	bool take = flags & (DRIVER_ATTACH_STEAL | DRIVER_ATTACH_OWN);
	const char *keepalive = settings_text(d->settings, "serial-keepalive");
	struct ipmiconsole_ipmi_config ipmi = {
		.username = d->user,
		.password = d->password.bytes,
		.k_g = d->key.bytes != NULL ? d->key_bytes : NULL,
		.k_g_len = d->key.bytes != NULL ? IPMI_KEY_LEN : 0,
		.privilege_level = ipmi_console_privilege(d->privilege),
		.cipher_suite_id = d->suites[d->suite],
		.workaround_flags = d->sol_workarounds,
	};
	struct ipmiconsole_protocol_config protocol = {
		.session_timeout_len = (int)d->lost_after,
		.retransmission_timeout_len = 500,
		.retransmission_backoff_count = 2,
		.keepalive_timeout_len = (int)(d->lost_after / 4),
		.retransmission_keepalive_timeout_len =
			(int)(d->lost_after / 8),
		.acceptable_packet_errors_count = 16,
		.maximum_retransmission_count = 16,
	};
	struct ipmiconsole_engine_config engine = {
		.engine_flags = IPMICONSOLE_ENGINE_OUTPUT_ON_SOL_ESTABLISHED,
		.behavior_flags =
			take ? 0 : IPMICONSOLE_BEHAVIOR_ERROR_ON_SOL_INUSE,
	};

	if (strcmp(keepalive, "empty") == 0)
		engine.engine_flags |=
			IPMICONSOLE_ENGINE_SERIAL_KEEPALIVE_EMPTY;
	return ipmiconsole_ctx_create(ipmi_targets_current(&d->targets), &ipmi,
				      &protocol, &engine);
}

/* Closes our end. The library lets the rest go in its own time. */
static void ipmi_console_drop(struct ipmi *d)
{
	struct ipmi_console *c = &d->console;

	if (c->ctx == NULL)
		return;
	if (c->fd >= 0)
		close(c->fd);
	ipmiconsole_ctx_destroy(c->ctx);
	c->ctx = NULL;
}

/* Waits for the NUL that says "established". 0, or -1 with what was said. */
static int ipmi_console_wait(struct ipmi *d, int64_t deadline, int *ret_errnum)
{
	struct pollfd p = { .fd = d->console.fd, .events = POLLIN };
	ssize_t n = -1;
	char nul;

	while (deadline_now() < deadline) {
		if (poll(&p, 1, deadline_poll_ms(deadline)) <= 0)
			continue;
		n = recv(p.fd, &nul, 1, MSG_DONTWAIT);
		if (n >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	if (n == 1)
		return 0;
	*ret_errnum = n == 0 ? ipmiconsole_ctx_errnum(d->console.ctx) :
			       IPMICONSOLE_ERR_CONNECTION_TIMEOUT;
	return -1;
}

/* One try. 0, or -1 and *ret_errnum (-1: err says what). */
static int ipmi_console_try(struct ipmi *d, unsigned flags, int64_t deadline,
			    int *ret_errnum, struct rh_error *err)
{
	struct ipmi_console *c = &d->console;

	*ret_errnum = -1;
	c->ctx = ipmi_console_make(d, flags);
	if (c->ctx == NULL)
		return rh_error_set_errno(err, RH_ERR_INTERNAL, errno,
					  "libipmiconsole context");
	c->fd = -1;
	if (ipmiconsole_engine_submit(c->ctx, NULL, NULL) < 0) {
		*ret_errnum = ipmiconsole_ctx_errnum(c->ctx);
		ipmi_console_drop(d);
		return -1;
	}
	c->fd = ipmiconsole_ctx_fd(c->ctx);
	if (ipmi_console_wait(d, deadline, ret_errnum) == 0) {
		c->credit = IPMI_CREDIT_MAX;
		c->credit_at = deadline_now();
		return 0;
	}
	ipmi_console_drop(d);
	return -1;
}

struct ipmi_attaching {
	int64_t deadline;
	int64_t pause;
	int suites_left;
	int refusals;
	const struct ipmi_meaning *why;
};

static bool ipmi_console_back_off(struct ipmi_attaching *a)
{
	int64_t until;

	if (a->pause == 0)
		a->pause = IPMI_BACKOFF_FIRST_MS;
	until = deadline_in(a->pause);
	if (until >= a->deadline)
		return false;
	while (deadline_now() < until)
		(void)poll(NULL, 0, deadline_poll_ms(until));
	a->pause = deadline_min(a->pause * 2, IPMI_BACKOFF_LAST_MS);
	return true;
}

static bool ipmi_console_next_suite(struct ipmi *d, struct ipmi_attaching *a)
{
	if (d->suite_known)
		return false;
	d->suite = (d->suite + 1) % d->suite_count;
	if (--a->suites_left > 0)
		return true;
	a->suites_left = d->suite_count;
	return false;
}

/* A privilege that is too low or cannot be had, once each (S13). */
static bool ipmi_console_privilege_again(struct ipmi *d, int errnum)
{
	unsigned flag = IPMICONSOLE_WORKAROUND_OPEN_SESSION_PRIVILEGE;

	if (errnum == IPMICONSOLE_ERR_PRIVILEGE_LEVEL_INSUFFICIENT) {
		if (d->privilege_set ||
		    d->privilege == IPMI_PRIVILEGE_LEVEL_ADMIN)
			return false;
		d->privilege = IPMI_PRIVILEGE_LEVEL_ADMIN;
		return true;
	}
	if (d->sol_workarounds & flag)
		return false;
	d->sol_workarounds |= flag;
	return true;
}

static bool ipmi_console_again(struct ipmi *d, struct ipmi_attaching *a,
			       int errnum)
{
	const struct ipmi_meaning *m = ipmi_map_sol_open(errnum);

	if (a->why == NULL || m->verdict != IPMI_VERDICT_SILENT)
		a->why = m;
	switch (m->verdict) {
	case IPMI_VERDICT_PRIVILEGE:
		return ipmi_console_privilege_again(d, errnum);
	case IPMI_VERDICT_SUITE:
		if (ipmi_console_next_suite(d, a))
			return true;
		return ++a->refusals < 2 && ipmi_console_back_off(a);
	case IPMI_VERDICT_BUSY:
		return ipmi_console_next_suite(d, a) ||
		       ipmi_console_back_off(a);
	case IPMI_VERDICT_SILENT:
		if (errnum == IPMICONSOLE_ERR_SESSION_TIMEOUT)
			(void)ipmi_console_next_suite(d, a);
		else
			ipmi_targets_next(&d->targets);
		return ipmi_console_back_off(a);
	case IPMI_VERDICT_FINAL:
	case IPMI_VERDICT_NONE:
		break;
	}
	return false;
}

static void ipmi_console_detach(void *self, int64_t deadline);

static int ipmi_console_refused(struct ipmi *d, const struct ipmi_attaching *a,
				struct rh_error *err)
{
	rh_error_set(err, a->why->code, "no SOL with %s as %.16s: %s",
		     ipmi_targets_current(&d->targets), d->user, a->why->text);
	if (a->why->code == RH_ERR_AUTH && err != NULL)
		d->denied = *err;
	return -1;
}

static int ipmi_console_attach(void *self, unsigned flags, int64_t deadline,
			       struct rh_error *err)
{
	struct ipmi *d = self;
	struct ipmi_attaching a = { .deadline = deadline,
				    .suites_left = d->suite_count };
	int errnum;

	ipmi_console_detach(d, deadline);
	if (ipmi_is_denied(d, err))
		return -1;
	if (d->port > INT16_MAX)
		return rh_error_set(err, RH_ERR_NOTSUP,
				    "port = %d: libipmiconsole has no ports above "
				    "%d", d->port, INT16_MAX);
	if (ipmi_targets_resolve(&d->targets, d->address, d->port, deadline,
				 err) < 0 ||
	    ipmi_engine_start(d, err) < 0)
		return -1;
	while (ipmi_console_try(d, flags, deadline, &errnum, err) < 0) {
		if (errnum < 0)
			return -1;
		log_line(LOG_DEBUG, "ipmi: SOL, cipher suite %d: %s",
			 d->suites[d->suite], ipmiconsole_ctx_strerror(errnum));
		if (!ipmi_console_again(d, &a, errnum))
			return ipmi_console_refused(d, &a, err);
	}
	d->suite_known = true;
	return 0;
}

/* --- attached ---------------------------------------------------------------- */

static int ipmi_console_pollfds(void *self, struct pollfd *fds, int max,
				int *ret_wake_ms)
{
	struct ipmi *d = self;

	if (d->console.ctx == NULL || max < 1)
		return 0;
	fds[0] = (struct pollfd){ .fd = d->console.fd, .events = POLLIN };
	if (d->console.credit == 0)
		*ret_wake_ms = IPMI_CREDIT_WAKE_MS;
	return 1;
}

static int ipmi_console_gone(struct ipmi *d, struct rh_error *err)
{
	const struct ipmi_meaning *m;

	if (d->console.ctx == NULL)
		return rh_error_set(err, RH_ERR_LOST, "no SOL session is open");
	m = ipmi_map_sol_lost(ipmiconsole_ctx_errnum(d->console.ctx));
	return rh_error_set(err, m->code, "SOL with %s is gone: %s",
			    ipmi_targets_current(&d->targets), m->text);
}

static int ipmi_console_read(void *self, void *bytes, size_t size,
			     struct rh_error *err)
{
	struct ipmi *d = self;
	ssize_t n;

	if (d->console.ctx == NULL)
		return ipmi_console_gone(d, err);
	do {
		n = recv(d->console.fd, bytes, size, MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n > 0)
		return (int)n;
	if (n < 0 && errno == EAGAIN)
		return 0;
	return ipmi_console_gone(d, err);
}

/* What may be written now without overrunning the library. */
static int64_t ipmi_console_credit(struct ipmi_console *c)
{
	int64_t now = deadline_now();
	int64_t more = (now - c->credit_at) * IPMI_CREDIT_RATE / 1000;

	if (more > 0) {
		c->credit = deadline_min(c->credit + more, IPMI_CREDIT_MAX);
		c->credit_at = now;
	}
	return c->credit;
}

static int ipmi_console_write(void *self, const void *bytes, size_t len,
			      struct rh_error *err)
{
	struct ipmi *d = self;
	struct ipmi_console *c = &d->console;
	ssize_t n;

	if (c->ctx == NULL)
		return ipmi_console_gone(d, err);
	if ((int64_t)len > ipmi_console_credit(c))
		len = (size_t)c->credit;
	if (len == 0)
		return 0;
	do {
		n = send(c->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n < 0)
		return ipmi_console_gone(d, err);
	c->credit -= n;
	return (int)n;
}

static int ipmi_console_break(void *self, struct rh_error *err)
{
	struct ipmi *d = self;

	if (d->console.ctx == NULL ||
	    ipmiconsole_ctx_generate_break(d->console.ctx) < 0)
		return ipmi_console_gone(d, err);
	return 0;
}

/* Waits until the library has given SOL back, or the deadline. */
static void ipmi_console_give_back(struct ipmi_console *c, int64_t deadline)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	char waste[4096];
	ssize_t n = -1;

	(void)shutdown(c->fd, SHUT_WR);
	while (n != 0 && deadline_now() < deadline) {
		if (poll(&p, 1, deadline_poll_ms(deadline)) <= 0)
			continue;
		n = recv(c->fd, waste, sizeof(waste), MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			break;
	}
}

static void ipmi_console_detach(void *self, int64_t deadline)
{
	struct ipmi *d = self;

	if (d->console.ctx == NULL)
		return;
	ipmi_console_give_back(&d->console, deadline);
	ipmi_console_drop(d);
}

void ipmi_console_close(struct ipmi *d)
{
	ipmi_console_detach(d, deadline_in(IPMI_CLOSE_MS));
	ipmi_engine_stop(d);
}

const struct driver_console_ops ipmi_console_ops = {
	.attach = ipmi_console_attach,
	.pollfds = ipmi_console_pollfds,
	.read = ipmi_console_read,
	.write = ipmi_console_write,
	.send_break = ipmi_console_break,
	.detach = ipmi_console_detach,
};
