# record --cuda and what reports make of it, with a stand-in for CUPTI and a program that drives it. No GPU is needed.
. "$SOURCE/tests/integration/lib.sh"

export JOULEMAP_CUPTI="$BUILD/fakes/fake_cupti.so" JOULEMAP_CUDA_LIBRARY="$BUILD/libjoulemap_cuda.so" TMPDIR="$WORK"
unset CUDA_INJECTION64_PATH NVTX_INJECTION64_PATH FAKE_CUPTI
PROGRAM="$BUILD/fakes/cuda_program"

record() { # record NAME WORD...: records the program into NAME.jmap
    local name=$1
    shift
    exits 0 "$JM" record --cuda -s estimate -f -o "$name.jmap" -- "$PROGRAM" "$@"
}

meta() { # meta NAME PYTHON-EXPRESSION over the meta table m and spans s, as {(kind, flags, type, name): count}
    python3 -c "
import sqlite3
db = sqlite3.connect('$1.jmap')
m = dict(db.execute('SELECT key, value FROM meta'))
s = {r[:4]: r[4] for r in db.execute('SELECT kind, flags, type, name, count(*) FROM named_span GROUP BY kind, flags, type, name')}
assert ($2), (m, s)"
}

rows() { # rows NAME BY PYTHON-EXPRESSION over the rows r, as {name: row}, and the report j
    "$JM" report "$1.jmap" --by "$2" --baseline none --format json >"$1.json" && python3 -c "
import json
j = json.load(open('$1.json'))
r = {x['name']: x for x in j['layers']}
assert ($3), (list(r), j['warnings'])"
}

MULTIPLY='at::native::vectorized_elementwise_kernel<4, BinaryFunctor<MulFunctor<float>, ...>, ...>'

check "a program is recorded" record a work 50
check "nothing is wrong with it" sh -c '! grep warning err'
check "every kernel, copy and range is there" meta a "m['cuda_kernels'] == '250' and m['cuda_copies'] == '100' and
    m['cuda_ranges'] == '100' and m['cuda_dropped'] == '0' and m['cuda_processes'] == '1'"
check "names are short, kernels of graphs keep their graph" meta a "s['kernel', 0, 'kernel', '$MULTIPLY'] == 50 and
    s['kernel', 0, 'kernel', 'ampere_sgemm_128x64_tn'] == 100 and s['kernel', 0, 'graph 2', 'in_graph_b'] == 50 and
    s['copy', 0, 'memcpy', 'memcpy HtoD'] == 50 and s['copy', 0, 'memset', 'memset'] == 50"
check "work belongs to the innermost range" meta a "s['range', 8, 'range', 'encoder'] == 100 and
    s['range', 8, 'range', 'forward'] == 50 and s['range', 0, 'range', 'forward'] == 50"
check "the folder is gone" sh -c '! ls -d joulemap-cuda-* 2>/dev/null'
check "by kernel: time and energy of each" rows a kernel \
    "r['$MULTIPLY']['count'] == 50 and abs(r['$MULTIPLY']['time_s'] - 50 * 20e-6) < 1e-5 and r['$MULTIPLY']['energy_j'] > 0"
check "by kernel: idle between kernels is no kernel's" rows a kernel \
    "all(c['unattributed_j'] + c['idle_j'] > 0 for c in j['closure'] if c['parts_j'])"
check "by range: only what ran counts" rows a range "abs(r['encoder']['time_s'] - 100 * 20e-6) < 1e-5 and
    abs(r['(outside ranges)']['time_s'] - 200 * 20e-6) < 1e-5"
check "by stream" rows a stream "len(r) == 2 and all('GPU 0' in n for n in r)"
check "the table by kernel" sh -c "'$JM' report a.jmap --by kernel | grep -q 'ampere_sgemm_128x64_tn'"

check "children of fork and exec are recorded" record b fork exec work 10
check "each process has its own tracks" meta b "m['cuda_processes'] == '3' and m['cuda_kernels'] == '150' and
    sum(' GPU 0 ' in str(v) for v in m.values()) == 6"

check "a killed program is recorded" exits 137 "$JM" record --cuda -s estimate -f -o c.jmap -- "$PROGRAM" work 10 kill
check "and what may be missing is said" says err "ended without closing"

FAKE_CUPTI=skewed check "a clock of CUPTI's own" record d work 100
check "is tied to ours" meta d "abs(int(m['cuda_clock_residual_ns'])) < 1e7 and m['cuda_kernels'] == '500'"
check "within the window" rows d kernel "abs(r['$MULTIPLY']['time_s'] - 100 * 20e-6) < 100 * 20e-6 * 0.001"

FAKE_CUPTI=coarse check "a CUPTI that knows no single calls" record n work 8000
check "is made to record all, and it is said" says err "were not told their range"
check "from then on kernels are told their range" meta n "0 < s['range', 8, 'range', 'encoder'] < 16000"

FAKE_CUPTI=drop check "dropped records" record e work
check "are counted and said" sh -c "grep -q 'dropped 3 records' err && '$JM' report e.jmap | grep -q 'dropped 3 records'"

check "without the privilege the run goes on" env FAKE_CUPTI=privilege "$JM" record --cuda -q -s estimate -f -o f.jmap -- \
    "$PROGRAM" work 2>err
check "and the reason is said" says err "lets only administrators profile.*CUPTI_ERROR_INSUFFICIENT_PRIVILEGES"
check "without kernels there is no report by kernel" exits 1 "$JM" report f.jmap --by kernel
check "and it says how to get one" says err "record --cuda"

FAKE_CUPTI=busy check "beside another profiler the run goes on" record g work
check "and it is told apart" says err "another profiler uses CUPTI"

FAKE_CUPTI=old check "with an old CUPTI the run goes on" record h work
check "and it is said" says err "older than version 11"

check "when another profiler takes over, the run goes on" record i work 10 takeover
check "it is said" says err "took CUPTI over"
check "and what came before is there" meta i "m['cuda_kernels'] == '50'"

JOULEMAP_CUPTI=/no/such/library.so check "without CUPTI the run goes on" record k silent
check "a program without CUDA is said to be one" says err "no process initialised CUDA"
JOULEMAP_CUDA_LIBRARY=/no/such check "without the library there is no run" exits 1 "$JM" record --cuda -o l.jmap -- true
check "and it says which variable is wrong" says err "JOULEMAP_CUDA_LIBRARY"
check "--cuda wants a command" exits 2 "$JM" record --cuda -d 1
finish
