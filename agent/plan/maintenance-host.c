/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One host in a maintenance: what its events make of it.
 *
 *   WAITING    -> UNDER_WAY FIRST
 *   UNDER_WAY  -> BACK, FAILED; DUE RECOVER, where it is not back; where its run was
 *		   lost: WAITING, where nothing was sent; else DUE LOOK
 *   DUE	-> UNDER_WAY of that step
 *   LOOK ends  -> BACK, where a new system is seen; WAITING, where the system from
 *		   before is: nothing that was sent was carried out; FAILED with
 *		   the verdict unknown, where it is well and nobody can tell
 */
#include "agent/plan/maintenance-private.h"

#include <stdio.h>
#include <string.h>

static bool maintenance_known_host(const struct maintenance *m,
				   const struct maintenance_event *e)
{
	return e->host < m->config.plan->host_count &&
	       e->step < MAINTENANCE_STEPS &&
	       m->phase == MAINTENANCE_WAVE_ON &&
	       plan_wave_of(m->config.plan, e->host) == m->wave;
}

bool maintenance_host_begins(struct maintenance *m,
			     const struct maintenance_event *e)
{
	struct maintenance_host *h;

	if (!maintenance_known_host(m, e))
		return false;
	h = &m->hosts[e->host];
	if (h->state == MAINTENANCE_WAITING && e->step == MAINTENANCE_FIRST) {
		m->living++;
		h->began_ms = h->began_ms != 0 ? h->began_ms : m->last_ms;
	} else if (h->state != MAINTENANCE_DUE || h->step != e->step) {
		return false;
	}
	if (e->step == MAINTENANCE_FIRST)
		h->begun++;
	h->state = MAINTENANCE_UNDER_WAY;
	h->step = e->step;
	snprintf(h->request, sizeof(h->request), "%s",
		 e->request != NULL ? e->request : "");
	return true;
}

static void maintenance_host_is(struct maintenance *m, size_t host,
				enum maintenance_state state,
				enum verdict verdict, const char *text)
{
	struct maintenance_host *h = &m->hosts[host];

	h->state = state;
	h->ended_ms = m->last_ms;
	h->verdict = verdict;
	snprintf(h->text, sizeof(h->text), "%s", text);
	m->living--;
}

static void maintenance_host_fails(struct maintenance *m, size_t host,
				   enum verdict verdict, const char *text)
{
	maintenance_host_is(m, host, MAINTENANCE_FAILED, verdict, text);
	maintenance_trouble(m, maintenance_host_name(m, host), text);
}

/* It is well, and nobody can tell more. That stops nothing, and is no success. */
static void maintenance_host_doubted(struct maintenance *m, size_t host)
{
	static const char text[] = "it is healthy, but whether it was restarted is "
				   "not known: its runner was killed around the act";

	maintenance_host_is(m, host, MAINTENANCE_FAILED, VERDICT_UNKNOWN, text);
	if (m->trouble[0] == '\0')
		snprintf(m->trouble, sizeof(m->trouble), "%s: %s",
			 maintenance_host_name(m, host), text);
}

/* It says that it is well: is it, and was it restarted? */
static void maintenance_host_well(struct maintenance *m,
				  const struct maintenance_event *e)
{
	struct maintenance_host *h = &m->hosts[e->host];

	if (h->restarted || m->config.plan->kind != PLAN_REBOOT)
		maintenance_host_is(m, e->host, MAINTENANCE_BACK,
				    VERDICT_RECOVERED, e->text);
	else if (h->in_doubt)
		maintenance_host_doubted(m, e->host);
	else
		maintenance_host_fails(m, e->host, VERDICT_FAILED, "it is "
				       "healthy, but was not restarted");
}

/* Nothing was done to it: it waits again, and the window is asked again. */
static void maintenance_host_waits(struct maintenance *m, size_t host)
{
	m->hosts[host].state = MAINTENANCE_WAITING;
	m->hosts[host].in_doubt = false;
	m->living--;
}

/* It had its time, and is not back: what is to be done next, if anything. */
static bool maintenance_host_goes_on(struct maintenance *m,
				     const struct maintenance_event *e)
{
	struct maintenance_host *h = &m->hosts[e->host];
	bool start = m->config.plan->kind == PLAN_START;

	if (e->step == MAINTENANCE_RECOVER ||
	    (!start && !m->config.recovers[e->host]) ||
	    (start ? e->step != MAINTENANCE_LOOK : !e->touched && !h->in_doubt))
		return false;
	if (!start) {
		h->hands = true;
		snprintf(h->first_text, sizeof(h->first_text), "%s", e->text);
	}
	h->state = MAINTENANCE_DUE;
	h->step = start ? MAINTENANCE_FIRST : MAINTENANCE_RECOVER;
	return true;
}

bool maintenance_host_ends(struct maintenance *m,
			   const struct maintenance_event *e)
{
	struct maintenance_host *h;

	if (!maintenance_known_host(m, e))
		return false;
	h = &m->hosts[e->host];
	if (h->state != MAINTENANCE_UNDER_WAY || h->step != e->step)
		return false;
	h->restarted = h->restarted || e->restarted;
	snprintf(h->run, sizeof(h->run), "%s", e->run);
	if (e->step == MAINTENANCE_LOOK && e->unchanged && !h->restarted &&
	    !h->hands)
		maintenance_host_waits(m, e->host);
	else if (e->verdict == VERDICT_RECOVERED)
		maintenance_host_well(m, e);
	else if (!maintenance_host_goes_on(m, e))
		maintenance_host_fails(m, e->host,
				       e->verdict != VERDICT_NONE
					       ? e->verdict : VERDICT_FAILED,
				       e->text);
	maintenance_settle_wave(m);
	return true;
}

bool maintenance_host_lost(struct maintenance *m,
			   const struct maintenance_event *e)
{
	struct maintenance_host *h;

	if (!maintenance_known_host(m, e))
		return false;
	h = &m->hosts[e->host];
	if (h->state != MAINTENANCE_UNDER_WAY || h->step != e->step)
		return false;
	h->state = MAINTENANCE_DUE;
	h->losses++;
	h->restarted = h->restarted || e->restarted;
	h->in_doubt = h->in_doubt || e->touched;
	if (h->boot_id[0] == '\0' && e->boot_id != NULL)
		snprintf(h->boot_id, sizeof(h->boot_id), "%s", e->boot_id);
	if (e->touched && m->config.plan->kind == PLAN_RUN)
		maintenance_host_fails(m, e->host, VERDICT_UNKNOWN, "the runner "
				       "was killed in the middle of it: look what "
				       "it has done");
	else if (e->touched && m->config.looks[e->host])
		h->step = MAINTENANCE_LOOK;
	else if (h->step == MAINTENANCE_FIRST && !e->touched && !h->in_doubt)
		maintenance_host_waits(m, e->host);
	maintenance_settle_wave(m);
	return true;
}
