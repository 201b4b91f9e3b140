/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Secrets, and the prompts that they are typed at. machine-actions.c begins one
 * (secret_begin) and steps it; machine-screen.c asks whether a prompt is on the
 * screen (secret_find_prompt), and tells of each look at it (secret_look).
 *
 * Always true: a secret goes out only by a rule, 250 ms after its pattern matched,
 * where the prompt is still there; never twice by the same rule between two power
 * actions; and to a prompt that got one already not before it was gone.
 *
 * A drawn prompt is there where its last row is that of the cursor, the cursor is
 * shown, and stands behind the prompt or in an empty field of it. Everything on the
 * screen was drawn since the last power action and the last attach, since both
 * empty it. What a drawing says can be old or in somebody else's words; where the
 * cursor stands, a program waits.
 */
#include "agent/sequence/machine-private.h"

#include <stdio.h>
#include <string.h>

#include "base/deadline.h"

#define SECRET_QUIET_MS 250
#define SECRET_BUSY_MS 10000	/* a screen that never is quiet gets none */
#define SECRET_CALL_MS 30000
#define SECRET_NEAR 3		/* rows above the cursor that are the prompt's */

void secret_begin(struct machine *m)
{
	const struct frame *f = actions_top(m);

	if (f->kind != FRAME_RULE || (f->rule->kind != RULE_TEXT &&
				      f->rule->kind != RULE_SCREEN)) {
		actions_fail(m, VERDICT_FAILED, "a secret is typed only by the "
						"rule that saw its prompt");
		return;
	}
	m->secret_at = deadline_add(m->now, SECRET_QUIET_MS);
	m->secret_until = deadline_add(m->now, SECRET_BUSY_MS);
}

/* ---- drawn prompts ----------------------------------------------------------- */

static bool secret_is_line(uint32_t c)
{
	return (c >= 0x2500 && c <= 0x259f) || c == '|';
}

/* What a field begins with, right before the cursor. */
static bool secret_opens(uint32_t c)
{
	return secret_is_line(c) || (c < 0x80 && c != 0 &&
				     strchr("[(<:?>", (int)c) != NULL);
}

/* What an empty field is filled with, and what ends it. */
static bool secret_is_empty(uint32_t c)
{
	return secret_is_line(c) || (c < 0x80 && c != 0 &&
				     strchr("_.])>", (int)c) != NULL);
}

/* Behind all that is on its row; but not behind a box or a field. */
static bool secret_is_behind(const struct screen_cell *cells, int col)
{
	while (col > 0 && screen_cell_is_blank(&cells[col - 1]))
		col--;
	return col > 0 && !secret_is_line(cells[col - 1].c) &&
	       cells[col - 1].c != ']' && cells[col - 1].c != '_';
}

/*
 * Whether the cursor stands where a program waits for a secret: behind all that is
 * on its row, or in a field, with nothing typed into it so far.
 */
static bool secret_at_cursor(const struct screen *s)
{
	int row, col, i, cols = screen_cols(s);
	const struct screen_cell *cells;

	screen_cursor(s, &row, &col);
	if (screen_cursor_is_hidden(s) || col >= cols)
		return false;
	cells = screen_cells(s, row);
	for (i = col; i < cols && screen_cell_is_blank(&cells[i]);)
		i++;
	if (i == cols)
		return secret_is_behind(cells, col);
	if (col > 0 && !screen_cell_is_blank(&cells[col - 1]) &&
	    !secret_opens(cells[col - 1].c))
		return false;
	for (i = col; i < cols; i++) {
		if (!screen_cell_is_blank(&cells[i]) &&
		    !secret_is_empty(cells[i].c))
			return false;
	}
	return true;
}

/* The row that a place in the screen's text is on. */
static int secret_row_of(const char *text, size_t at)
{
	int row = 0;
	size_t i;

	for (i = 0; i < at; i++)
		row += text[i] == '\n';
	return row;
}

/* The rows at the cursor: another prompt looks different, or stands elsewhere. */
static uint64_t secret_hash(const struct screen *s)
{
	uint64_t hash = 0xcbf29ce484222325u;
	struct buffer near = { 0 };
	int row, col, first;
	size_t i;

	screen_cursor(s, &row, &col);
	buffer_printf(&near, "%d %d\n", row, col);
	for (first = row > SECRET_NEAR ? row - SECRET_NEAR : 0; first <= row;
	     first++) {
		screen_row(s, first, &near);
		buffer_append_char(&near, '\n');
	}
	for (i = 0; i < near.len; i++)
		hash = (hash ^ (unsigned char)near.data[i]) * 0x100000001b3u;
	buffer_release(&near);
	return hash;
}

void secret_look(struct machine *m)
{
	if (m->answered && m->answered_look != secret_hash(m->screen))
		m->answered = false;
}

/* As match_find: 1 where the pattern's last row is that of the cursor. */
int secret_find_prompt(struct machine *m, const struct rule *rule,
		       size_t *ret_start, size_t *ret_end,
		       struct rh_error *err)
{
	struct match_cursor cursor = { 0 };
	int row, col, rc;
	const char *text;
	size_t len;

	if (m->answered || !secret_at_cursor(m->screen))
		return 0;
	screen_cursor(m->screen, &row, &col);
	text = screen_text(m->screen, &len);
	do {
		rc = match_find(rule->pattern, &cursor, text, len, true,
				ret_start, ret_end, err);
		cursor.from = *ret_end;
	} while (rc == 1 && secret_row_of(text, *ret_end) != row);
	return rc;
}

/* ---- the secret -------------------------------------------------------------- */

/* What a rule on the screen has answered is still there as text. */
static bool secret_was_drawn(const struct machine *m)
{
	return m->answered && m->answered_drawn &&
	       m->answered_look == secret_hash(m->screen);
}

static bool secret_prompt_is_there(struct machine *m, const struct rule *rule)
{
	struct rh_error err = RH_ERROR_INIT;
	size_t start = 0, end = 0;

	if (rule->kind == RULE_TEXT)
		return rules_prompt_is_there(m) && !secret_was_drawn(m);
	return m->attached &&
	       m->now >= deadline_add(m->last_byte, SECRET_QUIET_MS) &&
	       secret_find_prompt(m, rule, &start, &end, &err) == 1;
}

static void secret_ask(struct machine *m, const struct action *a)
{
	struct machine_action action = { .what = MACHINE_SECRET,
					 .text = a->text,
					 .key_delay_ms = typing_delay(m) };

	action.deadline = deadline_min(deadline_add(m->now, SECRET_CALL_MS),
				       m->config.deadline);
	machine_ask(m, &action);
}

/* A screen that is being painted may still go away: not before it is quiet. */
static bool secret_waits(struct machine *m, const struct rule *rule)
{
	int64_t quiet = deadline_add(m->last_byte, SECRET_QUIET_MS);

	if (rule->kind == RULE_SCREEN && m->now < quiet &&
	    m->now < m->secret_until)
		m->secret_at = deadline_min(quiet, m->secret_until);
	return m->now < m->secret_at;
}

/* Never twice to the same prompt, and only where it is still there. */
bool secret_step(struct machine *m)
{
	const struct action *a = actions_current(m);
	const struct rule *rule = actions_top(m)->rule;
	struct rule_use *use = rules_use(m, rule);
	char text[200];

	if (secret_waits(m, rule))
		return false;
	m->secret_at = 0;
	if (!secret_prompt_is_there(m, rule)) {
		machine_event(m, MACHINE_EVENT_STALE, "the prompt is gone; the "
			      "secret %s was not typed", a->text);
		use->count--;
		actions_drop(m);
		return true;
	}
	if (use->secret_typed) {
		snprintf(text, sizeof(text), "the prompt for the secret %s came "
			 "again: it was not accepted, and is not typed twice; "
			 "check the secret", a->text);
		actions_fail(m, VERDICT_FAILED, text);
		return true;
	}
	use->secret_typed = true;
	m->answered = m->screen != NULL;
	m->answered_drawn = rule->kind == RULE_SCREEN;
	if (m->answered)
		m->answered_look = secret_hash(m->screen);
	secret_ask(m, a);
	return true;
}
