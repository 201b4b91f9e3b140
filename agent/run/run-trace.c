/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a later rehearsal of this run needs and nobody reads otherwise: the bytes
 * of each key and when they went out, and each answer to a check. `rhands learn`
 * makes a twin of it.
 *
 * Always true: bytes that hold a secret are not written down, here neither; keys
 * wait for the event that says their names, so that typing does not wait for a
 * file.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/run/run-private.h"

static void trace_hex(struct buffer *b, const void *bytes, size_t len)
{
	const unsigned char *at = bytes;
	size_t i;

	for (i = 0; i < len; i++)
		buffer_printf(b, "%02x", at[i]);
}

/* ---- keys ------------------------------------------------------------------- */

static void trace_key(struct run *r, const char *what, json_t *value)
{
	if (r->keys == NULL)
		r->keys = json_array();
	json_array_append_new(r->keys, json_pack("{sI so}", "at_ms",
						 (json_int_t)run_at(r), what,
						 value));
}

void trace_write(struct run *r, const void *bytes, size_t len)
{
	struct buffer hex = { 0 };

	trace_hex(&hex, bytes, len);
	trace_key(r, "hex", json_string(buffer_text(&hex)));
	buffer_append(&r->typed, bytes, len);
	buffer_release(&hex);
}

void trace_secret(struct run *r, const char *name)
{
	trace_key(r, "secret", record_string(name));
}

void trace_break(struct run *r)
{
	trace_key(r, "break", json_true());
}

/* A sequence may spell out what is a secret elsewhere. */
static bool trace_is_clean(const struct run *r)
{
	struct buffer clean = { 0 };
	bool same;

	redact_text(&r->redact, buffer_text(&r->typed), &clean);
	same = strcmp(buffer_text(&clean), buffer_text(&r->typed)) == 0 &&
	       strlen(buffer_text(&r->typed)) == r->typed.len;
	buffer_release(&clean);
	return same;
}

void trace_take_keys(struct run *r, json_t *fields)
{
	if (r->keys != NULL && trace_is_clean(r))
		json_object_set(fields, "keys", r->keys);
	json_decref(r->keys);
	r->keys = NULL;
	if (r->typed.len > 0)
		explicit_bzero(r->typed.data, r->typed.len);
	buffer_clear(&r->typed);
}

void trace_release(struct run *r)
{
	json_decref(r->keys);
	r->keys = NULL;
	buffer_release(&r->typed);
}

/* ---- checks ------------------------------------------------------------------- */

void trace_check(struct run *r, const struct machine_action *a)
{
	r->asked = a->action;
	r->asked_id = a->id;
	r->asked_at = run_at(r);
	r->asked_status = -1;
	r->asked_boot_id[0] = '\0';
}

static json_t *trace_check_fields(const struct run *r)
{
	const struct action *check = r->asked;
	struct buffer hex = { 0 };
	json_t *fields;

	if (check->type == ACTION_CHECK_SSH) {
		fields = json_pack("{ss}", "check", "ssh");
		if (r->asked_boot_id[0] != '\0')
			json_object_set_new(fields, "boot_id",
					    record_string(r->asked_boot_id));
	} else if (check->type == ACTION_CHECK_SHELL) {
		fields = json_pack("{ss so}", "check", "shell", "command",
				   record_string(check->text));
		if (r->asked_status >= 0)
			json_object_set_new(fields, "exit",
					    json_integer(r->asked_status));
	} else {
		trace_hex(&hex, check->expect, check->expect_len);
		fields = json_pack("{ss si ss}", "check", "tcp", "port",
				   check->number, "expect", buffer_text(&hex));
		buffer_release(&hex);
	}
	return fields;
}

void trace_answer(struct run *r, uint32_t id, const struct rh_error *err)
{
	enum rh_code code = err != NULL ? err->code : RH_ERR_NONE;
	json_t *fields;

	if (r->asked == NULL || r->asked_id != id)
		return;
	fields = trace_check_fields(r);
	json_object_set_new(fields, "asked_ms",
			    json_integer((json_int_t)r->asked_at));
	json_object_set_new(fields, "code", json_string(rh_code_name(code)));
	r->asked = NULL;
	run_event(r, "checked", "", "", fields);
}

/* ---- commands ----------------------------------------------------------------- */

void trace_ran(struct run *r, const struct rh_error *err)
{
	enum rh_code code = err != NULL ? err->code : RH_ERR_NONE;
	json_t *fields = json_pack("{ss}", "code", rh_code_name(code));

	if (r->asked_status >= 0)
		json_object_set_new(fields, "exit",
				    json_integer(r->asked_status));
	if (r->asked_output[0] != '\0')
		json_object_set_new(fields, "output",
				    json_string(r->asked_output));
	run_event(r, "ran", "", "", fields);
}
