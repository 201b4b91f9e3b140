/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The recording of a console as asciicast v2. The doors are cast_write_* for
 * the run and cast_read_* for learning and replay.
 *
 * Always true: what is written is one line of JSON for each call,
 * ended by \n, with no control character in it (also no DEL and no C1), so that a
 * recording can be looked at with cat(1); a line that was cut does not parse.
 */
#include "agent/console/cast.h"

#include <inttypes.h>
#include <string.h>

#include <jansson.h>

#include "base/memory.h"
#include "base/vis.h"

/* Greater times are no recording but damage: more than 300 years. */
#define CAST_MAX_SECONDS 1e10

/* Whether the byte stands in a JSON string as it is. */
static bool cast_is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void cast_escape(struct buffer *out, unsigned code)
{
	switch (code) {
	case '\n':
		buffer_append(out, "\\n", 2);
		break;
	case '\r':
		buffer_append(out, "\\r", 2);
		break;
	case '\t':
		buffer_append(out, "\\t", 2);
		break;
	case '"':
		buffer_append(out, "\\\"", 2);
		break;
	case '\\':
		buffer_append(out, "\\\\", 2);
		break;
	default:
		buffer_printf(out, "\\u%04x", code);
		break;
	}
}

/*
 * One character (or one byte that is none) from the beginning of bytes;
 * returns its length, 0 where it is cut.
 */
static size_t cast_append_char(struct buffer *out, const char *bytes,
			       size_t len)
{
	const unsigned char *b = (const unsigned char *)bytes;
	bool cut;
	size_t n = vis_utf8_len(bytes, len, &cut);

	if (n == 0 && cut)
		return 0;
	if (n == 0)
		buffer_append(out, "\xef\xbf\xbd", 3);
	else if (n == 1)
		cast_escape(out, b[0]);
	else if (n == 2 && b[0] == 0xc2 && b[1] < 0xa0)
		cast_escape(out, b[1]);
	else
		buffer_append(out, bytes, n);
	return n == 0 ? 1 : n;
}

/* Returns how many bytes were written: all but a cut character at the end. */
static size_t cast_append_escaped(struct buffer *out, const char *bytes,
				  size_t len)
{
	size_t i = 0, n;

	while (i < len) {
		for (n = 0; i + n < len &&
			    cast_is_plain((unsigned char)bytes[i + n]);)
			n++;
		if (n > 0)
			buffer_append(out, bytes + i, n);
		else
			n = cast_append_char(out, bytes + i, len - i);
		if (n == 0)
			break;
		i += n;
	}
	return i;
}

static void cast_append_replaced(struct buffer *out, size_t count)
{
	for (; count > 0; count--)
		buffer_append(out, "\xef\xbf\xbd", 3);
}

/* A whole text, what is cut at its end replaced. */
static void cast_append_text(struct buffer *out, const char *text)
{
	size_t len = strlen(text);

	cast_append_replaced(out, len - cast_append_escaped(out, text, len));
}

static void cast_begin_event(struct buffer *out, int64_t at_ms, char type)
{
	if (at_ms < 0)
		at_ms = 0;
	buffer_printf(out, "[%" PRId64 ".%03d, \"%c\", \"", at_ms / 1000,
		      (int)(at_ms % 1000), type);
}

static void cast_end_event(struct buffer *out)
{
	buffer_append(out, "\"]\n", 3);
}

void cast_write_header(struct buffer *out, int columns, int rows,
		       int64_t wall_ms, const char *title)
{
	buffer_printf(out,
		      "{\"version\": 2, \"width\": %d, \"height\": %d, "
		      "\"timestamp\": %" PRId64,
		      columns, rows, wall_ms / 1000);
	if (title != NULL) {
		buffer_append_text(out, ", \"title\": \"");
		cast_append_text(out, title);
		buffer_append_char(out, '"');
	}
	buffer_append(out, "}\n", 2);
}

/*
 * Completes the held character with bytes of the new ones; returns how many
 * of them it took. The held bytes are gone then, or all new ones were held.
 */
static size_t cast_complete_held(struct cast_writer *w, struct buffer *out,
				 const char *bytes, size_t len)
{
	size_t used = 0, n;

	while (w->held_len > 0 && used < len &&
	       ((unsigned char)bytes[used] & 0xc0) == 0x80) {
		w->held[w->held_len++] = bytes[used++];
		n = cast_append_escaped(out, w->held, w->held_len);
		w->held_len -= n;
	}
	if (used < len) {
		cast_append_replaced(out, w->held_len);
		w->held_len = 0;
	}
	return used;
}

void cast_write_output(struct cast_writer *w, struct buffer *out,
		       int64_t at_ms, const void *bytes, size_t len)
{
	const char *b = bytes;
	size_t before = out->len, begun, used;

	cast_begin_event(out, at_ms, 'o');
	begun = out->len;
	if (len == 0) {
		cast_append_replaced(out, w->held_len);
		w->held_len = 0;
	} else {
		used = cast_complete_held(w, out, b, len);
		used += cast_append_escaped(out, b + used, len - used);
		if (used < len) {
			memcpy(w->held, b + used, len - used);
			w->held_len = len - used;
		}
	}
	if (out->len > begun) {
		cast_end_event(out);
	} else {
		out->len = before;
		out->data[before] = '\0';
	}
}

static void cast_write_text(struct buffer *out, int64_t at_ms, char type,
			    const char *text)
{
	cast_begin_event(out, at_ms, type);
	cast_append_text(out, text);
	cast_end_event(out);
}

void cast_write_input(struct buffer *out, int64_t at_ms, const char *text)
{
	cast_write_text(out, at_ms, 'i', text);
}

void cast_write_marker(struct buffer *out, int64_t at_ms, const char *text)
{
	cast_write_text(out, at_ms, 'm', text);
}

static int cast_size(const json_t *header, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(header, key));

	return value >= 1 && value <= 10000 ? (int)value : 0;
}

int cast_read_header(const char *line, int *ret_columns, int *ret_rows,
		     struct rh_error *err)
{
	json_error_t why;
	json_t *header = json_loads(line, JSON_ALLOW_NUL, &why);
	int columns = cast_size(header, "width");
	int rows = cast_size(header, "height");
	json_int_t version =
		json_integer_value(json_object_get(header, "version"));

	json_decref(header);
	if (header == NULL)
		return rh_error_set(err, RH_ERR_CONFIG,
				    "not a recording: no JSON: %s", why.text);
	if (version != 2)
		return rh_error_set(err, RH_ERR_CONFIG,
				    "not a recording of version 2 "
				    "(asciicast v2)");
	if (columns == 0 || rows == 0)
		return rh_error_set(err, RH_ERR_CONFIG,
				    "recording without width and height");
	*ret_columns = columns;
	*ret_rows = rows;
	return 0;
}

static enum cast_type cast_type_from_name(const char *name)
{
	if (strcmp(name, "o") == 0)
		return CAST_OUTPUT;
	if (strcmp(name, "i") == 0)
		return CAST_INPUT;
	if (strcmp(name, "m") == 0)
		return CAST_MARKER;
	return CAST_NONE;
}

/* Takes the parts out of the array; the text is copied. */
static int cast_take_event(const json_t *array, struct cast_event *ret,
			   struct rh_error *err)
{
	const json_t *at = json_array_get(array, 0);
	const json_t *type = json_array_get(array, 1);
	const json_t *text = json_array_get(array, 2);
	double seconds = json_number_value(at);

	if (!json_is_number(at) || !json_is_string(type))
		return rh_error_set(err, RH_ERR_PROTOCOL,
				    "damaged event: not [time, type, text]");
	if (!(seconds >= 0 && seconds <= CAST_MAX_SECONDS))
		return rh_error_set(err, RH_ERR_PROTOCOL,
				    "damaged event: time %g s", seconds);
	memset(ret, 0, sizeof(*ret));
	ret->at_ms = (int64_t)(seconds * 1000 + 0.5);
	ret->type = cast_type_from_name(json_string_value(type));
	if (ret->type == CAST_NONE)
		return 0;
	if (!json_is_string(text)) {
		memset(ret, 0, sizeof(*ret));
		return rh_error_set(err, RH_ERR_PROTOCOL,
				    "damaged event: no text");
	}
	ret->len = json_string_length(text);
	ret->text = memory_copy_len(json_string_value(text), ret->len);
	return 0;
}

int cast_read_event(const char *line, struct cast_event *ret,
		    struct rh_error *err)
{
	json_error_t why;
	json_t *array = json_loads(line, JSON_ALLOW_NUL, &why);
	struct cast_event event;
	int rc;

	if (array == NULL)
		return rh_error_set(err, RH_ERR_PROTOCOL,
				    "damaged event: %s", why.text);
	rc = cast_take_event(array, &event, err);
	json_decref(array);
	if (rc == 0)
		*ret = event;
	return rc;
}
