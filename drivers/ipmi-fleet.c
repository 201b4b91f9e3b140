/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The power of many BMCs, asked in one process by one loop over two sockets, one
 * for each family of addresses. The hand comes in by ipmi_fleet_ops.
 *
 * How fast: a window says how many BMCs may owe an answer. One that answers in
 * good time makes it larger; an answer to a packet that was sent twice makes it
 * smaller by half, at most once in a while: then packets, or BMCs, are drowned.
 * A BMC that is overdue gives its place to another, so the dead hold up nobody,
 * and say nothing about the window. Nor is it larger than what our socket can hold
 * of answers that come all at once.
 *
 * Always true: whose an answer is, its session id tells, which has our number of
 * the BMC in it; an address may be shared. Names are asked one after the other,
 * so a name server that is slow leaves the BMCs with names to hands of their own.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/log.h"
#include "base/memory.h"
#include "drivers/drivers.h"
#include "drivers/ipmi-fleet.h"

#define FLEET_WINDOW_FIRST 64
#define FLEET_WINDOW_LEAST 8
#define FLEET_WINDOW_MOST 1024
#define FLEET_GOOD_TIME 4	/* part of the retransmission time */
#define FLEET_SHRINK_MS 500	/* between two times that it shrinks */
#define FLEET_BATCH 64		/* packets taken, or BMCs begun, in one turn */
#define FLEET_BUFFER (4 * 1024 * 1024)
#define FLEET_BUFFERED 1536	/* what an answer takes of it, in the kernel */
#define FLEET_NAME_MS 1000	/* for the lookup of one name */
#define FLEET_NAMES_MS 400	/* lookups that took longer, together, are the last */
#define FLEET_HOSTS_MAX 100000	/* that a session id can tell apart */
#define FLEET_SECRETS 64	/* that are looked through for the same one */

struct ipmi_fleet {
	struct fleet_bmc *bmcs;
	size_t count;
	struct fleet_packets *packets;
	int fds[2];			/* IPv4, IPv6; 0: none */

	int64_t each_ms, deadline;
	bool (*take)(void *context, const struct driver_fleet_answer *answer);
	void *context;
	bool gone;			/* nobody listens any more */

	size_t next;			/* to be begun */
	size_t open;			/* begun, and not DONE */
	int window, in_flight;
	int window_least, window_most;
	int at_once;			/* what the caller allows */
	int grown;			/* answers since it grew by one */
	bool shrunk;			/* once: it grows slowly since */
	int64_t shrunk_at;
	int64_t due;			/* nobody is due before */
	int64_t names_ms;		/* that lookups took */
};

/* --- open and close ----------------------------------------------------------------- */

/* What this way of asking does not do. Then driver.settings stays NULL. */
static bool fleet_suits(const struct settings *s)
{
	static const char *const keys[] = { "password", "k-g" };
	const unsigned known =
		IPMI_WORKAROUND_FLAGS_OUTOFBAND_2_0_OPEN_SESSION_PRIVILEGE |
		IPMI_WORKAROUND_FLAGS_OUTOFBAND_2_0_AUTHENTICATION_CAPABILITIES;
	const char *reference;
	size_t i;

	/* A program that hangs would hold up all the others. */
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		reference = settings_secret_ref(s, keys[i]);
		if (reference != NULL &&
		    strncmp(reference, "@command:", 9) == 0)
			return false;
	}
	return (ipmi_map_workarounds_lan(s) & ~known) == 0;
}

/*
 * Passwords by the same reference lie in one page: memory can't be locked for
 * thousands of them. Returns whether it is another's.
 */
static bool fleet_share(const struct ipmi **owners, size_t *count,
			struct ipmi *d)
{
	const char *ref = settings_secret_ref(d->settings, "password");
	const struct ipmi *owner;
	size_t i;

	for (i = 0; i < *count; i++) {
		owner = owners[i];
		if (strcmp(settings_secret_ref(owner->settings, "password"),
			   ref) != 0 ||
		    owner->password.len != d->password.len ||
		    memcmp(owner->password.bytes, d->password.bytes,
			   d->password.len) != 0)
			continue;
		secret_release(&d->password);
		d->password = owner->password;
		return true;
	}
	if (*count < FLEET_SECRETS)
		owners[(*count)++] = d;
	return false;
}

static int ipmi_fleet_open(void *self, const struct settings *const *settings,
			   size_t count, int64_t deadline, struct rh_error *err)
{
	struct ipmi_fleet *f = self;
	const struct ipmi *owners[FLEET_SECRETS];
	struct rh_error why = RH_ERROR_INIT;
	size_t i, owner_count = 0;
	struct ipmi *d;

	if (count > FLEET_HOSTS_MAX)
		return rh_error_set(err, RH_ERR_NOTSUP, "too many hosts");
	f->packets = fleet_packets_new(err);
	if (f->packets == NULL)
		return -1;
	f->bmcs = memory_new(count, sizeof(*f->bmcs));
	f->count = count;
	for (i = 0; i < count; i++) {
		f->bmcs[i].index = i;
		d = &f->bmcs[i].driver;
		if (!fleet_suits(settings[i]))
			continue;
		if (driver_ipmi.open(d, settings[i], deadline, &why) == 0) {
			f->bmcs[i].shares = fleet_share(owners, &owner_count, d);
			continue;
		}
		/* Its own hand will say the same. */
		driver_ipmi.close(d);
		d->settings = NULL;
	}
	return 0;
}

static void ipmi_fleet_close(void *self)
{
	struct ipmi_fleet *f = self;
	size_t i;

	for (i = 0; i < f->count; i++) {
		explicit_bzero(&f->bmcs[i].session, sizeof(f->bmcs[i].session));
		if (f->bmcs[i].shares)
			f->bmcs[i].driver.password = (struct secret){ NULL, 0 };
		if (f->bmcs[i].driver.settings != NULL)
			driver_ipmi.close(&f->bmcs[i].driver);
	}
	free(f->bmcs);
	fleet_packets_free(f->packets);
	for (i = 0; i < 2; i++) {
		if (f->fds[i] > 0)
			close(f->fds[i]);
	}
	*f = (struct ipmi_fleet){ 0 };
}

/* --- the window ---------------------------------------------------------------------- */

static void fleet_count(struct ipmi_fleet *f, struct fleet_bmc *b, bool counts)
{
	if (b->counts != counts)
		f->in_flight += counts ? 1 : -1;
	b->counts = counts;
}

/* An answer has come to a packet that was sent so often, so long ago. */
static void fleet_pace(struct ipmi_fleet *f, const struct fleet_bmc *b,
		       int sends, int64_t took, int64_t now)
{
	if (sends > 1 && now - f->shrunk_at >= FLEET_SHRINK_MS) {
		f->window /= 2;
		if (f->window < f->window_least)
			f->window = f->window_least;
		f->shrunk = true;
		f->shrunk_at = now;
		log_line(LOG_DEBUG, "ipmi: window %d", f->window);
	}
	if (sends != 1 || took > b->driver.retransmit / FLEET_GOOD_TIME ||
	    f->window >= f->window_most || f->window >= f->at_once)
		return;
	if (!f->shrunk || ++f->grown >= f->window) {
		f->window++;
		f->grown = 0;
	}
}

/* --- sending ------------------------------------------------------------------------ */

static int fleet_socket(struct ipmi_fleet *f, int family)
{
	int *fd = &f->fds[family == AF_INET6];
	int size = FLEET_BUFFER;
	socklen_t len = sizeof(size);

	if (*fd > 0)
		return *fd;
	*fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (*fd <= 0)
		return *fd;
	/* the system may give us less than that */
	(void)setsockopt(*fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (getsockopt(*fd, SOL_SOCKET, SO_RCVBUF, &size, &len) == 0)
		f->window_most = (int)deadline_min(size / FLEET_BUFFERED,
						   FLEET_WINDOW_MOST);
	return *fd;
}

static void fleet_tell(struct ipmi_fleet *f,
		       const struct driver_fleet_answer *answer)
{
	if (!f->take(f->context, answer))
		f->gone = true;
}

static void fleet_send(struct ipmi_fleet *f, struct fleet_bmc *b, int64_t now)
{
	struct driver_fleet_answer answer = { 0 };
	uint8_t packet[FLEET_PACKET_MAX];
	int fd = fleet_socket(f, b->addr.ss_family);
	int len = fleet_packet_make(f->packets, &b->driver, &b->session,
				    b->step, packet);
	bool sent = true;

	if (len < 0 && !b->answered) {
		fleet_bmc_alone(b, &answer);
		fleet_tell(f, &answer);
		return;
	}
	if (len > 0 &&
	    sendto(fd, packet, (size_t)len, 0, (struct sockaddr *)&b->addr,
		   b->addr_len) < 0)
		sent = errno != EAGAIN && errno != ENOBUFS && errno != EINTR;
	fleet_bmc_sent(b, now, sent);
	fleet_count(f, b, true);
	f->due = deadline_min(f->due, b->due);
}

/* What a step led to. */
static void fleet_event(struct ipmi_fleet *f, struct fleet_bmc *b,
			enum fleet_event event, int64_t now,
			const struct driver_fleet_answer *answer)
{
	if (event == FLEET_EVENT_TELL)
		fleet_tell(f, answer);
	if (event != FLEET_EVENT_NONE && b->step != FLEET_DONE)
		fleet_send(f, b, now);
	else
		f->due = deadline_min(f->due, b->due);
	if (b->step == FLEET_DONE) {
		fleet_count(f, b, false);
		f->open--;
	}
}

/* Finds its address; false: not here. */
static bool fleet_find(struct ipmi_fleet *f, struct fleet_bmc *b)
{
	const int64_t now = deadline_now();
	struct ipmi *d = &b->driver;
	struct rh_error err = RH_ERROR_INIT;
	char bytes[16];
	bool numeric;

	if (d->settings == NULL)
		return false;
	numeric = inet_pton(AF_INET, d->address, bytes) == 1 ||
		  strchr(d->address, ':') != NULL;
	if (!numeric && f->names_ms > FLEET_NAMES_MS)
		return false;
	if (ipmi_targets_resolve(&d->targets, d->address, d->port,
				 now + FLEET_NAME_MS, &err) < 0 ||
	    fleet_bmc_address(b, &err) < 0) {
		f->names_ms += deadline_now() - now;
		return false;
	}
	if (!numeric)
		f->names_ms += deadline_now() - now;
	return fleet_socket(f, b->addr.ss_family) > 0;
}

/* As many as the window has places for. */
static void fleet_begin_some(struct ipmi_fleet *f)
{
	struct driver_fleet_answer answer;
	struct fleet_bmc *b;
	int64_t now;
	int n;

	for (n = 0; n < FLEET_BATCH && f->next < f->count &&
	     f->in_flight < f->window; n++) {
		b = &f->bmcs[f->next++];
		f->open++;
		answer = (struct driver_fleet_answer){ 0 };
		if (!fleet_find(f, b)) {
			fleet_bmc_alone(b, &answer);
			fleet_event(f, b, FLEET_EVENT_TELL, 0, &answer);
			continue;
		}
		now = deadline_now();
		fleet_bmc_begin(b, now, deadline_min(f->deadline,
						     now + f->each_ms));
		fleet_event(f, b, FLEET_EVENT_SEND, now, &answer);
	}
}

/* --- receiving ----------------------------------------------------------------------- */

/* Whose it is; a refusal may lack our id, so the address has to do. */
static struct fleet_bmc *fleet_owner(struct ipmi_fleet *f, const uint8_t *bytes,
				     size_t len,
				     const struct sockaddr_storage *from,
				     socklen_t from_len)
{
	struct fleet_bmc *b;
	uint32_t id;
	size_t i;

	if (!fleet_packet_owner(bytes, len, &id))
		return NULL;
	i = fleet_bmc_index(id);
	if (i < f->next && f->bmcs[i].session.console_id == id)
		return &f->bmcs[i];
	for (i = 0; id == 0 && i < f->next; i++) {
		b = &f->bmcs[i];
		if (b->step == FLEET_OPEN && b->addr_len == from_len &&
		    memcmp(&b->addr, from, from_len) == 0)
			return b;
	}
	return NULL;
}

static void fleet_receive(struct ipmi_fleet *f, int fd)
{
	struct driver_fleet_answer answer;
	struct sockaddr_storage from;
	uint8_t bytes[FLEET_PACKET_MAX];
	enum fleet_event event;
	enum fleet_step step;
	struct fleet_bmc *b;
	socklen_t from_len;
	int n, sends;
	int64_t now, took;
	ssize_t len;

	for (n = 0; n < FLEET_BATCH && !f->gone; n++) {
		from_len = sizeof(from);
		len = recvfrom(fd, bytes, sizeof(bytes), 0,
			       (struct sockaddr *)&from, &from_len);
		if (len < 0)
			return;
		b = fleet_owner(f, bytes, (size_t)len, &from, from_len);
		if (b == NULL || b->step == FLEET_DONE)
			continue;
		now = deadline_now();
		answer = (struct driver_fleet_answer){ 0 };
		step = b->step;
		sends = b->sends;
		took = now - b->sent_at;
		event = fleet_bmc_take(b, f->packets, bytes, (size_t)len, now,
				       &answer);
		if (event == FLEET_EVENT_NONE && b->step == step &&
		    b->sends == sends)
			continue;	/* ignored */
		fleet_pace(f, b, sends, took, now);
		fleet_event(f, b, event, now, &answer);
	}
}

/* Those whose answers did not come. */
static void fleet_overdue(struct ipmi_fleet *f)
{
	struct driver_fleet_answer answer;
	int64_t now = deadline_now();
	struct fleet_bmc *b;
	size_t i;

	if (now < f->due)
		return;
	f->due = DEADLINE_NEVER;
	for (i = 0; i < f->next && !f->gone; i++) {
		b = &f->bmcs[i];
		if (b->step == FLEET_DONE || now < b->due) {
			f->due = deadline_min(f->due, b->due);
			continue;
		}
		answer = (struct driver_fleet_answer){ 0 };
		fleet_event(f, b, fleet_bmc_due(b, now, &answer), now, &answer);
		fleet_count(f, b, false);
	}
}

static void fleet_wait(struct ipmi_fleet *f)
{
	struct pollfd fds[2] = { { .fd = -1, .events = POLLIN },
				 { .fd = -1, .events = POLLIN } };
	int64_t until = deadline_min(f->due, f->deadline);
	int i;

	if (f->next < f->count && f->in_flight < f->window)
		until = 0;
	for (i = 0; i < 2; i++) {
		if (f->fds[i] > 0)
			fds[i].fd = f->fds[i];
	}
	if (poll(fds, 2, deadline_poll_ms(until)) <= 0)
		return;
	for (i = 0; i < 2; i++) {
		if (fds[i].revents != 0)
			fleet_receive(f, fds[i].fd);
	}
}

static void fleet_rest(struct ipmi_fleet *f)
{
	struct driver_fleet_answer answer;
	size_t i;

	for (i = 0; i < f->count && !f->gone; i++) {
		answer = (struct driver_fleet_answer){ 0 };
		if (f->bmcs[i].answered)
			continue;
		fleet_bmc_alone(&f->bmcs[i], &answer);
		fleet_tell(f, &answer);
	}
}

/* at_once 0: no limit. */
static int fleet_limit(int at_once, int most)
{
	return at_once > 0 && at_once < most ? at_once : most;
}

static int ipmi_fleet_query(void *self, int64_t each_ms, int at_once,
			    int64_t deadline,
			    bool (*take)(void *context,
					 const struct driver_fleet_answer *answer),
			    void *context, struct rh_error *err)
{
	struct ipmi_fleet *f = self;

	if (deadline_now() >= deadline)
		return rh_error_set(err, RH_ERR_TIMEOUT, "no time to ask");
	f->each_ms = each_ms;
	f->deadline = deadline;
	f->take = take;
	f->context = context;
	f->window_least = fleet_limit(at_once, FLEET_WINDOW_LEAST);
	f->at_once = fleet_limit(at_once, FLEET_WINDOW_MOST);
	f->window = fleet_limit(at_once, FLEET_WINDOW_FIRST);
	f->due = DEADLINE_NEVER;
	while (!f->gone && (f->next < f->count || f->open > 0) &&
	       deadline_now() < deadline) {
		fleet_begin_some(f);
		fleet_wait(f);
		fleet_overdue(f);
	}
	fleet_rest(f);
	return 0;
}

const struct driver_fleet_ops ipmi_fleet_ops = {
	.size = sizeof(struct ipmi_fleet),
	.open = ipmi_fleet_open,
	.close = ipmi_fleet_close,
	.query = ipmi_fleet_query,
};
