"""Drives joulemap serve through a stand-in of the camera-traps engine, with the public flatbuffers and pyzmq packages. In the
environment: JM, WORK. Prints "ok: ..." or "FAILED: ..." lines."""
import datetime
import glob
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request

import flatbuffers
import zmq
from camera_traps_engine import Engine

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


def python_plugin_message(pids, types, start, seconds):
    """A start with the fields in the order in which the Python plugins of camera-traps write them: each created and added from
    the last to the first, with the stamps naive, as datetime.utcnow().isoformat() gives them."""
    b = flatbuffers.Builder(1024)
    start_at = b.CreateString(start)
    b.StartVector(1, len(types), 1)
    for t in reversed(types):
        b.PrependByte(t)
    type_vector = b.EndVector()
    b.StartVector(4, len(pids), 4)
    for p in reversed(pids):
        b.PrependInt32(p)
    pid_vector = b.EndVector()
    created = b.CreateString(datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None).isoformat())
    b.StartObject(5)
    b.PrependUint32Slot(4, seconds, 0)
    b.PrependUOffsetTRelativeSlot(3, start_at, 0)
    b.PrependUOffsetTRelativeSlot(2, type_vector, 0)
    b.PrependUOffsetTRelativeSlot(1, pid_vector, 0)
    b.PrependUOffsetTRelativeSlot(0, created, 0)
    table = b.EndObject()
    b.StartObject(2)
    b.PrependUOffsetTRelativeSlot(1, table, 0)
    b.PrependUint8Slot(0, 9, 0)
    b.Finish(b.EndObject())
    return b"\x20\x00" + bytes(b.Output())


def terminate_message(name, uuid):
    b = flatbuffers.Builder(256)
    strings = [b.CreateString(t) for t in ("2024-05-02T15:06:15+00:00", name, uuid)]
    b.StartObject(3)
    for slot, s in enumerate(strings):
        b.PrependUOffsetTRelativeSlot(slot, s, 0)
    table = b.EndObject()
    b.StartObject(2)
    b.PrependUint8Slot(0, 8, 0)
    b.PrependUOffsetTRelativeSlot(1, table, 0)
    b.Finish(b.EndObject())
    return b"\x12\x00" + bytes(b.Output())


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


def message(tag, prefix, fields):
    """An event of n fields, each a function that makes it, or None: it is missing."""
    b = flatbuffers.Builder(256)
    offsets = [make(b) if make else None for make in fields]
    b.StartObject(len(fields))
    for slot, offset in enumerate(offsets):
        if offset is not None:
            b.PrependUOffsetTRelativeSlot(slot, offset, 0)
    table = b.EndObject()
    b.StartObject(2)
    b.PrependUint8Slot(0, tag, 0)
    b.PrependUOffsetTRelativeSlot(1, table, 0)
    b.Finish(b.EndObject())
    return prefix + bytes(b.Output())


def text(value):
    return lambda b: b.CreateString(value)


def numbers(values, size):
    return lambda b: events._vector(b, values, size)


def malformed(good):
    """Messages of each kind of fault, and the reason they are counted under."""
    stamp = "2024-05-02T15:05:15"
    pids, types, now = numbers([4711], 4), numbers([1], 1), text("")
    huge = bytearray(good)
    at = good.index(b"\x01\x00\x00\x00", 40)
    huge[at : at + 4] = b"\xff\xff\xff\x3f"

    def start(*fields):
        return message(9, b"\x20\x00", [text(stamp), *fields])

    return [
        (good[:3], "too short"),
        (good[:20], "damaged buffer"),
        (b"\x77\x00" + good[2:], "unknown prefix"),
        (b"\x20\x01" + good[2:], "unknown prefix"),
        (good[:2] + b"\xff\xff\xff\x7f" + good[6:], "damaged buffer"),
        (bytes(huge), "damaged buffer"),
        (b"\x21" + good[1:], "prefix and event differ"),
        (message(77, b"\x20\x00", [text(stamp)]), "prefix and event differ"),
        (message(9, b"\x20\x00", [None, pids, types, now]), "field missing"),
        (start(None, types, now), "field missing"),
        (start(pids, None, now), "field missing"),
        (start(pids, types, None), "field missing"),
        (start(numbers([], 4), types, now), "empty list"),
        (start(pids, numbers([], 1), now), "empty list"),
        (start(numbers(list(range(1, 5000)), 4), types, now), "list too long"),
        (start(numbers([-1], 4), types, now), "no process id"),
        (start(pids, numbers([5], 1), now), "unknown monitor type"),
        (start(pids, types, text("tomorrow")), "start time unreadable"),
        (message(8, b"\x12\x00", [text(stamp), text("*"), text("no uuid")]), "uuid unreadable"),
        (message(8, b"\x12\x00", [text(stamp), lambda b: b.CreateString(b"\xff\xfe"), text("")]), "text too long or not UTF-8"),
    ]


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
    probe = context.socket(zmq.REP)
    port = probe.bind_to_random_port("tcp://127.0.0.1")
    probe.close(0)
    endpoint = "tcp://127.0.0.1:%d" % port
    service = Service("flood", "--subscribe", "@" + endpoint)
    good = python_plugin_message([busy[0]], [1], "", 5)
    kinds = malformed(good)
    socket = context.socket(zmq.XPUB)
    socket.linger = 1000
    socket.sndhwm = 0  # nothing is dropped here
    socket.connect(endpoint)
    socket.recv()

    def send(rounds):
        for _ in range(rounds):
            for data, _ in kinds:
                socket.send(data)

    def received(n):
        return lambda: value(metrics(service), "joulemap_events_received_total") == n

    send(25)
    until("malformed events are received", received(25 * len(kinds)))
    before = resident_kib(service.process.pid)
    send(75)
    socket.send(good)
    until("and 1,500 more", received(100 * len(kinds) + 1))
    until("the good one behind them is measured", is_measured(service.folder, busy[0]))
    page, expected = metrics(service), {}
    for _, reason in kinds:
        expected[reason] = expected.get(reason, 0) + 100
    counted = {r: value(page, 'joulemap_events_malformed_total{reason="%s"}' % r) for r in expected}
    check("each is counted under its reason", counted == expected, (counted, expected))
    check("none under another", value(page, 'joulemap_events_total{type="start"}') == 1)
    grown = resident_kib(service.process.pid) - before
    check("memory stays", grown < 2048, grown)
    ask = [JM, "ask", "--events", endpoint[6:], "--pids", str(busy[1])]
    check("ask --events starts", subprocess.call(ask + ["--for", "600s", "--devices", "cpu"]) == 0)
    until("what it asked for is measured", is_measured(service.folder, busy[1]))
    check("ask --events --stop stops", subprocess.call(ask + ["--stop"]) == 0)
    until("and it is", lambda: value(metrics(service), "joulemap_events_stopped_processes_total") == 1)
    check("ask --events wants whole seconds", subprocess.call(ask + ["--for", "1500ms"], stderr=subprocess.DEVNULL) == 1)
    socket.close()
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
