/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Faults are real: for each one a rehearsal in which it struck, and in which
 * what the machine was told differs from the same seed without it in the way
 * that the fault says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/twin/rehearsal.h"
#include "base/vis.h"

static const char twin_text[] =
	"[twin]\nstart = %s\non = post\noff = off\n"
	"[state off]\npower = off\n%s"
	"[state hung]\n"
	"[state post]\ndo = print \"POST of an old machine\\r\\n\", wait 2s\n"
	"     print \"Press F1 to go on\\r\\n\"\non = \"\\eOP\" -> loader\n"
	"on = \"\\ex\" -> hung\n"
	"[state loader]\ndo = wait 1s, print \"loader\\r\\nboot: \"\n"
	"then = boot\nthen pxe = net\n"
	"[state net]\ndo = print \"booted from the net\\r\\n\"\nthen = boot\n"
	"[state boot]\nboots = yes\n"
	"do = print \"\\r\\n[    0.000000] Linux version 6\\r\\n\", wait 3s\n"
	"     print \"a line of the boot\\r\\nanother line of the boot\\r\\n\"\n"
	"     wait 3s\nthen = up\n"
	"[state up]\nssh = yes\nopen = 80\nhealthy = yes\necho = yes\n"
	"do = print \"\\r\\noldhost login: \"\n"
	"on = /root\\r/ : print \"Password: \"\n"
	"on power = soft : wait 3s -> off\n"
	"on sysrq = b -> post\non shell = \"work\" : say \"done\\n\"\n";

#define HEAD "[sequence]\nsummary = s\nneeds = power console shell\n" \
	     "deadline = 20m\nevidence = none\nstart = a\n"
#define F1 "[always]\non = /Press F1/ max 9 : key F1\n"
#define UP "[state post]\ntimeout = 4m -> unknown \"late\"\n" \
	   "on = /login: $/ -> end\n" \
	   "[state end]\ndo = check tcp 80 within 1m\nthen = recovered\n"

static const char seq_cycle[] = HEAD F1 "[state a]\ndo = power cycle\n"
					"then = post\n" UP;
static const char seq_watch[] = HEAD F1 "[state a]\ndo = power cycle\n"
	"then = post\n[state post]\ntimeout = 5m -> unknown \"over\"\n";
static const char seq_reset[] = HEAD F1 "[state a]\ndo = power off\n"
	"then = b\nelse = b\n[state b]\ndo = power reset\nthen = post\n" UP;
static const char seq_soft[] = HEAD "[state a]\ndo = power soft\n"
				    "then = recovered \"off\"\n";
static const char seq_off[] = HEAD "[state a]\ndo = power off\n"
				   "then = recovered \"off\"\n";
static const char seq_boot[] = HEAD F1 "[state a]\n"
	"do = boot pxe, wait 1m, power cycle\nthen = post\n" UP;
static const char seq_sysrq[] = HEAD F1 "[state a]\ndo = wait 1s, sysrq b\n"
					"then = post\n" UP;
static const char seq_enter[] = HEAD "[state a]\ndo = wait 1s, enter \"root\"\n"
	"then = b\n[state b]\ntimeout = 2m -> failed \"no echo\"\n"
	"on = /Password: $/ -> recovered \"asked\"\n";
static const char seq_escape[] = HEAD "[state a]\ndo = power cycle\n"
	"then = post\n[state post]\ntimeout = 1m -> failed \"late\"\n"
	"on = /Press F1/ : key Esc, key x, wait 5s -> unknown \"typed\"\n";
static const char seq_shell[] = HEAD F1 "[state a]\ndo = power cycle\n"
	"then = post\n[state post]\ntimeout = 2m -> unknown \"late\"\n"
	"on = /login: $/ -> end\n"
	"[state end]\ndo = check ssh within 30s, shell \"work\"\n"
	"then = recovered\n";
static const char seq_ssh[] =
	"[sequence]\nsummary = s\nneeds = power console shell\n"
	"deadline = 20m\nstart = a\n" F1 "[state a]\ndo = power cycle\n"
	"   check ssh within 2m every 500ms\nthen = recovered\n";
static const char seq_hold[] = HEAD F1 "[state a]\ndo = power cycle\n"
	"then = post\n[state post]\ntimeout = 2m -> unknown \"late\"\n"
	"on = /login: $/ -> end\n[state end]\n"
	"do = check tcp 80 within 3m every 1s for 30s\nthen = recovered\n";
static const char seq_quick[] = HEAD "[state a]\ndo = wait 1s, "
	"check tcp 80 within 3s, power off, power on\nthen = unknown \"over\"\n";

/* What shows it: a word in the log of the one and not of the other, or time. */
struct effect {
	const char *faults;
	const char *sequence;
	const char *start;
	const char *word;	/* "+..." with the fault only, "-..." without only;
				   several with '|' */
	int later_ms;		/* it takes longer by so much, at least */
	bool controller;	/* cycle-by = controller */
	int64_t min_off_ms;
};

static const struct effect effects[] = {
	{ "P01", seq_cycle, "hung", NULL, 5000, false, 0 },
	{ "P02", seq_cycle, "hung", "+is still", 0, false, 0 },
	{ "P03,P06", seq_reset, "up", "+answer:wrong-state", 0, false, 0 },
	{ "P04,P06", seq_off, "up", "+answer:wrong-state", 0, false, 0 },
	{ "P05,P06", seq_reset, "up", "-recovered", 0, false, 0 },
	{ "P06", seq_cycle, "hung", "+off was acknowledged", 0, false, 0 },
	{ "P07", seq_cycle, "hung", "+still off", 0, false, 0 },
	{ "P08", seq_cycle, "hung", "+answer:timeout", 0, false, 0 },
	{ "P09", seq_cycle, "hung", NULL, 18000, false, 0 },
	{ "P11", seq_soft, "up", "+answer:not-supported", 0, false, 0 },
	{ "P12", seq_cycle, "hung", "+no power cycle", 0, true, 0 },
	/* The machine never switches on so soon: it waits for min-off. */
	{ "P13", seq_quick, "up", "never", 0, false, 1 },
	{ "P14", seq_boot, "hung", "+did not stick", 0, false, 0 },
	{ "P14", seq_boot, "hung", "-booted from the net", 0, false, 0 },
	{ "P15", seq_boot, "hung", "-booted from the net", 0, false, 0 },
	{ "P16", seq_cycle, "hung", "+answer:busy", 0, false, 0 },
	{ "P17", seq_watch, "hung", "+lost:", 0, false, 0 },
	{ "P18", seq_watch, "hung", "+POST of an old machine|2", 0, false, 0 },
	{ "P19", seq_cycle, "hung", "+came on by itself", 0, false, 0 },
	{ "S01", seq_cycle, "hung", "+answer:busy", 0, false, 0 },
	/* ... and leaves a second between requests. */
	{ "S04", seq_quick, "up", "never", 0, false, 0 },
	{ "S05", seq_cycle, "hung", NULL, 8000, false, 0 },
	{ "S06", seq_cycle, "hung", "+answer:unreachable", 0, false, 0 },
	{ "S07", seq_cycle, "hung", "+answer:unreachable", 0, false, 0 },
	{ "S16", seq_cycle, "hung", "+answer:timeout", 0, false, 0 },
	{ "S18", seq_cycle, "hung", "+answer:auth", 0, false, 0 },
	{ "L01", seq_cycle, "hung", "-attached:", 0, false, 0 },
	{ "L02", seq_cycle, "hung", NULL, 11000, false, 0 },
	{ "L03", seq_cycle, "hung", "-recovered", 0, false, 0 },
	{ "L04", seq_cycle, "hung", "-attached:", 0, false, 0 },
	{ "L05", seq_watch, "hung", "-login:", 0, false, 0 },
	{ "L06", seq_cycle, "hung", "+opened anew", 0, false, 0 },
	{ "L07", seq_cycle, "hung", NULL, 15000, false, 0 },
	{ "L08", seq_watch, "hung", "-login:", 0, false, 0 },
	{ "L10", seq_cycle, "hung", NULL, 39000, false, 0 },
	{ "L11", seq_cycle, "hung", "+lost:|+attached:|2", 0, false, 0 },
	{ "L12", seq_cycle, "hung", "+lost:", 0, false, 0 },
	{ "L13", seq_cycle, "hung", NULL, 1000, false, 0 },
	{ "L14", seq_enter, "up", NULL, 1500, false, 0 },
	{ "L17", seq_cycle, "hung", "+machine\\r\\nPOST of", 0, false, 0 },
	{ "L18", seq_cycle, "hung", "+gap:", 0, false, 0 },
	{ "L18", seq_cycle, "hung", "-recovered", 0, false, 0 },
	{ "L19", seq_sysrq, "up", "-POST of an old machine", 0, false, 0 },
	{ "L20", seq_watch, "hung", "+lost:", 0, false, 0 },
	{ "L21", seq_watch, "hung", "+lost:", 0, false, 0 },
	{ "L23", seq_enter, "up", "+oot", 0, false, 0 },
	{ "C01", seq_cycle, "hung", "+X\\e[D", 0, false, 0 },
	{ "C02", seq_cycle, "hung", "+[?2004h", 0, false, 0 },
	{ "C03", seq_cycle, "hung", "+boot\\r\\nanother line", 0, false, 0 },
	{ "C04", seq_cycle, "hung", NULL, 0, false, 0 },
	{ "C05", seq_cycle, "hung", "+usb 1-1: new device", 0, false, 0 },
	{ "C06", seq_cycle, "hung", "-machine\\r\\n", 0, false, 0 },
	{ "C07", seq_cycle, "hung", "+\\xb3", 0, false, 0 },
	{ "C08", seq_watch, "hung", "-login:|-Press F1", 0, false, 0 },
	{ "C09", seq_cycle, "hung", "-POST of an old machine", 0, false, 0 },
	{ "C10", seq_watch, "hung", "+soft lockup", 0, false, 0 },
	{ "C11", seq_cycle, "hung", "-feed:", 0, false, 0 },
	{ "C14,L11", seq_cycle, "hung", "+POST of an old machine|2", 0, false, 0 },
	{ "C15", seq_watch, "hung", "+# seen yesterday", 0, false, 0 },
	{ "C16", seq_cycle, "hung", "+[6n", 0, false, 0 },
	{ "C17", seq_watch, "hung", "+................................", 0, false, 0 },
	{ "C18", seq_watch, "hung", "+aaaaaaaa (((( aaaaaaaa", 0, false, 0 },
	{ "I01", seq_cycle, "hung", "-recovered", 0, false, 0 },
	{ "I02", seq_escape, "hung", "-key:x", 0, false, 0 },
	{ "I03", seq_enter, "up", "+also when|+typed again", 0, false, 0 },
	{ "I04", seq_enter, "up", "-recovered", 0, false, 0 },
	{ "I06", seq_enter, "up", "-key:\\r", 0, false, 0 },
	{ "I08", seq_enter, "up", "+takes no keys", 0, false, 0 },
	{ "B01", seq_watch, "hung", "+POST of an old machine|2", 0, false, 0 },
	{ "B03", seq_watch, "hung", "+POST of an old machine|2", 0, false, 0 },
	{ "H01", seq_ssh, "up", "+answer:wrong-state", 0, false, 0 },
	{ "H02", seq_shell, "hung", "+answer:timeout", 0, false, 0 },
	{ "H03", seq_shell, "hung", "+host key is another", 0, false, 0 },
	{ "H04", seq_hold, "hung", NULL, 10000, false, 0 },
	{ "H05", seq_shell, "hung", "+without an exit status", 0, false, 0 },
};

#define EFFECTS (sizeof(effects) / sizeof(effects[0]))

/* ---- a rehearsal, and its log ------------------------------------------------------- */

static struct buffer log_text;

static void log_event(void *context, int64_t at_ms, const char *event,
		      const char *state, const char *text)
{
	(void)context;
	(void)at_ms;
	(void)state;
	buffer_printf(&log_text, "%s:%s\n", event, text != NULL ? text : "");
}

static void log_tap(void *context, int64_t at_ms, const char *what,
		    const char *bytes, size_t len)
{
	(void)context;
	(void)at_ms;
	buffer_printf(&log_text, "%s:",
		      strcmp(what, "typed") == 0 ? "key" : what);
	if (strcmp(what, "answer") == 0)
		buffer_append_text(&log_text, bytes);
	else
		vis_append(&log_text, bytes, len);
	buffer_append_char(&log_text, '\n');
}

struct stage {
	struct sequence *sequence;
	struct twin_model *twin;
	struct fault_set faults;
	struct rehearsal *r;
};

static struct ini *stage_ini(const char *name, const char *text)
{
	struct problems problems = { 0 };
	struct ini *ini = ini_read(name, text, strlen(text), &problems);

	assert_int_equal(problems.errors, 0);
	problems_release(&problems);
	return ini;
}

static void stage_init(struct stage *s, const struct effect *e,
		       const char *faults)
{
	struct rehearsal_config config = {
		.start = -1, .trace = log_event, .tap = log_tap,
		.machine = { .terminal = KEYS_VT100, .enter = "\r",
			     .key_delay_ms = 20, .power_ways = 1,
			     .has_console = true, .has_shell = true,
			     .min_off_ms = e->min_off_ms > 0 ? e->min_off_ms : 5000,
			     .confirm_ms = 60000, .mute_ms = 20000,
			     .evidence = true,
			     .controller_cycle = e->controller },
	};
	struct problems problems = { 0 };
	struct rh_error err;
	char text[4096];
	struct ini *ini = stage_ini("s.ini", e->sequence);

	s->sequence = sequence_parse(ini, "s", NULL, &problems);
	ini_free(ini);
	snprintf(text, sizeof(text), twin_text, e->start,
		 strstr(e->sequence, "recovered \"off\"") != NULL
			 ? "healthy = yes\n" : "");
	ini = stage_ini("t.ini", text);
	s->twin = twin_model_parse(ini, "t", NULL, &problems);
	ini_free(ini);
	if (problems.count > 0)
		fail_msg("%s:%d: %s", problems.list[0].file,
			 problems.list[0].line, problems.list[0].text);
	assert_int_equal(fault_set_parse(&s->faults, faults, &err), 0);
	config.sequence = s->sequence;
	config.twin = s->twin;
	config.faults = &s->faults;
	s->r = rehearsal_new(&config);
}

static void stage_release(struct stage *s)
{
	rehearsal_free(s->r);
	sequence_free(s->sequence);
	twin_model_free(s->twin);
}

static char *stage_run(struct stage *s, uint64_t seed,
		       struct rehearsal_result *ret)
{
	buffer_clear(&log_text);
	rehearsal_run(s->r, seed, ret);
	buffer_printf(&log_text, "%s %s\n", verdict_name(ret->verdict),
		      ret->reason);
	return buffer_take(&log_text);
}

/* ---- the comparison -------------------------------------------------------------------- */

static int times(const char *log, const char *word, size_t len)
{
	int n = 0;

	for (; (log = memmem(log, strlen(log), word, len)) != NULL; log += len)
		n++;
	return n;
}

/* One of "+a|-b"; "+a|2": at least twice as often. */
static bool shows(const char *words, const char *with, const char *without)
{
	size_t len;
	int a, b;

	for (; words != NULL && *words != '\0'; words += len) {
		words += *words == '|';
		len = strcspn(words, "|");
		if (words[0] != '+' && words[0] != '-')
			continue;
		a = times(with, words + 1, len - 1);
		b = times(without, words + 1, len - 1);
		if (words[0] == '+' ? a > b : a == 0 && b > 0)
			return true;
	}
	return false;
}

static bool effect_shows(const struct effect *e, const char *with,
			 const char *without, int64_t later_ms)
{
	if (e->word != NULL)
		return shows(e->word, with, without);
	if (e->later_ms > 0)
		return later_ms >= e->later_ms;
	return true;	/* it struck */
}

/* All faults of the list were drawn. */
static bool drawn(const struct stage *s, const struct rehearsal_result *result)
{
	int i, f;

	for (f = 1; f < FAULT_COUNT; f++) {
		for (i = 0; i < FAULTS_AT_ONCE; i++) {
			if (!s->faults.has[f] || (int)result->faults[i] == f)
				break;
		}
		if (i == FAULTS_AT_ONCE)
			return false;
	}
	return true;
}

static enum fault faulty_first(const struct stage *s)
{
	int f = 1;

	while (f < FAULT_COUNT - 1 && !s->faults.has[f])
		f++;
	return (enum fault)f;
}

static bool effect_is_real(const struct effect *e)
{
	struct rehearsal_result with, without;
	struct stage faulty, plain;
	char *a, *b;
	bool never = e->word != NULL && strcmp(e->word, "never") == 0;
	bool real = false;
	uint64_t seed;

	stage_init(&faulty, e, e->faults);
	stage_init(&plain, e, "none");
	for (seed = 1; seed < 300 && !real; seed++) {
		a = stage_run(&faulty, seed, &with);
		b = stage_run(&plain, seed, &without);
		if (with.complaint[0] != '\0')
			fail_msg("%s: seed %d: %s\n%s", e->faults, (int)seed,
				 with.complaint, a);
		real = drawn(&faulty, &with) &&
		       rehearsal_struck(faulty.r, with.faults[0]) > 0 &&
		       effect_shows(e, a, b, with.ms - without.ms);
		free(a);
		free(b);
	}
	if (never)
		real = rehearsal_struck(faulty.r, faulty_first(&faulty)) == 0;
	stage_release(&faulty);
	stage_release(&plain);
	return real;
}

static void test_effects(void **state)
{
	size_t i;
	int bad = 0;

	(void)state;
	for (i = 0; i < EFFECTS; i++) {
		if (effect_is_real(&effects[i]))
			continue;
		print_message("# %s (entry %d) had no effect\n",
			      effects[i].faults, (int)i);
		bad++;
	}
	assert_int_equal(bad, 0);
}

/* No fault without a line above. */
static void test_each_has_one(void **state)
{
	size_t i;
	int f;

	(void)state;
	for (f = 1; f < FAULT_COUNT; f++) {
		for (i = 0; i < EFFECTS; i++) {
			if (strstr(effects[i].faults, fault_id((enum fault)f)))
				break;
		}
		if (i == EFFECTS)
			fail_msg("%s is not tested", fault_id((enum fault)f));
		assert_true(fault_words((enum fault)f)[0] != '\0');
	}
}

/* The same seed and faults are the same rehearsal, byte for byte. */
static void test_replays(void **state)
{
	struct rehearsal_result one, two;
	struct stage first, second;
	char *a, *b;
	uint64_t seed;

	(void)state;
	stage_init(&first, &effects[0], "all");
	for (seed = 1; seed < 200; seed++) {
		a = stage_run(&first, seed, &one);
		stage_init(&second, &effects[0], "all");
		b = stage_run(&second, seed, &two);
		assert_string_equal(a, b);
		stage_release(&second);
		free(a);
		free(b);
	}
	stage_release(&first);
}

static void test_sets(void **state)
{
	struct fault_set set;
	struct rh_error err;

	(void)state;
	assert_int_equal(fault_set_parse(&set, "all", &err), 0);
	assert_int_equal(set.count, FAULT_COUNT - 1);
	assert_int_equal(fault_set_parse(&set, "none", &err), 0);
	assert_int_equal(set.count, 0);
	assert_int_equal(fault_set_parse(&set, "p02,L21,P02", &err), 0);
	assert_int_equal(set.count, 2);
	assert_int_equal(fault_set_parse(&set, "P02,", &err), -1);
	assert_int_equal(fault_set_parse(&set, "P2", &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_each_has_one),
		cmocka_unit_test(test_replays),
		cmocka_unit_test(test_effects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
