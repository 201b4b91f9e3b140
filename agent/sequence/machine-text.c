/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The text view of the console: bytes come in by machine_read, and what may still
 * be matched stands in m->seen behind m->consumed. What is stale, or stands before
 * a gap, is never matched again; the memory is bounded by machine_trim, and all
 * that points into the text moves with it.
 */
#include "agent/sequence/machine-private.h"

#include <string.h>

#define MACHINE_TEXT_MAX (256 * 1024)
#define MACHINE_TEXT_KEEP (64 * 1024)

static void machine_forget_secrets(struct machine *m)
{
	size_t i, j;

	for (i = 0; i < m->s->always.count; i++)
		m->always_use[i].secret_typed = false;
	for (i = 0; i < m->s->state_count; i++) {
		for (j = 0; j < m->s->states[i].rules.count; j++)
			m->state_uses[i][j].secret_typed = false;
	}
}

/* What comes next is not the end of what came before. */
static void machine_read_anew(struct machine *m)
{
	text_init(&m->text);
	memset(&m->klog, 0, sizeof(m->klog));
	m->hole = m->hole_end = 0;
}

/* What comes after is not what was there before. */
void machine_cut(struct machine *m)
{
	m->consumed = m->seen.len;
	m->scanned = m->seen.len;
	machine_screen_forget(m);
	machine_read_anew(m);
	listening_lost(m);
}

/*
 * The host goes down: what was printed up to now never triggers anything any
 * more, what was seen proves nothing, and a secret may be asked for anew.
 */
void machine_stale(struct machine *m)
{
	buffer_clear(&m->seen);
	machine_screen_forget(m);
	machine_read_anew(m);
	m->consumed = 0;
	rules_rewind(m);
	again_cancel(m);
	machine_forget_secrets(m);
	m->answered = false;
	m->proofs[0] = '\0';
}

static void machine_trim_uses(struct rule_use *uses, size_t count, size_t drop)
{
	size_t i;

	for (i = 0; i < count; i++)
		uses[i].cursor.from = uses[i].cursor.from > drop
					      ? uses[i].cursor.from - drop : 0;
}

/* Bounds the memory of the text view; cursors move with it. */
void machine_trim(struct machine *m)
{
	size_t drop;

	if (m->seen.len <= MACHINE_TEXT_MAX)
		return;
	drop = m->seen.len - MACHINE_TEXT_KEEP;
	while (drop < m->seen.len && (m->seen.data[drop] & 0xc0) == 0x80)
		drop++;
	if (m->scanned < drop && !m->text_lost) {
		m->text_lost = true;
		machine_event(m, MACHINE_EVENT_NOTE, "more than %d kB of output "
			      "came while an action was under way; the oldest was "
			      "not looked at", MACHINE_TEXT_MAX / 1024);
	}
	buffer_drop(&m->seen, drop);
	m->consumed = m->consumed > drop ? m->consumed - drop : 0;
	m->scanned = m->scanned > drop ? m->scanned - drop : 0;
	if (m->state >= 0)
		machine_trim_uses(m->state_uses[m->state],
				  m->s->states[m->state].rules.count, drop);
	machine_trim_uses(m->always_use, m->s->always.count, drop);
	klog_drop(&m->klog, drop);
	m->hole -= drop < m->hole ? drop : m->hole;
	m->hole_end -= drop < m->hole_end ? drop : m->hole_end;
	rules_drop(m, drop);
}

/* What the old system printed never triggers anything any more. */
static void machine_consume_old(struct machine *m, size_t end)
{
	const char *text = buffer_text(&m->seen);

	while (end > 0 && text[end - 1] != '\n')
		end--;
	if (end > m->consumed)
		m->consumed = end;
	machine_screen_forget(m);
}

/* Bytes to the text view; kernel messages get lines of their own. */
void machine_read(struct machine *m, const char *bytes, size_t len)
{
	size_t before = m->seen.len, offset = 0;

	buffer_clear(&m->plain);
	text_feed(&m->text, bytes, len, &m->plain);
	klog_feed(&m->klog, buffer_text(&m->plain), m->plain.len, &m->seen);
	rules_heal(m);
	if (bootwatch_feed(&m->bootwatch, buffer_text(&m->seen) + before,
			   m->seen.len - before, &offset) != BOOTWATCH_NONE &&
	    restart_active(m))
		machine_consume_old(m, before + offset);
	machine_screen_read(m, bytes, len);
}
