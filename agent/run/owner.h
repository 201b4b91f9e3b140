/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_RUN_OWNER_H
#define RH_AGENT_RUN_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

/*
 * The owner group of records: who is in it may read them, by the rights of their
 * files alone. A folder that is given away is 02750, what is in it 0640; RECORDS
 * and RECORDS/runs can be walked through, not listed, so RECORDS/groups/GID names
 * the runs that a group may read.
 */

/*
 * The number of a group, by its name or as a number. CONFIG: there is none; REFUSED:
 * this process may not give files to it.
 */
int owner_find(const char *group, gid_t *ret, struct rh_error *err);

/* Gives a record's folder to the group. IO. On failure it is as it was: private. */
int owner_give_folder(const char *records, const char *run, int dir_fd,
		      gid_t gid, struct rh_error *err);

/*
 * For a new file, or a new directory, in a record's folder: readable for the group
 * that the folder is given to, if it is. What can't be given stays private.
 */
void owner_follow(int dir_fd, int fd);

/* What owner_give_folder left outside of the folder, before that is removed. */
void owner_forget(const char *records, const char *run, int dir_fd);

/*
 * Names of the runs in RECORDS that groups of this process may read, where it may
 * not list RECORDS/runs: sorted, NULL-ended, free all.
 */
char **owner_list(const char *records, size_t *ret_count);

/* Runs in RECORDS, others' too; -1: the file system does not tell. */
long owner_count_all(const char *records);

/*
 * Whether others can walk to RECORDS/runs, as far as it is there. CONFIG: the
 * directory that is closed to them. What is ours is opened by owner_give_folder.
 */
int owner_check_way(const char *records, gid_t gid, struct rh_error *err);

#endif
