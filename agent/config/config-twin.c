/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The files of twins.d, one at a time. The verb that rehearses comes in with a
 * name. Always true: the same care as for all other files of the configuration
 * (who may write, no symbolic links). Twins of hosts: config-live.c.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/config/config-parts.h"
#include "base/memory.h"

#define TWIN_DIR "twins.d"

/* The nearest name of a file there, or NULL; points into names. */
static const char *twin_nearest(char **names, const char *name)
{
	size_t i, len;

	for (i = 0; names != NULL && names[i] != NULL; i++) {
		len = strlen(names[i]);
		if (len > 4 && strcmp(names[i] + len - 4, ".ini") == 0)
			names[i][len - 4] = '\0';
	}
	return names == NULL ? NULL
			     : option_nearest(name, (const char **)names);
}

static int twin_missing(int fd, const char *dir, const char *name,
			struct rh_error *err)
{
	struct rh_error ignored = RH_ERROR_INIT;
	char **names = NULL;
	const char *nearest;

	if (fd >= 0)
		config_file_list(fd, dir, &names, &ignored);
	nearest = twin_nearest(names, name);
	if (nearest != NULL)
		rh_error_set(err, RH_ERR_USAGE, "there is no twin \"%.80s\" in "
			     "%s; did you mean \"%s\"?", name, dir, nearest);
	else
		rh_error_set(err, RH_ERR_USAGE, "there is no twin \"%.80s\" in "
			     "%s; a file %.80s.ini there would be one, of "
			     "your own, see rhands-twins(5), or of a run: "
			     "`rhands learn RUN`; --twin takes another one",
			     name, dir, name);
	config_file_list_free(names);
	return -1;
}

static int twin_read(int fd, const char *dir, const char *name,
		     struct problems *problems, struct ini **ret,
		     struct rh_error *err)
{
	char *file = memory_format("%s.ini", name);
	char *path = memory_format("%s/%s", dir, file);
	bool broken = false;
	int rc = 0;

	*ret = NULL;
	if (fd >= 0 && option_is_name(name))
		rc = config_file_read(fd, file, path, problems, ret, &broken,
				      err);
	if (rc == 0 && *ret == NULL)
		rc = twin_missing(fd, dir, name, err);
	free(path);
	free(file);
	return rc;
}

int config_read_path(const char *what, const char *path,
		     struct problems *problems, struct ini **ret,
		     struct rh_error *err)
{
	bool broken = false;
	int rc;

	*ret = NULL;
	rc = config_file_read(AT_FDCWD, path, path, problems, ret, &broken, err);
	if (rc == 0 && *ret == NULL)
		rc = rh_error_set(err, RH_ERR_USAGE, "there is no %s %.200s: no "
				  "such file", what, path);
	return rc;
}

int config_read_twin(const struct config *config, const char *name,
		     struct problems *problems, struct ini **ret,
		     struct rh_error *err)
{
	char *dir = memory_format("%s/" TWIN_DIR, config->dir);
	int at = -1, fd = -1, rc;

	if (strchr(name, '/') != NULL) {
		free(dir);
		return config_read_path("twin", name, problems, ret, err);
	}
	rc = config_file_open_dir(AT_FDCWD, config->dir, config->dir, true, &at,
				  err);
	if (rc == 0 && at >= 0)
		rc = config_file_open_dir(at, TWIN_DIR, dir, false, &fd, err);
	if (rc == 0)
		rc = twin_read(fd, dir, name, problems, ret, err);
	if (fd >= 0)
		close(fd);
	if (at >= 0)
		close(at);
	free(dir);
	return rc;
}
