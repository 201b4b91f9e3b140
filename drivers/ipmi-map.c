/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the numbers of IPMI and of the two libraries mean to us. Tables and
 * pure functions only; session, power and console come in here.
 *
 * The rule for a session that does not open: whatever may be the fault of a
 * cipher suite is tried with the next one (S09: a BMC says "no resources" or
 * sends nonsense where it means "not this suite"); whatever is the credential
 * ends at once (S18), since many BMCs lock a user out.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/ipmi.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The last entry of each table is what any other errnum means. */
static const struct ipmi_meaning ipmi_open_meanings[] = {
	{ IPMI_ERR_PERMISSION, RH_ERR_AUTH, IPMI_VERDICT_FINAL,
	  "permission denied" },
	{ IPMI_ERR_USERNAME_INVALID, RH_ERR_AUTH, IPMI_VERDICT_FINAL,
	  "no such user, or a user without rights on the LAN" },
	{ IPMI_ERR_PASSWORD_INVALID, RH_ERR_AUTH, IPMI_VERDICT_FINAL,
	  "wrong password (it is not tried again; some BMCs say so where they "
	  "need workarounds = opensesspriv)" },
	{ IPMI_ERR_K_G_INVALID, RH_ERR_AUTH, IPMI_VERDICT_FINAL,
	  "wrong or missing k-g" },
	{ IPMI_ERR_PRIVILEGE_LEVEL_INSUFFICIENT, RH_ERR_AUTH,
	  IPMI_VERDICT_FINAL, "the privilege is not enough" },
	{ IPMI_ERR_PRIVILEGE_LEVEL_CANNOT_BE_OBTAINED, RH_ERR_AUTH,
	  IPMI_VERDICT_PRIVILEGE, "the user may not have this privilege" },
	{ IPMI_ERR_AUTHENTICATION_TYPE_UNAVAILABLE, RH_ERR_NOTSUP,
	  IPMI_VERDICT_SUITE, "authentication type not available" },
	{ IPMI_ERR_CIPHER_SUITE_ID_UNAVAILABLE, RH_ERR_NOTSUP,
	  IPMI_VERDICT_SUITE, "cipher suite not available" },
	{ IPMI_ERR_PASSWORD_VERIFICATION_TIMEOUT, RH_ERR_AUTH,
	  IPMI_VERDICT_FINAL, "the password was not accepted" },
	{ IPMI_ERR_IPMI_2_0_UNAVAILABLE, RH_ERR_NOTSUP, IPMI_VERDICT_FINAL,
	  "it does not speak IPMI 2.0 (IPMI 1.5 is not supported)" },
	{ IPMI_ERR_CONNECTION_TIMEOUT, RH_ERR_UNREACHABLE,
	  IPMI_VERDICT_SILENT, "no answer" },
	{ IPMI_ERR_SESSION_TIMEOUT, RH_ERR_UNREACHABLE, IPMI_VERDICT_SILENT,
	  "no answer while the session was being opened" },
	{ IPMI_ERR_COMMAND_INVALID_OR_UNSUPPORTED, RH_ERR_PROTOCOL,
	  IPMI_VERDICT_SUITE, "it refused a command of the session set-up" },
	{ IPMI_ERR_BAD_COMPLETION_CODE, RH_ERR_PROTOCOL, IPMI_VERDICT_SUITE,
	  "it refused a step of the session set-up" },
	{ IPMI_ERR_BAD_RMCPPLUS_STATUS_CODE, RH_ERR_PROTOCOL,
	  IPMI_VERDICT_SUITE,
	  "it refused the session: perhaps none of the cipher suites" },
	{ IPMI_ERR_BMC_BUSY, RH_ERR_BUSY, IPMI_VERDICT_BUSY,
	  "it has no free session or is busy" },
	{ IPMI_ERR_OUT_OF_MEMORY, RH_ERR_INTERNAL, IPMI_VERDICT_FINAL,
	  "out of memory" },
	{ IPMI_ERR_HOSTNAME_INVALID, RH_ERR_UNREACHABLE, IPMI_VERDICT_FINAL,
	  "the address cannot be used" },
	{ IPMI_ERR_PARAMETERS, RH_ERR_INTERNAL, IPMI_VERDICT_FINAL,
	  "the library refused our parameters" },
	{ IPMI_ERR_IPMI_ERROR, RH_ERR_PROTOCOL, IPMI_VERDICT_SUITE,
	  "it refused the session without a reason: none of the cipher suites, "
	  "or too many sessions are open" },
	{ IPMI_ERR_SYSTEM_ERROR, RH_ERR_UNREACHABLE, IPMI_VERDICT_SILENT,
	  "the network cannot be reached" },
	{ -1, RH_ERR_UNREACHABLE, IPMI_VERDICT_SILENT, "no answer" },
};

static const struct ipmi_meaning ipmi_sol_open_meanings[] = {
	{ IPMICONSOLE_ERR_PARAMETERS, RH_ERR_INTERNAL, IPMI_VERDICT_FINAL,
	  "the library refused our parameters" },
	{ IPMICONSOLE_ERR_HOSTNAME_INVALID, RH_ERR_UNREACHABLE,
	  IPMI_VERDICT_FINAL, "the address cannot be used" },
	{ IPMICONSOLE_ERR_IPMI_2_0_UNAVAILABLE, RH_ERR_NOTSUP,
	  IPMI_VERDICT_FINAL, "it does not speak IPMI 2.0, so it has no SOL" },
	{ IPMICONSOLE_ERR_CIPHER_SUITE_ID_UNAVAILABLE, RH_ERR_NOTSUP,
	  IPMI_VERDICT_SUITE, "cipher suite not available" },
	{ IPMICONSOLE_ERR_USERNAME_INVALID, RH_ERR_AUTH, IPMI_VERDICT_FINAL,
	  "no such user, or a user without rights on the LAN" },
	{ IPMICONSOLE_ERR_PASSWORD_INVALID, RH_ERR_AUTH, IPMI_VERDICT_FINAL,
	  "wrong password (it is not tried again; some BMCs say so where they "
	  "need workarounds = opensesspriv)" },
	{ IPMICONSOLE_ERR_K_G_INVALID, RH_ERR_AUTH, IPMI_VERDICT_FINAL,
	  "wrong or missing k-g" },
	{ IPMICONSOLE_ERR_PRIVILEGE_LEVEL_INSUFFICIENT, RH_ERR_AUTH,
	  IPMI_VERDICT_PRIVILEGE, "the privilege is not enough for SOL" },
	{ IPMICONSOLE_ERR_PRIVILEGE_LEVEL_CANNOT_BE_OBTAINED, RH_ERR_AUTH,
	  IPMI_VERDICT_PRIVILEGE, "the user may not have this privilege" },
	{ IPMICONSOLE_ERR_SOL_UNAVAILABLE, RH_ERR_NOTSUP, IPMI_VERDICT_FINAL,
	  "SOL is not available: not supported, or switched off in the BMC" },
	{ IPMICONSOLE_ERR_SOL_INUSE, RH_ERR_BUSY, IPMI_VERDICT_FINAL,
	  "SOL is in use by somebody else: ask who has this console open, or "
	  "set steal = yes" },
	{ IPMICONSOLE_ERR_SOL_STOLEN, RH_ERR_BUSY, IPMI_VERDICT_FINAL,
	  "SOL was taken by somebody else at the same moment" },
	{ IPMICONSOLE_ERR_SOL_REQUIRES_ENCRYPTION, RH_ERR_NOTSUP,
	  IPMI_VERDICT_SUITE, "SOL wants encryption: cipher-suite 17 or 3" },
	{ IPMICONSOLE_ERR_SOL_REQUIRES_NO_ENCRYPTION, RH_ERR_NOTSUP,
	  IPMI_VERDICT_SUITE,
	  "SOL works without encryption only: cipher-suite 16 or 2" },
	{ IPMICONSOLE_ERR_BMC_BUSY, RH_ERR_BUSY, IPMI_VERDICT_BUSY,
	  "it has no free session or is busy" },
	{ IPMICONSOLE_ERR_BMC_ERROR, RH_ERR_PROTOCOL, IPMI_VERDICT_SUITE,
	  "it refused a step of the SOL set-up (workarounds solstatus, "
	  "solchannelsupport or opensesspriv may help)" },
	{ IPMICONSOLE_ERR_BMC_IMPLEMENTATION, RH_ERR_PROTOCOL,
	  IPMI_VERDICT_SUITE,
	  "it broke a rule of the SOL set-up (workarounds solpayloadsize or "
	  "solport may help)" },
	{ IPMICONSOLE_ERR_CONNECTION_TIMEOUT, RH_ERR_UNREACHABLE,
	  IPMI_VERDICT_SILENT, "no answer" },
	{ IPMICONSOLE_ERR_SESSION_TIMEOUT, RH_ERR_UNREACHABLE,
	  IPMI_VERDICT_SILENT, "no answer while SOL was being set up" },
	{ IPMICONSOLE_ERR_EXCESS_RETRANSMISSIONS_SENT, RH_ERR_UNREACHABLE,
	  IPMI_VERDICT_SILENT, "no answer while SOL was being set up" },
	{ IPMICONSOLE_ERR_EXCESS_ERRORS_RECEIVED, RH_ERR_PROTOCOL,
	  IPMI_VERDICT_SILENT, "too many packets that make no sense" },
	{ IPMICONSOLE_ERR_OUT_OF_MEMORY, RH_ERR_INTERNAL, IPMI_VERDICT_FINAL,
	  "out of memory" },
	{ IPMICONSOLE_ERR_TOO_MANY_OPEN_FILES, RH_ERR_IO, IPMI_VERDICT_FINAL,
	  "too many open files" },
	{ IPMICONSOLE_ERR_SYSTEM_ERROR, RH_ERR_UNREACHABLE,
	  IPMI_VERDICT_SILENT, "the network cannot be reached" },
	{ -1, RH_ERR_PROTOCOL, IPMI_VERDICT_SUITE, "SOL could not be set up" },
};

static const struct ipmi_meaning ipmi_sol_lost_meanings[] = {
	{ IPMICONSOLE_ERR_SOL_STOLEN, RH_ERR_BUSY, IPMI_VERDICT_NONE,
	  "SOL was taken over by somebody else" },
	{ IPMICONSOLE_ERR_SESSION_TIMEOUT, RH_ERR_LOST, IPMI_VERDICT_NONE,
	  "the BMC fell silent" },
	{ IPMICONSOLE_ERR_EXCESS_RETRANSMISSIONS_SENT, RH_ERR_LOST,
	  IPMI_VERDICT_NONE, "the BMC no longer confirms what we send" },
	{ IPMICONSOLE_ERR_EXCESS_ERRORS_RECEIVED, RH_ERR_LOST,
	  IPMI_VERDICT_NONE, "too many packets that make no sense" },
	{ IPMICONSOLE_ERR_SYSTEM_ERROR, RH_ERR_LOST, IPMI_VERDICT_NONE,
	  "the network cannot be reached" },
	{ IPMICONSOLE_ERR_INTERNAL_ERROR, RH_ERR_LOST, IPMI_VERDICT_NONE,
	  "the library's buffers overran" },
	{ -1, RH_ERR_LOST, IPMI_VERDICT_NONE, "the BMC ended the session" },
};

static const struct ipmi_meaning *ipmi_map_find(const struct ipmi_meaning *m,
						int errnum)
{
	while (m->errnum != -1 && m->errnum != errnum)
		m++;
	return m;
}

const struct ipmi_meaning *ipmi_map_open(int errnum)
{
	return ipmi_map_find(ipmi_open_meanings, errnum);
}

const struct ipmi_meaning *ipmi_map_sol_open(int errnum)
{
	return ipmi_map_find(ipmi_sol_open_meanings, errnum);
}

const struct ipmi_meaning *ipmi_map_sol_lost(int errnum)
{
	return ipmi_map_find(ipmi_sol_lost_meanings, errnum);
}

/* Completion codes, IPMI 2.0, table 5-2. What is not here is PROTOCOL. */
static const struct {
	uint8_t code;
	enum rh_code meaning;
	const char *text;
} ipmi_codes[] = {
	{ 0x00, RH_ERR_NONE, "done" },
	{ 0xc0, RH_ERR_BUSY, "the BMC is busy" },
	{ 0xc1, RH_ERR_NOTSUP, "the BMC does not know this command" },
	{ 0xc2, RH_ERR_NOTSUP, "the BMC does not know this command" },
	{ 0xc3, RH_ERR_TIMEOUT, "the BMC ran out of time while doing it" },
	{ 0xc4, RH_ERR_BUSY, "the BMC is out of space" },
	{ 0xc5, RH_ERR_BUSY, "the BMC's log changed meanwhile" },
	{ 0xc6, RH_ERR_NOTSUP, "the BMC refused the request's length" },
	{ 0xc7, RH_ERR_NOTSUP, "the BMC refused the request's length" },
	{ 0xc8, RH_ERR_NOTSUP, "the BMC refused the request's length" },
	{ 0xc9, RH_ERR_NOTSUP, "the BMC refused a parameter" },
	{ 0xcb, RH_ERR_NOTSUP, "the BMC has no such record" },
	{ 0xcc, RH_ERR_NOTSUP, "the BMC refused a parameter" },
	{ 0xcd, RH_ERR_NOTSUP, "the BMC cannot do that with this device" },
	{ 0xce, RH_ERR_BUSY, "the BMC could not answer" },
	{ 0xcf, RH_ERR_TIMEOUT, "the BMC saw this request twice" },
	{ 0xd0, RH_ERR_BUSY, "the BMC updates its records" },
	{ 0xd1, RH_ERR_BUSY, "the BMC's firmware is being updated" },
	{ 0xd2, RH_ERR_BUSY, "the BMC is starting" },
	{ 0xd3, RH_ERR_STATE, "the BMC cannot reach the chassis" },
	{ 0xd4, RH_ERR_AUTH, "the session's privilege is not enough" },
	{ 0xd5, RH_ERR_STATE, "not possible in the present state" },
	{ 0xd6, RH_ERR_NOTSUP, "the BMC has this function switched off" },
};

enum rh_code ipmi_map_code(uint8_t code)
{
	size_t i;

	for (i = 0; i < COUNT(ipmi_codes); i++) {
		if (ipmi_codes[i].code == code)
			return ipmi_codes[i].meaning;
	}
	return RH_ERR_PROTOCOL;
}

bool ipmi_map_code_is_busy(uint8_t code)
{
	return ipmi_map_code(code) == RH_ERR_BUSY;
}

int ipmi_map_code_error(uint8_t code, const char *what, struct rh_error *err)
{
	const char *text = "the BMC answered with an error";
	size_t i;

	for (i = 0; i < COUNT(ipmi_codes); i++) {
		if (ipmi_codes[i].code == code)
			text = ipmi_codes[i].text;
	}
	return rh_error_set(err, ipmi_map_code(code), "%s: %s (code %02Xh)",
			    what, text, code);
}

int ipmi_map_suites(const char *text, uint8_t *ret_suites, int max)
{
	int count = 0;
	char *end;

	while (*text != '\0' && count < max) {
		if (!isdigit((unsigned char)*text)) {
			text++;
			continue;
		}
		ret_suites[count++] = (uint8_t)strtoul(text, &end, 10);
		text = end;
	}
	return count;
}

#define LAN(x) IPMI_WORKAROUND_FLAGS_OUTOFBAND_2_0_##x
#define SOL(x) IPMICONSOLE_WORKAROUND_##x

/* By their FreeIPMI names. 0: of no meaning there. */
static const struct {
	unsigned lan;
	unsigned sol;
} ipmi_workarounds[] = {
	{ LAN(AUTHENTICATION_CAPABILITIES), SOL(AUTHENTICATION_CAPABILITIES) },
	{ LAN(INTEL_2_0_SESSION), SOL(INTEL_2_0_SESSION) },
	{ LAN(SUPERMICRO_2_0_SESSION), SOL(SUPERMICRO_2_0_SESSION) },
	{ LAN(SUN_2_0_SESSION), SOL(SUN_2_0_SESSION) },
	{ LAN(OPEN_SESSION_PRIVILEGE), SOL(OPEN_SESSION_PRIVILEGE) },
	{ LAN(NON_EMPTY_INTEGRITY_CHECK_VALUE),
	  SOL(NON_EMPTY_INTEGRITY_CHECK_VALUE) },
	{ LAN(NO_CHECKSUM_CHECK), SOL(NO_CHECKSUM_CHECK) },
	{ 0, 0 },
	{ 0, SOL(IGNORE_SOL_PAYLOAD_SIZE) },
	{ 0, SOL(IGNORE_SOL_PORT) },
	{ 0, SOL(SKIP_SOL_ACTIVATION_STATUS) },
	{ 0, SOL(SKIP_CHANNEL_PAYLOAD_SUPPORT) },
	{ 0, SOL(SERIAL_ALERTS_DEFERRED) },
	{ 0, SOL(INCREMENT_SOL_PACKET_SEQUENCE) },
};

const char *const ipmi_map_workaround_names[] = {
	"authcap",
	"intel20",
	"supermicro20",
	"sun20",
	"opensesspriv",
	"integritycheckvalue",
	"nochecksumcheck",
	"ipmiping",
	"solpayloadsize",
	"solport",
	"solstatus",
	"solchannelsupport",
	"serialalertsdeferred",
	"solpacketseq",
	NULL,
};

unsigned ipmi_map_workarounds_lan(const struct settings *settings)
{
	unsigned flags = 0;
	size_t i;

	for (i = 0; i < COUNT(ipmi_workarounds); i++) {
		if (settings_has_word(settings, "workarounds",
				      ipmi_map_workaround_names[i]))
			flags |= ipmi_workarounds[i].lan;
	}
	return flags;
}

unsigned ipmi_map_workarounds_sol(const struct settings *settings)
{
	unsigned flags = 0;
	size_t i;

	for (i = 0; i < COUNT(ipmi_workarounds); i++) {
		if (settings_has_word(settings, "workarounds",
				      ipmi_map_workaround_names[i]))
			flags |= ipmi_workarounds[i].sol;
	}
	return flags;
}

void ipmi_map_workaround(const char *name, unsigned *ret_lan,
			 unsigned *ret_sol)
{
	size_t i;

	*ret_lan = *ret_sol = 0;
	for (i = 0; i < COUNT(ipmi_workarounds); i++) {
		if (strcmp(ipmi_map_workaround_names[i], name) == 0) {
			*ret_lan = ipmi_workarounds[i].lan;
			*ret_sol = ipmi_workarounds[i].sol;
		}
	}
}

void ipmi_map_workarounds_line(const struct settings *settings, unsigned lan,
			       unsigned sol, struct buffer *ret)
{
	size_t i;

	buffer_append_text(ret, "workarounds =");
	for (i = 0; i < COUNT(ipmi_workarounds); i++) {
		if (settings_has_word(settings, "workarounds",
				      ipmi_map_workaround_names[i]) ||
		    (ipmi_workarounds[i].lan & lan) != 0 ||
		    (ipmi_workarounds[i].sol & sol) != 0)
			buffer_printf(ret, " %s", ipmi_map_workaround_names[i]);
	}
}

static int ipmi_map_hex(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = strchr(digits, tolower((unsigned char)c));

	return c != '\0' && found != NULL ? (int)(found - digits) : -1;
}

int ipmi_map_key(const char *text, size_t len, uint8_t ret_key[IPMI_KEY_LEN])
{
	uint8_t key[IPMI_KEY_LEN] = { 0 };
	size_t i;
	int high, low;

	if (len < 2 || strncmp(text, "0x", 2) != 0) {
		if (len > IPMI_KEY_LEN)
			return -1;
		memcpy(key, text, len);
	} else {
		if (len % 2 != 0 || len == 2 || len > 2 + 2 * IPMI_KEY_LEN)
			return -1;
		for (i = 2; i < len; i += 2) {
			high = ipmi_map_hex(text[i]);
			low = ipmi_map_hex(text[i + 1]);
			if (high < 0 || low < 0)
				return -1;
			key[(i - 2) / 2] = (uint8_t)(high << 4 | low);
		}
	}
	memcpy(ret_key, key, sizeof(key));
	explicit_bzero(key, sizeof(key));
	return 0;
}

int ipmi_map_act(enum driver_act act)
{
	switch (act) {
	case DRIVER_ACT_OFF:
		return 0x00;
	case DRIVER_ACT_ON:
		return 0x01;
	case DRIVER_ACT_CYCLE:
		return 0x02;
	case DRIVER_ACT_RESET:
		return 0x03;
	case DRIVER_ACT_DIAG:
		return 0x04;
	case DRIVER_ACT_SOFT:
		return 0x05;
	case DRIVER_ACT_NONE:
		break;
	}
	return -1;
}

void ipmi_map_boot(enum driver_boot device, bool efi, uint8_t ret_flags[5])
{
	static const uint8_t selectors[] = {
		[DRIVER_BOOT_NONE] = 0x0,  [DRIVER_BOOT_PXE] = 0x1,
		[DRIVER_BOOT_DISK] = 0x2,  [DRIVER_BOOT_CDROM] = 0x5,
		[DRIVER_BOOT_SETUP] = 0x6,
	};

	memset(ret_flags, 0, 5);
	/* valid, for the next boot only */
	ret_flags[0] = efi ? 0xa0 : 0x80;
	if ((size_t)device < COUNT(selectors))
		ret_flags[1] = (uint8_t)(selectors[device] << 2);
}
