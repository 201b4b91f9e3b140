/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lab-udp - a UDP relay that loses, doubles and delays
 *
 *   lab-udp [--loss PERCENT] [--dup PERCENT] [--delay MS] [--seed N]
 *           [--from-packet N] [--owner PID] PORT TO_PORT
 *
 * Listens on 127.0.0.1:PORT (0: a free one; it prints the number when it
 * listens) and passes packets on to 127.0.0.1:TO_PORT and back; each client
 * has a socket of its own towards TO_PORT, so answers find their way. The
 * faults begin with packet N (default 1, both directions counted together) and
 * are the same for the same seed and the same packets. --delay is for each
 * direction. The queue of delayed packets is bounded; what does not fit is
 * lost, as on a real wire. Ends with SIGTERM, or with its owner, and says then
 * on standard error what it did.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PACKET_MAX 2048
#define CLIENTS	   1000
#define QUEUE	   1024

/* A packet on its way. Its socket and address say where it goes. */
struct packet {
	int64_t due_ms;
	int fd;
	struct sockaddr_in to;
	size_t len;
	uint8_t data[PACKET_MAX];
};

struct client {
	int fd;
	struct sockaddr_in addr;
};

struct relay {
	int listener, owner; /* owner: a pidfd, or -1 */
	struct sockaddr_in server;
	struct client clients[CLIENTS];
	int client_count;
	struct packet queue[QUEUE]; /* a ring, oldest first; all have the same
				       delay */
	unsigned int head, queued;
	unsigned int loss, dup; /* percent */
	int64_t delay_ms;
	uint64_t from, seed;
	uint64_t seen, lost, doubled;
};

static volatile sig_atomic_t relay_ending;

static void relay_on_signal(int sig)
{
	(void)sig;
	relay_ending = 1;
}

static int64_t relay_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* splitmix64: the same numbers for the same seed, everywhere. */
static bool relay_chance(struct relay *r, unsigned int percent)
{
	uint64_t z = (r->seed += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return (z ^ (z >> 31)) % 100 < percent;
}

static void relay_queue(struct relay *r, const struct packet *p)
{
	if (r->queued == QUEUE) {
		r->lost++;
		return;
	}
	r->queue[(r->head + r->queued++) % QUEUE] = *p;
}

/* A packet came: it is lost, goes once, or goes twice. */
static void relay_pass(struct relay *r, struct packet *p)
{
	bool faulty = ++r->seen >= r->from;
	bool lost = relay_chance(r, r->loss) && faulty;
	bool doubled = relay_chance(r, r->dup) && faulty;

	p->due_ms = relay_now_ms() + r->delay_ms;
	if (lost) {
		r->lost++;
		return;
	}
	relay_queue(r, p);
	if (doubled) {
		r->doubled++;
		relay_queue(r, p);
	}
}

/* The client of this address, an old one or a new one. NULL: too many. */
static struct client *relay_client(struct relay *r,
				   const struct sockaddr_in *addr)
{
	struct client *c = r->clients;

	for (; c < r->clients + r->client_count; c++)
		if (c->addr.sin_port == addr->sin_port)
			return c;
	if (r->client_count == CLIENTS)
		return NULL;
	c->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		return NULL;
	c->addr = *addr;
	r->client_count++;
	return c;
}

/* c is NULL for the listener: a packet from a client to the server. */
static void relay_receive(struct relay *r, const struct client *c)
{
	static struct packet p;
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(c ? c->fd : r->listener, p.data, sizeof(p.data), 0,
			     (struct sockaddr *)&from, &len);

	if (n < 0)
		return;
	p.len = n;
	if (c) {
		p.to = c->addr;
		p.fd = r->listener;
	} else {
		c = relay_client(r, &from);
		p.to = r->server;
		p.fd = c ? c->fd
			 : -1; /* too many clients: lost when it is sent */
	}
	relay_pass(r, &p);
}

/* Sends what is due. Returns how long poll may sleep. */
static int relay_send_due(struct relay *r)
{
	while (r->queued > 0) {
		struct packet *p = &r->queue[r->head];
		int64_t left = p->due_ms - relay_now_ms();

		if (left > 0)
			return left;
		if (sendto(p->fd, p->data, p->len, 0, (struct sockaddr *)&p->to,
			   sizeof(p->to)) < 0)
			r->lost++;
		r->head = (r->head + 1) % QUEUE;
		r->queued--;
	}
	return -1;
}

static void relay_loop(struct relay *r)
{
	static struct pollfd p[CLIENTS + 2];

	while (!relay_ending) {
		int count = r->client_count;

		p[0] = (struct pollfd){ .fd = r->listener, .events = POLLIN };
		p[1] = (struct pollfd){ .fd = r->owner, .events = POLLIN };
		for (int i = 0; i < count; i++)
			p[i + 2] = (struct pollfd){ .fd = r->clients[i].fd,
						    .events = POLLIN };
		if (poll(p, count + 2, relay_send_due(r)) <= 0)
			continue;
		if (p[1].revents)
			return;
		for (int i = 0; i < count; i++)
			if (p[i + 2].revents)
				relay_receive(r, &r->clients[i]);
		if (p[0].revents)
			relay_receive(r, NULL);
	}
}

static struct sockaddr_in relay_address(const char *port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_port = htons(atoi(port)) };

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return addr;
}

static int relay_listen(const char *port)
{
	struct sockaddr_in addr = relay_address(port);
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (bind(fd, (struct sockaddr *)&addr, len) < 0 ||
	    getsockname(fd, (struct sockaddr *)&addr, &len) < 0) {
		fprintf(stderr, "lab-udp: port %s: %s\n", port,
			strerror(errno));
		exit(1);
	}
	printf("%d\n", ntohs(addr.sin_port));
	fflush(stdout);
	return fd;
}

static void relay_usage(void)
{
	fprintf(stderr,
		"usage: lab-udp [--loss PERCENT] [--dup PERCENT] [--delay MS] "
		"[--seed N] [--from-packet N] [--owner PID] PORT TO_PORT\n");
	exit(2);
}

static int relay_owner(pid_t pid)
{
	int fd = syscall(SYS_pidfd_open, pid, 0);

	if (fd < 0) {
		fprintf(stderr, "lab-udp: owner %d: %s\n", pid,
			strerror(errno));
		exit(1);
	}
	return fd;
}

static void relay_parse(struct relay *r, int argc, char **argv)
{
	static const struct option options[] = {
		{ "loss", required_argument, NULL, 'l' },
		{ "dup", required_argument, NULL, 'd' },
		{ "delay", required_argument, NULL, 'w' },
		{ "seed", required_argument, NULL, 's' },
		{ "from-packet", required_argument, NULL, 'f' },
		{ "owner", required_argument, NULL, 'p' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		unsigned long long value = optarg ? strtoull(optarg, NULL, 10)
						  : 0;

		if (c == 'l')
			r->loss = value;
		else if (c == 'd')
			r->dup = value;
		else if (c == 'w')
			r->delay_ms = value;
		else if (c == 's')
			r->seed = value;
		else if (c == 'f')
			r->from = value;
		else if (c == 'p')
			r->owner = relay_owner(value);
		else
			relay_usage();
	}
	if (argc - optind != 2)
		relay_usage();
}

int main(int argc, char **argv)
{
	static struct relay r = { .owner = -1, .from = 1 };
	struct sigaction act = { .sa_handler = relay_on_signal };

	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	relay_parse(&r, argc, argv);
	r.server = relay_address(argv[optind + 1]);
	r.listener = relay_listen(argv[optind]);
	relay_loop(&r);
	fprintf(stderr, "lab-udp: %llu packets, %llu lost, %llu doubled\n",
		(unsigned long long)r.seen, (unsigned long long)r.lost,
		(unsigned long long)r.doubled);
	return 0;
}
