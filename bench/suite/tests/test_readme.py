"""The README's table of losses."""

import unittest

from ..readme import with_losses
from .sample import results

README = """# M

## Where we lose

Rows:

| scenario | ours | peer or goal | ratio | why |
|---|---|---|---|---|
| `latency-50: p99` | 9 ms | ≤ 1 ms | | the journal's thread |

## Parts

end
"""


class ReadmeTests(unittest.TestCase):
    def test_lists_what_is_short_and_keeps_reasons(self) -> None:
        text = with_losses(README, results()["rows"])
        self.assertIn("| `latency-50: p99` | 1.01 ms | ≤ 1 ms |  | the journal's thread |", text)
        self.assertIn("| `scan-text` | 114,800 scans/s | 120,200 nghttpd-post | 0.95 |  |", text)
        self.assertNotIn("p50", text)
        self.assertTrue(text.endswith("## Parts\n\nend\n"))

    def test_is_stable(self) -> None:
        once = with_losses(README, results()["rows"])
        self.assertEqual(with_losses(once, results()["rows"]), once)
