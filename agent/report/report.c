/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The page of a record. The verb `report` comes in by report_write.
 *
 * Always true: the page names nothing outside of itself, and says so to the
 * browser (Content-Security-Policy: nothing is loaded, and only the script with a
 * nonce that was drawn for this page runs); all that comes from the record goes
 * through report_text or report_json.
 */
#include "agent/report/report.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/report/page.h"
#include "agent/run/history.h"
#include "base/memory.h"

#define REPORT_FILE_MAX (4 * 1024 * 1024)

struct report {
	struct buffer *out;
	bool proofs;			/* of history_journal: proofs alone */
	size_t told;
	int64_t last_ms;
};

static void report_lines(struct buffer *out, const char *const *lines)
{
	for (; *lines != NULL; lines++)
		buffer_append_text(out, *lines);
}

static void report_string(struct buffer *out, const char *text)
{
	report_text(out, text, strlen(text));
}

static const char *report_member(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

static void report_clock(struct buffer *out, int64_t ms)
{
	buffer_printf(out, "%" PRId64 ":%02" PRId64 ".%03" PRId64, ms / 60000,
		      ms / 1000 % 60, ms % 1000);
}

/* ---- the head -------------------------------------------------------------------- */

static void report_nonce(char *buf, size_t len)
{
	unsigned char bytes[16] = { 0 };
	size_t i;

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		abort();
	for (i = 0; i < sizeof(bytes); i++)
		snprintf(buf + 2 * i, len - 2 * i, "%02x", bytes[i]);
}

static void report_head(struct buffer *out, const json_t *run, const char *nonce)
{
	buffer_printf(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
		"<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-"
		"Policy\" content=\"default-src 'none'; style-src "
		"'unsafe-inline'; script-src 'nonce-%s'; base-uri 'none'; "
		"form-action 'none'\">\n"
		"<meta name=\"viewport\" content=\"width=device-width\">\n"
		"<meta name=\"referrer\" content=\"no-referrer\">\n<title>", nonce);
	report_string(out, report_member(run, "host"));
	buffer_append_text(out, ", ");
	report_string(out, report_member(run, "started"));
	buffer_append_text(out, "</title>\n<style>\n");
	report_lines(out, page_css);
	buffer_append_text(out, "</style>\n</head>\n<body>\n");
}

static void report_verdict(struct buffer *out, const json_t *run,
			   const char *verdict)
{
	buffer_append_text(out, "<h1>");
	report_string(out, report_member(run, "host"));
	buffer_append_text(out, ": ");
	report_string(out, report_member(run, "sequence"));
	buffer_append_text(out, "</h1>\n<p>");
	report_string(out, report_member(run, "summary"));
	buffer_append_text(out, "</p>\n<p class=\"verdict ");
	report_string(out, verdict);
	buffer_append_text(out, "\" id=\"verdict\"><strong>");
	report_string(out, verdict);
	buffer_append_text(out, "</strong> ");
	report_string(out, report_member(run, "reason"));
	buffer_append_text(out, "</p>\n");
}

/* All members of run.json that say who, when and what, as they are. */
static void report_facts(struct buffer *out, json_t *run)
{
	static const char *const above[] = { "version", "host", "sequence",
					     "summary", "verdict", "reason" };
	const char *key;
	json_t *value;
	char *text;
	size_t i;

	buffer_append_text(out, "<dl>\n");
	json_object_foreach(run, key, value) {
		for (i = 0; i < sizeof(above) / sizeof(above[0]); i++) {
			if (strcmp(key, above[i]) == 0)
				break;
		}
		if (i < sizeof(above) / sizeof(above[0]) || json_is_null(value))
			continue;
		buffer_append_text(out, "<dt>");
		report_string(out, key);
		buffer_append_text(out, "</dt><dd>");
		text = json_is_string(value)
			       ? memory_copy(json_string_value(value))
			       : json_dumps(value, JSON_ENCODE_ANY);
		report_string(out, text);
		free(text);
		buffer_append_text(out, "</dd>\n");
	}
	buffer_append_text(out, "</dl>\n");
}

/* ---- events ------------------------------------------------------------------------ */

/* What an event says; the members of those without a text. */
static void report_event_text(struct buffer *out, const json_t *event)
{
	static const char *const left[] = { "version", "at_ms", "time", "event",
					    "state", "keys" };
	json_t *rest;
	char *text;
	size_t i;

	if (report_member(event, "text")[0] != '\0') {
		report_string(out, report_member(event, "text"));
		return;
	}
	rest = json_copy((json_t *)event);
	for (i = 0; i < sizeof(left) / sizeof(left[0]); i++)
		json_object_del(rest, left[i]);
	text = json_dumps(rest, JSON_COMPACT);
	report_string(out, json_object_size(rest) > 0 ? text : "");
	free(text);
	json_decref(rest);
}

static void report_cell(struct buffer *out, const char *text)
{
	buffer_append_text(out, "<td>");
	report_string(out, text);
	buffer_append_text(out, "</td>");
}

static bool report_is_one_of(const char *word, const char *const *list)
{
	for (; *list != NULL; list++) {
		if (strcmp(word, *list) == 0)
			return true;
	}
	return false;
}

static void report_event(void *context, const json_t *event)
{
	static const char *const proofs[] = { "power", "done", "healthy",
					      "restart", "before", "answer", NULL };
	static const char *const minor[] = { "power-read", "power-acked",
					     "checked", "ran", "console-up", NULL };
	struct report *p = context;
	const char *name = report_member(event, "event");
	int64_t at = json_integer_value(json_object_get(event, "at_ms"));

	p->last_ms = at;
	if (p->proofs && !report_is_one_of(name, proofs))
		return;
	p->told++;
	if (p->proofs)
		buffer_append_text(p->out, "<tr><td>");
	else
		buffer_printf(p->out, "<tr data-ms=\"%" PRId64 "\"%s><td>", at,
			      report_is_one_of(name, minor) ? " class=\"minor\""
							    : "");
	report_clock(p->out, at);
	buffer_append_text(p->out, "</td>");
	report_cell(p->out, report_member(event, "state"));
	report_cell(p->out, name);
	buffer_append_text(p->out, "<td>");
	report_event_text(p->out, event);
	buffer_append_text(p->out, "</td></tr>\n");
}

/* ---- the console -------------------------------------------------------------------- */

static void report_console(struct buffer *out, const json_t *cast,
			   size_t damaged, int64_t last_ms)
{
	buffer_append_text(out, "<h2>Console</h2>\n");
	if (cast == NULL) {
		buffer_append_text(out, "<p>There is no recording.</p>\n");
		return;
	}
	if (damaged > 0)
		buffer_printf(out, "<p>%zu lines of the recording are damaged and "
			      "were left out.</p>\n", damaged);
	buffer_printf(out, "<div id=\"box\"><div id=\"screen\"><div id=\"cursor\">"
		"</div></div></div>\n<div id=\"controls\">"
		"<button id=\"play\" type=\"button\">Play</button>"
		"<input id=\"seek\" type=\"range\" min=\"0\" max=\"%" PRId64
		"\" value=\"0\" aria-label=\"time\"><span id=\"clock\"></span>"
		"<select id=\"speed\" aria-label=\"speed\">", last_ms);
	buffer_append_text(out, "<option value=\"1\">1x</option>"
		"<option value=\"2\">2x</option><option value=\"4\">4x</option>"
		"<option value=\"8\">8x</option><option value=\"16\">16x</option>"
		"</select><label><input id=\"skip\" type=\"checkbox\" checked> cut "
		"silence</label><span>state <b id=\"mark\"></b></span>"
		"<span>typed <b id=\"key\"></b></span></div>\n"
		"<noscript><p>The recording plays with JavaScript; nothing is "
		"loaded from elsewhere.</p></noscript>\n");
}

/* Behind all else: it looks for what it plays on. */
static void report_player(struct buffer *out, const json_t *cast,
			  const char *nonce)
{
	if (cast == NULL)
		return;
	buffer_append_text(out, "<script type=\"application/json\" id=\"cast\">");
	report_json(out, cast);
	buffer_printf(out, "</script>\n<script nonce=\"%s\">\n", nonce);
	report_lines(out, page_player);
	buffer_append_text(out, "</script>\n");
}

/* ---- evidence -------------------------------------------------------------------------- */

static void report_file(struct buffer *out, int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct buffer text = { 0 };
	char bytes[16384];
	struct stat st;
	ssize_t n = 0;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		n = -1;
	while (n >= 0 && text.len < REPORT_FILE_MAX &&
	       (n = read(fd, bytes, sizeof(bytes))) > 0)
		buffer_append(&text, bytes, (size_t)n);
	buffer_append_text(out, "<details><summary>");
	report_string(out, name);
	buffer_printf(out, ", %zu bytes</summary><pre>", text.len);
	if (n < 0)
		buffer_append_text(out, "It can't be read.");
	report_text(out, buffer_text(&text), text.len);
	buffer_append_text(out, "</pre></details>\n");
	if (n > 0)
		buffer_append_text(out, "<p>The rest is left out.</p>\n");
	buffer_release(&text);
	if (fd >= 0)
		close(fd);
}

static void report_evidence(struct buffer *out, const char *path)
{
	char *dir = memory_format("%s/evidence", path);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int i, count = fd < 0 ? 0 : -1;
	struct dirent **list = NULL;

	if (fd >= 0)
		count = scandirat(fd, ".", &list, NULL, alphasort);
	buffer_append_text(out, "<h2>Evidence</h2>\n");
	if (count <= 0)
		buffer_append_text(out, "<p>None was kept.</p>\n");
	for (i = 0; i < count; i++) {
		if (list[i]->d_name[0] != '.')
			report_file(out, fd, list[i]->d_name);
		free(list[i]);
	}
	free(list);
	if (fd >= 0)
		close(fd);
	free(dir);
}

int report_write(struct buffer *out, const char *path, const json_t *run,
		 const char *verdict, struct rh_error *err)
{
	struct report p = { .out = out, .proofs = true };
	json_t *facts = json_deep_copy(run), *cast;
	char nonce[40];
	size_t damaged;
	int rc;

	report_nonce(nonce, sizeof(nonce));
	report_head(out, run, nonce);
	report_verdict(out, run, verdict);
	buffer_append_text(out, "<h2>Proofs</h2>\n<table id=\"proofs\">\n");
	rc = history_journal(path, report_event, &p, err);
	buffer_append_text(out, "</table>\n");
	if (p.told == 0)
		buffer_append_text(out, "<p>None.</p>\n");
	report_facts(out, facts);
	cast = report_cast(path, &damaged);
	report_console(out, cast, damaged, p.last_ms);
	buffer_append_text(out, "<h2>Timeline</h2>\n<table id=\"events\">\n");
	p.proofs = false;
	if (rc == 0)
		rc = history_journal(path, report_event, &p, err);
	buffer_append_text(out, "</table>\n");
	report_evidence(out, path);
	report_player(out, cast, nonce);
	buffer_append_text(out, "</body>\n</html>\n");
	json_decref(cast);
	json_decref(facts);
	return rc;
}
