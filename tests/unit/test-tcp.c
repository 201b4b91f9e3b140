/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tcp driver against servers of its own, on 127.0.0.1 and port 0. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <assert.h>
#include <dlfcn.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/settings.h"
#include "drivers/drivers.h"

/* What a server does with each connection, in a process of its own. */
typedef void server_deed(int fd);

static pid_t server_pid;

/* Bound to an address; *port 0: any port. */
static int listener_at(const char *address, uint16_t *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_port = htons(*port);
	a.sin_addr.s_addr = inet_addr(address);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static int listener(uint16_t *ret_port)
{
	*ret_port = 0;
	return listener_at("127.0.0.1", ret_port);
}

static int resolved;	/* names asked for */

/* A name with two addresses: 127.0.0.2 and 127.0.0.1; stands before libc's. */
int getaddrinfo(const char *node, const char *service,
		const struct addrinfo *hints, struct addrinfo **res)
{
	typedef int function(const char *, const char *,
			     const struct addrinfo *, struct addrinfo **);
	function *real;
	int rc;

	resolved++;
	*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	if (strcmp(node, "two.test") != 0)
		return real(node, service, hints, res);
	rc = real("127.0.0.2", service, hints, res);
	return rc != 0 ? rc :
	       real("127.0.0.1", service, hints, &(*res)->ai_next);
}

static void serve_end(void)
{
	if (server_pid > 0) {
		kill(server_pid, SIGKILL);
		waitpid(server_pid, NULL, 0);
	}
	server_pid = 0;
}

static uint16_t serve(server_deed *deed)
{
	const pid_t test = getpid();
	uint16_t port;
	int fd = listener(&port), peer;

	serve_end();
	assert_int_equal(listen(fd, 8), 0);
	server_pid = fork();
	if (server_pid == 0) {
		signal(SIGPIPE, SIG_IGN);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (getppid() == test) {
			peer = accept(fd, NULL, NULL);
			deed(peer);
			close(peer);
		}
		_exit(0);
	}
	close(fd);
	return port;
}

static int teardown(void **state)
{
	(void)state;
	serve_end();
	return 0;
}

struct outcome {
	int rc;
	struct rh_error err;
	char proof[512];
	int64_t ms;
};

static struct outcome check_address(const char *address, uint16_t port,
				    const char *send, const char *expect,
				    int64_t ms)
{
	const struct option *const tables[] = { driver_tcp.options, NULL };
	struct settings *settings = settings_new(tables);
	struct driver_tcp_check check = {
		.port = port,
		.send = send, .send_len = send != NULL ? strlen(send) : 0,
		.expect = expect,
		.expect_len = expect != NULL ? strlen(expect) : 0,
	};
	void *self = calloc(1, driver_tcp.size);
	struct outcome o = { .err = RH_ERROR_INIT };
	struct buffer proof = { 0 };

	assert_int_equal(settings_set(settings, "address", address, NULL), 0);
	assert_int_equal(driver_tcp.open(self, settings, deadline_in(1000),
					 &o.err), 0);
	o.ms = deadline_now();
	o.rc = driver_tcp.check->tcp(self, &check, deadline_in(ms), &proof,
				     &o.err);
	o.ms = deadline_now() - o.ms;
	strncpy(o.proof, buffer_text(&proof), sizeof(o.proof) - 1);
	buffer_release(&proof);
	driver_tcp.close(self);
	settings_free(settings);
	free(self);
	return o;
}

static struct outcome check(uint16_t port, const char *send,
			    const char *expect, int64_t ms)
{
	return check_address("127.0.0.1", port, send, expect, ms);
}

static void assert_fails(const struct outcome *o, enum rh_code code)
{
	if (o->rc != -1 || o->err.code != code)
		fail_msg("not %s but %s: %s", rh_code_name(code),
			 rh_code_name(o->err.code), o->err.text);
	assert_string_equal(o->proof, "");
}

static void assert_passes(const struct outcome *o)
{
	if (o->rc != 0)
		fail_msg("%s: %s", rh_code_name(o->err.code), o->err.text);
	assert_non_null(strchr(o->proof, '\n'));
}

/* --- Servers --- */

static void deed_silent(int fd)
{
	char byte;

	while (read(fd, &byte, 1) > 0)
		continue;
}

static void deed_close(int fd)
{
	(void)fd;
}

static void deed_reset(int fd)
{
	const struct linger now = { 1, 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

static void deed_banner(int fd)
{
	assert(write(fd, "SSH-2.0-OpenSSH_9.2\r\n", 21) == 21);
	deed_silent(fd);
}

static void deed_banner_and_close(int fd)
{
	assert(write(fd, "421 too busy\r\n", 14) == 14);
}

/* Waits for each byte to be on its way; split at every place. */
static void deed_split(int fd)
{
	static const char text[] = "220 SSH-SSH-2.0-x\r\n";
	int one = 1;
	size_t i;

	setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &one, sizeof(one));
	for (i = 0; i < sizeof(text) - 1; i++)
		assert(write(fd, text + i, 1) == 1);
	deed_silent(fd);
}

/* Answers only what it was asked. */
static void deed_dialogue(int fd)
{
	char bytes[4] = "";
	size_t got = 0;
	ssize_t n;

	while (got < 4 && (n = read(fd, bytes + got, 4 - got)) > 0)
		got += (size_t)n;
	if (memcmp(bytes, "ruok", 4) == 0)
		assert(write(fd, "imok", 4) == 4);
}

static void deed_flood(int fd)
{
	static char bytes[4096];

	while (write(fd, bytes, sizeof(bytes)) > 0)
		continue;
}

static void deed_escape(int fd)
{
	assert(write(fd, "\033[2J\nbad", 8) == 8);
	deed_silent(fd);
}

/* --- Tests --- */

static void test_refused(void **state)
{
	struct outcome o;
	uint16_t port;
	int fd = listener(&port);

	(void)state;
	/* Bound, so nobody else has it, but nobody listens. */
	o = check(port, NULL, NULL, 5000);
	assert_fails(&o, RH_ERR_UNREACHABLE);
	assert_true(o.ms < 1000);
	close(fd);
}

static void test_open_port(void **state)
{
	struct outcome o = check(serve(deed_silent), NULL, NULL, 5000);

	(void)state;
	assert_passes(&o);
	assert_in_range(o.ms, 490, 800);
	assert_non_null(strstr(o.proof, "tcp 127.0.0.1:"));
	assert_non_null(strstr(o.proof, "open for 500 ms"));
}

static void test_open_port_with_banner(void **state)
{
	struct outcome o = check(serve(deed_banner), NULL, NULL, 5000);

	(void)state;
	assert_passes(&o);
}

static void test_closes_at_once(void **state)
{
	struct outcome o = check(serve(deed_close), NULL, NULL, 5000);

	(void)state;
	assert_fails(&o, RH_ERR_LOST);
	o = check(serve(deed_close), NULL, "SSH-", 5000);
	assert_fails(&o, RH_ERR_LOST);
}

static void test_resets(void **state)
{
	struct outcome o = check(serve(deed_reset), NULL, "SSH-", 5000);

	(void)state;
	assert_fails(&o, RH_ERR_LOST);
}

static void test_banner_and_close(void **state)
{
	struct outcome o = check(serve(deed_banner_and_close), NULL, NULL,
				 5000);

	(void)state;
	assert_fails(&o, RH_ERR_LOST);
}

static void test_deadline_before_the_proof(void **state)
{
	struct outcome o = check(serve(deed_silent), NULL, NULL, 100);

	(void)state;
	assert_fails(&o, RH_ERR_TIMEOUT);
	assert_in_range(o.ms, 90, 200);
}

static void test_expected(void **state)
{
	struct outcome o = check(serve(deed_banner), NULL, "SSH-2.0-", 5000);

	(void)state;
	assert_passes(&o);
	assert_non_null(strstr(o.proof, "SSH-2.0-OpenSSH_9.2"));
	assert_true(o.ms < 400);
}

static void test_expected_of_split_answer(void **state)
{
	struct outcome o = check(serve(deed_split), NULL, "SSH-2.0-x", 5000);

	(void)state;
	assert_passes(&o);
}

static void test_silent_instead_of_expected(void **state)
{
	struct outcome o = check(serve(deed_silent), NULL, "SSH-", 200);

	(void)state;
	assert_fails(&o, RH_ERR_TIMEOUT);
	assert_in_range(o.ms, 190, 300);
}

static void test_wrong_bytes(void **state)
{
	struct outcome o = check(serve(deed_banner), NULL, "220 ", 200);

	(void)state;
	assert_fails(&o, RH_ERR_PROTOCOL);
	assert_non_null(strstr(o.err.text, "SSH-2.0"));
	o = check(serve(deed_banner_and_close), NULL, "220 ", 5000);
	assert_fails(&o, RH_ERR_PROTOCOL);
	assert_non_null(strstr(o.err.text, "421 too busy"));
}

static void test_dialogue(void **state)
{
	uint16_t port = serve(deed_dialogue);
	struct outcome o = check(port, "ruok", "imok", 5000);

	(void)state;
	assert_passes(&o);
	o = check(port, "what", "imok", 5000);
	assert_fails(&o, RH_ERR_LOST);
}

/* An answer without end and without the expected bytes ends anyway. */
static void test_flood(void **state)
{
	struct outcome o = check(serve(deed_flood), NULL, "SSH-", 5000);

	(void)state;
	assert_fails(&o, RH_ERR_PROTOCOL);
	assert_true(o.ms < 4000);
	o = check(serve(deed_flood), NULL, NULL, 5000);
	assert_passes(&o);
	assert_in_range(o.ms, 490, 1000);
}

static void test_foreign_bytes_are_escaped(void **state)
{
	struct outcome o = check(serve(deed_escape), NULL, "bad", 5000);

	(void)state;
	assert_passes(&o);
	assert_null(strchr(o.proof, '\033'));
	assert_ptr_equal(strchr(o.proof, '\n'),
			 o.proof + strlen(o.proof) - 1);
}

static void test_no_such_name(void **state)
{
	struct outcome o = check_address("no-such-host.invalid", 1, NULL, NULL,
					 5000);

	(void)state;
	assert_fails(&o, RH_ERR_UNREACHABLE);
	assert_non_null(strstr(o.err.text, "no-such-host.invalid"));
}

/* 127.0.0.2 refuses, 127.0.0.1 answers. */
static void test_next_address_is_tried(void **state)
{
	struct outcome o = check_address("two.test", serve(deed_banner), NULL,
					 "SSH-", 5000);

	(void)state;
	assert_passes(&o);
	assert_non_null(strstr(o.proof, "127.0.0.1"));
}

/* The name server may be the next to go. */
static void test_name_is_asked_for_once(void **state)
{
	const struct option *const tables[] = { driver_tcp.options, NULL };
	struct settings *settings = settings_new(tables);
	struct driver_tcp_check check = { .port = serve(deed_banner),
					  .expect = "SSH-", .expect_len = 4 };
	void *self = calloc(1, driver_tcp.size);
	struct buffer proof = { 0 };
	int i;

	(void)state;
	resolved = 0;
	settings_set(settings, "address", "two.test", NULL);
	assert_int_equal(driver_tcp.open(self, settings, deadline_in(1000),
					 NULL), 0);
	for (i = 0; i < 3; i++)
		assert_int_equal(driver_tcp.check->tcp(self, &check,
			deadline_in(5000), &proof, NULL), 0);
	assert_int_equal(resolved, 1);
	driver_tcp.close(self);
	buffer_release(&proof);
	settings_free(settings);
	free(self);
}

static void test_ipv6(void **state)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6,
				  .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct outcome o;

	(void)state;
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, len) < 0) {
		if (fd >= 0)
			close(fd);
		skip();
	}
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	o = check_address("::1", ntohs(a.sin6_port), NULL, NULL, 5000);
	assert_passes(&o);
	assert_non_null(strstr(o.proof, "[::1]:"));
	close(fd);
}

/* A listener that answers nothing: its backlog is full. */
struct mute {
	int fd, fill[4];
};

static void mute_new(struct mute *m, const char *address, uint16_t *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int i;

	m->fd = listener_at(address, port);
	assert_int_equal(listen(m->fd, 0), 0);
	a.sin_addr.s_addr = inet_addr(address);
	a.sin_port = htons(*port);
	for (i = 0; i < 4; i++) {
		m->fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(m->fill[i], (struct sockaddr *)&a, sizeof(a));
	}
}

static void mute_free(struct mute *m)
{
	int i;

	for (i = 0; i < 4; i++)
		close(m->fill[i]);
	close(m->fd);
}

static void test_silent_connect(void **state)
{
	uint16_t port = 0;
	struct outcome o;
	struct mute m;

	(void)state;
	mute_new(&m, "127.0.0.1", &port);
	o = check(port, NULL, NULL, 300);
	assert_fails(&o, RH_ERR_TIMEOUT);
	assert_in_range(o.ms, 290, 400);
	mute_free(&m);
}

/* The silent first address gets its share of the time, not all. */
static void test_silent_first_address(void **state)
{
	uint16_t port = serve(deed_banner);
	struct outcome o;
	struct mute m;

	(void)state;
	mute_new(&m, "127.0.0.2", &port);
	o = check_address("two.test", port, NULL, "SSH-", 1000);
	assert_passes(&o);
	assert_in_range(o.ms, 490, 800);
	mute_free(&m);
}

#define TCP_TEST(f) cmocka_unit_test_teardown(f, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TCP_TEST(test_refused),
		TCP_TEST(test_open_port),
		TCP_TEST(test_open_port_with_banner),
		TCP_TEST(test_closes_at_once),
		TCP_TEST(test_resets),
		TCP_TEST(test_banner_and_close),
		TCP_TEST(test_deadline_before_the_proof),
		TCP_TEST(test_expected),
		TCP_TEST(test_expected_of_split_answer),
		TCP_TEST(test_silent_instead_of_expected),
		TCP_TEST(test_wrong_bytes),
		TCP_TEST(test_dialogue),
		TCP_TEST(test_flood),
		TCP_TEST(test_foreign_bytes_are_escaped),
		TCP_TEST(test_no_such_name),
		TCP_TEST(test_next_address_is_tried),
		TCP_TEST(test_name_is_asked_for_once),
		TCP_TEST(test_ipv6),
		TCP_TEST(test_silent_connect),
		TCP_TEST(test_silent_first_address),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
