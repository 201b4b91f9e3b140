/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_DRIVERS_TELNET_H
#define RH_DRIVERS_TELNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/settings.h"
#include "drivers/connect.h"
#include "drivers/driver.h"

/*
 * The rooms of the telnet driver: telnet.c (options, open, close),
 * telnet-protocol.c (bytes to bytes, no I/O), telnet-console.c (a connection)
 * and telnet-doctor.c.
 */

/* --- the protocol: RFC 854, 855, 856, 1143, 2217 ------------------------------ */

enum telnet_kind {
	TELNET_KIND_NONE = 0,
	TELNET_KIND_RAW,	/* bytes are bytes */
	TELNET_KIND_TELNET,
	TELNET_KIND_RFC2217,	/* telnet, and we ask for COM-PORT-OPTION */
};

/* Client to server; the server answers with 100 more (RFC 2217, 3). */
enum telnet_com_port {
	TELNET_COM_PORT_NONE = 0,
	TELNET_COM_PORT_SPEED,
	TELNET_COM_PORT_BITS,
	TELNET_COM_PORT_PARITY,
	TELNET_COM_PORT_STOP,
	TELNET_COM_PORT_CONTROL,
	TELNET_COM_PORT_COUNT,
	TELNET_COM_PORT_SUSPEND = 8,
	TELNET_COM_PORT_RESUME = 9,
};

#define TELNET_CONTROL_BREAK_ON 5
#define TELNET_CONTROL_BREAK_OFF 6
#define TELNET_SB_MAX 64	/* of a subnegotiation, what is more is dropped */

enum telnet_state {
	TELNET_STATE_DATA = 0,
	TELNET_STATE_IAC,	/* IAC came */
	TELNET_STATE_OPTION,	/* IAC WILL, WONT, DO or DONT came */
	TELNET_STATE_SB,	/* in a subnegotiation */
	TELNET_STATE_SB_IAC,	/* IAC came in it */
};

/* One side's use of an option (RFC 1143, without the queue: we never stop). */
enum telnet_side {
	TELNET_SIDE_NO = 0,
	TELNET_SIDE_WANT,	/* we have asked */
	TELNET_SIDE_YES,
};

struct telnet_protocol {
	enum telnet_kind kind;
	enum telnet_state state;
	uint8_t command;
	bool after_cr;
	uint8_t us[256];	/* enum telnet_side, by option */
	uint8_t him[256];
	uint8_t refused_us[32];	/* bits: a refusal is said once */
	uint8_t refused_him[32];
	unsigned answers;	/* limited: no loop, whatever the peer does */
	bool spoke;		/* the peer has sent a telnet command */
	bool com_port_refused;
	bool suspended;		/* the server wants no data now */
	uint8_t sb[TELNET_SB_MAX];
	size_t sb_len;
	/* What the server says is set, by enum telnet_com_port. */
	bool told[TELNET_COM_PORT_COUNT];
	uint32_t value[TELNET_COM_PORT_COUNT];
};

/* Starts; appends what to send first (RFC 2217 only: telnet waits to be asked). */
void telnet_protocol_begin(struct telnet_protocol *p, enum telnet_kind kind,
			   struct buffer *out);

/* Asks whether the server has COM-PORT-OPTION; appends what to send. */
void telnet_protocol_ask_com_port(struct telnet_protocol *p,
				  struct buffer *out);

/*
 * Takes what came, over any split; leaves the data in its place and returns
 * its length. Appends answers to out.
 */
size_t telnet_protocol_decode(struct telnet_protocol *p, void *bytes,
			      size_t len, struct buffer *out);

/* Appends data as it goes over the wire; the same over any split. */
void telnet_protocol_encode(const struct telnet_protocol *p, const void *bytes,
			    size_t len, struct buffer *out);

/* Whether both agreed on COM-PORT-OPTION. */
bool telnet_protocol_has_com_port(const struct telnet_protocol *p);

/* Appends a COM-PORT-OPTION command; told[command] is false until its answer. */
void telnet_protocol_set(struct telnet_protocol *p, enum telnet_com_port command,
			 uint32_t value, struct buffer *out);

/* IAC BREAK. */
void telnet_protocol_break(struct buffer *out);

/* --- an instance ---------------------------------------------------------------- */

struct telnet {
	const struct settings *settings;
	const char *address;
	uint16_t port;
	enum telnet_kind kind;
	const char *busy;	/* NULL: none */
	uint32_t wanted[TELNET_COM_PORT_COUNT];	/* 0: leave it */

	/* While attached; fd -1 else. */
	int fd;
	char where[CONNECT_WHERE];
	struct telnet_protocol protocol;
	struct buffer out;	/* encoded, not sent yet */
	struct buffer held;	/* data that came during attach */
	struct buffer first;	/* data of the first seconds, for busy */
	int64_t watch_until;
};

/*
 * Connects and watches for as long as telnet and busy need to be settled.
 * LOST: closed at once; BUSY; NOTSUP: no RFC 2217; see connect_tcp.
 */
int telnet_console_attach(struct telnet *t, int64_t deadline,
			  struct rh_error *err);

/* Takes what is there for ms more into held. -1: gone. */
int telnet_console_gather(struct telnet *t, int64_t until,
			  struct rh_error *err);

void telnet_console_close(struct telnet *t);

extern const struct driver_console_ops telnet_console_ops;
extern const struct driver_doctor_ops telnet_doctor_ops;

#endif
