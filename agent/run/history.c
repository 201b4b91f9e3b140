/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading records. A record may be of a killed run: its journal may end in
 * half a line, its run.json has no verdict. Everything here copes with that,
 * and takes nothing of a record for safe to print.
 */
#include "agent/run/history.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/run/lock.h"
#include "agent/run/owner.h"
#include "agent/run/process.h"
#include "agent/run/record.h"
#include "base/buffer.h"
#include "base/memory.h"
#include "base/vis.h"

/* How many runs are there that `listed` does not have? */
long history_count_others(const char *records, size_t listed)
{
	char *dir = memory_format("%s/runs", records);
	bool whole = access(dir, R_OK) == 0 || errno == ENOENT;
	long count = whole ? (long)listed : owner_count_all(records);

	free(dir);
	return count < 0 ? -1 : count < (long)listed ? 0 : count - (long)listed;
}

static int history_is_run(const struct dirent *entry)
{
	return strlen(entry->d_name) > 17 && entry->d_name[8] == 'T' &&
	       entry->d_name[15] == 'Z' && entry->d_name[16] == '-';
}

/*
 * By run.json, since "ldap1" is also the beginning of "ldap1-old"; by the name
 * where that can't be read.
 */
static bool history_is_of(const char *records, const char *run,
			  const char *host)
{
	size_t len = strlen(host);
	const char *of;
	char *path;
	json_t *head;
	bool is;

	if (strncmp(run + 17, host, len) != 0 || run[17 + len] != '-')
		return false;
	path = memory_format("%s/runs/%s", records, run);
	head = history_load(path, NULL);
	of = json_string_value(json_object_get(head, "host"));
	is = of == NULL || strcmp(of, host) == 0;
	json_decref(head);
	free(path);
	return is;
}

/* Of those that a group of ours may read. */
static char **history_list_given(const char *records, const char *host,
				 size_t *ret_count)
{
	size_t i, count, kept = 0;
	char **list = owner_list(records, &count);

	for (i = 0; i < count; i++) {
		if (host == NULL || history_is_of(records, list[i], host))
			list[kept++] = list[i];
		else
			free(list[i]);
	}
	list[kept] = NULL;
	*ret_count = kept;
	return list;
}

char **history_list(const char *records, const char *host, size_t *ret_count,
		    struct rh_error *err)
{
	char *dir = memory_format("%s/runs", records);
	struct dirent **entries = NULL;
	int i, count = scandir(dir, &entries, history_is_run, alphasort);
	char **list;

	*ret_count = 0;
	if (count < 0 && errno == EACCES) {
		list = history_list_given(records, host, ret_count);
		if (list[0] != NULL || access(dir, X_OK) == 0) {
			free(dir);
			return list;
		}
		history_list_free(list);
		errno = EACCES;
	}
	if (count < 0 && errno != ENOENT) {
		rh_error_set_errno(err, RH_ERR_IO, errno, "%s", dir);
		free(dir);
		return NULL;
	}
	free(dir);
	list = memory_new((size_t)(count > 0 ? count : 0) + 1, sizeof(*list));
	for (i = 0; i < count; i++) {
		if (host == NULL ||
		    history_is_of(records, entries[i]->d_name, host))
			list[(*ret_count)++] = memory_copy(entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return list;
}

void history_list_free(char **list)
{
	size_t i;

	for (i = 0; list != NULL && list[i] != NULL; i++)
		free(list[i]);
	free(list);
}

static bool history_matches(const char *run, const char *word)
{
	size_t run_len = strlen(run), word_len = strlen(word);

	if (word_len == 0 || word_len > run_len)
		return false;
	return strncmp(run, word, word_len) == 0 ||
	       strcmp(run + run_len - word_len, word) == 0;
}

static int history_pick(const char *records, const char *word, char **list,
			size_t count, char **ret_path, struct rh_error *err)
{
	const char *found = NULL;
	size_t i;

	if (strcmp(word, "last") == 0 && count > 0)
		found = list[count - 1];
	for (i = 0; found == NULL && i < count; i++) {
		if (strcmp(list[i], word) == 0)
			found = list[i];
	}
	for (i = 0; i < count && strcmp(word, "last") != 0; i++) {
		if (!history_matches(list[i], word) || list[i] == found ||
		    (found != NULL && strcmp(found, word) == 0))
			continue;
		if (found != NULL)
			return rh_error_set(err, RH_ERR_USAGE, "\"%.60s\" means "
					    "several runs, %s and %s among them",
					    word, found, list[i]);
		found = list[i];
	}
	if (found == NULL)
		return rh_error_set(err, RH_ERR_USAGE, "no run \"%.100s\" in "
				    "%s/runs; `rhands runs` lists them", word,
				    records);
	*ret_path = memory_format("%s/runs/%s", records, found);
	return 0;
}

int history_find(const char *records, const char *word, char **ret_path,
		 struct rh_error *err)
{
	char **list;
	size_t count;
	int rc;

	if (strchr(word, '/') != NULL) {
		*ret_path = memory_copy(word);
		return 0;
	}
	list = history_list(records, NULL, &count, err);
	if (list == NULL)
		return -1;
	rc = history_pick(records, word, list, count, ret_path, err);
	history_list_free(list);
	return rc;
}

json_t *history_load(const char *path, struct rh_error *err)
{
	char *file = memory_format("%s/run.json", path);
	json_error_t why;
	json_t *run = NULL;
	int fd = open(file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0) {
		rh_error_set_errno(err, RH_ERR_IO, errno, "%s", file);
	} else {
		run = json_loadfd(fd, 0, &why);
		close(fd);
		if (run == NULL)
			rh_error_set(err, RH_ERR_CONFIG, "%s: %s", file,
				     why.text);
		else if (!json_is_object(run))
			rh_error_set(err, RH_ERR_CONFIG, "%s: it is no record of "
				     "a run", file);
	}
	if (run != NULL && !json_is_object(run)) {
		json_decref(run);
		run = NULL;
	}
	free(file);
	return run;
}

/*
 * For those who may read the record, but not the lock: by the process. What was
 * begun on another machine is not known to have ended.
 */
static bool history_goes_on_here(const json_t *run)
{
	const char *agent = json_string_value(json_object_get(run, "agent"));
	const json_t *pid = json_object_get(run, "pid");
	const json_t *start = json_object_get(run, "pid_start");
	char here[256] = "";

	gethostname(here, sizeof(here) - 1);
	return agent == NULL || strcmp(agent, here) != 0 ||
	       process_start((pid_t)json_integer_value(pid)) ==
		       json_integer_value(start);
}

bool history_was_killed(const char *records, const json_t *run)
{
	const char *host = json_string_value(json_object_get(run, "host"));
	const char *name = json_string_value(json_object_get(run, "run"));
	const json_t *pid = json_object_get(run, "pid");
	struct lock_holder holder;

	if (!json_is_null(json_object_get(run, "verdict")) || host == NULL ||
	    name == NULL || strchr(host, '/') != NULL)
		return false;
	if (!lock_look(records, host, &holder))
		return !holder.hidden || !history_goes_on_here(run);
	/* Between its record and its name in the lock it is known by its pid. */
	return strcmp(holder.run, name) != 0 &&
	       !(strcmp(holder.run, "-") == 0 &&
		 holder.pid == json_integer_value(pid));
}

int history_journal(const char *path,
		    void (*take)(void *context, const json_t *event),
		    void *context, struct rh_error *err)
{
	char *file = memory_format("%s/journal.jsonl", path);
	int fd = open(file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	char *line = NULL;
	size_t size = 0;
	json_t *event;

	if (f == NULL) {
		rh_error_set_errno(err, RH_ERR_IO, errno, "%s", file);
		if (fd >= 0)
			close(fd);
		free(file);
		return -1;
	}
	while (getline(&line, &size, f) >= 0) {
		event = json_loads(line, 0, NULL);
		if (json_is_object(event))
			take(context, event);
		json_decref(event);
	}
	free(line);
	fclose(f);
	free(file);
	return 0;
}

/* The files of a directory, and the directories that are in it. Closes fd. */
static int history_remove_files(int fd, int depth)
{
	DIR *dir = fdopendir(fd);
	struct dirent *entry;
	int sub, rc = 0;

	if (dir == NULL) {
		close(fd);
		return -1;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0 ||
		    unlinkat(fd, entry->d_name, 0) == 0)
			continue;
		sub = depth == 0 ? -1
				 : openat(fd, entry->d_name, O_RDONLY | O_NOFOLLOW |
					  O_DIRECTORY | O_CLOEXEC);
		if (sub < 0 || history_remove_files(sub, depth - 1) < 0 ||
		    unlinkat(fd, entry->d_name, AT_REMOVEDIR) < 0)
			rc = -1;
	}
	closedir(dir);
	return rc;
}

int history_remove(const char *records, const char *run, struct rh_error *err)
{
	char *path = memory_format("%s/runs/%s", records, run);
	int fd = -1, rc = -1;

	errno = EINVAL;
	if (strchr(run, '/') == NULL && run[0] != '.')
		fd = open(path, O_RDONLY | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		owner_forget(records, run, fd);
	if (fd >= 0 && history_remove_files(fd, 1) == 0 && rmdir(path) == 0)
		rc = 0;
	else
		rh_error_set_errno(err, RH_ERR_IO, errno, "%s", path);
	free(path);
	return rc;
}

/* What a journal says about power. */
struct history_power {
	char act[32];
	char time[48];
	bool sent;
	bool acked;
	bool refused;
	bool confirmed;
};

static void history_take_power(void *context, const json_t *event)
{
	struct history_power *p = context;
	const char *name = json_string_value(json_object_get(event, "event"));
	const char *act = json_string_value(json_object_get(event, "act"));
	const char *time = json_string_value(json_object_get(event, "time"));

	if (name == NULL)
		return;
	if (strcmp(name, "power-act") == 0) {
		p->sent = true;
		p->acked = p->refused = p->confirmed = false;
		vis_text(act != NULL ? act : "?", p->act, sizeof(p->act));
		vis_text(time != NULL ? time : "?", p->time, sizeof(p->time));
	}
	p->acked = p->acked || strcmp(name, "power-acked") == 0;
	p->refused = p->refused || strcmp(name, "power-error") == 0;
	p->confirmed = p->confirmed || strcmp(name, "power") == 0 ||
		       strcmp(name, "restart") == 0;
}

static void history_say_power(const struct history_power *p, const char *run,
			      const char *next, char *text, size_t text_len)
{
	/* "power cycle", but "restart by shell". */
	const char *power = strchr(p->act, ' ') == NULL ? "power " : "";

	if (!p->sent)
		snprintf(text, text_len, "the run %s was killed; it had sent no "
			 "power action", run);
	else if (p->confirmed)
		snprintf(text, text_len, "the run %s was killed; its last power "
			 "action, %s at %s, was confirmed", run, p->act, p->time);
	else if (p->acked)
		snprintf(text, text_len, "the run %s was killed; it had sent %s%s "
			 "at %s, acknowledged but not confirmed: %s", run, power,
			 p->act, p->time, next);
	else
		snprintf(text, text_len, "the run %s was killed; it may have sent "
			 "%s%s at %s: %s", run, power, p->act, p->time, next);
}

bool history_act_is_force(const char *act)
{
	return strcmp(act, "on") != 0 && strcmp(act, "soft") != 0;
}

void history_tell(const char *records, const char *run, const char *next,
		  char *text, size_t text_len)
{
	char *path = memory_format("%s/runs/%s", records, run);
	struct history_power power = { .sent = false };
	char name[256];

	vis_text(run, name, sizeof(name));
	if (strchr(run, '/') != NULL ||
	    history_journal(path, history_take_power, &power, NULL) < 0)
		snprintf(text, text_len, "the run %s was killed and its journal "
			 "can't be read: it may have done anything; %s", name,
			 next);
	else
		history_say_power(&power, name, next, text, text_len);
	free(path);
}

/* Whose it was keeps it, and who could read it still can. */
static bool history_same_rights(const char *fresh, const char *file)
{
	struct stat st;

	return stat(file, &st) == 0 &&
	       chmod(fresh, chown(fresh, st.st_uid, st.st_gid) == 0
				    ? st.st_mode & 0640 : 0600) == 0;
}

static void history_write_verdict(const char *path, json_t *run,
				  const char *text, const char *found_by)
{
	char *file = memory_format("%s/run.json", path);
	char *fresh = memory_format("%s/run.json.new", path);

	json_object_set_new(run, "verdict", json_string("unknown"));
	json_object_set_new(run, "reason", record_string(text));
	json_object_set_new(run, "code", json_string("crashed"));
	json_object_set_new(run, "exit", json_integer(4));
	json_object_set_new(run, "found_by", json_string(found_by));
	if (json_dump_file(run, fresh, JSON_INDENT(2)) == 0 &&
	    history_same_rights(fresh, file) && rename(fresh, file) == 0)
		errno = 0;
	free(file);
	free(fresh);
}

void history_settle(const char *records, const char *run, const char *found_by,
		    char *text, size_t text_len)
{
	char *path = memory_format("%s/runs/%s", records, run);
	json_t *head = NULL;

	history_tell(records, run, "the state is read first", text, text_len);
	if (strchr(run, '/') == NULL)
		head = history_load(path, NULL);
	if (head != NULL && json_is_null(json_object_get(head, "verdict")))
		history_write_verdict(path, head, text, found_by);
	json_decref(head);
	free(path);
}
