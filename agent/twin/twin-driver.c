/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `driver = twin`: a host that does not exist, to be recovered as if it did. The
 * one driver that does not live below drivers/, since what it drives is code of
 * the agent. The hand comes in by driver_twin.
 *
 * Each way of such a host is a hand of its own, and all of them see one twin:
 * shared.c. So every call here is the same: do something to the shared twin, or
 * only look, then say what is to be seen. Always true: after open, nothing is
 * opened any more, and no call waits but for the twin's own time and for another
 * hand that is looking.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/twin/load.h"
#include "agent/twin/shared.h"
#include "base/deadline.h"
#include "base/memory.h"
#include "drivers/drivers.h"

#define TWIN_LOOK_MS 15		/* the console looks again after that */
#define TWIN_TYPE_MAX 2048	/* bytes in one line of the state file */
#define TWIN_BREAK_MS 100

struct twin_way {
	struct twin_model *model;
	struct shared *shared;
	const char *state;
	bool attached;
};

static const struct option twin_options[] = {
	{ .key = "twin", .type = OPTION_TEXT,
	  .help = "The twin, a file of twins.d; without it the one that has the "
		  "name of the host." },
	{ .key = "seed", .type = OPTION_NUMBER, .fallback = "1", .min = 0,
	  .max = INT64_C(2147483647),
	  .help = "Where the twin leaves something to chance: the number that "
		  "decides it." },
	{ .key = "state", .type = OPTION_TEXT,
	  .help = "The file through which all ways of the host see one twin; "
		  "what is typed stands there, passwords too. Without it a file "
		  "in twins/ beside the records." },
	{ .key = "vars", .type = OPTION_TEXT,
	  .help = "NAME=VALUE, one a line, for ${NAME} in the twin's file; "
		  "without it the [vars] of the host." },
	OPTION_END,
};

/* ---- open ----------------------------------------------------------------------- */

static int twin_way_open(void *self, const struct settings *settings,
			 int64_t deadline, struct rh_error *err)
{
	struct twin_way *w = self;
	const char *path = settings_text(settings, "twin");
	const char *vars = settings_text(settings, "vars");
	uint64_t seed = (uint64_t)settings_number(settings, "seed");
	uint64_t identity;

	(void)deadline;
	w->state = settings_text(settings, "state");
	if (path == NULL || w->state == NULL || path[0] == '\0' ||
	    w->state[0] == '\0')
		return rh_error_set(err, RH_ERR_CONFIG, "%s: expected the path "
				    "of a file", path == NULL || !path[0] ?
				    "twin" : "state");
	if (twin_load(&w->model, &identity, path, vars != NULL ? vars : "",
		      err) < 0)
		return -1;
	return shared_open(&w->shared, w->state, w->model, seed,
			   identity ^ (seed << 1), err);
}

static void twin_way_close(void *self)
{
	struct twin_way *w = self;

	shared_close(w->shared);
	w->shared = NULL;
	twin_model_free(w->model);
	w->model = NULL;
}

/* Does that to the twin; nothing where the deadline has passed. */
static int twin_way_do(struct twin_way *w, enum shared_kind kind, int number,
		       int64_t deadline, struct rh_error *err)
{
	const struct shared_input input = { .kind = kind, .number = number };

	if (deadline_now() >= deadline)
		return rh_error_set(err, RH_ERR_TIMEOUT, "not begun: the "
				    "deadline had passed");
	return shared_do(w->shared, &input, NULL, deadline, err);
}

static int twin_way_look(struct twin_way *w, int64_t deadline,
			 struct rh_error *err)
{
	return twin_way_do(w, SHARED_NONE, 0, deadline, err);
}

/* ---- power ---------------------------------------------------------------------- */

static int twin_way_query(void *self, int64_t deadline,
			  enum driver_power *ret_state, struct rh_error *err)
{
	struct twin_way *w = self;

	if (twin_way_look(w, deadline, err) < 0)
		return -1;
	*ret_state = twin_is_on(shared_twin(w->shared)) ? DRIVER_POWER_ON
							: DRIVER_POWER_OFF;
	return 0;
}

static int twin_way_act(void *self, enum driver_act act, int64_t deadline,
			struct rh_error *err)
{
	if (act <= DRIVER_ACT_NONE || act > DRIVER_ACT_DIAG)
		return rh_error_set(err, RH_ERR_NOTSUP, "a twin cannot do: %s",
				    driver_act_name(act));
	return twin_way_do(self, SHARED_POWER, (int)act, deadline, err);
}

static int twin_way_boot(void *self, enum driver_boot device, int64_t deadline,
			 struct rh_error *err)
{
	if (device <= DRIVER_BOOT_NONE || device > DRIVER_BOOT_SETUP)
		return rh_error_set(err, RH_ERR_NOTSUP, "no such boot device");
	return twin_way_do(self, SHARED_BOOT, (int)device, deadline, err);
}

static int twin_way_identify(void *self, bool on, int64_t deadline,
			     struct rh_error *err)
{
	return twin_way_do(self, SHARED_LIGHT, on ? 1 : 0, deadline, err);
}

static const struct driver_power_ops twin_power_ops = {
	.query = twin_way_query,
	.act = twin_way_act,
	.boot = twin_way_boot,
	.identify = twin_way_identify,
};

/* ---- console -------------------------------------------------------------------- */

static int twin_way_attach(void *self, unsigned flags, int64_t deadline,
			   struct rh_error *err)
{
	struct twin_way *w = self;

	(void)flags;
	if (twin_way_look(w, deadline, err) < 0)
		return -1;
	if (!twin_console(shared_twin(w->shared)))
		return rh_error_set(err, RH_ERR_UNREACHABLE,
				    "the twin's console is not there now");
	shared_listen(w->shared, true);
	w->attached = true;
	return 0;
}

/* Others tell nobody that they did something: a look now and then sees it. */
static int twin_way_pollfds(void *self, struct pollfd *fds, int max,
			    int *ret_wake_ms)
{
	struct twin_way *w = self;

	(void)fds;
	(void)max;
	*ret_wake_ms = shared_output(w->shared)->len > 0 ? 0 : TWIN_LOOK_MS;
	return 0;
}

/* False, with an error: there is no session (any more). */
static bool twin_way_is_there(struct twin_way *w, struct rh_error *err)
{
	if (w->attached && !twin_console(shared_twin(w->shared)))
		w->attached = false;
	if (!w->attached)
		rh_error_set(err, RH_ERR_LOST, "the twin's console is gone");
	return w->attached;
}

static int twin_way_read(void *self, void *bytes, size_t size,
			 struct rh_error *err)
{
	const struct shared_input look = { .kind = SHARED_NONE };
	struct twin_way *w = self;
	struct buffer *out = shared_output(w->shared);
	struct rh_error own = RH_ERROR_INIT;
	size_t len;

	if (w->attached && shared_is_due(w->shared) &&
	    shared_do(w->shared, &look, NULL, 0, &own) < 0 &&
	    own.code != RH_ERR_TIMEOUT) {
		w->attached = false;
		return rh_error_set(err, RH_ERR_LOST, "%s", own.text);
	}
	if (!w->attached || out->len == 0)
		return twin_way_is_there(w, err) ? 0 : -1;
	len = out->len < size ? out->len : size;
	memcpy(bytes, out->data, len);
	buffer_drop(out, len);
	return (int)len;
}

static int twin_way_write(void *self, const void *bytes, size_t len,
			  struct rh_error *err)
{
	struct twin_way *w = self;
	struct shared_input input = { .kind = SHARED_TYPE, .bytes = bytes };
	struct rh_error own = RH_ERROR_INIT;

	if (!twin_way_is_there(w, err))
		return -1;
	input.len = len < TWIN_TYPE_MAX ? len : TWIN_TYPE_MAX;
	if (len == 0)
		return 0;
	if (shared_do(w->shared, &input, NULL, 0, &own) == 0)
		return (int)input.len;
	if (own.code == RH_ERR_TIMEOUT)
		return 0;
	w->attached = false;
	return rh_error_set(err, RH_ERR_LOST, "%s", own.text);
}

static int twin_way_break(void *self, struct rh_error *err)
{
	struct twin_way *w = self;

	if (!twin_way_is_there(w, err))
		return -1;
	return twin_way_do(w, SHARED_BREAK, 0, deadline_in(TWIN_BREAK_MS),
			   err);
}

static void twin_way_detach(void *self, int64_t deadline)
{
	struct twin_way *w = self;

	(void)deadline;
	w->attached = false;
	shared_listen(w->shared, false);
}

static const struct driver_console_ops twin_console_ops = {
	.attach = twin_way_attach,
	.pollfds = twin_way_pollfds,
	.read = twin_way_read,
	.write = twin_way_write,
	.send_break = twin_way_break,
	.detach = twin_way_detach,
};

/* ---- evidence -------------------------------------------------------------------- */

/* The last `max` lines. */
static void twin_way_tail(const struct buffer *text, int max,
			  struct buffer *ret)
{
	size_t at = text->len;

	if (max <= 0)
		return;
	while (at > 0) {
		if (text->data[at - 1] == '\n' && at < text->len && --max == 0)
			break;
		at--;
	}
	buffer_append(ret, buffer_text(text) + at, text->len - at);
}

static int twin_way_event_log(void *self, int max_entries, int64_t deadline,
			      struct buffer *ret, struct rh_error *err)
{
	struct twin_way *w = self;

	if (twin_way_look(w, deadline, err) < 0)
		return -1;
	twin_way_tail(shared_events(w->shared), max_entries, ret);
	return 0;
}

static int twin_way_chassis(void *self, int64_t deadline, struct buffer *ret,
			    struct rh_error *err)
{
	struct twin_way *w = self;
	enum driver_boot device;

	if (twin_way_look(w, deadline, err) < 0)
		return -1;
	device = shared_boot(w->shared);
	buffer_printf(ret, "power: %s\n", twin_is_on(shared_twin(w->shared)) ?
		      "on" : "off");
	if (device != DRIVER_BOOT_NONE)
		buffer_printf(ret, "boot device: %s\n",
			      driver_boot_name(device));
	buffer_printf(ret, "identify light: %s\n",
		      shared_light(w->shared) ? "on" : "off");
	return 0;
}

static const struct driver_evidence_ops twin_evidence_ops = {
	.event_log = twin_way_event_log,
	.chassis = twin_way_chassis,
};

/* ---- shell ----------------------------------------------------------------------- */

/* False: the deadline comes first. */
static bool twin_way_wait(int64_t until, int64_t deadline)
{
	int64_t end = deadline_min(until, deadline);

	while (deadline_now() < end)
		poll(NULL, 0, deadline_poll_ms(end));
	return until < deadline;
}

static void twin_way_keep(struct buffer *ret, const struct buffer *from,
			  size_t limit, bool *cut)
{
	if (from->len > limit)
		*cut = true;
	buffer_append(ret, buffer_text(from),
		      from->len < limit ? from->len : limit);
}

static int twin_way_answer(const struct twin_answer *a, size_t limit,
			   int64_t deadline, struct driver_shell_result *ret,
			   struct rh_error *err)
{
	int64_t until = a->reply == TWIN_REPLY_HANGS ?
			DEADLINE_NEVER : deadline_in(a->after_ms);

	if (a->reply == TWIN_REPLY_REFUSED)
		return rh_error_set(err, RH_ERR_UNREACHABLE,
				    "connection refused");
	twin_way_keep(&ret->out, &a->out, limit, &ret->cut);
	twin_way_keep(&ret->errors, &a->errors, limit, &ret->cut);
	if (!twin_way_wait(until, deadline))
		return rh_error_set(err, RH_ERR_TIMEOUT, "the command has not "
				    "ended; its result is not known");
	if (a->reply == TWIN_REPLY_DROPPED)
		return rh_error_set(err, RH_ERR_LOST, "the connection went "
				    "before the command had ended");
	ret->exit_status = a->exit_status;
	return 0;
}

static int twin_way_run(void *self, const char *command, size_t limit,
			int64_t deadline, struct driver_shell_result *ret,
			struct rh_error *err)
{
	const struct shared_input input = {
		.kind = SHARED_SHELL, .bytes = command, .len = strlen(command),
	};
	struct twin_answer answer = { 0 };
	struct twin_way *w = self;
	int rc;

	if (input.len == 0)
		return rh_error_set(err, RH_ERR_NOTSUP, "there is no command");
	if (deadline_now() >= deadline)
		return rh_error_set(err, RH_ERR_TIMEOUT, "not begun: the "
				    "deadline had passed");
	rc = shared_do(w->shared, &input, &answer, deadline, err);
	if (rc == 0)
		rc = twin_way_answer(&answer, limit, deadline, ret, err);
	buffer_release(&answer.out);
	buffer_release(&answer.errors);
	return rc;
}

static int twin_way_boot_id(void *self, int64_t deadline, struct buffer *ret,
			    struct rh_error *err)
{
	struct twin_way *w = self;
	const char *id;

	if (twin_way_look(w, deadline, err) < 0)
		return -1;
	id = twin_boot_id(shared_twin(w->shared));
	if (id == NULL)
		return rh_error_set(err, RH_ERR_UNREACHABLE,
				    "connection refused");
	buffer_append_text(ret, id);
	return 0;
}

static const struct driver_shell_ops twin_shell_ops = {
	.run = twin_way_run,
	.boot_id = twin_way_boot_id,
};

/* ---- the TCP check ---------------------------------------------------------------- */

static int twin_way_tcp(void *self, const struct driver_tcp_check *check,
			int64_t deadline, struct buffer *ret_proof,
			struct rh_error *err)
{
	struct twin_way *w = self;
	const struct twin_port *port = twin_model_port(w->model, check->port);
	bool answers = port != NULL && port->answer != NULL;

	if (twin_way_look(w, deadline, err) < 0)
		return -1;
	if (!twin_port_is_open(shared_twin(w->shared), check->port))
		return rh_error_set(err, RH_ERR_UNREACHABLE,
				    "tcp %d of twin %s: connection refused",
				    (int)check->port, w->model->name);
	if (check->expect != NULL && !answers)
		return rh_error_set(err, RH_ERR_PROTOCOL, "tcp %d of twin %s: "
				    "connected, and no answer",
				    (int)check->port, w->model->name);
	if (check->expect != NULL &&
	    memmem(port->answer, port->answer_len, check->expect,
		   check->expect_len) == NULL)
		return rh_error_set(err, RH_ERR_PROTOCOL, "tcp %d of twin %s: "
				    "another answer than expected",
				    (int)check->port, w->model->name);
	buffer_printf(ret_proof, "tcp %d of twin %s %s\n", (int)check->port,
		      w->model->name, check->expect != NULL ?
		      "answers as expected" : "is open");
	return 0;
}

static const struct driver_check_ops twin_check_ops = {
	.tcp = twin_way_tcp,
};

/* ---- the doctor -------------------------------------------------------------------- */

/* One line of text without control characters. */
static void twin_way_finding(struct buffer *ret, const char *level,
			     const char *subject, const char *text,
			     const char *hint)
{
	size_t from = ret->len, i;

	buffer_printf(ret, "%s\t%s\t", level, subject);
	from = ret->len;
	buffer_append_text(ret, text[0] != '\0' ? text : "(none)");
	for (i = from; i < ret->len; i++) {
		if ((unsigned char)ret->data[i] < 0x20 || ret->data[i] == 0x7f)
			ret->data[i] = ' ';
	}
	if (hint != NULL)
		buffer_printf(ret, "\t%s", hint);
	buffer_append_char(ret, '\n');
}

static void twin_way_look_console(struct twin_way *w, struct buffer *ret)
{
	if (twin_console(shared_twin(w->shared)))
		twin_way_finding(ret, "ok", "console",
				 "there, and shared with whoever looks", NULL);
	else
		twin_way_finding(ret, "fail", "console",
				 "the twin has lost its console", NULL);
}

static int twin_way_doctor(void *self, unsigned flags, int64_t deadline,
			   struct buffer *ret, struct rh_error *err)
{
	struct rh_error own = RH_ERROR_INIT;
	struct twin_way *w = self;
	char text[600];

	(void)err;
	snprintf(text, sizeof(text), "%s, a host that does not exist: %s",
		 w->model->name, w->model->summary);
	twin_way_finding(ret, "ok", "twin", text, NULL);
	if (twin_way_look(w, deadline, &own) < 0) {
		twin_way_finding(ret, "fail", "state", own.text,
				 "state = another file");
		return 0;
	}
	snprintf(text, sizeof(text), "it lives in %s", w->state);
	twin_way_finding(ret, "ok", "state", text, NULL);
	if (shared_why_anew(w->shared) != NULL) {
		snprintf(text, sizeof(text), "it begins anew: %s",
			 shared_why_anew(w->shared));
		twin_way_finding(ret, "note", "state", text, NULL);
	}
	twin_way_finding(ret, "ok", "power",
			 twin_is_on(shared_twin(w->shared)) ? "on" : "off",
			 NULL);
	if ((flags & DRIVER_DOCTOR_CONSOLE) != 0)
		twin_way_look_console(w, ret);
	return 0;
}

static const struct driver_doctor_ops twin_doctor_ops = {
	.look = twin_way_doctor,
};

const struct driver driver_twin = {
	.name = "twin",
	.summary = "a host that does not exist, out of a file of twins.d",
	.options = twin_options,
	.size = sizeof(struct twin_way),
	.open = twin_way_open,
	.close = twin_way_close,
	.power = &twin_power_ops,
	.console = &twin_console_ops,
	.evidence = &twin_evidence_ops,
	.check = &twin_check_ops,
	.shell = &twin_shell_ops,
	.doctor = &twin_doctor_ops,
};
