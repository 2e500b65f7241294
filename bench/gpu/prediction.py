#!/usr/bin/env python3
"""Measures networks of PyTorch on a GPU layer by layer, learns from them, and says how wrong predictions of networks left out are.

usage: prediction.py [--joulemap PATH] [--folder DIR] [--sensors WHICH] [--precision fp16|fp32|bf16] [--networks NAME,...] [--seconds 5]
                     [--isolate 20] [--passes 2] [--again NAME,...] [--measure-only] [--small]

Networks have random weights and inputs: what they take does not depend on what they were taught (zeros would take less: there are
none). Those of images are torchvision's, left out where it is not installed; encoders and vision transformers are written here.
Everything stays in DIR: DIR/NAME.jmap, DIR/again/NAME.jmap (a second measurement: below what two lie apart, no prediction can be),
DIR/training_data, DIR/predictor.json. Recordings that are there are taken as they are. Prints JSON. --small: a test of itself on a
processor."""
import argparse
import csv
import gc
import glob
import json
import os
import statistics
import subprocess
import sys
import time

from gpu_common import ROOT, joulemap, machine, need_gpus, show, torch
from torch import nn

import joulemap.torch  # noqa: E402

F = nn.functional
PRECISIONS = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


class Attention(nn.Module):
    """Its own work is the attention itself, of [batch, tokens, width]."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x):
        def apart(t):
            return t.view(*x.shape[:2], self.heads, -1).transpose(1, 2)

        y = F.scaled_dot_product_attention(apart(self.query(x)), apart(self.key(x)), apart(self.value(x)))
        return self.out(y.transpose(1, 2).reshape(x.shape))


class Sum(nn.Module):
    def forward(self, a, b):
        return a + b


class Block(nn.Module):
    def __init__(self, width, heads, hidden, norm_first):
        super().__init__()
        self.norm_first = norm_first
        self.attention, self.first, self.second = Attention(width, heads), nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.act, self.norm1, self.norm2 = nn.GELU(), nn.LayerNorm(width), nn.LayerNorm(width)
        self.sum1, self.sum2 = Sum(), Sum()

    def forward(self, x):
        if self.norm_first:
            x = self.sum1(x, self.attention(self.norm1(x)))
            return self.sum2(x, self.second(self.act(self.first(self.norm2(x)))))
        x = self.norm1(self.sum1(x, self.attention(x)))
        return self.norm2(self.sum2(x, self.second(self.act(self.first(x)))))


class Encoder(nn.Module):
    """A BERT-like encoder of [batch, tokens] words."""

    def __init__(self, width, layers, heads, hidden, words=30522, places=512):
        super().__init__()
        self.words, self.places, self.sum = nn.Embedding(words, width), nn.Embedding(places, width), Sum()
        self.norm = nn.LayerNorm(width)
        self.blocks = nn.Sequential(*[Block(width, heads, hidden, False) for _ in range(layers)])
        self.pooler, self.tanh = nn.Linear(width, width), nn.Tanh()
        self.register_buffer("numbers", torch.arange(places).unsqueeze(0))

    def forward(self, x):
        x = self.sum(self.words(x), self.places(self.numbers[:, : x.shape[1]]))
        return self.tanh(self.pooler(self.blocks(self.norm(x))[:, 0]))


class VisionTransformer(nn.Module):
    def __init__(self, width, layers, heads, patch, side=224):
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, patch)
        self.place, self.sum = nn.Parameter(torch.randn(1, (side // patch) ** 2, width) * 0.02), Sum()
        self.blocks = nn.Sequential(*[Block(width, heads, 4 * width, True) for _ in range(layers)])
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 1000)

    def forward(self, x):
        x = self.sum(self.patches(x).flatten(2).transpose(1, 2), self.place)
        return self.head(self.norm(self.blocks(x))[:, 0])


def words(batch, tokens):
    return lambda dtype: torch.randint(0, 30000, (batch, tokens))


def images(batch, side=224):
    return lambda dtype: torch.randn(batch, 3, side, side, dtype=dtype)


def of_torchvision(name):
    def make():
        import torchvision

        return getattr(torchvision.models, name)(weights=None)

    return make


# name: (network, input)
# name: (network, input). Large batches keep the device busy. Small ones (_b1 ...) wait for launches, which are no layer's: their kernels
# are timed by the profiler; without them small layers would lie outside of what was learnt.
NETWORKS = {
    "alexnet": (of_torchvision("alexnet"), images(512)),
    "vgg11": (of_torchvision("vgg11"), images(128)),
    "resnet18": (of_torchvision("resnet18"), images(256)),
    "resnet50": (of_torchvision("resnet50"), images(128)),
    "wide_resnet50_2": (of_torchvision("wide_resnet50_2"), images(128)),
    "resnext50_32x4d": (of_torchvision("resnext50_32x4d"), images(128)),
    "densenet121": (of_torchvision("densenet121"), images(128)),
    "squeezenet1_0": (of_torchvision("squeezenet1_0"), images(256)),
    "mobilenet_v2": (of_torchvision("mobilenet_v2"), images(256)),
    "mnasnet1_0": (of_torchvision("mnasnet1_0"), images(256)),
    "efficientnet_b0": (of_torchvision("efficientnet_b0"), images(256)),
    "googlenet": (lambda: of_googlenet(), images(256)),
    "encoder_mini": (lambda: Encoder(256, 4, 4, 1024), words(512, 128)),
    "encoder_small": (lambda: Encoder(512, 6, 8, 2048), words(256, 128)),
    "encoder_distil": (lambda: Encoder(768, 6, 12, 3072), words(256, 128)),
    "encoder_base": (lambda: Encoder(768, 12, 12, 3072), words(64, 256)),
    "encoder_large": (lambda: Encoder(1024, 12, 16, 4096), words(64, 256)),
    "vit_small": (lambda: VisionTransformer(384, 12, 6, 16), images(256)),
    "vit_base": (lambda: VisionTransformer(768, 12, 12, 16), images(128)),
    "vit_base_32": (lambda: VisionTransformer(768, 12, 12, 32), images(256)),
    "resnet18_b1": (of_torchvision("resnet18"), images(1)),
    "resnet50_b4": (of_torchvision("resnet50"), images(4)),
    "mobilenet_v2_b16": (of_torchvision("mobilenet_v2"), images(16)),
    "squeezenet1_0_b1": (of_torchvision("squeezenet1_0"), images(1)),
    "encoder_base_b1": (lambda: Encoder(768, 12, 12, 3072), words(1, 128)),
    "encoder_small_b8": (lambda: Encoder(512, 6, 8, 2048), words(8, 64)),
    "vit_small_b2": (lambda: VisionTransformer(384, 12, 6, 16), images(2)),
}
SMALL = {
    "encoder_a": (lambda: Encoder(32, 2, 2, 64, 100, 32), lambda dtype: torch.randint(0, 100, (2, 16))),
    "encoder_b": (lambda: Encoder(48, 1, 2, 96, 100, 32), lambda dtype: torch.randint(0, 100, (3, 16))),
    "vit_a": (lambda: VisionTransformer(32, 1, 2, 8, 32), lambda dtype: torch.randn(2, 3, 32, 32, dtype=dtype)),
}


def of_googlenet():
    import torchvision

    return torchvision.models.googlenet(weights=None, aux_logits=False, init_weights=False)


def measure(args, name, folder, seed):
    """Gives the facts of one network, measured into folder/name.jmap."""
    path, facts_path = os.path.join(folder, name + ".jmap"), os.path.join(folder, name + ".json")
    if os.path.exists(path) and os.path.exists(facts_path):
        with open(facts_path) as f:
            return json.load(f)
    make, inputs = args.networks[name]
    torch.manual_seed(0)
    device = "cpu" if args.small else "cuda"
    model = make().eval().to(device=device, dtype=PRECISIONS[args.precision])
    x = inputs(PRECISIONS[args.precision]).to(device)
    start = time.monotonic()
    with torch.inference_mode():
        for _ in range(5):
            model(x)
        if not args.small:
            torch.cuda.synchronize()
        begin = time.monotonic()
        for _ in range(5):
            model(x)
        if not args.small:
            torch.cuda.synchronize()
    each_s = (time.monotonic() - begin) / 5
    p = joulemap.torch.profile(
        model, x, runs=max(20, round(args.seconds / each_s)), isolate=True, isolate_passes=args.passes,
        isolate_budget=args.isolate, sensors=args.sensors, path=path, overwrite=True, seed=seed, name=name,
    )
    total = next((t for t in p.report.totals if t.channel == p.channel), None)
    facts = {
        "latency_ms": p.latency_ms, "method": sorted({r.method for r in p if r.method}), "timing": p.timing,
        "energy_per_inference_mj": p.energy_per_inference_mj, "mean_power_w": total.mean_power_w if total else None,
        "rows": len(p.rows), "alone": len(p.isolated), "notes": p.notes, "warnings": p.warnings,
        "seconds": time.monotonic() - start,
    }
    with open(facts_path, "w") as f:
        json.dump(facts, f)
    del model, x, p
    gc.collect()
    if not args.small:
        torch.cuda.empty_cache()
    return facts


def try_to_measure(args, name, folder, seed):
    """A network that fails costs its own figures, not those of the others."""
    try:
        return measure(args, name, folder, seed)
    except Exception as e:
        return {"failed": f"{type(e).__name__}: {e}"[:300]}


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: exit status {done.returncode}")
    return done.stdout


def learn(args, networks):
    data, predictor = os.path.join(args.folder, "training_data"), os.path.join(args.folder, "predictor.json")
    recordings = [os.path.join(args.folder, name + ".jmap") for name in networks]
    run(args.joulemap, "dataset", "build", *recordings, "-o", data)
    return json.loads(run(args.joulemap, "fit", data, "-o", predictor, "--force", "--evaluate", "--format", "json"))


def rows_of(folder):
    """{(kind, layer): row} of one network's tables."""
    found = {}
    for path in glob.glob(os.path.join(folder, "*.csv")):
        with open(path, newline="") as f:
            found.update({(os.path.basename(path), row["layer_name"]): row for row in csv.DictReader(f)})
    return found


def repeated(args, names):
    """How far two measurements of the same layers lie apart, in per cent, the median of a network's layers."""
    data = os.path.join(args.folder, "again", "training_data")
    run(args.joulemap, "dataset", "build", "-q", *[os.path.join(args.folder, "again", n + ".jmap") for n in names], "-o", data)
    result = {}
    for name in names:
        first, second = rows_of(os.path.join(args.folder, "training_data", name)), rows_of(os.path.join(data, name))
        apart = {}
        for key in first.keys() & second.keys():
            for column in ("runtime", "power"):
                a, b = first[key][column], second[key][column]
                if a and b and float(a) > 0:
                    apart.setdefault(column, []).append(100 * abs(float(b) / float(a) - 1))
        result[name] = {column: statistics.median(values) for column, values in apart.items()}
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--joulemap", default=os.path.join(ROOT, "build", "joulemap"))
    parser.add_argument("--folder", default="prediction")
    parser.add_argument("--sensors", default="nvml")
    parser.add_argument("--precision", default="fp16", choices=PRECISIONS)
    parser.add_argument("--networks")
    parser.add_argument("--again", default="")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--isolate", type=float, default=20)
    parser.add_argument("--passes", type=int, default=2)
    parser.add_argument("--measure-only", action="store_true")
    parser.add_argument("--small", action="store_true")
    args = parser.parse_args()
    if args.small:
        args.precision = "fp32"
    else:
        need_gpus(1)
    known = SMALL if args.small else NETWORKS
    names = args.networks.split(",") if args.networks else list(known)
    args.networks = known
    os.makedirs(os.path.join(args.folder, "again"), exist_ok=True)
    facts = {}
    for name in names:
        facts[name] = try_to_measure(args, name, args.folder, 0)
        print(f"{name}: {facts[name].get('failed') or round(facts[name]['seconds'], 1)}", file=sys.stderr, flush=True)
    again = {
        name: try_to_measure(args, name, os.path.join(args.folder, "again"), 1) for name in args.again.split(",") if name
    }
    measured = [name for name in names if "failed" not in facts[name]]
    result = {"machine": None if args.small else machine(), "precision": args.precision, "networks": facts, "again": again}
    if not args.measure_only:
        fitted = learn(args, measured)
        result["repeated"] = repeated(args, [name for name in again if "failed" not in again[name]]) if again else None
        result.update(
            rows=fitted["rows"], device=fitted["device"],
            left_out=[e for e in fitted["errors"] if e["of"] in ("all", "kind")],
            left_out_networks=[e for e in fitted["errors"] if e["of"] == "network"],
        )
    show(result)


main()
