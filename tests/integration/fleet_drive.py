"""Several services of known power and a Prometheus that scrapes them; prints "ok: ..." or "FAILED: ..." lines. The current folder is
for its files; JM is the program, SOURCE the tree. Nothing is timed: what should come is waited for."""
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.parse

import dashboard

JM, SOURCE = os.environ["JM"], os.environ["SOURCE"]
TOKEN = "0123456789abcdef-token"
LONGEST_S = 90  # until something that should come counts as missing
failed = 0
children = []


def check(what, is_true, shown=""):
    global failed
    print("ok:" if is_true else "FAILED:", what, "" if is_true else shown, flush=True)
    failed += not is_true


def get(port, path, headers=None, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("POST" if body else "GET", path, body, headers or {})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def wait_for(what, condition):
    """Asks condition until it gives (True, ...); the rest is shown where it never does."""
    shown = None
    end = time.monotonic() + LONGEST_S
    while time.monotonic() < end:
        is_true, shown = condition()
        if is_true:
            check(what, True)
            return True
        time.sleep(0.2)
    check(what, False, shown)
    return False


# ---- Services ----

def start_service(name, *options):
    out = open(name + ".out", "w+")
    service = subprocess.Popen([JM, "serve", "--port", "0", "--always", "--interval", "250ms", *options], stdout=out, stdin=subprocess.DEVNULL)
    children.append(service)
    end = time.monotonic() + LONGEST_S
    while time.monotonic() < end and service.poll() is None:
        found = re.search(r":(\d+)$", open(name + ".out").read(), re.M)
        if found:
            return service, int(found.group(1))
        time.sleep(0.05)
    sys.exit("FAILED: service %s did not start" % name)


def write_targets(ports):
    """As somebody would who adds a machine: Prometheus sees the file change."""
    text = "".join("- targets: ['127.0.0.1:%d']\n  labels: {instance: %s, site: test}\n" % (port, name)
                   for name, port in ports.items())
    with open("targets/new", "w") as f:
        f.write(text)
    os.rename("targets/new", "targets/test.yml")


# ---- Prometheus ----

def configure():
    """The configuration that is handed out, scraping each second, with the token that it has as a comment."""
    for name in ("joulemap.rules.yml", "joulemap.alerts.yml"):
        shutil.copy(os.path.join(SOURCE, "deploy/prometheus", name), name)
    text = open(os.path.join(SOURCE, "deploy/prometheus/prometheus.yml")).read()
    text = re.sub(r"_interval: 15s", "_interval: 1s", text)
    text, n = re.subn(r"# (authorization:\n    )# (  credentials_file: token)", r"\1\2", text)
    assert n == 1, text
    with open("prometheus.yml", "w") as f:
        f.write(text)
    with open("token", "w") as f:
        f.write(TOKEN + "\n")
    os.chmod("token", 0o600)
    os.mkdir("targets")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start_prometheus():
    for _ in range(5):  # somebody may take the port between the asking and the having
        port = free_port()
        server = subprocess.Popen(
            ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=tsdb", "--log.level=warn",
             "--web.listen-address=127.0.0.1:%d" % port], stdin=subprocess.DEVNULL)
        children.append(server)
        end = time.monotonic() + LONGEST_S
        while time.monotonic() < end and server.poll() is None:
            try:
                if get(port, "/-/ready")[0] == 200:
                    return port
            except OSError:
                pass
            time.sleep(0.1)
    sys.exit("FAILED: Prometheus did not start")


class Prometheus:
    def __init__(self, port):
        self.port = port

    def ask(self, path):
        status, text = get(self.port, "/api/v1/" + path)
        answer = json.loads(text)
        assert status == 200 and answer["status"] == "success", (path, text)
        return answer["data"]

    def query(self, expression):
        result = self.ask("query?" + urllib.parse.urlencode({"query": expression}))["result"]
        return [(r["metric"], float(r["value"][1])) for r in result]

    def value(self, expression):
        result = self.query(expression)
        return result[0][1] if len(result) == 1 else None

    def wait(self, what, expression, expected, tolerance):
        def is_near():
            value = self.value(expression)
            return value is not None and abs(value - expected) <= tolerance * expected, (expression, value)
        return wait_for(what, is_near)


def check_targets(p):
    def all_up():
        targets = p.ask("targets?state=active")["activeTargets"]
        return len(targets) == 3 and all(t["health"] == "up" for t in targets), targets
    wait_for("all three services are up, one of them by its token", all_up)


def check_power(p):
    for name, watts in (("counter", 50), ("gauge", 120), ("estimate", 30)):
        p.wait("rate of joules of the %s is its power" % name,
               'rate(joulemap_energy_joules_total{instance="%s"}[10s])' % name, watts, 0.05)
        p.wait("by the rule, which divides by the time seen, exactly" if name == "counter" else "by the rule, too",
               'instance:joulemap_power_watts:rate5m{instance="%s"}' % name, watts, 0.005)
    p.wait("the power of all machines adds up", "sum(instance:joulemap_power_watts:rate5m)", 200, 0.005)


def check_items(p, port):
    def tell_until_seen():
        body = json.dumps({"count": 7, "item": "inference", "pid": os.getpid()})
        status, text = get(port, "/items", {"Content-Type": "application/json"}, body)
        assert status == 200, text
        value = p.value('instance_item:joulemap_joules_per_item:rate5m{instance="counter",item="inference"}'
                        '* instance_item:joulemap_items:rate5m{instance="counter"}')
        return value is not None and abs(value - 50) < 0.5, value
    wait_for("joules per inference by inferences a second is the power of the machine", tell_until_seen)

    def of_process():
        tell_until_seen()
        rows = p.query("instance_process_item:joulemap_joules_per_item:rate5m")
        return len(rows) == 1 and rows[0][0]["pid"] == str(os.getpid()) and rows[0][1] >= 0, rows
    wait_for("joules per inference of the process that told of them", of_process)
    p.wait("over all machines it is that of the only one that did any",
           'job_item:joulemap_joules_per_item:rate5m / on (item) '
           'instance_item:joulemap_joules_per_item:rate5m{instance="counter"}', 1, 0.005)


def check_restart(p, ports, service):
    p.wait("the counter has got somewhere", 'clamp_max(joulemap_energy_joules_total{instance="counter"}, 300)', 300, 0)
    service.send_signal(signal.SIGKILL)
    service.wait()
    wait_for("a service that is killed is down", lambda: (p.value('up{instance="counter"}') == 0, p.query("up")))
    ports["counter"] = start_service("counter2", "-s", "replay:counter")[1]
    write_targets(ports)
    wait_for("it is started again, on another port, and its counter begins anew",
             lambda: (p.value('resets(joulemap_energy_joules_total{instance="counter"}[5m])') == 1,
                      p.query('resets(joulemap_energy_joules_total[5m])')))
    p.wait("the rate of joules is the power again", 'rate(joulemap_energy_joules_total{instance="counter"}[10s])', 50, 0.05)
    p.wait("and over the restart, by the time seen, it never was anything else",
           'instance:joulemap_power_watts:rate5m{instance="counter"}', 50, 0.005)
    low = p.value('min_over_time(instance:joulemap_power_watts:rate5m{instance="counter"}[5m])')
    high = p.value('max_over_time(instance:joulemap_power_watts:rate5m{instance="counter"}[5m])')
    check("all the time", 49.5 < low <= high < 50.5, (low, high))


def check_rules(p):
    def all_good():
        rules = [r for g in p.ask("rules")["groups"] for r in g["rules"]]
        bad = [(r["name"], r["health"], r.get("lastError")) for r in rules if r["health"] != "ok"]
        return len(rules) >= 16 and not bad, bad
    wait_for("all rules and alerts are evaluated without an error", all_good)
    warnings = p.value("sum(prometheus_rule_evaluation_failures_total)")
    check("none ever failed", warnings in (0, None), warnings)  # None: it does not scrape itself


def check_dashboard(p):
    """Everything that the dashboard asks has an answer, but for what is not here, or not at every moment."""
    may_be_empty = ("Containers", "Joules per item, by container", "Readings missed", "Restarts")
    for title, expression in dashboard.queries(dashboard.load()):
        def answered():
            rows = p.query(expression)
            return bool(rows) or title in may_be_empty, expression
        wait_for("the dashboard's '%s' is answered" % title, answered)


def check_metrics(p, ports):
    for name, port in ports.items():
        # promtool reads the older form; Prometheus itself asks for OpenMetrics.
        text = get(port, "/metrics", {"Authorization": "Bearer " + TOKEN})[1]
        lint = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
        check("promtool has nothing against the metrics of the " + name, lint.returncode == 0 and not lint.stderr, lint.stderr)
    metadata = p.ask("targets/metadata?" + urllib.parse.urlencode({"metric": "joulemap_energy_joules"}))
    metadata = metadata or p.ask("targets/metadata?" + urllib.parse.urlencode({"metric": "joulemap_energy_joules_total"}))
    check("Prometheus knows the counter as one", metadata and all(m["type"] == "counter" for m in metadata), metadata)


def main():
    with open("counter", "w") as f:  # 50 W; wraps every 8 s
        f.write("channel c energy counter domain=package wrap=400 step=0.001 interpolate=yes\n0 c 0\n1000s c 50000\n1000s end\n")
    with open("gauge", "w") as f:
        f.write("channel g power gauge domain=gpu\n0 g 120\n1000s g 120\n1000s end\n")
    configure()
    counter, counter_port = start_service("counter", "-s", "replay:counter")
    gauge, gauge_port = start_service("gauge", "-s", "replay:gauge", "--token-file", "token")
    estimate, estimate_port = start_service("estimate", "-s", "estimate:idle=30,max=30.001", "--metrics-processes", "all")
    ports = {"counter": counter_port, "gauge": gauge_port, "estimate": estimate_port}
    write_targets(ports)
    p = Prometheus(start_prometheus())
    check_targets(p)
    check_power(p)
    check_items(p, ports["counter"])
    check_restart(p, ports, counter)
    check_metrics(p, ports)
    check_rules(p)
    check_dashboard(p)


try:
    main()
finally:
    for child in children:
        child.kill()
    for child in children:
        child.wait()
sys.exit(failed > 0)
