"""Drives joulemap serve --output: recordings, kills, full disks, readers that do not read. In the environment: JM, WORK. Prints
"ok: ..." or "FAILED: ..." lines."""
import csv
import http.client
import io
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time

JM, WORK = os.environ["JM"], os.environ["WORK"]
PATIENCE = 30
# A sanitizer keeps freed memory and shadows of all.
MEMORY_LIMIT = (512 if os.environ.get("SANITIZED") else 64) << 20
n_failed = 0


def check(what, is_true, shown=""):
    global n_failed
    print("ok:" if is_true else "FAILED:", what, "" if is_true else shown, flush=True)
    n_failed += not is_true


def until(what, condition):
    end = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    check(what, condition())


class Service:
    def __init__(self, name, *options, sensors="replay:" + os.path.join(WORK, "script"), file_bytes=None):
        self.folder = os.path.join(WORK, name)
        self.errors = open(os.path.join(WORK, name + ".err"), "w+", encoding="utf-8")

        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))

        self.process = subprocess.Popen(
            [JM, "serve", "--port", "0", "-s", sensors, "--output", self.folder, *options],
            stdout=subprocess.PIPE, stderr=self.errors, preexec_fn=limit if file_bytes else None)  # fmt: skip
        line = self.process.stdout.readline().decode()
        self.port = int(line.rsplit(":", 1)[1]) if line else None

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        headers = {"Content-Type": "application/json"} if body else {}
        connection.request(method, path, json.dumps(body) if body else None, headers)
        answer = connection.getresponse().read().decode()
        connection.close()
        return answer

    def get(self, path):
        return json.loads(self.ask("GET", path))

    def metric(self, name):
        lines = [line for line in self.ask("GET", "/metrics").splitlines() if line.startswith(name)]
        return float(lines[0].rsplit(" ", 1)[1]) if lines else None

    def log(self):
        self.errors.seek(0)
        return self.errors.read()

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return None


def report(path, *options):
    done = subprocess.run([JM, "report", path, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def row_of(path, pid):
    """Energy and processor time of a process as the report of a recording has them."""
    code, text, err = report(path, "--by", "process", "--format", "csv")
    assert code == 0, err
    rows = list(csv.DictReader(line for line in io.StringIO(text) if not line.startswith("#")))
    mine = [r for r in rows if str(pid) in (r.get("pid"), r.get("name"))]
    assert mine, text
    return mine[0]


def energy_of(path, pid):
    return float(row_of(path, pid)["energy_j"])


def energy_so_far(path, pid):
    """The same of a recording that may have nothing yet."""
    try:
        return energy_of(path, pid)
    except AssertionError:
        return 0


def recordings(busy):
    service = Service("recordings")
    requests = [{"pids": busy[:1], "duration_s": 1.5}, {"pids": busy, "duration_s": 1}, {"pids": busy[1:]}]
    ids = [json.loads(service.ask("POST", "/measurements", request))["id"] for request in requests]
    results = []
    for i in ids[:2]:
        until("measurement %d ends" % i, lambda i=i: service.get("/measurements/%d" % i)["state"] == "done")
        results.append(service.get("/measurements/%d" % i))
    last = service.get("/measurements/%d" % ids[2])
    check("each has a recording of its own", len({r["recording"] for r in results + [last]}) == 3)
    code, text, err = report(last["recording"])
    check("one can be reported while it is written", code == 0, err)
    until("the recordings that are over are closed", lambda: service.metric("joulemap_recordings_open") == 1)
    for result in results:
        for process in result["processes"]:
            row = row_of(result["recording"], process["pid"])
            cpu_s = next(float(v) for k, v in row.items() if k.startswith("cpu_s"))
            check("the recording has the processor time that the service gave", abs(cpu_s - process["cpu_s"]) < 0.03, (cpu_s, process))
            # The report brings readings and snapshots to one time, the service takes them as they come.
            have, expected = float(row["energy_j"]), process["cpu"]["energy_j"]
            check("and about the energy", expected / 2 < have < expected * 2, (have, expected))
    check("readings were taken once for all", service.metric("joulemap_readings_taken_total") < 200)
    check("SIGTERM ends it with 0", service.end() == 0)
    code, text, err = report(last["recording"], "--by", "process")
    check("SIGTERM finishes the recording of what was under way", code == 0 and "was not closed" not in text + err, text + err)
    check("and says that nothing is under way", json.load(open(service.folder + "/state.json"))["measurements"] == [])
    quiet = Service("quiet", "--no-recordings")
    quiet.ask("POST", "/measurements", {"pids": [busy[0]], "duration_s": 0.1})
    check("--no-recordings makes none", quiet.get("/measurements/1")["recording"] is None)
    quiet.end()


def killed(busy):
    service = Service("killed")
    service.ask("POST", "/measurements", {"pids": busy})
    until("it has measured", lambda: service.get("/measurements/1")["processes"][0]["samples"] > 3)

    def kept():
        with open(service.folder + "/state.json", encoding="utf-8") as f:
            return json.load(f)["measurements"]

    until("and kept it", lambda: kept() and kept()[0][12][0][2] > 0)
    before = service.get("/measurements/1")
    until("and recorded it", lambda: energy_so_far(before["recording"], busy[0]) > 0)
    service.end(signal.SIGKILL)
    for name in os.listdir(service.folder):
        if name.endswith(".json"):
            with open(os.path.join(service.folder, name), encoding="utf-8") as f:
                json.load(f)
    check("after SIGKILL every JSON file is whole", True)
    code, text, err = report(before["recording"], "--by", "process")
    check("the recording opens", code == 0 and str(busy[0]) in text, err)
    had = energy_of(before["recording"], busy[0])
    again = Service("killed")
    after = again.get("/measurements/1")
    check("the next start goes on", after["state"] == "running" and after["pauses"] == 1, after)
    check("and says so", "measurement 1 goes on" in again.log(), again.log())
    check("in a further recording", after["recording"] != before["recording"])
    until("with new samples", lambda: again.get("/measurements/1")["processes"][0]["samples"] > after["processes"][0]["samples"])
    done = json.loads(again.ask("DELETE", "/measurements/1"))
    check("the energy is of both", done["processes"][0]["cpu"]["energy_j"] > 0.1 * had, (done, had))
    seen, lasted = done["machine"]["cpu"]["seen_s"], done["machine"]["time_s"]
    check("the time in which nobody looked is not seen", 0 < seen < lasted, (seen, lasted))
    check("numbers go on", json.loads(again.ask("POST", "/measurements", {"pids": busy}))["id"] == 2)
    other = Service("killed")
    check("a second service in the same folder is refused", other.process.wait(PATIENCE) == 1 and "another joulemap serve" in other.log())
    check("SIGTERM ends it", again.end() == 0)


def full_disk(busy):
    service = Service("full", file_bytes=200000)
    service.ask("POST", "/measurements", {"pids": busy})
    until("a disk that is full ends the recording", lambda: service.metric("joulemap_recordings_failed_total") == 1)
    until("which is said", lambda: "the recording of measurement 1 ends" in service.log())
    path = service.get("/measurements/1")["recording"]
    check("what is in it can be reported", report(path)[0] == 0, report(path))
    n = service.get("/measurements/1")["processes"][0]["samples"]
    until("the measurement goes on", lambda: service.get("/measurements/1")["processes"][0]["samples"] > n)
    check("it ends with 0", service.end() == 0)


def readers(busy):
    """Clients that ask and do not read."""
    service = Service("readers")
    for _ in range(20):
        service.ask("POST", "/measurements", {"pids": busy})
    lazy = []
    for path in ["/stream"] * 8 + ["/metrics"] * 8 + ["/measurements"] * 8:
        s = socket.create_connection(("127.0.0.1", service.port))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.sendall(b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path.encode() * (1 if path == "/stream" else 50))
        lazy.append(s)
    half = socket.create_connection(("127.0.0.1", service.port))
    half.sendall(b"POST /measurements HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
    first = service.get("/measurements/1")["processes"][0]["samples"]
    until("clients that do not read stop nobody", lambda: service.get("/measurements/1")["processes"][0]["samples"] > first + 10)
    rss = service.metric("process_resident_memory_bytes")
    check("and take no memory to speak of", rss < MEMORY_LIMIT, rss)
    code = service.end()
    check("SIGTERM ends it all the same", code == 0, (code, service.log()))
    for s in lazy + [half]:
        s.close()


def asked_at_the_end(busy):
    """Requests that are there when the signal comes: they are read while the service closes."""
    for i in range(5):
        service = Service("ending%d" % i)
        service.ask("POST", "/measurements", {"pids": busy})
        waiting = [socket.create_connection(("127.0.0.1", service.port)) for _ in range(20)]
        service.process.send_signal(signal.SIGSTOP)
        body = json.dumps({"pids": busy}).encode()
        post = b"POST /measurements HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
        for n, s in enumerate(waiting):
            s.sendall(post % (len(body), body) if n % 2 else b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3)
        service.process.send_signal(signal.SIGTERM)
        code = service.end(signal.SIGCONT)
        check("requests that come at the end do not break it", code == 0, (code, service.log()))
        with open(os.path.join(service.folder, "state.json"), encoding="utf-8") as f:
            check("and begin nothing that would stay", json.load(f)["measurements"] == [])
        for s in waiting:
            s.close()


def idle_level(busy):
    subprocess.run([JM, "idle", "-q", "-f", "-i", "20ms", "-d", "1", "-s", "estimate"], check=True)
    service = Service("idle", sensors="estimate")
    level = service.metric("joulemap_idle_level_watts")
    check("the idle level that was kept is used", level is not None and level > 0, level)
    service.ask("POST", "/measurements", {"pids": busy, "duration_s": 1})
    until("a measurement ends", lambda: service.get("/measurements/1")["state"] == "done")
    machine = service.get("/measurements/1")["machine"]["cpu"]
    idle = machine["idle_j"] / machine["seen_s"]
    check("idle is kept apart, at its level or at all there was", 0 < idle <= level * 1.001, (idle, level))
    processes = sum(p["cpu"]["energy_j"] for p in service.get("/measurements/1")["processes"])
    check("and charged to no process", processes <= (machine["energy_j"] - machine["idle_j"]) * 1.001 + 1e-6, (processes, machine))
    check("it ends", service.end() == 0)


def main():
    busy = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(2)]
    try:
        pids = [p.pid for p in busy]
        recordings(pids)
        killed(pids)
        full_disk(pids)
        readers(pids)
        asked_at_the_end(pids)
        busy[1].kill()
        idle_level(pids[:1])
    finally:
        for p in busy:
            p.kill()
            p.wait()
    sys.exit(n_failed > 0)


main()
