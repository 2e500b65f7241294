# `joulemap run --isolate --dither` on a small model from the cache of the set-up script.
. "$SOURCE/tests/integration/lib.sh"
model="$SOURCE/.cache/models/ch_ppocr_mobile_v2.0_cls_mobile.onnx"
if [ ! -e "$model" ] || ! ls "$SOURCE"/.cache/onnxruntime/lib/libonnxruntime.so* >/dev/null 2>&1; then
    echo "skipped: no model and runtime in .cache (scripts/setup fetches them)"
    exit 77
fi
run() { timeout 200 "$JM" run "$model" -s estimate --no-idle -i 10ms --shape x=1x3x48x192 "$@"; }

check "layers are run alone" exits 0 run --runs 100 --dither --isolate --isolate-passes 2 --isolate-budget 8s -o a.jmap
check "and it is said how many and how long that took" says err 'layers were run alone, .* blocks: .* s'
check "what had no time is said" says err '--isolate-budget'
check "the rests are said" says out 'random rests of up to 30 %'
check "the recording holds what attribution needs" python3 - <<'P'
import sqlite3
db = sqlite3.connect("a.jmap")
meta = dict(db.execute("select key, value from meta"))
columns = [c[1] for c in db.execute("pragma table_info(span)")]
assert float(meta["dither_fraction"]) == 0.3, meta
assert int(meta["isolate_layers"]) >= 5, meta
assert 0 < float(meta["isolate_fraction"]) <= 1, meta
assert float(meta["isolate_s"]) < 30, meta
assert int(meta["isolate_skipped"]) == 0, meta
P
for method in share regress isolate fused; do
    check "$method explains it" sh -c "timeout 100 '$JM' report a.jmap --method $method --format json >$method.json"
done
check "each method closes, and throughput is that of the latency" python3 - <<'P'
import json
for method in ("share", "regress", "isolate", "fused"):
    r = json.load(open(method + ".json"))
    run, c = r["run"], r["closure"][0]
    assert run["iterations"] == 100, run
    assert abs(run["throughput_items_s"] - 1e3 / run["latency"]["mean_ms"]) < 1e-6 * run["throughput_items_s"], run
    rest = c["total_j"] - c["parts_j"] - c["idle_j"] - c["unattributed_j"] - c["residual_j"]
    assert abs(rest) < 1e-9 * c["total_j"], (method, c)
P
check "methods are put side by side" sh -c "timeout 100 '$JM' report a.jmap --compare-methods >m"
check "with a column each" says m 'share .*regress .*isolate .*fused'
# The truth is known: a counter at 50 W whatever runs. So each layer's energy is 50 W times its time.
cat >steady.txt <<'E'
channel energy energy counter domain=package step=0.001 period=1ms interpolate=yes accuracy=0.02
0      energy 0
1000s  energy 50000
1000s  end
E
check "a known load is measured" sh -c "timeout 200 '$JM' run '$model' -s replay:steady.txt --no-idle -i 2ms \
    --shape x=1x3x48x192 --runs 150 --dither --isolate --isolate-passes 3 --isolate-budget 10s -q -o k.jmap"
for method in share isolate fused regress auto; do
    check "$method explains it" sh -c "timeout 100 '$JM' report k.jmap --method $method --format json >$method.json"
done
# How far the profiler distorts, and so which layers can be told apart, depends on how busy the machine is: what a method says of a
# layer may differ from run to run, that it says it honestly may not. Coverage of the truth is tests/attribution's, in virtual time.
check "each method closes on the measured sum, or says why it gives no powers" python3 - <<'P'
import json
def known_of(method):
    r = json.load(open(method + ".json"))
    return r, [row for row in r["layers"] if row["energy_j"] is not None and row["energy_ci_j"]]
for method in ("isolate", "fused", "auto"):
    r, known = known_of(method)
    c = r["closure"][0]
    assert abs(c["total_j"] - 50 * r["run"]["duration_s"]) < 0.02 * c["total_j"], c
    rest = c["total_j"] - c["parts_j"] - c["idle_j"] - c["unattributed_j"] - c["residual_j"]
    assert abs(rest) < 1e-9 * c["total_j"], (method, c)
    assert known or any("shares by time" in w for w in r["warnings"]), (method, r["warnings"])
    assert all(row["energy_ci_j"][0] <= row["energy_j"] <= row["energy_ci_j"][1] for row in known), method
    if method != "isolate":
        assert r["method"] == ("fused" if known else "share"), r["method"]
        assert abs(c["residual_j"]) < 1e-3 * c["total_j"], c
r, known = known_of("isolate")
right = [row for row in known if row["mean_power_ci_w"][0] - 5 < 50 < row["mean_power_ci_w"][1] + 5]
assert len(known) >= 5 and len(right) > len(known) / 2, known
r = json.load(open("regress.json"))
assert all(row["energy_j"] is None for row in r["layers"]), "regress cannot place them"
assert any("profiled blocks only" in w for w in r["warnings"]), r["warnings"]
P
check "methods are put side by side with their cost" sh -c "timeout 100 '$JM' report k.jmap --compare-methods >m"
check "blocks cost time" says m 'cost: [1-9][0-9.]* s of blocks and [0-9.]* s of rests when recorded'
check "a fraction may follow" exits 0 run --runs 20 --dither 0.1 -q -o b.jmap
check "it is kept" sh -c "'$JM' report b.jmap | grep -q 'up to 10 %'"
check "the model may follow" sh -c "timeout 100 '$JM' run --dither '$model' -s estimate --no-idle --shape x=1x3x48x192 --runs 20 -q -o c.jmap >out"
check "a fraction above 1 is refused" exits 2 run --runs 20 --dither=1.5 -o d.jmap
check "no budget is refused" exits 2 run --runs 20 --isolate --isolate-budget 0 -o d.jmap
finish
