/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_DRIVERS_SERIAL_H
#define RH_DRIVERS_SERIAL_H

#include <libserialport.h>
#include <limits.h>
#include <linux/serial.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/settings.h"
#include "drivers/driver.h"
#include "drivers/garbage.h"

/*
 * The rooms of the serial driver: serial.c (options, open, close),
 * serial-port.c (a port comes and goes), serial-holder.c (who has it),
 * serial-console.c (bytes, and the search for the speed), serial-doctor.c.
 */
#define SERIAL_SPEEDS_MAX 16

struct serial {
	/* From the settings. */
	const char *path;		/* as configured, perhaps a link */
	int speeds[SERIAL_SPEEDS_MAX];	/* the first is `speed` */
	int speed_count;
	int bits;
	int stop;
	enum sp_parity parity;
	enum sp_flowcontrol flow;
	bool rts, dtr;
	int64_t write_timeout;

	/* While attached; port NULL else. */
	struct sp_port *port;
	int fd;				/* of port */
	int lock_fd;			/* -1: none */
	char device[PATH_MAX];		/* what path was at attach */
	struct serial_icounter_struct counts;
	bool counts_known;
	uint64_t lost;			/* bytes, not told yet */
	size_t lost_behind;		/* bytes read since the first of them */
	int64_t lost_told_at;
	bool drained;			/* the last read found nothing */
	int queued;			/* bytes the line had not taken */
	int64_t moved_at;		/* when it last took one */

	/* The search for the speed; it goes on over a new attach. */
	struct garbage garbage;
	int speed;			/* the one in use, in speeds */
	int rejected;			/* in a row; 0: none */
	bool doubt;			/* garbage came, and no text since */
	int64_t switched_at;
};

/* --- serial-port.c --- */

/*
 * Waits for the path until the deadline, opens what it is now, alone, and sets
 * the line. type_xon: an XON may be sent. BUSY names the holder;
 * UNREACHABLE: nothing there; IO: not allowed; NOTSUP: the port cannot.
 */
int serial_port_open(struct serial *s, bool share, bool type_xon,
		     int64_t deadline, struct rh_error *err);

/* Lets go of it; what the line did not take is dropped. */
void serial_port_close(struct serial *s);

/* Goes over to speeds[index]. */
int serial_port_set_speed(struct serial *s, int index, struct rh_error *err);

/* Fills err with what libserialport or the kernel says. */
int serial_port_error(const struct serial *s, enum rh_code code,
		      const char *what, struct rh_error *err);

/* --- serial-holder.c --- */

/*
 * The first process but ours that has the device open, as "minicom (123)".
 * Sees what /proc lets it see. False: none.
 */
bool serial_holder_find(const char *device, char *ret, size_t size);

/* --- serial-console.c --- */

/* Judges what came; changes the speed where it is garbage. -1: port trouble. */
int serial_console_judge(struct serial *s, const void *bytes, size_t len,
			 struct rh_error *err);

/* "115200 9600": what was tried so far, the first one first. */
void serial_console_tried(const struct serial *s, struct buffer *ret);

/* Bytes without waiting, not judged: > 0, 0 none now, -1 LOST. */
int serial_console_take(struct serial *s, void *bytes, size_t size,
			struct rh_error *err);

extern const struct driver_console_ops serial_console_ops;
extern const struct driver_doctor_ops serial_doctor_ops;

#endif
