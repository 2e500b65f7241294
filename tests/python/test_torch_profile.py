"""joulemap.torch.profile on a processor, with PyTorch itself and a sensor of known power."""

import csv
import os
import sqlite3
import subprocess
import sys
import unittest
from contextlib import closing

import torch
from torch import nn

import common
import joulemap
import joulemap.torch
from joulemap.torch import _isolate, _kernels, _modules, _run

# Short: the sensor that is played here settles at once.
_run.BLOCK_S = 0.05
_isolate.BLOCK_S = (0.06, 0.08)
STALL_NS = _run.STALL_NS


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(16, 32)
        self.act = nn.ReLU()
        self.second = nn.Linear(32, 16)

    def forward(self, x):
        # Own work of the container, much of it.
        for _ in range(20):
            x = x * 1.01
        return self.second(self.act(self.first(x)))


class Profiles(common.TestCase):
    def setUp(self):
        super().setUp()
        # A busy machine holds inferences up; how many must decide no test. Stalls have their own below.
        _run.STALL_NS = 10**15
        self.addCleanup(setattr, _run, "STALL_NS", STALL_NS)

    def profile(self, model, inputs, **options):
        options = {"sensors": self.steady(), "period": 0.02, "runs": 12, "warmup": 2, "idle": 0.02, **options}
        return joulemap.torch.profile(model.eval(), inputs, **options)

    def test_every_leaf_is_a_row_and_the_sum_is_whole(self):
        model = nn.Sequential(Block(), nn.LayerNorm(16))
        p = self.profile(model, torch.randn(4, 16), runs=40)
        kinds = {r.name: r.kind for r in p}
        self.assertEqual({n for n, k in kinds.items() if k == "layer"}, {"0.first", "0.act", "0.second", "1"})
        self.assertIn("0 (own)", kinds)
        self.assertIn("(unattributed)", kinds)
        self.assertIn("(between inferences)", kinds)
        self.assertEqual(p["0.first"].type, "Linear")
        self.assertEqual(p["0.first"].parameters, 16 * 32 + 32)
        self.assertEqual(p["0.first"].calls, 1)
        self.assertEqual((p.channel, p.batch, p.precision, p.device), ("replay/gpu", 4, "fp32", "cpu"))
        total = next(t for t in p.report.totals if t.channel == p.channel)
        self.assertAlmostEqual(
            sum(r.energy_mj for r in p if r.energy_mj is not None),
            total.energy_per_iteration_mj,
            delta=1e-6 * total.energy_j * 1e3,
        )
        self.assertAlmostEqual(sum(r.share for r in p if r.share is not None), 1, delta=1e-6)
        row, gap_s = p["0.first"], p.report.channel("replay/gpu").gap_s
        self.assert_50_w(row.energy_mj * 40 / 1e3, row.time_ms * 40 / 1e3, gap_s)
        self.assertAlmostEqual(row.energy_per_item_mj * 4, row.energy_mj)
        self.assertEqual(p.report.run["iterations"], 40)

    def test_depth_chooses_rows(self):
        model = nn.Sequential(Block(), Block())
        names = [u.label for u in _modules.select(model, 1)]
        self.assertEqual(names, ["(model) (own)", "0", "1"])
        self.assertEqual([u.label for u in _modules.select(model, 0)], ["(model)"])
        p = self.profile(model, torch.randn(2, 16), depth=1)
        self.assertEqual({r.name for r in p.layers if r.kind == "layer"}, {"0", "1"})
        with self.assertRaises(joulemap.InvalidError):
            self.profile(model, torch.randn(2, 16), depth=-1)

    def test_a_shared_module_is_one_row_with_all_its_calls(self):
        shared = nn.Linear(16, 16)
        p = self.profile(nn.Sequential(shared, nn.ReLU(), shared, shared), torch.randn(2, 16))
        self.assertEqual(p["0"].calls, 3)
        self.assertAlmostEqual(p["0"].latency_ms * 3, p["0"].time_ms)
        self.assertTrue(any("same module as 2, 3" in n for n in p.notes), p.notes)

    def test_tuples_dicts_and_named_arguments(self):
        class Odd(nn.Module):
            def __init__(self):
                super().__init__()
                self.a = nn.Linear(8, 8)
                self.pair = Pair()

            def forward(self, x, scale=None):
                y, extra = self.pair(self.a(x))
                return {"y": y * scale, "extra": [extra, None]}

        class Pair(nn.Module):
            def forward(self, x):
                return x + 1, {"sum": x.sum()}

        for inputs in ({"x": torch.randn(3, 8), "scale": torch.ones(1)}, (torch.randn(3, 8), torch.ones(1))):
            p = self.profile(Odd(), inputs, isolate=True, isolate_passes=1)
            self.assertLessEqual({"a", "pair"}, {r.name for r in p})
            self.assertEqual(p.batch, 3)
            self.assertEqual(set(p.isolated) - {"(model) (own)"}, {"a", "pair"})

    def test_a_module_that_raises_leaves_no_hook_and_no_recording(self):
        class Fails(nn.Module):
            def __init__(self):
                super().__init__()
                self.inner = nn.Linear(4, 4)
                self.n = 0

            def forward(self, x):
                self.n += 1
                if self.n > 6:
                    raise ValueError("broken on purpose")
                return self.inner(x)

        model = Fails()
        path = self.folder / "x.jmap"
        with self.assertRaisesRegex(ValueError, "on purpose"):
            self.profile(model, torch.randn(1, 4), path=str(path))
        for module in model.modules():
            self.assertEqual((len(module._forward_hooks), len(module._forward_pre_hooks)), (0, 0))
            self.assertNotIn("forward", module.__dict__)

    def test_an_exception_that_the_parent_catches_does_not_confuse_the_rows(self):
        class Inner(nn.Module):
            def forward(self, x):
                raise RuntimeError("not today")

        class Outer(nn.Module):
            def __init__(self):
                super().__init__()
                self.inner = Inner()
                self.plain = nn.Linear(4, 4)

            def forward(self, x):
                try:
                    return self.inner(x)
                except RuntimeError:
                    return self.plain(x)

        p = self.profile(Outer(), torch.randn(1, 4))
        self.assertEqual([r.name for r in p.layers if r.kind == "layer"], ["plain"])
        self.assertEqual(p["plain"].calls, 1)

    def test_a_scripted_module_is_one_row_and_said(self):
        scripted = torch.jit.script(Block())
        p = self.profile(nn.Sequential(scripted, nn.Linear(16, 4)), torch.randn(2, 16))
        self.assertIn("1", {r.name for r in p})
        self.assertTrue(any("TorchScript" in n for n in p.notes), p.notes)
        whole = self.profile(scripted, torch.randn(2, 16))
        self.assertIsNotNone(whole.energy_per_inference_mj)

    def test_isolated_blocks_give_each_module_a_power(self):
        p = self.profile(Block(), torch.randn(2, 16), isolate=True, isolate_passes=2, method="isolate")
        self.assertEqual(set(p.isolated), {"first", "act", "second"})
        self.assertTrue(any("run alone" in n for n in p.notes))
        # Where a busy machine kept the sampler from reading within the blocks, there is a reason instead of a power.
        for row in (p["first"], p["act"], p["second"]):
            if row.power_w is None:
                self.assertTrue(row.reason or p.warnings, row)
            else:
                self.assertAlmostEqual(row.power_w, 50, delta=2.5)

    def test_isolation_keeps_its_budget(self):
        model = nn.Sequential(*[nn.Linear(4, 4) for _ in range(6)])
        p = self.profile(model, torch.randn(1, 4), isolate=True, isolate_passes=1, isolate_budget=0.25)
        self.assertEqual(len(p.isolated), 3)
        self.assertTrue(any("3 modules; isolate_budget" in n for n in p.notes), p.notes)

    def test_it_prints_and_writes(self):
        p = self.profile(Block(), torch.randn(2, 16))
        text, html = str(p), p._repr_html_()
        for word in ("readings", "method", "interval", "first", "(unattributed)", "latency"):
            self.assertIn(word, text)
        self.assertIn("<table>", html)
        path = self.folder / "layers.csv"
        p.to_csv(str(path))
        with open(path, newline="") as f:
            rows = {r["name"]: r for r in csv.DictReader(f)}
        self.assertAlmostEqual(float(rows["first"]["energy_mj"]), p["first"].energy_mj)
        self.assertEqual(rows["(unattributed)"]["energy_ci_mj_low"], "")
        try:
            import matplotlib  # noqa: F401
        except ImportError:
            with self.assertRaisesRegex(joulemap.UnsupportedError, "matplotlib"):
                p.plot()
        else:
            p.plot(str(self.folder / "layers.png"))
            self.assertGreater((self.folder / "layers.png").stat().st_size, 1000)

    def test_without_any_sensor_there_are_times_and_no_energy(self):
        code = """
import torch, joulemap.torch
p = joulemap.torch.profile(torch.nn.Linear(4, 4).eval(), torch.randn(2, 4), runs=5, warmup=1, idle=0)
row = p["(model)"]
assert row.energy_mj is None and row.reason and row.time_ms > 0 and row.state == "unavailable", row
assert p.energy_per_inference_mj is None and p.channel is None
assert "times only" in str(p)
"""
        env = {**os.environ, "JOULEMAP_ROOT": str(self.folder), "JOULEMAP_NVML": "/nonexistent"}
        done = subprocess.run(
            [sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_the_estimate_is_marked(self):
        p = self.profile(nn.Linear(8, 8), torch.randn(1, 8), sensors="estimate")
        self.assertEqual({r.state for r in p}, {"estimated"})
        self.assertIn("estimated", str(p))

    def test_nonsense_is_refused(self):
        for options in ({"runs": 0}, {"warmup": 0}, {"dither": 2}):
            with self.assertRaises(joulemap.InvalidError):
                self.profile(nn.Linear(4, 4), torch.randn(1, 4), **options)


    def test_modules_that_do_the_same_work_are_told_to_the_report(self):
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.a, self.b = nn.Linear(16, 16), nn.Linear(16, 16)
                self.other_shape, self.other_setting = nn.Linear(16, 8), nn.Linear(8, 8, bias=False)
                self.first, self.wide = nn.LayerNorm(16, eps=1e-5), nn.LayerNorm(16, eps=1e-3)
                self.short = nn.Linear(16, 16)

            def forward(self, x):
                x = self.wide(self.first(self.b(self.a(x))))
                return self.other_setting(self.other_shape(x)) + self.short(x[:1]).sum()

        path = self.folder / "alike.jmap"
        self.profile(Net(), torch.randn(4, 16), path=str(path))
        with closing(sqlite3.connect(path)) as db:
            (told,) = db.execute("SELECT value FROM meta WHERE key = 'identical'").fetchone()
            names = dict(db.execute("SELECT id, text FROM name"))
        self.assertEqual([{names[int(n)] for n in group.split()} for group in told.split(";")], [{"a", "b"}])

    def operators_of(self, model, inputs, **options):
        """Gives what the recording keeps of each row: {name: text}."""
        path = self.folder / "operators.jmap"
        profile = self.profile(model, inputs, path=str(path), overwrite=True, **options)
        with closing(sqlite3.connect(path)) as db:
            found = dict(db.execute("SELECT n.text, s.text FROM shape AS s JOIN name AS n ON n.id = s.name"))
        return found, profile

    def test_a_recording_keeps_what_each_module_executes(self):
        model = nn.Sequential(
            nn.Conv2d(4, 8, (3, 5), stride=(2, 1), padding=(1, 4), dilation=(1, 2), groups=2),
            nn.BatchNorm2d(8),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2, padding=1),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(8, 6, bias=False),
            nn.LayerNorm(6),
            nn.Softmax(-1),
        )
        found, _ = self.operators_of(model, torch.randn(2, 4, 12, 12))
        self.assertEqual(
            found["0"],
            "Conv(kernel=3,5 stride=2,1 padding=2,8 dilation=1,2 groups=2) "
            "fp32[2,4,12,12] fp32[8,2,3,5] fp32[8] -> fp32[2,8,6,12]",
        )
        self.assertEqual(found["1"], "BatchNormalization() fp32[2,8,6,12] -> fp32[2,8,6,12]")
        self.assertEqual(found["2"], "Relu() fp32[2,8,6,12] -> fp32[2,8,6,12]")
        self.assertEqual(
            found["3"],
            "MaxPool(kernel=2,2 stride=2,2 padding=2,2 dilation=1,1 groups=1) fp32[2,8,6,12] -> fp32[2,8,4,7]",
        )
        self.assertEqual(found["4"], "GlobalAveragePool() fp32[2,8,4,7] -> fp32[2,8,1,1]")
        self.assertEqual(found["6"], "Gemm() fp32[2,8] fp32[8,6] -> fp32[2,6]")
        self.assertEqual(found["7"], "LayerNormalization() fp32[2,6] -> fp32[2,6]")
        self.assertEqual(found["8"], "Softmax() fp32[2,6] -> fp32[2,6]")

    def test_a_product_of_a_sequence_has_the_shapes_of_its_module(self):
        found, _ = self.operators_of(nn.Sequential(nn.Embedding(50, 16), nn.Linear(16, 32)), torch.randint(0, 50, (3, 5)))
        self.assertEqual(found["0"], "Gather() fp32[50,16] int64[3,5] -> fp32[3,5,16]")
        self.assertRegex(found["1"], r"^Gemm\(\) fp32\[3,5,16\] fp32\[16,32\] fp32\[32\] -> fp32\[3,5,32\]$")

    def test_what_executes_several_operators_or_several_shapes_is_none(self):
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.block, self.twice, self.same = Block(), nn.Linear(16, 16), nn.Linear(16, 16)

            def forward(self, x):
                y = self.twice(self.block(x))
                return self.same(self.same(y)).sum() + self.twice(x[:1]).sum()

        found, _ = self.operators_of(Net(), torch.randn(4, 16))
        self.assertNotIn("twice", found)
        self.assertNotIn("block (own)", found)
        self.assertIn("same", found)
        self.assertIn("block.act", found)

    def test_the_one_operator_of_a_container_is_known_and_runs_alone(self):
        class Residual(nn.Module):
            def __init__(self):
                super().__init__()
                self.inner = nn.ReLU()

            def forward(self, x):
                y = self.inner(x)
                y += x
                return y

        found, p = self.operators_of(
            nn.Sequential(Residual()), torch.randn(512, 256), isolate=True, isolate_passes=1, method="isolate"
        )
        self.assertEqual(found["0 (own)"], "Add() fp32[512,256] fp32[512,256] -> fp32[512,256]")
        self.assertIn("0 (own)", p.isolated)

    def test_a_module_whose_children_are_not_called_is_a_layer(self):
        class Quiet(nn.Module):
            def __init__(self):
                super().__init__()
                self.inner = nn.Linear(8, 8)

            def forward(self, x):
                return nn.functional.linear(x, self.inner.weight)

        found, p = self.operators_of(nn.Sequential(Quiet(), nn.ReLU()), torch.randn(4, 8), isolate=True, isolate_passes=1)
        self.assertEqual(p["0"].kind, "layer")
        self.assertIn("0", p.isolated)
        self.assertFalse(any("never called" in n for n in p.notes), p.notes)
        self.assertRegex(found["0"], r"^Gemm\(\)")

    def test_its_recording_teaches(self):
        program = os.path.join(os.path.dirname(os.environ["JOULEMAP_LIBRARY"]), "joulemap")
        if not os.path.exists(program):
            self.skipTest("the program is not built")
        model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, 10))
        self.operators_of(model, torch.randn(2, 3, 8, 8), name="small")
        folder = self.folder / "training_data"
        subprocess.run(
            [program, "dataset", "build", "-q", str(self.folder / "operators.jmap"), "-o", str(folder)], check=True
        )
        with open(folder / "small" / "convolutional.csv", newline="") as f:
            (row,) = csv.DictReader(f)
        self.assertEqual((row["layer_type"], row["macs"], row["padding_0"]), ("Conv2d", str(2 * 8 * 64 * 27), "2"))
        self.assertEqual(sorted(os.listdir(folder / "small")), [f"{k}.csv" for k in ("convolutional", "dense", "elementwise", "pooling")])

    def test_shapes_of_another_form_are_refused(self):
        with joulemap.Recording(sensors=self.steady()) as rec:
            number = rec.name_id("layer", "Conv2d")
            rec.shapes(number, "Relu() fp32[2] -> fp32[2]")
            for text in ("", "fp32", "Relu( fp32[2] -> fp32[2]"):
                with self.assertRaises(joulemap.InvalidError):
                    rec.shapes(number, text)
            with self.assertRaises(joulemap.InvalidError):
                rec.shapes(number + 100, "fp32[2] -> fp32[2]")

    def test_what_cannot_be_profiled_is_said_plainly(self):
        x = torch.randn(1, 4)
        for model, inputs, said in (
            (lambda x: x, x, "not a torch.nn.Module"),
            (nn.Linear, x, "Linear is a class of modules"),
            (nn.Linear(4, 4), torch.randn(1, 5), "Linear cannot be run on these inputs: .*shape"),
            (nn.Linear(4, 4), (x, x), "Linear cannot be run on these inputs: .*argument"),
            (nn.Linear(4, 4), "text", "Linear cannot be run on these inputs"),
        ):
            with self.assertRaisesRegex(joulemap.InvalidError, said):
                joulemap.torch.profile(model, inputs, sensors=self.steady(), runs=2, warmup=1, idle=0)
        with self.assertRaisesRegex(joulemap.InvalidError, "given were 1x5"):
            joulemap.torch.profile(nn.Linear(4, 4), torch.randn(1, 5), runs=2, warmup=1, idle=0)


class Stalls(common.TestCase):
    def test_an_inference_that_was_held_up_is_left_out_and_counted(self):
        ms = 1_000_000
        with joulemap.Recording(sensors=self.steady()) as rec:
            writer = _run.Writer(rec, [])
            iterations = [(10 * k * ms, (10 * k + 9) * ms) for k in range(5)]
            iterations.append((50 * ms, 250 * ms))
            iterations.append((260 * ms, 269 * ms))
            block = _run.Block(0, 270 * ms, iterations)
            self.assertEqual(writer._unstalled(block), [(0, 50 * ms), (250 * ms, 270 * ms)])
            self.assertEqual(writer.stalled_ms, [200])
            # Three times a very short latency is no stall.
            self.assertEqual(
                len(writer._unstalled(_run.Block(0, 9 * ms, [(0, ms), (ms, 2 * ms), (2 * ms, 8 * ms)]))), 1
            )


class Kernels(unittest.TestCase):
    """The trace of PyTorch's profiler, as Chrome traces are; the device is not here."""

    def event(self, cat, name, ts, dur, correlation=None):
        args = {} if correlation is None else {"correlation": correlation}
        return {"ph": "X", "cat": cat, "name": name, "ts": ts, "dur": dur, "args": args}

    def trace(self):
        return {
            "traceEvents": [
                self.event("user_annotation", "joulemap/iteration/0", 0, 100),
                self.event("user_annotation", "joulemap/0", 5, 40),
                self.event("user_annotation", "joulemap/1", 10, 10),
                self.event("gpu_user_annotation", "joulemap/1", 50, 30),
                self.event("cuda_runtime", "cudaLaunchKernel", 12, 1, 7),
                self.event("cuda_runtime", "cudaLaunchKernel", 30, 1, 8),
                self.event("cuda_driver", "cuLaunchKernelEx", 60, 1, 9),
                self.event("kernel", "gemm", 50, 20, 7),
                self.event("kernel", "add", 80, 10, 8),
                self.event("gpu_memset", "Memset", 95, 5, 9),
                self.event("kernel", "foreign", 96, 5, 99),
                {"ph": "M", "name": "process_name"},
            ]
        }

    def test_a_kernel_belongs_to_the_innermost_module_that_launched_it(self):
        (iteration,) = _kernels.parse(self.trace(), 1)
        self.assertEqual(iteration.kernels, [(1, 50, 70), (0, 80, 90), (_kernels.OUTSIDE, 95, 100)])
        self.assertEqual(iteration.busy_us(), 35)

    def test_kernels_keep_their_durations_and_waits_are_brought_to_the_latency(self):
        (iteration,) = _kernels.parse(self.trace(), 1)
        placed = _kernels.laid_out(iteration, 65)
        self.assertEqual([(u, b - a) for u, a, b in placed], [(1, 20), (0, 10), (_kernels.OUTSIDE, 5)])
        self.assertEqual([a for _, a, _ in placed], [0, 40, 60])
        self.assertEqual(placed[-1][2], 65)
        # A latency below the kernels' own time leaves no wait.
        self.assertEqual([a for _, a, _ in _kernels.laid_out(iteration, 30)], [0, 20, 30])


if __name__ == "__main__":
    common.main()
