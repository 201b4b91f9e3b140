/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * O10: BMCs behind something that is overloaded. All of them are one socket, which
 * has room for few packets and takes its time for each: whoever asks all at once
 * loses most of what it sends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/memory.h"
#include "drivers/drivers.h"
#include "drivers/ipmi-fleet.h"
#include "tests/unit/bmc-packets.h"

#define BMCS 300
#define BUFFER 8192		/* some packets */
#define WORK_NS 500000		/* for each */
#define EACH_MS 8000

static int port_of(int fd)
{
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	return ntohs(addr.sin_port);
}

/* Whose packet it is: its number is in the id that Open Session has of us. */
static size_t bmc_of(const uint8_t *in)
{
	uint32_t id;

	/* later ones carry the BMC's id, which is the same */
	memcpy(&id, in + ((in[5] & 0x3f) != 0 ? 20 : 6), sizeof(id));
	return fleet_bmc_index(id);
}

static _Noreturn void serve(int fd)
{
	static struct bmc_packets bmcs[BMCS];
	const struct timespec work = { .tv_nsec = WORK_NS };
	uint8_t in[FLEET_PACKET_MAX], out[FLEET_PACKET_MAX];
	struct sockaddr_storage from;
	socklen_t from_len;
	ssize_t len;
	size_t i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		from_len = sizeof(from);
		len = recvfrom(fd, in, sizeof(in), 0,
			       (struct sockaddr *)&from, &from_len);
		if (len < 32 || (i = bmc_of(in)) >= BMCS)
			continue;
		if ((in[5] & 0x3f) == 0x10) {
			bmcs[i] = (struct bmc_packets){
				.password = "labpass", .knows_3 = true,
				.on = i % 3 == 0 };
			memcpy(bmcs[i].id, in + 20, 4);
		}
		nanosleep(&work, NULL);
		len = (ssize_t)bmc_answer(&bmcs[i], in, (size_t)len, out);
		if (len > 0)
			(void)sendto(fd, out, (size_t)len, 0,
				     (struct sockaddr *)&from, from_len);
	}
}

static struct settings *settings_of(int port, const char *password_file)
{
	static const struct option *tables[2];
	struct settings *s;
	char text[16], *reference;

	tables[0] = driver_ipmi.options;
	s = settings_new(tables);
	snprintf(text, sizeof(text), "%d", port);
	reference = memory_format("@file:%s", password_file);
	assert_int_equal(settings_set(s, "address", "127.0.0.1", NULL), 0);
	assert_int_equal(settings_set(s, "port", text, NULL), 0);
	assert_int_equal(settings_set(s, "user", "admin", NULL), 0);
	assert_int_equal(settings_set(s, "password", reference, NULL), 0);
	assert_int_equal(settings_set(s, "cipher-suite", "3", NULL), 0);
	assert_int_equal(settings_set(s, "retransmit", "200ms", NULL), 0);
	free(reference);
	return s;
}

struct count {
	int told, right, alone, silent;
	bool seen[BMCS];
};

static bool take(void *context, const struct driver_fleet_answer *answer)
{
	struct count *c = context;

	assert_true(answer->index < BMCS && !c->seen[answer->index]);
	c->seen[answer->index] = true;
	c->told++;
	c->alone += answer->alone;
	c->silent += answer->err.code != RH_ERR_NONE;
	c->right += answer->state == (answer->index % 3 == 0 ?
					      DRIVER_POWER_ON :
					      DRIVER_POWER_OFF);
	return true;
}

static int password_file(char name[])
{
	int fd = mkostemp(name, O_CLOEXEC);

	assert_int_equal(write(fd, "labpass\n", 8), 8);
	return close(fd);
}

static void test_overload_loses_nobody(void **state)
{
	char file[] = "/tmp/test-ipmi-window.XXXXXX";
	const struct settings *all[BMCS];
	struct sockaddr_in addr = { .sin_family = AF_INET };
	const int size = BUFFER;
	struct rh_error err = RH_ERROR_INIT;
	struct count c = { .told = 0 };
	struct settings *one;
	void *self = memory_new(1, driver_ipmi.fleet->size);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), i;
	pid_t pid;

	(void)state;
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	password_file(file);
	one = settings_of(port_of(fd), file);
	for (i = 0; i < BMCS; i++)
		all[i] = one;
	pid = fork();
	if (pid == 0)
		serve(fd);
	assert_int_equal(driver_ipmi.fleet->open(self, all, BMCS,
						 deadline_in(5000), &err), 0);
	assert_int_equal(driver_ipmi.fleet->query(self, EACH_MS, 0,
						  deadline_in(30000), take, &c,
						  &err), 0);
	driver_ipmi.fleet->close(self);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	print_message("# %d told, %d right, %d alone, %d silent\n", c.told,
		      c.right, c.alone, c.silent);
	assert_int_equal(c.told, BMCS);
	assert_int_equal(c.right, BMCS);
	close(fd);
	unlink(file);
	settings_free(one);
	free(self);
}

/* Packets that came before anybody was answered. */
static int first_packets(const struct settings *one, int fd, int at_once)
{
	const struct settings *all[BMCS];
	struct rh_error err = RH_ERROR_INIT;
	struct count c = { .told = 0 };
	void *self = memory_new(1, driver_ipmi.fleet->size);
	char packet[1024];
	int i, n = 0;

	for (i = 0; i < BMCS; i++)
		all[i] = one;
	assert_int_equal(driver_ipmi.fleet->open(self, all, BMCS,
						 deadline_in(5000), &err), 0);
	assert_int_equal(driver_ipmi.fleet->query(self, EACH_MS, at_once,
						  deadline_in(200), take, &c,
						  &err), 0);
	driver_ipmi.fleet->close(self);
	while (recv(fd, packet, sizeof(packet), MSG_DONTWAIT) > 0)
		n++;
	assert_int_equal(c.told, BMCS);
	free(self);
	return n;
}

static void test_no_more_at_once_than_allowed(void **state)
{
	char file[] = "/tmp/test-ipmi-window.XXXXXX";
	struct sockaddr_in addr = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct settings *one;

	(void)state;
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	password_file(file);
	one = settings_of(port_of(fd), file);
	assert_int_equal(first_packets(one, fd, 1), 1);
	assert_int_equal(first_packets(one, fd, 3), 3);
	assert_true(first_packets(one, fd, 0) > 3);
	close(fd);
	unlink(file);
	settings_free(one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_overload_loses_nobody),
		cmocka_unit_test(test_no_more_at_once_than_allowed),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
