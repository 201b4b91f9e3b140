/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_HAND_SANDBOX_H
#define RH_AGENT_HAND_SANDBOX_H

#include <stdbool.h>

#include "base/error.h"

/*
 * What a hand gives up, in two steps. Both are for the child process only,
 * and cannot be taken back.
 */

/*
 * Right after the fork: a session of its own, default signal dispositions
 * (SIGINT, SIGTERM, SIGHUP, SIGQUIT and SIGPIPE ignored), no new privileges,
 * no core dump, no descriptor but 0 and 1 (/dev/null), 2 (kept) and `fd`.
 * Unblocks all signals. Returns the new number of fd, or -1 (IO).
 */
int sandbox_enter(int fd, const char *name, struct rh_error *err);

/*
 * After the driver has loaded its credential: only the system calls that a
 * network or serial library needs. No program can be started any more (the
 * process is killed), no file opened other than for reading (EACCES), what is
 * not on the list does not exist (ENOSYS). Errors: NOTSUP where the kernel
 * cannot.
 *
 * driver_flags (driver.h) widen that. DRIVER_OPENS_DEVICES: what is there
 * below /dev can be opened for writing; on a kernel without Landlock, any file
 * that is there. DRIVER_STARTS_PROGRAMS (the programs inherit this): what
 * no tool for a power strip or a console has a reason to do (trace others,
 * mount, load code into the kernel, restart this machine) is refused (EPERM),
 * all else is left as it is.
 */
int sandbox_limit(unsigned driver_flags, struct rh_error *err);

#endif
