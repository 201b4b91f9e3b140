/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keys on their way out, one write at a time, at the pace of the host file.
 * machine-actions.c loads an action (typing_load) and steps it; machine-echo.c
 * steps in where `enter` waits for its echo. Always true:
 * no stroke goes out while the console is away, while another is under way,
 * or before the pause of the one before is over.
 */
#include "agent/sequence/machine-private.h"

#include <stdlib.h>
#include <string.h>

#include "base/deadline.h"
#include "base/memory.h"
#include "base/vis.h"

#define TYPING_WRITE_MS 10000	/* one stroke */
#define TYPING_LOST_MS 60000	/* how long it waits for a lost console */
#define TYPING_AGAIN_MS 3000	/* no effect for so long: a key was swallowed */

static void typing_unload(struct typing *t)
{
	size_t i;

	for (i = 0; i < t->count; i++)
		free(t->strokes[i].bytes);
	free(t->strokes);
	t->strokes = NULL;
	t->count = t->next = 0;
	t->busy = false;
	buffer_release(&t->shown);
}

/* Forgets the strokes; the pause behind the last one stays. */
void typing_clear(struct typing *t)
{
	typing_unload(t);
	listening_free(t->listening);
	t->listening = NULL;
}

bool typing_active(const struct typing *t)
{
	return t->count > 0;
}

static void typing_add(struct typing *t, const void *bytes, size_t len,
		       int64_t pause_ms)
{
	struct stroke *s;

	t->strokes = memory_grow(t->strokes, t->count + 1, sizeof(*t->strokes));
	s = &t->strokes[t->count++];
	s->bytes = memory_copy_len(bytes, len);
	s->len = len;
	s->pause_ms = pause_ms;
}

/* The pace of the state, or of the host; slower behind a difference. */
int64_t typing_delay(const struct machine *m)
{
	int64_t delay = m->config.key_delay_ms;

	if (m->typing.listening != NULL && m->typing.listening->delay_ms > 0)
		return m->typing.listening->delay_ms;
	if (m->state >= 0 && m->s->states[m->state].key_delay_ms > 0)
		delay = m->s->states[m->state].key_delay_ms;
	return delay;
}

static void typing_add_enter(struct machine *m)
{
	typing_add(&m->typing, m->config.enter, strlen(m->config.enter),
		   typing_delay(m));
}

/* The cursor keys as the program has asked for them. */
static void typing_cursor_key(const struct machine *m, struct keys_stroke *stroke)
{
	char *bytes = stroke->bytes;

	if (m->screen == NULL || !screen_wants_application_keys(m->screen))
		return;
	if (stroke->len == 3 && bytes[0] == 0x1b && bytes[1] == '[' &&
	    strchr("ABCDHF", bytes[2]) != NULL)
		bytes[1] = 'O';
}

static bool typing_load_keys(struct machine *m, const struct action *a,
			     struct rh_error *err)
{
	struct typing *t = &m->typing;
	struct keys_stroke stroke;
	int64_t pause;
	size_t i;

	for (i = 0; a->keys[i] != NULL; i++) {
		buffer_printf(&t->shown, "%s%s", i > 0 ? " " : "", a->keys[i]);
		if (strcmp(a->keys[i], "Enter") == 0) {
			typing_add_enter(m);
			continue;
		}
		if (!keys_encode(m->config.terminal, a->keys[i], &stroke)) {
			rh_error_set(err, RH_ERR_NOTSUP,
				     "a %s terminal has no key %s",
				     keys_terminal_name(m->config.terminal),
				     a->keys[i]);
			return false;
		}
		typing_cursor_key(m, &stroke);
		pause = stroke.pause_ms;
		if (pause < typing_delay(m))
			pause = typing_delay(m);
		typing_add(t, stroke.bytes, stroke.len, pause);
	}
	return true;
}

/* The text of an `enter`, and its Enter. */
void typing_load_text(struct machine *m)
{
	struct typing *t = &m->typing;
	const struct action *a = t->listening->action;
	size_t i, n;

	typing_unload(t);
	for (i = 0; i < a->text_len; i += n) {
		n = vis_utf8_len(a->text + i, a->text_len - i, NULL);
		if (n == 0)
			n = 1;
		typing_add(t, a->text + i, n, typing_delay(m));
	}
	t->listening->typed = t->count;
	buffer_append_char(&t->shown, '"');
	vis_append(&t->shown, a->text, a->text_len);
	buffer_append_char(&t->shown, '"');
	typing_add_enter(m);
}

/* Every terminal has a Backspace. */
void typing_load_backspace(struct machine *m, size_t count)
{
	struct typing *t = &m->typing;
	struct keys_stroke stroke = { { 0 }, 0, 0 };
	size_t i;

	typing_unload(t);
	keys_encode(m->config.terminal, "Backspace", &stroke);
	for (i = 0; i < count; i++)
		typing_add(t, stroke.bytes, stroke.len, typing_delay(m));
	t->listening->typed = count;
	buffer_printf(&t->shown, count > 1 ? "Backspace*%zu" : "Backspace",
		      count);
}

bool typing_load(struct machine *m, const struct action *a,
		 struct rh_error *err)
{
	struct typing *t = &m->typing;

	typing_clear(t);
	again_cancel(m);
	if (a->type == ACTION_KEY && !typing_load_keys(m, a, err)) {
		typing_clear(t);
		return false;
	}
	if (a->type == ACTION_ENTER)
		listening_begin(m, a);
	if (a->type == ACTION_SEND) {
		typing_add(t, a->text, a->text_len, typing_delay(m));
		vis_append(&t->shown, a->text, a->text_len);
	}
	return true;
}

/* After a rule's keys: where `max` allows it they may go out once more. */
void again_arm(struct machine *m)
{
	const struct frame *f = actions_top(m);
	const struct rule *rule = f->rule;
	struct rule_use *use;

	if (f->kind != FRAME_RULE || rule->max < 2 ||
	    (rule->kind != RULE_TEXT && rule->kind != RULE_SCREEN))
		return;
	use = rules_use(m, rule);
	if (use == NULL || use->count >= rule->max)
		return;
	m->again_rule = rule;
	m->again.list = &f->actions->list[f->next];
	m->again.count = 1;
	m->again_at = deadline_add(m->now, TYPING_AGAIN_MS);
}

/* What was typed goes to the record. */
void typing_say(struct machine *m)
{
	struct machine_action action = { .what = MACHINE_EVENT,
					 .event = MACHINE_EVENT_TYPED };

	action.text = buffer_text(&m->typing.shown);
	machine_emit(m, &action);
}

void typing_end(struct machine *m)
{
	const struct frame *f = actions_top(m);

	if (f->actions->list[f->next].type == ACTION_SELECT) {
		typing_clear(&m->typing);
		select_was_typed(m);
		return;
	}
	typing_say(m);
	again_arm(m);
	typing_clear(&m->typing);
	actions_skip(m);
}

bool typing_step(struct machine *m)
{
	struct typing *t = &m->typing;
	struct machine_action action = { .what = MACHINE_WRITE };

	if (t->busy)
		return false;
	if (t->next == t->count && !listening_waits(m)) {
		if (t->listening != NULL)
			buffer_append_text(&t->shown, " Enter");
		typing_end(m);
		return true;
	}
	if (!m->attached) {
		if (m->now < deadline_add(m->lost_since, TYPING_LOST_MS))
			return false;
		typing_clear(t);
		actions_fail(m, VERDICT_UNKNOWN, "the console was lost while "
						 "keys had to be typed");
		return true;
	}
	if (listening_waits(m))
		return listening_step(m);
	if (m->now < t->wake)
		return false;
	action.bytes = t->strokes[t->next].bytes;
	action.len = t->strokes[t->next].len;
	action.text = buffer_text(&t->shown);
	action.deadline = deadline_min(deadline_add(m->now, TYPING_WRITE_MS),
				       m->config.deadline);
	t->busy = true;
	machine_ask(m, &action);
	return true;
}

/* The stroke under way went out. */
void typing_written(struct machine *m)
{
	struct typing *t = &m->typing;

	t->busy = false;
	t->wake = deadline_add(m->now, t->strokes[t->next].pause_ms);
	t->next++;
	listening_written(m);
}

int64_t typing_deadline(const struct machine *m)
{
	const struct typing *t = &m->typing;

	if (t->busy)
		return DEADLINE_NEVER;
	if (!m->attached)
		return deadline_add(m->lost_since, TYPING_LOST_MS);
	if (listening_waits(m))
		return listening_deadline(m);
	return t->next == t->count ? m->now : t->wake;
}
