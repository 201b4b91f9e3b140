#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes the build system and runs configure.
#
#   ./autogen.sh               names the packages that are missing, installs nothing
#   ./autogen.sh --with-deps   installs them first (apt-get, with sudo unless root)
#
# All other arguments go to configure.
set -eu
cd "$(dirname "$0")"

with_deps=no
if [ "${1-}" = --with-deps ]; then
	with_deps=yes
	shift
fi

missing_packages() {
	sed -n 's/^\(build\|test\|lab\) //p' PACKAGES | while read -r package; do
		state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || state=no
		[ "$state" = installed ] || echo "$package"
	done
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

missing=$(missing_packages)
if [ "$with_deps" = yes ]; then
	if [ -n "$missing" ]; then
		as_root apt-get -q update
		# The names come from PACKAGES, one word each.
		# shellcheck disable=SC2086
		as_root env DEBIAN_FRONTEND=noninteractive \
			apt-get -q -y --no-install-recommends install $missing
	fi
	# Needs apt's lists, which a fresh system does not have yet.
	tests/lab/lab fetch || { as_root apt-get -q update && tests/lab/lab fetch; }
elif [ -n "$missing" ]; then
	echo "These packages are missing; ./autogen.sh --with-deps installs them:"
	for package in $missing; do
		echo "  $package"
	done
	if ! command -v autoreconf >/dev/null || ! command -v automake >/dev/null; then
		exit 1
	fi
fi

mkdir -p build-aux
autoreconf --install --warnings=all
exec ./configure "$@"
