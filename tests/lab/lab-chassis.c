/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lab-chassis - the wires between the lab's BMC and the power button
 *
 * ipmi_sim starts this program in the lab's directory for each power command
 * ("get power", "set power 0", "set reset 1", "set shutdown 1", "get boot",
 * "set boot pxe", "set identify 15 0") and waits for its end. It asks the
 * keeper, and prints the answer as "power:1". Each call is a line of
 * chassis.log. The first line of chassis.fault, if there is one, says how it
 * misbehaves:
 *   none            not at all
 *   late SECONDS    says yes, acts that much later
 *   ignore [COUNT]  says yes and does nothing, COUNT times or always
 *   slow SECONDS    the whole BMC stands still for so long at each call
 *   restore SECONDS a machine that is switched off comes back after that time
 *   stuck-on        the status is on, whatever happens (stuck-off: off)
 *   refuse          acting fails (completion code 0xff)
 *   strict          acting on a machine that is off fails, but for on
 *   blind           the status cannot be read (completion code 0xff)
 * "lab-chassis ask DIR WORD..." hands the words to the keeper of DIR, prints
 * its answer, and waits for its end when the word is "down".
 */
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

struct fault {
	char name[16];
	double value; /* -1: none given */
};

static int chassis_connect(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX,
				    .sun_path = "keeper.sock" };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		perror("lab-chassis: no keeper");
		exit(1);
	}
	return fd;
}

/* Waits until the process at the other end is gone, not only its socket. */
static void chassis_wait_end(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	struct pollfd p = { .events = POLLIN };

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return;
	p.fd = syscall(SYS_pidfd_open, peer.pid, 0);
	if (p.fd < 0)
		return;
	poll(&p, 1, -1);
	close(p.fd);
}

/* Asks the keeper. Returns false, with the reason in answer, when it refuses.
 */
static bool chassis_ask(const char *request, char *answer, size_t answer_size)
{
	int fd = chassis_connect();
	ssize_t n = -1;

	if (send(fd, request, strlen(request), MSG_NOSIGNAL) >= 0)
		n = recv(fd, answer, answer_size - 1, 0);
	answer[n > 0 ? n : 0] = '\0';
	if (n > 0 && strcmp(request, "down") == 0)
		chassis_wait_end(fd);
	close(fd);
	return n > 0 && strncmp(answer, "error", 5) != 0;
}

static void chassis_log(int argc, char **argv)
{
	FILE *log = fopen("chassis.log", "a");
	struct timespec ts;
	char line[256];
	int len;

	if (!log)
		return;
	clock_gettime(CLOCK_REALTIME, &ts);
	len = snprintf(line, sizeof(line), "%lld.%03ld", (long long)ts.tv_sec,
		       ts.tv_nsec / 1000000);
	for (int i = 1; i < argc && len < (int)sizeof(line); i++)
		len += snprintf(line + len, sizeof(line) - len, " %s", argv[i]);
	fprintf(log, "%s\n", line);
	fclose(log);
}

static struct fault chassis_fault_read(void)
{
	struct fault f = { .name = "none", .value = -1 };
	FILE *file = fopen("chassis.fault", "r");

	if (!file)
		return f;
	if (fscanf(file, "%15s %lf", f.name, &f.value) < 1)
		strcpy(f.name, "none");
	fclose(file);
	return f;
}

static void chassis_fault_write(const char *name, int value)
{
	FILE *file = fopen("chassis.fault.next", "w");

	if (!file)
		return;
	fprintf(file, "%s %d\n", name, value);
	fclose(file);
	rename("chassis.fault.next", "chassis.fault");
}

static bool fault_is(const struct fault *f, const char *name)
{
	return strcmp(f->name, name) == 0;
}

static void chassis_sleep(double seconds)
{
	struct timespec ts = { .tv_sec = (time_t)seconds };

	ts.tv_nsec = (long)((seconds - ts.tv_sec) * 1e9);
	nanosleep(&ts, NULL);
}

/* Is this action swallowed? Counts down. */
static bool chassis_ignores(const struct fault *f)
{
	if (!fault_is(f, "ignore"))
		return false;
	if (f->value < 0)
		return true;
	if (f->value < 1)
		return false;
	chassis_fault_write("ignore", (int)f->value - 1);
	return true;
}

static bool chassis_is_on(void)
{
	char answer[256];

	return chassis_ask("power status", answer, sizeof(answer)) &&
	       strcmp(answer, "on") == 0;
}

static int chassis_fail(const char *why)
{
	printf("%s\n", why);
	return 1;
}

static int chassis_get_power(const struct fault *f)
{
	if (fault_is(f, "blind"))
		return chassis_fail("the status cannot be read");
	if (fault_is(f, "stuck-on") || fault_is(f, "stuck-off"))
		printf("power:%d\n", fault_is(f, "stuck-on"));
	else
		printf("power:%d\n", chassis_is_on());
	return 0;
}

/* act is on, off, reset or soft. */
static int chassis_act(const struct fault *f, const char *act)
{
	char request[64], answer[256];

	if (fault_is(f, "refuse"))
		return chassis_fail("refused");
	if (fault_is(f, "strict") && strcmp(act, "on") != 0 && !chassis_is_on())
		return chassis_fail("the machine is off");
	if (chassis_ignores(f))
		return 0;
	if (fault_is(f, "late"))
		snprintf(request, sizeof(request), "later %d %s",
			 (int)(f->value * 1000), act);
	else
		snprintf(request, sizeof(request), "power %s", act);
	if (!chassis_ask(request, answer, sizeof(answer)))
		return chassis_fail(answer);
	if (fault_is(f, "restore") && strcmp(act, "off") == 0) {
		snprintf(request, sizeof(request), "later %d on",
			 (int)(f->value * 1000));
		chassis_ask(request, answer, sizeof(answer));
	}
	return 0;
}

static int chassis_get_boot(void)
{
	char device[32] = "none";
	FILE *file = fopen("chassis.boot", "r");

	if (file && fscanf(file, "%31s", device) < 1)
		strcpy(device, "none");
	if (file)
		fclose(file);
	printf("boot:%s\n", device);
	return 0;
}

static int chassis_set_boot(const char *device)
{
	FILE *file = fopen("chassis.boot", "w");

	if (!file)
		return chassis_fail("chassis.boot");
	fprintf(file, "%s\n", device);
	return fclose(file) ? chassis_fail("chassis.boot") : 0;
}

static int chassis_set(const struct fault *f, const char *what,
		       const char *value)
{
	if (strcmp(what, "power") == 0)
		return chassis_act(f, strcmp(value, "0") == 0 ? "off" : "on");
	if (strcmp(what, "reset") == 0)
		return chassis_act(f, "reset");
	if (strcmp(what, "shutdown") == 0)
		return chassis_act(f, "soft");
	if (strcmp(what, "boot") == 0)
		return chassis_set_boot(value);
	if (strcmp(what, "identify") == 0)
		return 0;
	return chassis_fail("unknown command");
}

static int chassis_main(int argc, char **argv)
{
	struct fault f = chassis_fault_read();

	chassis_log(argc, argv);
	if (fault_is(&f, "slow"))
		chassis_sleep(f.value);
	if (argc >= 4 && strcmp(argv[1], "set") == 0)
		return chassis_set(&f, argv[2], argv[3]);
	if (argc >= 3 && strcmp(argv[1], "get") == 0 &&
	    strcmp(argv[2], "power") == 0)
		return chassis_get_power(&f);
	if (argc >= 3 && strcmp(argv[1], "get") == 0 &&
	    strcmp(argv[2], "boot") == 0)
		return chassis_get_boot();
	return chassis_fail("unknown command");
}

static int ask_main(int argc, char **argv)
{
	char request[1024] = "", answer[1024];
	bool ok;

	if (chdir(argv[2]) < 0) {
		perror(argv[2]);
		return 1;
	}
	for (int i = 3; i < argc; i++) {
		if (strlen(request) + strlen(argv[i]) + 2 > sizeof(request))
			return 1;
		strcat(request, i > 3 ? " " : "");
		strcat(request, argv[i]);
	}
	ok = chassis_ask(request, answer, sizeof(answer));
	fprintf(ok ? stdout : stderr, "%s\n", answer);
	return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
	if (argc >= 4 && strcmp(argv[1], "ask") == 0)
		return ask_main(argc, argv);
	return chassis_main(argc, argv);
}
