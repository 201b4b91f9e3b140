/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_DRIVERS_IPMITOOL_H
#define RH_DRIVERS_IPMITOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/secret.h"
#include "base/settings.h"
#include "drivers/driver.h"
#include "drivers/ipmi.h"
#include "drivers/program.h"

/*
 * The rooms of the ipmitool driver, and what they share:
 *
 *   ipmitool.c          option table, open, close, one run of the program
 *   ipmitool-map.c      what its texts mean; pure
 *   ipmitool-power.c    power, boot device, evidence, doctor
 *   ipmitool-console.c  Serial over LAN
 */

#define IPMITOOL_SUITES_MAX 12
#define IPMITOOL_ANSWER_MAX 64

/* --- ipmitool-map.c: pure ------------------------------------------------------ */

enum ipmitool_verdict {
	IPMITOOL_VERDICT_NONE = 0,
	IPMITOOL_VERDICT_FINAL,
	IPMITOOL_VERDICT_SUITE,		/* perhaps the cipher suite: the next */
	IPMITOOL_VERDICT_SILENT,	/* no session, so nothing was sent */
};

struct ipmitool_meaning {
	const char *needle;		/* in its error output */
	enum rh_code code;
	enum ipmitool_verdict verdict;
	const char *text;
};

/* What its error output means, NULL where it says nothing that is known. */
const struct ipmitool_meaning *ipmitool_map_errors(const char *text);

/* The completion code in "... rsp=0xd5): ...", -1 where there is none. */
int ipmitool_map_code(const char *errors);

/* " 01 ff\n 00\n" to bytes; their number, -1 where it is anything else. */
int ipmitool_map_hex(const char *text, uint8_t *ret, size_t max);

/* Whether the word may be in `extra`: nothing about secrets or retries. */
bool ipmitool_map_extra_is_allowed(const char *word);

/* "System Power  : on" and so on to "power: on", a line each. */
void ipmitool_map_chassis(const char *text, struct buffer *ret);

/* --- the instance --------------------------------------------------------------- */

struct ipmitool_console {
	struct program_terminal terminal;
	struct buffer early;		/* read, but not handed over yet */
	bool line_start;		/* here ipmitool takes ~ for itself */
	bool owes_tilde;		/* the second of "~~" is to be written */
	int breaks;			/* whose confirmation has not come yet */
	size_t matched;			/* bytes of it that have */
	struct ipmi_watch watch;	/* whether the BMC is still there */
};

struct ipmitool {
	const struct settings *settings;
	struct secret password;
	const char *program;
	char port[8];
	char **extra;			/* NULL-ended; NULL: none */
	uint8_t suites[IPMITOOL_SUITES_MAX];
	int suite_count;
	int suite;
	bool suite_known;
	bool says_request;		/* it tells when it sends a command */
	int64_t min_interval;
	int64_t next_operation;		/* not before, for min_interval */
	int64_t act_wait;
	int64_t lost_after;
	struct ipmi_targets targets;	/* for the watch alone */
	struct ipmitool_console console;
};

/* --- ipmitool.c ------------------------------------------------------------------ */

#define IPMITOOL_ARGS_MAX 64

/* What it shall do, and how often and long (s) it sends and waits (-R, -N). */
struct ipmitool_call {
	const char *words[24];		/* NULL-ended */
	int sends;
	int wait;
};

/* The arguments up to the words; args has IPMITOOL_ARGS_MAX places. */
struct ipmitool_args {
	const char *args[IPMITOOL_ARGS_MAX];
	char numbers[3][12];
};

void ipmitool_make_args(const struct ipmitool *d,
			const struct ipmitool_call *call,
			struct ipmitool_args *ret);

/*
 * Runs it, with the next cipher suite where this one is refused, and once more
 * where no session was had (nothing was sent then). Release *ret in any case.
 * Errors: what its texts mean; TIMEOUT where the command may have been executed.
 */
int ipmitool_run(struct ipmitool *d, const struct ipmitool_call *call,
		 int64_t deadline, struct program_result *ret,
		 struct rh_error *err);

/* A command in raw bytes (network function, command, data). */
struct ipmitool_raw {
	const char *what;
	uint8_t bytes[12];
	size_t len;
	bool once;			/* sent in one packet only */
};

struct ipmitool_answer {
	uint8_t code;			/* completion code */
	uint8_t data[IPMITOOL_ANSWER_MAX];
	size_t len;
};

/* 0 with any completion code. */
int ipmitool_ask(struct ipmitool *d, const struct ipmitool_raw *raw,
		 int64_t deadline, struct ipmitool_answer *ret,
		 struct rh_error *err);

/* Finds the cipher suite and tries the password, where none of it is known yet. */
int ipmitool_login(struct ipmitool *d, int64_t deadline, struct rh_error *err);

/* ipmitool_ask; another code than 00h, or fewer bytes, are errors. */
int ipmitool_get(struct ipmitool *d, const struct ipmitool_raw *raw,
		 size_t min_len, int64_t deadline, struct ipmitool_answer *ret,
		 struct rh_error *err);

/* --- the capabilities -------------------------------------------------------------- */

extern const struct driver_power_ops ipmitool_power_ops;
extern const struct driver_console_ops ipmitool_console_ops;
extern const struct driver_evidence_ops ipmitool_evidence_ops;
extern const struct driver_doctor_ops ipmitool_doctor_ops;

#endif
