/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lab-wire - the serial cable between the lab's BMC and the lab's machine
 *
 * The machine comes and goes with the power, the BMC with its restarts, and
 * ipmi_sim retries its serial port only every 10 s: so something has to stay.
 * The keeper starts this program in the lab's directory with a listening TCP
 * socket for the BMC as descriptor 3, and a SOCK_SEQPACKET as descriptor 4
 * over which it sends the serial line of each machine that it starts: one byte
 * ('t': telnet, as QEMU reads it; 'r': raw) with the descriptor attached.
 *
 * Always true: every byte that a machine wrote is in truth.log, in order,
 * before the BMC gets it; every byte that was handed to a machine is in
 * typed.log. A slow BMC slows the machine, no byte is lost here, unless it
 * takes nothing for as long as DEAF_MS: a real machine does not wait for its
 * BMC for ever. wire.log tells who came and went at which byte of the logs.
 *
 * With LAB_WIRE_SPEED (bytes a second) in the environment the BMC gets what a
 * machine wrote no faster than over a line of that speed; else as fast as it
 * can take it, which is some hundred times what a UART does.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LISTENER_FD	3
#define KEEPER_FD	4
#define DEAF_MS		6000 /* ipmi_sim itself waits 5 s for its client */
#define CHUNK		4096
#define TELNET_GREETING 12 /* QEMU: will echo, will SGA, will and do binary */
#define ROOM		(64 * 1024)
#define PACE_MS		10 /* the most that comes at once on a slow line */

enum { SE = 240, BREAK = 243, SB = 250, WILL = 251, DONT = 254, IAC = 255 };

enum telnet_state { TEXT, COMMAND, OPTION, SUB, SUB_COMMAND };

/* Bytes on their way, oldest first. */
struct queue {
	uint8_t data[ROOM];
	size_t len;
};

struct wire {
	int bmc, machine,
		next; /* -1: nobody there; next: waits for machine to end */
	char machine_kind, next_kind;
	size_t greeting; /* bytes still to come that the machine did not write
			  */
	struct queue to_bmc, to_machine;
	enum telnet_state state; /* of what the BMC sends */
	int64_t deaf_at_ms;	 /* when we stop waiting for the BMC */
	int64_t speed;		 /* of the line, bytes a second; 0: no limit */
	int64_t credit_at_ms;	 /* when the line was last given bytes */
	bool deaf;
	int truth, typed;
	FILE *log;
	uint64_t truth_len, typed_len;
};

static int64_t wire_now_ms(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static void wire_log(struct wire *w, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void wire_log(struct wire *w, const char *format, ...)
{
	int64_t now = wire_now_ms(CLOCK_REALTIME);
	va_list args;

	fprintf(w->log, "%lld.%03lld ", (long long)now / 1000,
		(long long)now % 1000);
	va_start(args, format);
	vfprintf(w->log, format, args);
	va_end(args);
	fprintf(w->log, " truth=%llu typed=%llu\n",
		(unsigned long long)w->truth_len,
		(unsigned long long)w->typed_len);
	fflush(w->log);
}

static void wire_fail(const char *what)
{
	perror(what);
	exit(1);
}

static void wire_record(int fd, const uint8_t *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0)
			wire_fail("lab-wire: log");
		data += n;
		len -= n;
	}
}

static size_t queue_room(const struct queue *q)
{
	return sizeof(q->data) - q->len;
}

static void queue_add(struct queue *q, uint8_t byte)
{
	q->data[q->len++] = byte;
}

/* Writes what it can, max at most. False: the other side is gone. */
static bool queue_flush(struct queue *q, int fd, size_t max)
{
	size_t len = q->len < max ? q->len : max;
	ssize_t n = send(fd, q->data, len, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	memmove(q->data, q->data + n, q->len - n);
	q->len -= n;
	return true;
}

static void wire_bmc_leave(struct wire *w)
{
	close(w->bmc);
	w->bmc = -1;
	w->deaf = false;
	w->to_bmc.len = 0;
	wire_log(w, "bmc left");
}

static void wire_bmc_join(struct wire *w)
{
	int on = 1;
	int fd = accept4(LISTENER_FD, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (w->bmc >= 0)
		wire_bmc_leave(w);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	w->bmc = fd;
	w->state = TEXT;
	wire_log(w, "bmc joined");
}

/* The machine's line ended, or the next machine's takes its place. */
static void wire_machine_switch(struct wire *w)
{
	if (w->machine >= 0) {
		close(w->machine);
		wire_log(w, "machine left");
	}
	w->machine = w->next;
	w->machine_kind = w->next_kind;
	w->greeting = w->machine_kind == 't' ? TELNET_GREETING : 0;
	w->next = -1;
	w->to_machine.len = 0;
	if (w->machine >= 0)
		wire_log(w, "machine joined");
}

/* Takes a machine's line from the keeper. */
static void wire_keeper_ready(struct wire *w)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	char kind;
	struct iovec iov = { .iov_base = &kind, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *c;
	ssize_t n = recvmsg(KEEPER_FD, &msg, MSG_CMSG_CLOEXEC);

	if (n <= 0)
		exit(0);
	c = CMSG_FIRSTHDR(&msg);
	if (!c || c->cmsg_type != SCM_RIGHTS)
		return;
	if (w->next >= 0)
		close(w->next);
	memcpy(&w->next, CMSG_DATA(c), sizeof(int));
	w->next_kind = kind;
	if (w->machine < 0)
		wire_machine_switch(w);
}

/* Passes on what the machine wrote; ipmi_sim wants 0xff doubled. */
static void wire_machine_ready(struct wire *w)
{
	uint8_t space[CHUNK], *data = space;
	size_t skip;
	ssize_t n = recv(w->machine, space, sizeof(space), MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN && w->next < 0)
		return;
	if (n <= 0) {
		wire_machine_switch(w);
		return;
	}
	skip = w->greeting < (size_t)n ? w->greeting : (size_t)n;
	w->greeting -= skip;
	data += skip;
	n -= skip;
	wire_record(w->truth, data, n);
	w->truth_len += n;
	if (w->bmc < 0 || w->deaf)
		return;
	if (w->to_bmc.len == 0)
		w->deaf_at_ms = wire_now_ms(CLOCK_MONOTONIC) + DEAF_MS;
	for (ssize_t i = 0; i < n; i++) {
		if (data[i] == IAC)
			queue_add(&w->to_bmc, IAC);
		queue_add(&w->to_bmc, data[i]);
	}
}

/* One byte was typed: into the log, and to the machine if there is one. */
static void wire_type(struct wire *w, uint8_t byte)
{
	if (w->machine < 0)
		return;
	wire_record(w->typed, &byte, 1);
	w->typed_len++;
	if (byte == IAC && w->machine_kind == 't')
		queue_add(&w->to_machine, IAC);
	queue_add(&w->to_machine, byte);
}

static void wire_break(struct wire *w)
{
	wire_log(w, "break");
	if (w->machine < 0 || w->machine_kind != 't')
		return;
	queue_add(&w->to_machine, IAC);
	queue_add(&w->to_machine, BREAK);
}

/* Undoes telnet, byte by byte. */
static void wire_bmc_byte(struct wire *w, uint8_t byte)
{
	switch (w->state) {
	case TEXT:
		if (byte == IAC)
			w->state = COMMAND;
		else
			wire_type(w, byte);
		break;
	case COMMAND:
		w->state = TEXT;
		if (byte == IAC)
			wire_type(w, byte);
		else if (byte == BREAK)
			wire_break(w);
		else if (byte == SB)
			w->state = SUB;
		else if (byte >= WILL && byte <= DONT)
			w->state = OPTION;
		break;
	case OPTION:
		w->state = TEXT;
		break;
	case SUB:
		if (byte == IAC)
			w->state = SUB_COMMAND;
		break;
	case SUB_COMMAND:
		w->state = byte == SE ? TEXT : SUB;
		break;
	}
}

static void wire_bmc_ready(struct wire *w)
{
	uint8_t data[CHUNK];
	ssize_t n = recv(w->bmc, data, sizeof(data), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		wire_bmc_leave(w);
		return;
	}
	for (ssize_t i = 0; i < n; i++)
		wire_bmc_byte(w, data[i]);
}

/* What goes over the line at once. */
static size_t wire_slice(const struct wire *w)
{
	return w->speed > 0 ? w->speed * PACE_MS / 1000 : ROOM;
}

/* How long the line is still busy with what it got. */
static int wire_busy_ms(const struct wire *w)
{
	int64_t past = wire_now_ms(CLOCK_MONOTONIC) - w->credit_at_ms;

	return w->speed > 0 && past < PACE_MS ? PACE_MS - past : 0;
}

/* The BMC can take bytes again. */
static void wire_bmc_writable(struct wire *w)
{
	if (w->deaf) {
		w->deaf = false;
		wire_log(w, "bmc listens again");
		return;
	}
	w->credit_at_ms = wire_now_ms(CLOCK_MONOTONIC);
	w->deaf_at_ms = w->credit_at_ms + DEAF_MS;
	if (!queue_flush(&w->to_bmc, w->bmc, wire_slice(w)))
		wire_bmc_leave(w);
}

static void wire_machine_writable(struct wire *w)
{
	if (!queue_flush(&w->to_machine, w->machine, ROOM))
		w->to_machine.len = 0; /* its end is noticed when reading */
}

/* Gives up on a BMC that takes nothing. Returns how long poll may sleep. */
static int wire_check_deaf(struct wire *w)
{
	int64_t left;

	if (w->bmc < 0 || w->deaf || w->to_bmc.len == 0)
		return -1;
	left = w->deaf_at_ms - wire_now_ms(CLOCK_MONOTONIC);
	if (left > 0)
		return wire_busy_ms(w) > 0 ? wire_busy_ms(w) : left;
	wire_log(w, "bmc is deaf, dropped %zu bytes and what follows",
		 w->to_bmc.len);
	w->to_bmc.len = 0;
	w->deaf = true;
	return -1;
}

static short wire_bmc_events(const struct wire *w)
{
	short events = 0;

	if (w->deaf || (w->to_bmc.len > 0 && wire_busy_ms(w) == 0))
		events = POLLOUT;
	if (queue_room(&w->to_machine) >= 2 * CHUNK)
		events |= POLLIN;
	return events;
}

static short wire_machine_events(const struct wire *w)
{
	short events = w->to_machine.len > 0 ? POLLOUT : 0;

	if (queue_room(&w->to_bmc) >= 2 * CHUNK)
		events |= POLLIN;
	return events;
}

/* Nothing is heard, not even an end, from a side that we cannot deal with now.
 */
static struct pollfd wire_poll(int fd, short events)
{
	return (struct pollfd){ .fd = events ? fd : -1, .events = events };
}

static void wire_loop(struct wire *w)
{
	for (;;) {
		int timeout = wire_check_deaf(w);
		struct pollfd p[] = {
			wire_poll(KEEPER_FD, POLLIN),
			wire_poll(LISTENER_FD, POLLIN),
			wire_poll(w->bmc, wire_bmc_events(w)),
			wire_poll(w->machine, wire_machine_events(w)),
		};
		bool may_read = p[3].events & POLLIN;
		bool may_type = p[2].events & POLLIN;
		/* A replaced machine is read to its end, even if it never
		 * closes. */
		bool ended = w->next >= 0 && may_read;

		if (poll(p, 4, ended ? 0 : timeout) < 0 && errno != EINTR)
			wire_fail("lab-wire: poll");
		if (p[3].revents & POLLOUT)
			wire_machine_writable(w);
		if (may_read &&
		    (ended || p[3].revents & (POLLIN | POLLHUP | POLLERR)))
			wire_machine_ready(w);
		if (p[2].revents & POLLOUT)
			wire_bmc_writable(w);
		if (w->bmc >= 0 && may_type &&
		    p[2].revents & (POLLIN | POLLHUP | POLLERR))
			wire_bmc_ready(w);
		if (p[1].revents)
			wire_bmc_join(w);
		if (p[0].revents)
			wire_keeper_ready(w);
	}
}

static int wire_open_log(const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	if (fd < 0)
		wire_fail(name);
	return fd;
}

int main(void)
{
	static struct wire w = { .bmc = -1, .machine = -1, .next = -1 };
	const char *speed = getenv("LAB_WIRE_SPEED");

	w.speed = speed ? atoll(speed) : 0;

	w.truth = wire_open_log("truth.log");
	w.typed = wire_open_log("typed.log");
	w.log = fdopen(wire_open_log("wire.log"), "a");
	w.truth_len = lseek(w.truth, 0, SEEK_END);
	w.typed_len = lseek(w.typed, 0, SEEK_END);
	wire_loop(&w);
	return 0;
}
