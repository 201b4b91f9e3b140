/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A command, on a connection of its own: a connection that was good before
 * a reboot proves nothing about the system after it, and a command that did
 * not end takes its connection with it.
 *
 * Always true: the result is a result only where the exit status came; output
 * is read all the time, also what is over the limit, so that libssh never holds
 * more than its window (about 1 MB for each channel).
 */
#include <string.h>

#include "base/deadline.h"
#include "base/vis.h"
#include "drivers/ssh.h"

#define SHELL_CHUNK 32768
#define SHELL_LINGER_MS 500	/* silence after the exit status that is the end:
				   something else may still hold the output */
#define SHELL_BOOT_LIMIT 4096

/* A command under way. */
struct rh_ssh_job {
	struct rh_ssh *d;
	ssh_channel channel;
	struct driver_shell_result *result;
	size_t limit;
	struct ssh_channel_callbacks_struct callbacks;
	int exit_status;	/* -1: not known yet */
	char signal[32];	/* that ended it, where we have no number for it */
};

static void rh_ssh_shell_status(ssh_session session, ssh_channel channel,
				int exit_status, void *userdata)
{
	struct rh_ssh_job *job = userdata;

	(void)session;
	(void)channel;
	job->exit_status = exit_status & 0xff;
}

static void rh_ssh_shell_signal(ssh_session session, ssh_channel channel,
				const char *signal_name, int core,
				const char *text, const char *language,
				void *userdata)
{
	struct rh_ssh_job *job = userdata;
	int number = rh_ssh_map_signal(signal_name);

	(void)session;
	(void)channel;
	(void)core;
	(void)text;
	(void)language;
	if (number > 0)
		job->exit_status = 128 + number;
	else
		vis_text(signal_name, job->signal, sizeof(job->signal));
}

static void rh_ssh_shell_keep(struct rh_ssh_job *job, struct buffer *to,
			      const char *bytes, size_t len)
{
	size_t room = job->limit > to->len ? job->limit - to->len : 0;

	if (len > room) {
		job->result->cut = true;
		len = room;
	}
	buffer_append(to, bytes, len);
}

/* Reads what is there. 1: something came, 0: nothing now, -1: no more comes. */
static int rh_ssh_shell_read(struct rh_ssh_job *job, int is_errors)
{
	struct driver_shell_result *r = job->result;
	char bytes[SHELL_CHUNK];
	int n;

	n = ssh_channel_read_nonblocking(job->channel, bytes, sizeof(bytes),
					 is_errors);
	if (n > 0) {
		rh_ssh_shell_keep(job, is_errors ? &r->errors : &r->out, bytes,
				  (size_t)n);
		return 1;
	}
	return n == 0 || n == SSH_AGAIN ? 0 : -1;
}

static int rh_ssh_shell_no_status(struct rh_ssh_job *job, bool late,
				  struct rh_error *err)
{
	struct rh_ssh_hop *hop = rh_ssh_target(job->d);
	char place[RH_SSH_PLACE_SIZE], shown[200];

	rh_ssh_place(hop, place, sizeof(place));
	if (late)
		return rh_error_set(err, RH_ERR_TIMEOUT,
				    "ssh %s: the command did not end in time; "
				    "its result is unknown", place);
	if (job->signal[0] != '\0')
		return rh_error_set(err, RH_ERR_LOST,
				    "ssh %s: the command was ended by signal %s",
				    place, job->signal);
	if (ssh_is_connected(hop->session))
		return rh_error_set(err, RH_ERR_LOST,
				    "ssh %s: the command ended without an exit "
				    "status; its result is unknown", place);
	vis_text(ssh_get_error(hop->session), shown, sizeof(shown));
	rh_error_set(err, RH_ERR_LOST,
		     "ssh %s: the connection broke in the middle of the command "
		     "(%s); its result is unknown", place, shown);
	return rh_ssh_link_blame(job->d, err);
}

/* Reads until the command ended. 0 with its exit status. */
static int rh_ssh_shell_follow(struct rh_ssh_job *job, int64_t deadline,
			       struct rh_error *err)
{
	int64_t quiet = DEADLINE_NEVER;	/* when silence is the end */
	bool late = false;
	int out, errors;

	do {
		out = rh_ssh_shell_read(job, 0);
		errors = rh_ssh_shell_read(job, 1);
		rh_ssh_link_turn(job->channel);
		if (out < 0 && errors < 0 &&
		    (ssh_channel_is_closed(job->channel) ||
		     job->exit_status >= 0 ||
		     !ssh_is_connected(rh_ssh_target(job->d)->session)))
			break;
		if (out > 0 || errors > 0 || job->exit_status < 0)
			quiet = DEADLINE_NEVER;
		else if (quiet == DEADLINE_NEVER)
			quiet = deadline_in(SHELL_LINGER_MS);
		if (deadline_now() >= deadline) {
			late = true;
			break;
		}
		if (out > 0 || errors > 0)
			continue;
		(void)rh_ssh_link_wait(job->d, deadline_min(quiet, deadline));
	} while (deadline_now() < quiet);
	if (job->exit_status < 0)
		return rh_ssh_shell_no_status(job, late, err);
	job->result->exit_status = job->exit_status;
	return 0;
}

static int rh_ssh_shell_exec(struct rh_ssh_job *job, const char *command,
			     int64_t deadline, struct rh_error *err)
{
	struct rh_ssh_hop *hop = rh_ssh_target(job->d);
	char place[RH_SSH_PLACE_SIZE], shown[200];
	bool late = false;
	int rc;

	while ((rc = ssh_channel_request_exec(job->channel, command)) ==
	       SSH_AGAIN && !late)
		late = !rh_ssh_link_wait(job->d, deadline);
	if (rc == SSH_OK)
		return 0;
	rh_ssh_place(hop, place, sizeof(place));
	if (late || !ssh_is_connected(hop->session))
		return rh_ssh_shell_no_status(job, late, err);
	vis_text(ssh_get_error(hop->session), shown, sizeof(shown));
	return rh_error_set(err, RH_ERR_NOTSUP,
			    "ssh %s: it runs no commands: %s", place, shown);
}

/* One command on a connection that is there. */
static int rh_ssh_shell_command(struct rh_ssh *d, const char *command,
				size_t limit, int64_t deadline,
				struct driver_shell_result *ret,
				struct rh_error *err)
{
	struct rh_ssh_job job = { .d = d, .result = ret, .limit = limit,
				  .exit_status = -1 };
	int rc;

	job.channel = rh_ssh_link_channel(d, deadline, err);
	if (job.channel == NULL)
		return -1;
	job.callbacks.userdata = &job;
	job.callbacks.channel_exit_status_function = rh_ssh_shell_status;
	job.callbacks.channel_exit_signal_function = rh_ssh_shell_signal;
	ssh_callbacks_init(&job.callbacks);
	(void)ssh_set_channel_callbacks(job.channel, &job.callbacks);
	rc = rh_ssh_shell_exec(&job, command, deadline, err);
	if (rc == 0) {
		(void)ssh_channel_send_eof(job.channel);
		rc = rh_ssh_shell_follow(&job, deadline, err);
	}
	(void)ssh_remove_channel_callbacks(job.channel, &job.callbacks);
	ssh_channel_free(job.channel);
	return rc;
}

/* A console that is attached has the one connection of this instance. */
static int rh_ssh_shell_connect(struct rh_ssh *d, int64_t deadline,
				struct rh_error *err)
{
	if (d->console.channel != NULL)
		return rh_error_set(err, RH_ERR_STATE,
				    "ssh: a console is attached here");
	return rh_ssh_link_connect(d, deadline, err);
}

static int rh_ssh_shell_run(void *self, const char *command, size_t limit,
			    int64_t deadline, struct driver_shell_result *ret,
			    struct rh_error *err)
{
	struct rh_ssh *d = self;
	int rc;

	if (rh_ssh_shell_connect(d, deadline, err) < 0)
		rc = -1;
	else
		rc = rh_ssh_shell_command(d, command, limit, deadline, ret,
					  err);
	if (d->console.channel == NULL)
		rh_ssh_link_close(d);
	return rc;
}

/* 1: found, 0: not by this command, -1: err. */
static int rh_ssh_shell_boot_try(struct rh_ssh *d, int number,
				 int64_t deadline, struct buffer *ret,
				 struct rh_error *err)
{
	struct driver_shell_result result = { 0 };
	int rc;

	rc = rh_ssh_shell_command(d, rh_ssh_map_boot_commands[number],
				  SHELL_BOOT_LIMIT, deadline, &result, err);
	if (rc == 0 && result.exit_status == 0 && !result.cut)
		rc = rh_ssh_map_boot_id(number, buffer_text(&result.out),
					result.out.len, ret);
	buffer_release(&result.out);
	buffer_release(&result.errors);
	return rc;
}

static int rh_ssh_shell_boot_id(void *self, int64_t deadline,
				struct buffer *ret, struct rh_error *err)
{
	struct rh_ssh *d = self;
	int rc, i;

	rc = rh_ssh_shell_connect(d, deadline, err);
	for (i = 0; rc == 0 && rh_ssh_map_boot_commands[i] != NULL; i++)
		rc = rh_ssh_shell_boot_try(d, i, deadline, ret, err);
	if (d->console.channel == NULL)
		rh_ssh_link_close(d);
	if (rc == 0)
		return rh_error_set(err, RH_ERR_NOTSUP,
				    "ssh %s: it has no boot id, no "
				    "kern.boottime and no who -b",
				    rh_ssh_target(d)->host);
	return rc > 0 ? 0 : -1;
}

const struct driver_shell_ops rh_ssh_shell_ops = {
	.run = rh_ssh_shell_run,
	.boot_id = rh_ssh_shell_boot_id,
};
