"""Requests and answers as the description says in words: values that only the service knows, limits that no schema can
express, and refusals with status 200."""

import datetime
import json
import os
import pathlib
import re
import uuid

import jsonschema_rs
import schemathesis
from hypothesis import strategies as st

KNOWN = json.loads(os.environ["KNOWN"])
DOCUMENT = json.loads((pathlib.Path(__file__).parents[2] / "docs/openapi.json").read_text())
# Times as `send_at` describes them. All but tomorrow are the same in every run.
TOMORROW = datetime.datetime.now() + datetime.timedelta(days=1)
PAST = st.datetimes(datetime.datetime(2000, 1, 1), datetime.datetime(2026, 1, 1))
TIMES = PAST | st.just(TOMORROW)
WRITTEN = st.sampled_from(("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M+02:00", "%Y-%m-%d"))
# URLs as `callback` describes them.
SCHEMES = st.sampled_from(("http", "HTTPS"))
HOSTS = st.sampled_from(("127.0.0.1:9", "localhost", "[::1]:9", "callbacks.example", "callbacks.example:8080"))
PATHS = st.from_regex(r"[a-zA-Z0-9._~/-]{0,20}(\?[a-z]+=(%20|[a-z0-9])*)?", fullmatch=True)
# Texts of one segment: of the GSM alphabet, and others.
GSM = st.text("AZaz09@£éÖ ?", min_size=1, max_size=160)
UCS2 = st.text("Жя漢ç ", min_size=1, max_size=70)
# Spans and times as `validity` describes them.
SPANS = st.sampled_from(("1H", "72H", "5h", "90M", "4320m", "1 H"))
ZONED = st.sampled_from(("%Y-%m-%d %H:%M GMT", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M +02:00"))

schemathesis.openapi.format("cursor", st.just(KNOWN["cursor"]))
schemathesis.openapi.format("one-segment", (GSM | UCS2).filter(str.strip))
schemathesis.openapi.format("send-time", st.builds(datetime.datetime.strftime, TIMES, WRITTEN))
URLS = st.builds("{}://{}/{}".format, SCHEMES, HOSTS, PATHS)
schemathesis.openapi.format("uri", URLS)
schemathesis.openapi.format("uri-list", st.lists(URLS, min_size=1, max_size=5, unique=True).map(", ".join))
schemathesis.openapi.format("validity", SPANS | st.builds(datetime.datetime.strftime, PAST, ZONED))


def fits(pointer):
    """Returns a function that says whether a value fits a part of the description."""
    schema = {"$schema": DOCUMENT["jsonSchemaDialect"], "$ref": f"#/components/schemas/{pointer}"}
    return jsonschema_rs.validator_for({**schema, "components": DOCUMENT["components"]}).is_valid


def in_json(pointer):
    return fits(f"CmMessage/properties/{pointer}")


def in_xml(pointer):
    return fits(f"CmXmlMessage/properties/{pointer}")


IS_FALLBACK = fits("BatchRequest/properties/fallback_channels")
IS_SENDER, IS_TOKEN, IS_XML = fits("WrittenSenderId"), fits("CmToken"), fits("CmXmlRequest")
IS_CONNECTION = fits("MessangiRequest/properties/connection")
IS_REQUEST_ID = fits("IdempotencyKey")
IS_RECIPIENT, IS_TEMPLATE = fits("MessangiRecipient"), fits("MessangiBatchRequest/properties/text")
# Schemathesis leaves these out of XML.
NOT_IN_XML = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\ufffe\\uffff]")
REPEATABLE = ("MSG", "TO", "CHANNEL", "ALLOWEDCHANNELS")
MESSAGE_VALUES = (
    ("from", in_json("from"), KNOWN["sender"]),
    # The description says in words what rich content is.
    ("richContent", in_json("richContent/anyOf/0"), {"conversation": [{"text": "Hi"}]}),
    # No schema counts the parts of a text, or compares two numbers.
    ("maximumNumberOfMessageParts", in_json("maximumNumberOfMessageParts"), 255),
    ("FROM", in_xml("FROM"), KNOWN["sender"]),
    ("MAXIMUMNUMBEROFMESSAGEPARTS", in_xml("MAXIMUMNUMBEROFMESSAGEPARTS"), "255"),
)


@schemathesis.hook
def map_case(_context, case):
    """Lets most IDs name a message or a batch of the account, and makes values known to the service."""
    written = (case.path_parameters or {}).get("id")
    known = KNOWN["batches" if case.path.startswith("/batch/") else "messages"]
    if is_uuid(written) and uuid.UUID(written).int % (len(known) + 1) < len(known):
        case.path_parameters["id"] = known[uuid.UUID(written).int % (len(known) + 1)]
    if isinstance(case.body, dict | list):
        case.body = without_fractions(case.body)
    if case.path in ("/v1.0/message", "/gateway.ashx"):
        use_known_values(case)
    if case.path == "/batch" and isinstance(case.body, dict):
        agree(case.body)
    if case.path.startswith("/raven/") and isinstance(case.body, dict):
        use_known_values_of_messangi(case.body)
    if case.path == "/v3/deliveries":
        # No schema has all forms of a date that the service reads.
        for name in ("filters[startDate]", "filters[endDate]"):
            replace(case.query, name, lambda text: text and isinstance(text, str), "2026-11-30")
    if case.path == "/v3/send":
        use_known_values_of_mta(case)
    return case


def agree(batch):
    """Makes fields of a batch agree with each other, as the description says in words. A value that does not fit stays."""
    for name, other in (("id", "uuid"), ("send_at", "at")):
        is_valid = fits(f"BatchRequest/properties/{name}")
        if is_valid(batch.get(name)) and batch.get(name):
            replace(batch, other, is_valid, batch[name])
    if batch.get("channel") in ("sms", "rcs", "", None) and IS_FALLBACK(batch.get("fallback_channels")):
        fallback = ["sms"] if batch.get("channel") == "rcs" else ["rcs"]
        batch["fallback_channels"] = batch.get("fallback_channels") and fallback


def use_known_values_of_messangi(body):
    """Replaces a sender and a connection, and makes a batch's parameters those of its text: no schema compares them."""
    replace(body, "from", IS_SENDER, KNOWN["sender"])
    replace(body, "connection", lambda name: name and IS_CONNECTION(name), KNOWN["route"])
    recipients = listed(body, "to")
    if recipients:
        replace(body, "text", IS_TEMPLATE, "Hi {0}")
    for recipient in recipients:
        if isinstance(recipient, dict) and IS_RECIPIENT(recipient):
            recipient["params"] = ["Ann"]


def use_known_values_of_mta(case):
    """Replaces a sender and a conversation, and long texts: no schema counts the parts of a text. Leaves out the second
    of two valid idempotency keys."""
    keys = [(case.headers or {}).get(name) for name in ("X-Request-Id", "Idempotency-Key")]
    if all(map(IS_REQUEST_ID, keys)):
        del case.headers["Idempotency-Key"]
    replace(case.body, "longcodeId", fits("MtaRequest/properties/longcodeId"), int(KNOWN["sender"]))
    replace(case.body, "threadId", fits("MtaRequest/properties/threadId"), int(KNOWN["recipient"]))
    for name in ("header", "message", "footer", "image"):
        is_valid = fits(f"MtaRequest/properties/{name}")
        is_long = lambda text, is_valid=is_valid: is_valid(text) and len(text) > 100
        replace(case.body, name, is_long, "https://media.example/a.png" if name == "image" else "Hi")


def use_known_values(case):
    """Replaces a sender, a token and other values that fit the schema by values that the service accepts. Other values
    stay, so that a request that must be refused still must be."""
    replace(case.query, "from", IS_SENDER, KNOWN["sender"])
    replace(case.query, "producttoken", IS_TOKEN, KNOWN["key"])
    for outer in (case.body, inner(case.body, "messages")):
        replace(inner(outer, "authentication"), "productToken", IS_TOKEN, KNOWN["key"])
        replace(inner(outer, "AUTHENTICATION"), "PRODUCTTOKEN", IS_TOKEN, KNOWN["key"])
        for message in (*listed(outer, "msg"), *listed(outer, "MSG")):
            for name, is_valid, value in MESSAGE_VALUES:
                replace(message, name, is_valid, value)


def inner(value, name):
    return value.get(name) if isinstance(value, dict) else None


def listed(value, name):
    found = inner(value, name)
    return found if isinstance(found, list) else []


def replace(fields, name, is_valid, value):
    if hasattr(fields, "get") and fields.get(name) is not None and is_valid(fields[name]):
        fields[name] = value


def without_fractions(value):
    """Writes 1.0 as 1. A schema takes both for an integer, but the gateway wants digits."""
    if isinstance(value, dict):
        return {name: without_fractions(inside) for name, inside in value.items()}
    if isinstance(value, list):
        return [without_fractions(inside) for inside in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def as_xml(value):
    """Returns the body as XML says it: with texts only, and with a list for each element that may be repeated."""
    if not isinstance(value, dict) or not value:
        text = "" if value in ([], {}) else value if isinstance(value, str) else json.dumps(value)
        return NOT_IN_XML.sub("", text)
    elements = {}
    for name, inside in value.items():
        found = [as_xml(each) for each in (inside if isinstance(inside, list) else [inside])]
        if found:
            elements[name] = found if name in REPEATABLE or len(found) > 1 else found[0]
    return elements


def repeats_an_id(body):
    """Returns whether two messages have the same `id`, of their own or by default."""
    defaults = [inner(body, name) for name in ("defaults", "defualts")]
    layers = [[message, *defaults] for message in listed(body, "messages")]
    has_id = lambda layer: isinstance(layer, dict) and layer.get("id", "") != ""
    found = [next((layer["id"] for layer in each if has_id(layer)), None) for each in layers]
    ids = [str(each).lower() for each in found if each is not None]
    return len(ids) != len(set(ids))


def repeats_a_number(body):
    """Returns whether two destinations are one number, written differently: no schema recognises that."""
    written = {str(each) for name in ("destinations", "subscribers") for each in listed(body, name)}
    return len({re.sub(r"^\s*(\+|00)?|\s*$", "", each) for each in written}) < len(written)


@schemathesis.hook
def filter_case(_context, case):
    """Drops requests for hundreds of messages, which take a debug build seconds (`tests/flows/bulk.rs` has them),
    requests that repeat an ID or a number, and XML that is wrong only by a type, because XML has no types."""
    if any(100 < len(value) <= 1000 for value in arrays(case.body)):
        return False
    if repeats_an_id(case.body) or repeats_a_number(case.body):
        return False
    is_xml = case.path == "/gateway.ashx" and isinstance(case.body, dict)
    return not is_xml or IS_XML(case.body) or not IS_XML(as_xml(case.body))


@schemathesis.hook
def after_call(_context, case, response):
    """Gives refusals in CM.com's dialect, and of some numbers of a batch in Messangi's, the status by which
    Schemathesis recognises them."""
    if response.status_code in (200, 400) and is_refusal(case.path, response):
        # An idempotency key of an earlier request is no fault of the data.
        response.status_code = 200 if "different content" in response.text else 400


def is_uuid(text):
    try:
        return bool(uuid.UUID(text))
    except (AttributeError, TypeError, ValueError):
        return False


def is_refusal(path, response):
    if path == "/gateway.ashx":
        return response.text.startswith("Error: ERROR ")
    if path == "/raven/v3/messages/batch":
        return response.status_code == 400 or "invalidNumber" in json.loads(response.text)["data"]
    # The JSON gateway may accept some messages and refuse others.
    return path == "/v1.0/message" and json.loads(response.text)["errorCode"] != 0


def arrays(body):
    """Returns the arrays in a body, at any depth."""
    inside = body.values() if isinstance(body, dict) else body if isinstance(body, list) else ()
    found = [part for value in inside for part in arrays(value)]
    return [body, *found] if isinstance(body, list) else found
