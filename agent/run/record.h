/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_RUN_RECORD_H
#define RH_AGENT_RUN_RECORD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/*
 * The record of a run: a folder RECORDS/runs/YYYYMMDDThhmmssZ-HOST-SEQUENCE-xxxx/
 *   run.json		what, who, when, version, verdict; replaced as a whole
 *   journal.jsonl	every event, one JSON object a line
 *   console.cast	asciicast v2 of the console
 *   evidence/		files collected
 * Folders are 0700, files 0600, opened without following links; with an owner group
 * that can be had (owner.h), 02750 and 0640.
 *
 * A console that can't be written (a full disk) costs a gap that is counted and
 * marked; an event waits in memory until it can be written; only a power
 * action insists (record_sync).
 */
struct record;

/* What stands in every JSON object that we write. */
#define RECORD_VERSION 1

struct record_info {
	const char *records;	/* the directory that holds runs/ */
	const char *host;
	const char *sequence;
	const char *summary;
	int64_t deadline_ms;	/* how long the run may take */
	const char *why;	/* what the caller says; NULL: nothing */
	const char *request_id;
	const char *override;
	const char *owner_group;	/* that may read it; NULL: nobody else */
	int rows;		/* of the console's screen; 0: the usual ones */
	int cols;
};

/*
 * Makes the folder and its first files. IO where that is not possible (then
 * nothing must be done to the host).
 */
struct record *record_new(const struct record_info *info, struct rh_error *err);
void record_free(struct record *r);

/* Frees it and removes its folder: nothing was begun. NULL ok. */
void record_discard(struct record *r);

const char *record_id(const struct record *r);		/* name of the folder */
const char *record_path(const struct record *r);	/* whole path */
int record_dir(const struct record *r);			/* descriptor of it */
const char *record_privacy(const struct record *r);	/* why the owner group can't
							   read it; "" */
const char *record_caller(const struct record *r);	/* who came by sudo; NULL */
const char *record_user(const struct record *r);	/* whose run it is */

/*
 * Appends an event: `event` is its name, `fields` are its own members (a new
 * reference, consumed; may be NULL). at_ms: since the run began. Returns the
 * whole object (borrowed until the next call), for --json.
 */
const json_t *record_event(struct record *r, int64_t at_ms, const char *event,
			   json_t *fields);

/* Writes what waits and fsyncs the journal. IO: no power action may be taken. */
int record_sync(struct record *r, struct rh_error *err);

void record_output(struct record *r, int64_t at_ms, const void *bytes,
		   size_t len);

/*
 * Bytes of the gap that is open now, 0: none. *ret_lost: of all gaps; *ret_errno: why
 * the last one could not be written.
 */
uint64_t record_gap(const struct record *r, uint64_t *ret_lost, int *ret_errno);

void record_input(struct record *r, int64_t at_ms, const char *name);
void record_marker(struct record *r, int64_t at_ms, const char *text);

/* Writes evidence/NAME; *ret_file (fixed text in r) names it relative to the folder. */
int record_evidence(struct record *r, const char *name, const void *bytes,
		    size_t len, struct rh_error *err);

/* A member of run.json, on the disk when it returns. IO. */
int record_set(struct record *r, const char *key, const char *value,
	       struct rh_error *err);

/* The end: run.json with the verdict. members: consumed, added to it. */
int record_finish(struct record *r, int64_t at_ms, json_t *members,
		  struct rh_error *err);

/* UTF-8 JSON string of foreign bytes (what is none becomes U+FFFD). */
json_t *record_string(const char *text);

/* "2026-11-21T10:11:12.123Z" */
void record_time_text(int64_t wall_ms, char *buf, size_t buf_len);

/*
 * mkdir -p of an own directory, mode 0700 for what is new. IO; CONFIG where
 * others can write to it.
 */
int record_make_dir(const char *path, struct rh_error *err);

#endif
