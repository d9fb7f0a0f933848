"""A command with what it cost: seconds by the clock and the processor, and its peak of memory."""

from __future__ import annotations

import os
import re
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

# How often memory is looked at while a command runs.
PAUSE_SECONDS = 0.02


@dataclass(frozen=True)
class Cost:
    seconds: float
    processor_seconds: float
    # The peak of what the process itself holds. Pages of mapped files are the kernel's, which may
    # drop them at any time; they are in `resident_bytes`.
    memory_bytes: int
    resident_bytes: int


class Failed(Exception):
    """A command that ended otherwise than it should."""


class MemoryWatch(threading.Thread):
    """Looks at a process again and again until it is told to stop."""

    def __init__(self, process_id: int) -> None:
        super().__init__(daemon=True)
        self._status = Path(f"/proc/{process_id}/status")
        self._stop_asked = threading.Event()
        self.peak = 0

    def run(self) -> None:
        while not self._stop_asked.is_set():
            try:
                text = self._status.read_text()
            except OSError:
                return
            found = re.findall(r"^Rss(?:Anon|Shmem):\s+(\d+) kB", text, re.MULTILINE)
            self.peak = max(self.peak, sum(int(one) for one in found) * 1024)
            self._stop_asked.wait(PAUSE_SECONDS)

    def stop(self) -> None:
        self._stop_asked.set()
        self.join()


def run(
    arguments: list[str], log: Path, given: str = "", patience_seconds: float = 3_600
) -> tuple[Cost, str]:
    """Runs a command alone to its end; what it cost and wrote. What it says goes to `log`."""
    started = time.monotonic()
    with log.open("ab") as said:
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.PIPE if given else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
            start_new_session=True,
        )
        watch = MemoryWatch(process.pid)
        watch.start()
        alarm = threading.Timer(patience_seconds, process.kill)
        alarm.start()
        try:
            if process.stdin is not None:
                process.stdin.write(given.encode())
                process.stdin.close()
            assert process.stdout is not None
            with process.stdout as written:
                output = written.read().decode(errors="replace")
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        except BaseException:
            process.kill()
            process.wait()
            raise
        finally:
            alarm.cancel()
            watch.stop()
    seconds = time.monotonic() - started
    if process.returncode != 0:
        words = " ".join(arguments[:3])
        raise Failed(f"{words} ended with status {process.returncode}; see {log}")
    cost = Cost(
        seconds, usage.ru_utime + usage.ru_stime, watch.peak, usage.ru_maxrss * 1024
    )
    return cost, output
