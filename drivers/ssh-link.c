/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Hops in a row: a connection to the first, and through each one a tunnel
 * (direct-tcpip, RFC 4254, 7.2) to the next. All rooms come in to connect, and
 * to wait; nobody else polls.
 *
 * Always true:
 *  - every session is non-blocking: libssh's own time limits end a wait at odd
 *    moments, so each call is repeated until our deadline, with poll(2) between;
 *  - libssh gets a socket that we made; it closes what it got, by
 *    ssh_silent_disconnect, so that there is one place for it;
 *  - OpenSSH's files are not read, no program is started for a connection;
 *  - no byte waits in a tunnel while we sleep, unless the far side is full.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/vis.h"
#include "drivers/ssh.h"

#define LINK_CHUNK 32768
#define LINK_FDS_MAX (1 + 2 * RH_SSH_JUMPS_MAX)

const char *rh_ssh_place(const struct rh_ssh_hop *hop, char *buf, size_t size)
{
	size_t used = 0;

	if (hop->jump > 0)
		used = (size_t)snprintf(buf, size, "jump host %d of %d, ",
					hop->jump, hop->jumps);
	snprintf(buf + used, size - used,
		 strchr(hop->host, ':') != NULL ? "%s@[%s]:%d" : "%s@%s:%d",
		 hop->user, hop->host, hop->port);
	return buf;
}

int64_t rh_ssh_link_phase(const struct rh_ssh *d, int64_t deadline)
{
	return deadline_min(deadline, deadline_in(d->connect_timeout));
}

/* --- the tunnels ----------------------------------------------------------- */

/* From the tunnel before to the session of this hop. */
static bool rh_ssh_link_down(struct rh_ssh_hop *hop, ssh_channel tunnel)
{
	char bytes[LINK_CHUNK];
	bool moved = false;
	ssize_t n;

	if (hop->down.len == 0 && !hop->down_ended) {
		n = ssh_channel_read_nonblocking(tunnel, bytes, sizeof(bytes),
						 0);
		moved = n > 0;
		if (n > 0)
			buffer_append(&hop->down, bytes, (size_t)n);
		else if (n < 0 && n != SSH_AGAIN)
			hop->down_ended = true;
		if (hop->down_ended) {
			(void)shutdown(hop->pair, SHUT_WR);
			moved = true;
		}
	}
	if (hop->down.len > 0) {
		n = send(hop->pair, hop->down.data, hop->down.len,
			 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			n = (ssize_t)hop->down.len;	/* nobody reads it */
		if (n > 0)
			buffer_drop(&hop->down, (size_t)n);
		moved = moved || n > 0;
	}
	return moved;
}

/* The other direction. */
static bool rh_ssh_link_up(struct rh_ssh_hop *hop, ssh_channel tunnel)
{
	char bytes[LINK_CHUNK];
	bool moved = false;
	ssize_t n;

	if (hop->up.len == 0 && !hop->up_ended) {
		n = recv(hop->pair, bytes, sizeof(bytes), MSG_DONTWAIT);
		moved = n > 0;
		if (n > 0)
			buffer_append(&hop->up, bytes, (size_t)n);
		else if (n == 0 || (errno != EAGAIN && errno != EINTR))
			hop->up_ended = true;
	}
	if (hop->up.len > 0) {
		n = ssh_channel_write(tunnel, hop->up.data,
				      (uint32_t)hop->up.len);
		if (n < 0 && n != SSH_AGAIN)
			n = (ssize_t)hop->up.len;	/* the tunnel is gone */
		if (n > 0)
			buffer_drop(&hop->up, (size_t)n);
		moved = moved || n > 0;
	}
	return moved;
}

bool rh_ssh_link_pump(struct rh_ssh *d)
{
	bool moved = false;
	int i;

	for (i = 1; i < d->hop_count; i++) {
		if (d->hops[i].pair < 0)
			continue;
		moved |= rh_ssh_link_down(&d->hops[i], d->hops[i - 1].tunnel);
		moved |= rh_ssh_link_up(&d->hops[i], d->hops[i - 1].tunnel);
	}
	return moved;
}

/* --- waiting --------------------------------------------------------------- */

int rh_ssh_link_pollfds(struct rh_ssh *d, struct pollfd *fds, int max)
{
	struct rh_ssh_hop *hop;
	int i, fd, count = 0;

	for (i = 0; i < d->hop_count && count + 2 <= max; i++) {
		hop = &d->hops[i];
		fd = hop->session == NULL ? -1 : ssh_get_fd(hop->session);
		if (fd >= 0) {
			fds[count].fd = fd;
			fds[count].events = POLLIN;
			if (ssh_get_poll_flags(hop->session) & SSH_WRITE_PENDING)
				fds[count].events |= POLLOUT;
			count++;
		}
		if (hop->pair >= 0 && !hop->up_ended) {
			fds[count].fd = hop->pair;
			fds[count].events = hop->up.len == 0 ? POLLIN : 0;
			if (hop->down.len > 0)
				fds[count].events |= POLLOUT;
			count++;
		}
	}
	return count;
}

bool rh_ssh_link_wait(struct rh_ssh *d, int64_t until)
{
	struct pollfd fds[LINK_FDS_MAX + 1] = { 0 };
	int count;

	if (deadline_now() >= until)
		return false;
	if (rh_ssh_link_pump(d))
		return true;
	count = rh_ssh_link_pollfds(d, fds, LINK_FDS_MAX + 1);
	(void)poll(fds, (nfds_t)count, deadline_poll_ms(until));
	return deadline_now() < until;
}

/* --- opening --------------------------------------------------------------- */

/* An option of the file that lists algorithms, for one or both directions. */
static int rh_ssh_link_algorithms(struct rh_ssh *d, ssh_session s,
				  struct rh_error *err)
{
	static const struct {
		const char *key;
		enum ssh_options_e types[2];
		int count;
	} lists[] = {
		{ "algorithms-kex", { SSH_OPTIONS_KEY_EXCHANGE }, 1 },
		{ "algorithms-cipher",
		  { SSH_OPTIONS_CIPHERS_C_S, SSH_OPTIONS_CIPHERS_S_C }, 2 },
		{ "algorithms-mac",
		  { SSH_OPTIONS_HMAC_C_S, SSH_OPTIONS_HMAC_S_C }, 2 },
	};
	const char *list;
	size_t i;
	int n;

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		list = settings_text(d->settings, lists[i].key);
		for (n = 0; list != NULL && n < lists[i].count; n++) {
			if (ssh_options_set(s, lists[i].types[n], list) < 0)
				return rh_error_set(err, RH_ERR_CONFIG,
						    "%s = %.100s: none of them "
						    "is known", lists[i].key,
						    list);
		}
	}
	return 0;
}

/* What a user's key may sign with: as strict as the host's list. */
static int rh_ssh_link_signatures(struct rh_ssh *d, struct rh_ssh_hop *hop,
				  ssh_session s, struct rh_error *err)
{
	static const char old[] = "ssh-ed25519,ecdsa-sha2-nistp256,"
		"ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-512,"
		"rsa-sha2-256,ssh-rsa";
	const char *list = settings_text(d->settings, "algorithms-hostkey");
	char *algorithms = rh_ssh_hostkey_algorithms(d, hop);
	int rc = ssh_options_set(s, SSH_OPTIONS_HOSTKEYS, algorithms);

	if (rc < 0)
		rh_error_set(err, RH_ERR_CONFIG,
			     "algorithms-hostkey = %.100s: none of them is "
			     "known", algorithms);
	else if (list != NULL && strstr(list, "ssh-rsa") != NULL)
		rc = ssh_options_set(s, SSH_OPTIONS_PUBLICKEY_ACCEPTED_TYPES,
				     old);
	free(algorithms);
	return rc < 0 ? -1 : 0;
}

static int rh_ssh_link_options(struct rh_ssh *d, struct rh_ssh_hop *hop,
			       ssh_session s, struct rh_error *err)
{
	int no = 0, rc = 0;

	ssh_set_blocking(s, 0);
	rc |= ssh_options_set(s, SSH_OPTIONS_PROCESS_CONFIG, &no);
	rc |= ssh_options_set(s, SSH_OPTIONS_SSH_DIR, "/dev/null");
	rc |= ssh_options_set(s, SSH_OPTIONS_KNOWNHOSTS, "/dev/null");
	rc |= ssh_options_set(s, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null");
	/* Only its own known_hosts check needs the name, and it is picky. */
	rc |= ssh_options_set(s, SSH_OPTIONS_HOST, "host");
	rc |= ssh_options_set(s, SSH_OPTIONS_USER, hop->user);
	if (rc != 0)
		return rh_error_set(err, RH_ERR_CONFIG, "%.200s",
				    ssh_get_error(s));
	if (rh_ssh_link_algorithms(d, s, err) < 0)
		return -1;
	return rh_ssh_link_signatures(d, hop, s, err);
}

/* The socket that the session of hop i talks on; -1: err. */
static int rh_ssh_link_socket(struct rh_ssh *d, int i, int64_t until,
			      struct rh_error *err)
{
	struct rh_ssh_hop *hop = &d->hops[i];
	int pair[2], fd;

	if (i == 0) {
		fd = rh_ssh_net_connect(hop->host, hop->port, until, err);
		if (fd >= 0)
			rh_ssh_net_set_patience(fd, 3 * d->keepalive);
		return fd;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		       pair) < 0)
		return rh_error_set_errno(err, RH_ERR_IO, errno, "socketpair");
	hop->pair = pair[0];
	return pair[1];
}

/* The key exchange did not come to its end: what that means. */
static int rh_ssh_link_failed(struct rh_ssh_hop *hop, bool late,
			      struct rh_error *err)
{
	const char *banner = ssh_get_serverbanner(hop->session);
	const char *text = ssh_get_error(hop->session);
	char hint[128], shown[300];

	if (late && banner == NULL)
		return rh_error_set(err, RH_ERR_UNREACHABLE,
				    "it is connected, and no SSH banner comes");
	if (late)
		return rh_error_set(err, RH_ERR_UNREACHABLE,
				    "key exchange: no answer in time");
	vis_text(text, shown, sizeof(shown));
	if (rh_ssh_map_algorithm_hint(text, hint, sizeof(hint)))
		return rh_error_set(err, RH_ERR_NOTSUP,
				    "no algorithm in common; an old machine can "
				    "be let in by the line: %s", hint);
	return rh_error_set(err, RH_ERR_UNREACHABLE, "%s: %s",
			    banner == NULL ? "no SSH banner" : "key exchange",
			    shown);
}

static int rh_ssh_link_exchange(struct rh_ssh *d, struct rh_ssh_hop *hop,
				int64_t until, struct rh_error *err)
{
	bool late = false;
	int rc;

	while ((rc = ssh_connect(hop->session)) == SSH_AGAIN && !late)
		late = !rh_ssh_link_wait(d, until);
	if (rc != SSH_OK)
		return rh_ssh_link_failed(hop, late, err);
	/* libssh made it blocking; a peer that is slow would hold us in send */
	(void)fcntl(ssh_get_fd(hop->session), F_SETFL, O_NONBLOCK);
	return 0;
}

int rh_ssh_link_start(struct rh_ssh *d, int i, int64_t deadline,
		      struct rh_error *err)
{
	struct rh_ssh_hop *hop = &d->hops[i];
	char place[RH_SSH_PLACE_SIZE];
	int64_t until = rh_ssh_link_phase(d, deadline);
	ssh_session s;
	int fd;

	fd = rh_ssh_link_socket(d, i, until, err);
	if (fd < 0)
		return rh_error_prefix(err, "ssh %s",
				       rh_ssh_place(hop, place, sizeof(place)));
	s = ssh_new();
	if (s == NULL || rh_ssh_link_options(d, hop, s, err) < 0 ||
	    ssh_options_set(s, SSH_OPTIONS_FD, &fd) < 0) {
		close(fd);
		ssh_free(s);
		return rh_error_prefix(err, "ssh %s",
				       rh_ssh_place(hop, place, sizeof(place)));
	}
	hop->session = s;
	memset(&hop->received, 0, sizeof(hop->received));
	ssh_set_counters(s, NULL, &hop->received);
	if (rh_ssh_link_exchange(d, hop, rh_ssh_link_phase(d, deadline),
				 err) == 0)
		return 0;
	rh_error_prefix(err, "ssh %s", rh_ssh_place(hop, place, sizeof(place)));
	return rh_ssh_link_blame(d, err);
}

int rh_ssh_link_blame(struct rh_ssh *d, struct rh_error *err)
{
	char place[RH_SSH_PLACE_SIZE], before[300];
	enum rh_code code;
	int i;

	if (err == NULL)
		return -1;
	code = err->code;
	for (i = 0; i + 1 < d->hop_count; i++) {
		if (d->hops[i].session == NULL ||
		    ssh_is_connected(d->hops[i].session))
			continue;
		snprintf(before, sizeof(before), "%.299s", err->text);
		rh_error_clear(err);
		return rh_error_set(err, code, "ssh %s: it is gone; so %s",
				    rh_ssh_place(&d->hops[i], place,
						 sizeof(place)), before);
	}
	return -1;
}

int rh_ssh_link_tunnel(struct rh_ssh *d, int i, int64_t deadline,
		       struct rh_error *err)
{
	struct rh_ssh_hop *hop = &d->hops[i], *next = &d->hops[i + 1];
	int64_t until = rh_ssh_link_phase(d, deadline);
	char place[RH_SSH_PLACE_SIZE], to[RH_SSH_PLACE_SIZE], shown[200];
	bool late = false;
	int rc;

	hop->tunnel = ssh_channel_new(hop->session);
	if (hop->tunnel == NULL)
		return rh_error_set(err, RH_ERR_INTERNAL, "ssh: no channel");
	while ((rc = ssh_channel_open_forward(hop->tunnel, next->host,
					      next->port, "127.0.0.1", 0)) ==
	       SSH_AGAIN && !late)
		late = !rh_ssh_link_wait(d, until);
	if (rc == SSH_OK)
		return 0;
	rh_ssh_place(hop, place, sizeof(place));
	rh_ssh_place(next, to, sizeof(to));
	if (late)
		return rh_error_set(err, RH_ERR_UNREACHABLE,
				    "ssh %s: no tunnel to %.150s in time", place,
				    to);
	vis_text(ssh_get_error(hop->session), shown, sizeof(shown));
	rh_error_set(err, RH_ERR_UNREACHABLE, "ssh %s: no tunnel to %.150s: %s",
		     place, to, shown);
	return rh_ssh_link_blame(d, err);
}

int rh_ssh_link_connect(struct rh_ssh *d, int64_t deadline,
			struct rh_error *err)
{
	struct rh_ssh_hostkey hostkey;
	int i;

	rh_ssh_link_close(d);
	for (i = 0; i < d->hop_count; i++) {
		if (rh_ssh_link_start(d, i, deadline, err) < 0 ||
		    rh_ssh_hostkey_check(d, &d->hops[i], &hostkey, err) < 0 ||
		    rh_ssh_auth(d, &d->hops[i], deadline, NULL, err) < 0)
			return -1;
		if (i + 1 < d->hop_count &&
		    rh_ssh_link_tunnel(d, i, deadline, err) < 0)
			return -1;
	}
	return 0;
}

ssh_channel rh_ssh_link_channel(struct rh_ssh *d, int64_t deadline,
				struct rh_error *err)
{
	struct rh_ssh_hop *hop = rh_ssh_target(d);
	int64_t until = rh_ssh_link_phase(d, deadline);
	ssh_channel channel = ssh_channel_new(hop->session);
	char place[RH_SSH_PLACE_SIZE], shown[200];
	bool late = false;
	int rc = SSH_ERROR;

	while (channel != NULL &&
	       (rc = ssh_channel_open_session(channel)) == SSH_AGAIN && !late)
		late = !rh_ssh_link_wait(d, until);
	if (rc == SSH_OK)
		return channel;
	vis_text(ssh_get_error(hop->session), shown, sizeof(shown));
	rh_error_set(err, RH_ERR_UNREACHABLE, "ssh %s: no session channel: %s",
		     rh_ssh_place(hop, place, sizeof(place)),
		     late ? "no answer in time" : shown);
	rh_ssh_link_blame(d, err);
	if (channel != NULL)
		ssh_channel_free(channel);
	return NULL;
}

void rh_ssh_link_turn(ssh_channel channel)
{
#if LIBSSH_VERSION_INT >= SSH_VERSION_INT(0, 11, 0)
	(void)ssh_channel_get_exit_state(channel, NULL, NULL, NULL);
#else
	(void)ssh_channel_get_exit_status(channel);
#endif
}

/* --- closing --------------------------------------------------------------- */

static void rh_ssh_link_close_hop(struct rh_ssh_hop *hop)
{
	if (hop->session != NULL) {
		ssh_silent_disconnect(hop->session);
		ssh_free(hop->session);	/* and its channels */
	}
	hop->session = NULL;
	hop->tunnel = NULL;
	if (hop->pair >= 0)
		close(hop->pair);
	hop->pair = -1;
	hop->down_ended = false;
	hop->up_ended = false;
	buffer_release(&hop->down);
	buffer_release(&hop->up);
}

void rh_ssh_link_close(struct rh_ssh *d)
{
	int i;

	for (i = d->hop_count - 1; i >= 0; i--)
		rh_ssh_link_close_hop(&d->hops[i]);
}
