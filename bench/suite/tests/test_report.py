"""The pictures, the page and the table of a made-up run."""

import json
import re
import unittest
import xml.etree.ElementTree as xml

from .. import pictures as draw
from ..report import page
from ..table import table
from .sample import results, rows

ROW_KEYS = {
    "scenario",
    "measure",
    "ours",
    "unit",
    "peer",
    "peer_name",
    "ratio",
    "ratio_min",
    "ratio_max",
    "runs",
    "goal",
    "verdict",
    "note",
    "cpu_ours",
    "cpu_peer",
    "cpu_ratio",
    "shown",
}


class PictureTests(unittest.TestCase):
    def test_every_picture_of_a_page_is_valid_xml_with_a_title(self) -> None:
        found = re.findall(r"<svg.*?</svg>", page(results()), re.DOTALL)
        self.assertEqual(len(found), 5)
        for one in found:
            root = xml.fromstring(one)
            self.assertTrue(root.findtext("{http://www.w3.org/2000/svg}title"))

    def test_words_are_escaped(self) -> None:
        bar = draw.Bar('<a & "b">', "c", "d/s", 1, 2, 0.5, 1)
        self.assertIn('<a & "b">', "".join(xml.fromstring(draw.bars("x", [bar])).itertext()))

    def test_points_stay_inside_the_frame(self) -> None:
        axis = draw.Axis("y", is_log=True)
        line = draw.Line("one", [(0.0, 1.0), (5.0, 0.0), (10.0, 1_000.0)])
        svg = draw.curves("t", draw.Axis("x"), axis, [line])
        pairs = re.findall(r"(-?[\d.]+),(-?[\d.]+)", svg)
        height = float(xml.fromstring(svg).attrib["viewBox"].split()[3])
        for x, y in pairs:
            self.assertTrue(0 <= float(x) <= draw.WIDTH and 0 <= float(y) <= height, (x, y))

    def test_log_scale_and_ticks(self) -> None:
        scale = draw.Scale(1, 1_000, 0, 300, is_log=True)
        self.assertAlmostEqual(scale(10), 100)
        self.assertEqual(scale.ticks(), [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000])
        self.assertEqual(draw.Scale(0, 100, 0, 1).ticks(), [0, 20, 40, 60, 80, 100])

    def test_percentiles_have_a_decade_for_each_nine(self) -> None:
        self.assertAlmostEqual(draw.percentile_position(99), 100)
        self.assertAlmostEqual(draw.percentile_position(99.9), 1_000)
        self.assertLessEqual(draw.percentile_position(100), 2e4)

    def test_short_numbers(self) -> None:
        self.assertEqual(
            [draw.short(one) for one in (0, 0.25, 12_000, 34e6)], ["0", "0.25", "12k", "34M"]
        )


class PageTests(unittest.TestCase):
    def test_needs_nothing_from_elsewhere(self) -> None:
        html = page(results())
        self.assertNotIn("<script", html)
        self.assertFalse(re.search(r'(src|href)="', html))
        self.assertNotIn("url(", html)
        self.assertIn("prefers-color-scheme: dark", html)

    def test_escapes_notes_and_shows_a_void_run(self) -> None:
        found = results()
        self.assertIn("a &lt; b &amp; c", page(found))
        self.assertNotIn("Void:", page(found))
        found["void"] = "scan-text: 3 wrong answers"
        self.assertIn("Void: scan-text: 3 wrong answers", page(found))

    def test_a_run_of_one_scenario_has_no_empty_pictures(self) -> None:
        found = results()
        found["pictures"] = {}
        found["rows"] = found["rows"][-1:]
        self.assertNotIn("<svg", page(found))


class ResultsTests(unittest.TestCase):
    def test_rows_have_all_keys_and_survive_json(self) -> None:
        again = json.loads(json.dumps(results(), allow_nan=False))
        for row in again["rows"]:
            self.assertEqual(set(row), ROW_KEYS)
            self.assertIn(
                row["verdict"], ("meets the goal", "short of the goal", "no goal", "failed")
            )
        self.assertEqual(again["rows"][4]["verdict"], "short of the goal")
        self.assertEqual(again["rows"][4]["shown"]["ours"], "1.01")

    def test_the_table_lines_up(self) -> None:
        lines = table(rows()).splitlines()
        self.assertEqual(len(lines), 7)
        column = lines[0].index("verdict")
        self.assertTrue(lines[1][column:].startswith("short of the goal"))
        self.assertIn("failed: nghttpd", lines[6])
