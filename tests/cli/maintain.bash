# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the tests of maintenances share: hosts that are twins, and a plan.

# twin NAME [STATE-LINES]: a server that restarts when it is told to, over its
# shell; $down is what it does when it boots.
twin() {
	mkdir -p "$config/twins.d" "$config/plans.d"
	cat >"$config/twins.d/$1.ini" <<-END
		[twin]
		summary = a server
		start = up
		on = post
		off = off
		[state off]
		power = off
		[state post]
		boots = yes
		do = print "booting\r\n", wait ${boot_time:-300ms}
		then = ${boots_to:-up}
		[state hung]
		do = print "Press F1 to continue\r\n"
		on = /\eOP/ -> up
		[state up]
		ssh = yes
		open = 22 389
		healthy = yes
		do = print "\r\n$1 login: "
		on shell = /reboot/ : drop -> post
		[port 389]
		answer = "hello"
	END
}

# server NAME [NEED...]: a twin, its host, and the sequence that recovers it.
server() {
	local name=$1
	shift
	twin "$name"
	cat >"$config/hosts.d/$name.ini" <<-END
		[host]
		summary = the server $name
		recover = back
		${*:+needs = $*}
		[power]
		driver = twin
		min-off = 1s
		confirm = 5s
		[console]
		driver = twin
		[shell]
		driver = twin
		[check]
		driver = twin
	END
	cat >"$config/sequences.d/back.ini" <<-END
		[sequence]
		summary = Bring it back
		needs = power console
		deadline = 2m
		healthy = check tcp 389 expect "hello"
		start = cycle
		[state cycle]
		visits = 2 -> needs-hands "it hangs: go there"
		do = power cycle
		then = boot
		[state boot]
		timeout = 10s -> cycle
		on = /Press F1/ max 3 : key F1
		on = /login: $/ -> services
		[state services]
		do = check tcp 389 expect "hello" within 5s
		then = recovered
		else = needs-hands "LDAP does not answer: start slapd"
	END
}

# plan [LINE...]: plans.d/night.ini, whose window is open for two hours.
plan() {
	{
		cat <<-END
			[maintenance]
			summary = A new kernel
			hosts = ${hosts:-all}
			begin = $(TZ=UTC date -d "${begins:--1 minute}" '+%Y-%m-%d %H:%M')
			zone = UTC
			length = ${length:-2h}
			back = ${back:-5s}
		END
		printf '%s\n' "$@"
	} >"$config/plans.d/night.ini"
}

three() {
	server nfs1
	server ldap1 nfs1
	server web1 ldap1
	server web2 ldap1
}

# How often the host was told to restart itself, as its twin says.
restarts() {
	grep -c ' shell ' "$records/twins/$1" || true
}
