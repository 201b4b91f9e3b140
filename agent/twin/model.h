/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_TWIN_MODEL_H
#define RH_AGENT_TWIN_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/console/match.h"
#include "base/ini.h"
#include "base/problem.h"
#include "drivers/driver.h"

/*
 * A twin as data (DESIGN 9, rhands-twins(5)): a host that does not exist, as
 * states that print, wait and react. Made from INI data, immutable after.
 */
enum twin_do {
	TWIN_NONE = 0,
	TWIN_PRINT,	/* text, at the pace of the line */
	TWIN_PLAY,	/* pieces, at their times and the pace of the line */
	TWIN_WAIT,	/* ms to ms_to */
	TWIN_LOSE,	/* the console goes away */
	TWIN_BACK,	/* ... and can be had again */
	TWIN_SAY,	/* shell: text on standard output */
	TWIN_COMPLAIN,	/* shell: text on standard error */
	TWIN_EXIT,	/* shell: number, the exit status */
	TWIN_HANG,	/* shell: there is never an answer */
	TWIN_DROP,	/* shell: the connection goes, without an exit status */
};

/* What a recording printed at one time. */
struct twin_piece {
	int64_t at_ms;		/* since its beginning */
	char *text;
	size_t len;
};

struct twin_act {
	enum twin_do what;
	int line;
	char *text;
	size_t len;
	int number;
	int64_t ms;
	int64_t ms_to;
	struct twin_piece *pieces;	/* PLAY; free with twin_pieces_free */
	size_t piece_count;
};

struct twin_acts {
	struct twin_act *list;
	size_t count;
};

/* Where it goes: one of them, by weight. */
struct twin_choice {
	char *name;
	int state;
	int weight;
	int line;
	int column;
};

struct twin_target {
	struct twin_choice *list;
	size_t count;		/* 0: stay */
	int weight;		/* sum */
};

enum twin_on {
	TWIN_ON_NONE = 0,
	TWIN_ON_TYPED,		/* pattern, on what was typed in this state */
	TWIN_ON_POWER,		/* number: enum driver_act */
	TWIN_ON_BREAK,
	TWIN_ON_SYSRQ,		/* number: the letter behind a break */
	TWIN_ON_SHELL,		/* pattern, on the command */
};

struct twin_rule {
	enum twin_on on;
	int line;
	struct match_pattern *pattern;
	char *source;
	int number;
	int max;		/* times per stay in the state; 0: no limit */
	struct twin_acts acts;
	struct twin_target target;
};

struct twin_rules {
	struct twin_rule *list;
	size_t count;
};

#define TWIN_PORTS 16

#define TWIN_BOOTS (DRIVER_BOOT_SETUP + 1)

struct twin_state {
	char *name;
	int line;
	struct twin_acts act;		/* `do` */
	struct twin_target then;
	struct twin_target then_boot[TWIN_BOOTS];	/* by enum driver_boot: once,
						   where that is to be booted */
	int64_t timeout_ms;		/* 0: none */
	struct twin_target timeout;
	struct twin_rules rules;
	bool power;			/* it reads on */
	bool healthy;			/* the truth: the host does its work */
	bool echo;			/* typed bytes come back */
	bool raw;			/* ... as they are, not as a terminal has them */
	bool secret;			/* the truth: it asks for a secret */
	bool ssh;			/* the shell answers */
	bool boots;			/* a new system begins here: new boot id */
	int64_t answers_ms;		/* a check is answered so late; 0: at once */
	int ports[TWIN_PORTS];		/* TCP ports that answer, 0-ended */
	int port_count;
};

struct twin_port {
	int number;
	int line;
	char *answer;			/* what it sends; NULL: nothing */
	size_t answer_len;
};

struct twin_model {
	char *name;
	char *file;
	int line;			/* of [twin] */
	char *summary;
	int start;			/* state at the beginning */
	int on;				/* state behind power on and reset */
	int off;			/* state behind power off */
	int speed;			/* bits per second of the line, 10 a byte */
	int64_t controller_ms;		/* it answers so late; 0: as usual */
	int64_t evidence_ms;		/* so long it takes to look; 0: as usual */
	struct twin_rules always;
	struct twin_state *states;
	size_t state_count;
	struct twin_port *ports;
	size_t port_count;
};

/*
 * Makes a twin of INI data. All errors go to problems; NULL where there is one.
 * ${name} is put in from vars, as in sequences (NULL: every name is taken as
 * set). A recording that is played is read from the folder of ini->file.
 * Free with twin_model_free (NULL ok).
 */
struct sequence_vars;
struct twin_model *twin_model_parse(const struct ini *ini, const char *name,
				    const struct sequence_vars *vars,
				    struct problems *problems);
void twin_model_free(struct twin_model *model);

/* The section [port N], or NULL. */
const struct twin_port *twin_model_port(const struct twin_model *model,
					int number);

#endif
