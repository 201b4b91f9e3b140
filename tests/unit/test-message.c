/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The messages between brain and hand: what passes the check, what does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "agent/hand/message.h"

#define ALL 0xffffffffU

/* A good request of each kind; bytes_of holds it. */
static struct hand_request request_of(enum hand_op op)
{
	struct hand_request r = { .op = op, .deadline = 123456789 };

	switch (op) {
	case HAND_OP_ACT:
		r.number = DRIVER_ACT_CYCLE;
		break;
	case HAND_OP_BOOT:
		r.number = DRIVER_BOOT_PXE;
		break;
	case HAND_OP_EVENT_LOG:
		r.number = 100;
		break;
	case HAND_OP_WRITE:
		r.bytes = "hello";
		r.bytes_len = 5;
		break;
	case HAND_OP_CHECK_TCP:
		r.tcp.port = 389;
		r.tcp.send = "ping";
		r.tcp.send_len = 4;
		r.tcp.expect = "pong!";
		r.tcp.expect_len = 5;
		break;
	default:
		break;
	}
	return r;
}

static void test_requests_round_trip(void **state)
{
	struct buffer b = { 0 };
	struct rh_error err = RH_ERROR_INIT;
	struct hand_request in, out;
	uint32_t id;
	int op;

	(void)state;
	for (op = HAND_OP_QUERY; op <= HAND_OP_CHECK_TCP; op++) {
		in = request_of((enum hand_op)op);
		buffer_clear(&b);
		message_put_request(&b, 77, &in);
		assert_int_equal(message_check(b.data, b.len,
			MESSAGE_BIT(MESSAGE_REQUEST), &err), 0);
		message_get_request(b.data, &id, &out);
		assert_int_equal(id, 77);
		assert_int_equal(out.op, op);
		assert_int_equal(out.number, in.number);
		assert_true(out.deadline == in.deadline);
		assert_int_equal(out.bytes_len, in.bytes_len);
		assert_memory_equal(out.bytes_len ? out.bytes : "",
				    in.bytes_len ? in.bytes : "",
				    in.bytes_len);
		assert_int_equal(out.tcp.port, in.tcp.port);
		assert_int_equal(out.tcp.send_len, in.tcp.send_len);
		assert_int_equal(out.tcp.expect_len, in.tcp.expect_len);
		if (op == HAND_OP_CHECK_TCP) {
			assert_memory_equal(out.tcp.send, "ping", 4);
			assert_memory_equal(out.tcp.expect, "pong!", 5);
		}
	}
	buffer_release(&b);
}

/* Each cut and each added byte makes the size wrong. */
static void assert_only_exact(const struct buffer *b)
{
	struct rh_error err = RH_ERROR_INIT;
	char *copy = malloc(b->len + 1);
	size_t len;

	memcpy(copy, b->data, b->len);
	copy[b->len] = 'x';
	for (len = 0; len <= b->len + 1; len++)
		assert_int_equal(message_check(copy, len, ALL, &err),
				 len == b->len ? 0 : -1);
	assert_int_equal(err.code, RH_ERR_PROTOCOL);
	free(copy);
}

static void test_size_is_exact(void **state)
{
	struct hand_request r = request_of(HAND_OP_CHECK_TCP);
	struct hand_event done = { .type = HAND_DONE, .id = 1,
				   .op = HAND_OP_CHASSIS, .bytes = "text",
				   .bytes_len = 4 };
	struct message_gap gap = { MESSAGE_GAP, 0, 5 };
	struct message_plain alive = { MESSAGE_ALIVE };
	struct rh_error lost = RH_ERROR_INIT;
	struct buffer b = { 0 };

	(void)state;
	message_put_request(&b, 1, &r);
	assert_only_exact(&b);
	buffer_clear(&b);
	message_put_done(&b, &done);
	assert_only_exact(&b);
	buffer_clear(&b);
	rh_error_set(&lost, RH_ERR_LOST, "gone");
	message_put_lost(&b, &lost);
	assert_only_exact(&b);
	buffer_clear(&b);
	buffer_append(&b, &gap, sizeof(gap));
	assert_only_exact(&b);
	buffer_clear(&b);
	buffer_append(&b, &alive, sizeof(alive));
	assert_only_exact(&b);
	buffer_release(&b);
}

static void test_type_comes_first(void **state)
{
	struct hand_request r = request_of(HAND_OP_QUERY);
	struct rh_error err = RH_ERROR_INIT;
	struct buffer b = { 0 };
	uint32_t type;

	(void)state;
	message_put_request(&b, 1, &r);
	for (type = 0; type < 40; type++) {
		memcpy(b.data, &type, sizeof(type));
		assert_int_equal(message_check(b.data, b.len,
			ALL & ~MESSAGE_BIT(MESSAGE_REQUEST), &err), -1);
		if (type == MESSAGE_REQUEST)
			assert_non_null(strstr(err.text, "not allowed now"));
	}
	/* Refused by its type even where nothing else of it is there. */
	type = MESSAGE_DONE;
	assert_int_equal(message_check(&type, sizeof(type), 0, &err), -1);
	assert_non_null(strstr(err.text, "not allowed now"));
	buffer_release(&b);
}

/* Requests that are wrong in one field. */
static const struct {
	const char *what;
	struct message_request m;
	size_t extra;
	bool good;
} request_table[] = {
	{ "query", { .id = 1, .op = HAND_OP_QUERY }, 0, true },
	{ "no id", { .op = HAND_OP_QUERY }, 0, false },
	{ "no op", { .id = 1 }, 0, false },
	{ "op beyond", { .id = 1, .op = HAND_OP_QUERY_ALL + 1 }, 0, false },
	{ "op far beyond", { .id = 1, .op = 0xffffffff }, 0, false },
	{ "number unasked", { .id = 1, .op = HAND_OP_QUERY, .number = 1 }, 0,
	  false },
	{ "act none", { .id = 1, .op = HAND_OP_ACT }, 0, false },
	{ "act diag", { .id = 1, .op = HAND_OP_ACT, .number = 6 }, 0, true },
	{ "act beyond", { .id = 1, .op = HAND_OP_ACT, .number = 7 }, 0, false },
	{ "act below", { .id = 1, .op = HAND_OP_ACT, .number = -1 }, 0, false },
	{ "boot none", { .id = 1, .op = HAND_OP_BOOT }, 0, false },
	{ "boot beyond", { .id = 1, .op = HAND_OP_BOOT, .number = 5 }, 0,
	  false },
	{ "log of none", { .id = 1, .op = HAND_OP_EVENT_LOG }, 0, false },
	{ "attach flags", { .id = 1, .op = HAND_OP_ATTACH, .number = 3 }, 0,
	  true },
	{ "attach unknown flag", { .id = 1, .op = HAND_OP_ATTACH,
	  .number = 4 }, 0, false },
	{ "write nothing", { .id = 1, .op = HAND_OP_WRITE }, 0, false },
	{ "write 4096", { .id = 1, .op = HAND_OP_WRITE, .bytes_len = 4096 },
	  4096, true },
	{ "write 4097", { .id = 1, .op = HAND_OP_WRITE, .bytes_len = 4097 },
	  4097, false },
	{ "length announced", { .id = 1, .op = HAND_OP_WRITE,
	  .bytes_len = 100 }, 99, false },
	{ "length wraps", { .id = 1, .op = HAND_OP_WRITE,
	  .bytes_len = 0xffffffff, .send_len = 2 }, 1, false },
	{ "bytes with a query", { .id = 1, .op = HAND_OP_QUERY,
	  .bytes_len = 4 }, 4, false },
	{ "send with a write", { .id = 1, .op = HAND_OP_WRITE,
	  .bytes_len = 4, .send_len = 4 }, 8, false },
	{ "check without port", { .id = 1, .op = HAND_OP_CHECK_TCP }, 0,
	  false },
	{ "check", { .id = 1, .op = HAND_OP_CHECK_TCP, .port = 65535,
	  .send_len = 1024, .expect_len = 1024 }, 2048, true },
	{ "check port beyond", { .id = 1, .op = HAND_OP_CHECK_TCP,
	  .port = 65536 }, 0, false },
	{ "check sends too much", { .id = 1, .op = HAND_OP_CHECK_TCP,
	  .port = 1, .send_len = 1025 }, 1025, false },
	{ "check expects too much", { .id = 1, .op = HAND_OP_CHECK_TCP,
	  .port = 1, .expect_len = 1025 }, 1025, false },
	{ "port with a query", { .id = 1, .op = HAND_OP_QUERY, .port = 1 }, 0,
	  false },
};

static void test_request_table(void **state)
{
	struct rh_error err = RH_ERROR_INIT;
	struct message_request m;
	char bytes[8192];
	size_t i;
	int rc;

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	for (i = 0; i < sizeof(request_table) / sizeof(request_table[0]); i++) {
		m = request_table[i].m;
		m.type = MESSAGE_REQUEST;
		memcpy(bytes, &m, sizeof(m));
		rc = message_check(bytes, sizeof(m) + request_table[i].extra,
				   ALL, &err);
		if ((rc == 0) != request_table[i].good)
			fail_msg("request: %s", request_table[i].what);
	}
}

static const struct {
	const char *what;
	struct message_done m;
	size_t extra;
	bool good;
} done_table[] = {
	{ "query", { .id = 1, .op = HAND_OP_QUERY, .state = 2 }, 0, true },
	{ "state beyond", { .id = 1, .op = HAND_OP_QUERY, .state = 3 }, 0,
	  false },
	{ "state of a write", { .id = 1, .op = HAND_OP_WRITE, .state = 1 }, 0,
	  false },
	{ "no id", { .op = HAND_OP_QUERY }, 0, false },
	{ "no op", { .id = 1 }, 0, false },
	{ "op beyond", { .id = 1, .op = HAND_OP_QUERY_ALL + 1 }, 0, false },
	{ "error", { .id = 1, .op = HAND_OP_QUERY, .code = RH_ERR_AUTH,
	  .error_len = 511 }, 511, true },
	{ "error too long", { .id = 1, .op = HAND_OP_QUERY,
	  .code = RH_ERR_AUTH, .error_len = 512 }, 512, false },
	{ "error beyond", { .id = 1, .op = HAND_OP_QUERY,
	  .code = RH_ERR_COUNT }, 0, false },
	{ "text without error", { .id = 1, .op = HAND_OP_QUERY,
	  .error_len = 3 }, 3, false },
	{ "errno without error", { .id = 1, .op = HAND_OP_QUERY,
	  .sys_errno = 3 }, 0, false },
	{ "text of a query", { .id = 1, .op = HAND_OP_QUERY, .text_len = 3 },
	  3, false },
	{ "text of a log", { .id = 1, .op = HAND_OP_EVENT_LOG,
	  .text_len = 65536 }, 65536, true },
	{ "too much text", { .id = 1, .op = HAND_OP_EVENT_LOG,
	  .text_len = 65537 }, 65537, false },
	{ "lengths wrap", { .id = 1, .op = HAND_OP_EVENT_LOG,
	  .error_len = 0xffffffff, .text_len = 1 }, 0, false },
	{ "command", { .id = 1, .op = HAND_OP_SHELL, .exit_status = 255,
	  .out_len = 2, .cut = 1, .text_len = 3 }, 3, true },
	{ "status beyond", { .id = 1, .op = HAND_OP_SHELL,
	  .exit_status = 256 }, 0, false },
	{ "output beyond the text", { .id = 1, .op = HAND_OP_SHELL,
	  .out_len = 4, .text_len = 3 }, 3, false },
	{ "cut beyond", { .id = 1, .op = HAND_OP_SHELL, .cut = 2 }, 0, false },
	{ "status of a query", { .id = 1, .op = HAND_OP_QUERY,
	  .exit_status = 1 }, 0, false },
};

static void test_done_table(void **state)
{
	struct rh_error err = RH_ERROR_INIT;
	struct message_done m;
	char *bytes = calloc(1, 70000);
	size_t i;
	int rc;

	(void)state;
	for (i = 0; i < sizeof(done_table) / sizeof(done_table[0]); i++) {
		m = done_table[i].m;
		m.type = MESSAGE_DONE;
		memcpy(bytes, &m, sizeof(m));
		rc = message_check(bytes, sizeof(m) + done_table[i].extra, ALL,
				   &err);
		if ((rc == 0) != done_table[i].good)
			fail_msg("answer: %s", done_table[i].what);
	}
	free(bytes);
}

static void test_console_messages(void **state)
{
	struct { struct message_bytes m; char rest[4097]; } b = { { 0 }, "" };
	struct message_gap gap = { MESSAGE_GAP, 0, 0 };
	struct message_lost lost = { .type = MESSAGE_LOST };
	struct rh_error err = RH_ERROR_INIT;

	(void)state;
	b.m.type = MESSAGE_BYTES;
	assert_int_equal(message_check(&b, 8, ALL, &err), -1);
	b.m.len = 4096;
	assert_int_equal(message_check(&b, 8 + 4096, ALL, &err), 0);
	b.m.len = 4097;
	assert_int_equal(message_check(&b, 8 + 4097, ALL, &err), -1);
	assert_int_equal(message_check(&gap, sizeof(gap), ALL, &err), -1);
	gap.lost_bytes = 1;
	assert_int_equal(message_check(&gap, sizeof(gap), ALL, &err), 0);
	gap.unused = 1;
	assert_int_equal(message_check(&gap, sizeof(gap), ALL, &err), -1);
	assert_int_equal(message_check(&lost, sizeof(lost), ALL, &err), -1);
	lost.code = RH_ERR_COUNT;
	assert_int_equal(message_check(&lost, sizeof(lost), ALL, &err), -1);
	lost.code = RH_ERR_LOST;
	assert_int_equal(message_check(&lost, sizeof(lost), ALL, &err), 0);
}

/* A session taken by somebody else is not ours to take back. */
static void test_state_round_trip(void **state)
{
	struct driver_fleet_answer answer = { .index = 499,
					      .state = DRIVER_POWER_OFF };
	struct buffer b = { 0 };
	struct hand_event e;

	(void)state;
	message_put_state(&b, &answer);
	assert_only_exact(&b);
	message_get_state(b.data, &e);
	assert_int_equal(e.type, HAND_STATE);
	assert_int_equal(e.index, 499);
	assert_int_equal(e.state, DRIVER_POWER_OFF);
	assert_false(e.alone);
	buffer_clear(&b);
	answer.state = DRIVER_POWER_UNKNOWN;
	rh_error_set(&answer.err, RH_ERR_AUTH, "wrong");
	message_put_state(&b, &answer);
	assert_only_exact(&b);
	message_get_state(b.data, &e);
	assert_int_equal(e.err.code, RH_ERR_AUTH);
	assert_string_equal(e.err.text, "wrong");
	buffer_release(&b);
}

static void test_state_makes_sense(void **state)
{
	static const struct message_state bad[] = {
		{ .type = MESSAGE_STATE, .state = DRIVER_POWER_OFF + 1 },
		{ .type = MESSAGE_STATE, .alone = 2 },
		{ .type = MESSAGE_STATE, .alone = 1, .state = 1 },
		{ .type = MESSAGE_STATE, .code = RH_ERR_AUTH, .state = 1 },
		{ .type = MESSAGE_STATE, .code = RH_ERR_COUNT },
		{ .type = MESSAGE_STATE, .sys_errno = 1 },
		{ .type = MESSAGE_STATE, .error_len = 0xffffffff },
	};
	const struct message_state good = { .type = MESSAGE_STATE, .alone = 1 };
	struct rh_error err = RH_ERROR_INIT;
	size_t i;

	(void)state;
	assert_int_equal(message_check(&good, sizeof(good), ALL, &err), 0);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(message_check(&bad[i], sizeof(bad[i]), ALL,
					       &err), -1);
}

static void test_lost_tells_who_holds(void **state)
{
	struct rh_error err = RH_ERROR_INIT;
	struct hand_event e;
	struct buffer b = { 0 };

	(void)state;
	rh_error_set(&err, RH_ERR_LOST, "no answer");
	message_put_lost(&b, &err);
	message_get_lost(b.data, &e);
	assert_true(e.held_console);
	assert_string_equal(e.err.text, "no answer");
	buffer_clear(&b);
	rh_error_set(&err, RH_ERR_BUSY, "taken");
	message_put_lost(&b, &err);
	message_get_lost(b.data, &e);
	assert_false(e.held_console);
	buffer_release(&b);
}

/* An error text is one line, whatever the other side sent. */
static void test_error_text_is_one_line(void **state)
{
	struct hand_event done = { .id = 1, .op = HAND_OP_QUERY }, e;
	struct buffer b = { 0 };

	(void)state;
	rh_error_set(&done.err, RH_ERR_IO, "a b c");
	message_put_done(&b, &done);
	memcpy(b.data + sizeof(struct message_done), "a\n%n\0", 5);
	message_get_done(b.data, &e);
	assert_string_equal(e.err.text, "a %n");
	buffer_release(&b);
}

/* Random bytes, the first of them plausible: what passes keeps its promises. */
static void test_random(void **state)
{
	struct rh_error err = RH_ERROR_INIT;
	struct hand_request r;
	uint32_t words[64], id;
	int round, i, passed = 0;
	size_t len;

	(void)state;
	srandom(20260101);
	for (round = 0; round < 400000; round++) {
		for (i = 0; i < 64; i++)
			words[i] = (uint32_t)random() & 15;
		words[0] = (uint32_t)random() % (MESSAGE_COUNT + 1);
		if (round % 2 == 0)
			memset(words + 5, 0, 20);
		len = (size_t)random() % 64;
		if (message_check(words, len, ALL, &err) < 0)
			continue;
		passed++;
		if (message_type_of(words) != MESSAGE_REQUEST)
			continue;
		message_get_request(words, &id, &r);
		assert_int_equal(sizeof(struct message_request) + r.bytes_len +
				 r.tcp.send_len + r.tcp.expect_len, len);
	}
	assert_true(passed > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests_round_trip),
		cmocka_unit_test(test_size_is_exact),
		cmocka_unit_test(test_type_comes_first),
		cmocka_unit_test(test_request_table),
		cmocka_unit_test(test_done_table),
		cmocka_unit_test(test_console_messages),
		cmocka_unit_test(test_state_round_trip),
		cmocka_unit_test(test_state_makes_sense),
		cmocka_unit_test(test_lost_tells_who_holds),
		cmocka_unit_test(test_error_text_is_one_line),
		cmocka_unit_test(test_random),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
