"""What the tests share: sensors whose power is known."""

import sys
import tempfile
import unittest
from pathlib import Path

STEADY = """\
sensor board
channel gpu power gauge domain=gpu period=20ms accuracy=0.05
0 gpu 50
3600 gpu 50
"""


class TestCase(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.addCleanup(self._folder.cleanup)
        self.folder = Path(self._folder.name)

    def steady(self):
        """Gives the choice of a sensor that always shows 50 W."""
        path = self.folder / "steady.txt"
        path.write_text(STEADY)
        return f"replay:{path}"

    def assert_50_w(self, energy_j, time_s, gap_s):
        """On a busy machine readings may be missing, and their energy is in no sum."""
        self.assertLessEqual(energy_j, 50 * time_s * 1.03)
        self.assertGreaterEqual(energy_j, 50 * (time_s - (gap_s or 0)) * 0.97)


def main():
    """As unittest.main, but a run of skipped tests only is a skip."""
    program = unittest.main(module="__main__", exit=False, verbosity=2)
    result = program.result
    for _, reason in result.skipped:
        print(f"SKIP: {reason}")
    if not result.wasSuccessful() or result.testsRun == 0:
        sys.exit(1)
    sys.exit(77 if len(result.skipped) == result.testsRun else 0)
