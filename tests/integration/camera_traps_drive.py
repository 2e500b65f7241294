"""Drives joulemap serve through a stand-in of the camera-traps engine, with the public flatbuffers and pyzmq packages. In the
environment: JM, WORK. Prints "ok: ..." or "FAILED: ..." lines."""
import datetime
import glob
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import zmq
from camera_traps_engine import Engine
from camera_traps_messages import malformed, python_plugin_message, terminate_message

from joulemap import events

JM, WORK = os.environ["JM"], os.environ["WORK"]
PATIENCE = 30
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


def load(folder, name):
    """Reads a file as json.load does; an object whose key is there twice is an error."""

    def unique(pairs):
        assert len({k for k, _ in pairs}) == len(pairs), "a key is there twice"
        return dict(pairs)

    with open(os.path.join(folder, name), encoding="utf-8") as f:
        return json.load(f, object_pairs_hook=unique)


def pids_in(folder):
    return {value[1] for value in load(folder, "CPU.json").values()}


class Service:
    def __init__(self, folder, *options, **environment):
        self.folder = os.path.join(WORK, folder)
        command = [JM, "serve", "--port", "0", "-s", "replay:" + os.path.join(WORK, "script"), "--output", self.folder]
        self.errors = open(os.path.join(WORK, folder + ".err"), "w+")
        self.process = subprocess.Popen(
            command + list(options), stdout=subprocess.PIPE, stderr=self.errors, env=dict(os.environ, **environment)
        )
        self.port = int(self.process.stdout.readline().decode().strip().rsplit(":", 1)[1])

    def ends_with(self, code):
        try:
            return self.process.wait(PATIENCE) == code
        except subprocess.TimeoutExpired:
            self.process.kill()
            return False


def is_measured(folder, pid):
    return lambda: str(pid) in pids_in(folder)


def plugin_at_engine(busy):
    engine = Engine()
    engine.start()
    service = Service("plugin", "--engine", engine.endpoint("plugin"))
    until("the plugin asks for events", lambda: engine.n_next > 0)
    check("it has introduced itself", [m[:2] for m in engine.published] == [b"\x10\x00"], engine.published)
    incoming = engine.endpoint("incoming")

    events._publish(python_plugin_message([busy[0]], [0], "", 0), incoming, PATIENCE)
    until("a start as Python plugins write it measures (type 0, until stopped)", is_measured(service.folder, busy[0]))
    events.send_power_measure_event(busy[:2], ["cpu"], seconds=600, endpoint=incoming, timeout=PATIENCE)
    until("an overlapping one for two processes, too", is_measured(service.folder, busy[1]))

    def last(pid):
        return max(k for k, v in load(service.folder, "CPU.json").items() if v[1] == str(pid))

    events.send_power_stop_event([busy[0]], endpoint=incoming, timeout=PATIENCE)
    summary = os.path.join(service.folder, "power_summary_report.json")
    stop_seen = last(busy[1])
    until("others go on when one is stopped", lambda: last(busy[1]) > stop_seen)
    until("the stopped one has stopped", lambda: last(busy[1])[:21] > last(busy[0])[:21])

    engine.stop()
    engine.n_next = 0
    engine.start()
    until("an engine that came back is found", lambda: engine.n_next > 0)
    later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=0.5)
    events.send_power_measure_event([busy[2]], ["all"], later, 600, endpoint=incoming, timeout=PATIENCE)
    until("a start later starts", is_measured(service.folder, busy[2]))
    first = min(k for k, v in load(service.folder, "CPU.json").items() if v[1] == str(busy[2]))
    check("and not before its time", first >= later.replace(tzinfo=None).isoformat(" "), (first, later))

    events._publish(terminate_message("another", "6e153711-9823-4ee6-b608-58e2e801db51"), incoming, PATIENCE)
    events._publish(terminate_message("*", "4a0fca25-1935-472a-8674-58f22c3a32b3"), incoming, PATIENCE)
    check("terminate ends it with exit code 0", service.ends_with(0))
    check("it has quit", engine.has_quit.wait(PATIENCE))
    check("it has said good-bye", engine.published[-1][:2] == b"\x11\x00")
    rows = {r["pid"]: r for r in load(service.folder, "power_summary_report.json")["pid power summary report"]}
    check("the summary has all three", set(busy) <= set(rows), rows)
    check("with energies", all(rows[p]["cpu_energy_j"] > 0 for p in busy), rows)
    check("the array form is there", len(load(service.folder, "cpu.json")) > 2 and os.path.exists(summary))
    check("and the metadata", len(glob.glob(os.path.join(service.folder, "metadata_*.json"))) == 1)
    engine.stop()


def metrics(service):
    with urllib.request.urlopen("http://127.0.0.1:%d/metrics" % service.port, timeout=PATIENCE) as answer:
        return answer.read().decode()


def value(page, name):
    return float(next(line for line in page.splitlines() if line.startswith(name + " ")).rsplit(" ", 1)[1])


def resident_kib(pid):
    with open("/proc/%d/statm" % pid, encoding="ascii") as f:
        return int(f.read().split()[1]) * 4


def flood(busy):
    """Malformed events of every kind: each is counted, memory stays, and the good ones between them are done."""
    context = zmq.Context()
    with socket.create_server(("127.0.0.1", 0)) as probe:  # ZeroMQ would close it later, in a thread of its own
        endpoint = "tcp://127.0.0.1:%d" % probe.getsockname()[1]
    service = Service("flood", "--subscribe", "@" + endpoint)
    good = python_plugin_message([busy[0]], [1], "", 5)
    kinds = malformed(good)
    publisher = context.socket(zmq.XPUB)
    publisher.linger = 1000
    publisher.sndhwm = 0  # nothing is dropped here
    publisher.connect(endpoint)
    publisher.recv()

    def send(rounds):
        for _ in range(rounds):
            for data, _ in kinds:
                publisher.send(data)

    def received(n):
        return lambda: value(metrics(service), "joulemap_events_received_total") == n

    send(75)
    until("malformed events are received", received(75 * len(kinds)))
    before = resident_kib(service.process.pid)
    send(75)
    publisher.send(good)
    until("and as many more", received(150 * len(kinds) + 1))
    until("the good one behind them is measured", is_measured(service.folder, busy[0]))
    page, expected = metrics(service), {}
    for _, reason in kinds:
        expected[reason] = expected.get(reason, 0) + 150
    counted = {r: value(page, 'joulemap_events_malformed_total{reason="%s"}' % r) for r in expected}
    check("each is counted under its reason", counted == expected, (counted, expected))
    check("none under another", value(page, 'joulemap_events_total{type="start"}') == 1)
    grown = resident_kib(service.process.pid) - before
    with open(JM, "rb") as program:
        keeps_freed = b"__asan_init" in program.read()  # AddressSanitizer does, on purpose
    check("memory stays", grown < 8192 or keeps_freed, grown)
    ask = [JM, "ask", "--events", endpoint[6:], "--pids", str(busy[1])]
    check("ask --events starts", subprocess.call(ask + ["--for", "600s", "--devices", "cpu"]) == 0)
    until("what it asked for is measured", is_measured(service.folder, busy[1]))
    check("ask --events --stop stops", subprocess.call(ask + ["--stop"]) == 0)
    until("and it is", lambda: value(metrics(service), "joulemap_events_stopped_processes_total") == 1)
    check("ask --events wants whole seconds", subprocess.call(ask + ["--for", "1500ms"], stderr=subprocess.DEVNULL) == 1)
    publisher.close()
    context.term()
    service.process.send_signal(signal.SIGTERM)
    check("SIGTERM ends it with exit code 0", service.ends_with(0))
    service.errors.seek(0)
    log = service.errors.read()
    check("faults are told by reason, not one by one", 3 <= log.count("malformed event") < 50, log)
    load(service.folder, "power_summary_report.json")


def killed(busy):
    service = Service("killed", TRAPS_TEST_POWER_FUNCTION="1")
    until("TRAPS_TEST_POWER_FUNCTION=1 measures itself", lambda: pids_in(service.folder) == {str(service.process.pid)})
    service.process.kill()
    service.process.wait()
    for name in ("CPU.json", "GPU.json", "cpu.json", "gpu.json", "power_summary_report.json"):
        load(service.folder, name)
    again = Service("killed")
    check("after a kill the files are valid, kept, and the next start goes on", load(again.folder, "CPU.json") == {})
    check("under another name", len(glob.glob(os.path.join(again.folder, "CPU-*.json"))) == 1)
    again.process.terminate()
    check("it ends", again.ends_with(0))


def main():
    busy = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(3)]
    try:
        plugin_at_engine([p.pid for p in busy])
        flood([p.pid for p in busy])
        killed([p.pid for p in busy])
    finally:
        for p in busy:
            p.kill()
            p.wait()
    sys.exit(n_failed > 0)


main()
