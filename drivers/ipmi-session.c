/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command session with the BMC. Power and evidence come in by
 * ipmi_session_ask (questions, which may be repeated) and ipmi_session_order
 * (acts, which may not).
 *
 * Always true:
 *  - at most one session is open, and it is reused while it is fresh: BMCs
 *    have few (S02), and libfreeipmi declares one dead that was idle for its
 *    session time-out, after sending the command;
 *  - each library call runs under the alarm, so it ends by its deadline;
 *  - an order goes out in one packet: its session is opened with a
 *    retransmission time that is longer than we wait for the answer;
 *  - a rejected credential ends everything at once; nothing here, and no
 *    second cipher suite, tries it again.
 *
 * libfreeipmi's return value is trusted, not its errnum: under packet loss a
 * failure may come with errnum 0.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/log.h"
#include "drivers/ipmi.h"

/* libfreeipmi's own limit; the alarm comes before it. */
#define IPMI_SESSION_TIMEOUT_MS 60000
/* An idle session is not reused after this; BMCs drop one after 60 s or less. */
#define IPMI_SESSION_IDLE_MS 15000
#define IPMI_SESSION_CLOSE_MS 300
/* What a packet needs to have a chance of an answer. */
#define IPMI_SESSION_LEAST_MS 200
#define IPMI_SESSION_TRIES 3	/* packets without an answer */
#define IPMI_SESSION_SLOWER 5	/* then it is asked so much more slowly */
#define IPMI_SESSION_RETRANSMIT_MAX_MS 8000
#define IPMI_REFUSALS_MAX 3
#define IPMI_BACKOFF_FIRST_MS 250
#define IPMI_BACKOFF_LAST_MS 2000

static void ipmi_session_sleep(int64_t until)
{
	struct timespec at = { .tv_sec = (time_t)(until / 1000),
			       .tv_nsec = (long)(until % 1000) * 1000000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) ==
	       EINTR)
		;
}

/* Waits, longer from time to time (S01); false where the deadline is near. */
static bool ipmi_session_back_off(int64_t *pause, int64_t deadline)
{
	unsigned char random = 128;
	int64_t wait, until;

	if (*pause == 0)
		*pause = IPMI_BACKOFF_FIRST_MS;
	(void)!getentropy(&random, 1);
	wait = *pause * 3 / 4 + *pause * random / 512;
	until = deadline_in(wait);
	if (deadline_add(until, IPMI_SESSION_LEAST_MS) > deadline)
		return false;
	ipmi_session_sleep(until);
	*pause = deadline_min(*pause * 2, IPMI_BACKOFF_LAST_MS);
	return true;
}

void ipmi_session_turn(struct ipmi *d, int64_t deadline)
{
	int64_t left = deadline - deadline_now();
	int64_t until = d->next_operation;

	/* better too early than not at all */
	if (left > 0)
		until = deadline_min(until, deadline - left / 2);
	if (until > deadline_now())
		ipmi_session_sleep(until);
}

void ipmi_session_turn_over(struct ipmi *d)
{
	d->next_operation = deadline_in(d->min_interval);
}

static void ipmi_session_drop(struct ipmi *d, int64_t wait)
{
	struct rh_error ignored = RH_ERROR_INIT;

	if (d->session.ctx == NULL)
		return;
	(void)ipmi_alarm_set(&d->alarm, deadline_in(wait), &ignored);
	ipmi_ctx_destroy(d->session.ctx);
	ipmi_alarm_clear(&d->alarm);
	d->session.ctx = NULL;
}

void ipmi_session_close(struct ipmi *d)
{
	ipmi_session_drop(d, IPMI_SESSION_CLOSE_MS);
}

/* --- opening ----------------------------------------------------------------- */

struct ipmi_opening {
	int64_t retransmit;
	int64_t deadline;
	int64_t pause;			/* of the backing off */
	int suites_left;		/* not tried in this round */
	int refusals;			/* rounds that ended in a refusal */
	const struct ipmi_meaning *why;	/* the last that told something */
};

/* One try with one suite. 0, or -1 and what the library said. */
static int ipmi_session_try(struct ipmi *d, const struct ipmi_opening *o,
			    int *ret_errnum, struct rh_error *err)
{
	int64_t until = deadline_min(o->deadline, deadline_in(6 * o->retransmit));
	ipmi_ctx_t ctx;
	int rc;

	if (fcntl(STDIN_FILENO, F_GETFD) < 0)	/* it asserts its fd is not 0 */
		return rh_error_set_errno(err, RH_ERR_INTERNAL, errno,
					  "standard input");
	ctx = ipmi_ctx_create();
	if (ctx == NULL)
		return rh_error_set_errno(err, RH_ERR_INTERNAL, errno,
					  "libfreeipmi");
	if (ipmi_alarm_set(&d->alarm, until, err) < 0) {
		ipmi_ctx_destroy(ctx);
		return -1;
	}
	rc = ipmi_ctx_open_outofband_2_0(
		ctx, ipmi_targets_current(&d->targets), d->user,
		d->password.bytes, d->key.bytes != NULL ? d->key_bytes : NULL,
		d->key.bytes != NULL ? IPMI_KEY_LEN : 0, d->privilege,
		d->suites[d->suite], IPMI_SESSION_TIMEOUT_MS,
		(unsigned)o->retransmit, d->lan_workarounds,
		IPMI_FLAGS_DEFAULT);
	ipmi_alarm_clear(&d->alarm);
	*ret_errnum = ipmi_ctx_errnum(ctx);
	if (rc == 0) {
		d->session.ctx = ctx;
		d->session.retransmit = o->retransmit;
		d->session.answered = deadline_now();
		return 0;
	}
	ipmi_ctx_destroy(ctx);
	return -1;
}

/* Goes on to another suite, where none is known to work. */
static bool ipmi_session_next_suite(struct ipmi *d, struct ipmi_opening *o)
{
	if (d->suite_known)
		return false;
	d->suite = (d->suite + 1) % d->suite_count;
	if (--o->suites_left > 0)
		return true;
	o->suites_left = d->suite_count;
	return false;
}

/* Whether it is worth another try, after waiting where that is right. */
static bool ipmi_session_again(struct ipmi *d, struct ipmi_opening *o,
			       int errnum)
{
	const struct ipmi_meaning *m = ipmi_map_open(errnum);

	if (o->why == NULL || m->verdict != IPMI_VERDICT_SILENT)
		o->why = m;
	switch (m->verdict) {
	case IPMI_VERDICT_PRIVILEGE:
		if ((d->lan_workarounds &
		     IPMI_WORKAROUND_FLAGS_OUTOFBAND_2_0_OPEN_SESSION_PRIVILEGE))
			return false;
		d->lan_workarounds |=
			IPMI_WORKAROUND_FLAGS_OUTOFBAND_2_0_OPEN_SESSION_PRIVILEGE;
		return true;
	case IPMI_VERDICT_SUITE:
		if (ipmi_session_next_suite(d, o))
			return true;
		/*
		 * S06: the first session after a power change may fail. And
		 * where the suite has worked, it means "busy" (S01).
		 */
		return (++o->refusals < IPMI_REFUSALS_MAX || d->suite_known) &&
		       ipmi_session_back_off(&o->pause, o->deadline);
	case IPMI_VERDICT_BUSY:
		return ipmi_session_next_suite(d, o) ||
		       ipmi_session_back_off(&o->pause, o->deadline);
	case IPMI_VERDICT_SILENT:
		if (errnum == IPMI_ERR_SESSION_TIMEOUT)
			(void)ipmi_session_next_suite(d, o);
		else
			ipmi_targets_next(&d->targets);
		return ipmi_session_back_off(&o->pause, o->deadline);
	case IPMI_VERDICT_FINAL:
	case IPMI_VERDICT_NONE:
		break;
	}
	return false;
}

static int ipmi_session_refused(struct ipmi *d,
				const struct ipmi_opening *o,
				struct rh_error *err)
{
	if (o->why->verdict == IPMI_VERDICT_SUITE && d->suite_known)
		return rh_error_set(err, RH_ERR_BUSY,
				    "no session with %s as %.16s, though it gave "
				    "one before: too many are open, or it is busy",
				    ipmi_targets_current(&d->targets), d->user);
	rh_error_set(err, o->why->code, "no session with %s as %.16s: %s",
		     ipmi_targets_current(&d->targets), d->user, o->why->text);
	if (o->why->code == RH_ERR_AUTH && err != NULL)
		d->denied = *err;
	return -1;
}

/* S18: a BMC locks an account that tries a wrong password again and again. */
bool ipmi_is_denied(const struct ipmi *d, struct rh_error *err)
{
	if (d->denied.code == RH_ERR_NONE)
		return false;
	rh_error_set(err, d->denied.code, "%s", d->denied.text);
	return true;
}

static int ipmi_session_open(struct ipmi *d, int64_t retransmit,
			     int64_t deadline, struct rh_error *err)
{
	struct ipmi_opening o = { .retransmit = retransmit,
				  .deadline = deadline,
				  .suites_left = d->suite_count };
	int errnum;

	if (ipmi_is_denied(d, err))
		return -1;
	if (ipmi_targets_resolve(&d->targets, d->address, d->port, deadline,
				 err) < 0)
		return -1;
	for (;;) {
		errnum = -1;
		if (ipmi_session_try(d, &o, &errnum, err) == 0)
			break;
		if (errnum < 0)
			return -1;
		log_line(LOG_DEBUG, "ipmi: cipher suite %d: %s",
			 d->suites[d->suite], ipmi_ctx_strerror(errnum));
		if (!ipmi_session_again(d, &o, errnum))
			return ipmi_session_refused(d, &o, err);
	}
	if (!d->suite_known)
		log_line(LOG_DEBUG, "ipmi: cipher suite %d works",
			 d->suites[d->suite]);
	d->suite_known = true;
	return 0;
}

bool ipmi_session_probe(struct ipmi *d, uint8_t suite, int64_t deadline)
{
	static char none[1];
	struct ipmi_opening o = { .retransmit = d->retransmit,
				  .deadline = deadline };
	struct rh_error ignored = RH_ERROR_INIT;
	const uint8_t first = d->suites[0];
	const int index = d->suite;
	char *password = d->password.bytes;
	int errnum;
	bool opened;

	if (ipmi_is_denied(d, &ignored))
		return false;
	ipmi_session_close(d);
	d->suites[0] = suite;
	d->suite = 0;
	if (suite == 0)
		d->password.bytes = none;
	opened = ipmi_session_try(d, &o, &errnum, &ignored) == 0;
	d->password.bytes = password;
	d->suites[0] = first;
	d->suite = index;
	ipmi_session_close(d);
	return opened;
}

/* --- talking ----------------------------------------------------------------- */

/* 0 answered, -1 nothing came back in time: the session is of no use then. */
static int ipmi_session_exchange(struct ipmi *d,
				 const struct ipmi_command *command,
				 int64_t until, struct ipmi_answer *ret,
				 struct rh_error *err)
{
	uint8_t bytes[IPMI_ANSWER_MAX + 2];
	int len;

	if (ipmi_alarm_set(&d->alarm, until, err) < 0)
		return -1;
	len = ipmi_cmd_raw(d->session.ctx, IPMI_BMC_IPMB_LUN_BMC,
			   command->net_fn, command->bytes,
			   (unsigned)command->len, bytes, sizeof(bytes));
	ipmi_alarm_clear(&d->alarm);
	if (len < 2)
		return rh_error_set(err, RH_ERR_TIMEOUT,
				    "%s: no answer from %s", command->what,
				    ipmi_targets_current(&d->targets));
	d->session.answered = deadline_now();
	ret->code = bytes[1];
	ret->len = (size_t)len - 2;
	memcpy(ret->data, bytes + 2, ret->len);
	return 0;
}

static bool ipmi_session_is_fresh(const struct ipmi *d)
{
	return d->session.ctx != NULL &&
	       deadline_now() - d->session.answered < IPMI_SESSION_IDLE_MS;
}

/*
 * One question: in the session that is there, or in a new one. *ret_silent
 * tells that there was a session and the BMC did not answer in it.
 */
static int ipmi_session_ask_once(struct ipmi *d,
				 const struct ipmi_command *command,
				 int64_t deadline, struct ipmi_answer *ret,
				 bool *ret_silent, struct rh_error *err)
{
	int64_t wait = 2 * d->retransmit + IPMI_SESSION_LEAST_MS;

	*ret_silent = false;
	if (!ipmi_session_is_fresh(d)) {
		ipmi_session_close(d);
		wait = IPMI_SESSION_TRIES * d->retransmit;
		if (ipmi_session_open(d, d->retransmit, deadline, err) < 0)
			return -1;
	}
	if (ipmi_session_exchange(d, command,
				  deadline_min(deadline, deadline_in(wait)),
				  ret, err) == 0)
		return 0;
	ipmi_session_drop(d, 0);
	*ret_silent = true;
	/* S05: answers that come later than the next packet are not taken. */
	d->retransmit *= IPMI_SESSION_SLOWER;
	if (d->retransmit > IPMI_SESSION_RETRANSMIT_MAX_MS)
		d->retransmit = IPMI_SESSION_RETRANSMIT_MAX_MS;
	return -1;
}

int ipmi_session_ask(struct ipmi *d, const struct ipmi_command *command,
		     int64_t deadline, struct ipmi_answer *ret,
		     struct rh_error *err)
{
	int64_t pause = 0;
	bool silent;

	if (deadline_now() >= deadline)
		return rh_error_set(err, RH_ERR_TIMEOUT,
				    "%s: no time to ask", command->what);
	for (;;) {
		if (ipmi_session_ask_once(d, command, deadline, ret, &silent,
					  err) < 0) {
			if (silent &&
			    deadline_in(IPMI_SESSION_LEAST_MS) < deadline)
				continue;
			return -1;
		}
		if (ipmi_map_code(ret->code) == RH_ERR_AUTH)
			return ipmi_map_code_error(ret->code, command->what,
						   err);
		if (!ipmi_map_code_is_busy(ret->code))
			return 0;
		if (!ipmi_session_back_off(&pause, deadline))
			return ipmi_map_code_error(ret->code, command->what,
						   err);
	}
}

int ipmi_session_get(struct ipmi *d, const struct ipmi_command *command,
		     size_t min_len, int64_t deadline, struct ipmi_answer *ret,
		     struct rh_error *err)
{
	if (ipmi_session_ask(d, command, deadline, ret, err) < 0)
		return -1;
	if (ret->code != 0x00)
		return ipmi_map_code_error(ret->code, command->what, err);
	if (ret->len < min_len)
		return rh_error_set(err, RH_ERR_PROTOCOL,
				    "%s: the answer has %zu bytes, not %zu",
				    command->what, ret->len, min_len);
	return 0;
}

int ipmi_session_order(struct ipmi *d, const struct ipmi_command *command,
		       int64_t deadline, struct ipmi_answer *ret,
		       struct rh_error *err)
{
	int64_t wait = deadline_min(d->act_wait,
				    (deadline - deadline_now()) / 4);
	int64_t until;

	if (wait < IPMI_SESSION_LEAST_MS)
		wait = IPMI_SESSION_LEAST_MS;
	ipmi_session_close(d);
	if (ipmi_session_open(d, wait, deadline, err) < 0)
		return -1;
	/* before libfreeipmi would send it a second time */
	until = deadline_min(deadline, deadline_in(wait - 50));
	if (until < deadline_in(IPMI_SESSION_LEAST_MS / 2))
		return rh_error_set(err, RH_ERR_UNREACHABLE,
				    "%s: not sent, the session came too late",
				    command->what);
	if (ipmi_session_exchange(d, command, until, ret, err) == 0)
		return 0;
	ipmi_session_drop(d, 0);
	return rh_error_set(err, RH_ERR_TIMEOUT,
			    "%s: it was sent once and not answered, so it may "
			    "have been executed", command->what);
}
