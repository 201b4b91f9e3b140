/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The escape character of a console: what is sent, and what is a command. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/console/tilde.h"
#include "base/buffer.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

struct example {
	const char *typed;
	const char *want;	/* what is sent; <X> stands for a command */
};

static void check(const struct example *e, bool screen)
{
	struct buffer out = { 0 };
	struct tilde tilde;
	const char *c;

	tilde_init(&tilde);
	for (c = e->typed; *c != '\0'; c++) {
		switch (tilde_take(&tilde, *c, screen, ".BS?")) {
		case TILDE_HOLD:
			break;
		case TILDE_SEND_BOTH:
			buffer_append_char(&out, '~');
			buffer_append_char(&out, *c);
			break;
		case TILDE_SEND:
			buffer_append_char(&out, *c);
			break;
		case TILDE_COMMAND:
			buffer_printf(&out, "<%c>", *c);
			break;
		}
	}
	if (strcmp(buffer_text(&out), e->want) != 0)
		fail_msg("%s: got %s, want %s", e->typed, buffer_text(&out),
			 e->want);
	buffer_release(&out);
}

static void check_all(const struct example *e, size_t count, bool screen)
{
	size_t i;

	for (i = 0; i < count; i++)
		check(&e[i], screen);
}

static void it_counts_at_the_beginning_of_a_line(void **state)
{
	static const struct example examples[] = {
		{ "~.", "<.>" }, { "~B~S~?", "<B><S><?>" },
		{ "ls\r~.", "ls\r<.>" }, { "ls\n~B", "ls\n<B>" },
		{ "a~.", "a~." }, { "~~", "~" }, { "~~.", "~." },
		{ "~~~.", "~~." }, { "~/x\r~.", "~/x\r<.>" },
		{ "~x~.", "~x~." }, { "~", "" }, { "~\r~.", "~\r<.>" },
		{ "\033[B~.", "\033[B~." }, { "\003~.", "\003~." },
		{ "a\033[15~.", "a\033[15~." },
	};

	(void)state;
	check_all(examples, COUNT(examples), false);
}

static void on_a_screen_it_counts_behind_keys(void **state)
{
	static const struct example examples[] = {
		{ "~.", "<.>" }, { "\033[B~.", "\033[B<.>" },
		{ "\033OP~.", "\033OP<.>" }, { "\033[[A~.", "\033[[A<.>" },
		{ "\033[15~~.", "\033[15~<.>" }, { "\033~.", "\033<.>" },
		{ "\033[1;5C~S~S", "\033[1;5C<S><S>" }, { "\t~B", "\t<B>" },
		{ "\177~.", "\177<.>" }, { "\033x~.", "\033x<.>" },
		/* no command: the end of a key, text */
		{ "\033[15~.", "\033[15~." }, { "a~.", "a~." },
		{ "/\xc3\xa9~.", "/\xc3\xa9~." }, { "a\033[D~~b", "a\033[D~b" },
		{ "\r~x~.", "\r~x~." },
	};

	(void)state;
	check_all(examples, COUNT(examples), true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_counts_at_the_beginning_of_a_line),
		cmocka_unit_test(on_a_screen_it_counts_behind_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
