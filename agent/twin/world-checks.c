/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The shell of a twin, the checks of its services, and what is read of it before
 * force. world.c comes in with each action of these kinds, and when an answer
 * is due. Always true: an answer says what is so when it is given, not when it
 * was asked for; the boot id from before is kept here as the live run keeps it.
 */
#include "agent/twin/world.h"

#include <stdio.h>
#include <string.h>

#include "base/deadline.h"

void world_shell(struct world *w, const struct machine_action *a)
{
	struct world_answer *n = world_answer(w, a, 300);
	struct rh_error *err = &n->outcome.err;

	n->decided = true;
	w->forced = w->forced || a->force != NULL;
	if (faults_shell(w, &n->outcome)) {
		world_limit(n, err->code == RH_ERR_TIMEOUT ? w->now
							   : a->deadline);
		if (err->code == RH_ERR_TIMEOUT)
			n->at = a->deadline;
		return;
	}
	twin_shell(w->t, w->now, a->text, &w->shell);
	n->at = deadline_add(n->at, w->shell.after_ms);
	if (w->shell.reply == TWIN_REPLY_REFUSED)
		rh_error_set(err, RH_ERR_UNREACHABLE, "connection refused");
	else if (w->shell.reply == TWIN_REPLY_DROPPED ||
		 fault_strikes(w, FAULT_H05))
		rh_error_set(err, RH_ERR_LOST, "it ended without an exit status");
	else if (w->shell.reply == TWIN_REPLY_HANGS)
		n->at = a->deadline;
	else if (w->shell.exit_status != 0)
		rh_error_set(err, RH_ERR_STATE, "exit status %d",
			     w->shell.exit_status);
	snprintf(n->text, sizeof(n->text), "%.150s",
		 buffer_text(&w->shell.out));
	world_limit(n, a->deadline);
}

static const char *world_boot_id(struct world *w)
{
	const char *id = twin_boot_id(w->t);

	/* The old system is still up to its neck in its shutdown. */
	if (w->f.on[FAULT_H01] && w->old_boot_id[0] != '\0' &&
	    w->now < w->f.until && fault_strikes(w, FAULT_H01))
		return w->old_boot_id;
	return id;
}

static void check_tcp(struct world *w, struct world_answer *n)
{
	const struct twin_port *p = twin_model_port(w->config->twin,
						    n->check->number);
	struct rh_error *err = &n->outcome.err;
	bool expects = n->check->expect != NULL;

	if (!twin_port_is_open(w->t, n->check->number) ||
	    faults_services_down(w))
		rh_error_set(err, RH_ERR_UNREACHABLE, "tcp %d: connection "
			     "refused", n->check->number);
	else if (expects && (p == NULL || p->answer == NULL ||
			     memmem(p->answer, p->answer_len, n->check->expect,
				    n->check->expect_len) == NULL))
		rh_error_set(err, RH_ERR_PROTOCOL, "tcp %d: another answer",
			     n->check->number);
	snprintf(n->text, sizeof(n->text), "tcp %d answers", n->check->number);
}

static void check_ssh(struct world *w, struct world_answer *n)
{
	const char *id = world_boot_id(w);
	struct rh_error *err = &n->outcome.err;

	if (faults_shell(w, &n->outcome))
		return;
	if (id == NULL)
		rh_error_set(err, RH_ERR_UNREACHABLE, "ssh: refused");
	else if (!w->forced)
		snprintf(w->before, sizeof(w->before), "%s", id);
	else if (strcmp(w->before, id) == 0 ||
		 (w->before[0] == '\0' && !n->fresh))
		rh_error_set(err, RH_ERR_STATE, "ssh answers, but it is the "
			     "system from before");
	snprintf(n->text, sizeof(n->text), "ssh answers, boot id %s",
		 id != NULL ? id : "");
}

/*
 * H04: services that are down fail a command that the host answers by what it is
 * up to now (a rule of its state). What it answers anyhow (`uptime`) says nothing
 * of them, and goes on to succeed.
 */
static void check_shell(struct world *w, struct world_answer *n)
{
	struct rh_error *err = &n->outcome.err;
	bool down;

	if (faults_shell(w, &n->outcome))
		return;
	twin_shell(w->t, w->now, n->check->text, &w->shell);
	down = w->shell.of_state && faults_services_down(w);
	if (w->shell.reply != TWIN_REPLY_EXIT)
		rh_error_set(err, w->shell.reply == TWIN_REPLY_REFUSED
					  ? RH_ERR_UNREACHABLE
					  : RH_ERR_LOST, "no answer");
	else if (w->shell.exit_status != 0 || down)
		rh_error_set(err, RH_ERR_STATE, "exit status %d",
			     w->shell.exit_status != 0 ? w->shell.exit_status
						       : 1);
	snprintf(n->text, sizeof(n->text), "shell \"%.80s\" succeeds",
		 n->check->text);
}

static void answer_boot_id(struct world *w, struct world_answer *n)
{
	const char *id = world_boot_id(w);

	if (faults_shell(w, &n->outcome))
		return;
	if (id == NULL)
		rh_error_set(&n->outcome.err, RH_ERR_UNREACHABLE, "refused");
	else
		snprintf(n->text, sizeof(n->text), "%s", id);
	if (n->fresh && id != NULL)
		snprintf(w->before, sizeof(w->before), "%s", id);
}

/* An answer is made when it is due: it says what is so then. */
void world_make_answer(struct world *w, struct world_answer *n)
{
	switch (n->what) {
	case MACHINE_POWER_QUERY:
		n->outcome.state = twin_is_on(w->t) ? DRIVER_POWER_ON
						    : DRIVER_POWER_OFF;
		if (n->way == 0)
			faults_query(w, &n->outcome);
		break;
	case MACHINE_CHECK:
		if (n->check->type == ACTION_CHECK_TCP)
			check_tcp(w, n);
		else if (n->check->type == ACTION_CHECK_SSH)
			check_ssh(w, n);
		else
			check_shell(w, n);
		break;
	case MACHINE_BOOT_ID:
		answer_boot_id(w, n);
		break;
	default:
		break;
	}
}

void world_check(struct world *w, const struct machine_action *a)
{
	int64_t ms = twin_answers_ms(w->t);
	struct world_answer *n = world_answer(w, a, ms > 0 ? ms : 50);

	if (a->action->type != ACTION_CHECK_TCP &&
	    twin_boot_id(w->t) != NULL && fault_strikes(w, FAULT_H02))
		n->at = a->deadline;
	world_limit(n, a->deadline);
}

void world_evidence(struct world *w, const struct machine_action *a)
{
	int64_t ms = w->config->twin->evidence_ms;
	struct world_answer *n = world_answer(w, a, ms > 0 ? ms : 500);

	world_decide(n, twin_is_on(w->t) ? "power on; 2 event-log entries kept"
					 : "power off; 2 event-log entries kept");
	if (!w->forced && world_boot_id(w) != NULL && w->machine_config.has_shell)
		snprintf(w->before, sizeof(w->before), "%s", world_boot_id(w));
	snprintf(w->old_boot_id, sizeof(w->old_boot_id), "%s", w->before);
	world_limit(n, a->deadline);
}
