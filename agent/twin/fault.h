/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_TWIN_FAULT_H
#define RH_AGENT_TWIN_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/*
 * The faults that stand between a twin and who looks at it, by the ids of the
 * project's list of faults of real machines. A fault is a word and an effect;
 * when and how hard it strikes is drawn from the seed of the rehearsal.
 *
 * Of power, Serial over LAN, bytes, typing and boot these are not here:
 *  P10		we never restart a BMC, so nothing of ours can take the host along
 *  L09		we send no NUL; the oracle complains of one
 *  L15, L16	payload sizes, ports, encryption: settled in the driver, before
 *		there is a console; what is left of them is L04
 *  L22		a library that hangs: the hand is killed, and the console is lost
 *		(L21) or mute (L08)
 *  C12, C13, B02, B04, I07	what a host is, not what stands before it: states of
 *		the twins (old-ldap, linux-serial, git-host)
 *  I05		something that we must not do; the oracle complains of keys that
 *		nobody asked for where the host is well or off
 * Of the session (S) those that end in the driver: S02, S03, S08 to S15, S17.
 */
enum fault {
	FAULT_NONE = 0,
	/* power: what the controller says and does */
	FAULT_P01, FAULT_P02, FAULT_P03, FAULT_P04, FAULT_P05, FAULT_P06,
	FAULT_P07, FAULT_P08, FAULT_P09, FAULT_P11, FAULT_P12, FAULT_P13,
	FAULT_P14, FAULT_P15, FAULT_P16, FAULT_P17, FAULT_P18, FAULT_P19,
	/* the session with the controller */
	FAULT_S01, FAULT_S04, FAULT_S05, FAULT_S06, FAULT_S07, FAULT_S16,
	FAULT_S18,
	/* the console as a connection */
	FAULT_L01, FAULT_L02, FAULT_L03, FAULT_L04, FAULT_L05, FAULT_L06,
	FAULT_L07, FAULT_L08, FAULT_L10, FAULT_L11, FAULT_L12, FAULT_L13,
	FAULT_L14, FAULT_L17, FAULT_L18, FAULT_L19, FAULT_L20, FAULT_L21,
	FAULT_L23,
	/* the bytes */
	FAULT_C01, FAULT_C02, FAULT_C03, FAULT_C04, FAULT_C05, FAULT_C06,
	FAULT_C07, FAULT_C08, FAULT_C09, FAULT_C10, FAULT_C11, FAULT_C14,
	FAULT_C15, FAULT_C16, FAULT_C17, FAULT_C18,
	/* keys */
	FAULT_I01, FAULT_I02, FAULT_I03, FAULT_I04, FAULT_I06, FAULT_I08,
	/* the host, its shell, its services */
	FAULT_B01, FAULT_B03, FAULT_H01, FAULT_H02, FAULT_H03, FAULT_H04,
	FAULT_H05,
	FAULT_COUNT,
};

#define FAULTS_AT_ONCE 2	/* alone and in pairs */

/* "P01"; and what it does, in words. */
const char *fault_id(enum fault fault);
const char *fault_words(enum fault fault);

/* Which faults may be drawn. */
struct fault_set {
	bool has[FAULT_COUNT];
	size_t count;
};

/*
 * "all", "none", or ids: "P02,L21". USAGE with the nearest id where there is
 * none of that name.
 */
int fault_set_parse(struct fault_set *set, const char *text,
		    struct rh_error *err);

#endif
