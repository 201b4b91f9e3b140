/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any bytes as what the network brings of a BMC that is asked beside many others.
 * A BMC that knows its password answers; the bytes say which of its packets are
 * lost, damaged or come twice, and which others come in their place. Whatever
 * they do, the talk ends, it says something once, and where it says a state of
 * the power, it is the true one: nobody else can sign it.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/deadline.h"
#include "drivers/ipmi-fleet.h"
#include "tests/unit/bmc-packets.h"

#define LIMIT_MS 10000
#define STEPS_MAX 400

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct net {
	const uint8_t *at;
	size_t left;
	struct bmc_packets bmc;
	uint8_t before[FLEET_PACKET_MAX];
	size_t before_len;
};

static uint8_t net_byte(struct net *n)
{
	if (n->left == 0)
		return 0;
	n->left--;
	return *n->at++;
}

/* Other bytes, behind a head that makes them ours. */
static size_t net_forge(struct net *n, const struct fleet_bmc *b, uint8_t *out)
{
	size_t len = net_byte(n), i;

	for (i = 0; i < len; i++)
		out[i] = net_byte(n);
	if (len > 16 && out[0] == 0x06) {
		for (i = 0; i < 4; i++)
			out[6 + i] = (uint8_t)(b->session.console_id >> 8 * i);
	}
	return len;
}

static void net_damage(struct net *n, uint8_t *bytes, size_t *len)
{
	size_t at = net_byte(n) | (size_t)net_byte(n) << 8;

	if (*len == 0)
		return;
	if (at & 0x8000)
		*len = at % *len;
	else
		bytes[at % *len] ^= net_byte(n);
}

/* What comes behind the packet that was sent. */
static size_t net_answer(struct net *n, const struct fleet_bmc *b,
			 const uint8_t *sent, int sent_len, uint8_t *out)
{
	uint8_t how = net_byte(n);
	size_t len = 0;

	if ((how & 7) == 7)
		return net_forge(n, b, out);
	if ((how & 7) == 6 && n->before_len > 0) {
		memcpy(out, n->before, n->before_len);
		return n->before_len;
	}
	if (sent_len > 0 && (how & 7) != 5)
		len = bmc_answer(&n->bmc, sent, (size_t)sent_len, out);
	memcpy(n->before, out, len);
	n->before_len = len;
	for (; (how & 8) != 0 && len > 0; how = net_byte(n))
		net_damage(n, out, &len);
	return len;
}

static void fuzz_told(const struct net *n, const struct driver_fleet_answer *a)
{
	assert(a->index == 41);
	if (a->err.code != RH_ERR_NONE || a->alone)
		return;
	assert(a->state == DRIVER_POWER_UNKNOWN ||
	       a->state == (n->bmc.on ? DRIVER_POWER_ON : DRIVER_POWER_OFF));
}

static void fuzz_talk(struct net *n, struct fleet_bmc *b,
		      struct fleet_packets *packets)
{
	uint8_t sent[FLEET_PACKET_MAX], in[FLEET_PACKET_MAX];
	enum fleet_event event = FLEET_EVENT_SEND;
	struct driver_fleet_answer answer;
	int64_t now = 0;
	int steps = 0, told = 0, len;
	uint32_t owner;
	size_t got;

	while (b->step != FLEET_DONE) {
		assert(steps++ < STEPS_MAX);
		memset(&answer, 0, sizeof(answer));
		len = 0;
		if (event != FLEET_EVENT_NONE) {
			len = fleet_packet_make(packets, &b->driver, &b->session,
						b->step, sent);
			assert(len > 0 && len <= FLEET_PACKET_MAX);
			fleet_bmc_sent(b, now, true);
		}
		got = net_answer(n, b, sent, len, in);
		event = FLEET_EVENT_NONE;
		if (fleet_packet_owner(in, got, &owner) &&
		    owner == b->session.console_id)
			event = fleet_bmc_take(b, packets, in, got, now, &answer);
		if (event == FLEET_EVENT_NONE && b->step != FLEET_DONE) {
			now = b->due > now ? b->due : now;
			event = fleet_bmc_due(b, now, &answer);
		}
		if (event == FLEET_EVENT_TELL) {
			fuzz_told(n, &answer);
			told++;
		}
	}
	assert(told == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char password[] = "labpass";
	static struct fleet_packets *packets;
	struct rh_error err = RH_ERROR_INIT;
	struct net n = { .at = data, .left = size };
	struct fleet_bmc *b = calloc(1, sizeof(*b));
	uint8_t kind = net_byte(&n);

	assert(b != NULL);
	if (packets == NULL)
		packets = fleet_packets_new(&err);
	assert(packets != NULL);
	n.bmc = (struct bmc_packets){ .password = "labpass",
				      .id = { 0x44, 0x33, 0x22, 0x11 },
				      .knows_3 = (kind & 1) != 0,
				      .knows_17 = (kind & 2) != 0,
				      .on = (kind & 4) != 0,
				      .busy = kind >> 6,
				      .refusal = 0x11 };
	b->index = 41;
	strcpy(b->driver.user, "admin");
	b->driver.password = (struct secret){ password, strlen(password) };
	b->driver.privilege = IPMI_PRIVILEGE_LEVEL_OPERATOR;
	b->driver.suites[0] = 17;
	b->driver.suites[1] = 3;
	b->driver.suite_count = 2;
	b->driver.retransmit = 1000;
	fleet_bmc_begin(b, 0, LIMIT_MS);
	fuzz_talk(&n, b, packets);
	free(b);
	return 0;
}
