/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The messages between brain and hand. hand.c and hand-child.c come in with
 * a packet from the socket, the fuzzer with anything.
 *
 * The other side may be a library that a hostile controller took over, so
 * nothing is decoded before message_check has passed it, in this order:
 * is the type allowed now, is the size exact (the announced lengths are added
 * up in 64 bits and compared for equality), is each value in its range.
 */
#include "agent/hand/message.h"

#include <limits.h>
#include <string.h>

/* What a request of each operation may carry. */
static const struct {
	const char *name;
	int32_t number_min, number_max;
	bool has_bytes, has_tcp;
	bool gives_state, gives_text;
} message_ops[] = {
	[HAND_OP_NONE] = { .name = "none" },
	[HAND_OP_QUERY] = { .name = "query", .gives_state = true },
	[HAND_OP_ACT] = { "act", DRIVER_ACT_ON, DRIVER_ACT_DIAG, 0, 0, 0, 0 },
	[HAND_OP_BOOT] = { "boot", DRIVER_BOOT_DISK, DRIVER_BOOT_SETUP,
			   0, 0, 0, 0 },
	[HAND_OP_EVENT_LOG] = { "event log", 1, MESSAGE_ENTRIES_MAX,
				0, 0, 0, true },
	[HAND_OP_CHASSIS] = { .name = "chassis", .gives_text = true },
	[HAND_OP_ATTACH] = { "attach", 0,
			     DRIVER_ATTACH_STEAL | DRIVER_ATTACH_OWN,
			     0, 0, 0, 0 },
	[HAND_OP_WRITE] = { .name = "write", .has_bytes = true },
	[HAND_OP_BREAK] = { .name = "break" },
	[HAND_OP_DETACH] = { .name = "detach" },
	[HAND_OP_CHECK_TCP] = { .name = "check tcp", .has_tcp = true,
				.gives_text = true },
	[HAND_OP_SHELL] = { "shell", 1, HAND_SHELL_MAX, true, 0, 0, true },
	[HAND_OP_BOOT_ID] = { .name = "boot id", .gives_text = true },
	[HAND_OP_IDENTIFY] = { "identify", 0, 1, 0, 0, 0, 0 },
	[HAND_OP_DOCTOR] = { "doctor", 0,
			     DRIVER_DOCTOR_BREAK | DRIVER_DOCTOR_CONSOLE, 0, 0,
			     0, true },
	[HAND_OP_QUERY_ALL] = { "query all", 1, HAND_EACH_MAX_MS, 0, 0, 0, 0 },
};

#define MESSAGE_OPS (sizeof(message_ops) / sizeof(message_ops[0]))

const char *message_op_name(enum hand_op op)
{
	return (size_t)op < MESSAGE_OPS ? message_ops[op].name : "unknown";
}

static int message_bad(struct rh_error *err, const char *what)
{
	return rh_error_set(err, RH_ERR_PROTOCOL, "bad message: %s", what);
}

/* Copies the head; only the first size bytes are promised to be there. */
#define message_head(head, bytes) memcpy(&(head), (bytes), sizeof(head))

static int message_check_request(const void *bytes, size_t len,
				 struct rh_error *err)
{
	struct message_request m;

	message_head(m, bytes);
	if ((uint64_t)sizeof(m) + m.bytes_len + m.send_len + m.expect_len !=
	    len)
		return message_bad(err, "the size of a request");
	if (m.op == HAND_OP_NONE || m.op >= MESSAGE_OPS)
		return message_bad(err, "no such operation");
	if (m.id == 0 || m.number < message_ops[m.op].number_min ||
	    m.number > message_ops[m.op].number_max)
		return message_bad(err, "the number of a request");
	if (message_ops[m.op].has_bytes ?
	    m.bytes_len == 0 || m.bytes_len > HAND_WRITE_MAX : m.bytes_len > 0)
		return message_bad(err, "the bytes of a request");
	if (message_ops[m.op].has_tcp ? m.port == 0 || m.port > 65535 :
	    m.port != 0 || m.send_len > 0 || m.expect_len > 0)
		return message_bad(err, "the port of a request");
	if (m.send_len > MESSAGE_CHECK_MAX || m.expect_len > MESSAGE_CHECK_MAX)
		return message_bad(err, "the answer that a check expects");
	return 0;
}

static int message_check_done(const void *bytes, size_t len,
			      struct rh_error *err)
{
	struct message_done m;

	message_head(m, bytes);
	if ((uint64_t)sizeof(m) + m.error_len + m.text_len != len)
		return message_bad(err, "the size of an answer");
	if (m.op == HAND_OP_NONE || m.op >= MESSAGE_OPS || m.id == 0)
		return message_bad(err, "an answer to no request");
	if (m.code >= RH_ERR_COUNT || m.error_len > MESSAGE_ERROR_MAX ||
	    (m.code == RH_ERR_NONE && (m.error_len > 0 || m.sys_errno != 0)))
		return message_bad(err, "the error of an answer");
	if (m.state > DRIVER_POWER_OFF ||
	    (m.state != DRIVER_POWER_UNKNOWN && !message_ops[m.op].gives_state))
		return message_bad(err, "the power state of an answer");
	if (m.text_len > HAND_TEXT_MAX ||
	    (m.text_len > 0 && !message_ops[m.op].gives_text))
		return message_bad(err, "the text of an answer");
	if (m.exit_status > 255 || m.cut > 1 || m.out_len > m.text_len ||
	    (m.op != HAND_OP_SHELL &&
	     (m.exit_status > 0 || m.cut > 0 || m.out_len > 0)))
		return message_bad(err, "the outcome of a command");
	return 0;
}

static int message_check_bytes(const void *bytes, size_t len,
			       struct rh_error *err)
{
	struct message_bytes m;

	message_head(m, bytes);
	if ((uint64_t)sizeof(m) + m.len != len)
		return message_bad(err, "the size of console output");
	if (m.len == 0 || m.len > MESSAGE_CHUNK_MAX)
		return message_bad(err, "the length of console output");
	return 0;
}

static int message_check_gap(const void *bytes, size_t len,
			     struct rh_error *err)
{
	struct message_gap m;

	(void)len;
	message_head(m, bytes);
	if (m.unused != 0 || m.lost_bytes == 0)
		return message_bad(err, "the length of a gap");
	return 0;
}

static int message_check_lost(const void *bytes, size_t len,
			      struct rh_error *err)
{
	struct message_lost m;

	message_head(m, bytes);
	if ((uint64_t)sizeof(m) + m.error_len != len)
		return message_bad(err, "the size of a lost console");
	if (m.code == RH_ERR_NONE || m.code >= RH_ERR_COUNT ||
	    m.error_len > MESSAGE_ERROR_MAX)
		return message_bad(err, "the error of a lost console");
	return 0;
}

static int message_check_state(const void *bytes, size_t len,
			       struct rh_error *err)
{
	struct message_state m;

	message_head(m, bytes);
	if ((uint64_t)sizeof(m) + m.error_len != len)
		return message_bad(err, "the size of one of many");
	if (m.code >= RH_ERR_COUNT || m.error_len > MESSAGE_ERROR_MAX ||
	    (m.code == RH_ERR_NONE && (m.error_len > 0 || m.sys_errno != 0)))
		return message_bad(err, "the error of one of many");
	if (m.alone > 1 || m.state > DRIVER_POWER_OFF ||
	    (m.state != DRIVER_POWER_UNKNOWN &&
	     (m.alone == 1 || m.code != RH_ERR_NONE)))
		return message_bad(err, "the power state of one of many");
	return 0;
}

/* How long the head of each type is, whether more may follow, and its check. */
static const struct {
	size_t head;
	bool exact;
	int (*check)(const void *bytes, size_t len, struct rh_error *err);
} message_kinds[MESSAGE_COUNT] = {
	[MESSAGE_REQUEST] = { sizeof(struct message_request), false,
			      message_check_request },
	[MESSAGE_DONE] = { sizeof(struct message_done), false,
			   message_check_done },
	[MESSAGE_BYTES] = { sizeof(struct message_bytes), false,
			    message_check_bytes },
	[MESSAGE_GAP] = { sizeof(struct message_gap), true,
			  message_check_gap },
	[MESSAGE_LOST] = { sizeof(struct message_lost), false,
			   message_check_lost },
	[MESSAGE_ALIVE] = { sizeof(struct message_plain), true, NULL },
	[MESSAGE_GIVEN_BACK] = { sizeof(struct message_plain), true, NULL },
	[MESSAGE_STATE] = { sizeof(struct message_state), false,
			    message_check_state },
};

int message_check(const void *bytes, size_t len, unsigned allowed,
		  struct rh_error *err)
{
	uint32_t type;

	if (len < sizeof(type))
		return message_bad(err, "too short");
	memcpy(&type, bytes, sizeof(type));
	if (type == MESSAGE_NONE || type >= MESSAGE_COUNT)
		return message_bad(err, "no such type");
	if ((allowed & MESSAGE_BIT(type)) == 0)
		return message_bad(err, "not allowed now");
	if (len < message_kinds[type].head ||
	    (message_kinds[type].exact && len != message_kinds[type].head))
		return message_bad(err, "its size");
	if (message_kinds[type].check == NULL)
		return 0;
	return message_kinds[type].check(bytes, len, err);
}

enum message_type message_type_of(const void *bytes)
{
	struct message_plain m;

	message_head(m, bytes);
	return (enum message_type)m.type;
}

/* A length as it goes on the wire; one that is too large stays too large. */
static uint32_t message_len(size_t len)
{
	return len > UINT32_MAX ? UINT32_MAX : (uint32_t)len;
}

void message_put_request(struct buffer *ret, uint32_t id,
			 const struct hand_request *request)
{
	struct message_request m = {
		.type = MESSAGE_REQUEST,
		.id = id,
		.deadline = request->deadline,
		.op = (uint32_t)request->op,
		.number = request->number,
	};

	if (request->op == HAND_OP_WRITE || request->op == HAND_OP_SHELL)
		m.bytes_len = message_len(request->bytes_len);
	if (request->op == HAND_OP_CHECK_TCP) {
		m.port = request->tcp.port;
		m.send_len = message_len(request->tcp.send_len);
		m.expect_len = message_len(request->tcp.expect_len);
	}
	buffer_append(ret, &m, sizeof(m));
	buffer_append(ret, request->bytes, m.bytes_len);
	buffer_append(ret, request->tcp.send, m.send_len);
	buffer_append(ret, request->tcp.expect, m.expect_len);
}

void message_get_request(const void *bytes, uint32_t *ret_id,
			 struct hand_request *ret)
{
	const char *rest = (const char *)bytes + sizeof(struct message_request);
	struct message_request m;

	message_head(m, bytes);
	memset(ret, 0, sizeof(*ret));
	*ret_id = m.id;
	ret->op = (enum hand_op)m.op;
	ret->deadline = m.deadline;
	ret->number = m.number;
	ret->bytes = m.bytes_len > 0 ? rest : NULL;
	ret->bytes_len = m.bytes_len;
	rest += m.bytes_len;
	ret->tcp.port = (uint16_t)m.port;
	ret->tcp.send = m.send_len > 0 ? rest : NULL;
	ret->tcp.send_len = m.send_len;
	rest += m.send_len;
	ret->tcp.expect = m.expect_len > 0 ? rest : NULL;
	ret->tcp.expect_len = m.expect_len;
}

void message_put_done(struct buffer *ret, const struct hand_event *done)
{
	struct message_done m = {
		.type = MESSAGE_DONE,
		.id = done->id,
		.op = (uint32_t)done->op,
		.code = (uint32_t)done->err.code,
		.sys_errno = done->err.sys_errno,
		.state = (uint32_t)done->state,
		.exit_status = (uint32_t)done->exit_status,
		.out_len = message_len(done->out_len),
		.cut = done->cut,
		.error_len = message_len(strlen(done->err.text)),
		.text_len = message_len(done->bytes_len),
	};

	buffer_append(ret, &m, sizeof(m));
	buffer_append(ret, done->err.text, m.error_len);
	buffer_append(ret, done->bytes, m.text_len);
}

/* An error from the other side: one line, NUL-ended, whatever came. */
static void message_get_error(struct rh_error *ret, uint32_t code,
			      int32_t sys_errno, const char *text, size_t len)
{
	rh_error_clear(ret);
	if (code == RH_ERR_NONE)
		return;
	rh_error_set(ret, (enum rh_code)code, "%.*s", (int)len, text);
	ret->sys_errno = sys_errno;
}

void message_get_done(const void *bytes, struct hand_event *ret)
{
	const char *rest = (const char *)bytes + sizeof(struct message_done);
	struct message_done m;

	message_head(m, bytes);
	memset(ret, 0, sizeof(*ret));
	ret->type = HAND_DONE;
	ret->id = m.id;
	ret->op = (enum hand_op)m.op;
	ret->state = (enum driver_power)m.state;
	ret->exit_status = (int)m.exit_status;
	ret->out_len = m.out_len;
	ret->cut = m.cut != 0;
	message_get_error(&ret->err, m.code, m.sys_errno, rest, m.error_len);
	ret->bytes = rest + m.error_len;
	ret->bytes_len = m.text_len;
}

void message_get_bytes(const void *bytes, struct hand_event *ret)
{
	struct message_bytes m;

	message_head(m, bytes);
	memset(ret, 0, sizeof(*ret));
	ret->type = HAND_BYTES;
	ret->bytes = (const char *)bytes + sizeof(m);
	ret->bytes_len = m.len;
}

void message_get_gap(const void *bytes, struct hand_event *ret)
{
	struct message_gap m;

	message_head(m, bytes);
	memset(ret, 0, sizeof(*ret));
	ret->type = HAND_GAP;
	ret->lost_bytes = m.lost_bytes;
}

void message_put_lost(struct buffer *ret, const struct rh_error *err)
{
	struct message_lost m = {
		.type = MESSAGE_LOST,
		.code = (uint32_t)err->code,
		.sys_errno = err->sys_errno,
		.error_len = message_len(strlen(err->text)),
	};

	buffer_append(ret, &m, sizeof(m));
	buffer_append(ret, err->text, m.error_len);
}

void message_get_lost(const void *bytes, struct hand_event *ret)
{
	struct message_lost m;

	message_head(m, bytes);
	memset(ret, 0, sizeof(*ret));
	ret->type = HAND_CONSOLE_LOST;
	message_get_error(&ret->err, m.code, m.sys_errno,
			  (const char *)bytes + sizeof(m), m.error_len);
	/* Taken from us by somebody else: then it is no dead session of ours. */
	ret->held_console = ret->err.code != RH_ERR_BUSY;
}

void message_put_state(struct buffer *ret,
		       const struct driver_fleet_answer *answer)
{
	struct message_state m = {
		.type = MESSAGE_STATE,
		.index = (uint32_t)answer->index,
		.alone = answer->alone,
		.state = (uint32_t)answer->state,
		.code = (uint32_t)answer->err.code,
		.sys_errno = answer->err.sys_errno,
		.error_len = message_len(strlen(answer->err.text)),
	};

	buffer_append(ret, &m, sizeof(m));
	buffer_append(ret, answer->err.text, m.error_len);
}

void message_get_state(const void *bytes, struct hand_event *ret)
{
	struct message_state m;

	message_head(m, bytes);
	memset(ret, 0, sizeof(*ret));
	ret->type = HAND_STATE;
	ret->index = m.index;
	ret->alone = m.alone != 0;
	ret->state = (enum driver_power)m.state;
	message_get_error(&ret->err, m.code, m.sys_errno,
			  (const char *)bytes + sizeof(m), m.error_len);
}
