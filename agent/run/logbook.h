/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_RUN_LOGBOOK_H
#define RH_AGENT_RUN_LOGBOOK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * The events of a run, for those who may not read its record: to syslog, and to
 * the journal of systemd as fields. What is sent is the text of the event and who
 * and where, never what a host printed, on its console or elsewhere: of events
 * whose texts may quote that, the rule that fired, or the code. A logging daemon that
 * is gone, or does not read, costs the message and nothing else; what was lost is
 * counted.
 */
struct logbook_options {
	const char *journal;	/* path of the socket; NULL: not there */
	const char *syslog;	/* the same */
	int facility;		/* of syslog: 3 is daemon */
};

struct logbook_sink {
	uint64_t lost;		/* since the last message that went out */
	uint64_t lost_all;
};

struct logbook {
	const struct logbook_options *o;	/* NULL: nothing is logged */
	int fd;
	struct logbook_sink journal;
	struct logbook_sink syslog;
	const char *host;
	const char *sequence;
	const char *run;
	const char *user;
	const char *caller;	/* who came by sudo; NULL */
	bool quotes;		/* the text of the next event may quote the host */
};

/*
 * All that is given is borrowed until logbook_close. o may be NULL. A socket that
 * can't be made counts as a daemon that is gone.
 */
void logbook_open(struct logbook *l, const struct logbook_options *o,
		  const char *host, const char *sequence, const char *run,
		  const char *user);

/* An event as it stands in the journal of the run. Never blocks. */
void logbook_event(struct logbook *l, const json_t *event);

/* Messages that did not go out. */
uint64_t logbook_lost(const struct logbook *l);

void logbook_close(struct logbook *l);

/* The number of a facility ("daemon", "local0"), -1 where there is none. */
int logbook_facility(const char *name);

#endif
