#!/usr/bin/env python3
"""What a fleet costs, as JSON: /metrics by number of processes, one Prometheus over many services, and its disk.

usage: bench/fleet.py [--joulemap PROGRAM] [--services N...] [--seconds S] [--prometheus FOLDER]
Processes are files below JOULEMAP_ROOT, ten to a container; the sensor is the estimate. Prometheus runs with the rules of
deploy/prometheus; without one (scripts/setup ci fetches it) that part is left out."""
import argparse
import http.client
import json
import os
import random
import re
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.parse

TREE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
TICKS = os.sysconf("SC_CLK_TCK")
running = []


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)


def make_machine(root, n_processes):
    write(root + "/proc/stat", "cpu  10 0 10 1000 0 0 0 0 0 0\ncpu0 10 0 10 1000 0 0 0 0 0 0\n")
    write(root + "/proc/meminfo", "MemTotal: 16000000 kB\nMemAvailable: 8000000 kB\n")
    for i in range(n_processes):
        pid, container = 1000 + i, "%064x" % (i // 10)
        folder = "%s/proc/%d/" % (root, pid)
        write(folder + "stat", "%d (worker) S 1 1 1 0 -1 0 0 0 0 0 %d 0 0 0 20 0 1 0 %d 4096000 500 0\n" % (pid, i, 5000 + i))
        write(folder + "cmdline", "worker\0--number\0%d\0" % i)
        write(folder + "cgroup", "0::/system.slice/docker-%s.scope\n" % container)


def cpu_s(pid):
    fields = open("/proc/%d/stat" % pid).read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_mib(pid, key="VmRSS"):
    return round(int(re.search(key + r":\s+(\d+)", open("/proc/%d/status" % pid).read()).group(1)) / 1024, 1)


def get(port, path, method="GET"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    assert answer.status < 300, text
    return text.decode()


def start_service(program, root, *options):
    service = subprocess.Popen([program, "serve", "--port", "0", "-s", "estimate", "--always", *options], stdout=subprocess.PIPE, text=True,
                               env=dict(os.environ, JOULEMAP_ROOT=root))
    running.append(service)
    return service, int(service.stdout.readline().rpartition(":")[2])


def stop(processes):
    for p in processes:
        p.terminate()
    for p in processes:
        p.wait()


def series(page):
    return [line for line in page.splitlines() if not line.startswith("#")]


def bench_scrape(program, folder, n_processes):
    root = os.path.join(folder, "machine-%d" % n_processes)
    make_machine(root, n_processes)
    service, port = start_service(program, root, "--interval", "1s", "--metrics-processes", "all")
    end = time.monotonic() + 120  # processes are described little by little
    while get(port, "/metrics").count("\njoulemap_container_energy") < (n_processes + 9) // 10 and time.monotonic() < end:
        time.sleep(0.5)
    times, before = [], int(open("/proc/%d/schedstat" % service.pid).read().split()[0])
    for _ in range(21):
        begin = time.monotonic()
        page = get(port, "/metrics")
        times.append(time.monotonic() - begin)
    spent = int(open("/proc/%d/schedstat" % service.pid).read().split()[0]) - before
    out = {"processes": n_processes, "containers": (n_processes + 9) // 10, "series": len(series(page)), "bytes": len(page),
           "median_ms": round(sorted(times)[10] * 1e3, 2), "worst_ms": round(max(times) * 1e3, 2),
           "service_cpu_ms_a_scrape": round(spent / 21e6, 2), "service_rss_mib": memory_mib(service.pid)}
    stop([service])
    return out


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def query(port, expression):
    result = json.loads(get(port, "/api/v1/query?" + urllib.parse.urlencode({"query": expression})))["data"]["result"]
    return float(result[0]["value"][1]) if result else None


def start_prometheus(folder, ports, interval_s):
    os.makedirs(folder)
    for name in ("joulemap.rules.yml", "joulemap.alerts.yml"):
        shutil.copy(os.path.join(TREE, "deploy/prometheus", name), folder)
    port = free_port()
    write(folder + "/prometheus.yml", json.dumps({
        "global": {"scrape_interval": "%ds" % interval_s, "evaluation_interval": "%ds" % interval_s},
        "rule_files": ["joulemap.rules.yml", "joulemap.alerts.yml"],
        "scrape_configs": [{"job_name": "joulemap", "static_configs": [{"targets": ["127.0.0.1:%d" % p for p in ports]}]},
                           {"job_name": "prometheus", "static_configs": [{"targets": ["127.0.0.1:%d" % port]}]}]}))
    server = subprocess.Popen(["prometheus", "--config.file=" + folder + "/prometheus.yml", "--storage.tsdb.path=" + folder + "/tsdb",
                               "--log.level=warn", "--web.listen-address=127.0.0.1:%d" % port], stdin=subprocess.DEVNULL)
    running.append(server)
    for _ in range(300):
        try:
            get(port, "/-/ready")
            return server, port
        except (OSError, AssertionError):
            time.sleep(0.1)
    raise SystemExit("Prometheus did not start")


def bench_prometheus(program, folder, n_services, n_processes, seconds, interval_s=5):
    root = os.path.join(folder, "machine-%d" % n_processes)
    make_machine(root, n_processes)
    started = [start_service(program, root, "--interval", "1s", "--metrics-processes", "all") for _ in range(n_services)]
    services = [s for s, _ in started]
    server, port = start_prometheus("%s/prometheus-%d" % (folder, n_services), [p for _, p in started], interval_s)
    time.sleep(4 * interval_s)
    before, services_before, begin = cpu_s(server.pid), sum(cpu_s(s.pid) for s in services), time.monotonic()
    time.sleep(seconds)
    passed = time.monotonic() - begin
    cpu, services_cpu = (cpu_s(server.pid) - before) / passed, (sum(cpu_s(s.pid) for s in services) - services_before) / passed
    samples = query(port, "sum(scrape_samples_scraped) / %d" % interval_s)
    out = {"services": n_services, "processes_each": n_processes, "scrape_interval_s": interval_s, "up": query(port, 'sum(up{job="joulemap"})'),
           "series": query(port, "prometheus_tsdb_head_series"), "samples_a_second": samples,
           "scrape_ms_mean": round(1e3 * query(port, 'avg(avg_over_time(scrape_duration_seconds{job="joulemap"}[1m]))'), 2),
           "scrape_ms_worst": round(1e3 * query(port, 'max(max_over_time(scrape_duration_seconds{job="joulemap"}[1m]))'), 2),
           "rules_ms_each_time": round(1e3 * query(port, "sum(prometheus_rule_group_last_duration_seconds)"), 2),
           "prometheus_cpu_fraction": round(cpu, 4), "prometheus_rss_mib": memory_mib(server.pid),
           "prometheus_cpu_us_a_sample": round(1e6 * cpu / samples, 2),
           "service_cpu_fraction_each": round(services_cpu / n_services, 5), "service_rss_mib": memory_mib(services[0].pid)}
    stop([server] + services)
    return out


def grow(name, value, is_busy, rng):
    """The next value, 15 s later: noisy where somebody does something, else the same."""
    if not is_busy or not name.endswith("_total") and "power" not in name:
        return value
    if "readings_expected" in name or "readings_taken" in name or "ticks" in name:
        return value + 150
    if "readings" in name or "lost" in name or "http" in name:
        return value
    if "cpu_seconds" in name:
        return round(value + 0.01 * rng.randrange(600), 2)
    return round(value + rng.uniform(20, 60) * 15, 6)


def bench_disk(program, folder, hours=24):
    """Bytes a sample of blocks on disk: the series of a machine with 40 processes, one in ten of them busy, for a day."""
    root, rng = os.path.join(folder, "machine-40"), random.Random(1)
    make_machine(root, 40)
    service, port = start_service(program, root, "--metrics-processes", "all")
    time.sleep(0.5)
    page = get(port, "/metrics")
    stop([service])
    rows = []
    for line in series(page):
        name, value = line.rsplit(" ", 1)
        number = re.search(r'number="(\d+)"|pid="(\d+)"', name)
        rows.append([name, float(value), not number or int(number.group(2)) % 10 == 0, name.partition("{")[0]])
    n, text = hours * 240, folder + "/day.txt"
    with open(text, "w") as f:
        for row in rows:  # OpenMetrics wants the samples of a family together
            if row[3].endswith("_total") and not any(r is not row and r[3] == row[3] for r in rows[:rows.index(row)]):
                f.write("# TYPE %s counter\n" % row[3][:-len("_total")])
            value = row[1]
            for k in range(n):
                value = grow(row[3], value, row[2], rng)
                f.write("%s %r %d\n" % (row[0], value, 1700000000 + 15 * k))
        f.write("# EOF\n")
    subprocess.run(["promtool", "tsdb", "create-blocks-from", "openmetrics", text, folder + "/blocks"], check=True, stdout=subprocess.DEVNULL)
    size = sum(os.path.getsize(os.path.join(d, name)) for d, _, names in os.walk(folder + "/blocks") for name in names)
    os.unlink(text)
    return {"series": len(rows), "hours": hours, "samples": n * len(rows), "bytes": size, "bytes_a_sample": round(size / (n * len(rows)), 2)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--joulemap", default=os.path.join(TREE, "build", "joulemap"))
    parser.add_argument("--services", type=int, nargs="+", default=[10, 50])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--prometheus", default=os.path.join(TREE, ".cache", "prometheus"), help="where prometheus and promtool are, if not in PATH")
    a = parser.parse_args()
    os.environ["PATH"] += os.pathsep + a.prometheus
    a.joulemap = os.path.abspath(a.joulemap)
    with tempfile.TemporaryDirectory() as folder:
        out = {"metrics": [bench_scrape(a.joulemap, folder, n) for n in (0, 100, 1000, 5000)]}
        if shutil.which("prometheus"):
            out["prometheus"] = [bench_prometheus(a.joulemap, folder, n, 100, a.seconds) for n in a.services]
            out["disk"] = bench_disk(a.joulemap, folder)
        print(json.dumps(out, indent=1))


if __name__ == "__main__":
    try:
        main()
    finally:
        stop(running)
