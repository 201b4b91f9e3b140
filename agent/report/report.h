/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_REPORT_REPORT_H
#define RH_AGENT_REPORT_REPORT_H

#include <jansson.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"

/*
 * A record as one HTML file: verdict and proofs, the timeline, the console as it
 * plays, the evidence. It needs no network, and nothing that a host printed can
 * become a tag or a script of it.
 *
 * Appends the page to out. path: the folder of the run; run: its run.json;
 * verdict: of the run, or "running" or "killed". IO where the record can't be read.
 */
int report_write(struct buffer *out, const char *path, const json_t *run,
		 const char *verdict, struct rh_error *err);

/* ---- report-html.c ----------------------------------------------------------- */

/*
 * Foreign text as text of HTML, or of an attribute in quotes: control characters
 * are escaped for the eye (newlines and tabs stay), then the characters of HTML.
 */
void report_text(struct buffer *out, const char *text, size_t len);

/* JSON inside of <script type="application/json">: no '<' is left in it. */
void report_json(struct buffer *out, const json_t *value);

/* ---- report-cast.c ------------------------------------------------------------- */

/*
 * The recording in `path`, as the screens that it shows: an object with `cols`,
 * `rows`, `styles` (of [attributes, foreground, background], -1 the default, from
 * 2^24 on RGB), `frames` and `keys` and `marks` (of [ms, text]). A frame is [ms, cursor row,
 * cursor column, rows that it scrolls by, [row, [style, text, ...]] ...]: what is
 * not the same as before. NULL where there is no recording; *ret_damaged counts
 * its lines that can't be read.
 */
json_t *report_cast(const char *path, size_t *ret_damaged);

#endif
