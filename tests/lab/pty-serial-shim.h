/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_TESTS_LAB_PTY_SERIAL_SHIM_H
#define RH_TESTS_LAB_PTY_SERIAL_SHIM_H

/* What the shim says about every pseudo-terminal; a test may change it. */
extern int pty_shim_signals;		/* TIOCM_... */
extern int pty_shim_queued;		/* bytes not sent yet; -1: the truth */
extern int pty_shim_frame_errors;	/* counted so far */
extern int pty_shim_overruns;		/* counted so far */

#endif
