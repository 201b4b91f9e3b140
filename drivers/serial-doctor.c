/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What can be seen of a serial port without typing: whether it is there,
 * who holds it, and whether what comes is text at the configured speed. A host
 * that says nothing leaves the speed open: that is said too.
 */
#include <poll.h>

#include "base/deadline.h"
#include "drivers/serial.h"

#define SERIAL_LOOK_MS 1500	/* for bytes, at each speed */

static int serial_look_failed(const struct rh_error *why, struct buffer *ret)
{
	const char *hint = "";

	if (why->code == RH_ERR_UNREACHABLE)
		hint = "\tls -l /dev/serial/by-id; is the adapter plugged in?";
	if (why->code == RH_ERR_IO && why->sys_errno == 13)
		hint = "\tadd this user to the group dialout";
	buffer_printf(ret, "fail\t%s\t%s%s\n",
		      why->code == RH_ERR_BUSY ? "holder" : "path", why->text,
		      hint);
	return 0;
}

/* Listens at the speed in use until there is a verdict. -1: gone. */
static int serial_listen(struct serial *s, int64_t until, size_t *ret_len,
			 struct rh_error *err)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };
	const int rejected = s->rejected;
	char bytes[4096];
	int n;

	while (deadline_now() < until && s->rejected == rejected) {
		(void)poll(&p, 1, deadline_poll_ms(until));
		n = serial_console_take(s, bytes, sizeof(bytes), err);
		if (n < 0 || serial_console_judge(s, bytes, (size_t)n, err) < 0)
			return -1;
		*ret_len += (size_t)n;
		if (garbage_verdict(&s->garbage) == GARBAGE_TEXT)
			return 0;
	}
	return 0;
}

static void serial_look_verdict(const struct serial *s, size_t len,
				struct buffer *ret)
{
	const int speed = s->speeds[s->speed];

	if (len == 0) {
		buffer_append_text(ret, "note\tspeed\tsilent, as most are: "
				   "whether the speed is right cannot be "
				   "told\n");
	} else if (s->doubt) {
		buffer_append_text(ret, "fail\tspeed\tprobable baud mismatch, "
				   "tried ");
		serial_console_tried(s, ret);
		buffer_append_text(ret, "\tspeeds = 115200 57600 38400 19200 "
				   "9600\n");
	} else if (s->speed != 0) {
		buffer_printf(ret, "fail\tspeed\tno text at %d baud, text at "
			      "%d\tspeed = %d\n", s->speeds[0], speed, speed);
	} else {
		buffer_printf(ret, "ok\tspeed\t%zu bytes came at %d baud%s\n",
			      len, speed,
			      garbage_verdict(&s->garbage) == GARBAGE_TEXT ?
			      ", text" : ", too few to judge");
	}
}

static void serial_look_lines(const struct serial *s, struct buffer *ret)
{
	enum sp_signal signals;

	if (sp_get_signals(s->port, &signals) != SP_OK)
		return;
	if ((signals & SP_SIG_CTS) == 0 && s->flow == SP_FLOWCONTROL_RTSCTS)
		buffer_append_text(ret, "fail\tflow\tCTS is low: nothing can be "
				   "typed\tflow = none\n");
	if ((signals & (SP_SIG_CTS | SP_SIG_DSR | SP_SIG_DCD)) == 0)
		buffer_append_text(ret, "note\tlines\tCTS, DSR and DCD are low: "
				   "nothing plugged in, a host that is off, or "
				   "a cable with three wires\n");
}

static int serial_look_open(struct serial *s, unsigned flags, int64_t deadline,
			    struct buffer *ret, struct rh_error *why)
{
	size_t len = 0;
	int i;

	buffer_printf(ret, "ok\tpath\t%s is %s, and free\n", s->path,
		      s->device);
	for (i = 0; i < s->speed_count; i++) {
		if (serial_listen(s, deadline_min(deadline,
				deadline_in(SERIAL_LOOK_MS)), &len, why) < 0)
			return -1;
		if (!s->doubt)
			break;
	}
	serial_look_verdict(s, len, ret);
	serial_look_lines(s, ret);
	if ((flags & DRIVER_DOCTOR_BREAK) == 0)
		return 0;
	if (serial_console_ops.send_break(s, why) < 0)
		return -1;
	buffer_append_text(ret, "note\tbreak\t" DRIVER_DOCTOR_BREAK_SENT "\n");
	return 0;
}

static int serial_look(void *self, unsigned flags, int64_t deadline,
		       struct buffer *ret, struct rh_error *err)
{
	struct rh_error why = RH_ERROR_INIT;
	struct serial *s = self;

	(void)err;
	s->speed = s->rejected = 0;
	s->doubt = false;
	if (serial_port_open(s, false, false, deadline_now(), &why) < 0)
		return serial_look_failed(&why, ret);
	if (serial_look_open(s, flags, deadline, ret, &why) < 0)
		(void)serial_look_failed(&why, ret);
	serial_port_close(s);
	return 0;
}

const struct driver_doctor_ops serial_doctor_ops = {
	.look = serial_look,
};
