"""Recordings, regions and reports from Python, with sensors of known power."""

import csv
import json
import multiprocessing
import os
import subprocess
import sys
import threading
import time

import common
import joulemap
from joulemap import Span, span_kind


class Recordings(common.TestCase):
    def record(self, work, **options):
        with joulemap.Recording(sensors=self.steady(), period=0.02, **options) as rec:
            work(rec)
        return rec

    def test_a_region_at_50_W_has_its_time_times_50_W(self):
        def work(rec):
            with rec.region("decode", type="step"):
                time.sleep(0.1)

        report = self.record(work).report()
        (row,) = report.rows
        self.assertEqual(
            (row.name, row.type, row.count, row.channel, row.state), ("decode", "step", 1, "replay/gpu", "measured")
        )
        self.assertGreaterEqual(row.time_s, 0.1)
        self.assert_50_w(row.energy_j, row.time_s, report.channels[0].gap_s)
        self.assertAlmostEqual(row.mean_power_w, 50, delta=0.5)

    def test_parts_make_the_whole(self):
        report = self.record(lambda rec: time.sleep(0.05)).report()
        (c,) = report.closure
        self.assertAlmostEqual(c.total_j, c.parts_j + c.idle_j + c.unattributed_j + c.residual_j)
        (total,) = report.totals
        self.assertAlmostEqual(total.energy_j, c.total_j)
        self.assertEqual(report.ledger["replay/gpu"], report.channel("replay/gpu").ledger)

    def test_it_prints_readings_method_and_interval(self):
        def work(rec):
            with rec.region("decode"):
                time.sleep(0.02)

        report = self.record(work).report()
        text = str(report)
        # The program's memory is not told apart from joulemap's, which runs inside it.
        self.assertRegex(report.summary(), r"own cost: [0-9.]+ s processor time, [0-9.]+ % of one core, memory not told apart")
        self.assertIsNone(report.own_cost["rss_bytes"])
        for word in ("readings", "method", "interval", "decode", "replay/gpu"):
            self.assertIn(word, text)

    def test_regions_nest_repeat_and_decorate(self):
        def work(rec):
            inner = rec.region("inner")

            @rec.region("outer")
            def outer(x, *, y):
                """Says something."""
                for _ in range(3):
                    with inner:
                        time.sleep(0.002)
                return x + y

            self.assertEqual(outer(1, y=2), 3)
            self.assertEqual((outer.__name__, outer.__doc__), ("outer", "Says something."))

        counts = {r.name: r.count for r in self.record(work).report()}
        self.assertEqual(counts, {"inner": 3, "outer": 1})

    def test_an_exception_ends_its_region_and_passes(self):
        def work(rec):
            with self.assertRaises(KeyError):
                with rec.region("fails"):
                    raise KeyError("x")
            with rec.region("after"):
                time.sleep(0.001)

        rec = self.record(work)
        self.assertEqual({r.name: r.count for r in rec.report()}, {"fails": 1, "after": 1})
        self.assertEqual(rec.warnings, [])

    def test_threads_have_tracks_of_their_own(self):
        def work(rec):
            region = rec.region("worker")
            barrier = threading.Barrier(4)

            def run():
                barrier.wait()
                for _ in range(25):
                    with region:
                        pass

            threads = [threading.Thread(target=run) for _ in range(4)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()

        rec = self.record(work)
        self.assertEqual(rec.report().rows[0].count, 100)
        self.assertEqual(rec.warnings, [])

    def test_coroutines_and_generators_are_refused_with_the_reason(self):
        def work(rec):
            async def coroutine():
                pass

            def generator():
                yield 1

            for function in (coroutine, generator):
                with self.assertRaises(joulemap.UnsupportedError):
                    rec.region("x")(function)

        self.record(work)

    def test_spans_with_given_times_are_reported(self):
        def work(rec):
            layer = rec.name_id("conv1", "Conv")
            call = rec.name_id("inference")
            t = time.monotonic_ns()
            time.sleep(0.03)
            rec.add([Span(t, t + 20_000_000, call, span_kind.ITERATION, 0)])
            rec.add([Span(t + 5_000_000, t + 15_000_000, layer, span_kind.LAYER, 0)], "device 0")
            rec.meta("items_per_iteration", 4)

        report = self.record(work).report(method="integrate")
        (row,) = report.rows
        self.assertEqual(row.name, "conv1")
        if row.energy_per_iteration_mj is None:
            # On a busy machine there may be no reading around so short a span.
            self.assertGreater(report.channels[0].gap_s, 0)
        else:
            self.assert_50_w(row.energy_per_iteration_mj / 1e3, 0.01, report.channels[0].gap_s)
            self.assertAlmostEqual(row.energy_per_item_mj * 4, row.energy_per_iteration_mj)
        self.assertEqual(report.run["items"], 4)

    def test_bad_spans_are_refused_and_the_recording_goes_on(self):
        def work(rec):
            name = rec.name_id("a")
            with self.assertRaisesRegex(joulemap.InvalidError, "span 0 of 1"):
                rec.add([Span(5, 4, name, span_kind.LAYER)])
            with self.assertRaises(joulemap.InvalidError):
                rec.add([Span(4, 5, 99, span_kind.LAYER)])
            with rec.region("b"):
                time.sleep(0.001)

        self.assertEqual([r.name for r in self.record(work).report()], ["b"])

    def test_views_and_files(self):
        def work(rec):
            for kind in ("x", "x", "y"):
                with rec.region(f"{kind}{time.monotonic_ns()}", type=kind):
                    time.sleep(0.05)

        rec = self.record(work)
        self.assertEqual({r.name for r in rec.report(by="type")}, {"x", "y"})
        self.assertEqual([c.name for c in rec.report(by="channel")], ["replay/gpu"])
        report = rec.report(by="layer")
        path = self.folder / "out.json"
        self.assertEqual(json.loads(report.to_json(str(path)))["format"], "joulemap-report/1")
        self.assertEqual(json.loads(path.read_text())["format"], "joulemap-report/1")
        self.assertEqual({r["type"] for r in report.to_rows()}, {"x", "y"})
        table = self.folder / "out.csv"
        report.to_csv(str(table))
        with open(table, newline="") as f:
            rows = list(csv.DictReader(f))
        self.assertEqual(len(rows), 3)
        known = [r for r in rows if r["energy_j"]]
        self.assertTrue(known)
        self.assertLessEqual(float(known[0]["energy_ci_j_low"]), float(known[0]["energy_j"]))
        html = report._repr_html_()
        self.assertIn("<table>", html)
        self.assertIn("readings", html)
        self.assertIn("share", report.compare_methods())
        try:
            import pandas
        except ImportError:
            with self.assertRaises(joulemap.UnsupportedError):
                report.to_pandas()
        else:
            self.assertIsInstance(report.to_pandas(), pandas.DataFrame)

    def test_a_file_of_ones_own_is_kept_and_not_overwritten(self):
        path = self.folder / "run.jmap"
        rec = self.record(lambda rec: None, path=path)
        del rec
        self.assertTrue(path.exists())
        with self.assertRaises(joulemap.AlreadyExistsError) as caught:
            self.record(lambda rec: None, path=path)
        self.assertEqual(caught.exception.code, -11)
        self.record(lambda rec: None, path=path, overwrite=True)
        self.assertEqual(joulemap.open_report(str(path)).channels[0].name, "replay/gpu")

    def test_a_temporary_recording_goes_with_its_object_and_can_be_saved(self):
        rec = self.record(lambda rec: time.sleep(0.01))
        temporary = rec.path
        kept = rec.save(str(self.folder / "kept.jmap"))
        report = rec.report()
        del rec
        self.assertTrue(os.path.exists(temporary), "the report still needs it")
        del report
        self.assertFalse(os.path.exists(temporary))
        self.assertTrue(os.path.exists(kept))

    def test_wrong_order_and_wrong_names_are_said(self):
        rec = joulemap.Recording(sensors=self.steady())
        with self.assertRaisesRegex(joulemap.JoulemapError, "not been started"):
            rec.region("a")
        rec.start()
        with self.assertRaisesRegex(joulemap.JoulemapError, "still runs"):
            rec.report()
        with self.assertRaisesRegex(joulemap.JoulemapError, "started already"):
            rec.start()
        region = rec.region("a")
        rec.stop()
        rec.stop()
        with region:
            pass  # after the end a region does nothing
        with self.assertRaisesRegex(joulemap.InvalidError, "no method 'guess'"):
            rec.report(method="guess")
        with self.assertRaisesRegex(joulemap.InvalidError, "cannot report by"):
            rec.report(by="colour")
        with self.assertRaises(joulemap.NotFoundError) as caught:
            joulemap.Recording(sensors="nonsense").start()
        self.assertIn("nonsense", str(caught.exception))
        with self.assertRaises(joulemap.JoulemapError):
            joulemap.open_report(str(self.folder / "none.jmap"))
        with self.assertRaises(joulemap.InvalidError):
            joulemap.Recording(period=0)

    def test_a_forked_child_leaves_the_recording_alone(self):
        def work(rec):
            region = rec.region("parent")

            def child():
                with region:
                    pass
                rec.stop()

            with region:
                p = multiprocessing.get_context("fork").Process(target=child)
                p.start()
                p.join(20)
                self.assertEqual(p.exitcode, 0)

        self.assertEqual(self.record(work).report().rows[0].count, 1)

    def test_without_any_sensor_there_are_times_and_reasons(self):
        code = """
import joulemap, time
try:
    joulemap.Recording().start()
except joulemap.NotFoundError as e:
    print("REFUSED", e)
with joulemap.Recording(require_sensor=False) as rec:
    with rec.region("a"):
        time.sleep(0.01)
report = rec.report()
row, = report.rows
assert row.time_s >= 0.01 and row.energy_j is None and row.state == "unavailable" and row.reason, row
assert report.totals == []
assert any("times only" in w for w in rec.warnings), rec.warnings
print(report, report._repr_html_())
"""
        env = {**os.environ, "JOULEMAP_ROOT": str(self.folder), "JOULEMAP_NVML": "/nonexistent"}
        done = subprocess.run(
            [sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("REFUSED", done.stdout)

    def test_sensors_are_listed_with_state_and_reason(self):
        found = joulemap.sensors(self.steady())
        (channel,) = found.channels
        self.assertEqual((channel.name, channel.state, channel.domain), ("replay/gpu", "measured", "gpu"))
        self.assertAlmostEqual(channel.accuracy_fraction, 0.05)
        self.assertIn("replay/gpu", str(found))
        self.assertIn("replay/gpu", found._repr_html_())
        every = joulemap.sensors()
        self.assertIn("nvml", [d.name for d in every.drivers])
        self.assertTrue(all(d.n_channels or d.reason for d in every.drivers if d.name != "estimate"))


if __name__ == "__main__":
    common.main()
