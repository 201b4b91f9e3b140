/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The configuration of a program that was built and not installed: its own source
 * tree has one, with a host that needs no hardware. verb_load comes in.
 *
 * Always true: only where nobody said --config and the installed configuration
 * is not there; and the directory is that of the program itself, never the current
 * one: whoever can write there can replace the program. It is judged like any
 * other (config.h).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/verbs/verb.h"
#include "base/memory.h"

/* The folder of this program, free(3); NULL where it cannot be told. */
static char *tree_folder(void)
{
	char path[4096], *slash;
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path));

	if (len <= 0 || len >= (ssize_t)sizeof(path))
		return NULL;
	path[len] = '\0';
	slash = strrchr(path, '/');
	if (slash == NULL || slash == path)
		return NULL;
	return memory_copy_len(path, (size_t)(slash - path));
}

static bool tree_has(const char *folder, const char *name)
{
	char *path = memory_format("%s/%s", folder, name);
	struct stat st;
	bool has = lstat(path, &st) == 0 && S_ISDIR(st.st_mode);

	free(path);
	return has;
}

char *verb_tree(const char *missing)
{
	struct stat st;
	char *folder;

	if (stat(missing, &st) == 0 || errno != ENOENT)
		return NULL;
	folder = tree_folder();
	if (folder != NULL && tree_has(folder, "hosts.d") &&
	    tree_has(folder, "twins.d"))
		return folder;
	free(folder);
	return NULL;
}
