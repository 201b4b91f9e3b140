/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Telnet as a console client needs it: bytes in, bytes out, no I/O.
 *
 * We agree to BINARY and SUPPRESS-GO-AHEAD on both sides, to the server's ECHO,
 * and to COM-PORT-OPTION on ours; all else is refused, once. An
 * answer is only given to what changes something (RFC 1143), and the number
 * of answers has an end, so no peer can keep us talking. We ask for something
 * when the server has shown that it speaks telnet, not before: to a raw port
 * our question would be typed into the host.
 *
 * Without BINARY a CR goes out as CR NUL and comes in as such (RFC 854). CR LF
 * stays two keys: CR NUL LF, for then it does not matter how the bytes
 * were split.
 */
#include "drivers/telnet.h"

#include <string.h>

#define TELNET_SE 240
#define TELNET_BREAK 243
#define TELNET_SB 250
#define TELNET_WILL 251
#define TELNET_WONT 252
#define TELNET_DO 253
#define TELNET_DONT 254
#define TELNET_IAC 255

#define TELNET_OPTION_BINARY 0
#define TELNET_OPTION_ECHO 1
#define TELNET_OPTION_SGA 3
#define TELNET_OPTION_COM_PORT 44

#define TELNET_ANSWERS_MAX 1024

static void telnet_put(struct buffer *out, uint8_t command, uint8_t option)
{
	const uint8_t bytes[] = { TELNET_IAC, command, option };

	buffer_append(out, bytes, sizeof(bytes));
}

static void telnet_answer(struct telnet_protocol *p, uint8_t command,
			  uint8_t option, struct buffer *out)
{
	if (p->answers >= TELNET_ANSWERS_MAX)
		return;
	p->answers++;
	telnet_put(out, command, option);
}

/* Says no once. */
static void telnet_refuse(struct telnet_protocol *p, uint8_t *refused,
			  uint8_t command, uint8_t option, struct buffer *out)
{
	const uint8_t bit = (uint8_t)(1U << (option % 8));

	if ((refused[option / 8] & bit) != 0)
		return;
	refused[option / 8] |= bit;
	telnet_answer(p, command, option, out);
}

/* --- negotiation -------------------------------------------------------------- */

static void telnet_ask_us(struct telnet_protocol *p, uint8_t option,
			  struct buffer *out)
{
	p->us[option] = TELNET_SIDE_WANT;
	telnet_put(out, TELNET_WILL, option);
}

static void telnet_ask_him(struct telnet_protocol *p, uint8_t option,
			   struct buffer *out)
{
	p->him[option] = TELNET_SIDE_WANT;
	telnet_put(out, TELNET_DO, option);
}

void telnet_protocol_ask_com_port(struct telnet_protocol *p,
				  struct buffer *out)
{
	if (p->kind != TELNET_KIND_RAW &&
	    p->us[TELNET_OPTION_COM_PORT] == TELNET_SIDE_NO)
		telnet_ask_us(p, TELNET_OPTION_COM_PORT, out);
}

static void telnet_ask_all(struct telnet_protocol *p, struct buffer *out)
{
	telnet_ask_him(p, TELNET_OPTION_SGA, out);
	telnet_ask_us(p, TELNET_OPTION_SGA, out);
	telnet_ask_him(p, TELNET_OPTION_BINARY, out);
	telnet_ask_us(p, TELNET_OPTION_BINARY, out);
	if (p->kind == TELNET_KIND_RFC2217)
		telnet_protocol_ask_com_port(p, out);
}

void telnet_protocol_begin(struct telnet_protocol *p, enum telnet_kind kind,
			   struct buffer *out)
{
	memset(p, 0, sizeof(*p));
	p->kind = kind;
	if (kind == TELNET_KIND_RFC2217)
		telnet_ask_all(p, out);
}

static bool telnet_is_ours(uint8_t option)
{
	return option == TELNET_OPTION_BINARY || option == TELNET_OPTION_SGA ||
	       option == TELNET_OPTION_COM_PORT;
}

static bool telnet_is_his(uint8_t option)
{
	return option == TELNET_OPTION_BINARY || option == TELNET_OPTION_SGA ||
	       option == TELNET_OPTION_ECHO;
}

/* He asks one side to begin; `yes` agrees, and the next number refuses. */
static void telnet_begin_option(struct telnet_protocol *p, uint8_t *side,
				bool wanted, uint8_t yes, struct buffer *out,
				uint8_t option)
{
	uint8_t *refused = side == p->us ? p->refused_us : p->refused_him;

	if (!wanted)
		telnet_refuse(p, refused, (uint8_t)(yes + 1), option, out);
	else if (side[option] == TELNET_SIDE_NO)
		telnet_answer(p, yes, option, out);
	if (wanted)
		side[option] = TELNET_SIDE_YES;
}

static void telnet_end_option(struct telnet_protocol *p, uint8_t *side,
			      uint8_t no, struct buffer *out, uint8_t option)
{
	if (side[option] == TELNET_SIDE_YES)
		telnet_answer(p, no, option, out);
	side[option] = TELNET_SIDE_NO;
}

static void telnet_option(struct telnet_protocol *p, uint8_t option,
			  struct buffer *out)
{
	if (!p->spoke && p->kind == TELNET_KIND_TELNET)
		telnet_ask_all(p, out);
	p->spoke = true;
	switch (p->command) {
	case TELNET_WILL:
		telnet_begin_option(p, p->him, telnet_is_his(option),
				    TELNET_DO, out, option);
		break;
	case TELNET_WONT:
		telnet_end_option(p, p->him, TELNET_DONT, out, option);
		break;
	case TELNET_DO:
		telnet_begin_option(p, p->us, telnet_is_ours(option),
				    TELNET_WILL, out, option);
		break;
	case TELNET_DONT:
		if (option == TELNET_OPTION_COM_PORT)
			p->com_port_refused = true;
		telnet_end_option(p, p->us, TELNET_WONT, out, option);
		break;
	}
}

/* --- COM-PORT-OPTION ------------------------------------------------------------ */

bool telnet_protocol_has_com_port(const struct telnet_protocol *p)
{
	return p->us[TELNET_OPTION_COM_PORT] == TELNET_SIDE_YES;
}

static void telnet_subnegotiation(struct telnet_protocol *p)
{
	unsigned command;
	uint32_t value = 0;
	size_t i;

	if (p->sb_len < 2 || p->sb[0] != TELNET_OPTION_COM_PORT ||
	    p->sb[1] < 100)
		return;
	command = p->sb[1] - 100U;
	if (command == TELNET_COM_PORT_SUSPEND ||
	    command == TELNET_COM_PORT_RESUME)
		p->suspended = command == TELNET_COM_PORT_SUSPEND;
	if (command == TELNET_COM_PORT_NONE || command >= TELNET_COM_PORT_COUNT)
		return;
	if (p->sb_len != (command == TELNET_COM_PORT_SPEED ? 6U : 3U))
		return;
	for (i = 2; i < p->sb_len; i++)
		value = value << 8 | p->sb[i];
	p->told[command] = true;
	p->value[command] = value;
}

void telnet_protocol_set(struct telnet_protocol *p, enum telnet_com_port command,
			 uint32_t value, struct buffer *out)
{
	int shift = command == TELNET_COM_PORT_SPEED ? 24 : 0;
	uint8_t byte;

	p->told[command] = false;
	telnet_put(out, TELNET_SB, TELNET_OPTION_COM_PORT);
	buffer_append_char(out, (char)command);
	for (; shift >= 0; shift -= 8) {
		byte = (uint8_t)(value >> shift);
		buffer_append(out, &byte, 1);
		if (byte == TELNET_IAC)
			buffer_append(out, &byte, 1);
	}
	buffer_append_char(out, (char)TELNET_IAC);
	buffer_append_char(out, (char)TELNET_SE);
}

void telnet_protocol_break(struct buffer *out)
{
	buffer_append_char(out, (char)TELNET_IAC);
	buffer_append_char(out, (char)TELNET_BREAK);
}

/* --- bytes ---------------------------------------------------------------------- */

static void telnet_sb_byte(struct telnet_protocol *p, uint8_t c)
{
	if (p->sb_len < TELNET_SB_MAX)
		p->sb[p->sb_len++] = c;
}

/* The byte behind IAC; true: it is data. */
static bool telnet_command(struct telnet_protocol *p, uint8_t c)
{
	p->state = TELNET_STATE_DATA;
	p->command = c;
	if (c >= TELNET_WILL && c <= TELNET_DONT)
		p->state = TELNET_STATE_OPTION;
	if (c == TELNET_SB)
		p->state = TELNET_STATE_SB;
	p->sb_len = 0;
	return c == TELNET_IAC;
}

/* A byte in a subnegotiation; a command other than SE ends it unheard. */
static void telnet_sb(struct telnet_protocol *p, uint8_t c)
{
	if (p->state == TELNET_STATE_SB && c == TELNET_IAC) {
		p->state = TELNET_STATE_SB_IAC;
		return;
	}
	if (p->state == TELNET_STATE_SB || c == TELNET_IAC) {
		p->state = TELNET_STATE_SB;
		telnet_sb_byte(p, c);
	} else if (c == TELNET_SE) {
		p->state = TELNET_STATE_DATA;
		telnet_subnegotiation(p);
	} else {
		(void)telnet_command(p, c);
	}
}

/* A byte of data; false: it is the NUL behind a CR. */
static bool telnet_data(struct telnet_protocol *p, uint8_t c)
{
	const bool padding = p->after_cr && c == '\0' &&
			     p->him[TELNET_OPTION_BINARY] != TELNET_SIDE_YES;

	p->after_cr = c == '\r';
	return !padding;
}

/* True: c is data to keep. */
static bool telnet_byte(struct telnet_protocol *p, uint8_t c,
			struct buffer *out)
{
	switch (p->state) {
	case TELNET_STATE_DATA:
		if (c != TELNET_IAC)
			return telnet_data(p, c);
		p->state = TELNET_STATE_IAC;
		break;
	case TELNET_STATE_IAC:
		return telnet_command(p, c) && telnet_data(p, c);
	case TELNET_STATE_OPTION:
		p->state = TELNET_STATE_DATA;
		telnet_option(p, c, out);
		break;
	case TELNET_STATE_SB:
	case TELNET_STATE_SB_IAC:
		telnet_sb(p, c);
		break;
	}
	return false;
}

size_t telnet_protocol_decode(struct telnet_protocol *p, void *bytes,
			      size_t len, struct buffer *out)
{
	uint8_t *c = bytes;
	size_t i, kept = 0;

	if (p->kind == TELNET_KIND_RAW)
		return len;
	for (i = 0; i < len; i++) {
		if (telnet_byte(p, c[i], out))
			c[kept++] = c[i];
	}
	return kept;
}

void telnet_protocol_encode(const struct telnet_protocol *p, const void *bytes,
			    size_t len, struct buffer *out)
{
	const bool binary = p->us[TELNET_OPTION_BINARY] == TELNET_SIDE_YES;
	const uint8_t *c = bytes;

	if (p->kind == TELNET_KIND_RAW) {
		buffer_append(out, bytes, len);
		return;
	}
	for (; len > 0; len--, c++) {
		buffer_append(out, c, 1);
		if (*c == TELNET_IAC)
			buffer_append(out, c, 1);
		if (*c == '\r' && !binary)
			buffer_append_char(out, '\0');
	}
}
