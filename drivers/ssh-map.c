/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What words, texts and numbers of SSH mean. Everything here is pure: no
 * connection, no file, no clock; the unit tests come in by every door.
 */
#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/option.h"
#include "drivers/ssh.h"

/* --- jump hosts ------------------------------------------------------------ */

static int rh_ssh_map_jump_error(const char *word, const char *why,
			  struct rh_error *err)
{
	return rh_error_set(err, RH_ERR_CONFIG,
			    "jump: \"%.80s\": %s; expected user@host:port", word,
			    why);
}

static int rh_ssh_map_jump_port(const char *text, int *ret)
{
	char *end;
	long port;

	if (!isdigit((unsigned char)text[0]))
		return -1;
	port = strtol(text, &end, 10);
	if (*end != '\0' || port < 1 || port > 65535)
		return -1;
	*ret = (int)port;
	return 0;
}

/* Cuts host (changed) at its port. */
static int rh_ssh_map_jump_host(char *host, struct rh_ssh_hop *ret, const char *word,
			 struct rh_error *err)
{
	char *end = strchr(host, ':');

	if (host[0] == '[') {
		end = strchr(++host, ']');
		if (end == NULL)
			return rh_ssh_map_jump_error(word, "] is missing", err);
		*end++ = '\0';
		if (*end == '\0')
			end = NULL;
		else if (*end != ':')
			return rh_ssh_map_jump_error(word, "what follows the ]?", err);
	} else if (end != NULL && strchr(end + 1, ':') != NULL) {
		end = NULL;	/* an IPv6 address */
	}
	if (end != NULL) {
		*end++ = '\0';
		if (rh_ssh_map_jump_port(end, &ret->port) < 0)
			return rh_ssh_map_jump_error(word, "not a port", err);
	}
	if (!option_is_name(host) || strlen(host) >= sizeof(ret->host))
		return rh_ssh_map_jump_error(word, "not a host's name", err);
	memcpy(ret->host, host, strlen(host) + 1);
	return 0;
}

int rh_ssh_map_jump(const char **rest, const char *user,
		    struct rh_ssh_hop *ret, struct rh_error *err)
{
	char word[RH_SSH_USER_SIZE + RH_SSH_HOST_SIZE + 16], copy[sizeof(word)];
	char *at, *host = copy;
	size_t len;

	*rest += strspn(*rest, " \t\n,");
	len = strcspn(*rest, " \t\n,");
	if (len == 0)
		return 0;
	snprintf(word, sizeof(word), "%.*s", (int)len, *rest);
	if (len >= sizeof(word))
		return rh_ssh_map_jump_error(word, "too long", err);
	*rest += len;
	memcpy(copy, word, sizeof(copy));
	at = strrchr(copy, '@');
	if (at != NULL) {
		*at = '\0';
		user = copy;
		host = at + 1;
	}
	if (user == NULL || user[0] == '\0' || user[0] == '-' ||
	    strlen(user) >= sizeof(ret->user))
		return rh_ssh_map_jump_error(word, "not a user's name", err);
	ret->port = 22;
	memcpy(ret->user, user, strlen(user) + 1);
	return rh_ssh_map_jump_host(host, ret, word, err) < 0 ? -1 : 1;
}

void rh_ssh_map_known_name(const char *host, int port, char *ret, size_t size)
{
	char *c;

	if (port == 22)
		snprintf(ret, size, "%s", host);
	else
		snprintf(ret, size, "[%s]:%d", host, port);
	for (c = ret; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
}

/* --- terminals ------------------------------------------------------------- */

const char *rh_ssh_map_terminal(const char *name)
{
	static const struct {
		const char *name;
		const char *term;
	} terminals[] = {
		{ "vt100+", "vt100" }, { "vt-utf8", "vt220" },
		{ "xterm", "xterm" }, { "linux", "linux" },
		{ "pc-ansi", "ansi" },
	};
	size_t i;

	for (i = 0; i < sizeof(terminals) / sizeof(terminals[0]); i++) {
		if (name != NULL && strcmp(terminals[i].name, name) == 0)
			return terminals[i].term;
	}
	return "vt100";
}

/* --- how a command ended --------------------------------------------------- */

int rh_ssh_map_signal(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} signals[] = {
		{ "ABRT", SIGABRT }, { "ALRM", SIGALRM }, { "FPE", SIGFPE },
		{ "HUP", SIGHUP }, { "ILL", SIGILL }, { "INT", SIGINT },
		{ "KILL", SIGKILL }, { "PIPE", SIGPIPE }, { "QUIT", SIGQUIT },
		{ "SEGV", SIGSEGV }, { "TERM", SIGTERM }, { "USR1", SIGUSR1 },
		{ "USR2", SIGUSR2 },
	};
	size_t i;

	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		if (strcmp(signals[i].name, name) == 0)
			return signals[i].number;
	}
	return 0;
}

/* --- algorithms ------------------------------------------------------------ */

static const char *rh_ssh_map_algorithm_option(const char *method)
{
	static const struct {
		const char *method;
		const char *option;
	} options[] = {
		{ "kex", "algorithms-kex" },
		{ "server host key", "algorithms-hostkey" },
		{ "encryption", "algorithms-cipher" },
		{ "mac", "algorithms-mac" },
	};
	size_t i;

	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (strncmp(method, options[i].method,
			    strlen(options[i].method)) == 0)
			return options[i].option;
	}
	return NULL;
}

bool rh_ssh_map_algorithm_hint(const char *text, char *ret, size_t size)
{
	static const char no_match[] = "no match for method ";
	static const char server[] = "server [";
	const char *method = strstr(text, no_match), *list, *option;
	size_t len;

	if (method == NULL)
		return false;
	method += sizeof(no_match) - 1;
	option = rh_ssh_map_algorithm_option(method);
	list = strstr(method, server);
	if (option == NULL || list == NULL)
		return false;
	list += sizeof(server) - 1;
	len = strspn(list, "abcdefghijklmnopqrstuvwxyz"
			   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.@");
	if (len == 0 || len > 60)
		return false;
	snprintf(ret, size, "%s = %.*s", option, (int)len, list);
	return true;
}

void rh_ssh_map_hostkeys(uint64_t kinds, struct buffer *ret)
{
	static const struct {
		enum ssh_keytypes_e kind;
		const char *names;
	} all[] = {
		{ SSH_KEYTYPE_ED25519, "ssh-ed25519" },
		{ SSH_KEYTYPE_ECDSA_P256, "ecdsa-sha2-nistp256" },
		{ SSH_KEYTYPE_ECDSA_P384, "ecdsa-sha2-nistp384" },
		{ SSH_KEYTYPE_ECDSA_P521, "ecdsa-sha2-nistp521" },
		{ SSH_KEYTYPE_RSA, "rsa-sha2-512,rsa-sha2-256" },
	};
	size_t i;
	int turn;

	for (turn = 1; turn >= 0; turn--) {
		for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
			if ((kinds >> all[i].kind & 1) != (unsigned)turn)
				continue;
			if (ret->len > 0)
				buffer_append_char(ret, ',');
			buffer_append_text(ret, all[i].names);
		}
	}
}

/* --- pins ------------------------------------------------------------------ */

static const char rh_ssh_map_blanks[] = " \t\n,";

bool rh_ssh_map_is_pinned(const char *pins, const char *fingerprint)
{
	size_t wanted = strlen(fingerprint), len;

	for (;; pins += len) {
		pins += strspn(pins, rh_ssh_map_blanks);
		len = strcspn(pins, rh_ssh_map_blanks);
		if (len == 0)
			return false;
		if (len == wanted && memcmp(pins, fingerprint, len) == 0)
			return true;
	}
}

const char *rh_ssh_map_bad_pin(const char *pins)
{
	static const char head[] = "SHA256:";
	size_t len;

	pins += strspn(pins, rh_ssh_map_blanks);
	if (*pins == '\0')
		return pins;
	for (; *pins != '\0'; pins += strspn(pins, rh_ssh_map_blanks)) {
		len = strcspn(pins, rh_ssh_map_blanks);
		if (len != sizeof(head) - 1 + 43 ||
		    strncmp(pins, head, sizeof(head) - 1) != 0)
			return pins;
		pins += len;
	}
	return NULL;
}

/* --- boot ids -------------------------------------------------------------- */

/*
 * Each a single program without redirection, so that any login shell takes it.
 * `uptime -s` is not among them: it reckons back from now and is a second off
 * now and then, which would look like another boot.
 */
const char *const rh_ssh_map_boot_commands[] = {
	"cat /proc/sys/kernel/random/boot_id",
	"sysctl -n kern.boottime",
	"who -b",
	NULL,
};

static bool rh_ssh_map_is_uuid(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (text[i] != '-')
				return false;
		} else if (!isxdigit((unsigned char)text[i])) {
			return false;
		}
	}
	return len == 36;
}

bool rh_ssh_map_boot_id(int command, const char *output, size_t len,
			struct buffer *ret)
{
	bool digit = false;
	size_t i;

	while (len > 0 && isspace((unsigned char)output[len - 1]))
		len--;
	while (len > 0 && isspace((unsigned char)output[0])) {
		output++;
		len--;
	}
	if (len == 0 || len > 128)
		return false;
	for (i = 0; i < len; i++) {
		if (output[i] < ' ' || output[i] > '~')
			return false;
		digit = digit || isdigit((unsigned char)output[i]);
	}
	if (command == 0 ? !rh_ssh_map_is_uuid(output, len) : !digit)
		return false;
	buffer_append(ret, output, len);
	return true;
}
