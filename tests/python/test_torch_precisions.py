"""bench/gpu/precisions.py on a processor: that it runs, and that simulated integers get no verdict."""

import json
import os
import subprocess
import sys
from pathlib import Path

import common


class Precisions(common.TestCase):
    def test_all_precisions_run_and_simulated_integers_get_no_verdict(self):
        script = Path(os.environ["SOURCE"]) / "bench" / "gpu" / "precisions.py"
        command = [sys.executable, str(script), "--small", "--out", str(self.folder / "p"), "--sensors", self.steady()]
        run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertEqual(run.returncode, 0, run.stderr)
        result = json.loads(run.stdout)
        variants = {v["name"]: v for v in result["variants"]}
        names = set(variants) | {x["precision"] for x in result["left_out"]}
        self.assertEqual(names, {"fp32", "fp16", "bf16", "int8", "int8-simulated"})
        self.assertEqual(result["variants"][0]["name"], "fp32")
        self.assertIn("int8", variants)
        self.assertFalse(variants["int8"]["integers_simulated"])
        self.assertTrue(variants["int8-simulated"]["integers_simulated"])
        verdict = next(v for v in result["verdicts"] if v.startswith("int8-simulated"))
        self.assertIn("no verdict on energy", verdict)
        error = variants["int8"]["figures"]["score"]["mean"]
        self.assertTrue(0 < error < 0.05, error)
        self.assertEqual(variants["fp32"]["figures"]["score"]["mean"], 0)


if __name__ == "__main__":
    common.main()
