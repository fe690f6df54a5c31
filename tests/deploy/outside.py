"""The outside world: clients, the carrier, phones and sinks."""

import json
import os
import pathlib
import re
import urllib.error
import urllib.request

from harness import Failed, expect, expect_equal, until

# Cargo's folder for this workspace's programs.
PROGRAMS = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", "target")).absolute() / "debug"
# Of all packages and with a test, so that cargo unifies features as for `cargo test`, and reuses its build.
BUILD_PROGRAMS = ["cargo", "build", "--locked", "--workspace", "--bin=local", "--bin=admin", "--test=architecture"]

# All connections are local, so we ignore the environment's proxies.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def call(method, url, body=None, headers=None):
    """Makes a request, and returns its status and JSON, or None if there is no body."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, dict(headers or {}), method=method)
    if data is not None:
        request.add_header("Content-Type", "application/json")
    try:
        with _direct.open(request, timeout=40) as answer:
            status, text = answer.status, answer.read()
    except urllib.error.HTTPError as answer:
        status, text = answer.code, answer.read()
    try:
        return status, json.loads(text) if text else None
    except json.JSONDecodeError as error:
        raise Failed(f"{method} {url} answered {status} with {text[:300]!r}") from error


class Emulator:
    """The simulated carrier, its phones, and sinks for callbacks."""

    def __init__(self, processes):
        process, log = processes.start("emulator", [str(PROGRAMS / "local"), "emulator", "--port", "0"])
        self.url = until("the simulated carrier to start", lambda: self._address(process, log), 60)

    @staticmethod
    def _address(process, log):
        text = pathlib.Path(log).read_text(errors="replace")
        expect(process.poll() is None, f"the simulated carrier did not start\n{text}")
        found = re.search(r"^emulator (http://\S+)$", text, re.MULTILINE)
        return found and found[1]

    def register_carrier(self, name, vendor, receipts, replies, **settings):
        connection = {"vendor": vendor, "receipts": receipts, "replies": replies, **settings}
        status, _ = call("PUT", f"{self.url}/carriers/{name}", connection)
        expect_equal(status, 204, "registering the carrier")

    def set_outage(self, name, is_down):
        status, _ = call("PUT", f"{self.url}/carriers/{name}/outage", {"down": is_down})
        expect_equal(status, 204, "setting the outage of a carrier")

    def set_behavior(self, number, **channels):
        """Sets a phone's behaviour by channel."""
        status, _ = call("PUT", f"{self.url}/handsets/{number}/channels", channels)
        expect_equal(status, 200, "setting the channels of a phone")

    def handset(self, number):
        return call("GET", f"{self.url}/handsets/{number}")[1]["messages"]

    def until_handset(self, number, count=1, within=60):
        def shown():
            messages = self.handset(number)
            return len(messages) >= count and messages

        return until(f"message {count} on the phone {number}", shown, within)

    def reply(self, number, to, text):
        status, _ = call("POST", f"{self.url}/handsets/{number}/replies", {"to": to, "text": text})
        expect_equal(status, 202, "a phone's reply")

    def sink(self, name):
        """Returns a sink's URL, for use as a callback."""
        return f"{self.url}/sinks/{name}"

    def sink_requests(self, name):
        return call("GET", f"{self.url}/sinks/{name}")[1]["requests"]

    def until_sink_requests(self, name, count=1, within=60):
        def kept():
            requests = self.sink_requests(name)
            return len(requests) >= count and requests

        return until(f"request {count} at the sink '{name}'", kept, within)


class Local(Emulator):
    """The local stack."""

    def __init__(self, processes, *options):
        process, log = processes.start("local", [str(PROGRAMS / "local"), "--port", "0", *options])

        def address():
            text = log.read_text(errors="replace")
            expect(process.poll() is None, f"the local stack did not start\n{text}")
            found = re.search(r"^ready (http://\S+)$", text, re.MULTILINE)
            return found and found[1]

        self.url = until("the local stack to be ready", address)


class Client:
    """A client of the gateway, with an account's key."""

    def __init__(self, api, key):
        self.api = api
        self.key = key

    def call(self, method, path, body=None, **headers):
        return call(method, self.api + path, body, {"Authorization": f"Bearer {self.key}", **headers})

    def post(self, *messages, **headers):
        return self.call("POST", "/message", {"messages": list(messages)}, **headers)

    def send(self, *messages, **headers):
        """Posts messages, expects them to be accepted, and returns the answer's messages."""
        status, body = self.post(*messages, **headers)
        expect(status == 200, f"POST /message answered {status}: {body}")
        return body["messages"]

    def message(self, uuid):
        status, body = self.call("GET", f"/messages/{uuid}")
        expect(status == 200, f"GET /messages/ID answered {status}: {body}")
        return body

    def until_state(self, uuid, state, within=60):
        def in_that_state():
            message = self.message(uuid)
            return message["state"] == state and message

        return until(f"a message to be {state}", in_that_state, within)


def shared(to, body, **more):
    return {"from": {"type": "shared"}, "to": to, "body": body, **more}


def owned(sender, to, body, **more):
    return {"from": {"type": "custom", "value": sender}, "to": to, "body": body, **more}
