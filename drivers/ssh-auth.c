/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who we are. Comes after the check of the host key, once for each hop.
 *
 * Always true:
 *  - each credential is sent once to a host; when none of them was taken, the
 *    hop is marked, and not even the next call of this instance sends one again, so
 *    that no account is locked by us;
 *  - the password goes to the target only, never to a jump host, and
 *    jump-password to jump hosts only; as an answer only to one question that is
 *    not echoed;
 *  - libssh talks to an agent without a time limit, so a timer shuts the
 *    agent's socket down when the phase is over.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/vis.h"
#include "drivers/ssh.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

#define AUTH_AGENT_SIGNAL (SIGRTMIN + 6)
#define AUTH_ROUNDS 4		/* questions of one keyboard-interactive login */

/* One login under way. */
struct rh_ssh_login {
	struct rh_ssh *d;
	struct rh_ssh_hop *hop;
	int64_t until;
	bool late;
	int tried;		/* credentials that were sent and refused */
	bool agent_gone;	/* there was nothing to send from it */
};

/* Whether a call wants to be repeated; waits before it says so. */
static bool rh_ssh_auth_again(struct rh_ssh_login *login, int rc)
{
	if (rc != SSH_AUTH_AGAIN || login->late)
		return false;
	login->late = !rh_ssh_link_wait(login->d, login->until);
	return true;
}

/* What this hop may get: its own, never that of the other kind of hop. */
static ssh_key rh_ssh_auth_own_key(const struct rh_ssh_login *login)
{
	if (!login->hop->target && login->d->jump_key != NULL)
		return login->d->jump_key;
	return login->d->key;
}

static const char *rh_ssh_auth_own_password(const struct rh_ssh_login *login)
{
	return login->hop->target ? login->d->password.bytes
				  : login->d->jump_password.bytes;
}

static int rh_ssh_auth_key(struct rh_ssh_login *login)
{
	int rc;

	do {
		rc = ssh_userauth_publickey(login->hop->session, NULL,
					    rh_ssh_auth_own_key(login));
	} while (rh_ssh_auth_again(login, rc));
	return rc;
}

/* --- agent ----------------------------------------------------------------- */

static void rh_ssh_auth_alarm(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	(void)shutdown(info->si_value.sival_int, SHUT_RDWR);
}

/* Shuts fd down at a moment. 0, or -1 where there are no timers. */
static int rh_ssh_auth_timer(timer_t *ret, int fd, int64_t at)
{
	struct sigaction action = { .sa_sigaction = rh_ssh_auth_alarm,
				    .sa_flags = SA_SIGINFO | SA_RESTART };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID };
	struct itimerspec when = { .it_interval = { 0, 0 } };
	sigset_t set;

	event.sigev_signo = AUTH_AGENT_SIGNAL;
	event.sigev_value.sival_int = fd;
	event.sigev_notify_thread_id = gettid();
	when.it_value.tv_sec = (time_t)(at / 1000);
	when.it_value.tv_nsec = (long)(at % 1000) * 1000000;
	sigemptyset(&action.sa_mask);
	sigemptyset(&set);
	sigaddset(&set, AUTH_AGENT_SIGNAL);
	if (sigaction(AUTH_AGENT_SIGNAL, &action, NULL) < 0 ||
	    sigprocmask(SIG_UNBLOCK, &set, NULL) < 0 ||
	    timer_create(CLOCK_MONOTONIC, &event, ret) < 0)
		return -1;
	return timer_settime(*ret, TIMER_ABSTIME, &when, NULL);
}

/* The agent's socket; libssh closes it with the session. -1: no agent. */
static int rh_ssh_auth_agent_socket(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(to.sun_path))
		return -1;
	memcpy(to.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int rh_ssh_auth_agent(struct rh_ssh_login *login)
{
	const char *path = settings_text(login->d->settings, "agent-socket");
	int fd = rh_ssh_auth_agent_socket(path), rc = SSH_AUTH_DENIED;
	timer_t timer;

	login->agent_gone = true;
	if (fd < 0)
		return SSH_AUTH_DENIED;
	if (ssh_set_agent_socket(login->hop->session, fd) != SSH_OK) {
		close(fd);
		return SSH_AUTH_DENIED;
	}
	if (rh_ssh_auth_timer(&timer, fd, login->until) < 0)
		return SSH_AUTH_DENIED;
	do {
		rc = ssh_userauth_agent(login->hop->session, NULL);
	} while (rh_ssh_auth_again(login, rc));
	(void)timer_delete(timer);
	login->agent_gone = deadline_now() >= login->until;
	return rc;
}

/* --- password -------------------------------------------------------------- */

/* Answers what is asked now. False: it asks for something that we do not have. */
static bool rh_ssh_auth_answer(struct rh_ssh_login *login, bool *sent)
{
	ssh_session s = login->hop->session;
	int count = ssh_userauth_kbdint_getnprompts(s);
	char echo = 1;

	if (count == 0)
		return true;
	if (count != 1 || *sent ||
	    ssh_userauth_kbdint_getprompt(s, 0, &echo) == NULL || echo)
		return false;
	*sent = true;
	return ssh_userauth_kbdint_setanswer(
		       s, 0, rh_ssh_auth_own_password(login)) == 0;
}

static int rh_ssh_auth_interactive(struct rh_ssh_login *login)
{
	bool sent = false;
	int rc, round;

	for (round = 0; round < AUTH_ROUNDS; round++) {
		do {
			rc = ssh_userauth_kbdint(login->hop->session, NULL,
						 NULL);
		} while (rh_ssh_auth_again(login, rc));
		if (rc != SSH_AUTH_INFO)
			return rc;
		if (!rh_ssh_auth_answer(login, &sent))
			return SSH_AUTH_DENIED;
	}
	return SSH_AUTH_DENIED;
}

static int rh_ssh_auth_password(struct rh_ssh_login *login)
{
	int methods = ssh_userauth_list(login->hop->session, NULL), rc;

	if ((methods & (int)SSH_AUTH_METHOD_PASSWORD) == 0)
		return rh_ssh_auth_interactive(login);
	do {
		rc = ssh_userauth_password(login->hop->session, NULL,
					   rh_ssh_auth_own_password(login));
	} while (rh_ssh_auth_again(login, rc));
	return rc;
}

/* --- all of them, in order ------------------------------------------------- */

static const struct rh_ssh_auth_way {
	const char *name;
	int methods;		/* the server must offer one of them */
	int (*send)(struct rh_ssh_login *login);
} rh_ssh_auth_ways[] = {
	{ "key", SSH_AUTH_METHOD_PUBLICKEY, rh_ssh_auth_key },
	{ "agent", SSH_AUTH_METHOD_PUBLICKEY, rh_ssh_auth_agent },
	{ "password", SSH_AUTH_METHOD_PASSWORD | SSH_AUTH_METHOD_INTERACTIVE,
	  rh_ssh_auth_password },
};

#define AUTH_WAYS (sizeof(rh_ssh_auth_ways) / sizeof(rh_ssh_auth_ways[0]))

static bool rh_ssh_auth_has(const struct rh_ssh_login *login, size_t way)
{
	switch (way) {
	case 0:
		return rh_ssh_auth_own_key(login) != NULL;
	case 1:
		return settings_bool(login->d->settings, "agent");
	default:
		return rh_ssh_auth_own_password(login) != NULL;
	}
}

/* "publickey password": what the server would take. */
static const char *rh_ssh_auth_offer(int methods, char *buf, size_t size)
{
	snprintf(buf, size, "%s%s%s",
		 methods & (int)SSH_AUTH_METHOD_PUBLICKEY ? " publickey" : "",
		 methods & (int)SSH_AUTH_METHOD_PASSWORD ? " password" : "",
		 methods & (int)SSH_AUTH_METHOD_INTERACTIVE ?
			 " keyboard-interactive" : "");
	return buf[0] == '\0' ? "nothing that we know" : buf + 1;
}

static int rh_ssh_auth_refused(struct rh_ssh_login *login, const char *sent,
			       struct rh_error *err)
{
	int methods = ssh_userauth_list(login->hop->session, NULL);
	char place[RH_SSH_PLACE_SIZE], offer[64];

	login->hop->denied = login->tried > 0;
	rh_ssh_place(login->hop, place, sizeof(place));
	if (login->tried == 0)
		return rh_error_set(err, RH_ERR_AUTH,
				    "ssh %s: it takes %s, and we have nothing "
				    "of that for it%s%s", place,
				    rh_ssh_auth_offer(methods, offer,
						      sizeof(offer)),
				    sent[0] != '\0' ? ": " : "", sent);
	return rh_error_set(err, RH_ERR_AUTH,
			    "ssh %s: login refused (sent: %s; it takes %s); it "
			    "is not tried again", place, sent,
			    rh_ssh_auth_offer(methods, offer, sizeof(offer)));
}

/* The connection, not the credential, was the trouble. */
static int rh_ssh_auth_broken(struct rh_ssh_login *login, struct rh_error *err)
{
	const char *text = ssh_get_error(login->hop->session);
	char place[RH_SSH_PLACE_SIZE], shown[200];

	rh_ssh_place(login->hop, place, sizeof(place));
	if (login->late)
		return rh_error_set(err, RH_ERR_UNREACHABLE,
				    "ssh %s: login: no answer in time", place);
	vis_text(text, shown, sizeof(shown));
	if (strstr(text, "Too many authentication") != NULL) {
		login->hop->denied = true;
		return rh_error_set(err, RH_ERR_AUTH,
				    "ssh %s: login refused: %s", place, shown);
	}
	rh_error_set(err, RH_ERR_UNREACHABLE, "ssh %s: login: %s", place, shown);
	return rh_ssh_link_blame(login->d, err);
}

/* Asks for what is offered; some hosts let anybody in. */
static int rh_ssh_auth_none(struct rh_ssh_login *login)
{
	int rc;

	do {
		rc = ssh_userauth_none(login->hop->session, NULL);
	} while (rh_ssh_auth_again(login, rc));
	return rc;
}

/* Sends what we have, in order. SSH_AUTH_SUCCESS, _DENIED or _ERROR. */
static int rh_ssh_auth_send(struct rh_ssh_login *login, struct buffer *sent,
			    const char **ret_how)
{
	size_t way;
	int rc;

	for (way = 0; way < AUTH_WAYS; way++) {
		if (!rh_ssh_auth_has(login, way) ||
		    (ssh_userauth_list(login->hop->session, NULL) &
		     rh_ssh_auth_ways[way].methods) == 0)
			continue;
		rc = rh_ssh_auth_ways[way].send(login);
		*ret_how = rh_ssh_auth_ways[way].name;
		if (rc == SSH_AUTH_SUCCESS)
			return rc;
		if (rc != SSH_AUTH_DENIED && rc != SSH_AUTH_PARTIAL)
			return SSH_AUTH_ERROR;
		login->tried += !login->agent_gone;
		buffer_printf(sent, "%s%s%s", sent->len > 0 ? ", " : "",
			      rh_ssh_auth_ways[way].name,
			      login->agent_gone ? " (it does not answer)" : "");
		login->agent_gone = false;
	}
	return SSH_AUTH_DENIED;
}

int rh_ssh_auth(struct rh_ssh *d, struct rh_ssh_hop *hop, int64_t deadline,
		const char **ret_how, struct rh_error *err)
{
	struct rh_ssh_login login = { .d = d, .hop = hop,
				      .until = rh_ssh_link_phase(d, deadline) };
	const char *how = "nothing";
	struct buffer sent = { 0 };
	char place[RH_SSH_PLACE_SIZE];
	int rc;

	if (hop->denied)
		return rh_error_set(err, RH_ERR_AUTH,
				    "ssh %s: login was refused before; it is "
				    "not tried again",
				    rh_ssh_place(hop, place, sizeof(place)));
	rc = rh_ssh_auth_none(&login);
	if (rc == SSH_AUTH_DENIED || rc == SSH_AUTH_PARTIAL)
		rc = rh_ssh_auth_send(&login, &sent, &how);
	if (rc == SSH_AUTH_DENIED)
		rh_ssh_auth_refused(&login, buffer_text(&sent), err);
	else if (rc != SSH_AUTH_SUCCESS)
		rh_ssh_auth_broken(&login, err);
	buffer_release(&sent);
	if (rc != SSH_AUTH_SUCCESS)
		return -1;
	if (ret_how != NULL)
		*ret_how = how;
	return 0;
}
