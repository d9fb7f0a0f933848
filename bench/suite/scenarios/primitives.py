"""The primitives below: how fast this machine's OpenSSL is."""

from __future__ import annotations

import re

from ..bench import Bench, Scenario
from ..rows import Row
from ..world import LOAD_CORE

CIPHERS = ("aes-256-gcm", "sha256")
SIGNATURES = ("ed25519", "ecdsap256")
BLOCK = 64


def primitives(bench: Bench) -> list[Row]:
    seconds = str(round(bench.plan.either(1, 2)))
    speed = ["taskset", "-c", str(LOAD_CORE), "openssl", "speed", "-seconds", seconds]
    rows = []
    for cipher in CIPHERS:
        text = bench.children.run([*speed, "-bytes", str(BLOCK), "-evp", cipher], 30)[1]
        rate = block_rate(text)
        rows.append(Row("primitives", f"{cipher}, {BLOCK} bytes", rate, "blocks/s"))
    for name in SIGNATURES:
        text = bench.children.run([*speed, name], 30)[1]
        signs, verifies = signature_rates(text)
        rows.append(Row("primitives", f"{name} sign", signs, "signatures/s"))
        rows.append(Row("primitives", f"{name} verify", verifies, "checks/s"))
    return rows


def block_rate(text: str) -> float:
    """Blocks a second from the lines of `openssl speed`, which count them over some seconds."""
    match = re.search(r": (\d+) .* in ([0-9.]+)s", text)
    if match is None:
        raise RuntimeError(f"openssl speed said: {text[-200:]}")
    return int(match.group(1)) / float(match.group(2))


def signature_rates(text: str) -> tuple[float, float]:
    line = text.strip().splitlines()[-1].split()
    return float(line[-2]), float(line[-1])


SCENARIOS = (Scenario("primitives", "OpenSSL's own speed", 4, 14, primitives),)
