/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * telnet-driver-test - the telnet driver against servers
 *
 *   telnet-driver-test [-r RAW-PORT -t TELNET-PORT -c RFC2217-PORT]
 *                      [TEST...]
 *
 * Runs the tests named, or all, and prints TAP. The ports are ser2net's on
 * 127.0.0.1, one connection each, with a line that echoes behind them; tests of
 * ser2net fail without them. The others have a server of their own.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "drivers/drivers.h"
#include "tests/lab/driver-check.h"

static const struct driver *const tested = &driver_telnet;
static const char *raw_port = "1", *telnet_port = "1", *rfc2217_port = "1";

#define BYTES(text) (text), sizeof(text) - 1

/* --- a server ---------------------------------------------------------------------- */

/* What it does with a connection, in a process of its own. */
typedef void server_deed(int fd);

struct server {
	pid_t pid;
	char port[8];
	int heard;		/* what the server writes here, the test reads */
};

static int heard_fd;

static struct server server_start(server_deed *deed)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), peer, p[2];
	const int small = 4096;
	sigset_t signals;
	struct server s;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	check(bind(fd, (struct sockaddr *)&a, len) == 0 &&
		      getsockname(fd, (struct sockaddr *)&a, &len) == 0 &&
		      listen(fd, 4) == 0 && pipe2(p, O_CLOEXEC) == 0,
	      "server: %s", strerror(errno));
	snprintf(s.port, sizeof(s.port), "%u", ntohs(a.sin_port));
	fflush(stdout);
	s.pid = fork();
	if (s.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		sigemptyset(&signals);
		sigaddset(&signals, SIGUSR1);
		sigprocmask(SIG_BLOCK, &signals, NULL);
		signal(SIGPIPE, SIG_IGN);
		heard_fd = p[1];
		while ((peer = accept(fd, NULL, NULL)) >= 0) {
			deed(peer);
			close(peer);
		}
		_exit(0);
	}
	close(fd);
	close(p[1]);
	s.heard = p[0];
	return s;
}

static void server_stop(struct server *s)
{
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	close(s->heard);
}

static void put(int fd, const char *bytes, size_t len)
{
	(void)!send(fd, bytes, len, MSG_NOSIGNAL);
}

/* Reads until those bytes have come; false: the end. */
static bool await(int fd, const char *bytes, size_t len)
{
	size_t have = 0;
	char c;

	while (have < len) {
		if (recv(fd, &c, 1, 0) <= 0)
			return false;
		if (c == bytes[have])
			have++;
		else
			have = c == bytes[0];
	}
	return true;
}

static void hears(const struct server *s, const char *text)
{
	struct pollfd p = { .fd = s->heard, .events = POLLIN };
	char got[64] = "";
	ssize_t n = 0;

	if (poll(&p, 1, 5000) > 0)
		n = read(s->heard, got, sizeof(got) - 1);
	check(n > 0 && strcmp(got, text) == 0, "the server heard \"%s\" for "
	      "\"%s\"", got, text);
}

static void tell(const char *text)
{
	(void)!write(heard_fd, text, strlen(text));
}

static struct instance usual(const char *port, const char *protocol)
{
	return instance_open((const char *[]){ "address", "127.0.0.1", "port",
					       port, "protocol", protocol,
					       NULL });
}

static int try_attach(struct instance *i, int64_t ms, struct rh_error *err)
{
	return tested->console->attach(i->self, 0, deadline_in(ms), err);
}

/* --- ser2net ------------------------------------------------------------------------ */

/*
 * A ser2net with a real tty, whose line echoes and has "<BREAK>" for a break. It
 * is at 115200 8N1 before.
 */
static void test_ser2net_rfc2217(void)
{
	struct instance i = instance_open((const char *[]){
		"address", "127.0.0.1", "port", rfc2217_port, "protocol",
		"rfc2217", "speed", "9600", "bits", "7", "parity", "even",
		"stop", "2", NULL });
	struct rh_error err = RH_ERROR_INIT;

	looks(&i, 0, "ok\trfc2217", "offered and set");
	if (attach(&i, 10000)) {
		enters(&i, "hello\r");
		sees(&i, "hello\r");
		check_rc(tested->console->send_break(i.self, &err), &err,
			 "break");
		enters(&i, " after");
		sees(&i, "<BREAK> after");
	}
	instance_close(&i);
}

/* Its telnet port without RFC 2217: a break is one all the same. */
static void test_ser2net_break(void)
{
	struct instance i = usual(telnet_port, "telnet");
	struct rh_error err = RH_ERROR_INIT;

	if (attach(&i, 10000)) {
		enters(&i, "before");
		sees(&i, "before");
		check_rc(tested->console->send_break(i.self, &err), &err,
			 "break");
		enters(&i, " after");
		sees(&i, "<BREAK> after");
	}
	instance_close(&i);
}

static void test_ser2net_busy(void)
{
	struct instance one = usual(telnet_port, "telnet");
	struct instance two = usual(telnet_port, "telnet");
	struct rh_error err = RH_ERROR_INIT;

	if (attach(&one, 5000)) {
		check_code(try_attach(&two, 5000, &err), &err, RH_ERR_BUSY,
			   "somebody else");
		looks(&two, 0, "fail\tconsole", "somebody else");
		enters(&one, "still mine");
		sees(&one, "still mine");
	}
	instance_close(&two);
	instance_close(&one);
}

static void test_ser2net_doctor(void)
{
	struct instance t = usual(telnet_port, "telnet");
	struct instance r = usual(raw_port, "telnet");

	looks(&t, 0, "ok\taddress", "connected");
	looks(&t, 0, "ok\tprotocol", "telnet");
	looks(&t, 0, "note\tconsole", "silent");
	looks(&r, 0, "fail\tprotocol", "protocol = raw");
	instance_close(&t);
	instance_close(&r);
}

/* --- connections -------------------------------------------------------------------- */

static void test_refused(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct server s = server_start(NULL);
	struct instance i = usual(s.port, "telnet");
	struct instance n = instance_open((const char *[]){
		"address", "no-such-name.invalid", "port", "23", NULL });

	server_stop(&s);
	check_code(try_attach(&i, 1000, &err), &err, RH_ERR_UNREACHABLE,
		   "connect");
	looks(&i, 0, "fail\taddress", "connect");
	check_code(try_attach(&n, 2000, &err), &err, RH_ERR_UNREACHABLE,
		   "no-such-name.invalid");
	instance_close(&i);
	instance_close(&n);
}

/* A full queue of connections answers nothing: the deadline holds. */
static void test_silent(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	struct rh_error err = RH_ERROR_INIT;
	int fd = socket(AF_INET, SOCK_STREAM, 0), full[4], n;
	int64_t start;
	struct instance i;
	char port[8];

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	check(bind(fd, (struct sockaddr *)&a, len) == 0 &&
		      getsockname(fd, (struct sockaddr *)&a, &len) == 0 &&
		      listen(fd, 0) == 0, "server");
	for (n = 0; n < 4; n++) {
		full[n] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(full[n], (struct sockaddr *)&a, len);
	}
	snprintf(port, sizeof(port), "%u", ntohs(a.sin_port));
	i = usual(port, "telnet");
	start = deadline_now();
	check_code(try_attach(&i, 400, &err), &err, RH_ERR_TIMEOUT,
		   "no answer");
	check(deadline_now() - start < 700, "%lld ms",
	      (long long)(deadline_now() - start));
	instance_close(&i);
	for (n = 0; n < 4; n++)
		close(full[n]);
	close(fd);
}

static void deed_goodbye(int fd)
{
	put(fd, BYTES("No more \033[31msessions\r\n"));
	shutdown(fd, SHUT_WR);
	await(fd, "\xff\xff\xff", 3);
}

static void test_closed_at_once(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct server s = server_start(deed_goodbye);
	struct instance i = usual(s.port, "raw");

	check_code(try_attach(&i, 2000, &err), &err, RH_ERR_LOST,
		   "No more \\e[31msessions");
	instance_close(&i);
	i = instance_open((const char *[]){ "address", "127.0.0.1", "port",
					    s.port, "busy", "No more", NULL });
	check_code(try_attach(&i, 2000, &err), &err, RH_ERR_BUSY, "No more");
	instance_close(&i);
	server_stop(&s);
}

/* Says that it is in use when it is asked for something, in two pieces. */
static void deed_late(int fd)
{
	if (!await(fd, "x", 1))
		return;
	put(fd, BYTES("Line in u"));
	if (await(fd, "y", 1))
		put(fd, BYTES("se by op2"));
	await(fd, "never", 5);
}

static void test_busy_late(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct server s = server_start(deed_late);
	struct instance i = instance_open((const char *[]){
		"address", "127.0.0.1", "port", s.port, "busy", "Line in use",
		NULL });

	if (attach(&i, 2000) && enters(&i, "x") && sees(&i, "Line in u") &&
	    enters(&i, "y") && gets_lost(&i, &err))
		check_code(-1, &err, RH_ERR_BUSY, "Line in use");
	instance_close(&i);
	server_stop(&s);
}

static void deed_once(int fd)
{
	await(fd, "bye", 3);
}

static void test_lost(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct server s = server_start(deed_once);
	struct instance i = usual(s.port, "telnet");

	if (attach(&i, 2000) && enters(&i, "bye") && gets_lost(&i, &err))
		check_code(-1, &err, RH_ERR_LOST, "closed the connection");
	check(tested->console->write(i.self, "x", 1, &err) <= 1, "write");
	/* and again */
	tested->console->detach(i.self, deadline_in(100));
	attach(&i, 2000);
	instance_close(&i);
	server_stop(&s);
}

/* Reads nothing until a signal says so, and tells how many came. */
static void deed_slow(int fd)
{
	char bytes[65536], text[32];
	size_t count = 0;
	sigset_t full;
	ssize_t n;

	sigemptyset(&full);
	sigaddset(&full, SIGUSR1);
	(void)sigtimedwait(&full, NULL, &(struct timespec){ .tv_sec = 10 });
	while (count < 16000000 && (n = recv(fd, bytes, sizeof(bytes), 0)) > 0)
		count += (size_t)n;
	snprintf(text, sizeof(text), "%zu", count);
	tell(text);
	await(fd, "never", 5);
}

static void test_partial(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct server s = server_start(deed_slow);
	struct instance i = usual(s.port, "raw");
	static char sent[16000000];
	size_t done = 0;
	bool full = false;
	int n;

	memset(sent, 'x', sizeof(sent));
	if (attach(&i, 2000)) {
		while (done < sizeof(sent)) {
			n = tested->console->write(i.self, sent + done,
						   sizeof(sent) - done, &err);
			if (!check(n >= 0, "write: %s", err.text))
				break;
			done += (size_t)n;
			if (n == 0 && !full)
				kill(s.pid, SIGUSR1);
			full |= n == 0;
			if (n == 0)
				poll(NULL, 0, 1);
		}
		check(full, "it was never full");
		tested->console->detach(i.self, deadline_in(2000));
		hears(&s, "16000000");
	}
	instance_close(&i);
	server_stop(&s);
}

/* --- telnet ------------------------------------------------------------------------- */

static void deed_break(int fd)
{
	/* WILL ECHO; DO TERMINAL-TYPE is refused */
	put(fd, BYTES("\xff\xfb\x01\xff\xfd\x18login: \xff\xff"));
	if (await(fd, BYTES("\xff\xfd\x01\xff\xfc\x18")) &&
	    await(fd, BYTES("\xff\xf3")))
		tell("break");
	await(fd, "never", 5);
}

static void test_break(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct server s = server_start(deed_break);
	struct instance i = usual(s.port, "telnet");

	if (attach(&i, 2000)) {
		sees(&i, "login: \xff");
		check_rc(tested->console->send_break(i.self, &err), &err,
			 "break");
		hears(&s, "break");
	}
	instance_close(&i);
	i = usual(s.port, "raw");
	looks(&i, DRIVER_DOCTOR_BREAK, "note\tprotocol", "no break");
	if (attach(&i, 2000))
		check_code(tested->console->send_break(i.self, &err), &err,
			   RH_ERR_NOTSUP, "protocol = telnet");
	instance_close(&i);
	server_stop(&s);
}

/* --- RFC 2217 ----------------------------------------------------------------------- */

#define SB "\xff\xfa\x2c"
#define SE "\xff\xf0"

static void deed_com_port(int fd)
{
	put(fd, BYTES("\xff\xfb\x01"));
	if (!await(fd, BYTES("\xff\xfb\x2c")))
		return;
	put(fd, BYTES("\xff\xfd\x2c"));
	if (!await(fd, BYTES(SB "\x01\0\0\x25\x80" SE)))
		return;
	put(fd, BYTES(SB "\x65\0\0\x25\x80" SE));
	if (!await(fd, BYTES(SB "\x03\x03" SE)))
		return;
	put(fd, BYTES(SB "\x67\x03" SE "ready"));
	if (await(fd, BYTES(SB "\x05\x05" SE)) &&
	    await(fd, BYTES(SB "\x05\x06" SE)))
		tell("break on and off");
	await(fd, "never", 5);
}

static struct instance rfc2217(const char *port)
{
	return instance_open((const char *[]){
		"address", "127.0.0.1", "port", port, "protocol", "rfc2217",
		"speed", "9600", "parity", "even", NULL });
}

static void test_rfc2217(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct server s = server_start(deed_com_port);
	struct instance i = rfc2217(s.port);

	if (attach(&i, 5000)) {
		sees(&i, "ready");
		check_rc(tested->console->send_break(i.self, &err), &err,
			 "break");
		hears(&s, "break on and off");
	}
	tested->console->detach(i.self, deadline_in(200));
	looks(&i, 0, "ok\trfc2217", "set");
	instance_close(&i);
	i = usual(s.port, "telnet");
	looks(&i, 0, "note\trfc2217", "protocol = rfc2217");
	instance_close(&i);
	server_stop(&s);
}

static void deed_other_speed(int fd)
{
	put(fd, BYTES("\xff\xfd\x2c"));
	if (await(fd, BYTES(SB "\x01\0\0\x25\x80" SE)))
		put(fd, BYTES(SB "\x65\0\x01\xc2\0" SE));
	await(fd, "never", 5);
}

static void deed_no_com_port(int fd)
{
	put(fd, BYTES("\xff\xfe\x2c"));
	await(fd, "never", 5);
}

static void deed_mute(int fd)
{
	await(fd, "never", 5);
}

static void test_rfc2217_refused(void)
{
	static const struct {
		server_deed *deed;
		enum rh_code code;
		const char *words;
	} cases[] = {
		{ deed_other_speed, RH_ERR_PROTOCOL, "it has set 115200" },
		{ deed_no_com_port, RH_ERR_NOTSUP, "refuses RFC 2217" },
		{ deed_mute, RH_ERR_NOTSUP, "does not answer about RFC 2217" },
	};
	struct rh_error err = RH_ERROR_INIT;
	struct instance i;
	struct server s;
	size_t c;

	for (c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		s = server_start(cases[c].deed);
		i = rfc2217(s.port);
		check_code(try_attach(&i, 1000, &err), &err, cases[c].code,
			   cases[c].words);
		instance_close(&i);
		server_stop(&s);
	}
}

static const struct driver_check tests[] = {
	{ "ser2net-rfc2217", test_ser2net_rfc2217 },
	{ "ser2net-break", test_ser2net_break },
	{ "ser2net-busy", test_ser2net_busy },
	{ "ser2net-doctor", test_ser2net_doctor },
	{ "refused", test_refused },
	{ "silent", test_silent },
	{ "closed-at-once", test_closed_at_once },
	{ "busy-late", test_busy_late },
	{ "lost", test_lost },
	{ "partial", test_partial },
	{ "break", test_break },
	{ "rfc2217", test_rfc2217 },
	{ "rfc2217-refused", test_rfc2217_refused },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "r:t:c:")) != -1) {
		if (option == 'r') {
			raw_port = optarg;
		} else if (option == 't') {
			telnet_port = optarg;
		} else if (option == 'c') {
			rfc2217_port = optarg;
		} else {
			fprintf(stderr, "usage: telnet-driver-test [-r RAW-PORT "
					"-t TELNET-PORT -c RFC2217-PORT] "
					"[TEST...]\n");
			return 2;
		}
	}
	return driver_check_main(tests, argv + optind);
}
