"""Asks a running service, given its port and the number of a busy process; prints "ok: ..." or "FAILED: ..." lines."""
import concurrent.futures
import http.client
import json
import re
import socket
import sys
import time

PORT, PID = int(sys.argv[1]), int(sys.argv[2])
failed = 0


def check(what, is_true, shown=""):
    global failed
    print("ok:" if is_true else "FAILED:", what, "" if is_true else shown)
    failed += not is_true


def ask(method, path, body=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=20)
    if isinstance(body, (dict, list)):
        body = json.dumps(body)
        headers = dict({"Content-Type": "application/json"}, **(headers or {}))
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def measure(body):
    status, text = ask("POST", "/measurements", body)
    assert status == 201, text
    path = "/measurements/%d" % json.loads(text)["id"]
    while True:
        status, text = ask("GET", path)
        result = json.loads(text)
        if result["state"] in ("done", "gone"):
            return result
        time.sleep(0.05)


# The machine takes 50 W of the counter, known to the joule: replayed.
result = measure({"pids": [PID], "duration_s": 1, "devices": ["cpu", "gpu"]})
cpu, machine = result["processes"][0]["cpu"], result["machine"]["cpu"]
check("the machine's power is the known one", abs(machine["mean_power_w"] - 50) < 0.5, machine)
check("the energy is power by time", abs(machine["energy_j"] - 50 * machine["seen_s"]) < 0.5, machine)
check("it covers the time asked for", abs(machine["seen_s"] - 1) < 0.15, machine)
check("the process has a part of it", 0 < cpu["energy_j"] <= machine["energy_j"], cpu)
check("its interval is the sensor's accuracy", abs(cpu["energy_ci_j"][1] / cpu["energy_j"] - 1.02) < 1e-6, cpu)
check("what there is no sensor for is unavailable, with a reason",
      result["processes"][0]["gpu"]["state"] == "unavailable" and result["processes"][0]["gpu"]["reason"]
      and result["processes"][0]["gpu"]["energy_j"] is None)
check("what was not asked for is not there", "dram" not in result["processes"][0])

with concurrent.futures.ThreadPoolExecutor(100) as pool:
    results = list(pool.map(measure, [{"pids": [PID], "duration_s": 0.5}] * 100))
check("100 at once are all answered", all(r["state"] == "done" for r in results))
check("and agree", max(r["machine"]["cpu"]["mean_power_w"] for r in results) < 51)

status, text = ask("POST", "/measurements", {"pids": [PID]})
path = "/measurements/%d" % json.loads(text)["id"]
check("one without an end runs", json.loads(ask("GET", path)[1])["state"] == "running")
check("DELETE ends it", json.loads(ask("DELETE", path)[1])["state"] == "done")
check("its result stays", json.loads(ask("GET", path)[1])["state"] == "done")
check("the list has it", len(json.loads(ask("GET", "/measurements")[1])["measurements"]) >= 102)

status, text = ask("POST", "/items", {"count": 32, "item": "token", "pid": PID})
check("items are counted", status == 200 and json.loads(text) == {"item": "token", "total": 32}, text)
check("and add up", json.loads(ask("POST", "/items", {"count": 1, "item": "token"})[1])["total"] == 33)
status, text = ask("POST", "/items", {"count": 5, "item": "token", "pod": "0a1b-2c"})
check("items of a pod are counted", status == 200 and json.loads(text)["total"] == 38, text)

refusals = [
    ("items of a process and a pod", "POST", "/items", {"count": 1, "pid": PID, "pod": "0a1b-2c"}, None, 400),
    ("items without a number", "POST", "/items", {"item": "token"}, None, 400),
    ("items of a process that is not there", "POST", "/items", {"count": 1, "pid": 4194303}, None, 404),
    ("items as a form sends them", "POST", "/items", '{"count":1}', {"Content-Type": "text/plain"}, 415),
    ("no JSON", "POST", "/measurements", "{", {"Content-Type": "application/json"}, 400),
    ("another type", "POST", "/measurements", '{"pids":[1]}', {"Content-Type": "text/plain"}, 415),
    ("no process", "POST", "/measurements", {"pids": []}, None, 400),
    ("a process that is not there", "POST", "/measurements", {"pids": [4194303]}, None, 404),
    ("a negative time", "POST", "/measurements", {"pids": [PID], "duration_s": -1}, None, 400),
    ("too much", "POST", "/measurements", "x" * 300000, {"Content-Type": "application/json"}, 413),
    ("an unknown number", "GET", "/measurements/999999", None, None, 404),
    ("no number", "GET", "/measurements/x", None, None, 404),
    ("an unknown path", "GET", "/nothing", None, None, 404),
    ("another method", "PUT", "/metrics", None, None, 405),
    ("another host", "GET", "/metrics", None, {"Host": "evil.example"}, 403),
    ("another origin", "GET", "/metrics", None, {"Origin": "http://evil.example"}, 403),
]
for what, method, path, body, headers, expected in refusals:
    status, text = ask(method, path, body, headers)
    check("refused: " + what, status == expected and json.loads(text)["error"]["message"], (status, text))

with socket.create_connection(("127.0.0.1", PORT), timeout=10) as raw:
    raw.sendall(b"\x00\xff garbage\r\n\r\n")
status, text = ask("GET", "/healthz")
check("it goes on after garbage", status == 200 and json.loads(text)["status"] == "ok", text)

status, text = ask("GET", "/metrics")
energy = re.search(r'^joulemap_energy_joules_total\{channel="replay/c",domain="package"[^}]*\} (\S+)$', text, re.M)
check("metrics have the energy", energy, text[:2000])
time.sleep(0.5)
after = re.search(r'^joulemap_energy_joules_total\{[^}]*\} (\S+)$', ask("GET", "/metrics")[1], re.M)
check("which only rises, over wraps of the counter", float(after.group(1)) > float(energy.group(1)) > 30)
check("metrics have the items", "\njoulemap_items_total{item=\"token\"} 38\n" in text, text[-2000:])
check("by process, too", re.search(r'^joulemap_process_items_total\{pid="%d",.*item="token"\} 32$' % PID, text, re.M), text[-2000:])
check("by pod, too", "\njoulemap_pod_items_total{pod=\"0a1b-2c\",item=\"token\"} 5\n" in text, text[-2000:])
check("its tree has energy", re.search(r'^joulemap_process_tree_energy_joules_total\{pid="%d",.*\} \S+$' % PID, text, re.M))
power = re.search(r'^joulemap_power_watts\{[^}]*\} (\S+)$', text, re.M)
check("metrics have the power", power and abs(float(power.group(1)) - 50) < 2, power and power.group(0))
split = [float(v) for v in re.findall(r'^joulemap_split_joules_total\{channel="replay/c"[^}]*\} (\S+)$', text, re.M)]
check("the split adds up to the energy", len(split) == 4 and abs(sum(split) - float(energy.group(1))) < 1e-6, split)
names = set(re.findall(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{[^}\n]*\})? [-+0-9.e]+(?:nan)?$", text, re.M))
typed = set(re.findall(r"^# TYPE (\S+) ", text, re.M))
names = {re.sub("_(sum|count)$", "", n) if re.search("begin_seconds", n) else n for n in names}
check("every sample is of a family that has a type", names and names <= typed, names - typed)
check("every line is a comment or a sample",
      all(re.match(r"^(# (HELP|TYPE) .+|[a-zA-Z_]\w*(\{.*\})? [-+0-9.e]+)$", line) for line in text.splitlines()))
status, text = ask("GET", "/metrics", None, {"Accept": "application/openmetrics-text; version=1.0.0"})
check("OpenMetrics ends with EOF", text.endswith("# EOF\n"))
counters = re.findall(r"^# TYPE (\S+) counter$", text, re.M)
check("its counters are named without _total, their samples with",
      counters and not any(c.endswith("_total") for c in counters)
      and all(re.search(r"^%s_total[ {]" % c, text, re.M) for c in counters if "container" not in c and "process_" not in c), counters)
description = json.loads(ask("GET", "/openapi.json")[1])
check("the description is there", description["openapi"].startswith("3.") and "/measurements/{id}" in description["paths"])

connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=10)
connection.request("GET", "/stream")
stream = connection.getresponse()
events = []
while len(events) < 3:
    line = stream.readline().decode()
    if line.startswith("data: "):
        events.append(json.loads(line[6:]))
connection.close()
check("the stream has ticks", all(e["channels"][0]["name"] == "replay/c" for e in events))
check("one after the other", events[0]["time"] < events[1]["time"] < events[2]["time"])
sys.exit(failed > 0)
