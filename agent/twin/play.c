/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Recordings for twins to play. The model comes in while it is parsed, so that a
 * recording that is not there is an error of `rhands check`, with its line.
 *
 * Always true: only a plain file in the folder of the twin's file or below it
 * is read, through no symbolic link at its end, and no more than TWIN_PLAY_MAX
 * bytes; the times of the pieces never go back.
 */
#include "agent/twin/play.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/console/cast.h"
#include "base/memory.h"

void twin_pieces_free(struct twin_piece *pieces, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		free(pieces[i].text);
	free(pieces);
}

/* ---- the file ------------------------------------------------------------------ */

static bool play_is_below(const char *name)
{
	const char *at = name;

	if (*name == '/')
		return false;
	while (at != NULL) {
		at += *at == '/';
		if (strncmp(at, "..", 2) == 0 && (at[2] == '/' || at[2] == '\0'))
			return false;
		at = strchr(at, '/');
	}
	return true;
}

static char *play_path(const char *beside, const char *name)
{
	const char *slash = strrchr(beside, '/');
	int len = slash != NULL ? (int)(slash - beside) + 1 : 0;

	return memory_format("%.*s%s", len, beside, name);
}

static int play_slurp(int fd, const char *path, struct buffer *text,
		      struct rh_error *err)
{
	char part[16384];
	ssize_t n;

	while ((n = read(fd, part, sizeof(part))) > 0) {
		buffer_append(text, part, (size_t)n);
		if (text->len > TWIN_PLAY_MAX)
			return rh_error_set(err, RH_ERR_CONFIG, "%s is too "
					    "large; expected at most %d bytes",
					    path, TWIN_PLAY_MAX);
	}
	if (n < 0)
		return rh_error_set_errno(err, RH_ERR_CONFIG, errno, "%s",
					  path);
	return 0;
}

static int play_read_file(const char *path, struct buffer *text,
			  struct rh_error *err)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	int rc;

	if (fd < 0)
		return rh_error_set_errno(err, RH_ERR_CONFIG, errno, "%s",
					  path);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		rc = play_slurp(fd, path, text, err);
	else
		rc = rh_error_set(err, RH_ERR_CONFIG, "%s is no plain file",
				  path);
	close(fd);
	return rc;
}

/* ---- its lines ------------------------------------------------------------------ */

struct playing {
	const char *path;
	struct twin_piece *pieces;
	size_t count;
	int64_t at_ms;		/* of the last piece */
};

/* Consumes the event's text. */
static void play_add(struct playing *p, struct cast_event *event)
{
	struct twin_piece *last = p->count > 0 ? &p->pieces[p->count - 1]
					       : NULL;

	if (event->at_ms > p->at_ms)
		p->at_ms = event->at_ms;
	if (last != NULL && last->at_ms == p->at_ms) {
		last->text = memory_grow(last->text, last->len + event->len, 1);
		memcpy(last->text + last->len, event->text, event->len);
		last->len += event->len;
		free(event->text);
		return;
	}
	p->pieces = memory_grow(p->pieces, p->count + 1, sizeof(*p->pieces));
	p->pieces[p->count++] = (struct twin_piece){
		.at_ms = p->at_ms, .text = event->text, .len = event->len };
}

static int play_line(struct playing *p, const char *line, int number,
		     bool last, struct rh_error *err)
{
	struct cast_event event = { 0 };
	int columns, rows;

	if (number == 1) {
		if (cast_read_header(line, &columns, &rows, err) < 0)
			return rh_error_prefix(err, "%s", p->path);
		return 0;
	}
	if (cast_read_event(line, &event, err) < 0) {
		if (last)
			return 0;
		err->code = RH_ERR_CONFIG;
		return rh_error_prefix(err, "%s:%d", p->path, number);
	}
	if (event.type == CAST_OUTPUT && event.len > 0)
		play_add(p, &event);
	else
		free(event.text);
	return 0;
}

static int play_lines(struct playing *p, char *text, struct rh_error *err)
{
	char *save = NULL, *line = strtok_r(text, "\n", &save), *next;
	int number = 0, rc = 0;

	for (; line != NULL && rc == 0; line = next) {
		next = strtok_r(NULL, "\n", &save);
		rc = play_line(p, line, ++number, next == NULL, err);
	}
	if (rc == 0 && p->count == 0)
		return rh_error_set(err, RH_ERR_CONFIG, "%s: nothing is printed "
				    "in it", p->path);
	return rc;
}

int twin_play_read(const char *beside, const char *name,
		   struct twin_piece **ret_pieces, size_t *ret_count,
		   struct rh_error *err)
{
	struct rh_error own = RH_ERROR_INIT;
	struct buffer text = { 0 };
	struct playing p = { 0 };
	char *path;
	int rc;

	if (err == NULL)
		err = &own;
	if (!play_is_below(name))
		return rh_error_set(err, RH_ERR_CONFIG, "%s: expected a file "
				    "beside the twin's file, or below", name);
	path = play_path(beside, name);
	p.path = path;
	rc = play_read_file(path, &text, err);
	if (rc == 0) {
		buffer_append_char(&text, '\0');
		rc = play_lines(&p, text.data, err);
	}
	if (rc == 0) {
		*ret_pieces = p.pieces;
		*ret_count = p.count;
	} else {
		twin_pieces_free(p.pieces, p.count);
	}
	buffer_release(&text);
	free(path);
	return rc;
}
