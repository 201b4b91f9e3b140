/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_TWIN_LOAD_H
#define RH_AGENT_TWIN_LOAD_H

#include <stdint.h>

#include "agent/twin/model.h"
#include "base/error.h"

/*
 * Reads a twin's file. vars: "NAME=VALUE", one a line, what ${NAME} in it stands
 * for, before the file's own [vars]. *ret_identity stands for file and vars: another one is another twin. Free
 * with twin_model_free. CONFIG with the first error of the file and its line.
 */
int twin_load(struct twin_model **ret, uint64_t *ret_identity,
	      const char *path, const char *vars, struct rh_error *err);

#endif
