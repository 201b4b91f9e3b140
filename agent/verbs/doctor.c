/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rhands doctor HOST...|@group: in daylight, whether each way of each host works.
 * It changes nothing and types nothing; only --break sends a break. First what
 * was found, as it comes, then the lines to put into the files, then a table, where
 * hosts of which the same is to be said share a line.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config/hostlist.h"
#include "agent/run/examine.h"
#include "agent/run/lock.h"
#include "agent/run/owner.h"
#include "agent/run/record.h"
#include "agent/verbs/trust.h"
#include "base/memory.h"

#define DOCTOR_PARALLEL 32
#define DOCTOR_HOSTS 32	/* columns; more hosts than that push the rest */
#define DOCTOR_SUBJECT 14	/* columns */
#define DOCTOR_NARROW 30	/* fewer columns are no place for a text */

struct doctor {
	struct verb_call *call;
	struct examine_way *ways;
	size_t count;
	struct sequence **sequences;	/* whose ports are checked; a host each */
	size_t sequence_count;
	int columns;			/* of the terminal; 0: none */
	int parallel;
};

/* One finding, its parts borrowed from a copy of the line. */
struct doctor_finding {
	const char *level;
	const char *subject;
	const char *text;
	const char *hint;	/* NULL: none */
};

static bool doctor_split(char *line, struct doctor_finding *ret)
{
	char *rest = line;

	ret->level = strsep(&rest, "\t");
	ret->subject = strsep(&rest, "\t");
	ret->text = strsep(&rest, "\t");
	ret->hint = strsep(&rest, "\t");
	return ret->text != NULL;
}

/* Calls back for each finding of a way, in order. */
static void doctor_each(const struct examine_way *way, void *context,
			void (*call)(void *context, const struct examine_way *way,
				     const struct doctor_finding *finding))
{
	char *copy = memory_copy(buffer_text(&way->findings));
	struct doctor_finding finding;
	char *line, *rest = copy;

	while ((line = strsep(&rest, "\n")) != NULL) {
		if (*line != '\0' && doctor_split(line, &finding))
			call(context, way, &finding);
	}
	free(copy);
}

/* "console", or "check 389" where a port was asked for. */
static const char *doctor_label(const struct examine_way *way, char *buf,
				size_t buf_len)
{
	if (way->way == NULL)
		return "-";
	if (way->tcp.port != 0)
		snprintf(buf, buf_len, "%s %u", way->way->label, way->tcp.port);
	else
		snprintf(buf, buf_len, "%s", way->way->label);
	return buf;
}

static const char *doctor_driver(const struct examine_way *way)
{
	return way->way != NULL ? way->way->driver->name : "-";
}

/* --- as it comes ------------------------------------------------------------------ */

static void doctor_finding_json(void *context, const struct examine_way *way,
				const struct doctor_finding *f)
{
	json_t *one = json_pack("{so so so}", "level", record_string(f->level),
				"subject", record_string(f->subject), "text",
				record_string(f->text));

	(void)way;
	if (f->hint != NULL)
		json_object_set_new(one, "hint", record_string(f->hint));
	json_array_append_new(context, one);
}

static void doctor_json(const struct examine_way *way)
{
	json_t *findings = json_array();
	json_t *line = json_pack("{so sb}", "host",
				 record_string(way->host->name), "ok",
				 !way->failed);

	if (way->way != NULL) {
		json_object_set_new(line, "way",
				    record_string(way->way->label));
		json_object_set_new(line, "driver",
				    json_string(way->way->driver->name));
	}
	if (way->tcp.port != 0)
		json_object_set_new(line, "port", json_integer(way->tcp.port));
	doctor_each(way, findings, doctor_finding_json);
	json_object_set_new(line, "findings", findings);
	verb_print_json(line);
}

static void doctor_finding_text(void *context, const struct examine_way *way,
				const struct doctor_finding *f)
{
	const struct doctor *d = context;
	char line[900];

	(void)way;
	if (strcmp(f->subject, "known-host") == 0)
		return;	/* it is asked, or said at the end */
	snprintf(line, sizeof(line), "  %-4s  %-*s %s", f->level,
		 DOCTOR_SUBJECT, f->subject, f->text);
	verb_put_folded(line, d->columns, DOCTOR_SUBJECT + 9);
}

static void doctor_take(void *context, const struct examine_way *way)
{
	struct doctor *d = context;
	char label[100], line[400];

	if (d->call->json) {
		doctor_json(way);
	} else {
		snprintf(line, sizeof(line), "%s  %s (%s)", way->host->name,
			 doctor_label(way, label, sizeof(label)),
			 doctor_driver(way));
		verb_put(line);
		putchar('\n');
		doctor_each(way, d, doctor_finding_text);
	}
	fflush(stdout);
}

/* --- the end ---------------------------------------------------------------------- */

static void doctor_hint(void *context, const struct examine_way *way,
			const struct doctor_finding *f)
{
	struct buffer *said = context;
	const char *file = strchr(f->text, ' ');
	char line[6000];

	if (f->hint == NULL || way->way == NULL)
		return;
	if (strcmp(f->subject, "known-host") == 0 && file != NULL)
		file = strchr(file + 1, ' ');
	if (strcmp(f->subject, "known-host") == 0 && file != NULL)
		snprintf(line, sizeof(line), "add to%s, after you compared the "
			 "key: %s\n", file, f->hint);
	else if (strstr(f->hint, " = ") != NULL)
		snprintf(line, sizeof(line), "add to %s, [%s]: %s\n",
			 way->way->file, way->way->label, f->hint);
	else
		snprintf(line, sizeof(line), "%s, [%s]: %s\n", way->host->name,
			 way->way->label, f->hint);
	if (strstr(buffer_text(said), line) == NULL)
		buffer_append_text(said, line);
}

static void doctor_print_hints(const struct doctor *d)
{
	struct buffer said = { 0 };
	char *line, *rest;
	size_t i;

	for (i = 0; i < d->count; i++)
		doctor_each(&d->ways[i], &said, doctor_hint);
	rest = said.data;
	if (rest != NULL)
		putchar('\n');
	while (rest != NULL && (line = strsep(&rest, "\n")) != NULL) {
		if (*line == '\0')
			continue;
		verb_put(line);
		putchar('\n');
	}
	buffer_release(&said);
}

static void doctor_first_fail(void *context, const struct examine_way *way,
			      const struct doctor_finding *f)
{
	struct buffer *first = context;

	(void)way;
	if (first->len == 0 && strcmp(f->level, "fail") == 0)
		buffer_append_text(first, f->text);
}

/* The widest of a column, its heading included. */
static int doctor_wider(int width, const char *text)
{
	int len = (int)strlen(text);

	return len > width ? len : width;
}

/* A line of the table: the hosts of which the same is to be said of that way. */
struct doctor_row {
	char *way, *says;
	const char *driver;
	const char **names;
	size_t count;
};

static char *doctor_says(const struct examine_way *way)
{
	struct buffer first = { 0 };
	char *says;

	doctor_each(way, &first, doctor_first_fail);
	says = memory_format("%s%s%s", way->failed ? "FAIL"
				       : way->leave ? "-" : "ok",
			     first.len > 0 ? "  " : "", buffer_text(&first));
	buffer_release(&first);
	return says;
}

static struct doctor_row *doctor_row_of(struct doctor_row *rows, size_t *count,
					const struct examine_way *way)
{
	char buf[100], *says = doctor_says(way);
	const char *label = doctor_label(way, buf, sizeof(buf));
	struct doctor_row *row;
	size_t i;

	for (i = 0; i < *count; i++) {
		row = &rows[i];
		if (strcmp(row->way, label) == 0 &&
		    strcmp(row->driver, doctor_driver(way)) == 0 &&
		    strcmp(row->says, says) == 0) {
			free(says);
			return row;
		}
	}
	row = &rows[(*count)++];
	*row = (struct doctor_row){ .way = memory_copy(label), .says = says,
				    .driver = doctor_driver(way) };
	return row;
}

static void doctor_print_rows(const struct doctor *d,
			      const struct doctor_row *rows, size_t count)
{
	int hosts = 4, ways = 3, drivers = 6, indent;
	char **names = memory_new(count + 1, sizeof(*names)), *line;
	size_t i;

	for (i = 0; i < count; i++) {
		names[i] = hostlist_fold(rows[i].names, rows[i].count);
		hosts = doctor_wider(hosts, names[i]);
		ways = doctor_wider(ways, rows[i].way);
		drivers = doctor_wider(drivers, rows[i].driver);
	}
	if (hosts > DOCTOR_HOSTS)
		hosts = DOCTOR_HOSTS;
	printf("\n%-*s  %-*s  %-*s\n", hosts, "HOST", ways, "WAY", drivers,
	       "DRIVER");
	indent = hosts + ways + drivers + 12;
	if (d->columns - indent < DOCTOR_NARROW)
		indent = 4;
	for (i = 0; i < count; i++) {
		line = memory_format("%-*s  %-*s  %-*s  %s", hosts, names[i],
				     ways, rows[i].way, drivers, rows[i].driver,
				     rows[i].says);
		verb_put_folded(line, d->columns, indent);
		free(line);
		free(names[i]);
	}
	free(names);
}

static void doctor_print_table(const struct doctor *d)
{
	struct doctor_row *rows = memory_new(d->count + 1, sizeof(*rows)), *row;
	size_t i, count = 0;

	for (i = 0; i < d->count; i++) {
		row = doctor_row_of(rows, &count, &d->ways[i]);
		if (row->count > 0 && row->names[row->count - 1] ==
					      d->ways[i].host->name)
			continue;
		row->names = memory_grow(row->names, row->count + 1,
					 sizeof(*row->names));
		row->names[row->count++] = d->ways[i].host->name;
	}
	doctor_print_rows(d, rows, count);
	for (i = 0; i < count; i++) {
		free(rows[i].way);
		free(rows[i].says);
		free(rows[i].names);
	}
	free(rows);
}

/* --- what there is to look at ------------------------------------------------------ */

static struct examine_way *doctor_add(struct doctor *d, const struct host *host,
				      const struct way *way)
{
	struct examine_way *new;

	d->ways = memory_grow(d->ways, d->count + 1, sizeof(*d->ways));
	new = &d->ways[d->count++];
	*new = (struct examine_way){ .host = host, .way = way };
	return new;
}

/* The ports that the host's sequence wants to see before it does anything. */
static bool doctor_add_ports(struct doctor *d, const struct host *host,
			     const struct way *way)
{
	const struct action *a;
	struct sequence *s;
	bool any = false;
	size_t i;

	if (host->recover == NULL)
		return false;
	s = verb_sequence(d->call, host, host->recover);
	if (s == NULL)
		return false;
	d->sequences = memory_grow(d->sequences, d->sequence_count + 1,
				     sizeof(struct sequence *));
	d->sequences[d->sequence_count++] = s;
	for (i = 0; i < s->healthy.count; i++) {
		a = &s->healthy.list[i];
		if (a->type != ACTION_CHECK_TCP || a->text != NULL)
			continue;
		doctor_add(d, host, way)->tcp = (struct driver_tcp_check){
			.port = (uint16_t)a->number,
			.expect = a->expect,
			.expect_len = a->expect_len };
		any = true;
	}
	return any;
}

static void doctor_add_broken(struct doctor *d, const struct host *host)
{
	struct examine_way *way = doctor_add(d, host, NULL);
	const struct problems *p = &d->call->problems;
	const char *text = "its configuration has errors; see rhands check";
	char line[700];
	size_t i;

	way->leave = true;
	for (i = 0; i < p->count; i++) {
		if (p->list[i].warning ||
		    strcmp(p->list[i].file, host->file) != 0)
			continue;
		snprintf(line, sizeof(line), "%s:%d: %s", p->list[i].file,
			 p->list[i].line, p->list[i].text);
		examine_say(way, "fail", "file", line, NULL);
		text = NULL;
	}
	if (text != NULL)
		examine_say(way, "fail", "file", text, NULL);
}

/* Who may read the records of its runs, where the host says so. */
static void doctor_add_owner(struct doctor *d, const struct host *host)
{
	struct rh_error err = RH_ERROR_INIT;
	struct examine_way *way;
	char text[700];
	gid_t gid;

	if (host->owner_group == NULL)
		return;
	way = doctor_add(d, host, NULL);
	way->leave = true;
	if (owner_find(host->owner_group, &gid, &err) == 0 &&
	    owner_check_way(d->call->records, gid, &err) == 0) {
		snprintf(text, sizeof(text), "the group %s may read records of its "
			 "runs", host->owner_group);
		examine_say(way, "note", "records", text, NULL);
		return;
	}
	snprintf(text, sizeof(text), "%s:%d: owner-group: %s", host->owner_file,
		 host->owner_line, err.text);
	examine_say(way, "fail", "records", text, NULL);
}

static void doctor_add_host(struct doctor *d, const struct host *host)
{
	struct examine_way *way;
	char holder[500], text[600];
	size_t i;

	if (host->broken) {
		doctor_add_broken(d, host);
		return;
	}
	lock_holder(d->call->records, host->name, holder, sizeof(holder));
	snprintf(text, sizeof(text), "%s: the console is left alone", holder);
	for (i = 0; i < host->way_count; i++) {
		if (host->ways[i].capability == WAY_CHECK) {
			/* without a port its name is looked up, if it is written */
			if (!doctor_add_ports(d, host, &host->ways[i]) &&
			    host->ways[i].line != 0)
				doctor_add(d, host, &host->ways[i]);
			continue;
		}
		way = doctor_add(d, host, &host->ways[i]);
		if (holder[0] == '\0' ||
		    host->ways[i].capability != WAY_CONSOLE)
			continue;
		way->leave = true;
		examine_say(way, "note", "held", text, NULL);
	}
	doctor_add_owner(d, host);
}

/* Asks for a host key of a way, and looks again, until there is none to ask for. */
static bool doctor_trust(struct doctor *d, struct examine_way *way,
			 unsigned flags)
{
	enum trust_result trust = TRUST_ADDED;
	bool whole = true;
	int tries;

	for (tries = 0; whole && tries < TRUST_TRIES; tries++) {
		trust = trust_found(d->call, way);
		if (trust != TRUST_ADDED)
			break;
		buffer_clear(&way->findings);
		way->failed = false;
		whole = examine_ways(way, 1, 1, flags, doctor_take, d);
	}
	return whole && trust != TRUST_CANCELLED;
}

static int doctor_examine(struct doctor *d, bool send_break)
{
	unsigned flags = send_break ? DRIVER_DOCTOR_BREAK : 0;
	bool whole = examine_ways(d->ways, d->count, d->parallel, flags,
				  doctor_take, d);
	int status;
	size_t i;

	for (i = 0; i < d->count && whole; i++)
		whole = doctor_trust(d, &d->ways[i], flags);
	status = whole ? 0 : 130;

	for (i = 0; i < d->count && status == 0; i++) {
		if (d->ways[i].failed)
			status = 4;
	}
	if (whole && !d->call->json) {
		doctor_print_hints(d);
		doctor_print_table(d);
	}
	return verb_finish(d->call, status);
}

static void doctor_release(struct doctor *d)
{
	size_t i;

	for (i = 0; i < d->count; i++)
		buffer_release(&d->ways[i].findings);
	for (i = 0; i < d->sequence_count; i++)
		sequence_free(d->sequences[i]);
	free(d->ways);
	free(d->sequences);
}

static int doctor_run(struct verb_call *call)
{
	struct doctor d = { .call = call, .columns = verb_columns(),
			    .parallel = DOCTOR_PARALLEL };
	const char *parallel = NULL;
	const struct host **list = NULL;
	bool send_break = false;
	const struct verb_option own[] = { { "break", NULL, &send_break },
					   { "parallel", &parallel, NULL },
					   { NULL, NULL, NULL } };
	size_t count = 0, i;
	int status = verb_begin(call, own, 1, -1);

	if (status != 0)
		return status == 1 ? 0 : status;
	status = verb_parallel(call, parallel, &d.parallel);
	if (status == 0)
		status = verb_load(call);
	if (status == 0)
		status = verb_select(call, call->argv, call->argc, &list,
				     &count);
	for (i = 0; i < count && status == 0; i++)
		doctor_add_host(&d, list[i]);
	if (status == 0)
		status = doctor_examine(&d, send_break);
	doctor_release(&d);
	free(list);
	return status;
}

const struct verb verb_doctor = {
	.name = "doctor",
	.usage = "HOST...|@GROUP",
	.summary = "look at each way of hosts, in parallel",
	.help = "  --break         send a serial break, where a console can\n"
		"  --parallel N    ways at once (32)\n",
	.json = "doctor",
	.run = doctor_run,
};
