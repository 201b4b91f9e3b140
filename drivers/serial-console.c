/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bytes of an open serial port, and the search for its speed. The hand comes
 * in by serial_console_ops.
 *
 * A port that was pulled out reads as 0 bytes, as one without input does;
 * poll(2) tells them apart (T01).
 *
 * The speed (C08, C09): what comes is scored. Garbage makes the line go over to
 * the next speed of the list, and puts it into doubt until text comes. In
 * doubt nothing is typed: writes wait for SERIAL_SEARCH_MS, and then, or when
 * every speed gave garbage, they fail and say what was tried. The bytes
 * themselves are handed on as they came.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/deadline.h"
#include "base/log.h"
#include "drivers/serial.h"

#define SERIAL_SEARCH_MS 3000	/* for text, after a change of the speed */
#define SERIAL_QUEUE_MAX 512	/* bytes the line may be behind */
#define SERIAL_BREAK_MS 300
#define SERIAL_DRAIN_MS 10
#define SERIAL_LOST_MS 100	/* between two tellings of what was lost */
#define SERIAL_BEHIND_MAX (1400 * 1024)	/* Linux keeps 2 * 640 KB of a line */

/* --- the speed ------------------------------------------------------------------ */

void serial_console_tried(const struct serial *s, struct buffer *ret)
{
	int count = s->rejected, i;

	if (count < 1 || count > s->speed_count)
		count = s->speed_count;
	/* the last one rejected is the one before that in use */
	for (i = 0; i < count; i++)
		buffer_printf(ret, "%s%d", i > 0 ? " " : "",
			      s->speeds[(s->speed + 2 * s->speed_count - count +
					 i) % s->speed_count]);
}

/*
 * Framing, parity and overrun errors since the last look (T07). While the speed
 * is in doubt damaged bytes are the rule, and no loss.
 */
static void serial_count_errors(struct serial *s)
{
	struct serial_icounter_struct now;
	int errors, lost;

	if (!s->counts_known || ioctl(s->fd, TIOCGICOUNT, &now) < 0)
		return;
	errors = now.frame - s->counts.frame + now.parity - s->counts.parity;
	lost = now.overrun - s->counts.overrun + now.buf_overrun -
	       s->counts.buf_overrun;
	if (errors > 0)
		garbage_add_errors(&s->garbage, (unsigned)errors);
	if (s->lost == 0)
		s->lost_behind = 0;
	if (lost > 0)
		s->lost += (uint64_t)lost;
	if (errors > 0 && !s->doubt)
		s->lost += (uint64_t)errors;
	if (errors > 0 || lost > 0)
		log_line(LOG_DEBUG, "serial: %s: %d framing or parity errors, "
			 "%d bytes lost", s->path, errors, lost);
	s->counts = now;
}

int serial_console_judge(struct serial *s, const void *bytes, size_t len,
			 struct rh_error *err)
{
	enum garbage_verdict verdict;

	garbage_feed(&s->garbage, bytes, len);
	serial_count_errors(s);
	verdict = garbage_verdict(&s->garbage);
	if (verdict == GARBAGE_TEXT) {
		s->doubt = false;
		s->rejected = 0;
	}
	if (verdict != GARBAGE_NOISE)
		return 0;
	log_line(LOG_DEBUG, "serial: %s: no text at %d baud", s->path,
		 s->speeds[s->speed]);
	s->doubt = true;
	s->rejected++;
	s->switched_at = deadline_now();
	memset(&s->garbage, 0, sizeof(s->garbage));
	return serial_port_set_speed(s, (s->speed + 1) % s->speed_count, err);
}

/* In doubt: 0 wait, -1 nothing will be typed here. */
static int serial_doubt(const struct serial *s, struct rh_error *err)
{
	struct buffer tried = { 0 };

	if (s->rejected < s->speed_count &&
	    deadline_now() < deadline_add(s->switched_at, SERIAL_SEARCH_MS))
		return 0;
	serial_console_tried(s, &tried);
	rh_error_set(err, RH_ERR_PROTOCOL,
		     "%s: probable baud mismatch, tried %s; nothing was typed",
		     s->path, buffer_text(&tried));
	buffer_release(&tried);
	return -1;
}

/* --- bytes ---------------------------------------------------------------------- */

static int serial_gone(struct serial *s, int e, struct rh_error *err)
{
	if (s->port == NULL)
		return rh_error_set(err, RH_ERR_LOST, "no port is open");
	if (e != 0)
		return rh_error_set_errno(err, RH_ERR_LOST, e,
					  "%s (%s) is gone", s->path,
					  s->device);
	return rh_error_set(err, RH_ERR_LOST, "%s (%s) is gone", s->path,
			    s->device);
}

int serial_console_take(struct serial *s, void *bytes, size_t size,
			struct rh_error *err)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };
	int n, turn;

	if (s->port == NULL)
		return serial_gone(s, 0, err);
	/* once more where a byte came after the first look */
	for (turn = 0; turn < 2; turn++) {
		n = sp_nonblocking_read(s->port, bytes, size);
		if (n > 0)
			return n;
		if (n < 0 && errno != EINTR)
			return serial_gone(s, errno, err);
		if (poll(&p, 1, 0) <= 0)
			return 0;
		if ((p.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0)
			break;
	}
	return serial_gone(s, 0, err);
}

static int serial_read(void *self, void *bytes, size_t size,
		       struct rh_error *err)
{
	struct serial *s = self;
	int n = serial_console_take(s, bytes, size, err);

	if (n > 0 && serial_console_judge(s, bytes, (size_t)n, err) < 0)
		return -1;
	s->drained = n == 0;
	if (n > 0)
		s->lost_behind += (size_t)n;
	return n;
}

/*
 * The counters run ahead of what is read: what they say was lost came behind
 * all that the kernel has of the line, so that is read first.
 */
static uint64_t serial_take_lost(void *self)
{
	struct serial *s = self;
	int64_t now = deadline_now();
	uint64_t lost;

	if (s->port == NULL)
		return 0;
	serial_count_errors(s);
	if ((!s->drained && s->lost_behind < SERIAL_BEHIND_MAX) ||
	    now < deadline_add(s->lost_told_at, SERIAL_LOST_MS))
		return 0;
	lost = s->lost;
	s->lost = 0;
	if (lost > 0)
		s->lost_told_at = now;
	return lost;
}

/* The line takes no bytes (T03, T04). */
static int serial_stuck(struct serial *s, struct rh_error *err)
{
	enum sp_signal signals = 0;
	const char *why = "";

	(void)sp_get_signals(s->port, &signals);
	if (s->flow == SP_FLOWCONTROL_RTSCTS && (signals & SP_SIG_CTS) == 0)
		why = ": CTS is low; flow = none ignores it";
	else if (s->flow == SP_FLOWCONTROL_XONXOFF)
		why = ": perhaps XOFF came; flow = none ignores it";
	return rh_error_set(err, RH_ERR_TIMEOUT,
			    "%s: the line takes no bytes, %d wait%s", s->path,
			    s->queued, why);
}

/* How many bytes the line may be given now; -1: none for too long. */
static int serial_room(struct serial *s, struct rh_error *err)
{
	int64_t now = deadline_now();
	int queued = sp_output_waiting(s->port);

	if (queued < 0)
		queued = 0;	/* a port that cannot tell */
	if (queued == 0 || queued < s->queued || s->queued == 0)
		s->moved_at = now;
	s->queued = queued;
	if (now - s->moved_at >= s->write_timeout)
		return serial_stuck(s, err);
	return queued < SERIAL_QUEUE_MAX ? SERIAL_QUEUE_MAX - queued : 0;
}

static int serial_write(void *self, const void *bytes, size_t len,
			struct rh_error *err)
{
	struct serial *s = self;
	int room, n;

	if (s->port == NULL)
		return serial_gone(s, 0, err);
	if (s->doubt)
		return serial_doubt(s, err);
	room = serial_room(s, err);
	if (room <= 0 || len == 0)
		return room < 0 ? -1 : 0;
	if (len > (size_t)room)
		len = (size_t)room;
	n = sp_nonblocking_write(s->port, bytes, len);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0)
		return serial_gone(s, errno, err);
	s->queued += n;
	return n;
}

/* --- the other operations -------------------------------------------------------- */

static int serial_attach(void *self, unsigned flags, int64_t deadline,
			 struct rh_error *err)
{
	const struct serial *s = self;

	if (deadline_now() >= deadline)
		return rh_error_set(err, RH_ERR_TIMEOUT,
				    "%s: no time to open it", s->path);
	return serial_port_open(self, (flags & DRIVER_ATTACH_STEAL) != 0, true,
				deadline, err);
}

static int serial_pollfds(void *self, struct pollfd *fds, int max,
			  int *ret_wake_ms)
{
	const struct serial *s = self;

	(void)ret_wake_ms;
	if (s->port == NULL || max < 1)
		return 0;
	fds[0] = (struct pollfd){ .fd = s->fd, .events = POLLIN };
	return 1;
}

static int serial_break(void *self, struct rh_error *err)
{
	struct serial *s = self;

	if (s->port == NULL)
		return serial_gone(s, 0, err);
	if (sp_start_break(s->port) != SP_OK)
		return serial_port_error(s, RH_ERR_NOTSUP, "break", err);
	(void)poll(NULL, 0, SERIAL_BREAK_MS);
	if (sp_end_break(s->port) != SP_OK)
		return serial_gone(s, errno, err);
	return 0;
}

/* What was accepted goes out before the end, as far as the line takes it. */
static void serial_detach(void *self, int64_t deadline)
{
	struct serial *s = self;
	struct pollfd p = { .fd = s->fd };

	while (s->port != NULL && deadline_now() < deadline &&
	       sp_output_waiting(s->port) > 0) {
		if (poll(&p, 1, SERIAL_DRAIN_MS) > 0)
			break;	/* it is gone */
	}
	serial_port_close(s);
}

const struct driver_console_ops serial_console_ops = {
	.attach = serial_attach,
	.pollfds = serial_pollfds,
	.read = serial_read,
	.take_lost = serial_take_lost,
	.write = serial_write,
	.send_break = serial_break,
	.detach = serial_detach,
};
