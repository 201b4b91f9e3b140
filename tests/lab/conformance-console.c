/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules for the console. The counterpart sends back every byte that it gets.
 * [counterpart] knows: greets (what it prints at first), changes (bytes in hexadecimal that do not come back as
 * they went), second (busy or shared: what a second holder is), steal (whether a
 * session can be taken), lose, back and lose-within (commands that end the other
 * side and start it again; how long until that is noticed), jam and unjam (it
 * takes no bytes from now on; or section [stuck]), heard (the file of what was
 * typed).
 */
#include "tests/lab/conformance.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONSOLE_WRITE_MS 100	/* driver.h */
#define CONSOLE_FDS 16

/* --- bytes ----------------------------------------------------------------------- */

/* Waits as a hand does, then reads. Bytes, 0 none, -1 gone. */
static int console_turn(struct conf_instance *i, int64_t until,
			struct buffer *seen, struct rh_error *err)
{
	struct pollfd fds[CONSOLE_FDS];
	int count, n, ms, wake = -1;
	char bytes[4096];

	count = conf_driver->console->pollfds(i->self, fds, CONSOLE_FDS,
					      &wake);
	ms = deadline_poll_ms(until);
	if (wake >= 0 && wake < ms)
		ms = wake;
	poll(fds, (nfds_t)count, ms);
	n = conf_driver->console->read(i->self, bytes, sizeof(bytes), err);
	conf_check(n <= (int)sizeof(bytes), "read says %d of %zu bytes", n,
		   sizeof(bytes));
	if (n > 0)
		buffer_append(seen, bytes, (size_t)n);
	return n;
}

/* Reads until the bytes are there, or so long. */
static bool console_sees(struct conf_instance *i, struct buffer *seen,
			 const void *bytes, size_t len, int64_t ms)
{
	int64_t deadline = deadline_in(ms);
	struct rh_error err = RH_ERROR_INIT;
	int rc = 0;

	while (seen->len < len ||
	       memmem(seen->data, seen->len, bytes, len) == NULL) {
		if (rc < 0 || deadline_now() >= deadline)
			return false;
		rc = console_turn(i, deadline, seen, &err);
	}
	return true;
}

/* Writes as a hand does: what is left is offered again; 5 s. */
static bool console_types(struct conf_instance *i, const void *bytes,
			  size_t len)
{
	int64_t deadline = deadline_in(5000);
	struct rh_error err = RH_ERROR_INIT;
	const char *at = bytes;
	int n;

	while (len > 0 && deadline_now() < deadline) {
		n = conf_driver->console->write(i->self, at, len, &err);
		if (!conf_check(n >= 0 && (size_t)n <= len,
				"write: %d of %zu: %s", n, len, err.text))
			return false;
		at += n;
		len -= (size_t)n;
		if (n == 0)
			poll(NULL, 0, 5);
	}
	return conf_check(len == 0, "%zu bytes were not taken", len);
}

/* The first key of a session may be swallowed: not the driver's business. */
bool conf_talk(struct conf_instance *i)
{
	struct buffer seen = { 0 };
	bool ok = false;
	char word[16];
	int n;

	for (n = 0; n < 20 && !ok; n++) {
		snprintf(word, sizeof(word), "%02d\r", n);
		if (!console_types(i, word, strlen(word)))
			break;
		ok = console_sees(i, &seen, word, strlen(word), 250);
	}
	conf_check(ok, "nothing comes back but \"%.60s\"", buffer_text(&seen));
	buffer_release(&seen);
	return ok;
}

static int console_try(struct conf_instance *i, unsigned flags, int64_t ms,
		       struct rh_error *err)
{
	int64_t deadline = deadline_in(ms);
	int rc = conf_driver->console->attach(i->self, flags, deadline, err);

	conf_check(deadline_now() - deadline <= CONF_SLACK_MS,
		   "attach ends %lld ms late",
		   (long long)(deadline_now() - deadline));
	return rc;
}

static bool console_greets(struct conf_instance *i)
{
	const char *text = conf_word("greets");
	struct buffer seen = { 0 };
	bool ok = text == NULL ||
		  console_sees(i, &seen, text, strlen(text), 5000);

	buffer_release(&seen);
	return conf_check(ok, "it does not print \"%s\"", text);
}

bool conf_attach(struct conf_instance *i, unsigned flags)
{
	struct rh_error err = RH_ERROR_INIT;

	return conf_check_rc(console_try(i, flags, CONF_SOON_MS, &err), &err,
			     "attach") && console_greets(i) && conf_talk(i);
}

static void console_detach(struct conf_instance *i, int64_t ms)
{
	int64_t deadline = deadline_in(ms);

	conf_driver->console->detach(i->self, deadline);
	conf_check(deadline_now() - deadline <= CONF_SLACK_MS,
		   "detach ends %lld ms late",
		   (long long)(deadline_now() - deadline));
}

/* --- talking --------------------------------------------------------------------- */

static void console_test_again(void)
{
	struct conf_instance i;
	int n;

	conf_open(&i, NULL);
	for (n = 0; n < 3 && !conf_failed(); n++) {
		conf_attach(&i, 0);
		console_detach(&i, 2000);
	}
	conf_close(&i);
}

static bool console_changes(unsigned byte)
{
	char word[12];

	snprintf(word, sizeof(word), "%02x", byte);
	return conf_says("changes", word);
}

static void console_show_change(const struct buffer *seen, const char *sent,
				size_t len)
{
	size_t n;

	for (n = 0; n < len && n < seen->len && seen->data[n] == sent[n]; n++)
		;
	if (n < len && n < seen->len)
		conf_note("byte %zu is %02x, %02x was sent", n,
			  (unsigned char)seen->data[n],
			  (unsigned char)sent[n]);
}

static void console_test_bytes(void)
{
	char all[512], end[] = "<end>";
	struct buffer seen = { 0 };
	struct conf_instance i;
	unsigned n, at;
	size_t len = 0;

	/* each value between others, and the first half doubled backwards */
	for (n = 0; n < 256; n++) {
		if (!console_changes(n))
			all[len++] = (char)n;
	}
	for (n = 0; n < 256; n++) {
		at = 255 - n;
		if (!console_changes(at))
			all[len++] = (char)at;
	}
	conf_open(&i, NULL);
	if (conf_attach(&i, 0) && console_types(&i, all, len) &&
	    console_types(&i, end, strlen(end))) {
		conf_check(console_sees(&i, &seen, end, strlen(end), 5000),
			   "the end does not come back");
		conf_check(seen.len == len + strlen(end) &&
				   memcmp(seen.data, all, len) == 0,
			   "%zu bytes come back of %zu, or others", seen.len,
			   len + strlen(end));
		console_show_change(&seen, all, len);
	}
	buffer_release(&seen);
	console_detach(&i, 2000);
	conf_close(&i);
}

/* Without data read says so at once, and as long as there is none. */
static void console_test_nothing(void)
{
	int64_t until, start;
	struct rh_error err = RH_ERROR_INIT;
	struct conf_instance i;
	char byte;
	int n;

	conf_open(&i, NULL);
	if (conf_attach(&i, 0)) {
		until = deadline_in(300);
		do {
			start = deadline_now();
			n = conf_driver->console->read(i.self, &byte, 1, &err);
			conf_check(n == 0, "read: %d: %s", n, err.text);
			conf_check(deadline_now() - start <= CONF_SLACK_MS,
				   "read blocks");
			poll(NULL, 0, 10);
		} while (deadline_now() < until && !conf_failed());
	}
	console_detach(&i, 2000);
	conf_close(&i);
}

/* One byte each time: what read does not take is there for the next. */
static void console_test_pollfds(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct pollfd fds[CONSOLE_FDS];
	int count, n, wake = -1, woken = 0;
	struct conf_instance i;
	int64_t deadline;
	char byte, got[4] = "";

	conf_open(&i, NULL);
	if (conf_attach(&i, 0) && console_types(&i, "xyz", 3)) {
		deadline = deadline_in(5000);
		while (strlen(got) < 3 && deadline_now() < deadline) {
			wake = -1;
			count = conf_driver->console->pollfds(i.self, fds,
							      CONSOLE_FDS,
							      &wake);
			for (n = 0; n < count; n++)
				conf_check(fcntl(fds[n].fd, F_GETFD) >= 0,
					   "descriptor %d is none", fds[n].fd);
			conf_check(count > 0 || wake >= 0,
				   "nothing to wait for");
			poll(fds, (nfds_t)count, wake >= 0 && wake < 5000 ?
						 wake : 5000);
			woken++;
			n = conf_driver->console->read(i.self, &byte, 1, &err);
			conf_check(n >= 0 && n <= 1, "read: %d: %s", n,
				   err.text);
			if (n == 1)
				got[strlen(got)] = byte;
		}
		conf_check(strcmp(got, "xyz") == 0, "\"%s\" came", got);
		conf_check(woken < 500, "it is busy: %d turns", woken);
		count = conf_driver->console->pollfds(i.self, fds, 0, &wake);
		conf_check(count == 0, "%d entries in a list of none", count);
	}
	console_detach(&i, 2000);
	conf_close(&i);
}

/* --- a counterpart that takes nothing ------------------------------------------------ */

static void console_jam(struct conf_instance *i)
{
	static char bytes[65536];
	struct rh_error err = RH_ERROR_INIT;
	int64_t start, took, end = deadline_in(8000);
	size_t taken = 0;
	int n = 1;

	memset(bytes, 'j', sizeof(bytes));
	while (n > 0 && deadline_now() < end) {
		start = deadline_now();
		n = conf_driver->console->write(i->self, bytes, sizeof(bytes),
						&err);
		took = deadline_now() - start;
		conf_check(took <= CONSOLE_WRITE_MS + CONF_SLACK_MS,
			   "write blocks for %lld ms", (long long)took);
		conf_check(n <= (int)sizeof(bytes), "write says %d", n);
		if (n > 0)
			taken += (size_t)n;
	}
	conf_check(n <= 0, "it takes %zu bytes, and more, for nobody", taken);
	if (n < 0)
		conf_check_error(&err, "write");
}

/* What the counterpart never heard was given back is our own dead session. */
static void console_take_back(void)
{
	struct conf_instance i;

	conf_open(&i, NULL);
	conf_attach(&i, DRIVER_ATTACH_OWN);
	console_detach(&i, 2000);
	conf_close(&i);
}

static void console_jammed(bool detaches)
{
	bool stuck = conf_has_section("stuck");
	struct rh_error err = RH_ERROR_INIT;
	struct conf_instance i;

	if (!stuck && conf_need("jam") == NULL)
		return;
	conf_open(&i, stuck ? "stuck" : NULL);
	if (conf_check_rc(console_try(&i, 0, CONF_SOON_MS, &err), &err,
			  "attach") && (stuck || conf_do("jam")))
		console_jam(&i);
	if (detaches)
		console_detach(&i, 500);
	conf_close(&i);
	if (!stuck && conf_do("unjam"))
		console_take_back();
	(void)conf_sinks_visits();
}

static void console_test_jammed(void)
{
	console_jammed(true);
}

static void console_test_jammed_close(void)
{
	console_jammed(false);
}

/* --- the end -------------------------------------------------------------------------- */

/* Whatever is called after the session: an error or nothing, and no crash. */
static void console_check_not_attached(struct conf_instance *i)
{
	const struct driver_console_ops *ops = conf_driver->console;
	struct rh_error err = RH_ERROR_INIT;
	struct pollfd fds[CONSOLE_FDS];
	int wake = -1, rc;
	char byte;

	rc = ops->read(i->self, &byte, 1, &err);
	conf_check(rc < 0, "not attached: read: %d", rc);
	if (rc < 0)
		conf_check_error(&err, "read");
	rc = ops->write(i->self, "x", 1, &err);
	conf_check(rc < 0, "not attached: write: %d", rc);
	if (rc < 0)
		conf_check_error(&err, "write");
	rc = ops->pollfds(i->self, fds, CONSOLE_FDS, &wake);
	conf_check(rc == 0, "not attached: pollfds: %d", rc);
	if (ops->send_break != NULL)
		conf_check(ops->send_break(i->self, &err) < 0,
			   "not attached: break");
	console_detach(i, 500);
}

static void console_test_not_attached(void)
{
	struct conf_instance i;

	conf_open(&i, NULL);
	console_check_not_attached(&i);
	if (conf_attach(&i, 0)) {
		console_detach(&i, 2000);
		console_check_not_attached(&i);
		conf_attach(&i, 0);
	}
	conf_close(&i);
}

/* Reads until the session is gone; err says why. */
static void console_until_lost(struct conf_instance *i, struct rh_error *err)
{
	const char *within = conf_word("lose-within");
	int64_t ms = 10000, start = deadline_now();
	struct buffer seen = { 0 };
	int rc = 0;

	if (within != NULL)
		(void)deadline_parse_ms(within, &ms);
	while (rc >= 0 && deadline_now() - start < ms)
		rc = console_turn(i, deadline_add(start, ms), &seen, err);
	conf_check(rc < 0, "the session is not lost after %lld ms",
		   (long long)(deadline_now() - start));
	buffer_release(&seen);
}

static void console_test_lost(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct conf_instance i;
	int64_t deadline;
	char byte;
	int rc;

	if (conf_need("lose") == NULL)
		return;
	conf_open(&i, NULL);
	if (conf_attach(&i, 0) && conf_do("lose")) {
		console_until_lost(&i, &err);
		conf_check_error(&err, "read");
		conf_check(err.code == RH_ERR_LOST, "%s: %s",
			   rh_code_name(err.code), err.text);
		conf_check(conf_driver->console->read(i.self, &byte, 1,
						      &err) < 0,
			   "lost, and there again");
		console_detach(&i, 1000);
		conf_do("back");
		deadline = deadline_in(10000);
		do {
			rc = console_try(&i, DRIVER_ATTACH_OWN, CONF_SOON_MS,
					 &err);
		} while (rc < 0 && deadline_now() < deadline);
		if (conf_check_rc(rc, &err, "attach again"))
			conf_talk(&i);
	}
	console_detach(&i, 2000);
	conf_close(&i);
}

static void console_test_lost_close(void)
{
	struct conf_instance i;

	if (conf_need("lose") == NULL)
		return;
	conf_open(&i, NULL);
	if (conf_attach(&i, 0))
		conf_do("lose");
	conf_close(&i);
	if (conf_do("back"))
		console_take_back();
}

/* --- another holder ------------------------------------------------------------------- */

static void console_check_second(struct conf_instance *two)
{
	struct rh_error err = RH_ERROR_INIT;
	const char *second = conf_need("second");
	int rc = console_try(two, 0, CONF_SOON_MS, &err);

	if (second == NULL)
		return;
	if (strcmp(second, "shared") == 0) {
		conf_check_rc(rc, &err, "a second one");
		console_detach(two, 2000);
		return;
	}
	conf_check(rc < 0 && err.code == RH_ERR_BUSY, "a second one: rc %d, "
		   "%s: %s", rc, rh_code_name(err.code), err.text);
	if (rc < 0)
		conf_check_error(&err, "a second one");
}

static void console_test_second(void)
{
	struct conf_instance one, two;

	conf_open(&one, NULL);
	conf_open(&two, NULL);
	if (conf_attach(&one, 0)) {
		console_check_second(&two);
		conf_talk(&one);
		/* given back: the other one has it at once */
		console_detach(&one, 2000);
		conf_attach(&two, 0);
	}
	conf_close(&two);
	conf_attach(&one, 0);
	conf_close(&one);
}

static void console_test_steal(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct conf_instance one, two;

	if (!conf_says("steal", "yes")) {
		conf_skip("this counterpart has no way to take a session");
		return;
	}
	conf_open(&one, NULL);
	conf_open(&two, NULL);
	if (conf_attach(&one, 0)) {
		conf_check(console_try(&two, 0, CONF_SOON_MS, &err) < 0,
			   "taken without the flag");
		conf_attach(&two, DRIVER_ATTACH_STEAL);
	}
	console_detach(&two, 2000);
	console_detach(&one, 2000);
	conf_close(&two);
	conf_close(&one);
}

/* --- break ---------------------------------------------------------------------------- */

static void console_test_break(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct conf_instance i;
	int rc;

	if (conf_driver->console->send_break == NULL) {
		conf_skip("console.send_break is NULL");
		return;
	}
	conf_open(&i, NULL);
	if (conf_attach(&i, 0)) {
		rc = conf_driver->console->send_break(i.self, &err);
		conf_check(rc == 0 || err.code == RH_ERR_NOTSUP, "%s: %s",
			   rh_code_name(err.code), err.text);
		if (rc < 0)
			conf_check_error(&err, "break");
		conf_talk(&i);
	}
	console_detach(&i, 2000);
	conf_close(&i);
}

const struct conf_rule conf_rules_console[] = {
	{ "attach-again-after-detach", CONF_CONSOLE, console_test_again },
	{ "bytes-go-both-ways-unchanged", CONF_CONSOLE, console_test_bytes },
	{ "read-without-data-is-0", CONF_CONSOLE, console_test_nothing },
	{ "pollfds-tell-when-data-is-there", CONF_CONSOLE,
	  console_test_pollfds },
	{ "break-is-sent-or-not-supported", CONF_CONSOLE, console_test_break },
	{ "second-holder-is-busy", CONF_CONSOLE, console_test_second },
	{ "steal-takes-it", CONF_CONSOLE, console_test_steal },
	{ "not-attached-is-an-error", CONF_CONSOLE, console_test_not_attached },
	{ "write-never-blocks", CONF_CONSOLE, console_test_jammed },
	{ "close-with-a-jammed-console", CONF_CONSOLE,
	  console_test_jammed_close },
	{ "lost-is-seen-and-attached-again", CONF_CONSOLE, console_test_lost },
	{ "close-with-a-lost-console", CONF_CONSOLE, console_test_lost_close },
	{ NULL, CONF_ANY, NULL },
};
