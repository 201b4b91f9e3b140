/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_SEQUENCE_PARSE_H
#define RH_AGENT_SEQUENCE_PARSE_H

/* The parts of the parser, for parse*.c alone. */
#include "agent/sequence/sequence.h"
#include "base/buffer.h"

/* A value that is being read, from left to right. */
struct parse {
	const struct ini *ini;
	const char *file;	/* its name, as the sequence keeps it */
	const struct ini_entry *entry;
	const char *at;
	const char *word;	/* what was taken last: a word, a number, a text */
	const char *word_end;
	const struct sequence_vars *vars;
	struct problems *problems;
	bool failed;
};

/* A sequence that is being read. state: NULL in [sequence] and [always]. */
struct parsing {
	struct parse p;
	struct sequence *s;
	struct state *state;
	char *start;	/* name of the first state */
	int start_line;
	int start_column;
	bool broken;	/* a sequence that it runs has problems */
	const struct parsing *caller;	/* that runs it, or NULL */
};

/* What sequence_parse does, for a sequence that caller runs (NULL: nobody). */
struct sequence *parsing_sequence(const struct ini *ini, const char *name,
				  const struct sequence_vars *vars,
				  struct problems *problems,
				  const struct parsing *caller);

/* The index of the state with that name; -1: there is none. */
int parsing_find_state(const struct sequence *s, const char *name);

/* Gives the targets that name states their indices: all of them, or of one state. */
void parsing_resolve(struct parsing *g);
void parsing_resolve_state(struct parsing *g, struct state *st);

/* Reads the section of that state of ours once more, into ret. */
void parsing_state_again(struct parsing *g, const struct state *of,
			 struct state *ret);

/* Finds whether it ends with return; recovered can't stand beside that. */
void parsing_return(struct parsing *g);

/* Puts in the sequences that the states run; g->s is whole but for that. */
void parsing_run(struct parsing *g);

/* The line of the file in which p->at stands. */
int parse_line(const struct parse *p);

/* The column in that line. */
int parse_column(const struct parse *p);

/*
 * Adds a problem at the place (at the last word where nothing was taken since);
 * the value is given up. Returns false.
 */
bool parse_fail(struct parse *p, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * The same for a word that is none of `words` (NULL-ended): with the nearest of
 * them, or with what was expected.
 */
bool parse_fail_word(struct parse *p, const char *word, const char *const *words,
		     const char *expected);

/*
 * Where something stands that nobody expects: `what` was expected, or is wrong, and
 * what the person probably meant. For an action that is not known, and for a key that
 * was taken last and is none.
 */
bool parse_fail_behind(struct parse *p, const char *what);
bool parse_fail_action(struct parse *p);
bool parse_fail_key(struct parse *p, const char *word);

/* Skips blanks (newlines too where `lines`). */
void parse_skip(struct parse *p, bool lines);

/* Whether the next characters are `text`; then they are taken. */
bool parse_take(struct parse *p, const char *text);

/* Whether the next word is `word` (not the beginning of a longer one). */
bool parse_take_word(struct parse *p, const char *word);

/* Whether nothing is left. */
bool parse_at_end(struct parse *p);

/*
 * A word up to a blank or one of ",:\n" (with ${vars} put in), for people's messages
 * NUL-ended in fixed memory. False where there is none.
 */
bool parse_word(struct parse *p, const char *stop, char *word, size_t word_len);

/* "text" with \n \r \t \e \0 \xNN \" \\ and ${vars}. */
bool parse_string(struct parse *p, struct buffer *ret);

/* A whole number from min to max, in digits. */
bool parse_number(struct parse *p, const char *what, int min, int max,
		  int *ret);

/* A duration ("5m", "1h 30m" without blanks). */
bool parse_duration(struct parse *p, const char *what, int64_t *ret_ms);

/* /regex/flags or "literal". */
bool parse_pattern(struct parse *p, struct match_pattern **ret_pattern,
		   char **ret_source);

/* Actions, separated by ',' or newlines, up to "->" or the end. */
bool parse_actions(struct parse *p, struct actions *ret);

/* Whether the present action is over: at a comma, a newline, "->", the end. */
bool parse_action_ends(struct parse *p);

/* "gently", or rungs: "shell 3m soft 2m cycle". */
bool parse_rungs(struct parse *p, struct action *a);

/* A state's name, a verdict with its reason, or "return". */

bool parse_target(struct parse *p, struct target *ret);

void parse_target_release(struct target *t);
void parse_rules_release(struct rules *rules);
void action_release(struct action *a);
void actions_release(struct actions *a);

#endif
