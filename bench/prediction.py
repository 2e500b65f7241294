#!/usr/bin/env python3
"""Measures networks on this machine, learns from them, and says how wrong predictions of networks left out are. Prints JSON.

usage: prediction.py [--joulemap PATH] [--folder DIR] [--runs N] [--threads N] [--percentile N] [--networks NAME,...]
                     [--sensors WHICH] [--quick] [--once]

Networks are written with random weights: times and energy do not depend on these. Everything stays in DIR (default: a temporary
folder): DIR/NAME.onnx, DIR/NAME.jmap, DIR/training_data, DIR/predictor.json. With an estimated sensor figures are of time alone.
Each network is measured a second time (DIR/again): "repeated" says how far two measurements of the same layer lie from each other,
below which no prediction can be. Recordings that are there are taken as they are: remove DIR to measure anew.
"""
import argparse
import array
import csv
import glob
import importlib.util
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def load_architectures():
    path = os.path.join(HERE, "..", "tests", "support", "architectures.py")
    spec = importlib.util.spec_from_file_location("architectures", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


A = load_architectures()
RANDOM = random.Random(1)
BLOCK = array.array("f", [RANDOM.uniform(-1, 1) for _ in range(8192)])


class Net(A.Net):
    """With its weights inside, so that it can be run."""

    def filled(self, dims, value):
        count, scale = 1, 1.0
        for d in dims:
            count *= d
        if value is None:
            scale = (3.0 / max(1, count // dims[0])) ** 0.5
            block = array.array("f", [x * scale for x in BLOCK])
        else:
            block = array.array("f", [value] * 8192)
        data = (block * (count // len(block) + 1))[:count].tobytes()
        name = self.new("w")
        self.weights.append(b"".join(A.field(1, d) for d in dims) + A.field(2, 1) + A.field(8, name) + A.field(9, data))
        return name

    def weight(self, *dims):
        return self.filled(dims, None)

    def norm(self, c):
        self.node("BatchNormalization", None, *[self.filled((c,), v) for v in (1.0, 0.0, 0.0, 1.0)])


A.Net = Net


def encoder(name, tokens, width, layers, heads, hidden, words=8000):
    """A BERT-like encoder."""
    net = Net(name, (1, tokens), dtype=7)
    words = net.node("Gather", net.weight(words, width), "x")
    places = net.node("Gather", net.weight(512, width), net.ints(*range(tokens)))
    net.node("Add", words, places)
    A.layer_norm(net, width)
    for _ in range(layers):
        start = net.at
        A.attention(net, tokens, width, heads)
        net.node("Add", None, start)
        A.layer_norm(net, width)
        start = net.at
        A.feed_forward(net, width, hidden)
        net.node("Add", None, start)
        A.layer_norm(net, width)
    net.node("Gather", None, net.ints(0), axis=1)
    net.project(width, width)
    net.node("Tanh", None)
    return net


def vision_transformer(name, width, layers, heads, patch=16):
    side = 224 // patch
    net = Net(name, A.IMAGE)
    net.conv(3, width, patch, patch, bias=True)
    net.node("Reshape", None, net.ints(1, width, side * side))
    net.node("Transpose", None, perm=[0, 2, 1])
    for _ in range(layers):
        start = net.at
        A.layer_norm(net, width)
        A.attention(net, side * side, width, heads)
        start = net.node("Add", None, start)
        A.layer_norm(net, width)
        A.feed_forward(net, width, 4 * width)
        net.node("Add", None, start)
    A.layer_norm(net, width)
    net.node("Gather", None, net.ints(0), axis=1)
    net.node("Flatten", None, axis=1)
    net.linear(width, 1000)
    return net


def plain(name, channels, side):
    """Convolutions of 3 x 3 and poolings, as VGG has them, of any size."""
    net, c = Net(name, (1, 3, side, side)), 3
    for width, n in channels:
        for _ in range(n):
            net.conv(c, width, 3, pad=1, bias=True)
            net.relu()
            c = width
        net.pool("MaxPool", 2, 2)
    A.classifier(net, c)
    return net


def lenet():
    net = Net("lenet", (1, 1, 32, 32))
    net.conv(1, 6, 5, bias=True)
    net.relu()
    net.pool("MaxPool", 2, 2)
    net.conv(6, 16, 5, bias=True)
    net.relu()
    net.pool("MaxPool", 2, 2)
    net.node("Flatten", None, axis=1)
    for n_in, n_out in ((400, 120), (120, 84), (84, 10)):
        net.linear(n_in, n_out)
    return net


NETWORKS = {
    "lenet": lenet,
    "alexnet": A.alexnet,
    "resnet18": lambda: A.resnet("resnet18", (2, 2, 2, 2), False),
    "resnet34": lambda: A.resnet("resnet34", (3, 4, 6, 3), False),
    "resnet50": lambda: A.resnet("resnet50", (3, 4, 6, 3), True),
    "mobilenet_v2": A.mobilenet_v2,
    "squeezenet1_0": A.squeezenet,
    "densenet121": A.densenet121,
    "plain_small": lambda: plain("plain_small", ((32, 1), (64, 1), (128, 2), (256, 2)), 128),
    "plain_large": lambda: plain("plain_large", ((48, 2), (96, 2), (192, 3), (384, 3)), 160),
    "encoder_tiny": lambda: encoder("encoder_tiny", 128, 128, 2, 2, 512),
    "encoder_mini": lambda: encoder("encoder_mini", 128, 256, 4, 4, 1024),
    "encoder_small": lambda: encoder("encoder_small", 64, 512, 4, 8, 2048),
    "encoder_medium": lambda: encoder("encoder_medium", 128, 512, 8, 8, 2048),
    "encoder_base": lambda: encoder("encoder_base", 64, 768, 6, 12, 3072),
    "vit_tiny": lambda: vision_transformer("vit_tiny", 192, 12, 3),
    "vit_small": lambda: vision_transformer("vit_small", 384, 12, 6),
    "vit_patch32": lambda: vision_transformer("vit_patch32", 512, 8, 8, patch=32),
}
QUICK = ("lenet", "plain_small", "squeezenet1_0", "encoder_tiny", "encoder_mini", "vit_patch32")


def run(*command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stderr}")
    return done.stdout


def timed(times, *command):
    seconds = []
    for _ in range(times):
        start = time.monotonic()
        out = run(*command)
        seconds.append(time.monotonic() - start)
    return out, statistics.median(seconds)


def measure(args, name, folder):
    model, recording = os.path.join(args.folder, name + ".onnx"), os.path.join(folder, name + ".jmap")
    threads = ["--threads", str(args.threads)] if args.threads else []
    if not os.path.exists(model):
        NETWORKS[name]().save(args.folder)
    if not os.path.exists(recording):
        run(args.joulemap, "run", model, "-s", args.sensors, "--runs", str(args.runs), "-q", "-o", recording, "--no-idle", *threads)
    return recording


def runtimes(folder):
    rows = {}
    for path in glob.glob(os.path.join(folder, "*", "*.csv")):
        with open(path, encoding="utf-8") as f:
            for row in csv.DictReader(f):
                rows[path[len(folder):], row["layer_name"]] = float(row["runtime"])
    return rows


def quartiles(values):
    values = sorted(values)
    return [values[len(values) * k // 4] for k in (1, 2, 3)] if values else None


def repeated(args, names, data):
    """How far two measurements of the same layer, and of the same network, lie from each other, in percent."""
    folder = os.path.join(args.folder, "again")
    os.makedirs(folder, exist_ok=True)
    again = os.path.join(folder, "training_data")
    run(args.joulemap, "dataset", "build", "-q", *[measure(args, name, folder) for name in names], "-o", again,
        "--percentile", str(args.percentile))
    first, second = runtimes(data), runtimes(again)
    sums = {}
    for key in first.keys() & second.keys():
        both = sums.setdefault(key[0].split(os.sep)[1], [0, 0])
        both[0] += first[key]
        both[1] += second[key]
    return {"layers_quartiles_percent": quartiles([100 * abs(second[k] / first[k] - 1) for k in first.keys() & second.keys()]),
            "networks_percent": {k: 100 * (b / a - 1) for k, (a, b) in sorted(sums.items())}}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--joulemap", default=os.path.join(HERE, "..", "build", "joulemap"))
    parser.add_argument("--folder")
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--threads", type=int, default=0, help="of the runtime; 0: its choice")
    parser.add_argument("--percentile", type=int, default=50, help="of executions; lower on a busy machine")
    parser.add_argument("--once", action="store_true", help="measure each network once")
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--sensors", default="estimate")
    parser.add_argument("--quick", action="store_true", help="six small networks")
    args = parser.parse_args()
    args.joulemap = os.path.abspath(args.joulemap)
    names = QUICK if args.quick else args.networks.split(",")
    args.folder = args.folder or tempfile.mkdtemp(prefix="joulemap-prediction-")
    os.makedirs(args.folder, exist_ok=True)
    data, predictor = os.path.join(args.folder, "training_data"), os.path.join(args.folder, "predictor.json")
    recordings = [measure(args, name, args.folder) for name in names]
    run(args.joulemap, "dataset", "build", "-q", *recordings, "-o", data, "--percentile", str(args.percentile))
    out, fit_s = timed(1, args.joulemap, "fit", data, "-o", predictor, "--force", "--evaluate", "--format", "json")
    fitted = json.loads(out)
    predictions = {}
    for name in names:
        out, seconds = timed(5, args.joulemap, "predict", predictor, os.path.join(args.folder, name + ".onnx"), "--never-run",
                             "--format", "json")
        p = json.loads(out)
        measured = json.loads(run(args.joulemap, "report", os.path.join(args.folder, name + ".jmap"), "--format", "json"))
        predictions[name] = {
            "predicted_ms": p["runtime_ms"], "interval_ms": p["runtime_ms_interval"],
            "measured_latency_ms": measured["run"]["latency"]["median_ms"], "layers": len(p["layers"]),
            "outside": p["layers_outside"], "seconds": seconds,
        }
    print(json.dumps({
        "networks": len(names), "rows": fitted["rows"], "threads": args.threads, "percentile": args.percentile,
        "load_average": os.getloadavg(), "device": fitted["device"], "fit_and_evaluate_s": fit_s,
        "left_out": [e for e in fitted["errors"] if e["of"] in ("all", "kind")],
        "left_out_networks": [e for e in fitted["errors"] if e["of"] == "network" and e["approach"] == "roofline"],
        "from_onnx_after_training_on_all": predictions,
        "repeated": None if args.once else repeated(args, names, data),
    }, indent=1))


main()
