#!/usr/bin/env python3
"""A soak: sensors read a thousand times a second for half an hour, by a recorder and by the service with clients at it. Prints JSON:
memory, descriptors, threads, processor time and late readings over time, and whether they stay flat.

usage: bench/soak.py [--joulemap PROGRAM] [--minutes M] [--every S] [--folder FOLDER]

Sensors: a script of a counter that wraps every five seconds, a part of it, and a gauge. At the service: two measurements a second of
processes that come and go, each with a recording (removed when it has ended), four readers of the stream, /metrics once a second,
items, requests that are refused. The first quarter is the time to warm up: the service keeps the last 1,024 measurements. Flat is:
between the second quarter and the last, memory grows by less than 2 % + 256 KiB, descriptors and threads by none, and the parts of the
readings that are late or missed by less than 2 in 100 (the machine's own load is in them, and printed beside). With --output the
service keeps a row of 240 bytes of each process that was measured, for its reports, at most 16,384 of them: for these half a KiB a
measurement is allowed, with what doubling the table takes."""
import argparse
import http.client
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

HEADERS = {"Content-Type": "application/json"}
SCRIPT = """sensor package
channel package energy counter domain=package wrap=262 step=0.000061 accuracy=0.02 interpolate=yes
channel core energy counter domain=core part_of=package wrap=262 step=0.000061 interpolate=yes
sensor board
channel board power gauge domain=platform step=0.001 accuracy=0.05 interpolate=yes
0 package 0
0 core 0
0 board 100
100000s package 5000000
100000s core 3000000
100000s board 1100
100000s end
"""


def ask(port, method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body if isinstance(body, (str, type(None))) else json.dumps(body), HEADERS)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


class Load:
    """What is done to the service, by a thread each, until stop is set."""

    def __init__(self, port, output):
        self.port, self.output, self.stop = port, output, threading.Event()
        self.counts = dict.fromkeys(("measurements", "scrapes", "items", "refused", "ticks", "failed", "recordings"), 0)
        self.threads = [threading.Thread(target=self.repeat, args=(work, pause), daemon=True)
                        for work, pause in ((self.measure, 0.5), (self.scrape, 1), (self.items, 0.2), (self.refused, 0.5))]
        self.threads += [threading.Thread(target=self.read_stream, daemon=True) for _ in range(4)]
        for t in self.threads:
            t.start()

    def repeat(self, work, pause):
        while not self.stop.wait(pause):
            try:
                work()
            except (OSError, http.client.HTTPException) as e:
                self.counts["failed"] += 1
                print(f"soak: {work.__name__}: {e}", file=sys.stderr)

    def measure(self):
        child = subprocess.Popen(["sh", "-c", "i=0; while [ $i -lt 20 ]; do i=$((i+1)); sleep 0.05; done"])
        status, _ = ask(self.port, "POST", "/measurements", {"pids": [child.pid], "duration_s": 1})
        self.counts["measurements"] += status == 201
        threading.Timer(3, child.wait).start()
        self.tidy()

    def tidy(self):
        """Removes recordings that have ended: those without a -wal."""
        names = set(os.listdir(self.output))
        for name in names:
            if name.endswith(".jmap") and name + "-wal" not in names:
                path = os.path.join(self.output, name)
                if time.time() - os.stat(path).st_mtime > 5:
                    os.unlink(path)
                    self.counts["recordings"] += 1

    def scrape(self):
        status, _ = ask(self.port, "GET", "/metrics")
        self.counts["scrapes"] += status == 200

    def items(self):
        status, _ = ask(self.port, "POST", "/items", {"count": 3, "item": "soak"})
        self.counts["items"] += status == 200

    def refused(self):
        for method, path, body in (("POST", "/measurements", "{\"pids\": [1,"), ("GET", "/nowhere", None),
                                   ("POST", "/measurements", "x" * 200000)):
            status, _ = ask(self.port, method, path, body)
            self.counts["refused"] += status >= 400

    def read_stream(self):
        while not self.stop.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            try:
                connection.request("GET", "/stream")
                answer = connection.getresponse()
                while not self.stop.is_set():
                    self.counts["ticks"] += answer.readline().startswith(b"data")
            except (OSError, http.client.HTTPException):
                self.counts["failed"] += not self.stop.is_set()
            finally:
                connection.close()

    def end(self):
        self.stop.set()
        for t in self.threads[:4]:
            t.join(10)


def look(pid):
    """Memory in KiB, descriptors, threads, processor time of a process."""
    status = dict(line.split(":", 1) for line in open(f"/proc/{pid}/status") if ":" in line)
    rollup = dict(line.split(":", 1) for line in open(f"/proc/{pid}/smaps_rollup") if line.startswith(("Pss:", "Private_Dirty:")))
    cpu_ns = sum(int(open(f"/proc/{pid}/task/{t}/schedstat").read().split()[0]) for t in os.listdir(f"/proc/{pid}/task"))
    return {"rss_kib": int(status["VmRSS"].split()[0]), "peak_rss_kib": int(status["VmHWM"].split()[0]),
            "private_kib": int(rollup["Private_Dirty"].split()[0]), "descriptors": len(os.listdir(f"/proc/{pid}/fd")),
            "threads": int(status["Threads"]), "cpu_s": cpu_ns * 1e-9}


def readings_of_service(port):
    sums = {}
    for line in ask(port, "GET", "/metrics")[1].decode().splitlines():
        if line.startswith("joulemap_readings_") and 'channel="replay/package"' in line:
            sums[line[len("joulemap_readings_"):line.index("_total")]] = float(line.rpartition(" ")[2])
    return sums


def readings_of_recording(path):
    file = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
    try:
        rows = file.execute("SELECT expected, taken, late, missed FROM ledger JOIN channel ON channel.id = ledger.channel "
                            "WHERE name = 'replay/package'").fetchall()
    finally:
        file.close()
    return dict(zip(("expected", "taken", "late", "missed"), rows[0])) if rows else {}


def mean(rows, key):
    values = [r[key] for r in rows if key in r]
    return sum(values) / len(values) if values else None


def rates(rows):
    """Parts of the readings of that time, and processor time by second."""
    first, last = rows[0], rows[-1]
    due = last["expected"] - first["expected"]
    return {"late": (last["late"] - first["late"]) / due, "missed": (last["missed"] - first["missed"]) / due,
            "cpu": (last["cpu_s"] - first["cpu_s"]) / (last["t_s"] - first["t_s"]), "load": mean(rows, "load")}


def judge(rows, kept_kib):
    quarter = len(rows) // 4
    second, last = rows[quarter:2 * quarter], rows[-quarter:]
    out = {"second_quarter": rates(second), "last_quarter": rates(last), "peak_rss_kib": rows[-1]["peak_rss_kib"]}
    for key in ("rss_kib", "private_kib", "descriptors", "threads"):
        out["second_quarter"][key], out["last_quarter"][key] = mean(second, key), mean(last, key)
    a, b = out["second_quarter"], out["last_quarter"]
    out["is_flat"] = {"memory": b["rss_kib"] < a["rss_kib"] * 1.02 + 256 + kept_kib, "descriptors": b["descriptors"] < a["descriptors"] + 1,
                      "threads": b["threads"] < a["threads"] + 1, "late": b["late"] < a["late"] + 0.02,
                      "missed": b["missed"] < a["missed"] + 0.02}
    return out


def soak(a, folder):
    script, recording, output = (os.path.join(folder, n) for n in ("script", "soak.jmap", "output"))
    with open(script, "w") as f:
        f.write(SCRIPT)
    service = subprocess.Popen([a.joulemap, "serve", "--port", "0", "-i", "1ms", "--always", "-s", "replay:" + script, "--output",
                                output], stdout=subprocess.PIPE, text=True)
    port = int(service.stdout.readline().rpartition(":")[2])
    recorder = subprocess.Popen([a.joulemap, "record", "-q", "-i", "1ms", "-s", "replay:" + script, "-o", recording])
    load, rows, begin = Load(port, output), {"service": [], "recorder": []}, time.monotonic()
    end = begin + 60 * a.minutes
    try:
        while time.monotonic() < end:
            time.sleep(min(a.every, max(0.1, end - time.monotonic())))
            common = {"t_s": round(time.monotonic() - begin, 1), "load": os.getloadavg()[0]}
            rows["service"].append({**common, **look(service.pid), **readings_of_service(port)})
            rows["recorder"].append({**common, **look(recorder.pid), **readings_of_recording(recording)})
    finally:
        load.end()
        codes = []
        for p in (recorder, service):
            p.send_signal(signal.SIGTERM)
            codes.append(p.wait(120))
    rows["recorder"] = [r for r in rows["recorder"] if "late" in r]
    report = json.loads(subprocess.run([a.joulemap, "report", "--format", "json", recording], stdout=subprocess.PIPE, check=True).stdout)
    package = next(c for c in report["channels"] if c["name"] == "replay/package")
    return {"minutes": a.minutes, "processors": os.cpu_count(), "exit_codes": codes, "load": load.counts,
            "recording": {"bytes": os.path.getsize(recording), "ledger": package["ledger"], "mean_power_w": package["mean_power_w"],
                          "true_power_w": 50.0},
            "service": judge(rows["service"], 0.5 * load.counts["measurements"] / 2), "recorder": judge(rows["recorder"], 0), "rows": rows if a.rows else None}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--joulemap", default=os.path.join(os.path.dirname(__file__), "..", "build", "joulemap"))
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--every", type=float, default=10, help="seconds between two looks")
    parser.add_argument("--folder", help="where the recordings go (about 250 MB); default: a temporary one")
    parser.add_argument("--rows", action="store_true", help="print every look, too")
    a = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=a.folder) as folder:
        result = soak(a, folder)
    print(json.dumps(result, indent=1))
    flat = [f for part in ("service", "recorder") for f in result[part]["is_flat"].values()]
    return 0 if all(flat) and result["exit_codes"] == [0, 0] else 1


if __name__ == "__main__":
    sys.exit(main())
