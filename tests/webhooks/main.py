"""Verifies the local stack's callbacks with the official packages of Standard Webhooks.

Both packages, unmodified, verify the requests that the sinks received: receipts, replies
and a notice, in each dialect, while two secrets are set and after the older was retired.
The headers of `mplus` and `mta` callbacks have room for a single signature, made with the
older secret. A webhook of `mta` has a secret of its own.
"""

import base64
import datetime
import hashlib
import hmac
import importlib.metadata
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from unittest import mock

from harness import Checks, Processes, expect, expect_equal, interruptible, run_checks, say, until
from outside import BUILD_PROGRAMS, PROGRAMS, Client, Local, call, owned
from standardwebhooks import webhooks

HERE = pathlib.Path(__file__).parent
TOKEN, SENDER = "demo-key", "441234567890"
# The secret of local.toml, and a foreign secret.
FIRST = "whsec_ZGVtby1zZWNyZXQtZGVtby1zZWNyZXQtMDAwMQ=="
FOREIGN = "whsec_b3RoZXItc2VjcmV0LW90aGVyLXNlY3JldC0wMDAx"
SINKS = ("receipts", "replies", "status", "statuses", "notices")
# The secret of a webhook, as a client of Mobile Text Alerts writes it.
OF_WEBHOOK = "A client's own secret"
# The packages tolerate a difference of five minutes.
TOO_LATE_S = 6 * 60


def main():
    interruptible()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="webhooks-test-"))
    processes = Processes(folder)
    checks = Checks(lambda _since: None)
    package = json.loads((pathlib.Path(os.environ["NODE_PATH"]) / "standardwebhooks/package.json").read_text())
    say(f"standardwebhooks {importlib.metadata.version('standardwebhooks')} for Python, {package['version']} for JavaScript")

    def body():
        with checks.check("the local stack is built and starts"):
            processes.run("cargo build", BUILD_PROGRAMS)
            local = Local(processes)
        if not checks.failed:
            Test(checks.check, local).run()

    return run_checks(checks, processes, folder, "the build and the local stack", body)


# ---- Verifying ----


def in_python(secret, headers, body, clock_ahead_s=0):
    """Returns None if the request is valid, or else the reason."""

    class Clock(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return super().now(tz) + datetime.timedelta(seconds=clock_ahead_s)

    with mock.patch.object(webhooks, "datetime", Clock):
        try:
            webhooks.Webhook(secret).verify(body, headers)
        except webhooks.WebhookVerificationError as error:
            return str(error) or "refused"
    return None


def in_javascript(asked):
    answer = subprocess.run(
        ["node", HERE / "verify.cjs"], input=json.dumps(asked), capture_output=True, text=True, check=False
    )
    expect(answer.returncode == 0, f"verify.cjs failed: {answer.stderr}")
    return json.loads(answer.stdout)


def outcomes(asked):
    """Returns each package's results, None for a valid request."""
    asked = [{"clock_ahead_s": 0, **one} for one in asked]
    return {"Python": [in_python(**one) for one in asked], "JavaScript": in_javascript(asked)}


def all_verify(asked):
    for package, found in outcomes(asked).items():
        expect_equal(found, [None] * len(asked), f"the results of {package}")


def none_verifies(asked, because):
    for package, found in outcomes(asked).items():
        accepted = [place for place, reason in enumerate(found) if reason is None]
        expect(not accepted, f"{package} accepts {accepted} of {len(asked)}, {because}")
        expect(all(because in reason.lower() for reason in found), f"{package} rejects with {set(found)}")


# ---- The test ----


class Test:
    def __init__(self, check, local):
        self.check = check
        self.local = local
        self.client = Client(local.url, TOKEN)
        self.phones = (f"4477009000{number}" for number in range(10, 90))

    def run(self):
        with self.check("with one secret, every callback verifies in both packages"):
            one = self.all_callbacks()
            all_verify(signed(one, FIRST))
        with self.check("a changed body is rejected"):
            none_verifies([{**event, "body": event["body"].replace("4", "5")} for event in signed(one, FIRST)], "match")
        with self.check("a wrong secret is rejected"):
            none_verifies(signed(one, FOREIGN), "match")
        with self.check("another ID is rejected"):
            none_verifies([altered(event, "webhook-id", "another") for event in signed(one, FIRST)], "match")
        with self.check("an old timestamp is rejected although the signature is valid"):
            none_verifies([{**event, "clock_ahead_s": TOO_LATE_S} for event in signed(one, FIRST)], "too old")
        with self.check("a changed timestamp is rejected"):
            later = [str(int(event["headers"]["webhook-timestamp"]) + 1) for event in one]
            events = zip(signed(one, FIRST), later, strict=True)
            none_verifies([altered(event, "webhook-timestamp", at) for event, at in events], "match")

        with self.check("a webhook's callback has its own secret's X-Signature, and the account's signature"):
            event = self.callback_of_webhook()
            expect_equal(hex_hmac(OF_WEBHOOK.encode(), event["body"]), event["headers"]["x-signature"], "X-Signature")
            all_verify(signed([event], FIRST))

        second = self.admin("secret", "rotate", "demo")["secret"]
        self.half_a_minute_later()
        with self.check("while two secrets are set, every callback verifies with either"):
            two = self.all_callbacks()
            all_verify(signed(two, FIRST) + signed(two, second))
            none_verifies(signed(two, FOREIGN), "match")

        with self.check("while two secrets are set, the dialect's own signature is made with the first"):
            expect_equal(own_signers(two, FIRST, second), {FIRST}, "the secrets")

        self.admin("secret", "retire", "demo")
        self.half_a_minute_later()
        with self.check("after the first is retired, every callback verifies only with the second"):
            last = self.all_callbacks()
            all_verify(signed(last, second))
            none_verifies(signed(last, FIRST), "match")
            expect_equal(own_signers(last, FIRST, second), {second}, "the secrets of the dialect's own signature")

    def admin(self, *words):
        command = [str(PROGRAMS / "admin"), f"--local={self.local.url}", "--json", *words]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        expect(answer.returncode == 0, f"admin {' '.join(words)}: {answer.stderr}")
        return json.loads(answer.stdout)

    def half_a_minute_later(self):
        """Waits until a change takes effect. The clock stays within the packages' tolerance."""
        status, _ = call("POST", f"{self.local.url}/clock", {"advance_seconds": 31})
        expect_equal(status, 200, "moving the clock")

    def callback_of_webhook(self):
        """Registers a webhook of Mobile Text Alerts' dialect, and returns its first callback."""
        webhook = {"event": "message-send", "url": self.local.sink("webhook"), "secret": OF_WEBHOOK}
        status, answer = self.client.call("POST", "/v3/webhooks", webhook)
        expect_equal(status, 200, f"the answer {answer}")
        self.half_a_minute_later()
        self.send_mta(next(self.phones))
        return until("the webhook's callback", lambda: self.local.sink_requests("webhook"))[0]

    def send_mta(self, phone):
        message = {"subscribers": [f"+{phone}"], "message": "Hello", "longcodeId": int(SENDER)}
        status, answer = self.client.call("POST", "/v3/send", message)
        expect_equal(status, 200, f"the answer {answer}")

    def all_callbacks(self):
        """Causes a receipt and a reply in each dialect and a notice, and returns the requests."""
        for sink in SINKS:
            call("DELETE", self.local.sink(sink))
        mplus, cm, messangi, mta = (next(self.phones) for _ in range(4))
        self.client.send(owned(SENDER, mplus, "Hello", callback=self.local.sink("receipts")))
        message = {"from": SENDER, "to": [{"number": f"00{cm}"}], "body": {"content": "Hello"}}
        status, answer = call(
            "POST", f"{self.local.url}/v1.0/message", {"messages": {"msg": [message]}}, {"X-CM-PRODUCTTOKEN": TOKEN}
        )
        expect_equal(status, 200, f"the answer {answer}")
        message = {"from": SENDER, "to": f"+{messangi}", "text": "Hello", "requestDR": True}
        message["callbacks"] = self.local.sink("statuses")
        status, answer = self.client.call("POST", "/raven/v2/messages", message)
        expect_equal(status, 200, f"the answer {answer}")
        self.send_mta(mta)
        for phone in (mplus, cm, messangi, mta):
            self.local.until_handset(phone)
            self.local.reply(phone, SENDER, "Grüße 👋")
        gone = self.local.sink(f"gone-{mplus}") + "?status=410"
        self.client.send(owned(SENDER, mplus, "Hello", callback=gone))

        def callbacks():
            found = {sink: self.local.sink_requests(sink) for sink in SINKS}
            is_all = len(found["receipts"]) == 1 and len(found["replies"]) == 4 and found["notices"]
            statuses = [status_of(request) for request in (*found["status"], *found["statuses"])]
            return is_all and {"2", "DELIVRD", "delivered"} <= set(statuses) and found

        found = until("a receipt and a reply in each dialect, and a notice", callbacks)
        return [event for sink in SINKS for event in found[sink]]


def status_of(request):
    """Returns the status in a report of CM.com's, Messangi's or Mobile Text Alerts' dialect."""
    report = json.loads(request["body"])
    return report["messages"]["msg"]["status"]["code"] if "messages" in report else report["status"]


def hex_hmac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def signed(events, secret):
    """Returns inputs to verify the events with a secret."""
    return [{"secret": secret, "headers": event["headers"], "body": event["body"]} for event in events]


def own_signers(events, *secrets):
    """Returns the secrets that signed the headers `signature` of mplus and `X-Signature` of mta; None stands for an
    unknown secret."""

    def made(event, name, secret):
        body = event["body"]
        text = body if name == "x-signature" else f"{event['headers']['timestamp']}.{body}"
        return hex_hmac(base64.b64decode(secret.removeprefix("whsec_")), text)

    found = set()
    for name in ("signature", "x-signature"):
        own = [event for event in events if name in event["headers"]]
        expect(own, f"no event has the header `{name}`")
        for event in own:
            found.add(next((one for one in secrets if made(event, name, one) == event["headers"][name]), None))
    return found


def altered(event, name, value):
    return {**event, "headers": {**event["headers"], name: value}}


if __name__ == "__main__":
    sys.exit(main())
