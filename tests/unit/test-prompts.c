/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The cases of tests/prompts: prompts as real machines print them, cut, redrawn,
 * interleaved, garbled, coloured, and text that only looks like one. What a
 * person says of each stands in its file; ours must say the same, and show the
 * same screen. `make bench` runs the same cases through expect and pexpect.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/console/screen.h"
#include "tests/unit/prompt-case.h"

#define CASES_AT_LEAST 200

static const char *cases_dir(char *buf, size_t size)
{
	const char *srcdir = getenv("srcdir");

	snprintf(buf, size, "%s/tests/prompts", srcdir != NULL ? srcdir : ".");
	return buf;
}

static void check_seen(const struct prompt_case *c, int *wrong)
{
	struct screen *s = screen_new(25, 80);
	const char *text;
	size_t i;

	for (i = 0; i < c->count; i++)
		screen_feed(s, c->bytes.data + c->pieces[i].from,
			    c->pieces[i].len);
	text = screen_text(s, NULL);
	if (c->seen && strcmp(text, buffer_text(&c->see)) != 0) {
		print_error("%s: shows\n%s\n-- not\n%s\n", c->file, text,
			    buffer_text(&c->see));
		(*wrong)++;
	}
	screen_free(s);
}

static void check_case(const char *file, int *wrong)
{
	struct prompt_case *c = case_read(file);
	bool whole = case_ours(c, false);

	if (whole != c->wanted) {
		print_error("%s: %s\n", file,
			    whole ? "fires" : "is not recognised");
		(*wrong)++;
	}
	/* Text that only looks like a prompt may be one where it is cut. */
	if (c->wanted && !case_ours(c, true)) {
		print_error("%s: is not recognised byte by byte\n", file);
		(*wrong)++;
	}
	check_seen(c, wrong);
	case_free(c);
}

static void all_cases(void **state)
{
	struct dirent **names;
	char dir[400], file[700];
	int i, count, wrong = 0;

	(void)state;
	count = scandir(cases_dir(dir, sizeof(dir)), &names, case_is, alphasort);
	assert_true(count >= CASES_AT_LEAST);
	for (i = 0; i < count; i++) {
		snprintf(file, sizeof(file), "%s/%s", dir, names[i]->d_name);
		check_case(file, &wrong);
		free(names[i]);
	}
	free(names);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_cases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
