/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_HAND_MESSAGE_H
#define RH_AGENT_HAND_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "agent/hand/hand.h"
#include "base/buffer.h"
#include "base/error.h"

/*
 * What brain and hand say to each other: one message a packet, a fixed head
 * and the counted bytes that it announces, in the byte order of the machine
 * (both sides are one program). Console output goes the same way as answers,
 * so a gap stands where the bytes are missing.
 *
 * Each side checks what it got with message_check before it decodes: is
 * the type allowed now, is the size exact, is each value in its range. The
 * message_get_ functions trust that this was done.
 *
 * The brain asks a hand to end by closing (or half closing) the socket.
 */
enum message_type {
	MESSAGE_NONE = 0,
	MESSAGE_REQUEST,	/* brain -> hand */
	MESSAGE_DONE,		/* hand -> brain: the oldest request has ended */
	MESSAGE_BYTES,		/* console output, while attached */
	MESSAGE_GAP,		/* console output is missing here */
	MESSAGE_LOST,		/* the session is gone */
	MESSAGE_ALIVE,		/* each second while attached */
	MESSAGE_GIVEN_BACK,	/* detached because it was asked to end */
	MESSAGE_STATE,		/* one of many, while QUERY_ALL is under way */
	MESSAGE_COUNT,
};

/* The bit of a type in the set of types that are allowed now. */
#define MESSAGE_BIT(type) (1U << (type))

#define MESSAGE_CHUNK_MAX 4096		/* console output in one message */
#define MESSAGE_CHECK_MAX 1024		/* send or expect of a tcp check */
#define MESSAGE_ERROR_MAX 511		/* text of an error */
#define MESSAGE_ENTRIES_MAX 1000000	/* of an event log */

struct message_request {
	uint32_t type;
	uint32_t id;		/* never 0 */
	int64_t deadline;
	uint32_t op;
	int32_t number;
	uint32_t port;
	uint32_t bytes_len;	/* then: bytes, send, expect */
	uint32_t send_len;
	uint32_t expect_len;
};

struct message_done {
	uint32_t type;
	uint32_t id;
	uint32_t op;
	uint32_t code;
	int32_t sys_errno;
	uint32_t state;
	uint32_t exit_status;	/* of a shell command, else 0 */
	uint32_t out_len;	/* the part of its text that is standard output */
	uint32_t cut;		/* 0 or 1 */
	uint32_t error_len;	/* then: text of the error, text of the answer */
	uint32_t text_len;
};

struct message_bytes {
	uint32_t type;
	uint32_t len;		/* then: the bytes */
};

struct message_gap {
	uint32_t type;
	uint32_t unused;	/* 0 */
	uint64_t lost_bytes;	/* never 0 */
};

struct message_lost {
	uint32_t type;
	uint32_t code;
	int32_t sys_errno;
	uint32_t error_len;	/* then: its text */
};

struct message_state {
	uint32_t type;
	uint32_t index;
	uint32_t alone;		/* 0 or 1 */
	uint32_t state;
	uint32_t code;
	int32_t sys_errno;
	uint32_t error_len;	/* then: its text */
};

/* ALIVE and GIVEN_BACK. */
struct message_plain {
	uint32_t type;
};

/* The largest message either way. */
#define MESSAGE_REQUEST_MAX \
	(sizeof(struct message_request) + HAND_WRITE_MAX)
#define MESSAGE_ANSWER_MAX \
	(sizeof(struct message_done) + MESSAGE_ERROR_MAX + HAND_TEXT_MAX)

/*
 * Whether it may be decoded. allowed: MESSAGE_BITs of this moment. bytes need
 * not be aligned. Errors: PROTOCOL, with what is wrong.
 */
int message_check(const void *bytes, size_t len, unsigned allowed,
		  struct rh_error *err);

/* The type of a checked message. */
enum message_type message_type_of(const void *bytes);

/* Appends one message. The caller keeps to the limits above (message_check tells). */
void message_put_request(struct buffer *ret, uint32_t id,
			 const struct hand_request *request);
void message_put_done(struct buffer *ret, const struct hand_event *done);
void message_put_lost(struct buffer *ret, const struct rh_error *err);
void message_put_state(struct buffer *ret,
		       const struct driver_fleet_answer *answer);

/* The pointers in *ret point into bytes; err, where any, is a copy. */
void message_get_request(const void *bytes, uint32_t *ret_id,
			 struct hand_request *ret);
void message_get_done(const void *bytes, struct hand_event *ret);
void message_get_bytes(const void *bytes, struct hand_event *ret);
void message_get_gap(const void *bytes, struct hand_event *ret);
void message_get_lost(const void *bytes, struct hand_event *ret);
void message_get_state(const void *bytes, struct hand_event *ret);

/* "query", "act", ..., for error texts. */
const char *message_op_name(enum hand_op op);

#endif
