/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ipmitool-driver-test - the ipmitool driver against a BMC, without a hand
 *
 *   ipmitool-driver-test LAB DIR ADDRESS PORT USER PASSWORDFILE [TEST...]
 *
 * Runs the tests named, or all, and prints TAP. LAB is the lab's script and
 * DIR the lab whose BMC this is; its machine must echo what it is sent
 * (--machine cat). The BMC's power is switched.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/memory.h"
#include "drivers/drivers.h"

#define SOON_MS 20000

extern char **environ;

static const char *lab_script, *lab_dir, *address, *port, *user, *password_file;
static bool failed;
static struct rh_error err;

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

static bool check_rc(int rc, const char *what)
{
	return check(rc == 0, "%s: %s: %s", what, rh_code_name(err.code),
		     err.text);
}

static bool check_code(int rc, enum rh_code code, const char *what)
{
	return check(rc < 0 && err.code == code && err.text[0] != '\0',
		     "%s: wanted %s, got rc %d, %s: %s", what,
		     rh_code_name(code), rc, rh_code_name(err.code), err.text);
}

/* --- an instance ------------------------------------------------------------- */

struct instance {
	struct settings *settings;
	void *self;
};

static const struct driver *const driver = &driver_ipmitool;

/* A NULL-ended list of key, value pairs over the usual ones. */
static int instance_open(struct instance *i, const char *const *more)
{
	const struct option *tables[] = { driver->options, NULL };
	char *reference = memory_format("@file:%s", password_file);

	rh_error_clear(&err);
	i->settings = settings_new(tables);
	settings_set(i->settings, "address", address, &err);
	settings_set(i->settings, "port", port, &err);
	settings_set(i->settings, "user", user, &err);
	settings_set(i->settings, "password", reference, &err);
	settings_set(i->settings, "min-interval", "0", &err);
	free(reference);
	for (; more != NULL && more[0] != NULL; more += 2)
		check_rc(settings_set(i->settings, more[0], more[1], &err),
			 more[0]);
	i->self = memory_new(1, driver->size);
	return driver->open(i->self, i->settings, deadline_in(5000), &err);
}

static struct instance usual(const char *const *more)
{
	struct instance i;

	if (instance_open(&i, more) < 0) {
		printf("Bail out! open: %s\n", err.text);
		exit(1);
	}
	return i;
}

static void instance_close(struct instance *i)
{
	int64_t start = deadline_now();

	driver->close(i->self);
	check(deadline_now() - start <= 1000, "close took %lld ms",
	      (long long)(deadline_now() - start));
	free(i->self);
	settings_free(i->settings);
	check(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD,
	      "a program was left running");
}

static int query(struct instance *i, enum driver_power *state)
{
	*state = DRIVER_POWER_UNKNOWN;
	return driver->power->query(i->self, deadline_in(SOON_MS), state, &err);
}

static void reaches(struct instance *i, enum driver_power wanted)
{
	int64_t until = deadline_in(SOON_MS);
	enum driver_power state;

	while (deadline_now() < until) {
		if (!check_rc(query(i, &state), "query") || state == wanted)
			return;
	}
	check(false, "it never was %s", driver_power_name(wanted));
}

static int act(struct instance *i, enum driver_act what)
{
	rh_error_clear(&err);
	return driver->power->act(i->self, what, deadline_in(SOON_MS), &err);
}

/* --- the lab ----------------------------------------------------------------- */

static void lab(const char *verb, const char *a, const char *b)
{
	const char *args[] = { lab_script, verb, lab_dir, a, b, NULL };
	int status = -1;
	pid_t pid;

	if (posix_spawn(&pid, lab_script, NULL, NULL, (char *const *)args,
			environ) == 0)
		waitpid(pid, &status, 0);
	check(status == 0, "lab %s %s", verb, a);
}

/* How often the BMC was told so, by its own log ("set reset 1"). */
static int lab_count(const char *text)
{
	char *path = memory_format("%s/chassis.log", lab_dir), line[256];
	FILE *log = fopen(path, "re");
	int count = 0;

	free(path);
	while (log != NULL && fgets(line, sizeof(line), log) != NULL)
		count += strstr(line, text) != NULL;
	if (log != NULL)
		fclose(log);
	return count;
}

/* A file with that text that only we can read. */
static char *secret_file(const char *text)
{
	char *path = memory_copy("/tmp/ipmitool-driver-test.XXXXXX");
	int fd = mkostemp(path, O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0) {
		printf("Bail out! %s\n", strerror(errno));
		exit(1);
	}
	close(fd);
	return path;
}

/* --- a relay that counts commands and loses answers ---------------------------- */

struct relay {
	volatile struct {
		int sessions;	/* packets that ask for one */
		int commands;	/* packets in a session */
		int lose_from;	/* answers from this command on; 0: none */
	} *counts;
	pid_t pid;
	char port[8];
};

/* IPMI 2.0, 13.6: RMCP header, authentication type 6, payload type. */
static int relay_payload(const unsigned char *packet, ssize_t len)
{
	return len > 5 && packet[3] == 0x07 && packet[4] == 0x06 ?
	       packet[5] & 0x3f : -1;
}

static void relay_run(struct relay *r, int client, int server)
{
	struct pollfd p[2] = { { .fd = client, .events = POLLIN },
			       { .fd = server, .events = POLLIN } };
	struct sockaddr_in from = { 0 };
	socklen_t from_len;
	unsigned char packet[2048];
	ssize_t n;

	while (poll(p, 2, -1) > 0) {
		if (p[0].revents) {
			from_len = sizeof(from);
			n = recvfrom(client, packet, sizeof(packet), 0,
				     (struct sockaddr *)&from, &from_len);
			r->counts->commands += relay_payload(packet, n) == 0;
			r->counts->sessions += relay_payload(packet, n) == 0x10;
			send(server, packet, (size_t)n, 0);
		}
		if (p[1].revents) {
			n = recv(server, packet, sizeof(packet), 0);
			if (n < 0 || (relay_payload(packet, n) == 0 &&
				      r->counts->lose_from > 0 &&
				      r->counts->commands >=
				      r->counts->lose_from))
				continue;
			sendto(client, packet, (size_t)n, 0,
			       (struct sockaddr *)&from, from_len);
		}
	}
}

static void relay_start(struct relay *r)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int client = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(a);

	r->counts = mmap(NULL, sizeof(*r->counts), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	bind(client, (struct sockaddr *)&a, sizeof(a));
	getsockname(client, (struct sockaddr *)&a, &len);
	snprintf(r->port, sizeof(r->port), "%u", ntohs(a.sin_port));
	a.sin_port = htons((uint16_t)atoi(port));
	inet_pton(AF_INET, address, &a.sin_addr);
	connect(server, (struct sockaddr *)&a, sizeof(a));
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

/* Closes the instance; the relay is our child, so it goes first. */
static void relay_end(struct relay *r, struct instance *i)
{
	relay_stop(r);
	instance_close(i);
}

/* --- power ------------------------------------------------------------------- */

static void test_power(void)
{
	struct instance i = usual(NULL);

	check_rc(act(&i, DRIVER_ACT_ON), "on");
	reaches(&i, DRIVER_POWER_ON);
	check_rc(act(&i, DRIVER_ACT_ON), "on again");
	check_rc(act(&i, DRIVER_ACT_RESET), "reset");
	check_rc(act(&i, DRIVER_ACT_SOFT), "soft");
	check_code(act(&i, DRIVER_ACT_DIAG), RH_ERR_NOTSUP, "diag");
	check_rc(act(&i, DRIVER_ACT_OFF), "off");
	reaches(&i, DRIVER_POWER_OFF);
	check_rc(act(&i, DRIVER_ACT_OFF), "off again");
	check_rc(act(&i, DRIVER_ACT_ON), "on");
	reaches(&i, DRIVER_POWER_ON);
	check_rc(act(&i, DRIVER_ACT_CYCLE), "cycle");
	reaches(&i, DRIVER_POWER_ON);
	instance_close(&i);
}

static void test_boot(void)
{
	enum driver_boot device;
	struct instance i = usual(NULL);

	for (device = DRIVER_BOOT_DISK; device <= DRIVER_BOOT_SETUP; device++)
		check_rc(driver->power->boot(i.self, device,
					     deadline_in(SOON_MS), &err),
			 driver_boot_name(device));
	check_rc(driver->power->identify(i.self, true, deadline_in(SOON_MS),
					 &err), "identify on");
	check_rc(driver->power->identify(i.self, false, deadline_in(SOON_MS),
					 &err), "identify off");
	instance_close(&i);
}

static void test_evidence(void)
{
	struct buffer text = { 0 };
	struct instance i = usual(NULL);

	reaches(&i, DRIVER_POWER_ON);
	check_rc(driver->evidence->chassis(i.self, deadline_in(SOON_MS), &text,
					   &err), "chassis");
	check(strncmp(buffer_text(&text), "power: on\n", 10) == 0 &&
	      strstr(buffer_text(&text), "\nmain power fault: false\n") != NULL,
	      "chassis says: %s", buffer_text(&text));
	buffer_clear(&text);
	check_rc(driver->evidence->event_log(i.self, 10, deadline_in(SOON_MS),
					     &text, &err), "event log");
	buffer_release(&text);
	instance_close(&i);
}

static void test_slow_act(void)
{
	static const char *const quick[] = { "act-wait", "1s", NULL };
	struct instance i = usual(quick);
	enum driver_power state;
	int before;

	check_rc(query(&i, &state), "query");
	before = lab_count("set reset 1");
	lab("chassis", "slow", "4");
	check_code(act(&i, DRIVER_ACT_RESET), RH_ERR_TIMEOUT, "reset");
	lab("chassis", "none", NULL);
	check_rc(query(&i, &state), "query afterwards");
	check(lab_count("set reset 1") == before + 1, "it was executed %d times",
	      lab_count("set reset 1") - before);
	instance_close(&i);
}

/* The answer to the act is lost: the packet is not sent a second time. */
static void test_act_once(void)
{
	struct relay r;
	const char *more[] = { "port", r.port, "act-wait", "1s", NULL };
	struct instance i;
	int commands, executed;

	relay_start(&r);
	i = usual(more);
	check_rc(act(&i, DRIVER_ACT_RESET), "reset");
	r.counts->commands = 0;
	check_rc(act(&i, DRIVER_ACT_RESET), "reset");
	commands = r.counts->commands;
	executed = lab_count("set reset 1");
	/* the last is Close Session, the one before is the act */
	r.counts->commands = 0;
	r.counts->sessions = 0;
	r.counts->lose_from = commands - 1;
	check_code(act(&i, DRIVER_ACT_RESET), RH_ERR_TIMEOUT, "reset");
	check(r.counts->commands == commands && r.counts->sessions == 1,
	      "%d commands in %d sessions, %d in one expected",
	      r.counts->commands, r.counts->sessions, commands);
	check(lab_count("set reset 1") == executed + 1, "executed %d times",
	      lab_count("set reset 1") - executed);
	relay_end(&r, &i);
}

static void test_strict(void)
{
	struct instance i = usual(NULL);

	check_rc(act(&i, DRIVER_ACT_OFF), "off");
	reaches(&i, DRIVER_POWER_OFF);
	lab("chassis", "strict", NULL);
	check(act(&i, DRIVER_ACT_RESET) < 0 && err.code != RH_ERR_TIMEOUT,
	      "reset while off: %s", err.text);
	lab("chassis", "none", NULL);
	check_rc(act(&i, DRIVER_ACT_ON), "on");
	reaches(&i, DRIVER_POWER_ON);
	instance_close(&i);
}

/* --- sessions ---------------------------------------------------------------- */

static void test_credential(void)
{
	char *wrong = secret_file("not-it\n");
	char *reference = memory_format("@file:%s", wrong);
	struct relay r;
	const char *more[] = { "port", r.port, "password", reference,
			       "cipher-suite", "3 17", NULL };
	const char *nobody[] = { "user", "nobody", "cipher-suite", "3", NULL };
	enum driver_power state;
	struct instance i;

	relay_start(&r);
	i = usual(more);
	check_code(query(&i, &state), RH_ERR_AUTH, "a wrong password");
	check(r.counts->sessions == 1, "%d sessions asked for",
	      r.counts->sessions);
	check(driver->console->attach(i.self, 0, deadline_in(SOON_MS), &err) <
	      0 && err.code == RH_ERR_AUTH, "attach: %s", err.text);
	check(r.counts->sessions == 2, "%d sessions asked for",
	      r.counts->sessions);
	relay_end(&r, &i);
	i = usual(nobody);
	check_code(query(&i, &state), RH_ERR_AUTH, "a wrong user");
	instance_close(&i);
	unlink(wrong);
	free(wrong);
	free(reference);
}

/* A BMC that went away before there was a session: it is known as not sent. */
static void test_not_sent(void)
{
	struct instance i = usual(NULL);
	enum driver_power state;

	check_rc(query(&i, &state), "query");
	lab("bmc", "pause", NULL);
	check_code(driver->power->act(i.self, DRIVER_ACT_RESET,
				      deadline_in(2000), &err),
		   RH_ERR_UNREACHABLE, "reset");
	lab("bmc", "continue", NULL);
	check_rc(query(&i, &state), "query afterwards");
	instance_close(&i);
}

/* The lab's BMC does not know 17. */
static void test_suites(void)
{
	static const char *const only[] = { "cipher-suite", "17", NULL };
	struct instance i = usual(only);
	enum driver_power state;
	int64_t start;

	check_code(query(&i, &state), RH_ERR_NOTSUP, "suite 17");
	instance_close(&i);
	i = usual(NULL);
	start = deadline_now();
	check_rc(query(&i, &state), "suite 17 or 3");
	check(deadline_now() - start < 5000, "it took %lld ms",
	      (long long)(deadline_now() - start));
	instance_close(&i);
}

static void test_unreachable(void)
{
	static const char *const dead[] = { "port", "1", NULL };
	static const char *const name[] = { "address", "no-such-host.invalid",
					    NULL };
	struct instance i = usual(dead);
	enum driver_power state;
	int64_t start = deadline_now();
	int rc;

	rc = driver->power->query(i.self, deadline_in(2000), &state, &err);
	check(rc < 0 && (err.code == RH_ERR_TIMEOUT ||
			 err.code == RH_ERR_UNREACHABLE), "dead port: %s",
	      err.text);
	check(deadline_now() - start < 2500, "it took %lld ms",
	      (long long)(deadline_now() - start));
	check_code(act(&i, DRIVER_ACT_OFF), RH_ERR_UNREACHABLE, "off");
	instance_close(&i);
	i = usual(name);
	check_code(query(&i, &state), RH_ERR_UNREACHABLE, "no such name");
	instance_close(&i);
}

static void test_bad_options(void)
{
	static const char *const extra[] = { "extra", "-o intelplus -P hunter2",
					     NULL };
	static const char *const program[] = { "program", "/no/such/ipmitool",
					       NULL };
	struct instance i;

	check_code(instance_open(&i, extra), RH_ERR_CONFIG, "extra");
	check(strstr(err.text, "hunter2") == NULL, "it says: %s", err.text);
	instance_close(&i);
	check_code(instance_open(&i, program), RH_ERR_CONFIG, "program");
	instance_close(&i);
}

/* --- console ----------------------------------------------------------------- */

static int attach(struct instance *i, unsigned flags)
{
	rh_error_clear(&err);
	return driver->console->attach(i->self, flags, deadline_in(SOON_MS),
				       &err);
}

static int read_some(struct instance *i, char *bytes, size_t size)
{
	struct pollfd fds[8];
	int wake = 100, count = driver->console->pollfds(i->self, fds, 8, &wake);

	poll(fds, (nfds_t)count, wake < 100 ? wake : 100);
	return driver->console->read(i->self, bytes, size, &err);
}

static void type(struct instance *i, const char *text)
{
	int64_t until = deadline_in(SOON_MS);
	int n;

	while (*text != '\0' && deadline_now() < until) {
		n = driver->console->write(i->self, text, strlen(text), &err);
		if (!check(n >= 0, "write: %s", err.text))
			return;
		text += n;
	}
	check(*text == '\0', "it does not take: %s", text);
}

/* Collects until the text is at the end of what came. */
static bool expect(struct instance *i, struct buffer *seen, const char *text)
{
	int64_t until = deadline_in(SOON_MS);
	char bytes[512];
	int n;

	while (seen->len < strlen(text) ||
	       strcmp(seen->data + seen->len - strlen(text), text) != 0) {
		if (!check(deadline_now() < until, "no \"%s\" in: %s", text,
			   buffer_text(seen)))
			return false;
		n = read_some(i, bytes, sizeof(bytes));
		if (!check(n >= 0, "lost: %s", err.text))
			return false;
		buffer_append(seen, bytes, (size_t)n);
	}
	return true;
}

/* The first packet of a session may be lost by the lab's BMC: burn some. */
static bool burn(struct instance *i)
{
	int64_t again = 0, until = deadline_in(SOON_MS);
	bool there = false;
	char bytes[512];
	int n = 0;

	while (!there && n >= 0 && deadline_now() < until) {
		if (deadline_now() >= again) {
			type(i, "+");
			again = deadline_in(2000);
		}
		n = read_some(i, bytes, sizeof(bytes));
		there = n > 0 && bytes[n - 1] == '+';
	}
	return check(there, "no echo: %s", n < 0 ? err.text : "silent");
}

static void console_says(struct instance *i, const char *typed,
			 const char *wanted)
{
	struct buffer seen = { 0 };

	type(i, typed);
	expect(i, &seen, wanted);
	check(strcmp(buffer_text(&seen), wanted) == 0, "\"%s\" came as \"%s\"",
	      wanted, buffer_text(&seen));
	buffer_release(&seen);
}

static void test_console(void)
{
	struct instance i = usual(NULL);

	if (check_rc(attach(&i, 0), "attach") && burn(&i)) {
		console_says(&i, "hello\r", "hello\r");
		console_says(&i, "~.~~.~B\n~~\r~", "~.~~.~B\n~~\r~");
		console_says(&i, "x\r~", "x\r~");
		console_says(&i, "?\r", "?\r");
		driver->console->detach(i.self, deadline_in(2000));
	}
	/* at once again: it was given back */
	if (check_rc(attach(&i, 0), "attach again") && burn(&i))
		console_says(&i, "again", "again");
	driver->console->detach(i.self, deadline_in(2000));
	instance_close(&i);
}

static void test_break(void)
{
	struct instance i = usual(NULL);

	if (!check_rc(attach(&i, 0), "attach"))
		return;
	if (burn(&i)) {
		check_code(driver->console->send_break(i.self, &err),
			   RH_ERR_STATE, "break in mid line");
		console_says(&i, "\r", "\r");
		check_rc(driver->console->send_break(i.self, &err), "break");
		console_says(&i, "~a\r~b", "~a\r~b");
		console_says(&i, "\r", "\r");
		check_rc(driver->console->send_break(i.self, &err), "break");
		console_says(&i, "h\r", "h\r");
	}
	driver->console->detach(i.self, deadline_in(2000));
	instance_close(&i);
}

static void test_console_in_use(void)
{
	struct instance a = usual(NULL), b = usual(NULL);
	int64_t until = deadline_in(SOON_MS);
	char bytes[64];

	check_rc(attach(&a, 0), "attach");
	check_code(attach(&b, 0), RH_ERR_BUSY, "attach in use");
	check_rc(attach(&b, DRIVER_ATTACH_STEAL), "steal");
	burn(&b);
	console_says(&b, "mine", "mine");
	while (deadline_now() < until &&
	       driver->console->read(b.self, bytes, sizeof(bytes), &err) > 0)
		;
	driver->console->detach(b.self, deadline_in(2000));
	driver->console->detach(a.self, deadline_in(2000));
	check_rc(attach(&a, DRIVER_ATTACH_OWN), "attach own");
	driver->console->detach(a.self, deadline_in(2000));
	driver->close(a.self);
	instance_close(&b);
	free(a.self);
	settings_free(a.settings);
}

/* --- a BMC that dies ------------------------------------------------------------- */

static int64_t until_lost(struct instance *i)
{
	int64_t start = deadline_now(), deadline = deadline_in(20000);
	struct pollfd fds[4];
	char bytes[256];
	int count, wake;

	while (deadline_now() < deadline) {
		if (driver->console->read(i->self, bytes, sizeof(bytes), &err) < 0)
			return deadline_now() - start;
		wake = -1;
		count = driver->console->pollfds(i->self, fds, 4, &wake);
		poll(fds, (nfds_t)count, wake < 0 ? 20000 : wake);
	}
	return -1;
}

static void console_lost(const char *death, const char *rebirth, bool typed)
{
	struct instance i = usual(NULL);
	int64_t ms = -1;

	if (check_rc(attach(&i, 0), "attach") && burn(&i)) {
		lab("bmc", death, NULL);
		if (typed)
			type(&i, "are you there?\r");
		ms = until_lost(&i);
		printf("# %s: lost after %lld ms\n", death, (long long)ms);
		check(ms >= 0 && ms <= 10000, "lost after %lld ms",
		      (long long)ms);
		check(err.code == RH_ERR_LOST, "%s: %s", rh_code_name(err.code),
		      err.text);
		lab("bmc", rebirth, NULL);
	}
	driver->console->detach(i.self, deadline_in(2000));
	if (check_rc(attach(&i, DRIVER_ATTACH_OWN), "attach again"))
		burn(&i);
	driver->console->detach(i.self, deadline_in(2000));
	instance_close(&i);
}

static void test_console_lost(void)
{
	console_lost("kill", "start", false);
	console_lost("kill", "start", true);
}

static void test_console_hung(void)
{
	console_lost("pause", "continue", false);
	console_lost("pause", "continue", true);
}

/* A healthy one is not lost: nothing is said for longer than that takes. */
static void test_console_quiet(void)
{
	static const char *const soon[] = { "lost-after", "3s", NULL };
	struct instance i = usual(soon);
	int64_t until = deadline_in(8000);
	struct pollfd fds[4];
	char bytes[256];
	int count, wake, n = 0, turns = 0;

	if (check_rc(attach(&i, 0), "attach") && burn(&i)) {
		for (; n >= 0 && deadline_now() < until; turns++) {
			n = driver->console->read(i.self, bytes, sizeof(bytes),
						  &err);
			wake = -1;
			count = driver->console->pollfds(i.self, fds, 4, &wake);
			poll(fds, (nfds_t)count, deadline_poll_ms(deadline_min(
				until, deadline_in(wake < 0 ? 20000 : wake))));
		}
		check(n >= 0, "lost: %s", err.text);
		check(turns < 100, "%d turns", turns);
		console_says(&i, "again", "again");
	}
	driver->console->detach(i.self, deadline_in(2000));
	instance_close(&i);
}

/* --- secrets ----------------------------------------------------------------- */

/* Whether a file of a process has that text in it. */
static bool proc_has(const char *pid, const char *file, const char *text)
{
	char path[64], bytes[65536];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%.20s/%s", pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, bytes, sizeof(bytes));
	close(fd);
	return n > 0 && memmem(bytes, (size_t)n, text, strlen(text)) != NULL;
}

/* The processes that are ipmitool in this session; the password in none. */
static int secret_seen(const char *password, int *ret_count)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;
	int seen = 0;

	*ret_count = 0;
	while ((e = readdir(dir)) != NULL) {
		if (!proc_has(e->d_name, "cmdline", "sol") ||
		    !proc_has(e->d_name, "cmdline", port))
			continue;
		++*ret_count;
		seen += proc_has(e->d_name, "cmdline", password) ||
			proc_has(e->d_name, "environ", password);
	}
	closedir(dir);
	return seen;
}

static void test_secret(void)
{
	struct instance i = usual(NULL);
	char password[64] = "";
	FILE *f = fopen(password_file, "re");
	int count, seen;

	if (f == NULL || fgets(password, sizeof(password), f) == NULL)
		check(false, "no password");
	if (f != NULL)
		fclose(f);
	password[strcspn(password, "\n")] = '\0';
	if (check_rc(attach(&i, 0), "attach")) {
		seen = secret_seen(password, &count);
		check(count == 1, "%d consoles found", count);
		check(seen == 0, "the password can be seen");
	}
	driver->console->detach(i.self, deadline_in(2000));
	instance_close(&i);
}

/* --- doctor ------------------------------------------------------------------ */

static void test_doctor(void)
{
	static const char *const dead[] = { "port", "1", NULL };
	struct instance i = usual(NULL);
	struct buffer text = { 0 };

	check_rc(driver->doctor->look(i.self, 0, deadline_in(SOON_MS), &text,
				      &err), "look");
	check(strstr(buffer_text(&text), "ok\tprogram\tipmitool version") &&
	      strstr(buffer_text(&text), "ok\tpassword\t") &&
	      strstr(buffer_text(&text), "\tcipher-suite = 3\n") &&
	      strstr(buffer_text(&text), "\tsol\t") &&
	      !strstr(buffer_text(&text), "fail\t"), "doctor says: %s",
	      buffer_text(&text));
	instance_close(&i);
	buffer_clear(&text);
	i = usual(dead);
	check_rc(driver->doctor->look(i.self, 0, deadline_in(SOON_MS), &text,
				      &err), "look");
	check(strstr(buffer_text(&text), "fail\taddress\t") != NULL,
	      "doctor says: %s", buffer_text(&text));
	buffer_release(&text);
	instance_close(&i);
}

/* --- main -------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "power", test_power },
	{ "boot", test_boot },
	{ "evidence", test_evidence },
	{ "slow-act", test_slow_act },
	{ "act-once", test_act_once },
	{ "strict", test_strict },
	{ "credential", test_credential },
	{ "suites", test_suites },
	{ "unreachable", test_unreachable },
	{ "not-sent", test_not_sent },
	{ "bad-options", test_bad_options },
	{ "console", test_console },
	{ "break", test_break },
	{ "console-in-use", test_console_in_use },
	{ "console-lost", test_console_lost },
	{ "console-hung", test_console_hung },
	{ "console-quiet", test_console_quiet },
	{ "secret", test_secret },
	{ "doctor", test_doctor },
};

static bool selected(const char *name, char **names, int count)
{
	int i;

	for (i = 0; i < count; i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return count == 0;
}

int main(int argc, char **argv)
{
	int number = 0, bad = 0;
	size_t i;

	if (argc < 7) {
		fprintf(stderr, "usage: ipmitool-driver-test LAB DIR ADDRESS "
				"PORT USER PASSWORDFILE [TEST...]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	lab_script = argv[1];
	lab_dir = argv[2];
	address = argv[3];
	port = argv[4];
	user = argv[5];
	password_file = argv[6];
	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		if (!selected(tests[i].name, argv + 7, argc - 7))
			continue;
		failed = false;
		tests[i].run();
		printf("%sok %d %s\n", failed ? "not " : "", ++number,
		       tests[i].name);
		bad += failed;
	}
	printf("1..%d\n", number);
	return bad > 0 || number == 0;
}
