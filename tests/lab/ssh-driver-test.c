/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ssh-driver-test - the SSH driver, step by step, from a script
 *
 *   ssh-driver-test [-h] KEY=VALUE... -- STEP...
 *
 * KEY=VALUE are options of the driver. Steps, each on one line of the output,
 * run in order until one fails (exit 1):
 *   run MS LIMIT COMMAND  boot-id MS   look MS
 *   attach MS   send TEXT   expect MS TEXT   paste BYTES   break   lost MS
 *   output MS   clog (write until it takes no more)   type MS TEXT
 *   signal NUMBER PID
 *   detach   rest (nothing is left of connections)
 * output, clog and type never read. -h: the driver runs in a hand, in its
 * sandbox (none of these, no look, paste, rest).
 * An error is printed as "error CODE: TEXT", and a step may be preceded by
 * `fails`: then it must fail.
 */
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/hand/hand.h"
#include "base/buffer.h"
#include "base/deadline.h"
#include "base/memory.h"
#include "base/settings.h"
#include "base/vis.h"
#include "drivers/driver.h"
#include "drivers/drivers.h"

/* Of all ways to a console, whatever the driver. */
static const struct option console_options[] = {
	{ .key = "terminal", .type = OPTION_TEXT },
	OPTION_END
};

struct way {
	struct settings *settings;
	void *self;		/* the instance, or */
	struct hand *hand;	/* its hand */
	struct buffer seen;	/* console output that nothing expected yet */
	bool lost;
	int descriptors;	/* that were open before */
};

static void show(const char *what, const struct buffer *b)
{
	struct buffer text = { 0 };

	vis_append(&text, buffer_text(b), b->len < 600 ? b->len : 600);
	printf("%s %zu: %s\n", what, b->len, buffer_text(&text));
	buffer_release(&text);
}

static int descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	while (dir != NULL && readdir(dir) != NULL)
		count++;
	if (dir != NULL)
		closedir(dir);
	return count;
}

static long peak_kb(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

/* --- in a hand ------------------------------------------------------------- */

/* Takes events until that of type (and op) comes. False: not by `until`. */
static bool hand_until(struct way *w, enum hand_event_type type,
		       int64_t until, struct hand_event *ret)
{
	struct pollfd p = { .events = POLLIN };

	for (;;) {
		while (hand_next(w->hand, ret)) {
			if (ret->type == HAND_BYTES)
				buffer_append(&w->seen, ret->bytes,
					      ret->bytes_len);
			w->lost = w->lost || ret->type == HAND_CONSOLE_LOST;
			if (ret->type == type)
				return true;
		}
		if (deadline_now() >= until)
			return false;
		p.fd = hand_fd(w->hand);
		poll(&p, 1, deadline_poll_ms(deadline_min(until,
						hand_deadline(w->hand))));
		if (deadline_now() >= hand_deadline(w->hand))
			hand_tick(w->hand, deadline_now());
	}
}

static int hand_ask(struct way *w, struct hand_request *r,
		    struct hand_event *ret, struct rh_error *err)
{
	uint32_t id;

	if (hand_send(w->hand, r, &id, err) < 0)
		return -1;
	if (!hand_until(w, HAND_DONE, deadline_add(r->deadline, 2000), ret))
		return rh_error_set(err, RH_ERR_INTERNAL, "the hand is silent");
	*err = ret->err;
	return err->code == RH_ERR_NONE ? 0 : -1;
}

static int hand_simple(struct way *w, enum hand_op op, int number, int64_t ms,
		       const char *bytes, struct hand_event *ret,
		       struct rh_error *err)
{
	struct hand_request r = { .op = op, .number = number,
				  .deadline = deadline_in(ms), .bytes = bytes,
				  .bytes_len = bytes ? strlen(bytes) : 0 };

	return hand_ask(w, &r, ret, err);
}

/* --- steps ----------------------------------------------------------------- */

static int step_run(struct way *w, char **a, struct rh_error *err)
{
	struct driver_shell_result r = { 0 };
	int64_t begin = deadline_now();
	struct hand_event e;
	int rc;

	if (w->hand != NULL) {
		rc = hand_simple(w, HAND_OP_SHELL, atoi(a[1]), atoi(a[0]), a[2],
				 &e, err);
		if (rc == 0)
			printf("status %d, %s\n", e.exit_status, e.bytes);
		return rc;
	}
	rc = driver_ssh.shell->run(w->self, a[2], (size_t)atol(a[1]),
				   deadline_in(atoi(a[0])), &r, err);
	if (rc == 0)
		printf("status %d%s\n", r.exit_status, r.cut ? ", cut" : "");
	show("out", &r.out);
	show("errors", &r.errors);
	printf("took %lld ms, peak %ld kB\n",
	       (long long)(deadline_now() - begin), peak_kb());
	buffer_release(&r.out);
	buffer_release(&r.errors);
	return rc;
}

static int step_boot_id(struct way *w, char **a, struct rh_error *err)
{
	struct buffer id = { 0 };
	struct hand_event e;
	int rc;

	if (w->hand != NULL) {
		rc = hand_simple(w, HAND_OP_BOOT_ID, 0, atoi(a[0]), NULL, &e,
				 err);
		if (rc == 0)
			printf("boot %s\n", e.bytes);
		return rc;
	}
	rc = driver_ssh.shell->boot_id(w->self, deadline_in(atoi(a[0])), &id,
				       err);
	if (rc == 0)
		printf("boot %s\n", buffer_text(&id));
	buffer_release(&id);
	return rc;
}

static int step_look(struct way *w, char **a, struct rh_error *err)
{
	struct buffer lines = { 0 };
	int rc = driver_ssh.doctor->look(w->self, 0, deadline_in(atoi(a[0])),
					 &lines, err);

	printf("%s", buffer_text(&lines));
	buffer_release(&lines);
	return rc;
}

static int step_attach(struct way *w, char **a, struct rh_error *err)
{
	int64_t begin = deadline_now();
	struct hand_event e;
	int rc;

	w->lost = false;
	buffer_clear(&w->seen);
	if (w->hand != NULL)
		rc = hand_simple(w, HAND_OP_ATTACH, 0, atoi(a[0]), NULL, &e,
				 err);
	else
		rc = driver_ssh.console->attach(w->self, 0,
						deadline_in(atoi(a[0])), err);
	printf("attach took %lld ms\n", (long long)(deadline_now() - begin));
	return rc;
}

/* Reads what is there, waiting until then for the first of it. */
static int take(struct way *w, int64_t until, struct rh_error *err)
{
	struct pollfd fds[16];
	char bytes[4096];
	struct hand_event e;
	int n, count, wake = -1;
	int64_t wait = until;

	if (w->hand != NULL) {
		(void)hand_until(w, HAND_BYTES, until, &e);
		return w->lost ? rh_error_set(err, RH_ERR_LOST, "%s",
					      e.err.text) : 0;
	}
	n = driver_ssh.console->read(w->self, bytes, sizeof(bytes), err);
	if (n > 0)
		buffer_append(&w->seen, bytes, (size_t)n);
	if (n != 0)
		return n < 0 ? -1 : 0;
	count = driver_ssh.console->pollfds(w->self, fds, 16, &wake);
	if (wake >= 0)
		wait = deadline_min(until, deadline_in(wake));
	poll(fds, (nfds_t)count, deadline_poll_ms(wait));
	return 0;
}

static int step_expect(struct way *w, char **a, struct rh_error *err)
{
	int64_t until = deadline_in(atoi(a[0]));
	const char *at;

	while ((at = w->seen.len == 0 ? NULL :
		     memmem(w->seen.data, w->seen.len, a[1], strlen(a[1]))) ==
	       NULL) {
		if (deadline_now() >= until) {
			show("seen", &w->seen);
			return rh_error_set(err, RH_ERR_TIMEOUT,
					    "\"%s\" did not come", a[1]);
		}
		if (take(w, until, err) < 0)
			return -1;
	}
	buffer_drop(&w->seen, (size_t)(at - w->seen.data) + strlen(a[1]));
	return 0;
}

static int send_all(struct way *w, const char *bytes, size_t len, int *partial,
		    struct rh_error *err)
{
	int64_t until = deadline_in(20000);
	int n;

	while (len > 0) {
		if (deadline_now() >= until)
			return rh_error_set(err, RH_ERR_TIMEOUT,
					    "%zu bytes were not taken", len);
		n = driver_ssh.console->write(w->self, bytes, len, err);
		if (n < 0)
			return -1;
		*partial += (size_t)n < len;
		bytes += n;
		len -= (size_t)n;
		if (take(w, deadline_in(n > 0 ? 0 : 5), err) < 0)
			return -1;
	}
	return 0;
}

static int step_send(struct way *w, char **a, struct rh_error *err)
{
	char *text = memory_format("%s\r", a[0]);
	struct hand_event e;
	int rc, partial = 0;

	if (w->hand != NULL)
		rc = hand_simple(w, HAND_OP_WRITE, 0, 5000, text, &e, err);
	else
		rc = send_all(w, text, strlen(text), &partial, err);
	free(text);
	return rc;
}

/* So many bytes there (and back: the other side echoes them, unchanged). */
static int step_paste(struct way *w, char **a, struct rh_error *err)
{
	size_t size = (size_t)atol(a[0]), i;
	int64_t until = deadline_in(30000);
	struct buffer text = { 0 };
	int rc, partial = 0;

	buffer_clear(&w->seen);
	for (i = 0; i < size; i++)
		buffer_append_char(&text, (char)('a' + (i * 7 + i / 26) % 26));
	rc = send_all(w, text.data, text.len, &partial, err);
	while (rc == 0 && w->seen.len < size && deadline_now() < until)
		rc = take(w, until, err);
	if (rc == 0 && (w->seen.len != size ||
			memcmp(w->seen.data, text.data, size) != 0))
		rc = rh_error_set(err, RH_ERR_PROTOCOL, "the echo differs, "
				  "%zu of %zu bytes", w->seen.len, size);
	printf("partial writes: %d\n", partial);
	buffer_release(&text);
	buffer_clear(&w->seen);
	return rc;
}

/* There is output that nobody has read; and the send buffer is small now. */
static int step_output(struct way *w, char **a, struct rh_error *err)
{
	int64_t until = deadline_in(atoi(a[0]));
	int small = 4096, count, wake = -1;
	struct pollfd fds[16];

	while (deadline_now() < until) {
		count = driver_ssh.console->pollfds(w->self, fds, 16, &wake);
		if (count > 0 && wake == 0)
			return setsockopt(fds[0].fd, SOL_SOCKET, SO_SNDBUF,
					  &small, sizeof(small));
		poll(fds, (nfds_t)count, 20);
	}
	return rh_error_set(err, RH_ERR_TIMEOUT, "there is no output");
}

/* Until the other side takes no more. */
static int step_clog(struct way *w, char **a, struct rh_error *err)
{
	int64_t until = deadline_in(10000);
	char bytes[16384];
	int n, none = 0;
	size_t taken = 0;

	(void)a;
	memset(bytes, 'x', sizeof(bytes));
	while (none < 20 && deadline_now() < until) {
		n = driver_ssh.console->write(w->self, bytes, sizeof(bytes),
					      err);
		if (n < 0)
			return -1;
		taken += (size_t)n;
		none = n > 0 ? 0 : none + 1;
		if (n == 0)
			poll(NULL, 0, 5);
	}
	printf("clogged after %zu bytes\n", taken);
	return none > 0 ? 0 : rh_error_set(err, RH_ERR_TIMEOUT,
					   "it takes all that there is");
}

static int step_type(struct way *w, char **a, struct rh_error *err)
{
	int64_t until = deadline_in(atoi(a[0]));
	const char *at = a[1];
	int n;

	while (*at != '\0' && deadline_now() < until) {
		n = driver_ssh.console->write(w->self, at, strlen(at), err);
		if (n < 0)
			return -1;
		at += n;
		if (n == 0)
			poll(NULL, 0, 5);
	}
	return *at == '\0' ? 0 : rh_error_set(err, RH_ERR_TIMEOUT,
					      "%zu bytes were not taken",
					      strlen(at));
}

static int step_signal(struct way *w, char **a, struct rh_error *err)
{
	(void)w;
	if (kill(atoi(a[1]), atoi(a[0])) == 0)
		return 0;
	return rh_error_set(err, RH_ERR_INTERNAL, "no process %s", a[1]);
}

static int step_break(struct way *w, char **a, struct rh_error *err)
{
	struct hand_event e;

	(void)a;
	if (w->hand != NULL)
		return hand_simple(w, HAND_OP_BREAK, 0, 5000, NULL, &e, err);
	return driver_ssh.console->send_break(w->self, err);
}

/* The session must be seen to be gone by then. */
static int step_lost(struct way *w, char **a, struct rh_error *err)
{
	int64_t begin = deadline_now(), until = deadline_in(atoi(a[0]));

	while (deadline_now() < until) {
		if (take(w, until, err) == 0)
			continue;
		printf("lost after %lld ms: %s: %s\n",
		       (long long)(deadline_now() - begin),
		       rh_code_name(err->code), err->text);
		return 0;
	}
	return rh_error_set(err, RH_ERR_TIMEOUT, "it was not lost");
}

static int step_detach(struct way *w, char **a, struct rh_error *err)
{
	int64_t begin = deadline_now();
	struct hand_event e;
	int rc = 0;

	(void)a;
	if (w->hand != NULL)
		rc = hand_simple(w, HAND_OP_DETACH, 0, 2000, NULL, &e, err);
	else
		driver_ssh.console->detach(w->self, deadline_in(2000));
	printf("detach took %lld ms\n", (long long)(deadline_now() - begin));
	return rc;
}

static int step_rest(struct way *w, char **a, struct rh_error *err)
{
	int count = descriptors();

	(void)a;
	if (count == w->descriptors)
		return 0;
	return rh_error_set(err, RH_ERR_INTERNAL, "%d descriptors are left",
			    count - w->descriptors);
}

static const struct step {
	const char *name;
	int count;		/* of arguments */
	int (*run)(struct way *w, char **a, struct rh_error *err);
} steps[] = {
	{ "run", 3, step_run },	      { "boot-id", 1, step_boot_id },
	{ "look", 1, step_look },     { "attach", 1, step_attach },
	{ "expect", 2, step_expect }, { "send", 1, step_send },
	{ "paste", 1, step_paste },   { "break", 0, step_break },
	{ "lost", 1, step_lost },     { "detach", 0, step_detach },
	{ "rest", 0, step_rest },     { "output", 1, step_output },
	{ "clog", 0, step_clog },     { "type", 2, step_type },
	{ "signal", 2, step_signal },
};

#define STEPS (sizeof(steps) / sizeof(steps[0]))

/* Runs one step; returns how many words it was, 0: it failed. */
static int step(struct way *w, char **a)
{
	struct rh_error err = RH_ERROR_INIT;
	bool fails = strcmp(a[0], "fails") == 0;
	int given = 0, rc;
	size_t i;

	for (a += fails; a[given] != NULL;)
		given++;
	for (i = 0; i < STEPS && given > 0; i++) {
		if (strcmp(steps[i].name, a[0]) == 0 &&
		    given > steps[i].count)
			break;
	}
	if (i == STEPS || given == 0) {
		printf("no such step: %s\n", given > 0 ? a[0] : "none");
		return 0;
	}
	rc = steps[i].run(w, a + 1, &err);
	if (rc < 0)
		printf("error %s: %s\n", rh_code_name(err.code), err.text);
	else
		printf("ok %s\n", steps[i].name);
	return (rc < 0) == fails ? fails + 1 + steps[i].count : 0;
}

static int open_way(struct way *w, bool in_hand, struct rh_error *err)
{
	w->descriptors = descriptors();
	if (in_hand) {
		w->hand = hand_start("host/ssh", &driver_ssh, w->settings, err);
		return w->hand == NULL ? -1 : 0;
	}
	w->self = memory_new(1, driver_ssh.size);
	return driver_ssh.open(w->self, w->settings, deadline_in(5000), err);
}

static void close_way(struct way *w)
{
	if (w->self != NULL)
		driver_ssh.close(w->self);
	free(w->self);
	hand_free(w->hand);
	settings_free(w->settings);
	buffer_release(&w->seen);
}

int main(int argc, char **argv)
{
	const struct option *tables[3] = { driver_ssh.options,
					   console_options, NULL };
	bool in_hand = argc > 1 && strcmp(argv[1], "-h") == 0;
	struct rh_error err = RH_ERROR_INIT;
	struct way w = { .settings = settings_new(tables) };
	int i = 1 + in_hand, taken = 1;
	char *value;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
		value = strchr(argv[i], '=');
		if (value == NULL)
			break;
		*value++ = '\0';
		if (settings_set(w.settings, argv[i], value, &err) < 0)
			break;
	}
	if (i == argc || strcmp(argv[i], "--") != 0 ||
	    open_way(&w, in_hand, &err) < 0) {
		printf("error %s: %s\n", rh_code_name(err.code), err.text);
		close_way(&w);
		return 1;
	}
	for (i++; i < argc && taken > 0; i += taken)
		taken = step(&w, argv + i);
	close_way(&w);
	return taken > 0 ? 0 : 1;
}
