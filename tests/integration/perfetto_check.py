"""Reads a Perfetto trace back by Perfetto's own definition (the package perfetto) and says whether it is as it should be.

usage: perfetto_check.py TRACE RECORDING: exits 1 with a reason when something is wrong.
"""
import re
import sqlite3
import sys

from perfetto.protos.perfetto.trace import perfetto_trace_pb2 as pb

trace = pb.Trace()
with open(sys.argv[1], "rb") as f:
    trace.ParseFromString(f.read())
db = sqlite3.connect(sys.argv[2])
assert len(trace.packet) > 10, len(trace.packet)


def unknown(message):
    """Nothing may be written that Perfetto's definition does not know."""
    from google.protobuf import unknown_fields
    return len(unknown_fields.UnknownFieldSet(message))


tracks, names, keys, texts, categories = {}, {}, {}, {}, {}
stacks, slices, counters, last = {}, [], {}, {}
for p in trace.packet:
    assert unknown(p) == 0 and p.trusted_packet_sequence_id == 1
    if p.HasField("track_descriptor"):
        d = p.track_descriptor
        assert unknown(d) == 0 and d.uuid not in tracks
        assert not d.HasField("parent_uuid") or d.parent_uuid in tracks
        tracks[d.uuid] = d
    for entries, table in ((p.interned_data.event_names, names), (p.interned_data.debug_annotation_names, keys),
                           (p.interned_data.event_categories, categories)):
        for e in entries:
            assert e.iid not in table and e.iid > 0
            table[e.iid] = e.name
    for e in p.interned_data.debug_annotation_string_values:
        texts[e.iid] = e.str.decode("utf-8")
    if not p.HasField("track_event"):
        continue
    e = p.track_event
    assert e.track_uuid in tracks and p.sequence_flags & pb.TracePacket.SEQ_NEEDS_INCREMENTAL_STATE
    # Within a track events come in order of time: readers that do not sort nest them rightly.
    if e.type != pb.TrackEvent.TYPE_INSTANT:
        assert p.timestamp >= last.get(e.track_uuid, 0)
        last[e.track_uuid] = p.timestamp
    args = {keys[a.name_iid]: texts[a.string_value_iid] if a.HasField("string_value_iid")
            else a.int_value if a.HasField("int_value") else a.double_value for a in e.debug_annotations}
    if e.type == pb.TrackEvent.TYPE_COUNTER:
        assert tracks[e.track_uuid].HasField("counter")
        counters.setdefault(tracks[e.track_uuid].name, []).append((p.timestamp, e.double_counter_value))
    elif e.type == pb.TrackEvent.TYPE_SLICE_BEGIN:
        stacks.setdefault(e.track_uuid, []).append((p.timestamp, names[e.name_iid], categories[e.category_iids[0]], args))
    elif e.type == pb.TrackEvent.TYPE_SLICE_END:
        start, name, category, args = stacks[e.track_uuid].pop()
        slices.append((start, p.timestamp - start, name, category, args))
    elif e.type == pb.TrackEvent.TYPE_INSTANT:
        facts = args
assert all(not s for s in stacks.values()), "slices without end"
first = next(p for p in trace.packet if p.HasField("track_descriptor"))
assert first.sequence_flags & pb.TracePacket.SEQ_INCREMENTAL_STATE_CLEARED
clocks = {c.clock_id: c.timestamp for c in trace.packet[0].clock_snapshot.clocks}
meta = dict(db.execute("select key, value from meta"))
assert clocks[1] - clocks[3] == int(meta["anchor_realtime_ns"]) - int(meta["anchor_monotonic_ns"])
# Every span is there, to the nanosecond, under its own name and kind.
# (Control characters are question marks there.)
want = sorted((start, length, re.sub("[\\x00-\\x1f]", "?", name), kind)
              for start, length, name, kind in db.execute("select start_ns, duration_ns, name, kind from named_span"))
got = sorted(s[:4] for s in slices if s[3] != "gap")
assert want == got, (len(want), len(got), [x for x in zip(want, got) if x[0] != x[1]][:2])
assert counters and all(n.startswith("power ") for n in counters), list(counters)
process = next(d for d in tracks.values() if d.HasField("process"))
assert process.process.process_name and all(
    d.parent_uuid == process.uuid for d in tracks.values() if not d.HasField("process"))
ranks = {True: [], False: []}
for d in tracks.values():
    if not d.HasField("process"):
        ranks[d.HasField("counter")].append(d.sibling_order_rank)
assert max(ranks[True]) < min(ranks[False]), "power does not stand above the layers"
layers = [s for s in slices if s[3] == "layer"]
assert all(any(k.startswith("mean_energy") for k in s[4]) for s in layers), layers[:1]
assert facts["format"] == "joulemap-trace/1" and facts["slices"] == len(slices), facts
print(f"{len(slices)} slices, {sum(map(len, counters.values()))} values, {len(layers)} layers")
