/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ipmi-driver-test - the IPMI driver against a BMC, without hand or brain
 *
 *   ipmi-driver-test [-l LAB -d DIR] [-m seconds] ADDRESS PORT USER PASSWORDFILE [TEST...]
 *
 * Runs the tests named, or all, and prints TAP. LAB is the lab's script
 * and DIR the lab whose BMC this is; its machine must echo what it is sent
 * (--machine cat), but flood us for console-overrun, which has to be named.
 * Tests that need to hurt the BMC are skipped without them.
 * The BMC's power is switched: not for a machine that anybody uses.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/deadline.h"
#include "base/memory.h"
#include "base/settings.h"
#include "drivers/driver.h"
#include "drivers/drivers.h"

extern char **environ;

struct bmc {
	const char *address;
	const char *port;
	const char *user;
	const char *password_file;
	const char *lab;	/* NULL: leave the BMC alone */
	const char *dir;
};

static struct bmc bmc;
static bool failed;		/* the test that runs has failed */

/* --- checking ---------------------------------------------------------------- */

__attribute__((format(printf, 2, 3)))
static bool check(bool ok, const char *fmt, ...)
{
	va_list ap;

	if (ok)
		return true;
	failed = true;
	va_start(ap, fmt);
	printf("# failed: ");
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
	return false;
}

__attribute__((format(printf, 1, 2)))
static void note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("# ");
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
}

static bool check_rc(int rc, const struct rh_error *err, const char *what)
{
	return check(rc == 0, "%s: %s: %s", what, rh_code_name(err->code),
		     err->text);
}

static bool check_code(int rc, const struct rh_error *err, enum rh_code code,
		       const char *what)
{
	return check(rc < 0 && err->code == code && err->text[0] != '\0',
		     "%s: wanted %s, got rc %d, %s: %s", what,
		     rh_code_name(code), rc, rh_code_name(err->code),
		     err->text);
}

static bool check_before(int64_t deadline, int64_t slack, const char *what)
{
	int64_t late = deadline_now() - deadline;

	return check(late <= slack, "%s: %lld ms after its deadline", what,
		     (long long)late);
}

/* --- an instance ------------------------------------------------------------- */

struct instance {
	struct settings *settings;
	void *self;
};

/* A NULL-ended list of key, value pairs over the usual ones. */
static int instance_open(struct instance *i, const char *port,
			 const char *password_file, const char *const *more,
			 struct rh_error *err)
{
	static const struct option *tables[2];
	char *reference = memory_format("@file:%s", password_file);

	tables[0] = driver_ipmi.options;
	i->settings = settings_new(tables);
	settings_set(i->settings, "address", bmc.address, err);
	settings_set(i->settings, "port", port, err);
	settings_set(i->settings, "user", bmc.user, err);
	settings_set(i->settings, "password", reference, err);
	settings_set(i->settings, "min-interval", "0", err);
	settings_set(i->settings, "workarounds",
		     "solchannelsupport solpayloadsize", err);
	free(reference);
	for (; more != NULL && more[0] != NULL; more += 2) {
		if (settings_set(i->settings, more[0], more[1], err) < 0)
			check(false, "%s: %s", more[0], err->text);
	}
	i->self = memory_new(1, driver_ipmi.size);
	return driver_ipmi.open(i->self, i->settings, deadline_in(5000), err);
}

static void instance_close(struct instance *i)
{
	int64_t start = deadline_now();

	driver_ipmi.close(i->self);
	check(deadline_now() - start <= 1000, "close took %lld ms",
	      (long long)(deadline_now() - start));
	free(i->self);
	settings_free(i->settings);
}

/* The usual instance; ends the program where that is not possible. */
static struct instance usual(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct instance i;

	if (instance_open(&i, bmc.port, bmc.password_file, NULL, &err) < 0) {
		printf("Bail out! open: %s\n", err.text);
		exit(1);
	}
	return i;
}

static enum driver_power query(struct instance *i)
{
	enum driver_power state = DRIVER_POWER_UNKNOWN;
	struct rh_error err = RH_ERROR_INIT;

	check_rc(driver_ipmi.power->query(i->self, deadline_in(5000), &state,
					  &err),
		 &err, "query");
	return state;
}

/* Asks until the state is there; false after 10 s. */
static bool reaches(struct instance *i, enum driver_power wanted)
{
	int64_t deadline = deadline_in(10000);

	while (deadline_now() < deadline && !failed) {
		if (query(i) == wanted)
			return true;
		poll(NULL, 0, 50);
	}
	return check(false, "it never was %s", driver_power_name(wanted));
}

static int act(struct instance *i, enum driver_act what, int64_t ms,
	       struct rh_error *err)
{
	return driver_ipmi.power->act(i->self, what, deadline_in(ms), err);
}

/* --- the lab ----------------------------------------------------------------- */

/* Runs a program to its end; its exit status, or -1. */
static int run(const char *const *args)
{
	int status;
	pid_t pid;

	if (posix_spawnp(&pid, args[0], NULL, NULL, (char *const *)args,
			 environ) != 0)
		return -1;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void lab(const char *verb, const char *a, const char *b)
{
	const char *args[] = { bmc.lab, verb, bmc.dir, a, b, NULL };

	check(run(args) == 0, "lab %s %s", verb, a);
}

/* How often the BMC was told so, by its own log ("set reset 1"). */
static int lab_count(const char *text)
{
	char *path = memory_format("%s/chassis.log", bmc.dir);
	FILE *log = fopen(path, "re");
	char line[256];
	int count = 0;

	free(path);
	while (log != NULL && fgets(line, sizeof(line), log) != NULL)
		count += strstr(line, text) != NULL;
	if (log != NULL)
		fclose(log);
	return count;
}

/* --- a relay that counts and loses --------------------------------------------- */

/* What has passed to the BMC; in memory shared with the relay's process. */
struct relay_counts {
	int any;
	int open_session;
	int rakp1;
	int rakp3;
	int commands;		/* in a session */
	int lose_from;		/* answers to commands from this one on are lost */
	int loss;		/* percent of all packets that are lost */
};

struct relay {
	volatile struct relay_counts *counts;
	pid_t pid;
	char port[8];
};

/* IPMI 2.0, 13.6: RMCP header, authentication type 6, payload type. */
static void relay_count(volatile struct relay_counts *c,
			const unsigned char *packet, ssize_t len)
{
	c->any++;
	if (len < 6 || packet[3] != 0x07 || packet[4] != 0x06)
		return;
	switch (packet[5] & 0x3f) {
	case 0x00:
		c->commands++;
		break;
	case 0x10:
		c->open_session++;
		break;
	case 0x12:
		c->rakp1++;
		break;
	case 0x14:
		c->rakp3++;
		break;
	}
}

static bool relay_loses(volatile struct relay_counts *c, bool answer,
			const unsigned char *packet, ssize_t len,
			unsigned *seed)
{
	if (answer && c->lose_from > 0 && c->commands >= c->lose_from &&
	    len > 5 && packet[4] == 0x06 && (packet[5] & 0x3f) == 0x00)
		return true;
	return c->loss > 0 && (int)(rand_r(seed) / (RAND_MAX / 100 + 1)) < c->loss;
}

static void relay_run(struct relay *r, int client, int server)
{
	struct pollfd p[2] = { { .fd = client, .events = POLLIN },
			       { .fd = server, .events = POLLIN } };
	unsigned char packet[2048];
	struct sockaddr_in from = { 0 };
	socklen_t from_len = sizeof(from);
	unsigned seed = 1;
	ssize_t n;

	for (;;) {
		poll(p, 2, -1);
		if (p[0].revents) {
			from_len = sizeof(from);
			n = recvfrom(client, packet, sizeof(packet), 0,
				     (struct sockaddr *)&from, &from_len);
			relay_count(r->counts, packet, n);
			if (!relay_loses(r->counts, false, packet, n, &seed))
				send(server, packet, (size_t)n, 0);
		}
		if (p[1].revents) {
			n = recv(server, packet, sizeof(packet), 0);
			if (n >= 0 &&
			    !relay_loses(r->counts, true, packet, n, &seed))
				sendto(client, packet, (size_t)n, 0,
				       (struct sockaddr *)&from, from_len);
		}
	}
}

/* A UDP socket on a free port; not above 32767, for libipmiconsole. */
static int bind_low(uint16_t port, char ret_port[8])
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (; port < 32000; port++) {
		addr.sin_port = htons(port);
		if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
			break;
	}
	snprintf(ret_port, 8, "%u", port);
	return fd;
}

static void relay_start(struct relay *r, uint16_t port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	int client = bind_low(port, r->port);
	int server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	r->counts = mmap(NULL, sizeof(*r->counts), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	addr.sin_port = htons((uint16_t)atoi(bmc.port));
	inet_pton(AF_INET, bmc.address, &addr.sin_addr);
	connect(server, (struct sockaddr *)&addr, sizeof(addr));
	fflush(stdout);
	r->pid = fork();
	if (r->pid == 0) {
		relay_run(r, client, server);
		_exit(0);
	}
	close(client);
	close(server);
}

static void relay_stop(struct relay *r)
{
	kill(r->pid, SIGKILL);
	waitpid(r->pid, NULL, 0);
	munmap((void *)r->counts, sizeof(*r->counts));
}

static int instance_open_relayed(struct instance *i, struct relay *r,
				 const char *password_file,
				 const char *const *more, struct rh_error *err)
{
	relay_start(r, 20000);
	return instance_open(i, r->port, password_file, more, err);
}

/* A file with that text that only we can read, in the current directory. */
static char *secret_file(const char *text)
{
	char *path = memory_copy("/tmp/ipmi-driver-test.XXXXXX");
	int fd = mkostemp(path, O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0) {
		printf("Bail out! %s\n", strerror(errno));
		exit(1);
	}
	close(fd);
	return path;
}

static void secret_file_free(char *path)
{
	unlink(path);
	free(path);
}

/* --- power ------------------------------------------------------------------- */

static void test_query(void)
{
	struct instance i = usual();
	int64_t start = deadline_now();
	enum driver_power state = query(&i);

	check(state == DRIVER_POWER_ON || state == DRIVER_POWER_OFF,
	      "query: unknown");
	note("query: %lld ms, session and all",
	     (long long)(deadline_now() - start));
	start = deadline_now();
	query(&i);
	note("query in the same session: %lld ms",
	     (long long)(deadline_now() - start));
	instance_close(&i);
}

static void test_cycle_reset_soft(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct instance i = usual();

	check_rc(act(&i, DRIVER_ACT_CYCLE, 5000, &err), &err, "cycle");
	reaches(&i, DRIVER_POWER_ON);
	check_rc(act(&i, DRIVER_ACT_RESET, 5000, &err), &err, "reset");
	reaches(&i, DRIVER_POWER_ON);
	check_rc(act(&i, DRIVER_ACT_SOFT, 5000, &err), &err, "soft");
	check_rc(act(&i, DRIVER_ACT_ON, 5000, &err), &err, "on");
	reaches(&i, DRIVER_POWER_ON);
	check_code(act(&i, DRIVER_ACT_DIAG, 5000, &err), &err, RH_ERR_NOTSUP,
		   "diag");
	instance_close(&i);
}

static void test_boot(void)
{
	static const enum driver_boot devices[] = {
		DRIVER_BOOT_PXE, DRIVER_BOOT_DISK, DRIVER_BOOT_CDROM,
		DRIVER_BOOT_SETUP,
	};
	struct rh_error err = RH_ERROR_INIT;
	struct instance i = usual();
	size_t n;

	for (n = 0; n < sizeof(devices) / sizeof(devices[0]); n++)
		check_rc(driver_ipmi.power->boot(i.self, devices[n],
						 deadline_in(5000), &err),
			 &err, driver_boot_name(devices[n]));
	instance_close(&i);
}

static void test_pacing(void)
{
	static const char *const slow[] = { "min-interval", "400ms", NULL };
	struct rh_error err = RH_ERROR_INIT;
	struct instance i;
	int64_t start, first, second;

	check_rc(instance_open(&i, bmc.port, bmc.password_file, slow, &err),
		 &err, "open");
	start = deadline_now();
	query(&i);
	first = deadline_now() - start;
	query(&i);
	second = deadline_now() - start - first;
	check(first < 400, "the first query waited %lld ms", (long long)first);
	check(second >= 390 && second < 1500, "the second came after %lld ms",
	      (long long)second);
	instance_close(&i);
}

/* --- evidence ---------------------------------------------------------------- */

static void test_evidence(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct buffer text = { 0 };
	struct instance i = usual();

	check_rc(driver_ipmi.evidence->chassis(i.self, deadline_in(5000), &text,
					       &err),
		 &err, "chassis");
	check(strncmp(buffer_text(&text), "power: on\n", 10) == 0 &&
	      strstr(buffer_text(&text), "faults: none\n") != NULL,
	      "chassis says: %s", buffer_text(&text));
	buffer_clear(&text);
	check_rc(driver_ipmi.evidence->event_log(i.self, 10, deadline_in(5000),
						 &text, &err),
		 &err, "event log");
	note("event log: %zu bytes", text.len);
	buffer_release(&text);
	instance_close(&i);
}

/* Runs ipmitool on the BMC with a NULL-ended list of words, in silence. */
static void ipmitool(const char *const *words)
{
	const char *args[40] = { "ipmitool", "-I", "lanplus", "-C", "3", "-H",
				 bmc.address, "-p", bmc.port, "-U", bmc.user,
				 "-f", bmc.password_file };
	int n, out = dup(1), null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	for (n = 0; words[n] != NULL; n++)
		args[13 + n] = words[n];
	fflush(stdout);
	dup2(null, 1);
	n = run(args);
	dup2(out, 1);
	close(out);
	close(null);
	check(n == 0, "ipmitool %s: status %d", words[0], n);
}

/* Empties the log and adds events of the sensors 1 to count. */
static void event_log_fill(int count)
{
	const char *clear[] = { "sel", "clear", NULL };
	const char *add[] = { "raw", "0x0a", "0x44", "0", "0", "2", "0", "0",
			      "0", "0", "0x20", "0", "4", "0x0c", NULL, "0x6f",
			      "0xa1", "0xff", "0xff", NULL };
	char number[12];
	int n;

	ipmitool(clear);
	for (n = 1; n <= count; n++) {
		snprintf(number, sizeof(number), "%d", n);
		add[14] = number;
		ipmitool(add);
	}
}

/* The newest `max` must be those of the sensors a to b, a blank between. */
static void check_events(struct instance *i, int max, const char *sensors)
{
	struct rh_error err = RH_ERROR_INIT;
	struct buffer text = { 0 }, seen = { 0 };
	const char *at;

	check_rc(driver_ipmi.evidence->event_log(i->self, max,
						 deadline_in(5000), &text, &err),
		 &err, "event log");
	at = buffer_text(&text);
	while ((at = strstr(at, "| Memory #")) != NULL) {
		at += strlen("| Memory #");
		buffer_printf(&seen, "%d ", atoi(at));
	}
	check(strcmp(buffer_text(&seen), sensors) == 0,
	      "the newest %d: sensors %s", max, buffer_text(&seen));
	check(max <= 0 || strstr(buffer_text(&text), "Uncorrectable") != NULL,
	      "%s", buffer_text(&text));
	buffer_release(&text);
	buffer_release(&seen);
}

static void test_event_log(void)
{
	const char *forget[] = { "sel", "delete", "11", NULL };
	struct rh_error err = RH_ERROR_INIT;
	struct instance i;
	struct relay r;

	check_rc(instance_open_relayed(&i, &r, bmc.password_file, NULL, &err),
		 &err, "open");
	event_log_fill(12);
	check_events(&i, 1000, "1 2 3 4 5 6 7 8 9 10 11 12 ");
	check_events(&i, 12, "1 2 3 4 5 6 7 8 9 10 11 12 ");
	check_events(&i, 0, "");
	r.counts->commands = 0;
	check_events(&i, 3, "10 11 12 ");
	check(r.counts->commands <= 7, "%d commands for 3 entries",
	      r.counts->commands);
	ipmitool(forget);	/* the chain has a gap now */
	check_events(&i, 2, "10 12 ");
	check_events(&i, 3, "9 10 12 ");
	instance_close(&i);
	relay_stop(&r);
}

/* --- what goes wrong --------------------------------------------------------- */

/* One login is one RAKP 1 (two with a suite refused before it: none). */
static void test_wrong_password(void)
{
	char *path = secret_file("not-the-password\n");
	struct rh_error err = RH_ERROR_INIT;
	enum driver_power state;
	struct instance i;
	struct relay r;

	check_rc(instance_open_relayed(&i, &r, path, NULL, &err), &err, "open");
	check_code(driver_ipmi.power->query(i.self, deadline_in(5000), &state,
					    &err),
		   &err, RH_ERR_AUTH, "query");
	check(r.counts->rakp1 == 1, "%d login tries", r.counts->rakp1);
	check(strstr(err.text, "not-the-password") == NULL, "%s", err.text);
	/* S18: after that, nobody is asked any more. */
	r.counts->rakp1 = 0;
	check_code(act(&i, DRIVER_ACT_RESET, 5000, &err), &err, RH_ERR_AUTH,
		   "reset");
	check_code(driver_ipmi.console->attach(i.self, 0, deadline_in(5000),
					       &err),
		   &err, RH_ERR_AUTH, "attach");
	check(r.counts->rakp1 == 0, "%d more login tries", r.counts->rakp1);
	instance_close(&i);
	check_rc(instance_open(&i, r.port, path, NULL, &err), &err, "open");
	check_code(driver_ipmi.console->attach(i.self, 0, deadline_in(5000),
					       &err),
		   &err, RH_ERR_AUTH, "attach");
	check(r.counts->rakp1 == 1, "attach: %d login tries", r.counts->rakp1);
	instance_close(&i);
	relay_stop(&r);
	secret_file_free(path);
}

static void test_wrong_user(void)
{
	static const char *const nobody[] = { "user", "nobody", NULL };
	struct rh_error err = RH_ERROR_INIT;
	enum driver_power state;
	struct instance i;

	check_rc(instance_open(&i, bmc.port, bmc.password_file, nobody, &err),
		 &err, "open");
	check_code(driver_ipmi.power->query(i.self, deadline_in(5000), &state,
					    &err),
		   &err, RH_ERR_AUTH, "query");
	check_code(driver_ipmi.console->attach(i.self, 0, deadline_in(5000),
					       &err),
		   &err, RH_ERR_AUTH, "attach");
	instance_close(&i);
}

/* Suite 17 is refused by ipmi_sim, 3 is taken, and remembered. */
static void test_suites(void)
{
	static const char *const only_17[] = { "cipher-suite", "17", NULL };
	struct rh_error err = RH_ERROR_INIT;
	enum driver_power state;
	struct instance i;
	struct relay r;

	check_rc(instance_open_relayed(&i, &r, bmc.password_file, NULL, &err),
		 &err, "open");
	query(&i);
	check(r.counts->open_session == 3,	/* 17, 3, 3 with opensesspriv */
	      "%d Open Session requests", r.counts->open_session);
	r.counts->open_session = 0;
	check_rc(act(&i, DRIVER_ACT_ON, 5000, &err), &err, "on");
	check(r.counts->open_session == 1, "then %d Open Session requests",
	      r.counts->open_session);
	instance_close(&i);
	relay_stop(&r);

	check_rc(instance_open(&i, bmc.port, bmc.password_file, only_17, &err),
		 &err, "open");
	check(driver_ipmi.power->query(i.self, deadline_in(5000), &state,
				       &err) < 0 &&
	      err.code != RH_ERR_AUTH && err.code != RH_ERR_UNREACHABLE,
	      "suite 17 alone: %s: %s", rh_code_name(err.code), err.text);
	instance_close(&i);
}

/* A port on which nobody answers. */
static void test_dead_port(void)
{
	struct rh_error err = RH_ERROR_INIT;
	enum driver_power state;
	struct instance i;
	int64_t deadline;
	char port[8];
	int fd = bind_low(20000, port), ms;

	check_rc(instance_open(&i, port, bmc.password_file, NULL, &err), &err,
		 "open");
	for (ms = 300; ms <= 3000; ms += 900) {
		deadline = deadline_in(ms);
		check_code(driver_ipmi.power->query(i.self, deadline, &state,
						    &err),
			   &err, RH_ERR_UNREACHABLE, "query");
		check_before(deadline, 50, "query");
		deadline = deadline_in(ms);
		check_code(driver_ipmi.power->act(i.self, DRIVER_ACT_CYCLE,
						  deadline, &err),
			   &err, RH_ERR_UNREACHABLE, "cycle");
		check_before(deadline, 50, "cycle");
		deadline = deadline_in(ms);
		check_code(driver_ipmi.console->attach(i.self, 0, deadline,
						       &err),
			   &err, RH_ERR_UNREACHABLE, "attach");
		check_before(deadline, 100, "attach");
	}
	instance_close(&i);
	close(fd);
}

static void test_no_such_name(void)
{
	static const char *const name[] = { "address", "no-such.invalid",
					    NULL };
	struct rh_error err = RH_ERROR_INIT;
	enum driver_power state;
	struct instance i;

	check_rc(instance_open(&i, bmc.port, bmc.password_file, name, &err),
		 &err, "open");
	check_code(driver_ipmi.power->query(i.self, deadline_in(5000), &state,
					    &err),
		   &err, RH_ERR_UNREACHABLE, "query");
	instance_close(&i);
}

static void test_long_password(void)
{
	char *path = secret_file("123456789012345678901\n");
	struct rh_error err = RH_ERROR_INIT;
	struct instance i;

	check_code(instance_open(&i, bmc.port, path, NULL, &err), &err,
		   RH_ERR_CONFIG, "open with 21 bytes");
	check(strstr(err.text, "12345") == NULL, "%s", err.text);
	instance_close(&i);
	secret_file_free(path);
}

/* The answer to an act is lost: it was sent once, and err says "perhaps". */
static void test_act_once(void)
{
	static const char *const quick[] = { "act-wait", "1s", NULL };
	struct rh_error err = RH_ERROR_INIT;
	int64_t deadline;
	struct instance i;
	struct relay r;

	check_rc(instance_open_relayed(&i, &r, bmc.password_file, quick, &err),
		 &err, "open");
	query(&i);
	r.counts->commands = 0;
	r.counts->lose_from = 3;	/* close, set privilege, then the act */
	deadline = deadline_in(10000);
	check_code(driver_ipmi.power->act(i.self, DRIVER_ACT_RESET, deadline,
					  &err),
		   &err, RH_ERR_TIMEOUT, "reset");
	check_before(deadline, 0, "reset");
	check(r.counts->commands <= 4,	/* and one Close Session */
	      "%d packets in the session", r.counts->commands);
	r.counts->lose_from = 0;
	check(query(&i) == DRIVER_POWER_ON, "then it does not answer");
	instance_close(&i);
	relay_stop(&r);
}

/* A BMC that answers after 2 s has executed the act once, not three times. */
static void test_slow_act(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct instance i = usual();
	int before, times;

	query(&i);
	before = lab_count("set reset");
	lab("chassis", "slow", "2");
	check_rc(act(&i, DRIVER_ACT_RESET, 20000, &err), &err, "slow reset");
	lab("chassis", "none", NULL);
	times = lab_count("set reset") - before;
	check(times == 1, "executed %d times", times);
	instance_close(&i);
}

/* The same, later than we wait: "perhaps", and still only once. */
static void test_too_slow_act(void)
{
	static const char *const quick[] = { "act-wait", "1s", NULL };
	struct rh_error err = RH_ERROR_INIT;
	struct instance i;
	int before, times;

	check_rc(instance_open(&i, bmc.port, bmc.password_file, quick, &err),
		 &err, "open");
	query(&i);
	before = lab_count("set reset");
	lab("chassis", "slow", "2");
	check_code(act(&i, DRIVER_ACT_RESET, 20000, &err), &err,
		   RH_ERR_TIMEOUT, "slow reset");
	lab("chassis", "none", NULL);
	reaches(&i, DRIVER_POWER_ON);	/* it answers again */
	times = lab_count("set reset") - before;
	check(times == 1, "executed %d times", times);
	instance_close(&i);
}

static void test_refused_act(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct instance i = usual();

	lab("chassis", "refuse", NULL);
	check_code(act(&i, DRIVER_ACT_RESET, 5000, &err), &err, RH_ERR_PROTOCOL,
		   "reset");
	lab("chassis", "none", NULL);
	instance_close(&i);
}

/* P03, P04: a BMC that refuses what makes no sense for a machine that is off. */
static void test_strict(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct instance i = usual();

	check_rc(act(&i, DRIVER_ACT_OFF, 5000, &err), &err, "off");
	reaches(&i, DRIVER_POWER_OFF);
	lab("chassis", "strict", NULL);
	check(act(&i, DRIVER_ACT_RESET, 5000, &err) < 0 &&
	      (err.code == RH_ERR_STATE || err.code == RH_ERR_PROTOCOL),
	      "reset while off: %s: %s", rh_code_name(err.code), err.text);
	lab("chassis", "none", NULL);
	check_rc(act(&i, DRIVER_ACT_ON, 5000, &err), &err, "on");
	reaches(&i, DRIVER_POWER_ON);
	instance_close(&i);
}

static void test_loss(void)
{
	struct rh_error err = RH_ERROR_INIT;
	enum driver_power state;
	struct instance i;
	struct relay r;
	int n, ok = 0;
	int64_t start = deadline_now(), deadline;

	check_rc(instance_open_relayed(&i, &r, bmc.password_file, NULL, &err),
		 &err, "open");
	r.counts->loss = 20;
	for (n = 0; n < 5; n++) {
		deadline = deadline_in(20000);
		if (driver_ipmi.power->query(i.self, deadline, &state, &err) == 0)
			ok++;
		else
			note("query: %s: %s", rh_code_name(err.code), err.text);
		check_before(deadline, 50, "query");
	}
	check(ok == 5, "20 %% loss: %d of 5 queries", ok);
	note("5 queries with 20 %% loss each way: %lld ms",
	     (long long)(deadline_now() - start));
	start = deadline_now();
	/* sent once: when that packet or its answer is lost, it says so */
	check(act(&i, DRIVER_ACT_ON, 60000, &err) == 0 ||
	      err.code == RH_ERR_TIMEOUT, "on: %s: %s", rh_code_name(err.code),
	      err.text);
	note("on with 20 %% loss each way: %lld ms",
	     (long long)(deadline_now() - start));
	instance_close(&i);
	relay_stop(&r);
}

/*
 * Sessions that are never closed fill the BMC's table (63 in ipmi_sim): it
 * refuses in a way that libfreeipmi cannot tell from a bad cipher suite. An
 * instance that had a session before says BUSY; nobody says AUTH.
 */
static void fill_sessions(void)
{
	char *path = secret_file("not-the-password\n");
	struct rh_error err = RH_ERROR_INIT;
	enum driver_power state;
	struct instance i;
	int n;

	for (n = 0; n < 80; n++) {	/* each leaves a session half open */
		check_rc(instance_open(&i, bmc.port, path, NULL, &err), &err,
			 "open");
		driver_ipmi.power->query(i.self, deadline_in(300), &state, &err);
		instance_close(&i);
	}
	secret_file_free(path);
}

static void test_no_sessions(void)
{
	struct rh_error err = RH_ERROR_INIT;
	enum driver_power state;
	struct instance old, new = usual();
	struct relay r;

	lab("bmc", "restart", NULL);	/* no old sessions that end meanwhile */
	check_rc(instance_open_relayed(&old, &r, bmc.password_file, NULL, &err),
		 &err, "open");
	query(&old);
	r.counts->loss = 100;		/* it loses its session */
	check(driver_ipmi.power->query(old.self, deadline_in(2500), &state,
				       &err) < 0, "query without a network");
	r.counts->loss = 0;
	fill_sessions();
	check_code(driver_ipmi.power->query(old.self, deadline_in(3000), &state,
					    &err),
		   &err, RH_ERR_BUSY, "query");
	check(driver_ipmi.power->query(new.self, deadline_in(3000), &state,
				       &err) < 0 && err.code != RH_ERR_AUTH,
	      "query: %s: %s", rh_code_name(err.code), err.text);
	note("%s", err.text);
	lab("bmc", "restart", NULL);
	query(&new);
	instance_close(&old);
	instance_close(&new);
	relay_stop(&r);
}

/* The BMC restarts: the old session is of no use, a query finds out. */
static void test_restart(void)
{
	struct instance i = usual();
	int64_t start;

	query(&i);
	lab("bmc", "restart", NULL);
	start = deadline_now();
	check(query(&i) != DRIVER_POWER_UNKNOWN, "unknown after a restart");
	note("query after a BMC restart: %lld ms",
	     (long long)(deadline_now() - start));
	instance_close(&i);
}

/* --- console ----------------------------------------------------------------- */

static bool attach(struct instance *i, unsigned flags, struct rh_error *err)
{
	int64_t start = deadline_now();
	int rc = driver_ipmi.console->attach(i->self, flags,
					     deadline_in(10000), err);

	if (rc == 0)
		note("attach: %lld ms", (long long)(deadline_now() - start));
	return rc == 0;
}

/* Reads until `text` came or the time is over. */
static bool expect(struct instance *i, struct buffer *seen, const char *text,
		   int64_t ms)
{
	int64_t deadline = deadline_in(ms);
	struct rh_error err = RH_ERROR_INIT;
	char bytes[4096];
	struct pollfd p;
	int n, wake = -1;

	while (deadline_now() < deadline) {
		n = driver_ipmi.console->read(i->self, bytes, sizeof(bytes),
					      &err);
		if (n < 0)
			return check(false, "read: %s", err.text);
		buffer_append(seen, bytes, (size_t)n);
		if (strstr(buffer_text(seen), text) != NULL)
			return true;
		if (n == 0 &&
		    driver_ipmi.console->pollfds(i->self, &p, 1, &wake) == 1)
			poll(&p, 1, deadline_poll_ms(deadline));
	}
	return false;
}

/* Writes everything, as the library takes it. */
static bool write_all(struct instance *i, const char *text, int64_t ms)
{
	int64_t deadline = deadline_in(ms);
	struct rh_error err = RH_ERROR_INIT;
	size_t len = strlen(text);
	int n;

	while (len > 0) {
		n = driver_ipmi.console->write(i->self, text, len, &err);
		if (n < 0)
			return check(false, "write: %s", err.text);
		text += n;
		len -= (size_t)n;
		if (deadline_now() > deadline)
			return check(false, "write: %zu bytes left", len);
		if (n == 0)
			poll(NULL, 0, 10);
	}
	return true;
}

/* The first key of a session may be swallowed: not the driver's business. */
static bool talk(struct instance *i)
{
	struct buffer seen = { 0 };
	bool ok = false;
	int tries;

	for (tries = 0; tries < 3 && !ok; tries++) {
		if (!write_all(i, "ping-42\r", 2000))
			break;
		ok = expect(i, &seen, "ping-42", 1500);
	}
	buffer_release(&seen);
	return check(ok, "no echo");
}

static void test_console(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct instance i = usual();
	struct pollfd p;
	int wake = -1;

	if (check(attach(&i, 0, &err), "attach: %s", err.text)) {
		check(driver_ipmi.console->pollfds(i.self, &p, 1, &wake) == 1,
		      "nothing to poll");
		talk(&i);
		check_rc(driver_ipmi.console->send_break(i.self, &err), &err,
			 "break");
		talk(&i);
	}
	driver_ipmi.console->detach(i.self, deadline_in(2000));
	check(driver_ipmi.console->read(i.self, &p, 1, &err) < 0 &&
	      err.code == RH_ERR_LOST, "read after detach");
	instance_close(&i);
}

/* 4096 bytes come back whole; no byte is lost or doubled. */
static void test_console_bulk(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct buffer text = { 0 }, seen = { 0 };
	struct instance i = usual();
	const char *start;
	int64_t begin;
	int n;

	buffer_append_text(&text, "BEGIN");
	for (n = 0; text.len < 4096 - 8; n++)
		buffer_printf(&text, "%06d.", n);
	buffer_append_text(&text, "END\r");
	if (check(attach(&i, 0, &err), "attach: %s", err.text) && talk(&i)) {
		begin = deadline_now();
		write_all(&i, buffer_text(&text), 10000);
		check(expect(&i, &seen, "END", 20000), "no end after %zu bytes",
		      seen.len);
		note("4096 bytes there and back: %lld ms",
		     (long long)(deadline_now() - begin));
		start = strstr(buffer_text(&seen), "BEGIN");
		check(start != NULL && strncmp(start, buffer_text(&text),
					       text.len - 1) == 0,
		      "the echo differs");
	}
	buffer_release(&text);
	buffer_release(&seen);
	instance_close(&i);
}

/*
 * More than the library's buffers hold, as fast as the driver takes it: the
 * session survives, and what was typed arrives whole.
 */
static void test_console_paste(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct buffer text = { 0 }, seen = { 0 };
	struct instance i = usual();
	int64_t begin;
	const char *next;
	int n = 0;
	size_t sent = 0;

	for (; text.len < 12000; n++)
		buffer_printf(&text, "line %06d of the paste\r", n);
	buffer_append_text(&text, "END\r");
	if (check(attach(&i, 0, &err), "attach: %s", err.text) && talk(&i)) {
		begin = deadline_now();
		while (sent < text.len && deadline_now() - begin < 30000) {
			next = buffer_text(&text) + sent;
			n = driver_ipmi.console->write(i.self, next,
						       text.len - sent, &err);
			if (!check(n >= 0, "write: %s", err.text))
				break;
			sent += (size_t)n;
			expect(&i, &seen, "END", 10);
			if (failed)
				break;
		}
		check(expect(&i, &seen, "END", 20000), "no end after %zu bytes",
		      seen.len);
		next = strstr(buffer_text(&seen), "line 000000");
		check(next != NULL && strncmp(next, buffer_text(&text),
					      text.len - 1) == 0,
		      "the echo differs");
		note("%zu bytes there and back: %lld ms", text.len,
		     (long long)(deadline_now() - begin));
	}
	buffer_release(&text);
	buffer_release(&seen);
	instance_close(&i);
}

/*
 * The library drops a console that is not read while a machine floods it (the
 * machine here must not echo but flood). That is a loss with its reason, what
 * had come can still be read, and the console is there again at once.
 */
static void test_console_overrun(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct instance i = usual();
	struct pollfd p;
	char bytes[4096];
	int n, wake = -1;
	size_t seen = 0;
	int64_t start;

	if (!check(attach(&i, 0, &err), "attach: %s", err.text) ||
	    !write_all(&i, "ab", 2000))
		goto out;
	check(driver_ipmi.console->pollfds(i.self, &p, 1, &wake) == 1, "no fd");
	p.events = POLLRDHUP;
	check(poll(&p, 1, 30000) == 1, "nothing overran");
	while ((n = driver_ipmi.console->read(i.self, bytes, sizeof(bytes),
					      &err)) > 0)
		seen += (size_t)n;
	check(seen > 10000, "only %zu bytes were kept", seen);
	check_code(n, &err, RH_ERR_LOST, "read");
	check(strstr(err.text, "overran") != NULL, "%s", err.text);
	driver_ipmi.console->detach(i.self, deadline_in(500));
	start = deadline_now();
	check(attach(&i, DRIVER_ATTACH_OWN, &err), "attach: %s", err.text);
	check(deadline_now() - start < 5000, "attached too late");
out:
	instance_close(&i);
}

/* ipmitool holds SOL: a pid, and the terminal that it runs on. */
struct holder {
	pid_t pid;
	int tty;
};

static bool holder_start(struct holder *h)
{
	const char *args[] = { "ipmitool", "-I", "lanplus", "-C", "3", "-H",
			       bmc.address, "-p", bmc.port, "-U", bmc.user,
			       "-f", bmc.password_file, "sol", "activate",
			       NULL };
	struct buffer seen = { 0 };
	int64_t deadline = deadline_in(10000);
	struct pollfd p = { .events = POLLIN };
	char bytes[256];
	ssize_t n = 1;

	fflush(stdout);
	h->pid = forkpty(&h->tty, NULL, NULL, NULL);
	if (h->pid == 0) {
		execvp(args[0], (char *const *)args);
		_exit(127);
	}
	p.fd = h->tty;
	while (strstr(buffer_text(&seen), "operational") == NULL && n > 0 &&
	       deadline_now() < deadline) {
		if (poll(&p, 1, deadline_poll_ms(deadline)) > 0) {
			n = read(h->tty, bytes, sizeof(bytes));
			buffer_append(&seen, bytes, n > 0 ? (size_t)n : 0);
		}
	}
	n = strstr(buffer_text(&seen), "operational") != NULL;
	check(n == 1, "ipmitool: %s", buffer_text(&seen));
	buffer_release(&seen);
	return n == 1;
}

static void holder_stop(struct holder *h)
{
	kill(h->pid, SIGKILL);
	waitpid(h->pid, NULL, 0);
	close(h->tty);
}

static void test_console_in_use(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct instance i = usual();
	struct holder h;

	if (holder_start(&h)) {
		check_code(driver_ipmi.console->attach(i.self, 0,
						       deadline_in(5000), &err),
			   &err, RH_ERR_BUSY, "attach");
		check(strstr(err.text, "steal") != NULL, "%s", err.text);
		check(attach(&i, DRIVER_ATTACH_OWN, &err), "own: %s", err.text);
		talk(&i);
		driver_ipmi.console->detach(i.self, deadline_in(2000));
	}
	holder_stop(&h);
	instance_close(&i);
}

static void test_console_steal(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct instance one = usual(), two = usual();

	if (check(attach(&one, 0, &err), "first: %s", err.text)) {
		check_code(driver_ipmi.console->attach(two.self, 0,
						       deadline_in(5000), &err),
			   &err, RH_ERR_BUSY, "second");
		check(attach(&two, DRIVER_ATTACH_STEAL, &err), "steal: %s",
		      err.text);
		talk(&two);
	}
	instance_close(&two);
	instance_close(&one);
}

static int64_t cpu_ms(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (int64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 +
	       (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
}

/* Reads until the session is gone; the milliseconds, -1 where it never was. */
static int64_t until_lost(struct instance *i, struct rh_error *err)
{
	int64_t start = deadline_now(), deadline = deadline_in(15000);
	char bytes[4096];
	struct pollfd p;
	int wake = -1;

	while (deadline_now() < deadline) {
		if (driver_ipmi.console->read(i->self, bytes, sizeof(bytes),
					      err) < 0)
			return deadline_now() - start;
		if (driver_ipmi.console->pollfds(i->self, &p, 1, &wake) == 1)
			poll(&p, 1, deadline_poll_ms(deadline));
	}
	return -1;
}

static void console_lost(const char *death, const char *rebirth,
			 bool after_write)
{
	struct rh_error err = RH_ERROR_INIT;
	struct instance i = usual();
	int64_t ms, cpu, start;

	if (check(attach(&i, 0, &err), "attach: %s", err.text) && talk(&i)) {
		lab("bmc", death, NULL);
		if (after_write)
			write_all(&i, "are you there?\r", 1000);
		cpu = cpu_ms();
		ms = until_lost(&i, &err);
		note("lost after %lld ms, %lld ms of CPU", (long long)ms,
		     (long long)(cpu_ms() - cpu));
		check(ms >= 0 && ms <= 10000, "lost after %lld ms",
		      (long long)ms);
		check(err.code == RH_ERR_LOST, "%s: %s", rh_code_name(err.code),
		      err.text);
		check(cpu_ms() - cpu < 500, "%lld ms of CPU",
		      (long long)(cpu_ms() - cpu));
		lab("bmc", rebirth, NULL);
		check(attach(&i, DRIVER_ATTACH_OWN, &err), "attach again: %s",
		      err.text);
		talk(&i);
	}
	start = deadline_now();
	driver_ipmi.console->detach(i.self, deadline_in(2000));
	note("detach: %lld ms", (long long)(deadline_now() - start));
	instance_close(&i);
}

static void test_console_lost_idle(void)
{
	console_lost("kill", "start", false);
}

static void test_console_lost_write(void)
{
	console_lost("kill", "start", true);
}

/* The port is there and nobody answers: no ICMP tells. */
static void test_console_lost_hung(void)
{
	console_lost("pause", "continue", false);
}

/* A BMC that died just now must not hold up detach and close. */
static void test_console_detach_dead(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct instance i = usual();
	int64_t start;

	if (check(attach(&i, 0, &err), "attach: %s", err.text)) {
		lab("bmc", "kill", NULL);
		start = deadline_now();
		driver_ipmi.console->detach(i.self, deadline_in(500));
		check(deadline_now() - start < 1500, "detach took %lld ms",
		      (long long)(deadline_now() - start));
		note("detach from a dead BMC: %lld ms",
		     (long long)(deadline_now() - start));
		lab("bmc", "start", NULL);
	}
	instance_close(&i);
}

static void test_console_loss(void)
{
	struct rh_error err = RH_ERROR_INIT;
	static const char *const ports[] = {
		"workarounds", "solchannelsupport solpayloadsize solport", NULL,
	};
	struct instance i;
	struct relay r;
	int64_t start = deadline_now();

	/* SOL names its port to the client: only 623 can be relayed */
	relay_start(&r, 623);
	check_rc(instance_open(&i, r.port, bmc.password_file, ports, &err),
		 &err, "open");
	r.counts->loss = 20;
	if (strcmp(r.port, "623") != 0)
		note("port 623 is taken: not tested");
	else if (check(driver_ipmi.console->attach(i.self, 0, deadline_in(60000),
					      &err) == 0,
		  "attach: %s", err.text)) {
		note("attach with 20 %% loss each way: %lld ms",
		     (long long)(deadline_now() - start));
		talk(&i);
	}
	instance_close(&i);
	relay_stop(&r);
}

/* --- main -------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*run)(void);
	bool needs_lab;
} tests[] = {
	{ "query", test_query, false },
	{ "cycle-reset-soft", test_cycle_reset_soft, false },
	{ "boot", test_boot, false },
	{ "pacing", test_pacing, false },
	{ "evidence", test_evidence, false },
	{ "event-log", test_event_log, false },
	{ "wrong-password", test_wrong_password, false },
	{ "wrong-user", test_wrong_user, false },
	{ "suites", test_suites, false },
	{ "dead-port", test_dead_port, false },
	{ "no-such-name", test_no_such_name, false },
	{ "long-password", test_long_password, false },
	{ "act-once", test_act_once, false },
	{ "slow-act", test_slow_act, true },
	{ "too-slow-act", test_too_slow_act, true },
	{ "refused-act", test_refused_act, true },
	{ "strict", test_strict, true },
	{ "no-sessions", test_no_sessions, true },
	{ "loss", test_loss, false },
	{ "console", test_console, false },
	{ "console-bulk", test_console_bulk, false },
	{ "console-paste", test_console_paste, false },
	{ "console-overrun", test_console_overrun, false },
	{ "console-in-use", test_console_in_use, false },
	{ "console-steal", test_console_steal, false },
	{ "console-loss", test_console_loss, false },
	{ "restart", test_restart, true },
	{ "console-lost-idle", test_console_lost_idle, true },
	{ "console-lost-write", test_console_lost_write, true },
	{ "console-lost-hung", test_console_lost_hung, true },
	{ "console-detach-dead", test_console_detach_dead, true },
};

#define TESTS (sizeof(tests) / sizeof(tests[0]))

static bool selected(const char *name, char **names, int count)
{
	int i;

	for (i = 0; i < count; i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return count == 0 && strcmp(name, "console-overrun") != 0;
}

static int usage(void)
{
	fprintf(stderr, "usage: ipmi-driver-test [-l LAB -d DIR] ADDRESS PORT "
			"USER PASSWORDFILE [TEST...]\n");
	return 2;
}

static int run_tests(char **names, int count)
{
	int number = 0, bad = 0;
	size_t i;

	for (i = 0; i < TESTS; i++) {
		if (!selected(tests[i].name, names, count))
			continue;
		number++;
		if (tests[i].needs_lab && bmc.lab == NULL) {
			printf("ok %d %s # SKIP no lab\n", number,
			       tests[i].name);
			continue;
		}
		failed = false;
		tests[i].run();
		printf("%sok %d %s\n", failed ? "not " : "", number,
		       tests[i].name);
		bad += failed;
	}
	printf("1..%d\n", number);
	return bad > 0 || number == 0;
}

int main(int argc, char **argv)
{
	int option;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((option = getopt(argc, argv, "l:d:")) != -1) {
		if (option == 'l')
			bmc.lab = optarg;
		else if (option == 'd')
			bmc.dir = optarg;
		else
			return usage();
	}
	if (argc - optind < 4)
		return usage();
	bmc.address = argv[optind];
	bmc.port = argv[optind + 1];
	bmc.user = argv[optind + 2];
	bmc.password_file = argv[optind + 3];
	return run_tests(argv + optind + 4, argc - optind - 4);
}
