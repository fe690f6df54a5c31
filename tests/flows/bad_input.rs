//! Rejected requests: each error names its field, and the request has no effect. `fields` tests the fields of
//! a message.

mod fields;

use reqwest::{Method, RequestBuilder, StatusCode, header::HeaderMap};
use serde_json::{Value, json};

use tests::{Phone, System};

use crate::system::{Answer, DEMO, OTHER, OTHER_SENDER, OWN_SENDER, POOL_SENDER, answer, shared, with};

const PHONE: Phone = Phone::delivers().nth(41);
const MIB: usize = 1 << 20;
const INVALID: &str = "urn:problem:invalid-request";

/// A field error: message index, field, code.
type FieldError<'a> = (Option<u64>, &'a str, &'a str);

/// Fails unless an answer is the problem with exactly these field errors, each with a message.
pub fn assert_problem(answer: &Answer, status: u16, kind: &str, errors: &[FieldError]) {
    let body = &answer.body;
    assert_eq!((answer.status.as_u16(), body["status"].as_u64()), (status, Some(status.into())), "{body}");
    assert_eq!(body["type"], kind, "{body}");
    let reported = body["errors"].as_array().into_iter().flatten().map(|error| {
        assert!(!error["message"].as_str().unwrap().is_empty());
        (error["index"].as_u64(), error["field"].as_str().unwrap(), error["code"].as_str().unwrap())
    });
    assert_eq!(reported.collect::<Vec<_>>(), errors, "{body}");
}

pub async fn items(system: &System, table: &str) -> u64 {
    system.scan(table).await.len() as u64
}

/// Fails if a message is stored, a sender locked, or, after all jobs are done, a text on `PHONE`.
pub async fn assert_nothing_was_done(system: &System) {
    assert_eq!((items(system, "MessagesTable").await, items(system, "RecipientsTable").await), (0, 0));
    for key in [DEMO, OTHER] {
        assert_eq!(system.get(key, "/messages").await.body, json!({"messages": []}));
    }
    system.until_idle().await;
    assert!(system.handset(&PHONE).await.is_empty());
}

fn good() -> Value {
    shared(&PHONE, "Fine")
}

fn request(message: Value) -> Value {
    json!({"messages": [message]})
}

async fn post_bytes(system: &System, body: impl Into<reqwest::Body>) -> Answer {
    answer(system.request(Method::POST, "/message").bearer_auth(DEMO).body(body)).await
}

async fn dry_run(system: &System, body: &Value) -> Answer {
    answer(system.request(Method::POST, "/message?isDryrun=true").bearer_auth(DEMO).json(body)).await
}

async fn raw(request: RequestBuilder) -> (StatusCode, HeaderMap, String) {
    let response = request.send().await.unwrap();
    (response.status(), response.headers().clone(), response.text().await.unwrap())
}

#[tokio::test]
async fn every_request_without_a_valid_key_gets_the_same_401() {
    let system = System::start().await;
    let mut bodies = Vec::new();
    let long = "k".repeat(5000);
    for (method, path) in [
        (Method::POST, "/message"),
        (Method::GET, "/messages"),
        (Method::GET, "/messages/b2693dfe-0813-427a-bc2f-62b0e9292403"),
        (Method::DELETE, "/messages/b2693dfe-0813-427a-bc2f-62b0e9292403"),
        (Method::GET, &*format!("/conversations/{PHONE}")),
    ] {
        let ask = |query: &str| system.request(method.clone(), &format!("{path}{query}")).json(&request(good()));
        for asked in [
            ask(""),
            ask("?key="),
            ask("?key=wrong"),
            ask("?key=demo-revoked-key"),
            ask("?key=Demo-Key"),
            ask("?Key=demo-key"),
            // The key in the query wins.
            ask("?key=wrong").bearer_auth(DEMO),
            ask("").bearer_auth(""),
            ask("").bearer_auth("wrong"),
            ask("").bearer_auth("demo-revoked-key"),
            ask("").bearer_auth(&long),
            ask("").basic_auth(DEMO, Some(DEMO)),
            ask("").header("authorization", DEMO),
            ask("").header("authorization", b"Bearer \xff".as_slice()),
        ] {
            let (status, headers, body) = raw(asked).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED);
            assert_eq!(headers["www-authenticate"], "Bearer");
            assert_eq!(headers["content-type"], "application/problem+json");
            bodies.push(body);
        }
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    assert!(bodies[0].contains(r#""type":"urn:problem:unauthorized""#), "{}", bodies[0]);
    assert_nothing_was_done(&system).await;
}

#[tokio::test]
async fn key_is_accepted_in_the_query_or_as_a_bearer_token() {
    let system = System::start().await;
    let post = |query: &str| system.request(Method::POST, &format!("/message{query}")).json(&request(good()));
    for asked in [
        post("?dryRun=true&key=demo-key"),
        post("?dryRun=true&key=demo%2Dkey").bearer_auth("wrong"),
        post("?dryRun=true").bearer_auth(DEMO),
        post("?dryRun=true").header("authorization", "bearer demo-key"),
    ] {
        assert_eq!(raw(asked).await.0, StatusCode::OK);
    }
    assert_eq!(system.get(DEMO, "/messages").await.status, StatusCode::OK);
    assert_eq!(raw(system.request(Method::GET, "/messages?key=demo-key")).await.0, StatusCode::OK);
}

#[tokio::test]
async fn malformed_json_is_rejected_with_its_position() {
    let system = System::start().await;
    for (body, position) in [
        (&b""[..], "line 1, column 0"),
        (b"hello", "line 1, column 1"),
        (b"to=441111111111&body=hello", "line 1, column 2"),
        (b"{\n  \"messages\": [,]\n}", "line 2, column 16"),
        (b"{\"messages\":[]} and more", "line 1, column 17"),
        (b"{\"messages\":[{\"to\":\"447700900041\"", "line 1, column 33"),
        (b"{'messages':[]}", "line 1, column 2"),
        (b"<messages/>", "line 1, column 1"),
    ] {
        let answer = post_bytes(&system, body).await;
        assert_problem(&answer, 400, INVALID, &[(None, "(body)", "malformed")]);
        assert_eq!(answer.body["errors"][0]["message"], format!("is not JSON: {position}"));
    }
    assert_nothing_was_done(&system).await;
}

#[tokio::test]
async fn body_must_be_an_object_with_1_to_1000_messages() {
    let system = System::start().await;
    for (body, field, code) in [
        (json!(null), "(body)", "wrong_type"),
        (json!([good()]), "(body)", "wrong_type"),
        (json!("messages"), "(body)", "wrong_type"),
        (json!({}), "messages", "missing"),
        (json!({"message": [good()]}), "messages", "missing"),
        (json!({"messages": null}), "messages", "missing"),
        (json!({"messages": good()}), "messages", "wrong_type"),
        (json!({"messages": "none"}), "messages", "wrong_type"),
        (json!({"messages": []}), "messages", "empty"),
        (json!({"messages": vec![good(); 1001]}), "messages", "too_many"),
        (json!({"messages": [good()], "defaults": []}), "defaults", "wrong_type"),
        (json!({"messages": [good()], "defaults": "all"}), "defaults", "wrong_type"),
        (json!({"messages": [good()], "defualts": 1}), "defualts", "wrong_type"),
    ] {
        assert_problem(&system.post(DEMO, &body).await, 400, INVALID, &[(None, field, code)]);
    }
    let answer = dry_run(&system, &json!({"messages": vec![good(); 1000]})).await;
    assert_eq!((answer.status, answer.body["messages"].as_array().unwrap().len()), (StatusCode::OK, 1000));
    assert_nothing_was_done(&system).await;
}

#[tokio::test]
async fn body_of_more_than_1_mib_is_rejected() {
    let system = System::start().await;
    let mut body = request(with(good(), "to", "")).to_string();
    body.push_str(&" ".repeat(MIB - body.len()));
    assert_problem(&post_bytes(&system, body.clone()).await, 400, INVALID, &[(Some(0), "to", "empty")]);
    body.push(' ');
    assert_problem(&post_bytes(&system, body).await, 413, "urn:problem:too-large", &[]);
    let good = format!("{}{}", request(good()), " ".repeat(2 * MIB));
    assert_problem(&post_bytes(&system, good).await, 413, "urn:problem:too-large", &[]);
    assert_nothing_was_done(&system).await;
}

#[tokio::test]
async fn unknown_fields_are_ignored_and_named() {
    let system = System::start().await;
    let body = json!({
        "note": 1,
        "defaults": {"sendAt": "x", "from": {"name": 1}},
        "messages": [
            good(),
            with(with(good(), "reference", "r"), "from", json!({"type": "shared", "kind": {}, "value": "441234567890"})),
        ],
    });
    let answer = system.post(DEMO, &body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(answer.body["messages"].as_array().unwrap().len(), 2);
    let ignored = "is unknown and was ignored";
    let expected = json!([
        {"field": "note", "message": ignored},
        {"field": "defaults.sendAt", "message": ignored},
        {"field": "defaults.from.name", "message": ignored},
        {"index": 1, "field": "reference", "message": ignored},
        {"index": 1, "field": "from.kind", "message": ignored},
        {"index": 1, "field": "from.value", "message": "was ignored: a shared sender cannot be chosen"},
    ]);
    assert_eq!(answer.body["warnings"], expected);
    let answer = system.post(DEMO, &request(good())).await;
    assert_eq!(answer.body.as_object().unwrap().keys().collect::<Vec<_>>(), ["messages"]);
    system.until_handset(&PHONE, 3).await;
}

#[tokio::test]
async fn duplicate_ids_in_a_request_are_rejected() {
    let system = System::start().await;
    let id = "b2693dfe-0813-427a-bc2f-62b0e9292403";
    let one = || with(good(), "id", id);
    let spelt = with(good(), "id", id.to_uppercase());
    let answer = system.post(DEMO, &json!({"messages": [one(), good(), spelt, with(one(), "body", "")]})).await;
    let errors = [(Some(2), "id", "duplicate"), (Some(3), "id", "duplicate"), (Some(3), "body", "empty")];
    assert_problem(&answer, 400, INVALID, &errors);
    let answer = system.post(DEMO, &json!({"defaults": {"id": id}, "messages": [good(), good()]})).await;
    assert_problem(&answer, 400, INVALID, &[(Some(1), "id", "duplicate")]);
    assert_nothing_was_done(&system).await;
}

#[tokio::test]
async fn every_field_error_of_every_message_is_listed() {
    let system = System::start().await;
    let wrong = json!({
        "to": "44", "from": {"type": "custom", "value": "TwelveLetter"}, "body": "", "callback": "x",
        "channels": ["fax"], "id": "7", "send_at": "soon",
    });
    let body = json!({"messages": [good(), wrong, good(), 7, {"from": {"type": "shared"}}, good()]});
    let expected = [
        (Some(1), "to", "malformed"),
        (Some(1), "from.value", "malformed"),
        (Some(1), "body", "empty"),
        (Some(1), "callback", "malformed"),
        (Some(1), "channels", "unknown_value"),
        (Some(1), "id", "malformed"),
        (Some(1), "send_at", "malformed"),
        (Some(3), "messages", "wrong_type"),
        (Some(4), "to", "missing"),
        (Some(4), "body", "missing"),
    ];
    assert_problem(&system.post(DEMO, &body).await, 400, INVALID, &expected);
    assert_nothing_was_done(&system).await;
}

#[tokio::test]
async fn field_error_repeats_no_number_and_no_text() {
    let system = System::start().await;
    let secret = "07700900941";
    let from = json!({"type": secret, "value": secret});
    let message = json!({"to": secret, "from": from, "body": format!("\u{1}{secret}"), "callback": secret,
        "channels": [secret], "id": secret, "send_at": secret});
    let answer = system.post(DEMO, &request(message)).await;
    assert_eq!(answer.body["errors"].as_array().unwrap().len(), 7, "{}", answer.body);
    assert!(!answer.body.to_string().contains(secret), "{}", answer.body);
}

#[tokio::test]
async fn sender_of_another_account_is_rejected() {
    let system = System::start().await;
    let from = |value: &str| with(good(), "from", json!({"type": "custom", "value": value}));
    let senders = [OWN_SENDER, OTHER_SENDER, "Nobody", POOL_SENDER, "SENDERNAME", "+441234567890"];
    let answer = system.post(DEMO, &json!({"messages": senders.map(from)})).await;
    let errors = [1, 2, 3, 4].map(|index| (Some(index), "from.value", "not_owned"));
    assert_problem(&answer, 403, "urn:problem:sender-not-owned", &errors);
    assert_nothing_was_done(&system).await;
}

#[tokio::test]
async fn dry_run_parameter_must_be_true_or_false() {
    let system = System::start().await;
    let post = async |query: &str| {
        let path = format!("/message?{query}");
        answer(system.request(Method::POST, &path).bearer_auth(DEMO).json(&request(good()))).await
    };
    for (query, field) in [
        ("dryRun=maybe", "dryRun"),
        ("isDryrun=yes", "isDryrun"),
        ("dryRun=2", "dryRun"),
        ("isDryrun=true&dryRun=maybe", "dryRun"),
    ] {
        assert_problem(&post(query).await, 400, INVALID, &[(None, field, "unknown_value")]);
    }
    for query in ["dryRun=true", "isDryrun=TRUE", "isDryRun=1", "dryrun", "isDryrun=false&dryRun=true"] {
        assert_eq!(post(query).await.status, StatusCode::OK, "{query}");
    }
    assert_nothing_was_done(&system).await;
    for (sent, query) in ["dryRun=false", "isDryrun=0&dryRun=False"].into_iter().enumerate() {
        assert_eq!(post(query).await.status, StatusCode::OK, "{query}");
        system.until_handset(&PHONE, sent + 1).await;
    }
}

#[tokio::test]
async fn unknown_path_or_method_is_a_404_in_json() {
    let system = System::start().await;
    for (method, path) in [
        (Method::POST, "/"),
        (Method::POST, "/messagee"),
        (Method::POST, "/message/"),
        (Method::POST, "/message/1"),
        (Method::POST, "/Message"),
        (Method::GET, "/message"),
        (Method::PUT, "/message"),
        (Method::PATCH, "/message"),
        (Method::DELETE, "/message"),
        (Method::POST, "/messages"),
        (Method::DELETE, "/messages"),
        (Method::GET, "/messages/1/2"),
        (Method::GET, "/dlr/loopback/token"),
    ] {
        let asked = system.request(method.clone(), path).bearer_auth(DEMO).json(&request(good()));
        let (status, headers, body) = raw(asked).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{method} {path}");
        assert!(headers["content-type"].to_str().unwrap().contains("json"), "{method} {path}: {body}");
        assert!(serde_json::from_str::<Value>(&body).unwrap().is_object(), "{body}");
    }
    assert_nothing_was_done(&system).await;
}

#[tokio::test]
async fn hostile_body_is_a_clear_field_error() {
    let system = System::start().await;
    let nested = |open: &str, close: &str| format!("{}1{}", open.repeat(200), close.repeat(200));
    let in_field = |field: &str, json: &str| {
        let mut fields = good();
        fields.as_object_mut().unwrap().remove(field);
        let fields = fields.to_string();
        format!(r#"{{"messages":[{{"{field}":{json},{}]}}"#, &fields[1..])
    };
    let twice = |json: &str| in_field("reference", json);
    let invalid_utf8 = [&b"{\"messages\":[{\"body\":\""[..], b"\xff\xfe\xc3", b"\"}]}"].concat();
    for (body, error) in [
        (nested("[", "]").into_bytes(), (None, "(body)", "malformed")),
        (nested("{\"a\":", "}").into_bytes(), (None, "(body)", "malformed")),
        (in_field("body", &nested("[", "]")).into_bytes(), (None, "(body)", "malformed")),
        ("[".repeat(MIB).into_bytes(), (None, "(body)", "malformed")),
        (in_field("to", "1e400").into_bytes(), (None, "(body)", "malformed")),
        (in_field("to", &"9".repeat(400)).into_bytes(), (None, "(body)", "malformed")),
        (in_field("to", &"9".repeat(100)).into_bytes(), (Some(0), "to", "wrong_type")),
        (in_field("to", &format!("\"{}\"", "9".repeat(100_000))).into_bytes(), (Some(0), "to", "malformed")),
        (in_field("to", "-447700900041").into_bytes(), (Some(0), "to", "wrong_type")),
        (in_field("body", r#""\ud800""#).into_bytes(), (None, "(body)", "malformed")),
        (in_field("body", r#""a\u0000b""#).into_bytes(), (Some(0), "body", "malformed")),
        (in_field("body", "\"a\u{0}b\"").into_bytes(), (None, "(body)", "malformed")),
        (in_field("callback", r#""https://a.example/\r\nHost: b""#).into_bytes(), (Some(0), "callback", "malformed")),
        (twice(r#"1,"to":"447700900042""#).into_bytes(), (None, "(body)", "duplicate")),
        (br#"{"messages":[],"messages":[]}"#.to_vec(), (None, "(body)", "duplicate")),
        (br#"{"messages":[],"\u006dessages":[]}"#.to_vec(), (None, "(body)", "duplicate")),
        (invalid_utf8, (None, "(body)", "malformed")),
        (b"\xef\xbb\xbf\xef\xbb\xbf{\"messages\":[]}".to_vec(), (None, "(body)", "malformed")),
        (vec![0; 1000], (None, "(body)", "malformed")),
    ] {
        println!("{}", String::from_utf8_lossy(&body[..body.len().min(200)]));
        assert_problem(&post_bytes(&system, body).await, 400, INVALID, &[error]);
    }
    assert_nothing_was_done(&system).await;
}
