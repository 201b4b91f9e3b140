/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libfreeipmi waits for an answer as long as its timeouts say, in steps of its
 * retransmission time, by the wall clock; and when that time is over it sends
 * the command again with a new sequence number, so that a BMC that was
 * only slow executes it twice. Both are wrong for us: a call has a deadline, and
 * a power cycle is sent once.
 *
 * The way out is POSIX: a timer signals this thread, poll(2) inside the
 * library ends with EINTR, and libfreeipmi gives up at once without sending
 * anything more. The timer repeats, so that a signal between two system
 * calls is not lost. Nothing is done in the handler.
 *
 * The signal goes to one thread only: those of libipmiconsole never see it.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "drivers/ipmi.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

#define IPMI_ALARM_SIGNAL (SIGRTMIN + 7)
#define IPMI_ALARM_REPEAT_NS 10000000

static void ipmi_alarm_handler(int signal_number)
{
	(void)signal_number;
}

static int ipmi_alarm_make(struct ipmi_alarm *alarm, struct rh_error *err)
{
	struct sigaction action = { .sa_handler = ipmi_alarm_handler };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID };
	sigset_t set;

	event.sigev_signo = IPMI_ALARM_SIGNAL;
	event.sigev_notify_thread_id = gettid();
	sigemptyset(&action.sa_mask);
	sigemptyset(&set);
	sigaddset(&set, IPMI_ALARM_SIGNAL);
	if (sigaction(IPMI_ALARM_SIGNAL, &action, NULL) < 0 ||
	    pthread_sigmask(SIG_UNBLOCK, &set, NULL) != 0 ||
	    timer_create(CLOCK_MONOTONIC, &event, &alarm->timer) < 0)
		return rh_error_set_errno(err, RH_ERR_IO, errno,
					  "a timer for the deadline");
	alarm->made = true;
	return 0;
}

int ipmi_alarm_set(struct ipmi_alarm *alarm, int64_t at, struct rh_error *err)
{
	struct itimerspec when = { .it_interval = { 0, IPMI_ALARM_REPEAT_NS } };

	if (!alarm->made && ipmi_alarm_make(alarm, err) < 0)
		return -1;
	if (at < 1)
		at = 1;		/* zero would disarm it */
	when.it_value.tv_sec = (time_t)(at / 1000);
	when.it_value.tv_nsec = (long)(at % 1000) * 1000000;
	if (timer_settime(alarm->timer, TIMER_ABSTIME, &when, NULL) < 0)
		return rh_error_set_errno(err, RH_ERR_IO, errno,
					  "a timer for the deadline");
	return 0;
}

void ipmi_alarm_clear(struct ipmi_alarm *alarm)
{
	struct itimerspec never = { 0 };

	if (alarm->made)
		(void)timer_settime(alarm->timer, 0, &never, NULL);
}

void ipmi_alarm_release(struct ipmi_alarm *alarm)
{
	if (alarm->made)
		(void)timer_delete(alarm->timer);
	alarm->made = false;
}
