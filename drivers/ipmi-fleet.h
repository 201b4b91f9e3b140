/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_DRIVERS_IPMI_FLEET_H
#define RH_DRIVERS_IPMI_FLEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "drivers/ipmi.h"

/*
 * Asking many BMCs at once: the rooms, and what they share.
 *
 *   ipmi-fleet.c         open, close, the loop and its window
 *   ipmi-fleet-bmc.c     one BMC: its steps, what an answer leads to
 *   ipmi-fleet-packet.c  its packets, on libfreeipmi; no I/O, no clock
 */
#define FLEET_PACKET_MAX 1024
#define FLEET_RANDOM_LEN 16
#define FLEET_KEY_MAX 64

/*
 * What a BMC is asked, in this order. A refused cipher suite or privilege leads
 * back to OPEN, a busy BMC stays in STATUS; from anywhere to DONE.
 */
enum fleet_step {
	FLEET_NONE = 0,		/* not begun */
	FLEET_OPEN,		/* RMCP+ Open Session (13.17) */
	FLEET_RAKP_1,		/* 13.20 */
	FLEET_RAKP_3,		/* 13.22 */
	FLEET_STATUS,		/* Get Chassis Status (28.2) */
	FLEET_CLOSE,		/* Close Session (22.19); the answer is known */
	FLEET_DONE,
};

/* One session: algorithms, numbers and keys. */
struct fleet_session {
	uint8_t authentication, integrity, confidentiality;
	uint8_t open_privilege;		/* asked for in OPEN */
	uint8_t privilege;		/* in RAKP 1 */
	uint8_t tag;			/* of the set-up's messages */
	uint8_t rq_seq;			/* of the present command */
	uint32_t sequence;
	uint32_t console_id, bmc_id;
	uint8_t console_random[FLEET_RANDOM_LEN];
	uint8_t bmc_random[FLEET_RANDOM_LEN];
	uint8_t bmc_guid[FLEET_RANDOM_LEN];
	uint8_t sik[FLEET_KEY_MAX], k1[FLEET_KEY_MAX], k2[FLEET_KEY_MAX];
	unsigned sik_len, k1_len, k2_len;
};

/* --- ipmi-fleet-packet.c ---------------------------------------------------- */

/* libfreeipmi's objects, one set for all BMCs. */
struct fleet_packets;

/* NULL: INTERNAL. */
struct fleet_packets *fleet_packets_new(struct rh_error *err);
void fleet_packets_free(struct fleet_packets *p);

/*
 * The packet of that step, FLEET_PACKET_MAX bytes at most; each one of a session
 * has a number of its own, so it is made anew to be sent again. Its length; -1
 * where libfreeipmi does not make it.
 */
int fleet_packet_make(struct fleet_packets *p, const struct ipmi *d,
		      struct fleet_session *s, enum fleet_step step,
		      uint8_t ret[FLEET_PACKET_MAX]);

/* Our session id in an answer, which says whose it is. False: it is none. */
bool fleet_packet_owner(const uint8_t *bytes, size_t len, uint32_t *ret_id);

enum fleet_verdict {
	FLEET_IGNORE = 0,	/* no answer to what was asked last */
	FLEET_ANSWER,		/* the step is done */
	FLEET_REFUSED,		/* *ret_errnum, as ipmi_map_open knows them */
	FLEET_ODD,		/* an answer that we can't read */
};

/*
 * Takes the answer to that step into s; of STATUS into *ret. bytes come from the
 * network, anything may be in them.
 */
enum fleet_verdict fleet_packet_take(struct fleet_packets *p,
				     const struct ipmi *d,
				     struct fleet_session *s,
				     enum fleet_step step, const uint8_t *bytes,
				     size_t len, int *ret_errnum,
				     struct ipmi_answer *ret);

/* --- ipmi-fleet-bmc.c --------------------------------------------------------- */

struct fleet_bmc {
	struct ipmi driver;		/* its settings and credential */
	size_t index;
	enum fleet_step step;
	struct sockaddr_storage addr;
	socklen_t addr_len;
	struct fleet_session session;
	int suites_left;
	bool shares;			/* its password is that of another */
	bool heard;			/* anything */
	bool counts;			/* has a place in the window */
	bool answered;			/* the caller was told */
	int sends;			/* of this step's packet */
	int64_t sent_at;
	int64_t wait;			/* ms until it is sent again */
	int64_t pause;			/* of a busy BMC */
	int64_t due;			/* when to do so; DEADLINE_NEVER in DONE */
	int64_t deadline;
};

/* What became of a BMC in one call. */
enum fleet_event {
	FLEET_EVENT_NONE = 0,
	FLEET_EVENT_SEND,	/* its packet is to be sent now */
	FLEET_EVENT_TELL,	/* *ret is its answer; and a packet is to be sent,
				   unless it is DONE */
};

/* The first question. Addresses must be known. */
void fleet_bmc_begin(struct fleet_bmc *b, int64_t now, int64_t deadline);

/* A packet of it has come. */
enum fleet_event fleet_bmc_take(struct fleet_bmc *b, struct fleet_packets *p,
				const uint8_t *bytes, size_t len, int64_t now,
				struct driver_fleet_answer *ret);

/* It is due: again, or over. */
enum fleet_event fleet_bmc_due(struct fleet_bmc *b, int64_t now,
			       struct driver_fleet_answer *ret);

/* Its packet went out, or the network does not take it now. */
void fleet_bmc_sent(struct fleet_bmc *b, int64_t now, bool sent);

/* Whose session that may be: an index, perhaps of nobody. */
size_t fleet_bmc_index(uint32_t console_id);

/* The present target as an address. Errors: UNREACHABLE. */
int fleet_bmc_address(struct fleet_bmc *b, struct rh_error *err);

/* It ends here: no answer to be had among many. */
void fleet_bmc_alone(struct fleet_bmc *b, struct driver_fleet_answer *ret);

#endif
