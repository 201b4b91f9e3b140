/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What rehearsals say: for people at 80 columns, as JSON, as JUnit; and one of
 * them as the timeline that a live run would have. The verb comes in when all
 * are over, or with one seed.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/run/record.h"
#include "agent/run/timeline.h"
#include "agent/verbs/paths.h"
#include "agent/verbs/rehearse.h"
#include "base/deadline.h"

#define OUT_COLUMNS 80
#define OUT_CLASSES 12		/* ends that a person wants to read */
#define OUT_PATH 24		/* states of the slowest one */

static void out_line(int indent, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* A line, folded, what follows set in by `indent`. */
static void out_line(int indent, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	verb_put_folded(text, OUT_COLUMNS, indent);
}

/* What came of so much time: "2m05s", "2.8 days". */
static const char *out_time(int64_t ms, char *buf, size_t buf_len)
{
	if (ms < 86400000)
		return deadline_format(ms / 1000 * 1000, buf, buf_len);
	snprintf(buf, buf_len, "%.1f days", (double)ms / 86400000.0);
	return buf;
}

/* An option and its value, as a shell reads it. */
static void out_option(struct buffer *out, const char *option, const char *value)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "_./@%+=:,-";

	buffer_printf(out, " %s ", option);
	if (value[0] != '\0' && value[strspn(value, plain)] == '\0') {
		buffer_append_text(out, value);
		return;
	}
	buffer_append_char(out, '\'');
	for (; *value != '\0'; value++) {
		if (*value == '\'')
			buffer_append_text(out, "'\\'");
		buffer_append_char(out, *value);
	}
	buffer_append_char(out, '\'');
}

/* The command that rehearses it again, without the seed. */
static void out_replay(const struct rehearse *r, char *buf, size_t buf_len)
{
	const char *own = r->sequence->twin != NULL ? r->sequence->twin : r->name;
	struct buffer out = { 0 };

	buffer_printf(&out, "rhands rehearse %s", r->name);
	if (strcmp(r->call->config_dir, RHANDS_CONFIG_DIR) != 0)
		out_option(&out, "--config", r->call->config_dir);
	if (strcmp(r->twin_name, own) != 0)
		out_option(&out, "--twin", r->twin_name);
	if (r->host_name != NULL)
		out_option(&out, "--host", r->host_name);
	if (strcmp(r->faults_text, "all") != 0)
		out_option(&out, "--faults", r->faults_text);
	snprintf(buf, buf_len, "%s --trace", buffer_text(&out));
	buffer_release(&out);
}

static const char *out_faults(const enum fault *list, char *buf, size_t buf_len)
{
	size_t used = 0;
	int i;

	snprintf(buf, buf_len, "no fault");
	for (i = 0; i < FAULTS_AT_ONCE; i++) {
		if (list[i] != FAULT_NONE)
			used += (size_t)snprintf(buf + used, buf_len - used,
						 "%s%s (%s)",
						 used > 0 ? " and " : "",
						 fault_id(list[i]),
						 fault_words(list[i]));
		if (used >= buf_len)
			break;
	}
	return buf;
}

/* ---- never visited ----------------------------------------------------------------- */

/* For people and programs: NULL is the sequence itself. */
static const char *never_file(const struct rehearse *r, const char *file)
{
	return strcmp(file, r->sequence->file) == 0 ? NULL : file;
}

/* A rule as it stands behind `on`: "/re/", "screen /re/", "idle 45s". */
static const char *never_rule(const struct rule *rule, char *buf, size_t buf_len)
{
	static const char *const kinds[] = { [RULE_SCREEN] = "screen ",
					     [RULE_IDLE] = "idle ",
					     [RULE_LOST] = "lost ",
					     [RULE_TEXT] = "",
					     [RULE_NONE] = "" };
	char time[32];

	deadline_format(rule->ms, time, sizeof(time));
	snprintf(buf, buf_len, "%s%s", kinds[rule->kind],
		 rule->source != NULL ? rule->source : time);
	return buf;
}

/* Calls take for each thing that was never visited. */
static void never_each(const struct rehearse *r,
		       void (*take)(void *context, const char *kind,
				    const char *state, const char *rule,
				    const char *file, int line),
		       void *context)
{
	const struct sequence *s = r->sequence;
	const struct rules *rules = &s->always;
	char words[500];
	size_t k;
	int i;

	for (i = 0; i < (int)s->state_count; i++) {
		if (rehearse_entered(r, (size_t)i) == 0)
			take(context, "state", s->states[i].name, NULL,
			     never_file(r, s->states[i].file),
			     s->states[i].line);
	}
	for (i = -1; i < (int)s->state_count; i++) {
		rules = i < 0 ? &s->always : &s->states[i].rules;
		for (k = 0; k < rules->count; k++) {
			if (rehearse_fired(r, i, k) > 0)
				continue;
			take(context, "rule",
			     i < 0 ? "[always]" : s->states[i].name,
			     never_rule(&rules->list[k], words, sizeof(words)),
			     never_file(r, rules->list[k].file),
			     rules->list[k].line);
		}
	}
	for (k = 0; k < r->twin->state_count; k++) {
		if (rehearse_twin_entered(r, k) == 0)
			take(context, "twin", r->twin->states[k].name, NULL,
			     "the twin", r->twin->states[k].line);
	}
}

static void never_text(void *context, const char *kind, const char *state,
		       const char *rule, const char *file, int line)
{
	const char *of = file != NULL ? " of " : "";
	int *count = context;
	char words[1024];

	(void)kind;
	(*count)++;
	if (file == NULL)
		file = "";
	if (strrchr(file, '/') != NULL)
		file = strrchr(file, '/') + 1;
	if (rule != NULL)
		snprintf(words, sizeof(words), "  never: line %d%s%s: %s: on %s",
			 line, of, file, state, rule);
	else
		snprintf(words, sizeof(words), "  never: line %d%s%s: state %s",
			 line, of, file, state);
	verb_put_folded_words(words, OUT_COLUMNS, 4);
}

static void never_json(void *context, const char *kind, const char *state,
		       const char *rule, const char *file, int line)
{
	json_t *one = json_pack("{ss so si}", "kind", kind, "state",
				record_string(state), "line", line);

	if (rule != NULL)
		json_object_set_new(one, "rule", record_string(rule));
	if (file != NULL && strcmp(kind, "twin") != 0)
		json_object_set_new(one, "file", record_string(file));
	json_array_append_new(context, one);
}

/* ---- the slowest ---------------------------------------------------------------------- */

struct out_path {
	int count;
	json_t *json;		/* NULL: text */
	json_t *states;
};

static void path_event(void *context, int64_t at_ms, const char *event,
		       const char *state, const char *text)
{
	struct out_path *p = context;

	(void)text;
	if (strcmp(event, "state") != 0)
		return;
	p->count++;
	if (p->json != NULL)
		json_array_append_new(p->states,
				      json_pack("{sI so}", "at_ms",
						(json_int_t)at_ms, "state",
						record_string(state)));
	else if (p->count <= OUT_PATH)
		printf("  %3" PRId64 ":%02" PRId64 "  %s\n", at_ms / 60000,
		       at_ms / 1000 % 60, state);
}

/* Once more, to see its way. */
static void out_slowest(struct rehearse *r, json_t *json)
{
	struct out_path path = { .json = json };
	struct rehearsal_config config = r->config;
	struct rehearsal_result result;
	struct rehearsal *reh;
	char took[32], faults[200];

	config.trace = path_event;
	config.context = &path;
	if (json != NULL) {
		path.states = json_array();
		json_object_set_new(json, "path", path.states);
	} else {
		printf("slowest: seed %" PRIu64 "\n", r->report.slowest_seed);
	}
	reh = rehearsal_new(&config);
	rehearsal_run(reh, r->report.slowest_seed, &result);
	rehearsal_free(reh);
	if (json != NULL)
		return;
	if (path.count > OUT_PATH)
		printf("          and %d states more\n", path.count - OUT_PATH);
	out_line(10, "  %3" PRId64 ":%02" PRId64 "  %s after %s, with %s",
		 result.ms / 60000, result.ms / 1000 % 60,
		 verdict_name(result.verdict),
		 deadline_format(result.ms, took, sizeof(took)),
		 out_faults(result.faults, faults, sizeof(faults)));
}

/* ---- for people ------------------------------------------------------------------------- */

static void out_head(const struct rehearse *r)
{
	const struct report *rep = &r->report;
	char virtual[32];

	out_line(2, "%s, with the twin %s: %" PRIu64 " rehearsal%s, seeds %"
		 PRIu64 " to %" PRIu64 ", faults: %s", r->name, r->twin_name,
		 rep->runs, rep->runs == 1 ? "" : "s", r->from, r->from + r->count - 1, r->faults_text);
	out_line(2, "%.1f s, %.0f a second; %s in virtual time", r->seconds,
		 (double)rep->runs / (r->seconds > 1e-3 ? r->seconds : 1e-3),
		 out_time(rep->ms, virtual, sizeof(virtual)));
}

static void out_ends(const struct rehearse *r)
{
	const struct report *rep = &r->report;
	const struct report_class *c;
	uint64_t more = rep->more;
	int i, v, shown = 0;

	for (v = VERDICT_RECOVERED; v < VERDICT_COUNT; v++)
		printf("%-12s %9" PRIu64 "  %5.1f %%\n",
		       verdict_name((enum verdict)v), rep->ended[v],
		       100.0 * (double)rep->ended[v] /
			       (double)(rep->runs > 0 ? rep->runs : 1));
	printf("ends\n");
	for (i = 0; i < rep->class_count; i++) {
		c = &rep->classes[i];
		if (i > 0 && c->verdict != rep->classes[i - 1].verdict)
			shown = 0;
		if (++shown > OUT_CLASSES) {
			more += c->count;
			continue;
		}
		out_line(22, "  %9" PRIu64 "  seed %-8" PRIu64 " %s: %s",
			 c->count, c->seed, verdict_name(c->verdict), c->text);
	}
	if (more > 0)
		printf("  %9" PRIu64 "  others\n", more);
}

static void out_complaints(const struct rehearse *r)
{
	const struct report *rep = &r->report;
	const struct report_complaint *c;
	char faults[200], replay[600], command[640];
	int i;

	if (rep->bad == 0) {
		printf("The oracle has no complaint.\n");
		return;
	}
	out_replay(r, replay, sizeof(replay));
	printf("The oracle complains of %" PRIu64 " rehearsal%s:\n", rep->bad,
	       rep->bad == 1 ? "" : "s");
	for (i = 0; i < rep->complaint_count; i++) {
		c = &rep->complaints[i];
		out_line(4, "  %" PRIu64 " x %s", c->count, c->text);
		out_line(6, "    seed %" PRIu64 ", %s, with %s", c->seed,
			 verdict_name(c->verdict),
			 out_faults(c->faults, faults, sizeof(faults)));
		snprintf(command, sizeof(command), "    %s --seed %" PRIu64,
			 replay, c->seed);
		verb_put_folded_words(command, 0, 0);
	}
}

static void out_text(struct rehearse *r)
{
	int never = 0;

	out_head(r);
	out_ends(r);
	printf("visits\n");
	never_each(r, never_text, &never);
	if (never == 0)
		printf("  each state and rule was visited, and each state of the "
		       "twin\n");
	out_slowest(r, NULL);
	out_complaints(r);
}

/* ---- JSON ---------------------------------------------------------------------------------- */

static json_t *json_faults(const struct rehearse *r)
{
	json_t *list = json_object();
	int i;

	for (i = 1; i < FAULT_COUNT; i++) {
		if (r->faults.has[i])
			json_object_set_new(list, fault_id((enum fault)i),
					    json_integer((json_int_t)r->report
								 .struck[i]));
	}
	return list;
}

static json_t *json_ends(const struct report *rep)
{
	json_t *list = json_array();
	int i;

	for (i = 0; i < rep->class_count; i++)
		json_array_append_new(
			list, json_pack("{ss so sI sI}", "verdict",
					verdict_name(rep->classes[i].verdict),
					"reason",
					record_string(rep->classes[i].text),
					"count",
					(json_int_t)rep->classes[i].count,
					"seed",
					(json_int_t)rep->classes[i].seed));
	return list;
}

static json_t *json_complaints(const struct rehearse *r)
{
	const struct report *rep = &r->report;
	const struct report_complaint *c;
	json_t *list = json_array(), *one;
	char replay[600], command[640];
	int i, k;

	out_replay(r, replay, sizeof(replay));
	for (i = 0; i < rep->complaint_count; i++) {
		c = &rep->complaints[i];
		snprintf(command, sizeof(command), "%s --seed %" PRIu64, replay,
			 c->seed);
		one = json_pack("{so sI sI ss so}", "text",
				record_string(c->text), "count",
				(json_int_t)c->count, "seed",
				(json_int_t)c->seed, "verdict",
				verdict_name(c->verdict), "replay",
				record_string(command));
		json_object_set_new(one, "faults", json_array());
		for (k = 0; k < FAULTS_AT_ONCE; k++) {
			if (c->faults[k] != FAULT_NONE)
				json_array_append_new(
					json_object_get(one, "faults"),
					json_string(fault_id(c->faults[k])));
		}
		json_array_append_new(list, one);
	}
	return list;
}

static void out_json(struct rehearse *r)
{
	const struct report *rep = &r->report;
	json_t *never = json_array(), *slowest, *ended = json_object();
	int v;

	for (v = VERDICT_RECOVERED; v < VERDICT_COUNT; v++)
		json_object_set_new(ended, verdict_name((enum verdict)v),
				    json_integer((json_int_t)rep->ended[v]));
	never_each(r, never_json, never);
	slowest = json_pack("{sI sI}", "seed", (json_int_t)rep->slowest_seed,
			    "ms", (json_int_t)rep->slowest_ms);
	out_slowest(r, slowest);
	verb_print_json(json_pack(
		"{so so sI sI sf so so so so so so}", "sequence",
		record_string(r->name), "twin", record_string(r->twin_name),
		"rehearsals", (json_int_t)rep->runs, "from",
		(json_int_t)r->from, "seconds", r->seconds, "verdicts", ended,
		"ends", json_ends(rep), "faults", json_faults(r), "never", never,
		"slowest", slowest, "complaints", json_complaints(r)));
}

void rehearse_print(struct rehearse *r)
{
	if (r->call->json)
		out_json(r);
	else
		out_text(r);
}

/* ---- JUnit ----------------------------------------------------------------------------------- */

int rehearse_open_junit(struct rehearse *r, struct rh_error *err)
{
	r->junit_file = fopen(r->junit, "we");
	if (r->junit_file == NULL)
		return rh_error_set_errno(err, RH_ERR_IO, errno, "%s", r->junit);
	return 0;
}

int rehearse_write_junit(struct rehearse *r, struct rh_error *err)
{
	struct buffer out = { 0 };
	char replay[600];
	FILE *f = r->junit_file;
	int rc = 0;

	r->junit_file = NULL;
	out_replay(r, replay, sizeof(replay));
	report_junit(&r->report, r->name, replay, r->seconds, &out);
	if (fwrite(out.data, 1, out.len, f) != out.len)
		rc = rh_error_set_errno(err, RH_ERR_IO, errno, "%s", r->junit);
	if (fclose(f) != 0 && rc == 0)
		rc = rh_error_set_errno(err, RH_ERR_IO, errno, "%s", r->junit);
	buffer_release(&out);
	return rc;
}

/* ---- one rehearsal ----------------------------------------------------------------------------- */

struct out_trace {
	struct timeline timeline;
	bool json;
};

static bool trace_is_fault(const char *event)
{
	return isupper((unsigned char)event[0]) &&
	       isdigit((unsigned char)event[1]);
}

static void trace_json(int64_t at_ms, const char *event, const char *state,
		       const char *text)
{
	bool fault = trace_is_fault(event);
	json_t *line = json_pack("{ss sI}", "event", fault ? "fault" : event,
				 "at_ms", (json_int_t)at_ms);

	if (fault)
		json_object_set_new(line, "fault", json_string(event));
	if (state[0] != '\0')
		json_object_set_new(line, "state", record_string(state));
	json_object_set_new(line, "text",
			    record_string(text != NULL ? text : ""));
	verb_print_json(line);
}

static void trace_event(void *context, int64_t at_ms, const char *event,
			const char *state, const char *text)
{
	struct out_trace *t = context;
	char words[300];

	if (t->json) {
		trace_json(at_ms, event, state, text);
	} else if (trace_is_fault(event)) {
		snprintf(words, sizeof(words), "%s: %s", event, text);
		timeline_line(&t->timeline, at_ms, "fault", words);
	} else if (strcmp(event, "act") == 0 || strcmp(event, "oracle") == 0 ||
		   strcmp(event, "twin") == 0) {
		timeline_line(&t->timeline, at_ms, event, text);
	} else {
		timeline_tick(&t->timeline, at_ms);
		timeline_event(&t->timeline, at_ms, event, state,
			       text != NULL ? text : "");
	}
}

static void trace_end(struct rehearse *r, struct out_trace *t,
		      const struct rehearsal_result *result)
{
	char took[32], text[600], faults[200];

	report_add(&r->report, result);
	deadline_format(result->ms / 1000 * 1000, took, sizeof(took));
	if (t->json) {
		verb_print_json(json_pack(
			"{ss sI ss so sI so}", "event", "verdict", "at_ms",
			(json_int_t)result->ms, "verdict",
			verdict_name(result->verdict), "text",
			record_string(result->reason), "seed",
			(json_int_t)result->seed, "complaint",
			record_string(result->complaint)));
		return;
	}
	snprintf(text, sizeof(text), "%s %s%s%s",
		 result->verdict == VERDICT_RECOVERED ? "in" : "after", took,
		 result->verdict == VERDICT_RECOVERED ? "; " : ": ",
		 result->reason);
	timeline_line(&t->timeline, result->ms, verdict_name(result->verdict),
		      text);
	snprintf(text, sizeof(text), "seed %" PRIu64 ", with %s", result->seed,
		 out_faults(result->faults, faults, sizeof(faults)));
	timeline_line(&t->timeline, -1, "rehearsal", text);
	timeline_line(&t->timeline, -1, "oracle",
		      result->complaint[0] != '\0' ? result->complaint
						   : "no complaint");
}

void rehearse_trace(struct rehearse *r)
{
	struct out_trace t = { .json = r->call->json };
	struct rehearsal_result result;
	struct rehearsal *reh;

	timeline_init(&t.timeline, t.json ? TIMELINE_QUIET : TIMELINE_PLAIN,
		      STDOUT_FILENO);
	t.timeline.patient = true;
	timeline_head(&t.timeline, r->twin_name, r->name, r->sequence->summary);
	r->config.trace = trace_event;
	r->config.context = &t;
	reh = rehearsal_new(&r->config);
	rehearsal_run(reh, r->from, &result);
	rehearsal_free(reh);
	trace_end(r, &t, &result);
	timeline_end(&t.timeline);
}
