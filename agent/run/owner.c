/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Records that a group may read. record.c comes in with each new folder and file,
 * history.c with the eyes of those who may read some of them; check and doctor ask
 * whether it would work.
 *
 * Always true: a file gets the group before it gets the right to be read, so that
 * no other group reads it in between; what goes wrong leaves it private. Locks are
 * never given away: who may open one could hold it, and stop a recovery.
 */
#include "agent/run/owner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

#define OWNER_GROUPS 1024	/* of this process that are looked at */
#define OWNER_RUN_MAX 250	/* bytes of a run's name */

/* ---- groups ------------------------------------------------------------------- */

static bool owner_number(const char *text, gid_t *ret)
{
	unsigned long n;
	char *end;

	n = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' ||
	    n >= (unsigned long)(gid_t)-1)
		return false;
	*ret = (gid_t)n;
	return true;
}

/* The groups of this process; how many. */
static int owner_groups(gid_t list[static OWNER_GROUPS])
{
	int count = getgroups(OWNER_GROUPS - 1, list);

	count = count < 0 ? 0 : count;
	list[count++] = getegid();
	return count;
}

static bool owner_is_ours(gid_t gid)
{
	gid_t list[OWNER_GROUPS];
	int i, count = owner_groups(list);

	for (i = 0; i < count; i++) {
		if (list[i] == gid)
			return true;
	}
	return false;
}

int owner_find(const char *group, gid_t *ret, struct rh_error *err)
{
	const struct group *gr = getgrnam(group);
	gid_t gid;

	if (gr != NULL)
		gid = gr->gr_gid;
	else if (!owner_number(group, &gid))
		return rh_error_set(err, RH_ERR_CONFIG, "there is no group \"%s\"",
				    group);
	if (geteuid() != 0 && !owner_is_ours(gid))
		return rh_error_set(err, RH_ERR_REFUSED, "records can't be given to "
				    "the group %s: uid %ld is not in it", group,
				    (long)geteuid());
	*ret = gid;
	return 0;
}

/* ---- giving -------------------------------------------------------------------- */

static int owner_give(int fd, gid_t gid, mode_t mode)
{
	return fchown(fd, (uid_t)-1, gid) == 0 && fchmod(fd, mode) == 0 ? 0 : -1;
}

void owner_follow(int dir_fd, int fd)
{
	struct stat dir, st;

	if (fstat(dir_fd, &dir) < 0 || (dir.st_mode & S_ISGID) == 0 ||
	    (dir.st_mode & S_IRGRP) == 0 || fstat(fd, &st) < 0)
		return;
	/* Who can't is told when the folder is given. */
	if (owner_give(fd, dir.st_gid, S_ISDIR(st.st_mode) ? 02750 : 0640) < 0)
		errno = 0;
}

/* Makes it so that others can walk through, but not list. */
static int owner_open_dir(const char *path, struct rh_error *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	int rc = 0;

	if (fd < 0 || fstat(fd, &st) < 0 ||
	    ((st.st_mode & S_IXOTH) == 0 &&
	     fchmod(fd, (st.st_mode & 07777) | S_IXGRP | S_IXOTH) < 0))
		rc = rh_error_set_errno(err, RH_ERR_IO, errno, "%s", path);
	if (fd >= 0)
		close(fd);
	return rc;
}

static int owner_open_way(const char *records, struct rh_error *err)
{
	char *runs = memory_format("%s/runs", records);
	int rc = owner_open_dir(records, err);

	if (rc == 0)
		rc = owner_open_dir(runs, err);
	free(runs);
	return rc;
}

/* RECORDS/groups/GID, for that group to list. */
static int owner_open_list(const char *records, gid_t gid, struct rh_error *err)
{
	char *all = memory_format("%s/groups", records);
	char *path = memory_format("%s/%lu", all, (unsigned long)gid);
	int fd = -1, rc = 0;

	if ((mkdir(all, 0711) < 0 && errno != EEXIST) ||
	    owner_open_dir(all, err) < 0 ||
	    (mkdir(path, 0700) < 0 && errno != EEXIST))
		rc = rh_error_set_errno(err, RH_ERR_IO, errno, "%s", path);
	if (rc == 0)
		fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (rc == 0 && (fd < 0 || owner_give(fd, gid, 02750) < 0)) {
		rc = rh_error_set_errno(err, RH_ERR_IO, errno, "%s", path);
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	free(path);
	free(all);
	return fd;
}

int owner_give_folder(const char *records, const char *run, int dir_fd,
		      gid_t gid, struct rh_error *err)
{
	char *target = memory_format("../../runs/%s", run);
	int list = -1, rc = owner_open_way(records, err);

	if (rc == 0) {
		list = owner_open_list(records, gid, err);
		rc = list < 0 ? -1 : 0;
	}
	if (rc == 0 && symlinkat(target, list, run) < 0 && errno != EEXIST)
		rc = rh_error_set_errno(err, RH_ERR_IO, errno, "%s/groups",
					records);
	if (rc == 0 && owner_give(dir_fd, gid, 02750) < 0)
		rc = rh_error_set_errno(err, RH_ERR_IO, errno, "%s/runs/%s",
					records, run);
	if (rc < 0 && fchmod(dir_fd, 0700) < 0)
		errno = 0;
	if (rc < 0 && list >= 0)
		unlinkat(list, run, 0);
	if (list >= 0)
		close(list);
	free(target);
	return rc;
}

void owner_forget(const char *records, const char *run, int dir_fd)
{
	struct stat st;
	char *path;

	if (fstat(dir_fd, &st) < 0 || (st.st_mode & S_ISGID) == 0)
		return;
	path = memory_format("%s/groups/%lu/%s", records,
			     (unsigned long)st.st_gid, run);
	unlink(path);
	free(path);
}

/* ---- reading ------------------------------------------------------------------- */

struct owner_names {
	char **list;
	size_t count;
};

static int owner_compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* What is gone, or was given to others since, is left out. */
static void owner_take(struct owner_names *names, const char *records,
		       const char *run)
{
	char *path = memory_format("%s/runs/%s", records, run);
	bool can = strlen(run) <= OWNER_RUN_MAX && access(path, R_OK | X_OK) == 0;

	free(path);
	if (!can)
		return;
	names->list = memory_grow(names->list, names->count + 2,
				  sizeof(*names->list));
	names->list[names->count++] = memory_copy(run);
}

static void owner_list_group(struct owner_names *names, const char *records,
			     gid_t gid)
{
	char *path = memory_format("%s/groups/%lu", records, (unsigned long)gid);
	DIR *dir = opendir(path);
	struct dirent *entry;

	free(path);
	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] != '.')
			owner_take(names, records, entry->d_name);
	}
	closedir(dir);
}

/* The same group may be there twice. */
static void owner_unique(struct owner_names *names)
{
	size_t i, kept = 0;

	qsort(names->list, names->count, sizeof(*names->list), owner_compare);
	for (i = 0; i < names->count; i++) {
		if (kept > 0 && strcmp(names->list[kept - 1], names->list[i]) == 0)
			free(names->list[i]);
		else
			names->list[kept++] = names->list[i];
	}
	names->count = kept;
	names->list[kept] = NULL;
}

char **owner_list(const char *records, size_t *ret_count)
{
	struct owner_names names = { .list = memory_new(1, sizeof(char *)) };
	gid_t groups[OWNER_GROUPS];
	int i, count = owner_groups(groups);

	for (i = 0; i < count; i++)
		owner_list_group(&names, records, groups[i]);
	owner_unique(&names);
	*ret_count = names.count;
	return names.list;
}

/* A directory has a link for itself, one in its parent, and one in each of its own. */
long owner_count_all(const char *records)
{
	char *runs = memory_format("%s/runs", records);
	struct stat st;
	long count = -1;

	if (stat(runs, &st) == 0 && st.st_nlink >= 2)
		count = (long)st.st_nlink - 2;
	free(runs);
	return count;
}

/* ---- before it matters ---------------------------------------------------------- */

static bool owner_can_walk(const struct stat *st, gid_t gid)
{
	return (st->st_mode & S_IXOTH) != 0 ||
	       (st->st_gid == gid && (st->st_mode & S_IXGRP) != 0);
}

int owner_check_way(const char *records, gid_t gid, struct rh_error *err)
{
	char *path = memory_format("%s/runs/", records);
	char *slash = path;
	struct stat st;
	int rc = 0;

	while (rc == 0 && (slash = strchr(slash + 1, '/')) != NULL) {
		*slash = '\0';
		if (stat(path, &st) == 0 && !owner_can_walk(&st, gid) &&
		    (strlen(path) < strlen(records) ||
		     (st.st_uid != geteuid() && geteuid() != 0)))
			rc = rh_error_set(err, RH_ERR_CONFIG, "the group can't get "
					  "to records in %s: %s is closed to it",
					  records, path);
		*slash = '/';
	}
	free(path);
	return rc;
}
