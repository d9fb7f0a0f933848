"""Ratios, verdicts and how figures are shown."""

import unittest

from ..measure import Comparison, Sample
from ..rows import (
    FAILED,
    MEETS,
    NO_GOAL,
    SHORT,
    Row,
    Spread,
    at_most,
    failure,
    pairwise,
    ratio_at_least,
    shown,
)


class RatioTests(unittest.TestCase):
    def test_median_and_range(self) -> None:
        self.assertEqual(Spread.of([3, 1, 2]), Spread(2, 1, 3))
        self.assertEqual(Spread.of([1, 2, 3, 10]).median, 2.5)
        with self.assertRaises(ValueError):
            Spread.of([])

    def test_each_run_is_divided_by_the_one_beside_it(self) -> None:
        self.assertEqual(pairwise([10, 30], [5, 10]), [2, 3])
        with self.assertRaises(ValueError):
            pairwise([1, 2], [1])
        with self.assertRaises(ValueError):
            pairwise([1], [0])

    def test_median_of_ratios_is_not_ratio_of_medians(self) -> None:
        comparison = Comparison(
            "peer",
            [Sample(10), Sample(20), Sample(90)],
            [Sample(10), Sample(10), Sample(100)],
        )
        row = comparison.row("x", "scans/s", None)
        self.assertEqual((row.ours, row.peer, row.ratio), (20, 10, 1))
        self.assertEqual((row.ratio_min, row.ratio_max, row.runs), (0.9, 2, 3))


class GeneratorBoundTests(unittest.TestCase):
    def row(self, ours: Sample, theirs: Sample) -> Row:
        return Comparison("peer", [ours], [theirs]).row("x", "scans/s", ratio_at_least(1))

    def test_a_slow_generator_does_not_make_things_equal(self) -> None:
        row = self.row(Sample(100, 110, 0.9), Sample(100, 220, 0.45))
        self.assertEqual((row.ratio, row.verdict), (0.5, SHORT))
        self.assertIn("bottleneck", row.note)

    def test_tells_a_slow_generator_from_a_busy_machine(self) -> None:
        self.assertIn("generator was", Sample(100, 110, 0.5, 0.98).limit)
        self.assertIn("busy machine", Sample(100, 110, 0.5, 0.3).limit)

    def test_nor_does_it_help_us(self) -> None:
        row = self.row(Sample(90, 200, 0.45), Sample(100, 110, 0.9))
        self.assertEqual((row.ratio, row.verdict), (0.9, SHORT))

    def test_busy_servers_are_compared_by_the_clock(self) -> None:
        row = self.row(Sample(120, 100, 0.99), Sample(100, 110, 0.99))
        self.assertEqual((row.ratio, row.verdict), (1.2, MEETS))
        self.assertNotIn("bottleneck", row.note)


class VerdictTests(unittest.TestCase):
    def verdict(self, ratio: float) -> str:
        return Row("x", "y", 1, "s", ratio=ratio, goal=ratio_at_least(1.0)).verdict

    def test_nothing_is_rounded_up_to_a_goal(self) -> None:
        self.assertEqual(self.verdict(1.0), MEETS)
        self.assertEqual(self.verdict(0.9999), SHORT)
        self.assertEqual(self.verdict(float("nan")), SHORT)

    def test_own_values(self) -> None:
        self.assertEqual(Row("x", "p99", 1.0, "ms", goal=at_most(1, "ms")).verdict, MEETS)
        self.assertEqual(Row("x", "p99", 1.001, "ms", goal=at_most(1, "ms")).verdict, SHORT)
        self.assertEqual(Row("x", "p99", None, "ms", goal=at_most(1, "ms")).verdict, SHORT)

    def test_without_goal_and_failed(self) -> None:
        self.assertEqual(Row("x", "y", 1, "s").verdict, NO_GOAL)
        self.assertEqual(failure("x", "no peer").verdict, FAILED)


class ShownTests(unittest.TestCase):
    def test_digits(self) -> None:
        self.assertEqual(shown(123_456.7), "123,457")
        self.assertEqual(shown(12.34), "12.3")
        self.assertEqual(shown(1.234), "1.23")
        self.assertEqual(shown(0.0123), "0.012")
        self.assertEqual(shown(None), "")
        self.assertEqual(shown(0), "0")
        self.assertEqual(shown(float("inf")), "?")

    def test_is_cut_against_us_beside_a_goal(self) -> None:
        self.assertEqual(shown(0.9999, ratio_at_least(1)), "0.99")
        self.assertEqual(shown(1.001, at_most(1, "ms")), "1.01")
        self.assertEqual(shown(1.0, ratio_at_least(1)), "1.00")
