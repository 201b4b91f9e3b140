/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `restart` and `stop` against a host in virtual time, each of whose ways can
 * be taken from it; and the watch for a system that begins anew, byte by byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/console/bootwatch.h"
#include "agent/sequence/machine.h"
#include "base/buffer.h"
#include "base/deadline.h"

#define BEGIN 1000000
#define BOOT_MS 8000	/* from the restart to the shell */
#define PRINTS 8

enum shell { SHELL_UP = 0, SHELL_DEAD, SHELL_DENIES, SHELL_IN_VAIN };

/* What the host can't do, and what it is doing. */
struct host {
	enum shell shell;
	bool no_acpi, no_sysrq, no_reset, no_power_change;
	bool sysrq_not_allowed;
	bool quiet;		/* nothing on the console at boot */
	bool poweroff_hangs;	/* the shell's poweroff is accepted and hangs */
	int64_t dies_ms;	/* the first `on` is taken and not done, and the
				   controller is silent for so long */

	bool on;
	bool broken;		/* between break and letter */
	int boot;		/* counts up */
	int64_t up_at;		/* the shell answers from then on */
	int64_t silent_until;	/* the controller */

	struct { int64_t at; const char *text; } prints[PRINTS];
	int64_t answer_at;	/* DEADLINE_NEVER: none is due */
	uint32_t answer_id;
	struct machine_outcome answer;
	char boot_id[32];

	struct machine *m;
	struct sequence *s;
	struct buffer log;
	int64_t now;
	bool over;
	enum verdict verdict;
	char reason[1200];
	int forces;		/* power acts, sysrq b and o, commands */
};

static void host_prints(struct host *h, int64_t in_ms, const char *text)
{
	int i;

	for (i = 0; i < PRINTS && h->prints[i].text != NULL; i++)
		;
	assert_true(i < PRINTS);
	h->prints[i].at = h->now + in_ms;
	h->prints[i].text = text;
}

static void host_boots(struct host *h, int64_t in_ms)
{
	h->boot++;
	h->up_at = h->now + in_ms + BOOT_MS;
	if (!h->quiet)
		host_prints(h, in_ms, "BIOS\r\n[    0.000000] Linux version "
				      "6.1\r\n");
}

static void host_act(struct host *h, enum driver_act act)
{
	if (h->no_power_change)
		return;
	if (act == DRIVER_ACT_ON && h->dies_ms > 0) {
		h->silent_until = h->now + h->dies_ms;
		h->dies_ms = 0;
		return;
	}
	if (act == DRIVER_ACT_OFF || (act == DRIVER_ACT_SOFT && !h->no_acpi)) {
		h->on = false;
		h->up_at = DEADLINE_NEVER;
	} else if (act == DRIVER_ACT_ON && !h->on) {
		h->on = true;
		host_boots(h, 500);
	} else if (act == DRIVER_ACT_RESET && h->on && !h->no_reset) {
		host_boots(h, 500);
	}
}

static void host_shell(struct host *h, const char *command)
{
	bool halt = strstr(command, "poweroff") != NULL;

	if (h->shell == SHELL_DENIES) {
		rh_error_set(&h->answer.err, RH_ERR_STATE, "exit status 1");
	} else if (h->shell == SHELL_DEAD || h->now < h->up_at) {
		rh_error_set(&h->answer.err, RH_ERR_UNREACHABLE, "refused");
	} else {
		rh_error_set(&h->answer.err, RH_ERR_LOST, "the connection went");
		if (h->shell == SHELL_IN_VAIN || (halt && h->poweroff_hangs))
			return;
		h->up_at = DEADLINE_NEVER;
		if (halt)
			h->on = false;
		else
			host_boots(h, 3000);
	}
}

static void host_sysrq(struct host *h, char letter)
{
	if (!h->broken || h->no_sysrq)
		return;
	h->broken = false;
	if (h->sysrq_not_allowed && letter != 's') {
		host_prints(h, 1, "sysrq: This sysrq operation is disabled.\r\n");
		return;
	}
	host_prints(h, 1, letter == 'b' ? "[  300.000000] sysrq: Resetting\r\n"
			  : letter == 's'
				  ? "[  300.000000] sysrq: Emergency Sync\r\n"
				  : "[  300.100000] sysrq: Emergency Remount\r\n");
	if (letter == 'b')
		host_boots(h, 300);
	if (letter == 'o')
		h->on = false;
}

static void host_carry_out(struct host *h, const struct machine_action *a)
{
	switch (a->what) {
	case MACHINE_POWER_QUERY:
		h->answer.state = h->on ? DRIVER_POWER_ON : DRIVER_POWER_OFF;
		if (h->now < h->silent_until)
			rh_error_set(&h->answer.err, RH_ERR_UNREACHABLE,
				     "the BMC does not answer");
		break;
	case MACHINE_POWER_ACT:
		h->forces++;
		buffer_printf(&h->log, "power %s\n", driver_act_name(a->act));
		host_act(h, a->act);
		break;
	case MACHINE_BOOT_ID:
		snprintf(h->boot_id, sizeof(h->boot_id), "id-%d-0123456789",
			 h->boot);
		h->answer.text = h->boot_id;
		if (h->shell == SHELL_DEAD || h->now < h->up_at || !h->on)
			rh_error_set(&h->answer.err, RH_ERR_UNREACHABLE,
				     "refused");
		break;
	case MACHINE_SHELL:
		h->forces++;
		assert_non_null(a->force);
		buffer_printf(&h->log, "shell %s\n", a->text);
		host_shell(h, a->text);
		break;
	case MACHINE_BREAK:
		h->forces += a->force != NULL;
		h->broken = true;
		break;
	case MACHINE_WRITE:
		buffer_printf(&h->log, "write %.*s\n", (int)a->len,
			      (const char *)a->bytes);
		if (h->broken)
			host_sysrq(h, *(const char *)a->bytes);
		break;
	default:
		break;
	}
}

static void host_take(struct host *h)
{
	struct machine_action a;

	for (;;) {
		machine_next(h->m, &a);
		if (a.what == MACHINE_NONE)
			return;
		if (a.what == MACHINE_EVENT)
			buffer_printf(&h->log, "%s: %s\n",
				      machine_event_name(a.event), a.text);
		if (a.what == MACHINE_END) {
			h->over = true;
			h->verdict = a.verdict;
			snprintf(h->reason, sizeof(h->reason), "%s", a.text);
		}
		if (a.id == 0)
			continue;
		memset(&h->answer, 0, sizeof(h->answer));
		h->answer_id = a.id;
		h->answer_at = h->now + 20;
		host_carry_out(h, &a);
	}
}

static void host_step(struct host *h)
{
	int64_t at = deadline_min(machine_deadline(h->m), h->answer_at);
	const char *text = NULL;
	int i, first = -1;

	for (i = 0; i < PRINTS; i++) {
		if (h->prints[i].text != NULL && h->prints[i].at <= at) {
			at = h->prints[i].at;
			first = i;
		}
	}
	assert_true(at < DEADLINE_NEVER && at >= h->now);
	h->now = at;
	if (first >= 0) {
		text = h->prints[first].text;
		h->prints[first].text = NULL;
		machine_feed(h->m, h->now, text, strlen(text));
	} else if (h->answer_at == at) {
		h->answer_at = DEADLINE_NEVER;
		machine_done(h->m, h->now, h->answer_id, &h->answer);
	} else {
		machine_tick(h->m, h->now);
	}
	host_take(h);
}

static struct sequence *parse(const char *text)
{
	struct problems problems = { 0 };
	struct ini *ini = ini_read("x.ini", text, strlen(text), &problems);
	struct sequence *s = sequence_parse(ini, "x", NULL, &problems);

	if (s == NULL)
		fail_msg("line %d: %s", problems.list[0].line,
			 problems.list[0].text);
	ini_free(ini);
	problems_release(&problems);
	return s;
}

/* Runs a sequence of which `a` restarts and `b` waits for what it prints. */
static void host_run_text(struct host *h, const char *text)
{
	struct machine_config config;
	int steps = 0;

	h->s = parse(text);
	config = (struct machine_config){
		.sequence = h->s, .terminal = KEYS_VT100, .enter = "\r",
		.key_delay_ms = 10, .power_ways = 1, .has_console = true,
		.has_shell = true,
		.min_off_ms = 5000, .confirm_ms = 60000,
		.deadline = BEGIN + h->s->deadline_ms,
	};
	h->on = true;
	h->now = BEGIN;
	h->up_at = h->shell == SHELL_DEAD ? DEADLINE_NEVER : BEGIN;
	h->answer_at = DEADLINE_NEVER;
	h->m = machine_new(&config);
	machine_begin(h->m, h->now);
	machine_attached(h->m, h->now);
	host_take(h);
	while (!h->over) {
		assert_true(++steps < 10000);
		host_step(h);
	}
	machine_free(h->m);
	sequence_free(h->s);
}

#define HEAD "[sequence]\nstart = a\ndeadline = 30m\n[state a]\n"

static void host_run(struct host *h, const char *action)
{
	char text[400];

	snprintf(text, sizeof(text), HEAD "do = %s\nthen = recovered\n", action);
	host_run_text(h, text);
}

static void ends(struct host *h, enum verdict verdict, const char *reason,
		 int forces)
{
	if (h->verdict != verdict || strstr(h->reason, reason) == NULL ||
	    h->forces != forces)
		fail_msg("expected %s \"%s\" after %d, got %s \"%s\" after %d "
			 "in:\n%s", verdict_name(verdict), reason, forces,
			 verdict_name(h->verdict), h->reason, h->forces,
			 buffer_text(&h->log));
	buffer_release(&h->log);
}

static void has(struct host *h, const char *line)
{
	if (strstr(buffer_text(&h->log), line) == NULL)
		fail_msg("no \"%s\" in:\n%s", line, buffer_text(&h->log));
}

/* ---- rungs ------------------------------------------------------------------------ */

static void test_shell(void **state)
{
	struct host h = { .quiet = true };

	(void)state;
	host_run(&h, "restart gently");
	has(&h, "shell shutdown -r now || reboot\n");
	ends(&h, VERDICT_RECOVERED, "restarted by shell (rung 1 of 5): ssh "
	     "answers, the boot id was id-0-012... and is id-1-012...", 1);
}

/* The console shows it long before ssh does. */
static void test_shell_seen_on_console(void **state)
{
	struct host h = { 0 };

	(void)state;
	host_run(&h, "restart gently");
	assert_true(h.now < BEGIN + BOOT_MS);
	ends(&h, VERDICT_RECOVERED, "the console says \"Linux version 6.1\"", 1);
}

static void test_shell_command(void **state)
{
	struct host h = { .shell = SHELL_DENIES };

	(void)state;
	host_run(&h, "restart shell \"telinit 6\" 30s cycle");
	has(&h, "shell telinit 6\n");
	has(&h, "rung: restart by shell did not work: exit status 1");
	ends(&h, VERDICT_RECOVERED, "restarted by cycle (rung 2 of 2): off seen "
	     "twice", 3);
}

static void test_soft(void **state)
{
	struct host h = { .shell = SHELL_IN_VAIN, .quiet = true };

	(void)state;
	host_run(&h, "restart gently");
	has(&h, "rung: restart by shell did not work: no proof of it within 3m");
	ends(&h, VERDICT_RECOVERED, "restarted by soft (rung 2 of 5): ", 3);
}

/* A shell that does not answer costs no time of its rung. */
static void test_sysrq(void **state)
{
	struct host h = { .shell = SHELL_DEAD, .no_acpi = true };

	(void)state;
	host_run(&h, "restart gently");
	has(&h, "restart by shell is left out: its shell did not answer");
	has(&h, "restart by soft did not work: soft was acknowledged, but the "
		"power is still on");
	ends(&h, VERDICT_RECOVERED, "restarted by sysrq (rung 3 of 5): ", 2);
}

static void test_sysrq_without_effect(void **state)
{
	struct host h = { .shell = SHELL_DEAD, .no_acpi = true,
			  .no_sysrq = true };

	(void)state;
	host_run(&h, "restart gently");
	has(&h, "restart by sysrq did not work: the kernel did not answer");
	assert_null(strstr(buffer_text(&h.log), "write b"));
	ends(&h, VERDICT_RECOVERED, "restarted by reset (rung 4 of 5): ", 2);
}

static void test_sysrq_not_allowed(void **state)
{
	struct host h = { .sysrq_not_allowed = true };

	(void)state;
	host_run(&h, "restart sysrq 30s cycle");
	has(&h, "the kernel does not allow this sysrq");
	ends(&h, VERDICT_RECOVERED, "restarted by cycle (rung 2 of 2): ", 3);
}

static void test_cycle(void **state)
{
	struct host h = { .shell = SHELL_DEAD, .no_acpi = true,
			  .no_sysrq = true, .no_reset = true };

	(void)state;
	host_run(&h, "restart gently");
	has(&h, "restart by reset did not work: no proof of it within 1m");
	ends(&h, VERDICT_RECOVERED, "restarted by cycle (rung 5 of 5): off seen "
	     "twice", 4);
}

static void test_nothing_works(void **state)
{
	struct host h = { .shell = SHELL_DEAD, .no_acpi = true,
			  .no_sysrq = true, .no_reset = true,
			  .no_power_change = true };

	(void)state;
	host_run(&h, "restart gently");
	ends(&h, VERDICT_FAILED, "restart: none of 4 rungs was seen to work; the "
	     "last: off was acknowledged twice, not executed", 4);
}

/*
 * Seen off, and what became of `on` can't be read: the host is off, for all that is
 * known. Nothing but power helps; a sysrq would be keys for nobody.
 */
static void test_soft_that_leaves_it_off(void **state)
{
	struct host h = { .shell = SHELL_DEAD, .quiet = true, .dies_ms = 70000 };

	(void)state;
	host_run(&h, "restart gently");
	has(&h, "restart by soft did not work: on was sent, and then the state "
		"can't be read: the BMC does not answer; the host may be off");
	assert_null(strstr(buffer_text(&h.log), "rung: restart by sysrq"));
	assert_null(strstr(buffer_text(&h.log), "write "));
	assert_null(strstr(buffer_text(&h.log), "power reset"));
	ends(&h, VERDICT_RECOVERED, "restarted by cycle (rung 5 of 5): ", 3);
}

/* P03: nobody is at home to be asked gently. */
static void test_restart_when_off(void **state)
{
	struct host h = { .shell = SHELL_DEAD };
	char text[] = HEAD "do = power off, restart gently\nthen = recovered\n";

	(void)state;
	host_run_text(&h, text);
	has(&h, "note: the power is off");
	ends(&h, VERDICT_RECOVERED, "restarted by cycle (rung 5 of 5): ", 2);
}

static void test_stop_shell(void **state)
{
	struct host h = { 0 };

	(void)state;
	host_run(&h, "stop gently");
	assert_false(h.on);
	ends(&h, VERDICT_RECOVERED, "stopped by shell (rung 1 of 4): was off "
	     "already, read twice", 1);
}

static void test_stop_off(void **state)
{
	struct host h = { .poweroff_hangs = true, .no_acpi = true,
			  .no_sysrq = true };

	(void)state;
	host_run(&h, "stop gently");
	assert_false(h.on);
	ends(&h, VERDICT_RECOVERED, "stopped by off (rung 4 of 4): off seen "
	     "twice", 3);
}

static void test_stop_sysrq(void **state)
{
	struct host h = { .shell = SHELL_DEAD, .no_acpi = true };

	(void)state;
	host_run(&h, "stop gently");
	assert_false(h.on);
	ends(&h, VERDICT_RECOVERED, "stopped by sysrq (rung 3 of 4): ", 2);
}

/* ---- what goes on beside it ---------------------------------------------------------- */

/* A prompt on the way is answered, and what the old system said is stale. */
static void test_rules_go_on(void **state)
{
	struct host h = { .quiet = true };

	(void)state;
	h.now = BEGIN;
	host_prints(&h, 1000, "Press F1 to continue");
	host_run_text(&h, "[sequence]\nstart = a\ndeadline = 30m\n[always]\n"
			  "on = /Press F1/ max 1 : key Enter\n[state a]\n"
			  "do = restart gently\nthen = recovered\n");
	has(&h, "typed: Enter");
	ends(&h, VERDICT_RECOVERED, "restarted by shell", 1);
}

static void test_rule_leads_away(void **state)
{
	struct host h = { .quiet = true };

	(void)state;
	h.now = BEGIN;
	host_prints(&h, 2000, "GNU GRUB\r\n");
	host_run_text(&h, HEAD "do = restart gently\nthen = recovered\n"
			  "on = /GNU GRUB/ -> failed \"menu\"\n");
	ends(&h, VERDICT_FAILED, "menu", 1);
}

static void test_old_login_is_stale(void **state)
{
	struct host h = { 0 };

	(void)state;
	h.now = BEGIN;
	host_prints(&h, 500, "old login: ");
	host_prints(&h, 2500, "\r\n[  100.000000] reboot: Restarting system\r\n");
	host_prints(&h, 60000, "new login: ");
	host_run_text(&h, HEAD "do = restart gently\nthen = b\n[state b]\n"
			  "timeout = 5m -> failed \"silent\"\n"
			  "on = /(\\w+) login: $/ -> recovered\n");
	assert_true(h.now >= BEGIN + 60000);
	ends(&h, VERDICT_RECOVERED, "", 1);
}

static void test_deadline_in_the_middle(void **state)
{
	struct host h = { .shell = SHELL_IN_VAIN, .quiet = true };

	(void)state;
	host_run_text(&h, "[sequence]\nstart = a\ndeadline = 1m\n[state a]\n"
			  "do = restart gently\nthen = recovered\n");
	ends(&h, VERDICT_UNKNOWN, "in the middle of an action", 1);
}

/* ---- what is refused ---------------------------------------------------------------- */

static void refused(const char *action, const char *words)
{
	struct problems problems = { 0 };
	struct ini *ini;
	char text[300];

	snprintf(text, sizeof(text), HEAD "do = %s\nthen = recovered\n", action);
	ini = ini_read("x.ini", text, strlen(text), &problems);
	assert_null(sequence_parse(ini, "x", NULL, &problems));
	assert_int_equal(problems.list[0].line, 5);
	if (strstr(problems.list[0].text, words) == NULL)
		fail_msg("%s", problems.list[0].text);
	ini_free(ini);
	problems_release(&problems);
}

static void test_refused(void **state)
{
	(void)state;
	refused("restart", "expected restart gently, or rungs");
	refused("restart softly", "unknown rung \"softly\"; did you mean soft?");
	refused("stop reset", "expected stop gently");
	refused("restart cycle 3m", "cycle takes its time from confirm");
	refused("restart shell 1s", "shell needs at least 5s");
	refused("restart shell \"\"", "a command has 1 to 4096 bytes");
}

/* ---- a system that begins anew -------------------------------------------------------- */

static const struct {
	const char *text;
	enum bootwatch_seen seen;
} watched[] = {
	{ "[    0.000000] Linux version 6.1\n", BOOTWATCH_BEGUN },
	{ "Linux version 2.6.32 (gcc)\n", BOOTWATCH_BEGUN },
	{ "is Linux version 6.1 there?\n", BOOTWATCH_NONE },
	{ "[  500.1] a\n[    1.2] b\n", BOOTWATCH_BEGUN },
	{ "[  500.100000] a\n[  500.000100] b\n", BOOTWATCH_NONE },
	{ "[  500.1] a\n[  501.2] b\nhello there, world\n", BOOTWATCH_NONE },
	{ "[  9.1] reboot: Restarting system\n", BOOTWATCH_ENDED },
	{ "[  9.1] reboot: Restarting system\n[  9.2] reboot: machine restart\n",
	  BOOTWATCH_ENDED },
	{ "reboot: Restarting system\nreboot: machine restart\n",
	  BOOTWATCH_ENDED },
	{ "[  9.1] reboot: Restarting system\n\n\n  \n", BOOTWATCH_ENDED },
	{ "[  9.1] reboot: Restarting system\nSeaBIOS (version", BOOTWATCH_BEGUN },
	/* A line that goes dead carries noise. */
	{ "[  9.1] reboot: Restarting system\n\357\277\275\357\277\275a\357\277\275\n",
	  BOOTWATCH_ENDED },
	{ "[  9.1] reboot: Restarting system\n~.~\n", BOOTWATCH_ENDED },
	{ "[  9.1] sysrq: Resetting\nGRUB\n", BOOTWATCH_BEGUN },
	{ "[  9.1] sysrq: Resetting\nGRUB", BOOTWATCH_ENDED },
	{ "[  9.1] sysrq: Emergency Sync\nGRUB loading.\n", BOOTWATCH_NONE },
};

/* The same, however it is split. */
static void test_bootwatch(void **state)
{
	enum bootwatch_seen seen, most;
	size_t i, len, at, n, split, offset;
	struct bootwatch w;

	(void)state;
	for (i = 0; i < sizeof(watched) / sizeof(watched[0]); i++) {
		len = strlen(watched[i].text);
		for (split = 1; split <= len; split++) {
			bootwatch_init(&w);
			most = BOOTWATCH_NONE;
			for (at = 0; at < len; at += n) {
				n = len - at < split ? len - at : split;
				seen = bootwatch_feed(&w, watched[i].text + at,
						      n, &offset);
				if (seen != BOOTWATCH_NONE)
					assert_true(offset <= n);
				most = seen > most ? seen : most;
			}
			if (most != watched[i].seen)
				fail_msg("\"%s\" by %zu: %d", watched[i].text,
					 split, most);
			assert_int_equal(w.begun, most == BOOTWATCH_BEGUN);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shell),
		cmocka_unit_test(test_shell_seen_on_console),
		cmocka_unit_test(test_shell_command),
		cmocka_unit_test(test_soft),
		cmocka_unit_test(test_sysrq),
		cmocka_unit_test(test_sysrq_without_effect),
		cmocka_unit_test(test_sysrq_not_allowed),
		cmocka_unit_test(test_cycle),
		cmocka_unit_test(test_nothing_works),
		cmocka_unit_test(test_soft_that_leaves_it_off),
		cmocka_unit_test(test_restart_when_off),
		cmocka_unit_test(test_stop_shell),
		cmocka_unit_test(test_stop_off),
		cmocka_unit_test(test_stop_sysrq),
		cmocka_unit_test(test_rules_go_on),
		cmocka_unit_test(test_rule_leads_away),
		cmocka_unit_test(test_old_login_is_stale),
		cmocka_unit_test(test_deadline_in_the_middle),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_bootwatch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
