"""The deployment test: template.yaml, unmodified, built and deployed by the SAM CLI.

AWS is MiniStack, a local emulator that runs the functions' binaries under the
template's roles. The carrier, the phones and the clients' sinks are those of
`cargo run -p local -- emulator`. The test acts only from outside: through the
deployed HTTP API, the phones and, like an operator, the AWS API.
"""

import argparse
import collections
import contextlib
import datetime
import json
import pathlib
import sys
import tempfile
import time
import uuid

import botocore.exceptions
import mta
from harness import Checks, Failed, Processes, expect, expect_equal, interruptible, run_checks, say, until
from outside import BUILD_PROGRAMS, Client, Emulator, call, owned, shared
from stack import ROOT, Admin, MiniStack, Stack, template_functions, template_routes
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from vendors import KEYS, PREFIXES, SENDER, VendorChecks

STACK = "deployment-test"
CM_KEYS = {"cm-uk": "uk-product-token", "cm-nl": "nl-product-token"}
POOL = [f"4488888888{number:02}" for number in range(1, 7)]
OWN_SENDER = "441234567890"
RATED_SENDER = "441234567895"
RATED_PHONE = "447700901500"

# Phones: the third digit from the right selects the behaviour (see docs/local-development.md).
PHONE, QUIET_PHONE, BUSY_PHONE, STOP_PHONE = "447700900001", "447700900301", "447700900701", "447700900901"
RCS_PHONE, SMS_PHONE, LATE_SMS_PHONE, OTHER_RCS_PHONE = (f"44770090002{number}" for number in range(1, 5))


def main():
    parser = argparse.ArgumentParser(prog="tests/deploy/run", description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--serve", action="store_true", help="only deploy, and keep the stack up until Ctrl-C")
    serve = parser.parse_args().serve
    interruptible()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="deployment-test-"))
    processes = Processes(folder)
    test = Test(processes, folder)
    body = test.serve if serve else test.run
    return run_checks(test.checks, processes, folder, "MiniStack, SAM and the carrier", body)


class Test:
    def __init__(self, processes, folder):
        self.checks = Checks(self.explain)
        self.check = self.checks.check
        self.processes = processes
        self.folder = folder
        self.stack = None

    def explain(self, since):
        """Prints the functions' logs since the start of a failed check."""
        if self.stack is None or not self.stack.resources:
            return
        lines = self.stack.log_lines(since - 1)
        say(f"        --- logs of the functions{'' if lines else ': none'}")
        for line in lines[-40:]:
            say(f"        {line}")

    def run(self):
        for step in (self.start, self.build_and_deploy, self.provision):
            step()
            if self.checks.failed:
                return
        # First, because the message is due in five minutes. The other checks run meanwhile.
        self.schedule()
        self.a_conversation()
        self.telemetry()
        self.access()
        self.roles()
        self.alarms()
        self.repeats_and_reading()
        self.channels()
        self.lanes()
        self.send_slots()
        VendorChecks(self, self.other, self.other_secrets[0], "other-replies").run()
        mta.MtaChecks(self, self.other).run()
        self.opt_out()
        self.carriers_and_clients_in_trouble()
        self.dead_letters()
        self.update()
        self.what_was_scheduled()
        self.delete()

    def serve(self):
        for step in (self.start, self.build_and_deploy, self.connect_carrier):
            step()
            if self.checks.failed:
                return
        env = self.ministack.env
        names = ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        say("\nThe stack is up, with the simulated carrier. In another terminal:\n")
        say(f"export {' '.join(f'{name}={env[name]}' for name in names)}")
        say(f"export STACK={STACK} API={self.stack.api} EMULATOR={self.emulator.url}\n")
        say("Press Ctrl-C to stop.")
        while True:
            time.sleep(60)

    # ---- Deploying ----

    def start(self):
        with self.check("the simulated carrier and the operator's tool build"):
            self.processes.run("cargo build", BUILD_PROGRAMS)
        with self.check("MiniStack and the simulated carrier start"):
            self.ministack = MiniStack(self.processes, self.folder)
            self.emulator = Emulator(self.processes)
            self.stack = Stack(self.ministack, self.processes, STACK)

    def build_and_deploy(self):
        with self.check("sam build fails if Cargo.lock does not fit"):
            ended = self.stack.build_with_stale_lock(self.folder / "stale-lock")
            expect(ended.returncode != 0, "it succeeded")
            expect("because --locked was passed" in ended.stderr, f"it failed with {ended.stderr}")
        with self.check("sam build builds every function of template.yaml"):
            # SAM builds the functions one after the other, each with a single-threaded link. We build
            # all in parallel first, so that SAM has less to do.
            took = self.stack.build_functions()
            say(f"  cargo lambda build took {took:.0f} s")
            took = self.stack.sam("sam build", "build")
            say(f"  sam build took {took:.0f} s")
            built = ROOT / ".aws-sam/build"
            for name in template_functions():
                expect((built / name / "bootstrap").is_file(), f"{name} has no bootstrap")
        with self.check("sam deploy creates the stack"):
            took = self.stack.deploy("sam deploy", AllowPrivateCallbacks="true")
            say(f"  sam deploy took {took:.0f} s")
            expect_equal(self.stack.status, "CREATE_COMPLETE", "the stack's status")
            expect("ApiUrl" in self.stack.outputs, f"no ApiUrl in {self.stack.outputs}")

    def connect_carrier(self):
        with self.check("the operator's tool creates a pool and a carrier's route"):
            self.admin = Admin(self.stack)
            self.admin("pool", "add", *POOL)
            endpoint = f"{self.emulator.url}/loopback/"
            self.receipts, self.replies = self.add_carrier("loopback", "loopback", endpoint)
            self.emulator.register_carrier("loopback", "loopback", self.receipts, self.replies)
        with self.check("the operator's tool creates two connections of a vendor, for one channel"):
            for name, key in CM_KEYS.items():
                receipts, replies = self.add_carrier(name, "cm", f"{self.emulator.url}/cm/")
                self.emulator.register_carrier(name, "cm", receipts, replies, credentials={"key": key})
                self.admin("carrier", "key", name, line=f"{key}\n")
            names = list(CM_KEYS)
            routes = self.admin("route", "add", "--carriers", ",".join(names), "--channel", "rcs", "--at", "1")["routes"]
            expect_equal([route["carriers"] for route in routes], [names, ["loopback"]], "the carriers of the routes")
        with self.check("the operator's tool connects vendors that are told our address, with a key and with a login"):
            for name, credentials in KEYS.items():
                addresses = self.add_carrier(name, name, f"{self.emulator.url}/{name}/", "--webhook-url", self.stack.api)
                self.emulator.register_carrier(name, name, *addresses, credentials=credentials)
                lines = "".join(f"{part}\n" for part in credentials.values())
                self.admin("carrier", "key", name, "--parts", ",".join(credentials), line=lines)
                rule = ("--channel", "sms", "--prefix", PREFIXES[name], "--at", "1")
                routes = self.admin("route", "add", "--carriers", name, *rule)["routes"]
            expected = [["messangi"], ["cymba"], names, ["loopback"]]
            expect_equal([route["carriers"] for route in routes], expected, "the carriers of the routes")
        with self.check("the operator's tool connects Mobile Text Alerts, and registers our webhooks there"):
            mta.connect(self)

    def add_carrier(self, name, vendor, endpoint, *more):
        """Returns the webhook addresses for receipts and replies."""
        options = ("--vendor", vendor, "--endpoint", endpoint, "--timeout-ms", "3000", *more)
        carrier = self.admin("carrier", "add", name, *options)
        return (self.stack.api + carrier[f"{kind}_path"] for kind in ("receipts", "replies"))

    def provision(self):
        self.connect_carrier()
        with self.check("the operator's tool creates accounts, keys and senders"):
            admin = self.admin
            self.secrets, self.demo = self.account("demo", "replies")
            # Two secrets, as during a rotation, newest first.
            self.secrets.insert(0, admin("secret", "rotate", "demo")["secret"])
            admin("sender", "add", OWN_SENDER, "--account", "demo")
            admin("sender", "add", RATED_SENDER, "--account", "demo")
            admin("sender", "rate", RATED_SENDER, "--per-second", "5")
            self.other_secrets, self.other = self.account("other", "other-replies")
            admin("sender", "add", SENDER, "--account", "other")

    def account(self, name, sink):
        """Creates an account and a key, and returns its secrets and a client with the key."""
        made = self.admin("account", "create", name, "--name", name, "--reply-url", self.emulator.sink(sink))
        key = self.admin("key", "issue", name)["key"]
        return [made["secret"]], Client(self.stack.api, key)

    # ---- Using it ----

    def a_conversation(self):
        first = None
        with self.check("a message from a shared sender reaches the phone"):
            [first] = self.demo.send(shared(PHONE, "Hello", callback=self.emulator.sink("receipts")))
            sender = first["from"]["value"]
            expect(sender in POOL, f"{sender} is not of the pool")
            [shown] = self.emulator.until_handset(PHONE)
            expect_equal((shown["from"], shown["text"]), (sender, "Hello"), "the message on the phone")
        with self.check("its receipt is called back, signed with each secret by Standard Webhooks"):
            [request] = self.emulator.until_sink_requests("receipts")
            for secret in self.secrets:
                receipt = Webhook(secret).verify(request["body"], request["headers"])
            expect_equal(receipt["messageuuid"], first["messageUuid"], "the message of the receipt")
            expect_equal((receipt["delivered"], receipt["receiptInfo"]["code"]), (True, "00"), "the receipt")
        with self.check("another secret, another body and another time do not verify"):
            later = str(int(request["headers"]["webhook-timestamp"]) + 1)
            for secret, body, headers in (
                (self.other_secrets[0], request["body"], {}),
                (self.secrets[0], request["body"].replace("true", "false"), {}),
                (self.secrets[0], request["body"], {"webhook-timestamp": later}),
            ):
                with contextlib.suppress(WebhookVerificationError):
                    Webhook(secret).verify(body, request["headers"] | headers)
                    raise Failed("a forged callback verifies")
        with self.check("a reply is called back, signed, and tied to the message that it answers"):
            self.emulator.reply(PHONE, sender, "Who is this?")
            [request] = self.emulator.until_sink_requests("replies")
            reply = Webhook(self.secrets[0]).verify(request["body"], request["headers"])
            found = (str(reply["from"]), reply["to"], reply["message"], reply["message_uuid"], reply["batch_uuid"])
            expect_equal(found, (PHONE, sender, "Who is this?", first["messageUuid"], first["batchUuid"]), "the reply")
        with self.check("the next message to the phone has the same sender, another account's does not"):
            [second] = self.demo.send(shared(PHONE, "Us again"))
            [others] = self.other.send(shared(PHONE, "Another company"))
            expect_equal(second["from"]["value"], sender, "the second message's sender")
            expect(others["from"]["value"] != sender, "two accounts have the same sender for a phone")
            self.emulator.until_handset(PHONE, 3)
        self.first = first

    def access(self):
        with self.check("a wrong key, and none, get 401"):
            for client in (Client(self.stack.api, "wrong-key"), Client(self.stack.api, "")):
                expect_equal(client.call("GET", "/messages")[0], 401, "GET /messages")
                expect_equal(client.post(shared(PHONE, "No"))[0], 401, "POST /message")
        with self.check("another account cannot read or cancel the message (404)"):
            path = f"/messages/{self.first['messageUuid']}"
            expect_equal(self.other.call("GET", path)[0], 404, "GET")
            expect_equal(self.other.call("DELETE", path)[0], 404, "DELETE")
        with self.check("a carrier with a wrong token gets 404"):
            receipt = {"reference": self.first["messageUuid"], "status": "read"}
            status, _ = call("POST", f"{self.stack.api}/dlr/loopback/wrong", receipt)
            expect_equal(status, 404, "POST /dlr")
        with self.check("a revoked key gets 401 after the functions' caches expire"):
            issued = self.admin("key", "issue", "demo")
            client = Client(self.stack.api, issued["key"])
            expect_equal(client.call("GET", "/messages")[0], 200, "GET /messages before")
            self.admin("key", "revoke", "demo", issued["key_id"])
            until("the revoked key to be rejected", lambda: client.call("GET", "/messages")[0] == 401, 40)
        with self.check("the API's description names every route of the template"):
            status, described = call("GET", f"{self.stack.api}/openapi.json")
            paths = {f"{method.upper()} {path}" for path, one in described["paths"].items() for method in one}
            missing = {route for routes in template_routes().values() for route in routes} - paths
            expect_equal((status, missing - {"GET /openapi.json"}), (200, set()), "not described")
            expect_equal(self.demo.call("GET", "/dr-responses")[0], 200, "GET /dr-responses")

    def roles(self):
        with self.check("MiniStack enforces policies: a user without policies is refused"):
            iam = self.ministack.client("iam")
            iam.create_user(UserName="nobody")
            key = iam.create_access_key(UserName="nobody")["AccessKey"]
            nobody = self.ministack.client("dynamodb", access_key=key["AccessKeyId"], secret_key=key["SecretAccessKey"])
            with contextlib.suppress(botocore.exceptions.ClientError):
                nobody.scan(TableName=self.stack.resources["DirectoryTable"])
                raise Failed("any user may read the directory, so the roles are not tested")

    def alarms(self):
        with self.check("alarms watch deployed resources, notify the topic, and are on the dashboard"):
            cloudwatch = self.ministack.client("cloudwatch")
            alarms = cloudwatch.describe_alarms()["MetricAlarms"]
            topic = self.stack.outputs["AlarmsTopicArn"]
            silent = [one["AlarmName"] for one in alarms if not one["AlarmActions"] == one["OKActions"] == [topic]]
            expect(alarms and not silent, f"of {len(alarms)} alarms, these notify no topic: {silent}")
            deployed = {physical.rsplit("/", 1)[-1] for physical in self.stack.resources.values()}
            dimensions = [dimension for one in alarms for dimension in one["Dimensions"]]
            watched = {one["Value"] for one in dimensions if one["Name"] != "GlobalSecondaryIndexName"}
            expect(watched <= deployed, f"these do not exist: {watched - deployed}")
            [dashboard] = cloudwatch.list_dashboards()["DashboardEntries"]
            body = cloudwatch.get_dashboard(DashboardName=dashboard["DashboardName"])["DashboardBody"]
            [shown] = [one["properties"]["alarms"] for one in json.loads(body)["widgets"] if one["type"] == "alarm"]
            expect_equal(sorted(shown), sorted(one["AlarmArn"] for one in alarms), "the alarms on the dashboard")

    def telemetry(self):
        with self.check("each function logs the message, with a trace ID"):
            for name in ("send", "dispatch", "dlr-webhook", "callback"):
                lines = [line for line in self.written(f"/{STACK}/{name}") if self.first["messageUuid"] in str(line)]
                expect(lines, f"{name} does not log the message")
                untraced = [line for line in lines if not line.get("span", {}).get("xrayTraceId")]
                expect(not untraced, f"{name} logs without a trace ID: {untraced}")
        with self.check("the functions write metrics by account and carrier"):
            sums = {
                ("demo", None, "Accepted"): 4,
                ("demo", "loopback", "Submitted"): 2,
                ("demo", "loopback", "SubmitDelay"): 2,
                ("demo", "loopback", "Delivered"): 2,
                ("demo", "loopback", "Replies"): 1,
                ("demo", None, "CallbacksDelivered"): 2,
                ("demo", None, "CallbackDelay"): 2,
                ("other", None, "Accepted"): 1,
            }
            until(f"the sums {sums}", lambda: {about: self.measured()[about] for about in sums} == sums, 30)

    def written(self, *groups):
        """Returns the functions' JSON log lines, parsed."""
        lines = (line.split(": ", 1)[1] for line in self.stack.log_lines(0, *groups))
        return [json.loads(line) for line in lines if line.startswith("{")]

    def measured(self):
        """Returns sums of counts, and numbers of timings, by account, carrier and metric."""
        sums = collections.Counter()
        for line in (one for one in self.written() if "_aws" in one):
            [directive] = line["_aws"]["CloudWatchMetrics"]
            expect_equal(directive["Namespace"], STACK, "the namespace")
            for metric in directive["Metrics"]:
                value = line[metric["Name"]]
                about = line.get("Account"), line.get("Carrier"), metric["Name"]
                sums[about] += value if isinstance(value, int) else len(value)
        return sums

    def repeats_and_reading(self):
        with self.check("a message with an ID that is posted twice is sent once"):
            message = owned(OWN_SENDER, QUIET_PHONE, "Only once", id=str(uuid.uuid4()))
            [first], [again] = self.demo.send(message), self.demo.send(message)
            expect_equal(again["messageUuid"], first["messageUuid"], "the repeated message")
            self.emulator.until_handset(QUIET_PHONE)
            self.demo.until_state(first["messageUuid"], "submitted")
            expect_equal(len(self.emulator.handset(QUIET_PHONE)), 1, "messages on the phone")
        with self.check("30 messages in one request all arrive"):
            phones = [f"4477009011{number:02}" for number in range(30)]
            self.demo.send(*(shared(phone, "To many") for phone in phones))
            for phone in phones:
                self.emulator.until_handset(phone)
        with self.check("the operator's tool shows a message, and its text only with --reveal"):
            shown = json.dumps(self.admin("message", "show", first["messageUuid"]))
            revealed = json.dumps(self.admin("message", "show", first["messageUuid"], "--reveal"))
            expect("submitted" in shown and "Only once" not in shown, shown)
            expect("Only once" in revealed, revealed)
        with self.check("messages and conversations can be read back"):
            status, page = self.demo.call("GET", f"/messages?to={PHONE}&state=delivered")
            ids = [one["id"] for one in page["messages"]]
            expect(status == 200 and self.first["messageUuid"] in ids, f"{status}: {page}")
            status, page = self.demo.call("GET", f"/conversations/{PHONE}")
            said = [one["body"] for one in page["messages"]]
            expect_equal((status, said), (200, ["Us again", "Who is this?", "Hello"]), "the conversation")

    def opt_out(self):
        with self.check("STOP is confirmed once, the next message is blocked, and its callback says so"):
            [first] = self.demo.send(shared(STOP_PHONE, "Hello"))
            self.emulator.until_sink_requests("replies", 2)
            [second] = self.demo.send(shared(STOP_PHONE, "Again", callback=self.emulator.sink("blocked")))
            self.demo.until_state(second["messageUuid"], "blocked")
            [request] = self.emulator.until_sink_requests("blocked")
            receipt = Webhook(self.secrets[0]).verify(request["body"], request["headers"])
            expect_equal((receipt["delivered"], receipt["receiptInfo"]["code"]), (False, "25"), "the receipt")
            [_, confirmation] = self.emulator.until_handset(STOP_PHONE, 2)
            expect_equal(confirmation["from"], first["from"]["value"], "the sender that confirms")
            # The phone replies STOP to the confirmation too.
            self.emulator.until_sink_requests("replies", 3)
            expect_equal(len(self.emulator.handset(STOP_PHONE)), 2, "messages on the phone")

    def channels(self):
        for phone, behavior, channel, carrier, tried in (
            (RCS_PHONE, "delivers", "rcs", "cm-uk", []),
            (SMS_PHONE, "rejects", "sms", "loopback", [["rcs", name, "rejected"] for name in CM_KEYS]),
            (LATE_SMS_PHONE, "fails", "sms", "loopback", [["rcs", "cm-uk", "failed"]]),
            (OTHER_RCS_PHONE, "delivers", "rcs", "cm-nl", [["rcs", "cm-uk", "busy"]]),
        ):
            with self.check(f"where RCS {behavior}, a message arrives over {channel.upper()} through {carrier}"):
                self.emulator.set_behavior(phone, rcs=behavior)
                self.emulator.set_outage("cm-uk", phone == OTHER_RCS_PHONE)
                [sent] = self.demo.send(shared(phone, "Which way?", channels=["rcs", "sms"]))
                message = self.demo.until_state(sent["messageUuid"], "delivered")
                expect_equal((message["channel"], message["carrier"]), (channel, carrier), "the channel and carrier")
                failed_attempts = [[one["channel"], one["carrier"], one["outcome"]] for one in message.get("failed_attempts", [])]
                expect_equal(failed_attempts, tried, "the failed attempts")
                expect_equal(len(self.emulator.handset(phone)), 1, "messages on the phone")

    def carriers_and_clients_in_trouble(self):
        with self.check("a carrier that is busy twice gets the message in a third attempt, through the queue"):
            [message] = self.demo.send(shared(BUSY_PHONE, "Patience"))
            message = self.demo.until_state(message["messageUuid"], "delivered", 90)
            expect_equal(len(self.emulator.handset(BUSY_PHONE)), 1, "messages on the phone")
        with self.check("an unmatched receipt and reply are kept"):
            before = self.unmatched()
            receipt = {"id": "c1", "reference": str(uuid.uuid4()), "status": "delivered"}
            reply = {"id": "r1", "from": PHONE, "to": "449999999999", "text": "Hello?"}
            for what, url, body in (("receipt", self.receipts, receipt), ("reply", self.replies, reply)):
                status, _ = call("POST", url, body)
                expect_equal(status, 200, f"the answer to a {what}")
            expect_equal(self.unmatched(), before + 2, "unmatched items")
        with self.check("the operator's tool replays unmatched items and lists them"):
            expect_equal(self.admin("unmatched", "replay")["replaying"], before + 2, "the number of replayed items")
            # The next automatic retry is at least 15 minutes away.
            until("a retry of each", lambda: all(one["tries"] for one in self.admin("unmatched", "list")["unmatched"]))
        refused = None
        with self.check("a failed callback is retried with the same ID"):
            [refused] = self.demo.send(shared(PHONE, "Told twice", callback=self.emulator.sink("failing") + "?status=500"))
            requests = self.emulator.until_sink_requests("failing", 2)
            ids = {request["headers"]["webhook-id"] for request in requests}
            expect_equal(len(ids), 1, "IDs of the callback")
        with self.check("a callback that failed for more than seven days is dead-lettered"):
            # We enqueue the job as it would be after seven days.
            item = self.stack.item("MessagesTable", id=refused["messageUuid"])
            long_ago = (now() - datetime.timedelta(days=8)).isoformat()
            job = {
                **{"v": 1, "type": "state", "message": refused["messageUuid"], "state": "delivered", "account": "demo"},
                **{"execution_id": item["receipt_delivered"]["M"]["execution_id"]["S"], "attempts": 40},
                **{"created_at": long_ago, "first_attempt_at": long_ago, "not_before": now().isoformat()},
            }
            self.stack.sqs.send_message(QueueUrl=self.stack.queue("CallbacksQueue"), MessageBody=json.dumps(job))
            buried = until("the job in CallbacksDeadLetters", lambda: self.stack.drain("CallbacksDeadLetters"))
            expect_equal(json.loads(buried[0])["message"], refused["messageUuid"], "the dead letter")

    def lanes(self):
        with self.check("each lane has its queue, dead letters and workers, and delivers its messages"):
            for jobs, workers in (("UrgentJobs", 10), ("Jobs", 10), ("BulkJobs", 10), ("SendSlots", 20)):
                mapping = self.stack.source_of("DispatchFunction", f"{jobs}Queue")
                expect_equal(mapping["ScalingConfig"]["MaximumConcurrency"], workers, f"the workers of {jobs}")
                policy = self.stack.sqs.get_queue_attributes(QueueUrl=self.stack.queue(f"{jobs}Queue"), AttributeNames=["All"])
                target = json.loads(policy["Attributes"]["RedrivePolicy"])["deadLetterTargetArn"]
                expect(f"{jobs}DeadLetters" in target, f"{jobs} has the dead-letter queue {target}")
            sent = {}
            for index, lane in enumerate(("urgent", "normal", "bulk")):
                message = owned(OWN_SENDER, f"44770090140{index}", f"In the lane {lane}")
                [accepted] = self.demo.send(message, Lane=lane)
                sent[lane] = accepted["messageUuid"]
            for lane, uuid in sent.items():
                expect_equal(self.demo.until_state(uuid, "delivered")["lane"], lane, "the lane")

    def send_slots(self):
        with self.check("a sender with a rate limit sends its messages at that rate, in order"):
            texts = [f"Message {number}" for number in range(12)]
            accepted = self.demo.send(*(owned(RATED_SENDER, RATED_PHONE, text) for text in texts))
            self.demo.until_state(accepted[-1]["messageUuid"], "delivered")
            shown = self.emulator.until_handset(RATED_PHONE, len(texts))
            expect_equal([one["text"] for one in shown], texts, "the messages on the phone")
            first, last = (datetime.datetime.fromisoformat(shown[index]["received_at"]) for index in (0, -1))
            took = (last - first).total_seconds()
            # Over any w seconds, at most rate * (w + 1) messages.
            expect(len(texts) <= 5 * (took + 1), f"{len(texts)} messages at 5 a second came in {took:.2f} s")

    def unmatched(self):
        pages = self.stack.dynamodb.get_paginator("scan").paginate(TableName=self.stack.resources["MessagesTable"])
        return sum(item["id"]["S"].startswith("unmatched#") for page in pages for item in page["Items"])

    def dead_letters(self):
        with self.check("an unreadable job ends in JobsDeadLetters, and the rest of its batch is done"):
            # A job is dead-lettered after 10 deliveries 90 s apart. We check these values, and then
            # reduce them to wait only seconds.
            jobs, poison = self.stack.queue("JobsQueue"), '{"v": 1, "type": "poison"}'
            deployed = self.stack.sqs.get_queue_attributes(QueueUrl=jobs, AttributeNames=["All"])["Attributes"]
            redrive = json.loads(deployed["RedrivePolicy"])
            expect_equal((deployed["VisibilityTimeout"], int(redrive["maxReceiveCount"])), ("90", 10), "as deployed")
            hastened = {"VisibilityTimeout": "4", "RedrivePolicy": json.dumps(redrive | {"maxReceiveCount": 3})}
            self.stack.sqs.set_queue_attributes(QueueUrl=jobs, Attributes=hastened)
            # Stops polling until all jobs are enqueued, so that the function gets them in one batch.
            mapping = self.stack.source_of("DispatchFunction", "JobsQueue")["UUID"]
            self.stack.lambda_.update_event_source_mapping(UUID=mapping, Enabled=False)
            phones = [f"4477009012{number:02}" for number in range(5)]
            try:
                time.sleep(2)  # Until the pollers have stopped.
                mates = self.demo.send(*(shared(phone, "Beside a poison") for phone in phones))
                self.stack.sqs.send_message(QueueUrl=jobs, MessageBody=poison)
            finally:
                self.stack.lambda_.update_event_source_mapping(UUID=mapping, Enabled=True)
            until(
                "a single batch with all jobs", lambda: self.last_result("DispatchFunction", "JobsQueue") == "OK - 5 records, 1 partial failures"
            )
            for mate in mates:
                self.demo.until_state(mate["messageUuid"], "delivered")
            letters = until("the job in JobsDeadLetters", lambda: self.stack.drain("JobsDeadLetters"))
            expect_equal(letters, [poison], "the dead letters")
            for phone in phones:
                expect_equal(len(self.emulator.handset(phone)), 1, f"messages on the phone {phone}")
            restored = {name: deployed[name] for name in hastened}
            self.stack.sqs.set_queue_attributes(QueueUrl=jobs, Attributes=restored)

        with self.check("the operator's tool lists the dead letters"):
            listed = self.admin("dead-letters", "list")["dead_letters"]
            found = {one["queue"]: [letter["type"] for letter in one["letters"]] for one in listed}
            expected = {"urgent-jobs": [], "jobs": ["unreadable"], "bulk-jobs": [], "send-slots": [], "callbacks": ["state"]}
            expect_equal(found, expected, "the dead letters")
        say("skipped the operator's tool replays dead letters: MiniStack 1.5.33 has no message move tasks")

    def last_result(self, function, queue):
        return self.stack.source_of(function, queue)["LastProcessingResult"]

    # ---- Later ----

    def schedule(self):
        with self.check("messages due in five minutes are scheduled, and can be cancelled"):
            # A message due within five minutes would be sent at once.
            self.send_at = now() + datetime.timedelta(minutes=5, seconds=10)
            at = self.send_at.isoformat(timespec="milliseconds")
            later, dropped = self.demo.send(
                owned(OWN_SENDER, "447700901301", "On time", send_at=at),
                owned(OWN_SENDER, "447700901302", "Never", send_at=at),
            )
            self.later, self.dropped = later["messageUuid"], dropped["messageUuid"]
            expect(later["scheduled"] and dropped["scheduled"], f"{later}, {dropped}")
            status, cancelled = self.demo.call("DELETE", f"/messages/{self.dropped}")
            expect_equal((status, cancelled["state"]), (200, "cancelled"), "the cancelled message")

    def what_was_scheduled(self):
        with self.check("a message scheduled before the update is sent on time, once, by the schedule's ticks"):
            left = (self.send_at - now()).total_seconds()
            say(f"  it is due in {left:.0f} s")
            self.emulator.until_handset("447700901301", within=max(left, 0) + 60)
            [shown] = self.emulator.handset("447700901301")
            message = self.demo.until_state(self.later, "delivered")
            submitted = next(moment["at"] for moment in message["history"] if moment["state"] == "submitting")
            late = (datetime.datetime.fromisoformat(submitted.replace("Z", "+00:00")) - self.send_at).total_seconds()
            say(f"  it was submitted {late:.1f} s late")
            expect(0 <= late < 15, f"it was submitted {late} s late, as {shown}")
        with self.check("a cancelled message is not sent"):
            expect_equal(self.emulator.handset("447700901302"), [], "messages on the phone")
            expect_equal(self.demo.message(self.dropped)["state"], "cancelled", "the cancelled message's state")

    def update(self):
        before = dict(self.stack.resources)
        long_text = "x" * 400  # Three segments.
        with self.check("a text of three segments is accepted while SegmentLimit is 10"):
            self.demo.send(owned(OWN_SENDER, QUIET_PHONE, long_text))
        with self.check("sam deploy with other parameters updates the stack without replacing resources"):
            took = self.stack.deploy(
                "sam deploy again", SegmentLimit="2", LogLevel="DEBUG", AllowPrivateCallbacks="false"
            )
            say(f"  sam deploy took {took:.0f} s")
            expect_equal(self.stack.status, "UPDATE_COMPLETE", "the stack's status")
            expect_equal(self.stack.resources, before, "the resources")
        with self.check("the functions have the new parameters"):
            status, body = self.demo.post(owned(OWN_SENDER, QUIET_PHONE, long_text))
            expect_equal((status, body["errors"][0]["field"]), (400, "body"), "a text of three segments")
        with self.check("no data is lost in the update"):
            expect_equal(self.demo.message(self.first["messageUuid"])["state"], "delivered", "the first message")
            expect_equal(self.demo.message(self.later)["state"], "scheduled", "the scheduled message")
            [message] = self.demo.send(shared(PHONE, "After the update"))
            expect_equal(message["from"]["value"], self.first["from"]["value"], "the sender of the conversation")
            self.demo.until_state(message["messageUuid"], "delivered")
        with self.check("by default, a local address is not called back"):
            since = time.time()
            [message] = self.demo.send(shared(PHONE, "Whisper", callback=self.emulator.sink("forbidden")))
            self.demo.until_state(message["messageUuid"], "delivered")
            group = self.stack.resources["CallbackLogs"]
            refusal = "the address is not public"
            until("the refusal in the log", lambda: any(refusal in line for line in self.stack.log_lines(since, group)))
            expect_equal(self.emulator.sink_requests("forbidden"), [], "callbacks")

    def delete(self):
        tables = {name: self.stack.resources[name] for name in ("MessagesTable", "RecipientsTable", "DirectoryTable")}
        with self.check("deleting the stack retains only the tables and the secrets, with their data"):
            self.stack.delete()
            try:
                status = self.stack.cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"]
            except botocore.exceptions.ClientError:
                status = "gone"
            expect(status in ("gone", "DELETE_COMPLETE"), f"the stack is {status}")
            expect_equal(self.stack.lambda_.list_functions()["Functions"], [], "functions")
            expect_equal(self.stack.sqs.list_queues().get("QueueUrls", []), [], "queues")
            expect_equal(self.ministack.client("cloudwatch").describe_alarms()["MetricAlarms"], [], "alarms")
            secrets = self.ministack.client("secretsmanager").list_secrets()["SecretList"]
            kept = sorted(self.stack.resources[name] for name in ("CarrierSecrets", "CallbackSecretsKey"))
            expect_equal(sorted(one["Name"] for one in secrets), kept, "secrets")
            found = set(self.stack.dynamodb.list_tables()["TableNames"])
            expect(set(tables.values()) <= found, f"the tables that exist are only {found}")
            item = self.stack.item("MessagesTable", id=self.first["messageUuid"])
            expect(item is not None, "the first message is no longer in its table")


def now():
    return datetime.datetime.now(datetime.timezone.utc)


if __name__ == "__main__":
    sys.exit(main())
