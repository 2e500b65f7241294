"""Writes mapped layers of invented networks: NETWORK/{power_runtime_mapping_layerwise.csv, trt_engine_info.json} in the folder named.
Time is launch cost, work over speed and traffic over bandwidth; power grows with the share of work."""
import json
import os
import random
import sys

RANDOM = random.Random(5)
CYCLES = 20


def tensor(*dims):
    return [{"Name": "t", "Location": "Device", "Dimensions": list(dims), "Format/Datatype": "Row major linear FP16 format"}]


def convolution(i, c_in, c_out, side, kernel):
    pad = [kernel // 2] * 2
    work = 2 * c_in * c_out * side * side * kernel * kernel
    moved = 2 * ((c_in + c_out) * side * side + c_in * c_out * kernel * kernel)
    return {"Name": f"conv{i:02d} + act[{i}], fused", "LayerType": "CaskConvolution", "Inputs": tensor(1, c_in, side, side),
            "Outputs": tensor(1, c_out, side, side), "Kernel": [kernel] * 2, "Stride": [1, 1], "Dilation": [1, 1],
            "PrePadding": pad, "PostPadding": pad, "Groups": 1, "OutMaps": c_out}, work, moved


def pooling(i, c, side):
    return {"Name": f"pool{i:02d}", "LayerType": "CaskPooling", "Inputs": tensor(1, c, side, side),
            "Outputs": tensor(1, c, side // 2, side // 2), "WindowSize": [2, 2], "Stride": [2, 2], "PrePadding": [0, 0],
            "PostPadding": [0, 0]}, c * side * side, 2.5 * c * side * side


def dense(i, n_in, n_out):
    # A vector without its dimensions of one: historic readers refused it.
    return {"Name": f"fc{i:02d}", "LayerType": "CaskGemmConvolution", "Inputs": tensor(1, n_in, 1, 1),
            "Outputs": tensor(1, n_out)}, 2 * n_in * n_out, 2 * n_in * n_out


def network():
    layers, side, c = [], 112, 3
    for i in range(RANDOM.randint(6, 9)):
        wider = RANDOM.choice((16, 24, 32, 64, 96))
        layers.append(convolution(i, c, wider, side, RANDOM.choice((1, 3, 5))))
        c = wider
        if side > 7 and i % 2:
            layers.append(pooling(i, c, side))
            side //= 2
    layers.append(dense(0, c * 49, RANDOM.choice((256, 512))))
    layers.append(dense(1, 512, 10 * RANDOM.randint(1, 20)))
    layers.append(({"Name": "copy", "LayerType": "Unheard", "Inputs": [], "Outputs": []}, 0, 1000))
    return layers


def main():
    root, count = sys.argv[1], int(sys.argv[2])
    for k in range(count):
        folder = os.path.join(root, f"net{k}")
        os.makedirs(folder)
        layers = network()
        with open(os.path.join(folder, "trt_engine_info.json"), "w", encoding="utf-8") as f:
            json.dump({"Layers": [x[0] for x in layers], "Bindings": ["x", "y"]}, f)
        with open(os.path.join(folder, "power_runtime_mapping_layerwise.csv"), "w", encoding="utf-8") as f:
            f.write("cycle,layer_name,layer_type,layer_power_including_idle_power_micro_watt,"
                    "layer_power_excluding_idle_power_micro_watt,layer_run_time\n")
            for cycle in range(CYCLES):
                for layer, work, moved in layers:
                    ms = 0.005 + work / 2e9 + moved / 2e7
                    uw = (3e6 + 6e6 * work / 2e9 / ms) * RANDOM.gauss(1, 0.02)
                    # The first network's first pooling is seen three times alone.
                    seen = not (k == 0 and layer["Name"] == "pool01" and cycle >= 3)
                    power = f"{uw + 4e6},{uw}" if seen else ","
                    f.write(f'{cycle + 1},"{layer["Name"]}",{layer["LayerType"]},{power},{ms * RANDOM.gauss(1, 0.02)}\n')


main()
