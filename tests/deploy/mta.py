"""The checks of Mobile Text Alerts: its format, and the vendor, whose webhooks are registered by its API."""

import datetime
import hashlib
import hmac
import json

from harness import expect, expect_equal, until
from vendors import SENDER

CARRIER = "mta"
PREFIX = "4479993"
KEY = "mta-key"
SIGNING_SECRET = "vendors-signing-secret"
LONGCODE = {SENDER: "1001"}
WEBHOOK_SECRETS = {"delivery-status": "secret-of-statuses", "message-reply": "secret-of-replies"}


def phone(number):
    return f"{PREFIX}{number:05}"


def connect(test):
    """Connects the vendor as a carrier, as an operator does, and lets it know our webhooks."""
    admin, emulator = test.admin, test.emulator
    ids = [f"--sender-id={sender}={code}" for sender, code in LONGCODE.items()]
    addresses = test.add_carrier(CARRIER, "mta", f"{emulator.url}/mta/", *ids)
    emulator.register_carrier(CARRIER, "mta", *addresses, credentials={"key": KEY}, sender_ids=LONGCODE)
    admin("carrier", "key", CARRIER, line=f"{KEY}\n")
    admin("carrier", "signing-secret", CARRIER, line=f"{SIGNING_SECRET}\n")
    admin("carrier", "webhooks", CARRIER, "--url", test.stack.api, "--yes")
    admin("route", "add", "--carriers", CARRIER, "--channel", "sms", "--prefix", PREFIX, "--at", "1")


class MtaChecks:
    """Sends from the account of `client`."""

    def __init__(self, test, client):
        self.check = test.check
        self.emulator = test.emulator
        self.client = client

    def run(self):
        self.webhooks()
        self.a_conversation()
        self.a_scheduled_request()
        self.an_unsubscribed_number()
        self.the_account()

    def webhooks(self):
        with self.check("a client registers webhooks, and no answer shows a secret"):
            for event, secret in WEBHOOK_SECRETS.items():
                made = self.call("POST", "/v3/webhooks", event=event, url=self.emulator.sink(event), secret=secret)
                expect_equal(made["message"], f"Webhook {made['data']['id']} created successfully.", "the answer")
            listed = self.call("GET", "/v3/webhooks")
            expect_equal([one["event"] for one in listed["data"]["rows"]], list(WEBHOOK_SECRETS), "the webhooks")
            expect("secret-of" not in json.dumps(listed), f"{listed} has a secret")

    def a_conversation(self):
        to, tags = phone(1), {"ABCompanyId": "4e0242e2"}
        message = {"subscribers": [f"+{to}"], "longcodeId": int(SENDER), "externalId": "RequestId-1", "tags": tags}
        with self.check("a message in Mobile Text Alerts' format goes through that vendor, with a signed callback"):
            sent = self.call("POST", "/v3/send", message="Hello", **message)["data"]["messageId"]
            self.until_text(to, "Hello")
            status = self.until_callback("delivery-status", lambda body: body["status"] == "delivered")
            found = (status["messageId"], status["externalId"], status["tags"], status["destinationNumber"])
            expect_equal(found, (sent, "RequestId-1", tags, f"+{to}"), "the callback")
        with self.check("the reply tells what it answers, and its longcodeId leads back"):
            self.emulator.reply(to, SENDER, "Who is this?")
            reply = self.until_callback("message-reply", lambda body: body["message"] == "Who is this?")
            found = (reply["fromNumber"], reply["externalId"], reply["tags"], reply["longcodeId"])
            expect_equal(found, (f"+{to}", "RequestId-1", tags, int(SENDER)), "the reply")
            answer = {"subscribers": [reply["fromNumber"]], "longcodeId": reply["longcodeId"]}
            self.call("POST", "/v3/send", message="It is us", **answer)
            self.until_text(to, "It is us", 2)
        with self.check("the message is among the deliveries"):
            listed = self.call("GET", f"/v3/deliveries?query={sent}")["data"]
            found = [(row["messageId"], row["status"]) for row in listed["rows"]]
            expect_equal((listed["total"], found), (1, [(sent, "delivered")]), "the deliveries")

    def a_scheduled_request(self):
        with self.check("a scheduled request is listed, and not any more after its cancellation"):
            at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
            later = {"subscribers": [phone(2)], "longcodeId": int(SENDER), "scheduledDate": f"{at:%Y%m%dT%H%M%S}-0000"}
            sent = self.call("POST", "/v3/send", message="Later", **later)["data"]["messageId"]
            expect_equal(self.scheduled(), [sent], "the scheduled requests")
            self.call("POST", f"/v3/scheduled/{sent}")
            expect_equal(self.scheduled(), [], "the scheduled requests afterwards")

    def an_unsubscribed_number(self):
        to = phone(3)
        with self.check("a number that the client unsubscribed gets no message"):
            self.call("POST", "/v3/unsubscribes", number=f"+{to}")
            expect(self.call("GET", f"/v3/unsubscribes/{to}")["data"]["unsubscribed"], "the number is not unsubscribed")
            sent = self.call("POST", "/v3/send", message="No", subscribers=[to], longcodeId=int(SENDER))
            status = self.until_callback("delivery-status", lambda body: body["status"] == "undeliverable")
            expect_equal(status["messageId"], sent["data"]["messageId"], "the blocked message")
            expect_equal(self.emulator.handset(to), [], "the messages on the phone")

    def the_account(self):
        with self.check("the account's key, senders and numbers are told, and a webhook can be removed"):
            expect_equal(self.call("GET", "/v3/auth/verify-api-key")["data"]["name"], "other", "the account")
            senders = self.call("GET", "/v3/dedicated-numbers")["data"]
            expect_equal(senders, [{"id": int(SENDER), "number": f"+{SENDER}"}], "the senders")
            recipients = [{"number": f"+{phone(1)}"}, {"number": phone(3)}, {"number": "+12"}]
            found = self.call("POST", "/v3/send/validate-recipients", recipients=recipients, validateUnsubscribes=True)
            numbers = [[one["number"] for one in found["data"][kind]] for kind in ("invalid", "unsubscribed")]
            expect_equal(numbers, [["+12"], [phone(3)]], "the validated numbers")
            ids = [one["id"] for one in self.call("GET", "/v3/webhooks")["data"]["rows"]]
            for number in ids:
                self.call("DELETE", f"/v3/webhooks/{number}")
            expect_equal(self.call("GET", "/v3/webhooks")["data"]["total"], 0, "the webhooks left")

    # ---- Requests and callbacks ----

    def call(self, method, path, **fields):
        """Makes a request, expects success, and returns the answer."""
        status, answer = self.client.call(method, path, fields or None)
        expect(status == 200, f"{method} {path} answered {status}: {answer}")
        return answer

    def scheduled(self):
        return [row["id"] for row in self.call("GET", "/v3/scheduled")["data"]["rows"]]

    def until_text(self, number, text, count=1):
        shown = self.emulator.until_handset(number, count)[-1]
        expect_equal((shown["from"], shown["text"]), (SENDER, text), f"the message on the phone {number}")

    def until_callback(self, event, is_wanted):
        """Returns the first wanted callback for an event, with a verified signature."""

        def wanted():
            requests = self.emulator.sink_requests(event)
            return next((request for request in requests if is_wanted(json.loads(request["body"]))), None)

        request = until(f"a callback for {event}", wanted)
        signed = hmac.new(WEBHOOK_SECRETS[event].encode(), request["body"].encode(), hashlib.sha256).hexdigest()
        expect_equal(request["headers"]["x-signature"], signed, "the signature")
        return json.loads(request["body"])
