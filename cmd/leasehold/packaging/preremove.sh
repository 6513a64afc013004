#!/bin/sh
# Leases and configuration stay: they are Kea's as well.
set -e
case "$1" in
upgrade | 1) exit 0 ;;
esac
if [ -d /run/systemd/system ]; then
	systemctl disable --now leasehold-dhcp4.service leasehold-dhcp6.service || true
fi
