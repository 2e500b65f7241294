#!/usr/bin/env python3
"""How much `joulemap stat -i 10ms` slows a command: pairs of runs with and without it, in turn, and `stat -- true`.

Usage: bench/stat_cost.py JOULEMAP [PAIRS [SECONDS]]. Prints JSON; the ratio is the median over the pairs.
"""
import json
import statistics
import subprocess
import sys
import time

WORK = "n = int(__import__('sys').argv[1])\nx = 1\nfor i in range(n):\n    x = (x * 1103515245 + 12345) % 2147483648\n"


def wall(argv):
    start = time.perf_counter()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def work(n):
    return [sys.executable, "-S", "-c", WORK, str(n)]


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    program = sys.argv[1]
    pairs = int(sys.argv[2]) if len(sys.argv) > 2 else 15
    seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 2.0
    n = 2_000_000
    n = int(n * seconds / wall(work(n)))
    ratios = []
    for i in range(pairs):
        measured = [program, "stat", "-i", "10ms", "--"] + work(n)
        runs = [("with", measured), ("without", work(n))]
        times = {name: wall(argv) for name, argv in (runs if i % 2 else runs[::-1])}
        ratios.append(times["with"] / times["without"])
    true_ms = [1e3 * wall([program, "stat", "--", "true"]) for _ in range(pairs)]
    print(json.dumps({
        "bench": "stat_cost",
        "pairs": pairs,
        "seconds": seconds,
        "slowdown_median": round(statistics.median(ratios) - 1, 5),
        "slowdown_quartiles": [round(q - 1, 5) for q in statistics.quantiles(ratios, n=4)[::2]],
        "stat_true_ms_median": round(statistics.median(true_ms), 2),
    }))


main()
