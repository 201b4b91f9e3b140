/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_DRIVERS_DRIVER_H
#define RH_DRIVERS_DRIVER_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/option.h"
#include "base/settings.h"

/*
 * A driver gives capabilities over one protocol. It runs in a hand, a
 * process of its own, so it may block; the rules, checked by the
 * conformance suite:
 *
 *  - each call has an absolute deadline (monotonic ms, base/deadline.h) and
 *    returns by it; one whose deadline has passed already asks nobody, and is
 *    TIMEOUT or UNREACHABLE; a call that can fail returns 0 or -1 and fills err
 *    (NULL: nobody wants to know), and leaves its outputs alone when it fails;
 *  - a console that is not attached is LOST to read and write;
 *  - it maps what its library knows to our codes and flattens nothing:
 *    a wrong password is AUTH (and is not tried again), a console in use is
 *    BUSY, "cannot" is NOTSUP, "not in this state" is STATE;
 *  - it knows nothing of hosts, sequences or runs;
 *  - it never prints, logs at most at debug, never exits, never reads the
 *    environment, never starts a shell, and leaves no thread running after close;
 *  - a NULL table means "cannot".
 */
enum driver_power {
	DRIVER_POWER_UNKNOWN = 0,
	DRIVER_POWER_ON,
	DRIVER_POWER_OFF,
};

enum driver_act {
	DRIVER_ACT_NONE = 0,
	DRIVER_ACT_ON,		/* idempotent */
	DRIVER_ACT_OFF,		/* idempotent; hard, at once */
	DRIVER_ACT_CYCLE,	/* never repeated blindly */
	DRIVER_ACT_RESET,	/* never repeated blindly */
	DRIVER_ACT_SOFT,	/* ask the system to go down (ACPI) */
	DRIVER_ACT_DIAG,	/* diagnostic interrupt (NMI); never repeated */
};

enum driver_boot {
	DRIVER_BOOT_NONE = 0,
	DRIVER_BOOT_DISK,
	DRIVER_BOOT_PXE,
	DRIVER_BOOT_CDROM,
	DRIVER_BOOT_SETUP,
};

struct driver_power_ops {
	/*
	 * Reads the state. A controller that answers but cannot tell gives
	 * UNKNOWN and 0; one that does not answer gives -1.
	 */
	int (*query)(void *self, int64_t deadline,
		     enum driver_power *ret_state, struct rh_error *err);

	/*
	 * Returns 0 when the controller accepted the action, not when it is
	 * done. Sends it at most once: an answer that was lost is TIMEOUT or
	 * LOST (then it may have been executed); NOTSUP, STATE, BUSY, AUTH and
	 * UNREACHABLE mean that it was not.
	 */
	int (*act)(void *self, enum driver_act act, int64_t deadline,
		   struct rh_error *err);

	/*
	 * Sets the device of the next boot, reads it back (P14), PROTOCOL
	 * where it did not stick. May be NULL.
	 */
	int (*boot)(void *self, enum driver_boot device, int64_t deadline,
		    struct rh_error *err);

	/* The light of the chassis, on until it is switched off. May be NULL. */
	int (*identify)(void *self, bool on, int64_t deadline,
			struct rh_error *err);
};

/* Flags of a driver. */
#define DRIVER_STARTS_PROGRAMS	1	/* its calls fork and exec (no shell): the
					   sandbox of its hand lets them */
#define DRIVER_OPENS_DEVICES	2	/* it opens what is below /dev for
					   writing, at any time */

/* Flags of console.attach. */
#define DRIVER_ATTACH_STEAL	1	/* take it, whoever holds it */
#define DRIVER_ATTACH_OWN	2	/* a session in use can only be our own
					   dead one: take it back */

struct driver_console_ops {
	/*
	 * Opens the byte stream; blocks. BUSY where somebody else holds it
	 * and no flag allows to take it.
	 */
	int (*attach)(void *self, unsigned flags, int64_t deadline,
		      struct rh_error *err);

	/*
	 * What to poll for input while attached; at most max entries. Returns
	 * the count. Where a library needs to be called now and then, it sets
	 * *ret_wake_ms to the longest wait (else leaves it).
	 */
	int (*pollfds)(void *self, struct pollfd *fds, int max,
		       int *ret_wake_ms);

	/*
	 * Bytes that are there, without blocking: > 0 bytes, 0 none now, -1
	 * the session is gone (LOST, BUSY where it was taken from us, ...).
	 */
	int (*read)(void *self, void *bytes, size_t size,
		    struct rh_error *err);

	/*
	 * How many bytes the other side sent that read did not give, or gave
	 * damaged, behind what it gave up to now, since the last call. Does not
	 * block. NULL: cannot tell.
	 */
	uint64_t (*take_lost)(void *self);

	/*
	 * Hands over up to len bytes without blocking for longer than 100 ms;
	 * returns how many were accepted (0 to len), -1 gone.
	 */
	int (*write)(void *self, const void *bytes, size_t len,
		     struct rh_error *err);

	/* A serial break. NULL: cannot. */
	int (*send_break)(void *self, struct rh_error *err);

	/* Gives the session back; best effort, until the deadline. */
	void (*detach)(void *self, int64_t deadline);
};

struct driver_evidence_ops {
	/*
	 * What the controller knows, as lines of text appended to ret (one
	 * event a line, oldest first). Foreign text is appended as it came; the
	 * caller escapes it.
	 */
	int (*event_log)(void *self, int max_entries, int64_t deadline,
			 struct buffer *ret, struct rh_error *err);

	/* "power: on", "last power event: ...", faults, one a line. */
	int (*chassis)(void *self, int64_t deadline, struct buffer *ret,
		       struct rh_error *err);
};

/* How a command ended. */
struct driver_shell_result {
	int exit_status;	/* 0..255; 128 + n where signal n ended it */
	struct buffer out;	/* standard output, at most the limit */
	struct buffer errors;	/* standard error, at most the limit */
	bool cut;		/* there was more of either */
};

struct driver_shell_ops {
	/*
	 * Runs a command on the host (by its shell) and waits for its end. 0
	 * only where the exit status is known; whatever else happened (no exit
	 * status, the connection went, the deadline) is an error, and the result
	 * of the command is unknown: then `out` and `errors` hold what came.
	 * Each output is kept up to `limit` bytes, what is more is read and
	 * dropped. Release both buffers in any case. AUTH, REFUSED (host key is
	 * unknown or changed; the text has both fingerprints), UNREACHABLE: it
	 * was not run.
	 */
	int (*run)(void *self, const char *command, size_t limit,
		   int64_t deadline, struct driver_shell_result *ret,
		   struct rh_error *err);

	/*
	 * What is different after each boot of the host (Linux: its boot_id), as
	 * one line of printable text without the newline. NOTSUP where the
	 * host has nothing of that kind.
	 */
	int (*boot_id)(void *self, int64_t deadline, struct buffer *ret,
		       struct rh_error *err);
};

/* Flags of doctor. */
#define DRIVER_DOCTOR_BREAK	1	/* a serial break may be sent */
#define DRIVER_DOCTOR_CONSOLE	2	/* the way is one to a console; one that the
					   driver attached to (and detached from)
					   has a finding "console" */

/* What doctors say of a console that is silent, noisy, or was sent a break. */
#define DRIVER_DOCTOR_SILENT "silent, as most are: whether it carries bytes, and " \
			     "at the right speed, can't be told"
#define DRIVER_DOCTOR_NOISE "what comes is no text: probable baud mismatch " \
			    "between host and controller"
#define DRIVER_DOCTOR_BREAK_SENT "sent; for some seconds Linux takes the next " \
				 "key for a SysRq command"

struct driver_doctor_ops {
	/*
	 * Looks at everything that can be looked at without changing or
	 * typing anything: reached? credential good? what may it do? One line of
	 * text for each finding, appended to ret:
	 *   LEVEL <TAB> SUBJECT <TAB> TEXT [<TAB> HINT]
	 * LEVEL is ok, note or fail; SUBJECT a word ("address", "password");
	 * HINT what to do, a line for the host file ("workarounds = ...") if
	 * there is one. SUBJECT known-host is a host key that is not known, for
	 * a person to judge: TEXT is "KIND FINGERPRINT FILE", HINT the line for
	 * that file ("HOST KIND BASE64"). Returns 0 where it looked, whatever it found; -1 only
	 * where it could not look at all (CONFIG).
	 */
	int (*look)(void *self, unsigned flags, int64_t deadline,
		    struct buffer *ret, struct rh_error *err);
};

/* What a TCP check wants to see. */
struct driver_tcp_check {
	uint16_t port;
	const void *send;	/* bytes sent after connecting; NULL: none */
	size_t send_len;
	const void *expect;	/* bytes that the answer must contain; NULL: none */
	size_t expect_len;
};

struct driver_check_ops {
	/*
	 * One try, until the deadline: 0 where the port was seen to answer, and
	 * a line of text that says what was seen is appended to ret_proof.
	 * Without `expect`: connected, and not closed by the peer within
	 * 500 ms. Errors: UNREACHABLE (refused, no route, no such name), TIMEOUT,
	 * LOST (closed at once), PROTOCOL (another answer than expected).
	 */
	int (*tcp)(void *self, const struct driver_tcp_check *check,
		   int64_t deadline, struct buffer *ret_proof,
		   struct rh_error *err);
};

/* What one of many controllers answered. */
struct driver_fleet_answer {
	size_t index;			/* in the settings of open */
	bool alone;			/* it is to be asked by power.query */
	enum driver_power state;
	struct rh_error err;		/* code NONE: the state was read */
};

/*
 * Reading the power of many controllers in one process, by one loop: one that is
 * slow or dead delays no other. An instance of its own kind, beside struct
 * driver's.
 */
struct driver_fleet_ops {
	size_t size;			/* bytes of one instance, zeroed */

	/*
	 * Takes the settings of all (borrowed until close) and loads their
	 * credentials. One that is wrong is no failure here: query answers
	 * "alone" for it, and so for any that it can't settle.
	 */
	int (*open)(void *self, const struct settings *const *settings,
		    size_t count, int64_t deadline, struct rh_error *err);

	/* Releases everything; after a failed open too. */
	void (*close)(void *self);

	/*
	 * Asks all, no more at a time than answer, and at_once at most (0: no such
	 * limit). Calls take once for each index,
	 * when its answer is there, or each_ms after its first packet, at the
	 * latest by the deadline; take returns false where nobody listens any
	 * more. -1 where it could not begin.
	 */
	int (*query)(void *self, int64_t each_ms, int at_once,
		     int64_t deadline,
		     bool (*take)(void *context,
				  const struct driver_fleet_answer *answer),
		     void *context, struct rh_error *err);
};

struct driver {
	const char *name;		/* as in `driver = NAME` */
	const char *summary;		/* one line, no full stop */
	const struct option *options;	/* ended by OPTION_END */
	size_t size;			/* bytes of one instance, zeroed */
	unsigned flags;			/* DRIVER_STARTS_PROGRAMS, ... */

	/*
	 * Takes the settings (borrowed until close) and loads its credential;
	 * opens no connection yet. Errors: CONFIG.
	 */
	int (*open)(void *self, const struct settings *settings,
		    int64_t deadline, struct rh_error *err);

	/* Releases everything; after a failed open too. Takes 1 s at most. */
	void (*close)(void *self);

	const struct driver_power_ops *power;
	const struct driver_console_ops *console;
	const struct driver_evidence_ops *evidence;
	const struct driver_check_ops *check;
	const struct driver_shell_ops *shell;
	const struct driver_doctor_ops *doctor;
	const struct driver_fleet_ops *fleet;
};

/* All drivers, NULL-ended (driver-table.c, the only file that names them). */
extern const struct driver *const driver_table[];

/* The driver of that name, or NULL. */
const struct driver *driver_find(const char *name);

/* "on", "off", "unknown"; "cycle" and so on; "disk" and so on. */
const char *driver_power_name(enum driver_power state);
const char *driver_act_name(enum driver_act act);
const char *driver_boot_name(enum driver_boot device);
enum driver_act driver_act_from_name(const char *name);	/* NONE: no such */
enum driver_boot driver_boot_from_name(const char *name);	/* NONE: no such */

#endif
