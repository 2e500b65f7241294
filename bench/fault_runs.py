"""What bench/faults.py puts to the program: one function a kind of run, and how what is left is judged."""
import hashlib
import json
import os
import random
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile

SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CORPUS = os.path.join(SOURCE, "tests/fuzz/corpus")
MODEL = os.path.join(SOURCE, ".cache/models/ch_ppocr_mobile_v2.0_cls_mobile.onnx")
PATIENCE = 120  # of what must end: more is a program that hangs
POWER_W = {"package": 50, "core": 30}
WRAP_J = 262


class Blame(Exception):
    """What did not hold."""


def require(is_true, what, shown=""):
    if not is_true:
        raise Blame(f"{what} {shown}".strip())


def hash_of(path):
    with open(path, "rb") as f:
        return hashlib.md5(f.read()).hexdigest()


def hashes_below(folder):
    return {os.path.relpath(os.path.join(d, f), folder): hash_of(os.path.join(d, f)) for d, _, files in os.walk(folder) for f in files}


class World:
    """One run: its folder, its random numbers, and how the program is called."""

    def __init__(self, program, seed, base, may_step=False):
        self.program, self.base, self.seed, self.may_step = program, base, seed, may_step
        self.random = random.Random(seed)
        self.folder = tempfile.mkdtemp(prefix=f"joulemap-faults-{seed}-")
        self.facts = {}
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("JOULEMAP_", "AWS_", "TRAPS_"))}
        self.environment.update(HOME=self.folder, XDG_DATA_HOME=self.path("xdg"), NO_COLOR="1", GIT_CONFIG_NOSYSTEM="1")

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def count(self, fact, n=1):
        self.facts[fact] = self.facts.get(fact, 0) + n

    def start(self, *arguments, **options):
        options.setdefault("cwd", self.folder)
        options.setdefault("env", self.environment)
        return subprocess.Popen([self.program, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                start_new_session=True, **options)  # fmt: skip

    def finish(self, process, may_be_killed=False):
        try:
            out, err = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise Blame(f"does not end: {process.args}") from None
        text = err.decode(errors="replace")
        is_kill = process.returncode == -signal.SIGKILL and may_be_killed
        require(process.returncode >= 0 or is_kill, f"ended by signal {-process.returncode}: {process.args}", text[-500:])
        require("Sanitizer" not in text and "runtime error:" not in text, "a sanitizer speaks", text[-2000:])
        return process.returncode, out, text

    def call(self, *arguments, **options):
        return self.finish(self.start(*arguments, **options))

    def refuses_in_words(self, code, err, what):
        require(code in (0, 1), f"{what}: exit code {code}", err[-300:])
        require(code == 0 or err.strip(), f"{what} fails without a word")

    def close(self, keep):
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)


# ---- Judging -------------------------------------------------------------------------------------------------------


def check_sums(report):
    for name in ("closure", "process_closure"):
        for c in report[name]:
            if c["total_j"] is None:
                continue
            parts = [c[k] for k in ("parts_j", "idle_j", "unattributed_j", "residual_j")]
            require(None not in parts, f"{name}: a part of a known total is unknown", json.dumps(c))
            size = sum(map(abs, parts)) + abs(c["total_j"])
            require(abs(sum(parts) - c["total_j"]) <= 1e-9 * size + 1e-9, f"{name} does not add up", json.dumps(c))


def report_of(w, path, *options):
    """The report, or None where it was refused in words."""
    code, out, err = w.call("report", path, "--baseline", "none", "--format", "json", *options)
    w.refuses_in_words(code, err, "report")
    if code:
        w.refusal = err
        return None
    report = json.loads(out)
    check_sums(report)
    return report


def samples_of(path):
    """[(channel, name, t, half width, value)] of a recording, gaps left out; None: it is not one."""
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        names = dict(db.execute("SELECT id, name FROM channel"))
        return [(c, names[c], t, h, v) for c, t, h, v in
                db.execute("SELECT channel, t_ns, half_width_ns, value FROM sample WHERE value IS NOT NULL")]  # fmt: skip
    except sqlite3.Error:
        return None
    finally:
        db.close()


def check_lines(samples):
    """Counters of known power: every reading lies on the line through the first, in order, no moment twice."""
    by_channel = {}
    for channel, name, t, half, value in samples:
        by_channel.setdefault((channel, name.rsplit("/", 1)[1]), []).append((t, half, value))
    for (_, name), rows in by_channel.items():
        if name not in POWER_W:
            continue
        rows.sort()
        t0, h0, v0 = rows[0]
        for (t, half, value), before in zip(rows[1:], rows):
            require(t > before[0], f"{name}: two readings at one moment")
            expected_uj = v0 + POWER_W[name] * (t - t0) * 1e-3
            off_uj = (value - expected_uj + WRAP_J * 5e5) % (WRAP_J * 1e6) - WRAP_J * 5e5
            slack_uj = POWER_W[name] * (half + h0) * 1e-3 + 200
            require(abs(off_uj) <= slack_uj, f"{name}: a reading that was not shown", f"off by {off_uj} uJ of {slack_uj}")


def judge_recording(w, path, must_open=False, on_line=True):
    """Of a recording that may have been cut short by a kill. Gives its report, or None."""
    samples = samples_of(path) if os.path.exists(path) else None
    require(samples is not None or not must_open, "the recorder had started, and its recording does not open")
    if samples is None:
        return None
    w.count("readings", len(samples))
    if on_line:
        check_lines(samples)
    report = report_of(w, path)
    # Energy lies between readings; one, or one before what the recording is of began, gives none.
    n_moments = len({t for _, _, t, _, _ in samples})
    require(report is not None or n_moments < 3, "a recording with readings has no report", getattr(w, "refusal", ""))
    for c in report["channels"] if report else ():
        require(c["energy_j"] is None or c["energy_j"] >= -1e-9, "an energy below nothing", json.dumps(c))
    return report


def write_script(w, name="script"):
    """Two counters of known power, with faults of their sensors by chance."""
    lines = ["sensor package", f"channel package energy counter domain=package wrap={WRAP_J} step=0.000061 interpolate=yes",
             f"channel core energy counter domain=core part_of=package wrap={WRAP_J} step=0.000061 interpolate=yes", "0 package 0", "0 core 0"]  # fmt: skip
    faults = []
    for _ in range(w.random.randrange(4)):
        at = w.random.randrange(1, 2000)
        kind = w.random.choice(["error again 30ms", "error io 50ms", "stall 80ms", "error again", "error gone"])
        faults.append((at, f"{at}ms {kind}"))
    lines += [text for _, text in sorted(faults)]
    lines += [f"10000s package {POWER_W['package'] * 10000}", f"10000s core {POWER_W['core'] * 10000}", "10000s end"]
    with open(w.path(name), "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")
    return "replay:" + w.path(name)


def kill_later(w, process, longest_s):
    """SIGKILL at a random moment, unless it has ended by then. Gives whether it was killed."""
    try:
        process.wait(timeout=w.random.random() * longest_s)
        return False
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        return True


# ---- Traces and recordings that are damaged ----------------------------------------------------------------------------

HUGE = [b"9" * 400, b"-1", b"1e308", b"NaN", b"18446744073709551616", b'"', b"A" * 70000, b"\xff\xfe", b"\x00", b"[" * 100, b"{", b"\n", b","]


def damaged(w, data):
    data = bytearray(data)
    for _ in range(w.random.choice([1, 1, 2, 5, 20])):
        at = w.random.randrange(len(data) + 1)
        n = w.random.choice([1, 1, 4, 30, 1000])
        kind = w.random.randrange(9)
        if kind >= 6:  # what may well be taken: another digit, or an end between lines
            digits = [m.start() for m in re.finditer(rb"\d", bytes(data[:200000]))]
            ends = [m.end() for m in re.finditer(rb"\n", bytes(data))]
            if kind == 8 and ends:
                del data[w.random.choice(ends) :]
            elif digits:
                data[w.random.choice(digits)] = ord("0") + w.random.randrange(10)
        elif kind == 0:
            del data[at:]
        elif kind == 1:
            for i in range(at, min(at + n, len(data))):
                data[i] ^= 1 << w.random.randrange(8)
        elif kind == 2:
            data[at:at] = w.random.choice(HUGE)
        elif kind == 3:
            del data[at : at + n]
        elif kind == 4:
            data[at:at] = data[at : at + n] * w.random.choice([1, 3])
        else:
            numbers = list(re.finditer(rb"\d+(\.\d+)?", bytes(data[:200000])))
            if numbers:
                a, b = w.random.choice(numbers).span()
                data[a:b] = w.random.choice(HUGE)
    return bytes(data)


def power_log(w):
    lines = []
    for i in range(w.random.randrange(20, 200)):
        lines.append(f"20300101-00:00:{1 + i * 0.01:09.6f},5000.0,{900 + w.random.randrange(200)}.5")
    return ("\n".join(lines) + "\n").encode()


def check_power_log(data, samples):
    """Every reading is the product of two neighbouring numbers of the file."""
    known = set()
    for line in data.replace(b"\r", b"\n").split(b"\n"):
        numbers = [float(x) for x in re.findall(rb"[-+]?\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+", line) if abs(float(x)) < 1e15]
        known.update(round(a * b) for a, b in zip(numbers, numbers[1:]))
    for _, _, _, _, value in samples:
        require(any(v in known for v in (value - 1, value, value + 1)), "a reading that is not in the file", str(value))


def import_damaged(w):
    traces = [os.path.join(CORPUS, f) for f in (
        "chrome/kineto.json", "csv_spans/spans.csv", "gpu_sources/gpu_sources.csv", "idle_power/idling_power.json",
        "nvidia_smi/nvidia_smi.csv", "onnxruntime/onnxruntime.json", "power_lines/power_lines.log", "process_power/CPU.json",
        "run_latencies/net_tensorrt.json", "tensorrt_engine/trt_engine_info.json", "tensorrt_latency/trt_layer_latency.json",
        "trtexec/trtexec_profile.json", "trtexec/trtexec_timing.json", "aipowermeter/power_metrics.json", "cuda/h200", "chrome/packed.gz")]  # fmt: skip
    inputs = []
    log = damaged(w, power_log(w)) if w.random.random() < 0.5 else None
    chosen = w.random.sample(traces, w.random.choice([0, 1, 2]) if log else w.random.choice([1, 1, 2]))
    for trace in chosen:
        with open(trace, "rb") as f:
            inputs.append((os.path.basename(trace), damaged(w, f.read())))
    if log is not None:
        inputs.append(("power.log", log))
    for i, (name, data) in enumerate(inputs):
        inputs[i] = (w.path(f"{i}-{name}"), data)
        with open(inputs[i][0], "wb") as f:
            f.write(data)
    code, _, err = w.call("import", *(p for p, _ in inputs), "-o", w.path("out.jmap"))
    w.refuses_in_words(code, err, "import")
    w.count("imported" if code == 0 else "refused")
    for path, data in inputs:
        with open(path, "rb") as f:
            require(f.read() == data, "a trace was changed")
    if code:
        require(not os.path.exists(w.path("out.jmap")), "a refused import leaves a recording")
        return
    judge_recording(w, w.path("out.jmap"), must_open=True, on_line=False)
    if len(inputs) == 1 and log is not None:
        check_power_log(log, samples_of(w.path("out.jmap")))


def cut_recording(w):
    base = w.random.choice(w.base)
    with open(base, "rb") as f:
        data = bytearray(f.read())
    kind = w.random.randrange(4)
    if kind == 0:
        del data[w.random.randrange(len(data)) :]
    elif kind == 1:
        for _ in range(w.random.choice([1, 8, 100])):
            data[w.random.randrange(len(data))] ^= 1 << w.random.randrange(8)
    elif kind == 2:
        page = w.random.randrange(len(data) // 4096 + 1) * 4096
        data[page : page + 4096] = bytes(len(data[page : page + 4096]))
    else:
        a, b = (w.random.randrange(len(data) // 4096) * 4096 for _ in range(2))
        data[a : a + 4096] = data[b : b + 4096]
    path = w.path("cut.jmap")
    with open(path, "wb") as f:
        f.write(data)
    report = report_of(w, path, *w.random.choice([[], ["--method", "share"], ["--by", "process"]]))
    w.count("explained" if report else "refused")
    code, _, err = w.call("export", path, "--format", w.random.choice(["chrome", "html", "csv", "prometheus", "perfetto"]), "-o", w.path("out"))
    w.refuses_in_words(code, err, "export")
    with open(path, "rb") as f:
        require(f.read() == bytes(data), "a recording was changed by reading it")
    if kind == 0 and report:
        whole = report_of(w, base)
        known = {c["name"]: c["ledger"]["taken"] for c in whole["channels"]}
        for c in report["channels"]:
            require(c["ledger"]["taken"] <= known.get(c["name"], -1), "a reading that was not there", c["name"])


# ---- Kills, processes, clocks --------------------------------------------------------------------------------------------


def record_killed(w):
    out, started = w.path("run.jmap"), w.path("started")
    command = w.random.choice(["sleep 60", "while :; do sleep 0.01; done", "(sleep 0.1 & sleep 0.2) & sleep 60"])
    process = w.start("record", "-q", "-s", write_script(w), "-i", w.random.choice(["1ms", "5ms", "20ms", "100ms"]), "-o", out, "--",
                      "sh", "-c", f"echo >'{started}'; {command}")  # fmt: skip
    w.count("killed", kill_later(w, process, 1.5))
    has_started = os.path.exists(started)
    os.killpg(process.pid, signal.SIGKILL)
    w.finish(process, may_be_killed=True)
    report = judge_recording(w, out, must_open=has_started)
    w.count("opened", report is not None)


def run_killed(w):
    out = w.path("run.jmap")
    process = w.start("run", MODEL, "-q", "-s", write_script(w), "--no-idle", "-i", "5ms", "--shape", "x=1x3x48x192", "--runs", "2000", "-o", out)
    w.count("killed", kill_later(w, process, 4))
    w.finish(process, may_be_killed=True)
    w.count("opened", judge_recording(w, out) is not None)


def processes_vanish(w):
    out = w.path("run.jmap")
    tree = ("import os, signal, random, subprocess, time\nr = random.Random(%d)\nrunning = []\nend = time.monotonic() + 0.7\n"
            "while time.monotonic() < end:\n running.append(subprocess.Popen(['sh', '-c', 'i=0; while [ $i -lt 9000 ]; do i=$((i+1)); done & sleep 0.05']))\n"
            " time.sleep(r.random() * 0.05)\n if len(running) > 3: running.pop(r.randrange(len(running))).kill()\n"
            "for p in running: p.kill()\n" % w.seed)  # fmt: skip
    code, _, err = w.call("record", "-q", "-s", write_script(w), "-i", "10ms", "--process-interval", w.random.choice(["5ms", "20ms", "100ms"]),
                          "-o", out, "--", sys.executable, "-c", tree)  # fmt: skip
    require(code == 0, f"record exits with {code}", err[-300:])
    report = judge_recording(w, out, must_open=True)
    for p in report["processes"]:
        require(p["energy_j"] is None or p["energy_j"] >= -1e-9, "a process of negative energy", json.dumps(p)[:300])
    w.count("processes", len(report["processes"]))


def stepping_clock(w):
    """An environment in which the wall clock steps three times."""
    steps = sorted((w.random.randrange(0, 700), w.random.randrange(-90000, 90000)) for _ in range(3))
    return dict(w.environment, LD_PRELOAD=clock_library(w.program), CLOCK_STEPS=",".join(f"{a}:{b}" for a, b in steps))


def clock_library(program):
    return os.path.join(os.path.dirname(program), "fakes/clock_steps.so")


def clock_steps(w):
    out, environment = w.path("run.jmap"), stepping_clock(w)
    process = w.start("record", "-q", "-s", write_script(w), "-i", "5ms", "-d", "0.8", "-o", out, env=environment)
    is_killed = w.random.random() < 0.3 and kill_later(w, process, 1)
    code, _, err = w.finish(process, may_be_killed=True)
    require(is_killed or code == 0, f"record exits with {code}", err[-300:])
    report = judge_recording(w, out, must_open=not is_killed)
    w.count("opened", report is not None)


# ---- Versioned data ----------------------------------------------------------------------------------------------------------


def check_objects(root):
    """Whatever is in a cache or a folder that is a remote is what its name says."""
    for d, _, files in os.walk(os.path.join(root, "files/md5")):
        for name in files:
            oid = (os.path.basename(d) + name).removesuffix(".dir")
            require(hash_of(os.path.join(d, name)) == oid, "an object that is not what its name says", os.path.join(d, name))


def data_act(w, cwd, *arguments):
    """One command, which a kill or a full disk may end. Gives whether it succeeded."""
    options, kind = {"cwd": cwd}, w.random.randrange(3)
    if kind == 0:
        limit = w.random.choice([1000, 30000, 200000, 800000])

        def full():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        options["preexec_fn"] = full
    process = w.start("data", *arguments, **options)
    if kind == 1:
        w.count("killed", kill_later(w, process, w.random.choice([0.02, 0.1])))
    code, _, err = w.finish(process, may_be_killed=True)
    require(code in (0, 1, -signal.SIGKILL), f"data {arguments}: exit code {code}", err[-300:])
    require(code != 1 or err.strip(), f"data {arguments} fails without a word")
    w.count("disk full", kind == 0 and code == 1)
    return code == 0


def data_must(w, cwd, *arguments):
    code, _, err = w.call("data", *arguments, cwd=cwd)
    require(code == 0, f"data {arguments} does not succeed afterwards: {code}", err[-400:])


def data_disturbed(w):
    ours, theirs, store = w.path("ours"), w.path("theirs"), w.path("store")
    os.makedirs(os.path.join(ours, "raw/deep"))
    data_must(w, ours, "init")
    for i in range(12):
        with open(os.path.join(ours, "raw", "deep" if i % 3 else ".", f"f{i}"), "wb") as f:
            f.write(w.random.randbytes(w.random.choice([0, 10, 4000, 1200000 if i == 5 else 100])))
    mine = hashes_below(os.path.join(ours, "raw"))
    data_must(w, ours, "remote", "add", "-d", "store", store)
    for act in (["add", "raw"], ["push"]):
        for _ in range(w.random.randrange(4)):
            data_act(w, ours, *act)
            require(hashes_below(os.path.join(ours, "raw")) == mine, f"{act}: the user's data was changed")
            check_objects(os.path.join(ours, ".dvc/cache"))
            check_objects(store)
        data_must(w, ours, *act)
    os.makedirs(theirs)
    shutil.copytree(os.path.join(ours, ".dvc"), os.path.join(theirs, ".dvc"), ignore=shutil.ignore_patterns("cache", "tmp"))
    shutil.copy(os.path.join(ours, "raw.dvc"), theirs)
    for _ in range(w.random.randrange(4)):
        data_act(w, theirs, "pull")
        there = hashes_below(os.path.join(theirs, "raw"))
        require(all(mine.get(k) == v for k, v in there.items() if ".joulemap-" not in k), "a file that is not whole, or not theirs", str(sorted(there)))
        check_objects(os.path.join(theirs, ".dvc/cache"))
    data_must(w, theirs, "pull")
    there = hashes_below(os.path.join(theirs, "raw"))
    require(there == mine, "what was pulled is not what was added", str(there.keys() ^ mine.keys()))
    for folder in (os.path.join(ours, ".dvc/cache"), os.path.join(theirs, ".dvc/cache"), store):
        left = [f for f in hashes_below(os.path.join(folder, ".joulemap")) if f.startswith("new.")]
        w.count("left over", len(left))
