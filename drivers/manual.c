/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A person at the rack as the last way to power. The brain comes in by
 * driver_manual.
 *
 * A driver has no terminal and asks nobody: an act ends with needs-hands and
 * the words to say to the person. The run asks with them, where there is a person
 * at its terminal (run-person.c), or ends with an instruction and not with a
 * riddle. Nothing was done by this driver, and nothing is claimed about the state.
 */
#include <string.h>

#include "base/deadline.h"
#include "drivers/drivers.h"

struct manual {
	const struct settings *settings;
};

static const struct option manual_options[] = {
	{ .key = "place", .type = OPTION_TEXT, .required = true,
	  .help = "Where the machine is, in words that a stranger can follow: "
		  "room, rack, unit." },
	{ .key = "box", .type = OPTION_TEXT, .required = true,
	  .help = "What is written on the machine." },
	{ .key = "plug", .type = OPTION_TEXT,
	  .help = "What is written on its power plug or socket; without it the "
		  "power button is named." },
	{ .key = "off-time", .type = OPTION_DURATION, .unit = "ms",
	  .fallback = "10s", .min = 1000, .max = 600000,
	  .help = "How long it stays without power." },
	{ .key = "contact", .type = OPTION_TEXT,
	  .help = "Who can go there, and how to reach them." },
	OPTION_END,
};

/* What the hands do, for each act: with a plug and with the button alone. */
static const struct {
	const char *plug;	/* %s: the plug, %t: the time */
	const char *button;
} manual_words[] = {
	[DRIVER_ACT_ON] = {
		"put plug %s in and see that it starts",
		"press the power button once and see that it starts" },
	[DRIVER_ACT_OFF] = {
		"pull plug %s and leave it out",
		"hold the power button until it is off" },
	[DRIVER_ACT_CYCLE] = {
		"pull plug %s, wait %t, put it back and see that it starts",
		"hold the power button until it is off, wait %t, press it once "
		"and see that it starts" },
	[DRIVER_ACT_RESET] = {
		"press the reset button; if there is none, pull plug %s, wait "
		"%t, put it back and see that it starts",
		"press the reset button; if there is none, hold the power "
		"button until it is off, wait %t, press it once" },
	[DRIVER_ACT_SOFT] = {
		"press the power button once, shortly, and wait until it is "
		"off", "press the power button once, shortly, and wait until it "
		"is off" },
};

static void manual_expand(const struct manual *m, const char *words,
			  struct buffer *ret)
{
	const char *plug = settings_text(m->settings, "plug");
	char time[32];

	deadline_format(settings_number(m->settings, "off-time"), time,
			sizeof(time));
	for (; *words != '\0'; words++) {
		if (strncmp(words, "%s", 2) == 0)
			buffer_append_text(ret, plug);
		else if (strncmp(words, "%t", 2) == 0)
			buffer_append_text(ret, time);
		else
			buffer_append_char(ret, *words);
		if (*words == '%')
			words++;
	}
}

/* The whole instruction: where, which box, what, and whom to call. */
static void manual_instruct(const struct manual *m, enum driver_act act,
			    struct buffer *ret)
{
	const char *contact = settings_text(m->settings, "contact");
	bool plug = settings_text(m->settings, "plug") != NULL;

	buffer_printf(ret, "go to %s, box \"%s\": ",
		      settings_text(m->settings, "place"),
		      settings_text(m->settings, "box"));
	manual_expand(m, plug ? manual_words[act].plug :
				manual_words[act].button, ret);
	if (contact != NULL)
		buffer_printf(ret, " (%s)", contact);
}

static int manual_open(void *self, const struct settings *settings,
		       int64_t deadline, struct rh_error *err)
{
	static const char *const keys[] = { "place", "box", "plug",
					    "contact" };
	struct manual *m = self;
	const char *text;
	size_t i;

	(void)deadline;
	m->settings = settings;
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		text = settings_text(settings, keys[i]);
		if (text == NULL)
			continue;
		if (text[0] == '\0' || strlen(text) > 80)
			return rh_error_set(err, RH_ERR_CONFIG,
					    "%s: expected 1 to 80 bytes, to be "
					    "read out to a person", keys[i]);
	}
	return 0;
}

static void manual_close(void *self)
{
	(void)self;
}

/* Nobody is asked: not known. */
static int manual_query(void *self, int64_t deadline,
			enum driver_power *ret_state, struct rh_error *err)
{
	(void)self;
	(void)deadline;
	(void)err;
	*ret_state = DRIVER_POWER_UNKNOWN;
	return 0;
}

static int manual_act(void *self, enum driver_act act, int64_t deadline,
		      struct rh_error *err)
{
	struct buffer words = { 0 };

	(void)deadline;
	if (act <= DRIVER_ACT_NONE || act >= DRIVER_ACT_DIAG)
		return rh_error_set(err, RH_ERR_NOTSUP,
				    "a person at the rack cannot do: %s",
				    driver_act_name(act));
	manual_instruct(self, act, &words);
	rh_error_set(err, RH_ERR_NEEDS_HANDS, "%s", buffer_text(&words));
	buffer_release(&words);
	return -1;
}

static const struct driver_power_ops manual_power_ops = {
	.query = manual_query,
	.act = manual_act,
};

static int manual_look(void *self, unsigned flags, int64_t deadline,
		       struct buffer *ret, struct rh_error *err)
{
	struct manual *m = self;

	(void)flags;
	(void)deadline;
	(void)err;
	buffer_append_text(ret, "note\tperson\twould be told: ");
	manual_instruct(m, DRIVER_ACT_CYCLE, ret);
	if (settings_text(m->settings, "contact") == NULL)
		buffer_append_text(ret, "\nnote\tcontact\tit is not written "
				   "down who can go there\tcontact = NAME, "
				   "TELEPHONE");
	buffer_append_char(ret, '\n');
	return 0;
}

static const struct driver_doctor_ops manual_doctor_ops = {
	.look = manual_look,
};

const struct driver driver_manual = {
	.name = "manual",
	.summary = "power by a person at the rack, told what to do",
	.options = manual_options,
	.size = sizeof(struct manual),
	.open = manual_open,
	.close = manual_close,
	.power = &manual_power_ops,
	.doctor = &manual_doctor_ops,
};
