#!/usr/bin/env python3
"""Writes well-known architectures as ONNX files: structure and weight shapes, the weights' data left out (external).

usage: architectures.py FOLDER
"""
import os
import struct
import sys


def varint(n):
    out = bytearray()
    n &= (1 << 64) - 1
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out + bytes([n]))


def field(number, value):
    """One protobuf field; str and bytes are length-delimited, int a varint, float 32 bits."""
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def attribute(name, value):
    """onnx.proto, AttributeProto: f 2, i 3, ints 8, type 20 (FLOAT 1, INT 2, INTS 7)."""
    out = field(1, name)
    if isinstance(value, float):
        return out + field(2, value) + field(20, 1)
    if isinstance(value, int):
        return out + field(3, value) + field(20, 2)
    return out + b"".join(field(8, v) for v in value) + field(20, 7)


def value_info(name, dims, dtype=1):
    shape = b"".join(field(1, field(1, d)) for d in dims)
    return field(1, name) + field(2, field(1, field(1, dtype) + field(2, shape)))


class Net:
    def __init__(self, name, dims, is_folded=False, dtype=1):
        self.name, self.is_folded, self.n = name, is_folded, 0
        self.nodes, self.weights, self.inputs = [], [], [value_info("x", dims, dtype)]
        self.at = "x"

    def new(self, kind):
        self.n += 1
        return f"{kind}_{self.n}"

    def weight(self, *dims):
        """A weight whose data lies in a file that nobody needs."""
        name = self.new("w")
        where = field(13, field(1, "location") + field(2, "weights.bin"))
        self.weights.append(b"".join(field(1, d) for d in dims) + field(2, 1) + field(8, name) + where + field(14, 1))
        return name

    def ints(self, *values):
        name = self.new("shape")
        data = b"".join(struct.pack("<q", v) for v in values)
        self.weights.append(field(1, len(values)) + field(2, 7) + field(8, name) + field(9, data))
        return name

    def node(self, op, *operands, **attributes):
        """Adds a node; None is the value at hand. Its result becomes the value at hand."""
        name = self.new(op)
        names = [self.at if o is None else o for o in operands]
        self.nodes.append(b"".join(field(1, o) for o in names) + field(2, name) + field(3, name) + field(4, op) +
                          b"".join(field(5, attribute(k, v)) for k, v in attributes.items()))
        self.at = name
        return name

    def conv(self, c_in, c_out, k, stride=1, pad=0, groups=1, bias=False):
        operands = [None, self.weight(c_out, c_in // groups, k, k)] + ([self.weight(c_out)] if bias else [])
        return self.node("Conv", *operands, kernel_shape=[k, k], strides=[stride] * 2, pads=[pad] * 4, group=groups)

    def norm(self, c):
        self.node("BatchNormalization", None, *[self.weight(c) for _ in range(4)])

    def conv_norm(self, c_in, c_out, k, stride=1, pad=0, groups=1):
        self.conv(c_in, c_out, k, stride, pad, groups, bias=self.is_folded)
        if not self.is_folded:
            self.norm(c_out)

    def relu(self):
        self.node("Relu", None)

    def pool(self, op, k, stride, pad=0, ceil=0):
        self.node(op, None, kernel_shape=[k, k], strides=[stride] * 2, pads=[pad] * 4, ceil_mode=ceil)

    def linear(self, n_in, n_out):
        self.node("Gemm", None, self.weight(n_out, n_in), self.weight(n_out), transB=1)

    def project(self, n_in, n_out):
        """A linear layer over the last dimension, as exporters write it."""
        self.node("MatMul", None, self.weight(n_in, n_out))
        return self.node("Add", None, self.weight(n_out))

    def save(self, folder):
        graph = (b"".join(field(1, n) for n in self.nodes) + field(2, self.name) +
                 b"".join(field(5, w) for w in self.weights) + b"".join(field(11, i) for i in self.inputs) +
                 field(12, field(1, self.at)))
        model = field(1, 8) + field(2, "test") + field(7, graph) + field(8, field(1, "") + field(2, 17))
        with open(os.path.join(folder, self.name + ".onnx"), "wb") as f:
            f.write(model)


IMAGE = (1, 3, 224, 224)


def classifier(net, n_in, n_out=1000):
    net.node("GlobalAveragePool", None)
    net.node("Flatten", None, axis=1)
    net.linear(n_in, n_out)


def alexnet():
    net = Net("alexnet", IMAGE)
    for c_in, c_out, k, stride, pad, is_pooled in ((3, 64, 11, 4, 2, 1), (64, 192, 5, 1, 2, 1), (192, 384, 3, 1, 1, 0),
                                                   (384, 256, 3, 1, 1, 0), (256, 256, 3, 1, 1, 1)):
        net.conv(c_in, c_out, k, stride, pad, bias=True)
        net.relu()
        if is_pooled:
            net.pool("MaxPool", 3, 2)
    net.node("Flatten", None, axis=1)
    for n_in, n_out in ((9216, 4096), (4096, 4096)):
        net.linear(n_in, n_out)
        net.relu()
    net.linear(4096, 1000)
    return net


def vgg16():
    net, c = Net("vgg16", IMAGE), 3
    for step in (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0):
        if step == 0:
            net.pool("MaxPool", 2, 2)
            continue
        net.conv(c, step, 3, pad=1, bias=True)
        net.relu()
        c = step
    net.node("Flatten", None, axis=1)
    for n_in, n_out in ((25088, 4096), (4096, 4096)):
        net.linear(n_in, n_out)
        net.relu()
    net.linear(4096, 1000)
    return net


def resnet(name, blocks, is_bottleneck, is_folded=False):
    net = Net(name, IMAGE, is_folded)
    net.conv_norm(3, 64, 7, 2, 3)
    net.relu()
    net.pool("MaxPool", 3, 2, 1)
    c_in, growth = 64, 4 if is_bottleneck else 1
    for stage, n in enumerate(blocks):
        c = 64 << stage
        for i in range(n):
            stride = 2 if stage and not i else 1
            start = net.at
            if is_bottleneck:
                net.conv_norm(c_in, c, 1)
                net.relu()
            net.conv_norm(c if is_bottleneck else c_in, c, 3, stride, 1)
            net.relu()
            net.conv_norm(c, c * growth, 1 if is_bottleneck else 3, pad=0 if is_bottleneck else 1)
            end = net.at
            if stride > 1 or c_in != c * growth:
                net.at = start
                net.conv_norm(c_in, c * growth, 1, stride)
                start = net.at
            net.node("Add", end, start)
            net.relu()
            c_in = c * growth
    classifier(net, c_in)
    return net


def mobilenet_v2():
    net, c_in = Net("mobilenet_v2", IMAGE), 32
    six = lambda: net.node("Clip", None)
    net.conv_norm(3, 32, 3, 2, 1)
    six()
    for t, c, n, s in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
                       (6, 320, 1, 1)):
        for i in range(n):
            start, hidden, stride = net.at, c_in * t, s if i == 0 else 1
            if t > 1:
                net.conv_norm(c_in, hidden, 1)
                six()
            net.conv_norm(hidden, hidden, 3, stride, 1, groups=hidden)
            six()
            net.conv_norm(hidden, c, 1)
            if stride == 1 and c_in == c:
                net.node("Add", None, start)
            c_in = c
    net.conv_norm(320, 1280, 1)
    six()
    classifier(net, 1280)
    return net


def squeezenet():
    net, c_in = Net("squeezenet1_0", IMAGE), 96
    net.conv(3, 96, 7, 2, bias=True)
    net.relu()
    net.pool("MaxPool", 3, 2, ceil=1)
    for step in ((16, 64), (16, 64), (32, 128), None, (32, 128), (48, 192), (48, 192), (64, 256), None, (64, 256)):
        if step is None:
            net.pool("MaxPool", 3, 2, ceil=1)
            continue
        squeeze, expand = step
        net.conv(c_in, squeeze, 1, bias=True)
        net.relu()
        middle = net.at
        net.conv(squeeze, expand, 1, bias=True)
        net.relu()
        left, net.at = net.at, middle
        net.conv(squeeze, expand, 3, pad=1, bias=True)
        net.relu()
        net.node("Concat", left, None, axis=1)
        c_in = 2 * expand
    net.conv(512, 1000, 1, bias=True)
    net.relu()
    net.node("GlobalAveragePool", None)
    return net


def densenet121():
    net, c = Net("densenet121", IMAGE), 64
    net.conv_norm(3, 64, 7, 2, 3)
    net.relu()
    net.pool("MaxPool", 3, 2, 1)
    for block, n in enumerate((6, 12, 24, 16)):
        for _ in range(n):
            start = net.at
            net.norm(c)
            net.relu()
            net.conv_norm(c, 128, 1)
            net.relu()
            net.conv(128, 32, 3, pad=1)
            net.node("Concat", start, None, axis=1)
            c += 32
        net.norm(c)
        if block < 3:
            net.relu()
            net.conv(c, c // 2, 1)
            net.pool("AveragePool", 2, 2)
            c //= 2
    net.relu()
    classifier(net, c)
    return net


def attention(net, tokens, width, heads):
    start, parts = net.at, []
    for _ in range(3):
        net.at = start
        net.project(width, width)
        net.node("Reshape", None, net.ints(1, tokens, heads, width // heads))
        parts.append(net.node("Transpose", None, perm=[0, 2, 1, 3]))
    keys = net.node("Transpose", parts[1], perm=[0, 1, 3, 2])
    net.node("MatMul", parts[0], keys)
    net.node("Softmax", None, axis=3)
    net.node("MatMul", None, parts[2])
    net.node("Transpose", None, perm=[0, 2, 1, 3])
    net.node("Reshape", None, net.ints(1, tokens, width))
    net.project(width, width)


def layer_norm(net, width):
    net.node("LayerNormalization", None, net.weight(width), net.weight(width), axis=-1)


def feed_forward(net, width, hidden):
    net.project(width, hidden)
    net.node("Erf", None)
    net.project(hidden, width)


def bert_base():
    net = Net("bert_base", (1, 128), dtype=7)
    words = net.node("Gather", net.weight(30522, 768), "x")
    places = net.node("Gather", net.weight(512, 768), net.ints(*range(128)))
    total = net.node("Add", words, places)
    kinds = net.node("Gather", net.weight(2, 768), net.ints(*[0] * 128))
    net.node("Add", total, kinds)
    layer_norm(net, 768)
    for _ in range(12):
        start = net.at
        attention(net, 128, 768, 12)
        net.node("Add", None, start)
        layer_norm(net, 768)
        start = net.at
        feed_forward(net, 768, 3072)
        net.node("Add", None, start)
        layer_norm(net, 768)
    net.node("Gather", None, net.ints(0), axis=1)
    net.project(768, 768)
    net.node("Tanh", None)
    return net


def vit_b_16():
    net = Net("vit_b_16", IMAGE)
    net.conv(3, 768, 16, 16, bias=True)
    net.node("Reshape", None, net.ints(1, 768, 196))
    net.node("Transpose", None, perm=[0, 2, 1])
    net.node("Concat", net.weight(1, 1, 768), None, axis=1)
    net.node("Add", None, net.weight(1, 197, 768))
    for _ in range(12):
        start = net.at
        layer_norm(net, 768)
        attention(net, 197, 768, 12)
        start = net.node("Add", None, start)
        layer_norm(net, 768)
        feed_forward(net, 768, 3072)
        net.node("Add", None, start)
    layer_norm(net, 768)
    net.node("Gather", None, net.ints(0), axis=1)
    net.node("Flatten", None, axis=1)
    net.linear(768, 1000)
    return net


def main():
    folder = sys.argv[1]
    for net in (alexnet(), vgg16(), resnet("resnet18", (2, 2, 2, 2), False), resnet("resnet50", (3, 4, 6, 3), True),
                resnet("resnet50_folded", (3, 4, 6, 3), True, is_folded=True), mobilenet_v2(), squeezenet(),
                densenet121(), bert_base(), vit_b_16()):
        net.save(folder)


if __name__ == "__main__":
    main()
