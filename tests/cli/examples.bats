#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# hosts.d/, sequences.d/ and twins.d/ of the tree are examples that people copy: they
# must be without errors and without warnings.

load cli-lib.bash

@test "the examples of the tree pass check" {
	local tree=$BATS_TEST_DIRNAME/../.. file
	cp "$tree"/hosts.d/* "$config/hosts.d/"
	cp "$tree"/sequences.d/* "$config/sequences.d/"
	cp -r "$tree/twins.d" "$config/twins.d"
	chmod 600 "$config"/*.d/*
	sed -i "s|/etc/remotehands|$config|" "$config"/hosts.d/*
	# Every secret that they refer to.
	for file in $(grep -rhoE "@file:[^ ]+" "$config/hosts.d" | sed 's/@file://'); do
		echo secret >"$file"
	done
	run "$rhands" check --config "$config"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$output" != *warning* ]]
	[[ "$output" == *"no errors"* ]]
}

@test "an error in an example would be found" {
	local tree=$BATS_TEST_DIRNAME/../..
	cp "$tree"/hosts.d/* "$config/hosts.d/"
	cp "$tree"/sequences.d/* "$config/sequences.d/"
	cp -r "$tree/twins.d" "$config/twins.d"
	chmod 600 "$config"/*.d/*
	run "$rhands" check --config "$config"
	[ "$status" -eq 2 ]
	[[ "$output" == *"secret file"* ]]
}
