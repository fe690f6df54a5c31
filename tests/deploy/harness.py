"""Test harness: process groups that are always cleaned up, checks, and polling."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time

SAY_THAT_WAITING_AFTER = 5
SAY_AGAIN_AFTER = 30
ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


def say(text):
    print(text, flush=True)


# ---- Processes ----


class Processes:
    """Runs each process in its own process group, so that it is stopped together with its children."""

    def __init__(self, logs):
        self.logs = logs
        self.running = {}
        self.groups = []

    def start(self, name, command, env=None):
        """Starts a process, and returns it with the path of its output."""
        log = self.logs / f"{name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                command, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        self.running[process.pid] = process
        self.groups.append(process.pid)
        return process, log

    def run(self, name, command, env=None):
        """Runs a process to its end, and returns the duration. A failure includes the output."""
        started = time.monotonic()
        process, log = self.start(name, command, env)
        until(f"'{name}' to end", lambda: process.poll() is not None, within=3600)
        if process.returncode != 0:
            raise Failed(f"'{name}' exited with {process.returncode}\n{log.read_text(errors='replace')}")
        self.stop(process)
        self.groups.remove(process.pid)
        return time.monotonic() - started

    def stop(self, process):
        """Ends the process group: SIGTERM, and SIGKILL after ten seconds."""
        self.running.pop(process.pid, None)
        for sign, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 5)):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, sign)
            deadline = time.monotonic() + patience
            while time.monotonic() < deadline:
                process.poll()
                if not members(process.pid):
                    return
                time.sleep(0.1)
        raise Failed(f"processes did not end: {members(process.pid)}")

    def stop_all(self):
        """Stops all running processes, ignoring further signals, and returns all process groups."""
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN)
        for process in reversed(list(self.running.values())):
            try:
                self.stop(process)
            except Failed as error:
                say(str(error))
        return self.groups


def members(group):
    """Returns the processes of a group, except zombies."""
    listed = subprocess.run(["ps", "-A", "-o", "pgid=,pid=,stat=,comm="], capture_output=True, text=True, check=True)
    rows = (line.split(None, 3) for line in listed.stdout.splitlines())
    return [f"{row[1]} {row[3]}" for row in rows if int(row[0]) == group and not row[2].startswith("Z")]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


# ---- Waiting ----


class Failed(Exception):
    """A failed expectation."""


def until(what, found, within=60):
    """Polls `found` until it returns a true value, and returns that value."""
    started = time.monotonic()
    say_at = started + SAY_THAT_WAITING_AFTER
    while True:
        value = found()
        if value:
            return value
        now = time.monotonic()
        if now - started > within:
            raise Failed(f"timed out after {within} s waiting for {what}")
        if now > say_at:
            say(f"  ... waiting for {what} since {now - started:.0f} s")
            say_at = now + SAY_AGAIN_AFTER
        time.sleep(0.2)


def expect(condition, text):
    if not condition:
        raise Failed(text)


def expect_equal(found, expected, what):
    expect(found == expected, f"{what}: expected {expected!r}, found {found!r}")


# ---- Checks ----


class Checks:
    """Runs and counts checks. `explain` is called after a failure to print details."""

    def __init__(self, explain):
        self.explain = explain
        self.passed = 0
        self.failed = 0

    @contextlib.contextmanager
    def check(self, sentence):
        started = time.time()
        try:
            yield
        except Exception as error:  # noqa: BLE001 - any exception fails the check
            self.failed += 1
            kind = "" if isinstance(error, Failed) else f"{type(error).__name__}: "
            say(f"FAILED  {sentence}\n        {kind}{error}")
            try:
                self.explain(started)
            except Exception as also:  # noqa: BLE001
                say(f"        (could not show the logs: {also})")
        else:
            self.passed += 1
            say(f"passed  {sentence} ({time.time() - started:.1f} s)")


def run_checks(checks, processes, folder, logs, body):
    """Runs `body`, stops all processes, prints a summary, and returns the exit code.

    `logs` describes the logs in `folder`, which is kept if a check failed.
    """
    started = time.monotonic()
    try:
        body()
    except SystemExit:
        say(f"interrupted; stopping everything (the logs are in {folder})")
        raise
    except Exception as error:  # noqa: BLE001 - counts as a failed check
        checks.failed += 1
        say(f"FAILED  {type(error).__name__}: {error}")
    finally:
        groups = processes.stop_all()
    with checks.check("no process is left running"):
        left = [one for group in groups for one in members(group)]
        expect(not left, f"still running: {left}")
    say(f"\n{checks.passed} passed, {checks.failed} failed, in {time.monotonic() - started:.0f} s")
    if checks.failed:
        say(f"the logs of {logs} are in {folder}")
    else:
        shutil.rmtree(folder)
    return 1 if checks.failed else 0


def interruptible():
    """Turns signals into SystemExit, so that all processes are stopped."""

    def end(number, _frame):
        raise SystemExit(128 + number)

    for number in ENDING:
        signal.signal(number, end)
