"""Messages of camera-traps as its Python plugins write them, and malformed ones of every kind."""
import datetime

import flatbuffers

from joulemap import events


def python_plugin_message(pids, types, start, seconds):
    """A start with the fields in the order in which the Python plugins of camera-traps write them: each created and added from
    the last to the first, with the stamps naive, as datetime.utcnow().isoformat() gives them."""
    b = flatbuffers.Builder(1024)
    start_at = b.CreateString(start)
    b.StartVector(1, len(types), 1)
    for t in reversed(types):
        b.PrependByte(t)
    type_vector = b.EndVector()
    b.StartVector(4, len(pids), 4)
    for p in reversed(pids):
        b.PrependInt32(p)
    pid_vector = b.EndVector()
    created = b.CreateString(datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None).isoformat())
    b.StartObject(5)
    b.PrependUint32Slot(4, seconds, 0)
    b.PrependUOffsetTRelativeSlot(3, start_at, 0)
    b.PrependUOffsetTRelativeSlot(2, type_vector, 0)
    b.PrependUOffsetTRelativeSlot(1, pid_vector, 0)
    b.PrependUOffsetTRelativeSlot(0, created, 0)
    table = b.EndObject()
    b.StartObject(2)
    b.PrependUOffsetTRelativeSlot(1, table, 0)
    b.PrependUint8Slot(0, 9, 0)
    b.Finish(b.EndObject())
    return b"\x20\x00" + bytes(b.Output())


def terminate_message(name, uuid):
    b = flatbuffers.Builder(256)
    strings = [b.CreateString(t) for t in ("2024-05-02T15:06:15+00:00", name, uuid)]
    b.StartObject(3)
    for slot, s in enumerate(strings):
        b.PrependUOffsetTRelativeSlot(slot, s, 0)
    table = b.EndObject()
    b.StartObject(2)
    b.PrependUint8Slot(0, 8, 0)
    b.PrependUOffsetTRelativeSlot(1, table, 0)
    b.Finish(b.EndObject())
    return b"\x12\x00" + bytes(b.Output())


def message(tag, prefix, fields):
    """An event of n fields, each a function that makes it, or None: it is missing."""
    b = flatbuffers.Builder(256)
    offsets = [make(b) if make else None for make in fields]
    b.StartObject(len(fields))
    for slot, offset in enumerate(offsets):
        if offset is not None:
            b.PrependUOffsetTRelativeSlot(slot, offset, 0)
    table = b.EndObject()
    b.StartObject(2)
    b.PrependUint8Slot(0, tag, 0)
    b.PrependUOffsetTRelativeSlot(1, table, 0)
    b.Finish(b.EndObject())
    return prefix + bytes(b.Output())


def text(value):
    return lambda b: b.CreateString(value)


def numbers(values, size):
    return lambda b: events._vector(b, values, size)


def malformed(good):
    """Messages of each kind of fault, and the reason they are counted under."""
    stamp = "2024-05-02T15:05:15"
    pids, types, now = numbers([4711], 4), numbers([1], 1), text("")
    huge = bytearray(good)
    at = good.index(b"\x01\x00\x00\x00", 40)
    huge[at : at + 4] = b"\xff\xff\xff\x3f"

    def start(*fields):
        return message(9, b"\x20\x00", [text(stamp), *fields])

    return [
        (good[:3], "too short"),
        (good[:20], "damaged buffer"),
        (b"\x77\x00" + good[2:], "unknown prefix"),
        (b"\x20\x01" + good[2:], "unknown prefix"),
        (good[:2] + b"\xff\xff\xff\x7f" + good[6:], "damaged buffer"),
        (bytes(huge), "damaged buffer"),
        (b"\x21" + good[1:], "prefix and event differ"),
        (message(77, b"\x20\x00", [text(stamp)]), "prefix and event differ"),
        (message(9, b"\x20\x00", [None, pids, types, now]), "field missing"),
        (start(None, types, now), "field missing"),
        (start(pids, None, now), "field missing"),
        (start(pids, types, None), "field missing"),
        (start(numbers([], 4), types, now), "empty list"),
        (start(pids, numbers([], 1), now), "empty list"),
        (start(numbers(list(range(1, 5000)), 4), types, now), "list too long"),
        (start(numbers([-1], 4), types, now), "no process id"),
        (start(pids, numbers([5], 1), now), "unknown monitor type"),
        (start(pids, types, text("tomorrow")), "start time unreadable"),
        (message(8, b"\x12\x00", [text(stamp), text("*"), text("no uuid")]), "uuid unreadable"),
        (message(8, b"\x12\x00", [text(stamp), lambda b: b.CreateString(b"\xff\xfe"), text("")]), "text too long or not UTF-8"),
    ]
