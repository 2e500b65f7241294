#!/bin/bash
# scripts/capture-fixture packs what the drivers read, and nothing else.
set -eu -o pipefail
work=$(mktemp -d)
trap 'chmod -R u+rwX "$work"; rm -rf "$work"' EXIT
fail() {
	echo "FAIL: $*" >&2
	exit 1
}

world=$work/world
mkdir "$world"
for fixture in intel-laptop gpu-desktop jetson-nano-iio; do
	cp -r "$SOURCE/tests/fixtures/sysfs/$fixture/." "$world"
done
mkdir -p "$world/sys/class/power_supply/BAT0"
echo Battery >"$world/sys/class/power_supply/BAT0/type"
echo SECRET-SERIAL >"$world/sys/class/power_supply/BAT0/serial_number"

JOULEMAP_ROOT=$world "$SOURCE/scripts/capture-fixture" a-machine "$work" >"$work/said"
tar -C "$work" -xf "$work/a-machine.tar"
cmp "$world/sys/class/powercap/intel-rapl:0:2/energy_uj" "$work/a-machine/sys/class/powercap/intel-rapl:0:2/energy_uj" ||
	fail "a counter is missing or differs"
for file in sys/class/hwmon/hwmon3/energy1_input proc/device-tree/model sys/class/power_supply/BAT0/type \
	sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0/rail_name_0; do
	cmp "$world/$file" "$work/a-machine/$file" || fail "$file is missing or differs"
done
! grep -rq SECRET "$work/a-machine" || fail "a serial number was packed"

# What is there is not overwritten; bad names are refused.
! JOULEMAP_ROOT=$world "$SOURCE/scripts/capture-fixture" a-machine "$work" 2>/dev/null || fail "an archive was overwritten"
! "$SOURCE/scripts/capture-fixture" '../x' "$work" 2>/dev/null || fail "a bad name was taken"

# The drivers find the same in the fixture as in the machine.
if [ -x "$JM" ]; then
	JOULEMAP_ROOT=$world "$JM" sensors | sed "s|$work/world||" >"$work/before" || fail "sensors failed on the machine"
	JOULEMAP_ROOT=$work/a-machine "$JM" sensors | sed "s|$work/a-machine||" >"$work/after" || fail "sensors failed on the fixture"
	diff "$work/before" "$work/after" || fail "the fixture shows other sensors"
	grep -q rapl_powercap/package-0/dram "$work/after" || fail "no memory channel in the fixture"
fi

if [ "$(id -u)" -ne 0 ]; then
	chmod 000 "$world/sys/class/powercap/intel-rapl:0/energy_uj"
	JOULEMAP_ROOT=$world "$SOURCE/scripts/capture-fixture" forbidden "$work" >"$work/said"
	grep -q 'unreadable: /sys/class/powercap/intel-rapl:0/energy_uj' "$work/said" || fail "not said to be unreadable"
fi
