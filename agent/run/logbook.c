/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Events to the logging daemons of the machine. run.c comes in with each event,
 * once it is in the record. Two protocols, both a datagram a message: that of
 * journald (KEY=VALUE lines, see systemd's "Native Journal Protocol") and that of
 * /dev/log (RFC 3164 as syslog(3) writes it, the structured words of RFC 5424
 * in front of the text).
 *
 * Own code for both: syslog(3) waits for a daemon that does not read, and a run
 * must not. Always true: no call here blocks; every value is escaped, so that it
 * is one line; only texts of events that are known to be ours, or the sequence's,
 * are sent, and of the members only those that are.
 */
#include "agent/run/logbook.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/vis.h"

#define LOGBOOK_TEXT_MAX 1500	/* a datagram of syslog has room for 2 kB everywhere */

/* As in syslog.h, whose names base/log.h has for something else. */
enum {
	LOGBOOK_ERR = 3,
	LOGBOOK_WARNING = 4,
	LOGBOOK_NOTICE = 5,
	LOGBOOK_INFO = 6,
	LOGBOOK_FINE = 7,
};

int logbook_facility(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} list[] = { { "user", 1 },	 { "daemon", 3 },  { "auth", 4 },
		     { "authpriv", 10 }, { "local0", 16 }, { "local1", 17 },
		     { "local2", 18 },	 { "local3", 19 }, { "local4", 20 },
		     { "local5", 21 },	 { "local6", 22 }, { "local7", 23 } };
	size_t i;

	for (i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		if (strcmp(list[i].name, name) == 0)
			return list[i].number;
	}
	return -1;
}

void logbook_open(struct logbook *l, const struct logbook_options *o,
		  const char *host, const char *sequence, const char *run,
		  const char *user)
{
	*l = (struct logbook){ .o = o, .fd = -1, .host = host,
			       .sequence = sequence, .run = run,
			       .user = user };
	if (o != NULL && (o->journal != NULL || o->syslog != NULL))
		l->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			       0);
}

void logbook_close(struct logbook *l)
{
	if (l->o != NULL && l->fd >= 0)
		close(l->fd);
	l->o = NULL;
	l->fd = -1;
}

uint64_t logbook_lost(const struct logbook *l)
{
	return l->journal.lost_all + l->syslog.lost_all;
}

/* ---- what an event says ----------------------------------------------------------- */

static const char *logbook_member(const json_t *event, const char *key)
{
	const char *text = json_string_value(json_object_get(event, key));

	return text != NULL ? text : "";
}

static bool logbook_is_one_of(const char *word, const char *const *list)
{
	for (; *list != NULL; list++) {
		if (strcmp(word, *list) == 0)
			return true;
	}
	return false;
}

static int logbook_priority(const json_t *event)
{
	static const char *const warnings[] = {
		"failed", "lost", "timeout", "visits", "console-lost",
		"console-error", "console-gap", "record-gap", "power-error",
		"evidence-error", "hand-ended", "limit", "unanswered",
		"way-given-up", "earlier-run", "record-private", NULL
	};
	static const char *const notices[] = { "begin", "power-act", "power",
					       "restart", "question",
					       "answer", NULL };
	static const char *const fine[] = { "power-read", "power-acked",
					    "checked", "ran", NULL };
	const char *name = logbook_member(event, "event");

	if (strcmp(name, "verdict") == 0)
		return json_integer_value(json_object_get(event, "exit")) == 0
			       ? LOGBOOK_NOTICE : LOGBOOK_ERR;
	if (logbook_is_one_of(name, warnings))
		return LOGBOOK_WARNING;
	if (logbook_is_one_of(name, notices))
		return LOGBOOK_NOTICE;
	return logbook_is_one_of(name, fine) ? LOGBOOK_FINE : LOGBOOK_INFO;
}

/* Events whose texts are ours, or stand in the configuration. */
static bool logbook_text_is_ours(const char *event)
{
	static const char *const list[] = {
		"begin", "state", "idle", "lost", "timeout", "visits", "typed",
		"again", "power", "note", "mute", "limit", "boot", "before",
		"console-gap", "record-gap", "record-private", "earlier-run",
		"override", "cancel", "question", "answer", "unanswered",
		"verdict", NULL
	};

	return logbook_is_one_of(event, list);
}

/* What else is said of an event: never a text of a host. */
static void logbook_members(struct buffer *out, json_t *event)
{
	static const char *const said[] = { "rule", "pattern", "act", "way",
					    "driver", "check", "port", "command",
					    "exit", "code", "power", "asked",
					    "bytes", "who", NULL };
	const char *key;
	json_t *value;

	json_object_foreach(event, key, value) {
		if (!logbook_is_one_of(key, said))
			continue;
		if (json_is_string(value))
			buffer_printf(out, " %s=%.300s", key,
				      json_string_value(value));
		else if (json_is_integer(value))
			buffer_printf(out, " %s=%" JSON_INTEGER_FORMAT, key,
				      json_integer_value(value));
	}
}

/* "ldap1: cycle: power: off seen twice"; escaped, cut where it is too long. */
static void logbook_message(const struct logbook *l, const json_t *event,
			    struct buffer *out)
{
	const char *state = logbook_member(event, "state");
	const char *name = logbook_member(event, "event");
	const char *text = logbook_member(event, "text");
	const char *verdict = logbook_member(event, "verdict");
	struct buffer raw = { 0 };

	if (l->quotes || !logbook_text_is_ours(name))
		text = "";

	buffer_printf(&raw, "%s: %s%s%s", l->host, state,
		      state[0] != '\0' ? ": " : "", name);
	if (verdict[0] != '\0')
		buffer_printf(&raw, " %s", verdict);
	if (text[0] != '\0')
		buffer_printf(&raw, ": %.*s", LOGBOOK_TEXT_MAX, text);
	else
		logbook_members(&raw, (json_t *)event);
	vis_append(out, raw.data, raw.len < LOGBOOK_TEXT_MAX
					  ? raw.len : LOGBOOK_TEXT_MAX);
	buffer_release(&raw);
}

/* ---- the two protocols --------------------------------------------------------------- */

/* RHANDS_KEY=VALUE; nothing where the value is empty. */
static void logbook_field(struct buffer *out, const char *key, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	buffer_append_text(out, "RHANDS_");
	for (; *key != '\0'; key++)
		buffer_append_char(out, (char)toupper((unsigned char)*key));
	buffer_append_char(out, '=');
	vis_append(out, value, strlen(value));
	buffer_append_char(out, '\n');
}

/* What both logs are told of an event, by the names of syslog's words. */
static void logbook_fields(const struct logbook *l, const json_t *event,
			   uint64_t lost, struct buffer *out,
			   void (*put)(struct buffer *out, const char *key,
				       const char *value))
{
	static const char *const members[] = { "event", "state", "verdict", "act",
					       "rule", "code" };
	char number[24] = "";
	size_t i;

	put(out, "host", l->host);
	put(out, "run", l->run);
	put(out, "sequence", l->sequence);
	put(out, "user", l->user);
	put(out, "caller", l->caller);
	for (i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		put(out, members[i], logbook_member(event, members[i]));
	if (json_is_integer(json_object_get(event, "exit")))
		snprintf(number, sizeof(number), "%d", (int)json_integer_value(
					json_object_get(event, "exit")));
	put(out, "exit", number);
	number[0] = '\0';
	if (lost > 0)
		snprintf(number, sizeof(number), "%" PRIu64, lost);
	put(out, "lost", number);
}

static void logbook_journal_text(const struct logbook *l, const json_t *event,
				 const char *message, struct buffer *out)
{
	buffer_printf(out, "MESSAGE=%s\nPRIORITY=%d\nSYSLOG_IDENTIFIER=rhands\n"
		      "SYSLOG_FACILITY=%d\nSYSLOG_PID=%ld\n", message,
		      logbook_priority(event), l->o->facility, (long)getpid());
	logbook_fields(l, event, l->journal.lost, out, logbook_field);
}

/* KEY="VALUE", as RFC 5424 escapes it. */
static void logbook_word(struct buffer *out, const char *key, const char *value)
{
	struct buffer safe = { 0 };
	size_t i;

	if (value == NULL || value[0] == '\0')
		return;
	vis_append(&safe, value, strlen(value));
	buffer_printf(out, " %s=\"", key);
	for (i = 0; i < safe.len; i++) {
		if (strchr("\"\\]", safe.data[i]) != NULL)
			buffer_append_char(out, '\\');
		buffer_append_char(out, safe.data[i]);
	}
	buffer_append_char(out, '"');
	buffer_release(&safe);
}

static void logbook_syslog_text(const struct logbook *l, const json_t *event,
				const char *message, struct buffer *out)
{
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May",
					      "Jun", "Jul", "Aug", "Sep", "Oct",
					      "Nov", "Dec" };
	time_t now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	buffer_printf(out, "<%d>%s %2d %02d:%02d:%02d rhands[%ld]: [rhands",
		      l->o->facility * 8 + logbook_priority(event),
		      months[tm.tm_mon], tm.tm_mday, tm.tm_hour, tm.tm_min,
		      tm.tm_sec, (long)getpid());
	logbook_fields(l, event, l->syslog.lost, out, logbook_word);
	buffer_printf(out, "] %s", message);
}

/* ---- out ------------------------------------------------------------------------------- */

static void logbook_send(struct logbook *l, struct logbook_sink *sink,
			 const char *path, const struct buffer *text)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	if (l->fd >= 0 &&
	    sendto(l->fd, text->data, text->len, MSG_DONTWAIT | MSG_NOSIGNAL,
		   (struct sockaddr *)&to, sizeof(to)) >= 0) {
		sink->lost = 0;
	} else {
		sink->lost++;
		sink->lost_all++;
	}
}

void logbook_event(struct logbook *l, const json_t *event)
{
	struct buffer message = { 0 }, text = { 0 };

	if (l->o == NULL)
		return;
	logbook_message(l, event, &message);
	l->quotes = false;
	if (l->o->journal != NULL) {
		logbook_journal_text(l, event, buffer_text(&message), &text);
		logbook_send(l, &l->journal, l->o->journal, &text);
	}
	buffer_clear(&text);
	if (l->o->syslog != NULL) {
		logbook_syslog_text(l, event, buffer_text(&message), &text);
		logbook_send(l, &l->syslog, l->o->syslog, &text);
	}
	buffer_release(&text);
	buffer_release(&message);
}
