"""What is outside of the gateway: its clients, the carrier, phones and sinks."""

import json
import os
import pathlib
import re
import urllib.error
import urllib.request

from harness import Failed, expect, expect_equal, until

# Where cargo puts this workspace's own programs.
PROGRAMS = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", "target")).absolute() / "debug"
# With the tests, so that what `cargo test` has built is built for this, too.
BUILD_PROGRAMS = ["cargo", "build", "--locked", "--workspace", "--bins", "--tests"]

# Everything is on this machine, whatever proxy its environment names.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def call(method, url, body=None, headers=None):
    """The status and the JSON of an answer, or None for one without a body."""
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

    def register_webhooks(self, carrier, receipts, replies):
        path = {"loopback": "carrier", "cm": "cm"}[carrier]
        status, _ = call("PUT", f"{self.url}/{path}/webhooks", {"receipts": receipts, "replies": replies})
        expect_equal(status, 204, "registering the webhooks")

    def set_behavior(self, number, **channels):
        """Says what a phone does on some of its channels."""
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
        """The address of a sink, for use as a callback."""
        return f"{self.url}/sinks/{name}"

    def sink_requests(self, name):
        return call("GET", f"{self.url}/sinks/{name}")[1]["requests"]

    def until_sink_requests(self, name, count=1, within=60):
        def kept():
            requests = self.sink_requests(name)
            return len(requests) >= count and requests

        return until(f"request {count} at the sink '{name}'", kept, within)


class Local(Emulator):
    """The whole system on this machine."""

    def __init__(self, processes):
        process, log = processes.start("local", [str(PROGRAMS / "local"), "--port", "0"])

        def address():
            text = log.read_text(errors="replace")
            expect(process.poll() is None, f"the local stack did not start\n{text}")
            found = re.search(r"^ready (http://\S+)$", text, re.MULTILINE)
            return found and found[1]

        self.url = until("the local stack to be ready", address)


class Client:
    """A client of the gateway, with one account's key."""

    def __init__(self, api, key):
        self.api = api
        self.key = key

    def call(self, method, path, body=None):
        return call(method, self.api + path, body, {"Authorization": f"Bearer {self.key}"})

    def post(self, *messages):
        return self.call("POST", "/message", {"messages": list(messages)})

    def send(self, *messages):
        """Posts messages that must be accepted, and returns them as answered."""
        status, body = self.post(*messages)
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
