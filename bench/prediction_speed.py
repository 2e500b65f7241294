#!/usr/bin/env python3
"""How long `joulemap fit` takes on 10,000 rows, and `joulemap predict` on a network of 500 layers. Prints JSON.

usage: prediction_speed.py [--joulemap PATH] [--rows N] [--layers N] [--times N]

The training data are invented: ten kinds of layers, 25 networks, power and runtime. The network is a chain of convolutions with
weights, as an ONNX file and as a TensorRT engine. Wall time and processor time: on a busy machine the second says more.
"""
import argparse
import json
import math
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tests", "support"))
import architectures as A  # noqa: E402

RANDOM = random.Random(3)
TAIL = "layer_type,precision,macs,flops,bytes,power_low,power_high,power_state,count,device"
KINDS = {  # columns before power, columns behind layer_name, share of the rows
    "convolutional": ("batch_size input_size_0 input_size_1 input_size_2 output_size_0 output_size_1 output_size_2 kernel_0 kernel_1 "
                      "padding_0 padding_1 stride_0 stride_1", "groups dilation_0 dilation_1", 0.4),
    "pooling": ("batch_size input_size_0 input_size_1 input_size_2 output_size_0 output_size_1 output_size_2 kernel_0 kernel_1 "
                "stride_0 stride_1", "padding_0 padding_1", 0.1),
    "dense": ("batch_size input_size output_size", "inner_size", 0.2),
    "matmul": ("", "batch_size rows inner_size columns", 0.1),
    "layer_norm": ("", "rows width", 0.05),
    "elementwise": ("", "operands input_elements output_elements", 0.1),
    "movement": ("", "operands input_elements output_elements", 0.05),
}


def sizes(name):
    return RANDOM.choice((1, 3, 5) if "kernel" in name else (0, 1, 2) if "padding" in name else (1, 2)
                         if name.startswith(("stride", "dilation", "groups", "batch", "operands")) else (7, 14, 28, 56, 112, 224))


def write_data(folder, n_rows):
    for k in range(25):
        os.makedirs(os.path.join(folder, f"net{k:02d}"))
        for kind, (before, behind, share) in KINDS.items():
            columns, more = before.split(), behind.split()
            with open(os.path.join(folder, f"net{k:02d}", kind + ".csv"), "w", encoding="utf-8") as f:
                f.write(",".join(columns + ["power", "runtime", "layer_name"] + more) + "," + TAIL + "\n")
                for i in range(round(n_rows * share / 25)):
                    flops, moved = math.exp(RANDOM.uniform(10, 22)), math.exp(RANDOM.uniform(8, 18))
                    ms = (0.005 + flops / 5e8 + moved / 2e7) * RANDOM.gauss(1, 0.05)
                    uw = (5e6 + 4e6 * flops / 5e8 / ms) * RANDOM.gauss(1, 0.05)
                    row = [sizes(c) for c in columns] + [uw, ms, f"l{i}"] + [sizes(c) for c in more]
                    row += ["x", "fp32", int(flops / 2), int(flops), int(moved), uw, uw, "measured", 50, "d"]
                    f.write(",".join(map(str, row)) + "\n")


def write_networks(folder, n):
    net = A.Net("chain", (1, 16, 56, 56))
    layers = []
    for i in range(n):
        net.conv(16, 16, 3, pad=1)
        layers.append({"Name": f"conv{i}", "LayerType": "CaskConvolution", "Kernel": [3, 3], "Stride": [1, 1], "Dilation": [1, 1],
                       "PrePadding": [1, 1], "PostPadding": [1, 1], "Groups": 1,
                       "Inputs": [{"Name": "x", "Dimensions": [1, 16, 56, 56], "Format/Datatype": "Row major linear FP16 format"}],
                       "Outputs": [{"Name": "y", "Dimensions": [1, 16, 56, 56], "Format/Datatype": "Row major linear FP16 format"}]})
    net.save(folder)
    with open(os.path.join(folder, "trt_engine_info.json"), "w", encoding="utf-8") as f:
        json.dump({"Layers": layers, "Bindings": []}, f)


def timed(times, *command):
    wall, cpu = [], []
    for _ in range(times):
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        wall.append(time.monotonic() - start)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return {"wall_s": statistics.median(wall), "wall_min_s": min(wall), "cpu_s": statistics.median(cpu)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--joulemap", default=os.path.join(HERE, "..", "build", "joulemap"))
    parser.add_argument("--rows", type=int, default=10000)
    parser.add_argument("--layers", type=int, default=500)
    parser.add_argument("--times", type=int, default=9)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data, predictor = os.path.join(folder, "data"), os.path.join(folder, "p.json")
        write_data(data, args.rows)
        write_networks(folder, args.layers)
        fit = timed(1, args.joulemap, "fit", data, "-o", predictor, "--force")
        onnx = timed(args.times, args.joulemap, "predict", predictor, os.path.join(folder, "chain.onnx"), "--never-run", "-n", "0")
        engine = timed(args.times, args.joulemap, "predict", predictor, os.path.join(folder, "trt_engine_info.json"), "-n", "0")
        print(json.dumps({"rows": args.rows, "fit": fit, "layers": args.layers, "predict_onnx": onnx, "predict_engine": engine},
                         indent=1))


main()
