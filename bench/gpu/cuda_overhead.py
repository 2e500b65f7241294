#!/usr/bin/env python3
"""What `joulemap record --cuda` costs a PyTorch program: the same inference with and without it, in processes by turns
(ABBA), on a network of DistilBERT's shape (6 layers, 768 wide, 12 heads, 128 tokens). Prints JSON.

usage: cuda_overhead.py --joulemap build/joulemap [--rounds 4] [--seconds 3] [--ranges]

Two cases: batch 32 in FP32, where the GPU is busy, and batch 1 in BF16, where it waits for launches. A round is four
processes: without, with, with, without; its slow-down is the mean of the medians with over that without, less one.
--ranges: the network's layers are NVTX ranges, too.
"""
import argparse
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

CASES = {"batch32_fp32": (32, "float32"), "batch1_bf16": (1, "bfloat16")}


def network(dtype):
    import torch

    class Block(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.q, self.k, self.v, self.out = (torch.nn.Linear(768, 768) for _ in range(4))
            self.norm1, self.norm2 = torch.nn.LayerNorm(768), torch.nn.LayerNorm(768)
            self.up, self.down, self.gelu = torch.nn.Linear(768, 3072), torch.nn.Linear(3072, 768), torch.nn.GELU()

        def forward(self, x):
            def heads(y):
                return y.view(y.shape[0], -1, 12, 64).transpose(1, 2)
            a = torch.nn.functional.scaled_dot_product_attention(heads(self.q(x)), heads(self.k(x)), heads(self.v(x)))
            x = self.norm1(x + self.out(a.transpose(1, 2).reshape(x.shape)))
            return self.norm2(x + self.down(self.gelu(self.up(x))))

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.words, self.places = torch.nn.Embedding(30522, 768), torch.nn.Embedding(512, 768)
            self.norm = torch.nn.LayerNorm(768)
            self.blocks = torch.nn.ModuleList(Block() for _ in range(6))
            self.with_ranges = False

        def forward(self, tokens):
            x = self.norm(self.words(tokens) + self.places(torch.arange(tokens.shape[1], device=tokens.device)))
            for i, block in enumerate(self.blocks):
                if self.with_ranges:
                    torch.cuda.nvtx.range_push(f"block {i}")
                x = block(x)
                if self.with_ranges:
                    torch.cuda.nvtx.range_pop()
            return x

    torch.manual_seed(1)
    return Network().to("cuda", getattr(torch, dtype)).eval()


def child(seconds, with_ranges):
    """Prints the median time of an inference for each case, ms."""
    import torch
    found = {}
    for name, (batch, dtype) in CASES.items():
        model = network(dtype)
        model.with_ranges = with_ranges
        tokens = torch.randint(0, 30000, (batch, 128), device="cuda")
        times = []
        with torch.inference_mode():
            for _ in range(20):
                model(tokens)
            torch.cuda.synchronize()
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                start = time.perf_counter()
                model(tokens)
                torch.cuda.synchronize()
                times.append((time.perf_counter() - start) * 1e3)
        found[name] = {"median_ms": statistics.median(times), "mean_ms": statistics.fmean(times), "n": len(times)}
    print(json.dumps(found))


def run_child(options, is_recorded, folder):
    command = [sys.executable, os.path.abspath(__file__), "--child", "--seconds", str(options.seconds)]
    command += ["--ranges"] if options.ranges else []
    recording = os.path.join(folder, "overhead.jmap")
    if is_recorded:
        command = [options.joulemap, "record", "--cuda", "-q", "-f", "-o", recording]
        command += (["-s", options.sensors] if options.sensors else []) + ["--", sys.executable] + \
            [os.path.abspath(__file__), "--child", "--seconds", str(options.seconds)] + \
            (["--ranges"] if options.ranges else [])
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout.strip().splitlines()[-1])
    if is_recorded:
        meta = dict(sqlite3.connect(recording).execute("SELECT key, value FROM meta WHERE key LIKE 'cuda%'"))
        found["recorded"] = {k: int(v) for k, v in meta.items()}
    return found


def summary(rounds):
    result = {}
    for name in CASES:
        ratios, medians = [], {False: [], True: []}
        for members in rounds:
            mean = {w: statistics.fmean(m[name]["median_ms"] for is_recorded, m in members if is_recorded == w)
                    for w in (False, True)}
            ratios.append(mean[True] / mean[False] - 1)
            for w in mean:
                medians[w].append(mean[w])
        result[name] = {"without_ms": statistics.fmean(medians[False]), "with_ms": statistics.fmean(medians[True]),
                        "slowdown": statistics.fmean(ratios), "slowdown_by_round": ratios}
    recorded = [m["recorded"] for members in rounds for is_recorded, m in members if is_recorded]
    result["kernels"] = sum(r["cuda_kernels"] for r in recorded)
    result["dropped"] = sum(r["cuda_dropped"] for r in recorded)
    result["without_time"] = sum(r["cuda_without_time"] for r in recorded)
    result["clock_residual_ns"] = max(r["cuda_clock_residual_ns"] for r in recorded)
    result["clock_ahead_ns"] = max(r["cuda_clock_ahead_ns"] for r in recorded)
    result["limits"] = {"batch32_fp32": 0.02, "batch1_bf16": 0.10, "dropped": 0}
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--joulemap", default="build/joulemap")
    parser.add_argument("--sensors", help="of joulemap record; default: its own choice")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--ranges", action="store_true")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.seconds, options.ranges)
        return
    rounds = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(options.rounds):
            rounds.append([(w, run_child(options, w, folder)) for w in (False, True, True, False)])
    print(json.dumps({"benchmark": "cuda_overhead", "rounds": options.rounds, "seconds": options.seconds,
                      "ranges": options.ranges, **summary(rounds)}, indent=1))


if __name__ == "__main__":
    main()
