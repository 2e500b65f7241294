#!/usr/bin/env python3
"""Does joulemap take every sample that the NVIDIA driver makes, does their integral agree with the energy counter, and what
does it cost? Runs a load on the GPU, records it, and asks the driver's buffer from a second process as the reference.

    bench/gpu/nvml_sampling.py --joulemap build/joulemap --seconds 480

Prints JSON. Exit code 1 when a limit is not kept. Needs an NVIDIA GPU whose driver keeps a sample buffer, and PyTorch for the load
(or --load COMMAND, which must outlast the recording). The reference drains the buffer every 0.3 s, eight times in what it spans."""
import argparse
import ctypes
import json
import os
import shlex
import sqlite3
import subprocess
import sys
import tempfile
import time

SAME_US = 1000  # the driver moves the stamps of its buffer by up to 67 us; entries were never closer than 7 ms

LOAD = """
import random, sys, time, torch
random.seed(1)
a, b = (torch.randn(8192, 8192, device='cuda', dtype=torch.bfloat16) for _ in range(2))
c = torch.randn(64 << 20, device='cuda')
end = time.time() + float(sys.argv[1])
print('running', flush=True)
while time.time() < end:
    for _ in range(random.randint(1, 20)): a @ b
    for _ in range(random.randint(1, 20)): c.mul_(1.0001)
    torch.cuda.synchronize()
    time.sleep(random.random() * 0.01)
"""


class Sample(ctypes.Structure):
    _fields_ = [("us", ctypes.c_ulonglong), ("value", ctypes.c_ulonglong)]


def reference(gpu, seconds, path):
    """Writes the stamps of every entry that the driver's buffer held, sorted, each once."""
    nvml = ctypes.CDLL(os.environ.get("JOULEMAP_NVML") or "libnvidia-ml.so.1")
    assert nvml.nvmlInit_v2() == 0, "no driver"
    device, kind = ctypes.c_void_p(), ctypes.c_uint()
    assert nvml.nvmlDeviceGetHandleByIndex_v2(gpu, ctypes.byref(device)) == 0
    entries = (Sample * 4096)()
    stamps, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        n = ctypes.c_uint(len(entries))
        if nvml.nvmlDeviceGetSamples(device, 0, ctypes.c_ulonglong(0), ctypes.byref(kind), ctypes.byref(n), entries) == 0:
            now = sorted({entries[i].us for i in range(n.value) if entries[i].us})
            newest = stamps[-1] if stamps else 0
            stamps += [us for us in now if us > newest + SAME_US]
        time.sleep(0.3)
    with open(path, "w") as f:
        json.dump(stamps, f)


def matched(ours, theirs):
    """Gives how many of ours are in theirs, and of theirs in ours; both sorted."""
    def count(a, b):
        n = k = 0
        for us in a:
            while k < len(b) and b[k] < us - SAME_US:
                k += 1
            n += k < len(b) and b[k] <= us + SAME_US
        return n
    return count(ours, theirs), count(theirs, ours)


def longest_gap_ms(stamps):
    return max((b - a for a, b in zip(stamps, stamps[1:])), default=0) / 1000


def recorded_stamps(path, channel):
    db = sqlite3.connect(path)
    rows = db.execute("SELECT s.device_us FROM sample AS s JOIN channel AS c ON c.id = s.channel WHERE c.name = ? AND"
                      " s.value IS NOT NULL ORDER BY s.t_ns", (channel,)).fetchall()
    return sorted(r[0] for r in rows)


def run(args, folder):
    recording, reference_path = os.path.join(folder, "a.jmap"), os.path.join(folder, "reference.json")
    load = shlex.split(args.load) if args.load else [sys.executable, "-c", LOAD, str(args.seconds + 60)]
    busy = subprocess.Popen(load, stdout=subprocess.PIPE, text=True)
    try:
        if not args.load:
            assert busy.stdout.readline().strip() == "running", "the load did not start"
        time.sleep(args.warmup)
        watcher = subprocess.Popen([sys.executable, __file__, "--reference", reference_path, "--gpu", str(args.gpu),
                                    "--seconds", str(args.seconds + 4)])
        time.sleep(1)
        recorder = subprocess.Popen([args.joulemap, "record", "-s", f"nvml/gpu{args.gpu}", "-d", str(args.seconds), "-o",
                                     recording], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(recorder.pid, 0)
        assert status == 0, "the recording failed"
        assert busy.poll() is None, "the load ended before the recording"
        watcher.wait()
    finally:
        busy.kill()
        busy.wait()
    report = json.loads(subprocess.run([args.joulemap, "report", recording, "--baseline", "none", "--format", "json"],
                                       check=True, capture_output=True, text=True).stdout)
    with open(reference_path) as f:
        return report, recorded_stamps(recording, f"nvml/gpu{args.gpu}/power"), json.load(f), usage, \
            os.path.getsize(recording)


def judge(args, report, ours, theirs, usage, size):
    # The ends of the two do not coincide: what both watched is compared.
    first, last = max(ours[0], theirs[0]), min(ours[-1], theirs[-1])
    ours = [us for us in ours if first - SAME_US <= us <= last + SAME_US]
    theirs = [us for us in theirs if first - SAME_US <= us <= last + SAME_US]
    known, found = matched(ours, theirs)
    device = report["devices"][0]
    channels = {c["name"]: c for c in report["channels"]}
    power = channels[f"nvml/gpu{args.gpu}/power"]
    check = device["cross_check"]
    out = {
        "benchmark": "nvml_sampling", "gpu": device["identity"], "seconds": args.seconds,
        "driver_made": len(theirs), "taken": len(ours), "missing": len(theirs) - found, "unknown_to_reference": len(ours) - known,
        "difference_percent": 100 * (len(ours) / len(theirs) - 1),
        "longest_gap_ms": longest_gap_ms(ours), "longest_gap_of_the_driver_ms": longest_gap_ms(theirs),
        "ledger": power["ledger"], "mean_power_w": power["mean_power_w"],
        "cross_check": check, "buffer_against_counter_percent": 100 * (check["difference_fraction"] or 0),
        "own_cpu_percent_of_a_core": 100 * report["own_cost"]["cpu_fraction"],
        "whole_process_cpu_s": usage.ru_utime + usage.ru_stime,
        "cpu_s_by_channel": {n: round(c["ledger"]["cpu_s"], 4) for n, c in channels.items() if c["ledger"]},
        "recording_bytes": size, "throttled": device["throttled"], "sm_clock_mhz": device["sm_clock_mhz"],
        "temperature_c": device["temperature_c"], "warnings": report["warnings"],
    }
    limits = {
        "count within 0.1 %": abs(out["difference_percent"]) <= 0.1 and out["missing"] <= 0.001 * len(theirs),
        "no gap above 65 ms": out["longest_gap_ms"] <= 65,
        "buffer within 0.5 % of the counter": check["difference_fraction"] is not None
        and abs(out["buffer_against_counter_percent"]) <= 0.5,
        "at most 0.2 % of a core": out["own_cpu_percent_of_a_core"] <= 0.2,
    }
    return dict(out, limits=limits, passed=all(limits.values()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--joulemap", default="build/joulemap")
    parser.add_argument("--seconds", type=float, default=480)
    parser.add_argument("--warmup", type=float, default=5)
    parser.add_argument("--gpu", type=int, default=0)
    parser.add_argument("--load", help="command that keeps the GPU busy; without: a mix of PyTorch operations")
    parser.add_argument("--keep", metavar="FOLDER", help="keep the recording and the reference there")
    parser.add_argument("--reference", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.reference:
        return reference(args.gpu, args.seconds, args.reference)
    with tempfile.TemporaryDirectory() as folder:
        if args.keep:
            os.makedirs(args.keep, exist_ok=True)
        result = judge(args, *run(args, args.keep or folder))
    print(json.dumps(result, indent=1))
    return 0 if result["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
