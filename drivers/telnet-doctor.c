/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What can be seen of a console server without typing anything: it is attached
 * to for a moment, as any client does, and asked what it can negotiate.
 */
#include "base/deadline.h"
#include "drivers/garbage.h"
#include "drivers/telnet.h"

#define TELNET_LOOK_MS 1500	/* for a word on the line, or an option */

static void telnet_look_protocol(const struct telnet *t, struct buffer *ret)
{
	const struct telnet_protocol *p = &t->protocol;

	if (t->kind == TELNET_KIND_RAW)
		buffer_append_text(ret, "note\tprotocol\traw: what is at the "
				   "other end cannot be told, and no break can "
				   "be sent\n");
	else if (p->spoke)
		buffer_append_text(ret, "ok\tprotocol\tit speaks telnet\n");
	else
		buffer_append_text(ret, "fail\tprotocol\tit says nothing in "
				   "telnet: probably a raw port\t"
				   "protocol = raw\n");
	if (t->kind == TELNET_KIND_RAW || !p->spoke)
		return;
	if (!telnet_protocol_has_com_port(p))
		buffer_append_text(ret, "note\trfc2217\tnot offered: the server "
				   "sets the speed\n");
	else if (t->kind == TELNET_KIND_RFC2217)
		buffer_append_text(ret, "ok\trfc2217\toffered and set\n");
	else
		buffer_append_text(ret, "note\trfc2217\toffered: speed and break "
				   "can be set from here\t"
				   "protocol = rfc2217\n");
}

static void telnet_look_bytes(const struct telnet *t, struct buffer *ret)
{
	struct garbage g = { 0 };

	garbage_feed(&g, buffer_text(&t->held), t->held.len);
	if (t->held.len == 0)
		buffer_append_text(ret, "note\tconsole\tsilent, as most are: "
				   "whether the speed is right cannot be "
				   "told\n");
	else if (garbage_verdict(&g) == GARBAGE_NOISE)
		buffer_append_text(ret, "fail\tspeed\twhat comes is no text: "
				   "probable baud mismatch between the server "
				   "and the host\n");
	else
		buffer_printf(ret, "ok\tconsole\t%zu bytes came, text\n",
			      t->held.len);
}

static int telnet_look_failed(const struct rh_error *why, struct buffer *ret)
{
	const char *subject = "address";

	if (why->code == RH_ERR_BUSY || why->code == RH_ERR_LOST)
		subject = "console";
	if (why->code == RH_ERR_NOTSUP || why->code == RH_ERR_PROTOCOL)
		subject = "rfc2217";
	buffer_printf(ret, "fail\t%s\t%s%s\n", subject, why->text,
		      why->code == RH_ERR_NOTSUP ? "\tprotocol = telnet" : "");
	return 0;
}

static void telnet_look_break(struct telnet *t, unsigned flags,
			      struct buffer *ret)
{
	struct rh_error why = RH_ERROR_INIT;

	/* that a raw connection carries none was said */
	if ((flags & DRIVER_DOCTOR_BREAK) == 0 || t->kind == TELNET_KIND_RAW)
		return;
	if (telnet_console_ops.send_break(t, &why) < 0)
		buffer_printf(ret, "fail\tbreak\t%s\n", why.text);
	else
		buffer_append_text(ret, "note\tbreak\t"
				   DRIVER_DOCTOR_BREAK_SENT "\n");
}

static int telnet_look(void *self, unsigned flags, int64_t deadline,
		       struct buffer *ret, struct rh_error *err)
{
	struct telnet *t = self;
	struct rh_error why = RH_ERROR_INIT;
	int64_t until;

	(void)err;
	if (telnet_console_attach(t, deadline, &why) < 0)
		return telnet_look_failed(&why, ret);
	buffer_printf(ret, "ok\taddress\t%s is connected\n", t->where);
	if (t->protocol.spoke)
		telnet_protocol_ask_com_port(&t->protocol, &t->out);
	until = deadline_min(deadline, deadline_in(TELNET_LOOK_MS));
	if (telnet_console_gather(t, until, &why) < 0) {
		(void)telnet_look_failed(&why, ret);
	} else {
		telnet_look_protocol(t, ret);
		telnet_look_bytes(t, ret);
		telnet_look_break(t, flags, ret);
	}
	telnet_console_close(t);
	return 0;
}

const struct driver_doctor_ops telnet_doctor_ops = {
	.look = telnet_look,
};
