/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * uart-driver-test - the serial driver on a real UART whose line echoes
 *
 *   uart-driver-test DEVICE TEST...
 *
 * Runs the tests named and prints TAP.
 * uart.bats runs it in a machine of its own (uart.bash), where a break comes
 * back as the text "<BREAK>". What the UART was set to is checked from there.
 */
#include <errno.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <termios.h>

#include "drivers/drivers.h"
#include "tests/lab/driver-check.h"

static const struct driver *const tested = &driver_serial;
static const char *device;

static struct instance usual(void)
{
	return instance_open((const char *[]){ "path", device, NULL });
}

static bool try_steal(struct instance *i)
{
	struct rh_error err = RH_ERROR_INIT;

	return check_rc(tested->console->attach(i->self, DRIVER_ATTACH_STEAL,
						deadline_in(1000), &err),
			&err, "attach");
}

/* Types, and gets the same bytes back, and no others. */
static void echoed(struct instance *i, const char *bytes, size_t len)
{
	struct rh_error err = RH_ERROR_INIT;
	int64_t deadline = deadline_in(20000);
	struct buffer seen = { 0 };
	size_t sent = 0;
	int n = 0;

	while (n >= 0 && seen.len < len && deadline_now() < deadline) {
		n = tested->console->write(i->self, bytes + sent, len - sent,
					   &err);
		if (n >= 0) {
			sent += (size_t)n;
			n = turn(i, deadline_in(sent < len ? 5 : 500), &seen,
				 &err);
		}
	}
	check(n >= 0 && seen.len == len && memcmp(seen.data, bytes, len) == 0,
	      "of %zu bytes %zu came back, or others (%s)", len, seen.len,
	      err.text);
	buffer_release(&seen);
}

/* All bytes, a few in much text: else it would count as garbage. */
static void test_talk(void)
{
	struct instance i = usual();
	static char bytes[4096];
	size_t n;

	for (n = 0; n < sizeof(bytes); n++)
		bytes[n] = (char)(n % 16 > 0 ? 'a' + n % 26 : n / 16);
	if (attach(&i, 1000)) {
		enters(&i, "login\r");
		sees(&i, "login\r");
		echoed(&i, bytes, sizeof(bytes));
	}
	instance_close(&i);
}

static struct termios device_settings(void)
{
	struct termios t = { 0 };
	int fd = open(device, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	check(fd >= 0 && tcgetattr(fd, &t) == 0, "%s: %s", device,
	      strerror(errno));
	close(fd);
	return t;
}

static void test_settings(void)
{
	static const struct {
		const char *speed, *bits, *parity, *stop;
		speed_t code;
		tcflag_t flags;
	} cases[] = {
		{ "115200", "8", "none", "1", B115200, CS8 },
		{ "9600", "7", "even", "2", B9600, CS7 | PARENB | CSTOPB },
		{ "38400", "8", "odd", "1", B38400, CS8 | PARENB | PARODD },
		{ "1200", "8", "none", "2", B1200, CS8 | CSTOPB },
	};
	const tcflag_t mask = CSIZE | PARENB | PARODD | CSTOPB;
	struct instance i;
	struct termios t;
	size_t c;

	for (c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		i = instance_open((const char *[]){
			"path", device, "speed", cases[c].speed, "bits",
			cases[c].bits, "parity", cases[c].parity, "stop",
			cases[c].stop, NULL });
		if (attach(&i, 1000)) {
			t = device_settings();
			check(cfgetospeed(&t) == cases[c].code &&
				      (t.c_cflag & mask) == cases[c].flags,
			      "%s baud: flags %o", cases[c].speed, t.c_cflag);
			echoed(&i, "GNU GRUB  version 2.06\r\n", 24);
		}
		instance_close(&i);
	}
}

/* What the kernel says of the UART: "1: uart:16550A port:... RTS|DTR". */
static void uart_line(char *ret, size_t size)
{
	FILE *f = fopen("/proc/tty/driver/serial", "re");
	struct stat st = { 0 };
	unsigned number;

	ret[0] = '\0';
	check(f != NULL && stat(device, &st) == 0, "no list of UARTs");
	while (f != NULL && fgets(ret, (int)size, f) != NULL) {
		if (sscanf(ret, "%u:", &number) == 1 &&
		    number + 64 == minor(st.st_rdev))
			break;
	}
	if (f != NULL)
		fclose(f);
	check(strstr(ret, "uart:16550A") != NULL, "no UART: %s", ret);
}

static void lines_are(const char *rts, const char *dtr, bool rts_on,
		      bool dtr_on)
{
	struct instance i = instance_open((const char *[]){
		"path", device, "rts", rts, "dtr", dtr, NULL });
	char line[200];

	if (attach(&i, 1000)) {
		uart_line(line, sizeof(line));
		check((strstr(line, "RTS") != NULL) == rts_on &&
			      (strstr(line, "DTR") != NULL) == dtr_on,
		      "rts = %s, dtr = %s: %s", rts, dtr, line);
	}
	instance_close(&i);
}

static void test_lines(void)
{
	lines_are("no", "no", false, false);
	lines_are("yes", "yes", true, true);
	lines_are("no", "yes", false, true);
	lines_are("yes", "no", true, false);
}

static void test_break(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct instance i = usual();

	if (attach(&i, 1000)) {
		enters(&i, "before ");
		sees(&i, "before ");
		check_rc(tested->console->send_break(i.self, &err), &err,
			 "break");
		enters(&i, " after");
		sees(&i, "<BREAK> after");
	}
	instance_close(&i);
}

/*
 * Types an XOFF, which comes back; returns when the line is held up. What comes
 * behind it ends that again (IXANY), so not each XOFF does it.
 */
static void hold_up(struct instance *i)
{
	struct rh_error err = RH_ERROR_INIT;
	struct buffer seen = { 0 };
	int rounds = 0;

	do {
		enters(i, "y\x13");
		sees(i, "y");
		enters(i, "x");
	} while (turn(i, deadline_in(300), &seen, &err) > 0 && ++rounds < 20);
	check(rounds < 20, "no XOFF came");
	buffer_release(&seen);
}

/*
 * The line takes no more, and goes on with the next attach; also where somebody
 * else has it open all the time, so that it does not forget the XOFF.
 */
static void test_xoff(void)
{
	struct instance i = instance_open((const char *[]){
		"path", device, "flow", "xonxoff", "write-timeout", "500ms",
		NULL });
	struct rh_error err = RH_ERROR_INIT;
	char much[600];
	int rc;

	memset(much, 'x', sizeof(much));
	if (try_steal(&i)) {
		hold_up(&i);
		rc = types(&i, much, sizeof(much), 5000, &err);
		check_code(rc, &err, RH_ERR_TIMEOUT, "perhaps XOFF came");
		tested->console->detach(i.self, deadline_in(100));
		if (try_steal(&i) && enters(&i, "goes on"))
			sees(&i, "goes on");
	}
	instance_close(&i);
}

/* No other user's process opens it while we have it; then it can. */
static int open_as_nobody(void)
{
	int status = 0, fd;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(255);
		fd = open(device, O_RDWR | O_NOCTTY | O_NONBLOCK);
		_exit(fd < 0 ? errno : 0);
	}
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

static void test_exclusive(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct instance one = usual(), two = usual();

	check(open_as_nobody() == 0, "nobody can't open it before");
	if (attach(&one, 1000)) {
		check(open_as_nobody() == EBUSY, "opened all the same");
		check_code(tested->console->attach(two.self, 0,
						   deadline_in(500), &err),
			   &err, RH_ERR_BUSY, "held by");
		tested->console->detach(one.self, deadline_in(500));
		check(open_as_nobody() == 0, "nobody can't open it after");
	}
	instance_close(&one);
	instance_close(&two);
}

/* A "sleep" has it open. */
static void held(const char *how)
{
	struct rh_error err = RH_ERROR_INIT;
	struct instance i = usual();

	check_code(tested->console->attach(i.self, 0, deadline_in(500), &err),
		   &err, RH_ERR_BUSY, "is held by sleep (");
	check(strstr(err.text, how) != NULL, "%s", err.text);
	looks(&i, 0, "fail\tholder", "is held by sleep (");
	instance_close(&i);
}

static void test_held(void)
{
	held("), without a lock");
}

static void test_held_locked(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct instance i = usual();

	held(")");
	check_code(tested->console->attach(i.self, DRIVER_ATTACH_STEAL,
					   deadline_in(500), &err),
		   &err, RH_ERR_BUSY, "is held by sleep (");
	instance_close(&i);
}

static void test_doctor(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct buffer findings = { 0 };
	struct instance i = usual();

	check_rc(tested->doctor->look(i.self, DRIVER_DOCTOR_BREAK,
				      deadline_in(8000), &findings, &err),
		 &err, "look");
	check_finding(buffer_text(&findings), "ok\tpath", "and free");
	check_finding(buffer_text(&findings), "note\tspeed", "silent");
	check_finding(buffer_text(&findings), "note\tbreak", "sent");
	buffer_release(&findings);
	instance_close(&i);
}

/* Waits until the UART has received so many bytes; 100 s. */
static void received(unsigned long count)
{
	int64_t deadline = deadline_in(100000);
	unsigned long now = 0;
	const char *rx;
	char line[200];

	while (now < count && deadline_now() < deadline) {
		uart_line(line, sizeof(line));
		rx = strstr(line, " rx:");
		now = rx != NULL ? strtoul(rx + 4, NULL, 10) : 0;
		poll(NULL, 0, 20);
	}
	check(now >= count, "%lu bytes were received", now);
}

/*
 * Nobody reads while more comes than the kernel keeps (uart/peer): what is
 * missing is told to the byte, when the rest is read.
 */
static void test_overrun(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct buffer seen = { 0 };
	struct instance i = usual();
	const size_t size = 1360000;
	uint64_t lost = 0;
	int n = 1;

	if (attach(&i, 1000)) {
		enters(&i, "flood\r");
		received(size);
		while (n > 0) {
			n = turn(&i, deadline_in(500), &seen, &err);
			check(n <= 0 || (lost += tested->console->take_lost(
						 i.self)) == 0,
			      "told after %zu bytes", seen.len);
		}
		lost += tested->console->take_lost(i.self);
		check(lost > 0 && seen.len + lost == size,
		      "%zu bytes came, %zu were lost", seen.len, (size_t)lost);
		enters(&i, "\r");
		sees(&i, "login: ");
	}
	buffer_release(&seen);
	instance_close(&i);
}

static const struct driver_check tests[] = {
	{ "talk", test_talk },
	{ "settings", test_settings },
	{ "lines", test_lines },
	{ "break", test_break },
	{ "xoff", test_xoff },
	{ "exclusive", test_exclusive },
	{ "held", test_held },
	{ "held-locked", test_held_locked },
	{ "doctor", test_doctor },
	{ "overrun", test_overrun },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: uart-driver-test DEVICE TEST...\n");
		return 2;
	}
	device = argv[1];
	return driver_check_main(tests, argv + 2);
}
