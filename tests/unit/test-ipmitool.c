/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the texts of ipmitool mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "drivers/ipmitool.h"

static void test_errors(void **state)
{
	static const struct {
		const char *text;
		enum rh_code code;
		enum ipmitool_verdict verdict;
	} cases[] = {
		{ "Loading IANA PEN Registry...\n> RAKP 2 HMAC is invalid\n"
		  "Error: Unable to establish IPMI v2 / RMCP+ session\n",
		  RH_ERR_AUTH, IPMITOOL_VERDICT_FINAL },
		{ "RAKP 2 message indicates an error : unauthorized name\n"
		  "Error: Unable to establish IPMI v2 / RMCP+ session\n",
		  RH_ERR_AUTH, IPMITOOL_VERDICT_FINAL },
		{ "Error in open session response message : invalid "
		  "authentication algorithm\n\n"
		  "Error: Unable to establish IPMI v2 / RMCP+ session\n",
		  RH_ERR_NOTSUP, IPMITOOL_VERDICT_SUITE },
		{ "Error in open session response message : insufficient "
		  "resources for session\n"
		  "Error: Unable to establish IPMI v2 / RMCP+ session\n",
		  RH_ERR_BUSY, IPMITOOL_VERDICT_SUITE },
		{ "Get Auth Capabilities error\n"
		  "Error: Unable to establish IPMI v2 / RMCP+ session\n",
		  RH_ERR_UNREACHABLE, IPMITOOL_VERDICT_SILENT },
		{ "Address lookup for x.invalid failed\nCould not open "
		  "socket!\nError: Unable to establish IPMI v2 / RMCP+ "
		  "session\n", RH_ERR_UNREACHABLE, IPMITOOL_VERDICT_FINAL },
		{ "Info: SOL payload already active on another session\n",
		  RH_ERR_BUSY, IPMITOOL_VERDICT_FINAL },
		{ "Unable to send RAW command (channel=0x0 netfn=0x0 lun=0x0 "
		  "cmd=0x2)\nClose Session command failed\n", RH_ERR_TIMEOUT,
		  IPMITOOL_VERDICT_FINAL },
	};
	const struct ipmitool_meaning *m;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		m = ipmitool_map_errors(cases[i].text);
		assert_non_null(m);
		assert_int_equal(m->code, cases[i].code);
		assert_int_equal(m->verdict, cases[i].verdict);
	}
	assert_null(ipmitool_map_errors(""));
	assert_null(ipmitool_map_errors("Discovered IPMB address 0x0\n"));
}

static void test_code(void **state)
{
	(void)state;
	assert_int_equal(ipmitool_map_code("x\nUnable to send RAW command "
					   "(channel=0x0 netfn=0x0 lun=0x0 "
					   "cmd=0x2 rsp=0xd5): Command ...\n"),
			 0xd5);
	assert_int_equal(ipmitool_map_code("Unable to send RAW command "
					   "(channel=0x0 cmd=0x2)\n"), -1);
	assert_int_equal(ipmitool_map_code(" rsp=0xd5)"), -1);
	assert_int_equal(ipmitool_map_code("Unable to send RAW command (a "
					   "rsp=0x1d5): x"), -1);
	assert_int_equal(ipmitool_map_code("Unable to send RAW command (a "
					   "rsp=0x"), -1);
	assert_int_equal(ipmitool_map_code(""), -1);
}

static void test_hex(void **state)
{
	uint8_t bytes[4] = { 0 };

	(void)state;
	assert_int_equal(ipmitool_map_hex(" 01 fF\n 00\n", bytes, 4), 3);
	assert_int_equal(bytes[1], 0xff);
	assert_int_equal(ipmitool_map_hex("\n", bytes, 4), 0);
	assert_int_equal(ipmitool_map_hex("", bytes, 4), 0);
	assert_int_equal(ipmitool_map_hex(" 01 02 03 04 05", bytes, 4), -1);
	assert_int_equal(ipmitool_map_hex(" 1 02", bytes, 4), -1);
	assert_int_equal(ipmitool_map_hex(" 011", bytes, 4), -1);
	assert_int_equal(ipmitool_map_hex("Chassis Power is on", bytes, 4),
			 -1);
}

static void test_extra(void **state)
{
	static const char *const bad[] = { "-P", "-E", "-Psecret", "-f", "-k",
					   "-y", "-R", "-N", "-v", "-vP", "-a",
					   "-", "--help", "-oP", "-e", "-C" };
	size_t i;

	(void)state;
	assert_true(ipmitool_map_extra_is_allowed("-o"));
	assert_true(ipmitool_map_extra_is_allowed("intelplus"));
	assert_true(ipmitool_map_extra_is_allowed("0x20"));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(ipmitool_map_extra_is_allowed(bad[i]));
}

static void test_chassis(void **state)
{
	struct buffer out = { 0 };

	(void)state;
	ipmitool_map_chassis("System Power         : on\n"
			     "Last Power Event     : \n"
			     "Cooling/Fan Fault    : true\nodd line\n: x",
			     &out);
	assert_string_equal(buffer_text(&out),
			    "power: on\nlast power event: none\n"
			    "cooling/fan fault: true\n: x\n");
	buffer_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors), cmocka_unit_test(test_code),
		cmocka_unit_test(test_hex), cmocka_unit_test(test_extra),
		cmocka_unit_test(test_chassis),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
