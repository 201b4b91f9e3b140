/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_CONSOLE_ECHO_PRIVATE_H
#define RH_AGENT_CONSOLE_ECHO_PRIVATE_H

/* The inside of echo.h, for echo.c and echo-line.c alone. */
#include "agent/console/echo.h"

struct echo_view {
	size_t same;	/* characters */
	bool exact;	/* nothing else stands behind them */
};

/* echo.c */
uint32_t echo_pack(const char *bytes, size_t len);
bool echo_is_control(uint32_t c);
size_t echo_end(const struct echo *e, bool maybe);
size_t echo_walk(const struct echo *e, size_t *at, size_t end);
struct echo_view echo_look(const struct echo *e, size_t end);
bool echo_alike(const struct echo *e, size_t end);

/* echo-line.c */
void echo_put(struct echo *e, uint32_t c);

#endif
