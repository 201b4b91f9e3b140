/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How long a prompt waits for its key: a live run (its poll loop, its machine,
 * its record) on a console driver of our own in a real hand. The driver takes
 * the time when it gives the last byte of a prompt, and again when it is given
 * the first byte of the answer; it writes both to a pipe.
 *
 * Prints the median and the 99th percentile of COUNT prompts in ms.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "agent/run/run.h"
#include "base/memory.h"

#define COUNT 1000

static struct {
	size_t count;
	int64_t took_ns[COUNT];
} *bench_shared;

struct bench_console {
	int event_fd;
	int prompts;
	int64_t given_ns;
};

static int64_t bench_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int bench_open(void *self, const struct settings *settings,
		      int64_t deadline, struct rh_error *err)
{
	struct bench_console *c = self;

	(void)settings;
	(void)deadline;
	(void)err;
	c->event_fd = eventfd(1, EFD_NONBLOCK);
	return 0;
}

static void bench_close(void *self)
{
	close(((struct bench_console *)self)->event_fd);
}

static int bench_attach(void *self, unsigned flags, int64_t deadline,
			struct rh_error *err)
{
	(void)self;
	(void)flags;
	(void)deadline;
	(void)err;
	return 0;
}

static int bench_pollfds(void *self, struct pollfd *fds, int max,
			 int *ret_wake_ms)
{
	struct bench_console *c = self;

	(void)max;
	(void)ret_wake_ms;
	fds[0] = (struct pollfd){ .fd = c->event_fd, .events = POLLIN };
	return 1;
}

static int bench_read(void *self, void *bytes, size_t size,
		      struct rh_error *err)
{
	struct bench_console *c = self;
	uint64_t ready;

	(void)err;
	if (read(c->event_fd, &ready, sizeof(ready)) < 0)
		return 0;
	c->given_ns = bench_now_ns();
	if (c->prompts++ == COUNT)
		return snprintf(bytes, size, "\r\nthat is all\r\n");
	return snprintf(bytes, size, "\r\nsome line of output\r\nprompt> ");
}

static int bench_write(void *self, const void *bytes, size_t len,
		       struct rh_error *err)
{
	struct bench_console *c = self;
	int64_t took = bench_now_ns() - c->given_ns;
	uint64_t one = 1;

	(void)bytes;
	(void)err;
	if (bench_shared->count < COUNT)
		bench_shared->took_ns[bench_shared->count++] = took;
	return write(c->event_fd, &one, sizeof(one)) < 0 ? -1 : (int)len;
}

static void bench_detach(void *self, int64_t deadline)
{
	(void)self;
	(void)deadline;
}

static const struct driver_console_ops bench_ops = {
	.attach = bench_attach,
	.pollfds = bench_pollfds,
	.read = bench_read,
	.write = bench_write,
	.detach = bench_detach,
};

static const struct option bench_options[] = { OPTION_END };

static const struct driver bench_driver = {
	.name = "bench",
	.summary = "a console that asks",
	.options = bench_options,
	.size = sizeof(struct bench_console),
	.open = bench_open,
	.close = bench_close,
	.console = &bench_ops,
};

static struct sequence *bench_sequence(void)
{
	static const char text[] =
		"[sequence]\nsummary = answer prompts\nneeds = console\n"
		"start = ask\ndeadline = 5m\n"
		"[state ask]\ntimeout = 4m -> failed \"too slow\"\n"
		"on = /that is all/ -> recovered\n"
		"on = /prompt> / : key x\n";
	struct problems problems = { 0 };
	struct ini *ini = ini_read("bench", text, strlen(text), &problems);
	struct sequence *s = sequence_parse(ini, "bench", NULL, &problems);

	ini_free(ini);
	problems_release(&problems);
	return s;
}

static int bench_compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static int bench_report(void)
{
	int64_t *took = bench_shared->took_ns;
	size_t count = bench_shared->count;

	if (count < COUNT) {
		fprintf(stderr, "only %zu answers of %d\n", count, COUNT);
		return 1;
	}
	qsort(took, count, sizeof(took[0]), bench_compare);
	printf("reaction: median %.3f ms, 99 %% %.3f ms of %zu prompts "
	       "(goal: median below 1 ms)\n", (double)took[count / 2] / 1e6,
	       (double)took[count * 99 / 100] / 1e6, count);
	return 0;
}

int main(int argc, char **argv)
{
	const struct option *tables[] = { way_options[WAY_CONSOLE],
					  bench_options, NULL };
	struct rh_error err = RH_ERROR_INIT;
	struct way way = { .capability = WAY_CONSOLE, .label = (char[]){ "console" },
			   .driver = &bench_driver };
	struct host host = { .name = (char[]){ "bench" },
			     .summary = (char[]){ "" },
			     .address = (char[]){ "127.0.0.1" },
			     .ways = &way, .way_count = 1 };
	struct run_options options = { .host = &host, .verb = "bench",
				       .records = argc > 1 ? argv[1] : "." };
	struct run_result result;

	way.settings = settings_new(tables);
	settings_set(way.settings, "key-delay", "0s", &err);
	options.sequence = bench_sequence();
	bench_shared = mmap(NULL, sizeof(*bench_shared), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (options.sequence == NULL || bench_shared == MAP_FAILED)
		return 1;
	if (run_sequence(&options, &result, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	if (result.verdict != VERDICT_RECOVERED) {
		fprintf(stderr, "%s\n", result.reason);
		return 1;
	}
	return bench_report();
}
