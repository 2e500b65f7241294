"""joulemap.compare on recordings whose power is known."""

import time

import common
import joulemap
from joulemap import Span, span_kind


class Compare(common.TestCase):
    def record(self, name, n, variant=None):
        """n calls back to back in about 0.4 s at 50 W: what a call takes is its share of the time."""
        path = str(self.folder / name)
        with joulemap.Recording(path, self.steady()) as rec:
            start = time.monotonic_ns()
            time.sleep(0.4)
            each = (time.monotonic_ns() - start) // n
            call, measured = rec.name_id("iteration"), rec.name_id("measured")
            rec.add([Span(start + i * each, start + (i + 1) * each, call, span_kind.ITERATION, i) for i in range(n)])
            rec.add([Span(start, start + n * each, measured, span_kind.PHASE)])
            rec.meta("items_per_iteration", 1)
            if variant:
                rec.meta("variant", variant)
        return path

    def test_calls_half_as_long_take_half_the_energy(self):
        slow, fast = self.record("slow.jmap", 20), self.record("fast.jmap", 40)
        result = joulemap.compare([slow, fast])
        self.assertEqual([v.name for v in result.variants], ["slow", "fast"])
        latency = result.variants[1].figures["latency_ms"].against
        energy = result.variants[1].figures["energy_per_item_mj"].against
        # How long the sleeps were is the machine's affair; the power is 50 W in both.
        self.assertAlmostEqual(energy, latency, delta=0.02 * latency)
        self.assertEqual(result.variants[0].state, "measured")
        self.assertIn("fast", str(result))
        self.assertEqual(len(result.verdicts), 1)

    def test_names_group_and_first_is_chosen(self):
        a, b, c = self.record("a.jmap", 20, "x"), self.record("b.jmap", 20, "x"), self.record("c.jmap", 20, "y")
        result = joulemap.compare([a, b, c], first="y")
        self.assertEqual([(v.name, len(v.trials)) for v in result.variants], [("y", 1), ("x", 2)])
        self.assertIsNone(result.variants[0].figures["latency_ms"].against)

    def test_carbon_is_the_callers_figure(self):
        path = self.record("a.jmap", 20)
        self.assertIsNone(joulemap.compare([path]).tariff)
        result = joulemap.compare([path], carbon="360", price="0.36 EUR")
        item = result.variants[0].figures["energy_per_item_mj"].mean
        self.assertAlmostEqual(result.tariff["variants"][0]["carbon_g_per_item"], item * 1e-3 / 1e4, delta=1e-9 * item)
        self.assertEqual(result.tariff["currency"], "EUR")
        self.assertIn("your own figures", str(result))
        with self.assertRaises(joulemap.InvalidError):
            joulemap.compare([path], carbon="lots")

    def test_what_is_missing_is_an_error(self):
        with self.assertRaises(joulemap.NotFoundError):
            joulemap.compare([str(self.folder / "none.jmap")])
        with self.assertRaises(joulemap.NotFoundError):
            joulemap.compare([self.record("a.jmap", 20)], first="b")
        with self.assertRaises(joulemap.InvalidError):
            joulemap.compare(str(self.folder))
        with self.assertRaises(joulemap.InvalidError):
            joulemap.compare([])


if __name__ == "__main__":
    common.main()
