/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any bytes as a twin. What parses lives for a while, with inputs that the bytes
 * behind the first NUL say. Two lives of the same seed, one of them ticked at
 * every input and one twice as often, print the same.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "agent/twin/twin.h"
#include "base/buffer.h"
#include "base/deadline.h"

#define INPUTS_MAX 200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void live_input(struct twin *t, int64_t now, uint8_t what)
{
	struct twin_answer answer = { 0 };
	const char letter = (char)what;

	switch (what % 8) {
	case 0:
	case 1:
		twin_power(t, now, (enum driver_act)(1 + what / 8 % 6));
		break;
	case 2:
		twin_break(t, now);
		break;
	case 3:
		twin_shell(t, now, what > 128 ? "reboot" : "true", &answer);
		assert(answer.reply != TWIN_REPLY_NONE);
		break;
	default:
		twin_type(t, now, &letter, 1);
		break;
	}
	buffer_release(&answer.out);
	buffer_release(&answer.errors);
}

static void live(const struct twin_model *model, const uint8_t *data,
		 size_t size, bool often, struct buffer *ret)
{
	struct twin *t = twin_new(model, size, 0);
	int64_t now = 0;
	const char *out;
	size_t i, len;

	for (i = 0; i + 1 < size && i < INPUTS_MAX; i += 2) {
		if (often)
			twin_tick(t, now + data[i] * 10);
		now += data[i] * 40;
		live_input(t, now, data[i + 1]);
		out = twin_output(t, &len);
		if (ret->len < 65536)
			buffer_append(ret, out, len);
		twin_take_output(t);
		assert(twin_deadline(t) > now || twin_deadline(t) >= 0);
		assert(twin_state_name(t) != NULL);
	}
	buffer_append_text(ret, twin_state_name(t));
	twin_free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = memchr(data, 0, size);
	size_t text = nul != NULL ? (size_t)(nul - data) : size;
	const uint8_t *inputs = data + text + (nul != NULL);
	size_t left = size - text - (nul != NULL);
	struct buffer once = { 0 }, often = { 0 };
	struct problems problems = { 0 };
	struct twin_model *model;
	struct ini *ini;

	ini = ini_read("x.ini", (const char *)data, text, &problems);
	model = twin_model_parse(ini, "x", NULL, &problems);
	assert(model != NULL || problems.count > 0);
	if (model != NULL) {
		live(model, inputs, left, false, &once);
		live(model, inputs, left, true, &often);
		assert(once.len == often.len &&
		       memcmp(once.data, often.data, once.len) == 0);
	}
	buffer_release(&once);
	buffer_release(&often);
	twin_model_free(model);
	ini_free(ini);
	problems_release(&problems);
	return 0;
}
