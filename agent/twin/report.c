/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What came of many rehearsals, counted. The verb comes in with each result, or
 * with the reports of its processes, and then asks for order.
 *
 * Always true: of one class the lowest seed is kept, so that the same seeds give
 * the same report in whatever order they were rehearsed; what has no room is
 * counted.
 */
#include "agent/twin/report.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool report_is_hex(char c)
{
	return isdigit((unsigned char)c) || (c >= 'a' && c <= 'f');
}

/*
 * The length of the word here where it is one of hexadecimal digits, a part of a
 * boot id: "3f2a91c0", "3f2a...", what stands behind "#-"; else 0.
 */
static size_t report_hex(const char *text, const char *before, size_t used)
{
	size_t len = 0, digits = 0;

	if (used > 0 && isalnum((unsigned char)before[used - 1]))
		return 0;
	for (; report_is_hex(text[len]); len++)
		digits += isdigit((unsigned char)text[len]) != 0;
	if (len < 4 || isalnum((unsigned char)text[len]))
		return 0;
	if (digits > 0 || strncmp(text + len, "...", 3) == 0)
		return len;
	return used > 1 && memcmp(before + used - 2, "#-", 2) == 0 ? len : 0;
}

/* "0:06" is "#:#", and a boot id "#-#-#-#-#": they differ from seed to seed. */
static void report_like(const char *text, char *out, size_t out_len)
{
	size_t used = 0, len;

	while (*text != '\0' && used + 1 < out_len) {
		len = report_hex(text, out, used);
		if (len == 0)
			len = strspn(text, "0123456789");
		out[used++] = len > 0 ? '#' : *text;
		text += len > 0 ? len : 1;
	}
	if (*text != '\0')
		used -= 3;
	/* Not in the middle of a character. */
	while (*text != '\0' && used > 0 && (out[used] & 0xc0) == 0x80)
		used--;
	out[used] = '\0';
	if (*text != '\0')
		memcpy(out + used, "...", 4);
}

/* ---- ends ------------------------------------------------------------------------- */

static void report_class(struct report *rep, const struct report_class *add)
{
	struct report_class *c;
	int i;

	for (i = 0; i < rep->class_count; i++) {
		c = &rep->classes[i];
		if (c->verdict != add->verdict || strcmp(c->text, add->text) != 0)
			continue;
		c->count += add->count;
		c->seed = add->seed < c->seed ? add->seed : c->seed;
		return;
	}
	if (rep->class_count == REPORT_CLASSES)
		rep->more += add->count;
	else
		rep->classes[rep->class_count++] = *add;
}

static void report_end(struct report *rep, const struct rehearsal_result *result)
{
	struct report_class c = { .verdict = result->verdict, .count = 1,
				  .seed = result->seed };

	report_like(result->reason, c.text, sizeof(c.text));
	report_class(rep, &c);
}

/* ---- complaints -------------------------------------------------------------------- */

static void report_complaint(struct report *rep,
			     const struct report_complaint *add)
{
	struct report_complaint *c;
	uint64_t count;
	int i;

	for (i = 0; i < rep->complaint_count; i++) {
		c = &rep->complaints[i];
		if (strcmp(c->like, add->like) != 0)
			continue;
		count = c->count + add->count;
		if (add->seed < c->seed)
			*c = *add;
		c->count = count;
		return;
	}
	if (rep->complaint_count < REPORT_COMPLAINTS)
		rep->complaints[rep->complaint_count++] = *add;
}

static void report_complain(struct report *rep,
			    const struct rehearsal_result *result)
{
	struct report_complaint c = { .count = 1, .seed = result->seed,
				      .verdict = result->verdict };

	rep->bad++;
	snprintf(c.text, sizeof(c.text), "%s", result->complaint);
	report_like(result->complaint, c.like, sizeof(c.like));
	memcpy(c.faults, result->faults, sizeof(c.faults));
	report_complaint(rep, &c);
}

/* ---- all of it ----------------------------------------------------------------------- */

static void report_slowest(struct report *rep, int64_t ms, uint64_t seed)
{
	if (ms < rep->slowest_ms ||
	    (ms == rep->slowest_ms && seed >= rep->slowest_seed))
		return;
	rep->slowest_ms = ms;
	rep->slowest_seed = seed;
}

void report_add(struct report *rep, const struct rehearsal_result *result)
{
	rep->runs++;
	rep->ms += result->ms;
	rep->ended[result->verdict]++;
	report_end(rep, result);
	if (result->complaint[0] != '\0')
		report_complain(rep, result);
	report_slowest(rep, result->ms, result->seed);
}

void report_merge(struct report *rep, const struct report *from)
{
	int i;

	rep->runs += from->runs;
	rep->bad += from->bad;
	rep->ms += from->ms;
	rep->more += from->more;
	for (i = 0; i < VERDICT_COUNT; i++)
		rep->ended[i] += from->ended[i];
	for (i = 0; i < FAULT_COUNT; i++)
		rep->struck[i] += from->struck[i];
	for (i = 0; i < from->class_count; i++)
		report_class(rep, &from->classes[i]);
	for (i = 0; i < from->complaint_count; i++)
		report_complaint(rep, &from->complaints[i]);
	report_slowest(rep, from->slowest_ms, from->slowest_seed);
}

static int report_compare(uint64_t count, uint64_t seed, uint64_t other_count,
			  uint64_t other_seed)
{
	if (count != other_count)
		return count < other_count ? 1 : -1;
	return seed < other_seed ? -1 : seed > other_seed;
}

static int report_compare_classes(const void *a, const void *b)
{
	const struct report_class *x = a, *y = b;

	if (x->verdict != y->verdict)
		return (int)x->verdict - (int)y->verdict;
	return report_compare(x->count, x->seed, y->count, y->seed);
}

static int report_compare_complaints(const void *a, const void *b)
{
	const struct report_complaint *x = a, *y = b;

	return report_compare(x->count, x->seed, y->count, y->seed);
}

void report_sort(struct report *rep)
{
	qsort(rep->classes, (size_t)rep->class_count, sizeof(rep->classes[0]),
	      report_compare_classes);
	qsort(rep->complaints, (size_t)rep->complaint_count,
	      sizeof(rep->complaints[0]), report_compare_complaints);
}

/* ---- JUnit ----------------------------------------------------------------------------- */

void report_xml(struct buffer *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '&')
			buffer_append_text(out, "&amp;");
		else if (*text == '<')
			buffer_append_text(out, "&lt;");
		else if (*text == '>')
			buffer_append_text(out, "&gt;");
		else if (*text == '"')
			buffer_append_text(out, "&quot;");
		else
			buffer_append_char(out, (unsigned char)*text < 0x20 ||
						(unsigned char)*text > 0x7e
							? '?' : *text);
	}
}

static void junit_attribute(struct buffer *out, const char *name,
			    const char *text)
{
	buffer_printf(out, " %s=\"", name);
	report_xml(out, text);
	buffer_append_char(out, '"');
}

static void junit_class(struct buffer *out, const char *sequence,
			const struct report_class *c)
{
	char text[400];

	buffer_append_text(out, "  <testcase");
	junit_attribute(out, "classname", sequence);
	snprintf(text, sizeof(text), "%s: %s", verdict_name(c->verdict), c->text);
	junit_attribute(out, "name", text);
	buffer_printf(out, ">\n    <system-out>%" PRIu64 " rehearsal%s, the first "
		      "of seed %" PRIu64 "</system-out>\n  </testcase>\n",
		      c->count, c->count == 1 ? "" : "s", c->seed);
}

static void junit_complaint(struct buffer *out, const char *sequence,
			    const char *replay,
			    const struct report_complaint *c)
{
	buffer_append_text(out, "  <testcase");
	junit_attribute(out, "classname", sequence);
	buffer_append_text(out, " name=\"oracle: ");
	report_xml(out, c->like);
	buffer_append_text(out, "\">\n    <failure");
	junit_attribute(out, "message", c->text);
	buffer_printf(out, ">%" PRIu64 " rehearsal%s; the first ended with %s; "
		      "faults %s %s; replay: ", c->count,
		      c->count == 1 ? "" : "s", verdict_name(c->verdict),
		      fault_id(c->faults[0]), fault_id(c->faults[1]));
	report_xml(out, replay);
	buffer_printf(out, " --seed %" PRIu64 "</failure>\n  </testcase>\n",
		      c->seed);
}

void report_junit(const struct report *rep, const char *sequence,
		  const char *replay, double seconds, struct buffer *out)
{
	int i;

	buffer_append_text(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
				"<testsuite");
	junit_attribute(out, "name", sequence);
	buffer_printf(out, " tests=\"%d\" failures=\"%d\" errors=\"0\" "
		      "time=\"%.3f\">\n",
		      rep->class_count + rep->complaint_count,
		      rep->complaint_count, seconds);
	for (i = 0; i < rep->class_count; i++)
		junit_class(out, sequence, &rep->classes[i]);
	for (i = 0; i < rep->complaint_count; i++)
		junit_complaint(out, sequence, replay, &rep->complaints[i]);
	buffer_append_text(out, "</testsuite>\n");
}
