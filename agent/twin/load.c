/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A twin's file and its values, from the disk, for a hand: it has a path and no
 * configuration. `rhands check` comes with INI data and goes to the model
 * directly; there all errors are told, here the first one.
 */
#include "agent/twin/load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/sequence/sequence.h"
#include "agent/twin/twin-vars.h"
#include "base/buffer.h"
#include "base/memory.h"

#define LOAD_MAX (1024 * 1024)

/* ---- values -------------------------------------------------------------------- */

struct load_vars {
	char *text;		/* the lines, each '=' and newline made a NUL */
	size_t len;
};

static void load_vars_init(struct load_vars *v, const char *vars)
{
	char *line, *equals, *end;

	v->text = memory_copy(vars);
	v->len = strlen(vars);
	for (line = v->text; line < v->text + v->len; line = end + 1) {
		end = line + strcspn(line, "\n");
		*end = '\0';
		equals = strchr(line, '=');
		if (equals != NULL)
			*equals = '\0';
	}
}

static const char *load_vars_get(const void *context, const char *name)
{
	const struct load_vars *v = context;
	const char *at = v->text, *value;

	while (at < v->text + v->len) {
		value = at + strlen(at) + 1;
		if (value > v->text + v->len)
			return NULL;
		if (strcmp(at, name) == 0)
			return value;
		at = value + strlen(value) + 1;
	}
	return NULL;
}

/* ---- the file ------------------------------------------------------------------- */

static int load_slurp(int fd, const char *path, struct buffer *text,
		      struct rh_error *err)
{
	char part[16384];
	struct stat st;
	ssize_t n = 0;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return rh_error_set(err, RH_ERR_CONFIG, "%s is no plain file",
				    path);
	while (text->len <= LOAD_MAX && (n = read(fd, part, sizeof(part))) > 0)
		buffer_append(text, part, (size_t)n);
	if (n < 0)
		return rh_error_set_errno(err, RH_ERR_CONFIG, errno, "%s",
					  path);
	if (text->len > LOAD_MAX)
		return rh_error_set(err, RH_ERR_CONFIG, "%s is too large; "
				    "expected at most %d bytes", path, LOAD_MAX);
	return 0;
}

static int load_read(const char *path, struct buffer *text,
		     struct rh_error *err)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return rh_error_set_errno(err, RH_ERR_CONFIG, errno, "%s",
					  path);
	rc = load_slurp(fd, path, text, err);
	close(fd);
	return rc;
}

static int load_tell(const struct problems *problems, const char *path,
		     struct rh_error *err)
{
	const struct problem *p;
	size_t i;

	for (i = 0; i < problems->count; i++) {
		p = &problems->list[i];
		if (!p->warning)
			return rh_error_set(err, RH_ERR_CONFIG, "%s:%d: %s",
					    p->file, p->line, p->text);
	}
	return rh_error_set(err, RH_ERR_CONFIG, "%s is no twin", path);
}

/* FNV-1a: it tells twins apart that nobody made alike on purpose. */
static uint64_t load_hash(uint64_t hash, const char *bytes, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)bytes[i]) *
		       UINT64_C(1099511628211);
	return hash;
}

static struct twin_model *load_parse(const char *path,
				     const struct buffer *text,
				     const char *vars,
				     struct problems *problems)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash != NULL ? slash + 1 : path;
	char *name = memory_copy_len(base, strcspn(base, "."));
	struct ini *ini = ini_read(path, buffer_text(text), text->len,
				   problems);
	struct load_vars values;
	const struct sequence_vars given = { load_vars_get, &values, NULL };
	const struct twin_vars all = { &given, ini };
	const struct sequence_vars get = { twin_vars_get, &all, NULL };
	struct twin_model *model;

	load_vars_init(&values, vars);
	model = twin_model_parse(ini, name, &get, problems);
	free(values.text);
	ini_free(ini);
	free(name);
	return model;
}

int twin_load(struct twin_model **ret, uint64_t *ret_identity,
	      const char *path, const char *vars, struct rh_error *err)
{
	struct problems problems = { 0 };
	struct buffer text = { 0 };
	struct twin_model *model;
	int rc = load_read(path, &text, err);

	if (rc == 0) {
		model = load_parse(path, &text, vars, &problems);
		if (model == NULL) {
			problems_sort(&problems);
			rc = load_tell(&problems, path, err);
		} else {
			*ret = model;
			*ret_identity = load_hash(
				load_hash(UINT64_C(14695981039346656037),
					  buffer_text(&text), text.len),
				vars, strlen(vars) + 1);
		}
	}
	problems_release(&problems);
	buffer_release(&text);
	return rc;
}
