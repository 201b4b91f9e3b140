/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The files by which a question of a run is answered from elsewhere. The run
 * comes in to offer a question and to take the answer, the verb `answer` to
 * leave one, `runs` and `show` to see what is asked.
 *
 * Always true: both files appear whole, under their names, or not at all; an
 * answer never replaces another; what the run takes is a regular file of its own
 * user or root, of a limited size, and its owner, not its text, says who answered.
 */
#include "agent/run/answer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/run/owner.h"
#include "agent/run/record.h"
#include "base/buffer.h"
#include "base/log.h"
#include "base/memory.h"

#define ANSWER_FILE "answer"
#define ANSWER_QUESTION "question.json"
#define ANSWER_FILE_MAX 16384

static const char answer_blank[] = " \t\r\n";

/*
 * Writes a new file, which is not there yet under its real name. shared: for those
 * who may read the record, too.
 */
static int answer_write(int dir_fd, const char *name, const json_t *object,
			bool shared)
{
	char *text = json_dumps(object, JSON_COMPACT);
	size_t len = strlen(text);
	int rc = -1, fd;

	fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
					  O_CLOEXEC, 0600);
	if (fd >= 0) {
		if (shared)
			owner_follow(dir_fd, fd);
		errno = ENOSPC;
		if (write(fd, text, len) == (ssize_t)len && fsync(fd) == 0)
			rc = 0;
		close(fd);
	}
	free(text);
	return rc;
}

int answer_offer(int dir_fd, const json_t *object, struct rh_error *err)
{
	static const char fresh[] = ANSWER_QUESTION ".new";

	unlinkat(dir_fd, fresh, 0);
	if (answer_write(dir_fd, fresh, object, true) == 0 &&
	    renameat(dir_fd, fresh, dir_fd, ANSWER_QUESTION) == 0)
		return 0;
	rh_error_set_errno(err, RH_ERR_IO, errno, "the question can't be put "
			   "into the record");
	unlinkat(dir_fd, fresh, 0);
	return -1;
}

void answer_withdraw(int dir_fd)
{
	unlinkat(dir_fd, ANSWER_QUESTION, 0);
	unlinkat(dir_fd, ANSWER_FILE, 0);
}

/* A JSON object in a file that is fit to be read, else NULL. */
static json_t *answer_load(int dir_fd, const char *name, struct stat *st)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
					      O_CLOEXEC);
	json_t *object = NULL;

	if (fd < 0)
		return NULL;
	if (fstat(fd, st) == 0 && S_ISREG(st->st_mode) &&
	    st->st_size <= ANSWER_FILE_MAX && (st->st_mode & S_IWOTH) == 0)
		object = json_loadfd(fd, 0, NULL);
	close(fd);
	if (json_is_object(object))
		return object;
	json_decref(object);
	return NULL;
}

static int answer_open(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

json_t *answer_question(const char *path)
{
	int dir_fd = answer_open(path);
	struct stat st;
	json_t *question;

	if (dir_fd < 0)
		return NULL;
	question = answer_load(dir_fd, ANSWER_QUESTION, &st);
	close(dir_fd);
	if (question != NULL &&
	    json_is_integer(json_object_get(question, "question")) &&
	    json_is_string(json_object_get(question, "text")))
		return question;
	json_decref(question);
	return NULL;
}

const char *answer_choices(const json_t *question, char *buf, size_t buf_len)
{
	const json_t *list = json_object_get(question, "choices");
	struct buffer all = { 0 };
	const char *word;
	size_t i;

	for (i = 0; i < json_array_size(list); i++) {
		word = json_string_value(json_array_get(list, i));
		if (word != NULL)
			buffer_printf(&all, "%s%s", all.len > 0 ? "|" : "",
				      word);
	}
	snprintf(buf, buf_len, "%s", buffer_text(&all));
	buffer_release(&all);
	return buf;
}

/* ---- what an answer means ------------------------------------------------- */

static int answer_is_none(const char *const *choices, const char *text,
			  struct rh_error *err)
{
	struct buffer words = { 0 };
	size_t i;

	for (i = 0; choices[i] != NULL; i++)
		buffer_printf(&words, "%s%s", i == 0 ? "" :
			      choices[i + 1] == NULL ? " or " : ", ",
			      choices[i]);
	rh_error_set(err, RH_ERR_USAGE, "\"%.60s\" is no answer to that; expected "
		     "%s", text, buffer_text(&words));
	buffer_release(&words);
	return -1;
}

int answer_match(const char *const *choices, const char *line, char *ret,
		 size_t ret_len, struct rh_error *err)
{
	char text[ANSWER_MAX + 1];
	size_t len, i;

	line += strspn(line, answer_blank);
	len = strlen(line);
	while (len > 0 && strchr(answer_blank, line[len - 1]) != NULL)
		len--;
	if (len >= sizeof(text) || len >= ret_len)
		return rh_error_set(err, RH_ERR_USAGE, "that is too long; an "
				    "answer has %d bytes at most", ANSWER_MAX);
	memcpy(text, line, len);
	text[len] = '\0';
	for (i = 0; choices != NULL && choices[i] != NULL; i++) {
		if (strcasecmp(choices[i], text) == 0) {
			snprintf(ret, ret_len, "%s", choices[i]);
			return 0;
		}
	}
	if (choices != NULL)
		return answer_is_none(choices, text, err);
	if (len == 0)
		return rh_error_set(err, RH_ERR_USAGE, "an answer is expected");
	snprintf(ret, ret_len, "%s", text);
	return 0;
}

int answer_match_question(const json_t *question, const char *line, char *ret,
			  size_t ret_len, struct rh_error *err)
{
	const json_t *list = json_object_get(question, "choices");
	size_t i, count = json_array_size(list), used = 0;
	const char **words;
	int rc;

	if (count == 0)
		return answer_match(NULL, line, ret, ret_len, err);
	words = memory_new(count + 1, sizeof(*words));
	for (i = 0; i < count; i++) {
		words[used] = json_string_value(json_array_get(list, i));
		used += words[used] != NULL;
	}
	rc = answer_match(words, line, ret, ret_len, err);
	free(words);
	return rc;
}

/* ---- leaving one, and taking it --------------------------------------------- */

/* Whose record it is can read it, also where root answers. */
static void answer_give(int dir_fd, const char *name)
{
	struct stat st;

	if (fstat(dir_fd, &st) < 0 || st.st_uid == geteuid())
		return;
	if (fchownat(dir_fd, name, (uid_t)-1, st.st_gid,
		     AT_SYMLINK_NOFOLLOW) < 0 ||
	    fchmodat(dir_fd, name, 0640, 0) < 0)
		log_line(LOG_DEBUG, "%s: %s", name, strerror(errno));
}

int answer_leave(const char *path, const json_t *question, const char *text,
		 struct rh_error *err)
{
	int dir_fd = answer_open(path), rc = -1;
	char name[64];
	json_t *answer;

	if (dir_fd < 0)
		return rh_error_set_errno(err, RH_ERR_IO, errno, "%s", path);
	answer = json_pack("{si sO so}", "version", RECORD_VERSION, "question",
			   json_object_get(question, "question"), "answer",
			   record_string(text));
	snprintf(name, sizeof(name), ANSWER_FILE ".%ld", (long)getpid());
	unlinkat(dir_fd, name, 0);
	if (answer_write(dir_fd, name, answer, false) < 0) {
		rh_error_set_errno(err, RH_ERR_IO, errno, "%s/%s", path, name);
	} else {
		answer_give(dir_fd, name);
		rc = linkat(dir_fd, name, dir_fd, ANSWER_FILE, 0);
		if (rc < 0 && errno == EEXIST)
			rh_error_set(err, RH_ERR_BUSY, "somebody else has just "
				     "answered");
		else if (rc < 0)
			rh_error_set_errno(err, RH_ERR_IO, errno, "%s/"
					   ANSWER_FILE, path);
	}
	unlinkat(dir_fd, name, 0);
	json_decref(answer);
	close(dir_fd);
	return rc;
}

bool answer_waits(const char *path)
{
	int dir_fd = answer_open(path);
	struct stat st;
	bool waits;

	if (dir_fd < 0)
		return false;
	waits = fstatat(dir_fd, ANSWER_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0;
	close(dir_fd);
	return waits;
}

bool answer_take(int dir_fd, int number, char *ret, size_t ret_len,
		 uid_t *ret_uid)
{
	const char *text;
	struct stat st;
	json_t *answer;
	bool good = false;

	if (fstatat(dir_fd, ANSWER_FILE, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	answer = answer_load(dir_fd, ANSWER_FILE, &st);
	text = json_string_value(json_object_get(answer, "answer"));
	if (text != NULL && strlen(text) < ret_len &&
	    (st.st_uid == 0 || st.st_uid == geteuid()) &&
	    json_integer_value(json_object_get(answer, "question")) == number) {
		snprintf(ret, ret_len, "%s", text);
		*ret_uid = st.st_uid;
		good = true;
	}
	json_decref(answer);
	unlinkat(dir_fd, ANSWER_FILE, 0);
	return good;
}
