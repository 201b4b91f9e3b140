/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules for what only looks: evidence, the TCP check, the doctor.
 * [counterpart] knows: truth (prints the power state), fill-log (a command that
 * puts five events there), heard (the file of what was typed), faults (subjects
 * that the doctor rightly complains of), looks-well (sections in which there is
 * nothing to find).
 */
#include "tests/lab/conformance.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- evidence -------------------------------------------------------------------- */

static int look_lines(const struct buffer *text)
{
	int count = 0;
	size_t n;

	for (n = 0; n < text->len; n++)
		count += text->data[n] == '\n';
	conf_check(text->len == 0 || text->data[text->len - 1] == '\n',
		   "the last line has no end");
	return count;
}

static void look_test_chassis(void)
{
	const char *truth = conf_need("truth");
	struct buffer text = { 0 }, out = { 0 };
	struct rh_error err = RH_ERROR_INIT;
	struct conf_instance i;
	char wanted[64];

	if (truth == NULL)
		return;
	conf_command(truth, &out);
	snprintf(wanted, sizeof(wanted), "power: %.20s", buffer_text(&out));
	conf_open(&i, NULL);
	conf_check_rc(conf_driver->evidence->chassis(i.self,
						     deadline_in(CONF_SOON_MS),
						     &text, &err),
		      &err, "chassis");
	conf_check(strstr(buffer_text(&text), wanted) != NULL,
		   "no \"%s\" in: %s", wanted, buffer_text(&text));
	look_lines(&text);
	buffer_release(&text);
	buffer_release(&out);
	conf_close(&i);
}

static void look_test_event_log(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct buffer text = { 0 };
	struct conf_instance i;
	int max;

	conf_do("fill-log");
	conf_open(&i, NULL);
	for (max = 0; max <= 4; max += 2) {
		buffer_clear(&text);
		conf_check_rc(conf_driver->evidence->event_log(
				      i.self, max, deadline_in(CONF_SOON_MS),
				      &text, &err), &err, "event log");
		conf_check(look_lines(&text) <= max, "%d entries for %d",
			   look_lines(&text), max);
		conf_check(conf_word("fill-log") == NULL ||
				   look_lines(&text) == max,
			   "%d entries, %d are there", look_lines(&text), max);
	}
	buffer_release(&text);
	conf_close(&i);
}

/* --- the TCP check ------------------------------------------------------------------- */

/* What a server does with a connection: says that, keeps it open or not. */
struct look_server {
	const char *says;
	bool closes;
	pid_t pid;
	uint16_t port;
};

static void look_serve(const struct look_server *s, int fd)
{
	char bytes[64];
	int peer;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while ((peer = accept(fd, NULL, NULL)) >= 0) {
		(void)send(peer, s->says, strlen(s->says), MSG_NOSIGNAL);
		while (!s->closes && recv(peer, bytes, sizeof(bytes), 0) > 0)
			;
		close(peer);
	}
	_exit(0);
}

static void look_server_start(struct look_server *s)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	conf_check(bind(fd, (struct sockaddr *)&a, len) == 0 &&
			   getsockname(fd, (struct sockaddr *)&a, &len) == 0 &&
			   listen(fd, 4) == 0,
		   "no server");
	s->port = ntohs(a.sin_port);
	s->pid = fork();
	if (s->pid == 0)
		look_serve(s, fd);
	close(fd);
}

static void look_server_stop(struct look_server *s)
{
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
}

/* A server like that, and what the check says of it; code NONE: good. */
static void look_check_tcp(const char *says, bool closes, const char *expect,
			   enum rh_code code)
{
	struct look_server s = { .says = says, .closes = closes };
	struct driver_tcp_check check = { .expect = expect };
	struct rh_error err = RH_ERROR_INIT;
	struct buffer proof = { 0 };
	struct conf_instance i;
	int rc;

	look_server_start(&s);
	check.port = s.port;
	check.expect_len = expect != NULL ? strlen(expect) : 0;
	conf_open(&i, NULL);
	rc = conf_driver->check->tcp(i.self, &check, deadline_in(1500), &proof,
				     &err);
	if (rc < 0)
		conf_check_error(&err, "tcp");
	conf_check(rc < 0 ? err.code == code : code == RH_ERR_NONE,
		   "it says \"%s\", %s, \"%s\" wanted: rc %d, %s", says,
		   closes ? "closes" : "stays", expect ? expect : "nothing",
		   rc, err.text);
	conf_check(look_lines(&proof) == (rc == 0), "the proof: %s",
		   buffer_text(&proof));
	buffer_release(&proof);
	conf_close(&i);
	look_server_stop(&s);
}

static void look_test_tcp(void)
{
	look_check_tcp("", false, NULL, RH_ERR_NONE);
	look_check_tcp("hello\n", false, NULL, RH_ERR_NONE);
	look_check_tcp("hello\n", false, "ell", RH_ERR_NONE);
	look_check_tcp("hello\n", true, "ell", RH_ERR_NONE);
	look_check_tcp("", true, NULL, RH_ERR_LOST);
	look_check_tcp("", true, "ell", RH_ERR_LOST);
	look_check_tcp("", false, "ell", RH_ERR_TIMEOUT);
	look_check_tcp("\033[31mother\n", false, "ell", RH_ERR_PROTOCOL);
}

/* --- the doctor ---------------------------------------------------------------------- */

/* LEVEL, SUBJECT, TEXT and perhaps HINT, with tabs between. */
static void look_check_finding(const char *line)
{
	const char *field[5] = { line };
	size_t len[5], count = 1, n;
	const char *at;

	for (at = strchr(line, '\t'); at != NULL && count < 5;
	     at = strchr(at, '\t'))
		field[count++] = ++at;
	for (n = 0; n < count; n++)
		len[n] = strcspn(field[n], "\t");
	if (!conf_check(count == 3 || count == 4, "%zu fields: %s", count,
			line))
		return;
	conf_check(strncmp(line, "ok\t", 3) == 0 ||
			   strncmp(line, "note\t", 5) == 0 ||
			   strncmp(line, "fail\t", 5) == 0,
		   "its level: %s", line);
	conf_check(len[1] > 0 && strcspn(field[1], " \t") == len[1],
		   "its subject is no word: %s", line);
	conf_check(len[2] > 0 && (count == 3 || len[3] > 0),
		   "an empty field: %s", line);
	for (at = line; *at == '\t' || (unsigned char)*at >= 0x20; at++)
		;
	conf_check(*at == '\0' && strchr(line, 0x7f) == NULL,
		   "a control character: %s", line);
}

/* A fault of the counterpart that [counterpart] faults knows of. */
static bool look_is_known(const char *line)
{
	char subject[64];

	snprintf(subject, sizeof(subject), "%.*s", (int)strcspn(line + 5, "\t"),
		 line + 5);
	return conf_says("faults", subject);
}

/* Looks; how many findings are a fail, -1: it did not look. */
static int look_look(const char *section, unsigned flags, int64_t ms,
		     struct buffer *ret_text)
{
	struct rh_error err = RH_ERROR_INIT;
	struct conf_instance i;
	int64_t deadline;
	char *copy, *line, *save = NULL;
	int rc, fails = 0;

	conf_open(&i, section);
	deadline = deadline_in(ms);
	rc = conf_driver->doctor->look(i.self, flags, deadline, ret_text,
				       &err);
	conf_check(deadline_now() - deadline <= CONF_SLACK_MS, "it is late");
	conf_close(&i);
	if (!conf_check_rc(rc, &err, "look"))
		return -1;
	conf_check(look_lines(ret_text) > 0, "it finds nothing");
	conf_check_no_secret(ret_text->data, ret_text->len, "findings");
	copy = memory_copy(buffer_text(ret_text));
	for (line = strtok_r(copy, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		look_check_finding(line);
		fails += strncmp(line, "fail\t", 5) == 0 &&
			 !look_is_known(line);
	}
	free(copy);
	return fails;
}

static void look_check_healthy(unsigned flags)
{
	struct buffer text = { 0 };
	long heard = conf_heard();
	int acts = conf_acts(), fails;
	struct conf_instance i;

	fails = look_look(NULL, flags, CONF_SOON_MS, &text);
	conf_check(fails == 0, "it finds: %s", buffer_text(&text));
	conf_check(conf_acts() == acts, "%d acts were sent",
		   conf_acts() - acts);
	if (conf_driver->console != NULL) {
		/* the console is free, and nobody typed until now */
		conf_check(conf_heard() == heard,
			   "%ld bytes were typed, a break or others",
			   conf_heard() - heard);
		conf_open(&i, NULL);
		conf_attach(&i, 0);
		conf_close(&i);
	}
	buffer_release(&text);
}

static void look_test_healthy(void)
{
	if (conf_driver->console != NULL)
		conf_need("heard");
	look_check_healthy(0);
}

static void look_test_console(void)
{
	if (conf_driver->console == NULL) {
		conf_skip("console is NULL");
		return;
	}
	look_check_healthy(DRIVER_DOCTOR_CONSOLE);
}

static void look_test_sick(void)
{
	static const char *const sections[] = { "gone", "denied", "silent" };
	struct buffer text = { 0 };
	size_t n;
	int fails;

	for (n = 0; n < 3; n++) {
		if (!conf_has_section(sections[n]))
			continue;
		buffer_clear(&text);
		fails = look_look(sections[n], 0, 1500, &text);
		conf_check(fails > 0 || conf_says("looks-well", sections[n]),
			   "%s: it finds no fault: %s", sections[n],
			   buffer_text(&text));
	}
	buffer_release(&text);
	(void)conf_sinks_visits();
}

const struct conf_rule conf_rules_look[] = {
	{ "chassis-says-the-power-state", CONF_EVIDENCE, look_test_chassis },
	{ "event-log-has-a-line-each", CONF_EVIDENCE, look_test_event_log },
	{ "tcp-says-what-a-port-does", CONF_CHECK, look_test_tcp },
	{ "doctor-looks-and-types-nothing", CONF_DOCTOR, look_test_healthy },
	{ "doctor-gives-the-console-back", CONF_DOCTOR, look_test_console },
	{ "doctor-finds-what-is-wrong", CONF_DOCTOR, look_test_sick },
	{ NULL, CONF_ANY, NULL },
};
