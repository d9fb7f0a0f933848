"""The readers of other programs' output, and what is sent to the generator."""

import tempfile
import unittest
from pathlib import Path

from ..children import Children, CommandFailed
from ..loadgen import Load, Request, Result, WrongAnswer, read
from ..peers import peers_of
from ..plan import Plan, clock_text
from ..scenarios import ALL
from ..scenarios.overload import recovered_after, served
from ..scenarios.primitives import block_rate, signature_rates
from ..world import read_environment


class EnvironmentTests(unittest.TestCase):
    def test_reads_what_the_demo_writes(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            file = Path(directory) / "env"
            file.write_text("# a world\nexport A_URL='http://127.0.0.1:1'\nexport B=''\n")
            found = read_environment(file)
            self.assertEqual(found, {"A_URL": "http://127.0.0.1:1", "B": ""})


class GeneratorTests(unittest.TestCase):
    def test_arguments_of_an_open_loop(self) -> None:
        words = Load(2.5, 1, rate=1000.4, give_up_milliseconds=25, retries=3).arguments()
        text = " ".join(words)
        self.assertIn("--duration 2.5 --warmup 1 --rate 1000", text)
        self.assertIn("--give-up-milliseconds 25 --retries 3", text)
        self.assertNotIn("--closed", text)

    def test_arguments_of_a_closed_loop_over_two_servers(self) -> None:
        request = Request(corpus=Path("c"), headers=("a: b",)).to("http://x", "http://y")
        text = " ".join(request.arguments() + Load(1, 0).arguments())
        self.assertIn("--url http://x --url http://y --method POST --path /v1/scans", text)
        self.assertIn("--corpus c --form text --check outcome", text)
        self.assertTrue(text.endswith("--closed"))

    def test_figures_of_a_result(self) -> None:
        servers = [{"cpu_seconds": 1.5, "rss_kib": 10}, {"cpu_seconds": 0.5, "rss_kib": 5}]
        result = Result(
            {
                "per_second": 50,
                "seconds": 4,
                "ok": 200,
                "sent": 210,
                "unsent": 30,
                "server": servers,
                "latency_us": {"p99": 1_500},
            }
        )
        self.assertEqual(result.per_cpu_second, 100)
        self.assertEqual((result.busy, result.offered, result.rss_kib()), (0.5, 60, 15))
        self.assertEqual(result.milliseconds("p99"), 1.5)

    def test_a_wrong_answer_is_not_a_failure_like_others(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            out = Path(directory) / "x.json"
            out.write_text('{"wrong": 2, "void": true}')
            with self.assertRaisesRegex(WrongAnswer, "2 wrong answers"):
                read(out, 3, "")
            with self.assertRaises(CommandFailed):
                read(out, 1, "no route")


class ScenarioTests(unittest.TestCase):
    def test_names_are_unique_and_budgets_fit(self) -> None:
        self.assertEqual(len({one.name for one in ALL}), len(ALL))
        for quick in (True, False):
            plan = Plan.make(quick, Path("x"), None, None)
            planned = 180 if plan.quick else 1_800
            self.assertLessEqual(sum(one.budget(plan) for one in ALL), planned)

    def test_knows_the_peers_that_scenarios_measure(self) -> None:
        text, batch = (
            peers_of(set(one.subjects)) for one in ALL if one.name in ("scan-text", "scan-batch-256")
        )
        self.assertEqual(text, {"nghttpd", "nginx", "h2o", "go", "hummingbird"})
        self.assertEqual(batch, {"redis", "lmdb"})

    def test_recovery_counts_from_the_end_of_the_surge(self) -> None:
        timeline = [[1 + index, 1, 0, 0, p99] for index, p99 in enumerate([1, 1, 9, 9, 9, 1, 1])]
        self.assertEqual(recovered_after(timeline, 3.0, 2), 2)
        self.assertEqual(recovered_after(timeline, 4.25, 2), 0)
        self.assertEqual(recovered_after(timeline, 5.0, 2), 0)

    def test_the_served_share_counts_what_could_not_be_sent(self) -> None:
        self.assertEqual(served({"sent": 80, "unsent": 20, "ok": 50}), 0.5)

    def test_reads_openssl(self) -> None:
        line = "Doing AES-256-GCM for 1s on 64 size blocks: 2140993 AES-256-GCM's in 2.00s"
        self.assertEqual(block_rate(line), 1_070_496.5)
        table = "x\n 253 bits EdDSA (Ed25519)   0.0000s   0.0001s  22371.0   8503.0\n"
        self.assertEqual(signature_rates(table), (22371.0, 8503.0))

    def test_clock(self) -> None:
        self.assertEqual([clock_text(one) for one in (61.2, 0, -3)], ["1:01", "0:00", "0:00"])


class ChildrenTests(unittest.TestCase):
    def test_ends_all_it_started(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            log = Path(directory) / "log"
            with Children() as children:
                process = children.start(["sleep", "60"], log)
            self.assertIsNotNone(process.poll())

    def test_says_why_a_command_failed(self) -> None:
        with Children() as children:
            with self.assertRaisesRegex(CommandFailed, "status 3: because"):
                children.run(["sh", "-c", "echo because; exit 3"], 5)
            with self.assertRaisesRegex(CommandFailed, "did not end in time"):
                children.run(["sleep", "60"], 0.1)
