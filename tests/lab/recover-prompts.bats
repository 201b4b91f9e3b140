#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# An old machine that asks: each prompt is answered through real IPMI and real
# SOL by sequences.d/old-ldap.ini, and the host is back in truth.

bats_require_minimum_version 1.5.0
load recover.bash

@test "recover: POST wants F1" {
	lab_up silent,f1
	recover
	assert_recovered
	[[ "$said" == *'saw "Strike the F1", typed F1'* ]]
	[ "$(acts 'set power 0')" -eq 1 ]
	[ "$(acts 'set power 1')" -le 2 ]
	grep -aq OP "$LAB_TYPED"
}

@test "recover: a GRUB menu that waits for ever" {
	lab_up silent,grub-hang
	recover
	assert_recovered
	[[ "$said" == *"typed Enter"* ]]
	[ "$(acts 'set power 0')" -eq 1 ]
}

@test "recover: a GRUB menu whose highlight was moved to what does not boot" {
	lab_up silent,grub-wrong
	recover
	assert_recovered
	[[ "$said" == *"typed Up*2 Enter"* ]]
	[ "$(acts 'set power 0')" -eq 1 ]
}

@test "recover: Give root password for maintenance" {
	lab_up silent,maint
	recover
	assert_recovered
	[[ "$said" == *"typed <secret:root-password> Enter"* ]]
	# It was typed, once, and not shown.
	[ "$(grep -ac labroot "$LAB_TYPED")" -eq 1 ]
	[[ "$said" != *labroot* ]]
}

@test "recover: a question of fsck" {
	lab_up silent,fsck
	recover
	assert_recovered
	[[ "$said" == *"typed y"* ]]
}

@test "recover: F1, then a menu, then fsck in one boot" {
	lab_up silent,f1+grub-hang+fsck
	recover
	assert_recovered
	[[ "$said" == *"typed F1"* ]]
	[[ "$said" == *"typed Enter"* ]]
	[[ "$said" == *"typed y"* ]]
	[ "$(acts 'set power 0')" -eq 1 ]
}
