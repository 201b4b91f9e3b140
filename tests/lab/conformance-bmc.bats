#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The conformance suite for the drivers of a BMC, against the lab's.

bats_require_minimum_version 1.5.0
load conformance-lib.bash

# The lab's BMC, whose machine sends back what it gets on its serial line.
bmc() {
	"$here/lab" up "$dir/lab" --machine cat --owner $$
	# shellcheck disable=SC1091
	. "$dir/lab/env"
	script fill-log <<-END
	#!/bin/bash
	sel() {
		ipmitool -I lanplus -C 3 -H $LAB_BMC_ADDRESS -p $LAB_BMC_PORT \\
			-U $LAB_BMC_USER -f $LAB_BMC_PASSWORD_FILE "\$@"
	}
	sel sel clear
	for n in 1 2 3 4 5; do
		sel raw 0x0a 0x44 0 0 2 0 0 0 0 0x20 0 4 0x0c \$n 0x6f 0xa1 0xff 0xff
	done
	END
}

# The lines that ipmi and ipmitool share, with more for [counterpart] as input.
bmc_file() {
	cat <<-END
	[settings]
	address = $LAB_BMC_ADDRESS
	port = $LAB_BMC_PORT
	user = $LAB_BMC_USER
	password = @file:$LAB_BMC_PASSWORD_FILE
	min-interval = 0
	act-wait = 1s
	$1
	[silent]
	port = UDP-SINK
	[gone]
	port = UDP-CLOSED
	[denied]
	password = @file:$dir/wrong
	[wrong]
	user = 12345678901234567
	cipher-suite =
	[counterpart]
	truth = $here/lab power $dir/lab status
	acts = grep -cE 'set (power|reset|shutdown)' $dir/lab/chassis.log
	blind = $here/lab chassis $dir/lab blind
	slow = $here/lab chassis $dir/lab slow 3
	see = $here/lab chassis $dir/lab none
	fill-log = $dir/fill-log
	heard = $dir/lab/typed.log
	lose = $here/lab bmc $dir/lab kill
	back = $here/lab bmc $dir/lab start
	jam = $here/lab bmc $dir/lab pause
	unjam = $here/lab bmc $dir/lab continue
	second = busy
	steal = yes
	END
	cat
}

@test "conformance: ipmi, against ipmi_sim" {
	bmc
	# ipmi_sim loses bytes of a long packet in which there is an ff: it doubles
	# them for its own telnet
	bmc_file 'workarounds = solchannelsupport solpayloadsize
lost-after = 3s' <<-END | conforms ipmi
	cannot = diag
	changes = ff
	faults = cipher-suite-0
	END
}

@test "conformance: ipmitool, against ipmi_sim" {
	bmc
	# before its first session ipmitool does not say whether it sent anything
	bmc_file <<-END | conforms ipmitool
	cannot = diag
	gone-code = timeout
	END
}
