"""Messages of power events from Python."""

import datetime
import importlib.util
import unittest
from unittest import mock

import common
import joulemap
from joulemap import events

HAS_PACKAGES = all(importlib.util.find_spec(p) for p in ("flatbuffers", "zmq"))


class Arguments(unittest.TestCase):
    def test_a_missing_package_is_named(self):
        with mock.patch("importlib.import_module", side_effect=ImportError("none")):
            with self.assertRaisesRegex(joulemap.UnsupportedError, "pip install flatbuffers"):
                joulemap.send_power_measure_event([1])


@unittest.skipUnless(HAS_PACKAGES, "no Python packages flatbuffers and pyzmq")
class Messages(unittest.TestCase):
    def test_prefix_and_text_are_those_of_the_protocol(self):
        start = datetime.datetime(2024, 5, 2, 15, 5, 16, tzinfo=datetime.timezone.utc)
        message = events.power_start_message([1234], ["cpu", 3], start, 10)
        self.assertEqual(message[:2], b"\x20\x00")
        self.assertIn(b"2024-05-02T15:05:16+00:00", message)
        self.assertIn((1234).to_bytes(4, "little"), message)
        self.assertEqual(events.power_stop_message([7])[:2], b"\x21\x00")

    def test_what_cannot_be_is_refused(self):
        for pids, types in (([], ["all"]), ([0], ["all"]), ([1], []), ([1], ["sound"]), ([1], [5])):
            with self.assertRaises(joulemap.InvalidError):
                events.power_start_message(pids, types)
        with self.assertRaises(joulemap.InvalidError):
            events.power_start_message([1], start=datetime.datetime(2024, 5, 2))

    def test_nobody_there_is_said(self):
        with self.assertRaises(joulemap.NotFoundError):
            joulemap.send_power_measure_event([1], endpoint="tcp://127.0.0.1:9", timeout=0.05)


common.main()
