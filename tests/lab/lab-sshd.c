/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lab-sshd - an SSH server that behaves as it is told
 *
 *   lab-sshd HOSTKEY PASSWORD MODE
 *
 * Prints its port on 127.0.0.1 and serves one connection after the other; each
 * login and password that it sees is a line of its output. MODE:
 *   password      takes the password as such
 *   question      asks for it (keyboard-interactive)
 *   questions     asks for it, and then for a second thing
 *   echoed        asks for it with the answer shown
 *   nothing       lets anybody in
 *   no-status     runs nothing, prints "begun", ends without an exit status
 *   late-status   the same, with exit status 7 a while after the output's end
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libssh/libssh.h>
#include <libssh/server.h>

#define LATE_MS 300	/* so that they come in two pieces */

/* The password has no other way out of a message in this version. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

static const char *password;
static const char *mode;

static bool mode_is(const char *name)
{
	return strcmp(mode, name) == 0;
}

static bool accepts(const char *answer)
{
	printf("password %s\n", strcmp(answer, password) == 0 ? "right" :
								"wrong");
	return strcmp(answer, password) == 0;
}

/* Keyboard-interactive. True: logged in. */
static bool interactive(ssh_session s, ssh_message m)
{
	static int round;
	const char *prompts[] = { round == 0 ? "Password: " : "Code: " };
	char echo[] = { mode_is("echoed") };

	if (!ssh_message_auth_kbdint_is_response(m)) {
		round = 0;
		prompts[0] = "Password: ";
	} else if (!accepts(ssh_userauth_kbdint_getanswer(s, 0))) {
		ssh_message_reply_default(m);
		return false;
	} else if (!mode_is("questions")) {
		ssh_message_auth_reply_success(m, 0);
		return true;
	} else {
		round = 1;
		prompts[0] = "Code: ";
	}
	ssh_message_auth_interactive_request(m, "", "", 1, prompts, echo);
	return false;
}

static void authenticate(ssh_session s, ssh_message m)
{
	int subtype = ssh_message_subtype(m);
	bool asks = mode_is("question") || mode_is("questions") ||
		    mode_is("echoed");

	ssh_message_auth_set_methods(m, asks ? SSH_AUTH_METHOD_INTERACTIVE :
					       SSH_AUTH_METHOD_PASSWORD);
	if (subtype == SSH_AUTH_METHOD_INTERACTIVE && asks) {
		(void)interactive(s, m);
	} else if (subtype == SSH_AUTH_METHOD_PASSWORD && !asks) {
		if (accepts(ssh_message_auth_password(m)))
			ssh_message_auth_reply_success(m, 0);
		else
			ssh_message_reply_default(m);
	} else if (subtype == SSH_AUTH_METHOD_NONE && mode_is("nothing")) {
		printf("let in\n");
		ssh_message_auth_reply_success(m, 0);
	} else {
		ssh_message_reply_default(m);
	}
}

/* A command: never run. */
static void execute(ssh_message m, ssh_channel channel)
{
	ssh_message_channel_request_reply_success(m);
	ssh_channel_write(channel, "begun", 5);
	ssh_channel_send_eof(channel);
	poll(NULL, 0, LATE_MS);
	if (!mode_is("no-status"))
		ssh_channel_request_send_exit_status(channel, 7);
	ssh_channel_close(channel);
}

static void serve(ssh_session s)
{
	ssh_channel channel = NULL;
	ssh_message m;

	while ((m = ssh_message_get(s)) != NULL) {
		if (ssh_message_type(m) == SSH_REQUEST_AUTH)
			authenticate(s, m);
		else if (ssh_message_type(m) == SSH_REQUEST_CHANNEL_OPEN)
			channel = ssh_message_channel_request_open_reply_accept(
				m);
		else if (ssh_message_type(m) == SSH_REQUEST_CHANNEL &&
			 ssh_message_subtype(m) == SSH_CHANNEL_REQUEST_EXEC)
			execute(m, channel);
		else
			ssh_message_reply_default(m);
		ssh_message_free(m);
	}
}

/* A listening socket on a free port, which is printed. */
static int listener(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) < 0 ||
	    listen(fd, 16) < 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) < 0)
		return -1;
	printf("%d\n", ntohs(at.sin_port));
	return fd;
}

int main(int argc, char **argv)
{
	ssh_bind server = ssh_bind_new();
	ssh_session s;
	int fd, no = 0;

	if (argc != 4 || server == NULL)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	password = argv[2];
	mode = argv[3];
	ssh_bind_options_set(server, SSH_BIND_OPTIONS_PROCESS_CONFIG, &no);
	if (ssh_bind_options_set(server, SSH_BIND_OPTIONS_HOSTKEY, argv[1]) < 0)
		return 1;
	fd = listener();
	while (fd >= 0) {
		s = ssh_new();
		if (ssh_bind_accept_fd(server, s, accept(fd, NULL, NULL)) ==
			    SSH_OK &&
		    ssh_handle_key_exchange(s) == SSH_OK)
			serve(s);
		ssh_silent_disconnect(s);
		ssh_free(s);
	}
	return 1;
}
