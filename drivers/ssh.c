/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The SSH driver's front door: what may stand in a section with
 * `driver = ssh`, and how an instance comes and goes. The rooms behind it are
 * listed in ssh.h.
 *
 * Always true: the credentials are loaded here and nowhere else; an instance
 * has one connection at most, made anew for each command, each attach and
 * each look; anything that weakens a check stands in the file.
 */
#include "drivers/ssh.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/deadline.h"
#include "drivers/drivers.h"

static const struct option rh_ssh_options[] = {
	{ .key = "address", .type = OPTION_NAME, .required = true,
	  .help = "Name or address of the SSH server." },
	{ .key = "port", .type = OPTION_NUMBER, .fallback = "22", .min = 1,
	  .max = 65535, .help = "Its TCP port." },
	{ .key = "user", .type = OPTION_TEXT, .required = true,
	  .help = "User to log in as." },
	{ .key = "key", .type = OPTION_SECRET,
	  .help = "Private key, a file of OpenSSH or PEM form; also for the "
		  "jump hosts, unless jump-key is there." },
	{ .key = "passphrase", .type = OPTION_SECRET,
	  .help = "Passphrase of the private key." },
	{ .key = "password", .type = OPTION_SECRET,
	  .help = "Password; a wrong one is never tried twice, and a jump host "
		  "never gets it." },
	{ .key = "agent", .type = OPTION_BOOL, .fallback = "no",
	  .help = "Whether the keys of an agent are tried; needs agent-socket." },
	{ .key = "agent-socket", .type = OPTION_TEXT,
	  .help = "Path of the agent's socket; the environment is not read." },
	{ .key = "known-hosts", .type = OPTION_TEXT,
	  .help = "Path of a file of known host keys, as OpenSSH writes it; "
		  "needed unless host-key is there." },
	{ .key = "host-key", .type = OPTION_TEXT,
	  .help = "The fingerprints, SHA256:..., that the host's key may have." },
	{ .key = "jump", .type = OPTION_TEXT,
	  .help = "Hosts to go through, user@host:port, the nearest first, four "
		  "at most." },
	{ .key = "jump-known-hosts", .type = OPTION_TEXT,
	  .help = "The jump hosts' known keys, where that is another file." },
	{ .key = "jump-user", .type = OPTION_TEXT,
	  .help = "User on the jump hosts that are written without one; else "
		  "user." },
	{ .key = "jump-key", .type = OPTION_SECRET,
	  .help = "Private key for the jump hosts, which then are not offered "
		  "key." },
	{ .key = "jump-passphrase", .type = OPTION_SECRET,
	  .help = "Passphrase of jump-key." },
	{ .key = "jump-password", .type = OPTION_SECRET,
	  .help = "Password for the jump hosts; each of them gets it, the "
		  "server does not." },
	{ .key = "command", .type = OPTION_TEXT,
	  .help = "What a console starts on the server, such as connect 12; "
		  "without it the user's shell." },
	{ .key = "busy", .type = OPTION_TEXT,
	  .help = "What a console server prints when somebody else has the "
		  "port." },
	{ .key = "busy-wait", .type = OPTION_DURATION, .unit = "ms",
	  .fallback = "2s", .min = 100, .max = 30000,
	  .help = "How long the text of busy is waited for." },
	{ .key = "algorithms-kex", .type = OPTION_TEXT,
	  .help = "Key exchanges to allow, for an old machine; replaces the "
		  "safe list." },
	{ .key = "algorithms-hostkey", .type = OPTION_TEXT,
	  .help = "Host key algorithms to allow; with ssh-rsa in it our key may "
		  "sign so too." },
	{ .key = "algorithms-cipher", .type = OPTION_TEXT,
	  .help = "Ciphers to allow." },
	{ .key = "algorithms-mac", .type = OPTION_TEXT,
	  .help = "Message authentication codes to allow." },
	{ .key = "connect-timeout", .type = OPTION_DURATION, .unit = "ms",
	  .fallback = "10s", .min = 500, .max = 120000,
	  .help = "Time for each step: connection, key exchange, login, "
		  "channel." },
	{ .key = "keepalive", .type = OPTION_DURATION, .unit = "ms",
	  .fallback = "15s", .min = 500, .max = 600000,
	  .help = "Time between two questions whether a console's server is "
		  "there; three without an answer are its end." },
	OPTION_END,
};

static int rh_ssh_open_jumps(struct rh_ssh *d, struct rh_error *err)
{
	const char *rest = settings_text(d->settings, "jump");
	const char *user = settings_text(d->settings, "jump-user");
	const char *file = settings_text(d->settings, "jump-known-hosts");
	struct rh_ssh_hop *hop;
	int rc, i;

	if (user == NULL)
		user = settings_text(d->settings, "user");

	if (file == NULL)
		file = settings_text(d->settings, "known-hosts");
	while (rest != NULL) {
		hop = &d->hops[d->hop_count];
		rc = rh_ssh_map_jump(&rest, user, hop, err);
		if (rc <= 0)
			return rc;
		if (d->hop_count == RH_SSH_JUMPS_MAX)
			return rh_error_set(err, RH_ERR_CONFIG,
					    "jump: more than %d hosts",
					    RH_SSH_JUMPS_MAX);
		if (file == NULL)
			return rh_error_set(err, RH_ERR_CONFIG,
					    "jump: needs jump-known-hosts (or "
					    "known-hosts)");
		hop->known_hosts = file;
		hop->jump = ++d->hop_count;
		for (i = 0; i < d->hop_count; i++)
			d->hops[i].jumps = d->hop_count;
	}
	return 0;
}

static int rh_ssh_open_target(struct rh_ssh *d, struct rh_error *err)
{
	struct rh_ssh_hop *hop = &d->hops[d->hop_count++];
	const char *user = settings_text(d->settings, "user");
	const char *address = settings_text(d->settings, "address");
	const char *pins = settings_text(d->settings, "host-key"), *bad = NULL;

	memset(hop, 0, sizeof(*hop));
	hop->pair = -1;
	hop->target = true;
	hop->port = (int)settings_number(d->settings, "port");
	hop->known_hosts = settings_text(d->settings, "known-hosts");
	if (user[0] == '\0' || strlen(user) >= sizeof(hop->user))
		return rh_error_set(err, RH_ERR_CONFIG,
				    "user: 1 to %zu bytes",
				    sizeof(hop->user) - 1);
	if (strlen(address) >= sizeof(hop->host))
		return rh_error_set(err, RH_ERR_CONFIG, "address: too long");
	snprintf(hop->user, sizeof(hop->user), "%s", user);
	snprintf(hop->host, sizeof(hop->host), "%s", address);
	if (pins != NULL)
		bad = rh_ssh_map_bad_pin(pins);
	if (bad != NULL)
		return rh_error_set(err, RH_ERR_CONFIG,
				    "host-key = %.80s: expected SHA256: and 43 "
				    "characters, as ssh-keygen -lf prints them",
				    bad);
	if (pins == NULL && hop->known_hosts == NULL)
		return rh_error_set(err, RH_ERR_CONFIG,
				    "known-hosts or host-key is needed: no host "
				    "is trusted unseen");
	return 0;
}

/* The key that option `name` means, with the passphrase of another one. */
static int rh_ssh_open_key(struct rh_ssh *d, const char *name,
			   const char *phrase_name, int64_t deadline,
			   ssh_key *ret, struct rh_error *err)
{
	const char *reference = settings_secret_ref(d->settings, name);
	const char *phrase = settings_secret_ref(d->settings, phrase_name);
	struct secret text = { 0 }, passphrase = { 0 };
	int rc = -1;

	if (reference == NULL && phrase != NULL)
		return rh_error_set(err, RH_ERR_CONFIG,
				    "%s: there is no %s that it could be of",
				    phrase_name, name);
	if (reference == NULL)
		return 0;
	if (secret_load_text(&text, reference, deadline, err) < 0) {
		rh_error_prefix(err, "%s", name);
		goto out;
	}
	if (phrase != NULL &&
	    secret_load(&passphrase, phrase, deadline, err) < 0) {
		rh_error_prefix(err, "%s", phrase_name);
		goto out;
	}
	rc = ssh_pki_import_privkey_base64(text.bytes, passphrase.bytes, NULL,
					   NULL, ret);
	if (rc != SSH_OK)
		rc = rh_error_set(err, RH_ERR_CONFIG,
				  "%s %s: no private key, %s", name, reference,
				  phrase != NULL ?
					  "or the passphrase is another" :
					  "or it needs a passphrase");
out:
	secret_release(&text);
	secret_release(&passphrase);
	return rc;
}

static int rh_ssh_open_password(struct rh_ssh *d, const char *name,
				int64_t deadline, struct secret *ret,
				struct rh_error *err)
{
	const char *reference = settings_secret_ref(d->settings, name);

	if (reference != NULL && secret_load(ret, reference, deadline, err) < 0)
		return rh_error_prefix(err, "%s", name);
	return 0;
}

static int rh_ssh_open_credentials(struct rh_ssh *d, int64_t deadline,
				   struct rh_error *err)
{
	if (settings_bool(d->settings, "agent") &&
	    settings_text(d->settings, "agent-socket") == NULL)
		return rh_error_set(err, RH_ERR_CONFIG,
				    "agent = yes needs agent-socket = PATH");
	if (rh_ssh_open_key(d, "key", "passphrase", deadline, &d->key,
			    err) < 0 ||
	    rh_ssh_open_key(d, "jump-key", "jump-passphrase", deadline,
			    &d->jump_key, err) < 0 ||
	    rh_ssh_open_password(d, "password", deadline, &d->password,
				 err) < 0)
		return -1;
	return rh_ssh_open_password(d, "jump-password", deadline,
				    &d->jump_password, err);
}

static int rh_ssh_open(void *self, const struct settings *settings,
		       int64_t deadline, struct rh_error *err)
{
	struct rh_ssh *d = self;
	int i;

	for (i = 0; i < RH_SSH_HOPS_MAX; i++)
		d->hops[i].pair = -1;
	d->settings = settings;
	d->connect_timeout = settings_number(settings, "connect-timeout");
	d->keepalive = settings_number(settings, "keepalive");
	if (rh_ssh_open_jumps(d, err) < 0 || rh_ssh_open_target(d, err) < 0)
		return -1;
	return rh_ssh_open_credentials(d, deadline, err);
}

static void rh_ssh_close(void *self)
{
	struct rh_ssh *d = self;

	rh_ssh_console_release(d);
	if (d->hop_count > 0)
		rh_ssh_link_close(d);
	ssh_key_free(d->key);
	ssh_key_free(d->jump_key);
	d->key = d->jump_key = NULL;
	secret_release(&d->password);
	secret_release(&d->jump_password);
}

const struct driver driver_ssh = {
	.name = "ssh",
	.summary = "shell and console by SSH, also through jump hosts",
	.options = rh_ssh_options,
	.size = sizeof(struct rh_ssh),
	.open = rh_ssh_open,
	.close = rh_ssh_close,
	.console = &rh_ssh_console_ops,
	.shell = &rh_ssh_shell_ops,
	.doctor = &rh_ssh_doctor_ops,
};
