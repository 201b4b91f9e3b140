/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the keeper's three rooms share: lab-keeper.c has the loop, the orders
 * and the BMC; lab-keeper-machine.c the machine and its power button;
 * lab-keeper-process.c child processes, ports and the log.
 */
#ifndef LAB_KEEPER_H
#define LAB_KEEPER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum machine_type {
	MACHINE_NONE,
	MACHINE_QEMU,
	MACHINE_PROGRAM,
	MACHINE_STATE
};

enum { PORT_BMC, PORT_CONSOLE, PORT_LDAP, PORT_SSH, PORT_HTTP, PORT_COUNT };

struct port {
	int number;
	int lock; /* -1: not held */
};

/* Something to do to the machine at a time, monotonic; 0: free. */
struct later {
	int64_t at_ms;
	char act[8];
};

struct keeper {
	const char *script; /* of which _configure is called */
	char **program;	    /* the machine's command line */
	enum machine_type type;
	bool start_off;
	char boots[1024]; /* the faults of the coming boots, by comma */
	struct port ports[PORT_COUNT];
	int signals, owner, orders, ready;
	int wire_listener, wire_control;
	pid_t bmc, wire, machine; /* 0: not running */
	bool on;		  /* what the power button has done */
	int control;		  /* QEMU's monitor, -1: none */
	bool answered, reboot;	  /* seen on the monitor */
	struct later later[16];
	bool ending;
};

/* --- lab-keeper-process.c --- */

/* Milliseconds, monotonic. */
int64_t keeper_now_ms(void);

/* A line of keeper.log. */
void keeper_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Opens a log file of the lab's directory. */
int log_open(const char *name);

/*
 * Starts a program in a process group of its own, which dies with us. fds
 * become its descriptors 0, 1, 2 ...; 0: it did not start.
 */
pid_t child_start(char *const *argv, const int *fds, int count);

/* Kills the process group, waits for its leader and forgets it. */
void child_kill(pid_t *pid);

/* Kills whatever is our child, also by adoption, until there is none. */
void children_end(void);

/* Gives every port a new number, ours until we end, and exports it. */
void ports_choose(struct keeper *k);

void setenv_number(const char *name, int number);

/* --- lab-keeper-machine.c --- */

/*
 * Does what the power button does: on, off, reset or soft. Returns false when
 * that failed, or for another word.
 */
bool machine_act(struct keeper *k, const char *act);

bool machine_start(struct keeper *k);
void machine_stop(struct keeper *k);

/*
 * Reads QEMU's monitor: its greeting, and whether the guest wants a reset.
 * Returns false when there was nothing.
 */
bool machine_control_ready(struct keeper *k);

/* The machine's process ended by itself, with this status. */
void machine_ended(struct keeper *k, int status);

#endif
