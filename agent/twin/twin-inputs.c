/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is done to a twin: power, keys, a break, a command. Always true: each input
 * first lets the twin live up to its time, and then what it set off at once.
 */
#include "agent/twin/twin.h"

#include <string.h>

#include "agent/twin/twin-private.h"
#include "base/deadline.h"

#define TWIN_TYPED_MAX 4096
#define TWIN_CYCLE_MS 1000	/* off, in a cycle by the controller */
#define TWIN_SYSRQ_MS 5000	/* the letter comes behind the break within */

/* ---- power --------------------------------------------------------------------------- */

static void twin_power_plain(struct twin *t, enum driver_act act)
{
	bool on = twin_is_on(t);

	switch (act) {
	case DRIVER_ACT_ON:
		if (!on)
			twin_enter(t, t->model->on);
		break;
	case DRIVER_ACT_OFF:
	case DRIVER_ACT_CYCLE:
		if (on)
			twin_enter(t, t->model->off);
		if (on && act == DRIVER_ACT_CYCLE)
			t->on_at = t->now + TWIN_CYCLE_MS;
		break;
	case DRIVER_ACT_RESET:
		if (on)
			twin_enter(t, t->model->on);
		break;
	default:
		break;
	}
}

void twin_power(struct twin *t, int64_t now, enum driver_act act)
{
	const struct twin_rule *r;
	size_t end = 0;

	twin_tick(t, now);
	t->on_at = DEADLINE_NEVER;
	r = twin_rule_find(t, TWIN_ON_POWER, (int)act, "", 0, &end);
	if (r != NULL)
		twin_rule_run(t, r);
	else
		twin_power_plain(t, act);
	twin_tick(t, now);
}

/* ---- the keyboard ---------------------------------------------------------------------- */

static void twin_echo(struct twin *t, char byte)
{
	char control[2] = { '^', (char)(byte ^ 0x40) };

	if (twin_state(t)->raw)
		twin_print(t, &byte, 1);
	else if (byte == '\r' || byte == '\n')
		twin_print(t, "\r\n", 2);
	else if (byte == 0x7f || byte == '\b')
		twin_print(t, "\b \b", 3);
	else if ((unsigned char)byte < 0x20)
		twin_print(t, control, 2);
	else
		twin_print(t, &byte, 1);
}

static bool twin_sysrq(struct twin *t, char letter)
{
	const struct twin_rule *r;
	size_t end = 0;

	if (t->now >= t->sysrq_until)
		return false;
	t->sysrq_until = 0;
	r = twin_rule_find(t, TWIN_ON_SYSRQ, letter, "", 0, &end);
	if (r != NULL)
		twin_rule_run(t, r);
	return true;
}

static void twin_type_byte(struct twin *t, char byte)
{
	if (!twin_state(t)->power || t->lost || twin_sysrq(t, byte))
		return;
	if (twin_state(t)->echo)
		twin_echo(t, byte);
	if (t->typed.len >= TWIN_TYPED_MAX)
		buffer_drop(&t->typed, TWIN_TYPED_MAX / 2);
	/* Patterns are for UTF-8. */
	buffer_append_char(&t->typed,
			   (unsigned char)byte < 0x80 ? byte : '?');
	twin_match_typed(t);
}

void twin_type(struct twin *t, int64_t now, const void *bytes, size_t len)
{
	const char *at = bytes;
	size_t i;

	twin_tick(t, now);
	for (i = 0; i < len; i++) {
		twin_type_byte(t, at[i]);
		twin_tick(t, now);
	}
}

void twin_break(struct twin *t, int64_t now)
{
	const struct twin_rule *r;
	size_t end = 0;

	twin_tick(t, now);
	if (!twin_state(t)->power || t->lost)
		return;
	t->sysrq_until = deadline_add(now, TWIN_SYSRQ_MS);
	r = twin_rule_find(t, TWIN_ON_BREAK, 0, "", 0, &end);
	if (r != NULL)
		twin_rule_run(t, r);
	twin_tick(t, now);
}

void twin_boot(struct twin *t, int64_t now, enum driver_boot device)
{
	twin_tick(t, now);
	t->device = device;
}

/* ---- the shell --------------------------------------------------------------------------- */

static void shell_answer_one(struct twin *t, const struct twin_act *a,
			     struct twin_answer *ret)
{
	switch (a->what) {
	case TWIN_SAY:
		buffer_append(&ret->out, a->text, a->len);
		break;
	case TWIN_COMPLAIN:
		buffer_append(&ret->errors, a->text, a->len);
		break;
	case TWIN_EXIT:
		ret->exit_status = a->number;
		break;
	case TWIN_HANG:
		ret->reply = TWIN_REPLY_HANGS;
		break;
	case TWIN_DROP:
		ret->reply = TWIN_REPLY_DROPPED;
		break;
	case TWIN_WAIT:
		ret->after_ms += twin_between(t, a->ms, a->ms_to);
		break;
	case TWIN_PRINT:
		twin_print(t, a->text, a->len);
		break;
	default:
		break;
	}
}

void twin_shell(struct twin *t, int64_t now, const char *command,
		struct twin_answer *ret)
{
	const struct twin_rules *own;
	const struct twin_rule *r;
	size_t end = 0, i;

	twin_tick(t, now);
	ret->of_state = false;
	buffer_clear(&ret->out);
	buffer_clear(&ret->errors);
	ret->after_ms = ret->exit_status = 0;
	ret->reply = TWIN_REPLY_REFUSED;
	if (twin_boot_id(t) == NULL)
		return;
	ret->reply = TWIN_REPLY_EXIT;
	r = twin_rule_find(t, TWIN_ON_SHELL, 0, command, strlen(command), &end);
	if (r == NULL && strcmp(command, "true") != 0) {
		ret->exit_status = 127;
		buffer_printf(&ret->errors, "sh: %s: not found\n", command);
	}
	if (r == NULL)
		return;
	own = &twin_state(t)->rules;
	ret->of_state = r >= own->list && r < own->list + own->count;
	for (i = 0; i < r->acts.count; i++)
		shell_answer_one(t, &r->acts.list[i], ret);
	twin_go(t, &r->target);
	twin_tick(t, now);
}
