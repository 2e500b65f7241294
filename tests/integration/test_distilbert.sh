# A real network on a real GPU, from the command line alone: imported, nothing calibrated.
. "$SOURCE/tests/integration/lib.sh"
data="${JM_SHARED:-$SOURCE/../shared/data}/h200/distilbert"
[ -e "$data" ] || data="$SOURCE/../../shared/data/h200/distilbert"
if [ ! -e "$data/spans_fp32.csv.gz" ]; then
    echo "SKIP: the shared data (h200/distilbert) is not here"
    exit 77
fi
check "it is imported" exits 0 "$JM" import "$data/power_fp32.csv.gz" "$data/spans_fp32.csv.gz" --isolated A -o d.jmap
check "blocks are taken by choice" says err '354 blocks of layers run alone, in phase A'
for stage in B C; do
    for method in fused isolate; do
        check "stage $stage: $method explains it" sh -c \
            "timeout 60 '$JM' report d.jmap --window $stage --method $method --format json >$stage.$method.json"
    done
done
check "stage C without blocks is refused" sh -c \
    "timeout 60 '$JM' report d.jmap --window C --method regress | grep -q 'lag unanchored'"
check "fused closes within 1 % of the energy counter, and heavy layers are near to themselves alone" python3 - <<'P'
import json
HEAVY = ("ffn.lin1", "ffn.lin2", "attention.q_lin", "attention.k_lin", "attention.v_lin", "attention.out_lin")
for stage in "BC":
    fused, alone = (json.load(open(f"{stage}.{m}.json")) for m in ("fused", "isolate"))
    c = fused["closure"][0]
    counter = next(x["energy_j"] for x in fused["channels"] if x["name"].endswith("energy"))
    found = c["parts_j"] + c["idle_j"] + c["unattributed_j"]
    print(f"stage {stage}: {found:.1f} J, counter {counter:.1f} J ({100 * (found / counter - 1):+.2f} %)", *fused["notes"])
    assert abs(found / counter - 1) <= 0.01, stage
    levels = {row["name"]: row for row in alone["layers"]}
    for row in fused["layers"]:
        assert row["energy_j"] is not None, row
        if not row["name"].endswith(HEAVY):
            continue
        level = levels[row["name"]]["mean_power_w"]
        low, high = row["mean_power_ci_w"]
        assert abs(row["mean_power_w"] / level - 1) <= 0.05 or low <= level <= high, row
P
finish
