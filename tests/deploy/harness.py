"""Processes that leave nothing behind, checks that are one line each, and waiting."""

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
    """Each is started in a process group of its own, so that it can be stopped
    together with whatever it starts itself."""

    def __init__(self, logs):
        self.logs = logs
        self.running = {}
        self.groups = []

    def start(self, name, command, env=None):
        """Starts it; what it writes goes to a file, whose path is returned."""
        log = self.logs / f"{name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                command, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        self.running[process.pid] = process
        self.groups.append(process.pid)
        return process, log

    def run(self, name, command, env=None):
        """Runs it to its end. Its output is shown if it fails."""
        started = time.monotonic()
        process, log = self.start(name, command, env)
        until(f"'{name}' to end", lambda: process.poll() is not None, within=3600)
        if process.returncode != 0:
            raise Failed(f"'{name}' ended with {process.returncode}\n{log.read_text(errors='replace')}")
        self.stop(process)
        self.groups.remove(process.pid)
        return time.monotonic() - started

    def stop(self, process):
        """Ends its whole group: asks, and after ten seconds does not ask."""
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
        raise Failed(f"these processes did not end: {members(process.pid)}")

    def stop_all(self):
        """Stops whatever still runs, whoever asks to hurry; gives all groups there were."""
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN)
        for process in reversed(list(self.running.values())):
            try:
                self.stop(process)
            except Failed as error:
                say(str(error))
        return self.groups


def members(group):
    """The processes of a group, without those that are dead and not buried."""
    listed = subprocess.run(["ps", "-A", "-o", "pgid=,pid=,stat=,comm="], capture_output=True, text=True, check=True)
    rows = (line.split(None, 3) for line in listed.stdout.splitlines())
    return [f"{row[1]} {row[3]}" for row in rows if int(row[0]) == group and not row[2].startswith("Z")]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


# ---- Waiting ----


class Failed(Exception):
    """What was expected did not happen; the text says what."""


def until(what, found, within=60):
    """Asks `found` until it gives something true, and returns that."""
    started = time.monotonic()
    say_at = started + SAY_THAT_WAITING_AFTER
    while True:
        value = found()
        if value:
            return value
        now = time.monotonic()
        if now - started > within:
            raise Failed(f"waited {within} s in vain for {what}")
        if now > say_at:
            say(f"  ... waiting for {what}, for {now - started:.0f} s now")
            say_at = now + SAY_AGAIN_AFTER
        time.sleep(0.2)


def expect(condition, text):
    if not condition:
        raise Failed(text)


def expect_equal(found, expected, what):
    expect(found == expected, f"{what}: expected {expected!r}, found {found!r}")


# ---- Checks ----


class Checks:
    """Runs checks and counts them. `explain` is asked for more when one fails."""

    def __init__(self, explain):
        self.explain = explain
        self.passed = 0
        self.failed = 0

    @contextlib.contextmanager
    def check(self, sentence):
        started = time.time()
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever it is, the check failed
            self.failed += 1
            kind = "" if isinstance(error, Failed) else f"{type(error).__name__}: "
            say(f"FAILED  {sentence}\n        {kind}{error}")
            try:
                self.explain(started)
            except Exception as also:  # noqa: BLE001
                say(f"        (and its logs cannot be shown: {also})")
        else:
            self.passed += 1
            say(f"passed  {sentence} ({time.time() - started:.1f} s)")


def run_checks(checks, processes, folder, logs, body):
    """Runs `body`, stops all that was started, and says what came of it; the exit code.

    `logs` says whose logs lie in `folder`, which is kept if a check failed.
    """
    started = time.monotonic()
    try:
        body()
    except SystemExit:
        say(f"interrupted; stopping everything (the logs are in {folder})")
        raise
    except Exception as error:  # noqa: BLE001 - what was not foreseen is told with the rest
        checks.failed += 1
        say(f"FAILED  {type(error).__name__}: {error}")
    finally:
        groups = processes.stop_all()
    with checks.check("nothing that was started is left running"):
        left = [one for group in groups for one in members(group)]
        expect(not left, f"these are: {left}")
    say(f"\n{checks.passed} passed, {checks.failed} failed, in {time.monotonic() - started:.0f} s")
    if checks.failed:
        say(f"the logs of {logs} are in {folder}")
    else:
        shutil.rmtree(folder)
    return 1 if checks.failed else 0


def interruptible():
    """Makes a request to end into an exception, so that everything is stopped."""

    def end(number, _frame):
        raise SystemExit(128 + number)

    for number in ENDING:
        signal.signal(number, end)
