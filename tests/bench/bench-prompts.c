/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A console that asks: prints COUNT prompts on its terminal, each a moment after
 * the one before it was answered with a key, so that whoever answers waits by
 * then. Measures how long each answer takes, from the last byte of the prompt
 * to the first of the answer. The same program asks rhands and expect.
 *
 * usage: bench-prompts FILE: writes the median and the 99th percentile in ms.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define COUNT 1000
#define WARM  50		/* prompts before, that are not counted */
#define PAUSE_NS 1000000

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static int say(const char *text)
{
	size_t len = strlen(text);

	return write(STDOUT_FILENO, text, len) == (ssize_t)len ? 0 : -1;
}

/* How long one answer took; less than 0: there was none. */
static double ask(void)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	double given;
	char key;

	nanosleep(&pause, NULL);
	given = now_ms();
	if (say("\r\nsome line of output\r\nprompt> ") < 0)
		return -1;
	do {
		if (read(STDIN_FILENO, &key, 1) != 1)
			return -1;
	} while (key != 'x');
	return now_ms() - given;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	static double took[COUNT];
	struct termios raw;
	FILE *file;
	double ms;
	int i;

	if (argc != 2 || tcgetattr(STDIN_FILENO, &raw) < 0)
		return 2;
	cfmakeraw(&raw);
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	for (i = -WARM; i < COUNT; i++) {
		ms = ask();
		if (ms < 0)
			return 1;
		if (i >= 0)
			took[i] = ms;
	}
	qsort(took, COUNT, sizeof(took[0]), compare);
	file = fopen(argv[1], "w");
	if (file == NULL)
		return 1;
	fprintf(file, "%.3f %.3f\n", took[COUNT / 2], took[COUNT * 99 / 100]);
	if (fclose(file) != 0)
		return 1;
	return say("\r\nthat is all\r\n") < 0;
}
