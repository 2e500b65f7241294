#!/usr/bin/env python3
"""What joulemap serve costs, as JSON: 100 requests over 1,000 processes at 10 Hz beside one recorder of the same processes; memory;
time from a request to its first figures; /metrics of 1,000 processes; the sleeping service.

usage: bench/service.py [--joulemap PROGRAM] [--seconds S] [--processes N] [--requests N]
The processes sleep, but for one in a hundred, which wakes up a thousand times a second. Sensors: the estimate."""
import argparse
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(pid):
    fields = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss_mib(pid):
    for line in open(f"/proc/{pid}/status"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return None


def ask(port, method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    assert answer.status < 300, text
    return text


def start_service(program, *options):
    service = subprocess.Popen([program, "serve", "--port", "0", "-s", "estimate", *options], stdout=subprocess.PIPE, text=True)
    return service, int(service.stdout.readline().rpartition(":")[2])


def stop(process):
    process.terminate()
    process.wait()


def median_ms(times):
    return round(sorted(times)[len(times) // 2] * 1e3, 3)


def metric(port, name):
    lines = ask(port, "GET", "/metrics").decode().splitlines()
    return float(next(line for line in lines if line.startswith(name + " ")).rpartition(" ")[2])


def bench_requests(program, pids, n_requests, seconds, *options):
    service, port = start_service(program, *options)
    chunk = max(1, len(pids) // n_requests)
    first, handled, begin_ns = [], [], spent_ns(service.pid)
    for i in range(n_requests):
        asked = [pids[(i * chunk + k) % len(pids)] for k in range(chunk)]
        begin = time.monotonic()
        answer = json.loads(ask(port, "POST", "/measurements", {"pids": asked}))
        handled.append(time.monotonic() - begin)
        first.append(answer["id"])
    handling_ns = spent_ns(service.pid) - begin_ns
    begin_ms = metric(port, "joulemap_begin_seconds_sum") / metric(port, "joulemap_begin_seconds_count") * 1e3
    begin_worst_ms = metric(port, "joulemap_begin_longest_seconds") * 1e3
    time.sleep(1)
    before, begin = cpu_s(service.pid), time.monotonic()
    time.sleep(seconds)
    cpu = (cpu_s(service.pid) - before) / (time.monotonic() - begin)
    scrapes, page = [], b""
    for _ in range(11):
        begin = time.monotonic()
        page = ask(port, "GET", "/metrics")
        scrapes.append(time.monotonic() - begin)
        time.sleep(0.05)
    samples = [p["samples"] for i in first for p in json.loads(ask(port, "GET", f"/measurements/{i}"))["processes"]]
    out = {"cpu_fraction": round(cpu, 5), "peak_rss_mib": round(rss_mib(service.pid), 1), "metrics_ms": median_ms(scrapes),
           "metrics_worst_ms": round(max(scrapes) * 1e3, 3), "metrics_bytes": len(page),
           "begin_mean_ms": round(begin_ms, 3), "begin_worst_ms": round(begin_worst_ms, 3),
           "post_ms": median_ms(handled), "post_cpu_ms": round(handling_ns * 1e-6 / n_requests, 3),
           "post_worst_ms": round(max(handled) * 1e3, 3), "samples_least": min(samples)}
    stop(service)
    return out


def bench_first(program, pid):
    """From a request to a sleeping service until its figures begin: they have begun when the answer comes."""
    times = []
    for _ in range(5):
        service, port = start_service(program)
        ask(port, "GET", "/healthz")
        begin = time.monotonic()
        answer = json.loads(ask(port, "POST", "/measurements", {"pids": [pid]}))
        times.append(time.monotonic() - begin)
        assert answer["state"] == "running"
        stop(service)
    return {"begun_ms": median_ms(times), "begun_worst_ms": round(max(times) * 1e3, 3)}


def bench_recorder(program, pids, seconds):
    with tempfile.TemporaryDirectory() as folder:
        recorder = subprocess.Popen([program, "record", "-q", "-i", "100ms", "-s", "estimate", "-p", ",".join(map(str, pids)),
                                     "-o", os.path.join(folder, "r.jmap")])
        time.sleep(2)
        before, begin = cpu_s(recorder.pid), time.monotonic()
        time.sleep(seconds)
        cpu = (cpu_s(recorder.pid) - before) / (time.monotonic() - begin)
        out = {"cpu_fraction": round(cpu, 5), "peak_rss_mib": round(rss_mib(recorder.pid), 1)}
        stop(recorder)
    return out


def spent_ns(pid):
    """Processor time of all threads."""
    return sum(int(open(f"/proc/{pid}/task/{t}/schedstat").read().split()[0]) for t in os.listdir(f"/proc/{pid}/task"))


def bench_idle(program, seconds):
    service, port = start_service(program)
    ask(port, "GET", "/healthz")
    time.sleep(0.5)
    before = spent_ns(service.pid)
    time.sleep(seconds)
    spent = spent_ns(service.pid) - before
    stop(service)
    return {"cpu_fraction": round(spent * 1e-9 / seconds, 7)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--joulemap", default=os.path.join(os.path.dirname(__file__), "..", "build", "joulemap"))
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--processes", type=int, default=1000)
    parser.add_argument("--requests", type=int, default=100)
    a = parser.parse_args()
    busy = "import time\nwhile True: time.sleep(0.001)"
    children = [subprocess.Popen([sys.executable, "-c", busy] if i % 100 == 0 else ["sleep", "1000"]) for i in range(a.processes)]
    try:
        pids = [c.pid for c in children]
        time.sleep(1)
        service = bench_requests(a.joulemap, pids, a.requests, a.seconds)
        one = bench_requests(a.joulemap, pids, 1, a.seconds)
        with tempfile.TemporaryDirectory() as folder:
            kept = bench_requests(a.joulemap, pids, a.requests, a.seconds, "--output", folder)
        recorder = bench_recorder(a.joulemap, pids, a.seconds)
        print(json.dumps({"processes": a.processes, "requests": a.requests, "seconds": a.seconds, "service": service,
                          "service_one_request": one, "service_that_keeps": kept, "recorder": recorder,
                          "service_over_recorder": round(service["cpu_fraction"] / max(1e-9, recorder["cpu_fraction"]), 3),
                          "first": bench_first(a.joulemap, pids[0]), "asleep": bench_idle(a.joulemap, a.seconds)}, indent=1))
    finally:
        for child in children:
            child.kill()
        for child in children:
            child.wait()


if __name__ == "__main__":
    main()
