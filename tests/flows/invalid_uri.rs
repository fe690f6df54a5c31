//! Queries and paths that no HTTP library writes, because they are not part of a valid URI.

use serde_json::{Value, json};
use tests::{Phone, System};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    bad_input::assert_nothing_was_done,
    system::{CM_TOKEN, DEMO, OWN_SENDER, TOKEN},
};

const PHONE: Phone = Phone::delivers().nth(41);

/// An answer: its status, content type and body.
type RawAnswer = (u16, String, String);

/// Sends a request whose target goes out as it is.
async fn ask(system: &System, method: &str, target: &str, body: &str) -> RawAnswer {
    let url = system.url("/");
    let mut stream = TcpStream::connect((url.host_str().unwrap(), url.port().unwrap())).await.unwrap();
    let length = body.len();
    let request = format!(
        "{method} {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let content_type = head.lines().find_map(|line| line.strip_prefix("content-type: ")).unwrap_or_default();
    (head[9..12].parse().unwrap(), content_type.to_owned(), body.to_owned())
}

fn assert_problem((status, content_type, body): RawAnswer, target: &str) {
    assert_eq!((status, &*content_type), (400, "application/problem+json"), "{target}: {body}");
    let problem: Value = serde_json::from_str(&body).unwrap();
    let error = &problem["errors"][0];
    assert_eq!(
        (&problem["status"], &error["field"], &error["code"]),
        (&json!(400), &json!("(query)"), &json!("malformed"))
    );
}

#[tokio::test]
async fn query_that_is_no_uri_is_a_problem_of_each_path() {
    let system = System::start().await;
    let message = json!({"messages": [{"from": {"type": "custom", "value": OWN_SENDER}, "to": PHONE, "body": "x"}]});
    for query in ["a=\"b", "a=<", "a=>", "a=b c", "a=#b", "a=é"] {
        let target = format!("/message?key={DEMO}&{query}");
        assert_problem(ask(&system, "POST", &target, &message.to_string()).await, &target);
    }
    for (method, path) in [
        ("GET", "/messages"),
        ("GET", "/messages/b2693dfe-0813-427a-bc2f-62b0e9292403"),
        ("DELETE", "/messages/b2693dfe-0813-427a-bc2f-62b0e9292403"),
        ("GET", "/conversations/447700900041"),
        ("GET", "/dr-responses"),
        ("GET", "/openapi.json"),
        ("POST", &*format!("/dlr/loopback/{TOKEN}")),
        ("POST", &*format!("/dlr/cm/{CM_TOKEN}/b2693dfe-0813-427a-bc2f-62b0e9292403")),
        ("POST", &*format!("/mo/loopback/{TOKEN}")),
    ] {
        let target = format!("{path}?key={DEMO}&a=\"b");
        assert_problem(ask(&system, method, &target, "").await, &target);
    }
    assert_nothing_was_done(&system).await;
}

#[tokio::test]
async fn query_that_is_no_uri_is_an_error_of_each_cm_gateway() {
    let system = System::start().await;
    let rule = "The query has a character that must be percent-encoded";
    let json_body = json!({"messages": {"authentication": {"productToken": DEMO}, "msg": [
        {"from": OWN_SENDER, "to": [{"number": PHONE.with_00()}], "body": {"content": "x"}}]}});
    let answer = ask(&system, "POST", "/v1.0/message?a=\"b", &json_body.to_string()).await;
    let expected = json!({"details": rule, "errorCode": 202, "messages": []});
    assert_eq!((answer.0, &*answer.1), (400, "application/json"));
    assert_eq!(serde_json::from_str::<Value>(&answer.2).unwrap(), expected);

    let query = format!("producttoken={DEMO}&from={OWN_SENDER}&to={}&body=a\"b", PHONE.with_00());
    for method in ["GET", "POST"] {
        let answer = ask(&system, method, &format!("/gateway.ashx?{query}"), "").await;
        assert_eq!(answer, (400, "text/plain; charset=utf-8".to_owned(), format!("Error: ERROR {rule}")));
    }
    assert_nothing_was_done(&system).await;
}

#[tokio::test]
async fn characters_that_browsers_do_not_escape_are_sent() {
    let system = System::start().await;
    let query = format!("producttoken={DEMO}&from={OWN_SENDER}&to={}&body={{a}}|[b]", PHONE.with_00());
    assert_eq!(ask(&system, "GET", &format!("/gateway.ashx?{query}"), "").await.0, 200);
    system.until_handset(&PHONE, 1).await;
    assert_eq!(system.texts(&PHONE).await, ["{a}|[b]"]);
}

#[tokio::test]
async fn path_that_is_no_uri_is_not_found() {
    let system = System::start().await;
    for path in ["/messages/a\"b", "/messages/<>", "/messages/é"] {
        let answer = ask(&system, "GET", &format!("{path}?key={DEMO}"), "").await;
        assert_eq!((answer.0, &*answer.1), (404, "application/problem+json"), "{path}");
    }
}
