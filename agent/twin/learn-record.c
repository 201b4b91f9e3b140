/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The files of a record as data, for learn.c and replay.c. Always true: a record
 * that was taken is whole: each line of it could be read, its times do not go
 * back, and are not before its beginning.
 */
#include "agent/twin/learn.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/vis.h"

#define LEARN_VERSION 1
#define LEARN_TIME_MAX (INT64_C(30) * 86400 * 1000)	/* ms */
#define LEARN_CAST_BACK_MS 1000	/* what was held back goes out late */

const char *learn_text(const json_t *event, const char *key)
{
	const char *text = json_string_value(json_object_get(event, key));

	return text != NULL ? text : "";
}

int64_t learn_number(const json_t *event, const char *key)
{
	return json_integer_value(json_object_get(event, key));
}

static int learn_check_version(const json_t *object, const char *file,
			       size_t line, struct rh_error *err)
{
	const json_t *version = json_object_get(object, "version");
	char place[64] = "";

	if (line > 0)
		snprintf(place, sizeof(place), ":%zu", line);
	if (!json_is_integer(version))
		return rh_error_set(err, RH_ERR_CONFIG, "%s%s: it has no "
				    "\"version\"; this is no record of a run",
				    file, place);
	if (json_integer_value(version) != LEARN_VERSION)
		return rh_error_set(err, RH_ERR_CONFIG, "%s%s: format version "
				    "%lld; this rhands reads version %d", file,
				    place,
				    (long long)json_integer_value(version),
				    LEARN_VERSION);
	return 0;
}

int learn_read_run(struct learn_record *r, const char *text, size_t len,
		   struct rh_error *err)
{
	json_error_t why;

	r->run = json_loadb(text, len, 0, &why);
	if (!json_is_object(r->run))
		return rh_error_set(err, RH_ERR_CONFIG, "run.json: it is "
				    "damaged: %s", r->run == NULL
							   ? why.text
							   : "no object");
	return learn_check_version(r->run, "run.json", 0, err);
}

/* ---- the journal ---------------------------------------------------------------- */

static int learn_read_event(struct learn_record *r, const char *text, size_t len,
			    size_t line, struct rh_error *err)
{
	json_t *event = json_loadb(text, len, 0, NULL), *last;
	size_t count = json_array_size(r->journal);
	int64_t at = learn_number(event, "at_ms");

	if (!json_is_object(event)) {
		json_decref(event);
		return rh_error_set(err, RH_ERR_CONFIG, "journal.jsonl:%zu: the "
				    "line is damaged or cut", line);
	}
	last = json_array_get(r->journal, count - 1);
	json_array_append_new(r->journal, event);
	if (learn_check_version(event, "journal.jsonl", line, err) < 0)
		return -1;
	if (learn_text(event, "event")[0] == '\0' ||
	    !json_is_integer(json_object_get(event, "at_ms")))
		return rh_error_set(err, RH_ERR_CONFIG, "journal.jsonl:%zu: it is "
				    "no event", line);
	if (at < 0 || at > LEARN_TIME_MAX || (count > 0 &&
					      at < learn_number(last, "at_ms")))
		return rh_error_set(err, RH_ERR_CONFIG, "journal.jsonl:%zu: its "
				    "time can't be", line);
	return 0;
}

int learn_read_journal(struct learn_record *r, const char *text, size_t len,
		       struct rh_error *err)
{
	const char *newline, *end = text + len;
	size_t line = 0;

	r->journal = json_array();
	for (; text < end; text = newline + 1) {
		line++;
		newline = memchr(text, '\n', (size_t)(end - text));
		if (newline == NULL)
			return rh_error_set(err, RH_ERR_CONFIG,
					    "journal.jsonl:%zu: the line is cut",
					    line);
		if (learn_read_event(r, text, (size_t)(newline - text), line,
				     err) < 0)
			return -1;
	}
	return 0;
}

/* ---- the console ------------------------------------------------------------------ */

static int learn_read_cast_line(struct learn_record *r, const char *line,
				size_t number, struct rh_error *err)
{
	struct rh_error why = RH_ERROR_INIT;
	struct cast_event event = { .type = CAST_NONE };
	int64_t last = r->cast_count > 0 ? r->cast[r->cast_count - 1].at_ms : 0;
	int columns, rows;
	int rc = number == 1 ? cast_read_header(line, &columns, &rows, &why)
			     : cast_read_event(line, &event, &why);

	if (rc < 0)
		return rh_error_set(err, RH_ERR_CONFIG, "console.cast:%zu: %s",
				    number, why.text);
	if (number == 1 || event.type == CAST_NONE) {
		free(event.text);
		return 0;
	}
	if (event.at_ms < 0 || event.at_ms > LEARN_TIME_MAX ||
	    event.at_ms < last - LEARN_CAST_BACK_MS) {
		free(event.text);
		return rh_error_set(err, RH_ERR_CONFIG, "console.cast:%zu: its "
				    "time can't be", number);
	}
	event.at_ms = event.at_ms > last ? event.at_ms : last;
	r->cast = memory_grow(r->cast, r->cast_count + 1, sizeof(*r->cast));
	r->cast[r->cast_count++] = event;
	return 0;
}

int learn_read_cast(struct learn_record *r, const char *text, size_t len,
		    struct rh_error *err)
{
	const char *newline, *end = text + len;
	size_t number = 0;
	char *line;
	int rc;

	if (len == 0)
		return rh_error_set(err, RH_ERR_CONFIG, "console.cast: it is "
				    "empty");
	for (; text < end; text = newline + 1) {
		number++;
		newline = memchr(text, '\n', (size_t)(end - text));
		if (newline == NULL)
			return rh_error_set(err, RH_ERR_CONFIG,
					    "console.cast:%zu: the line is cut",
					    number);
		line = memory_copy_len(text, (size_t)(newline - text));
		rc = learn_read_cast_line(r, line, number, err);
		free(line);
		if (rc < 0)
			return -1;
	}
	return 0;
}

/* ---- the rest --------------------------------------------------------------------- */

void learn_read_output(struct learn_record *r, const char *name,
		       const char *text, size_t len)
{
	struct buffer clean = { 0 };

	if (r->outputs == NULL)
		r->outputs = json_object();
	vis_append_utf8(&clean, text, len);
	json_object_set_new(r->outputs, name,
			    json_stringn(buffer_text(&clean), clean.len));
	buffer_release(&clean);
}

void learn_record_release(struct learn_record *r)
{
	size_t i;

	for (i = 0; i < r->cast_count; i++)
		free(r->cast[i].text);
	free(r->cast);
	json_decref(r->run);
	json_decref(r->journal);
	json_decref(r->outputs);
	*r = (struct learn_record){ .run = NULL };
}
