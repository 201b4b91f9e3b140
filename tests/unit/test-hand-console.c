/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hands with a console: no byte lost in silence, none written twice. */
#include "tests/unit/hand-brain.h"

#include <assert.h>
#include <signal.h>
#include <limits.h>
#include <sys/eventfd.h>

#define MB (1024 * 1024)

/*
 * A console whose output is a function of the position, so that a reader
 * knows of each byte where it belongs. Set before hand_start.
 */
static struct {
	uint64_t flood;		/* bytes that it prints, at once */
	uint64_t step;		/* so many for each byte of permits, then a '.' */
	const char *permits;
	bool echo;		/* prints what is written, too */
	int accept;		/* bytes taken by one write; 0: all */
	int accept_total;	/* bytes taken at all; 0: no limit */
	enum rh_code attach_code, lost_code;
	uint64_t lost_after;	/* bytes printed until the session goes */
	uint64_t hole_at, hole;	/* there it loses so many, and knows it */
	bool read_hangs, detach_hangs;
	int wolf;		/* reads before which it says "ready" */
	const char *witness;
} fake;

struct fake_console {
	int witness_fd;
	int ready_fd;		/* always readable */
	int permit_fd, permitted;
	int pipe[2];		/* the echo */
	uint64_t printed;
	int accepted, refused;
	int reads;
};

static unsigned char pattern(uint64_t position)
{
	return (unsigned char)((uint32_t)position * 2654435761U >> 24);
}

static void fake_says(struct fake_console *f, char letter)
{
	if (fake.witness != NULL)
		assert(write(f->witness_fd, &letter, 1) == 1);
}

static int fake_open(void *self, const struct settings *settings,
		     int64_t deadline, struct rh_error *err)
{
	struct fake_console *f = self;

	(void)settings;
	(void)deadline;
	(void)err;
	if (fake.witness != NULL) {
		f->witness_fd = open(fake.witness, O_WRONLY | O_CLOEXEC);
		assert(f->witness_fd >= 0);
	}
	f->permit_fd = -1;
	if (fake.permits != NULL) {
		f->permit_fd = open(fake.permits,
				    O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		assert(f->permit_fd >= 0);
	}
	f->ready_fd = eventfd(1, EFD_CLOEXEC);
	assert(f->ready_fd >= 0);
	assert(pipe2(f->pipe, O_NONBLOCK | O_CLOEXEC) == 0);
	return 0;
}

static void fake_close(void *self)
{
	fake_says(self, 'c');
}

static int fake_attach(void *self, unsigned flags, int64_t deadline,
		       struct rh_error *err)
{
	struct fake_console *f = self;

	(void)deadline;
	if (fake.attach_code != RH_ERR_NONE && flags == 0)
		return rh_error_set(err, fake.attach_code, "held by root");
	f->printed = 0;
	fake_says(f, (flags & DRIVER_ATTACH_STEAL) != 0 ? 's' :
		  (flags & DRIVER_ATTACH_OWN) != 0 ? 'o' : 'a');
	return 0;
}

/* How far it prints now. */
static uint64_t fake_limit(const struct fake_console *f)
{
	uint64_t limit = (uint64_t)f->permitted * fake.step;

	return fake.permits == NULL || limit > fake.flood ? fake.flood : limit;
}

static bool fake_has_more(const struct fake_console *f)
{
	return f->printed < fake_limit(f) ||
	       (fake.lost_code != RH_ERR_NONE &&
		f->printed >= fake.lost_after);
}

static int fake_pollfds(void *self, struct pollfd *fds, int max,
			int *ret_wake_ms)
{
	struct fake_console *f = self;

	(void)ret_wake_ms;
	assert(max >= 3);
	fds[0].fd = f->pipe[0];
	fds[0].events = POLLIN;
	fds[1].fd = f->ready_fd;
	fds[1].events = fake_has_more(f) || f->reads < fake.wolf ?
				POLLIN : 0;
	fds[2].fd = f->permit_fd;
	fds[2].events = POLLIN;
	return 3;
}

static int fake_read(void *self, void *bytes, size_t size,
		     struct rh_error *err)
{
	struct fake_console *f = self;
	unsigned char *to = bytes;
	size_t i;
	ssize_t n;

	if (fake.read_hangs)
		fake_says(f, 'h');
	while (fake.read_hangs)
		pause();
	f->reads++;
	if (fake.lost_code != RH_ERR_NONE && f->printed >= fake.lost_after)
		return rh_error_set(err, fake.lost_code, "the line dropped");
	n = read(f->pipe[0], bytes, size);
	if (n > 0)
		return (int)n;
	if (read(f->permit_fd, bytes, 1) == 1)
		f->permitted++;
	for (i = 0; i < size && f->printed < fake_limit(f) &&
		    (fake.hole == 0 || f->printed != fake.hole_at); i++)
		to[i] = pattern(f->printed++);
	if (i > 0 && f->printed == fake_limit(f))
		fake_says(f, f->printed == fake.flood ? 'e' : '.');
	return (int)i;
}

static uint64_t fake_take_lost(void *self)
{
	struct fake_console *f = self;
	uint64_t lost = f->printed == fake.hole_at ? fake.hole : 0;

	f->printed += lost;
	if (lost > 0)
		fake.hole = 0;
	return lost;
}

static int fake_write(void *self, const void *bytes, size_t len,
		      struct rh_error *err)
{
	struct fake_console *f = self;
	ssize_t n;

	if (fake.accept > 0 && len > (size_t)fake.accept)
		len = (size_t)fake.accept;
	if (fake.accept_total > 0 &&
	    len > (size_t)(fake.accept_total - f->accepted))
		len = (size_t)(fake.accept_total - f->accepted);
	if (len == 0) {
		if (f->refused++ == 0)
			fake_says(f, 'w');
		return 0;
	}
	n = fake.echo ? write(f->pipe[1], bytes, len) : (ssize_t)len;
	if (n < 0)
		return errno == EAGAIN ? 0 : rh_error_set(err, RH_ERR_IO, "?");
	f->accepted += (int)n;
	return (int)n;
}

static int fake_break(void *self, struct rh_error *err)
{
	(void)err;
	fake_says(self, 'b');
	return 0;
}

static void fake_detach(void *self, int64_t deadline)
{
	(void)deadline;
	while (fake.detach_hangs)
		pause();
	fake_says(self, 'd');
}

/* How often the driver was read. The loop has sent before it gets here. */
static int fake_chassis(void *self, int64_t deadline, struct buffer *ret,
			struct rh_error *err)
{
	struct fake_console *f = self;

	(void)deadline;
	(void)err;
	fake_says(f, 'k');
	buffer_printf(ret, "%d", f->reads);
	return 0;
}

static int fake_query(void *self, int64_t deadline, enum driver_power *ret,
		      struct rh_error *err)
{
	(void)self;
	(void)err;
	/* A slow controller. */
	poll(NULL, 0, deadline_poll_ms(deadline - 100));
	*ret = DRIVER_POWER_ON;
	return 0;
}

static const struct driver_console_ops fake_ops = {
	.attach = fake_attach, .pollfds = fake_pollfds, .read = fake_read,
	.take_lost = fake_take_lost,
	.write = fake_write, .send_break = fake_break, .detach = fake_detach,
};

static const struct driver_evidence_ops fake_evidence = {
	.chassis = fake_chassis,
};

static const struct driver_power_ops fake_power = { .query = fake_query };

static const struct driver fake_driver = {
	.name = "fake", .size = sizeof(struct fake_console),
	.open = fake_open, .close = fake_close, .console = &fake_ops,
	.evidence = &fake_evidence, .power = &fake_power,
};

static struct witness witness;

static int setup(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	witness_new(&witness);
	fake.witness = witness.path;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	witness_free(&witness);
	assert_no_child();
	return 0;
}

/* --- A reader that knows what must come --- */

struct reader {
	uint64_t position;	/* bytes and gaps so far */
	uint64_t bytes, gaps;
	int gap_count;
};

/* Takes console events; returns true for any other, in *ret. */
static bool reader_take(struct reader *r, const struct hand_event *e)
{
	size_t i;

	if (e->type == HAND_GAP) {
		r->gaps += e->lost_bytes;
		r->position += e->lost_bytes;
		r->gap_count++;
		return false;
	}
	if (e->type != HAND_BYTES)
		return true;
	assert_in_range(e->bytes_len, 1, 4096);
	for (i = 0; i < e->bytes_len; i++) {
		if ((unsigned char)e->bytes[i] != pattern(r->position))
			fail_msg("byte %llu is not the one",
				 (unsigned long long)r->position);
		r->position++;
	}
	r->bytes += e->bytes_len;
	return false;
}

static void reader_until(struct reader *r, struct hand *h, uint64_t position)
{
	struct hand_event e;

	while (r->position < position) {
		if (!brain_next(h, deadline_in(SOON_MS), &e))
			fail_msg("only %llu bytes came",
				 (unsigned long long)r->position);
		if (reader_take(r, &e))
			fail_msg("event %d in between: %s", (int)e.type,
				 e.err.text);
	}
	assert_int_equal(r->position, position);
}

/* --- Input --- */

static void test_echo(void **state)
{
	struct hand *h;
	struct hand_event e;
	char sent[4096], got[4096];
	size_t len = 0, i;
	bool done = false;

	(void)state;
	fake.echo = true;
	h = brain_start(&fake_driver);
	brain_attach(h);
	for (i = 0; i < sizeof(sent); i++)
		sent[i] = (char)pattern(i);
	brain_write(h, sent, sizeof(sent), deadline_in(SOON_MS));
	while (len < sizeof(got) || !done) {
		assert_true(brain_next(h, deadline_in(SOON_MS), &e));
		if (e.type == HAND_DONE) {
			assert_int_equal(e.err.code, RH_ERR_NONE);
			done = true;
			continue;
		}
		assert_int_equal(e.type, HAND_BYTES);
		assert_true(len + e.bytes_len <= sizeof(got));
		memcpy(got + len, e.bytes, e.bytes_len);
		len += e.bytes_len;
	}
	assert_memory_equal(sent, got, sizeof(got));
	hand_free(h);
}

/* One byte at a time, the queue full of writes: all in order, none twice. */
static void test_partial_accept(void **state)
{
	struct reader r = { 0 };
	struct hand_event e;
	char bytes[1024];
	struct hand *h;
	int i, done = 0;

	(void)state;
	fake.echo = true;
	fake.accept = 1;
	h = brain_start(&fake_driver);
	brain_attach(h);
	for (i = 0; i < 8 * 1024; i++) {
		bytes[i % 1024] = (char)pattern((uint64_t)i);
		if (i % 1024 == 1023)
			brain_write(h, bytes, 1024, deadline_in(SOON_MS));
	}
	while (r.bytes < 8 * 1024 || done < 8) {
		assert_true(brain_next(h, deadline_in(SOON_MS), &e));
		if (!reader_take(&r, &e))
			continue;
		assert_int_equal(e.type, HAND_DONE);
		assert_int_equal(e.err.code, RH_ERR_NONE);
		done++;
	}
	assert_int_equal(r.bytes, 8 * 1024);
	hand_free(h);
}

static void test_write_deadline_tells_how_much(void **state)
{
	struct hand_event e;
	int64_t deadline;
	struct hand *h;

	(void)state;
	fake.accept_total = 3;
	h = brain_start(&fake_driver);
	brain_attach(h);
	deadline = deadline_in(200);
	brain_write(h, "0123456789", 10, deadline);
	brain_until(h, HAND_DONE, &e);
	assert_int_equal(e.err.code, RH_ERR_TIMEOUT);
	assert_non_null(strstr(e.err.text, "3 of 10"));
	assert_in_range(deadline_now() - deadline, 0, 100);
	/* The hand is well, and reads on. */
	e = brain_do(h, HAND_OP_BREAK, 0);
	assert_int_equal(e.err.code, RH_ERR_NONE);
	witness_expect(&witness, 'b');
	hand_free(h);
}

/* Output goes on while a write does not. */
static void test_reads_while_a_write_waits(void **state)
{
	struct reader r = { 0 };
	struct hand *h;

	(void)state;
	fake.flood = 8 * MB;
	fake.accept_total = 1;
	h = brain_start(&fake_driver);
	brain_attach(h);
	brain_write(h, "xy", 2, deadline_in(SOON_MS));
	reader_until(&r, h, fake.flood);
	hand_free(h);
}

/* --- Output --- */

/* A brain that reads loses nothing, or is told exactly what. */
static void test_flood(void **state)
{
	struct reader r = { 0 };
	struct hand_event e;
	struct hand *h;

	(void)state;
	fake.flood = 100 * MB;
	h = brain_start(&fake_driver);
	brain_attach(h);
	reader_until(&r, h, fake.flood);
	assert_int_equal(r.bytes + r.gaps, fake.flood);
	e = brain_do(h, HAND_OP_DETACH, 0);
	assert_int_equal(e.err.code, RH_ERR_NONE);
	hand_free(h);
}

/* A brain that does not read: the ring holds the end, one gap the rest. */
static void test_flood_unread(void **state)
{
	struct reader r = { 0 };
	struct hand *h;

	(void)state;
	fake.flood = 100 * MB;
	h = brain_start(&fake_driver);
	brain_attach(h);
	witness_expect(&witness, 'e');
	reader_until(&r, h, fake.flood);
	assert_int_equal(r.gap_count, 1);
	assert_true(r.gaps > 98 * (uint64_t)MB);
	assert_true(r.bytes > MB);
	assert_int_equal(r.bytes + r.gaps, fake.flood);
	hand_free(h);
}

/* What the driver lost is told in its place, in the middle and at the end. */
static void test_lost_by_the_driver(void **state)
{
	const uint64_t places[] = { 10000, 19300, 0 };
	struct reader r;
	struct hand *h;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		memset(&r, 0, sizeof(r));
		fake.flood = 20000;
		fake.hole_at = places[i];
		fake.hole = 700;
		h = brain_start(&fake_driver);
		brain_attach(h);
		reader_until(&r, h, 20000);
		assert_int_equal(r.gap_count, 1);
		assert_int_equal(r.gaps, 700);
		hand_free(h);
	}
}

/* The same where the bytes on both sides wait; then the ring loses its place. */
static void test_lost_by_the_driver_unread(void **state)
{
	const struct {
		uint64_t flood, hole_at;
		int gaps;
	} cases[] = { { MB, 900000, 1 }, { 100 * MB, 50 * MB, 2 } };
	struct reader r;
	struct hand *h;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(&r, 0, sizeof(r));
		fake.flood = cases[i].flood;
		fake.hole_at = cases[i].hole_at;
		fake.hole = 700;
		h = brain_start(&fake_driver);
		brain_attach(h);
		witness_expect(&witness, 'e');
		reader_until(&r, h, fake.flood);
		assert_int_equal(r.gap_count, cases[i].gaps);
		assert_int_equal(r.bytes + r.gaps, fake.flood);
		hand_free(h);
	}
}

/* Takes up to count console events that are there; false: an end came. */
static void reader_some(struct reader *r, struct hand *h, int count)
{
	struct hand_event e;

	while (count > 0 && brain_next(h, deadline_now(), &e)) {
		if (reader_take(r, &e))
			assert_int_equal(e.err.code, RH_ERR_NONE);
		else
			count--;
	}
}

/*
 * A brain that reads a little between much output: gaps in many places,
 * with the socket full at each, all exact.
 */
static void test_flood_read_a_little(void **state)
{
	struct witness permits;
	struct reader r = { 0 };
	struct hand *h;
	int i, fd;

	(void)state;
	witness_new(&permits);
	fd = open(permits.path, O_WRONLY | O_CLOEXEC);
	fake.permits = permits.path;
	fake.step = 300 * 1024 + 7;
	fake.flood = 200 * fake.step;
	h = brain_start(&fake_driver);
	brain_attach(h);
	for (i = 0; i < 200; i++) {
		assert_int_equal(write(fd, "x", 1), 1);
		witness_expect(&witness, i < 199 ? '.' : 'e');
		reader_some(&r, h, 1 + i % 40);
	}
	reader_until(&r, h, fake.flood);
	assert_true(r.gap_count > 10);
	assert_int_equal(r.bytes + r.gaps, fake.flood);
	hand_free(h);
	close(fd);
	witness_free(&permits);
}

/* What was read before the detach comes before its answer. */
static void test_detach_brings_out_the_rest(void **state)
{
	struct reader r = { 0 };
	struct hand_event e;
	struct hand *h;
	int i;

	(void)state;
	fake.flood = 900 * 1024;
	h = brain_start(&fake_driver);
	for (i = 0; i < 3; i++) {
		brain_attach(h);
		memset(&r, 0, sizeof(r));
		witness_expect(&witness, 'e');
		brain_ask(h, HAND_OP_DETACH, 0, deadline_in(SOON_MS));
		reader_until(&r, h, fake.flood);
		assert_int_equal(r.gaps, 0);
		assert_true(brain_next(h, deadline_in(SOON_MS), &e));
		assert_int_equal(e.type, HAND_DONE);
		assert_int_equal(e.err.code, RH_ERR_NONE);
	}
	hand_free(h);
}

static void test_stop_gives_the_console_back(void **state)
{
	struct reader r = { 0 };
	struct hand_event e;
	struct hand *h;

	(void)state;
	fake.flood = 900 * 1024;
	h = brain_start(&fake_driver);
	brain_attach(h);
	witness_expect(&witness, 'e');
	hand_stop(h);
	reader_until(&r, h, fake.flood);
	assert_true(brain_next(h, deadline_in(SOON_MS), &e));
	assert_int_equal(e.type, HAND_ENDED);
	assert_int_equal(e.err.code, RH_ERR_NONE);
	assert_false(e.held_console);
	witness_expect(&witness, 'd');
	witness_expect(&witness, 'c');
	hand_free(h);
}

static void test_hung_detach_is_killed(void **state)
{
	struct hand_event e;
	int64_t before;
	struct hand *h;

	(void)state;
	fake.detach_hangs = true;
	h = brain_start(&fake_driver);
	brain_attach(h);
	before = deadline_now();
	hand_stop(h);
	brain_until(h, HAND_ENDED, &e);
	assert_int_equal(e.err.code, RH_ERR_CRASHED);
	assert_true(e.held_console);
	assert_in_range(deadline_now() - before, 1000, 1200);
	hand_free(h);
}

/* --- Sessions --- */

static void test_busy_is_not_stolen(void **state)
{
	struct hand_event e;
	struct hand *h;

	(void)state;
	fake.attach_code = RH_ERR_BUSY;
	h = brain_start(&fake_driver);
	e = brain_do(h, HAND_OP_ATTACH, 0);
	assert_int_equal(e.err.code, RH_ERR_BUSY);
	assert_string_equal(e.err.text, "held by root");
	e = brain_do(h, HAND_OP_BREAK, 0);
	assert_int_equal(e.err.code, RH_ERR_STATE);
	e = brain_do(h, HAND_OP_ATTACH, DRIVER_ATTACH_STEAL);
	assert_int_equal(e.err.code, RH_ERR_NONE);
	witness_expect(&witness, 's');
	e = brain_do(h, HAND_OP_ATTACH, 0);
	assert_int_equal(e.err.code, RH_ERR_STATE);
	hand_free(h);
}

/* All bytes first, then the loss; then it can be attached again. */
static void test_lost_session(void **state)
{
	struct reader r = { 0 };
	struct hand_event e;
	struct hand *h;

	(void)state;
	fake.flood = 10 * MB;
	fake.lost_after = 500 * 1024;
	fake.lost_code = RH_ERR_LOST;
	h = brain_start(&fake_driver);
	brain_attach(h);
	witness_expect(&witness, 'd');
	do {
		assert_true(brain_next(h, deadline_in(SOON_MS), &e));
	} while (!reader_take(&r, &e));
	assert_int_equal(e.type, HAND_CONSOLE_LOST);
	assert_int_equal(e.err.code, RH_ERR_LOST);
	assert_string_equal(e.err.text, "the line dropped");
	assert_true(e.held_console);
	assert_true(r.position >= fake.lost_after);
	e = brain_do(h, HAND_OP_ATTACH, DRIVER_ATTACH_OWN);
	assert_int_equal(e.err.code, RH_ERR_NONE);
	witness_expect(&witness, 'o');
	hand_free(h);
}

/* A new session begins behind the end of the old one. */
static void test_attach_waits_for_the_loss(void **state)
{
	struct reader r = { 0 };
	struct hand_event e;
	struct hand *h;

	(void)state;
	fake.flood = 10 * MB;
	fake.lost_after = 900 * 1024;
	fake.lost_code = RH_ERR_LOST;
	h = brain_start(&fake_driver);
	brain_attach(h);
	witness_expect(&witness, 'd');
	brain_ask(h, HAND_OP_ATTACH, 0, deadline_in(SOON_MS));
	do {
		assert_true(brain_next(h, deadline_in(SOON_MS), &e));
	} while (!reader_take(&r, &e));
	assert_int_equal(e.type, HAND_CONSOLE_LOST);
	assert_true(r.position >= fake.lost_after);
	assert_true(brain_next(h, deadline_in(SOON_MS), &e));
	assert_int_equal(e.type, HAND_DONE);
	assert_int_equal(e.err.code, RH_ERR_NONE);
	hand_free(h);
}

/* The write that was under way is answered once, with how far it got. */
static void test_lost_while_writing(void **state)
{
	struct witness permits;
	struct hand_event e;
	struct hand *h;
	int fd;

	(void)state;
	witness_new(&permits);
	fd = open(permits.path, O_WRONLY | O_CLOEXEC);
	fake.permits = permits.path;
	fake.accept_total = 1;
	fake.step = 1000;
	fake.flood = 1000;
	fake.lost_after = 1000;
	fake.lost_code = RH_ERR_BUSY;
	h = brain_start(&fake_driver);
	brain_attach(h);
	brain_write(h, "xy", 2, deadline_in(SOON_MS));
	witness_expect(&witness, 'w');
	assert_int_equal(write(fd, "x", 1), 1);
	brain_until(h, HAND_DONE, &e);
	assert_int_equal(e.op, HAND_OP_WRITE);
	assert_int_equal(e.err.code, RH_ERR_BUSY);
	brain_until(h, HAND_CONSOLE_LOST, &e);
	assert_false(e.held_console);
	brain_write(h, "z", 1, deadline_in(SOON_MS));
	brain_until(h, HAND_DONE, &e);
	assert_int_equal(e.err.code, RH_ERR_STATE);
	hand_free(h);
	close(fd);
	witness_free(&permits);
}

/* --- Life --- */

static void test_hung_read_is_seen(void **state)
{
	struct hand_event e;
	int64_t before;
	struct hand *h;

	(void)state;
	fake.read_hangs = true;
	h = brain_start(&fake_driver);
	brain_attach(h);
	before = deadline_now();
	brain_until(h, HAND_ENDED, &e);
	assert_int_equal(e.err.code, RH_ERR_CRASHED);
	assert_non_null(strstr(e.err.text, "sign of life"));
	assert_true(e.held_console);
	assert_in_range(deadline_now() - before, 4500, 5200);
	hand_free(h);
}

/* A hung driver and no brain: its own timer is left. */
static void test_hung_read_without_a_brain(void **state)
{
	struct hand *h;
	pid_t brain;

	(void)state;
	fake.read_hangs = true;
	brain = fork();
	if (brain == 0) {
		brain_dies_with_test();
		h = brain_start(&fake_driver);
		brain_ask(h, HAND_OP_ATTACH, 0, deadline_in(SOON_MS));
		while (pause() < 0)
			continue;
	}
	witness_expect(&witness, 'h');
	kill(brain, SIGKILL);
	waitpid(brain, NULL, 0);
	assert_int_equal(witness_next(&witness, deadline_in(8000)), '\0');
}

/* A silent console lives; a slow request beside it is no hang either. */
static void test_silent_console_lives(void **state)
{
	struct hand_event e;
	struct hand *h;

	(void)state;
	h = brain_start(&fake_driver);
	brain_attach(h);
	brain_ask(h, HAND_OP_QUERY, 0, deadline_in(5600));
	brain_until(h, HAND_DONE, &e);
	assert_int_equal(e.err.code, RH_ERR_NONE);
	assert_false(brain_next(h, deadline_in(1500), &e));
	assert_true(hand_fd(h) >= 0);
	assert_true(hand_deadline(h) > deadline_in(3500));
	hand_free(h);
}

/* "Ready" for ever without a byte costs no processor. */
static void test_wolf(void **state)
{
	struct hand_event e;
	struct hand *h;

	(void)state;
	fake.wolf = INT_MAX;
	h = brain_start(&fake_driver);
	brain_attach(h);
	assert_false(brain_next(h, deadline_in(500), &e));
	e = brain_do(h, HAND_OP_CHASSIS, 0);
	assert_in_range(atoi(e.bytes), 10, 200);
	hand_free(h);
}

/* And when it is over, without a byte, nobody looks any more. */
static void test_wolf_ends(void **state)
{
	struct hand_event e;
	struct hand *h;
	int reads;

	(void)state;
	fake.wolf = 40;
	h = brain_start(&fake_driver);
	brain_attach(h);
	assert_false(brain_next(h, deadline_in(500), &e));
	e = brain_do(h, HAND_OP_CHASSIS, 0);
	reads = atoi(e.bytes);
	assert_in_range(reads, 40, 60);
	assert_false(brain_next(h, deadline_in(500), &e));
	e = brain_do(h, HAND_OP_CHASSIS, 0);
	assert_in_range(atoi(e.bytes), reads + 1, reads + 8);
	hand_free(h);
}

static void test_killed_hand_held_the_console(void **state)
{
	struct hand_event e;
	struct hand *h;

	(void)state;
	h = brain_start(&fake_driver);
	brain_attach(h);
	kill(hand_pid(h), SIGKILL);
	assert_true(brain_next(h, deadline_in(SOON_MS), &e));
	assert_int_equal(e.type, HAND_ENDED);
	assert_int_equal(e.err.code, RH_ERR_CRASHED);
	assert_non_null(strstr(e.err.text, "SIGKILL"));
	assert_true(e.held_console);
	hand_free(h);
	/* Given back: then it does not. */
	h = brain_start(&fake_driver);
	brain_attach(h);
	(void)brain_do(h, HAND_OP_DETACH, 0);
	kill(hand_pid(h), SIGKILL);
	brain_until(h, HAND_ENDED, &e);
	assert_false(e.held_console);
	hand_free(h);
}

/* What a hand said before it died is read, with requests unread by it. */
static void test_last_words_are_read(void **state)
{
	struct pollfd hangup = { 0 };
	struct reader r = { 0 };
	struct hand_event e;
	struct hand *h;

	(void)state;
	fake.flood = 64 * 1024;
	h = brain_start(&fake_driver);
	brain_attach(h);
	witness_expect(&witness, 'e');
	/* What was read went into the socket before the next request ran. */
	brain_ask(h, HAND_OP_CHASSIS, 0, deadline_in(SOON_MS));
	witness_expect(&witness, 'k');
	kill(hand_pid(h), SIGSTOP);
	brain_ask(h, HAND_OP_BREAK, 0, deadline_in(SOON_MS));
	kill(hand_pid(h), SIGKILL);
	hangup.fd = hand_fd(h);
	assert_int_equal(poll(&hangup, 1, SOON_MS), 1);
	reader_until(&r, h, fake.flood);
	do {
		assert_true(brain_next(h, deadline_in(SOON_MS), &e));
		assert_int_equal(e.type, HAND_DONE);
	} while (e.op != HAND_OP_BREAK);
	assert_int_equal(e.err.code, RH_ERR_CRASHED);
	brain_until(h, HAND_ENDED, &e);
	hand_free(h);
}

static void test_brain_killed_gives_the_console_back(void **state)
{
	struct hand_event e;
	struct hand *h;
	int64_t before;
	pid_t brain;

	(void)state;
	fake.flood = 4 * MB;
	brain = fork();
	if (brain == 0) {
		brain_dies_with_test();
		h = brain_start(&fake_driver);
		brain_attach(h);
		/* It does not read: output waits in the ring and the socket. */
		for (;;)
			(void)brain_next(h, DEADLINE_NEVER, &e);
	}
	witness_expect(&witness, 'e');
	before = deadline_now();
	kill(brain, SIGKILL);
	waitpid(brain, NULL, 0);
	witness_expect(&witness, 'd');
	witness_expect(&witness, 'c');
	witness_expect(&witness, '\0');
	assert_in_range(deadline_now() - before, 0, 1000);
}

static void test_break_and_detach_twice(void **state)
{
	struct hand_event e;
	struct hand *h;

	(void)state;
	h = brain_start(&fake_driver);
	e = brain_do(h, HAND_OP_DETACH, 0);
	assert_int_equal(e.err.code, RH_ERR_NONE);
	brain_attach(h);
	e = brain_do(h, HAND_OP_BREAK, 0);
	assert_int_equal(e.err.code, RH_ERR_NONE);
	e = brain_do(h, HAND_OP_DETACH, 0);
	assert_int_equal(e.err.code, RH_ERR_NONE);
	e = brain_do(h, HAND_OP_DETACH, 0);
	assert_int_equal(e.err.code, RH_ERR_NONE);
	hand_free(h);
	witness_expect(&witness, 'a');
	assert_int_equal(witness_next(&witness, deadline_in(SOON_MS)), 'b');
	assert_int_equal(witness_next(&witness, deadline_in(SOON_MS)), 'd');
	assert_int_equal(witness_next(&witness, deadline_in(SOON_MS)), 'c');
}

#define CONSOLE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONSOLE_TEST(test_echo),
		CONSOLE_TEST(test_partial_accept),
		CONSOLE_TEST(test_write_deadline_tells_how_much),
		CONSOLE_TEST(test_reads_while_a_write_waits),
		CONSOLE_TEST(test_flood),
		CONSOLE_TEST(test_flood_unread),
		CONSOLE_TEST(test_lost_by_the_driver),
		CONSOLE_TEST(test_lost_by_the_driver_unread),
		CONSOLE_TEST(test_flood_read_a_little),
		CONSOLE_TEST(test_detach_brings_out_the_rest),
		CONSOLE_TEST(test_stop_gives_the_console_back),
		CONSOLE_TEST(test_hung_detach_is_killed),
		CONSOLE_TEST(test_busy_is_not_stolen),
		CONSOLE_TEST(test_lost_session),
		CONSOLE_TEST(test_attach_waits_for_the_loss),
		CONSOLE_TEST(test_lost_while_writing),
		CONSOLE_TEST(test_hung_read_is_seen),
		CONSOLE_TEST(test_hung_read_without_a_brain),
		CONSOLE_TEST(test_silent_console_lives),
		CONSOLE_TEST(test_wolf),
		CONSOLE_TEST(test_wolf_ends),
		CONSOLE_TEST(test_killed_hand_held_the_console),
		CONSOLE_TEST(test_last_words_are_read),
		CONSOLE_TEST(test_brain_killed_gives_the_console_back),
		CONSOLE_TEST(test_break_and_detach_twice),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
