"""The parts of bench/bulk that decide and draw; nothing here runs a computation."""

import re
import sys
import tempfile
import unittest
import xml.etree.ElementTree as xml
from pathlib import Path

from suite.loadgen import Result
from suite.rows import MEETS, SHORT

from .. import check, measured
from ..command import Point, parse
from ..measured import Cost
from ..page import page
from ..sources import SOURCES, group_by
from ..switching import all_green, rows, waited

ROOT = Path(__file__).resolve().parents[3]


def point(records: int = 1_000_000) -> Point:
    ours = [Cost(4.0, 7.0, 300 << 20, 900 << 20), Cost(5.0, 8.0, 310 << 20, 900 << 20)]
    return Point(
        records,
        85_000_000,
        ours,
        [Cost(1.0, 1.0, 50 << 20, 60 << 20), Cost(1.0, 1.0, 50 << 20, 60 << 20)],
        [Cost(21.0, 39.0, 1 << 30, 1 << 30), Cost(20.0, 39.0, 1 << 30, 1 << 30)],
        [20.0, 12.0],
    )


class SwitchingTests(unittest.TestCase):
    def test_nobody_is_turned_away_by_the_plan(self) -> None:
        plan = (ROOT / "deploy/plans/city-2020.yaml").read_text()
        green = all_green(plan)
        colours = set(re.findall(r"colour: (\w+)", green))
        self.assertEqual(colours, {"green"})
        self.assertEqual(len(green.splitlines()), len(plan.splitlines()))

    def test_what_the_issuer_says_of_a_switch_is_read(self) -> None:
        text = "generation 2 is in force (before: none), after 0.5 s; changes waited 2.5 ms at 9"
        self.assertEqual(waited(text), 2.5)
        with self.assertRaises(RuntimeError):
            waited("generation 2 is in force already")

    def test_a_lost_scan_or_a_slow_one_falls_short(self) -> None:
        quiet = Result({"latency_us": {"p99": 400, "max": 900}})
        busy = Result({"latency_us": {"p99": 900, "max": 5_000}, "ok": 100, "lost": 1})
        steps = [("activate", 2.0, 3.0), ("rollback", 1.0, 120.0)]
        verdicts = [row.verdict for row in rows(quiet, busy, steps, 1_000_000, 0.9)]
        self.assertEqual(verdicts, [SHORT, SHORT, SHORT, MEETS])


class SourceTests(unittest.TestCase):
    def test_sources_are_those_of_the_generator_in_its_order(self) -> None:
        swift = (ROOT / "Services/issuer/Core/Records/SampleSource.swift").read_text()
        self.assertEqual(re.findall(r'name: "([a-z-]+)"', swift), [one.name for one in SOURCES])
        headers = re.findall(r'header: "([^"]+)"', swift)
        for source, header in zip(SOURCES, headers, strict=True):
            self.assertEqual(header.split(source.delimiter), list(source.columns))

    def test_packings_are_those_of_the_generator(self) -> None:
        swift = (ROOT / "Services/issuer/Core/Records/SampleSource.swift").read_text()
        for part in swift.split("SampleSource(\n")[1:]:
            name = re.search(r'name: "([a-z-]+)"', part)
            assert name is not None
            source = next(one for one in SOURCES if one.name == name.group(1))
            ending = ".gz" if ".gzip" in part else ".zst" if "packing: .zstd" in part else ""
            self.assertEqual(source.files, f"*.csv{ending}")
            self.assertEqual(source.is_gb18030, "isGB18030: true" in part)

    def test_the_columns_asked_for_exist(self) -> None:
        for source in SOURCES:
            self.assertIn(source.document, source.columns)
            self.assertIn(source.time, source.columns)

    def test_the_query_names_only_sources_that_have_files(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "vaccination").mkdir()
            (Path(folder) / "vaccination" / "01.csv.gz").touch()
            query = group_by(Path(folder))
        self.assertEqual(query.count("read_csv"), 1)
        self.assertIn('"vaccinated_on" AS time', query)


class CheckTests(unittest.TestCase):
    def test_gb_18030_files_become_utf_8_unchanged_otherwise(self) -> None:
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
            source = Path(one) / "quarantine-orders"
            source.mkdir()
            text = "证件类型,姓名\r\n护照,㐂𠮷\n"
            (source / "01.csv").write_bytes(text.encode("gb18030"))
            check.convert(Path(one), Path(two))
            target = Path(two) / "quarantine-orders" / "01.csv"
            self.assertEqual(target.read_bytes().decode(), text)

    def test_every_source_has_a_view_also_without_files(self) -> None:
        statements = check.prelude(Path("/nowhere"), Path("/nowhere"), Path("/people.csv"))
        views = [one for one in statements if one.startswith("CREATE VIEW")]
        self.assertEqual(len(views), len(SOURCES))
        self.assertIn("row_number() OVER () AS serial", " ".join(statements))


class MeasureTests(unittest.TestCase):
    def test_a_command_is_measured_with_the_memory_it_holds(self) -> None:
        program = "import time; held = b'x' * (64 << 20); time.sleep(0.3); print('done')"
        with tempfile.TemporaryDirectory() as folder:
            cost, text = measured.run([sys.executable, "-c", program], Path(folder) / "log")
        self.assertEqual(text, "done\n")
        self.assertGreaterEqual(cost.seconds, 0.3)
        self.assertGreater(cost.memory_bytes, 64 << 20)
        self.assertLess(cost.memory_bytes, 256 << 20)

    def test_a_command_that_fails_is_an_error_that_names_the_log(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / "log"
            with self.assertRaisesRegex(measured.Failed, "status 3; see .*log"):
                measured.run([sys.executable, "-c", "raise SystemExit(3)"], log)

    def test_ratios_are_of_runs_side_by_side_and_memory_is_the_larger_step(self) -> None:
        time, memory = point().rows()
        self.assertEqual((time.ours, time.peer), (5.5, 16.0))
        self.assertEqual((time.ratio_min, time.ratio_max), (0.25, 0.5))
        self.assertEqual(time.verdict, "meets the goal")
        self.assertEqual((memory.ours, memory.peer), (305.0, 1024.0))
        slow = point()
        slow.peer_seconds = [8.0, 8.0]
        self.assertEqual(slow.rows()[0].verdict, "short of the goal")


class PageTests(unittest.TestCase):
    def results(self, sizes: list[int]) -> dict[str, object]:
        points = [point(one) for one in sizes]
        return {
            "people": 200_000,
            "threads": 2,
            "machine": {"date": "d", "commit": "<c>", "cpu": "x", "versions": {"duckdb": "2"}},
            "rows": [row.json() for one in points for row in one.rows()],
            "points": [one.json() for one in points],
        }

    def test_a_report_has_its_pictures_and_escapes_what_it_is_told(self) -> None:
        html = page(self.results([1_000_000, 20_000_000]))
        pictures = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
        self.assertEqual(len(pictures), 3)
        for one in pictures:
            root = xml.fromstring(one)
            self.assertTrue(root.findtext("{http://www.w3.org/2000/svg}title"))
        self.assertIn("&lt;c&gt;", html)
        self.assertIn("compute 20 M rows", html)

    def test_one_size_has_no_growth(self) -> None:
        html = page(self.results([1_000_000]))
        self.assertEqual(len(re.findall(r"<svg", html)), 1)


class CommandTests(unittest.TestCase):
    def test_defaults_are_the_issues_sizes(self) -> None:
        chosen = parse([])
        self.assertEqual(chosen.millions, [1, 5, 20, 100])
        self.assertEqual((chosen.people, chosen.runs, chosen.threads), (34_000_000, 5, 2))


if __name__ == "__main__":
    unittest.main()
