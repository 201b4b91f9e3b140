/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Commands on the host over its shell ways, and the check that a new system
 * answers. The ways are tried in the order written; the next one is asked only
 * where it is certain that the one before did not run the command.
 *
 * Always true: one question is under way at a time; an answer from the system
 * that was there before force is no proof (H01): its boot id is compared.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/run/run-private.h"
#include "base/deadline.h"
#include "base/memory.h"

#define SHELL_KEEP 16384	/* bytes of each output that are kept */

void shell_init(struct run *r)
{
	const struct way *way;
	size_t n;

	for (n = 0; (way = host_way(r->host, WAY_SHELL, n)) != NULL; n++)
		r->shell.ways[r->shell.count++] = way;
	if (r->o->boot_id != NULL)
		snprintf(r->shell.before, sizeof(r->shell.before), "%s",
			 r->o->boot_id);
}

static void shell_answer(struct run *r, const struct rh_error *err,
			 const char *text)
{
	struct run_shell *s = &r->shell;
	uint32_t id = s->machine_id;

	if (s->what == MACHINE_SHELL && id != 0)
		trace_ran(r, err);
	s->request = 0;
	s->machine_id = 0;
	free(s->command);
	s->command = NULL;
	if (s->what == MACHINE_EVIDENCE)
		r->evidence.boot_id = false;
	else
		run_answer(r, id, err, DRIVER_POWER_UNKNOWN, text);
}

/* Asks the present way; where it can't be asked at all, the answer is an error. */
static void shell_ask(struct run *r)
{
	struct run_shell *s = &r->shell;
	struct hand_request request = { .op = HAND_OP_BOOT_ID,
					.deadline = s->deadline };
	struct rh_error err = RH_ERROR_INIT;
	struct hand **hand = &s->hands[s->way];

	if (s->way >= s->count) {
		rh_error_set(&err, RH_ERR_NOTSUP, "the host has no [shell]");
		shell_answer(r, &err, NULL);
		return;
	}
	if (s->command != NULL) {
		request.op = HAND_OP_SHELL;
		request.number = SHELL_KEEP;
		request.bytes = s->command;
		request.bytes_len = strlen(s->command);
	}
	if (*hand == NULL)
		*hand = run_start_hand(r, s->ways[s->way], &err);
	if (*hand == NULL || hand_send(*hand, &request, &s->request, &err) < 0)
		shell_answer(r, &err, NULL);
}

static void shell_begin(struct run *r, enum machine_do what, uint32_t machine_id,
			const char *command, int64_t deadline)
{
	struct run_shell *s = &r->shell;

	/* A check that a rule interrupted: its answer is of no use now. */
	free(s->command);
	s->command = command != NULL ? memory_copy(command) : NULL;
	s->what = what;
	s->machine_id = machine_id;
	s->deadline = deadline;
	s->way = 0;
	s->request = 0;
	shell_ask(r);
}

void shell_run(struct run *r, const struct machine_action *a)
{
	if (a->force != NULL && !run_announce_shell(r, a))
		return;
	r->asked_status = -1;
	r->asked_output[0] = '\0';
	run_event(r, "shell", a->state, "",
		  json_pack("{so}", "command", record_string(a->text)));
	shell_begin(r, MACHINE_SHELL, a->id, a->text, a->deadline);
}

void shell_boot_id(struct run *r, const struct machine_action *a)
{
	r->shell.keep = a->before;
	shell_begin(r, MACHINE_BOOT_ID, a->id, NULL, a->deadline);
}

void shell_collect(struct run *r, const struct machine_action *a,
		   const char *command)
{
	shell_begin(r, MACHINE_COLLECT, a->id, command, a->deadline);
}

void shell_check(struct run *r, const struct machine_action *a)
{
	r->shell.check = a->action;
	r->shell.fresh = a->fresh;
	shell_begin(r, MACHINE_CHECK, a->id,
		    a->action->type == ACTION_CHECK_SHELL ? a->action->text
							  : NULL,
		    a->deadline);
}

void shell_ask_before(struct run *r, int64_t deadline)
{
	if (r->shell.count == 0 || r->shell.before[0] != '\0')
		return;
	r->evidence.boot_id = true;
	shell_begin(r, MACHINE_EVIDENCE, 0, NULL, deadline);
}

/* ---- answers ------------------------------------------------------------------ */

/* The last line that says something. */
static void shell_last_line(const char *bytes, size_t len, char *buf,
			    size_t buf_len)
{
	size_t end = len, start;

	while (end > 0 && strchr("\r\n\t ", bytes[end - 1]) != NULL)
		end--;
	for (start = end; start > 0 && bytes[start - 1] != '\n'; start--)
		;
	if (end - start >= buf_len)
		end = start + buf_len - 1;
	memcpy(buf, bytes + start, end - start);
	buf[end - start] = '\0';
}

/* Both outputs, whole, as a file of the record. */
static void shell_keep(struct run *r, const struct hand_event *event)
{
	struct run_shell *s = &r->shell;
	struct buffer b = { 0 };
	char name[64];

	if (s->what == MACHINE_CHECK || event->bytes_len == 0)
		return;
	snprintf(name, sizeof(name), "shell-%d.txt", ++s->kept);
	buffer_printf(&b, "$ %s\nexit status %d%s\n\n", s->command,
		      event->exit_status, event->cut ? ", output cut" : "");
	buffer_append(&b, event->bytes, event->bytes_len);
	evidence_save(r, s->what == MACHINE_COLLECT ? "dmesg.txt" : name, b.data,
		      b.len);
	snprintf(r->asked_output, sizeof(r->asked_output), "%s", name);
	buffer_release(&b);
}

static void shell_command_done(struct run *r, const struct hand_event *event)
{
	struct run_shell *s = &r->shell;
	struct rh_error err = RH_ERROR_INIT;
	char line[300], text[420];

	shell_keep(r, event);
	r->asked_status = event->exit_status;
	if (event->exit_status != 0) {
		shell_last_line(event->bytes, event->bytes_len, line,
				sizeof(line));
		rh_error_set(&err, RH_ERR_STATE, "shell \"%.120s\": exit status "
			     "%d%s%s", s->command, event->exit_status,
			     line[0] != '\0' ? ": " : "", line);
		shell_answer(r, &err, NULL);
		return;
	}
	shell_last_line(event->bytes, event->out_len, line, sizeof(line));
	snprintf(text, sizeof(text), "%s", line);
	if (s->what == MACHINE_CHECK)
		snprintf(text, sizeof(text), "shell \"%.100s\" succeeds%s%.200s",
			 s->command, line[0] != '\0' ? ": " : "", line);
	if (s->what == MACHINE_COLLECT)
		snprintf(text, sizeof(text), "dmesg.txt");
	shell_answer(r, NULL, text[0] != '\0' ? text : NULL);
}

/* Whether the system that answers with this boot id is a new one. */
static void shell_judge_boot_id(struct run *r, const char *id)
{
	struct run_shell *s = &r->shell;
	struct rh_error err = RH_ERROR_INIT;
	char text[240];

	snprintf(text, sizeof(text), "ssh answers, boot id %.100s", id);
	snprintf(r->asked_boot_id, sizeof(r->asked_boot_id), "%s", id);
	if (!r->forced && r->o->boot_id == NULL) {
		snprintf(s->before, sizeof(s->before), "%s", id);
	} else if (s->before[0] != '\0' && strcmp(s->before, id) == 0) {
		rh_error_set(&err, RH_ERR_STATE, "ssh answers, but it is the "
			     "system from before: its boot id has not changed");
	} else if (s->before[0] == '\0' && !s->fresh) {
		rh_error_set(&err, RH_ERR_STATE, "ssh answers, but the boot id "
			     "from before is not known and the power was not "
			     "seen off: it may be the system from before");
	}
	if (err.code != RH_ERR_NONE)
		shell_answer(r, &err, NULL);
	else
		shell_answer(r, NULL, text);
}

static void shell_boot_id_done(struct run *r, const struct hand_event *event)
{
	char id[128];

	shell_last_line(event->bytes, event->bytes_len, id, sizeof(id));
	if (r->shell.what == MACHINE_EVIDENCE) {
		snprintf(r->shell.before, sizeof(r->shell.before), "%s", id);
		run_event(r, "boot-id", "", id, NULL);
		shell_answer(r, NULL, NULL);
		return;
	}
	if (r->shell.what == MACHINE_BOOT_ID) {
		if (r->shell.keep && strcmp(r->shell.before, id) != 0) {
			snprintf(r->shell.before, sizeof(r->shell.before), "%s",
				 id);
			run_event(r, "boot-id", "", id, NULL);
		}
		shell_answer(r, NULL, id);
		return;
	}
	shell_judge_boot_id(r, id);
}

/* Errors after which it is certain that nothing was run. */
static bool shell_was_not_run(enum rh_code code)
{
	switch (code) {
	case RH_ERR_UNREACHABLE:
	case RH_ERR_AUTH:
	case RH_ERR_REFUSED:
	case RH_ERR_BUSY:
	case RH_ERR_NOTSUP:
	case RH_ERR_CONFIG:
	case RH_ERR_NEEDS_HANDS:
		return true;
	default:
		return false;
	}
}

static void shell_failed(struct run *r, const struct rh_error *err)
{
	struct run_shell *s = &r->shell;
	struct rh_error copy = *err;
	bool asks = s->command == NULL;
	char text[700];

	if (s->way + 1 < s->count && deadline_now() < s->deadline &&
	    (asks || shell_was_not_run(err->code))) {
		snprintf(text, sizeof(text), "[%s] %s; now [%s]",
			 s->ways[s->way]->label, err->text,
			 s->ways[s->way + 1]->label);
		run_event(r, "way-given-up", "", text,
			  json_pack("{ss ss}", "way", s->ways[s->way]->label,
				    "code", rh_code_name(err->code)));
		s->way++;
		shell_ask(r);
		return;
	}
	shell_answer(r, &copy, NULL);
}

/* Whether the event is of a shell's hand; then it is taken. */
bool shell_event(struct run *r, const struct hand *hand,
		 const struct hand_event *event)
{
	struct run_shell *s = &r->shell;
	bool ours = false;
	int i;

	for (i = 0; i < s->count; i++)
		ours = ours || s->hands[i] == hand;
	if (!ours || event->type != HAND_DONE)
		return ours;
	if (s->request == 0 || event->id != s->request ||
	    s->hands[s->way] != hand)
		return true;
	s->request = 0;
	if (event->err.code != RH_ERR_NONE)
		shell_failed(r, &event->err);
	else if (event->op == HAND_OP_SHELL)
		shell_command_done(r, event);
	else
		shell_boot_id_done(r, event);
	return true;
}
