/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rhands rehearse SEQUENCE: the machine of a live run against a twin, in virtual
 * time, in this process, with faults. Nothing of the world is touched: no host,
 * no record, no lock.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/sequence/check.h"
#include "agent/twin/twin-vars.h"
#include "agent/verbs/rehearse.h"

#define REHEARSE_SEEDS 1000

static const char rehearse_every_fault[] = "all";

/* ---- options ------------------------------------------------------------------------- */

struct rehearse_options {
	const char *seeds;
	const char *from;
	const char *seed;
	const char *jobs;
};

static bool rehearse_number(const char *text, uint64_t max, uint64_t *ret)
{
	char *end;

	errno = 0;
	if (text[0] < '0' || text[0] > '9')
		return false;
	*ret = strtoull(text, &end, 10);
	return errno == 0 && *end == '\0' && *ret <= max;
}

static int rehearse_numbers(struct rehearse *r, const struct rehearse_options *o)
{
	const uint64_t last = UINT64_MAX / 4;
	uint64_t jobs = 1;

	r->from = 1;
	r->count = r->trace || o->seed != NULL ? 1 : REHEARSE_SEEDS;
	if (o->from != NULL && !rehearse_number(o->from, last, &r->from))
		return verb_fail(r->call, 2, "--from %s: expected the number of a "
				 "seed", o->from);
	if (o->seed != NULL && !rehearse_number(o->seed, last, &r->from))
		return verb_fail(r->call, 2, "--seed %s: expected the number of a "
				 "seed", o->seed);
	if (o->seeds != NULL &&
	    (!rehearse_number(o->seeds, 1000000000, &r->count) || r->count < 1))
		return verb_fail(r->call, 2, "--seeds %s: expected a number from 1 "
				 "to 1000000000", o->seeds);
	if (o->jobs != NULL &&
	    (!rehearse_number(o->jobs, 64, &jobs) || jobs < 1))
		return verb_fail(r->call, 2, "--jobs %s: expected a number from 1 "
				 "to 64", o->jobs);
	if (r->trace && r->count != 1)
		return verb_fail(r->call, 2, "--trace shows one rehearsal; leave "
				 "--seeds out and name it with --seed N");
	r->jobs = (int)jobs;
	return 0;
}

/* ---- what the machine is told of a host ------------------------------------------------ */

static void machine_of_power(struct machine_config *m, const struct host *host)
{
	const struct way *power = host_way(host, WAY_POWER, 0);

	for (m->power_ways = 0;
	     host_way(host, WAY_POWER, (size_t)m->power_ways) != NULL;)
		m->power_ways++;
	if (power == NULL)
		return;
	m->min_off_ms = settings_number(power->settings, "min-off");
	m->confirm_ms = settings_number(power->settings, "confirm");
	m->controller_cycle = strcmp(settings_text(power->settings, "cycle-by"),
				     "controller") == 0;
}

static void machine_of_console(struct machine_config *m,
			       const struct settings *s)
{
	const char *enter = settings_text(s, "enter");

	m->terminal = keys_terminal_from_name(settings_text(s, "terminal"));
	m->key_delay_ms = settings_number(s, "key-delay");
	m->mute_ms = settings_number(s, "mute");
	if (sscanf(settings_text(s, "size"), "%dx%d", &m->cols, &m->rows) != 2)
		m->cols = m->rows = 0;
	m->enter = strcmp(enter, "lf") == 0	? "\n"
		   : strcmp(enter, "crlf") == 0 ? "\r\n" : "\r";
}

void rehearse_machine(struct machine_config *m, const struct sequence *s,
		      const struct host *host)
{
	unsigned uses = s->needs | sequence_uses(s);
	const struct way *console;

	*m = (struct machine_config){
		.terminal = KEYS_VT100, .enter = "\r", .key_delay_ms = 20,
		.power_ways = 1, .min_off_ms = 5000, .confirm_ms = 60000,
		.mute_ms = 20000, .check_healthy = true,
		.has_shell = (uses & SEQUENCE_NEEDS_SHELL) != 0,
		.evidence = s->evidence,
	};
	m->has_console = (sequence_uses(s) & SEQUENCE_NEEDS_CONSOLE) != 0;
	if (host == NULL)
		return;
	machine_of_power(m, host);
	console = host_way(host, WAY_CONSOLE, 0);
	if (console != NULL)
		machine_of_console(m, console->settings);
	m->has_console = m->has_console && console != NULL;
	m->has_shell = host_way(host, WAY_SHELL, 0) != NULL;
	m->evidence = m->evidence && host->evidence;
}

/* ---- files -------------------------------------------------------------------------------- */

static int rehearse_host(struct rehearse *r)
{
	const struct host **list = NULL;
	char *word = (char *)r->host_name;
	size_t count = 0;
	int status;

	if (r->host_name == NULL)
		return 0;
	status = verb_hosts_of(r->call, &word, 1, &list, &count);
	if (status == 0 && count != 1)
		status = verb_fail(r->call, 2, "%s means %zu hosts; a rehearsal "
				   "has one", word, count);
	if (status == 0)
		r->host = list[0];
	free(list);
	return status;
}

/* The twin that it names, or has the name of. */
const char *rehearse_twin_name(const struct ini *ini, const char *name)
{
	size_t i, k;

	for (i = 0; i < ini->count; i++) {
		if (strcmp(ini->sections[i].name, "sequence") != 0)
			continue;
		for (k = 0; k < ini->sections[i].count; k++) {
			if (strcmp(ini->sections[i].entries[k].key, "twin") == 0)
				return ini->sections[i].entries[k].value;
		}
	}
	return name;
}

/* Whether the value of a `do` runs this sequence. */
static bool rehearse_runs(const char *value, const char *name)
{
	size_t len = strlen(name);
	const char *at;

	for (at = strstr(value, "run "); at != NULL; at = strstr(at, "run ")) {
		if (at > value && strchr(" \t\n,", at[-1]) == NULL) {
			at += 4;
			continue;
		}
		at += 4 + strspn(at + 4, " \t");
		if (strncmp(at, name, len) == 0 &&
		    strcspn(at + len, " \t\n,") == 0)
			return true;
	}
	return false;
}

/* Another sequence that runs this one; NULL: there is none. */
static const char *rehearse_runner(const struct rehearse *r)
{
	const struct config *config = r->call->config;
	const struct ini_section *section;
	size_t i, k, e;

	for (i = 0; i < config->sequence_count; i++) {
		for (k = 0; k < config->sequences[i]->count; k++) {
			section = &config->sequences[i]->sections[k];
			for (e = 0; e < section->count; e++) {
				if (strcmp(section->entries[e].key, "do") == 0 &&
				    rehearse_runs(section->entries[e].value,
						  r->name))
					return config->sequence_names[i];
			}
		}
	}
	return NULL;
}

static int rehearse_no_twin(const struct rehearse *r, const struct rh_error *err)
{
	const char *runner = rehearse_runner(r);

	if (runner == NULL || strcmp(r->twin_name, r->name) != 0)
		return verb_fail(r->call, 2, "%s", err->text);
	return verb_fail(r->call, 2, "%s has no twin of its own; it is rehearsed "
			 "as a part of %s: rhands rehearse %s", r->name, runner,
			 runner);
}

/* One that ends with return has no end that an oracle could judge. */
static int rehearse_refuse_part(const struct rehearse *r)
{
	const char *runner = rehearse_runner(r);

	if (runner == NULL)
		return verb_fail(r->call, 2, "%s returns to a sequence that runs "
				 "it, and none does: rehearse one that does",
				 r->name);
	return verb_fail(r->call, 2, "%s returns to the sequence that runs it, and "
			 "is rehearsed as a part of that: rhands rehearse %s",
			 r->name, runner);
}

static bool rehearse_is_part(const struct rehearse *r, const struct ini *ini)
{
	const struct sequence_library library = verb_library(r->call);
	const struct sequence_vars vars = { NULL, NULL, &library };
	struct problems problems = { 0 };
	struct sequence *s = sequence_parse(ini, r->name, &vars, &problems);
	bool part = s != NULL && sequence_is_part(s);

	sequence_free(s);
	problems_release(&problems);
	return part;
}

static int rehearse_parse(struct rehearse *r, const struct ini *sequence,
			  const struct ini *twin, struct problems *problems)
{
	const struct sequence_library library = verb_library(r->call);
	const struct sequence_vars host = { verb_var, r->host, NULL };
	const struct twin_vars vars = { r->host != NULL ? &host : NULL, twin };
	const struct sequence_vars all = { twin_vars_get, &vars, &library };

	r->sequence = sequence_parse(sequence, r->name, &all, problems);
	r->twin = twin_model_parse(twin, r->twin_name, &all, problems);
	if (r->sequence != NULL && r->host != NULL)
		verb_check_sequence(r->host, r->sequence, problems);
	else if (r->sequence != NULL)
		sequence_check(r->sequence, NULL, problems);
	problems_sort(problems);
	ini_quote(sequence, problems);
	ini_quote(twin, problems);
	if (problems->errors == 0)
		return 0;
	verb_print_problems(problems, NULL);
	return verb_fail(r->call, 2, "there are errors; nothing was rehearsed");
}

static int rehearse_read(struct rehearse *r)
{
	const struct ini *sequence = config_sequence(r->call->config, r->name);
	struct rh_error err = RH_ERROR_INIT;
	struct problems problems = { 0 };
	struct ini *twin = NULL;
	int status = rehearse_host(r);

	if (status != 0)
		return status;
	if (sequence == NULL) {
		verb_no_sequence(r->call, r->name);
		return 2;
	}
	if (problems_in_file(&r->call->problems, sequence->file) > 0) {
		verb_print_problems(&r->call->problems, sequence->file);
		return verb_fail(r->call, 2, "the sequence has errors; nothing was "
				 "rehearsed");
	}
	if (rehearse_is_part(r, sequence))
		return rehearse_refuse_part(r);
	if (r->twin_name == NULL)
		r->twin_name = rehearse_twin_name(sequence, r->name);
	if (r->record != NULL)
		twin = rehearse_learned(r, &problems);
	else if (config_read_twin(r->call->config, r->twin_name, &problems, &twin,
			     &err) < 0)
		status = rehearse_no_twin(r, &err);
	if (status == 0)
		status = rehearse_parse(r, sequence, twin, &problems);
	problems_release(&problems);
	ini_free(twin);
	return status;
}

/* ---- the verb ------------------------------------------------------------------------------- */

static int rehearse_work(struct rehearse *r)
{
	struct rh_error err = RH_ERROR_INIT;

	r->config.sequence = r->sequence;
	r->config.twin = r->twin;
	r->config.faults = &r->faults;
	r->config.start = -1;
	rehearse_machine(&r->config.machine, r->sequence, r->host);
	if (r->record != NULL)
		return rehearse_record(r);
	if (r->junit != NULL && rehearse_open_junit(r, &err) < 0)
		return verb_fail(r->call, 2, "%s", err.text);
	if (r->trace) {
		rehearse_trace(r);
	} else {
		if (rehearse_all(r, &err) < 0)
			return verb_fail(r->call, 1, "%s", err.text);
		rehearse_print(r);
	}
	if (r->junit != NULL && rehearse_write_junit(r, &err) < 0)
		return verb_fail(r->call, 2, "%s", err.text);
	return verb_finish(r->call, r->report.bad > 0 ? 1 : 0);
}

static int rehearse_begin(struct rehearse *r)
{
	struct rehearse_options o = { .seeds = NULL };
	const struct verb_option own[] = {
		{ "twin", &r->twin_name, NULL },   { "host", &r->host_name, NULL },
		{ "seeds", &o.seeds, NULL },	   { "from", &o.from, NULL },
		{ "seed", &o.seed, NULL },	   { "jobs", &o.jobs, NULL },
		{ "faults", &r->faults_text, NULL }, { "trace", NULL, &r->trace },
		{ "record", &r->record_word, NULL }, { "junit", &r->junit, NULL },
		{ "plan", &r->plan_name, NULL },   { NULL, NULL, NULL }
	};
	struct rh_error err = RH_ERROR_INIT;
	int status = verb_begin(r->call, own, 0, 1);

	if (status == 0)
		status = rehearse_numbers(r, &o);
	if (status != 0)
		return status;
	if ((r->call->argc == 0) != (r->plan_name != NULL))
		return verb_fail(r->call, 2, "expected a sequence, or --plan PLAN");
	r->name = r->call->argc > 0 ? r->call->argv[0] : NULL;
	if (r->plan_name != NULL &&
	    (r->twin_name != NULL || r->host_name != NULL ||
	     r->record_word != NULL || o.jobs != NULL || r->trace ||
	     r->junit != NULL))
		return verb_fail(r->call, 2, "--plan goes with --seeds, --from, "
				 "--seed and --faults");
	if (r->record_word != NULL &&
	    (r->twin_name != NULL || o.seeds != NULL || o.from != NULL ||
	     o.seed != NULL || o.jobs != NULL || r->trace || r->junit != NULL ||
	     strcmp(r->faults_text, "all") != 0))
		return verb_fail(r->call, 2, "--record goes with --host alone: "
				 "the run was one, without a twin or faults");
	/* A plan is rehearsed without faults, unless they are named. */
	if (r->plan_name != NULL && r->faults_text == rehearse_every_fault)
		r->faults_text = "none";
	if (fault_set_parse(&r->faults, r->faults_text, &err) < 0)
		return verb_fail(r->call, 2, "--faults %s: %s", r->faults_text,
				 err.text);
	return 0;
}

static int rehearse_run(struct verb_call *call)
{
	struct rehearse r = { .call = call,
			      .faults_text = rehearse_every_fault };
	int status = rehearse_begin(&r);

	if (status != 0)
		return status == 1 ? 0 : status;
	call->dry = true;
	if (r.plan_name != NULL)
		return rehearse_plan(&r);
	status = verb_load(call);
	if (status == 0 && r.record_word != NULL)
		status = rehearse_take_record(&r);
	if (status == 0)
		status = rehearse_read(&r);
	if (status == 0)
		status = rehearse_work(&r);
	sequence_free(r.sequence);
	twin_model_free(r.twin);
	free(r.visits);
	if (r.junit_file != NULL)
		fclose(r.junit_file);
	rehearse_release_record(&r);
	return status;
}

const struct verb verb_rehearse = {
	.name = "rehearse",
	.usage = "SEQUENCE | --plan PLAN",
	.summary = "a sequence against a twin, a thousand times",
	.help = "  --twin T        of twins.d, or a path; by default what the sequence names\n"
		"  --plan PLAN     a whole maintenance, each host by its twin\n"
		"  --host HOST     take vars, terminal, times from it\n"
		"  --seeds N       how many rehearsals (1000)\n"
		"  --from S        the first seed (1)\n"
		"  --seed S        this one only\n"
		"  --faults LIST   all, none, or ids: P02,L21\n"
		"  --record RUN    against a run's record: where it first departs\n"
		"  --trace         show one rehearsal as a timeline\n"
		"  --junit FILE    write a JUnit file\n"
		"  --jobs N        processes\n",
	.json = "rehearse rehearse-plan rehearse-trace rehearse-record",
	.run = rehearse_run,
};
