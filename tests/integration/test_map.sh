# joulemap map on an invented tree: the command, its files and its refusals.
. "$SOURCE/tests/integration/lib.sh"

mkdir -p raw/net/trt_profiling raw/.hidden
echo '{"timestamp": "20300101-000000", "avg_idle_power": 1000000.0}' >raw/idling_power.json
for i in 0 1 2 3 4; do echo "20300101-00:00:00.${i}0,5000.0,$((300 + i * 100)).0"; done >raw/net/net_power_log.log
echo '{"Layers": [{"Name": "conv", "LayerType": "CaskConvolution"}]}' >raw/net/trt_profiling/trt_engine_info.json
echo '{"conv": [[200.0, "20300101-00:00:00.25"]]}' >raw/net/trt_profiling/trt_layer_latency.json
row="1,conv,CaskConvolution,2250000.0,1250000.0,200.0"

check "map maps" exits 0 "$JM" map --raw-data-dir raw --result-dir mapped
check "the row is right" [ "$(tail -n 1 mapped/net/power_runtime_mapping_layerwise.csv)" = "$row" ]
check "the time outside of layers is told" says out 'lie outside of every layer'
check "the engine info is copied" cmp raw/net/trt_profiling/trt_engine_info.json mapped/net/trt_engine_info.json
check "nothing is overwritten" exits 1 "$JM" map --raw-data-dir raw --result-dir mapped
check "the remedy is named" says err '--force'
check "--force overwrites, --compat head agrees" exits 0 "$JM" map --raw-data-dir raw --result-dir mapped -f --compat head
check "the row of head is right" [ "$(tail -n 1 mapped/net/power_runtime_mapping_layerwise.csv)" = "$row" ]
check "an unknown way is refused" exits 2 "$JM" map --compat other
check "a missing tree is refused" exits 1 "$JM" map --raw-data-dir nowhere --result-dir mapped
check "and named" says err nowhere
echo '{"conv": [[200.0' >raw/net/trt_profiling/trt_layer_latency.json
check "a cut file is refused" exits 1 "$JM" map --raw-data-dir raw --result-dir other
check "with its place" says err 'trt_layer_latency.json:2 (byte'
check "and leaves no CSV" [ ! -e other/net/power_runtime_mapping_layerwise.csv ]
finish
