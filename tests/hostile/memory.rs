//! Memory: no body within the size limit makes `send` allocate a large multiple of the body's size. A function has
//! 256 MB, and a client may send the largest body again and again.

use lambda_http::{Body, Request, RequestExt};
use shared::edge::MOST_BYTES;
use tests::{
    Phone, System,
    system::{DEMO, OWN_SENDER},
};
use tokio::runtime::{Builder, Runtime};

use super::cost::fill;

/// Limit on the memory at any time, in multiples of the body.
const MOST: usize = 20;

fn post(path: &str, body: &str) -> Request {
    let request = http::Request::post(path).header("authorization", format!("Bearer {DEMO}"));
    let path = path.split('?').next().unwrap();
    request.body(Body::from(body)).unwrap().with_raw_http_path(path)
}

/// Returns numbers as JSON, each in this form.
fn numbers(count: usize, form: impl Fn(&str) -> String) -> String {
    (0..count).map(|index| form(&format!("4479{index:08}"))).collect::<Vec<_>>().join(",")
}

fn cm(messages: &str) -> String {
    format!(r#"{{"messages":{{"authentication":{{"productToken":"{DEMO}"}},"msg":[{messages}]}}}}"#)
}

/// Returns CM.com's message with rich content.
fn cm_rich(to: &str, content: &str) -> String {
    format!(
        r#"{{"from":"{OWN_SENDER}","to":[{to}],"allowedChannels":["WhatsApp"],"body":{{"content":"Hi"}},"richContent":{content}}}"#
    )
}

/// Returns rich content of 24 KiB, the limit, with this many of one part.
fn rich(open: &str, one: &str, close: &str) -> String {
    fill(24_000, &format!(r#"{{"conversation":[{open}"#), one, &format!("{close}]}}"))
}

/// Returns bodies by path and name.
fn bodies() -> Vec<(&'static str, &'static str, String)> {
    let as_is = |number: &str| format!(r#"{{"number":"00{number}"}}"#);
    let blanks = |body: String| format!("{body}{}", " ".repeat(MOST_BYTES - body.len()));
    let long = "Hello ".repeat(200);
    let items = rich("", r#"{"text":"a"},"#, "");
    let contact = r#"{"contacts":[{"name":{"formatted_name":"A","first_name":"A"},"x":["#;
    let contact = rich(contact, r#"{"a":1},"#, "]}]}");
    let suggestion = r#"{"text":"a","suggestions":[{"action":"reply","label":"a","postbackdata":"b"}]},"#;
    let suggestions = rich("", suggestion, "");
    let in_messages = |content: &str| {
        let one = format!("{},", cm_rich(&as_is(&Phone::delivers()), content));
        cm(&fill(MOST_BYTES - 100, "", &one, ""))
    };
    let for_recipients = |content: &str| blanks(cm(&cm_rich(&numbers(170, as_is), content)));
    let text = "a".repeat(1_100);
    let mplus =
        format!(r#"{{"from":{{"type":"custom","value":"{OWN_SENDER}"}},"to":"447911123456","body":"{text}"}},"#);
    let quoted = |number: &str| format!("\"{number}\"");
    let international = |number: &str| format!("\"+{number}\"");
    let batch = format!(r#"{{"from":"{OWN_SENDER}","message":"{long}","destinations":[{}]}}"#, numbers(1000, quoted));
    let to = |number: &str| format!(r#"{{"to":"{number}","params":{{"a":"{}"}}}}"#, "b".repeat(200));
    let messangi = format!(
        r#"{{"from":"{OWN_SENDER}","text":"{{{{a}}}}{{{{a}}}}{{{{a}}}}{{{{a}}}}{{{{a}}}}","to":[{}]}}"#,
        numbers(1000, to)
    );
    let same = |number: &str| format!(r#"{{"to":"{number}"}}"#);
    let messangi_same = format!(r#"{{"from":"{OWN_SENDER}","text":"{long}","to":[{}]}}"#, numbers(1000, same));
    let tags: Vec<_> = (0..10).map(|tag| format!(r#""t{tag}":"{}""#, "v".repeat(60))).collect();
    let mta = format!(
        r#"{{"longcodeId":{OWN_SENDER},"message":"{long}","subscribers":[{}],"tags":{{{}}}}}"#,
        numbers(1000, international),
        tags.join(",")
    );
    let token = format!("<AUTHENTICATION><PRODUCTTOKEN>{DEMO}</PRODUCTTOKEN></AUTHENTICATION>");
    let xml = format!("<MSG><FROM>{OWN_SENDER}</FROM><TO>00447911123456</TO><BODY>{text}</BODY></MSG>");
    let groupings = "<MSG><CUSTOMGROUPING>a</CUSTOMGROUPING></MSG>";
    vec![
        ("/message", "texts", fill(MOST_BYTES, r#"{"messages":["#, &mplus, "]}")),
        ("/message", "empty objects", fill(MOST_BYTES, r#"{"messages":["#, "{},", "]}")),
        ("/message", "small objects", fill(MOST_BYTES, r#"{"messages":["#, r#"{"":0},"#, "]}")),
        ("/message", "fewer small objects", blanks(fill(174_000, r#"{"messages":["#, r#"{"":0},"#, "]}"))),
        ("/message", "numbers", fill(MOST_BYTES, r#"{"messages":["#, "0,", "]}")),
        ("/message", "fewer numbers", blanks(fill(199_000, r#"{"messages":["#, "0,", "]}"))),
        ("/message", "nested lists", fill(MOST_BYTES, r#"{"messages":["#, "[[[]]],", "]}")),
        ("/batch?allowMulti=true", "recipients", blanks(batch)),
        ("/v1.0/message", "items for recipients", for_recipients(&items)),
        ("/v1.0/message", "a contact for recipients", for_recipients(&contact)),
        ("/v1.0/message", "items in messages", in_messages(&items)),
        ("/v1.0/message", "a contact in messages", in_messages(&contact)),
        ("/v1.0/message", "suggestions in messages", in_messages(&suggestions)),
        (
            "/v1.0/message",
            "fewer items in messages",
            blanks(cm(format!("{},", cm_rich(&as_is("447911123456"), &items)).repeat(11).trim_end_matches(','))),
        ),
        ("/gateway.ashx", "empty messages", fill(MOST_BYTES, "<MESSAGES>", "<MSG/>", "</MESSAGES>")),
        ("/gateway.ashx", "texts", fill(MOST_BYTES, &format!("<MESSAGES>{token}"), &xml, "</MESSAGES>")),
        ("/gateway.ashx", "groupings", fill(MOST_BYTES, "<MESSAGES>", groupings, "</MESSAGES>")),
        ("/raven/v3/messages/batch", "parameters", blanks(messangi)),
        ("/raven/v3/messages/batch", "recipients", blanks(messangi_same)),
        ("/v3/send", "recipients with tags", blanks(mta)),
    ]
}

/// Returns the most memory that an invocation holds at a time, in bytes, and the answer's status.
fn measure(runtime: &Runtime, send: &send::Send, path: &str, body: &str) -> (usize, u16) {
    let mut status = 0;
    let request = post(path, body);
    let counted = allocation_counter::measure(|| {
        status = runtime.block_on(send.handle(request)).status().as_u16();
    });
    (usize::try_from(counted.bytes_max).unwrap(), status)
}

#[test]
fn memory_of_send_is_a_small_multiple_of_the_body() {
    // The system runs on other threads, and the allocations of a thread are counted by themselves.
    let others = Builder::new_multi_thread().enable_all().build().unwrap();
    let system = others.block_on(System::start());
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let send = send::Send::new(&system.environment_of("send")).unwrap();
    // Connections and caches.
    measure(&runtime, &send, "/message", "{}");
    let mut over = Vec::new();
    for (path, name, body) in bodies() {
        let (bytes, status) = measure(&runtime, &send, path, &body);
        let times = |size: usize| {
            let tenths = 10 * bytes / size;
            format!("{}.{}", tenths / 10, tenths % 10)
        };
        let (of_most, of_body) = (times(MOST_BYTES), times(body.len()));
        println!("{of_most} x 1 MiB, {of_body} x the body of {} bytes: {path}, {name}: {status}", body.len());
        if bytes > MOST * MOST_BYTES {
            over.push(format!("{path}, {name}: {of_most}"));
        }
    }
    assert!(over.is_empty(), "{over:?}");
}
