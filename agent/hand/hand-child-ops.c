/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a request does, in the process of a hand: one executor for each
 * operation, and the one that calls them. hand-child.c comes in by
 * child_start_next, once in each turn of its loop.
 *
 * Always true: an executor returns what the driver returned, or says by
 * itself what the driver cannot; whatever that is, exactly one answer follows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/hand/hand-child-private.h"
#include "base/deadline.h"
#include "base/memory.h"

#define CHILD_RING_SIZE (1024 * 1024)

static int child_cannot(const struct child *c, enum hand_op op,
			struct rh_error *err)
{
	return rh_error_set(err, RH_ERR_NOTSUP, "driver %s cannot do: %s",
			    c->driver->name, message_op_name(op));
}

static int child_query(struct child *c, const struct hand_request *r,
		       struct hand_event *done)
{
	if (c->driver->power == NULL)
		return child_cannot(c, r->op, &done->err);
	return c->driver->power->query(c->self, r->deadline, &done->state,
				       &done->err);
}

static int child_act(struct child *c, const struct hand_request *r,
		     struct hand_event *done)
{
	if (c->driver->power == NULL)
		return child_cannot(c, r->op, &done->err);
	return c->driver->power->act(c->self, (enum driver_act)r->number,
				     r->deadline, &done->err);
}

static int child_boot(struct child *c, const struct hand_request *r,
		      struct hand_event *done)
{
	if (c->driver->power == NULL || c->driver->power->boot == NULL)
		return child_cannot(c, r->op, &done->err);
	return c->driver->power->boot(c->self, (enum driver_boot)r->number,
				      r->deadline, &done->err);
}

static int child_evidence(struct child *c, const struct hand_request *r,
			  struct buffer *text, struct rh_error *err)
{
	const struct driver_evidence_ops *ops = c->driver->evidence;

	if (ops == NULL)
		return child_cannot(c, r->op, err);
	if (r->op == HAND_OP_CHASSIS)
		return ops->chassis(c->self, r->deadline, text, err);
	return ops->event_log(c->self, r->number, r->deadline, text, err);
}

static int child_check(struct child *c, const struct hand_request *r,
		       struct buffer *text, struct rh_error *err)
{
	if (c->driver->check == NULL)
		return child_cannot(c, r->op, err);
	return c->driver->check->tcp(c->self, &r->tcp, r->deadline, text, err);
}

static int child_attach(struct child *c, const struct hand_request *r,
			struct rh_error *err)
{
	int rc;

	if (c->driver->console == NULL)
		return child_cannot(c, r->op, err);
	if (c->attached)
		return rh_error_set(err, RH_ERR_STATE,
				    "this console is attached already");
	if (c->ring.data == NULL)
		ring_init(&c->ring, CHILD_RING_SIZE);
	rc = c->driver->console->attach(c->self, (unsigned)r->number,
					r->deadline, err);
	c->attached = rc == 0;
	c->spins = 0;
	return rc;
}

static int child_break(struct child *c, const struct hand_request *r,
		       struct rh_error *err)
{
	if (c->driver->console == NULL ||
	    c->driver->console->send_break == NULL)
		return child_cannot(c, r->op, err);
	if (!c->attached)
		return rh_error_set(err, RH_ERR_STATE,
				    "no console is attached");
	return c->driver->console->send_break(c->self, err);
}

static int child_detach(struct child *c, const struct hand_request *r,
			struct rh_error *err)
{
	if (c->driver->console == NULL)
		return child_cannot(c, r->op, err);
	if (c->attached)
		c->driver->console->detach(c->self, r->deadline);
	c->attached = false;
	c->answer_after_bytes = true;
	return 0;
}

/* Both outputs of a command, one behind the other. */
static int child_shell(struct child *c, const struct hand_request *r,
		       struct hand_event *done, struct buffer *text)
{
	const struct driver_shell_ops *ops = c->driver->shell;
	struct driver_shell_result result = { 0 };
	char *command;
	int rc;

	if (ops == NULL)
		return child_cannot(c, r->op, &done->err);
	command = memory_copy_len(r->bytes, r->bytes_len);
	rc = ops->run(c->self, command, (size_t)r->number, r->deadline, &result,
		      &done->err);
	free(command);
	if (rc == 0) {
		buffer_append(text, buffer_text(&result.out), result.out.len);
		done->out_len = text->len;
		buffer_append(text, buffer_text(&result.errors),
			      result.errors.len);
		done->exit_status = result.exit_status & 0xff;
		done->cut = result.cut;
	}
	buffer_release(&result.out);
	buffer_release(&result.errors);
	return rc;
}

static int child_boot_id(struct child *c, const struct hand_request *r,
			 struct buffer *text, struct rh_error *err)
{
	if (c->driver->shell == NULL || c->driver->shell->boot_id == NULL)
		return child_cannot(c, r->op, err);
	return c->driver->shell->boot_id(c->self, r->deadline, text, err);
}

static int child_identify(struct child *c, const struct hand_request *r,
			  struct rh_error *err)
{
	if (c->driver->power == NULL || c->driver->power->identify == NULL)
		return child_cannot(c, r->op, err);
	return c->driver->power->identify(c->self, r->number == 1, r->deadline,
					  err);
}

static int child_doctor(struct child *c, const struct hand_request *r,
			struct buffer *text, struct rh_error *err)
{
	if (c->driver->doctor == NULL)
		return child_cannot(c, r->op, err);
	return c->driver->doctor->look(c->self, (unsigned)r->number,
				       r->deadline, text, err);
}

static bool child_take_state(void *context,
			     const struct driver_fleet_answer *answer)
{
	return child_send_state(context, answer);
}

static int child_query_all(struct child *c, const struct hand_request *r,
			   struct rh_error *err)
{
	return c->driver->fleet->query(c->self, r->number, c->at_once,
				       r->deadline,
				       child_take_state, c, err);
}

static int child_execute(struct child *c, const struct hand_request *r,
			 struct hand_event *done, struct buffer *text)
{
	switch (r->op) {
	case HAND_OP_QUERY:
		return child_query(c, r, done);
	case HAND_OP_ACT:
		return child_act(c, r, done);
	case HAND_OP_BOOT:
		return child_boot(c, r, done);
	case HAND_OP_EVENT_LOG:
	case HAND_OP_CHASSIS:
		return child_evidence(c, r, text, &done->err);
	case HAND_OP_ATTACH:
		return child_attach(c, r, &done->err);
	case HAND_OP_BREAK:
		return child_break(c, r, &done->err);
	case HAND_OP_DETACH:
		return child_detach(c, r, &done->err);
	case HAND_OP_CHECK_TCP:
		return child_check(c, r, text, &done->err);
	case HAND_OP_SHELL:
		return child_shell(c, r, done, text);
	case HAND_OP_BOOT_ID:
		return child_boot_id(c, r, text, &done->err);
	case HAND_OP_IDENTIFY:
		return child_identify(c, r, &done->err);
	case HAND_OP_DOCTOR:
		return child_doctor(c, r, text, &done->err);
	case HAND_OP_QUERY_ALL:
		return child_query_all(c, r, &done->err);
	case HAND_OP_WRITE:
		return rh_error_set(&done->err, RH_ERR_STATE,
				    "no console is attached");
	case HAND_OP_NONE:
		break;
	}
	return rh_error_set(&done->err, RH_ERR_INTERNAL, "no such request");
}

/* What must be true before the driver is asked. */
static int child_may_start(const struct child *c, const struct hand_request *r,
			   struct rh_error *err)
{
	if (c->open_err.code != RH_ERR_NONE) {
		*err = c->open_err;
		return -1;
	}
	if (c->fleet != (r->op == HAND_OP_QUERY_ALL))
		return child_cannot(c, r->op, err);
	if (deadline_now() >= r->deadline)
		return rh_error_set(err, RH_ERR_TIMEOUT,
				    "not begun: the deadline had passed");
	return 0;
}

/* The texts of an answer: at most HAND_TEXT_MAX, the newest lines. */
static void child_cut_text(struct buffer *text)
{
	char note[80];
	const char *line;
	size_t drop;

	if (text->len <= HAND_TEXT_MAX)
		return;
	drop = text->len - HAND_TEXT_MAX + sizeof(note);
	line = memchr(text->data + drop, '\n', text->len - drop);
	if (line != NULL)
		drop = (size_t)(line + 1 - text->data);
	buffer_drop(text, drop);
	snprintf(note, sizeof(note), "(%zu bytes before this left out)\n",
		 drop);
	buffer_append(text, note, strlen(note));
	memmove(text->data + strlen(note), text->data,
		text->len - strlen(note));
	memcpy(text->data, note, strlen(note));
}

static void child_run_request(struct child *c, const struct hand_request *r,
			      struct hand_event *done)
{
	struct buffer text = { 0 };
	int rc = child_may_start(c, r, &done->err);

	if (rc == 0) {
		child_arm(r->deadline);
		rc = child_execute(c, r, done, &text);
		child_disarm();
		c->alive_at = 0;	/* arms it again, where attached */
	}
	if (rc == 0 && done->state > DRIVER_POWER_OFF)
		rc = rh_error_set(&done->err, RH_ERR_INTERNAL,
				  "driver %s gives power state %d",
				  c->driver->name, (int)done->state);
	if (rc != 0) {
		done->state = DRIVER_POWER_UNKNOWN;
		done->exit_status = 0;
		done->out_len = 0;
		buffer_clear(&text);
	}
	child_cut_text(&text);
	done->bytes = text.data;
	done->bytes_len = text.len;
	child_answer(c, done, rc);
	buffer_release(&text);
}

static struct child_item child_queue_take(struct child *c)
{
	struct child_item item = c->queue[0];

	c->queued--;
	memmove(c->queue, c->queue + 1, c->queued * sizeof(c->queue[0]));
	return item;
}

/* Begins the next request, where nothing of the one before is left. */
void child_start_next(struct child *c)
{
	struct hand_event done = { 0 };
	struct hand_request request;
	struct child_item item;

	if (c->queued == 0 || c->writing.bytes != NULL || c->answer.len > 0 ||
	    c->lost.len > 0)
		return;
	item = child_queue_take(c);
	message_get_request(item.bytes, &done.id, &request);
	done.op = request.op;
	c->answer_after_bytes = false;
	if (request.op == HAND_OP_WRITE && c->attached) {
		c->writing = item;
		c->written = 0;
		c->write_at = 0;
		return;
	}
	child_run_request(c, &request, &done);
	child_item_release(&item);
}

void child_start_write(struct child *c)
{
	struct hand_request request;
	uint32_t id;

	if (c->queued == 0 || !c->attached)
		return;
	message_get_request(c->queue[0].bytes, &id, &request);
	if (request.op == HAND_OP_WRITE)
		child_start_next(c);
}
