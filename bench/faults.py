#!/usr/bin/env python3
"""Faults put to the program as it is used, by seed: traces that are cut, corrupted, of huge fields; recordings that are cut off; SIGKILL at
any moment of record, run, serve and data; processes that vanish; wall clocks that step; clients of the service that vanish, stall and lie;
disks that fill under data. Prints JSON; exit code 1 when a recording did not open, had a reading that was not shown, or did not add up,
when something of the user's was changed or lost, or when the program crashed. The recorder alone, in virtual time:
bench_fault_campaign.

usage: bench/faults.py [--joulemap PROGRAM] [--runs N] [--seed FIRST] [--kinds KIND,...] [--jobs N] [--keep]"""
import argparse
import concurrent.futures
import hashlib
import json
import math
import os
import random
import re
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time

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

    def __init__(self, program, seed, base):
        self.program, self.base, self.seed = program, base, seed
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
        kind = w.random.randrange(6)
        if kind == 0:
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


def clock_steps(w):
    out = w.path("run.jmap")
    steps = sorted((w.random.randrange(0, 700), w.random.randrange(-90000, 90000)) for _ in range(3))
    preload = os.path.join(os.path.dirname(w.program), "fakes/clock_steps.so")
    environment = dict(w.environment, LD_PRELOAD=preload, CLOCK_STEPS=",".join(f"{a}:{b}" for a, b in steps))
    process = w.start("record", "-q", "-s", write_script(w), "-i", "5ms", "-d", "0.8", "-o", out, env=environment)
    is_killed = w.random.random() < 0.3 and kill_later(w, process, 1)
    code, _, err = w.finish(process, may_be_killed=True)
    require(is_killed or code == 0, f"record exits with {code}", err[-300:])
    report = judge_recording(w, out, must_open=not is_killed)
    w.count("opened", report is not None)


# ---- The service -----------------------------------------------------------------------------------------------------------


class Client:
    """Does to the service what it should not."""

    def __init__(self, w, port):
        self.w, self.port, self.held = w, port, []

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def request(self, method, path, body=None):
        text = json.dumps(body) if body is not None else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n" if body is not None else ""
        return (head + "\r\n" + text).encode()

    def ask(self, method, path, body=None):
        with self.connect() as s:
            s.sendall(self.request(method, path, body))
            data = b""
            while piece := s.recv(65536):
                data += piece
        head, _, rest = data.partition(b"\r\n\r\n")
        return int(head.split()[1]), rest

    def vanish(self):
        s = self.connect()
        if self.w.random.random() < 0.5:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        data = self.request("POST", "/measurements", {"pids": [os.getpid()], "duration_s": 0.2})
        s.sendall(data[: self.w.random.randrange(len(data) + 1)])
        s.close()

    def stall(self):
        s = self.connect()
        s.sendall(self.request("GET", "/metrics")[: self.w.random.randrange(20)])
        self.held.append(s)

    def not_read(self):
        s = self.connect()
        s.sendall(self.request("GET", self.w.random.choice(["/stream", "/metrics"])) * self.w.random.choice([1, 20]))
        self.held.append(s)

    def lie(self):
        s = self.connect()
        s.sendall(b"POST /items HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" + self.w.random.choice(
            [b"Content-Length: 100000\r\n\r\n{", b"Content-Length: -5\r\n\r\n{}", b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
             b"Content-Length: 3\r\nContent-Length: 9\r\n\r\n{}x", b"Host: evil.example\r\n\r\n", b"X" * 60000]))  # fmt: skip
        s.close()

    def garbage(self):
        s = self.connect()
        try:
            s.sendall(self.w.random.randbytes(self.w.random.randrange(1, 5000)))
        except OSError:
            pass
        s.close()

    def hostile_body(self):
        body = self.w.random.choice(
            [{"pids": [2**62]}, {"pids": []}, {"pids": [-1]}, {"pids": "x"}, {"pids": [1] * 5000}, {"pids": [1], "duration_s": 1e300}, [], 5,
             {"pids": [1], "start_in_s": -5}, {"pids": [1], "label": "\u001b[2J" * 50}, {"pids": [1], "devices": ["x"]}])  # fmt: skip
        status, _ = self.ask("POST", "/measurements", body)
        require(400 <= status < 500 or status == 201, "a bad request is answered", str(status))

    def close(self):
        for s in self.held:
            s.close()


def start_service(w, sensors):
    process = w.start("serve", "--port", "0", "-i", "20ms", "-s", sensors, "--output", w.path("served"))
    line = process.stdout.readline().decode()
    if not line:
        raise Blame("serve does not start: " + w.finish(process)[2][-300:])
    return process, int(line.rsplit(":", 1)[1])


def check_measurement(m):
    """Processes of one measurement have no more than the machine."""
    machine = m["machine"].get("cpu", {}).get("energy_j")
    known = [p["cpu"]["energy_j"] for p in m["processes"] if p.get("cpu", {}).get("energy_j") is not None]
    require(all(e >= -1e-9 for e in known), "a process of negative energy", json.dumps(m)[:500])
    if machine is not None and known and len(known) == len(m["processes"]):
        require(max(known) <= machine * (1 + 1e-6) + 1e-6, "a process has more than the machine", json.dumps(m)[:500])


def service_attacked(w):
    sensors = write_script(w)
    process, port = start_service(w, sensors)
    client = Client(w, port)
    victims = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(2)]
    ids = []
    try:
        for _ in range(w.random.randrange(5, 25)):
            act = w.random.choice(["vanish", "stall", "not_read", "lie", "garbage", "hostile_body", "measure", "measure", "kill", "look"])
            if act == "measure":
                status, body = client.ask("POST", "/measurements", {"pids": [v.pid for v in victims], "duration_s": w.random.choice([0.05, 0.3, 60])})
                require(status in (201, 404), f"a good request gets {status}", body[:200].decode())
                ids += [json.loads(body)["id"]] if status == 201 else []
            elif act == "kill":
                w.random.choice(victims).kill()
            elif act == "look":
                for i in ids:
                    status, body = client.ask("GET", f"/measurements/{i}")
                    require(status == 200, f"measurement {i} is gone: {status}")
                    check_measurement(json.loads(body))
            else:
                getattr(client, act)()
            time.sleep(w.random.random() * 0.03)
        status, _ = client.ask("GET", "/healthz")
        require(status in (200, 503), f"/healthz: {status}")
        if w.random.random() < 0.5:
            os.kill(process.pid, signal.SIGKILL)
            w.finish(process, may_be_killed=True)
            w.count("killed")
            process, port = start_service(w, sensors)
            for i in ids:
                status, body = Client(w, port).ask("GET", f"/measurements/{i}")
                if status == 200:
                    check_measurement(json.loads(body))
        client.close()
        os.kill(process.pid, signal.SIGTERM)
        code, _, err = w.finish(process)
        require(code == 0, f"serve ends with {code}", err[-500:])
    finally:
        for v in victims:
            v.kill()
            v.wait()
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    for d, _, files in os.walk(w.path("served")):
        for name in files:
            if name.endswith(".jmap"):
                judge_recording(w, os.path.join(d, name))
                w.count("recordings")
            elif name.endswith(".json") and not name.startswith("."):
                with open(os.path.join(d, name), encoding="utf-8") as f:
                    text = f.read()
                require(not text or json.loads(text) is not None, f"{name} is no JSON")


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
        import resource

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
    require(hashes_below(os.path.join(theirs, "raw")) == mine, "what was pulled is not what was added", str(hashes_below(os.path.join(theirs, "raw")).keys() ^ mine.keys()))
    for folder in (os.path.join(ours, ".dvc/cache"), os.path.join(theirs, ".dvc/cache"), store):
        left = [f for f in os.listdir(os.path.join(folder, ".joulemap")) if f.startswith("new.")] if os.path.isdir(os.path.join(folder, ".joulemap")) else []
        w.count("left over", len(left))


# ---- All -----------------------------------------------------------------------------------------------------------------------

# Of 100 runs.
KINDS = {"import": (import_damaged, 32), "cut": (cut_recording, 26), "record": (record_killed, 10), "run": (run_killed, 3),
         "processes": (processes_vanish, 4), "clock": (clock_steps, 4), "serve": (service_attacked, 7), "data": (data_disturbed, 14)}  # fmt: skip


def make_base(program, folder):
    """Recordings to be cut: one that was closed, with processes, and one of a trace and a log."""
    w = World(program, 0, [])
    try:
        code, _, err = w.call("record", "-q", "-s", write_script(w), "-i", "2ms", "-o", os.path.join(folder, "record.jmap"), "--",
                              "sh", "-c", "sleep 0.3; (sleep 0.1); sleep 0.1")  # fmt: skip
        require(code == 0, "no recording to cut", err)
        code, _, err = w.call("import", os.path.join(CORPUS, "chrome/kineto.json"), "-o", os.path.join(folder, "import.jmap"))
        require(code == 0, "no import to cut", err)
    finally:
        w.close(False)
    return [os.path.join(folder, f) for f in ("record.jmap", "import.jmap")]


def kind_of(seed, kinds):
    names = [k for k in kinds for _ in range(KINDS[k][1])]
    return names[random.Random(seed * 2654435761).randrange(len(names))]


def play(program, seed, kind, base, keep):
    w = World(program, seed, base)
    what = None
    try:
        KINDS[kind][0](w)
    except Blame as e:
        what = str(e)
    except Exception as e:  # of the campaign's own, or of what the program did to it
        what = f"{type(e).__name__}: {e}"
    w.close(keep and what)
    return seed, kind, w.facts, what


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--joulemap", default=os.path.join(SOURCE, "build/joulemap"))
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", action="store_true", help="keep the folders of runs that failed")
    options = parser.parse_args()
    program = os.path.abspath(options.joulemap)
    kinds, left_out = options.kinds.split(","), {}
    if "run" in kinds and not (os.path.exists(MODEL) and os.path.isdir(os.path.join(SOURCE, ".cache/onnxruntime"))):
        kinds.remove("run")
        left_out["run"] = "no model and runtime in .cache"
    if "clock" in kinds and not os.path.exists(os.path.join(os.path.dirname(program), "fakes/clock_steps.so")):
        kinds.remove("clock")
        left_out["clock"] = "no clock_steps.so beside the program"
    result = {"runs": 0, "first_seed": options.seed, "failed": 0, "left_out": left_out, "kinds": {}}
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        base = make_base(program, folder)
        seeds = range(options.seed, options.seed + options.runs)
        for seed, kind, facts, what in pool.map(lambda s: play(program, s, kind_of(s, kinds), base, options.keep), seeds):
            sums = result["kinds"].setdefault(kind, {"runs": 0})
            for fact, n in [("runs", 1), *facts.items()]:
                sums[fact] = sums.get(fact, 0) + n
            result["runs"] += 1
            if what:
                result["failed"] += 1
                print(f"seed {seed} ({kind}): {what}", file=sys.stderr, flush=True)
    result["seconds"] = math.ceil(time.monotonic() - begin)
    print(json.dumps(result, indent=1))
    return result["failed"] != 0


if __name__ == "__main__":
    sys.exit(main())
