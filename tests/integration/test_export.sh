# `joulemap export`: traces, OpenMetrics and CSV of a recording made by import, with names that want to break out.
. "$SOURCE/tests/integration/lib.sh"
PYTHONPATH="$SOURCE/.cache/perfetto" python3 - <<'P' && has_perfetto=yes || has_perfetto=
import perfetto.protos.perfetto.trace.perfetto_trace_pb2
P

# 1 s of a steady 20 W counter, and of a gauge of 5 W with a hole in it; layers of 30 ms, three an inference.
cat >replay.txt <<'E'
channel energy energy counter domain=package step=0.001 period=1ms interpolate=yes accuracy=0.02
channel rail power gauge domain=rail step=0.001
0    energy 0
0    rail 5
100s energy 2000
100s rail 5
100s end
E
check "a recording" exits 0 "$JM" record -s replay:replay.txt -i 5ms -d 1s -o a.jmap -q
python3 - <<'P'
import sqlite3
db = sqlite3.connect("a.jmap")
origin = db.execute("select value from meta where key = 'time_origin_ns'").fetchone()[0]
first = db.execute("select min(t_ns) from sample").fetchone()[0]
kind = dict(db.execute("select text, id from span_kind"))
names = ["iteration", 'conv "1"\n\x1b[2J<script>', "層/注意", "relu"]
for i, name in enumerate(names):
    db.execute("insert into name(id, text, type) values(?, ?, ?)", (i, name, "" if i == 0 else "Conv"))
for k in range(8):
    start = first - origin + 50_000_001 + k * 100_000_003
    db.execute("insert into span values(?, ?, ?, 0, 0, ?, 0)", (start, 90_000_000, kind["iteration"], k))
    for j in range(3):
        db.execute("insert into span values(?, ?, ?, ?, 0, ?, 0)", (start + j * 30_000_000, 30_000_000, kind["layer"], 1 + j, k))
db.execute("delete from sample_group where t > ? and t < ?", (first - origin + 300_000_000, first - origin + 500_000_000))
db.execute("delete from sample_one where t > ? and t < ?", (first - origin + 300_000_000, first - origin + 500_000_000))
db.execute("insert into meta values('track_0', 'stream \"7\"')")
db.commit()
P
for format in chrome perfetto prometheus csv json; do
    check "$format is written" exits 0 "$JM" export a.jmap --format $format --baseline none -o a.$format
    check "$format is not overwritten" exits 1 "$JM" export a.jmap --format $format -o a.$format
done
check "a format that is none is refused" exits 1 "$JM" export a.jmap --format svg3
check "a full disk is an error" exits 1 "$JM" export a.jmap --format chrome -o /dev/full -f

check "the chrome trace is what the recording holds" python3 - <<'P'
import json, sqlite3
from decimal import Decimal
text = open("a.chrome", encoding="utf-8").read()
assert "\x1b" not in text
t = json.loads(text, parse_float=Decimal)
events = t["traceEvents"]
db = sqlite3.connect("a.jmap")
origin = int(t["otherData"]["origin_monotonic_ns"])
assert t["otherData"]["own_cpu_s"] > 0 and "own_rss_bytes" in t["otherData"], t["otherData"]
got = sorted((origin + int(Decimal(e["ts"]) * 1000), int(Decimal(e["dur"]) * 1000), e["name"], e["cat"])
             for e in events if e["ph"] == "X" and e["cat"] != "gap")
assert got == sorted(db.execute("select start_ns, duration_ns, name, kind from named_span")), got[:3]
assert all({"pid", "name", "ph"} <= set(e) for e in events)
assert all("ts" in e and e["ts"] >= 0 for e in events if e["ph"] != "M")
names = {e["tid"]: e["args"]["name"] for e in events if e["ph"] == "M" and e["name"] == "thread_name"}
assert set(e["tid"] for e in events if e["ph"] == "X") == set(names) and 'stream "7"' in names.values(), names
counter = [(e["ts"], e["args"]["W"]) for e in events if e["ph"] == "C" and "energy" in e["name"]]
assert len(counter) > 20, len(counter)
energy = sum(w * (b[0] - a) for (a, w), b in zip(counter, counter[1:]))
assert abs(energy / (counter[-1][0] - counter[0][0]) - 20) < 2, energy
# Nobody read the gauge for a while: it says so, and has no value there.
gaps = [e for e in events if e.get("cat") == "gap" and e["dur"] > 100000]
assert len(gaps) == 1 and names[gaps[0]["tid"]] == "gaps in replay/rail", gaps
start, end = gaps[0]["ts"], gaps[0]["ts"] + gaps[0]["dur"]
assert not [e for e in events if e["ph"] == "C" and "rail" in e["name"] and start < e["ts"] < end]
assert [e for e in events if e["ph"] == "C" and "rail" in e["name"] and e["ts"] >= end]
layer = next(e for e in events if e.get("cat") == "layer")
assert abs(float(layer["args"]["mean_energy_mj (replay/energy)"]) - 600) < 200, layer
assert "measured" in layer["args"]["mean_energy (replay/energy)"], layer
iteration = next(e for e in events if e.get("cat") == "iteration")
assert abs(float(iteration["args"]["energy_mj (replay/energy)"]) - 1800) < 500, iteration
assert iteration["args"]["iteration"] == 0
P
if [ -n "$has_perfetto" ]; then
    check "the Perfetto trace reads back by Perfetto's own definition" env PYTHONPATH="$SOURCE/.cache/perfetto" \
        python3 "$SOURCE/tests/integration/perfetto_check.py" a.perfetto a.jmap
else
    echo "SKIP: Perfetto's definition is not here (scripts/setup ci): its trace is not read back"
fi
check "OpenMetrics: families stand together, units end names, the end is marked" python3 - <<'P'
import re
lines = open("a.prometheus", encoding="utf-8").read().split("\n")
assert lines[-2:] == ["# EOF", ""], lines[-2:]
seen, current, samples = set(), None, set()
for line in lines[:-2]:
    if line.startswith("# TYPE "):
        current = line.split()[2]
        assert current not in seen, current
        seen.add(current)
    elif line.startswith("# UNIT "):
        assert current.endswith("_" + line.split()[3]), line
    elif not line.startswith("#"):
        m = re.fullmatch(r'([a-z_]+)(\{(?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)*\})? (-?[0-9.e+-]+)', line)
        assert m and m[1] == current, line
        assert (m[1], m[2]) not in samples, line
        samples.add((m[1], m[2]))
assert "joulemap_recording_energy_joules" in seen
P
check "carbon and price are the user's" sh -c "'$JM' export a.jmap --format csv --by channel --carbon 400 --price 0.25EUR >c.csv"
check "and stand in columns of their own" grep -q 'own_rss_bytes,carbon_g,price_EUR$' c.csv
check "no figure, no column" sh -c "! '$JM' export a.jmap --format csv --by channel | grep -q carbon"
check "a figure that is none is refused" exits 1 "$JM" export a.jmap --format csv --carbon lots
finish
