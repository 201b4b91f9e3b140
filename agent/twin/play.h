/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_TWIN_PLAY_H
#define RH_AGENT_TWIN_PLAY_H

#include <stddef.h>

#include "agent/twin/model.h"
#include "base/error.h"

/* The largest recording that a twin plays, in bytes of its file. */
#define TWIN_PLAY_MAX (4 * 1024 * 1024)

/*
 * What the recording NAME (asciicast v2, as records have) printed, with its times;
 * it stands in the folder of the file `beside`, or below that. At least one
 * piece; pieces of one time are one. Typed keys and markers are left out.
 * CONFIG where it cannot be read, is too large or is no recording; a damaged last
 * line, as a killed run leaves it, is no error.
 */
int twin_play_read(const char *beside, const char *name,
		   struct twin_piece **ret_pieces, size_t *ret_count,
		   struct rh_error *err);

void twin_pieces_free(struct twin_piece *pieces, size_t count);

#endif
