/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One case of tests/prompts for tests/bench/cases:
 *   list FILE...        a line each: file, text or screen, whether it is wanted,
 *                       whether ours answers, the pattern; TAB between them
 *   show FILE           the screen at its end, as ours has it
 *   play FILE DIVISOR   prints it on the terminal, its pauses divided
 */
#include <stdint.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "agent/console/screen.h"
#include "tests/unit/prompt-case.h"

static int list(char **files)
{
	struct prompt_case *c;

	for (; *files != NULL; files++) {
		c = case_read(*files);
		printf("%s\t%s\t%s\t%s\t%s\n", *files,
		       c->screen ? "screen" : "text", c->wanted ? "yes" : "no",
		       case_ours(c, false) ? "yes" : "no", c->pattern);
		case_free(c);
	}
	return 0;
}

static int show(const char *file)
{
	struct prompt_case *c = case_read(file);
	struct screen *s = screen_new(SCREEN_ROWS, SCREEN_COLS);

	screen_feed(s, c->bytes.data, c->bytes.len);
	printf("%s\n", screen_text(s, NULL));
	screen_free(s);
	case_free(c);
	return 0;
}

static void pause_ms(double ms)
{
	struct timespec t;

	t.tv_sec = (time_t)(ms / 1000);
	t.tv_nsec = (long)((ms - (double)t.tv_sec * 1000) * 1000000);
	nanosleep(&t, NULL);
}

static int play(const char *file, double divisor)
{
	struct prompt_case *c = case_read(file);
	struct termios tio;
	ssize_t n = 0;
	size_t i;

	if (tcgetattr(1, &tio) == 0) {
		cfmakeraw(&tio);
		tcsetattr(1, TCSANOW, &tio);
	}
	for (i = 0; i < c->count && n >= 0; i++) {
		n = write(1, c->bytes.data + c->pieces[i].from,
			  c->pieces[i].len);
		if (c->pieces[i].wait_ms > 0)
			pause_ms(c->pieces[i].wait_ms / divisor);
	}
	pause_ms(3000 / divisor);
	case_free(c);
	return n < 0;
}

int main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "list") == 0)
		return list(argv + 2);
	if (argc == 3 && strcmp(argv[1], "show") == 0)
		return show(argv[2]);
	if (argc == 4 && strcmp(argv[1], "play") == 0)
		return play(argv[2], atof(argv[3]));
	fprintf(stderr, "usage: bench-cases list FILE... | show FILE | play FILE "
		"DIVISOR\n");
	return 2;
}
