/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_DRIVERS_SSH_H
#define RH_DRIVERS_SSH_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libssh/callbacks.h>
#include <libssh/libssh.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/secret.h"
#include "base/settings.h"
#include "drivers/driver.h"

/*
 * The rooms of the SSH driver, and what they share. Names begin with rh_ssh_,
 * because libssh owns ssh_.
 *
 *   ssh.c           option table, open, close
 *   ssh-map.c       what words, texts and numbers mean; pure
 *   ssh-net.c       name and port to a connected socket
 *   ssh-link.c      hops in a row, tunnels between them, waiting
 *   ssh-hostkey.c   whether a host is the one that it should be
 *   ssh-auth.c      who we are; each credential is sent once
 *   ssh-shell.c     a command, and the boot id
 *   ssh-console.c   a channel with a terminal
 *   ssh-doctor.c    looks, and changes nothing
 */

#define RH_SSH_JUMPS_MAX 4
#define RH_SSH_HOPS_MAX (RH_SSH_JUMPS_MAX + 1)
#define RH_SSH_USER_SIZE 64
#define RH_SSH_HOST_SIZE 256
#define RH_SSH_FINGERPRINT_SIZE 64	/* "SHA256:" and 43 characters */

/* One machine on the way, the last one is the target. */
struct rh_ssh_hop {
	char user[RH_SSH_USER_SIZE];
	char host[RH_SSH_HOST_SIZE];
	int port;
	const char *known_hosts;	/* NULL: none */
	bool target;
	int jump;			/* number of a jump host, 1 first; 0: it is none */
	int jumps;			/* of so many */
	bool denied;		/* it refused our credential: never again */

	ssh_session session;	/* NULL: not connected */
	struct ssh_counter_struct received;
	uint64_t heard;		/* bytes received when it was last looked at */
	int64_t heard_at;	/* when the last byte came, by then */
	ssh_channel tunnel;	/* to the next hop; NULL: none */
	int pair;		/* our end of the pipe to session, where that
				   comes through the tunnel before; else -1 */
	struct buffer down;	/* from the tunnel before, not yet in pair */
	struct buffer up;	/* from pair, not yet in the tunnel before */
	bool down_ended;
	bool up_ended;
};

struct rh_ssh_console {
	ssh_channel channel;	/* NULL: not attached */
	struct buffer seen;	/* read while attaching, for the first read */
	int64_t keepalive_at;	/* when the next one goes out */
};

struct rh_ssh {
	const struct settings *settings;
	struct rh_ssh_hop hops[RH_SSH_HOPS_MAX];
	int hop_count;
	ssh_key key;		/* NULL: none */
	struct secret password;
	ssh_key jump_key;	/* for jump hosts; NULL: `key` is */
	struct secret jump_password;	/* the only one that they get */
	int64_t connect_timeout;	/* ms, for each phase */
	int64_t keepalive;		/* ms */
	struct rh_ssh_console console;
};

static inline struct rh_ssh_hop *rh_ssh_target(struct rh_ssh *d)
{
	return &d->hops[d->hop_count - 1];
}

/* --- ssh-map.c: pure ------------------------------------------------------- */

/*
 * Takes the next [user@]host[:port] from *rest (separated by blanks or
 * commas; an IPv6 address with a port stands in brackets). Returns 1, 0 at the
 * end, or -1 (CONFIG). A missing user is `user`, a missing port 22.
 */
int rh_ssh_map_jump(const char **rest, const char *user,
		    struct rh_ssh_hop *ret, struct rh_error *err);

/* A host as known_hosts names it: "host", or "[host]:port" (sshd(8)). */
void rh_ssh_map_known_name(const char *host, int port, char *ret, size_t size);

/*
 * What a server is told about the terminal (TERM) whose keys are ours, a name that
 * every terminfo has. name: of `terminal`, NULL: none was set.
 */
const char *rh_ssh_map_terminal(const char *name);

/* The signal with that SSH name ("TERM"; RFC 4254, 6.10), 0: no such. */
int rh_ssh_map_signal(const char *name);

/*
 * Where text is libssh's complaint that no algorithm is shared: the line for
 * the host file that allows the server's first one, and true.
 */
bool rh_ssh_map_algorithm_hint(const char *text, char *ret, size_t size);

/* Whether a list of pins ("SHA256:... SHA256:...") holds the fingerprint. */
bool rh_ssh_map_is_pinned(const char *pins, const char *fingerprint);

/* The first word of pins that is no SHA256 fingerprint, NULL: all are. */
const char *rh_ssh_map_bad_pin(const char *pins);

/* The commands that may tell one boot from another, best first; NULL-ended. */
extern const char *const rh_ssh_map_boot_commands[];

/*
 * Whether the output of boot command number `command` is an answer; then its
 * line is appended to ret.
 */
bool rh_ssh_map_boot_id(int command, const char *output, size_t len,
			struct buffer *ret);

/*
 * The algorithms to ask a host for its key with: those of the kinds (a mask of
 * 1 << enum ssh_keytypes_e) first, then the other ones that are safe.
 */
void rh_ssh_map_hostkeys(uint64_t kinds, struct buffer *ret);

/* --- ssh-net.c ------------------------------------------------------------- */

/*
 * A connected, non-blocking socket, or -1. Tries the addresses of the name in
 * turn. Blocks until the deadline at most. Errors: UNREACHABLE.
 */
int rh_ssh_net_connect(const char *host, int port, int64_t deadline,
		       struct rh_error *err);

/* The other side is gone when it acknowledges nothing for so long. */
void rh_ssh_net_set_patience(int fd, int64_t ms);

/* --- ssh-link.c ------------------------------------------------------------ */

/*
 * All errors of these are of the time before anything was run: UNREACHABLE
 * (also where a phase took too long), REFUSED, AUTH, NOTSUP (no algorithm
 * in common), CONFIG, IO.
 */

/* "user@host:port", for texts, and for a jump host "jump host 1 of 2, ..." */
const char *rh_ssh_place(const struct rh_ssh_hop *hop, char *buf, size_t size);
#define RH_SSH_PLACE_SIZE (RH_SSH_USER_SIZE + RH_SSH_HOST_SIZE + 48)

/* Opens connection and key exchange of hop number i; those before are up. */
int rh_ssh_link_start(struct rh_ssh *d, int i, int64_t deadline,
		      struct rh_error *err);

/* Opens the tunnel from hop i to the one behind it. */
int rh_ssh_link_tunnel(struct rh_ssh *d, int i, int64_t deadline,
		       struct rh_error *err);

/* All of it: each hop started, its key checked, logged in. */
int rh_ssh_link_connect(struct rh_ssh *d, int64_t deadline,
			struct rh_error *err);

/* A session channel on the target; NULL: err. */
ssh_channel rh_ssh_link_channel(struct rh_ssh *d, int64_t deadline,
				struct rh_error *err);

/*
 * Where a jump host is gone, the trouble behind it is its: then err says so,
 * with the code that it has. Returns -1.
 */
int rh_ssh_link_blame(struct rh_ssh *d, struct rh_error *err);

/* Ends every connection. Takes no time. */
void rh_ssh_link_close(struct rh_ssh *d);

/*
 * Takes what came for the channel's session, also after the channel's end of
 * file, when reading does not do it any more.
 */
void rh_ssh_link_turn(ssh_channel channel);

/* Moves what the tunnels hold; whether there was anything. */
bool rh_ssh_link_pump(struct rh_ssh *d);

/* What to poll for; at most max. */
int rh_ssh_link_pollfds(struct rh_ssh *d, struct pollfd *fds, int max);

/* Pumps, or waits until something may have come. False: `until` has come. */
bool rh_ssh_link_wait(struct rh_ssh *d, int64_t until);

/* The end of the phase that begins now. */
int64_t rh_ssh_link_phase(const struct rh_ssh *d, int64_t deadline);

/* --- ssh-hostkey.c --------------------------------------------------------- */

enum rh_ssh_hostkey_verdict {
	RH_SSH_HOSTKEY_NONE = 0,	/* could not be looked at */
	RH_SSH_HOSTKEY_KNOWN,
	RH_SSH_HOSTKEY_UNKNOWN,
	RH_SSH_HOSTKEY_CHANGED,
	RH_SSH_HOSTKEY_REVOKED,
};

struct rh_ssh_hostkey {
	enum rh_ssh_hostkey_verdict verdict;
	char kind[32];		/* "ssh-ed25519" */
	char base64[4096];	/* what the host showed; "": too long */
	bool no_file;		/* known-hosts is not there yet */
	char shown[RH_SSH_FINGERPRINT_SIZE];	/* what the host showed */
	char known[RH_SSH_FINGERPRINT_SIZE];	/* what we expected, "": nothing */
};

/* The line of known_hosts that would make the key known; appended to ret. */
void rh_ssh_hostkey_line(const struct rh_ssh_hop *hop,
			 const struct rh_ssh_hostkey *key, struct buffer *ret);

/* The algorithms to ask this hop with, as a list; free(3). */
char *rh_ssh_hostkey_algorithms(const struct rh_ssh *d,
				const struct rh_ssh_hop *hop);

/*
 * 0 only where the key is the known one. REFUSED, with the fingerprints in
 * the text, else; CONFIG where known-hosts cannot be read.
 */
int rh_ssh_hostkey_check(const struct rh_ssh *d, const struct rh_ssh_hop *hop,
			 struct rh_ssh_hostkey *ret, struct rh_error *err);

/* --- ssh-auth.c ------------------------------------------------------------ */

/* Logs in. *ret_how, where not NULL: "key", "agent", "password", "nothing". */
int rh_ssh_auth(struct rh_ssh *d, struct rh_ssh_hop *hop, int64_t deadline,
		const char **ret_how, struct rh_error *err);

/* --- the capabilities ------------------------------------------------------ */

extern const struct driver_shell_ops rh_ssh_shell_ops;
extern const struct driver_console_ops rh_ssh_console_ops;
extern const struct driver_doctor_ops rh_ssh_doctor_ops;

/* Frees what the console holds; the connection is not touched. */
void rh_ssh_console_release(struct rh_ssh *d);

#endif
