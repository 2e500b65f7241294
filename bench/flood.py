#!/usr/bin/env python3
"""What malformed events cost joulemap serve, as JSON: of each kind, so many a second; whether each was counted, how memory grew,
processor time, and how long /healthz took meanwhile. Before that: the time from a good event to its first sample.

usage: bench/flood.py [--joulemap PROGRAM] [--seconds S] [--rate PER_SECOND]
Needs the Python packages flatbuffers and pyzmq (scripts/setup ci)."""
import argparse
import http.client
import json
import os
import socket
import subprocess
import sys
import time

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
for folder in (".cache/python", "python", "tests/integration"):
    sys.path.insert(0, os.path.join(ROOT, folder))

import zmq  # noqa: E402
from camera_traps_messages import malformed, python_plugin_message  # noqa: E402

BATCHES_PER_S = 20


def get(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path)
    text = connection.getresponse().read().decode()
    connection.close()
    return text


def received(port):
    lines = get(port, "/metrics").splitlines()
    return int(float(next(line for line in lines if line.startswith("joulemap_events_received_total ")).split()[1]))


def counted(port):
    lines = get(port, "/metrics").splitlines()
    return sum(int(float(line.rsplit(" ", 1)[1])) for line in lines if line.startswith("joulemap_events_malformed_total{"))


def cpu_s(pid):
    return sum(int(open(f"/proc/{pid}/task/{t}/schedstat").read().split()[0]) for t in os.listdir(f"/proc/{pid}/task")) * 1e-9


def resident_kib(pid):
    return int(open(f"/proc/{pid}/statm").read().split()[1]) * os.sysconf("SC_PAGESIZE") // 1024


def median(values):
    return sorted(values)[len(values) // 2]


def flood(service, port, publisher, data, rate, seconds):
    before, cpu, rss, begin = counted(port), cpu_s(service.pid), resident_kib(service.pid), time.monotonic()
    start = received(port)
    sent, asked = 0, []
    for batch in range(int(seconds * BATCHES_PER_S)):
        for _ in range(rate // BATCHES_PER_S):
            publisher.send(data)
            sent += 1
        t = time.monotonic()
        get(port, "/healthz")
        asked.append((time.monotonic() - t) * 1e3)
        time.sleep(max(0, begin + (batch + 1) / BATCHES_PER_S - time.monotonic()))
    lasted = time.monotonic() - begin
    while received(port) < start + sent:
        time.sleep(0.01)
    return {"sent": sent, "counted": counted(port) - before, "per_second": round(sent / lasted),
            "rss_growth_kib": resident_kib(service.pid) - rss, "cpu_fraction": round((cpu_s(service.pid) - cpu) / lasted, 4),
            "healthz_ms": round(median(asked), 2), "healthz_worst_ms": round(max(asked), 2)}


def metric(port, name):
    lines = get(port, "/metrics").splitlines()
    return float(next(line for line in lines if line.startswith(name + " ")).rpartition(" ")[2])


def first_samples(port, publisher, events):
    """Events one after the other, the first of which wakes the service up. By its own clock, from the event to its first sample."""
    data = python_plugin_message([os.getpid()], [1], "", 60)
    for i in range(events):
        publisher.send(data)
        while metric(port, "joulemap_begin_seconds_count") <= i:
            time.sleep(0.01)
    mean = metric(port, "joulemap_begin_seconds_sum") / metric(port, "joulemap_begin_seconds_count")
    return {"events": events, "mean_ms": round(mean * 1e3, 2),
            "worst_ms": round(metric(port, "joulemap_begin_longest_seconds") * 1e3, 2)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--joulemap", default=os.path.join(ROOT, "build", "joulemap"))
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rate", type=int, default=1000)
    a = parser.parse_args()
    context = zmq.Context()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        endpoint = "tcp://127.0.0.1:%d" % probe.getsockname()[1]
    service = subprocess.Popen([a.joulemap, "serve", "--port", "0", "-s", "estimate", "--output", "none", "--subscribe", "@" + endpoint],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    port = int(service.stdout.readline().rpartition(":")[2])
    publisher = context.socket(zmq.XPUB)
    publisher.linger, publisher.sndhwm = 1000, 0
    publisher.connect(endpoint)
    publisher.recv()
    good = python_plugin_message([os.getpid()], [1], "", 60)
    kinds = malformed(good)
    first = first_samples(port, publisher, 50)
    for data, _ in kinds:  # what is allocated once is
        publisher.send(data)
    while received(port) < first["events"] + len(kinds):
        time.sleep(0.01)
    rows = []
    for i, (data, reason) in enumerate(kinds):
        rows.append({"kind": i, "reason": reason, "bytes": len(data), **flood(service, port, publisher, data, a.rate, a.seconds)})
    publisher.send(good)
    while "joulemap_events_total{type=\"start\"} 51" not in get(port, "/metrics"):
        time.sleep(0.01)
    print(json.dumps({
        "first_sample": first, "rate": a.rate, "seconds": a.seconds, "all_counted": all(r["sent"] == r["counted"] for r in rows), "good_one_behind": True,
        "rss_kib": resident_kib(service.pid), "rss_growth_kib": sum(r["rss_growth_kib"] for r in rows),
        "cpu_fraction": median([r["cpu_fraction"] for r in rows]), "healthz_ms": median([r["healthz_ms"] for r in rows]),
        "kinds": rows}, indent=1))
    service.terminate()
    service.wait()
    publisher.close()
    context.term()


if __name__ == "__main__":
    main()
