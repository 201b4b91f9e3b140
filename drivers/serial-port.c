/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A serial port comes and goes. libserialport sets the line; what it does not
 * do is done here:
 *  - it knows no links before its version 0.1.2, and a link is what names an
 *    adapter that comes back as another device: resolved anew each time (T02);
 *  - it sets the line as soon as it opens, so the lock is taken before, by a
 *    descriptor of our own, and nobody else's line is disturbed;
 *  - close(2) waits up to half a minute for a line that takes no bytes: the
 *    rest is dropped before.
 *
 * Whoever else has the device open, with or without a lock, holds it (T06).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/log.h"
#include "drivers/serial.h"

#define SERIAL_WAIT_MS 50	/* between two looks for the path */
#define SERIAL_XON 0x11

int serial_port_error(const struct serial *s, enum rh_code code,
		      const char *what, struct rh_error *err)
{
	return rh_error_set_errno(err, code, errno, "%s: %s", s->path, what);
}

/* --- the device ----------------------------------------------------------------- */

static int serial_port_busy(const struct serial *s, struct rh_error *err)
{
	char holder[160];

	if (serial_holder_find(s->device, holder, sizeof(holder)))
		return rh_error_set(err, RH_ERR_BUSY, "%s is held by %s",
				    s->path, holder);
	return rh_error_set(err, RH_ERR_BUSY,
			    "%s is held by a process that we can't see",
			    s->path);
}

/* Opens our own descriptor. 1: not there now. */
static int serial_port_open_lock(struct serial *s, struct rh_error *err)
{
	if (realpath(s->path, s->device) != NULL)
		s->lock_fd = open(s->device, O_RDWR | O_NOCTTY | O_NONBLOCK |
						     O_CLOEXEC);
	if (s->lock_fd >= 0)
		return 0;
	switch (errno) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
	case EIO:
		return 1;
	case EBUSY:
		return serial_port_busy(s, err);
	default:
		return serial_port_error(s, RH_ERR_IO, "open", err);
	}
}

static int serial_port_wait(struct serial *s, int64_t deadline,
			    struct rh_error *err)
{
	int64_t next;
	int rc;

	while ((rc = serial_port_open_lock(s, err)) > 0) {
		if (deadline_now() >= deadline)
			return serial_port_error(s, RH_ERR_UNREACHABLE,
						 "the port is not there", err);
		next = deadline_min(deadline, deadline_in(SERIAL_WAIT_MS));
		(void)poll(NULL, 0, deadline_poll_ms(next));
	}
	if (rc == 0 && !isatty(s->lock_fd))
		return serial_port_error(s, RH_ERR_CONFIG,
					 "it is no serial port", err);
	return rc;
}

static int serial_port_lock(struct serial *s, bool share, struct rh_error *err)
{
	char holder[160];

	if (flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			return serial_port_busy(s, err);
		return serial_port_error(s, RH_ERR_IO, "lock", err);
	}
	if (!share && serial_holder_find(s->device, holder, sizeof(holder)))
		return rh_error_set(err, RH_ERR_BUSY,
				    "%s is held by %s, without a lock",
				    s->path, holder);
	return 0;
}

/* --- the line ------------------------------------------------------------------- */

/* rc: of a call of libserialport. */
static int serial_port_check(const struct serial *s, enum sp_return rc,
			     const char *what, struct rh_error *err)
{
	switch (rc) {
	case SP_ERR_FAIL:
		return serial_port_error(s, RH_ERR_IO, what, err);
	case SP_ERR_MEM:
		return rh_error_set(err, RH_ERR_IO, "%s: %s: no memory",
				    s->path, what);
	case SP_ERR_ARG:
	case SP_ERR_SUPP:
		return rh_error_set(err, RH_ERR_NOTSUP,
				    "%s: %s: this port cannot", s->path, what);
	default:
		return 0;
	}
}

int serial_port_set_speed(struct serial *s, int index, struct rh_error *err)
{
	s->speed = index;
	return serial_port_check(s, sp_set_baudrate(s->port, s->speeds[index]),
				 "speed", err);
}

static int serial_port_set_lines(struct serial *s, struct rh_error *err)
{
	const enum sp_rts rts = s->rts ? SP_RTS_ON : SP_RTS_OFF;
	const enum sp_dtr dtr = s->dtr ? SP_DTR_ON : SP_DTR_OFF;

	if (serial_port_check(s, sp_set_flowcontrol(s->port, s->flow), "flow",
			      err) < 0 ||
	    serial_port_check(s, sp_set_dtr(s->port, dtr), "DTR", err) < 0)
		return -1;
	if (s->flow == SP_FLOWCONTROL_RTSCTS)
		return 0;
	return serial_port_check(s, sp_set_rts(s->port, rts), "RTS", err);
}

static int serial_port_set(struct serial *s, struct rh_error *err)
{
	if (serial_port_set_speed(s, s->speed, err) < 0 ||
	    serial_port_check(s, sp_set_bits(s->port, s->bits), "bits", err) < 0 ||
	    serial_port_check(s, sp_set_parity(s->port, s->parity), "parity",
			      err) < 0 ||
	    serial_port_check(s, sp_set_stopbits(s->port, s->stop), "stop",
			      err) < 0)
		return -1;
	return serial_port_set_lines(s, err);
}

/*
 * Where an XOFF holds up either side, it goes on (T04). Linux heeds TCOON only
 * after TCOOFF; else a port that somebody else keeps open stays held up.
 */
static void serial_port_resume(struct serial *s)
{
	const char xon = SERIAL_XON;

	if (s->flow != SP_FLOWCONTROL_XONXOFF)
		return;
	(void)tcflow(s->fd, TCOOFF);
	(void)tcflow(s->fd, TCOON);
	(void)sp_nonblocking_write(s->port, &xon, 1);
}

static int serial_port_set_up(struct serial *s, struct rh_error *err)
{
	if (serial_port_check(s, sp_get_port_by_name(s->device, &s->port),
			      "serial port", err) < 0)
		return -1;
	if (serial_port_check(s, sp_open(s->port, SP_MODE_READ_WRITE), "open",
			      err) < 0) {
		sp_free_port(s->port);
		s->port = NULL;
		return -1;
	}
	if (serial_port_check(s, sp_get_port_handle(s->port, &s->fd), "handle",
			      err) < 0)
		return -1;
	(void)ioctl(s->fd, TIOCEXCL);
	if (serial_port_set(s, err) < 0)
		return -1;
	(void)sp_flush(s->port, SP_BUF_INPUT);
	return 0;
}

int serial_port_open(struct serial *s, bool share, bool type_xon,
		     int64_t deadline, struct rh_error *err)
{
	serial_port_close(s);
	if (serial_port_wait(s, deadline, err) < 0 ||
	    serial_port_lock(s, share, err) < 0 ||
	    serial_port_set_up(s, err) < 0) {
		serial_port_close(s);
		return -1;
	}
	if (type_xon)
		serial_port_resume(s);
	s->counts_known = ioctl(s->fd, TIOCGICOUNT, &s->counts) == 0;
	s->lost = 0;
	s->moved_at = deadline_now();
	s->queued = 0;
	s->switched_at = s->moved_at;
	memset(&s->garbage, 0, sizeof(s->garbage));
	log_line(LOG_DEBUG, "serial: %s is %s", s->path, s->device);
	return 0;
}

void serial_port_close(struct serial *s)
{
	if (s->port != NULL) {
		if (s->fd >= 0) {
			(void)ioctl(s->fd, TIOCNXCL);
			/*
			 * A close would wait for it. Not where none is known:
			 * a flush takes back what a pty has passed on.
			 */
			if (sp_output_waiting(s->port) != 0)
				(void)sp_flush(s->port, SP_BUF_OUTPUT);
		}
		(void)sp_close(s->port);
		sp_free_port(s->port);
	}
	s->port = NULL;
	s->fd = -1;
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	s->lock_fd = -1;
}
