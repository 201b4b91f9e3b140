/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The oracle: what must hold in each rehearsal, whatever strikes (DESIGN 9, 10).
 * rehearsal.c comes in at each instant, with each action of the machine, with
 * each answer to it, and where an act of power becomes true.
 *
 * A fault excuses a rule only where nobody at the console could know better; each
 * excuse stands beside its rule, with the reason. Always true: the first
 * complaint stands; nothing here changes the rehearsal.
 */
#include "agent/twin/oracle.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent/twin/world.h"

#define ORACLE_QUIET_MS 1000	/* a prompt is looked at before it is answered */
#define ORACLE_LAG_MS 16000	/* the longest that output lags by a fault */

void oracle_complain(struct oracle *o, const char *fmt, ...)
{
	va_list ap;

	if (o->complaint[0] != '\0')
		return;
	va_start(ap, fmt);
	vsnprintf(o->complaint, o->complaint_len, fmt, ap);
	va_end(ap);
	world_trace((struct world *)o->w, "oracle", o->complaint);
}

static bool oracle_any(const struct oracle *o, const enum fault *list)
{
	for (; *list != FAULT_NONE; list++) {
		if (o->w->f.on[*list])
			return true;
	}
	return false;
}

static void oracle_note_action(void *context, const struct action *a)
{
	struct oracle *o = context;

	if (a->type == ACTION_SEND && a->text != NULL &&
	    memchr(a->text, '\0', a->text_len) != NULL)
		o->sends_nul = true;
}

void oracle_begin(struct oracle *o, const struct world *w,
		  const struct sequence *s, char *complaint, size_t len)
{
	memset(o, 0, sizeof(*o));
	o->w = w;
	o->s = s;
	o->complaint = complaint;
	o->complaint_len = len;
	o->healthy_first = world_healthy(w);
	o->healthy_at = o->healthy_first ? w->now : -1;
	o->on = twin_is_on(w->t);
	o->off_at = -1;
	o->secret_at = -1;
	o->act_at = -1;
	o->secret_entry = UINT32_MAX;
	sequence_each_action(s, oracle_note_action, o);
}

/* ---- the truth ------------------------------------------------------------------- */

static bool oracle_act_cuts(enum driver_act act)
{
	return act == DRIVER_ACT_OFF || act == DRIVER_ACT_SOFT ||
	       act == DRIVER_ACT_CYCLE;
}

/*
 * On again, by an `on` of the machine: min-off has gone by. Not where somebody
 * else switches, too, off and on between two readings; and not where the
 * controller says "on" of a host that is off, so that nobody knows since when.
 */
static void oracle_min_off(struct oracle *o)
{
	static const enum fault excuses[] = { FAULT_P18, FAULT_P19, FAULT_P06,
					      FAULT_NONE };
	int64_t off_ms = o->w->now - o->off_at;

	if (o->off_at < 0 || o->act != DRIVER_ACT_ON || o->act_at != o->w->now ||
	    off_ms >= o->w->machine_config.min_off_ms || oracle_any(o, excuses))
		return;
	oracle_complain(o, "it was switched on after %" PRId64 " ms, but min-off is "
			"%" PRId64 " ms", off_ms,
			o->w->machine_config.min_off_ms);
}

void oracle_look(struct oracle *o)
{
	const struct world *w = o->w;
	bool on = twin_is_on(w->t);

	if (world_healthy(w))
		o->healthy_at = w->now;
	else
		o->ill = true;
	if (twin_wants_secret(w->t))
		o->secret_at = w->now;
	if (o->on && !on) {
		o->off_at = w->now;
		o->our_off = (o->act_at >= 0 && oracle_act_cuts(o->act)) ||
			     o->forced;
	} else if (!o->on && on) {
		oracle_min_off(o);
		o->off_at = -1;
		o->our_off = false;
	}
	o->on = on;
}

void oracle_executed(struct oracle *o, enum driver_act act, bool ours)
{
	o->act = ours ? act : DRIVER_ACT_NONE;
	o->act_at = o->w->now;
	if (!ours)
		o->forced = false;
}

/* ---- power ------------------------------------------------------------------------- */

static bool act_is_once(enum driver_act act)
{
	return act == DRIVER_ACT_CYCLE || act == DRIVER_ACT_RESET ||
	       act == DRIVER_ACT_DIAG;
}

/* The counter of the step that the act belongs to. */
static int *oracle_counter(struct oracle *o, enum driver_act act)
{
	return act_is_once(act) ? &o->once : act == DRIVER_ACT_ON ? &o->ons
								 : &o->offs;
}

/*
 * Where `healthy` is true at the start, nothing is touched. Not where the shell
 * lies about it, which a check may need.
 */
static void oracle_touch(struct oracle *o, const char *what)
{
	static const enum fault excuses[] = { FAULT_H02, FAULT_H03, FAULT_H05,
					      FAULT_NONE };

	if (o->healthy_first && !o->ill && o->s->healthy.count > 0 &&
	    o->w->machine_config.check_healthy && !oracle_any(o, excuses))
		oracle_complain(o, "%s to a host that was healthy", what);
}

static void oracle_evidence(struct oracle *o, const char *what)
{
	if (o->w->machine_config.evidence && !o->evidence)
		oracle_complain(o, "%s before the evidence was asked for", what);
}

static void oracle_act(struct oracle *o, const struct machine_action *a)
{
	int most = act_is_once(a->act) ? 1
				       : 2 * o->w->machine_config.power_ways;
	const char *act = driver_act_name(a->act);
	char what[48];

	snprintf(what, sizeof(what), "power %s was sent", act);
	if (o->act_id != 0)
		oracle_complain(o, "%s while another act was under way", what);
	if (o->unread)
		oracle_complain(o, "%s before the outcome of the act before was "
				"read", what);
	if ((*oracle_counter(o, a->act))++ >= most)
		oracle_complain(o, "%s %s in one step", what,
				most == 1 ? "twice" : "again and again");
	if (a->act != DRIVER_ACT_ON && a->act != DRIVER_ACT_SOFT)
		oracle_evidence(o, what);
	if (a->act != DRIVER_ACT_ON && ++o->cuts > ORACLE_FORCE_MAX)
		oracle_complain(o, "the power was cut %d times: it goes round "
				"blindly", o->cuts);
	oracle_touch(o, what);
	o->unread = true;
	o->act_id = a->id;
}

/* The controller said that it did not do it. */
static bool oracle_was_refused(enum rh_code code)
{
	return code == RH_ERR_NOTSUP || code == RH_ERR_BUSY ||
	       code == RH_ERR_AUTH || code == RH_ERR_UNREACHABLE ||
	       code == RH_ERR_STATE || code == RH_ERR_REFUSED;
}

void oracle_answer(struct oracle *o, const struct world_answer *n)
{
	int *counter;

	/* That the controller can't tell is no reading. */
	if (n->what == MACHINE_POWER_QUERY &&
	    n->outcome.err.code == RH_ERR_NONE &&
	    n->outcome.state != DRIVER_POWER_UNKNOWN)
		o->unread = false;
	if (n->what != MACHINE_POWER_ACT)
		return;
	if (n->id == o->act_id)
		o->act_id = 0;
	if (!oracle_was_refused(n->outcome.err.code))
		return;
	o->unread = false;
	counter = oracle_counter(o, n->act);
	*counter -= n->outcome.err.code != RH_ERR_STATE && *counter > 0;
	if (act_is_once(n->act) && n->outcome.err.code == RH_ERR_STATE)
		o->once = 0;
}

/* ---- the console and the shell ------------------------------------------------------- */

/*
 * Typed to a host that we have switched off: whoever knows that it is off types
 * nothing. Not where output lags, so that a prompt of before comes then; nor
 * where the controller says "on" of a host that is off.
 */
static void oracle_typed_to_nobody(struct oracle *o)
{
	static const enum fault excuses[] = { FAULT_L13, FAULT_C03, FAULT_L07,
					      FAULT_P06, FAULT_NONE };

	if (o->our_off && o->w->now - o->off_at > ORACLE_QUIET_MS &&
	    !oracle_any(o, excuses))
		oracle_complain(o, "keys were typed to a host that is off");
}

static void oracle_types(struct oracle *o, const struct machine_action *a)
{
	if (!o->w->attached)
		oracle_complain(o, "keys were typed while the console is not "
				"attached");
	if (o->act_id != 0)
		oracle_complain(o, "keys were typed in the middle of a power act");
	if (a->len > 0 && memchr(a->bytes, '\0', a->len) != NULL &&
	    !o->sends_nul)
		oracle_complain(o, "a NUL was typed, which nobody asked for");
	oracle_typed_to_nobody(o);
	oracle_touch(o, "keys were typed");
}

/*
 * Where the line lags, nobody can know that the prompt has gone meanwhile. Nor
 * where somebody else has cut the power without a word on the console, and there
 * nobody is left to read it. Nor where the piece is lost that says that nobody
 * asks any more: a drawn prompt stays where it is.
 */
static void oracle_secret(struct oracle *o, const struct machine_action *a)
{
	static const enum fault lags[] = { FAULT_L13, FAULT_C03, FAULT_L07,
					   FAULT_L14, FAULT_NONE };
	int64_t most = oracle_any(o, lags) ? ORACLE_LAG_MS : ORACLE_QUIET_MS;
	unsigned entry = twin_entries(o->w->t);
	bool cut = !twin_is_on(o->w->t) && o->w->f.struck[FAULT_P18];
	bool lost = o->secret_at >= 0 && o->w->f.struck[FAULT_L18];

	oracle_types(o, a);
	if (!cut && !lost && (o->secret_at < 0 || o->w->now - o->secret_at > most))
		oracle_complain(o, "a secret was typed in state \"%s\" of the "
				"twin, where nobody asks for one",
				twin_state_name(o->w->t));
	else if (twin_wants_secret(o->w->t) && o->secret_entry == entry)
		oracle_complain(o, "a secret was typed twice at one prompt");
	o->secret_entry = entry;
}

/* A command, or a sysrq that ends the system: what it did is not known. */
static void oracle_command(struct oracle *o, const struct machine_action *a)
{
	const char *what = a->what == MACHINE_SHELL ? "a command was run"
						    : "a break was sent";

	if (o->act_id != 0)
		oracle_complain(o, "%s in the middle of a power act", what);
	if (a->what == MACHINE_BREAK && !o->w->attached)
		oracle_complain(o, "%s while the console is not attached", what);
	if ((a->what == MACHINE_SHELL || a->force != NULL) && o->commands++ > 0)
		oracle_complain(o, "%s twice in one step", what);
	if (a->force != NULL) {
		oracle_evidence(o, what);
		o->forced = true;
	}
	oracle_touch(o, what);
}

/* ---- events and the end ----------------------------------------------------------------- */

static void oracle_event(struct oracle *o, const struct machine_action *a)
{
	switch (a->event) {
	case MACHINE_EVENT_STATE:
	case MACHINE_EVENT_POWER:
	case MACHINE_EVENT_FAILED:
	case MACHINE_EVENT_DONE:
	case MACHINE_EVENT_RUNG:
	case MACHINE_EVENT_RESTART:
		o->once = o->offs = o->ons = o->commands = 0;
		break;
	default:
		break;
	}
	/* The live run redacts what a console echoes; the machine must not add. */
	if (a->event != MACHINE_EVENT_SAW && a->text != NULL &&
	    strstr(a->text, REHEARSAL_SECRET) != NULL)
		oracle_complain(o, "a secret is in an event");
}

static void oracle_recovered(struct oracle *o, const struct machine_action *a)
{
	const struct world *w = o->w;

	if (o->healthy_at < 0 || w->now - o->healthy_at > ORACLE_HEALTHY_MS)
		oracle_complain(o, "recovered, but the host is not healthy (state "
				"\"%s\" of the twin)", twin_state_name(w->t));
	if (a->text == NULL || a->text[0] == '\0')
		oracle_complain(o, "recovered, without a word of proof");
}

/*
 * A host that we have left off is said to be off, or not known. Not where the
 * controller says "on" of it.
 */
static void oracle_left_off(struct oracle *o, const struct machine_action *a)
{
	static const enum fault excuses[] = { FAULT_P06, FAULT_P18, FAULT_P17,
					      FAULT_NONE };

	if (!o->on && o->our_off && strstr(a->text, "off") == NULL &&
	    !oracle_any(o, excuses))
		oracle_complain(o, "%s, and not a word that the host is off, by us",
				verdict_name(a->verdict));
}

static void oracle_end(struct oracle *o, const struct machine_action *a)
{
	const struct world *w = o->w;

	if (w->now > w->machine_config.deadline)
		oracle_complain(o, "it ended %" PRId64 " ms after the deadline",
				w->now - w->machine_config.deadline);
	if (a->verdict == VERDICT_RECOVERED)
		oracle_recovered(o, a);
	else if (a->verdict != VERDICT_UNKNOWN)
		oracle_left_off(o, a);
	if (a->verdict == VERDICT_FAILED && a->code != RH_ERR_NONE && o->unread)
		oracle_complain(o, "failed, but what became of the last power act "
				"was never read");
}

static void oracle_deadline(struct oracle *o, const struct machine_action *a)
{
	if (a->id == 0)
		return;
	if (a->deadline > o->w->machine_config.deadline)
		oracle_complain(o, "an action may take longer than the run");
	if (a->deadline < o->w->now)
		oracle_complain(o, "an action has a deadline that is past");
}

void oracle_action(struct oracle *o, const struct machine_action *a)
{
	oracle_deadline(o, a);
	switch (a->what) {
	case MACHINE_POWER_ACT:
		oracle_act(o, a);
		break;
	case MACHINE_EVIDENCE:
		o->evidence = true;
		break;
	case MACHINE_WRITE:
		oracle_types(o, a);
		break;
	case MACHINE_SECRET:
		oracle_secret(o, a);
		break;
	case MACHINE_BREAK:
	case MACHINE_SHELL:
		oracle_command(o, a);
		break;
	case MACHINE_EVENT:
		oracle_event(o, a);
		break;
	case MACHINE_END:
		oracle_end(o, a);
		break;
	default:
		break;
	}
}
