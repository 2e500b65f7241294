#!/usr/bin/env bash
# The case that this program was begun for: a logger asked for a reading each 100 ms over some 80 s took 18 of 885, and
# reported energy all the same. Records 80 s at 100 ms and prints the ledger of each channel as JSON.
# usage: bench/seed_case.sh [JOULEMAP [SENSORS]]     needs 80 s; exit code 1 when a channel has fewer than 796 readings
set -euo pipefail
joulemap=$(realpath "${1:-$(dirname "$0")/../build/joulemap}")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$joulemap" record -q -i 100ms -d 80 ${2:+-s "$2"} -o "$folder/seed.jmap" >&2
"$joulemap" report "$folder/seed.jmap" --by channel --baseline none --format json >"$folder/report.json"
python3 - "$folder/report.json" <<'PYTHON'
import json
import sys

with open(sys.argv[1]) as file:
    channels = [c for c in json.load(file)["channels"] if c["state"] != "unavailable" and c["ledger"]]
keys = ("expected", "taken", "late", "missed", "repeated", "longest_gap_s", "coverage")
print(json.dumps([{"name": c["name"], **{k: c["ledger"][k] for k in keys}} for c in channels], indent=2))
sys.exit(0 if channels and all(c["ledger"]["taken"] >= 796 for c in channels) else 1)
PYTHON
