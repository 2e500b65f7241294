"""What a torch model computes, against published totals and against `joulemap model` on its export."""

import json
import os
import subprocess

import torch
from torch import nn

import common
import joulemap
import joulemap.torch


def alexnet():
    def block(n_in, n_out, kernel, stride=1, padding=0):
        return [nn.Conv2d(n_in, n_out, kernel, stride, padding), nn.ReLU(inplace=True)]

    return nn.Sequential(
        *block(3, 64, 11, 4, 2), nn.MaxPool2d(3, 2), *block(64, 192, 5, 1, 2), nn.MaxPool2d(3, 2), *block(192, 384, 3, 1, 1),
        *block(384, 256, 3, 1, 1), *block(256, 256, 3, 1, 1), nn.MaxPool2d(3, 2), nn.AdaptiveAvgPool2d(6), nn.Flatten(),
        nn.Dropout(), nn.Linear(9216, 4096), nn.ReLU(inplace=True), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(inplace=True),
        nn.Linear(4096, 1000))  # fmt: skip


class Basic(nn.Module):
    def __init__(self, n_in, n, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(n_in, n, 3, stride, 1, bias=False), nn.BatchNorm2d(n)
        self.conv2, self.bn2 = nn.Conv2d(n, n, 3, 1, 1, bias=False), nn.BatchNorm2d(n)
        self.down = None
        if stride != 1 or n_in != n:
            self.down = nn.Sequential(nn.Conv2d(n_in, n, 1, stride, bias=False), nn.BatchNorm2d(n))

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return torch.relu(y + (x if self.down is None else self.down(x)))


def resnet18():
    layers = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    n_in = 64
    for i, n in enumerate((64, 128, 256, 512)):
        layers += [Basic(n_in, n, 2 if i else 1), Basic(n, n, 1)]
        n_in = n
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000))


class Inverted(nn.Module):
    def __init__(self, n_in, n, stride, expand):
        super().__init__()
        hidden, layers = n_in * expand, []

        def conv(a, b, kernel, stride=1, groups=1):
            return [nn.Conv2d(a, b, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(b)]

        if expand != 1:
            layers += conv(n_in, hidden, 1) + [nn.ReLU6()]
        layers += conv(hidden, hidden, 3, stride, hidden) + [nn.ReLU6()] + conv(hidden, n, 1)
        self.layers, self.is_residual = nn.Sequential(*layers), stride == 1 and n_in == n

    def forward(self, x):
        return x + self.layers(x) if self.is_residual else self.layers(x)


def mobilenet_v2():
    layers, n_in = [nn.Conv2d(3, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU6()], 32
    for expand, n, repeat, stride in (
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)):  # fmt: skip
        for i in range(repeat):
            layers.append(Inverted(n_in, n, stride if i == 0 else 1, expand))
            n_in = n
    layers += [nn.Conv2d(320, 1280, 1, bias=False), nn.BatchNorm2d(1280), nn.ReLU6()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(), nn.Linear(1280, 1000))


class Encoder(nn.Module):
    """One layer of BERT's shape, written out."""

    def __init__(self, width=64, heads=4, hidden=256):
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.out = (nn.Linear(width, width) for _ in range(4))
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x):
        b, s, w = x.shape

        def split(y):
            return y.reshape(b, s, self.heads, w // self.heads).transpose(1, 2)

        q, k, v = split(self.q(x)), split(self.k(x)), split(self.v(x))
        a = torch.softmax(q @ k.transpose(-1, -2), -1) @ v
        x = self.norm1(x + self.out(a.transpose(1, 2).reshape(b, s, w)))
        return self.norm2(x + self.down(torch.relu(self.up(x))))


IMAGE = (1, 3, 224, 224)


class TestComplexity(common.TestCase):
    def test_totals_are_the_published_ones(self):
        # torchvision 0.21, documentation of the weights: num_params, "GFLOPS" (which are MACs).
        for make, parameters, gmac in (
            (alexnet, 61100840, 0.714), (resnet18, 11689512, 1.814), (mobilenet_v2, 3504872, 0.301)):  # fmt: skip
            with self.subTest(make.__name__):
                totals = joulemap.torch.complexity(make(), torch.zeros(IMAGE)).totals
                self.assertEqual(totals.parameters, parameters)
                self.assertLess(abs(totals.macs / 1e9 / gmac - 1), 0.01)

    def exported(self, model, inputs):
        path = str(self.folder / "model.onnx")
        torch.onnx.export(model, inputs, path, training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False)
        program = os.path.join(os.environ["BUILD"], "joulemap")
        out = subprocess.run([program, "model", path, "--never-run", "--format", "json"], stdout=subprocess.PIPE, check=True)
        return json.loads(out.stdout)

    def test_it_counts_as_the_program_counts_the_export(self):
        try:
            probe = self.exported(nn.Linear(2, 3).eval(), torch.zeros(1, 2))
        except (ImportError, subprocess.CalledProcessError, torch.onnx.errors.OnnxExporterError) as e:
            self.skipTest(f"models cannot be exported here: {e}")
        if probe["totals"]["unknown_layers"]:
            self.skipTest("built without the ONNX library, which infers shapes")
        for name, model, inputs in (
            ("alexnet", alexnet(), torch.zeros(2, *IMAGE[1:])),
            ("resnet18", resnet18(), torch.zeros(IMAGE)),
            ("mobilenet_v2", mobilenet_v2(), torch.zeros(IMAGE)),
            ("encoder", nn.Sequential(Encoder(), Encoder()), torch.zeros(2, 16, 64)),
        ):
            with self.subTest(name):
                # The exporter makes one of tensors that hold the same.
                for tensor in [*model.parameters(), *(b for b in model.buffers() if b.is_floating_point())]:
                    nn.init.uniform_(tensor, 0.5, 1)
                mine, theirs = joulemap.torch.complexity(model.eval(), inputs).totals, self.exported(model, inputs)["totals"]
                self.assertEqual(mine.macs, theirs["macs"])
                self.assertEqual(mine.parameters, theirs["parameters"])
                if name in ("alexnet", "resnet18"):  # others have scalars in the export
                    self.assertEqual((mine.buffers, mine.weight_bytes), (theirs["buffers"], theirs["weight_bytes"]))
                # A layer normalisation is several operators in an older export.
                self.assertLess(abs(mine.flops / theirs["flops"] - 1), 0.01 if name == "encoder" else 1e-6)

    def test_modules_add_up_and_know_their_shapes(self):
        model = resnet18()
        self.assertTrue(model.training)
        c = joulemap.torch.complexity(model, torch.zeros(IMAGE))
        self.assertTrue(model.training and model[0].training)
        self.assertEqual(int(model[1].num_batches_tracked), 0)
        for name in ("macs", "flops", "bytes", "parameters", "buffers", "activation_bytes", "weight_bytes"):
            self.assertEqual(sum(getattr(m.own, name) for m in c.modules), getattr(c.totals, name))
        first = c["0"]
        self.assertEqual(first.output_shapes, [(1, 64, 112, 112)])
        self.assertEqual(first.macs, 64 * 112 * 112 * 3 * 49)
        self.assertEqual(first.flops, 2 * first.macs)
        self.assertEqual(first.activation_bytes, 4 * 64 * 112 * 112)
        self.assertEqual(first.bytes, 4 * (3 * 224 * 224 + 64 * 3 * 49 + 64 * 112 * 112))
        # What a block does itself: an addition and two functions.
        self.assertEqual(c["4"].own.flops, 3 * 64 * 56 * 56)
        self.assertIn("20 batch normalisations", str(c))
        self.assertEqual(json.loads(c.to_json())["totals"]["macs"], c.totals.macs)

    def test_nothing_need_be_computed(self):
        c = joulemap.torch.complexity(alexnet().to("meta"), torch.empty(IMAGE, device="meta"))
        self.assertEqual(c.totals.parameters, 61100840)

    def test_attention_is_seen_in_the_fused_module_too(self):
        model = nn.TransformerEncoderLayer(64, 4, 256, batch_first=True).eval()
        macs = joulemap.torch.complexity(model, torch.zeros(2, 16, 64)).totals.macs
        self.assertEqual(macs, joulemap.torch.complexity(Encoder().eval(), torch.zeros(2, 16, 64)).totals.macs)

    def test_shared_weights_count_once_and_calls_each_time(self):
        linear = nn.Linear(8, 8)
        c = joulemap.torch.complexity(nn.Sequential(linear, nn.ReLU(), linear), torch.zeros(3, 8))
        self.assertEqual((c["0"].calls, c.totals.parameters, c.totals.macs), (2, 72, 2 * 3 * 64))

    def test_recurrent_layers_count_by_step(self):
        # Of four gates: weights of what comes in and of the state, each used in every step of every sequence.
        c = joulemap.torch.complexity(nn.LSTM(8, 16, 2), torch.zeros(5, 3, 8))
        self.assertEqual(c.totals.macs, 5 * 3 * 4 * 16 * ((8 + 16) + (16 + 16)))

    def test_what_cannot_be_counted_is_unknown_with_a_reason(self):
        class Odd(nn.Module):
            def forward(self, x):
                return torch.linalg.inv(x)

        c = joulemap.torch.complexity(nn.Sequential(nn.Linear(4, 4), Odd()), torch.eye(4))
        self.assertIsNone(c["1"].macs)
        self.assertIsNone(c.totals.flops)
        self.assertIn("not counted", c["1"].reason)
        self.assertEqual(c["0"].macs, 64)
        self.assertIn("-", str(c))
        with self.assertRaises(joulemap.InvalidError):
            joulemap.torch.complexity(torch.jit.script(nn.Linear(2, 2)), torch.zeros(1, 2))
        with self.assertRaises(joulemap.InvalidError):
            joulemap.torch.complexity(len, torch.zeros(1))

    def test_an_error_of_the_model_leaves_no_hooks(self):
        model = nn.Sequential(nn.Linear(4, 4))
        with self.assertRaises(RuntimeError):
            joulemap.torch.complexity(model, torch.zeros(1, 3))
        self.assertFalse(model[0]._forward_hooks or model[0]._forward_pre_hooks)
        self.assertTrue(model.training)


if __name__ == "__main__":
    common.main()
