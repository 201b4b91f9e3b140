/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the texts of ipmitool mean. Pure. The texts are those of 1.8.18 and
 * 1.8.19 with -v; without it a wrong password looks like a dead BMC.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/ipmitool.h"

/* The first that is found counts, so causes come before what follows from them. */
static const struct ipmitool_meaning ipmitool_meanings[] = {
	{ "RAKP 2 HMAC is invalid", RH_ERR_AUTH, IPMITOOL_VERDICT_FINAL,
	  "the BMC refused the password" },
	{ "RAKP 4 message has invalid integrity", RH_ERR_AUTH,
	  IPMITOOL_VERDICT_FINAL, "the BMC has another key (K_g)" },
	{ ": unauthorized name", RH_ERR_AUTH, IPMITOOL_VERDICT_FINAL,
	  "the BMC does not know the user" },
	{ ": invalid role", RH_ERR_AUTH, IPMITOOL_VERDICT_FINAL,
	  "the BMC does not let the user have this privilege" },
	{ ": unauthorized role", RH_ERR_AUTH, IPMITOOL_VERDICT_FINAL,
	  "the BMC does not let the user have this privilege" },
	{ ": invalid authentication algorithm", RH_ERR_NOTSUP,
	  IPMITOOL_VERDICT_SUITE, "the BMC does not take the cipher suite" },
	{ ": invalid integrity algorithm", RH_ERR_NOTSUP,
	  IPMITOOL_VERDICT_SUITE, "the BMC does not take the cipher suite" },
	{ ": invalid confidentiality algorithm", RH_ERR_NOTSUP,
	  IPMITOOL_VERDICT_SUITE, "the BMC does not take the cipher suite" },
	{ ": no matching", RH_ERR_NOTSUP, IPMITOOL_VERDICT_SUITE,
	  "the BMC does not take the cipher suite" },
	{ "Unsupported cipher suite", RH_ERR_NOTSUP, IPMITOOL_VERDICT_SUITE,
	  "this ipmitool does not have the cipher suite" },
	/* S09: with some BMCs this is about the suite too */
	{ ": insufficient resources", RH_ERR_BUSY, IPMITOOL_VERDICT_SUITE,
	  "the BMC has no free session" },
	{ "Set Session Privilege Level to", RH_ERR_AUTH,
	  IPMITOOL_VERDICT_SUITE,
	  "the BMC does not let the user have this privilege" },
	{ "Address lookup for", RH_ERR_UNREACHABLE, IPMITOOL_VERDICT_FINAL,
	  "the name of the BMC has no address" },
	{ "Unable to establish", RH_ERR_UNREACHABLE, IPMITOOL_VERDICT_SILENT,
	  "the BMC does not answer" },
	{ "payload already active on another session", RH_ERR_BUSY,
	  IPMITOOL_VERDICT_FINAL, "somebody else holds this console (SOL)" },
	{ "SOL payload activation limit reached", RH_ERR_BUSY,
	  IPMITOOL_VERDICT_FINAL, "somebody else holds this console (SOL)" },
	{ "SOL payload disabled", RH_ERR_NOTSUP, IPMITOOL_VERDICT_FINAL,
	  "SOL is switched off in the BMC" },
	{ "SOL payload type disabled", RH_ERR_NOTSUP, IPMITOOL_VERDICT_FINAL,
	  "SOL is switched off in the BMC" },
	{ "cannot activate SOL payload with", RH_ERR_NOTSUP,
	  IPMITOOL_VERDICT_FINAL,
	  "the BMC wants SOL with another encryption; try another "
	  "cipher-suite" },
	{ "No response activating SOL payload", RH_ERR_TIMEOUT,
	  IPMITOOL_VERDICT_FINAL, "the BMC did not answer" },
	{ "Error activating SOL payload: Insufficient privilege", RH_ERR_AUTH,
	  IPMITOOL_VERDICT_FINAL, "the user may not have SOL" },
	{ "Error activating SOL payload", RH_ERR_PROTOCOL,
	  IPMITOOL_VERDICT_FINAL, "the BMC does not start SOL" },
	{ "No response to keepalive", RH_ERR_LOST, IPMITOOL_VERDICT_FINAL,
	  "the BMC does not answer any more" },
	{ "Unable to send RAW command", RH_ERR_TIMEOUT,
	  IPMITOOL_VERDICT_FINAL,
	  "the BMC did not answer the command; it may have been executed" },
};

const struct ipmitool_meaning *ipmitool_map_errors(const char *text)
{
	size_t i;

	for (i = 0; i < sizeof(ipmitool_meanings) / sizeof(ipmitool_meanings[0]);
	     i++) {
		if (strstr(text, ipmitool_meanings[i].needle) != NULL)
			return &ipmitool_meanings[i];
	}
	return NULL;
}

int ipmitool_map_code(const char *errors)
{
	const char *at = strstr(errors, "Unable to send RAW command");
	char *end;
	long code;

	at = at != NULL ? strstr(at, " rsp=0x") : NULL;
	if (at == NULL)
		return -1;
	code = strtol(at + 7, &end, 16);
	return end > at + 7 && *end == ')' && code >= 0 && code <= 255 ?
	       (int)code : -1;
}

int ipmitool_map_hex(const char *text, uint8_t *ret, size_t max)
{
	char digits[3] = "";
	size_t count = 0;

	for (;; text += 2) {
		text += strspn(text, " \n");
		if (*text == '\0')
			return (int)count;
		if (!isxdigit((unsigned char)text[0]) ||
		    !isxdigit((unsigned char)text[1]) ||
		    strchr(" \n", text[2]) == NULL || count == max)
			return -1;
		memcpy(digits, text, 2);
		ret[count++] = (uint8_t)strtoul(digits, NULL, 16);
	}
}

bool ipmitool_map_extra_is_allowed(const char *word)
{
	if (word[0] != '-')
		return true;
	return word[1] != '\0' && strchr("obBtTmlSOz", word[1]) != NULL &&
	       word[2] == '\0';
}

/* One line; what is not "key : value" is left out. */
static void ipmitool_map_chassis_line(const char *line, size_t len,
				      struct buffer *ret)
{
	const char *colon = memchr(line, ':', len), *end = line + len, *p;
	size_t key;

	if (colon == NULL)
		return;
	for (key = (size_t)(colon - line); key > 0 && line[key - 1] == ' ';)
		key--;
	p = line;
	if (key == 12 && strncmp(line, "System Power", key) == 0)
		p += 7;
	for (; p < line + key; p++)
		buffer_append_char(ret, (char)tolower((unsigned char)*p));
	buffer_append_text(ret, ": ");
	for (p = colon + 1; p < end && *p == ' ';)
		p++;
	if (p == end)
		buffer_append_text(ret, "none");
	buffer_append(ret, p, (size_t)(end - p));
	buffer_append_char(ret, '\n');
}

void ipmitool_map_chassis(const char *text, struct buffer *ret)
{
	size_t len;

	for (; *text != '\0'; text += text[len] == '\n' ? len + 1 : len) {
		len = strcspn(text, "\n");
		ipmitool_map_chassis_line(text, len, ret);
	}
}
