"""Events of camera-traps: have joulemap serve, or any power plugin of that engine, measure processes.

    joulemap.send_power_measure_event([os.getpid()], seconds=10)

Needs the packages flatbuffers and pyzmq."""

from __future__ import annotations

import datetime
import importlib
import time
from typing import Any, Iterable, List, Optional, Union

from joulemap.errors import InvalidError, NotFoundError, UnsupportedError

#: Values on the wire.
MONITOR_TYPES = {"all": 1, "cpu": 2, "gpu": 3, "dram": 4}

_START = (b"\x20\x00", 9)
_STOP = (b"\x21\x00", 10)
_PUBLISHED = b"event-engine: msg published"


def _package(name: str, package: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UnsupportedError(f"events need the Python package {package}", f"pip install {package}") from error


def _utc(moment: Optional[datetime.datetime]) -> str:
    if moment is None:
        return ""
    if moment.tzinfo is None:
        raise InvalidError("the start has no time zone", "datetime.datetime.now(datetime.timezone.utc)")
    return moment.astimezone(datetime.timezone.utc).isoformat()


def _type_value(kind: Union[str, int]) -> int:
    value = MONITOR_TYPES.get(kind.lower(), 0) if isinstance(kind, str) else int(kind)
    if value not in MONITOR_TYPES.values():
        raise InvalidError(f"{kind!r} is no monitor type", "one of " + ", ".join(MONITOR_TYPES))
    return value


def _pid_list(pids: Iterable[int]) -> List[int]:
    values = [int(p) for p in pids]
    if not values or not all(0 < p < 2**31 for p in values):
        raise InvalidError("pids must be a list of numbers of processes")
    return values


def _vector(builder: Any, values: List[int], size: int) -> int:
    builder.StartVector(size, len(values), size)
    for value in reversed(values):
        builder.PrependInt32(value) if size == 4 else builder.PrependInt8(value)
    try:
        return int(builder.EndVector())
    except TypeError:  # before version 2
        return int(builder.EndVector(len(values)))


def _finish(builder: Any, table: int, event: Any) -> bytes:
    prefix, tag = event
    builder.StartObject(2)
    builder.PrependUint8Slot(0, tag, 0)
    builder.PrependUOffsetTRelativeSlot(1, table, 0)
    builder.Finish(builder.EndObject())
    return bytes(prefix) + bytes(builder.Output())


def power_start_message(
    pids: Iterable[int],
    types: Iterable[Union[str, int]] = ("all",),
    start: Optional[datetime.datetime] = None,
    seconds: int = 0,
) -> bytes:
    """Gives the bytes of a MonitorPowerStart event: prefix and buffer."""
    builder = _package("flatbuffers", "flatbuffers").Builder(256)
    values, kinds = _pid_list(pids), [_type_value(t) for t in types]
    if not kinds:
        raise InvalidError("no monitor type is given")
    if not 0 <= seconds < 2**32:
        raise InvalidError("seconds must be 0 (until stopped) or more")
    start_at = builder.CreateString(_utc(start))
    created_at = builder.CreateString(_utc(datetime.datetime.now(datetime.timezone.utc)))
    pid_vector = _vector(builder, values, 4)
    type_vector = _vector(builder, kinds, 1)
    builder.StartObject(5)
    builder.PrependUOffsetTRelativeSlot(0, created_at, 0)
    builder.PrependUOffsetTRelativeSlot(1, pid_vector, 0)
    builder.PrependUOffsetTRelativeSlot(2, type_vector, 0)
    builder.PrependUOffsetTRelativeSlot(3, start_at, 0)
    builder.PrependUint32Slot(4, int(seconds), 0)
    return _finish(builder, builder.EndObject(), _START)


def power_stop_message(pids: Iterable[int]) -> bytes:
    """Gives the bytes of a MonitorPowerStop event."""
    builder = _package("flatbuffers", "flatbuffers").Builder(128)
    created_at = builder.CreateString(_utc(datetime.datetime.now(datetime.timezone.utc)))
    pid_vector = _vector(builder, _pid_list(pids), 4)
    builder.StartObject(2)
    builder.PrependUOffsetTRelativeSlot(0, created_at, 0)
    builder.PrependUOffsetTRelativeSlot(1, pid_vector, 0)
    return _finish(builder, builder.EndObject(), _STOP)


def _publish(message: bytes, endpoint: str, timeout: float) -> None:
    zmq = _package("zmq", "pyzmq")
    # What a publisher sends before a subscriber is there is lost; an XPUB socket hears of it.
    with zmq.Context() as context, context.socket(zmq.XPUB) as socket:
        socket.linger = int(timeout * 1000)
        socket.connect(endpoint)
        end = time.monotonic() + timeout
        wanted = False
        while not wanted:  # a subscriber tells each of its prefixes by a message of its own
            if not socket.poll(max(0, int((end - time.monotonic()) * 1000))):
                raise NotFoundError(
                    f"nobody takes events at {endpoint}",
                    "give the incoming port of the engine, or that of joulemap serve --subscribe @tcp://127.0.0.1:PORT",
                )
            subscription = socket.recv()
            wanted = subscription[:1] == b"\x01" and message.startswith(subscription[1:])
        socket.send(message)


def _send(message: bytes, endpoint: str, socket: Any, timeout: float) -> None:
    if socket is None:
        _publish(message, endpoint, timeout)
        return
    socket.send(message)
    if not socket.poll(int(timeout * 1000)):
        raise NotFoundError("the engine did not answer in time")
    if socket.recv() != _PUBLISHED:
        raise InvalidError("the engine refused the event")


def send_power_measure_event(
    pids: Iterable[int],
    types: Iterable[Union[str, int]] = ("all",),
    start: Optional[datetime.datetime] = None,
    seconds: int = 0,
    *,
    endpoint: str = "tcp://127.0.0.1:5559",
    socket: Any = None,
    timeout: float = 5.0,
) -> None:
    """Asks for a measurement of processes: now, or from start (with its time zone) on; seconds 0: until stopped.

    types: "all", "cpu", "gpu", "dram". Sent to endpoint, where events are subscribed to: the engine's incoming port, or joulemap
    serve --subscribe @ADDRESS. Or given to socket: a plugin's REQ socket of pyzmq, as camera-traps plugins have one.
    Raises NotFoundError when nobody takes it within timeout (s), InvalidError, UnsupportedError without the packages."""
    _send(power_start_message(pids, types, start, seconds), endpoint, socket, timeout)


def send_power_stop_event(
    pids: Iterable[int], *, endpoint: str = "tcp://127.0.0.1:5559", socket: Any = None, timeout: float = 5.0
) -> None:
    """Ends the measurements of these processes. As send_power_measure_event."""
    _send(power_stop_message(pids), endpoint, socket, timeout)
