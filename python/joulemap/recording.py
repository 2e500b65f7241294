"""Recordings of this program: sensors in the background, regions marked by the program."""

from __future__ import annotations

import ctypes as c
import functools
import inspect
import os
import shutil
import tempfile
import threading
import weakref
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional, TypeVar, cast

from joulemap import _abi
from joulemap._library import Library, encode, library
from joulemap.errors import InvalidError, JoulemapError, UnsupportedError
from joulemap.report import Report, open_report

F = TypeVar("F", bound=Callable[..., Any])


class Span(NamedTuple):
    """An interval with given times (ns of CLOCK_MONOTONIC, as of time.monotonic_ns). name_id: of Recording.name_id.
    kind, flags: of joulemap.span_kind. iteration: number of the inference call, None: none; of isolated blocks: calls
    in it."""

    start_ns: int
    end_ns: int
    name_id: int
    kind: int
    iteration: Optional[int] = None
    flags: int = 0


class _Handle:
    """The recorder of the C library. Ended once, whoever comes first: stop, the garbage collector, the interpreter's
    end."""

    def __init__(self, lib: Library, recorder: c.c_void_p, folder: Optional[str]) -> None:
        self.lib, self.recorder, self.folder = lib, recorder, folder
        self.pid = os.getpid()

    def destroy(self) -> None:
        # In a forked child the sampling threads do not exist; waiting for them would never end.
        if self.recorder and os.getpid() == self.pid:
            self.lib.jm_recorder_destroy(self.recorder)
            if self.folder:
                shutil.rmtree(self.folder, ignore_errors=True)
        self.recorder = c.c_void_p()
        self.folder = None


class Region:
    """A named part of the program: `with region:`, or `@region` on a function. May be used again, nested, in any
    thread."""

    def __init__(self, recording: "Recording", name: str, type: Optional[str] = None) -> None:
        self.name = name
        self._recording = recording
        self._id = recording.name_id(name, type)

    def __enter__(self) -> "Region":
        self._recording._begin(self._id)
        return self

    def __exit__(self, *_: object) -> None:
        self._recording._end()

    def __call__(self, function: F) -> F:
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            raise UnsupportedError(
                "regions of one thread must nest, and coroutines need not", "mark the code between two awaits"
            )
        if inspect.isgeneratorfunction(function):
            raise UnsupportedError("a generator runs piecewise, its region would not nest", "mark the code inside it")

        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return cast(F, wrapped)


class Recording:
    """Samples the machine's sensors while the program runs.

        with joulemap.Recording() as rec:
            with rec.region("decode"):
                ...
        print(rec.report())

    path: of the recording; None: a temporary file, removed with this object (save() keeps it). sensors: as in `joulemap
    sensors`; None: the default ones. period: between readings, in s; None: 10 ms. require_sensor: fail where no
    sensor can be used; else times are recorded alone. Every method may be called from any thread. In a forked child
    the recording of the parent does nothing."""

    def __init__(
        self,
        path: Optional[str] = None,
        sensors: Optional[str] = None,
        period: Optional[float] = None,
        *,
        overwrite: bool = False,
        require_sensor: bool = True,
        command: Optional[str] = None,
        kind: str = "run",
    ) -> None:
        if period is not None and not period > 0:
            raise InvalidError(f"the sampling period is {period} s", "a positive number of seconds, 0.01 say")
        self.path: Optional[str] = os.fspath(path) if path is not None else None
        self._temporary = path is None
        self._sensors, self._period, self._overwrite = sensors, period, overwrite
        self._require_sensor, self._command, self._kind = require_sensor, command, kind
        self._lib = library()
        self._lock = threading.Lock()
        self._handle: Optional[_Handle] = None
        self._finalizer: Optional[Any] = None
        self._stopped = False
        self._local = threading.local()
        self._tracks: Dict[str, c.c_void_p] = {}
        self._warnings: List[str] = []

    # ---- begin and end

    def start(self) -> "Recording":
        if self._handle is not None:
            raise JoulemapError("this recording was started already", "make another Recording")
        folder = None
        if self._temporary:
            folder = tempfile.mkdtemp(prefix="joulemap-")
            self.path = os.path.join(folder, "recording.jmap")
        options = _abi.RecordOptions(
            size=c.sizeof(_abi.RecordOptions),
            path=os.fsencode(str(self.path)),
            overwrite=self._overwrite,
            sensors=encode(self._sensors),
            period_ns=round(self._period * 1e9) if self._period else 0,
            kind=encode(self._kind),
            command=encode(self._command),
            may_lack_sensors=not self._require_sensor,
        )
        recorder = c.c_void_p()
        try:
            self._lib.call(self._lib.jm_recorder_start, c.byref(options), c.byref(recorder))
        except JoulemapError:
            if folder:
                shutil.rmtree(folder, ignore_errors=True)
            raise
        self._handle = _Handle(self._lib, recorder, folder)
        self._finalizer = weakref.finalize(self, self._handle.destroy)
        return self

    def stop(self) -> None:
        """Reads a last time and completes the file. Twice is allowed. Raises the first failure of writing."""
        handle = self._started()
        with self._lock:
            if self._stopped or os.getpid() != handle.pid:
                return
            self._stopped = True
        try:
            self._lib.call(self._lib.jm_recorder_stop, handle.recorder)
        finally:
            self._warnings = self._read_warnings(handle)

    def __enter__(self) -> "Recording":
        return self.start()

    def __exit__(self, kind: Any, value: Any, traceback: Any) -> None:
        try:
            self.stop()
        except JoulemapError:
            # What the program itself raised tells more.
            if kind is None:
                raise

    def _started(self) -> _Handle:
        if self._handle is None:
            raise JoulemapError("the recording has not been started", "with joulemap.Recording() as rec: ...")
        return self._handle

    @property
    def is_running(self) -> bool:
        return self._handle is not None and not self._stopped

    @property
    def warnings(self) -> List[str]:
        """What is worth knowing: sensors left out, lost spans."""
        if self.is_running:
            return self._read_warnings(self._started())
        return list(self._warnings)

    def _read_warnings(self, handle: _Handle) -> List[str]:
        found: List[str] = []
        while True:
            text = self._lib.jm_recorder_warning(handle.recorder, len(found))
            if text is None:
                return found
            found.append(text.decode("utf-8", "replace"))

    # ---- what is recorded

    def region(self, name: str, type: Optional[str] = None) -> Region:
        """Gives a region of that name, to be used as context manager or decorator. type groups regions in reports."""
        return Region(self, name, type)

    def name_id(self, name: str, type: Optional[str] = None) -> int:
        """Gives the number of a span name, for add()."""
        found = c.c_uint32()
        rc = self._lib.jm_span_name(self._started().recorder, encode(name) or b"", encode(type), c.byref(found))
        if rc:
            self._lib.fail(rc, what=f"the name '{name}' cannot be added; the recording may have ended")
        return int(found.value)

    def shapes(self, name_id: int, text: str) -> None:
        """Says what layers of a name (of name_id()) execute, take and give, once a name: `Conv(kernel=3,3 stride=1,1 padding=2,2)
        fp32[1,3,8,8] fp32[16,3,3,3] -> fp32[1,16,8,8]` (docs/recording-format.md). Raises InvalidError for another form."""
        self._lib.call(self._lib.jm_span_shapes, self._started().recorder, name_id, encode(text) or b"")

    def _open_track(self, name: str) -> c.c_void_p:
        track = c.c_void_p()
        self._lib.call(self._lib.jm_track_open, self._started().recorder, encode(name), c.byref(track))
        return track

    def _track(self) -> Optional[c.c_void_p]:
        """Gives this thread's track; None in a forked child and after the end, where regions do nothing."""
        handle = self._handle
        if handle is None or self._stopped or os.getpid() != handle.pid:
            return None
        track: Optional[c.c_void_p] = getattr(self._local, "track", None)
        if track is None:
            track = self._local.track = self._open_track(threading.current_thread().name)
        return track

    def _begin(self, name_id: int) -> None:
        track = self._track()
        stack: List[bool] = self._local.__dict__.setdefault("stack", [])
        stack.append(track is not None)
        if track is not None:
            self._lib.jm_span_begin(track, name_id)

    def _end(self) -> None:
        stack: List[bool] = self._local.__dict__.setdefault("stack", [])
        track = self._track()
        # A region that began before the end or a fork must not close one that it never opened.
        if stack and stack.pop() and track is not None:
            self._lib.jm_span_end(track)

    def add(self, spans: Iterable[Span], track: Optional[str] = None) -> None:
        """Adds spans with given times: of work on a device, say, whose clock the caller tied to CLOCK_MONOTONIC.
        track: a name; spans of one track nest or follow each other; None: the track of the whole run."""
        rows = [
            _abi.TimedSpan(
                s.start_ns,
                s.end_ns,
                s.name_id,
                _abi.NO_ITERATION if s.iteration is None else s.iteration,
                s.kind,
                s.flags,
            )
            for s in spans
        ]
        handle = self._started()
        with self._lock:
            if track is not None and track not in self._tracks:
                self._tracks[track] = self._open_track(track)
            number = self._tracks[track] if track is not None else None
        if rows:
            self._lib.call(
                self._lib.jm_spans_add, handle.recorder, number, (_abi.TimedSpan * len(rows))(*rows), len(rows)
            )

    def meta(self, key: str, value: object) -> None:
        """Keeps a key and a text with the recording; docs/recording-format.md lists those that mean something."""
        rc = self._lib.jm_recorder_meta(self._started().recorder, encode(key), encode(str(value)))
        if rc:
            self._lib.fail(rc, what=f"'{key}' cannot be kept; the recording may have ended")

    # ---- what came of it

    def report(
        self,
        method: str = "auto",
        by: str = "layer",
        *,
        baseline: Optional[str] = None,
        window: Optional[str] = None,
    ) -> Report:
        """Explains the recording, which must have ended. Arguments: as of joulemap.open_report."""
        report = open_report(self._ended_path(), method=method, by=by, baseline=baseline, window=window)
        report._source = self  # keeps a temporary file alive
        return report

    def save(self, path: str) -> str:
        """Copies the ended recording to path. Gives path."""
        source = self._ended_path()
        if os.path.exists(path):
            raise InvalidError(f"{path} exists already", "another name, or remove it first")
        return str(shutil.copyfile(source, path))

    def _ended_path(self) -> str:
        self._started()
        if not self._stopped:
            raise JoulemapError("the recording still runs", "leave its with block, or call stop(), first")
        return str(self.path)


__all__ = ["Recording", "Region", "Span"]
