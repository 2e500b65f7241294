"""The old names, with their keys and columns, and without their defects."""

import csv
import os
import subprocess
import sys
import time
from pathlib import Path

import torch
from torch import nn

import common
import joulemap
from joulemap import compat
from joulemap.torch import _isolate, _run

_run.BLOCK_S = 0.05
_isolate.BLOCK_S = (0.06, 0.08)
# A busy machine holds inferences up; how many must decide no test.
_run.STALL_NS = 10**15

KEYS = (
    "layer_name layer_idx avg_power_w total_time_s energy_total_j energy_per_inference_mj num_loops latency_per_loop_ms "
    "num_power_samples"
).split()


class Bert(nn.Module):
    def __init__(self):
        super().__init__()
        self.embeddings = nn.Embedding(50, 16)
        self.layer = nn.ModuleList([nn.Sequential(nn.Linear(16, 16), nn.ReLU()) for _ in range(3)])
        self.pre_classifier, self.classifier = nn.Linear(16, 16), nn.Linear(16, 2)

    def forward(self, input_ids, attention_mask=None):
        x = self.embeddings(input_ids)
        for layer in self.layer:
            x = layer(x)
        return self.classifier(self.pre_classifier(x[:, 0]))


class Compat(common.TestCase):
    def test_the_logger_gives_every_reading_with_its_time(self):
        logger = compat.PowerLogger(poll_interval_ms=20, sensors=self.steady())
        logger.start()
        with self.assertRaises(joulemap.JoulemapError):
            logger.start()
        time.sleep(0.3)
        samples = logger.stop()
        self.assertEqual(set(round(s, 6) for s in samples), {50.0})
        ledger = logger.report.channels[0].ledger
        # One more is read as the recording ends.
        self.assertIn(len(samples) - ledger.taken, (0, 1))
        self.assertEqual(len(samples), len(logger.times_s))
        self.assertEqual(logger.times_s, sorted(logger.times_s))
        self.assertEqual(logger.state, "measured")
        self.assertEqual(logger.stop(), samples)
        statistics = logger.get_statistics()
        self.assertEqual((statistics["num_samples"], statistics["sample_interval_ms"]), (len(samples), 20))
        self.assertAlmostEqual(statistics["mean"], 50)
        self.assertAlmostEqual(statistics["std"], 0)
        # A second run begins anew.
        logger.start()
        again = logger.stop()
        self.assertEqual(len(again), len(logger.times_s))
        self.assertIn(len(again) - logger.report.channels[0].ledger.taken, (0, 1))

    def test_nothing_is_made_up_where_nothing_was_measured(self):
        logger = compat.PowerLogger()
        self.assertEqual((logger.read(), logger.energy_j, logger.state), ([], None, "unavailable"))
        self.assertIsNone(logger.get_statistics()["mean"])
        with self.assertRaises(joulemap.InvalidError):
            compat.compute_energy_metrics([], 1.0, 10)
        with self.assertRaises(joulemap.InvalidError):
            compat.PowerLogger(poll_interval_ms=0)

    def test_metrics_have_the_old_keys_and_say_how_energy_came(self):
        found = compat.compute_energy_metrics([10.0, 30.0], 2.0, 4, energy_j=36.0)
        self.assertEqual(
            (found["energy_total_j"], found["energy_per_inference_mj"], found["energy_method"]),
            (36, 9000, "integrated"),
        )
        self.assertEqual((found["avg_power_w"], found["std_power_w"], found["num_power_samples"]), (20, 10, 2))
        self.assertEqual(compat.compute_energy_metrics([10.0], 2.0, 4)["energy_method"], "mean power times time")

    def test_layers_have_the_old_names_keys_and_columns(self):
        profiler = compat.LayerEnergyProfiler(Bert().eval(), device="cpu", sensors=self.steady())
        ids, mask = torch.randint(0, 50, (8, 6)), torch.ones(8, 6)
        results = profiler.profile_all_layers(ids, mask, batch_size=4, num_loops=20)
        names = ["embeddings"] + [f"transformer_block_{i}" for i in range(3)] + ["pre_classifier", "classifier"]
        self.assertEqual([r["layer_name"] for r in results], names)
        for i, row in enumerate(results):
            self.assertLessEqual(set(KEYS), set(row))
            self.assertEqual((row["layer_idx"], row["num_loops"], row["state"]), (i, 20, "measured"))
            # A busy machine may keep the sampler from reading in so short a run.
            if row["energy_total_j"] is not None:
                self.assertAlmostEqual(row["energy_total_j"], row["energy_per_inference_mj"] * 20 / 1e3)
                self.assertAlmostEqual(row["energy_per_sample_mj"] * 4, row["energy_per_inference_mj"])
        # Each layer's own, so no more than the whole; the old figures were those of all layers up to it.
        self.assertLessEqual(sum(r["energy_pct"] or 0 for r in results), 100.01)
        path = self.folder / "fp32_per_layer_energy.csv"
        compat.save_layer_csv(results, str(path))
        with open(path, newline="") as f:
            rows = list(csv.DictReader(f))
        self.assertEqual(list(rows[0]), KEYS + ["energy_pct"])
        self.assertEqual(len(rows), 6)

    def test_a_batch_larger_than_the_data_is_refused(self):
        with self.assertRaises(joulemap.InvalidError):
            compat.profile_all_layers(Bert().eval(), torch.randint(0, 50, (3, 6)), batch_size=4)

    def test_the_notebook_runs_with_only_its_import_changed(self):
        examples = Path(os.environ["SOURCE"]) / "examples"
        done = subprocess.run(
            [sys.executable, str(examples / "seed1_notebook.py"), "--small"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.folder,
        )
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("transformer_block_1", done.stdout)
        self.assertIn("estimated", done.stdout)
        self.assertTrue((self.folder / "fp32_per_layer_energy.csv").exists())


if __name__ == "__main__":
    common.main()
