/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The oracle: what must hold in each rehearsal, whatever strikes (DESIGN 9, 10).
 * rehearsal.c comes in at each instant, with each action of the machine, with
 * each answer to it, and where an act of power becomes true.
 *
 * A rule is let go only where nobody in the machine's place could know better:
 * by what the machine was told (a reading, the age of what the console says), not
 * by which fault was drawn. Each of these stands beside its rule, with the reason,
 * and both sides of it are in test-oracle.c. Always true: the first complaint
 * stands; nothing here changes the rehearsal.
 */
#include "agent/twin/oracle.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent/twin/world.h"

#define ORACLE_QUIET_MS 1000	/* a prompt is looked at before it is answered */

void oracle_complain(struct oracle *o, enum oracle_rule rule,
		     const char *fmt, ...)
{
	va_list ap;

	if (o->complaint[0] != '\0')
		return;
	o->rule = rule;
	va_start(ap, fmt);
	vsnprintf(o->complaint, o->complaint_len, fmt, ap);
	va_end(ap);
	world_trace((struct world *)o->w, "oracle", o->complaint);
}

static void oracle_note_action(void *context, const struct action *a)
{
	struct oracle *o = context;

	if (a->type == ACTION_SEND && a->text != NULL &&
	    memchr(a->text, '\0', a->text_len) != NULL)
		o->sends_nul = true;
	if (a->type == ACTION_POWER && a->number == DRIVER_ACT_ON)
		o->says_on = true;
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
	o->secret_at = o->cut_at = -1;
	o->act_at = o->told_at = -1;
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
 * On again, by an `on` of the machine: min-off has gone by. Judged when `on` was
 * sent, where that was right: an act of before which the controller carries out
 * late, behind it, is nobody's fault.
 */
static void oracle_min_off(struct oracle *o)
{
	int64_t off_ms = o->w->now - o->off_at;

	if (o->off_at < 0 || o->act != DRIVER_ACT_ON || o->act_at != o->w->now ||
	    off_ms >= o->w->machine_config.min_off_ms || o->on_in_time)
		return;
	oracle_complain(o, ORACLE_MIN_OFF, "it was switched on after %" PRId64
			" ms, but min-off is %" PRId64 " ms", off_ms,
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
		o->off_at = o->cut_at = -1;
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
	if (!ours && act == DRIVER_ACT_OFF && twin_wants_secret(o->w->t))
		o->cut_at = o->w->now;
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
 * hangs (H02): a check that needs it says no, and it is right.
 */
static void oracle_touch(struct oracle *o, const char *what)
{
	if (o->healthy_first && !o->ill && o->s->healthy.count > 0 &&
	    o->w->machine_config.check_healthy && !o->w->f.struck[FAULT_H02])
		oracle_complain(o, ORACLE_TOUCHED, "%s to a host that was "
				"healthy", what);
}

static void oracle_evidence(struct oracle *o, const char *what)
{
	if (o->w->machine_config.evidence && !o->evidence)
		oracle_complain(o, ORACLE_EVIDENCE, "%s before the evidence was "
				"asked for", what);
}

/*
 * `on` goes out to a host that is off, and min-off has gone by. Or somebody else
 * has switched it off, and nobody can know when: all readings have said off for
 * min-off already (P07), or the sequence says `power on`, which is no cycle.
 */
static bool oracle_on_in_time(const struct oracle *o)
{
	int64_t most = o->w->now - o->w->machine_config.min_off_ms;

	if (o->on || o->off_at < 0)
		return false;
	if (o->off_at <= most)
		return true;
	return !o->our_off && (o->says_on || (o->told == DRIVER_POWER_OFF &&
					      o->told_since <= most));
}

/* Whatever ends the system: an act, a sysrq, a command of a restart. */
static void oracle_force(struct oracle *o)
{
	if (++o->cuts > ORACLE_FORCE_MAX)
		oracle_complain(o, ORACLE_CUTS, "the system was ended %d times by "
				"force: it goes round blindly", o->cuts);
}

static void oracle_act(struct oracle *o, const struct machine_action *a)
{
	int most = act_is_once(a->act) ? 1
				       : 2 * o->w->machine_config.power_ways;
	const char *act = driver_act_name(a->act);
	char what[48];

	snprintf(what, sizeof(what), "power %s was sent", act);
	if (o->act_id != 0)
		oracle_complain(o, ORACLE_ACT_IN_ACT,
				"%s while another act was under way", what);
	if (o->unread)
		oracle_complain(o, ORACLE_ACT_UNREAD, "%s before the outcome of "
				"the act before was read", what);
	if ((*oracle_counter(o, a->act))++ >= most)
		oracle_complain(o, ORACLE_ACT_AGAIN, "%s %s in one step", what,
				most == 1 ? "twice" : "again and again");
	if (a->act != DRIVER_ACT_ON && a->act != DRIVER_ACT_SOFT)
		oracle_evidence(o, what);
	if (a->act != DRIVER_ACT_ON)
		oracle_force(o);
	oracle_touch(o, what);
	o->on_in_time = a->act == DRIVER_ACT_ON && oracle_on_in_time(o);
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
	    n->outcome.state != DRIVER_POWER_UNKNOWN) {
		o->unread = false;
		if (o->told != n->outcome.state)
			o->told_since = o->w->now;
		o->told = n->outcome.state;
		o->told_at = o->w->now;
	}
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

/* P06: the machine has read "on" since the host is off. */
static bool oracle_was_told_on(const struct oracle *o)
{
	return o->told == DRIVER_POWER_ON && o->told_at >= o->off_at;
}

/*
 * Typed to a host that we have switched off: whoever knows that it is off types
 * nothing. Not where what it said before comes only now, as late as that; nor
 * where the controller says "on" of it.
 */
static void oracle_typed_to_nobody(struct oracle *o)
{
	if (o->our_off && !oracle_was_told_on(o) &&
	    o->w->now - o->off_at > ORACLE_QUIET_MS + o->w->age_ms)
		oracle_complain(o, ORACLE_KEYS_OFF, "keys were typed to a host "
				"that is off");
}

static void oracle_types(struct oracle *o, const struct machine_action *a)
{
	if (!o->w->attached)
		oracle_complain(o, ORACLE_KEYS_DETACHED, "keys were typed while "
				"the console is not attached");
	if (o->act_id != 0)
		oracle_complain(o, ORACLE_KEYS_IN_ACT, "keys were typed in the "
				"middle of a power act");
	if (a->len > 0 && memchr(a->bytes, '\0', a->len) != NULL &&
	    !o->sends_nul)
		oracle_complain(o, ORACLE_KEYS_NUL, "a NUL was typed, which "
				"nobody asked for");
	oracle_typed_to_nobody(o);
	oracle_touch(o, "keys were typed");
}

/*
 * Somebody else cut the power at the prompt (P18), and the controller says off
 * anyhow (P07): the prompt is the last that was said, and no reading tells that
 * nobody is there to read the secret. As long as an act may take to be seen.
 */
static bool oracle_cut_unseen(const struct oracle *o)
{
	return o->cut_at >= 0 && o->w->f.struck[FAULT_P07] &&
	       o->w->now - o->cut_at <= o->w->machine_config.confirm_ms;
}

/*
 * What said that nobody asks any more was lost on the line since, and no gap was
 * told: a piece of it (L18), or all, since the console was stolen (L05). A prompt
 * that is drawn stays where it is.
 */
static bool oracle_lost_the_end(const struct oracle *o)
{
	return o->secret_at >= 0 && o->w->lost_at >= o->secret_at;
}

/* A prompt that came late has stood there as long ago as it is old. */
static void oracle_secret(struct oracle *o, const struct machine_action *a)
{
	int64_t most = ORACLE_QUIET_MS + o->w->age_ms;
	unsigned entry = twin_entries(o->w->t);

	oracle_types(o, a);
	if ((o->secret_at < 0 || o->w->now - o->secret_at > most) &&
	    !oracle_cut_unseen(o) && !oracle_lost_the_end(o))
		oracle_complain(o, ORACLE_SECRET_UNASKED, "a secret was typed in "
				"state \"%s\" of the twin, where nobody asks for "
				"one", twin_state_name(o->w->t));
	else if (twin_wants_secret(o->w->t) && o->secret_entry == entry)
		oracle_complain(o, ORACLE_SECRET_TWICE, "a secret was typed "
				"twice at one prompt");
	o->secret_entry = entry;
}

/* A command, or a sysrq that ends the system: what it did is not known. */
static void oracle_command(struct oracle *o, const struct machine_action *a)
{
	const char *what = a->what == MACHINE_SHELL ? "a command was run"
						    : "a break was sent";

	if (o->act_id != 0)
		oracle_complain(o, ORACLE_COMMAND_IN_ACT,
				"%s in the middle of a power act", what);
	if (a->what == MACHINE_BREAK && !o->w->attached)
		oracle_complain(o, ORACLE_BREAK_DETACHED,
				"%s while the console is not attached", what);
	if ((a->what == MACHINE_SHELL || a->force != NULL) && o->commands++ > 0)
		oracle_complain(o, ORACLE_COMMAND_TWICE,
				"%s twice in one step", what);
	if (a->force != NULL) {
		oracle_evidence(o, what);
		oracle_force(o);
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
		oracle_complain(o, ORACLE_SECRET_TOLD,
				"a secret is in an event");
}

static void oracle_recovered(struct oracle *o, const struct machine_action *a)
{
	const struct world *w = o->w;

	if (o->healthy_at < 0 || w->now - o->healthy_at > ORACLE_HEALTHY_MS)
		oracle_complain(o, ORACLE_NOT_HEALTHY, "recovered, but the host "
				"is not healthy (state \"%s\" of the twin)",
				twin_state_name(w->t));
	if (a->text == NULL || a->text[0] == '\0')
		oracle_complain(o, ORACLE_NO_PROOF,
				"recovered, without a word of proof");
}

/* The word, and not a part of another one. */
static bool oracle_says_off(const char *text)
{
	const char *at = text;

	while ((at = strstr(at, "off")) != NULL) {
		if ((at == text || !isalpha((unsigned char)at[-1])) &&
		    !isalpha((unsigned char)at[3]))
			return true;
		at += 3;
	}
	return false;
}

/*
 * A host that we have left off is said to be off, or that it may be, whatever the
 * verdict. Not where the controller says "on" of it.
 */
static void oracle_left_off(struct oracle *o, const struct machine_action *a)
{
	if (!o->on && o->our_off && !oracle_says_off(a->text) &&
	    !oracle_was_told_on(o))
		oracle_complain(o, ORACLE_LEFT_OFF, "%s, and not a word that the "
				"host is off, by us", verdict_name(a->verdict));
}

static void oracle_end(struct oracle *o, const struct machine_action *a)
{
	const struct world *w = o->w;

	if (w->now > w->machine_config.deadline)
		oracle_complain(o, ORACLE_LATE, "it ended %" PRId64 " ms after "
				"the deadline", w->now - w->machine_config.deadline);
	if (a->verdict == VERDICT_RECOVERED)
		oracle_recovered(o, a);
	else
		oracle_left_off(o, a);
	if (a->verdict == VERDICT_FAILED && a->code != RH_ERR_NONE && o->unread)
		oracle_complain(o, ORACLE_FAILED_UNREAD, "failed, but what "
				"became of the last power act was never read");
}

static void oracle_deadline(struct oracle *o, const struct machine_action *a)
{
	if (a->id == 0)
		return;
	if (a->deadline > o->w->machine_config.deadline)
		oracle_complain(o, ORACLE_LONG_ACTION,
				"an action may take longer than the run");
	if (a->deadline < o->w->now)
		oracle_complain(o, ORACLE_PAST_ACTION,
				"an action has a deadline that is past");
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
