/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A console: a channel with a terminal on a console server, with a command
 * ("connect 12") or what the server starts by itself.
 *
 * A console server accepts a login and says only then that the port is taken,
 * so attach waits for that text for a while where the file gives it (`busy`).
 * What was read by then comes out of the first reads.
 *
 * A session is attached while console.channel is not NULL. It is lost when
 * the channel or the connection ends, or when nothing at all came for three
 * keepalives, each of which the server has to answer.
 */
#include <stdio.h>
#include <string.h>

#include <libssh/server.h>	/* ssh_send_keepalive */

#include "base/deadline.h"
#include "base/vis.h"
#include "drivers/ssh.h"

#define CONSOLE_COLUMNS 80
#define CONSOLE_LINES 25
#define CONSOLE_BREAK_MS 500
#define CONSOLE_SEEN_MAX 8192	/* bytes that are searched for `busy` */
#define CONSOLE_SILENCE 3	/* keepalives without any byte */
#define CONSOLE_CHUNK 4096

void rh_ssh_console_release(struct rh_ssh *d)
{
	d->console.channel = NULL;	/* goes with its session */
	buffer_release(&d->console.seen);
}

static int rh_ssh_console_lost(struct rh_ssh *d, struct rh_error *err)
{
	struct rh_ssh_hop *hop = rh_ssh_target(d);
	char place[RH_SSH_PLACE_SIZE], shown[200];

	rh_ssh_place(hop, place, sizeof(place));
	if (d->console.channel == NULL)
		return rh_error_set(err, RH_ERR_LOST,
				    "ssh %s: no console is attached", place);
	if (ssh_is_connected(hop->session))
		return rh_error_set(err, RH_ERR_LOST,
				    "ssh %s: the other side ended the console",
				    place);
	vis_text(ssh_get_error(hop->session), shown, sizeof(shown));
	rh_error_set(err, RH_ERR_LOST, "ssh %s: the connection is gone: %s",
		     place, shown);
	return rh_ssh_link_blame(d, err);
}

/* --- attaching ------------------------------------------------------------- */

static int rh_ssh_console_request(struct rh_ssh *d, ssh_channel channel,
				  const char *command, int64_t until,
				  bool *ret_late)
{
	const char *terminal = NULL;
	int rc;

	*ret_late = false;
	if (settings_knows(d->settings, "terminal"))
		terminal = settings_text(d->settings, "terminal");
	terminal = rh_ssh_map_terminal(terminal);
	while ((rc = ssh_channel_request_pty_size(channel, terminal,
						  CONSOLE_COLUMNS,
						  CONSOLE_LINES)) ==
	       SSH_AGAIN && !*ret_late)
		*ret_late = !rh_ssh_link_wait(d, until);
	if (rc != SSH_OK)
		return rc;
	do {
		rc = command != NULL ?
			     ssh_channel_request_exec(channel, command) :
			     ssh_channel_request_shell(channel);
	} while (rc == SSH_AGAIN &&
		 !(*ret_late = !rh_ssh_link_wait(d, until)));
	return rc;
}

static int rh_ssh_console_start(struct rh_ssh *d, int64_t deadline,
				struct rh_error *err)
{
	const char *command = settings_text(d->settings, "command");
	struct rh_ssh_hop *hop = rh_ssh_target(d);
	char place[RH_SSH_PLACE_SIZE], shown[200];
	bool late;

	d->console.channel = rh_ssh_link_channel(d, deadline, err);
	if (d->console.channel == NULL)
		return -1;
	if (rh_ssh_console_request(d, d->console.channel, command,
				   rh_ssh_link_phase(d, deadline),
				   &late) == SSH_OK)
		return 0;
	vis_text(ssh_get_error(hop->session), shown, sizeof(shown));
	return rh_error_set(err, late ? RH_ERR_TIMEOUT : RH_ERR_NOTSUP,
			    "ssh %s: no terminal: %s",
			    rh_ssh_place(hop, place, sizeof(place)),
			    late ? "no answer in time" : shown);
}

/* Bytes of either output: > 0, 0 none now, -1 the end. */
static int rh_ssh_console_take(struct rh_ssh *d, void *bytes, size_t size)
{
	ssh_channel channel = d->console.channel;
	int out, errors;

	(void)rh_ssh_link_pump(d);
	out = ssh_channel_read_nonblocking(channel, bytes, (uint32_t)size, 0);
	if (out > 0)
		return out;
	errors = ssh_channel_read_nonblocking(channel, bytes, (uint32_t)size,
					      1);
	if (errors > 0)
		return errors;
	(void)rh_ssh_link_pump(d);
	if (out != 0 && out != SSH_AGAIN && errors != 0 && errors != SSH_AGAIN)
		return -1;
	return 0;
}

static int rh_ssh_console_busy(struct rh_ssh *d, struct rh_error *err)
{
	char place[RH_SSH_PLACE_SIZE], shown[200];

	vis_text(buffer_text(&d->console.seen), shown, sizeof(shown));
	return rh_error_set(err, RH_ERR_BUSY,
			    "ssh %s: somebody else has this console: \"%s\"",
			    rh_ssh_place(rh_ssh_target(d), place,
					 sizeof(place)), shown);
}

/* Ended while we watched: with its words, they say why. */
static int rh_ssh_console_ended(struct rh_ssh *d, struct rh_error *err)
{
	char shown[200];

	rh_ssh_console_lost(d, err);
	if (d->console.seen.len == 0)
		return -1;
	vis_text(buffer_text(&d->console.seen), shown, sizeof(shown));
	return rh_error_set(err, RH_ERR_LOST,
			    "ssh %s: the console ended at once: \"%s\"",
			    rh_ssh_target(d)->host, shown);
}

/* Watches the first output for the text that means BUSY. */
static int rh_ssh_console_watch(struct rh_ssh *d, int64_t deadline,
				struct rh_error *err)
{
	const char *busy = settings_text(d->settings, "busy");
	struct buffer *seen = &d->console.seen;
	char bytes[CONSOLE_CHUNK];
	int64_t until;
	int n;

	if (busy == NULL)
		return 0;
	until = deadline_in(settings_number(d->settings, "busy-wait"));
	until = deadline_min(until, deadline);
	do {
		n = rh_ssh_console_take(d, bytes, sizeof(bytes));
		if (n > 0)
			buffer_append(seen, bytes, (size_t)n);
		if (seen->len > 0 && memmem(seen->data, seen->len, busy,
					    strlen(busy)) != NULL)
			return rh_ssh_console_busy(d, err);
		if (n < 0)
			return rh_ssh_console_ended(d, err);
		if (seen->len >= CONSOLE_SEEN_MAX)
			break;
	} while (n > 0 || rh_ssh_link_wait(d, until));
	return 0;
}

static int rh_ssh_console_attach(void *self, unsigned flags, int64_t deadline,
				 struct rh_error *err)
{
	struct rh_ssh *d = self;
	int i;

	(void)flags;	/* SSH has no way to take a port from somebody */
	rh_ssh_console_release(d);
	if (rh_ssh_link_connect(d, deadline, err) < 0 ||
	    rh_ssh_console_start(d, deadline, err) < 0 ||
	    rh_ssh_console_watch(d, deadline, err) < 0) {
		rh_ssh_console_release(d);
		rh_ssh_link_close(d);
		return -1;
	}
	d->console.keepalive_at = deadline_in(d->keepalive);
	for (i = 0; i < d->hop_count; i++) {
		d->hops[i].heard_at = deadline_now();
		d->hops[i].heard = d->hops[i].received.in_bytes;
	}
	return 0;
}

/* --- while attached -------------------------------------------------------- */

static int rh_ssh_console_pollfds(void *self, struct pollfd *fds, int max,
				  int *ret_wake_ms)
{
	struct rh_ssh *d = self;
	ssh_channel channel = d->console.channel;

	if (channel == NULL)
		return 0;
	/* what the library has read already wakes nobody */
	if (d->console.seen.len > 0 || ssh_channel_poll(channel, 0) > 0 ||
	    ssh_channel_poll(channel, 1) > 0)
		*ret_wake_ms = 0;
	else
		*ret_wake_ms = deadline_poll_ms(d->console.keepalive_at);
	return rh_ssh_link_pollfds(d, fds, max);
}

/*
 * Asks for a sign of life when it is time. -1: there was none for too long; the
 * first hop that is silent keeps those behind it silent.
 */
static int rh_ssh_console_alive(struct rh_ssh *d, struct rh_error *err)
{
	struct rh_ssh_hop *hop;
	int64_t now = deadline_now();
	char place[RH_SSH_PLACE_SIZE];
	int i;

	for (i = 0; i < d->hop_count; i++) {
		hop = &d->hops[i];
		if (hop->received.in_bytes == hop->heard)
			continue;
		hop->heard = hop->received.in_bytes;
		hop->heard_at = now;
	}
	if (now < d->console.keepalive_at)
		return 0;
	for (i = 0; i < d->hop_count; i++) {
		hop = &d->hops[i];
		if (now - hop->heard_at > CONSOLE_SILENCE * d->keepalive)
			return rh_error_set(err, RH_ERR_LOST,
				"ssh %s: no sign of life for %lld s",
				rh_ssh_place(hop, place, sizeof(place)),
				(long long)(now - hop->heard_at) / 1000);
	}
	for (i = d->hop_count - 1; i >= 0; i--)
		(void)ssh_send_keepalive(d->hops[i].session);
	(void)rh_ssh_link_pump(d);
	d->console.keepalive_at = now + d->keepalive;
	return 0;
}

static int rh_ssh_console_read(void *self, void *bytes, size_t size,
			       struct rh_error *err)
{
	struct rh_ssh *d = self;
	struct buffer *seen = &d->console.seen;
	int n;

	if (d->console.channel == NULL)
		return rh_ssh_console_lost(d, err);
	if (seen->len > 0) {
		n = (int)(seen->len < size ? seen->len : size);
		memcpy(bytes, seen->data, (size_t)n);
		buffer_drop(seen, (size_t)n);
		return n;
	}
	n = rh_ssh_console_take(d, bytes, size);
	if (n < 0)
		return rh_ssh_console_lost(d, err);
	if (n == 0 && rh_ssh_console_alive(d, err) < 0)
		return -1;
	return n;
}

/*
 * Takes nothing while the network has not taken what it got before, which goes
 * out here. (SSH_WRITE_PENDING does not say whether there is such: it stays set
 * after a write until libssh polls, and that does not while output waits to be
 * read.)
 */
static int rh_ssh_console_write(void *self, const void *bytes, size_t len,
				struct rh_error *err)
{
	struct rh_ssh *d = self;
	ssh_session session = rh_ssh_target(d)->session;
	int n;

	if (d->console.channel == NULL)
		return rh_ssh_console_lost(d, err);
	(void)rh_ssh_link_pump(d);
	if (!ssh_channel_is_open(d->console.channel) ||
	    !ssh_is_connected(session))
		return rh_ssh_console_lost(d, err);
	if (ssh_blocking_flush(session, 0) == SSH_AGAIN) {
		(void)rh_ssh_link_pump(d);
		return 0;
	}
	n = ssh_channel_write(d->console.channel, bytes, (uint32_t)len);
	(void)rh_ssh_link_pump(d);
	if (n == SSH_AGAIN)
		return 0;
	return n < 0 ? rh_ssh_console_lost(d, err) : n;
}

static int rh_ssh_console_break(void *self, struct rh_error *err)
{
	struct rh_ssh *d = self;

	if (d->console.channel == NULL ||
	    ssh_channel_request_send_break(d->console.channel,
					   CONSOLE_BREAK_MS) != SSH_OK)
		return rh_ssh_console_lost(d, err);
	(void)rh_ssh_link_pump(d);
	return 0;
}

/* Closes the channel and waits for the other side to do so too. */
static void rh_ssh_console_detach(void *self, int64_t deadline)
{
	struct rh_ssh *d = self;
	int64_t until = deadline_min(deadline, deadline_in(500));
	ssh_session session = rh_ssh_target(d)->session;
	char bytes[CONSOLE_CHUNK];

	if (d->console.channel != NULL && ssh_is_connected(session)) {
		(void)ssh_channel_close(d->console.channel);
		while (ssh_is_connected(session) &&
		       rh_ssh_console_take(d, bytes, sizeof(bytes)) >= 0 &&
		       rh_ssh_link_wait(d, until))
			;
	}
	rh_ssh_console_release(d);
	rh_ssh_link_close(d);
}

const struct driver_console_ops rh_ssh_console_ops = {
	.attach = rh_ssh_console_attach,
	.pollfds = rh_ssh_console_pollfds,
	.read = rh_ssh_console_read,
	.write = rh_ssh_console_write,
	.send_break = rh_ssh_console_break,
	.detach = rh_ssh_console_detach,
};
