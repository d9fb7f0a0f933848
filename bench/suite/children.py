"""Processes this run starts, and only those; all of them end with it."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from types import TracebackType


class CommandFailed(Exception):
    """A command ended otherwise than it should; the text has its last lines."""

    def __init__(self, arguments: list[str], status: int | None, output: str) -> None:
        last = " / ".join(output.strip().splitlines()[-4:])
        ending = "did not end in time" if status is None else f"ended with status {status}"
        super().__init__(f"{' '.join(arguments[:3])[:120]} {ending}: {last[-400:]}")
        self.status = status


class Children:
    """Starts processes, each in a session of its own, and ends those that still run."""

    def __init__(self) -> None:
        self._running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Children:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in reversed(self._running):
            end(process)

    def start(
        self,
        arguments: list[str],
        log: Path,
        environment: dict[str, str] | None = None,
        directory: Path | None = None,
    ) -> subprocess.Popen[bytes]:
        """Starts a process that goes on running; what it says is appended to `log`."""
        with log.open("ab") as output:
            process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **(environment or {})},
                cwd=directory,
                start_new_session=True,
            )
        self._running = [one for one in self._running if one.poll() is None] + [process]
        return process

    def run(
        self,
        arguments: list[str],
        timeout: float,
        environment: dict[str, str] | None = None,
        accepted: tuple[int, ...] = (0,),
        given: str | None = None,
    ) -> tuple[int, str]:
        """Runs a command to its end; its status and all it wrote."""
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL if given is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
        self._running.append(process)
        try:
            text = None if given is None else given.encode()
            output, _ = process.communicate(text, timeout=timeout)
        except subprocess.TimeoutExpired:
            end(process)
            process.communicate()
            raise CommandFailed(arguments, None, "") from None
        finally:
            if process.poll() is None:
                end(process)
            self._running.remove(process)
        decoded = output.decode(errors="replace")
        if process.returncode not in accepted:
            raise CommandFailed(arguments, process.returncode, decoded)
        return process.returncode, decoded


def end(process: subprocess.Popen[bytes], patience: float = 15) -> None:
    """Ends a process and what it started: asks first."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        try:
            os.killpg(process.pid, number)
            process.wait(patience)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def pin(process_id: int, core: int) -> None:
    """Puts all threads of a process on one core; threads made later inherit it."""
    for thread in os.listdir(f"/proc/{process_id}/task"):
        try:
            os.sched_setaffinity(int(thread), {core})
        except ProcessLookupError:
            continue
