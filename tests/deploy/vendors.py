"""The checks of Messangi's format and of batches, and of the vendors that are told the
address of receipts with each message: Cymba Messaging Plus and Messangi."""

import datetime
import json

from harness import expect, expect_equal, until
from outside import owned
from standardwebhooks.webhooks import Webhook

SENDER = "441234567891"
# The prefix of each carrier's phones. A carrier bears the name of its vendor.
PREFIXES = {"cymba": "4479991", "messangi": "4479994"}
KEYS = {"cymba": {"key": "cymba-key"}, "messangi": {"login": "messangi-login", "password": "messangi-password"}}
NO_NUMBER = "0612345678"


def phone(carrier, number):
    return f"{PREFIXES[carrier]}{number:05}"


class VendorChecks:
    """Sends from the account of `client`, whose replies go to the sink `replies`."""

    def __init__(self, test, client, secret, replies):
        self.check = test.check
        self.emulator = test.emulator
        self.client = client
        self.secret = secret
        self.replies = replies

    def run(self):
        self.through_cymba()
        self.through_messangi()
        self.a_batch_with_placeholders()
        self.a_batch()
        self.a_cancelled_batch()

    def through_cymba(self):
        to = phone("cymba", 1)
        with self.check("a message goes through Cymba, whose receipt comes to the address in the submit"):
            [sent] = self.client.send(owned(SENDER, to, "Over Cymba", callback=self.emulator.sink("cymba")))
            self.until_text(to, "Over Cymba")
            receipt = self.until_callback("cymba", lambda _: True)
            found = (receipt["messageuuid"], receipt["delivered"], receipt["receiptInfo"]["code"])
            expect_equal(found, (sent["messageUuid"], True, "00"), "the receipt")
            expect_equal(self.client.message(sent["messageUuid"])["carrier"], "cymba", "the carrier")
        with self.check("a reply through Cymba is called back"):
            self.emulator.reply(to, SENDER, "Back over Cymba")
            reply = self.until_callback(self.replies, lambda reply: reply.get("message") == "Back over Cymba")
            expect_equal((str(reply["from"]), reply["message_uuid"]), (to, sent["messageUuid"]), "the reply")

    def through_messangi(self):
        # A delivery may overtake SENT, which is then left out. So the first message gets no receipt.
        silent, to = phone("messangi", 1), phone("messangi", 2)
        self.emulator.set_behavior(silent, sms="silent")
        for number, sink, status in ((silent, "messangi-sent", "SENT"), (to, "messangi-delivered", "DELIVRD")):
            with self.check(f"a message in Messangi's format goes through Messangi, with a signed callback {status}"):
                fields = {"requestDR": True, "callbacks": self.emulator.sink(sink), "externalId": "campaign"}
                sent = self.send("v2/messages", to=f"+{number}", text="Over Messangi", **fields)
                expect_equal((sent["status"], sent["to"]), ("QUEUE", f"+{number}"), "the answer")
                callback = self.until_callback(sink, lambda body, status=status: body["status"] == status)
                expect_equal((callback["id"], callback["externalId"]), (sent["id"], "campaign"), "the callback")
                code, shown = self.client.call("GET", f"/raven/v2/messages/{sent['id']}")
                expect_equal((code, shown["data"]["status"]), (200, status), "GET /raven/v2/messages/ID")
                expect_equal(self.client.message(sent["id"])["carrier"], "messangi", "the carrier")
        with self.check("the delivered message is on the phone, whose reply is called back in Messangi's format"):
            self.until_text(to, "Over Messangi")
            self.emulator.reply(to, SENDER, "Back over Messangi")
            reply = self.until_callback(self.replies, lambda reply: reply.get("text") == "Back over Messangi")
            found = (reply["user"], reply["origin"], reply["externalId"])
            expect_equal(found, (f"+{to}", SENDER, "campaign"), "the reply")

    def a_batch_with_placeholders(self):
        with self.check("a batch in Messangi's format fills its placeholders, and names the invalid number"):
            names = {f"+{phone('messangi', 3)}": "Ann", f"+{phone('cymba', 3)}": "Ben", NO_NUMBER: "Cy"}
            to = [{"to": number, "params": [name, 10.5]} for number, name in names.items()]
            sent = self.send("v3/messages/batch", to=to, text="Hi {0}, you owe {1}")
            valid = [number for number in names if number != NO_NUMBER]
            found = ([one["mobile"] for one in sent["ids"]], sent["invalidNumber"])
            expect_equal(found, (valid, [NO_NUMBER]), "the answer's numbers")
            for number in valid:
                self.until_text(number.removeprefix("+"), f"Hi {names[number]}, you owe 10.5")

    def a_batch(self):
        with self.check("a batch arrives, and its report counts what was delivered"):
            to = [phone("cymba", 4), phone("messangi", 4)]
            path = self.post_batch(to)
            for number in to:
                self.until_text(number, "To all")
            done = {"total": 2, "delivered": 2, "failed": 0}
            until(f"the report's counts {done}", lambda: self.report(path)["counts"] == done)
            destinations = [detail["destination"] for detail in self.report(path)["details"]]
            expect_equal(destinations, [f"+{number}" for number in to], "the report's numbers")
            expect(path not in self.pending(), "a batch that was sent is listed")

    def a_cancelled_batch(self):
        to = [phone("cymba", 5), phone("messangi", 5)]
        with self.check("a batch due in an hour is listed, and reported as not sent"):
            at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
            path = self.post_batch(to, send_at=at.isoformat(timespec="milliseconds"))
            listed = self.pending()
            expect_equal([one["messagecount"] for one in listed.values()], [2], "the messages of the listed batches")
            expect(path in listed, f"{path} is not in {listed}")
            expect_equal(self.report(path)["counts"], {"total": 2, "delivered": 0, "failed": 0}, "the report's counts")
        with self.check("a cancelled batch is no longer listed, and its messages are cancelled"):
            status, cancelled = self.client.call("DELETE", path)
            expect_equal((status, cancelled["cancelled"], cancelled["too_late"]), (200, 2, 0), f"DELETE {path}")
            expect_equal(self.pending(), {}, "the listed batches")
            states = [self.client.message(detail["messageuuid"])["state"] for detail in self.report(path)["details"]]
            expect_equal(states, ["cancelled"] * 2, "the states of its messages")

    # ---- Requests and callbacks ----

    def send(self, path, **fields):
        """Posts in Messangi's format, expects success, and returns the answer's data."""
        status, answer = self.client.call("POST", f"/raven/{path}", {"from": SENDER, **fields})
        expect(status == 200, f"POST /raven/{path} answered {status}: {answer}")
        return answer["data"]

    def post_batch(self, to, **more):
        """Posts a batch, expects it to be accepted, and returns its path."""
        batch = {"from": SENDER, "message": "To all", "destinations": to, **more}
        status, answer = self.client.call("POST", "/batch", batch)
        expect(status == 200, f"POST /batch answered {status}: {answer}")
        return f"/batch/{answer['identifier']}"

    def pending(self):
        """Returns the batches that are not sent yet, by path."""
        status, answer = self.client.call("GET", "/batch")
        expect(status == 200, f"GET /batch answered {status}: {answer}")
        return {f"/batch/{one['identifier']}": one for one in answer["batches"]}

    def report(self, path):
        status, answer = self.client.call("GET", path)
        expect(status == 200, f"GET {path} answered {status}: {answer}")
        return answer

    def until_text(self, number, text):
        [shown] = self.emulator.until_handset(number)
        expect_equal((shown["from"], shown["text"]), (SENDER, text), f"the message on the phone {number}")

    def until_callback(self, sink, is_wanted):
        """Returns the first wanted callback at a sink, verified by Standard Webhooks."""

        def wanted():
            requests = self.emulator.sink_requests(sink)
            return next((request for request in requests if is_wanted(json.loads(request["body"]))), None)

        request = until(f"a callback at the sink '{sink}'", wanted)
        return Webhook(self.secret).verify(request["body"], request["headers"])
