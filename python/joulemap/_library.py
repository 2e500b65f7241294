"""Finds libjoulemap.so, loads it once, and turns its errors into exceptions."""

from __future__ import annotations

import ctypes as c
import os
import shutil
import sys
import threading
from pathlib import Path
from typing import Any, Callable, Iterator, List, Optional, Tuple

from joulemap import _abi
from joulemap.errors import JoulemapError, LibraryError, error_of

NAME = "libjoulemap.so.0"

_lock = threading.Lock()
_loaded: Optional["Library"] = None


def _candidates() -> Iterator[Tuple[str, str]]:
    """Gives places to look at, best first, and what each is called."""
    package = Path(__file__).resolve().parent
    checkout = package.parent.parent
    for name in (NAME, "libjoulemap.so"):
        yield str(package / name), "beside the package"
    # Only in a checkout of joulemap: an installed package may lie two folders below anything.
    if (checkout / "include" / "joulemap" / "joulemap.h").is_file():
        for name in (NAME, "libjoulemap.so"):
            yield str(checkout / "build" / name), "the checkout's build folder"
    # Where cmake --install put it: with this Python (a virtual environment as prefix), or with the program that PATH names.
    yield str(Path(sys.prefix) / "lib" / NAME), "this Python's prefix"
    program = shutil.which("joulemap")
    if program:
        yield str(Path(program).resolve().parent.parent / "lib" / NAME), "the prefix of the program joulemap"
    for name in (NAME, "libjoulemap.so"):
        yield name, "the system's library path"


def _open() -> Tuple[str, c.CDLL]:
    given = os.environ.get("JOULEMAP_LIBRARY")
    if given:
        try:
            return given, c.CDLL(given)
        except OSError as e:
            raise LibraryError(
                f"JOULEMAP_LIBRARY names a library that cannot be loaded: {e}", "unset it, or name libjoulemap.so"
            ) from e
    failures: List[str] = []
    for path, what in _candidates():
        if os.path.isabs(path) and not os.path.exists(path):
            failures.append(f"{path} ({what}): not there")
            continue
        try:
            return path, c.CDLL(path)
        except OSError as e:
            failures.append(f"{path} ({what}): {e}")
    raise LibraryError(
        "libjoulemap.so was not found; looked at\n  " + "\n  ".join(failures),
        "build joulemap (./demo or cmake, see its README) and set JOULEMAP_LIBRARY=.../build/libjoulemap.so, or install "
        "it with cmake --install",
    )


def _check_version(text: str, path: str) -> None:
    """The C structures may change with the minor version while the major one is 0."""
    parts = text.split(".")
    if tuple(int(p) for p in parts[:2]) != _abi.VERSION[:2]:
        wanted = ".".join(str(v) for v in _abi.VERSION)
        raise LibraryError(
            f"{path} is joulemap {text}, but this package is for {wanted}",
            "build the library and install the package from the same checkout",
        )


class Library:
    """The loaded library. Its functions are attributes; call() checks what they return."""

    def __init__(self, path: str, handle: c.CDLL) -> None:
        self.path = path
        self._handle = handle
        try:
            self._declare(handle, _abi.PROTOTYPES)
            # The same library once more, for calls that keep Python's lock.
            self._declare(c.PyDLL(path), _abi.HOT_PROTOTYPES)
        except AttributeError as e:
            raise LibraryError(
                f"{path} lacks a function: {e}", "build the library and install the package from the same checkout"
            ) from e
        self.version = str(self.jm_version().decode())
        _check_version(self.version, path)

    def _declare(self, handle: Any, prototypes: Any) -> None:
        for name, (result, arguments) in prototypes.items():
            function = getattr(handle, name)
            function.restype = result
            function.argtypes = arguments
            setattr(self, name, function)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        raise AttributeError(name)

    def call(self, function: Callable[..., int], *arguments: Any) -> None:
        """Calls a function whose last parameter is struct jm_error; raises what it says."""
        err = _abi.Error()
        rc = function(*arguments, c.byref(err))
        if rc:
            self.fail(rc, err)

    def fail(self, rc: int, err: Optional[_abi.Error] = None, what: str = "") -> None:
        message = err.message.decode("utf-8", "replace") if err is not None else ""
        remedy = err.remedy.decode("utf-8", "replace") if err is not None else ""
        if not message:
            text = self.jm_error_text(rc).decode()
            message = f"{what}: {text}" if what else text
        raise error_of(rc, message, remedy)

    def text(self, function: Callable[..., int], *arguments: Any) -> str:
        """Calls a function that writes text through a jm_write_fn (before ctx and err); gives the text."""
        chunks: List[bytes] = []

        def write(_ctx: Any, text: int, n: int) -> int:
            chunks.append(c.string_at(text, n))
            return 0

        self.call(function, *arguments, _abi.WRITE_FN(write), None)
        return b"".join(chunks).decode("utf-8", "replace")


def library() -> Library:
    """Gives the library, loaded at the first call. Raises LibraryError."""
    global _loaded
    with _lock:
        if _loaded is None:
            _loaded = Library(*_open())
        return _loaded


def encode(text: Optional[str]) -> Optional[bytes]:
    return None if text is None else text.encode("utf-8", "surrogateescape")


def decode(text: Optional[bytes]) -> str:
    return "" if text is None else text.decode("utf-8", "replace")


__all__ = ["Library", "library", "encode", "decode", "JoulemapError"]
