/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_HAND_HAND_H
#define RH_AGENT_HAND_HAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/settings.h"
#include "drivers/driver.h"

/*
 * A hand: a driver in a process of its own, seen from the brain. Everything
 * here is non-blocking; the brain polls hand_fd for input and calls
 * hand_next until it gives HAND_NONE, and calls hand_tick, then hand_next,
 * when hand_deadline has come. hand_fd may change (ask for it at each poll).
 *
 * Promises: each request is answered exactly once by a HAND_DONE event, by
 * its deadline plus 300 ms, whatever the hand does (a hand that is late,
 * hung or dead is stopped and its requests end in TIMEOUT or CRASHED); after
 * the last event of a hand comes one HAND_ENDED. A hand whose brain
 * disappears detaches its console and ends by itself.
 */
struct hand;

enum hand_op {
	HAND_OP_NONE = 0,
	HAND_OP_QUERY,		/* -> state */
	HAND_OP_ACT,		/* number: enum driver_act */
	HAND_OP_BOOT,		/* number: enum driver_boot */
	HAND_OP_EVENT_LOG,	/* number: most entries -> text */
	HAND_OP_CHASSIS,	/* -> text */
	HAND_OP_ATTACH,		/* number: DRIVER_ATTACH_ flags */
	HAND_OP_WRITE,		/* bytes; done when all were accepted */
	HAND_OP_BREAK,
	HAND_OP_DETACH,
	HAND_OP_CHECK_TCP,	/* tcp -> text */
	HAND_OP_SHELL,		/* bytes: the command; number: bytes of each output
				   that are kept, at most HAND_SHELL_MAX ->
				   exit_status, text: both outputs */
	HAND_OP_BOOT_ID,	/* -> text */
	HAND_OP_IDENTIFY,	/* number: 1 on, 0 off */
	HAND_OP_DOCTOR,		/* number: DRIVER_DOCTOR_ flags -> text */
	HAND_OP_QUERY_ALL,	/* number: ms for each -> a HAND_STATE for each, then
				   HAND_DONE; of a hand with a fleet, and all that
				   it can do */
};

struct hand_request {
	enum hand_op op;
	int64_t deadline;	/* absolute; for WRITE too */
	int number;
	const void *bytes;	/* WRITE: borrowed until the call returns */
	size_t bytes_len;	/* at most HAND_WRITE_MAX */
	struct driver_tcp_check tcp;	/* CHECK_TCP; send and expect at most
					   1024 bytes each */
};

#define HAND_WRITE_MAX 4096
#define HAND_TEXT_MAX 65536
#define HAND_EACH_MAX_MS 600000
#define HAND_SHELL_MAX 32000

enum hand_event_type {
	HAND_NONE = 0,		/* nothing now */
	HAND_DONE,		/* a request has ended: id, op, err, state, text */
	HAND_BYTES,		/* console output: bytes, bytes_len (1..4096) */
	HAND_GAP,		/* lost_bytes of console output are missing here, or
				   were damaged just before */
	HAND_CONSOLE_LOST,	/* the attached session is gone: err; the hand lives,
				   a new ATTACH may be asked for */
	HAND_STATE,		/* one of many has answered: index, state, err, alone */
	HAND_ENDED,		/* the process is gone: err says how */
};

struct hand_event {
	enum hand_event_type type;
	uint32_t id;
	enum hand_op op;
	struct rh_error err;	/* code RH_ERR_NONE: the request succeeded */
	enum driver_power state;
	size_t index;		/* HAND_STATE: in the settings of the hand */
	bool alone;		/* HAND_STATE: it is to be asked by a hand of its own */
	const char *bytes;	/* HAND_BYTES, or the text of HAND_DONE (NUL-ended);
				   valid until the next call on this hand */
	size_t bytes_len;
	int exit_status;	/* HAND_DONE of SHELL: 0..255 */
	size_t out_len;		/* of its text: standard output; the rest is
				   standard error */
	bool cut;		/* there was more of either */
	uint64_t lost_bytes;
	bool held_console;	/* HAND_ENDED, HAND_CONSOLE_LOST: a session was
				   attached and was not given back, the other side
				   may hold it for a while (not where it was taken
				   from us, BUSY) */
};

/*
 * Forks a hand for one way. name ("ldap1/power") is copied; settings are
 * borrowed until hand_free. The child closes every descriptor that is not
 * its own, takes no new privileges, dumps no core, loads its credential
 * (driver open, 10 s at most), then limits its system calls: no program is
 * started and no file opened for writing any more. An error of driver open
 * is the result of each request.
 */
struct hand *hand_start(const char *name, const struct driver *driver,
			const struct settings *settings, struct rh_error *err);

/*
 * The same for many ways of one driver with struct driver_fleet_ops: the
 * credentials of all of them are in this one process. at_once: how many may be
 * asked at a time, 0: as the answers come. settings (the array too) are borrowed
 * until hand_free.
 */
struct hand *hand_start_fleet(const char *name, const struct driver *driver,
			      const struct settings *const *settings,
			      size_t count, int at_once, struct rh_error *err);

const char *hand_name(const struct hand *h);
int hand_fd(const struct hand *h);	/* -1 once it has ended */
pid_t hand_pid(const struct hand *h);

/*
 * Sends a request; *ret_id is never 0. -1 where the hand has ended or was
 * asked to stop (CRASHED), or its queue is full (BUSY): then no event follows.
 */
int hand_send(struct hand *h, const struct hand_request *request,
	      uint32_t *ret_id, struct rh_error *err);

/*
 * Takes the next event. Returns false, and HAND_NONE, where there is none, and
 * now and then in a flood, so that the brain gets to its other work.
 */
bool hand_next(struct hand *h, struct hand_event *ret);

/* When hand_tick wants to be called, DEADLINE_NEVER where not. */
int64_t hand_deadline(const struct hand *h);
void hand_tick(struct hand *h, int64_t now);

/*
 * Asks it to end: it brings out the console output that it has, detaches and
 * exits; a second later it is killed (by hand_tick). Requests that wait end
 * with CRASHED ("the hand was stopped"). HAND_ENDED follows, with RH_ERR_NONE
 * where it ended as asked.
 */
void hand_stop(struct hand *h);

/* Kills it at once, without asking (tests, and a second signal by the user). */
void hand_kill(struct hand *h);

/* Waits until it is gone (a second at most, then it is killed) and frees it. NULL ok. */
void hand_free(struct hand *h);

#endif
