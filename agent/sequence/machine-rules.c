/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules: what the console shows, or does not show. machine.c comes in by
 * rules_scan (new text) and rules_time (timers) when no action holds the
 * machine. The match that ends earliest wins, then the state's own rules
 * before [always], then the order written; a match consumes the text up to
 * its end.
 */
#include "agent/sequence/machine-private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/deadline.h"
#include "base/memory.h"
#include "base/vis.h"

#define RULES_QUIET_MS 50	/* nothing for so long: the text ends here */
#define RULES_SCREEN_LINES 25	/* a prompt further up is gone */
#define RULES_MUTE_MAX 3
#define RULES_LINE 60		/* bytes of the screen that are told to people */

const struct rules *rules_of_state(const struct machine *m)
{
	static const struct rules none = { NULL, 0 };

	return m->state >= 0 ? &m->s->states[m->state].rules : &none;
}

struct rule_use *rules_uses(const struct machine *m)
{
	return m->state >= 0 ? m->state_uses[m->state] : NULL;
}

/* NULL before the first state. */
static struct match_scan *rules_scan_of_state(const struct machine *m)
{
	return m->state >= 0 ? &m->state_scans[m->state].scan : NULL;
}

static void rules_init_scan(struct rule_scan *scan, const struct rules *rules)
{
	const struct match_pattern **patterns =
		memory_new(rules->count + 1, sizeof(*patterns));
	size_t i;

	for (i = 0; i < rules->count; i++) {
		if (rules->list[i].kind == RULE_TEXT)
			patterns[i] = rules->list[i].pattern;
	}
	scan->set = match_set_new(patterns, rules->count);
	match_scan_init(&scan->scan, scan->set);
	free(patterns);
}

void rules_init(struct machine *m)
{
	size_t i;

	m->state_scans = memory_new(m->s->state_count + 1,
				    sizeof(*m->state_scans));
	for (i = 0; i < m->s->state_count; i++)
		rules_init_scan(&m->state_scans[i], &m->s->states[i].rules);
	rules_init_scan(&m->always_scan, &m->s->always);
}

static void rules_release_scan(struct rule_scan *scan)
{
	match_scan_release(&scan->scan);
	match_set_free(scan->set);
}

void rules_release(struct machine *m)
{
	size_t i;

	for (i = 0; i < m->s->state_count; i++)
		rules_release_scan(&m->state_scans[i]);
	free(m->state_scans);
	rules_release_scan(&m->always_scan);
}

/* The text view lost so much at its beginning. */
void rules_drop(struct machine *m, size_t len)
{
	if (m->state >= 0)
		match_scan_drop(rules_scan_of_state(m), len);
	match_scan_drop(&m->always_scan.scan, len);
}

static void rules_rewind_list(struct machine *m, struct rule_use *uses,
			      size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		uses[i].cursor.from = m->consumed;
		uses[i].cursor.limited = false;
	}
}

/* All rules look anew at what is not consumed. */
void rules_rewind(struct machine *m)
{
	rules_rewind_list(m, rules_uses(m), rules_of_state(m)->count);
	rules_rewind_list(m, m->always_use, m->s->always.count);
	if (m->state >= 0)
		match_scan_rewind(rules_scan_of_state(m), m->consumed);
	match_scan_rewind(&m->always_scan.scan, m->consumed);
	m->scanned = m->consumed;
	m->scanned_quiet = false;
}

/*
 * A state was entered: its rules count anew, those of [always] go on (those of a
 * sequence that is run begin where it does). That a
 * secret was typed is not forgotten by going round (I07).
 */
void rules_enter(struct machine *m, int before)
{
	struct rule_use *uses = rules_uses(m);
	const struct rules *always = &m->s->always;
	size_t i;

	for (i = 0; i < always->count; i++) {
		if (always->list[i].end == 0 ||
		    rule_holds(&always->list[i], before))
			continue;
		m->always_use[i].since = m->now;
		m->always_use[i].shown = false;
	}
	for (i = 0; i < rules_of_state(m)->count; i++) {
		uses[i].count = 0;
		uses[i].fired_at = 0;
		uses[i].shown = false;
	}
	m->looked = UINT64_MAX;	/* they have seen nothing of the screen */
	rules_rewind(m);
}

/* Whether the rule is one of the list; then its index. */
static bool rules_index(const struct rules *rules, const struct rule *rule,
			size_t *ret_index)
{
	for (*ret_index = 0; *ret_index < rules->count; (*ret_index)++) {
		if (&rules->list[*ret_index] == rule)
			return true;
	}
	return false;
}

/* NULL where the rule is of a state that was left. */
struct rule_use *rules_use(struct machine *m, const struct rule *rule)
{
	size_t index;

	if (rules_index(rules_of_state(m), rule, &index))
		return &rules_uses(m)[index];
	if (rules_index(&m->s->always, rule, &index))
		return &m->always_use[index];
	return NULL;
}

bool rules_may_fire(const struct rule *rule, const struct rule_use *use)
{
	return rule->max == 0 || use->count < rule->max;
}

/*
 * One `select` at a time: what a rule that selects sees while the screen is
 * painted by another (or by its own) is that other's business.
 */
bool rules_wait_for_select(const struct machine *m, const struct rule *rule)
{
	size_t i;

	for (i = 0; m->selecting && i < rule->actions.count; i++) {
		if (rule->actions.list[i].type == ACTION_SELECT)
			return true;
	}
	return false;
}

/* ---- text ---------------------------------------------------------------- */

struct found {
	const struct rule *rule;
	struct rule_use *use;
	size_t start;
	size_t end;
};

static void rules_find(struct machine *m, const struct rules *rules,
		       struct rule_use *uses, struct match_scan *scan,
		       bool quiet, struct found *best)
{
	struct rh_error err = RH_ERROR_INIT;
	const struct rule *rule;
	size_t i, start, end;
	int rc;

	match_scan_text(scan, buffer_text(&m->seen), m->seen.len);
	for (i = match_scan_next(scan, 0); i < rules->count;
	     i = match_scan_next(scan, i + 1)) {
		rule = &rules->list[i];
		if (!rule_holds(rule, m->state) ||
		    !rules_may_fire(rule, &uses[i]))
			continue;
		if (uses[i].cursor.from < m->consumed)
			uses[i].cursor.from = m->consumed;
		rc = match_scan_find(scan, i, &uses[i].cursor,
				     buffer_text(&m->seen), m->seen.len, quiet,
				     &start, &end, &err);
		if (rc < 0)
			machine_event(m, MACHINE_EVENT_LIMIT,
				      "the pattern %s (line %d) takes too long on "
				      "this output and is not looked for in it",
				      rule->source, rule->line);
		if (rc == 1 && (best->rule == NULL || end < best->end)) {
			best->rule = rule;
			best->use = &uses[i];
			best->start = start;
			best->end = end;
		}
	}
}

/* The match with what stands before it on its line, for people. */
static const char *rules_line(struct machine *m, const struct found *f)
{
	size_t start = f->start, end = f->end;
	struct buffer out = { 0 };

	while (start > 0 && m->seen.data[start - 1] != '\n')
		start--;
	if (end - f->start > RULES_LINE)
		end = f->start + RULES_LINE;
	if (end - start > RULES_LINE) {
		/* From a word on, but with all of the match. */
		start = end - RULES_LINE;
		while (start < f->start && m->seen.data[start] != ' ')
			start++;
	}
	while (end < f->end && (m->seen.data[end] & 0xc0) == 0x80)
		end++;
	while (start < f->start && strchr(" \t", m->seen.data[start]) != NULL)
		start++;
	vis_append(&out, m->seen.data + start, end - start);
	while (out.len > 0 && out.data[out.len - 1] == ' ')
		out.data[--out.len] = '\0';
	snprintf(m->text_out, sizeof(m->text_out), "%s", buffer_text(&out));
	buffer_release(&out);
	return m->text_out;
}

static bool rules_types(const struct rule *rule)
{
	size_t i;

	for (i = 0; i < rule->actions.count; i++) {
		if (action_types(&rule->actions.list[i]))
			return true;
	}
	return false;
}

/* Whether the place of the match is still on a screen of 25 lines. */
static bool rules_still_shown(const struct machine *m, size_t end)
{
	int lines = 0;

	for (; end < m->seen.len; end++)
		lines += m->seen.data[end] == '\n';
	return lines < RULES_SCREEN_LINES;
}

/* The text behind the match, kernel messages left out. */
static void rules_text_behind(const struct machine *m, struct buffer *out)
{
	const char *at = buffer_text(&m->seen) + m->consumed;
	size_t left = m->seen.len - m->consumed, len;

	while (left > 0) {
		/* A newline before a message is ours, not the prompt's. */
		len = *at == '\n' ? klog_message_len(at + 1, left - 1) + 1
				  : klog_message_len(at, left);
		if (len <= 1) {
			buffer_append_char(out, *at);
			len = 1;
		}
		at += len;
		left -= len;
	}
}

/*
 * For secrets: whether the prompt that was matched is the last thing on the
 * screen. Nothing but blanks stands behind it, or the rest of the prompt, which
 * goes over two lines at most and ends as prompts do:
 *   Give root password for maintenance
 *   (or press Control-D to continue):
 */
bool rules_prompt_is_there(const struct machine *m)
{
	struct buffer behind = { 0 };
	const char *newline;
	bool there;

	rules_text_behind(m, &behind);
	while (behind.len > 0 && strchr(" \t", behind.data[behind.len - 1]))
		behind.data[--behind.len] = '\0';
	newline = strchr(buffer_text(&behind), '\n');
	there = behind.len == 0 ||
		(strchr(":?>", behind.data[behind.len - 1]) != NULL &&
		 (newline == NULL || strchr(newline + 1, '\n') == NULL));
	buffer_release(&behind);
	return m->attached && there;
}

/*
 * The actions of a rule begin; those that it interrupts wait, and go on where
 * the rule goes nowhere, or can't be carried out (its prompt is gone).
 */
static void rules_start(struct machine *m, const struct rule *rule)
{
	if (rule->actions.count > 0)
		actions_push(m, FRAME_RULE, &rule->actions, rule);
	else
		machine_go(m, &rule->target);
}

/* The line that it is about is the console's; the rule is the sequence's. */
static void rules_tell(struct machine *m, enum machine_event event,
		       const struct rule *rule, const char *line)
{
	const struct machine_action action = { .what = MACHINE_EVENT,
					       .event = event, .rule = rule,
					       .text = line };

	machine_emit(m, &action);
}

/* The rule has seen what it waits for. */
void rules_saw(struct machine *m, const struct rule *rule,
	       struct rule_use *use, const char *line)
{
	char proof[128];

	use->count++;
	use->total++;
	rules_tell(m, MACHINE_EVENT_SAW, rule, line);
	if (rule->target.kind == TARGET_STATE) {
		snprintf(proof, sizeof(proof), "saw \"%.100s\"", line);
		m->proofs[0] = '\0';
		machine_proof(m, "%s", proof);
	} else if (rule->target.kind == TARGET_VERDICT &&
		   rule->target.verdict == VERDICT_RECOVERED) {
		machine_proof(m, "saw \"%.100s\"", line);
	}
	rules_start(m, rule);
}

/*
 * A line that a kernel message came into is told twice (klog.h). What is
 * consumed of it is consumed in its copy too.
 */
void rules_heal(struct machine *m)
{
	const struct klog_twice *t = &m->klog.twice;

	if (t->len == 0 || m->consumed <= t->from ||
	    m->consumed > t->from + t->len)
		return;
	m->hole = t->at;
	m->hole_end = t->at + m->consumed - t->from;
}

/* A match of what was consumed before: it is passed over. */
static bool rules_in_hole(struct machine *m, const struct found *f)
{
	if (f->start >= m->hole_end || f->end <= m->hole)
		return false;
	m->consumed = m->hole_end;
	m->scanned = m->consumed;
	m->scanned_quiet = false;
	return true;
}

static void rules_fire(struct machine *m, const struct found *f)
{
	const char *line = rules_line(m, f);

	m->consumed = f->end;
	rules_heal(m);
	m->gone = 0;
	m->scanned = m->consumed;
	m->scanned_quiet = false;
	if (rules_wait_for_select(m, f->rule))
		return;
	if (rules_types(f->rule) && !rules_still_shown(m, f->end)) {
		rules_tell(m, MACHINE_EVENT_STALE, f->rule, line);
		return;
	}
	rules_saw(m, f->rule, f->use, line);
}

bool rules_scan(struct machine *m)
{
	struct found best = { .rule = NULL };
	bool quiet = !m->scanned_quiet && m->seen.len > m->consumed &&
		     m->now - m->last_byte >= RULES_QUIET_MS;

	if (m->scanned >= m->seen.len && !quiet)
		return false;
	if (m->state >= 0)
		rules_find(m, rules_of_state(m), rules_uses(m),
			   rules_scan_of_state(m), quiet, &best);
	rules_find(m, &m->s->always, m->always_use, &m->always_scan.scan,
		   quiet, &best);
	if (best.rule == NULL) {
		m->scanned = m->seen.len;
		m->scanned_quiet = m->scanned_quiet || quiet;
		return false;
	}
	if (!rules_in_hole(m, &best))
		rules_fire(m, &best);
	return true;
}

/* ---- time ---------------------------------------------------------------- */

/* Since when the silence (or the loss) that the rule is about lasts. */
static int64_t rules_since(const struct machine *m, const struct rule *rule,
			   const struct rule_use *use, bool own)
{
	int64_t since = rule->kind == RULE_IDLE ? m->last_byte : m->lost_since;

	if (since < use->since)
		since = use->since;
	return own && since < m->entered ? m->entered : since;
}

static bool rules_counts(const struct machine *m, const struct rule *rule,
			 const struct rule_use *use, bool own)
{
	if (rule->kind != RULE_IDLE && rule->kind != RULE_LOST)
		return false;
	if (m->attached != (rule->kind == RULE_IDLE) ||
	    !rule_holds(rule, m->state))
		return false;
	return rules_may_fire(rule, use) &&
	       (use->fired_at == 0 || use->fired_at < rules_since(m, rule, use, own));
}

static bool rules_silence(struct machine *m, const struct rules *rules,
			  struct rule_use *uses, bool own)
{
	const struct rule *rule;
	char ms[32];
	size_t i;

	for (i = 0; i < rules->count; i++) {
		rule = &rules->list[i];
		if (!rules_counts(m, rule, &uses[i], own) ||
		    m->now < deadline_add(rules_since(m, rule, &uses[i], own),
					  rule->ms))
			continue;
		uses[i].count++;
		uses[i].total++;
		uses[i].fired_at = m->now;
		machine_event(m, rule->kind == RULE_IDLE ? MACHINE_EVENT_IDLE
							 : MACHINE_EVENT_LOST,
			      "%s for %s", rule->kind == RULE_IDLE
						   ? "nothing was printed"
						   : "no console",
			      deadline_format(rule->ms, ms, sizeof(ms)));
		rules_start(m, rule);
		return true;
	}
	return false;
}

static bool rules_timeout(struct machine *m)
{
	const struct state *state = &m->s->states[m->state];
	char ms[32];

	if (state->timeout_ms == 0 ||
	    m->now < deadline_add(m->entered, state->timeout_ms))
		return false;
	machine_event(m, MACHINE_EVENT_TIMEOUT, "%s is over",
		      deadline_format(state->timeout_ms, ms, sizeof(ms)));
	machine_go(m, &state->timeout);
	return true;
}

/* L06: the host was switched on and nothing comes. */
static bool rules_mute(struct machine *m)
{
	struct machine_action action = { .what = MACHINE_REOPEN };
	char ms[32];

	if (m->now < m->mute_at || !m->attached)
		return false;
	m->mute_count++;
	m->mute_at = m->mute_count < RULES_MUTE_MAX
			     ? deadline_add(m->now, m->config.mute_ms *
							    (m->mute_count + 1))
			     : DEADLINE_NEVER;
	machine_event(m, MACHINE_EVENT_MUTE, "nothing came for %s after "
		      "power-on; the console is opened anew",
		      deadline_format(m->config.mute_ms * m->mute_count, ms,
				      sizeof(ms)));
	machine_emit(m, &action);
	return true;
}

/* A key may have been swallowed: nothing came since. */
static bool rules_again(struct machine *m)
{
	struct rule_use *use;

	if (m->again_rule == NULL || m->now < m->again_at || !m->attached)
		return false;
	use = rules_use(m, m->again_rule);
	if (use != NULL)
		use->count++;
	machine_event(m, MACHINE_EVENT_AGAIN, "no effect was seen; typed again");
	actions_push(m, FRAME_AGAIN, &m->again, NULL);
	m->again_rule = NULL;
	return true;
}

bool rules_time(struct machine *m)
{
	if (m->state < 0)
		return false;
	return rules_again(m) || rules_mute(m) ||
	       rules_silence(m, rules_of_state(m), rules_uses(m), true) ||
	       rules_silence(m, &m->s->always, m->always_use, false) ||
	       rules_timeout(m);
}

static int64_t rules_silence_deadline(const struct machine *m,
				      const struct rules *rules,
				      const struct rule_use *uses, bool own)
{
	int64_t due = DEADLINE_NEVER;
	size_t i;

	for (i = 0; i < rules->count; i++) {
		if (rules_counts(m, &rules->list[i], &uses[i], own))
			due = deadline_min(due, deadline_add(
				rules_since(m, &rules->list[i], &uses[i], own),
				rules->list[i].ms));
	}
	return due;
}

int64_t rules_deadline(const struct machine *m)
{
	const struct state *state;
	int64_t due = DEADLINE_NEVER;

	if (m->state < 0)
		return due;
	state = &m->s->states[m->state];
	if (state->timeout_ms > 0)
		due = deadline_add(m->entered, state->timeout_ms);
	if (!m->scanned_quiet && m->seen.len > m->consumed)
		due = deadline_min(due, deadline_add(m->last_byte,
						     RULES_QUIET_MS));
	due = deadline_min(due, screen_rules_deadline(m));
	if (m->attached)
		due = deadline_min(due, m->mute_at);
	if (m->again_rule != NULL && m->attached)
		due = deadline_min(due, m->again_at);
	due = deadline_min(due, rules_silence_deadline(m, &state->rules,
						       rules_uses(m), true));
	return deadline_min(due, rules_silence_deadline(m, &m->s->always,
							m->always_use, false));
}

void again_cancel(struct machine *m)
{
	m->again_rule = NULL;
}
