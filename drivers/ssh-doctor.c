/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looks at a way by SSH step by step, as far as it goes, and says for each step
 * what was found. Nothing is run and nothing typed: that a session channel
 * opens is all that is tried after login. No credential is sent to a host
 * whose key is not the known one.
 */
#include <string.h>

#include "base/deadline.h"
#include "base/vis.h"
#include "drivers/ssh.h"

static void rh_ssh_doctor_line(struct buffer *ret, const char *level,
			       const char *subject, const char *text,
			       const char *hint)
{
	buffer_printf(ret, "%s\t%s\t%s", level, subject, text);
	if (hint != NULL)
		buffer_printf(ret, "\t%s", hint);
	buffer_append_char(ret, '\n');
}

/* A step that failed; algorithms and pins have a line that helps. */
static void rh_ssh_doctor_fail(struct buffer *ret, const char *subject,
			       const struct rh_error *err, const char *hint)
{
	const char *line = strstr(err->text, "by the line: ");

	if (line != NULL)
		hint = line + strlen("by the line: ");
	rh_ssh_doctor_line(ret, "fail", subject, err->text, hint);
}

static void rh_ssh_doctor_server(const struct rh_ssh_hop *hop,
				 struct buffer *ret)
{
	const char *banner = ssh_get_serverbanner(hop->session);
	const char *kex = ssh_get_kex_algo(hop->session);
	const char *cipher = ssh_get_cipher_in(hop->session);
	char place[RH_SSH_PLACE_SIZE], shown[200];
	struct buffer text = { 0 };

	rh_ssh_place(hop, place, sizeof(place));
	vis_text(banner != NULL ? banner : "?", shown, sizeof(shown));
	buffer_printf(&text, "%s is reached: %s, %s, %s", place, shown,
		      kex != NULL ? kex : "?", cipher != NULL ? cipher : "?");
	rh_ssh_doctor_line(ret, "ok", "address", buffer_text(&text), NULL);
	buffer_release(&text);
}

/* A key that a person may judge; one that changed is not among them. */
static void rh_ssh_doctor_known_host(const struct rh_ssh *d,
				     const struct rh_ssh_hop *hop,
				     const struct rh_ssh_hostkey *key,
				     struct buffer *ret)
{
	struct buffer text = { 0 }, line = { 0 };

	if (hop->target && settings_text(d->settings, "host-key") != NULL)
		return;
	if (hop->known_hosts == NULL || key->base64[0] == '\0' ||
	    (key->verdict != RH_SSH_HOSTKEY_UNKNOWN && !key->no_file))
		return;
	buffer_printf(&text, "%s %s %s", key->kind, key->shown,
		      hop->known_hosts);
	rh_ssh_hostkey_line(hop, key, &line);
	rh_ssh_doctor_line(ret, "note", "known-host", buffer_text(&text),
			   buffer_text(&line));
	buffer_release(&text);
	buffer_release(&line);
}

static bool rh_ssh_doctor_hostkey(struct rh_ssh *d, struct rh_ssh_hop *hop,
				  struct buffer *ret)
{
	struct rh_error err = RH_ERROR_INIT;
	struct rh_ssh_hostkey key;
	struct buffer text = { 0 };

	if (rh_ssh_hostkey_check(d, hop, &key, &err) == 0) {
		buffer_printf(&text, "%s: %s %s is known", hop->host, key.kind,
			      key.shown);
		rh_ssh_doctor_line(ret, "ok", "host-key", buffer_text(&text),
				   NULL);
	} else {
		if (hop->target && key.verdict == RH_SSH_HOSTKEY_UNKNOWN)
			buffer_printf(&text, "host-key = %s", key.shown);
		rh_ssh_doctor_fail(ret, "host-key", &err,
				   text.len > 0 ? text.data : NULL);
		rh_ssh_doctor_known_host(d, hop, &key, ret);
	}
	buffer_release(&text);
	return key.verdict == RH_SSH_HOSTKEY_KNOWN;
}

static bool rh_ssh_doctor_login(struct rh_ssh *d, struct rh_ssh_hop *hop,
				int64_t deadline, struct buffer *ret)
{
	struct rh_error err = RH_ERROR_INIT;
	struct buffer text = { 0 };
	const char *how = "";

	if (rh_ssh_auth(d, hop, deadline, &how, &err) < 0) {
		rh_ssh_doctor_fail(ret, "login", &err, NULL);
		return false;
	}
	buffer_printf(&text, "%s is let in by %s", hop->user, how);
	rh_ssh_doctor_line(ret, "ok", "login", buffer_text(&text), NULL);
	buffer_release(&text);
	return true;
}

/* Hop number i, and the tunnel behind it. */
static bool rh_ssh_doctor_hop(struct rh_ssh *d, int i, int64_t deadline,
			      struct buffer *ret)
{
	struct rh_ssh_hop *hop = &d->hops[i];
	struct rh_error err = RH_ERROR_INIT;

	if (rh_ssh_link_start(d, i, deadline, &err) < 0) {
		rh_ssh_doctor_fail(ret, "address", &err, NULL);
		return false;
	}
	rh_ssh_doctor_server(hop, ret);
	if (!rh_ssh_doctor_hostkey(d, hop, ret) ||
	    !rh_ssh_doctor_login(d, hop, deadline, ret))
		return false;
	if (hop->target)
		return true;
	if (rh_ssh_link_tunnel(d, i, deadline, &err) == 0)
		return true;
	rh_ssh_doctor_fail(ret, "jump", &err, NULL);
	return false;
}

static void rh_ssh_doctor_channel(struct rh_ssh *d, int64_t deadline,
				  struct buffer *ret)
{
	struct rh_error err = RH_ERROR_INIT;
	ssh_channel channel = rh_ssh_link_channel(d, deadline, &err);

	if (channel == NULL) {
		rh_ssh_doctor_fail(ret, "session", &err, NULL);
		return;
	}
	rh_ssh_doctor_line(ret, "ok", "session",
			   "a session channel opens", NULL);
	ssh_channel_free(channel);
}

static int rh_ssh_doctor_look(void *self, unsigned flags, int64_t deadline,
			      struct buffer *ret, struct rh_error *err)
{
	struct rh_ssh *d = self;
	bool good = true;
	int i;

	(void)flags;
	if (d->console.channel != NULL)
		return rh_error_set(err, RH_ERR_STATE,
				    "ssh: a console is attached here");
	rh_ssh_link_close(d);
	for (i = 0; i < d->hop_count && good; i++)
		good = rh_ssh_doctor_hop(d, i, deadline, ret);
	if (good)
		rh_ssh_doctor_channel(d, deadline, ret);
	rh_ssh_link_close(d);
	return 0;
}

const struct driver_doctor_ops rh_ssh_doctor_ops = {
	.look = rh_ssh_doctor_look,
};
