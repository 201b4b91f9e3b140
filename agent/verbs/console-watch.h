/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_VERBS_CONSOLE_WATCH_H
#define RH_AGENT_VERBS_CONSOLE_WATCH_H

#include "agent/verbs/console-terminal.h"

/*
 * rhands console --watch: shows the console of the run that works on the host, as
 * it is recorded, until that run ends or the person leaves. Nothing is typed and no
 * console is opened. Returns the exit status: 0 too where the run did not recover
 * the host; 2 where none works on it; 5 where somebody else holds it.
 */
int console_watch(struct verb_call *call, const struct host *host, bool raw,
		  bool screen);

#endif
