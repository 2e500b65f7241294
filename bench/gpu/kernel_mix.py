#!/usr/bin/env python3
"""Power of kernels by regression on a random mix, against the same kernels alone.

Seven kinds of work run in random order with random rests, each a CUDA graph of 0.5 to 3 ms, timed by events. The
report's regression gives each kind's power and interval. Then each kind runs alone in bursts too short for the power
cap to act; its plateau is the mean of the readings 45 to 80 ms after the start of a burst. Prints JSON. usage:
kernel_mix.py [--seconds 50] [--bursts 16] [--kinds other] [--keep FILE]"""

import argparse
import os
import random
import tempfile
import time

from gpu_common import CudaClock, Span, gpu_channel, joulemap, machine, need_gpus, readings, show, span_kind, torch

PLATEAU_NS = (45_000_000, 80_000_000)
BURST_S = 0.085
REST_S = 0.25
Z = 1.96


def kinds():
    """name: a function that launches the work once."""
    g = torch.Generator(device="cuda").manual_seed(0)

    def rand(*shape, dtype=torch.float32):
        return torch.randn(*shape, device="cuda", dtype=torch.float32, generator=g).to(dtype)

    a16, b16 = rand(6144, 6144, dtype=torch.float16), rand(6144, 6144, dtype=torch.float16)
    a32, b32 = rand(3072, 3072), rand(3072, 3072)
    q, k, v = (rand(16, 16, 2048, 64, dtype=torch.bfloat16) for _ in range(3))
    big, other = rand(1 << 28), rand(1 << 28)
    table = rand(16384, 8192)
    norm = torch.nn.LayerNorm(4096, device="cuda", dtype=torch.float16)
    wide = rand(32768, 4096, dtype=torch.float16)
    small = rand(256, 256)
    return {
        "gemm_fp16": lambda: torch.mm(a16, b16),
        "gemm_fp32": lambda: torch.mm(a32, b32),
        "attention": lambda: torch.nn.functional.scaled_dot_product_attention(q, k, v),
        "stream": lambda: other.copy_(big),
        "softmax": lambda: torch.softmax(table, -1),
        "layer_norm": lambda: norm(wide),
        "tiny": lambda: small.add_(1e-6),
    }


def other_kinds():
    """Work of other kinds and shapes, for figures that were found on the first to be tried on."""
    g = torch.Generator(device="cuda").manual_seed(1)

    def rand(*shape, dtype=torch.float32):
        return torch.randn(*shape, device="cuda", dtype=torch.float32, generator=g).to(dtype)

    a, b = rand(2048, 16384, dtype=torch.bfloat16), rand(16384, 2048, dtype=torch.bfloat16)
    conv = torch.nn.Conv2d(256, 256, 3, padding=1, device="cuda", dtype=torch.float16).to(memory_format=torch.channels_last)
    image = rand(64, 256, 56, 56, dtype=torch.float16).to(memory_format=torch.channels_last)
    wide = rand(1 << 27, dtype=torch.float16)
    matrix, turned = rand(16384, 8192), torch.empty(8192, 16384, device="cuda")
    long = rand(1 << 28)
    table, rows = rand(1 << 20, 256), torch.randint(0, 1 << 20, (1 << 20,), device="cuda", generator=g)
    double = rand(1536, 1536).double()
    return {
        "gemm_bf16": lambda: torch.mm(a, b),
        "conv_fp16": lambda: conv(image),
        "gelu": lambda: torch.nn.functional.gelu(wide),
        "transpose": lambda: turned.copy_(matrix.t()),
        "sum": lambda: long.sum(),
        "lookup": lambda: table.index_select(0, rows),
        "gemm_fp64": lambda: torch.mm(double, double),
    }


def graph_of(work, seconds):
    """A graph of as many launches as take so long, so that the host cannot starve the device."""
    for _ in range(3):
        work()
    torch.cuda.synchronize()
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    for _ in range(20):
        work()
    end.record()
    torch.cuda.synchronize()
    n = max(1, min(2000, round(seconds / (start.elapsed_time(end) / 20 * 1e-3))))
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        work()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(n):
            work()
    return graph


def mix(rec, graphs, seconds, generator, names):
    clock = CudaClock([0])
    call = rec.name_id("round")
    until = time.monotonic() + seconds
    iteration = 0
    while time.monotonic() < until:
        raw = []
        clock.begin()
        block_start = time.monotonic_ns()
        while time.monotonic_ns() - block_start < 400_000_000:
            order = list(graphs)
            generator.shuffle(order)
            # Some are left out, some last longer: the readings, which see some 20 ms, must differ.
            order = [k for k in order for _ in range(generator.choice((0, 0, 1, 2, 4, 6)))] or order
            marks = [clock.mark()]
            for kind in order:
                graphs[kind].replay()
                marks.append(clock.mark())
            clock.wait(marks[-1])
            raw.append((order, marks))
            # Long rests bring the readings down to the idle level, and keep the mean below the power cap.
            is_long = generator.random() < 0.3
            time.sleep(generator.uniform(0.04, 0.09) if is_long else generator.random() * 0.006)
        torch.cuda.synchronize()
        block_end = time.monotonic_ns()
        clock.end()
        spans = []
        for order, marks in raw:
            t = [clock.ns(m) for m in marks]
            spans.append(Span(t[0], t[-1], call, span_kind.ITERATION, iteration))
            spans += [Span(t[i], t[i + 1], names[k], span_kind.LAYER, iteration) for i, k in enumerate(order)]
            iteration += 1
        rec.add(spans)
        rec.add([Span(block_start, block_end, rec.name_id("measured"), span_kind.PHASE)])
        clock.recycle()


def bursts(graphs, n, generator):
    """(kind, start_ns) of each burst alone."""
    order = [k for k in graphs for _ in range(n)]
    generator.shuffle(order)
    found = []
    for kind in order:
        time.sleep(REST_S + generator.random() * 0.02)
        torch.cuda.synchronize()
        start = time.monotonic_ns()
        in_flight = []
        while time.monotonic_ns() - start < BURST_S * 1e9:
            graphs[kind].replay()
            event = torch.cuda.Event()
            event.record()
            in_flight.append(event)
            if len(in_flight) >= 3:
                in_flight.pop(0).synchronize()
        torch.cuda.synchronize()
        found.append((kind, start))
    return found


def plateau(found, power, kind):
    """Mean, standard error over bursts, and how many bursts had a reading in time."""
    means = []
    for k, start in found:
        inside = [w for t, w in power if k == kind and PLATEAU_NS[0] <= t - start <= PLATEAU_NS[1]]
        if inside:
            means.append(sum(inside) / len(inside))
    if len(means) < 2:
        return None, None, len(means)
    mean = sum(means) / len(means)
    sd = (sum((m - mean) ** 2 for m in means) / (len(means) - 1)) ** 0.5
    return mean, sd / len(means) ** 0.5, len(means)


def row(kind, report, channel, found, power):
    fitted = next((r for r in report.layers if r.name == kind and r.channel == channel), None)
    alone, error, n = plateau(found, power, kind)
    watts, interval = (fitted.mean_power_w, fitted.mean_power_ci_w) if fitted else (None, None)
    result = {
        "kind": kind,
        "regressed_w": watts,
        "interval_w": interval,
        "alone_w": alone,
        "alone_se_w": error,
        "bursts": n,
    }
    result["time_share"] = (
        fitted.time_s / sum(r.time_s for r in report.layers if r.channel == channel) if fitted else None
    )
    result["reason"] = fitted.reason if fitted else "not in the report"
    if watts is not None and alone:
        result["error"] = watts / alone - 1
        # The truth is known to its standard error only.
        slack = Z * (error or 0)
        result["interval_holds_it"] = interval[0] - slack <= alone <= interval[1] + slack if interval else None
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=50)
    parser.add_argument("--bursts", type=int, default=16)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", choices=("first", "other"), default="first")
    parser.add_argument("--keep", help="where to leave the recording; default: it is removed")
    args = parser.parse_args()
    need_gpus(1)
    generator = random.Random(args.seed)
    durations = {"gemm_fp16": 1.2, "gemm_bf16": 1.2, "layer_norm": 1.5}  # ms; others 2
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        chosen = kinds() if args.kinds == "first" else other_kinds()
        graphs = {k: graph_of(work, durations.get(k, 2.0) * 1e-3) for k, work in chosen.items()}
        path = args.keep or os.path.join(folder, "mix.jmap")
        with joulemap.Recording(path) as rec:
            time.sleep(1)
            mix(rec, graphs, args.seconds, generator, {k: rec.name_id(k, "kernel") for k in graphs})
            found = bursts(graphs, args.bursts, generator)
        report = rec.report("regress")
        channel = gpu_channel(report)
        power = readings(path, channel.name)
        rows = [row(k, report, channel.name, found, power) for k in graphs]
    judged = [r for r in rows if r.get("error") is not None]

    def keeps(error, time_share):
        """A kernel without a figure keeps no limit."""
        concerned = [r for r in rows if (r["time_share"] or 0) >= time_share]
        return bool(concerned) and all("error" in r and abs(r["error"]) <= error for r in concerned)

    show(
        {
            "benchmark": "kernel_mix",
            **machine(),
            "channel": channel.name,
            "readings": channel.ledger.taken,
            "coverage": channel.ledger.coverage,
            "mean_power_w": channel.mean_power_w,
            "method": report.method,
            "method_reason": report.method_reason,
            "warnings": report.warnings,
            "notes": report.notes,
            "kernels": rows,
            "within_5_percent_of_those_with_15_percent": keeps(0.05, 0.15),
            "within_10_percent_of_those_with_5_percent": keeps(0.10, 0.05),
            "intervals_that_hold_it": sum(bool(r.get("interval_holds_it")) for r in judged),
            "kernels_judged": len(judged),
        }
    )


if __name__ == "__main__":
    main()
