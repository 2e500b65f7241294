#!/usr/bin/env python3
"""Faults put to the program as it is used, by seed: traces that are cut, corrupted, of huge fields; recordings that are cut off; SIGKILL at
any moment of record, run, serve and data; processes that vanish; wall clocks that step; clients of the service that vanish, stall and lie;
disks that fill under data. Prints JSON; exit code 1 when a recording did not open, had a reading that was not shown, or did not add up,
when something of the user's was changed or lost, or when the program crashed. The recorder alone, in virtual time:
bench_fault_campaign.

usage: bench/faults.py [--joulemap PROGRAM] [--runs N] [--seed FIRST] [--kinds KIND,...] [--jobs N] [--keep]"""
import argparse
import concurrent.futures
import json
import math
import os
import random
import sys
import tempfile
import time

from fault_runs import (CORPUS, MODEL, SOURCE, Blame, World, clock_library, clock_steps, cut_recording, data_disturbed, import_damaged, processes_vanish,
                        record_killed, require, run_killed, write_script)  # fmt: skip
from fault_service import service_attacked

# Of 100 runs.
KINDS = {"import": (import_damaged, 32), "cut": (cut_recording, 26), "record": (record_killed, 10), "run": (run_killed, 3),
         "processes": (processes_vanish, 4), "clock": (clock_steps, 4), "serve": (service_attacked, 7), "data": (data_disturbed, 14)}  # fmt: skip


def make_base(program, folder):
    """Recordings to be cut: one that was closed, with processes, and one of a trace and a log."""
    w = World(program, 0, [])
    try:
        code, _, err = w.call("record", "-q", "-s", write_script(w), "-i", "2ms", "-o", os.path.join(folder, "record.jmap"), "--",
                              "sh", "-c", "sleep 0.3; (sleep 0.1); sleep 0.1")  # fmt: skip
        require(code == 0, "no recording to cut", err)
        code, _, err = w.call("import", os.path.join(CORPUS, "chrome/kineto.json"), "-o", os.path.join(folder, "import.jmap"))
        require(code == 0, "no import to cut", err)
    finally:
        w.close(False)
    return [os.path.join(folder, f) for f in ("record.jmap", "import.jmap")]


def kind_of(seed, kinds):
    names = [k for k in kinds for _ in range(KINDS[k][1])]
    return names[random.Random(seed * 2654435761).randrange(len(names))]


def play(program, seed, kind, base, options):
    w = World(program, seed, base, may_step="clock" in options.kinds)
    what = None
    try:
        KINDS[kind][0](w)
    except Blame as e:
        what = str(e)
    except Exception as e:  # of the campaign's own, or of what the program did to it
        what = f"{type(e).__name__}: {e}"
    w.close(options.keep and what)
    return seed, kind, w.facts, what


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--joulemap", default=os.path.join(SOURCE, "build/joulemap"))
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", action="store_true", help="keep the folders of runs that failed")
    options = parser.parse_args()
    program = os.path.abspath(options.joulemap)
    kinds, left_out = options.kinds.split(","), {}
    if "run" in kinds and not (os.path.exists(MODEL) and os.path.isdir(os.path.join(SOURCE, ".cache/onnxruntime"))):
        kinds.remove("run")
        left_out["run"] = "no model and runtime in .cache"
    if "clock" in kinds and not os.path.exists(clock_library(program)):
        kinds.remove("clock")
        left_out["clock"] = "no clock_steps.so beside the program"
    options.kinds = kinds
    result = {"runs": 0, "first_seed": options.seed, "failed": 0, "left_out": left_out, "kinds": {}}
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        base = make_base(program, folder)
        seeds = range(options.seed, options.seed + options.runs)
        for seed, kind, facts, what in pool.map(lambda s: play(program, s, kind_of(s, kinds), base, options), seeds):
            sums = result["kinds"].setdefault(kind, {"runs": 0})
            for fact, n in [("runs", 1), *facts.items()]:
                sums[fact] = sums.get(fact, 0) + n
            result["runs"] += 1
            if what:
                result["failed"] += 1
                print(f"seed {seed} ({kind}): {what}", file=sys.stderr, flush=True)
    result["seconds"] = math.ceil(time.monotonic() - begin)
    print(json.dumps(result, indent=1))
    return result["failed"] != 0


if __name__ == "__main__":
    sys.exit(main())
