//! Parse time: no body within the size limit takes much longer than an ordinary body of the same size. In
//! particular, a value that is written once must not be processed for each of a thousand messages.

use std::{
    fs,
    sync::LazyLock,
    time::{Duration, Instant},
};

use shared::{
    domain::{SegmentLimit, Timestamp, Vendor},
    edge::{MOST_BYTES, MOST_WEBHOOK_BYTES},
    vendors::{
        cm::dialect::{ReadContext, request, xml},
        cymba::dialect as mplus,
        messangi::dialect::request as messangi,
        mta::dialect::request as mta,
    },
};
use strum::IntoEnumIterator;
use tests::carrier_settings;

/// Maximum ratio between the parse times of a hostile and an ordinary body. Markup without content takes ten
/// times as long as long texts, and a value processed a thousand times takes hundreds of times as long.
const MAX_RATIO: u32 = 40;
/// Shorter times always pass.
const MIN_COMPARED: Duration = Duration::from_millis(600);

fn context() -> ReadContext {
    ReadContext { limit: SegmentLimit::default(), now: Timestamp::UNIX_EPOCH }
}

fn read_mplus(body: &[u8]) {
    drop(mplus::request::read(body, context().limit));
}

fn read_cm(body: &[u8]) {
    drop(request::Posted::parse(body).map(|posted| posted.read(&context())));
}

fn read_xml(body: &[u8]) {
    drop(xml::Posted::parse(body).map(|posted| posted.read(&context())));
}

fn read_messangi(body: &[u8]) {
    drop(messangi::read(body, context().limit));
}

fn read_messangi_batch(body: &[u8]) {
    drop(messangi::read_batch(body, context().limit));
}

fn read_mta(body: &[u8]) {
    drop(mta::read(body, context().limit, "1".parse().ok()));
}

fn read_webhook(body: &[u8]) {
    let endpoint = "http://127.0.0.1".parse().unwrap();
    for vendor in Vendor::iter() {
        drop((vendor.read_receipts(body), carrier_settings(vendor, &endpoint).read_replies(body)));
    }
}

/// Returns this thread's CPU time, so that other load on the machine does not count. Falls back to the
/// clock on systems without `schedstat`.
fn cpu_time() -> Duration {
    static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);
    let schedstat = fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = schedstat.and_then(|schedstat| schedstat.split(' ').next()?.parse().ok());
    nanoseconds.map_or_else(|| BEGUN.elapsed(), Duration::from_nanos)
}

/// Returns the mean over several runs, because CPU times are coarse.
fn time(read: fn(&[u8]), body: &str) -> Duration {
    const RUNS: u32 = 3;
    let started = cpu_time();
    for _ in 0..RUNS {
        read(body.as_bytes());
    }
    cpu_time().saturating_sub(started) / RUNS
}

/// Repeats `one` between `open` and `close` up to `most` bytes.
pub(super) fn fill(most: usize, open: &str, one: &str, close: &str) -> String {
    let times = (most - open.len() - close.len()) / one.len();
    let filling = one.repeat(times);
    format!("{open}{}{close}", filling.strip_suffix(',').unwrap_or(&filling))
}

/// Returns object members, each followed by a comma.
fn keys(count: u32) -> String {
    (0..count).map(|key| ["\"", &key.to_string(), "\":0,"].concat()).collect()
}

/// Returns a thousand messages under a default field that fills the body.
fn under_defaults(open: &str, one: &str, close: &str) -> String {
    let messages = vec!["{}"; 1000].join(",");
    fill(MOST_BYTES, &format!(r#"{{"defaults":{{{open}"#), one, &format!(r#"{close}}},"messages":[{messages}]}}"#))
}

/// Returns a CM.com JSON message for a thousand recipients, with a field that fills the body.
fn among_recipients(open: &str, one: &str, close: &str) -> String {
    let recipients = vec![r#"{"number":"447911123456"}"#; 1000].join(",");
    let msg = format!(r#"{{"messages":{{"msg":[{{"from":"SenderName","to":[{recipients}],"body":{{"content":"Hi"}},"#);
    fill(MOST_BYTES, &format!("{msg}{open}"), one, &format!("{close}}}]}}}}"))
}

/// Returns a batch of Messangi's for a thousand recipients, with a text that fills the body.
fn to_thousand(params: &str, open: &str, one: &str, close: &str) -> String {
    let recipients = vec![format!(r#"{{"to":"447911123456","params":{params}}}"#); 1000].join(",");
    fill(
        MOST_BYTES,
        &format!(r#"{{"from":"SenderName","to":[{recipients}],"text":"{open}"#),
        one,
        &format!("{close}\"}}"),
    )
}

#[track_caller]
fn assert_cheap(read: fn(&[u8]), ordinary: &str, hostile: &[String]) {
    let usual = time(read, ordinary);
    for body in hostile {
        let measured = time(read, body);
        let begins = &body[..body.floor_char_boundary(100)];
        println!("{measured:?}, ordinary body {usual:?}: {begins}");
        assert!(measured < MIN_COMPARED.max(usual * MAX_RATIO), "{measured:?} instead of {usual:?}: {begins}");
    }
}

#[test]
fn mplus_json_parse_time_is_bounded_for_hostile_bodies() {
    let message = format!(r#"{{"to":"447911123456","from":{{"type":"shared"}},"body":"{}"}},"#, "Hello ".repeat(160));
    let ordinary = fill(MOST_BYTES, r#"{"messages":["#, &message, "]}");
    let keys = keys(80_000);
    let hostile = [
        under_defaults(r#""to":""#, "9", "\""),
        under_defaults(r#""to":""#, " ", "\""),
        under_defaults(r#""from":{"type":"custom","value":""#, "9", "\"}"),
        under_defaults(r#""from":{"type":"custom","value":""#, "a", "\"}"),
        under_defaults(r#""from":{"type":"custom","value":""#, " ", "\"}"),
        under_defaults(r#""from":{"type":""#, "a", "\"}"),
        under_defaults(r#""body":""#, "a", "\""),
        under_defaults(r#""body":""#, "ж", "\""),
        under_defaults(r#""body":""#, " ", "\""),
        under_defaults(r#""callback":"https://"#, "xn--a.", "\""),
        under_defaults(r#""callback":"https://a/"#, "../", "\""),
        under_defaults(r#""id":""#, "a", "\""),
        under_defaults(r#""send_at":"2026-01-01T00:00:00."#, "1", "\""),
        under_defaults(r#""channels":["sms",""#, "a", "\"]"),
        under_defaults(r#""channels":["#, "0,", "]"),
        format!(r#"{{"messages":[{{{keys}"to":""}}]}}"#),
        fill(MOST_BYTES, r#"{"messages":["#, r#"{"":0},"#, "]}"),
        fill(MOST_BYTES, "[", "[],", "]"),
        fill(MOST_BYTES, "", "[", ""),
    ];
    assert_cheap(read_mplus, &ordinary, &hostile);
}

#[test]
fn cm_json_parse_time_is_bounded_for_hostile_bodies() {
    let message = format!(
        r#"{{"from":"SenderName","to":[{{"number":"447911123456"}}],"body":{{"content":"{}"}}}},"#,
        "Hello ".repeat(160)
    );
    let ordinary = fill(MOST_BYTES, r#"{"messages":{"msg":["#, &message, "]}}");
    let keys = keys(80_000);
    let hostile = [
        among_recipients(r#""allowedChannels":["#, r#""SMS","#, "]"),
        among_recipients(r#""allowedChannels":[""#, " ", "\"]"),
        among_recipients(r#""validity":""#, "1", "\""),
        among_recipients(r#""reference":""#, "r", "\""),
        among_recipients(r#""customGrouping":""#, "g", "\""),
        among_recipients(r#""richContent":{"conversation":["#, r#"{"text":"x"},"#, "]}"),
        among_recipients(
            r#""richContent":{"conversation":[{"text":"x"}],"suggestions":["#,
            r#"{"action":"reply"},"#,
            "]}",
        ),
        fill(MOST_BYTES, r#"{"messages":{"msg":[{"from":""#, "a", "\"}]}}"),
        fill(MOST_BYTES, r#"{"messages":{"msg":[{"to":["#, r#"{"number":"1"},"#, "]}]}}"),
        fill(MOST_BYTES, r#"{"messages":{"msg":["#, r#"{"a":1},"#, "]}}"),
        fill(MOST_BYTES, r#"{"messages":{"authentication":{"productToken":""#, "t", "\"}}}"),
        format!(r#"{{"messages":{{"msg":[{{{keys}"to":[]}}]}}}}"#),
    ];
    assert_cheap(read_cm, &ordinary, &hostile);
}

#[test]
fn messangi_parse_time_is_bounded_for_hostile_bodies() {
    let single = |field: &str, one: &str| {
        fill(MOST_BYTES, &format!(r#"{{"from":"SenderName","to":"447911123456","text":"Hi","{field}":""#), one, "\"}")
    };
    let ordinary = fill(MOST_BYTES, r#"{"text":""#, "Hello ", "\"}");
    let hostile = [
        single("text2", "é"),
        single("callbacks", "https://a.example/x,"),
        single("callbacks", ","),
        single("externalId", "x"),
        single("connection", "x"),
        single("email", "@"),
        fill(MOST_BYTES, r#"{"text":""#, "ж", "\"}"),
        fill(MOST_BYTES, r#"{"to":""#, "9", "\"}"),
        fill(MOST_BYTES, r#"{"to":"#, "9", "}"),
        format!(r#"{{{}"to":""}}"#, keys(80_000)),
    ];
    assert_cheap(read_messangi, &ordinary, &hostile);
    let to = format!(r#"{{"to":"447911123456","params":["{}"]}},"#, "Hello ".repeat(160));
    let ordinary = fill(MOST_BYTES, r#"{"from":"SenderName","text":"{0}","to":["#, &to, "]}");
    let one = |params: &str, close: &str, one: &str| {
        let begin = r#"{"from":"SenderName","text":"{0}{0}{0}{0}","to":[{"to":"447911123456","params":"#;
        fill(MOST_BYTES, &format!("{begin}{params}"), one, &format!("{close}}}]}}"))
    };
    let most_placeholders = |parameter: &str| {
        let recipient = format!(r#"{{"to":"447911123456","params":["{parameter}"]}}"#);
        let recipients = vec![recipient; 1000].join(",");
        format!(r#"{{"from":"SenderName","to":[{recipients}],"text":"{}"}}"#, "{0}".repeat(500))
    };
    let hostile = [
        to_thousand(r#"["x"]"#, "", "{0}", ""),
        to_thousand(r#"[""]"#, "", "{0}", ""),
        to_thousand("[]", "{0", "0", "}"),
        to_thousand("[]", "", "a", ""),
        to_thousand(r#"["x"]"#, "{0}", "a", ""),
        to_thousand(r#"["x"]"#, "{0}", "{", ""),
        to_thousand(r#"["x"]"#, "{0}", "{1", ""),
        most_placeholders("€"),
        most_placeholders("xyz"),
        most_placeholders(&"x".repeat(900)),
        one("[", "]", "0,"),
        one("[\"", "\"]", "a"),
        one("[", "]", "9"),
        fill(MOST_BYTES, r#"{"from":"a","text":"a","to":["#, r#"{"to":""},"#, "]}"),
        fill(MOST_BYTES, r#"{"from":"a","text":"a","to":[{"to":""#, "9", "\"}]}"),
        fill(MOST_BYTES, "[", "[],", "]"),
    ];
    assert_cheap(read_messangi_batch, &ordinary, &hostile);
}

#[test]
fn mta_parse_time_is_bounded_for_hostile_bodies() {
    let numbers: Vec<_> = (0..1000).map(|index| format!("\"+4479{index:08}\"")).collect();
    let to_thousand = |open: &str, one: &str, close: &str| {
        fill(MOST_BYTES, &format!(r#"{{"subscribers":[{}],{open}"#, numbers.join(",")), one, &format!("{close}}}"))
    };
    let ordinary = to_thousand(r#""message":""#, "Hello ", "\"");
    let hostile = [
        to_thousand(r#""message":""#, "ж", "\""),
        to_thousand(r#""message":""#, " ", "\""),
        to_thousand(r#""message":"a","header":""#, "a", "\""),
        to_thousand(r#""message":"a","image":"https://a/"#, "../", "\""),
        to_thousand(r#""message":"a","image":"https://"#, "xn--a.", "\""),
        to_thousand(r#""message":"a","externalId":""#, "x", "\""),
        to_thousand(r#""message":"a","scheduledDate":"20260101T000000."#, "1", "\""),
        to_thousand(r#""message":"a","longcodeId":""#, "9", "\""),
        to_thousand(r#""message":"a","longcodeId":"#, "9", ""),
        to_thousand(r#""message":"a","groups":["#, "0,", "]"),
        format!(r#"{{"message":"a","tags":{{{}"":""}}}}"#, keys(80_000)),
        fill(MOST_BYTES, r#"{"message":"a","subscribers":["#, "\"\",", "]}"),
        fill(MOST_BYTES, r#"{"message":"a","subscribers":[""#, "9", "\"]}"),
        fill(MOST_BYTES, r#"{"message":"a","subscribers":[""#, " ", "\"]}"),
        fill(MOST_BYTES, "[", "[],", "]"),
    ];
    assert_cheap(read_mta, &ordinary, &hostile);
}

#[test]
fn xml_parse_time_is_bounded_for_hostile_bodies() {
    let message =
        format!("<MSG><FROM>SenderName</FROM><TO>447911123456</TO><BODY>{}</BODY></MSG>", "Hello ".repeat(160));
    let ordinary = fill(MOST_BYTES, "<MESSAGES>", &message, "</MESSAGES>");
    let recipients = "<TO>447911123456</TO>".repeat(1000);
    let hostile = [
        fill(MOST_BYTES, "<MESSAGES>", "<MSG/>", "</MESSAGES>"),
        fill(MOST_BYTES, "<MESSAGES><MSG>", "<TO/>", "</MSG></MESSAGES>"),
        fill(MOST_BYTES, "<MESSAGES><MSG><BODY ", "a='' ", ">x</BODY></MSG></MESSAGES>"),
        fill(MOST_BYTES, "<MESSAGES><MSG>", "<BODY type='auto'/>", "</MSG></MESSAGES>"),
        fill(MOST_BYTES, "<MESSAGES><MSG><BODY>", "&lt;", "</BODY></MSG></MESSAGES>"),
        fill(MOST_BYTES, "<MESSAGES><MSG><BODY>", "&#x10FFFF;", "</BODY></MSG></MESSAGES>"),
        fill(MOST_BYTES, "<MESSAGES><MSG><BODY>", "<![CDATA[]]>", "</BODY></MSG></MESSAGES>"),
        fill(MOST_BYTES, &format!("<MESSAGES><MSG>{recipients}<CHANNEL>"), "SMS,", "</CHANNEL></MSG></MESSAGES>"),
        fill(MOST_BYTES, "<MESSAGES>", "<!---->", "</MESSAGES>"),
        fill(MOST_BYTES, "<MESSAGES>", "<!--", ""),
        fill(MOST_BYTES, "<MESSAGES>", "<", ""),
        fill(MOST_BYTES, "<", "A", ""),
        fill(MOST_BYTES, "<MESSAGES><MSG><FROM>&", "a", ";</FROM></MSG></MESSAGES>"),
    ];
    assert_cheap(read_xml, &ordinary, &hostile);
}

#[test]
fn webhook_parse_time_is_bounded_for_hostile_bodies() {
    let text = "Hello ".repeat(30);
    let reply = format!(
        r#"{{"from":{{"number":"447911123456"}},"to":{{"number":"12345"}},"message":{{"text":"{text}"}},"timeUtc":"2026-01-01T00:00:00"}},"#
    );
    let ordinary = fill(MOST_WEBHOOK_BYTES, "[", &reply, "]");
    let keys = keys(20_000);
    let hostile = [
        fill(MOST_WEBHOOK_BYTES, r#"{"messages":{"msg":["#, r#"{"status":{"code":2}},"#, "]}}"),
        fill(MOST_WEBHOOK_BYTES, "<MESSAGES>", "<MSG><STATUS><CODE>2</CODE></STATUS></MSG>", "</MESSAGES>"),
        fill(MOST_WEBHOOK_BYTES, "<MESSAGES>", "<MSG/>", "</MESSAGES>"),
        format!(
            r#"{{"messages":{{"msg":[{}{}]}}}}"#,
            r#"{"status":{"code":2}},"#.repeat(999),
            fill(MOST_WEBHOOK_BYTES / 2, r#"{"x":["#, "1e15,", "0]}")
        ),
        fill(MOST_WEBHOOK_BYTES, "id:1 stat:DELIVRD ", "err:1 ", ""),
        fill(4096, "id:1 stat:DELIVRD ", "done date:2702210930 ", ""),
        fill(MOST_WEBHOOK_BYTES, "", "id:", ""),
        fill(MOST_WEBHOOK_BYTES, r#"{"from":{"number":""#, "9", "\"}}"),
        fill(MOST_WEBHOOK_BYTES, "", "[", ""),
        format!(r#"{{"messages":{{"msg":[{{{keys}"status":0}}]}}}}"#),
    ];
    assert_cheap(read_webhook, &ordinary, &hostile);
}
