/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is proved of a sequence before it runs: for each proof a text that it
 * refuses, to the letter, and the same text put right.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/sequence/check.h"
#include "base/buffer.h"

static struct buffer said;

static bool has_secret(const void *context, const char *name)
{
	(void)context;
	return strcmp(name, "root") == 0;
}

static struct check_host host;

static int setup(void **state)
{
	(void)state;
	host = (struct check_host){
		.name = "ldap1", .file = "ldap1.ini", .line = 4,
		.has = SEQUENCE_NEEDS_POWER | SEQUENCE_NEEDS_CONSOLE,
		.terminal = KEYS_VT100, .has_secret = has_secret,
		.min_off_ms = 10000, .confirm_ms = 100000, .power_ways = 1,
	};
	return 0;
}

/* All problems as "FILE:LINE: text\n", warnings with "warning: ". */
static const char *check(const char *text, const struct check_host *with)
{
	struct problems problems = { 0 };
	struct ini *ini = ini_read("x.ini", text, strlen(text), &problems);
	struct sequence *s = sequence_parse(ini, "x", NULL, &problems);
	size_t i;

	if (s == NULL)
		fail_msg("line %d: %s", problems.list[0].line,
			 problems.list[0].text);
	sequence_check(s, with, &problems);
	problems_sort(&problems);
	buffer_clear(&said);
	for (i = 0; i < problems.count; i++)
		buffer_printf(&said, "%s:%d: %s%s\n", problems.list[i].file,
			      problems.list[i].line,
			      problems.list[i].warning ? "warning: " : "",
			      problems.list[i].text);
	problems_release(&problems);
	sequence_free(s);
	ini_free(ini);
	return buffer_text(&said);
}

static void says(const char *text, const char *expected)
{
	assert_string_equal(check(text, NULL), expected);
}

static void is_good(const char *text)
{
	says(text, "");
	assert_string_equal(check(text, &host), "");
}

#define OFF(line) "recovered, and the host may be powered off (by line " line \
	"); switch it on and check it before, or say in the reason that it is " \
	"off: recovered \"it is off\"\n"
#define HEAD "[sequence]\nstart = a\nneeds = power console\ndeadline = 1h\n"

static void restart_stands_in_do(void **state)
{
	(void)state;
	says(HEAD "[always]\non = /x/ : restart gently\n"
		  "[state a]\ntimeout = 1m -> failed \"f\"\n",
	     "x.ini:6: restart stands in the \"do\" of a state, not in a rule: "
	     "let the rule go to a state that does it\n");
	is_good(HEAD "[always]\non = /x/ -> b\n"
		"[state a]\ntimeout = 1m -> failed \"f\"\n"
		"[state b]\nvisits = 2 -> failed \"x\"\n"
		"do = restart gently\nthen = failed \"f\"\n");
	/* It may use a shell, and needs one only where that is written. */
	says(HEAD "[state a]\ndo = restart shell cycle\nthen = failed \"f\"\n",
	     "x.ini:3: it uses the shell; add shell to needs\n");
}

static const char *const ends[] = {
	"reboot", "/sbin/reboot", "sync; reboot", "sudo -n true && sudo reboot",
	"shutdown -r now", "shutdown now -r", "if true; then init 6; fi",
	"systemctl --no-block reboot", "(sleep 1; kexec -e) &",
};

static const char *const goes_on[] = {
	"last reboot", "grep reboot /var/log/messages", "shutdown -c",
	"systemctl restart slapd", "systemctl status reboot.target",
	"init-script 6", "echo done; ls /sbin/init 6",
};

/* A command that ends the system has succeeded before it has ended. */
static void commands_that_end_the_system(void **state)
{
	char text[512];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		snprintf(text, sizeof(text), HEAD "[state a]\ndo = shell \"%s\", "
			 "check ssh\nthen = recovered\n", ends[i]);
		if (strstr(check(text, NULL), "6: warning: this command has "
			   "succeeded before the system is down, and a check "
			   "behind it may still reach that one; \"restart shell\"")
		    == NULL)
			fail_msg("%s: %s", ends[i], buffer_text(&said));
	}
	for (i = 0; i < sizeof(goes_on) / sizeof(goes_on[0]); i++) {
		snprintf(text, sizeof(text), HEAD "[state a]\ndo = shell \"%s\", "
			 "check ssh\nthen = recovered\n", goes_on[i]);
		says(text, "x.ini:3: it uses the shell; add shell to needs\n");
	}
	says(HEAD "[state a]\ndo = shell \"poweroff\"\nthen = failed \"off\"\n",
	     "x.ini:3: it uses the shell; add shell to needs\n"
	     "x.ini:6: warning: this command has succeeded before the system is "
	     "down, and a check behind it may still reach that one; \"stop "
	     "shell\" carries it out and waits until the power is seen off\n");
}

static void stop_leaves_it_off(void **state)
{
	(void)state;
	says(HEAD "[state a]\ndo = stop gently\nthen = recovered\n",
	     "x.ini:7: " OFF("6"));
	is_good(HEAD "[state a]\ndo = stop gently, restart gently\n"
		"then = failed \"f\"\n");
	is_good(HEAD "[state a]\ndo = stop gently\n"
		"then = recovered \"it is off\"\n");
}

static void states_are_reached(void **state)
{
	(void)state;
	says(HEAD "[state a]\nthen = failed \"f\"\n[state b]\nthen = failed \"f\"\n",
	     "x.ini:7: state \"b\" can't be reached from \"a\"; remove it, or "
	     "let a rule go \"-> b\"\n");
	/* By each way out that there is. */
	is_good(HEAD "[always]\non = /x/ -> g\n"
		"[state a]\ndo = wait 1s\nthen = b\nelse = c\n"
		"on = /x/ -> d\non idle = 1s -> e\ntimeout = 1s -> f\n"
		"visits = 1 -> h\n"
		"[state b]\nthen = failed \"f\"\n[state c]\nthen = failed \"f\"\n"
		"[state d]\nthen = failed \"f\"\n[state e]\nthen = failed \"f\"\n"
		"[state f]\nthen = failed \"f\"\n"
		"[state g]\nvisits = 1 -> failed \"f\"\nthen = failed \"f\"\n"
		"[state h]\nthen = failed \"f\"\n");
}

static void states_are_left(void **state)
{
	(void)state;
	says(HEAD "[state a]\non = /x/ : key F1\n",
	     "x.ini:5: state \"a\" can't be left; add then, timeout, or a rule "
	     "with a target\n");
	says(HEAD "[state a]\nvisits = 1 -> failed \"f\"\n",
	     "x.ini:5: state \"a\" can't be left; add then, timeout, or a rule "
	     "with a target\n");
	is_good(HEAD "[state a]\non = /x/ : key F1\n"
		     "timeout = 1m -> failed \"f\"\n");
}

static void waits_are_bounded(void **state)
{
	static const char expected[] =
		"x.ini:5: state \"a\" may wait for ever; add \"timeout = 5m -> "
		"TARGET\"\n";

	(void)state;
	says(HEAD "[state a]\non = /login/ -> failed \"f\"\n", expected);
	says(HEAD "[state a]\ndo = power on\non = /x/ -> failed \"f\"\n", expected);
	says(HEAD "[state a]\ndo = power on\nelse = failed \"f\"\n", expected);
	/* It may print for ever. */
	says(HEAD "[state a]\non idle = 1m -> failed \"f\"\n", expected);
	is_good(HEAD "[state a]\ndo = power on\nthen = failed \"f\"\n");
	is_good(HEAD "[state a]\non = /login/ -> failed \"f\"\n"
		     "timeout = 1m -> failed \"f\"\n");
}

static void loops_are_bounded(void **state)
{
	(void)state;
	says(HEAD "[state a]\ndo = power cycle\nthen = b\n"
	     "[state b]\non = /up/ -> failed \"f\"\ntimeout = 5m -> a\n",
	     "x.ini:5: a -> b -> a goes round without end; give one of these "
	     "states \"visits = 3 -> TARGET\"\n");
	says(HEAD "[state a]\nthen = a\n",
	     "x.ini:5: a -> a goes round without end; give one of these states "
	     "\"visits = 3 -> TARGET\"\n");
	is_good(HEAD "[state a]\nvisits = 2 -> failed \"f\"\ndo = power cycle\n"
		"then = b\n"
		"[state b]\non = /up/ -> failed \"f\"\ntimeout = 5m -> a\n");
	/* Visits that send the next entry back into the loop. */
	says(HEAD "[state a]\nvisits = 2 -> b\nthen = b\n"
	     "[state b]\ntimeout = 1m -> a\n",
	     "x.ini:5: a -> b -> a goes round without end; give one of these "
	     "states \"visits = 3 -> TARGET\"\n");
}

static void loops_by_always_are_bounded(void **state)
{
	(void)state;
	says(HEAD "[always]\non = /panic/ -> a\n"
	     "[state a]\ndo = power cycle\nthen = b\n"
	     "[state b]\ntimeout = 5m -> failed \"f\"\n",
	     "x.ini:7: a -> b -> a goes round without end; give one of these "
	     "states \"visits = 3 -> TARGET\"\n");
	is_good(HEAD "[always]\non = /panic/ max 2 -> a\n"
		"[state a]\ndo = power cycle\nthen = b\n"
		"[state b]\ntimeout = 5m -> failed \"f\"\n");
	/* The max of a state's own rule begins anew with each entry. */
	says(HEAD "[state a]\nthen = b\n"
	     "[state b]\non = /x/ max 2 -> a\ntimeout = 1m -> failed \"f\"\n",
	     "x.ini:5: a -> b -> a goes round without end; give one of these "
	     "states \"visits = 3 -> TARGET\"\n");
}

static void needs_cover_what_is_used(void **state)
{
	static const char text[] = "[sequence]\nstart = a\nneeds = console\n"
		"[state a]\ndo = power on\nthen = failed \"f\"\n";

	(void)state;
	says(text, "x.ini:3: it uses the power; add power to needs\n");
	says("[sequence]\nstart = a\n[state a]\ndo = key F1\n"
	     "then = failed \"f\"\n",
	     "x.ini:1: it uses the console; add console to needs\n");
	host.has = SEQUENCE_NEEDS_CONSOLE;
	assert_string_equal(check(HEAD "[state a]\ndo = power on\n"
				       "then = failed \"f\"\n", &host),
		"ldap1.ini:4: host ldap1 has no power, which the sequence x "
		"needs (x.ini, line 3); add a section [power]\n");
	/* Declared, though not used. */
	host.has = SEQUENCE_NEEDS_POWER;
	assert_string_equal(check(HEAD "[state a]\ndo = power on\n"
				       "then = failed \"f\"\n", &host),
		"ldap1.ini:4: host ldap1 has no console, which the sequence x "
		"needs (x.ini, line 3); add a section [console]\n");
}

static void secrets_exist(void **state)
{
	static const char text[] = HEAD
		"[state a]\non = /^Password: $/ : secret bios\n"
		"timeout = 1m -> failed \"f\"\n";

	(void)state;
	says(text, "");
	assert_string_equal(check(text, &host),
		"ldap1.ini:4: host ldap1 has no secret \"bios\", which the "
		"sequence x needs (x.ini, line 6); add \"bios = @file:...\" to "
		"[secrets]\n");
	is_good(HEAD "[state a]\non = /^Password: $/ : secret root\n"
		     "timeout = 1m -> failed \"f\"\n");
}

static void secrets_follow_a_prompt(void **state)
{
	static const char expected[] =
		"x.ini:6: a secret is typed only by a rule on text or on the "
		"screen, where its prompt was seen: on = /^Password: $/ : secret root\n";

	(void)state;
	says(HEAD "[state a]\ndo = secret root\nthen = failed \"f\"\n", expected);
	says(HEAD "[state a]\non idle = 5s : secret root\n"
	     "timeout = 1m -> failed \"f\"\n", expected);
	says(HEAD "[always]\non lost = 5s : secret root\n"
	     "[state a]\nthen = failed \"f\"\n", expected);
	is_good(HEAD "[always]\non = /^Password: $/ : secret root\n"
		     "[state a]\nthen = failed \"f\"\n");
	is_good(HEAD "[always]\non screen = /^Password:$/ : secret root\n"
		     "[state a]\nthen = failed \"f\"\n");
}

static void keys_exist_on_the_terminal(void **state)
{
	static const char text[] = HEAD "[state a]\ndo = key Enter F1 Ins\n"
					"then = failed \"f\"\n";

	(void)state;
	is_good(text);
	is_good(HEAD "[state a]\ndo = key Up Esc Ctrl-C x\nthen = failed \"f\"\n");
	host.terminal = KEYS_NONE;
	if (strstr(check(text, &host), "x.ini:6: the terminal of host ldap1 (")
	    == NULL)
		fail_msg("%s", buffer_text(&said));
	host.terminal = KEYS_LINUX;
	assert_string_equal(check(HEAD "[state a]\ndo = key F12 Alt-x\n"
				       "then = failed \"f\"\n", &host), "");
}

static void only_checks_in_healthy(void **state)
{
	struct problems problems = { 0 };
	static const char text[] = HEAD "healthy = check tcp 22\n"
					"[state a]\nthen = failed \"f\"\n";
	struct ini *ini = ini_read("x.ini", text, strlen(text), &problems);
	struct sequence *s = sequence_parse(ini, "x", NULL, &problems);

	(void)state;
	sequence_check(s, NULL, &problems);
	assert_int_equal(problems.count, 0);
	s->healthy.list[0].type = ACTION_BREAK;
	sequence_check(s, NULL, &problems);
	assert_true(problems.count > 0);
	assert_int_equal(problems.list[problems.count - 1].line, 5);
	assert_string_equal(problems.list[problems.count - 1].text, "only checks "
			    "can stand in healthy; nothing is touched by them");
	problems_release(&problems);
	sequence_free(s);
	ini_free(ini);
}

/* ---- how long ------------------------------------------------------------------- */

/* loops: it does not fit because of what visits allow, which is a warning. */
static void fits(const char *deadline, const char *states, const char *longest,
		 const char *better, const char *path, bool loops)
{
	static const char once[] =
		"x.ini:4: one attempt, in which no state is entered twice, may take "
		"%s, and the deadline is %s; \"deadline = %s\" would do, or smaller "
		"timeouts; the path: %s\n";
	static const char often[] =
		"x.ini:4: warning: the longest path takes %s, the deadline is %s; a "
		"run may end in the middle: \"deadline = %s\" would do, or smaller "
		"timeouts or visits; the path: %s\n";
	char text[1024], expected[512] = "";

	snprintf(text, sizeof(text), "[sequence]\nstart = a\n"
		 "needs = power console\ndeadline = %s\n%s", deadline, states);
	if (longest != NULL)
		snprintf(expected, sizeof(expected), loops ? often : once, longest,
			 deadline, better, path);
	assert_string_equal(check(text, NULL), expected);
}

#define FITS(deadline, states) fits(deadline, states, NULL, NULL, NULL, false)

static void the_longest_path_fits(void **state)
{
	/* 10 s + 90 s + 5 s + 3 s: the longer branch. */
	static const char sum[] =
		"[state a]\ndo = wait 10s, check tcp 22 within 90s\nthen = b\n"
		"else = c\n[state b]\ndo = boot pxe, wait 3s\nthen = failed \"f\"\n"
		"[state c]\ndo = wait 1s\nthen = failed \"f\"\n";
	/* A timeout counts, not what is done until then. */
	static const char timeout[] =
		"[state a]\ndo = wait 10s\ntimeout = 2m -> failed \"f\"\n";
	/* 3 * (60 + 5 + 60 + 300) s */
	static const char visits[] =
		"[state a]\nvisits = 3 -> failed \"f\"\ndo = power cycle\n"
		"then = b\n[state b]\ntimeout = 5m -> a\n";

	/* 11 keys, and as many in a rule */
	static const char pace[] =
		"[state a]\nkey-delay = 2s\ndo = enter \"0123456789\"\n"
		"then = failed \"f\"\n"
		"on = /p/ : enter \"0123456789\" -> failed \"f\"\n";

	/* a minute for each entry of a menu */
	static const char menus[] =
		"[state a]\ndo = select Boot Manager > /Shell/\n"
		"then = failed \"f\"\n";

	(void)state;
	FITS("2m", menus);
	fits("1m59s", menus, "2m", "2m", "a (2m)", false);
	FITS("44s", pace);
	fits("43s", pace, "44s", "44s", "a (44s)", false);
	FITS("1m48s", sum);
	fits("1m47s", sum, "1m48s", "1m48s", "a (1m40s) -> b (8s)", false);
	FITS("2m", timeout);
	fits("1m59s", timeout, "2m", "2m", "a (2m)", false);
	FITS("21m15s", visits);
	fits("21m14s", visits, "21m15s", "22m", "3 x [a (2m05s) -> b (5m)]", true);
}

static void the_host_says_how_long_power_takes(void **state)
{
	static const char text[] = "[sequence]\nstart = a\nneeds = power\n"
		"deadline = 3m20s\n[state a]\ndo = power cycle\n"
		"then = failed \"f\"\n";

	(void)state;
	says(text, "");
	assert_string_equal(check(text, &host),
		"x.ini:4: one attempt, in which no state is entered twice, may take "
		"3m30s, and the deadline is 3m20s; \"deadline = 3m30s\" would do, or "
		"smaller timeouts; the path: a (3m30s)\n");
}

static void always_with_max_takes_its_time(void **state)
{
	static const char text[] =
		"[always]\non = /p/ max 2 -> c\n"
		"[state a]\ntimeout = 1m -> failed \"f\"\n"
		"[state c]\ndo = wait 1m\nthen = a\n";
	static const char acts[] =
		"[always]\non = /p/ max 2 : wait 2m -> c\n"
		"[state a]\ntimeout = 1m -> failed \"f\"\n"
		"[state c]\ndo = wait 1m\nthen = a\n";

	(void)state;
	FITS("5m", text);
	fits("4m59s", text, "5m", "5m", "a (1m), then 2 x [c (1m) -> a (1m)]", true);
	/* What the rule itself does counts, each time. */
	FITS("9m", acts);
	fits("8m59s", acts, "9m", "9m", "a (1m), then 2 x [c (1m) -> a (1m)], "
	     "then 2 x what /p/ does (2m)", true);
}

/* ---- powered off ----------------------------------------------------------------- */

static void off_at_the_end_is_said(void **state)
{
	(void)state;
	says(HEAD "[state a]\ndo = power off\nthen = b\n"
	     "[state b]\ndo = wait 5s\nthen = recovered\n",
	     "x.ini:10: " OFF("6"));
	says(HEAD "[state a]\ndo = power off, wait 5s, power on\n"
	     "then = failed \"f\"\nelse = failed \"no\"\n",
	     "x.ini:8: warning: this may end with the host powered off (by line "
	     "6); switch it on before, or say in the reason that it is off\n");
	says(HEAD "[state a]\non = /x/ : sysrq o -> failed \"no\"\n"
	     "timeout = 1m -> failed \"t\"\n",
	     "x.ini:6: warning: this may end with the host powered off (by line "
	     "6); switch it on before, or say in the reason that it is off\n");
	is_good(HEAD "[state a]\ndo = power off\nthen = b\n"
		"[state b]\ndo = power on\nthen = failed \"f\"\n"
		"else = needs-hands \"it is off and can't be switched on\"\n");
	is_good(HEAD "[state a]\ndo = power soft\nthen = recovered \"is off\"\n");
	is_good(HEAD "[state a]\ndo = power cycle, power diag\n"
		"then = failed \"f\"\n");
}

/* ---- proof ------------------------------------------------------------------------ */

#define UNPROVED(way, since) "recovered is not proved on the way " way \
	": nothing is checked and no prompt is seen" since "; add \"check ssh " \
	"within 2m\" or another check, or come here by a rule on a prompt\n"

static void recovered_is_proved(void **state)
{
	(void)state;
	says(HEAD "[state a]\ndo = wait 1s\nthen = b\n"
		  "[state b]\ntimeout = 1s -> recovered\n",
	     "x.ini:9: " UNPROVED("a -> b", ""));
	says(HEAD "[state a]\non idle = 1s -> recovered\n"
		  "on lost = 1s -> recovered\ntimeout = 1s -> failed \"f\"\n",
	     "x.ini:6: " UNPROVED("a", "") "x.ini:7: " UNPROVED("a", ""));
	/* A check that fails is none, and one that is over before it began. */
	says(HEAD "[state a]\ndo = check tcp 22\nthen = recovered\n"
		  "else = recovered\n",
	     "x.ini:8: " UNPROVED("a", ""));
	says(HEAD "[state a]\ndo = check tcp 22\ntimeout = 1s -> recovered\n",
	     "x.ini:7: " UNPROVED("a", ""));
	says(HEAD "[state a]\nvisits = 1 -> recovered\nthen = failed \"f\"\n",
	     "x.ini:6: " UNPROVED("a", ""));
	is_good(HEAD "[state a]\ndo = check tcp 22\nthen = recovered\n");
	is_good(HEAD "[state a]\non = /login: $/ -> recovered\n"
		"timeout = 1s -> failed \"f\"\n");
	is_good(HEAD "[state a]\non = /login: $/ -> b\n"
		"timeout = 1s -> failed \"f\"\n"
		"[state b]\ndo = wait 1s\nthen = recovered\n");
}

static void force_makes_proof_worthless(void **state)
{
	static const char *const acts[] = { "power cycle", "power on",
		"power reset", "power diag", "sysrq b", "sysrq c",
		"restart reset" };
	char text[512];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		snprintf(text, sizeof(text), HEAD "[state a]\n"
			 "do = check tcp 22, %s\nthen = b\n"
			 "[state b]\nthen = recovered\n", acts[i]);
		says(text, "x.ini:9: "
			   UNPROVED("a -> b", " behind the act of line 6"));
		snprintf(text, sizeof(text), HEAD "[state a]\n"
			 "do = %s, check tcp 22\nthen = b\n"
			 "[state b]\nthen = recovered\n", acts[i]);
		is_good(text);
	}
	/* By a rule that leads on, and by one that stays. */
	says(HEAD "[state a]\non = /x/ : power cycle -> recovered\n"
		  "timeout = 1s -> failed \"f\"\n",
	     "x.ini:6: " UNPROVED("a", " behind the act of line 6"));
	says(HEAD "[state a]\ndo = check tcp 22\nthen = b\n[state b]\n"
		  "on = /x/ max 1 : power cycle\ntimeout = 1s -> recovered\n",
	     "x.ini:10: " UNPROVED("b", " behind the act of line 9"));
	/* One of two ways, and round a loop. */
	says(HEAD "[state a]\ndo = check tcp 22\nthen = b\n"
		  "[state b]\nvisits = 2 -> recovered\ndo = power cycle\n"
		  "then = b\n",
	     "x.ini:9: " UNPROVED("b -> b", " behind the act of line 10"));
}

static void acts_are_bounded(void **state)
{
	static const char expected[] = "x.ini:6: this rule would do it again and "
		"again, without a bound; give it \"max 1\", or let it go to a "
		"state with visits\n";

	(void)state;
	says(HEAD "[always]\non = /panic/ : power cycle\n"
	     "[state a]\nthen = failed \"f\"\n", expected);
	says(HEAD "[state a]\non idle = 1m : note \"x\", sysrq b\n"
	     "timeout = 5m -> failed \"f\"\n", expected);
	is_good(HEAD "[always]\non = /panic/ max 1 : power cycle\n"
		"[state a]\nthen = failed \"f\"\n");
	is_good(HEAD "[always]\non = /panic/ : power cycle -> failed \"f\"\n"
		"[state a]\nthen = failed \"f\"\n");
	is_good(HEAD "[state a]\non = /x/ : key F1, power on, sysrq s\n"
		"timeout = 5m -> failed \"f\"\n");
}

/* ---- patterns ---------------------------------------------------------------------- */

static void hidden(const char *rules, const char *expected)
{
	char text[1024];

	snprintf(text, sizeof(text), HEAD "%s"
		 "[state a]\n%stimeout = 5m -> failed \"f\"\n",
		 strchr(rules, '[') == rules ? rules : "",
		 strchr(rules, '[') == rules ? "on = /GNU GRUB/ : key F1\n"
					     : rules);
	says(text, expected);
}

static void patterns_that_others_hide(void **state)
{
	(void)state;
	hidden("on = /GRUB/ : key F1\non = /GNU GRUB 2/ : key F2\n",
	       "x.ini:7: this rule never fires: where /GNU GRUB 2/ is "
	       "found, /GRUB/ (line 6) was found before; make that one longer, "
	       "or give it a max\n");
	hidden("on = /GRUB/ : key F1\non = /GNU GRUB/ : key F2\n",
	       "x.ini:7: this rule never fires: where /GNU GRUB/ is "
	       "found, /GRUB/ (line 6) is found too and comes first; move this "
	       "rule before that one, or remove it\n");
	hidden("[always]\non = /GNU/ : key F1\n",
	       "x.ini:8: this rule never fires: where /GNU GRUB/ is "
	       "found, /GNU/ (line 6) was found before; make that one longer, "
	       "or give it a max\n");
	/* The state's own is first where both end at the same place. */
	hidden("[always]\non = /GRUB/ : key F1\n", "");
	hidden("on = /GNU GRUB/ : key F2\non = /GRUB/ : key F1\n", "");
	hidden("on = /GRUB/ max 2 : key F1\non = /GNU GRUB 2/ : key F2\n", "");
	hidden("on = /GRUB 2/ : key F1\non = /GNU GRUB/ : key F2\n", "");
	hidden("on idle = 5s : key F1\non idle = 5s : key F1\n", "");
}

static void prompts_of_secrets_stand_alone(void **state)
{
	static const char *const good[] = { "/^Password: $/",
		"/^(Password|Kennwort): ?$/", "/^Password: $|^Kennwort: $/i",
		"/^Password for .*: $/", "/^\\S+'s password: $/",
		"/^root.s [^ ]* password: $/" };
	static const char *const bad[] = { "/Password: $/", "/^Password: /",
		"\"Password: \"", "/^.*Password: $/", "/^(.+)assword: $/",
		"/^[^:]*: $/", "/^Password: $|Kennwort: $/", "/^Cost: 5\\$/",
		"/^(?:.{3}) Password: $/" };
	char text[512];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(text, sizeof(text), HEAD "[state a]\non = %s : secret "
			 "root\ntimeout = 1m -> failed \"f\"\n", good[i]);
		is_good(text);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), HEAD "[state a]\non = %s : secret "
			 "root\ntimeout = 1m -> failed \"f\"\n", bad[i]);
		if (strstr(check(text, NULL), "x.ini:6: the secret root could be "
			   "typed at a prompt that somebody else's text imitates")
		    == NULL)
			fail_msg("%s: %s", bad[i], buffer_text(&said));
	}
	says(HEAD "[state a]\non = \"a/b (x): \" : secret root\n"
	     "timeout = 1m -> failed \"f\"\n",
	     "x.ini:6: the secret root could be typed at a prompt that somebody "
	     "else's text imitates: \"a/b (x): \" may stand anywhere in a line; "
	     "let it begin with ^ (no .* behind it) and end with $, such as "
	     "/^a\\/b \\(x\\): $/\n");
}

/* Where the cursor stands, and not somewhere above it. */
static void drawn_prompts_of_secrets_stand_alone(void **state)
{
	static const char *const good[] = { "/^Password: *$/",
		"/^ *\\| Password: +\\|$/",
		"/^ *Locked disk\\n *Password: *$/",
		"/^BIOS .*\\n(.*\\n)*Password:$/",
		"/^BIOS .*\\n([^\\n]*\\n)+ *\\[_*\\]$/",
		"/^\\S+'s password:$/" };
	static const struct {
		const char *pattern;
		const char *why;
	} bad[] = {
		{ "/Password:$/", "may stand anywhere in a line" },
		{ "/^Password:/", "may stand anywhere in a line" },
		{ "\"Password:\"", "may stand anywhere in a line" },
		{ "/^BIOS\\n.*Password:$/", "may begin with anything" },
		{ "/^BIOS\\n(.*\\n)*.*word:$/", "may begin with anything" },
		{ "/^BIOS.*Password:$/s", "may begin with anything" },
		{ "/^BIOS(.|\\n)*Password:$/", "may begin with anything" },
		{ "/^BIOS(\\n|.)*Password:$/", "may begin with anything" },
		{ "/^BIOS[^$]*Password:$/", "may begin with anything" },
		{ "/^BIOS\\D*Password:$/", "may begin with anything" },
		{ "/^BIOS(?s:.)*Password:$/", "may begin with anything" },
		{ "/^PIN:$|^BIOS\\n.+:$/", "may begin with anything" },
		{ "/^Password: $/", "have no blanks at their end" },
	};
	char text[512];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(text, sizeof(text), HEAD "[state a]\non screen = %s : "
			 "secret root\ntimeout = 1m -> failed \"f\"\n", good[i]);
		is_good(text);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), HEAD "[state a]\non screen = %s : "
			 "secret root\ntimeout = 1m -> failed \"f\"\n",
			 bad[i].pattern);
		if (strstr(check(text, NULL), bad[i].why) == NULL)
			fail_msg("%s: %s", bad[i].pattern, buffer_text(&said));
	}
}

static int release(void **state)
{
	(void)state;
	buffer_release(&said);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(restart_stands_in_do, setup),
		cmocka_unit_test_setup(commands_that_end_the_system, setup),
		cmocka_unit_test_setup(stop_leaves_it_off, setup),
		cmocka_unit_test_setup(states_are_reached, setup),
		cmocka_unit_test_setup(states_are_left, setup),
		cmocka_unit_test_setup(waits_are_bounded, setup),
		cmocka_unit_test_setup(loops_are_bounded, setup),
		cmocka_unit_test_setup(loops_by_always_are_bounded, setup),
		cmocka_unit_test_setup(needs_cover_what_is_used, setup),
		cmocka_unit_test_setup(secrets_exist, setup),
		cmocka_unit_test_setup(secrets_follow_a_prompt, setup),
		cmocka_unit_test_setup(keys_exist_on_the_terminal, setup),
		cmocka_unit_test_setup(only_checks_in_healthy, setup),
		cmocka_unit_test_setup(the_longest_path_fits, setup),
		cmocka_unit_test_setup(the_host_says_how_long_power_takes, setup),
		cmocka_unit_test_setup(always_with_max_takes_its_time, setup),
		cmocka_unit_test_setup(off_at_the_end_is_said, setup),
		cmocka_unit_test_setup(recovered_is_proved, setup),
		cmocka_unit_test_setup(force_makes_proof_worthless, setup),
		cmocka_unit_test_setup(acts_are_bounded, setup),
		cmocka_unit_test_setup(patterns_that_others_hide, setup),
		cmocka_unit_test_setup(prompts_of_secrets_stand_alone, setup),
		cmocka_unit_test_setup(drawn_prompts_of_secrets_stand_alone,
				       setup),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, release);
}
