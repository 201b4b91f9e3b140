/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `enter` between its text and its Enter (I03). machine-typing.c comes in by
 * listening_begin with the action, and by listening_step where something has to
 * be waited for; machine.c hands in what the console says meanwhile.
 *
 *   text -> echo is the same ------------------------------> Enter
 *        -> nothing comes back: the terminal has no echo --> Enter
 *        -> it differs -> Backspace -> nothing stands there -> text, slower
 *   ... and at the third difference, or where Backspace has no effect, the
 * action fails, without Enter.
 *
 * Always true: Enter goes out only where over is set; each wait ends
 * LISTENING_QUIET_MS behind the last byte, and LISTENING_MAX_MS behind the last
 * stroke.
 */
#include "agent/sequence/machine-private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/deadline.h"
#include "base/memory.h"
#include "base/vis.h"

#define LISTENING_PROMPT_MS 100	 /* nothing for so long: the prompt is through */
#define LISTENING_PROMPT_MAX_MS 1000
#define LISTENING_SAME_MS 50	 /* nothing comes behind it */
#define LISTENING_EMPTY_MS 200	 /* the same, behind Backspace */
#define LISTENING_QUIET_MS 1000	 /* nothing for so long: nothing comes */
#define LISTENING_MAX_MS 10000
#define LISTENING_REPAIRS 2
#define LISTENING_ERASES 2	 /* for one repair */
#define LISTENING_LINES 3	 /* so many went by: the prompt is gone */
#define LISTENING_LATE 32	 /* characters that are held back (L14: 15) */
#define LISTENING_SLOWER 4
#define LISTENING_SLOW_MIN_MS 50
#define LISTENING_SLOW_MAX_MS 500
#define LISTENING_SHOWN 80	 /* bytes of what came, for people */

void listening_free(struct listening *l)
{
	if (l == NULL)
		return;
	echo_release(&l->echo);
	buffer_release(&l->came);
	free(l);
}

void listening_begin(struct machine *m, const struct action *a)
{
	struct listening *l = memory_new(1, sizeof(*l));

	l->action = a;
	l->loaded = m->now;
	l->begun = l->over = a->text_len == 0;
	m->typing.listening = l;
	typing_load_text(m);
}

/* Whether something has to be waited for before the next stroke. */
bool listening_waits(const struct machine *m)
{
	const struct typing *t = &m->typing;
	const struct listening *l = t->listening;

	if (l == NULL || l->over || t->busy)
		return false;
	return !l->begun || t->next == l->typed;
}

/* ---- before the first stroke ---------------------------------------------- */

/* Where the last line begins that is no kernel message. */
static size_t listening_prompt(const struct machine *m, size_t *ret_len)
{
	const char *text = buffer_text(&m->seen);
	size_t end = m->seen.len, begin;
	bool first = true;

	for (;; first = false) {
		for (begin = end; begin > 0 && text[begin - 1] != '\n'; begin--)
			;
		if (klog_message_len(text + begin, end - begin) == 0 &&
		    !(first && begin == end && begin > 0))
			break;
		if (begin == 0)
			break;
		end = begin - 1;
	}
	*ret_len = end - begin;
	/* An empty line below something else than a kernel message is one. */
	if (end + 1 == m->seen.len && text[end] == '\n')
		*ret_len = 0;
	return begin;
}

static int64_t listening_prompt_deadline(const struct machine *m)
{
	const struct listening *l = m->typing.listening;

	if (m->seen.len == 0)
		return m->now;
	return deadline_min(deadline_add(m->last_byte, LISTENING_PROMPT_MS),
			    deadline_add(l->loaded, LISTENING_PROMPT_MAX_MS));
}

/* The rest of a prompt is on its way; it is not taken for an echo. */
static bool listening_step_prompt(struct machine *m)
{
	struct listening *l = m->typing.listening;
	size_t begin, len;

	if (m->now < listening_prompt_deadline(m))
		return false;
	begin = listening_prompt(m, &len);
	echo_begin(&l->echo, buffer_text(&m->seen) + begin, len,
		   l->action->text, l->action->text_len);
	l->begun = true;
	l->heard = m->now;
	return true;
}

/* ---- what comes back -------------------------------------------------------- */

static void listening_came(const struct listening *l, char *text, size_t size)
{
	struct buffer came = { 0 }, shown = { 0 };

	echo_text(&l->echo, &came);
	vis_append(&shown, came.data, came.len < LISTENING_SHOWN
					      ? came.len : LISTENING_SHOWN);
	snprintf(text, size, "%s%s", buffer_text(&shown),
		 came.len > LISTENING_SHOWN ? "..." : "");
	buffer_release(&came);
	buffer_release(&shown);
}

static void listening_accept(struct machine *m)
{
	m->typing.listening->over = true;
}

/* A prompt for one key has taken it; Enter would go to the next one. */
static void listening_taken(struct machine *m)
{
	machine_event(m, MACHINE_EVENT_ECHO, "it was taken without Enter, which "
		      "was not sent");
	m->typing.listening->over = true;
	typing_end(m);
}

static void listening_fail(struct machine *m, const char *why)
{
	struct listening *l = m->typing.listening;
	bool erased = l->erasing && !l->gap && echo_is_empty(&l->echo);
	struct buffer typed = { 0 };
	char text[600];

	vis_append(&typed, l->action->text, l->action->text_len);
	snprintf(text, sizeof(text), "typed \"%.150s\" and the console showed "
		 "\"%.200s\", %s; Enter was not sent, and %s",
		 buffer_text(&typed), buffer_text(&l->came), why,
		 erased ? "it was erased"
			: "what was typed may still stand there");
	buffer_release(&typed);
	typing_clear(&m->typing);
	actions_fail(m, VERDICT_FAILED, text);
}

static void listening_again(struct listening *l)
{
	l->until = 0;
	l->same_since = 0;
	echo_again(&l->echo);
}

/* As many as stand there, or as should. */
static void listening_erase(struct machine *m)
{
	struct listening *l = m->typing.listening;
	size_t count = echo_shown(&l->echo);

	if (l->erased == 0 && count < l->typed)
		count = l->typed;
	/* Without a key nothing would ever be looked at again. */
	if (count == 0)
		count = 1;
	l->erasing = true;
	l->erased++;
	listening_again(l);
	typing_load_backspace(m, count);
}

static int64_t listening_slower(const struct machine *m)
{
	int64_t delay = typing_delay(m), slower = delay * LISTENING_SLOWER;

	if (slower < LISTENING_SLOW_MIN_MS)
		slower = LISTENING_SLOW_MIN_MS;
	if (slower > LISTENING_SLOW_MAX_MS)
		slower = LISTENING_SLOW_MAX_MS;
	return slower > delay ? slower : delay;
}

static void listening_differs(struct machine *m)
{
	struct listening *l = m->typing.listening;
	char came[LISTENING_SHOWN * 4 + 8];

	typing_say(m);
	listening_came(l, came, sizeof(came));
	buffer_clear(&l->came);
	buffer_append_text(&l->came, came);
	if (echo_lines(&l->echo) > LISTENING_LINES) {
		listening_fail(m, "and then other lines");
		return;
	}
	l->giving_up = l->repairs >= LISTENING_REPAIRS;
	l->delay_ms = listening_slower(m);
	l->erased = 0;
	machine_event(m, MACHINE_EVENT_ECHO, "it came back as \"%s\" and is "
		      "erased%s", came,
		      l->giving_up ? "" : ", to be typed again, slower");
	listening_erase(m);
}

/* Behind the last Backspace. */
static bool listening_step_erased(struct machine *m, bool quiet)
{
	struct listening *l = m->typing.listening;
	bool empty = echo_is_empty(&l->echo);

	if (!quiet && (!empty || m->now < l->heard + LISTENING_EMPTY_MS))
		return false;
	typing_say(m);
	l->late = l->late || (!empty && echo_was_complete(&l->echo));
	if (!empty && !l->late && !l->gap && l->erased < LISTENING_ERASES &&
	    echo_shown(&l->echo) > 0 &&
	    echo_lines(&l->echo) <= LISTENING_LINES) {
		listening_erase(m);
		return true;
	}
	if (l->giving_up || l->gap || (!empty && !l->late)) {
		listening_fail(m, l->gap	   ? "and then it was lost"
				  : l->giving_up ? "also when it was typed slower"
						 : "which Backspace did not erase");
		return true;
	}
	l->repairs++;
	l->erasing = false;
	listening_again(l);
	if (l->partial)
		echo_begin(&l->echo, NULL, 0, l->action->text,
			   l->action->text_len);
	l->partial = false;
	typing_load_text(m);
	return true;
}

/* Nothing more comes: what there is has to be enough. */
static void listening_judge(struct machine *m, enum echo_state state)
{
	struct listening *l = m->typing.listening;
	size_t left = l->echo.wants_count - echo_same_count(&l->echo);

	if (state == ECHO_SAME || state == ECHO_NONE ||
	    (state == ECHO_WAITING && l->late && left <= LISTENING_LATE))
		listening_accept(m);
	else if (echo_is_drawn(&l->echo) || !echo_resembles(&l->echo))
		listening_accept(m);
	else
		listening_differs(m);
}

static bool listening_step_echo(struct machine *m, bool quiet)
{
	struct listening *l = m->typing.listening;
	enum echo_state state = echo_state(&l->echo);

	if (state == ECHO_TAKEN) {
		listening_taken(m);
		return true;
	}
	if (state == ECHO_SAME && m->now >= l->same_since + LISTENING_SAME_MS) {
		listening_accept(m);
		return true;
	}
	if (!quiet || state == ECHO_SAME)
		return false;
	listening_judge(m, state);
	return true;
}

static int64_t listening_quiet_deadline(const struct listening *l)
{
	return deadline_min(deadline_add(l->heard, LISTENING_QUIET_MS),
			    l->until != 0 ? l->until : DEADLINE_NEVER);
}

bool listening_step(struct machine *m)
{
	struct listening *l = m->typing.listening;
	bool quiet;

	if (!l->begun)
		return listening_step_prompt(m);
	if (l->until == 0)
		l->until = deadline_add(m->now, LISTENING_MAX_MS);
	if (l->same_since == 0 && echo_state(&l->echo) == ECHO_SAME)
		l->same_since = m->now;
	quiet = m->now >= listening_quiet_deadline(l);
	return l->erasing ? listening_step_erased(m, quiet)
			  : listening_step_echo(m, quiet);
}

int64_t listening_deadline(const struct machine *m)
{
	const struct listening *l = m->typing.listening;

	if (!l->begun)
		return listening_prompt_deadline(m);
	if (!l->erasing && l->same_since != 0)
		return deadline_add(l->same_since, LISTENING_SAME_MS);
	if (l->erasing && echo_is_empty(&l->echo))
		return deadline_min(deadline_add(l->heard, LISTENING_EMPTY_MS),
				    listening_quiet_deadline(l));
	return listening_quiet_deadline(l);
}

/* ---- what happens meanwhile ---------------------------------------------------- */

void listening_hear(struct machine *m, const void *bytes, size_t len)
{
	struct listening *l = m->typing.listening;

	if (l == NULL || !l->begun || l->over)
		return;
	echo_feed(&l->echo, bytes, len);
	l->heard = m->now;
	if (echo_state(&l->echo) != ECHO_SAME)
		l->same_since = 0;
}

void listening_written(struct machine *m)
{
	if (m->typing.listening != NULL)
		m->typing.listening->heard = m->now;
}

/*
 * What came back meanwhile is lost with the console: the rest of the text is
 * what can still be seen.
 */
void listening_lost(struct machine *m)
{
	struct typing *t = &m->typing;
	struct listening *l = t->listening;
	const struct action *a;
	size_t i, done = 0;

	if (l == NULL || !l->begun || l->over)
		return;
	l->gap = l->gap || l->erasing;
	l->partial = true;
	a = l->action;
	for (i = 0; i < t->next && i < l->typed && !l->erasing; i++)
		done += t->strokes[i].len;
	echo_begin(&l->echo, NULL, 0, a->text + done, a->text_len - done);
	l->same_since = 0;
	l->heard = m->now;
}
