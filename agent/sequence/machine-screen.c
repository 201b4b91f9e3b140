/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The screen of the machine, and the rules on it. machine.c feeds it, and comes
 * in by screen_rules_scan when no action holds the machine.
 *
 * A screen that is being painted shows things that never were; so it is looked
 * at when nothing came for a moment, when the program says that it is complete
 * (the cursor is shown again), and in between only where the console never
 * is quiet. A rule fires when its pattern becomes true: not again until a look has
 * found it untrue.
 */
#include "agent/sequence/machine-private.h"

#include <stdio.h>
#include <string.h>

#include "base/deadline.h"
#include "base/vis.h"

#define SCREEN_QUIET_MS 50
#define SCREEN_BUSY_MS 500	/* never quiet: it is looked at so often */
#define SCREEN_LINE 60		/* bytes that are told to people */

void machine_screen_begin(struct machine *m)
{
	int rows = m->config.rows > 0 ? m->config.rows : SCREEN_ROWS;
	int cols = m->config.cols > 0 ? m->config.cols : SCREEN_COLS;

	if (sequence_renders(m->s))
		m->screen = screen_new(rows, cols);
}

void machine_screen_size(struct machine *m, int rows, int cols)
{
	m->config.rows = rows;
	m->config.cols = cols;
	if (m->screen == NULL || (screen_rows(m->screen) == rows &&
				  screen_cols(m->screen) == cols))
		return;
	machine_screen_forget(m);
	screen_free(m->screen);
	m->size_said = false;
	machine_screen_begin(m);
}

const char *machine_screen(struct machine *m)
{
	return m->screen != NULL ? screen_text(m->screen, NULL) : NULL;
}

/* UEFI setups draw 80x50 and more: on 25 rows that is a heap. */
static void screen_check_size(struct machine *m)
{
	int rows, cols;

	screen_wanted(m->screen, &rows, &cols);
	if (m->size_said || (rows <= screen_rows(m->screen) &&
			     cols <= screen_cols(m->screen)))
		return;
	m->size_said = true;
	machine_event(m, MACHINE_EVENT_NOTE, "the console draws on a screen of at "
		      "least %dx%d, and is read on one of %dx%d: set its size in "
		      "[console]", cols, rows, screen_cols(m->screen),
		      screen_rows(m->screen));
}

void machine_screen_read(struct machine *m, const char *bytes, size_t len)
{
	if (m->screen == NULL)
		return;
	screen_feed(m->screen, bytes, len);
	screen_check_size(m);
	if (m->dirty_since == 0)
		m->dirty_since = m->now;
}

static void screen_hide(struct rule_use *uses, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		uses[i].shown = false;
}

/* What it showed is from before: nothing of it is seen any more. */
void machine_screen_forget(struct machine *m)
{
	if (m->screen == NULL)
		return;
	screen_clear(m->screen);
	m->looked = screen_generation(m->screen);
	m->dirty_since = 0;
	screen_hide(m->always_use, m->s->always.count);
	if (m->state >= 0)
		screen_hide(rules_uses(m), rules_of_state(m)->count);
}

/* The rows of the match, for people. */
static const char *screen_line(struct machine *m, const char *text,
			       size_t start, size_t end)
{
	struct buffer out = { 0 };
	size_t n;

	while (start > 0 && text[start - 1] != '\n')
		start--;
	start += strspn(text + start, " ");
	end += strcspn(text + end, "\n");
	if (end - start > SCREEN_LINE)
		end = start + SCREEN_LINE;
	while (end > start && (text[end] & 0xc0) == 0x80)
		end--;
	while (start < end) {
		n = strcspn(text + start, "\n ");
		n = n > end - start ? end - start : n;
		vis_append(&out, text + start, n);
		start += n + strspn(text + start + n, "\n ");
		if (start < end)
			buffer_append_char(&out, ' ');
	}
	snprintf(m->text_out, sizeof(m->text_out), "%s", buffer_text(&out));
	buffer_release(&out);
	return m->text_out;
}

static bool screen_rule_types_secret(const struct rule *rule)
{
	size_t i;

	for (i = 0; i < rule->actions.count; i++) {
		if (rule->actions.list[i].type == ACTION_SECRET)
			return true;
	}
	return false;
}

/* As match_find; what a secret is typed at has to be at the cursor, too. */
static int screen_rule_find(struct machine *m, const struct rule *rule,
			    size_t *ret_start, size_t *ret_end,
			    struct rh_error *err)
{
	struct match_cursor cursor = { 0 };
	const char *text;
	size_t len;

	if (screen_rule_types_secret(rule))
		return secret_find_prompt(m, rule, ret_start, ret_end, err);
	text = screen_text(m->screen, &len);
	return match_find(rule->pattern, &cursor, text, len, true, ret_start,
			  ret_end, err);
}

/* Looks for one rule. True where it fires. */
static bool screen_rule_look(struct machine *m, const struct rule *rule,
			     struct rule_use *use)
{
	struct rh_error err = RH_ERROR_INIT;
	size_t start = 0, end = 0;
	bool before = use->shown;
	int rc = screen_rule_find(m, rule, &start, &end, &err);

	if (rc < 0)
		machine_event(m, MACHINE_EVENT_LIMIT, "the pattern %s (line %d) "
			      "takes too long on this screen and is not looked "
			      "for on it", rule->source, rule->line);
	use->shown = rc == 1;
	if (rc != 1 || before || !rules_may_fire(rule, use) ||
	    rules_wait_for_select(m, rule))
		return false;
	again_cancel(m);
	m->gone = 0;
	rules_saw(m, rule, use,
		  screen_line(m, screen_text(m->screen, NULL), start, end));
	return true;
}

static bool screen_rules_look(struct machine *m, const struct rules *rules,
			      struct rule_use *uses)
{
	size_t i;

	for (i = 0; i < rules->count; i++) {
		if (rules->list[i].kind == RULE_SCREEN &&
		    rule_holds(&rules->list[i], m->state) &&
		    screen_rule_look(m, &rules->list[i], &uses[i]))
			return true;
	}
	return false;
}

static bool screen_is_due(const struct machine *m)
{
	return m->now >= deadline_add(m->last_byte, SCREEN_QUIET_MS) ||
	       screen_paints(m->screen) != m->paints ||
	       (m->dirty_since != 0 &&
		m->now >= deadline_add(m->dirty_since, SCREEN_BUSY_MS));
}

bool screen_rules_scan(struct machine *m)
{
	if (m->screen == NULL || m->state < 0 ||
	    screen_generation(m->screen) == m->looked || !screen_is_due(m))
		return false;
	secret_look(m);
	if (screen_rules_look(m, rules_of_state(m), rules_uses(m)) ||
	    screen_rules_look(m, &m->s->always, m->always_use))
		return true;
	/* Only what no rule has fired on is done with. */
	m->looked = screen_generation(m->screen);
	m->paints = screen_paints(m->screen);
	m->dirty_since = 0;
	return false;
}

int64_t screen_rules_deadline(const struct machine *m)
{
	int64_t due;

	if (m->screen == NULL || screen_generation(m->screen) == m->looked)
		return DEADLINE_NEVER;
	due = deadline_add(m->last_byte, SCREEN_QUIET_MS);
	if (m->dirty_since != 0)
		due = deadline_min(due, deadline_add(m->dirty_since,
						     SCREEN_BUSY_MS));
	return due;
}
