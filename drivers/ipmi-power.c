/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Power and the device of the next boot (IPMI 2.0, chapter 28), by plain
 * commands, so that completion codes are seen as the BMC sent them. The
 * brain comes in by ipmi_power_ops.
 *
 * An act is accepted or not; whether it happened is for the brain to observe.
 */
#include "base/deadline.h"
#include "drivers/ipmi.h"

int ipmi_power_state(const struct ipmi_answer *answer,
		     enum driver_power *ret_state, struct rh_error *err)
{
	if (ipmi_map_code(answer->code) == RH_ERR_NOTSUP)
		return ipmi_map_code_error(answer->code, "chassis status", err);
	*ret_state = DRIVER_POWER_UNKNOWN;
	if (answer->code == 0x00 && answer->len >= 1)
		*ret_state = (answer->data[0] & 0x01) ? DRIVER_POWER_ON :
							DRIVER_POWER_OFF;
	return 0;
}

static int ipmi_power_read(struct ipmi *d, int64_t deadline,
			   enum driver_power *ret_state, struct rh_error *err)
{
	static const struct ipmi_command command = {
		.what = "chassis status",
		.net_fn = IPMI_NET_FN_CHASSIS_RQ,
		.bytes = { 0x01 },
		.len = 1,
	};
	struct ipmi_answer answer;

	if (ipmi_session_ask(d, &command, deadline, &answer, err) < 0)
		return -1;
	return ipmi_power_state(&answer, ret_state, err);
}

static int ipmi_power_query(void *self, int64_t deadline,
			    enum driver_power *ret_state, struct rh_error *err)
{
	struct ipmi *d = self;
	int rc;

	ipmi_session_turn(d, deadline);
	rc = ipmi_power_read(d, deadline, ret_state, err);
	ipmi_session_turn_over(d);
	return rc;
}

/* P04: a BMC may refuse to switch off what is off; that is no failure. */
static bool ipmi_power_is_done(struct ipmi *d, enum driver_act act,
			       int64_t deadline)
{
	struct rh_error ignored = RH_ERROR_INIT;
	enum driver_power state = DRIVER_POWER_UNKNOWN;

	if (act != DRIVER_ACT_ON && act != DRIVER_ACT_OFF)
		return false;
	if (ipmi_power_read(d, deadline, &state, &ignored) < 0)
		return false;
	return state == (act == DRIVER_ACT_ON ? DRIVER_POWER_ON :
						DRIVER_POWER_OFF);
}

static int ipmi_power_order(struct ipmi *d, enum driver_act act,
			    int64_t deadline, struct rh_error *err)
{
	struct ipmi_command command = {
		.what = driver_act_name(act),
		.net_fn = IPMI_NET_FN_CHASSIS_RQ,
		.bytes = { 0x02, (uint8_t)ipmi_map_act(act) },
		.len = 2,
	};
	struct ipmi_answer answer;

	if (ipmi_session_order(d, &command, deadline, &answer, err) < 0)
		return -1;
	if (answer.code == 0x00)
		return 0;
	if (ipmi_map_code(answer.code) == RH_ERR_STATE &&
	    ipmi_power_is_done(d, act, deadline))
		return 0;
	return ipmi_map_code_error(answer.code, command.what, err);
}

static int ipmi_power_act(void *self, enum driver_act act, int64_t deadline,
			  struct rh_error *err)
{
	struct ipmi *d = self;
	int rc;

	if (ipmi_map_act(act) < 0)
		return rh_error_set(err, RH_ERR_NOTSUP, "no such power act");
	ipmi_session_turn(d, deadline);
	rc = ipmi_power_order(d, act, deadline, err);
	ipmi_session_turn_over(d);
	return rc;
}

/* --- boot device ------------------------------------------------------------- */

static int ipmi_boot_send(struct ipmi *d, enum driver_boot device,
			  int64_t deadline, struct rh_error *err)
{
	/* P14: keep the flags valid, however long the machine takes */
	static const struct ipmi_command keep = {
		.what = "boot flag time-out",
		.net_fn = IPMI_NET_FN_CHASSIS_RQ,
		.bytes = { 0x08, 0x03, 0x08 },
		.len = 3,
	};
	struct ipmi_command set = {
		.what = "boot device",
		.net_fn = IPMI_NET_FN_CHASSIS_RQ,
		.bytes = { 0x08, 0x05 },
		.len = 7,
	};
	bool efi = settings_text(d->settings, "boot-type")[0] == 'e';
	struct ipmi_answer answer;

	/* not every BMC has parameter 3, and none needs it */
	if (ipmi_session_ask(d, &keep, deadline, &answer, err) < 0)
		return -1;
	ipmi_map_boot(device, efi, set.bytes + 2);
	return ipmi_session_get(d, &set, 0, deadline, &answer, err);
}

/* The valid bit is not looked at: some BMCs never show it. */
static int ipmi_boot_verify(struct ipmi *d, enum driver_boot device,
			    int64_t deadline, struct rh_error *err)
{
	static const struct ipmi_command command = {
		.what = "boot device, read back",
		.net_fn = IPMI_NET_FN_CHASSIS_RQ,
		.bytes = { 0x09, 0x05, 0x00, 0x00 },
		.len = 4,
	};
	struct ipmi_answer answer;
	uint8_t wanted[5], selector;

	if (ipmi_session_get(d, &command, 4, deadline, &answer, err) < 0)
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

static int ipmi_power_boot(void *self, enum driver_boot device,
			   int64_t deadline, struct rh_error *err)
{
	struct ipmi *d = self;
	int rc;

	ipmi_session_turn(d, deadline);
	rc = ipmi_boot_send(d, device, deadline, err);
	if (rc == 0)
		rc = ipmi_boot_verify(d, device, deadline, err);
	ipmi_session_turn_over(d);
	return rc;
}

/* --- the light ----------------------------------------------------------------- */

/* Interval 0 puts it out; "forced on" stays until then (28.5). */
static int ipmi_power_light(struct ipmi *d, bool on, int64_t deadline,
			    struct rh_error *err)
{
	struct ipmi_command command = {
		.what = on ? "identify on" : "identify off",
		.net_fn = IPMI_NET_FN_CHASSIS_RQ,
		.bytes = { 0x04, 0x00, 0x01 },
		.len = on ? 3 : 2,
	};
	struct ipmi_answer answer;

	if (ipmi_session_ask(d, &command, deadline, &answer, err) < 0)
		return -1;
	return answer.code == 0x00 ? 0 :
	       ipmi_map_code_error(answer.code, command.what, err);
}

static int ipmi_power_identify(void *self, bool on, int64_t deadline,
			       struct rh_error *err)
{
	struct ipmi *d = self;
	int rc;

	ipmi_session_turn(d, deadline);
	rc = ipmi_power_light(d, on, deadline, err);
	ipmi_session_turn_over(d);
	return rc;
}

const struct driver_power_ops ipmi_power_ops = {
	.query = ipmi_power_query,
	.act = ipmi_power_act,
	.boot = ipmi_power_boot,
	.identify = ipmi_power_identify,
};
