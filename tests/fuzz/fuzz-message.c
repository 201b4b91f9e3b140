/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any bytes as a message, in either direction: what passes the check can be
 * decoded, and every pointer lies inside of it. The first byte says what is
 * allowed.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "agent/hand/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_inside(const char *bytes, size_t len, const void *part,
			size_t part_len)
{
	const char *at = part;

	assert(part_len == 0 ||
	       (at >= bytes && part_len <= len &&
		at + part_len <= bytes + len));
}

static void fuzz_request(const char *bytes, size_t len)
{
	struct hand_request r;
	uint32_t id;

	message_get_request(bytes, &id, &r);
	assert(id != 0 && r.op != HAND_OP_NONE);
	assert(r.bytes_len <= HAND_WRITE_MAX);
	fuzz_inside(bytes, len, r.bytes, r.bytes_len);
	fuzz_inside(bytes, len, r.tcp.send, r.tcp.send_len);
	fuzz_inside(bytes, len, r.tcp.expect, r.tcp.expect_len);
}

static void fuzz_event(const char *bytes, size_t len)
{
	struct hand_event e = { 0 };

	switch (message_type_of(bytes)) {
	case MESSAGE_DONE:
		message_get_done(bytes, &e);
		break;
	case MESSAGE_BYTES:
		message_get_bytes(bytes, &e);
		assert(e.bytes_len > 0);
		break;
	case MESSAGE_GAP:
		message_get_gap(bytes, &e);
		assert(e.lost_bytes > 0);
		break;
	case MESSAGE_STATE:
		message_get_state(bytes, &e);
		assert(e.state <= DRIVER_POWER_OFF);
		break;
	case MESSAGE_LOST:
		message_get_lost(bytes, &e);
		assert(e.err.code != RH_ERR_NONE);
		break;
	default:
		break;
	}
	assert(strlen(e.err.text) < sizeof(e.err.text));
	assert(strchr(e.err.text, '\n') == NULL);
	assert(e.bytes_len <= HAND_TEXT_MAX);
	fuzz_inside(bytes, len, e.bytes, e.bytes_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rh_error err = RH_ERROR_INIT;
	char *bytes;

	if (size < 1)
		return 0;
	/* Memory of its exact size, so that a byte too far is seen. */
	bytes = malloc(size - 1 > 0 ? size - 1 : 1);
	memcpy(bytes, data + 1, size - 1);
	if (message_check(bytes, size - 1, data[0], &err) == 0) {
		assert((data[0] & MESSAGE_BIT(message_type_of(bytes))) != 0);
		if (message_type_of(bytes) == MESSAGE_REQUEST)
			fuzz_request(bytes, size - 1);
		else
			fuzz_event(bytes, size - 1);
	} else {
		assert(err.code == RH_ERR_PROTOCOL);
	}
	free(bytes);
	return 0;
}
