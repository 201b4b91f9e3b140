/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules that hold for every call of the interface: it ends by its deadline,
 * fails with a code and a text, leaves its outputs alone then, and shows nothing
 * of a secret. Every call that the driver has is made in each situation:
 *   silent   somebody accepts and says nothing
 *   gone     nobody is there
 *   denied   the credential is refused
 *   late     the deadline has passed already
 *
 * [counterpart] silent-ok, gone-ok, denied-ok, late-ok name the calls that need
 * no answer and so may succeed; silent-code and so on name a code more that a
 * call may fail with, where the driver cannot know better; `person` says that an act ends with
 * needs-hands. `look` tells what it found and does not fail.
 */
#include "tests/lab/conformance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint16_t conf_tcp_port;

#define CALLS_UNTOUCHED ((enum driver_power)77)
#define CALLS_BEFORE "before\n"

/* --- calls ----------------------------------------------------------------------- */

static bool calls_has_query(const struct driver *d)
{
	return d->power != NULL;
}

static int calls_query(struct conf_instance *i, int64_t deadline,
		       struct rh_error *err)
{
	enum driver_power state = CALLS_UNTOUCHED;
	int rc = conf_driver->power->query(i->self, deadline, &state, err);

	conf_check(rc < 0 ? state == CALLS_UNTOUCHED :
			    state <= DRIVER_POWER_OFF,
		   "query: rc %d, and the state is %d", rc, (int)state);
	return rc;
}

static int calls_act(struct conf_instance *i, int64_t deadline,
		     struct rh_error *err)
{
	return conf_driver->power->act(i->self, DRIVER_ACT_OFF, deadline, err);
}

static bool calls_has_boot(const struct driver *d)
{
	return d->power != NULL && d->power->boot != NULL;
}

static int calls_boot(struct conf_instance *i, int64_t deadline,
		      struct rh_error *err)
{
	return conf_driver->power->boot(i->self, DRIVER_BOOT_PXE, deadline,
					err);
}

static bool calls_has_identify(const struct driver *d)
{
	return d->power != NULL && d->power->identify != NULL;
}

static int calls_identify(struct conf_instance *i, int64_t deadline,
			  struct rh_error *err)
{
	return conf_driver->power->identify(i->self, true, deadline, err);
}

static bool calls_has_console(const struct driver *d)
{
	return d->console != NULL;
}

static int calls_attach(struct conf_instance *i, int64_t deadline,
			struct rh_error *err)
{
	/* whoever retries looks at the code: also where there is no object */
	unsigned flags = err == NULL ? DRIVER_ATTACH_OWN : 0;
	int rc = conf_driver->console->attach(i->self, flags, deadline, err);

	if (rc == 0)
		conf_driver->console->detach(i->self, deadline_in(1000));
	return rc;
}

static bool calls_has_evidence(const struct driver *d)
{
	return d->evidence != NULL;
}

/* What a call appended, without what was there before; checks that. */
static void calls_check_text(const char *what, int rc, struct buffer *text)
{
	size_t before = strlen(CALLS_BEFORE);

	conf_check(text->len >= before &&
			   strncmp(text->data, CALLS_BEFORE, before) == 0,
		   "%s: what was in the buffer is gone", what);
	conf_check(rc == 0 || text->len == before,
		   "%s failed, and appended: %s", what,
		   buffer_text(text) + before);
	conf_check_no_secret(text->data, text->len, what);
	buffer_release(text);
}

static int calls_event_log(struct conf_instance *i, int64_t deadline,
			   struct rh_error *err)
{
	struct buffer text = { 0 };
	int rc;

	buffer_append_text(&text, CALLS_BEFORE);
	rc = conf_driver->evidence->event_log(i->self, 4, deadline, &text, err);
	calls_check_text("event_log", rc, &text);
	return rc;
}

static int calls_chassis(struct conf_instance *i, int64_t deadline,
			 struct rh_error *err)
{
	struct buffer text = { 0 };
	int rc;

	buffer_append_text(&text, CALLS_BEFORE);
	rc = conf_driver->evidence->chassis(i->self, deadline, &text, err);
	calls_check_text("chassis", rc, &text);
	return rc;
}

static bool calls_has_shell(const struct driver *d)
{
	return d->shell != NULL;
}

static int calls_run(struct conf_instance *i, int64_t deadline,
		     struct rh_error *err)
{
	struct driver_shell_result result = { .exit_status = 77 };
	int rc = conf_driver->shell->run(i->self, "exit 0", 100, deadline,
					 &result, err);

	conf_check(rc == 0 || result.exit_status != 0,
		   "run failed, and says status 0");
	buffer_release(&result.out);
	buffer_release(&result.errors);
	return rc;
}

static int calls_boot_id(struct conf_instance *i, int64_t deadline,
			 struct rh_error *err)
{
	struct buffer text = { 0 };
	int rc;

	buffer_append_text(&text, CALLS_BEFORE);
	rc = conf_driver->shell->boot_id(i->self, deadline, &text, err);
	calls_check_text("boot_id", rc, &text);
	return rc;
}

static bool calls_has_check(const struct driver *d)
{
	return d->check != NULL;
}

static int calls_tcp(struct conf_instance *i, int64_t deadline,
		     struct rh_error *err)
{
	const struct driver_tcp_check check = {
		.port = conf_tcp_port, .expect = "x", .expect_len = 1,
	};
	struct buffer text = { 0 };
	int rc;

	buffer_append_text(&text, CALLS_BEFORE);
	rc = conf_driver->check->tcp(i->self, &check, deadline, &text, err);
	calls_check_text("tcp", rc, &text);
	return rc;
}

static bool calls_has_doctor(const struct driver *d)
{
	return d->doctor != NULL;
}

static int calls_look(struct conf_instance *i, int64_t deadline,
		      struct rh_error *err)
{
	struct buffer text = { 0 };
	int rc;

	buffer_append_text(&text, CALLS_BEFORE);
	rc = conf_driver->doctor->look(i->self, 0, deadline, &text, err);
	calls_check_text("look", rc, &text);
	return rc;
}

const struct conf_call conf_calls[] = {
	{ "query", calls_has_query, calls_query },
	{ "act", calls_has_query, calls_act },
	{ "boot", calls_has_boot, calls_boot },
	{ "identify", calls_has_identify, calls_identify },
	{ "attach", calls_has_console, calls_attach },
	{ "event_log", calls_has_evidence, calls_event_log },
	{ "chassis", calls_has_evidence, calls_chassis },
	{ "run", calls_has_shell, calls_run },
	{ "boot_id", calls_has_shell, calls_boot_id },
	{ "tcp", calls_has_check, calls_tcp },
	{ "look", calls_has_doctor, calls_look },
	{ NULL, NULL, NULL },
};

/* --- situations ---------------------------------------------------------------------- */

struct situation {
	const char *name;	/* of its section, and of NAME-ok */
	const char *section;	/* NULL: the usual settings */
	int64_t ms;		/* until the deadline; < 0: it has passed */
	enum rh_code codes[4];	/* what a call may fail with */
};

static bool calls_is_one_of(enum rh_code code, const struct situation *s)
{
	size_t n;

	for (n = 0; n < 4 && s->codes[n] != RH_ERR_NONE; n++) {
		if (s->codes[n] == code)
			return true;
	}
	return false;
}

/* Whether this call needs no counterpart there. */
static bool calls_may_succeed(const struct conf_call *call,
			      const struct situation *s)
{
	char key[32];

	snprintf(key, sizeof(key), "%s-ok", s->name);
	return strcmp(call->name, "look") == 0 || conf_says(key, call->name);
}

static void calls_check_end(const struct conf_call *call,
			    const struct situation *s, int rc,
			    const struct rh_error *err)
{
	bool person = conf_word("person") != NULL &&
		      strcmp(call->name, "act") == 0;
	char key[32];

	snprintf(key, sizeof(key), "%s-code", s->name);

	if (rc < 0)
		conf_check_error(err, call->name);
	if (rc == 0)
		conf_check(calls_may_succeed(call, s), "%s: %s succeeds",
			   s->name, call->name);
	else
		conf_check(person ? err->code == RH_ERR_NEEDS_HANDS :
				    calls_is_one_of(err->code, s) ||
				    conf_says(key, rh_code_name(err->code)),
			   "%s: %s: %s: %s", s->name, call->name,
			   rh_code_name(err->code), err->text);
}

static void calls_make(const struct conf_call *call, const struct situation *s,
		       bool with_error)
{
	struct rh_error err = RH_ERROR_INIT;
	int64_t deadline, over;
	struct conf_instance i;
	int rc;

	conf_open(&i, s->section);
	deadline = s->ms < 0 ? deadline_now() - 1000 : deadline_in(s->ms);
	rc = call->run(&i, deadline, with_error ? &err : NULL);
	over = deadline_now() - (s->ms < 0 ? deadline + 1000 : deadline);
	conf_check(over <= CONF_SLACK_MS, "%s: %s ends %lld ms late", s->name,
		   call->name, (long long)over);
	if (with_error)
		calls_check_end(call, s, rc, &err);
	conf_close(&i);
}

static void calls_in(const struct situation *s, bool with_error)
{
	const struct conf_call *call;

	if (s->section != NULL && !conf_check(conf_has_section(s->section),
					      "there is no [%s]", s->section))
		return;
	for (call = conf_calls; call->name != NULL; call++) {
		if (call->exists(conf_driver))
			calls_make(call, s, with_error);
	}
	(void)conf_sinks_visits();
}

static const struct situation calls_silent = {
	"silent", "silent", CONF_SHORT_MS,
	{ RH_ERR_TIMEOUT, RH_ERR_UNREACHABLE, RH_ERR_LOST, RH_ERR_NOTSUP },
};

static void calls_test_silent(void)
{
	calls_in(&calls_silent, true);
}

static void calls_test_no_error_object(void)
{
	struct situation quick = calls_silent;

	quick.ms = 150;
	calls_in(&quick, false);
}

static void calls_test_gone(void)
{
	static const struct situation gone = {
		"gone", "gone", CONF_SHORT_MS,
		{ RH_ERR_UNREACHABLE, RH_ERR_NOTSUP },
	};
	const uint16_t before = conf_tcp_port;

	conf_tcp_port = (uint16_t)atoi(conf_sink_name("TCP-CLOSED"));
	calls_in(&gone, true);
	conf_tcp_port = before;
}

static void calls_test_denied(void)
{
	static const struct situation denied = {
		"denied", "denied", CONF_SOON_MS,
		{ RH_ERR_AUTH, RH_ERR_NOTSUP },
	};

	calls_in(&denied, true);
}

static void calls_test_late(void)
{
	static const struct situation late = {
		"late", NULL, -1,
		{ RH_ERR_TIMEOUT, RH_ERR_UNREACHABLE, RH_ERR_NOTSUP },
	};
	int acts = conf_acts();

	calls_in(&late, true);
	conf_check(conf_acts() == acts,
		   "%d acts were sent behind their deadline",
		   conf_acts() - acts);
}

/* --- what others can see --------------------------------------------------------- */

/*
 * While a call waits for a counterpart that says nothing, and while a console
 * is attached: no shell runs below us, and no secret is in an argument or an
 * environment.
 */
static void calls_test_children(void)
{
	const struct conf_call *call;
	struct conf_watched seen;
	struct conf_watch watch;
	struct conf_instance i;
	bool starts = (conf_driver->flags & DRIVER_STARTS_PROGRAMS) != 0;

	conf_watch_start(&watch);
	for (call = conf_calls; call->name != NULL; call++) {
		if (!call->exists(conf_driver))
			continue;
		conf_open(&i, conf_has_section("silent") ? "silent" : NULL);
		(void)call->run(&i, deadline_in(300), NULL);
		conf_close(&i);
	}
	if (conf_driver->console != NULL) {
		conf_open(&i, NULL);
		if (conf_attach(&i, 0))
			conf_driver->console->detach(i.self,
						     deadline_in(2000));
		conf_close(&i);
	}
	conf_watch_stop(&watch, &seen);
	(void)conf_sinks_visits();
	conf_check(seen.shells == 0, "it starts a shell: %s", seen.command);
	conf_check(seen.secrets == 0, "%s shows a secret", seen.command);
	conf_check((seen.children > 0) == starts,
		   "%d looks saw a program (%s), flags %x", seen.children,
		   seen.command, conf_driver->flags);
}

const struct conf_rule conf_rules_calls[] = {
	{ "calls-end-with-a-silent-counterpart", CONF_ANY, calls_test_silent },
	{ "calls-without-error-object", CONF_ANY, calls_test_no_error_object },
	{ "calls-end-with-nobody-there", CONF_ANY, calls_test_gone },
	{ "calls-end-with-a-refused-credential", CONF_ANY, calls_test_denied },
	{ "calls-end-behind-their-deadline", CONF_ANY, calls_test_late },
	{ "children-show-no-secret-and-are-no-shell", CONF_ANY,
	  calls_test_children },
	{ NULL, CONF_ANY, NULL },
};
