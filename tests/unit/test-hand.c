/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hands: each request is answered once and in time, whatever the driver does. */
#include "tests/unit/hand-brain.h"

#include <assert.h>
#include <signal.h>
#include <sys/socket.h>

#include "agent/hand/hand-child.h"
#include "agent/hand/message.h"

/*
 * A power driver whose deeds are functions; a fork takes them along. They are
 * set before hand_start.
 */
static struct {
	int (*open)(struct rh_error *err);
	int (*query)(enum driver_power *ret, struct rh_error *err);
	const char *witness;
	int witness_fd;
} fake;

static void fake_says(char letter)
{
	if (fake.witness != NULL)
		assert(write(fake.witness_fd, &letter, 1) == 1);
}

static int fake_open(void *self, const struct settings *settings,
		     int64_t deadline, struct rh_error *err)
{
	(void)self;
	(void)settings;
	(void)deadline;
	if (fake.witness != NULL) {
		fake.witness_fd = open(fake.witness, O_WRONLY | O_CLOEXEC);
		assert(fake.witness_fd >= 0);
	}
	return fake.open != NULL ? fake.open(err) : 0;
}

static void fake_close(void *self)
{
	(void)self;
	fake_says('c');
}

static int fake_query(void *self, int64_t deadline,
		      enum driver_power *ret_state, struct rh_error *err)
{
	(void)self;
	(void)deadline;
	fake_says('q');
	if (fake.query != NULL)
		return fake.query(ret_state, err);
	*ret_state = DRIVER_POWER_ON;
	return 0;
}

static int fake_act(void *self, enum driver_act act, int64_t deadline,
		    struct rh_error *err)
{
	(void)self;
	(void)deadline;
	fake_says((char)('0' + (int)act));
	return act == DRIVER_ACT_DIAG ?
	       rh_error_set(err, RH_ERR_NOTSUP, "no such button") : 0;
}

static int fake_event_log(void *self, int max_entries, int64_t deadline,
			  struct buffer *ret, struct rh_error *err)
{
	int i;

	(void)self;
	(void)deadline;
	(void)err;
	for (i = 0; i < max_entries; i++)
		buffer_printf(ret, "entry %06d of the log\n", i);
	return 0;
}

static int fake_chassis(void *self, int64_t deadline, struct buffer *ret,
			struct rh_error *err)
{
	(void)self;
	(void)deadline;
	(void)err;
	buffer_append_text(ret, "power: on\n");
	return 0;
}

static const struct driver_power_ops fake_power = {
	.query = fake_query, .act = fake_act,
};

static const struct driver_evidence_ops fake_evidence = {
	.event_log = fake_event_log, .chassis = fake_chassis,
};

static const struct driver fake_driver = {
	.name = "fake", .size = 16, .open = fake_open, .close = fake_close,
	.power = &fake_power, .evidence = &fake_evidence,
};

static int setup(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_no_child();
	return 0;
}

/* --- Deeds --- */

static int deed_hang(enum driver_power *ret, struct rh_error *err)
{
	(void)ret;
	(void)err;
	while (pause() < 0)
		continue;
	return -1;
}

static int deed_segv(enum driver_power *ret, struct rh_error *err)
{
	(void)ret;
	(void)err;
	raise(SIGSEGV);
	return 0;
}

static int deed_abort(enum driver_power *ret, struct rh_error *err)
{
	(void)ret;
	(void)err;
	abort();
}

static int deed_exit(enum driver_power *ret, struct rh_error *err)
{
	(void)ret;
	(void)err;
	_exit(0);
}

static int deed_silent(enum driver_power *ret, struct rh_error *err)
{
	(void)ret;
	(void)err;
	return -1;
}

static int deed_five(enum driver_power *ret, struct rh_error *err)
{
	(void)ret;
	(void)err;
	return 5;
}

static int deed_state_seven(enum driver_power *ret, struct rh_error *err)
{
	(void)err;
	*ret = (enum driver_power)7;
	return 0;
}

static int deed_fails_with_state(enum driver_power *ret, struct rh_error *err)
{
	*ret = DRIVER_POWER_OFF;
	return rh_error_set(err, RH_ERR_AUTH, "wrong\npassword");
}

static int deed_error_but_zero(enum driver_power *ret, struct rh_error *err)
{
	rh_error_set_errno(err, RH_ERR_IO, EIO, "left from before");
	*ret = DRIVER_POWER_OFF;
	return 0;
}

/* --- Answers --- */

static void test_query_and_act(void **state)
{
	struct hand *h = brain_start(&fake_driver);
	struct hand_event e;

	(void)state;
	assert_string_equal(hand_name(h), "test/way");
	e = brain_do(h, HAND_OP_QUERY, 0);
	assert_int_equal(e.err.code, RH_ERR_NONE);
	assert_int_equal(e.state, DRIVER_POWER_ON);
	e = brain_do(h, HAND_OP_ACT, DRIVER_ACT_CYCLE);
	assert_int_equal(e.err.code, RH_ERR_NONE);
	e = brain_do(h, HAND_OP_ACT, DRIVER_ACT_DIAG);
	assert_int_equal(e.err.code, RH_ERR_NOTSUP);
	assert_string_equal(e.err.text, "no such button");
	e = brain_do(h, HAND_OP_CHASSIS, 0);
	assert_string_equal(e.bytes, "power: on\n");
	assert_int_equal(e.bytes_len, 10);
	hand_free(h);
}

static void test_what_a_driver_cannot(void **state)
{
	static const struct { enum hand_op op; int number; } table[] = {
		{ HAND_OP_BOOT, DRIVER_BOOT_PXE }, { HAND_OP_ATTACH, 0 },
		{ HAND_OP_BREAK, 0 }, { HAND_OP_DETACH, 0 },
	};
	struct hand_request tcp = { .op = HAND_OP_CHECK_TCP, .tcp.port = 1,
				    .deadline = deadline_in(SOON_MS) };
	struct hand *h = brain_start(&fake_driver);
	struct hand_event e;
	uint32_t id;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		e = brain_do(h, table[i].op, table[i].number);
		assert_int_equal(e.err.code, RH_ERR_NOTSUP);
	}
	assert_int_equal(hand_send(h, &tcp, &id, NULL), 0);
	brain_until(h, HAND_DONE, &e);
	assert_int_equal(e.err.code, RH_ERR_NOTSUP);
	brain_write(h, "x", 1, deadline_in(SOON_MS));
	brain_until(h, HAND_DONE, &e);
	assert_int_equal(e.err.code, RH_ERR_STATE);
	hand_free(h);
}

static int deed_open_fails(struct rh_error *err)
{
	return rh_error_set(err, RH_ERR_CONFIG, "secret file: no such file");
}

static void test_open_error_answers_all(void **state)
{
	struct hand_event e;
	struct hand *h;

	(void)state;
	fake.open = deed_open_fails;
	h = brain_start(&fake_driver);
	e = brain_do(h, HAND_OP_QUERY, 0);
	assert_int_equal(e.err.code, RH_ERR_CONFIG);
	assert_string_equal(e.err.text, "secret file: no such file");
	e = brain_do(h, HAND_OP_ACT, DRIVER_ACT_ON);
	assert_int_equal(e.err.code, RH_ERR_CONFIG);
	hand_free(h);
}

static void test_long_text_keeps_the_end(void **state)
{
	struct hand *h = brain_start(&fake_driver);
	struct hand_event e;
	const char *last;

	(void)state;
	e = brain_do(h, HAND_OP_EVENT_LOG, 10);
	assert_int_equal(e.bytes_len, 10 * 24);
	e = brain_do(h, HAND_OP_EVENT_LOG, 10000);
	assert_int_equal(e.err.code, RH_ERR_NONE);
	assert_true(e.bytes_len <= HAND_TEXT_MAX);
	assert_true(e.bytes_len > HAND_TEXT_MAX - 200);
	assert_int_equal(strlen(e.bytes), e.bytes_len);
	assert_int_equal(e.bytes[0], '(');
	last = e.bytes + e.bytes_len - 24;
	assert_string_equal(last, "entry 009999 of the log\n");
	/* The first line behind the note is a whole one. */
	assert_memory_equal(strchr(e.bytes, '\n') + 1, "entry ", 6);
	hand_free(h);
}

static void test_lies(void **state)
{
	static const struct {
		int (*deed)(enum driver_power *, struct rh_error *);
		enum rh_code code;
		enum driver_power state;
	} table[] = {
		{ deed_silent, RH_ERR_INTERNAL, DRIVER_POWER_UNKNOWN },
		{ deed_five, RH_ERR_INTERNAL, DRIVER_POWER_UNKNOWN },
		{ deed_state_seven, RH_ERR_INTERNAL, DRIVER_POWER_UNKNOWN },
		{ deed_fails_with_state, RH_ERR_AUTH, DRIVER_POWER_UNKNOWN },
		{ deed_error_but_zero, RH_ERR_NONE, DRIVER_POWER_OFF },
	};
	struct hand_event e;
	struct hand *h;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		fake.query = table[i].deed;
		h = brain_start(&fake_driver);
		e = brain_do(h, HAND_OP_QUERY, 0);
		assert_int_equal(e.err.code, table[i].code);
		assert_int_equal(e.state, table[i].state);
		assert_null(strchr(e.err.text, '\n'));
		hand_free(h);
	}
}

/* --- Deadlines --- */

static void assert_between(const char *what, int64_t value, int64_t low,
			   int64_t high)
{
	if (value < low || value > high)
		fail_msg("%s: %lld ms, not %lld to %lld", what,
			 (long long)value, (long long)low, (long long)high);
}

static void test_hang_is_a_timeout(void **state)
{
	int64_t deadline;
	struct hand_event e;
	struct hand *h;
	uint32_t id[3];
	int i;

	(void)state;
	fake.query = deed_hang;
	h = brain_start(&fake_driver);
	deadline = deadline_in(200);
	id[0] = brain_ask(h, HAND_OP_QUERY, 0, deadline);
	id[1] = brain_ask(h, HAND_OP_QUERY, 0, deadline_in(SOON_MS));
	id[2] = brain_ask(h, HAND_OP_ACT, DRIVER_ACT_ON, deadline);
	for (i = 0; i < 3; i++) {
		assert_true(brain_next(h, deadline_in(SOON_MS), &e));
		assert_int_equal(e.type, HAND_DONE);
		assert_int_equal(e.id, id[i]);
		assert_int_equal(e.err.code, i == 1 ? RH_ERR_CRASHED :
				 RH_ERR_TIMEOUT);
	}
	assert_between("answer", deadline_now() - deadline, 250, 300);
	/* Asked to end it cannot hear; killed a second later. */
	assert_true(brain_next(h, deadline_in(SOON_MS), &e));
	assert_int_equal(e.type, HAND_ENDED);
	assert_int_equal(e.err.code, RH_ERR_TIMEOUT);
	assert_non_null(strstr(e.err.text, "query"));
	assert_between("end", deadline_now() - deadline, 1200, 1350);
	assert_false(e.held_console);
	assert_int_equal(hand_fd(h), -1);
	assert_false(hand_next(h, &e));
	assert_true(hand_deadline(h) == DEADLINE_NEVER);
	hand_free(h);
}

/* A request whose turn does not come costs itself, not the one under way. */
static void test_queued_request_times_out_alone(void **state)
{
	struct hand_event e;
	struct witness w;
	struct hand *h;
	uint32_t late;

	(void)state;
	witness_new(&w);
	fake.witness = w.path;
	fake.query = deed_hang;
	h = brain_start(&fake_driver);
	brain_ask(h, HAND_OP_QUERY, 0, deadline_in(1000));
	late = brain_ask(h, HAND_OP_ACT, DRIVER_ACT_CYCLE, deadline_in(50));
	assert_true(brain_next(h, deadline_in(SOON_MS), &e));
	assert_int_equal(e.id, late);
	assert_int_equal(e.err.code, RH_ERR_TIMEOUT);
	assert_non_null(strstr(e.err.text, "turn"));
	assert_false(brain_next(h, deadline_in(100), &e));
	assert_true(hand_fd(h) >= 0);
	hand_kill(h);
	brain_until(h, HAND_ENDED, &e);
	assert_int_equal(e.err.code, RH_ERR_CANCELLED);
	/* The act was never begun. */
	assert_int_equal(witness_next(&w, deadline_in(SOON_MS)), 'q');
	assert_int_equal(witness_next(&w, deadline_in(SOON_MS)), '\0');
	hand_free(h);
	witness_free(&w);
}

static void test_passed_deadline_is_not_begun(void **state)
{
	struct hand *h = brain_start(&fake_driver);
	struct hand_event e;

	(void)state;
	brain_ask(h, HAND_OP_ACT, DRIVER_ACT_CYCLE, deadline_now() - 1);
	brain_until(h, HAND_DONE, &e);
	assert_int_equal(e.err.code, RH_ERR_TIMEOUT);
	assert_non_null(strstr(e.err.text, "not begun"));
	/* The hand is well. */
	e = brain_do(h, HAND_OP_QUERY, 0);
	assert_int_equal(e.err.code, RH_ERR_NONE);
	hand_free(h);
}

/* A brain that slept reads what came in time before it judges. */
static void test_answer_before_late_tick_counts(void **state)
{
	struct hand *h = brain_start(&fake_driver);
	struct pollfd p = { .fd = hand_fd(h), .events = POLLIN };
	struct hand_event e;
	int64_t deadline = deadline_in(SOON_MS);

	(void)state;
	brain_ask(h, HAND_OP_QUERY, 0, deadline);
	assert_int_equal(poll(&p, 1, SOON_MS), 1);
	hand_tick(h, deadline + 60000);
	assert_true(hand_next(h, &e));
	assert_int_equal(e.err.code, RH_ERR_NONE);
	assert_int_equal(e.state, DRIVER_POWER_ON);
	hand_free(h);
}

static void test_queue_is_bounded(void **state)
{
	struct hand_request r = { .op = HAND_OP_QUERY,
				  .deadline = deadline_in(SOON_MS) };
	struct rh_error err = RH_ERROR_INIT;
	struct hand_event e;
	struct hand *h;
	uint32_t id = 0;
	int i;

	(void)state;
	fake.query = deed_hang;
	h = brain_start(&fake_driver);
	for (i = 0; i < HAND_QUEUE; i++)
		brain_ask(h, HAND_OP_QUERY, 0, deadline_in(SOON_MS));
	assert_int_equal(hand_send(h, &r, &id, &err), -1);
	assert_int_equal(err.code, RH_ERR_BUSY);
	assert_int_equal(id, 0);
	kill(hand_pid(h), SIGKILL);
	for (i = 0; i < HAND_QUEUE; i++) {
		assert_true(brain_next(h, deadline_in(SOON_MS), &e));
		assert_int_equal(e.type, HAND_DONE);
		assert_int_equal(e.err.code, RH_ERR_CRASHED);
	}
	assert_true(brain_next(h, deadline_in(SOON_MS), &e));
	assert_int_equal(e.type, HAND_ENDED);
	hand_free(h);
}

static void test_order_is_kept(void **state)
{
	struct hand *h = brain_start(&fake_driver);
	struct hand_event e;
	uint32_t id[HAND_QUEUE];
	int round, i;

	(void)state;
	for (round = 0; round < 200; round++) {
		for (i = 0; i < HAND_QUEUE; i++)
			id[i] = brain_ask(h, i % 2 ? HAND_OP_QUERY :
					  HAND_OP_CHASSIS, 0,
					  deadline_in(SOON_MS));
		for (i = 0; i < HAND_QUEUE; i++) {
			assert_true(brain_next(h, deadline_in(SOON_MS), &e));
			assert_int_equal(e.id, id[i]);
			assert_int_equal(e.err.code, RH_ERR_NONE);
		}
	}
	hand_free(h);
}

/* --- Ends --- */

static void test_crash_is_told(void **state)
{
	static const struct {
		int (*deed)(enum driver_power *, struct rh_error *);
		const char *text;
	} table[] = {
		{ deed_segv, "SIGSEGV" }, { deed_abort, "SIGABRT" },
		{ deed_exit, "exited unasked, status 0" },
	};
	struct hand_request r = { .op = HAND_OP_QUERY };
	struct rh_error err = RH_ERROR_INIT;
	struct hand_event e;
	struct hand *h;
	uint32_t id;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		fake.query = table[i].deed;
		h = brain_start(&fake_driver);
		brain_ask(h, HAND_OP_QUERY, 0, deadline_in(SOON_MS));
		assert_true(brain_next(h, deadline_in(SOON_MS), &e));
		assert_int_equal(e.type, HAND_DONE);
		assert_int_equal(e.err.code, RH_ERR_CRASHED);
		assert_non_null(strstr(e.err.text, table[i].text));
		assert_true(brain_next(h, deadline_in(SOON_MS), &e));
		assert_int_equal(e.type, HAND_ENDED);
		assert_int_equal(e.err.code, RH_ERR_CRASHED);
		assert_non_null(strstr(e.err.text, table[i].text));
		assert_int_equal(hand_send(h, &r, &id, &err), -1);
		assert_int_equal(err.code, RH_ERR_CRASHED);
		hand_free(h);
	}
}

static void test_stop(void **state)
{
	struct hand_request r = { .op = HAND_OP_QUERY };
	struct hand *h = brain_start(&fake_driver);
	struct rh_error err = RH_ERROR_INIT;
	struct hand_event e;
	uint32_t id;

	(void)state;
	(void)brain_do(h, HAND_OP_QUERY, 0);
	hand_stop(h);
	hand_stop(h);
	assert_int_equal(hand_send(h, &r, &id, &err), -1);
	assert_int_equal(err.code, RH_ERR_CRASHED);
	assert_true(brain_next(h, deadline_in(SOON_MS), &e));
	assert_int_equal(e.type, HAND_ENDED);
	assert_int_equal(e.err.code, RH_ERR_NONE);
	hand_stop(h);
	hand_kill(h);
	hand_free(h);
	hand_free(NULL);
}

static void test_free_of_a_hung_hand(void **state)
{
	struct hand *h;
	struct witness w;
	int64_t before;

	(void)state;
	witness_new(&w);
	fake.witness = w.path;
	fake.query = deed_hang;
	h = brain_start(&fake_driver);
	brain_ask(h, HAND_OP_QUERY, 0, deadline_in(SOON_MS));
	witness_expect(&w, 'q');
	before = deadline_now();
	hand_free(h);
	assert_between("free", deadline_now() - before, 900, 1200);
	assert_int_equal(witness_next(&w, deadline_in(SOON_MS)), '\0');
	witness_free(&w);
}

static void test_thousand_cycles(void **state)
{
	struct hand_event e;
	struct hand *h;
	int fds, i;

	(void)state;
	h = brain_start(&fake_driver);
	hand_free(h);
	fds = count_fds();
	for (i = 0; i < 1000; i++) {
		h = brain_start(&fake_driver);
		if (i % 4 != 0) {
			e = brain_do(h, HAND_OP_QUERY, 0);
			assert_int_equal(e.state, DRIVER_POWER_ON);
		}
		if (i % 3 == 0) {
			hand_stop(h);
			brain_until(h, HAND_ENDED, &e);
			assert_int_equal(e.err.code, RH_ERR_NONE);
		}
		if (i % 7 == 0)
			hand_kill(h);
		hand_free(h);
	}
	assert_int_equal(count_fds(), fds);
	assert_no_child();
}

/* The terminal's signals are for the brain. */
static void test_signals_do_not_reach_it(void **state)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT,
				       SIGPIPE };
	struct hand *h = brain_start(&fake_driver);
	struct hand_event e;
	size_t i;

	(void)state;
	(void)brain_do(h, HAND_OP_QUERY, 0);
	assert_int_not_equal(getpgid(hand_pid(h)), getpgid(0));
	assert_int_equal(getsid(hand_pid(h)), hand_pid(h));
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		kill(hand_pid(h), signals[i]);
	e = brain_do(h, HAND_OP_QUERY, 0);
	assert_int_equal(e.err.code, RH_ERR_NONE);
	hand_free(h);
}

/* --- A brain that dies --- */

/* A brain in a process of its own, whose hand does `deed` at its query. */
static pid_t start_brain(int64_t deadline)
{
	struct hand_event e;
	struct hand *h;
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	brain_dies_with_test();
	h = hand_start("test/way", &fake_driver, NULL, NULL);
	brain_ask(h, HAND_OP_QUERY, 0, deadline);
	(void)brain_next(h, DEADLINE_NEVER, &e);
	for (;;)
		pause();
}

static void test_hung_hand_ends_without_a_brain(void **state)
{
	int64_t deadline = deadline_in(300);
	struct witness w;
	pid_t brain;

	(void)state;
	witness_new(&w);
	fake.witness = w.path;
	fake.query = deed_hang;
	brain = start_brain(deadline);
	witness_expect(&w, 'q');
	kill(brain, SIGKILL);
	waitpid(brain, NULL, 0);
	/* Nobody else has the other end of the witness. */
	assert_int_equal(witness_next(&w, deadline_in(SOON_MS)), '\0');
	assert_between("hard stop", deadline_now() - deadline, 1400, 1800);
	witness_free(&w);
}

static void test_idle_hand_ends_without_a_brain(void **state)
{
	struct witness w;
	int64_t before;
	pid_t brain;

	(void)state;
	witness_new(&w);
	fake.witness = w.path;
	brain = start_brain(deadline_in(SOON_MS));
	witness_expect(&w, 'q');
	before = deadline_now();
	kill(brain, SIGKILL);
	waitpid(brain, NULL, 0);
	witness_expect(&w, 'c');
	witness_expect(&w, '\0');
	assert_between("end", deadline_now() - before, 0, 500);
	witness_free(&w);
}

/* --- A hand that breaks the protocol --- */

static const void *evil_bytes;
static size_t evil_len;

/* The driver of a taken hand knows where its socket is. */
static int deed_evil(enum driver_power *ret, struct rh_error *err)
{
	(void)err;
	assert(send(3, evil_bytes, evil_len, 0) == (ssize_t)evil_len);
	*ret = DRIVER_POWER_ON;
	return 0;
}

static void assert_evil(const char *what, const void *bytes, size_t len,
			enum rh_code code)
{
	struct hand_event e;
	struct hand *h;

	evil_bytes = bytes;
	evil_len = len;
	fake.query = deed_evil;
	h = brain_start(&fake_driver);
	brain_ask(h, HAND_OP_QUERY, 0, deadline_in(SOON_MS));
	assert_true(brain_next(h, deadline_in(SOON_MS), &e));
	if (e.type != HAND_DONE || e.err.code != code)
		fail_msg("%s: type %d, %s", what, (int)e.type, e.err.text);
	assert_true(brain_next(h, deadline_in(SOON_MS), &e));
	assert_int_equal(e.type, HAND_ENDED);
	assert_int_equal(e.err.code, code);
	hand_free(h);
}

static void test_bad_messages_kill_the_hand(void **state)
{
	static char huge[100000];
	struct message_bytes bytes = { MESSAGE_BYTES, 0 };
	struct message_gap gap = { MESSAGE_GAP, 0, 10 };
	struct message_plain plain = { MESSAGE_ALIVE };
	struct message_done done = { .type = MESSAGE_DONE, .id = 7,
				     .op = HAND_OP_QUERY };
	uint32_t request[10] = { MESSAGE_REQUEST, 1 };
	struct message_lost lost = { MESSAGE_LOST, RH_ERR_LOST, 0, 0 };

	(void)state;
	assert_evil("noise", "garbage!", 8, RH_ERR_PROTOCOL);
	assert_evil("short", "x", 1, RH_ERR_PROTOCOL);
	assert_evil("huge", huge, sizeof(huge), RH_ERR_PROTOCOL);
	assert_evil("request", request, sizeof(request), RH_ERR_PROTOCOL);
	assert_evil("bytes", &bytes, sizeof(bytes), RH_ERR_PROTOCOL);
	assert_evil("gap", &gap, sizeof(gap), RH_ERR_PROTOCOL);
	assert_evil("alive", &plain, sizeof(plain), RH_ERR_PROTOCOL);
	assert_evil("lost", &lost, sizeof(lost), RH_ERR_PROTOCOL);
	assert_evil("other id", &done, sizeof(done), RH_ERR_PROTOCOL);
	done.id = 1;
	done.op = HAND_OP_CHASSIS;
	assert_evil("other op", &done, sizeof(done), RH_ERR_PROTOCOL);
	plain.type = MESSAGE_GIVEN_BACK;
	assert_evil("given back", &plain, sizeof(plain), RH_ERR_PROTOCOL);
	/* An empty packet looks like the end. */
	assert_evil("empty", "", 0, RH_ERR_CRASHED);
}

/* Two answers to one request: the second one belongs to nothing. */
static void test_second_answer_is_bad(void **state)
{
	struct message_done done = { .type = MESSAGE_DONE, .id = 1,
				     .op = HAND_OP_QUERY, .state = 2 };
	struct hand_event e;
	struct hand *h;

	(void)state;
	evil_bytes = &done;
	evil_len = sizeof(done);
	fake.query = deed_evil;
	h = brain_start(&fake_driver);
	brain_ask(h, HAND_OP_QUERY, 0, deadline_in(SOON_MS));
	assert_true(brain_next(h, deadline_in(SOON_MS), &e));
	assert_int_equal(e.err.code, RH_ERR_NONE);
	assert_true(brain_next(h, deadline_in(SOON_MS), &e));
	assert_int_equal(e.type, HAND_ENDED);
	assert_int_equal(e.err.code, RH_ERR_PROTOCOL);
	hand_free(h);
}

/* Answers, and then stands still before the next request. */
static int deed_answer_and_stop(enum driver_power *ret, struct rh_error *err)
{
	(void)deed_evil(ret, err);
	raise(SIGSTOP);
	return 0;
}

/* A request whose time ran out while it waited gives the hand a moment to say so. */
static void test_new_oldest_request_gets_a_moment(void **state)
{
	struct message_done done = { .type = MESSAGE_DONE, .id = 1,
				     .op = HAND_OP_QUERY, .state = 1 };
	struct hand_event e;
	struct hand *h;
	uint32_t late;

	(void)state;
	evil_bytes = &done;
	evil_len = sizeof(done);
	fake.query = deed_answer_and_stop;
	h = brain_start(&fake_driver);
	brain_ask(h, HAND_OP_QUERY, 0, deadline_in(SOON_MS));
	late = brain_ask(h, HAND_OP_ACT, DRIVER_ACT_ON, deadline_now() - 1000);
	hand_tick(h, deadline_now());
	assert_true(hand_next(h, &e));
	assert_int_equal(e.id, late);
	assert_int_equal(e.err.code, RH_ERR_TIMEOUT);
	brain_until(h, HAND_DONE, &e);
	assert_int_equal(e.err.code, RH_ERR_NONE);
	hand_tick(h, deadline_now());
	brain_ask(h, HAND_OP_QUERY, 0, deadline_in(SOON_MS));
	assert_true(hand_deadline(h) > deadline_in(150));
	hand_tick(h, deadline_in(300));
	assert_int_equal(hand_send(h, &(struct hand_request){ 0 }, &late,
				   &e.err), -1);
	assert_int_equal(e.err.code, RH_ERR_CRASHED);
	hand_kill(h);
	brain_until(h, HAND_ENDED, &e);
	hand_free(h);
}

static void test_requests_without_sense_are_not_sent(void **state)
{
	struct hand_request r = { .op = HAND_OP_ACT, .number = 99,
				  .deadline = deadline_in(SOON_MS) };
	struct hand *h = brain_start(&fake_driver);
	struct rh_error err = RH_ERROR_INIT;
	static char big[HAND_WRITE_MAX + 1];
	uint32_t id;

	(void)state;
	assert_int_equal(hand_send(h, &r, &id, &err), -1);
	assert_int_equal(err.code, RH_ERR_INTERNAL);
	r.op = HAND_OP_WRITE;
	r.number = 0;
	r.bytes = big;
	r.bytes_len = sizeof(big);
	assert_int_equal(hand_send(h, &r, &id, &err), -1);
	assert_int_equal(brain_do(h, HAND_OP_QUERY, 0).err.code, RH_ERR_NONE);
	hand_free(h);
}

#define HAND_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HAND_TEST(test_query_and_act),
		HAND_TEST(test_what_a_driver_cannot),
		HAND_TEST(test_open_error_answers_all),
		HAND_TEST(test_long_text_keeps_the_end),
		HAND_TEST(test_lies),
		HAND_TEST(test_hang_is_a_timeout),
		HAND_TEST(test_queued_request_times_out_alone),
		HAND_TEST(test_passed_deadline_is_not_begun),
		HAND_TEST(test_answer_before_late_tick_counts),
		HAND_TEST(test_queue_is_bounded),
		HAND_TEST(test_order_is_kept),
		HAND_TEST(test_crash_is_told),
		HAND_TEST(test_stop),
		HAND_TEST(test_free_of_a_hung_hand),
		HAND_TEST(test_thousand_cycles),
		HAND_TEST(test_signals_do_not_reach_it),
		HAND_TEST(test_hung_hand_ends_without_a_brain),
		HAND_TEST(test_idle_hand_ends_without_a_brain),
		HAND_TEST(test_bad_messages_kill_the_hand),
		HAND_TEST(test_second_answer_is_bad),
		HAND_TEST(test_new_oldest_request_gets_a_moment),
		HAND_TEST(test_requests_without_sense_are_not_sent),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
