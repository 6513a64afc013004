#!/bin/sh
set -e
if command -v systemd-sysusers >/dev/null; then
	systemd-sysusers leasehold.conf
elif ! getent passwd leasehold >/dev/null; then
	useradd --system --home-dir /var/lib/kea --no-create-home --shell /usr/sbin/nologin leasehold
fi
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	for unit in leasehold-dhcp4.service leasehold-dhcp6.service; do
		if systemctl is-active --quiet "$unit"; then
			systemctl restart "$unit"
		fi
	done
fi
