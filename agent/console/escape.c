/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The parser of escape sequences under the text view and the filter. They
 * come in by escape_step, with each byte that is not plain text.
 *
 * Always true: every state is left at a line end, by CAN or SUB, or by an
 * ESC that begins anew, and a string also behind ESCAPE_STRING_MAX bytes; so a
 * machine that dies in the middle of a sequence hides one line at most.
 *
 * Legal changes: GROUND -> ESC -> {GROUND, INTER, CSI, OSC, STRING};
 * INTER, CSI -> GROUND; OSC -> {GROUND, PALETTE, STRING}; PALETTE -> GROUND;
 * STRING <-> STRING_C2; each -> ESC; each -> GROUND. (ESC \ ends a string
 * as any other ESC does: the backslash is a two-byte escape of its own.)
 */
#include "agent/console/escape.h"

#include <ctype.h>

#define ESC 0x1b
#define CAN 0x18
#define SUB 0x1a
#define BEL 0x07

static enum escape_event escape_ground(int *state, enum escape_event event)
{
	*state = ESCAPE_GROUND;
	return event;
}

static enum escape_event escape_string_begin(int *state, size_t *string_len,
					     int next)
{
	*state = next;
	*string_len = 0;
	return ESCAPE_NONE;
}

static enum escape_event escape_step_esc(int *state, size_t *string_len,
					 unsigned char c)
{
	if (c < 0x20 || c == 0x7f)
		return ESCAPE_NONE;
	if (c > 0x7f)
		return escape_ground(state, ESCAPE_GIVE);
	if (c < 0x30) {
		*state = ESCAPE_INTER;
		return ESCAPE_NONE;
	}
	switch (c) {
	case '[':
		*state = ESCAPE_CSI;
		return ESCAPE_CSI_BEGIN;
	case ']':
		return escape_string_begin(state, string_len, ESCAPE_OSC);
	case 'P':
	case 'X':
	case '^':
	case '_':
		return escape_string_begin(state, string_len, ESCAPE_STRING);
	default:
		return escape_ground(state, ESCAPE_TWO);
	}
}

static enum escape_event escape_step_inter(int *state, unsigned char c)
{
	if (c > 0x7f)
		return escape_ground(state, ESCAPE_GIVE);
	if (c < 0x30 || c == 0x7f)
		return ESCAPE_NONE;
	return escape_ground(state, ESCAPE_MANY);
}

static enum escape_event escape_step_csi(int *state, unsigned char c)
{
	if (c > 0x7f)
		return escape_ground(state, ESCAPE_GIVE);
	if (c < 0x20 || c == 0x7f)
		return ESCAPE_NONE;
	if (c < 0x40)
		return ESCAPE_CSI_PART;
	return escape_ground(state, ESCAPE_CSI_END);
}

static enum escape_event escape_step_string(int *state, size_t *string_len,
					    unsigned char c)
{
	if (*state == ESCAPE_STRING_C2 && c == 0x9c)
		return escape_ground(state, ESCAPE_NONE);
	if (c == BEL || ++*string_len >= ESCAPE_STRING_MAX)
		return escape_ground(state, ESCAPE_NONE);
	*state = c == 0xc2 ? ESCAPE_STRING_C2 : ESCAPE_STRING;
	return ESCAPE_NONE;
}

/* "ESC ] R" and "ESC ] P rrggbbi" of the Linux console have no end. */
static enum escape_event escape_step_osc(int *state, size_t *string_len,
					 unsigned char c)
{
	if (*state == ESCAPE_OSC && c == 'R')
		return escape_ground(state, ESCAPE_NONE);
	if (*state == ESCAPE_OSC && c == 'P') {
		*state = ESCAPE_PALETTE;
		return ESCAPE_NONE;
	}
	if (*state == ESCAPE_PALETTE && c < 0x80 && isxdigit(c)) {
		if (++*string_len == 7)
			*state = ESCAPE_GROUND;
		return ESCAPE_NONE;
	}
	return escape_step_string(state, string_len, c);
}

enum escape_event escape_step(int *state, size_t *string_len, unsigned char c)
{
	if (c == ESC) {
		*state = ESCAPE_ESC;
		return ESCAPE_NONE;
	}
	if (c == '\n' || c == '\r')
		return escape_ground(state, ESCAPE_GIVE);
	if ((c == CAN || c == SUB) && *state != ESCAPE_GROUND)
		return escape_ground(state, ESCAPE_NONE);
	switch (*state) {
	case ESCAPE_GROUND:
		return ESCAPE_GIVE;
	case ESCAPE_ESC:
		return escape_step_esc(state, string_len, c);
	case ESCAPE_INTER:
		return escape_step_inter(state, c);
	case ESCAPE_CSI:
		return escape_step_csi(state, c);
	case ESCAPE_OSC:
	case ESCAPE_PALETTE:
		return escape_step_osc(state, string_len, c);
	default:
		return escape_step_string(state, string_len, c);
	}
}

void escape_c1(int *state, size_t *string_len, unsigned char code)
{
	*string_len = 0;
	switch (code) {
	case 0x90:	/* DCS */
	case 0x98:	/* SOS */
	case 0x9e:	/* PM */
	case 0x9f:	/* APC */
		*state = ESCAPE_STRING;
		break;
	case 0x9b:
		*state = ESCAPE_CSI;
		break;
	case 0x9d:
		*state = ESCAPE_OSC;
		break;
	default:
		*state = ESCAPE_GROUND;
		break;
	}
}
