"""The machine that measured, and the versions of what it ran."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from datetime import datetime, timezone
from pathlib import Path

PACKAGES = ("libnghttp2-14", "libssl3", "liblmdb0")


def output(*arguments: str) -> str:
    """What a command says, on one line; empty when there is no such command."""
    try:
        done = subprocess.run(
            arguments, capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = (done.stdout or done.stderr).strip().splitlines()
    return lines[0] if lines else ""


def package_version(name: str) -> str:
    return output("dpkg-query", "--show", "--showformat=${Version}", name)


def processor() -> str:
    match = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return match.group(1) if match else platform.machine()


def memory_gib() -> float:
    match = re.search(r"^MemTotal:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return round(int(match.group(1)) / 2**20, 1) if match else 0


def swift_version() -> str:
    match = re.search(r"Swift version (\S+)", output("swift", "--version"))
    return match.group(1) if match else "unknown"


def describe(root: Path, peers: dict[str, str]) -> dict[str, object]:
    """The object `machine` of results.json."""
    nghttp2, openssl, lmdb = (package_version(name) for name in PACKAGES)
    return {
        "cpu": processor(),
        "kernel": platform.release(),
        "cores": os.cpu_count(),
        "memory_gib": memory_gib(),
        "load_average_before": os.getloadavg()[0],
        "versions": {
            "swift": swift_version(),
            "libnghttp2": nghttp2,
            "openssl": openssl,
            "lmdb": lmdb,
            **peers,
        },
        "commit": output("git", "-C", str(root), "describe", "--always", "--dirty"),
        "pinning": "servers on core 0 with one event loop each, the load generator on core 1",
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
