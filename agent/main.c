/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verb table, and nothing else. */
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/verbs/verb.h"
#include "config.h"

static const struct verb *const verbs[] = {
	&verb_recover, &verb_run,  &verb_power,	 &verb_console,
	&verb_status,  &verb_check, &verb_hosts, &verb_runs,
	&verb_show,    &verb_replay, &verb_drivers, &verb_shell,
	&verb_identify, &verb_sel, &verb_doctor, &verb_answer, &verb_plan,
	&verb_wait,    &verb_cancel,
	&verb_maintain,
	&verb_fence,
	&verb_rehearse, &verb_graph, &verb_learn, &verb_test, &verb_report,
};

#define VERB_COUNT ((int)(sizeof(verbs) / sizeof(verbs[0])))

/* Secrets may pass through this process: no core, no peeking, private files. */
static void main_protect(void)
{
	const struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	umask(077);
}

/*
 * With a set-user-id bit the environment, SUDO_UID in it, would be that of anybody
 * who starts us. There is sudo for that, see POLICY in rhands(1).
 */
static bool main_is_set_id(void)
{
	if (getuid() == geteuid() && getgid() == getegid())
		return false;
	fprintf(stderr, "rhands: it is installed set-user-id or set-group-id, which "
		"would let anybody do everything; nothing was done; take the bit "
		"away, and see POLICY in rhands(1)\n");
	return true;
}

static int main_help(FILE *out, int status)
{
	int i;

	fprintf(out, "Usage: rhands VERB [ARGUMENT...]\n"
		"The hands of a person at the rack: power, console, proof.\n\n");
	for (i = 0; i < VERB_COUNT; i++)
		fprintf(out, "  %-9s %-34s %s\n", verbs[i]->name,
			verbs[i]->usage, verbs[i]->summary);
	fprintf(out, "\n`rhands VERB --help` tells more; rhands(1) tells all.\n"
		"Exit status: 0 recovered, 1 failed, 3 needs hands, 4 unknown, "
		"2 usage,\n5 busy, 6 refused, 130 cancelled.\n");
	return status;
}

/* The same program under another name. */
static bool main_is_fence_agent(const char *path)
{
	const char *slash = path != NULL ? strrchr(path, '/') : NULL;

	return path != NULL && strcmp(slash != NULL ? slash + 1 : path,
				      "fence_rhands") == 0;
}

int main(int argc, char **argv)
{
	struct verb_call call = { .argc = argc - 1, .argv = argv + 1 };
	const char *names[VERB_COUNT + 1], *nearest;
	int i, status;

	main_protect();
	if (main_is_set_id())
		return 2;
	if (main_is_fence_agent(argv[0])) {
		call.verb = &verb_fence;
		status = verb_fence.run(&call);
		verb_release(&call);
		return status;
	}
	if (argc < 2)
		return main_help(stderr, 2);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
		return main_help(stdout, 0);
	if (strcmp(argv[1], "--version") == 0) {
		printf("rhands %s\n", PACKAGE_VERSION);
		return 0;
	}
	for (i = 0; i < VERB_COUNT; i++) {
		names[i] = verbs[i]->name;
		if (strcmp(verbs[i]->name, argv[1]) != 0)
			continue;
		call.verb = verbs[i];
		status = verbs[i]->run(&call);
		verb_release(&call);
		if ((fflush(stdout) != 0 || ferror(stdout)) && status == 0)
			status = 1;
		return status;
	}
	names[VERB_COUNT] = NULL;
	if (argv[1][0] == '-') {
		fprintf(stderr, "rhands: options stand behind the verb, such as "
			"`rhands status --json`\n");
		return 2;
	}
	nearest = option_nearest(argv[1], names);
	if (nearest != NULL)
		fprintf(stderr, "rhands: no such verb; did you mean \"%s\"?\n",
			nearest);
	else
		fprintf(stderr, "rhands: no such verb; `rhands --help` lists "
			"them\n");
	return 2;
}
