/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One of many BMCs: what is asked of it next, how long its answer is waited for,
 * and what is told of it. ipmi-fleet.c comes in with packets and the time; what
 * is to be sent it sends.
 *
 * Always true:
 *  - of each BMC is told once: a state, why there is none, or "alone", which
 *    leaves it to a hand of its own (an odd answer, a refusal that the driver's
 *    own session knows more ways around);
 *  - a refused credential is told and not tried again, here or elsewhere (S18);
 *  - nothing is sent again before its time, and each time the wait is longer
 *    (S05); a late answer counts as long as its step is the present one;
 *  - a BMC whose session stands gets it closed.
 */
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/deadline.h"
#include "drivers/ipmi-fleet.h"

#define BMC_WAIT_MAX_MS 8000
#define BMC_CLOSE_MS 250	/* a Close Session that was not answered */
#define BMC_CLOSES 2
#define BMC_PAUSE_FIRST_MS 250
#define BMC_PAUSE_LAST_MS 2000
#define BMC_UNSENT_MS 20	/* where the network took no packet */
#define BMC_SPARE_ID_BITS 17	/* of a session id, for the index; the rest differs */

static void bmc_step(struct fleet_bmc *b, enum fleet_step step, int64_t now)
{
	b->step = step;
	b->sends = 0;
	b->wait = step == FLEET_CLOSE ? BMC_CLOSE_MS : b->driver.retransmit;
	b->due = step == FLEET_DONE ? DEADLINE_NEVER : now;
	b->session.tag++;
	b->session.rq_seq = (b->session.rq_seq + 1) & 0x3f;
}

/* A new session, with the present cipher suite and flags. */
static void bmc_open(struct fleet_bmc *b, int64_t now)
{
	struct fleet_session *s = &b->session;
	const uint8_t tag = s->tag;
	uint32_t random[1 + FLEET_RANDOM_LEN / 4] = { 0 };

	(void)!getentropy(random, sizeof(random));
	explicit_bzero(s, sizeof(*s));
	s->tag = tag;
	(void)ipmi_cipher_suite_id_to_algorithms(
		b->driver.suites[b->driver.suite], &s->authentication,
		&s->integrity, &s->confidentiality);
	s->privilege = b->driver.privilege;
	s->open_privilege = IPMI_PRIVILEGE_LEVEL_HIGHEST_LEVEL;
	if (b->driver.lan_workarounds &
	    IPMI_WORKAROUND_FLAGS_OUTOFBAND_2_0_OPEN_SESSION_PRIVILEGE)
		s->open_privilege = s->privilege;
	s->console_id = random[0] << BMC_SPARE_ID_BITS |
			(uint32_t)(b->index + 1);
	memcpy(s->console_random, random + 1, FLEET_RANDOM_LEN);
	bmc_step(b, FLEET_OPEN, now);
}

void fleet_bmc_begin(struct fleet_bmc *b, int64_t now, int64_t deadline)
{
	b->deadline = deadline;
	b->suites_left = b->driver.suite_count;
	bmc_open(b, now);
}

size_t fleet_bmc_index(uint32_t console_id)
{
	return (console_id & ((1U << BMC_SPARE_ID_BITS) - 1)) - 1;
}

int fleet_bmc_address(struct fleet_bmc *b, struct rh_error *err)
{
	const char *target = ipmi_targets_current(&b->driver.targets);
	const char *colon = strrchr(target, ':');
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM,
				  .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	struct addrinfo *list;
	char host[IPMI_TARGET_SIZE];
	int len = (int)(colon - target);

	if (target[0] == '[') {
		target++;
		len -= 2;
	}
	snprintf(host, sizeof(host), "%.*s", len, target);
	if (getaddrinfo(host, colon + 1, &hints, &list) != 0)
		return rh_error_set(err, RH_ERR_UNREACHABLE,
				    "the address can't be used");
	memcpy(&b->addr, list->ai_addr, list->ai_addrlen);
	b->addr_len = list->ai_addrlen;
	freeaddrinfo(list);
	return 0;
}

/* --- what is told --------------------------------------------------------------- */

/* Told; what comes after is only good manners. */
static enum fleet_event bmc_tell(struct fleet_bmc *b, enum fleet_step next,
				 int64_t now, struct driver_fleet_answer *ret)
{
	ret->index = b->index;
	b->answered = true;
	bmc_step(b, next, now);
	if (next == FLEET_DONE)
		explicit_bzero(&b->session, sizeof(b->session));
	return FLEET_EVENT_TELL;
}

void fleet_bmc_alone(struct fleet_bmc *b, struct driver_fleet_answer *ret)
{
	ret->alone = true;
	(void)bmc_tell(b, FLEET_DONE, 0, ret);
}

static enum fleet_event bmc_leave_alone(struct fleet_bmc *b,
					struct driver_fleet_answer *ret)
{
	fleet_bmc_alone(b, ret);
	return FLEET_EVENT_TELL;
}

/* The session was refused: another try, or why there is none. */
static enum fleet_event bmc_refused(struct fleet_bmc *b, int errnum,
				    int64_t now,
				    struct driver_fleet_answer *ret)
{
	const unsigned flag =
		IPMI_WORKAROUND_FLAGS_OUTOFBAND_2_0_OPEN_SESSION_PRIVILEGE;
	const struct ipmi_meaning *m = ipmi_map_open(errnum);
	struct ipmi *d = &b->driver;

	if (m->verdict == IPMI_VERDICT_PRIVILEGE &&
	    (d->lan_workarounds & flag) == 0) {
		d->lan_workarounds |= flag;
		bmc_open(b, now);
		return FLEET_EVENT_SEND;
	}
	if (m->verdict == IPMI_VERDICT_SUITE ||
	    m->verdict == IPMI_VERDICT_BUSY) {
		d->suite = (d->suite + 1) % d->suite_count;
		if (--b->suites_left == 0)
			return bmc_leave_alone(b, ret);
		bmc_open(b, now);
		return FLEET_EVENT_SEND;
	}
	rh_error_set(&ret->err, m->code, "no session as %.16s: %s", d->user,
		     m->text);
	return bmc_tell(b, FLEET_DONE, now, ret);
}

/* It has answered "busy": once more in a moment (S05). */
static enum fleet_event bmc_busy(struct fleet_bmc *b, int64_t now)
{
	if (b->pause == 0)
		b->pause = BMC_PAUSE_FIRST_MS;
	bmc_step(b, FLEET_STATUS, now);
	b->due = deadline_add(now, b->pause);
	b->pause = deadline_min(b->pause * 2, BMC_PAUSE_LAST_MS);
	return FLEET_EVENT_NONE;
}

static enum fleet_event bmc_status(struct fleet_bmc *b,
				   const struct ipmi_answer *answer, int64_t now,
				   struct driver_fleet_answer *ret)
{
	const bool busy = ipmi_map_code_is_busy(answer->code);

	if (busy && deadline_add(now, BMC_PAUSE_LAST_MS) < b->deadline)
		return bmc_busy(b, now);
	if (busy)
		(void)ipmi_map_code_error(answer->code, "chassis status",
					  &ret->err);
	else if (ipmi_map_code(answer->code) == RH_ERR_AUTH)
		ret->alone = true;
	else
		(void)ipmi_power_state(answer, &ret->state, &ret->err);
	return bmc_tell(b, FLEET_CLOSE, now, ret);
}

/* --- what comes in ------------------------------------------------------------------ */

static enum fleet_event bmc_next(struct fleet_bmc *b,
				 const struct ipmi_answer *answer, int64_t now,
				 struct driver_fleet_answer *ret)
{
	switch (b->step) {
	case FLEET_OPEN:
	case FLEET_RAKP_1:
	case FLEET_RAKP_3:
		bmc_step(b, b->step + 1, now);
		return FLEET_EVENT_SEND;
	case FLEET_STATUS:
		return bmc_status(b, answer, now, ret);
	case FLEET_CLOSE:
		bmc_step(b, FLEET_DONE, now);
		explicit_bzero(&b->session, sizeof(b->session));
		break;
	case FLEET_NONE:
	case FLEET_DONE:
		break;
	}
	return FLEET_EVENT_NONE;
}

enum fleet_event fleet_bmc_take(struct fleet_bmc *b, struct fleet_packets *p,
				const uint8_t *bytes, size_t len, int64_t now,
				struct driver_fleet_answer *ret)
{
	struct ipmi_answer answer = { 0 };
	int errnum = 0;

	if (b->step == FLEET_NONE || b->step == FLEET_DONE)
		return FLEET_EVENT_NONE;
	switch (fleet_packet_take(p, &b->driver, &b->session, b->step, bytes,
				  len, &errnum, &answer)) {
	case FLEET_IGNORE:
		return FLEET_EVENT_NONE;
	case FLEET_ANSWER:
		b->heard = true;
		return bmc_next(b, &answer, now, ret);
	case FLEET_REFUSED:
		b->heard = true;
		return bmc_refused(b, errnum, now, ret);
	case FLEET_ODD:
		break;
	}
	if (!b->answered)
		return bmc_leave_alone(b, ret);
	bmc_step(b, FLEET_DONE, now);
	return FLEET_EVENT_NONE;
}

/* Its time is over. */
static enum fleet_event bmc_over(struct fleet_bmc *b, int64_t now,
				 struct driver_fleet_answer *ret)
{
	if (b->answered) {
		bmc_step(b, FLEET_DONE, now);
		return FLEET_EVENT_NONE;
	}
	if (b->heard)
		return bmc_leave_alone(b, ret);
	rh_error_set(&ret->err, RH_ERR_UNREACHABLE, "the BMC does not answer");
	return bmc_tell(b, FLEET_DONE, now, ret);
}

enum fleet_event fleet_bmc_due(struct fleet_bmc *b, int64_t now,
			       struct driver_fleet_answer *ret)
{
	if (b->step == FLEET_DONE || now < b->due)
		return FLEET_EVENT_NONE;
	if (now >= b->deadline ||
	    (b->step == FLEET_CLOSE && b->sends >= BMC_CLOSES))
		return bmc_over(b, now, ret);
	if (b->sends > 0)
		b->wait = deadline_min(2 * b->wait, BMC_WAIT_MAX_MS);
	if (b->step == FLEET_OPEN && b->sends > 0 &&
	    b->driver.targets.count > 1) {
		ipmi_targets_next(&b->driver.targets);
		(void)fleet_bmc_address(b, NULL);
	}
	return FLEET_EVENT_SEND;
}

void fleet_bmc_sent(struct fleet_bmc *b, int64_t now, bool sent)
{
	if (sent) {
		b->sends++;
		b->sent_at = now;
	}
	b->due = deadline_min(deadline_add(now, sent ? b->wait : BMC_UNSENT_MS),
			      b->deadline);
}
