#!/usr/bin/env python3
"""Where the energy of DistilBERT goes: layers, and FP32 against FP16 and BF16.

usage: distilbert_layers.py [--small] [--seconds S] [--batch N] [--length N] [--precision fp32,fp16,bf16]
       [--out FOLDER] [--no-isolate] [--passes N] [--rows N] [--sensors CHOICE]

The network has random weights, which take the same energy as trained ones. With the `transformers` package it is
DistilBertForSequenceClassification; else the same shape of plain PyTorch modules. Per precision it writes
layers-PRECISION.csv and, where matplotlib is installed, layers-PRECISION.png. On a GPU it takes about a minute a
precision; --small is a network of two narrow layers that a processor runs in seconds."""

import argparse
import os
import sys

import torch
from torch import nn

import joulemap
import joulemap.torch


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.q_lin, self.k_lin, self.v_lin, self.out_lin = (nn.Linear(dim, dim) for _ in range(4))

    def forward(self, x):
        n, length, dim = x.shape

        def split(y):
            return y.view(n, length, self.heads, dim // self.heads).transpose(1, 2)

        q, k, v = split(self.q_lin(x)), split(self.k_lin(x)), split(self.v_lin(x))
        if hasattr(nn.functional, "scaled_dot_product_attention"):
            y = nn.functional.scaled_dot_product_attention(q, k, v)
        else:
            y = torch.softmax(q @ k.transpose(-1, -2) / (dim // self.heads) ** 0.5, -1) @ v
        return self.out_lin(y.transpose(1, 2).reshape(n, length, dim))


class FeedForward(nn.Module):
    def __init__(self, dim, hidden):
        super().__init__()
        self.lin1, self.activation, self.lin2 = nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, dim)

    def forward(self, x):
        return self.lin2(self.activation(self.lin1(x)))


class Layer(nn.Module):
    def __init__(self, dim, heads, hidden):
        super().__init__()
        self.attention, self.ffn = Attention(dim, heads), FeedForward(dim, hidden)
        self.sa_layer_norm, self.output_layer_norm = nn.LayerNorm(dim), nn.LayerNorm(dim)

    def forward(self, x):
        x = self.sa_layer_norm(x + self.attention(x))
        return self.output_layer_norm(x + self.ffn(x))


class Embeddings(nn.Module):
    def __init__(self, dim, words, positions):
        super().__init__()
        self.word_embeddings, self.position_embeddings = nn.Embedding(words, dim), nn.Embedding(positions, dim)
        self.LayerNorm = nn.LayerNorm(dim)

    def forward(self, ids):
        return self.LayerNorm(
            self.word_embeddings(ids) + self.position_embeddings(torch.arange(ids.shape[1], device=ids.device))
        )


class DistilBertShape(nn.Module):
    """The layers of DistilBertForSequenceClassification, without the transformers package."""

    def __init__(self, dim, heads, hidden, n_layers, words, positions):
        super().__init__()
        self.embeddings = Embeddings(dim, words, positions)
        self.layer = nn.ModuleList([Layer(dim, heads, hidden) for _ in range(n_layers)])
        self.pre_classifier, self.classifier = nn.Linear(dim, dim), nn.Linear(dim, 2)

    def forward(self, input_ids):
        x = self.embeddings(input_ids)
        for layer in self.layer:
            x = layer(x)
        return self.classifier(torch.relu(self.pre_classifier(x[:, 0])))


def make_model(small):
    dim, heads, hidden, n_layers, words = (64, 4, 128, 2, 1000) if small else (768, 12, 3072, 6, 30522)
    torch.manual_seed(0)
    try:
        from transformers import DistilBertConfig, DistilBertForSequenceClassification
    except ImportError:
        return (
            DistilBertShape(dim, heads, hidden, n_layers, words, 512).eval(),
            "plain PyTorch, the shape of DistilBERT",
        )
    config = DistilBertConfig(
        dim=dim, n_heads=heads, hidden_dim=hidden, n_layers=n_layers, vocab_size=words, num_labels=2
    )
    return DistilBertForSequenceClassification(config).eval(), "transformers, random weights"


DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


def show(result, limit):
    """The largest rows, then those that are no layer."""
    print(result.summary())
    print()
    print(f"{'layer':44} {'ms':>8} {'mJ/inference':>13} {'interval':>20} {'mJ/item':>9} {'W':>7}  method")
    layers = sorted(result.layers, key=lambda r: -(r.energy_mj if r.energy_mj is not None else -1))
    for row in layers[:limit] + [r for r in result.rows if r.kind == "rest"]:
        interval = "" if row.energy_ci_mj is None else f"[{row.energy_ci_mj[0]:.4g}, {row.energy_ci_mj[1]:.4g}]"
        cells = [
            "" if v is None else f"{v:.4g}" for v in (row.time_ms, row.energy_mj, row.energy_per_item_mj, row.power_w)
        ]
        note = "" if row.resolvable else " (not resolvable)"
        print(
            f"{row.name[-44:]:44} {cells[0]:>8} {cells[1]:>13} {interval:>20} {cells[2]:>9} {cells[3]:>7}  "
            f"{row.method}{note}"
        )
    if len(layers) > limit:
        print(f"... and {len(layers) - limit} more layers")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--small", action="store_true", help="a small network, for a processor")
    parser.add_argument("--seconds", type=float, help="of measured inferences a precision")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--length", type=int, help="tokens in an input")
    parser.add_argument("--precision", default=None, help="fp32,fp16,bf16")
    parser.add_argument("--out", default=".", help="folder for CSV and plots")
    parser.add_argument("--no-isolate", action="store_true", help="do not run layers alone")
    parser.add_argument("--passes", type=int, default=2, help="blocks of each layer alone")
    parser.add_argument("--rows", type=int, default=20)
    parser.add_argument("--sensors")
    args = parser.parse_args()
    on_gpu = torch.cuda.is_available()
    device = "cuda" if on_gpu else "cpu"
    small = args.small
    precisions = (args.precision or ("fp32,fp16,bf16" if on_gpu else "fp32,bf16")).split(",")
    seconds = args.seconds or (1.0 if small else 15.0)
    batch, length = args.batch or (2 if small else 32), args.length or (16 if small else 128)
    os.makedirs(args.out, exist_ok=True)
    print(joulemap.sensors(args.sensors))
    totals = []
    for precision in precisions:
        model, origin = make_model(small)
        model = model.to(device=device, dtype=DTYPES[precision])
        ids = torch.randint(0, 1000, (batch, length), device=device)
        print(f"\n== {precision}, batch {batch}, {length} tokens ({origin}) ==")
        with torch.inference_mode():
            for _ in range(3):
                model(ids)
            latency = rough_latency(model, ids)
        result = joulemap.torch.profile(
            model,
            (ids,),
            runs=max(10, round(seconds / latency)),
            isolate=not args.no_isolate,
            isolate_passes=args.passes,
            isolate_budget=40 if not small else 3,
            sensors=args.sensors,
            idle=0.2 if small else 2.0,
        )
        show(result, args.rows)
        print("\nmethods side by side, J over the run:")
        print(result.report.compare_methods(limit=8))
        result.to_csv(os.path.join(args.out, f"layers-{precision}.csv"))
        try:
            result.plot(os.path.join(args.out, f"layers-{precision}.png"))
        except joulemap.UnsupportedError as e:
            print(f"no plot: {e}", file=sys.stderr)
        totals.append((precision, result))
    print(f"\n{'precision':10} {'ms':>9} {'mJ/inference':>13} {'mJ/item':>10} {'of fp32':>8}")
    first = totals[0][1].energy_per_inference_mj
    for precision, result in totals:
        energy = result.energy_per_inference_mj
        if energy is None:
            print(f"{precision:10} {result.latency_ms:9.3f} {'-':>13} {'-':>10} {'-':>8}  no sensor")
            continue
        ratio = f"{energy / first:.3f}" if first else "-"
        print(f"{precision:10} {result.latency_ms:9.3f} {energy:13.4g} {result.energy_per_item_mj:10.4g} {ratio:>8}")


def rough_latency(model, ids):
    """Seconds of one inference, roughly: how many make up the time asked for."""
    import time

    def synchronize():
        if ids.is_cuda:
            torch.cuda.synchronize()

    synchronize()
    start = time.monotonic()
    for _ in range(5):
        model(ids)
    synchronize()
    return (time.monotonic() - start) / 5


if __name__ == "__main__":
    main()
