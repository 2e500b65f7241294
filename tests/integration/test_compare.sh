# `joulemap compare` as a user calls it, on recordings of commands and of a model.
. "$SOURCE/tests/integration/lib.sh"
power() { # power FILE WATTS
    printf 'channel power power gauge domain=package period=10ms interpolate=yes\n0 power %s\n1000s power %s\n1000s end\n' "$2" "$2" >"$1"
}
power a.txt 40
power b.txt 20
for n in 1 2 3; do
    "$JM" record -q -s replay:a.txt -i 10ms -o "a$n.jmap" -- sleep 0.4
    "$JM" record -q -s replay:b.txt -i 10ms -o "b$n.jmap" -- sleep 0.4
done
check "two commands are compared" exits 0 "$JM" compare a1.jmap b1.jmap
check "one run each is no verdict" says out 'which is no verdict'
check "trials of one name belong together" exits 0 "$JM" compare A=a1.jmap A=a2.jmap A=a3.jmap B=b1.jmap B=b2.jmap B=b3.jmap
check "and give an interval" says out 'intervals from 3 trials'
check "half the power is seen" says out 'power W .*0.50× \[0.50, 0.50\]\*'
check "there is JSON" sh -c "'$JM' compare a1.jmap b1.jmap --format json >c.json"
check "with what the table says" python3 - <<'P'
import json
c = json.load(open("c.json"))
assert c["format"] == "joulemap-compare/1", c["format"]
a, b = c["variants"]
assert a["name"] == "a1" and abs(a["figures"]["mean_power_w"]["mean"] - 40) < 0.1, a
ratio = b["figures"]["mean_power_w"]["ratio"]
assert abs(ratio["value"] - 0.5) < 1e-3 and ratio["ci"] is None and ratio["basis"] == "none", ratio
P
for format in csv trial aggregated benchmark_results energy_results_aggregated; do
    check "there is $format" sh -c "'$JM' compare a1.jmap b1.jmap --format $format >$format.csv"
done
check "each parses" python3 - <<'P'
import csv
rows = {f: list(csv.DictReader(open(f + ".csv"))) for f in ("csv", "trial", "aggregated", "benchmark_results", "energy_results_aggregated")}
assert len(rows["trial"]) == 2 and len(rows["trial"][0]) == 39, rows["trial"]
assert abs(float(rows["trial"][1]["mean_power_w"]) - 20) < 0.1, rows["trial"]
assert len(rows["energy_results_aggregated"]) == 2 and len(rows["energy_results_aggregated"][0]) == 4 + 6 * 4
assert len(rows["aggregated"][0]) == 15 and len(rows["benchmark_results"][0]) == 12
assert all(None not in r and None not in r.values() for f in rows.values() for r in f)
P
check "carbon and price are the user's figures" exits 0 "$JM" compare a1.jmap b1.jmap --carbon 420 --price 0.30EUR
check "said to be that" says out 'at 420 g CO2e/kWh and 0.3 EUR/kWh, your own figures'
check "in grams" says out '^g CO2e  *[0-9]'
check "none is assumed" sh -c "! '$JM' compare a1.jmap b1.jmap | grep -q CO2e"
check "a figure that is none is refused" exits 1 "$JM" compare a1.jmap b1.jmap --carbon lots
check "and named" says err "'lots' is no carbon intensity"
"$JM" compare a1.jmap b1.jmap --format json --price 0.3 >priced.json
check "JSON has them, too" python3 - <<'P'
import json
t = json.load(open("priced.json"))["tariff"]
assert t["source"] == "given by the user" and t["variants"][0]["price"] > 0 and t["variants"][0]["carbon_g"] is None, t
P
check "files of other programs" exits 0 "$JM" compare a1.jmap b1.jmap --csv-folder files
for file in trial_results.csv aggregated_comparison.csv benchmark_results.csv energy_results_aggregated.csv; do
    check "among them $file" [ -e "files/$file" ]
done
check "JSON among them" python3 - <<'P'
import json
r = json.load(open("files/energy_results_aggregated.json"))
assert [v["num_trials"] for v in r] == [1, 1] and r[0]["avg_power_w_mean"] > 39, r
P
check "they are not overwritten" exits 1 "$JM" compare a1.jmap b1.jmap --csv-folder files
check "how to is said" says err 'force'
# Somebody else's link in a folder that is shared must not lead the output elsewhere, forced or not.
mkdir shared
echo precious >precious
ln -s ../precious shared/benchmark_results.csv
check "a link is not followed" exits 1 "$JM" compare a1.jmap b1.jmap --csv-folder shared -f
check "but named" says err 'benchmark_results.csv: it is a symbolic link'
check "and what it points to is as it was" grep -qx precious precious
check "no other file is written then" [ "$(ls shared)" = benchmark_results.csv ]
check "layers of recordings without any are refused" exits 1 "$JM" compare a1.jmap --format per_layer_energy
check "other sensors are said" sh -c "'$JM' record -q -s estimate -o e.jmap -- sleep 0.2 && '$JM' compare a1.jmap e.jmap >out"
check "at the top" sh -c "head -1 out | grep -q 'no ratios of power or energy'"
check "a variant that is none cannot come first" exits 1 "$JM" compare a1.jmap b1.jmap --against c1
check "and those that are known are told" says err 'one of: a1, b1'
check "one that is known can" exits 0 "$JM" compare a1.jmap b1.jmap --against b1
check "and the other is set against it" says out '^against b1'
check "a file that is missing is named" exits 1 "$JM" compare a1.jmap none.jmap
check "by its name" says err 'none.jmap'
check "no recording is a question" exits 2 "$JM" compare
check "an unknown format is refused" exits 1 "$JM" compare a1.jmap --format banana
check "a folder holds the trials" sh -c "mkdir f && cp a1.jmap b1.jmap f && '$JM' compare f >out"
check "named after their files" says out ' b1$'
finish
