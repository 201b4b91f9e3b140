/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a maintenance tells people: the notice before it, the report behind it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/plan/announce.h"
#include "agent/plan/journal.h"
#include "agent/plan/mail.h"
#include "agent/plan/maintenance-report.h"
#include "agent/plan/window.h"
#include "agent/run/record.h"
#include "agent/verbs/maintain.h"
#include "base/deadline.h"
#include "base/memory.h"

/* ---- the notice -------------------------------------------------------------------------- */

/* Where it is noted that this notice of this window was sent. */
static char *announce_note(const struct maintain *m, size_t n)
{
	return memory_format("%s/maintenances/announced/%s.%lld.%lld",
			     m->call->records, m->plan->name,
			     (long long)m->plan->begin_ms,
			     (long long)m->plan->ahead_ms[n]);
}

static bool announce_was_sent(const struct maintain *m, size_t n)
{
	char *path = announce_note(m, n);
	bool sent = access(path, F_OK) == 0;

	free(path);
	return sent;
}

/* Those that were due before are of no use any more. */
static int announce_mark(const struct maintain *m, size_t due,
			 struct rh_error *err)
{
	char *dir = memory_format("%s/maintenances/announced",
				  m->call->records), *path;
	int rc = record_make_dir(dir, err), fd;
	size_t i;

	for (i = 0; i <= due && rc == 0; i++) {
		path = announce_note(m, i);
		fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
			  0600);
		if (fd < 0)
			rc = rh_error_set_errno(err, RH_ERR_IO, errno, "%s", path);
		else
			close(fd);
		free(path);
	}
	free(dir);
	return rc;
}

static int announce_send(struct maintain *m, bool print, struct rh_error *err)
{
	struct buffer text = { 0 }, html = { 0 }, calendar = { 0 }, all = { 0 };
	char *subject = announce_subject(m->plan);
	int64_t now = deadline_wall_ms();
	struct mail mail = { .subject = subject };
	int rc = 0;

	announce_text(m->plan, &text);
	announce_html(m->plan, &html);
	announce_calendar(m->plan, now, &calendar);
	mail.text = buffer_text(&text);
	mail.html = buffer_text(&html);
	mail.calendar = buffer_text(&calendar);
	if (print) {
		mail_write(m->plan, &mail, now, &all);
		fwrite(buffer_text(&all), 1, all.len, stdout);
	} else {
		rc = mail_send(m->plan, &mail, now, err);
	}
	buffer_release(&text);
	buffer_release(&html);
	buffer_release(&calendar);
	buffer_release(&all);
	free(subject);
	return rc;
}

/* The last one whose time has come; ahead_count: none. */
static size_t announce_due(const struct plan *p, int64_t now)
{
	size_t i, due = p->ahead_count;

	for (i = 0; i < p->ahead_count; i++) {
		if (now >= p->begin_ms - p->ahead_ms[i])
			due = i;
	}
	return due;
}

static int announce_nothing(const struct maintain *m, size_t next)
{
	char at[80];

	if (next < m->plan->ahead_count)
		printf("nothing is due; the next notice is at %s\n",
		       window_text(m->plan->begin_ms - m->plan->ahead_ms[next],
				   m->plan->zone, at, sizeof(at)));
	else
		printf("all notices were sent\n");
	return verb_finish(m->call, 0);
}

int maintain_announce(struct maintain *m, bool dry_run)
{
	struct rh_error err = RH_ERROR_INIT;
	const struct plan *p = m->plan;
	int64_t now = deadline_wall_ms();
	size_t due = announce_due(p, now);

	if (p->to == NULL)
		return verb_fail(m->call, 2, "%s has no [announce]", p->file);
	if (dry_run) {
		announce_send(m, true, &err);
		return verb_finish(m->call, 0);
	}
	if (now >= p->begin_ms)
		return verb_fail(m->call, 2, "the window of %s has begun: it is too "
				 "late for a notice", p->name);
	if (due == p->ahead_count)
		return announce_nothing(m, 0);
	if (announce_was_sent(m, due))
		return announce_nothing(m, due + 1);
	if (announce_send(m, false, &err) < 0 || announce_mark(m, due, &err) < 0)
		return verb_fail(m->call, 1, "the notice: %s", err.text);
	printf("the notice was given to %s\n", p->mail[0]);
	return verb_finish(m->call, 0);
}

/* ---- the report ------------------------------------------------------------------------------ */

/* Replays the maintenance; release the core in any case. */
static int report_load(struct maintain *m, const char *id,
		       const struct maintenance_config *config,
		       struct maintenance *core, struct rh_error *err)
{
	maintenance_init(core, config);
	return journal_replay(m->call->records, id, core, NULL, NULL, err);
}

int maintain_report(struct maintain *m, bool html)
{
	const struct maintenance_config config = maintain_config(m);
	struct rh_error err = RH_ERROR_INIT;
	struct maintenance core;
	struct buffer b = { 0 };
	char *id = journal_newest(m->call->records, m->plan->name);
	int status = 0;

	if (id == NULL)
		return verb_fail(m->call, 2, "there was no maintenance of %s yet",
				 m->plan->name);
	if (report_load(m, id, &config, &core, &err) < 0)
		status = verb_fail(m->call, 2, "%s", err.text);
	else if (html)
		maintenance_report_html(&core, id, &b);
	else
		maintenance_report_text(&core, id, &b);
	fwrite(buffer_text(&b), 1, b.len, stdout);
	maintenance_release(&core);
	buffer_release(&b);
	free(id);
	return verb_finish(m->call, status);
}

int maintain_send_report(struct maintain *m, const char *id)
{
	const struct maintenance_config config = maintain_config(m);
	struct buffer text = { 0 }, html = { 0 };
	struct rh_error err = RH_ERROR_INIT;
	struct maintenance core;
	struct mail mail = { 0 };
	char *subject = NULL;
	int rc = report_load(m, id, &config, &core, &err);

	if (rc == 0) {
		subject = maintenance_report_subject(&core);
		maintenance_report_text(&core, id, &text);
		maintenance_report_html(&core, id, &html);
		mail = (struct mail){ subject, buffer_text(&text),
				      buffer_text(&html), NULL };
		rc = mail_send(m->plan, &mail, deadline_wall_ms(), &err);
	}
	maintenance_release(&core);
	buffer_release(&text);
	buffer_release(&html);
	free(subject);
	if (rc < 0)
		return verb_fail(m->call, 1, "the report was not sent: %s; rhands "
				 "maintain %s --report prints it", err.text,
				 m->plan->name);
	return 0;
}
