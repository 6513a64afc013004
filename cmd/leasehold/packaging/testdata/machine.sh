#!/bin/bash
# The life of the package on a machine that served clients with Kea. Runs as the
# only unit of a machine of its own; what fails ends it.
set -eux
packages=/test

# address asks as a client at the desk would, and prints what it gets.
address() {
	ip netns exec client busybox udhcpc -i eth0 -x "hostname:desk" -n -q -f -t 60 -T 1 -s /test/print.sh
}
active() { test "$(systemctl is-active "$1")" = active; }
# await repeats a command until it succeeds, for a minute.
await() { for _ in $(seq 300); do if "$@"; then return; fi; sleep 0.2; done; false; }
main_pid() { systemctl show -P MainPID leasehold-dhcp4; }

ip link set lo up
ip link add lan type bridge
ip address add 10.0.0.1/16 dev lan
ip link set lan up
ip netns add client
ip link add port type veth peer name eth0 netns client
ip link set port master lan up
ip -n client address add 10.0.0.2/16 dev eth0
ip -n client link set eth0 up
ip -n client link set lo up
cat >/test/print.sh <<-'END'
	#!/bin/sh
	if [ "$1" = bound ]; then echo "$ip"; fi
END
chmod 755 /test/print.sh

cat >/etc/kea/kea-dhcp4.conf <<-'END'
	{ "Dhcp4": {
		"interfaces-config": { "interfaces": [ "lan" ] },
		"lease-database": { "type": "memfile", "name": "/var/lib/kea/kea-leases4.csv" },
		"control-socket": { "socket-type": "unix", "socket-name": "/run/kea/kea4-ctrl-socket" },
		"hooks-libraries": [ { "library": "/usr/lib/x86_64-linux-gnu/kea/hooks/libdhcp_lease_cmds.so" } ],
		"valid-lifetime": 3600,
		"subnet4": [ { "id": 1, "subnet": "10.0.0.0/16", "pools": [ { "pool": "10.0.1.0 - 10.0.255.254" } ] } ]
	} }
END
rm -f /var/lib/kea/*
systemctl start kea-dhcp4-server
kea_started() { grep -q 'DHCP4_STARTED' /var/log/kea/* || journalctl -u kea-dhcp4-server | grep -q DHCP4_STARTED; }
await kea_started
given=$(address)
test -n "$given"

: Install it. Nothing starts by itself: Kea still serves.
dpkg -i $packages/old/leasehold_*.deb
active kea-dhcp4-server
! systemctl is-active leasehold-dhcp4
leasehold check /etc/kea/kea-dhcp4.conf
man -w leasehold leasehold-serve leasehold.conf leasehold-commands

: In place of Kea, under its unit name as well.
systemctl disable --now kea-dhcp4-server
systemctl enable --now leasehold-dhcp4
active leasehold-dhcp4
active kea-dhcp4-server
systemctl show -P StatusText leasehold-dhcp4 | grep 'Serving DHCPv4'
test "$(systemctl show -P User leasehold-dhcp4)" = leasehold
test "$(stat -c %U /proc/$(main_pid))" = leasehold
test "$(address)" = "$given"
leasehold leases --socket /run/kea/kea4-ctrl-socket | grep "$given"

: A packet socket and a UDP socket are in good hands.
test "$(systemctl show -P NFileDescriptorStore leasehold-dhcp4)" = 2

: A reload keeps the process.
pid=$(main_pid)
sed -i 's/"valid-lifetime": 3600/"valid-lifetime": 7200/' /etc/kea/kea-dhcp4.conf
systemctl reload leasehold-dhcp4
reloaded() { leasehold config get --socket /run/kea/kea4-ctrl-socket | grep '"valid-lifetime": 7200'; }
await reloaded
test "$(main_pid)" = "$pid"

: An upgrade under load restarts it, and no query is lost.
ip netns exec client leasehold bench --server 10.0.0.1 --local 10.0.0.2 \
	--phase new --rate 100 -n 1500 --timeout 60s --json >/test/load.json &
load=$!
dpkg -i $packages/new/leasehold_*.deb
active leasehold-dhcp4
test "$(main_pid)" != "$pid"
wait $load
cat /test/load.json
grep '"completed": *1500,' /test/load.json

: A process that is killed is replaced. What it had not read, the next one answers.
pid=$(main_pid)
ip netns exec client leasehold bench --server 10.0.0.1 --local 10.0.0.2 --first-client 5000 \
	--phase new --rate 100 -n 500 --timeout 60s --json >/test/load.json &
load=$!
kill -KILL $pid
wait $load
cat /test/load.json
await active leasehold-dhcp4
test "$(main_pid)" != "$pid"
test "$(address)" = "$given"

: Removed, it leaves configuration and leases, and Kea goes on with them.
systemctl disable leasehold-dhcp4
dpkg -r leasehold
! systemctl is-active leasehold-dhcp4
! test -e /usr/bin/leasehold
test -s /var/lib/kea/kea-leases4.csv
systemctl enable --now kea-dhcp4-server
test "$(systemctl show -P Names kea-dhcp4-server)" = kea-dhcp4-server.service
test "$(address)" = "$given"
: The whole life.
