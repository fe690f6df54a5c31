"""Checks with Schemathesis that the local stack behaves as its OpenAPI description says.

Schemathesis reads the served description, and makes requests that fit it and requests that do
not: the document's examples, the limits of each parameter and field, and random ones. The seed
is fixed; schemathesis.toml has it, and says which checks are left out where.

`local` runs with `--offline`, because the requests have random callback URLs.
"""

import datetime
import json
import os
import pathlib
import re
import sys
import tempfile

from harness import Checks, Processes, expect, interruptible, run_checks, say
from outside import BUILD_PROGRAMS, Client, Local, owned

HERE = pathlib.Path(__file__).parent
TOOL = pathlib.Path(sys.executable).parent / "schemathesis"
KEY, SENDER, RECIPIENT = "demo-key", "441234567890", "447700900001"
# The product token and the route's name in the description's examples.
EXAMPLE_TOKEN, EXAMPLE_ROUTE = "00000000-0000-0000-0000-000000000000", "premium"


def main():
    interruptible()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="openapi-test-"))
    processes = Processes(folder)
    checks = Checks(lambda _since: None)

    def body():
        with checks.check("the local stack is built and starts"):
            processes.run("cargo build", BUILD_PROGRAMS)
            local = Local(processes, "--offline", "--config", str(configured(folder)))
        if not checks.failed:
            with checks.check("the local stack behaves as its description says"):
                say(run_tool(processes, folder, local.url, known(local.url)))

    return run_checks(checks, processes, folder, "the build, the local stack and the tool", body)


def configured(folder):
    """Writes a configuration in which the examples' token is a key and their route exists, and returns its path."""
    keys, carriers = f'keys = ["{KEY}"]', 'carriers = ["loopback"]'
    text = pathlib.Path("infra/local/local.toml").read_text()
    for line, replacement in (
        (keys, f'keys = ["{KEY}", "{EXAMPLE_TOKEN}"]'),
        (carriers, f'{carriers}\nname = "{EXAMPLE_ROUTE}"'),
    ):
        expect(text.count(line) == 1, f"local.toml has not one line {line}")
        text = text.replace(line, replacement)
    path = folder / "local.toml"
    path.write_text(text)
    return path


def known(url):
    """Sends messages and batches for requests to name. Returns their IDs, a cursor, and values that the service knows."""
    client = Client(url, KEY)
    tomorrow = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)).isoformat()
    sent = client.send(
        owned(SENDER, RECIPIENT, "Delivered"),
        owned(SENDER, RECIPIENT, "Scheduled", send_at=tomorrow),
        owned(SENDER, "447700900101", "Undelivered"),
    )
    messages = [message["messageUuid"] for message in sent]
    for message, state in zip(messages, ("delivered", "scheduled", "undelivered"), strict=True):
        client.until_state(message, state)
    batch = {"from": SENDER, "message": "To all", "destinations": [RECIPIENT, "447700900101"]}
    # A scheduled batch can be cancelled.
    batches = [client.call("POST", "/batch", {**batch, **more}) for more in ({}, {"send_at": tomorrow})]
    expect(all(status == 200 for status, _ in batches), f"the batches: {batches}")
    status, page = client.call("GET", "/messages?limit=1")
    expect(status == 200 and "next" in page, f"the first page of messages: {status} {page}")
    return {
        **{"messages": messages, "batches": [answer["identifier"] for _, answer in batches]},
        **{"cursor": page["next"], "key": KEY, "sender": SENDER, "recipient": RECIPIENT, "route": EXAMPLE_ROUTE},
    }


def run_tool(processes, folder, url, names):
    """Runs Schemathesis, and returns the end of its output. A failure has all of the output."""
    env = {**os.environ, "HOOKS": str(HERE / "hooks.py"), "KNOWN": json.dumps(names), "PYTHONHASHSEED": "0"}
    command = [str(TOOL), "--config-file", str(HERE / "schemathesis.toml"), "run", f"{url}/openapi.json"]
    processes.run("schemathesis", command, env)
    output = (folder / "schemathesis.log").read_text(errors="replace")
    found = re.search(r"^=+ SUMMARY =+$.*", output, re.MULTILINE | re.DOTALL)
    expect(found, f"Schemathesis printed no summary\n{output}")
    return found[0].strip()


if __name__ == "__main__":
    sys.exit(main())
