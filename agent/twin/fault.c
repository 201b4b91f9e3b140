/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names and words of the faults, and sets of them. What they do is in
 * world-faults.c and world-line.c.
 */
#include "agent/twin/fault.h"

#include <string.h>
#include <strings.h>

#include "base/option.h"

static const struct {
	const char *id;
	const char *words;
} fault_table[FAULT_COUNT] = {
	[FAULT_NONE] = { "none", "" },
	[FAULT_P01] = { "P01", "power acts are done late, up to 30 s" },
	[FAULT_P02] = { "P02", "power acts are acknowledged and not done" },
	[FAULT_P03] = { "P03", "cycle and reset of a host that is off are refused" },
	[FAULT_P04] = { "P04", "off of a host that is off is refused" },
	[FAULT_P05] = { "P05", "reset of a host that is off says OK" },
	[FAULT_P06] = { "P06", "the power reads on while the host is off" },
	[FAULT_P07] = { "P07", "the power reads off after on" },
	[FAULT_P08] = { "P08", "the BMC restarts in the middle of an act" },
	[FAULT_P09] = { "P09", "a change of power takes 20 s to 3 min" },
	[FAULT_P11] = { "P11", "soft-off is not supported, or acts as off" },
	[FAULT_P12] = { "P12", "the controller has no cycle" },
	[FAULT_P13] = { "P13", "on within a second after off is lost" },
	[FAULT_P14] = { "P14", "the boot device does not stick" },
	[FAULT_P15] = { "P15", "another boot device is set, without a word" },
	[FAULT_P16] = { "P16", "a second request is refused as busy" },
	[FAULT_P17] = { "P17", "the mains fails" },
	[FAULT_P18] = { "P18", "somebody else switches the power, too" },
	[FAULT_P19] = { "P19", "the host comes on by itself after off" },
	[FAULT_S01] = { "S01", "the BMC has no room for a session at first" },
	[FAULT_S04] = { "S04", "the BMC hangs after ten quick requests" },
	[FAULT_S05] = { "S05", "each request takes 2 to 10 s" },
	[FAULT_S06] = { "S06", "the first request after an act fails" },
	[FAULT_S07] = { "S07", "the BMC is silent for 1 to 3 min" },
	[FAULT_S16] = { "S16", "a third of the requests are lost" },
	[FAULT_S18] = { "S18", "the password is wrong" },
	[FAULT_L01] = { "L01", "somebody else holds the console" },
	[FAULT_L02] = { "L02", "the console is held by an old session for a while" },
	[FAULT_L03] = { "L03", "the console can be had only after a minute" },
	[FAULT_L04] = { "L04", "the console can never be had" },
	[FAULT_L05] = { "L05", "the console is stolen without a word" },
	[FAULT_L06] = { "L06", "after power-on the console is mute until opened anew" },
	[FAULT_L07] = { "L07", "after power-on output is stuck, and comes late" },
	[FAULT_L08] = { "L08", "the console is attached and mute" },
	[FAULT_L10] = { "L10", "the console can be had only after 40 s" },
	[FAULT_L11] = { "L11", "the console is closed every few seconds" },
	[FAULT_L12] = { "L12", "the console goes away when the host starts" },
	[FAULT_L13] = { "L13", "the console lags by 1 to 10 s" },
	[FAULT_L14] = { "L14", "the echo lags by 15 characters" },
	[FAULT_L17] = { "L17", "pieces of output come twice" },
	[FAULT_L18] = { "L18", "pieces of output are lost" },
	[FAULT_L19] = { "L19", "a break does not arrive" },
	[FAULT_L20] = { "L20", "the console is closed after a quiet time" },
	[FAULT_L21] = { "L21", "the console's BMC dies and comes back" },
	[FAULT_L23] = { "L23", "the first key is lost" },
	[FAULT_C01] = { "C01", "only the cells that change are drawn" },
	[FAULT_C02] = { "C02", "escape sequences before each line" },
	[FAULT_C03] = { "C03", "output comes in large pieces" },
	[FAULT_C04] = { "C04", "output comes byte by byte" },
	[FAULT_C05] = { "C05", "kernel messages in the middle of lines" },
	[FAULT_C06] = { "C06", "other line ends" },
	[FAULT_C07] = { "C07", "bytes that are no UTF-8" },
	[FAULT_C08] = { "C08", "garbage, as at a wrong speed" },
	[FAULT_C09] = { "C09", "another speed until the kernel runs" },
	[FAULT_C10] = { "C10", "a flood" },
	[FAULT_C11] = { "C11", "nothing is printed at all" },
	[FAULT_C14] = { "C14", "old output is replayed when it is attached" },
	[FAULT_C15] = { "C15", "prompts inside of other text" },
	[FAULT_C16] = { "C16", "questions to the terminal" },
	[FAULT_C17] = { "C17", "64 kB without a newline" },
	[FAULT_C18] = { "C18", "text that makes patterns backtrack" },
	[FAULT_I01] = { "I01", "keys with an escape sequence are other ones" },
	[FAULT_I02] = { "I02", "Esc and a key within 2 s are one key" },
	[FAULT_I03] = { "I03", "keys are lost" },
	[FAULT_I04] = { "I04", "keys are ignored for half a minute" },
	[FAULT_I06] = { "I06", "at first Enter is not CR" },
	[FAULT_I08] = { "I08", "the console takes no keys for a while" },
	[FAULT_B01] = { "B01", "the host restarts by itself, three times" },
	[FAULT_B03] = { "B03", "a watchdog restarts the host once" },
	[FAULT_H01] = { "H01", "the old system's shell answers on for a while" },
	[FAULT_H02] = { "H02", "the shell hangs behind the login" },
	[FAULT_H03] = { "H03", "the host key is another one" },
	[FAULT_H04] = { "H04", "services go down again after some seconds" },
	[FAULT_H05] = { "H05", "commands end without an exit status" },
};

const char *fault_id(enum fault fault)
{
	return fault < FAULT_COUNT ? fault_table[fault].id : "none";
}

const char *fault_words(enum fault fault)
{
	return fault < FAULT_COUNT ? fault_table[fault].words : "";
}

static void fault_set_add(struct fault_set *set, int fault)
{
	set->count += !set->has[fault];
	set->has[fault] = true;
}

static int fault_set_add_id(struct fault_set *set, const char *id,
			    struct rh_error *err)
{
	const char *ids[FAULT_COUNT + 1] = { NULL };
	const char *nearest;
	int i;

	for (i = 1; i < FAULT_COUNT; i++) {
		if (strcasecmp(fault_table[i].id, id) == 0) {
			fault_set_add(set, i);
			return 0;
		}
		ids[i - 1] = fault_table[i].id;
	}
	nearest = option_nearest(id, ids);
	return rh_error_set(err, RH_ERR_USAGE, "there is no fault \"%.20s\"; "
			    "did you mean %s? (all, none, or ids: P02,L21)", id,
			    nearest != NULL ? nearest : "P01");
}

int fault_set_parse(struct fault_set *set, const char *text,
		    struct rh_error *err)
{
	char id[24];
	size_t len;
	int i;

	memset(set, 0, sizeof(*set));
	if (strcmp(text, "none") == 0)
		return 0;
	for (i = 1; i < FAULT_COUNT && strcmp(text, "all") == 0; i++)
		fault_set_add(set, i);
	if (set->count > 0)
		return 0;
	for (;; text += len + 1) {
		len = strcspn(text, ",");
		if (len == 0 || len >= sizeof(id))
			return rh_error_set(err, RH_ERR_USAGE, "expected all, "
					    "none, or ids of faults: P02,L21");
		memcpy(id, text, len);
		id[len] = '\0';
		if (fault_set_add_id(set, id, err) < 0)
			return -1;
		if (text[len] == '\0')
			return 0;
	}
}
