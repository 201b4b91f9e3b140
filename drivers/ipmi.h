/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_DRIVERS_IPMI_H
#define RH_DRIVERS_IPMI_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <freeipmi/freeipmi.h>
#include <ipmiconsole.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/secret.h"
#include "base/settings.h"
#include "drivers/driver.h"

/*
 * The rooms of the IPMI driver, and what they share:
 *
 *   ipmi.c           option table, open, close
 *   ipmi-map.c       what codes and words mean; pure
 *   ipmi-alarm.c     ends a library call that waits
 *   ipmi-target.c    name and port to addresses
 *   ipmi-watch.c     whether the BMC is there, without a session
 *   ipmi-session.c   the command session (libfreeipmi)
 *   ipmi-power.c     power and boot device
 *   ipmi-evidence.c  chassis status and event log
 *   ipmi-console.c   Serial over LAN (libipmiconsole)
 *   ipmi-doctor.c    what `rhands doctor` wants to know
 *   ipmi-fleet*.c    the power of many BMCs in one process (ipmi-fleet.h)
 */

#define IPMI_USER_MAX 16	/* IPMI 2.0, 22.28 */
#define IPMI_PASSWORD_MAX 20	/* IPMI 2.0, 22.30 */
#define IPMI_KEY_LEN 20		/* K_g; IPMI 2.0, 13.33 */
#define IPMI_SUITES_MAX 12
#define IPMI_TARGETS_MAX 4
#define IPMI_TARGET_SIZE 64	/* "[IPv6 address]:port" */

/* --- what ipmi and ipmitool have alike ------------------------------------------ */

#define IPMI_OPTIONS_LOGIN                                                     \
	{ .key = "address", .type = OPTION_NAME, .required = true,             \
	  .help = "Name or address of the BMC." },                             \
	{ .key = "port", .type = OPTION_NUMBER, .fallback = "623", .min = 1,   \
	  .max = 65535, .help = "UDP port of the BMC." },                      \
	{ .key = "user", .type = OPTION_TEXT, .required = true,                \
	  .help = "User of the BMC, 16 bytes at most." },                      \
	{ .key = "password", .type = OPTION_SECRET, .required = true,          \
	  .help = "Its password, 20 bytes at most; a wrong one is never tried "\
		  "twice." }

#define IPMI_OPTION_LOST_AFTER                                                 \
	{ .key = "lost-after", .type = OPTION_DURATION, .unit = "ms",          \
	  .fallback = "9s", .min = 3000, .max = 120000,                        \
	  .help = "Silence of the BMC after which a SOL session is lost." }

#define IPMI_OPTION_BOOT_TYPE                                                  \
	{ .key = "boot-type", .type = OPTION_CHOICE, .fallback = "bios",       \
	  .choices = ipmi_boot_types,                                          \
	  .help = "How the machine boots, for the choice of a boot device." }

extern const char *const ipmi_boot_types[];
extern const char *const ipmi_privileges[];

/* Checks the user's length, loads the password, checks its. Errors: CONFIG. */
int ipmi_open_login(const struct settings *settings, struct secret *ret_password,
		    int64_t deadline, struct rh_error *err);

/* --- ipmi-map.c: pure ------------------------------------------------------ */

/* What to do about a session that could not be opened. */
enum ipmi_verdict {
	IPMI_VERDICT_NONE = 0,
	IPMI_VERDICT_FINAL,	/* the credential, or a fault of ours: stop */
	IPMI_VERDICT_SUITE,	/* perhaps the cipher suite: try the next */
	IPMI_VERDICT_PRIVILEGE,	/* perhaps cured by opensesspriv (S13) */
	IPMI_VERDICT_BUSY,	/* no resources now: wait and try again */
	IPMI_VERDICT_SILENT,	/* nothing came back: try again */
};

/* One library error: our code, what to do, and a sentence for a person. */
struct ipmi_meaning {
	int errnum;
	enum rh_code code;
	enum ipmi_verdict verdict;
	const char *text;
};

/* Of a libfreeipmi errnum while a session is being opened. Never NULL. */
const struct ipmi_meaning *ipmi_map_open(int errnum);

/* Of a libipmiconsole errnum while SOL is being set up. Never NULL. */
const struct ipmi_meaning *ipmi_map_sol_open(int errnum);

/* Of a libipmiconsole errnum of a session that was established. */
const struct ipmi_meaning *ipmi_map_sol_lost(int errnum);

/* Of a completion code (IPMI 2.0, 5.2); RH_ERR_NONE for 00h. */
enum rh_code ipmi_map_code(uint8_t code);

/* Whether the same command may succeed a moment later (S05). */
bool ipmi_map_code_is_busy(uint8_t code);

/* Sets err for a completion code other than 00h. Returns -1. */
int ipmi_map_code_error(uint8_t code, const char *what, struct rh_error *err);

/* The cipher suites of "17 3", in order. Returns how many. */
int ipmi_map_suites(const char *text, uint8_t *ret_suites, int max);

/* The flags of libfreeipmi and of libipmiconsole for `workarounds`. */
extern const char *const ipmi_map_workaround_names[];
unsigned ipmi_map_workarounds_lan(const struct settings *settings);
unsigned ipmi_map_workarounds_sol(const struct settings *settings);

/* The flags of one word; 0 where it is of no meaning there. */
void ipmi_map_workaround(const char *name, unsigned *ret_lan,
			 unsigned *ret_sol);

/* Appends "workarounds = ...": the words of the file and those of the flags. */
void ipmi_map_workarounds_line(const struct settings *settings, unsigned lan,
			       unsigned sol, struct buffer *ret);

/*
 * The bytes of a K_g: text of up to 20 bytes, or 0x and up to 40 hexadecimal
 * digits; padded with zeros. -1 where it is neither.
 */
int ipmi_map_key(const char *text, size_t len, uint8_t ret_key[IPMI_KEY_LEN]);

/* Data byte of Chassis Control (28.3); -1 for DRIVER_ACT_NONE. */
int ipmi_map_act(enum driver_act act);

/* The five bytes of boot option parameter 5 (28.13) for the next boot. */
void ipmi_map_boot(enum driver_boot device, bool efi, uint8_t ret_flags[5]);

/* --- ipmi-alarm.c ------------------------------------------------------------ */

/*
 * Makes this thread's blocking system calls fail with EINTR from a moment on,
 * until it is cleared. Zeroed memory is a valid alarm that was never used.
 */
struct ipmi_alarm {
	timer_t timer;
	bool made;
};

/* Errors: IO. */
int ipmi_alarm_set(struct ipmi_alarm *alarm, int64_t at, struct rh_error *err);
void ipmi_alarm_clear(struct ipmi_alarm *alarm);
void ipmi_alarm_release(struct ipmi_alarm *alarm);

/* --- ipmi-target.c ----------------------------------------------------------- */

/* The BMC's addresses as the libraries want them, "host:port", all numeric. */
struct ipmi_targets {
	char text[IPMI_TARGETS_MAX][IPMI_TARGET_SIZE];
	int count;
	int current;
};

/* Resolves, unless that was done. Blocks. Errors: UNREACHABLE. */
int ipmi_targets_resolve(struct ipmi_targets *targets, const char *address,
			 int port, int64_t deadline, struct rh_error *err);
const char *ipmi_targets_current(const struct ipmi_targets *targets);

/* Goes on to the next address: this one did not answer. */
void ipmi_targets_next(struct ipmi_targets *targets);

/* --- ipmi-watch.c ------------------------------------------------------------ */

/* A UDP socket to the present address, close(2) it; -1: none. */
int ipmi_watch_socket(const struct ipmi_targets *targets);

/* Asks once. The bytes of the answer (22.13, with all headers), 0: none came. */
size_t ipmi_watch_ask(int fd, int64_t until, uint8_t *ret, size_t size);

/* A BMC that is asked now and then. Zeroed memory watches nothing. */
struct ipmi_watch {
	bool watching;
	int fd;			/* valid while watching */
	int64_t lost_after;	/* ms of silence */
	int64_t every;		/* ms between two questions */
	int64_t due;		/* the next look */
	int64_t heard;		/* 0: not since it began, so it can't be lost */
	int64_t asked;		/* when the last question went out */
	int unanswered;		/* questions since it was heard */
};

/* From now on; one whose socket can't be made watches nothing. */
void ipmi_watch_begin(struct ipmi_watch *w, const struct ipmi_targets *targets,
		      int64_t lost_after);
void ipmi_watch_end(struct ipmi_watch *w);

/* Something else of the BMC came. */
void ipmi_watch_heard(struct ipmi_watch *w, int64_t now);

/* Takes answers, asks where it is time. Whether it is silent for too long. */
bool ipmi_watch_is_lost(struct ipmi_watch *w, int64_t now);

/* When that wants to be called next; -1: never. */
int ipmi_watch_wake_ms(const struct ipmi_watch *w);

/* --- the instance ------------------------------------------------------------ */

struct ipmi_session {
	ipmi_ctx_t ctx;			/* NULL: none */
	int64_t retransmit;		/* it was opened with this */
	int64_t answered;		/* when the last answer came */
};

struct ipmi_console {
	ipmiconsole_ctx_t ctx;		/* NULL: none */
	int fd;				/* valid while ctx is there */
	bool running;			/* counts among the engine's users */
	int64_t credit;			/* bytes that may be written now */
	int64_t credit_at;		/* when credit was reckoned */
};

struct ipmi {
	const struct settings *settings;
	struct secret password;
	struct secret key;
	uint8_t key_bytes[IPMI_KEY_LEN];	/* key, padded with zeros */
	char user[IPMI_USER_MAX + 1];
	const char *address;
	int port;

	uint8_t privilege;		/* IPMI_PRIVILEGE_LEVEL_ */
	bool privilege_set;		/* by the file, so never raised */
	unsigned lan_workarounds;
	unsigned sol_workarounds;
	uint8_t suites[IPMI_SUITES_MAX];
	int suite_count;
	int suite;			/* index of the one to try first */
	bool suite_known;		/* it has worked */

	int64_t min_interval;		/* ms between two operations */
	int64_t retransmit;		/* ms until a packet is sent again */
	int64_t act_wait;		/* ms that an act may take to be answered */
	int64_t lost_after;		/* ms of silence on SOL */
	int64_t next_operation;		/* not before, for min_interval */
	struct rh_error denied;		/* AUTH: the credential is not tried again */

	struct ipmi_targets targets;
	struct ipmi_alarm alarm;
	struct ipmi_session session;
	struct ipmi_console console;
};

/* --- ipmi-session.c ---------------------------------------------------------- */

#define IPMI_ANSWER_MAX 128

/* Whether the BMC refused the credential before; then err says so again. */
bool ipmi_is_denied(const struct ipmi *d, struct rh_error *err);

/* A command as ipmi_cmd_raw wants it: bytes[0] is the command. */
struct ipmi_command {
	const char *what;		/* "chassis status", for error texts */
	uint8_t net_fn;
	uint8_t bytes[16];
	size_t len;
};

struct ipmi_answer {
	uint8_t code;			/* completion code */
	uint8_t data[IPMI_ANSWER_MAX];	/* what follows it */
	size_t len;			/* bytes of data */
};

/* Waits for the turn of this operation (min-interval, S04). */
void ipmi_session_turn(struct ipmi *d, int64_t deadline);

/* The operation is over: the next one comes min-interval later. */
void ipmi_session_turn_over(struct ipmi *d);

/*
 * Asks until there is an answer that is not "busy", or the deadline comes.
 * 0 with any completion code except busy ones (BUSY) and D4h (AUTH). For
 * commands that may be repeated. Errors: UNREACHABLE, AUTH, BUSY, NOTSUP,
 * TIMEOUT, PROTOCOL.
 */
int ipmi_session_ask(struct ipmi *d, const struct ipmi_command *command,
		     int64_t deadline, struct ipmi_answer *ret,
		     struct rh_error *err);

/* The same, and each completion code other than 00h is an error. */
int ipmi_session_get(struct ipmi *d, const struct ipmi_command *command,
		     size_t min_len, int64_t deadline, struct ipmi_answer *ret,
		     struct rh_error *err);

/*
 * Opens a session of its own, then sends the command in one packet, never
 * a second one. 0 with any completion code. TIMEOUT and LOST: it may have
 * been executed; other errors: it was not sent.
 */
int ipmi_session_order(struct ipmi *d, const struct ipmi_command *command,
		       int64_t deadline, struct ipmi_answer *ret,
		       struct rh_error *err);

/*
 * Whether a session opens with this cipher suite, tried once and closed. For
 * suite 0 without our password: it has no use for one.
 */
bool ipmi_session_probe(struct ipmi *d, uint8_t suite, int64_t deadline);

/* Gives the session back to the BMC, best effort, 300 ms at most. */
void ipmi_session_close(struct ipmi *d);

/* --- the capabilities -------------------------------------------------------- */

extern const struct driver_power_ops ipmi_power_ops;
extern const struct driver_evidence_ops ipmi_evidence_ops;
extern const struct driver_console_ops ipmi_console_ops;
extern const struct driver_doctor_ops ipmi_doctor_ops;
extern const struct driver_fleet_ops ipmi_fleet_ops;

/* What an answer to Get Chassis Status says (28.2). Errors: NOTSUP. */
int ipmi_power_state(const struct ipmi_answer *answer,
		     enum driver_power *ret_state, struct rh_error *err);

/* Detaches, and ends the library's threads where no other instance needs them. */
void ipmi_console_close(struct ipmi *d);

/* Appends one event record of 16 bytes as a line of text (IPMI 2.0, 32). */
void ipmi_evidence_event(const uint8_t record[16], struct buffer *ret);

/* Appends the lines of an answer to Get Chassis Status (28.2). */
void ipmi_evidence_status(const uint8_t *data, size_t len, struct buffer *ret);

#endif
