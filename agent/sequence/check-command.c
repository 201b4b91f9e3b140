/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Commands that end the system which carries them out. `shell "reboot"` has
 * succeeded before anything went down, and the old system still answers for
 * some seconds: a check behind it proves nothing (FAULTS, H01). `restart shell`
 * and `stop shell` are there for it, since they wait for the proof.
 *
 * Only a word that the host's shell would take for a command counts; what is
 * only named in an argument (`last reboot`) does not. That is a guess, so it is
 * a warning.
 */
#include "agent/sequence/check-private.h"

#include <string.h>

/* What may stand before a command and starts the next word. */
static const char *const command_prefixes[] = {
	"sudo", "doas", "exec", "nohup", "nice", "time", "then", "do", "else",
};

/* words: what has to stand behind the command, one of them; "" for nothing. */
static const struct {
	const char *command, *words, *rungs;
} command_ends[] = {
	{ "reboot", "", "restart" },
	{ "shutdown", " -r -rf -ry -i6 ", "restart" },
	{ "systemctl", " reboot kexec soft-reboot ", "restart" },
	{ "init", " 6 ", "restart" }, { "telinit", " 6 ", "restart" },
	{ "kexec", " -e ", "restart" },
	{ "halt", "", "stop" }, { "poweroff", "", "stop" },
	{ "shutdown", " -h -P -p -i5 ", "stop" },
	{ "systemctl", " halt poweroff ", "stop" },
	{ "init", " 0 5 ", "stop" }, { "telinit", " 0 ", "stop" },
};

static bool command_is(const char *word, size_t len, const char *name)
{
	return strlen(name) == len && strncmp(word, name, len) == 0;
}

static bool command_is_prefix(const char *word, size_t len)
{
	size_t i;

	for (i = 0; i < sizeof(command_prefixes) / sizeof(command_prefixes[0]); i++)
		if (command_is(word, len, command_prefixes[i]))
			return true;
	return false;
}

static const char *command_word(const char *at, size_t *ret_len)
{
	at += strspn(at, " \t\n");
	*ret_len = strcspn(at, " \t\n;&|()");
	return at;
}

/* Is one of the words behind the command among these? */
static bool command_has(const char *at, const char *words)
{
	char spaced[32];
	size_t len;

	if (*words == '\0')
		return true;
	for (at = command_word(at, &len); len > 0; at = command_word(at + len, &len)) {
		if (len + 3 > sizeof(spaced))
			continue;
		spaced[0] = spaced[len + 1] = ' ';
		memcpy(spaced + 1, at, len);
		spaced[len + 2] = '\0';
		if (strstr(words, spaced) != NULL)
			return true;
	}
	return false;
}

/* "restart" or "stop", where the command at this place does that. */
static const char *command_rungs(const char *word, size_t len)
{
	const char *end = word + len;
	size_t i;

	while (memchr(word, '/', (size_t)(end - word)) != NULL)
		word = (const char *)memchr(word, '/', (size_t)(end - word)) + 1;
	for (i = 0; i < sizeof(command_ends) / sizeof(command_ends[0]); i++)
		if (command_is(word, (size_t)(end - word), command_ends[i].command) &&
		    command_has(end, command_ends[i].words))
			return command_ends[i].rungs;
	return NULL;
}

/* The first command of the text that ends the system; NULL where none does. */
static const char *command_find(const char *text)
{
	const char *at = text, *rungs;
	size_t len;

	while (*at != '\0') {
		at = command_word(at, &len);
		if (command_is_prefix(at, len)) {
			at += len;
			continue;
		}
		rungs = command_rungs(at, len);
		if (rungs != NULL)
			return rungs;
		at += strcspn(at, ";&|()\n");
		at += *at != '\0';
	}
	return NULL;
}

void check_command(struct check *c, const struct action *a)
{
	const char *rungs = command_find(a->text);

	if (rungs == NULL)
		return;
	problems_warn_at(c->problems, a->file, a->line, a->column, "this command "
			 "has succeeded before the system is down, and a check "
			 "behind it may still reach that one; \"%s shell\" "
			 "carries it out and waits until %s", rungs,
			 strcmp(rungs, "stop") == 0 ? "the power is seen off"
						    : "another system is seen");
}
