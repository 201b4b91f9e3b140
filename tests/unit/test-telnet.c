/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The telnet automaton: negotiation, IAC, CR NUL and RFC 2217, without I/O. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/drivers.h"
#include "drivers/telnet.h"

#define BYTES(text) (text), sizeof(text) - 1

/* What an automaton made of a stream: data, and what it sends. */
struct outcome {
	struct telnet_protocol p;
	struct buffer data;
	struct buffer out;
};

static void begin(struct outcome *o, enum telnet_kind kind)
{
	memset(o, 0, sizeof(*o));
	telnet_protocol_begin(&o->p, kind, &o->out);
}

static void feed(struct outcome *o, const char *bytes, size_t len)
{
	char *copy = malloc(len + 1);
	size_t kept;

	memcpy(copy, bytes, len);
	kept = telnet_protocol_decode(&o->p, copy, len, &o->out);
	assert_true(kept <= len);
	buffer_append(&o->data, copy, kept);
	free(copy);
}

static void end(struct outcome *o)
{
	buffer_release(&o->data);
	buffer_release(&o->out);
}

static void assert_bytes(const struct buffer *b, const char *bytes, size_t len)
{
	assert_int_equal(b->len, len);
	assert_memory_equal(buffer_text(b), bytes, len);
}

/* A session in which the server asks for all that there is. */
static const char session[] =
	"\xff\xfb\x01" "\xff\xfb\x03" "\xff\xfd\x03" "login: "
	"\xff\xfd\x18" "\xff\xfd\x18" "\xff\xfb\x22" "a\xff\xff" "b"
	"\r\0\n" "c\r\n" "\xff\xf1" "d"
	"\xff\xfa\x18\x01\xff\xff\xff\xf0" "e"
	"\xff\xfb\x00" "\r\0f" "\xff\xfd\x2c" "\xff\xfd\x01" "\xff\xfc\x01" "g";
static const char session_data[] = "login: a\xff" "b\r\nc\r\nde\r\0fg";
static const char session_out[] =
	/* ours */
	"\xff\xfd\x03" "\xff\xfb\x03" "\xff\xfd\x00" "\xff\xfb\x00"
	/* echo yes; terminal type and line mode no, once; COM-PORT yes; we do not
	   echo; he does not either any more */
	"\xff\xfd\x01" "\xff\xfc\x18" "\xff\xfe\x22" "\xff\xfb\x2c"
	"\xff\xfc\x01" "\xff\xfe\x01";

static void test_session_over_every_split(void **state)
{
	const size_t len = sizeof(session) - 1;
	struct outcome o;
	size_t a, b;

	(void)state;
	for (a = 0; a <= len; a++) {
		for (b = a; b <= len; b++) {
			begin(&o, TELNET_KIND_TELNET);
			feed(&o, session, a);
			feed(&o, session + a, b - a);
			feed(&o, session + b, len - b);
			assert_bytes(&o.data, BYTES(session_data));
			assert_bytes(&o.out, BYTES(session_out));
			end(&o);
		}
	}
}

static void test_encode_over_every_split(void **state)
{
	static const char keys[] = "x\xff\r\ny\r\xff\xff\r";
	static const char wire[] = "x\xff\xff\r\0\ny\r\0\xff\xff\xff\xff\r\0";
	static const char binary[] = "x\xff\xff\r\ny\r\xff\xff\xff\xff\r";
	struct outcome o;
	size_t a;

	(void)state;
	for (a = 0; a < sizeof(keys); a++) {
		begin(&o, TELNET_KIND_TELNET);
		buffer_clear(&o.out);
		telnet_protocol_encode(&o.p, keys, a, &o.out);
		telnet_protocol_encode(&o.p, keys + a, sizeof(keys) - 1 - a,
				       &o.out);
		assert_bytes(&o.out, BYTES(wire));
		feed(&o, BYTES("\xff\xfd\x00"));
		buffer_clear(&o.out);
		telnet_protocol_encode(&o.p, keys, a, &o.out);
		telnet_protocol_encode(&o.p, keys + a, sizeof(keys) - 1 - a,
				       &o.out);
		assert_bytes(&o.out, BYTES(binary));
		end(&o);
	}
}

static void test_raw_is_raw(void **state)
{
	struct outcome o;

	(void)state;
	begin(&o, TELNET_KIND_RAW);
	feed(&o, BYTES(session));
	assert_bytes(&o.data, BYTES(session));
	assert_int_equal(o.out.len, 0);
	telnet_protocol_encode(&o.p, BYTES("\xff\r"), &o.out);
	assert_bytes(&o.out, BYTES("\xff\r"));
	end(&o);
}

/* Two of us: what one says is what the other hears; they must come to rest. */
static void test_two_come_to_rest(void **state)
{
	struct outcome a, b;
	struct buffer said;
	int round;

	(void)state;
	begin(&a, TELNET_KIND_RFC2217);
	begin(&b, TELNET_KIND_RFC2217);
	for (round = 0; round < 8 && a.out.len + b.out.len > 0; round++) {
		said = a.out;
		memset(&a.out, 0, sizeof(a.out));
		feed(&b, buffer_text(&said), said.len);
		buffer_release(&said);
		said = b.out;
		memset(&b.out, 0, sizeof(b.out));
		feed(&a, buffer_text(&said), said.len);
		buffer_release(&said);
	}
	assert_int_equal(a.out.len + b.out.len, 0);
	assert_int_equal(a.data.len + b.data.len, 0);
	end(&a);
	end(&b);
}

static void test_a_peer_cannot_keep_us_talking(void **state)
{
	static const char flip[] = "\xff\xfb\x01\xff\xfc\x01\xff\xfd\x18";
	struct outcome o;
	int i;

	(void)state;
	begin(&o, TELNET_KIND_TELNET);
	for (i = 0; i < 100000; i++)
		feed(&o, BYTES(flip));
	assert_true(o.out.len <= 3 * 1100);
	feed(&o, BYTES("still here"));
	assert_bytes(&o.data, BYTES("still here"));
	end(&o);
}

/* Any bytes, in pieces or whole: the same data and the same answers. */
static void test_random_bytes(void **state)
{
	static const unsigned char likely[] = { 255, 255, 250, 240, 251, 252,
						253, 254, 44, 0, 1, 3, 13, 10 };
	struct outcome whole, pieces;
	char bytes[512];
	size_t i, at, len;
	unsigned seed;

	(void)state;
	for (seed = 0; seed < 2000; seed++) {
		srand(seed);
		for (i = 0; i < sizeof(bytes); i++)
			bytes[i] = (char)(rand() % 2 ? rand() :
				   likely[(size_t)rand() % sizeof(likely)]);
		begin(&whole, TELNET_KIND_TELNET);
		begin(&pieces, TELNET_KIND_TELNET);
		feed(&whole, bytes, sizeof(bytes));
		for (at = 0; at < sizeof(bytes); at += len) {
			len = 1 + (size_t)rand() % 7;
			if (len > sizeof(bytes) - at)
				len = sizeof(bytes) - at;
			feed(&pieces, bytes + at, len);
		}
		assert_bytes(&pieces.data, buffer_text(&whole.data),
			     whole.data.len);
		assert_bytes(&pieces.out, buffer_text(&whole.out),
			     whole.out.len);
		end(&whole);
		end(&pieces);
	}
}

/* --- RFC 2217 --- */

static void test_com_port(void **state)
{
	struct outcome o;

	(void)state;
	begin(&o, TELNET_KIND_RFC2217);
	assert_memory_equal(o.out.data + o.out.len - 3, "\xff\xfb\x2c", 3);
	assert_false(telnet_protocol_has_com_port(&o.p));
	buffer_clear(&o.out);
	feed(&o, BYTES("\xff\xfd\x2c"));
	assert_true(telnet_protocol_has_com_port(&o.p));
	assert_int_equal(o.out.len, 0);
	/* a byte of the value that is IAC is doubled, both ways */
	telnet_protocol_set(&o.p, TELNET_COM_PORT_SPEED, 0x0001ff00, &o.out);
	assert_bytes(&o.out,
		     BYTES("\xff\xfa\x2c\x01\0\x01\xff\xff\0\xff\xf0"));
	feed(&o, BYTES("\xff\xfa\x2c\x65\0\x01\xff\xff\0\xff\xf0"));
	assert_true(o.p.told[TELNET_COM_PORT_SPEED]);
	assert_int_equal(o.p.value[TELNET_COM_PORT_SPEED], 0x0001ff00);
	buffer_clear(&o.out);
	telnet_protocol_set(&o.p, TELNET_COM_PORT_CONTROL, 5, &o.out);
	assert_bytes(&o.out, BYTES("\xff\xfa\x2c\x05\x05\xff\xf0"));
	feed(&o, BYTES("\xff\xfa\x2c\x6c\xff\xf0"));
	assert_true(o.p.suspended);
	feed(&o, BYTES("\xff\xfa\x2c\x6d\xff\xf0"));
	assert_false(o.p.suspended);
	assert_int_equal(o.data.len, 0);
	end(&o);
}

static void test_com_port_refused_or_odd(void **state)
{
	static const char *const odd[] = { "\x65", "\x65" "123", "\x66" "12",
					   "\x01" "1234", "\xc8" "1", "" };
	struct outcome o;
	char sb[200];
	size_t i;
	int len;

	(void)state;
	begin(&o, TELNET_KIND_RFC2217);
	feed(&o, BYTES("\xff\xfe\x2c"));
	assert_true(o.p.com_port_refused);
	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		len = snprintf(sb, sizeof(sb), "\xff\xfa\x2c%s\xff\xf0",
			       odd[i]);
		feed(&o, sb, (size_t)len);
	}
	/* longer than any: the rest is dropped, the data behind it is not */
	len = snprintf(sb, sizeof(sb), "\xff\xfa\x2c\x65%0150d\xff\xf0ok", 1);
	feed(&o, sb, (size_t)len);
	for (i = 0; i < TELNET_COM_PORT_COUNT; i++)
		assert_false(o.p.told[i]);
	assert_bytes(&o.data, BYTES("ok"));
	end(&o);
}

/* --- options --- */

static int open_with(const char *const *pairs, struct telnet *t,
		     struct rh_error *err)
{
	const struct option *const tables[] = { driver_telnet.options, NULL };
	struct settings *s = settings_new(tables);
	int rc;

	settings_set(s, "address", "console.example", err);
	settings_set(s, "port", "2001", err);
	for (; *pairs != NULL; pairs += 2)
		assert_int_equal(settings_set(s, pairs[0], pairs[1], err), 0);
	memset(t, 0, sizeof(*t));
	rc = driver_telnet.open(t, s, 0, err);
	driver_telnet.close(t);
	settings_free(s);
	return rc;
}

static void test_options(void **state)
{
	static const char *const full[] = { "protocol", "rfc2217", "speed",
					    "9600", "parity", "even", "stop",
					    "2", "bits", "7", NULL };
	static const char *const wrong[] = { "speed", "9600", NULL };
	struct rh_error err = RH_ERROR_INIT;
	struct telnet t;

	(void)state;
	assert_int_equal(open_with(full, &t, &err), 0);
	assert_int_equal(t.kind, TELNET_KIND_RFC2217);
	assert_int_equal(t.wanted[TELNET_COM_PORT_SPEED], 9600);
	assert_int_equal(t.wanted[TELNET_COM_PORT_PARITY], 3);
	assert_int_equal(t.wanted[TELNET_COM_PORT_STOP], 2);
	assert_int_equal(t.wanted[TELNET_COM_PORT_BITS], 7);
	assert_int_equal(open_with(wrong, &t, &err), -1);
	assert_int_equal(err.code, RH_ERR_CONFIG);
	assert_non_null(strstr(err.text, "rfc2217"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_session_over_every_split),
		cmocka_unit_test(test_encode_over_every_split),
		cmocka_unit_test(test_raw_is_raw),
		cmocka_unit_test(test_two_come_to_rest),
		cmocka_unit_test(test_a_peer_cannot_keep_us_talking),
		cmocka_unit_test(test_random_bytes),
		cmocka_unit_test(test_com_port),
		cmocka_unit_test(test_com_port_refused_or_odd),
		cmocka_unit_test(test_options),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
