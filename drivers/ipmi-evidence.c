/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the BMC knows: the chassis status (IPMI 2.0, 28.2 and 28.11) and the
 * System Event Log (chapter 31), as lines of text. The brain comes in by
 * ipmi_evidence_ops. libfreeipmi turns an event into words; reading the log
 * is done here, because the newest entries are wanted and a log of
 * thousands is read one by one.
 *
 * The log is a chain: each answer names the next record. Where it holds more
 * than is wanted, reading begins at a guess, last - count * step, further back
 * where entries were deleted; if there is no such record, at the beginning.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/deadline.h"
#include "base/memory.h"
#include "drivers/ipmi.h"

#define IPMI_LOG_MAX 4096
#define IPMI_RECORD_LEN 16
#define IPMI_RECORD_FIRST 0x0000
#define IPMI_RECORD_LAST 0xffff
/* Below this a time stamp counts from the start of the BMC (37.1). */
#define IPMI_TIME_RELATIVE 0x20000000u
#define IPMI_TIME_NONE 0xffffffffu

/* --- chassis ----------------------------------------------------------------- */

struct ipmi_bit {
	uint8_t mask;
	const char *text;
};

static const struct ipmi_bit ipmi_faults_power[] = {
	{ 0x02, "power overload" },	{ 0x04, "power interlock" },
	{ 0x08, "main power fault" },	{ 0x10, "power control fault" },
	{ 0, NULL },
};

static const struct ipmi_bit ipmi_last_events[] = {
	{ 0x01, "mains failed" },	{ 0x02, "power overload" },
	{ 0x04, "power interlock" },	{ 0x08, "power fault" },
	{ 0x10, "switched on by an IPMI command" },
	{ 0, NULL },
};

static const struct ipmi_bit ipmi_faults_other[] = {
	{ 0x01, "chassis open" },	{ 0x02, "front panel locked" },
	{ 0x04, "drive fault" },	{ 0x08, "cooling or fan fault" },
	{ 0, NULL },
};

static const char *const ipmi_restore_policies[] = {
	"stay off", "as it was before", "switch on", "unknown",
};

static const char *const ipmi_restart_causes[] = {
	"unknown",
	"an IPMI command",
	"the reset button",
	"the power button",
	"the watchdog",
	"vendor specific",
	"the restore policy: always on",
	"the restore policy: as it was before",
	"an event filter: reset",
	"an event filter: power cycle",
	"a soft reset (Ctrl-Alt-Del)",
	"the clock (wake-up timer)",
};

/* Appends ", TEXT" or "TEXT" for each bit; returns how many there are now. */
static int ipmi_evidence_bits(const struct ipmi_bit *bits, uint8_t byte,
			      int count, struct buffer *ret)
{
	for (; bits->text != NULL; bits++) {
		if ((byte & bits->mask) == 0)
			continue;
		buffer_printf(ret, "%s%s", count++ > 0 ? ", " : "", bits->text);
	}
	return count;
}

void ipmi_evidence_status(const uint8_t *data, size_t len, struct buffer *ret)
{
	uint8_t power = len > 0 ? data[0] : 0, event = len > 1 ? data[1] : 0;
	uint8_t other = len > 2 ? data[2] : 0;
	int count;

	buffer_printf(ret, "power: %s\nlast power event: ",
		      (power & 0x01) ? "on" : "off");
	if (ipmi_evidence_bits(ipmi_last_events, event, 0, ret) == 0)
		buffer_append_text(ret, "none");
	buffer_append_text(ret, "\nfaults: ");
	count = ipmi_evidence_bits(ipmi_faults_power, power, 0, ret);
	if (ipmi_evidence_bits(ipmi_faults_other, other, count, ret) == 0)
		buffer_append_text(ret, "none");
	buffer_printf(ret, "\nafter a mains failure: %s\n",
		      ipmi_restore_policies[(power >> 5) & 0x03]);
}

/* Optional in the standard: no line where the BMC does not have it. */
static void ipmi_evidence_restart(struct ipmi *d, int64_t deadline,
				  struct buffer *ret)
{
	static const struct ipmi_command command = {
		.what = "restart cause",
		.net_fn = IPMI_NET_FN_CHASSIS_RQ,
		.bytes = { 0x07 },
		.len = 1,
	};
	struct rh_error ignored = RH_ERROR_INIT;
	struct ipmi_answer answer;
	unsigned cause;

	if (ipmi_session_get(d, &command, 1, deadline, &answer, &ignored) < 0)
		return;
	cause = answer.data[0] & 0x0f;
	if (cause < sizeof(ipmi_restart_causes) / sizeof(char *))
		buffer_printf(ret, "last restart by: %s\n",
			      ipmi_restart_causes[cause]);
}

static int ipmi_evidence_chassis(void *self, int64_t deadline,
				 struct buffer *ret, struct rh_error *err)
{
	static const struct ipmi_command command = {
		.what = "chassis status",
		.net_fn = IPMI_NET_FN_CHASSIS_RQ,
		.bytes = { 0x01 },
		.len = 1,
	};
	struct ipmi *d = self;
	struct ipmi_answer answer;
	int rc;

	ipmi_session_turn(d, deadline);
	rc = ipmi_session_get(d, &command, 3, deadline, &answer, err);
	if (rc == 0) {
		ipmi_evidence_status(answer.data, answer.len, ret);
		ipmi_evidence_restart(d, deadline_min(deadline,
						      deadline_in(1000)), ret);
	}
	ipmi_session_turn_over(d);
	return rc;
}

/* --- one event --------------------------------------------------------------- */

static uint32_t ipmi_evidence_number(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 |
	       (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* The BMC's own time; which zone it keeps is not known. */
static void ipmi_evidence_time(uint32_t stamp, struct buffer *ret)
{
	time_t when = (time_t)stamp;
	char text[32];
	struct tm tm;

	if (stamp == IPMI_TIME_NONE || gmtime_r(&when, &tm) == NULL) {
		buffer_append_text(ret, "no date");
	} else if (stamp < IPMI_TIME_RELATIVE) {
		buffer_printf(ret, "BMC start +%us", stamp);
	} else {
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
		buffer_append_text(ret, text);
	}
}

/* One field by libfreeipmi ("%T" sensor type, "%E" event); "" on failure. */
static void ipmi_evidence_field(ipmi_sel_ctx_t sel, const char *format,
				const uint8_t *record, struct buffer *ret)
{
	char text[256];
	int len;

	len = ipmi_sel_parse_read_record_string(
		sel, format, record, IPMI_RECORD_LEN, text, sizeof(text),
		IPMI_SEL_STRING_FLAGS_IGNORE_UNAVAILABLE_FIELD |
			IPMI_SEL_STRING_FLAGS_OUTPUT_NOT_AVAILABLE);
	if (len > 0)
		buffer_append(ret, text,
			      (size_t)len < sizeof(text) ? (size_t)len :
							   sizeof(text) - 1);
}

static void ipmi_evidence_hex(const uint8_t *bytes, size_t len,
			      struct buffer *ret)
{
	size_t i;

	for (i = 0; i < len; i++)
		buffer_printf(ret, " %02x", bytes[i]);
}

/* Record layout: IPMI 2.0, tables 32-1 to 32-3. */
void ipmi_evidence_event(const uint8_t record[16], struct buffer *ret)
{
	uint8_t type = record[2];
	ipmi_sel_ctx_t sel;

	if (type >= 0xe0) {
		buffer_printf(ret, "no date | vendor record %02x |", type);
		ipmi_evidence_hex(record + 3, 13, ret);
		buffer_append_char(ret, '\n');
		return;
	}
	ipmi_evidence_time(ipmi_evidence_number(record + 3), ret);
	if (type != 0x02) {
		buffer_printf(ret, " | vendor record %02x |", type);
		ipmi_evidence_hex(record + 7, 9, ret);
		buffer_append_char(ret, '\n');
		return;
	}
	sel = ipmi_sel_ctx_create(NULL, NULL);
	buffer_append_text(ret, " | ");
	if (sel != NULL)
		ipmi_evidence_field(sel, "%T", record, ret);
	buffer_printf(ret, " #%u | ", record[11]);
	if (sel != NULL)
		ipmi_evidence_field(sel, "%E", record, ret);
	if (record[12] & 0x80)
		buffer_append_text(ret, " | over");
	buffer_append_char(ret, '\n');
	ipmi_sel_ctx_destroy(sel);
}

/* --- the log ----------------------------------------------------------------- */

/* The records read so far: a ring of the newest `max`. */
struct ipmi_log {
	uint8_t (*records)[IPMI_RECORD_LEN];
	size_t max;
	size_t count;		/* ever read */
	bool cut;		/* it could not be read to its end */
};

static void ipmi_log_keep(struct ipmi_log *log, const uint8_t *record)
{
	memcpy(log->records[log->count % log->max], record, IPMI_RECORD_LEN);
	log->count++;
}

static void ipmi_log_print(const struct ipmi_log *log, struct buffer *ret)
{
	size_t i = log->count > log->max ? log->count - log->max : 0;

	for (; i < log->count; i++)
		ipmi_evidence_event(log->records[i % log->max], ret);
}

/* Whole records (offset 0, FFh bytes) need no reservation (31.5). */
static int ipmi_log_read(struct ipmi *d, uint16_t id, int64_t deadline,
			 struct ipmi_answer *ret, struct rh_error *err)
{
	struct ipmi_command command = {
		.what = "event log entry",
		.net_fn = IPMI_NET_FN_STORAGE_RQ,
		.bytes = { 0x43, 0, 0, (uint8_t)id, (uint8_t)(id >> 8), 0,
			   0xff },
		.len = 7,
	};

	return ipmi_session_get(d, &command, 2 + IPMI_RECORD_LEN, deadline,
				ret, err);
}

static uint16_t ipmi_log_id(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] | bytes[1] << 8);
}

/* How many entries there are. */
static int ipmi_log_size(struct ipmi *d, int64_t deadline, unsigned *ret_count,
			 struct rh_error *err)
{
	static const struct ipmi_command command = {
		.what = "event log",
		.net_fn = IPMI_NET_FN_STORAGE_RQ,
		.bytes = { 0x40 },
		.len = 1,
	};
	struct ipmi_answer answer;

	if (ipmi_session_get(d, &command, 3, deadline, &answer, err) < 0)
		return -1;
	*ret_count = ipmi_log_id(answer.data + 1);
	return 0;
}

/* Guesses where the newest `count` begin; FIRST where that is not possible. */
static uint16_t ipmi_log_start(struct ipmi *d, size_t count, int64_t deadline)
{
	struct rh_error ignored = RH_ERROR_INIT;
	struct ipmi_answer answer;
	uint16_t first, second, last, step;

	if (ipmi_log_read(d, IPMI_RECORD_FIRST, deadline, &answer, &ignored) < 0)
		return IPMI_RECORD_FIRST;
	second = ipmi_log_id(answer.data);
	first = ipmi_log_id(answer.data + 2);
	if (ipmi_log_read(d, IPMI_RECORD_LAST, deadline, &answer, &ignored) < 0)
		return IPMI_RECORD_FIRST;
	last = ipmi_log_id(answer.data + 2);
	if (first == 0 || second <= first || last <= first)
		return IPMI_RECORD_FIRST;
	step = (uint16_t)(second - first);
	if ((count - 1) * step >= (size_t)(last - first))
		return IPMI_RECORD_FIRST;
	last = (uint16_t)(last - (count - 1) * step);
	if (ipmi_log_read(d, last, deadline, &answer, &ignored) < 0)
		return IPMI_RECORD_FIRST;
	return last;
}

/* Follows the chain from `id`; never reads more than there are entries. */
static int ipmi_log_follow(struct ipmi *d, uint16_t id, unsigned entries,
			   int64_t deadline, struct ipmi_log *log,
			   struct rh_error *err)
{
	struct ipmi_answer answer;

	while (entries-- > 0) {
		if (ipmi_log_read(d, id, deadline, &answer, err) < 0) {
			log->cut = log->count > 0;
			return log->cut ? 0 : -1;
		}
		ipmi_log_keep(log, answer.data + 2);
		id = ipmi_log_id(answer.data);
		if (id == IPMI_RECORD_LAST || id == IPMI_RECORD_FIRST)
			break;
	}
	return 0;
}

/* Reads the newest log->max: with gaps in the chain, from further back. */
static int ipmi_log_read_newest(struct ipmi *d, unsigned entries,
				int64_t deadline, struct ipmi_log *log,
				struct rh_error *err)
{
	uint16_t start = IPMI_RECORD_FIRST;
	size_t back = log->max;

	do {
		log->count = 0;
		if (entries > log->max)
			start = ipmi_log_start(d, back, deadline);
		if (ipmi_log_follow(d, start, entries, deadline, log, err) < 0)
			return -1;
		back *= 2;
	} while (start != IPMI_RECORD_FIRST && log->count < log->max &&
		 !log->cut);
	return 0;
}

static int ipmi_log_print_newest(struct ipmi *d, size_t max, int64_t deadline,
				 struct buffer *ret, struct rh_error *err)
{
	struct ipmi_log log = { .max = max };
	unsigned entries;
	int rc;

	if (ipmi_log_size(d, deadline, &entries, err) < 0)
		return -1;
	log.records = memory_new(max, IPMI_RECORD_LEN);
	rc = ipmi_log_read_newest(d, entries, deadline, &log, err);
	if (rc == 0)
		ipmi_log_print(&log, ret);
	if (log.cut)
		buffer_append_text(ret, "(newer entries could not be read)\n");
	free(log.records);
	return rc;
}

static int ipmi_evidence_event_log(void *self, int max_entries,
				   int64_t deadline, struct buffer *ret,
				   struct rh_error *err)
{
	struct ipmi *d = self;
	size_t max = max_entries < IPMI_LOG_MAX ? (size_t)max_entries :
						  IPMI_LOG_MAX;
	int rc;

	if (max_entries <= 0)
		return 0;
	ipmi_session_turn(d, deadline);
	rc = ipmi_log_print_newest(d, max, deadline, ret, err);
	ipmi_session_turn_over(d);
	return rc;
}

const struct driver_evidence_ops ipmi_evidence_ops = {
	.event_log = ipmi_evidence_event_log,
	.chassis = ipmi_evidence_chassis,
};
