/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether a host is the one that it should be. libssh does not ask, so each hop
 * comes in here between key exchange and login, and nothing is sent to a host
 * that was not found good.
 *
 * Always true: a key is good when the file pins its fingerprint (the target
 * only), or else when known_hosts has just this key for just this name and
 * port; a line marked @revoked beats both, a line marked @cert-authority
 * counts for nothing; nothing is ever added or trusted on first use. What a
 * person may want to add is said by the doctor, and added by the brain.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "drivers/ssh.h"

#define HOSTKEY_NAME_SIZE (RH_SSH_HOST_SIZE + 16)

/* The lines of a known_hosts file that name a hop, one after the other. */
struct rh_ssh_hostkey_lines {
	FILE *file;
	char name[HOSTKEY_NAME_SIZE];
	char *line;
	size_t size;
};

static int rh_ssh_hostkey_open(struct rh_ssh_hostkey_lines *lines,
			       const struct rh_ssh_hop *hop,
			       struct rh_error *err)
{
	memset(lines, 0, sizeof(*lines));
	rh_ssh_map_known_name(hop->host, hop->port, lines->name,
			      sizeof(lines->name));
	lines->file = fopen(hop->known_hosts, "re");
	if (lines->file == NULL)
		return rh_error_set_errno(err, RH_ERR_CONFIG, errno,
					  "known-hosts %s", hop->known_hosts);
	return 0;
}

static void rh_ssh_hostkey_close(struct rh_ssh_hostkey_lines *lines)
{
	if (lines->file != NULL)
		fclose(lines->file);
	free(lines->line);
}

/* The key of the next line of ours (ssh_key_free), NULL at the end. */
static ssh_key rh_ssh_hostkey_next(struct rh_ssh_hostkey_lines *lines,
				   bool *ret_revoked)
{
	static const char revoked[] = "@revoked ";
	struct ssh_knownhosts_entry *entry;
	ssh_key key = NULL;
	char *text;

	while (key == NULL &&
	       getline(&lines->line, &lines->size, lines->file) >= 0) {
		lines->line[strcspn(lines->line, "\r\n")] = '\0';
		for (text = lines->line; *text != '\0'; text++) {
			if (*text == '\t')
				*text = ' ';
		}
		text = lines->line + strspn(lines->line, " ");
		*ret_revoked = strncmp(text, revoked, strlen(revoked)) == 0;
		if (*ret_revoked)
			text += strlen(revoked);
		text += strspn(text, " ");
		if (*text == '\0' || *text == '#' || *text == '@')
			continue;
		entry = NULL;
		if (ssh_known_hosts_parse_line(lines->name, text, &entry) ==
		    SSH_OK)
			key = ssh_key_dup(entry->publickey);
		ssh_knownhosts_entry_free(entry);
	}
	return key;
}

char *rh_ssh_hostkey_algorithms(const struct rh_ssh *d,
				const struct rh_ssh_hop *hop)
{
	const char *list = settings_text(d->settings, "algorithms-hostkey");
	struct rh_ssh_hostkey_lines lines = { 0 };
	struct buffer names = { 0 };
	uint64_t kinds = 0;
	bool revoked;
	ssh_key key;

	if (list != NULL)
		return memory_copy(list);
	if (hop->known_hosts != NULL &&
	    rh_ssh_hostkey_open(&lines, hop, NULL) == 0) {
		while ((key = rh_ssh_hostkey_next(&lines, &revoked)) != NULL) {
			if (!revoked)
				kinds |= UINT64_C(1) << ssh_key_type(key);
			ssh_key_free(key);
		}
	}
	rh_ssh_hostkey_close(&lines);
	rh_ssh_map_hostkeys(kinds, &names);
	return buffer_take(&names);
}

static void rh_ssh_hostkey_fingerprint(ssh_key key,
				       char ret[RH_SSH_FINGERPRINT_SIZE])
{
	unsigned char *hash = NULL;
	char *text = NULL;
	size_t len = 0;

	if (ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash,
				   &len) == SSH_OK)
		text = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash,
						len);
	snprintf(ret, RH_SSH_FINGERPRINT_SIZE, "%s", text != NULL ? text : "");
	ssh_clean_pubkey_hash(&hash);
	ssh_string_free_char(text);
}

static void rh_ssh_hostkey_export(ssh_key key, struct rh_ssh_hostkey *ret)
{
	char *text = NULL;

	if (ssh_pki_export_pubkey_base64(key, &text) == SSH_OK &&
	    strlen(text) < sizeof(ret->base64))
		snprintf(ret->base64, sizeof(ret->base64), "%s", text);
	ssh_string_free_char(text);
}

void rh_ssh_hostkey_line(const struct rh_ssh_hop *hop,
			 const struct rh_ssh_hostkey *key, struct buffer *ret)
{
	char name[HOSTKEY_NAME_SIZE];

	rh_ssh_map_known_name(hop->host, hop->port, name, sizeof(name));
	buffer_printf(ret, "%s %s %s", name, key->kind, key->base64);
}

/* Looks through the file. A revoked line anywhere in it decides. */
static int rh_ssh_hostkey_search(const struct rh_ssh_hop *hop, ssh_key shown,
				 struct rh_ssh_hostkey *ret,
				 struct rh_error *err)
{
	struct rh_ssh_hostkey_lines lines;
	bool revoked, same;
	ssh_key key;

	if (rh_ssh_hostkey_open(&lines, hop, err) < 0) {
		ret->no_file = err != NULL && err->sys_errno == ENOENT;
		return -1;
	}
	while ((key = rh_ssh_hostkey_next(&lines, &revoked)) != NULL) {
		same = ssh_key_cmp(key, shown, SSH_KEY_CMP_PUBLIC) == 0;
		if (same && revoked) {
			ret->verdict = RH_SSH_HOSTKEY_REVOKED;
		} else if (same && ret->verdict != RH_SSH_HOSTKEY_REVOKED) {
			ret->verdict = RH_SSH_HOSTKEY_KNOWN;
		} else if (!revoked && (ret->verdict == RH_SSH_HOSTKEY_NONE ||
			   ssh_key_type(key) == ssh_key_type(shown))) {
			rh_ssh_hostkey_fingerprint(key, ret->known);
			if (ret->verdict == RH_SSH_HOSTKEY_NONE)
				ret->verdict = RH_SSH_HOSTKEY_CHANGED;
		}
		ssh_key_free(key);
	}
	rh_ssh_hostkey_close(&lines);
	if (ret->verdict == RH_SSH_HOSTKEY_NONE)
		ret->verdict = RH_SSH_HOSTKEY_UNKNOWN;
	return 0;
}

/* What the file pins beats known_hosts, except for a revoked key. */
static void rh_ssh_hostkey_pin(const struct rh_ssh *d,
			       struct rh_ssh_hostkey *ret)
{
	const char *pins = settings_text(d->settings, "host-key");

	if (pins == NULL || ret->verdict == RH_SSH_HOSTKEY_REVOKED)
		return;
	if (rh_ssh_map_is_pinned(pins, ret->shown)) {
		ret->verdict = RH_SSH_HOSTKEY_KNOWN;
		return;
	}
	ret->verdict = RH_SSH_HOSTKEY_CHANGED;
	snprintf(ret->known, sizeof(ret->known), "%.*s",
		 (int)strcspn(pins, " \t\n,"), pins);
}

static int rh_ssh_hostkey_refuse(const struct rh_ssh_hop *hop,
				 const struct rh_ssh_hostkey *key,
				 struct rh_error *err)
{
	const char *file = hop->known_hosts != NULL ? hop->known_hosts :
						      "host-key";
	char place[RH_SSH_PLACE_SIZE];

	rh_ssh_place(hop, place, sizeof(place));
	if (key->verdict == RH_SSH_HOSTKEY_REVOKED)
		return rh_error_set(err, RH_ERR_REFUSED,
				    "ssh %s: it shows the host key %s %s, which "
				    "%.100s says is revoked", place, key->kind,
				    key->shown, file);
	if (key->verdict == RH_SSH_HOSTKEY_UNKNOWN)
		return rh_error_set(err, RH_ERR_REFUSED,
				    "ssh %s: its host key %s %s is not known; "
				    "compare it on the machine itself "
				    "(ssh-keygen -lf), then add it to %.100s or "
				    "write host-key = %s", place, key->kind,
				    key->shown, file, key->shown);
	return rh_error_set(err, RH_ERR_REFUSED,
			    "ssh %s: the host key has changed: it shows %s %s, "
			    "known is %s; somebody may be in between. If it was "
			    "installed again, compare on the machine itself "
			    "(ssh-keygen -lf), then replace it in %.100s", place,
			    key->kind, key->shown, key->known, file);
}

int rh_ssh_hostkey_check(const struct rh_ssh *d, const struct rh_ssh_hop *hop,
			 struct rh_ssh_hostkey *ret, struct rh_error *err)
{
	ssh_key shown = NULL;
	int rc = 0;

	memset(ret, 0, sizeof(*ret));
	if (ssh_get_server_publickey(hop->session, &shown) != SSH_OK)
		return rh_error_set(err, RH_ERR_PROTOCOL,
				    "the host showed no key");
	snprintf(ret->kind, sizeof(ret->kind), "%s",
		 ssh_key_type_to_char(ssh_key_type(shown)));
	rh_ssh_hostkey_fingerprint(shown, ret->shown);
	rh_ssh_hostkey_export(shown, ret);
	if (hop->known_hosts != NULL)
		rc = rh_ssh_hostkey_search(hop, shown, ret, err);
	ssh_key_free(shown);
	if (rc < 0 || ret->shown[0] == '\0')
		return rc < 0 ? rc : rh_error_set(err, RH_ERR_INTERNAL,
						  "no fingerprint of a key");
	if (hop->target)
		rh_ssh_hostkey_pin(d, ret);
	if (ret->verdict == RH_SSH_HOSTKEY_KNOWN)
		return 0;
	return rh_ssh_hostkey_refuse(hop, ret, err);
}
