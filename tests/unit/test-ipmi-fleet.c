/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One BMC of many, in virtual time and without a network: what is asked, how
 * often, what follows from an answer, a damaged one too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/deadline.h"
#include "drivers/ipmi-fleet.h"
#include "tests/unit/bmc-packets.h"

#define LIMIT_MS 10000

static struct fleet_packets *packets;
static char password[] = "labpass";

static struct fleet_bmc *begin(const uint8_t *suites, int count)
{
	struct fleet_bmc *b = calloc(1, sizeof(*b));
	struct ipmi *d = &b->driver;

	b->index = 41;
	strcpy(d->user, "admin");
	d->password = (struct secret){ password, strlen(password) };
	d->privilege = IPMI_PRIVILEGE_LEVEL_OPERATOR;
	memcpy(d->suites, suites, (size_t)count);
	d->suite_count = count;
	d->retransmit = 1000;
	fleet_bmc_begin(b, 0, LIMIT_MS);
	return b;
}

static struct bmc_packets good_bmc(void)
{
	return (struct bmc_packets){ .password = "labpass",
				     .id = { 0x44, 0x33, 0x22, 0x11 },
				     .knows_3 = true,
				     .knows_17 = true, .refusal = 0x11,
				     .on = true };
}

/* Takes part in the talk: may change or drop (0) what the BMC says. */
typedef size_t damage(uint8_t *bytes, size_t len, void *context);

struct talk {
	struct driver_fleet_answer answer;
	int told;
	int64_t told_at;
	int sends;
	int64_t sent[64];
};

/* Until the BMC is done with; virtual time goes on only where nobody speaks. */
static struct talk talk(struct fleet_bmc *b, struct bmc_packets *bmc,
			damage *how, void *context)
{
	uint8_t out[FLEET_PACKET_MAX], in[FLEET_PACKET_MAX];
	struct driver_fleet_answer answer;
	enum fleet_event event = FLEET_EVENT_SEND;
	struct talk t = { .told = 0 };
	int64_t now = 0;
	size_t got;
	int len;

	while (b->step != FLEET_DONE) {
		memset(&answer, 0, sizeof(answer));
		got = 0;
		if (event != FLEET_EVENT_NONE) {
			len = fleet_packet_make(packets, &b->driver,
						&b->session, b->step, out);
			assert_true(len > 0);
			fleet_bmc_sent(b, now, true);
			assert_true(t.sends < 64);
			t.sent[t.sends++] = now;
			got = bmc == NULL ? 0 :
					    bmc_answer(bmc, out, (size_t)len, in);
			if (got > 0 && how != NULL)
				got = how(in, got, context);
		}
		event = FLEET_EVENT_NONE;
		if (got > 0)
			event = fleet_bmc_take(b, packets, in, got, now,
					       &answer);
		if (event == FLEET_EVENT_NONE && b->step != FLEET_DONE) {
			now = b->due > now ? b->due : now;
			event = fleet_bmc_due(b, now, &answer);
		}
		if (event == FLEET_EVENT_TELL) {
			t.answer = answer;
			t.told_at = now;
			t.told++;
		}
	}
	assert_int_equal(t.told, 1);
	assert_true(b->answered);
	return t;
}

/* --- what follows from answers ---------------------------------------------------- */

static void test_suites_3_and_17(void **state)
{
	static const uint8_t suites[] = { 17, 3 };
	struct bmc_packets bmc;
	struct fleet_bmc *b;
	struct talk t;
	int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		bmc = good_bmc();
		bmc.on = i & 1;
		b = begin(suites + i / 2, 1);
		t = talk(b, &bmc, NULL, NULL);
		assert_false(t.answer.alone);
		assert_int_equal(t.answer.index, 41);
		assert_string_equal(t.answer.err.text, "");
		assert_int_equal(t.answer.state, bmc.on ? DRIVER_POWER_ON :
							  DRIVER_POWER_OFF);
		assert_int_equal(t.sends, 5);
		assert_int_equal(bmc.closed, 1);
		free(b);
	}
}

/* S09: the first suite is refused with a code that says something else. */
static void test_next_suite(void **state)
{
	static const uint8_t suites[] = { 17, 3 };
	static const uint8_t codes[] = { 0x11, 0x01, 0x04, 0x12 };
	struct bmc_packets bmc;
	struct fleet_bmc *b;
	struct talk t;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(codes); i++) {
		bmc = good_bmc();
		bmc.knows_17 = false;
		bmc.refusal = codes[i];
		b = begin(suites, 2);
		t = talk(b, &bmc, NULL, NULL);
		assert_int_equal(t.answer.state, DRIVER_POWER_ON);
		assert_int_equal(bmc.opened, 2);
		free(b);
		bmc.knows_3 = false;
		b = begin(suites, 2);
		t = talk(b, &bmc, NULL, NULL);
		assert_true(t.answer.alone);
		assert_int_equal(t.sends, 2);
		free(b);
	}
}

static void test_privilege(void **state)
{
	static const uint8_t suites[] = { 3 };
	struct bmc_packets bmc = good_bmc();
	struct fleet_bmc *b = begin(suites, 1);
	struct talk t;

	(void)state;
	bmc.wants_privilege = true;
	t = talk(b, &bmc, NULL, NULL);
	assert_int_equal(t.answer.state, DRIVER_POWER_ON);
	assert_int_equal(bmc.opened, 2);
	free(b);
}

/* S18: once, with no second suite, and nothing is proved to the BMC. */
static void test_wrong_password(void **state)
{
	static const uint8_t suites[] = { 17, 3 };
	struct bmc_packets bmc = good_bmc();
	struct fleet_bmc *b = begin(suites, 2);
	struct talk t;

	(void)state;
	bmc.password = "other";
	t = talk(b, &bmc, NULL, NULL);
	assert_int_equal(t.answer.err.code, RH_ERR_AUTH);
	assert_false(t.answer.alone);
	assert_int_equal(bmc.opened, 1);
	assert_int_equal(bmc.rakp_3s, 0);
	free(b);
}

static void test_busy(void **state)
{
	static const uint8_t suites[] = { 3 };
	struct bmc_packets bmc = good_bmc();
	struct fleet_bmc *b = begin(suites, 1);
	struct talk t;

	(void)state;
	bmc.busy = 3;
	t = talk(b, &bmc, NULL, NULL);
	assert_int_equal(t.answer.state, DRIVER_POWER_ON);
	assert_int_equal(t.told_at, 250 + 500 + 1000);
	free(b);
	bmc.busy = 1000;
	b = begin(suites, 1);
	t = talk(b, &bmc, NULL, NULL);
	assert_int_equal(t.answer.err.code, RH_ERR_BUSY);
	assert_true(t.told_at < LIMIT_MS);
	free(b);
}

/* --- time ---------------------------------------------------------------------------- */

static void test_silence(void **state)
{
	static const int64_t at[] = { 0, 1000, 3000, 7000 };
	static const uint8_t suites[] = { 17, 3 };
	struct fleet_bmc *b = begin(suites, 2);
	struct talk t = talk(b, NULL, NULL, NULL);
	int i;

	(void)state;
	assert_int_equal(t.answer.err.code, RH_ERR_UNREACHABLE);
	assert_false(t.answer.alone);
	assert_int_equal(t.told_at, LIMIT_MS);
	assert_int_equal(t.sends, 4);
	for (i = 0; i < 4; i++)
		assert_int_equal(t.sent[i], at[i]);
	free(b);
}

/* Loses each packet whose number is in the mask. */
static size_t lose(uint8_t *bytes, size_t len, void *context)
{
	unsigned *mask = context;
	bool lost = *mask & 1;

	(void)bytes;
	*mask >>= 1;
	return lost ? 0 : len;
}

static void test_loss(void **state)
{
	static const uint8_t suites[] = { 17 };
	struct bmc_packets bmc;
	struct fleet_bmc *b;
	unsigned i, mask;
	struct talk t;

	(void)state;
	/* Any three of the first six, and more: right, or left to others. */
	for (i = 0; i < 256; i++) {
		bmc = good_bmc();
		mask = i;
		b = begin(suites, 1);
		t = talk(b, &bmc, lose, &mask);
		if (t.answer.err.code == RH_ERR_NONE && !t.answer.alone)
			assert_int_equal(t.answer.state, DRIVER_POWER_ON);
		if (__builtin_popcount(i) <= 3)
			assert_int_equal(t.answer.state, DRIVER_POWER_ON);
		free(b);
	}
}

/* --- answers that are no good ---------------------------------------------------------- */

struct flip {
	int packet, at, bit;
	size_t len;		/* of that packet */
};

static size_t flip(uint8_t *bytes, size_t len, void *context)
{
	struct flip *f = context;

	if (f->packet-- != 0)
		return len;
	f->len = len;
	if ((size_t)f->at < len)
		bytes[f->at] ^= (uint8_t)(1 << f->bit);
	return len;
}

/* One bit of one answer is another: never a wrong state, and always an end. */
static void test_flipped_bits(void **state)
{
	static const uint8_t suites[] = { 3 };
	struct bmc_packets bmc;
	struct fleet_bmc *b;
	struct flip f, set;
	struct talk t;

	(void)state;
	for (set.packet = 0; set.packet < 4; set.packet++) {
		set.len = 1;
		for (set.at = 0; (size_t)set.at < set.len; set.at++) {
			set.bit = (set.at * 5 + set.packet) % 8;
			f = set;
			bmc = good_bmc();
			b = begin(suites, 1);
			t = talk(b, &bmc, flip, &f);
			set.len = f.len;
			assert_int_not_equal(t.answer.state, DRIVER_POWER_OFF);
			free(b);
		}
		assert_true(set.len > 20);
	}
}

static size_t cut(uint8_t *bytes, size_t len, void *context)
{
	struct flip *f = context;

	(void)bytes;
	if (f->packet-- != 0)
		return len;
	f->len = len;
	return (size_t)f->at;
}

static void test_cut_answers(void **state)
{
	static const uint8_t suites[] = { 17 };
	struct bmc_packets bmc;
	struct fleet_bmc *b;
	struct flip f, set;
	struct talk t;

	(void)state;
	for (set.packet = 0; set.packet < 5; set.packet++) {
		set.len = 2;
		for (set.at = 1; (size_t)set.at < set.len; set.at++) {
			f = set;
			bmc = good_bmc();
			b = begin(suites, 1);
			t = talk(b, &bmc, cut, &f);
			set.len = f.len;
			assert_int_not_equal(t.answer.state, DRIVER_POWER_OFF);
			free(b);
		}
	}
}

/* What is no answer to the present question changes nothing. */
static void test_noise(void **state)
{
	static const uint8_t suites[] = { 3 };
	struct driver_fleet_answer answer = { 0 };
	uint8_t bytes[256];
	struct fleet_bmc *b = begin(suites, 1);
	size_t len, i;
	uint32_t id;
	int round;

	(void)state;
	srandom(20260101);
	for (round = 0; round < 20000; round++) {
		len = (size_t)random() % sizeof(bytes);
		for (i = 0; i < len; i++)
			bytes[i] = (uint8_t)random();
		memcpy(bytes, "\x06\x00\xff\x07\x06", 5);
		bytes[5] = round % 2 ? 0x13 : (uint8_t)random();
		b->step = FLEET_OPEN + round % 5;
		(void)fleet_packet_owner(bytes, len, &id);
		if (fleet_bmc_take(b, packets, bytes, len, 0, &answer) !=
		    FLEET_EVENT_NONE)
			assert_int_equal(answer.state, DRIVER_POWER_UNKNOWN);
	}
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_suites_3_and_17),
		cmocka_unit_test(test_next_suite),
		cmocka_unit_test(test_privilege),
		cmocka_unit_test(test_wrong_password),
		cmocka_unit_test(test_busy),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_flipped_bits),
		cmocka_unit_test(test_cut_answers),
		cmocka_unit_test(test_noise),
	};
	struct rh_error err = RH_ERROR_INIT;
	int rc;

	packets = fleet_packets_new(&err);
	if (packets == NULL)
		return 1;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	fleet_packets_free(packets);
	return rc;
}
