"""Runs CM.com's official Python client, unmodified, against the local stack.

We set only the product token and the gateway's URL. The client builds and posts its
own requests. We read its answers as a user would: the response of `requests`, and the
numbers in TextClientStatusCodes.
"""

import contextlib
import io
import json
import pathlib
import re
import sys
import tempfile

from cm_text.channels import implementedchannels
from cm_text.text_client import TextClient
from cm_text.text_client_status_codes import TextClientStatusCodes as Codes
from cm_text.version import __version__
from cm_text.whatsapp_interactive.message_builder import MessageBuilder
from cm_text.whatsapp_template import WhatsappTemplate
from harness import Checks, Processes, expect, expect_equal, interruptible, run_checks, say, until
from outside import BUILD_PROGRAMS, Local

TOKEN = "demo-key"
NAME, NUMBER = "CM.com", "441234567890"
# In the notation of the client's users. Each check uses its own phones.
PHONES = (f"004477009000{number}" for number in range(10, 90))
MEDIA = {
    "mediaName": "conversational-commerce",
    "mediaUri": "https://www.cm.com/cdn/cm/cm.png",
    "mimeType": "image/png",
}
# Channels of the client that the gateway does not support.
UNKNOWN_CHANNELS = {"Voice", "Line", "Google Business Messages"}
ACCEPTED, REJECTED = "Accepted", "Rejected"


def main():
    interruptible()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sdk-test-"))
    processes = Processes(folder)
    checks = Checks(lambda _since: None)
    say(f"cm-text-sdk-python {__version__}, unmodified")

    def body():
        with checks.check("the local stack is built and starts"):
            processes.run("cargo build", BUILD_PROGRAMS)
            local = Local(processes)
        if not checks.failed:
            Test(checks.check, local).run()

    return run_checks(checks, processes, folder, "the build and the local stack", body)


class Test:
    def __init__(self, check, local):
        self.check = check
        self.local = local

    def run(self):
        self.texts()
        self.status_report_and_reply()
        self.channels()
        self.whatsapp()
        self.interactive()
        self.mistakes()

    def client(self, token=TOKEN):
        return TextClient(apikey=token, gateway=f"{self.local.url}/v1.0/message")

    def arrived(self, phone):
        [message] = self.local.until_handset(phone.removeprefix("00"))
        return message

    # ---- What the client can send ----

    def texts(self):
        with self.check("a text message to one recipient is accepted and arrives"):
            phone = next(PHONES)
            answer = self.client().SendSingleMessage("Hello", NAME, [phone], reference="one")
            accepted(answer, [expected(phone, "one")])
            shown = self.arrived(phone)
            expect_equal((shown["from"], shown["text"]), (NAME, "Hello"), "the message on the phone")
        with self.check("a text message to several recipients is answered and arrives for each"):
            phones = [next(PHONES) for _ in range(2)]
            answer = self.client().SendSingleMessage("To both", NUMBER, phones)
            accepted(answer, [expected(phone) for phone in phones])
            for phone in phones:
                expect_equal(self.arrived(phone)["text"], "To both", "the message on the phone")
        with self.check("several messages in a request are answered in order, with their parts"):
            long, greek = (next(PHONES) for _ in range(2))
            client = self.client()
            client.AddMessage("x" * 200, NUMBER, [long], reference="long")
            client.AddMessage("Καλημέρα 👋", NUMBER, [greek], reference="greek")
            accepted(client.send(), [expected(long, "long", parts=2), expected(greek, "greek")])
            expect_equal(client.messages, [], "the client's pending messages")
            expect_equal(self.arrived(long)["text"], "x" * 200, "the long text")
            expect_equal(self.arrived(greek)["text"], "Καλημέρα 👋", "the Greek text")

    def status_report_and_reply(self):
        phone = next(PHONES)
        with self.check("status reports arrive in CM.com's JSON, with the reference"):
            accepted(self.client().SendSingleMessage("Yes?", NUMBER, [phone], "order-7"), [expected(phone, "order-7")])

            def delivered():
                reports = (one["messages"]["msg"] for one in json_of(self.local.sink_requests("status")))
                return next((one for one in reports if one["to"] == phone and one["status"]["code"] == "2"), None)

            report = until("the status report", delivered)
            expect_equal(report["reference"], "order-7", "the reference")
            expect_equal(report["status"], {"code": "2", "errorCode": "", "errorDescription": ""}, "the status")
            expect_equal(report["customGrouping3"], f"text-sdk-python-{__version__}", "the client's own grouping")
            is_time(report["received"])
        with self.check("a reply arrives in CM.com's JSON, with the reference of the answered message"):
            self.local.reply(phone.removeprefix("00"), NUMBER, "Yes!")
            [reply] = json_of(self.local.until_sink_requests("replies"))
            found = (reply["from"]["number"], reply["to"]["number"], reply["message"]["text"], reply["reference"])
            expect_equal(found, (phone, f"00{NUMBER}", "Yes!", "order-7"), "the reply")
            expect_equal(reply["groupings"], ["", "", f"text-sdk-python-{__version__}"], "the groupings")
            is_time(reply["timeUtc"])

    def channels(self):
        with self.check("each channel name of the client is accepted, except unsupported channels"):
            client = self.client()
            for channel in implementedchannels:
                client.AddMessage("Hi", NUMBER, [next(PHONES)], channel, [channel])
            answered = client.send().json()["messages"]
            refused = {one["reference"]: one["messageErrorCode"] for one in answered if one["status"] == REJECTED}
            expect_equal(refused, dict.fromkeys(UNKNOWN_CHANNELS, Codes.MSG_INVALID_FIELD), "the rejected channels")
            expect_equal(len(answered), len(implementedchannels), "answers")

    def whatsapp(self):
        with self.check("a rich message with media is accepted and arrives"):
            phone = next(PHONES)
            client = self.client()
            client.AddRichMessage("Look", MEDIA, NUMBER, [phone], reference="rich")
            accepted(client.send(), [expected(phone, "rich")])
            self.arrived(phone)
        with self.check("WhatsApp template messages, which the client sends with an empty body, are accepted and arrive"):
            phones = [next(PHONES) for _ in range(2)]
            client = self.client()
            header = {"type": "header", "parameters": [{"type": "image", "media": MEDIA}]}
            body = {"type": "body", "parameters": [{"type": "text", "text": "Anna"}]}
            for phone, components in zip(phones, ([], [header, body]), strict=True):
                template = WhatsappTemplate("a-namespace", "a_template", components)
                client.AddWhatsappTemplateMessage(template, NUMBER, [phone], "template")
            accepted(client.send(), [expected(phone, "template") for phone in phones])
            for phone in phones:
                shown = self.arrived(phone)
                expect_equal((shown["from"], shown["text"]), (NUMBER, ""), "the message on the phone")
                shows(shown, "template")

    def interactive(self):
        make = MessageBuilder
        row = make.create_interactive_message_action_row(title="Ten", id="10", description="In the morning")
        with contextlib.redirect_stdout(io.StringIO()):  # The builder prints its result.
            section = make.create_interactive_message_action_section("Times", [row])
        reply = make.create_interactive_message_action_button_reply(id="yes", title="Yes")
        button = make.create_interactive_message_action_button("reply", reply)
        media = make.create_interactive_message_header_media("cm", MEDIA["mediaUri"], "image/png")
        text_header = make.create_interactive_message_header("text", "When?", media=None)
        media_header = make.create_interactive_message_header("image", media=media)
        # The client always sends a header and a footer.
        no_header = make.create_interactive_message_header(media=None)
        choices = make.create_interactive_message_action("Choose", sections=[section])
        buttons = make.create_interactive_message_action(buttons=[button])

        def message(kind, header, footer, action):
            body = make.create_interactive_message_body("When would you like to come?")
            return make.create_interactive_message(
                kind, header, body, make.create_interactive_message_footer(footer), action
            )

        footer = "We are open all day"
        for what, built, text in (
            ("list", message("list", text_header, footer, choices), "When?"),
            ("button", message("button", media_header, footer, buttons), "When?"),
            ("bare list", message("list", no_header, "", choices), ""),
        ):
            with self.check(f"an interactive message ({what}) is accepted and arrives"):
                phone = next(PHONES)
                client = self.client()
                client.add_whatsapp_interactive_message(built, text, NUMBER, [phone], "interactive")
                accepted(client.send(), [expected(phone, "interactive")])
                shown = self.arrived(phone)
                expect_equal((shown["from"], shown["text"]), (NUMBER, text), "the message on the phone")
                shows(shown, "interactive")
        with self.check("an interactive message without choices is rejected"):
            built = message("list", no_header, "", make.create_interactive_message_action("Choose"))
            client = self.client()
            client.add_whatsapp_interactive_message(built, "When?", NUMBER, ["00447700900091"], "interactive")
            told_why = rejected(client.send(), Codes.MSG_INVALID_FIELD)
            expect("RICHCONTENT" in told_why[0], f"the details: {told_why}")

    # ---- Errors that the client gets ----

    def mistakes(self):
        phone = "00447700900092"
        for sentence, code, arguments in (
            ("a sender of another account", Codes.MSG_INVALID_FROM, ("Hi", "449999999999", [phone])),
            ("no recipient", Codes.MSG_INVALID_TO, ("Hi", NUMBER)),
            ("an invalid number", Codes.MSG_INVALID_MSISDN, ("Hi", NUMBER, ["0044nobody"])),
            ("an empty text", Codes.MSG_INVALID_BODY, ("", NUMBER, [phone])),
            ("a reference over the limit", Codes.MSG_INVALID_FIELD, ("Hi", NUMBER, [phone], "r" * 33)),
            ("an unknown channel", Codes.MSG_INVALID_FIELD, ("Hi", NUMBER, [phone], None, ["Voice"])),
        ):
            with self.check(f"{sentence} is rejected with {code}"):
                rejected(self.client().SendSingleMessage(*arguments), code)
        with self.check("of a valid and an invalid message only the valid one is sent, and the answer says so"):
            sound = next(PHONES)
            client = self.client()
            client.AddMessage("Hi", NUMBER, [sound])
            client.AddMessage("", NUMBER, [phone])
            answer = client.send()
            body = answer.json()
            expect_equal((answer.status_code, body["errorCode"]), (200, Codes.REQUEST_NOT_ALL_SENT), "the answer")
            found = [(one["status"], one["messageErrorCode"]) for one in body["messages"]]
            expect_equal(found, [(ACCEPTED, Codes.OK), (REJECTED, Codes.MSG_INVALID_BODY)], "the messages")
            self.arrived(sound)
        with self.check("a wrong and a missing product token are rejected"):
            for token, code in (("wrong", Codes.AUTHENTICATION_FAILED), ("", Codes.APIKEY_INCORRECT)):
                answer = self.client(token).SendSingleMessage("Hi", NUMBER, [phone])
                body = answer.json()
                expect_equal((answer.status_code, body["errorCode"], body["messages"]), (400, code, []), "the answer")
        with self.check("no rejected message has arrived"):
            for last in (91, 92):
                expect_equal(self.local.handset(f"4477009000{last}"), [], f"messages on phone {last}")


def expected(phone, reference=None, parts=1):
    """Returns the answer for an accepted message."""
    return {
        **{"to": phone, "status": ACCEPTED, "reference": reference, "parts": parts},
        **{"messageDetails": None, "messageErrorCode": Codes.OK},
    }


def accepted(answer, messages):
    body = {"details": f"Created {len(messages)} message(s)", "errorCode": Codes.OK, "messages": messages}
    expect_equal((answer.status_code, answer.json()), (200, body), "the answer")


def shows(shown, part):
    """Expects the phone to show only this part of rich content."""
    [bubble] = shown["content"]["conversation"]
    expect_equal(list(bubble), [part], "the parts that the phone shows")


def rejected(answer, code, count=1):
    """Expects every message to be rejected with `code`, and returns the details."""
    body = answer.json()
    expect_equal((answer.status_code, body["errorCode"]), (400, Codes.REQUEST_NOT_ALL_SENT), f"the answer {body}")
    found = [(one["status"], one["messageErrorCode"]) for one in body["messages"]]
    expect_equal(found, [(REJECTED, code)] * count, f"the messages of {body}")
    return [one["messageDetails"] for one in body["messages"]]


def json_of(requests):
    return [json.loads(one["body"]) for one in requests]


def is_time(text):
    expect(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", text), f"{text!r} is not in CM.com's time format")


if __name__ == "__main__":
    sys.exit(main())
