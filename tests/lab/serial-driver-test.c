/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * serial-driver-test - the serial driver against pseudo-terminals
 *
 *   serial-driver-test DIR [TEST...]
 *
 * Runs the tests named, or all, and prints TAP. DIR is an empty folder for the
 * links that stand for /dev/serial/by-id. The host at the other end is this
 * program itself, or a socat that can be killed, as an adapter is pulled out.
 */
#include <errno.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>

#include "agent/hand/sandbox.h"
#include "drivers/drivers.h"
#include "tests/lab/driver-check.h"
#include "tests/lab/pty-serial-shim.h"

static const struct driver *const tested = &driver_serial;
static const char *dir;

/* --- the other end ---------------------------------------------------------------- */

/* A pty: the host's end, and a link to the port. */
struct host {
	int fd;
	char link[200];
	char device[64];
};

static struct host host_start(void)
{
	struct termios raw;
	struct host h;

	h.fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	check(h.fd >= 0 && grantpt(h.fd) == 0 && unlockpt(h.fd) == 0 &&
		      ptsname_r(h.fd, h.device, sizeof(h.device)) == 0,
	      "no pseudo-terminal");
	/* a serial line has no echo of its own */
	check(tcgetattr(h.fd, &raw) == 0, "tcgetattr");
	cfmakeraw(&raw);
	check(tcsetattr(h.fd, TCSANOW, &raw) == 0, "tcsetattr");
	snprintf(h.link, sizeof(h.link), "%s/usb-adapter", dir);
	(void)unlink(h.link);
	check(symlink(h.device, h.link) == 0, "%s: %s", h.link,
	      strerror(errno));
	return h;
}

static void host_stop(struct host *h)
{
	if (h->fd >= 0)
		close(h->fd);
	h->fd = -1;
	(void)unlink(h->link);
}

static void host_says(const struct host *h, const void *bytes, size_t len)
{
	check(write(h->fd, bytes, len) == (ssize_t)len, "host: %s",
	      strerror(errno));
}

/* What was typed, until `len` bytes are there; 5 s. */
static void host_hears(const struct host *h, struct buffer *ret, size_t len)
{
	struct pollfd p = { .fd = h->fd, .events = POLLIN };
	int64_t deadline = deadline_in(5000);
	char bytes[4096];
	ssize_t n;

	while (ret->len < len && deadline_now() < deadline) {
		poll(&p, 1, deadline_poll_ms(deadline));
		n = read(h->fd, bytes, sizeof(bytes));
		if (n > 0)
			buffer_append(ret, bytes, (size_t)n);
	}
}

static void host_hears_text(const struct host *h, const char *text)
{
	struct buffer b = { 0 };

	host_hears(h, &b, strlen(text));
	check(strcmp(buffer_text(&b), text) == 0,
	      "the host heard \"%s\" for \"%s\"", buffer_text(&b), text);
	buffer_release(&b);
}

/* Nothing was typed that is not read yet. */
static void host_hears_nothing(const struct host *h)
{
	struct pollfd p = { .fd = h->fd, .events = POLLIN };

	check(poll(&p, 1, 0) == 0 || (p.revents & POLLIN) == 0,
	      "the host heard something");
}

static speed_t host_speed(const struct host *h)
{
	struct termios t = { 0 };

	check(tcgetattr(h->fd, &t) == 0, "tcgetattr");
	return cfgetospeed(&t);
}

static struct instance usual(const struct host *h)
{
	return instance_open((const char *[]){ "path", h->link, NULL });
}

/* --- tests ------------------------------------------------------------------------ */

static void test_talk(void)
{
	struct host h = host_start();
	struct instance i = usual(&h);
	struct buffer b = { 0 };
	char all[256];
	size_t c;

	for (c = 0; c < sizeof(all); c++)
		all[c] = (char)c;
	if (attach(&i, 1000)) {
		host_says(&h, "login: \r\n\x11\x13\x03", 12);
		sees(&i, "login: \r\n\x11\x13\x03");
		enters(&i, "root\r");
		host_hears_text(&h, "root\r");
		host_hears_nothing(&h);
		/* every byte as it is, and no echo */
		check(types(&i, all, sizeof(all), 1000, NULL) == 0, "types");
		host_hears(&h, &b, sizeof(all));
		check(b.len == sizeof(all) &&
			      memcmp(b.data, all, sizeof(all)) == 0,
		      "the bytes changed");
	}
	buffer_release(&b);
	instance_close(&i);
	host_stop(&h);
}

static void test_settings(void)
{
	struct host h = host_start();
	struct instance i = instance_open((const char *[]){
		"path", h.link, "speed", "9600", "stop", "2", "flow", "xonxoff",
		NULL });
	struct termios t = { 0 };

	pty_shim_signals = TIOCM_CTS;
	if (attach(&i, 1000)) {
		check(tcgetattr(h.fd, &t) == 0, "tcgetattr");
		check(cfgetospeed(&t) == B9600, "speed");
		check((t.c_cflag & CSTOPB) != 0, "stop %x", t.c_cflag);
		check((t.c_iflag & (IXON | IXOFF)) == (IXON | IXOFF), "flow");
		check((t.c_lflag & (ECHO | ICANON | ISIG)) == 0, "raw");
		check((pty_shim_signals & (TIOCM_DTR | TIOCM_RTS)) ==
			      (TIOCM_DTR | TIOCM_RTS),
		      "DTR, RTS: %x", pty_shim_signals);
		/* a line that an XOFF holds up goes on */
		host_hears_text(&h, "\x11");
	}
	instance_close(&i);
	pty_shim_signals = 0;
	i = instance_open((const char *[]){ "path", h.link, "rts", "no", "dtr",
					    "no", NULL });
	if (attach(&i, 1000)) {
		check((pty_shim_signals & (TIOCM_DTR | TIOCM_RTS)) == 0,
		      "DTR, RTS: %x", pty_shim_signals);
		host_hears_nothing(&h);
	}
	instance_close(&i);
	host_stop(&h);
	pty_shim_signals = TIOCM_DTR | TIOCM_RTS | TIOCM_CTS;
}

static void test_break(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct host h = host_start();
	struct instance i = usual(&h);

	if (attach(&i, 1000)) {
		check_rc(tested->console->send_break(i.self, &err), &err,
			 "break");
		host_hears_text(&h, "<BREAK>");
	}
	instance_close(&i);
	host_stop(&h);
}

/* A process "holder" that has the device open, with a lock or without. */
static pid_t holder_start(const struct host *h, bool locks)
{
	int ready[2];
	char c = 0;
	pid_t pid;
	int fd;

	check(pipe(ready) == 0, "pipe");
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "holder");
		close(h->fd);	/* the host's end makes nobody a holder */
		fd = open(h->device, O_RDWR | O_NOCTTY);
		if (fd < 0 || (locks && flock(fd, LOCK_EX) < 0))
			_exit(1);
		(void)!write(ready[1], "r", 1);
		for (;;)
			pause();
	}
	close(ready[1]);
	check(read(ready[0], &c, 1) == 1, "the holder does not hold");
	close(ready[0]);
	return pid;
}

static void process_stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void held(bool locks)
{
	struct rh_error err = RH_ERROR_INIT;
	struct host h = host_start();
	struct instance i = usual(&h);
	pid_t pid = holder_start(&h, locks);
	char who[64];
	int rc;

	snprintf(who, sizeof(who), "held by holder (%d)%s", (int)pid,
		 locks ? "" : ", without a lock");
	rc = tested->console->attach(i.self, 0, deadline_in(1000), &err);
	check_code(rc, &err, RH_ERR_BUSY, who);
	looks(&i, 0, "fail\tholder", who);
	rc = tested->console->attach(i.self, DRIVER_ATTACH_STEAL,
				     deadline_in(1000), &err);
	check((rc == 0) == !locks, "steal: %d %s", rc, err.text);
	tested->console->detach(i.self, deadline_in(100));
	process_stop(pid);
	if (attach(&i, 1000)) {
		host_says(&h, "free", 4);
		sees(&i, "free");
	}
	instance_close(&i);
	host_stop(&h);
}

static void test_locked(void)
{
	held(true);
}

static void test_open_elsewhere(void)
{
	held(false);
}

/* Two instances of ours: the second one is refused, until the first ends. */
static void test_exclusive(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct host h = host_start();
	struct instance one = usual(&h), two = usual(&h);

	if (attach(&one, 1000)) {
		check_code(tested->console->attach(two.self, 0,
						   deadline_in(500), &err),
			   &err, RH_ERR_BUSY, "held by");
		tested->console->detach(one.self, deadline_in(500));
		attach(&two, 1000);
	}
	instance_close(&one);
	instance_close(&two);
	host_stop(&h);
}

/* --- an adapter that comes and goes ------------------------------------------------ */

/* socat makes the link, and the port behind it; it echoes. */
static pid_t adapter_plug(const char *link, int after_ms)
{
	char *address = memory_format("pty,rawer,link=%s", link);
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		poll(NULL, 0, after_ms);
		execlp("socat", "socat", address, "PIPE", (char *)NULL);
		_exit(127);
	}
	free(address);
	return pid;
}

static void adapter_pull(pid_t pid, const char *link)
{
	process_stop(pid);
	(void)unlink(link);
}

static void test_pulled(void)
{
	struct rh_error err = RH_ERROR_INIT;
	char link[200], first[64] = "", second[64] = "";
	struct instance i;
	pid_t pid;
	int kept;

	snprintf(link, sizeof(link), "%s/usb-pulled", dir);
	i = instance_open((const char *[]){ "path", link, NULL });
	check_code(tested->console->attach(i.self, 0, deadline_in(120), &err),
		   &err, RH_ERR_UNREACHABLE, "not there");
	pid = adapter_plug(link, 0);
	if (attach(&i, 5000) && enters(&i, "hello ") && sees(&i, "hello ")) {
		(void)!readlink(link, first, sizeof(first) - 1);
		/* keeps its number, so that it comes back as another */
		kept = open(first, O_RDWR | O_NOCTTY | O_CLOEXEC);
		check(types(&i, "half a l", 8, 1000, &err) == 0, "types");
		adapter_pull(pid, link);
		gets_lost(&i, &err);
		check_code(-1, &err, RH_ERR_LOST, "gone");
		check(tested->console->write(i.self, "ine", 3, &err) < 0,
		      "written to what is gone");
		pid = adapter_plug(link, 100);
		if (attach(&i, 5000) && enters(&i, "again") &&
		    sees(&i, "again"))
			(void)!readlink(link, second, sizeof(second) - 1);
		check(strcmp(first, second) != 0, "still %s", first);
		close(kept);
	}
	adapter_pull(pid, link);
	gets_lost(&i, &err);
	instance_close(&i);
}

/* --- the speed -------------------------------------------------------------------- */

/* What the host prints looks like that unless the port has its speed. */
static void host_prints(const struct host *h, speed_t speed)
{
	static const char text[] = "\r\nopenSUSE 11 oldhost ttyS0\r\nlogin: ";
	char noise[sizeof(text) - 1];
	size_t n;

	for (n = 0; n < sizeof(noise); n++)
		noise[n] = "\xff\xfc\xf8\x00"[n % 4];
	host_says(h, host_speed(h) == speed ? text : noise, sizeof(noise));
}

/* Reads what is there, and no more. */
static void drain(struct instance *i)
{
	struct rh_error err = RH_ERROR_INIT;
	struct buffer seen = { 0 };

	while (turn(i, deadline_in(50), &seen, &err) > 0)
		;
	buffer_release(&seen);
}

static void test_finds_the_speed(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct host h = host_start();
	struct instance i = instance_open((const char *[]){
		"path", h.link, "speeds", "38400 9600", NULL });

	if (attach(&i, 1000)) {
		host_prints(&h, B9600);
		drain(&i);
		check(host_speed(&h) == B38400, "the second speed is tried");
		check(types(&i, "x", 1, 100, &err) < 0 &&
			      err.code == RH_ERR_TIMEOUT,
		      "typed in doubt: %s", err.text);
		host_prints(&h, B9600);
		drain(&i);
		host_prints(&h, B9600);
		sees(&i, "login: ");
		check(host_speed(&h) == B9600, "it has not the right speed");
		enters(&i, "root\r");
		host_hears_text(&h, "root\r");
		/* the kernel changes over (C09) */
		host_prints(&h, B115200);
		drain(&i);
		host_prints(&h, B115200);
		sees(&i, "login: ");
		enters(&i, "root\r");
		host_hears_text(&h, "root\r");
	}
	instance_close(&i);
	host_stop(&h);
}

static void never_typed(const char *speeds, const char *tried)
{
	struct rh_error err = RH_ERROR_INIT;
	struct host h = host_start();
	struct instance i = instance_open((const char *[]){
		"path", h.link, "speeds", speeds, NULL });
	int round;

	if (attach(&i, 1000)) {
		for (round = 0; round < 2; round++) {
			host_prints(&h, B1200);
			drain(&i);
		}
		check_code(types(&i, "secret\r", 7, 4000, &err), &err,
			   RH_ERR_PROTOCOL, tried);
		host_hears_nothing(&h);
	}
	instance_close(&i);
	host_stop(&h);
}

static void test_never_types_into_garbage(void)
{
	never_typed("", "probable baud mismatch, tried 115200;");
	never_typed("9600", "probable baud mismatch, tried 115200 9600;");
}

/* Silence behind garbage: the speed is not known, nothing is typed. */
static void test_never_types_in_doubt(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct host h = host_start();
	struct instance i = instance_open((const char *[]){
		"path", h.link, "speeds", "9600 19200 38400", NULL });

	if (attach(&i, 1000)) {
		host_prints(&h, B1200);
		drain(&i);
		check_code(types(&i, "x", 1, 6000, &err), &err,
			   RH_ERR_PROTOCOL, "tried 115200;");
		host_hears_nothing(&h);
	}
	instance_close(&i);
	host_stop(&h);
}

/* Bytes that look like text, with a framing error each. */
static void test_framing_errors(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct host h = host_start();
	struct instance i = usual(&h);

	pty_shim_frame_errors = 0;
	if (attach(&i, 1000)) {
		pty_shim_frame_errors = 40;
		host_says(&h, "all of this is a coincidence of bits...", 39);
		drain(&i);
		check_code(types(&i, "x", 1, 1000, &err), &err,
			   RH_ERR_PROTOCOL, "baud mismatch");
	}
	pty_shim_frame_errors = 0;
	instance_close(&i);
	host_stop(&h);
}

static const char boot_text[] =
	"[    0.000000] Linux version 2.6.32-754.el6.x86_64 (gcc 4.4.7)\r\n"
	"[    0.000000] Command line: ro root=/dev/sda1 console=ttyS0\r\n";

static uint64_t take_lost(const struct instance *i)
{
	return tested->console->take_lost(i->self);
}

/* What the counters say is told once, when the bytes before it are read. */
static void test_lost_bytes(void)
{
	int64_t deadline = deadline_in(5000);
	struct host h = host_start();
	struct instance i = usual(&h);
	struct rh_error err = RH_ERROR_INIT;
	uint64_t lost = 0;
	char byte;

	pty_shim_overruns = pty_shim_frame_errors = 7;
	if (attach(&i, 1000)) {
		check(take_lost(&i) == 0, "lost before it was attached");
		host_says(&h, "boot", 4);
		pty_shim_overruns += 3;
		check(tested->console->read(i.self, &byte, 1, &err) == 1,
		      "read");
		check(take_lost(&i) == 0, "told ahead of what is there");
		drain(&i);
		lost = take_lost(&i);
		check(lost == 3, "3 overruns are %d bytes", (int)lost);
		check(take_lost(&i) == 0, "told twice");
		/* damaged, in text that is good all the same */
		host_says(&h, boot_text, strlen(boot_text));
		pty_shim_frame_errors += 2;
		drain(&i);
		for (lost = 0; lost == 0 && deadline_now() < deadline; )
			lost = take_lost(&i);
		check(lost == 2, "2 framing errors are %d bytes", (int)lost);
	}
	tested->console->detach(i.self, deadline_in(100));
	check(take_lost(&i) == 0, "lost when detached");
	pty_shim_overruns = pty_shim_frame_errors = 0;
	instance_close(&i);
	host_stop(&h);
}

/* At the wrong speed bytes are damaged, and that is told otherwise. */
static void test_nothing_lost_in_doubt(void)
{
	struct host h = host_start();
	struct instance i = usual(&h);

	if (attach(&i, 1000)) {
		host_prints(&h, B1200);
		drain(&i);
		pty_shim_frame_errors = 40;
		host_prints(&h, B1200);
		drain(&i);
		check(take_lost(&i) == 0, "garbage counts as lost");
	}
	pty_shim_frame_errors = 0;
	instance_close(&i);
	host_stop(&h);
}

/* --- a line that is slow or stuck -------------------------------------------------- */

static void test_partial(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct host h = host_start();
	struct instance i = usual(&h);
	struct buffer heard = { 0 };
	static char sent[200000];
	size_t at, done = 0;
	bool full = false;
	int n;

	for (at = 0; at < sizeof(sent); at++)
		sent[at] = (char)('0' + at % 43);
	if (attach(&i, 1000)) {
		while (done < sizeof(sent)) {
			n = tested->console->write(i.self, sent + done,
						   sizeof(sent) - done, &err);
			if (!check(n >= 0, "write: %s", err.text))
				break;
			full |= n == 0;
			done += (size_t)n;
			if (n == 0)
				host_hears(&h, &heard, heard.len + 1);
		}
		host_hears(&h, &heard, done);
		check(full, "it was never full");
		check(heard.len == sizeof(sent) &&
			      memcmp(heard.data, sent, sizeof(sent)) == 0,
		      "%zu bytes arrived, or others", heard.len);
	}
	buffer_release(&heard);
	instance_close(&i);
	host_stop(&h);
}

static void test_stuck(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct host h = host_start();
	struct instance i = instance_open((const char *[]){
		"path", h.link, "flow", "rtscts", "write-timeout", "500ms",
		NULL });
	int64_t start;

	pty_shim_signals = TIOCM_DTR;
	pty_shim_queued = 4000;
	if (attach(&i, 1000)) {
		start = deadline_now();
		check_code(types(&i, "reboot\r", 7, 5000, &err), &err,
			   RH_ERR_TIMEOUT, "CTS is low");
		check(deadline_now() - start < 2000, "%lld ms",
		      (long long)(deadline_now() - start));
		host_hears_nothing(&h);
	}
	start = deadline_now();
	tested->console->detach(i.self, deadline_in(200));
	check(deadline_now() - start < 600, "detach took %lld ms",
	      (long long)(deadline_now() - start));
	pty_shim_queued = -1;
	looks(&i, 0, "fail\tflow", "flow = none");
	pty_shim_signals = TIOCM_DTR | TIOCM_RTS | TIOCM_CTS;
	instance_close(&i);
	host_stop(&h);
}

/* --- the doctor -------------------------------------------------------------------- */

/* A process prints for the host while the doctor looks. */
static pid_t host_prints_on(const struct host *h, speed_t speed)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		host_prints(h, speed);
		poll(NULL, 0, 50);
	}
}

static void finds(const char *speeds, speed_t speed, const char *begin,
		  const char *words)
{
	struct host h = host_start();
	struct instance i = instance_open((const char *[]){
		"path", h.link, "speeds", speeds, NULL });
	pid_t pid = speed != B0 ? host_prints_on(&h, speed) : 0;

	looks(&i, 0, begin, words);
	if (pid > 0)
		process_stop(pid);
	host_hears_nothing(&h);
	instance_close(&i);
	host_stop(&h);
}

static void test_doctor(void)
{
	struct instance i = instance_open((const char *[]){
		"path", "/dev/serial/by-id/no-such-adapter", NULL });

	looks(&i, 0, "fail\tpath", "not there");
	instance_close(&i);
	finds("", B0, "note\tspeed", "silent");
	finds("", B0, "ok\tpath", "free");
	finds("9600", B115200, "ok\tspeed", "text");
	finds("9600", B9600, "fail\tspeed", "text at 9600\tspeed = 9600");
	finds("9600", B1200, "fail\tspeed", "tried 115200 9600");
	i = instance_open((const char *[]){ "path", "/dev/null", NULL });
	looks(&i, 0, "fail\tpath", "no serial port");
	instance_close(&i);
}

/* --- in a hand -------------------------------------------------------------------- */

/* Attaches and types with what its hand lets it do. */
static void test_sandboxed(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct host h = host_start();
	struct instance i = usual(&h);
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (sandbox_limit(tested->flags, &err) == 0 &&
		    attach(&i, 1000) && enters(&i, "from inside") &&
		    sees(&i, "login:"))
			check_rc(tested->console->send_break(i.self, &err),
				 &err, "break");
		tested->close(i.self);
		fflush(stdout);
		_exit(failed || err.code != RH_ERR_NONE);
	}
	host_hears_text(&h, "from inside");
	host_says(&h, "login:", 6);
	host_hears_text(&h, "<BREAK>");
	waitpid(pid, &status, 0);
	check(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x",
	      (unsigned)status);
	instance_close(&i);
	host_stop(&h);
}

static const struct driver_check tests[] = {
	{ "talk", test_talk },
	{ "settings", test_settings },
	{ "break", test_break },
	{ "locked", test_locked },
	{ "open-elsewhere", test_open_elsewhere },
	{ "exclusive", test_exclusive },
	{ "pulled", test_pulled },
	{ "finds-the-speed", test_finds_the_speed },
	{ "never-types-into-garbage", test_never_types_into_garbage },
	{ "never-types-in-doubt", test_never_types_in_doubt },
	{ "framing-errors", test_framing_errors },
	{ "lost-bytes", test_lost_bytes },
	{ "nothing-lost-in-doubt", test_nothing_lost_in_doubt },
	{ "partial", test_partial },
	{ "stuck", test_stuck },
	{ "doctor", test_doctor },
	{ "sandboxed", test_sandboxed },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: serial-driver-test DIR [TEST...]\n");
		return 2;
	}
	dir = argv[1];
	return driver_check_main(tests, argv + 2);
}
