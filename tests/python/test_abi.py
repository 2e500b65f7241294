"""Holds joulemap/_abi.py against the headers, by the C compiler."""

import ctypes
import os
import re
import shutil
import subprocess
from pathlib import Path

import common
from joulemap import _abi, errors

INCLUDE = Path(os.environ["SOURCE"]) / "include"
HEADERS = [INCLUDE / "joulemap" / name for name in ("joulemap.h", "compare.h")]


def headers():
    return "".join(path.read_text() for path in HEADERS)


class Abi(common.TestCase):
    def compiled(self, body):
        """Gives what a C program with the header prints, line by line."""
        compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
        if not compiler:
            self.skipTest("no C compiler")
        source, program = self.folder / "print.c", self.folder / "print"
        source.write_text(
            f"#include <joulemap/compare.h>\n#include <stdio.h>\nint main(void) {{\n{body}\nreturn 0; }}\n"
        )
        subprocess.run([compiler, f"-I{INCLUDE}", str(source), "-o", str(program)], check=True)
        return subprocess.run([str(program)], check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()

    def test_every_structure_has_the_size_and_offsets_of_the_header(self):
        lines, expected = [], []
        for name, struct in _abi.STRUCTS.items():
            lines.append(f'printf("{name} %zu\\n", sizeof(struct {name}));')
            expected.append(f"{name} {ctypes.sizeof(struct)}")
            for field, _ in struct._fields_:
                member = f"((struct {name} *)0)->{field}"
                lines.append(
                    f'printf("{name}.{field} %zu %zu\\n", offsetof(struct {name}, {field}), sizeof({member}));'
                )
                place = getattr(struct, field)
                expected.append(f"{name}.{field} {place.offset} {place.size}")
        self.assertEqual(self.compiled("\n".join(lines)), expected)

    def test_no_field_of_the_header_is_missing(self):
        text = headers()
        for name, struct in _abi.STRUCTS.items():
            body = re.search(rf"struct {name} \{{(.*?)\n\}};", text, re.S).group(1)
            body = re.sub(r"/\*.*?\*/", "", body, flags=re.S)
            fields = re.findall(r"(\w+)(?:\[\d+\])?\s*[,;]", body)
            self.assertEqual(fields, [f for f, _ in struct._fields_], name)

    def test_numbers_of_kinds_flags_and_errors_are_those_of_the_header(self):
        names = ("phase", "iteration", "layer", "kernel", "copy", "range", "region", "request")
        self.assertEqual(_abi.KINDS, names)
        codes = {"NOT_FOUND": errors.NotFoundError, "PERMISSION": errors.DeniedError, "INVALID": errors.InvalidError}
        codes.update({"EXISTS": errors.AlreadyExistsError, "FORMAT": errors.FormatError})
        codes.update({"UNSUPPORTED": errors.UnsupportedError})
        lines = [f'printf("%d\\n", (int)JM_SPAN_{n.upper()});' for n in names]
        expected = [str(getattr(_abi, n.upper())) for n in names]
        for flag in ("PROFILED", "ISOLATED", "WARMUP"):
            lines.append(f'printf("%u\\n", JM_SPAN_{flag});')
            expected.append(str(getattr(_abi, flag)))
        lines.append('printf("%u\\n", JM_NO_ITERATION);')
        expected.append(str(_abi.NO_ITERATION))
        for code, kind in codes.items():
            lines.append(f'printf("%d\\n", (int)JM_E_{code});')
            expected.append(str(kind.code))
        lines.append('printf("%d.%d.%d\\n", JM_VERSION_MAJOR, JM_VERSION_MINOR, JM_VERSION_PATCH);')
        expected.append(".".join(map(str, _abi.VERSION)))
        self.assertEqual(self.compiled("\n".join(lines)), expected)

    def test_every_declared_function_is_in_the_header_with_as_many_parameters(self):
        text = re.sub(r"/\*.*?\*/", "", headers(), flags=re.S)
        for name, (_, arguments) in {**_abi.PROTOTYPES, **_abi.HOT_PROTOTYPES}.items():
            found = re.search(rf"\b{name}\(([^;]*)\);", text)
            self.assertIsNotNone(found, name)
            parameters = found.group(1).strip()
            self.assertEqual(0 if parameters == "void" else parameters.count(",") + 1, len(arguments), name)

    def test_the_package_has_the_version_of_the_header(self):
        import joulemap

        version = ".".join(map(str, _abi.VERSION))
        project = Path(os.environ["SOURCE"]) / "python" / "pyproject.toml"
        self.assertEqual(joulemap.__version__, version)
        self.assertIn(f'version = "{version}"', project.read_text())


if __name__ == "__main__":
    common.main()
