/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * BMCs that only ipmitool can talk to: the front door, and one run of the
 * program. The brain comes in by driver_ipmitool.
 *
 * Always true:
 *  - the password is in a pipe that ipmitool reads once (-f), never an argument
 *    and never in the environment;
 *  - -C is always there: without it ipmitool asks for the channel's cipher
 *    suites, and waits 10 s for BMCs that do not know the question (S08);
 *  - commands go as raw bytes, so that completion codes are seen as the BMC
 *    sent them, and an act in one packet (-R 1);
 *  - a session that was not had means that nothing was sent: only then is an
 *    act tried again.
 */
#include "drivers/ipmitool.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/deadline.h"
#include "drivers/drivers.h"
#include "drivers/ipmi.h"

#define IPMITOOL_OUTPUT_MAX 65536
#define IPMITOOL_RETRY_MS 1000	/* must be left beyond what a try took */

/* What it prints (-v) before it sends a raw command. */
static const char ipmitool_request[] = "RAW REQ (";

static const char *const ipmitool_suite_names[] = {
	"17", "3", "16", "15", "8", "12", "7", "11", "6", "2", "1", NULL,
};
static const char *const ipmitool_interfaces[] = { "lanplus", NULL };

static const struct option ipmitool_options[] = {
	IPMI_OPTIONS_LOGIN,
	{ .key = "privilege", .type = OPTION_CHOICE, .fallback = "operator",
	  .choices = ipmi_privileges,
	  .help = "Privilege of the session." },
	{ .key = "cipher-suite", .type = OPTION_WORDS, .fallback = "17 3",
	  .choices = ipmitool_suite_names,
	  .help = "Cipher suites in the order in which they are tried." },
	{ .key = "interface", .type = OPTION_CHOICE, .fallback = "lanplus",
	  .choices = ipmitool_interfaces,
	  .help = "ipmitool's interface." },
	{ .key = "extra", .type = OPTION_TEXT,
	  .help = "More options of ipmitool (-o TYPE, -t ADDRESS, -b CHANNEL, "
		  "-z SIZE, ...)." },
	{ .key = "program", .type = OPTION_TEXT,
	  .fallback = "/usr/bin/ipmitool",
	  .help = "Path of ipmitool." },
	{ .key = "min-interval", .type = OPTION_DURATION, .unit = "ms",
	  .fallback = "1s", .min = 0, .max = 60000,
	  .help = "Pause between two operations on the BMC." },
	{ .key = "act-wait", .type = OPTION_DURATION, .unit = "ms",
	  .fallback = "5s", .min = 1000, .max = 60000,
	  .help = "Time that the BMC gets to answer a power command, which is "
		  "never sent again." },
	IPMI_OPTION_LOST_AFTER,
	IPMI_OPTION_BOOT_TYPE,
	OPTION_END,
};

/* --- open and close ----------------------------------------------------------- */

static int ipmitool_open_extra(struct ipmitool *d, struct rh_error *err)
{
	const char *text = settings_text(d->settings, "extra");
	int i;

	if (text == NULL)
		return 0;
	if (program_words(text, &d->extra, err) < 0)
		return rh_error_prefix(err, "extra");
	for (i = 0; d->extra[i] != NULL; i++) {
		if (!ipmitool_map_extra_is_allowed(d->extra[i]))
			return rh_error_set(err, RH_ERR_CONFIG,
					    "extra: %.20s is not for this "
					    "place; there is -o -b -B -t -T -m "
					    "-l -S -O -z", d->extra[i]);
	}
	if (i > 16)
		return rh_error_set(err, RH_ERR_CONFIG, "extra: too many words");
	return 0;
}

static int ipmitool_open(void *self, const struct settings *settings,
			 int64_t deadline, struct rh_error *err)
{
	struct ipmitool *d = self;

	d->settings = settings;
	d->program = settings_text(settings, "program");
	d->min_interval = settings_number(settings, "min-interval");
	d->act_wait = settings_number(settings, "act-wait");
	d->lost_after = settings_number(settings, "lost-after");
	snprintf(d->port, sizeof(d->port), "%d",
		 (int)settings_number(settings, "port"));
	d->suite_count = ipmi_map_suites(settings_text(settings,
						       "cipher-suite"),
					 d->suites, IPMITOOL_SUITES_MAX);
	if (d->suite_count == 0)
		return rh_error_set(err, RH_ERR_CONFIG,
				    "cipher-suite: name one at least");
	if (d->program[0] != '/')
		return rh_error_set(err, RH_ERR_CONFIG,
				    "program = %s: expected a path, beginning "
				    "with /", d->program);
	if (program_check(d->program, err) < 0 ||
	    ipmitool_open_extra(d, err) < 0)
		return -1;
	return ipmi_open_login(settings, &d->password, deadline, err);
}

static void ipmitool_close(void *self)
{
	struct ipmitool *d = self;

	ipmi_watch_end(&d->console.watch);
	(void)program_terminal_close(&d->console.terminal, deadline_in(700));
	buffer_release(&d->console.early);
	program_free_args(d->extra);
	d->extra = NULL;
	secret_release(&d->password);
}

/* --- one run ------------------------------------------------------------------- */

static const char *ipmitool_level(const struct ipmitool *d)
{
	const char *name = settings_text(d->settings, "privilege");

	if (strcmp(name, "user") == 0)
		return "USER";
	return strcmp(name, "admin") == 0 ? "ADMINISTRATOR" : "OPERATOR";
}

void ipmitool_make_args(const struct ipmitool *d,
			const struct ipmitool_call *call,
			struct ipmitool_args *ret)
{
	const char *const first[] = {
		d->program, "-I", settings_text(d->settings, "interface"),
		"-H", settings_text(d->settings, "address"), "-p", d->port,
		"-U", settings_text(d->settings, "user"),
		"-L", ipmitool_level(d), "-f", PROGRAM_SECRET_PATH,
		"-C", ret->numbers[0], "-R", ret->numbers[1],
		"-N", ret->numbers[2],
	};
	size_t count = sizeof(first) / sizeof(first[0]), i;

	snprintf(ret->numbers[0], sizeof(ret->numbers[0]), "%d",
		 d->suites[d->suite]);
	snprintf(ret->numbers[1], sizeof(ret->numbers[1]), "%d", call->sends);
	snprintf(ret->numbers[2], sizeof(ret->numbers[2]), "%d", call->wait);
	memcpy(ret->args, first, sizeof(first));
	for (i = 0; d->extra != NULL && d->extra[i] != NULL; i++)
		ret->args[count++] = d->extra[i];
	/* with -v an event is a dozen lines, and has to be one */
	if (strcmp(call->words[0], "sel") != 0)
		ret->args[count++] = "-v";
	for (i = 0; call->words[i] != NULL; i++)
		ret->args[count++] = call->words[i];
	ret->args[count] = NULL;
}

static int ipmitool_run_once(struct ipmitool *d,
			     const struct ipmitool_call *call,
			     int64_t deadline, struct program_result *ret,
			     struct rh_error *err)
{
	struct ipmitool_args args;
	const struct program p = {
		.args = args.args, .secret = d->password.bytes,
		.secret_len = d->password.len, .limit = IPMITOOL_OUTPUT_MAX,
	};

	ipmitool_make_args(d, call, &args);
	program_result_release(ret);
	return program_run(&p, deadline, ret, err);
}

/* S04: some BMCs hang when asked too often. */
static void ipmitool_turn(const struct ipmitool *d, int64_t deadline)
{
	int64_t until = deadline_min(deadline, d->next_operation);

	while (deadline_now() < until)
		(void)poll(NULL, 0, deadline_poll_ms(until));
}

/* Whether another try can help after this; goes on to the next suite. */
static bool ipmitool_try_again(struct ipmitool *d,
			       const struct ipmitool_meaning *m,
			       int64_t start, int64_t deadline, int *tries)
{
	int64_t now = deadline_now();


	if (m->verdict == IPMITOOL_VERDICT_SUITE && !d->suite_known &&
	    d->suite + 1 < d->suite_count) {
		d->suite++;
		return true;
	}
	return m->verdict == IPMITOOL_VERDICT_SILENT && (*tries)++ == 0 &&
	       deadline - now > now - start + IPMITOOL_RETRY_MS;
}

/* Sets err to what its error output means, else to how it ended. */
static int ipmitool_fail(struct ipmitool *d, const struct ipmitool_meaning *m,
			 const struct program_result *result,
			 struct rh_error *err)
{
	const char *args[] = { d->program, NULL };
	const struct program p = { .args = args };

	if (m == NULL)
		return program_fail_end(&p, result, err);
	return rh_error_set(err, m->code, "%s (%s:%s, cipher suite %d)",
			    m->text, settings_text(d->settings, "address"),
			    d->port, d->suites[d->suite]);
}

/*
 * It was stopped. Where it says what it sends, and did not, the command was
 * not sent; whether it does so is known from an earlier run.
 */
static int ipmitool_stopped(struct ipmitool *d,
			    const struct program_result *result,
			    struct rh_error *err)
{
	if (err->code == RH_ERR_TIMEOUT && d->says_request &&
	    strstr(buffer_text(&result->errors), ipmitool_request) == NULL)
		return rh_error_set(err, RH_ERR_UNREACHABLE,
				    "no session with the BMC in time (%s:%s); "
				    "the command was not sent",
				    settings_text(d->settings, "address"),
				    d->port);
	return -1;
}

int ipmitool_run(struct ipmitool *d, const struct ipmitool_call *call,
		 int64_t deadline, struct program_result *ret,
		 struct rh_error *err)
{
	const struct ipmitool_meaning *m = NULL;
	bool raw = strcmp(call->words[0], "raw") == 0;
	struct rh_error ignored = RH_ERROR_INIT;
	int rc, tries = 0;
	int64_t start;

	if (err == NULL)
		err = &ignored;
	ipmitool_turn(d, deadline);
	do {
		start = deadline_now();
		rc = ipmitool_run_once(d, call, deadline, ret, err);
		if (rc < 0 && raw)
			rc = ipmitool_stopped(d, ret, err);
		if (rc < 0 || (ret->signal == 0 && ret->exit_status == 0) ||
		    ipmitool_map_code(buffer_text(&ret->errors)) >= 0)
			break;
		m = ipmitool_map_errors(buffer_text(&ret->errors));
		rc = ipmitool_fail(d, m, ret, err);
	} while (m != NULL && ipmitool_try_again(d, m, start, deadline, &tries));
	if (rc < 0 && !d->suite_known)
		d->suite = 0;
	if (rc == 0) {
		d->suite_known = true;
		rh_error_clear(err);	/* of a suite that was refused */
	}
	if (strstr(buffer_text(&ret->errors), ipmitool_request) != NULL)
		d->says_request = true;
	d->next_operation = deadline_in(d->min_interval);
	if (rc == 0 && (ret->signal != 0 || ret->exit_status != 0) && !raw)
		return ipmitool_fail(d, NULL, ret, err);
	return rc;
}

/* --- raw commands ---------------------------------------------------------------- */

int ipmitool_ask(struct ipmitool *d, const struct ipmitool_raw *raw,
		 int64_t deadline, struct ipmitool_answer *ret,
		 struct rh_error *err)
{
	struct ipmitool_call call = { .words = { "raw" }, .sends = 4,
				      .wait = 1 };
	struct program_result result = { 0 };
	char numbers[sizeof(raw->bytes)][8];
	size_t i;
	int rc, len = 0, code;

	for (i = 0; i < raw->len; i++) {
		snprintf(numbers[i], sizeof(numbers[i]), "0x%02x",
			 raw->bytes[i]);
		call.words[1 + i] = numbers[i];
	}
	if (raw->once) {
		call.sends = 1;
		call.wait = (int)((d->act_wait + 999) / 1000);
	}
	memset(ret, 0, sizeof(*ret));
	rc = ipmitool_run(d, &call, deadline, &result, err);
	code = ipmitool_map_code(buffer_text(&result.errors));
	if (rc == 0 && code >= 0)
		ret->code = (uint8_t)code;
	else if (rc == 0)
		len = ipmitool_map_hex(buffer_text(&result.out), ret->data,
				       sizeof(ret->data));
	program_result_release(&result);
	if (rc < 0)
		return rh_error_prefix(err, "%s", raw->what);
	if (len < 0)
		return rh_error_set(err, RH_ERR_PROTOCOL,
				    "%s: ipmitool printed something else than "
				    "bytes", raw->what);
	ret->len = (size_t)len;
	return 0;
}

/* A wrong password is not sent a second time, by the command behind it. */
int ipmitool_login(struct ipmitool *d, int64_t deadline, struct rh_error *err)
{
	static const struct ipmitool_raw hello = {
		.what = "login", .bytes = { 0x06, 0x01 }, .len = 2,
	};
	struct ipmitool_answer answer;

	return d->suite_known ? 0 :
	       ipmitool_ask(d, &hello, deadline, &answer, err);
}

int ipmitool_get(struct ipmitool *d, const struct ipmitool_raw *raw,
		 size_t min_len, int64_t deadline, struct ipmitool_answer *ret,
		 struct rh_error *err)
{
	if (ipmitool_ask(d, raw, deadline, ret, err) < 0)
		return -1;
	if (ret->code != 0x00)
		return ipmi_map_code_error(ret->code, raw->what, err);
	if (ret->len < min_len)
		return rh_error_set(err, RH_ERR_PROTOCOL,
				    "%s: the BMC answered with %zu bytes, %zu "
				    "expected", raw->what, ret->len, min_len);
	return 0;
}

const struct driver driver_ipmitool = {
	.name = "ipmitool",
	.summary = "power, event log and Serial over LAN by the program "
		   "ipmitool",
	.options = ipmitool_options,
	.size = sizeof(struct ipmitool),
	.flags = DRIVER_STARTS_PROGRAMS,
	.open = ipmitool_open,
	.close = ipmitool_close,
	.power = &ipmitool_power_ops,
	.console = &ipmitool_console_ops,
	.evidence = &ipmitool_evidence_ops,
	.doctor = &ipmitool_doctor_ops,
};
