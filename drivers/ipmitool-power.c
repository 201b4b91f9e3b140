/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a BMC does and knows, by ipmitool: power and boot device (IPMI 2.0,
 * chapter 28), chassis status, event log, and what doctor finds. The brain
 * comes in by the tables at the end.
 */
#include <stdio.h>
#include <string.h>

#include "base/deadline.h"
#include "drivers/ipmi.h"
#include "drivers/ipmitool.h"

/* --- power -------------------------------------------------------------------- */

static const struct ipmitool_raw ipmitool_status = {
	.what = "chassis status", .bytes = { 0x00, 0x01 }, .len = 2,
};

static int ipmitool_query(void *self, int64_t deadline,
			  enum driver_power *ret_state, struct rh_error *err)
{
	struct ipmitool_answer answer;

	if (ipmitool_ask(self, &ipmitool_status, deadline, &answer, err) < 0)
		return -1;
	if (ipmi_map_code(answer.code) == RH_ERR_NOTSUP)
		return ipmi_map_code_error(answer.code, ipmitool_status.what,
					   err);
	*ret_state = DRIVER_POWER_UNKNOWN;
	if (answer.code == 0x00 && answer.len >= 3)
		*ret_state = (answer.data[0] & 0x01) ? DRIVER_POWER_ON :
						       DRIVER_POWER_OFF;
	return 0;
}

/* P04: a BMC may refuse to switch off what is off; that is no failure. */
static bool ipmitool_is_done(struct ipmitool *d, enum driver_act act,
			     int64_t deadline)
{
	enum driver_power state = DRIVER_POWER_UNKNOWN;

	if (act != DRIVER_ACT_ON && act != DRIVER_ACT_OFF)
		return false;
	if (ipmitool_query(d, deadline, &state, NULL) < 0)
		return false;
	return state == (act == DRIVER_ACT_ON ? DRIVER_POWER_ON :
						DRIVER_POWER_OFF);
}

static int ipmitool_act(void *self, enum driver_act act, int64_t deadline,
			struct rh_error *err)
{
	struct ipmitool_raw raw = {
		.what = driver_act_name(act),
		.bytes = { 0x00, 0x02, (uint8_t)ipmi_map_act(act) },
		.len = 3,
		.once = true,
	};
	struct ipmitool_answer answer;

	if (ipmi_map_act(act) < 0)
		return rh_error_set(err, RH_ERR_NOTSUP, "no such power act");
	if (ipmitool_ask(self, &raw, deadline, &answer, err) < 0)
		return -1;
	if (answer.code == 0x00)
		return 0;
	if (ipmi_map_code(answer.code) == RH_ERR_STATE &&
	    ipmitool_is_done(self, act, deadline))
		return 0;
	return ipmi_map_code_error(answer.code, raw.what, err);
}

/* --- boot device and light ------------------------------------------------------- */

static int ipmitool_boot_verify(struct ipmitool *d, enum driver_boot device,
				int64_t deadline, struct rh_error *err)
{
	static const struct ipmitool_raw raw = {
		.what = "boot device, read back",
		.bytes = { 0x00, 0x09, 0x05, 0x00, 0x00 },
		.len = 5,
	};
	struct ipmitool_answer answer;
	uint8_t wanted[5], selector;

	if (ipmitool_get(d, &raw, 4, deadline, &answer, err) < 0)
		return -1;
	ipmi_map_boot(device, false, wanted);
	selector = answer.data[3] & 0x3c;
	if (selector != wanted[1])
		return rh_error_set(err, RH_ERR_PROTOCOL,
				    "boot device: set to %s (selector %u), but "
				    "the BMC says selector %u",
				    driver_boot_name(device), wanted[1] >> 2,
				    selector >> 2);
	return 0;
}

static int ipmitool_boot(void *self, enum driver_boot device, int64_t deadline,
			 struct rh_error *err)
{
	/* P14: keep the flags valid, however long the machine takes */
	static const struct ipmitool_raw keep = {
		.what = "boot flag time-out",
		.bytes = { 0x00, 0x08, 0x03, 0x08 },
		.len = 4,
	};
	struct ipmitool_raw set = {
		.what = "boot device",
		.bytes = { 0x00, 0x08, 0x05 },
		.len = 8,
	};
	struct ipmitool *d = self;
	bool efi = settings_text(d->settings, "boot-type")[0] == 'e';
	struct ipmitool_answer answer;

	/* not every BMC has parameter 3, and none needs it */
	if (ipmitool_ask(d, &keep, deadline, &answer, err) < 0)
		return -1;
	ipmi_map_boot(device, efi, set.bytes + 3);
	if (ipmitool_get(d, &set, 0, deadline, &answer, err) < 0)
		return -1;
	return ipmitool_boot_verify(d, device, deadline, err);
}

/* 28.5: without an end (byte 2), or off (0 s). */
static int ipmitool_identify(void *self, bool on, int64_t deadline,
			     struct rh_error *err)
{
	const struct ipmitool_raw raw = {
		.what = "identify",
		.bytes = { 0x00, 0x04, 0x00, 0x01 },
		.len = on ? 4 : 3,
	};
	struct ipmitool_answer answer;

	return ipmitool_get(self, &raw, 0, deadline, &answer, err);
}

const struct driver_power_ops ipmitool_power_ops = {
	.query = ipmitool_query,
	.act = ipmitool_act,
	.boot = ipmitool_boot,
	.identify = ipmitool_identify,
};

/* --- evidence ------------------------------------------------------------------ */

static int ipmitool_chassis(void *self, int64_t deadline, struct buffer *ret,
			    struct rh_error *err)
{
	const struct ipmitool_call call = { { "chassis", "status" }, 4, 1 };
	struct program_result result = { 0 };
	int rc = ipmitool_run(self, &call, deadline, &result, err);

	if (rc == 0)
		ipmitool_map_chassis(buffer_text(&result.out), ret);
	program_result_release(&result);
	return rc;
}

static int ipmitool_event_log(void *self, int max_entries, int64_t deadline,
			      struct buffer *ret, struct rh_error *err)
{
	char count[12];
	const struct ipmitool_call call = {
		{ "sel", "list", "last", count }, 4, 1,
	};
	struct program_result result = { 0 };
	int rc;

	if (max_entries <= 0)
		return 0;
	if (ipmitool_login(self, deadline, err) < 0)
		return -1;
	snprintf(count, sizeof(count), "%d", max_entries);
	rc = ipmitool_run(self, &call, deadline, &result, err);
	if (rc == 0)
		buffer_append(ret, buffer_text(&result.out), result.out.len);
	program_result_release(&result);
	return rc;
}

const struct driver_evidence_ops ipmitool_evidence_ops = {
	.event_log = ipmitool_event_log,
	.chassis = ipmitool_chassis,
};

/* --- doctor -------------------------------------------------------------------- */

static void ipmitool_look_version(struct ipmitool *d, int64_t deadline,
				  struct buffer *ret)
{
	const char *args[] = { d->program, "-V", NULL };
	const struct program p = { .args = args, .limit = 4096 };
	struct program_result result = { 0 };
	struct rh_error err = RH_ERROR_INIT;
	char line[120];

	program_describe(d->program, "program", ret);
	if (program_run(&p, deadline, &result, &err) < 0) {
		buffer_printf(ret, "fail\tprogram\t%s\n", err.text);
	} else {
		program_last_line(&result.out, line, sizeof(line));
		buffer_printf(ret, "%s\tprogram\t%s\n",
			      strncmp(line, "ipmitool version", 16) == 0 ?
			      "ok" : "fail", line);
	}
	program_result_release(&result);
}

/* Which subject a failed login is about. */
static const char *ipmitool_look_subject(enum rh_code code)
{
	switch (code) {
	case RH_ERR_AUTH:
		return "password";
	case RH_ERR_NOTSUP:
		return "cipher-suite";
	default:
		return "address";
	}
}

static bool ipmitool_look_login(struct ipmitool *d, int64_t deadline,
				struct buffer *ret)
{
	struct rh_error err = RH_ERROR_INIT;
	struct ipmitool_answer answer;

	if (ipmitool_get(d, &ipmitool_status, 3, deadline, &answer, &err) < 0) {
		buffer_printf(ret, "fail\t%s\t%s\n",
			      ipmitool_look_subject(err.code), err.text);
		return false;
	}
	buffer_printf(ret, "ok\tpassword\tthe BMC takes it, as %s\n",
		      settings_text(d->settings, "privilege"));
	buffer_printf(ret, "ok\tcipher-suite\tthe BMC takes %d",
		      d->suites[d->suite]);
	if (d->suite > 0)
		buffer_printf(ret, ", not %d\tcipher-suite = %d",
			      d->suites[0], d->suites[d->suite]);
	buffer_printf(ret, "\nok\tpower\tthe BMC says %s\n",
		      (answer.data[0] & 0x01) ? "on" : "off");
	return true;
}

/* Get Payload Activation Status (24.4) of SOL. */
static void ipmitool_look_sol(struct ipmitool *d, int64_t deadline,
			      struct buffer *ret)
{
	static const struct ipmitool_raw raw = {
		.what = "SOL", .bytes = { 0x06, 0x4a, 0x01 }, .len = 3,
	};
	struct rh_error err = RH_ERROR_INIT;
	struct ipmitool_answer answer;

	if (ipmitool_get(d, &raw, 3, deadline, &answer, &err) < 0)
		buffer_printf(ret, "note\tsol\twhether it is free is not known: "
			      "%s\n", err.text);
	else if ((answer.data[1] | answer.data[2]) != 0)
		buffer_append_text(ret, "note\tsol\tsomebody holds it now\n");
	else
		buffer_append_text(ret, "ok\tsol\tit is free\n");
}

static int ipmitool_look(void *self, unsigned flags, int64_t deadline,
			 struct buffer *ret, struct rh_error *err)
{
	struct ipmitool *d = self;

	(void)flags;
	(void)err;
	ipmitool_look_version(d, deadline, ret);
	if (ipmitool_look_login(d, deadline, ret))
		ipmitool_look_sol(d, deadline, ret);
	return 0;
}

const struct driver_doctor_ops ipmitool_doctor_ops = {
	.look = ipmitool_look,
};
