/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lab-keeper-machine - the machine: its power button and its serial line
 *
 * The machine is a process: it runs while the power is on. The keeper's orders
 * and timers come in by machine_act, the loop by machine_control_ready and
 * machine_ended. Each start takes the next fault off the list of boots and
 * hands a new serial line to the wire. QEMU is told not to reboot by itself
 * (-no-reboot), so that a guest's reboot is a start like any other.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab-keeper.h"

/* A program that ends so wants to be started again. */
#define REBOOT_STATUS 64

/* Takes the next boot's fault off the list; the last one stays. */
static void machine_next_fault(struct keeper *k)
{
	char fault[sizeof(k->boots)];
	char *comma = strchr(k->boots, ',');
	size_t len = comma ? (size_t)(comma - k->boots) : strlen(k->boots);

	memcpy(fault, k->boots, len);
	fault[len] = '\0';
	if (comma)
		memmove(k->boots, comma + 1, strlen(comma));
	setenv("LAB_BOOT_FAULT", fault, 1);
	keeper_log("machine starts: %s", fault);
}

/* Hands the machine's serial line to the wire. */
static void wire_send(const struct keeper *k, int fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .space = { 0 } };
	char kind = k->type == MACHINE_QEMU ? 't' : 'r';
	struct iovec iov = { .iov_base = &kind, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	if (sendmsg(k->wire_control, &msg, MSG_NOSIGNAL) < 0)
		keeper_log("wire: %s", strerror(errno));
}

static void machine_control_close(struct keeper *k)
{
	if (k->control >= 0)
		close(k->control);
	k->control = -1;
}

/*
 * Makes a serial line: ends[0] for the wire, ends[1] for the machine. QEMU
 * understands telnet (and so a break) only on a socket on which it listens; the
 * wire's end is connected before QEMU is there to accept, so nothing is missed.
 */
static bool machine_line(const struct keeper *k, int ends[2])
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(addr);

	if (k->type != MACHINE_QEMU)
		return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				  ends) == 0;
	ends[0] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ends[1] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return bind(ends[1], (struct sockaddr *)&addr, sizeof(sa_family_t)) ==
		       0 &&
	       listen(ends[1], 1) == 0 &&
	       getsockname(ends[1], (struct sockaddr *)&addr, &len) == 0 &&
	       connect(ends[0], (struct sockaddr *)&addr, len) == 0;
}

static bool machine_spawn(struct keeper *k)
{
	int serial[2], control[2], log;

	if (!machine_line(k, serial) ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) < 0)
		return false;
	wire_send(k, serial[0]);
	close(serial[0]);
	log = log_open("machine.log");
	int fds[] = { serial[1], serial[1], log, control[1] };

	k->machine = child_start(k->program, fds,
				 k->type == MACHINE_QEMU ? 4 : 3);
	close(serial[1]);
	close(control[1]);
	close(log);
	k->control = control[0];
	if (k->type != MACHINE_QEMU)
		machine_control_close(k);
	return k->machine > 0;
}

bool machine_start(struct keeper *k)
{
	if (k->on)
		return true;
	machine_next_fault(k);
	k->reboot = false;
	k->answered = k->type != MACHINE_QEMU;
	k->on = k->type == MACHINE_STATE || machine_spawn(k);
	return k->on;
}

void machine_stop(struct keeper *k)
{
	if (!k->on)
		return;
	child_kill(&k->machine);
	machine_control_close(k);
	k->on = false;
	keeper_log("machine off");
}

static void machine_soft(struct keeper *k)
{
	static const char press[] = "{\"execute\":\"system_powerdown\"}\n";

	if (k->type == MACHINE_PROGRAM && k->machine > 0)
		kill(k->machine, SIGTERM);
	else if (k->control >= 0 &&
		 send(k->control, press, strlen(press), MSG_NOSIGNAL) < 0)
		keeper_log("QEMU: %s", strerror(errno));
}

/* Does what the power button does. Returns false for an unknown act. */
bool machine_act(struct keeper *k, const char *act)
{
	bool ok = true;

	if (strcmp(act, "on") == 0) {
		ok = machine_start(k);
	} else if (strcmp(act, "off") == 0) {
		machine_stop(k);
	} else if (strcmp(act, "reset") == 0 && k->on) {
		machine_stop(k);
		ok = machine_start(k);
	} else if (strcmp(act, "soft") == 0) {
		machine_soft(k);
	} else {
		ok = strcmp(act, "reset") == 0;
	}
	return ok;
}

/*
 * Reads QEMU's monitor: its greeting, and whether the guest wants a reset.
 * Returns false when there was nothing.
 */
bool machine_control_ready(struct keeper *k)
{
	static const char hello[] = "{\"execute\":\"qmp_capabilities\"}\n";
	char text[4096];
	ssize_t n = recv(k->control, text, sizeof(text) - 1, MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0) {
		machine_control_close(k);
		return false;
	}
	text[n] = '\0';
	if (!k->answered &&
	    send(k->control, hello, strlen(hello), MSG_NOSIGNAL) > 0)
		k->answered = true;
	if (strstr(text, "\"guest-reset\""))
		k->reboot = true;
	return true;
}

/* The machine's process ended by itself. */
void machine_ended(struct keeper *k, int status)
{
	while (k->control >= 0 && machine_control_ready(k))
		;
	machine_control_close(k);
	kill(-k->machine, SIGKILL);
	k->machine = 0;
	k->on = false;
	if (k->type == MACHINE_PROGRAM && WIFEXITED(status))
		k->reboot = WEXITSTATUS(status) == REBOOT_STATUS;
	keeper_log("machine ended: status 0x%x%s", status,
		   k->reboot ? ", reboots" : "");
	if (k->reboot)
		machine_start(k);
}
