#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# hosts.d/, sequences.d/ and twins.d/ of the tree are examples that people copy: they
# must be without errors and without warnings.

load cli-lib.bash

# The examples, with every secret that they refer to.
examples() {
	local tree=$BATS_TEST_DIRNAME/../.. file
	cp "$tree"/hosts.d/* "$config/hosts.d/"
	cp "$tree"/sequences.d/* "$config/sequences.d/"
	cp -r "$tree/twins.d" "$tree/plans.d" "$config"
	chmod 600 "$config"/*.d/*
	sed -i "s|/etc/remotehands|$config|" "$config"/hosts.d/*
	for file in $(grep -rhoE "@file:[^ ]+" "$config/hosts.d" | sed 's/@file://'); do
		echo secret >"$file"
	done
}

@test "the examples of the tree pass check" {
	examples
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

@test "the maintenance of 2010 is rehearsed, and fits its window" {
	examples
	run "$rhands" maintain 2010 --dry-run --config "$config" \
		--records "$records"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$output" == *"  1  by"*"git1,translations"*"  2  by"*ldap1*"  3  by"*nfs1* ]]
	run "$rhands" rehearse --plan 2010 --config "$config" --seeds 300 --json
	[ "$status" -eq 0 ]
	# each host is back at least nine times in ten, and is looked at in vain at times
	jq -es '[.[] | select(.what == "host")] | length == 4 and all(.back > 270)' <<<"$output"
	jq -es 'any(.[]; .what == "host" and .host == "translations" and .hands == 300)' <<<"$output"
	jq -es 'any(.[]; .rehearsals == 300 and .fits and .recovered > 250)' <<<"$output"
	# what if LDAP does not come back? A person is asked, and goes on
	jq -es 'any(.[]; .what == "lost" and .host == "ldap1" and .skipped == [] and .fits)' <<<"$output"
	# the same seeds, the same maintenance
	run bash -c 'cat; cmp <("$@") <("$@")' - "$rhands" rehearse --plan 2010 \
		--config "$config" --seeds 20 --faults all </dev/null
	[ "$status" -eq 0 ]
	sed -i 's/^on-failure.*/on-failure = stop/' "$config/plans.d/2010.ini"
	run "$rhands" rehearse --plan 2010 --config "$config" --seeds 1 --json
	jq -es 'any(.[]; .what == "lost" and .host == "ldap1" and .skipped == ["nfs1"])' <<<"$output"
	sed -i 's/^length.*/length = 1h/' "$config/plans.d/2010.ini"
	run "$rhands" rehearse --plan 2010 --config "$config" --seeds 20
	echo "$output"
	[ "$status" -eq 1 ]
	[[ "$output" == *"wave 1 of 3 is not begun"* || "$output" == *"not begun: "*nfs1* ]]
	[[ "$output" == *"Do all hosts come back? NO: in 0 of 20"* ]]
}
