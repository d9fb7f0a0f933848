"""Whose the time is that perf found."""

import unittest

from suite.scenarios.profile import by_owner

REPORT = """
# Overhead  Shared Object          Symbol
    30.50%  verifier               [.] $s5HTTP210RepeatLaneV  -      -
    12.25%  verifier               [.] swift_retain           -      -
     4.00%  verifier               [.] _swift_release_dealloc -      -
    20.00%  [kernel.kallsyms]      [k] tcp_sendmsg_locked     -      -
     0.25%  libcrypto.so.3         [.] CRYPTO_gcm128_decrypt  -      -
     0.50%  [vdso]                 [.] __vdso_clock_gettime   -      -
"""


class ProfileTests(unittest.TestCase):
    def test_the_runtime_inside_a_service_is_told_apart(self) -> None:
        self.assertEqual(
            by_owner(REPORT),
            [
                ("CityCode", 30.5),
                ("kernel", 20.0),
                ("Swift's runtime", 16.25),
                ("other", 0.5),
                ("libcrypto", 0.25),
            ],
        )


if __name__ == "__main__":
    unittest.main()
