"""How the library is found, and what is said when it is not."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import common


class Finding(common.TestCase):
    def python(self, code, **environment):
        env = {k: v for k, v in os.environ.items() if k != "JOULEMAP_LIBRARY"}
        env.update(environment)
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=env,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return done.returncode, done.stdout

    def installed(self):
        """A copy of the package outside of any checkout, as pip makes it."""
        shutil.copytree(Path(os.environ["SOURCE"]) / "python" / "joulemap", self.folder / "site" / "joulemap")
        return str(self.folder / "site")

    def test_importing_needs_no_library(self):
        code, out = self.python("import joulemap", PYTHONPATH=self.installed())
        self.assertEqual(code, 0, out)

    def test_a_missing_library_is_said_with_places_and_remedy(self):
        code, out = self.python(
            "import joulemap\ntry: joulemap.sensors()\nexcept joulemap.LibraryError as e: print('GOT', e)",
            PYTHONPATH=self.installed(),
        )
        self.assertEqual(code, 0, out)
        if "GOT" not in out:
            self.skipTest("joulemap is installed on this system")
        self.assertIn("JOULEMAP_LIBRARY", out)
        self.assertIn("beside the package", out)

    def test_it_is_found_beside_the_package(self):
        site = self.installed()
        shutil.copy(os.environ["JOULEMAP_LIBRARY"], Path(site) / "joulemap" / "libjoulemap.so.0")
        code, out = self.python("from joulemap._library import library; print(library().path)", PYTHONPATH=site)
        self.assertEqual(code, 0, out)
        self.assertIn("libjoulemap.so.0", out)

    def test_a_named_library_that_is_none_is_said(self):
        bad = self.folder / "bad.so"
        bad.write_text("no library")
        code, out = self.python(
            "import joulemap; joulemap.sensors()", PYTHONPATH=self.installed(), JOULEMAP_LIBRARY=str(bad)
        )
        self.assertNotEqual(code, 0)
        self.assertIn("JOULEMAP_LIBRARY names a library that cannot be loaded", out)

    def test_another_version_is_refused(self):
        from joulemap import _library, errors

        with self.assertRaises(errors.LibraryError) as caught:
            _library._check_version("0.9.0", "libjoulemap.so.0")
        self.assertIn("0.9.0", str(caught.exception))
        _library._check_version("0.1.7", "libjoulemap.so.0")


if __name__ == "__main__":
    common.main()
