/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A file of plans.d becomes a plan. One door, plan_parse: two sections, each
 * against its option table, then what hangs together: hosts, waves, the window,
 * programs. Always true: all problems are told, each with its line.
 */
#include "agent/plan/plan.h"

#include <stdlib.h>
#include <string.h>

#include "agent/plan/window.h"
#include "base/deadline.h"
#include "base/memory.h"
#include "base/option.h"
#include "base/settings.h"
#include "drivers/program.h"

#define PLAN_DAY_MS INT64_C(86400000)

static const char *const plan_kinds[] = { "none", "reboot", "start", "run",
					  NULL };
static const char *const plan_failures[] = { "stop", "continue", "ask", NULL };

static const struct option plan_options[] = {
	{ .key = "summary", .type = OPTION_TEXT,
	  .help = "What is done, in one line." },
	{ .key = "hosts", .type = OPTION_TEXT, .required = true,
	  .help = "Hosts, ranges, @GROUPs, or all." },
	{ .key = "except", .type = OPTION_TEXT,
	  .help = "Those of them that are left out." },
	{ .key = "kind", .type = OPTION_TEXT, .fallback = "reboot",
	  .help = "reboot, start, or run SEQUENCE." },
	{ .key = "begin", .type = OPTION_TEXT, .required = true,
	  .help = "When the window opens: 2026-12-05 22:00." },
	{ .key = "length", .type = OPTION_DURATION, .required = true,
	  .min = 60000, .max = 14 * PLAN_DAY_MS,
	  .help = "How long the window is open." },
	{ .key = "zone", .type = OPTION_TEXT, .fallback = "local",
	  .help = "The time zone of begin: Europe/Berlin, UTC, local." },
	{ .key = "parallel", .type = OPTION_NUMBER, .fallback = "4", .min = 1,
	  .max = 1024, .help = "Hosts at once." },
	{ .key = "each", .type = OPTION_DURATION, .min = 10000,
	  .max = PLAN_DAY_MS, .help = "How long one host may take, with its "
	  "recovery; without it, as long as its sequences." },
	{ .key = "back", .type = OPTION_DURATION, .fallback = "5m", .min = 5000,
	  .max = PLAN_DAY_MS, .help = "How long a host that was restarted has "
	  "to be healthy again, before it is recovered." },
	{ .key = "on-failure", .type = OPTION_CHOICE, .fallback = "stop",
	  .choices = plan_failures,
	  .help = "When a host, the gate or a hook fails." },
	{ .key = "before", .type = OPTION_TEXT,
	  .help = "A program that is run before the first wave." },
	{ .key = "after", .type = OPTION_TEXT,
	  .help = "A program that is run at the end, however it ended." },
	{ .key = "hook-time", .type = OPTION_DURATION, .fallback = "1m",
	  .min = 1000, .max = PLAN_DAY_MS,
	  .help = "How long such a program may take." },
	{ .key = "gate", .type = OPTION_TEXT,
	  .help = "A program that must succeed between two waves." },
	{ .key = "gate-time", .type = OPTION_DURATION, .fallback = "2m",
	  .min = 1000, .max = PLAN_DAY_MS,
	  .help = "How long the gate is tried again." },
	OPTION_END
};

static const struct option announce_options[] = {
	{ .key = "to", .type = OPTION_TEXT, .required = true,
	  .help = "Mail addresses, separated by commas." },
	{ .key = "from", .type = OPTION_TEXT, .required = true,
	  .help = "Whose mail it is." },
	{ .key = "services", .type = OPTION_TEXT,
	  .help = "What people will miss, in their words." },
	{ .key = "mail", .type = OPTION_TEXT,
	  .fallback = "/usr/sbin/sendmail -t -oi",
	  .help = "The program that takes a mail on its standard input." },
	{ .key = "zones", .type = OPTION_TEXT,
	  .help = "More time zones that times are told in." },
	{ .key = "ahead", .type = OPTION_TEXT, .fallback = "48h 1h",
	  .help = "How long before the start it is announced." },
	OPTION_END
};

struct plan_reading {
	struct plan *plan;
	const struct ini *ini;
	const struct config *config;
	struct problems *problems;
	const struct ini_section *section;	/* that is being read */
};

static void plan_problem(struct plan_reading *r, const char *key,
			 const char *text)
{
	int line = r->section->line;
	size_t i;

	for (i = 0; i < r->section->count; i++) {
		if (strcmp(r->section->entries[i].key, key) == 0)
			line = r->section->entries[i].line;
	}
	problems_add(r->problems, r->ini->file, line, "%s: %s", key, text);
}

static char *plan_copy(const struct settings *s, const char *key)
{
	const char *text = settings_text(s, key);

	return text != NULL ? memory_copy(text) : NULL;
}

/* The section's values, checked by themselves. */
static struct settings *plan_settings(struct plan_reading *r,
				      const struct option *const *tables)
{
	struct settings *s = settings_new(tables);
	struct rh_error err = RH_ERROR_INIT;
	const struct ini_entry *e;
	size_t i;

	for (i = 0; i < r->section->count; i++) {
		e = &r->section->entries[i];
		if (settings_knows(s, e->key) && settings_has(s, e->key))
			problems_add(r->problems, r->ini->file, e->line,
				     "key \"%s\" is there twice; expected it "
				     "once", e->key);
		else if (settings_set(s, e->key, e->value, &err) < 0)
			problems_add(r->problems, r->ini->file, e->line, "%s",
				     err.text);
	}
	if (settings_missing(s) != NULL) {
		problems_add(r->problems, r->ini->file, r->section->line,
			     "[%s] lacks \"%s\"", r->section->name,
			     settings_missing(s));
		settings_free(s);
		return NULL;
	}
	return s;
}

/* ---- hosts ------------------------------------------------------------------------ */

/* Each word of text to take, until one fails. */
static int plan_words(const char *text,
		      int (*take)(void *context, const char *word,
				  struct rh_error *err),
		      void *context, struct rh_error *err)
{
	char *copy = memory_copy(text), *save = NULL, *word;
	int rc = 0;

	for (word = strtok_r(copy, " \t\n,", &save); word != NULL && rc == 0;
	     word = strtok_r(NULL, " \t\n,", &save))
		rc = take(context, word, err);
	free(copy);
	return rc;
}

struct plan_hosts {
	const struct config *config;
	const struct host **list;
	size_t count;
};

static int plan_add_host(void *context, const char *word, struct rh_error *err)
{
	struct plan_hosts *h = context;

	return config_select(h->config, word, &h->list, &h->count, err);
}

static int plan_drop_host(void *context, const char *word, struct rh_error *err)
{
	struct plan_hosts *h = context;

	return config_exclude(h->config, word, h->list, &h->count, err);
}

static void plan_hosts(struct plan_reading *r, const struct settings *s)
{
	struct plan *plan = r->plan;
	struct plan_hosts hosts = { .config = r->config };
	struct rh_error err = RH_ERROR_INIT;
	const char *except = settings_text(s, "except");

	if (plan_words(settings_text(s, "hosts"), plan_add_host, &hosts,
		       &err) < 0)
		plan_problem(r, "hosts", err.text);
	else if (except != NULL &&
		 plan_words(except, plan_drop_host, &hosts, &err) < 0)
		plan_problem(r, "except", err.text);
	else if (hosts.count == 0)
		plan_problem(r, "hosts", "no host is left");
	else if (waves_make(&plan->waves, r->config, hosts.list, hosts.count,
			    plan->kind == PLAN_START ? WAVES_START
						     : WAVES_REBOOT, &err) < 0)
		plan_problem(r, "hosts", err.text);
	plan->host_count = hosts.count;
	free(hosts.list);
}

/* ---- the rest of [maintenance] ------------------------------------------------------ */

static void plan_take_kind(struct plan_reading *r, const char *kind)
{
	struct rh_error err = RH_ERROR_INIT;

	if (strcmp(kind, "start") == 0) {
		r->plan->kind = PLAN_START;
	} else if (strncmp(kind, "run ", 4) == 0) {
		r->plan->kind = PLAN_RUN;
		r->plan->sequence = memory_copy(kind + 4 +
						strspn(kind + 4, " "));
		if (config_find_sequence(r->config, r->plan->sequence, &err) ==
		    NULL)
			plan_problem(r, "kind", err.text);
	} else {
		r->plan->kind = PLAN_REBOOT;
		if (strcmp(kind, "reboot") != 0)
			plan_problem(r, "kind", "expected reboot, start, or run "
				     "SEQUENCE");
	}
}

static char **plan_program(struct plan_reading *r, const struct settings *s,
			   const char *key)
{
	const char *text = settings_text(s, key);
	struct rh_error err = RH_ERROR_INIT;
	char **args = NULL;

	if (text != NULL && program_split(text, &args, &err) < 0)
		plan_problem(r, key, err.text);
	return args;
}

static void plan_window(struct plan_reading *r, const struct settings *s)
{
	struct plan *plan = r->plan;
	struct rh_error err = RH_ERROR_INIT;

	plan->zone = plan_copy(s, "zone");
	if (!window_knows(plan->zone))
		plan_problem(r, "zone", "this machine knows no such time zone; "
			     "expected one such as Europe/Berlin, UTC, or local");
	else if (window_parse(settings_text(s, "begin"), plan->zone,
			      &plan->begin_ms, &err) < 0)
		plan_problem(r, "begin", err.text);
	plan->end_ms = plan->begin_ms + settings_number(s, "length");
}

static enum plan_failure plan_failure_of(const char *word)
{
	return strcmp(word, "continue") == 0 ? PLAN_CONTINUE
	       : strcmp(word, "ask") == 0    ? PLAN_ASK : PLAN_STOP;
}

static void plan_maintenance(struct plan_reading *r)
{
	static const struct option *const tables[] = { plan_options, NULL };
	struct settings *s = plan_settings(r, tables);
	struct plan *plan = r->plan;

	if (s == NULL)
		return;
	plan->summary = plan_copy(s, "summary");
	plan_take_kind(r, settings_text(s, "kind"));
	plan_hosts(r, s);
	plan_window(r, s);
	plan->parallel = (int)settings_number(s, "parallel");
	plan->each_ms = settings_has(s, "each") ? settings_number(s, "each") : 0;
	plan->back_ms = settings_number(s, "back");
	plan->failure = plan_failure_of(settings_text(s, "on-failure"));
	plan->before = plan_program(r, s, "before");
	plan->after = plan_program(r, s, "after");
	plan->gate = plan_program(r, s, "gate");
	plan->hook_ms = settings_number(s, "hook-time");
	plan->gate_ms = settings_number(s, "gate-time");
	settings_free(s);
}

/* ---- [announce] ----------------------------------------------------------------------- */

static int plan_add_zone(void *context, const char *word, struct rh_error *err)
{
	struct plan *plan = context;
	size_t n = 0;

	while (plan->zones[n] != NULL)
		n++;
	if (!window_knows(word))
		return rh_error_set(err, RH_ERR_CONFIG, "this machine knows no "
				    "time zone \"%.60s\"", word);
	plan->zones = memory_grow(plan->zones, n + 2, sizeof(*plan->zones));
	plan->zones[n] = memory_copy(word);
	plan->zones[n + 1] = NULL;
	return 0;
}

static int plan_add_ahead(void *context, const char *word, struct rh_error *err)
{
	struct plan *plan = context;
	size_t i = plan->ahead_count;
	int64_t ms;

	if (deadline_parse_ms(word, &ms) < 0 || ms <= 0)
		return rh_error_set(err, RH_ERR_CONFIG, "\"%.40s\" is no time; "
				    "expected times such as 48h 1h", word);
	if (i == PLAN_AHEAD_MAX)
		return rh_error_set(err, RH_ERR_CONFIG, "at most %d times",
				    PLAN_AHEAD_MAX);
	for (; i > 0 && plan->ahead_ms[i - 1] < ms; i--)
		plan->ahead_ms[i] = plan->ahead_ms[i - 1];
	plan->ahead_ms[i] = ms;
	plan->ahead_count++;
	return 0;
}

/* What goes into the head of a mail: one line, or somebody adds lines of his own. */
static void plan_line(struct plan_reading *r, const char *key, const char *text)
{
	if (text != NULL && strpbrk(text, "\r\n") != NULL)
		plan_problem(r, key, "expected one line");
}

static void plan_announce(struct plan_reading *r)
{
	static const struct option *const tables[] = { announce_options, NULL };
	struct settings *s = plan_settings(r, tables);
	struct rh_error err = RH_ERROR_INIT;
	struct plan *plan = r->plan;

	if (s == NULL)
		return;
	plan->to = plan_copy(s, "to");
	plan->from = plan_copy(s, "from");
	plan->services = plan_copy(s, "services");
	plan_line(r, "to", plan->to);
	plan_line(r, "from", plan->from);
	plan->mail = plan_program(r, s, "mail");
	if (settings_text(s, "zones") != NULL &&
	    plan_words(settings_text(s, "zones"), plan_add_zone, plan, &err) < 0)
		plan_problem(r, "zones", err.text);
	if (plan_words(settings_text(s, "ahead"), plan_add_ahead, plan, &err) < 0)
		plan_problem(r, "ahead", err.text);
	settings_free(s);
}

/* ---- the file ---------------------------------------------------------------------------- */

static void plan_section(struct plan_reading *r, bool seen[2])
{
	bool announce = strcmp(r->section->name, "announce") == 0;

	if (!announce && strcmp(r->section->name, "maintenance") != 0) {
		problems_add(r->problems, r->ini->file, r->section->line,
			     "unknown section [%.60s]; expected [maintenance] or "
			     "[announce]", r->section->name);
		return;
	}
	if (seen[announce]) {
		problems_add(r->problems, r->ini->file, r->section->line,
			     "section [%s] is there twice; expected it once",
			     r->section->name);
		return;
	}
	seen[announce] = true;
	if (announce)
		plan_announce(r);
	else
		plan_maintenance(r);
}

struct plan *plan_parse(const struct ini *ini, const char *name,
			const struct config *config, struct problems *problems)
{
	struct plan *plan = memory_new(1, sizeof(*plan));
	struct plan_reading r = { .plan = plan, .ini = ini, .config = config,
				  .problems = problems };
	size_t before = problems->errors, i;
	bool seen[2] = { false, false };

	plan->name = memory_copy(name);
	plan->file = memory_copy(ini->file);
	plan->zones = memory_new(1, sizeof(*plan->zones));
	for (i = 0; i < ini->count; i++) {
		r.section = &ini->sections[i];
		plan_section(&r, seen);
	}
	if (!seen[0])
		problems_add(problems, ini->file, 0, "there is no [maintenance]");
	if (problems->errors == before && !ini->broken)
		return plan;
	plan_free(plan);
	return NULL;
}

void plan_free(struct plan *plan)
{
	if (plan == NULL)
		return;
	waves_release(&plan->waves);
	program_free_args(plan->before);
	program_free_args(plan->after);
	program_free_args(plan->gate);
	program_free_args(plan->mail);
	program_free_args(plan->zones);
	free(plan->name);
	free(plan->file);
	free(plan->summary);
	free(plan->sequence);
	free(plan->zone);
	free(plan->to);
	free(plan->from);
	free(plan->services);
	free(plan);
}

const char *plan_kind_name(enum plan_kind kind)
{
	return plan_kinds[kind];
}

const char *plan_failure_name(enum plan_failure failure)
{
	return plan_failures[failure];
}

size_t plan_wave_of(const struct plan *plan, size_t n)
{
	size_t wave = 0;

	while (wave + 1 < plan->waves.count && n >= plan->waves.ends[wave])
		wave++;
	return wave;
}
