/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Mails about a maintenance. Always true: no line of a head comes from foreign
 * text, the program is started without a shell, and addresses are no arguments.
 */
#include "agent/plan/mail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/plan/window.h"
#include "base/deadline.h"
#include "base/memory.h"
#include "drivers/program.h"

#define MAIL_MS 60000
#define MAIL_WORD 45	/* bytes of an encoded word (RFC 2047): 75 characters */

static void mail_base64(struct buffer *b, const char *bytes, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = (const unsigned char *)bytes;
	unsigned long v;
	size_t i, k, n;

	for (i = 0; i < len; i += 3) {
		n = len - i < 3 ? len - i : 3;
		v = (unsigned long)p[i] << 16;
		v |= n > 1 ? (unsigned long)p[i + 1] << 8 : 0;
		v |= n > 2 ? (unsigned long)p[i + 2] : 0;
		for (k = 0; k < 4; k++)
			buffer_append_char(b, k <= n
					   ? digits[(v >> (18 - 6 * k)) & 63]
					   : '=');
	}
}

static bool mail_is_plain(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text < ' ' || *text > '~')
			return false;
	}
	return true;
}

/* RFC 2047, in words that do not cut a character of UTF-8. */
static void mail_subject(struct buffer *b, const char *text)
{
	size_t len = strlen(text), n;

	buffer_append_text(b, "Subject: ");
	if (mail_is_plain(text) && len < 900) {
		buffer_append_text(b, text);
		len = 0;
	}
	for (; len > 0; text += n, len -= n) {
		n = len < MAIL_WORD ? len : MAIL_WORD;
		while (n > 1 && n < len && ((unsigned char)text[n] & 0xc0) == 0x80)
			n--;
		buffer_append_text(b, "=?UTF-8?B?");
		mail_base64(b, text, n);
		buffer_append_text(b, n < len ? "?=\n " : "?=");
	}
	buffer_append_char(b, '\n');
}

/* Base64, so that nothing on the way changes lines or bytes. */
static void mail_part(struct buffer *b, const char *boundary, const char *type,
		      const char *extra, const char *text)
{
	struct buffer coded = { 0 };
	size_t at, n;

	mail_base64(&coded, text, strlen(text));
	buffer_printf(b, "\n--%s\nContent-Type: %s; charset=utf-8%s\n"
		      "Content-Transfer-Encoding: base64\n\n", boundary, type,
		      extra);
	for (at = 0; at < coded.len; at += n) {
		n = coded.len - at < 76 ? coded.len - at : 76;
		buffer_append(b, coded.data + at, n);
		buffer_append_char(b, '\n');
	}
	buffer_release(&coded);
}

void mail_write(const struct plan *plan, const struct mail *mail, int64_t now_ms,
		struct buffer *ret)
{
	const char *at = strrchr(plan->from, '@');
	char date[80];

	buffer_printf(ret, "From: %s\nTo: %s\n", plan->from, plan->to);
	mail_subject(ret, mail->subject);
	buffer_printf(ret, "Date: %s\nMessage-ID: <rhands.%lld.%s%.*s>\n"
		      "Auto-Submitted: auto-generated\nMIME-Version: 1.0\n"
		      "Content-Type: multipart/mixed; boundary=\"rhands-mixed\"\n",
		      window_format(now_ms, plan->zone, WINDOW_MAIL, date,
				    sizeof(date)), (long long)now_ms, plan->name,
		      at != NULL ? (int)strcspn(at, "> \t") : 0,
		      at != NULL ? at : "");
	buffer_append_text(ret, "\n--rhands-mixed\nContent-Type: multipart/"
			   "alternative; boundary=\"rhands-either\"\n");
	mail_part(ret, "rhands-either", "text/plain", "", mail->text);
	if (mail->html != NULL)
		mail_part(ret, "rhands-either", "text/html", "", mail->html);
	buffer_append_text(ret, "--rhands-either--\n");
	if (mail->calendar != NULL)
		mail_part(ret, "rhands-mixed", "text/calendar",
			  "; method=PUBLISH; name=\"maintenance.ics\"",
			  mail->calendar);
	buffer_append_text(ret, "--rhands-mixed--\n");
}

int mail_send(const struct plan *plan, const struct mail *mail, int64_t now_ms,
	      struct rh_error *err)
{
	struct mail smaller = *mail;
	struct program program = { .args = (const char *const *)plan->mail,
				   .limit = 4096 };
	struct program_result result = { 0 };
	struct buffer b = { 0 };
	char *cut = NULL;
	int rc = program_check(plan->mail[0], err);

	mail_write(plan, &smaller, now_ms, &b);
	if (b.len > PROGRAM_INPUT_MAX) {
		smaller.html = NULL;
		cut = memory_copy_len(mail->text, strnlen(mail->text, 16000));
		smaller.text = cut;
		buffer_clear(&b);
		mail_write(plan, &smaller, now_ms, &b);
	}
	program.input = b.data;
	program.input_len = b.len;
	if (rc == 0)
		rc = program_run(&program, deadline_in(MAIL_MS), &result, err);
	if (rc == 0 && result.exit_status != 0)
		rc = program_fail_end(&program, &result, err);
	program_result_release(&result);
	buffer_release(&b);
	free(cut);
	return rc;
}
