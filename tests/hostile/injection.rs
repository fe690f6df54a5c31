//! Injection: texts stay texts and never become a header, a path, a log line or another vendor's markup.

use http::{Request, header::CONTENT_TYPE};
use lambda_http::{Body, RequestExt};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::edge::MOST_WEBHOOK_BYTES;
use tests::{
    Phone, System, TestConfig, carriers,
    clients::{ClientMessage, ClientRequest, formats},
    system::{DEMO, OWN_SENDER, TOKEN, answer, owned, with},
    webhook_path,
};

const PHONE: Phone = Phone::delivers();

/// Characters with a meaning in some format that we write.
const TEXT: &str = "a\r\nX-Other: 1\r\n\r\nb \"quoted\" \\ 'x' {\"k\":[1]} </BODY></MSG><MSG> &lt; ]]> %0d%0a #{x} ${jndi:ldap://x} \
    \u{2028}\u{202e}\u{feff}\u{7f}\t{0} $(id) `id` ; -- ";

#[tokio::test]
async fn any_text_arrives_unchanged() {
    let system = System::start().await;
    system.send_one(DEMO, with(owned(&PHONE, TEXT), "callback", system.sink("receipts"))).await;
    assert_eq!(system.until_handset(&PHONE, 1).await[0]["text"], TEXT);
    let over_cm = json!({"from": OWN_SENDER, "to": [{"number": PHONE.with_00()}], "body": {"content": TEXT},
        "allowedChannels": ["Viber"], "customGrouping": "\"},{\"x\":\"", "reference": "</x>\"'%0d%0a"});
    let body = json!({"messages": {"msg": [over_cm]}});
    let answered =
        answer(system.request(Method::POST, "/v1.0/message").header("X-CM-PRODUCTTOKEN", DEMO).json(&body)).await;
    assert_eq!(answered.body["errorCode"], 0, "{}", answered.body);
    assert_eq!(system.until_handset(&PHONE, 2).await[1]["text"], TEXT);

    system.reply_from(&PHONE, OWN_SENDER, TEXT).await;
    let reply = system.until_callback("replies").await;
    assert!(reply.json().to_string().contains(&json!(TEXT).to_string()), "{reply}");
    assert!(!reply.has_header("x-other"));
    for receipt in system.until_callbacks("receipts", 1).await {
        assert!(!receipt.has_header("x-other"), "{receipt}");
    }
}

#[tokio::test]
async fn plain_text_responses_are_not_html() {
    let system = System::start().await;
    let path = "/gateway.ashx?producttoken=demo-key&from=441234567890&body=x&to=%3Cscript%3Ealert(1)%3C/script%3E%0D%0AX-Other:%201";
    let answered = system.request(Method::GET, path).send().await.unwrap();
    assert_eq!(answered.headers()[CONTENT_TYPE], "text/plain; charset=utf-8");
    assert_eq!(answered.headers()["x-content-type-options"], "nosniff");
    assert!(answered.headers().get("x-other").is_none());
    assert!(answered.text().await.unwrap().starts_with("Error: "));
}

#[tokio::test]
async fn webhook_accepts_only_its_exact_path() {
    let system = System::start().await.without_gateway().await;
    let receipts = dlr_webhook::DlrWebhook::new(&system.environment_of("dlr-webhook")).unwrap();
    let replies = mo_webhook::MoWebhook::new(&system.environment_of("mo-webhook")).unwrap();
    let long = "t".repeat(8000);
    let all_but_one = &TOKEN[..TOKEN.len() - 1];
    let token = |path: &str| path.replace("TOKEN", TOKEN).replace("TOKE", all_but_one);
    let paths = [
        "/dlr/loopback/",
        "/dlr/loopback//",
        "/dlr/loopback/%20",
        "/dlr/loopback/%00",
        "/dlr/loopback/TOKEN%00",
        "/dlr/loopback/TOKEN%20",
        "/dlr/loopback/TOKEN%0a",
        "/dlr/loopback/%2FTOKEN",
        "/dlr/loopback%2FTOKEN",
        "/dlr%2Floopback%2FTOKEN",
        "/dlr/cm/TOKEN",
        "/dlr/cm/../loopback/TOKEN",
        "/dlr/cm/%2e%2e/loopback/TOKEN",
        "/dlr/./loopback/TOKEN",
        "/dlr/loopback/TOKEN/..",
        "/dlr/loopback/TOKEN/x",
        "/dlr/loopback/TOKEN/x/y",
        "/dlr/LOOPBACK/TOKEN",
        "/DLR/loopback/TOKEN",
        "/dlr/loopback%00/TOKEN",
        "/dlr/loopback/TOKE",
        "/dlr/loopback/TOKENx",
        "/dlr/loopback/%ff%fe",
        "/dlr/loopback/[\"TOKEN\"]",
        "/dlr/loopback/*",
        "/dlr//TOKEN",
        "/",
        "",
    ];
    let body = json!({"reference": null, "status": "delivered"}).to_string();
    let wrong = paths.map(token).into_iter().chain([format!("/dlr/loopback/{long}"), format!("/dlr/{long}/{TOKEN}")]);
    for path in wrong {
        let request = || Request::post("/").body(Body::from(body.clone())).unwrap();
        let answered = receipts.handle(request().with_raw_http_path(&path)).await;
        assert_eq!(answered.status(), StatusCode::NOT_FOUND, "{path}");
        let answered = replies.handle(request().with_raw_http_path(path.replacen("/dlr", "/mo", 1))).await;
        assert_eq!(answered.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let stored = system.scan("MessagesTable").await;
    assert_eq!(stored.len(), 0, "no item was stored as unmatched");
}

#[tokio::test]
async fn webhook_reads_or_rejects_any_bytes() {
    // Without signatures, every body is parsed.
    let config = TestConfig::new().each_carrier(|_, carrier| carrier.signing_secret = None);
    let system = System::with_config(config).await;
    let nested = |open: &str, close: &str| format!("{}1{}", open.repeat(1200), close.repeat(1200)).into_bytes();
    let bodies = [
        vec![0; 1000],
        vec![0xff; MOST_WEBHOOK_BYTES],
        b"\xef\xbb\xbf{}".to_vec(),
        b"{\"messages\":{\"msg\":{\"reference\":\"\\ud800\",\"status\":{\"code\":2}}}}".to_vec(),
        b"{\"messages\":{\"msg\":{\"reference\":\"\\u0000\",\"status\":{\"code\":1e400}}}}".to_vec(),
        nested("[", "]"),
        nested("{\"messages\":", "}"),
        nested("<MSG>", "</MSG>"),
        b"<!DOCTYPE m [<!ENTITY a SYSTEM \"file:///etc/passwd\">]><MESSAGES>&a;</MESSAGES>".to_vec(),
        b"id:\0 stat:\xff err:\x1b[31m".to_vec(),
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00".to_vec(),
    ];
    for carrier in carriers() {
        for body in &bodies {
            for kind in ["dlr", "mo"] {
                let path = webhook_path(kind, carrier.as_str());
                let post = || system.request(Method::POST, &path).body(body.clone());
                let encoded = post().header("content-encoding", "gzip").send().await.unwrap().status();
                assert_eq!(encoded, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind} {carrier}");
                let status = post().send().await.unwrap().status();
                let begins = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
                assert!(
                    status == 400 || status == 200 && begins.contains("\\u0000"),
                    "{kind} {carrier}: {status} {begins}"
                );
            }
        }
        let large = system.request(Method::POST, &webhook_path("dlr", carrier.as_str()));
        let large = large.body(" ".repeat(MOST_WEBHOOK_BYTES + 1));
        assert_eq!(large.send().await.unwrap().status(), StatusCode::PAYLOAD_TOO_LARGE);
    }
}

#[tokio::test]
async fn each_request_format_rejects_broken_requests() {
    let system = System::start().await;
    let callback = system.sink("receipts");
    for format in formats() {
        let valid = (format.request)(DEMO, &[ClientMessage::new(OWN_SENDER, &PHONE, "Hello", &callback)]);
        // A body without its end, and one after another; of a GET, the query.
        let broken = |text: &str| [&text[..text.len() / 2], "\0", &[text, text].concat()].map(str::to_owned);
        let requests: Vec<_> = if valid.body.is_empty() {
            let of = |path| ClientRequest { path, ..valid.clone() };
            vec![
                of(valid.path.replace("body=", "body%00=")),
                of(valid.path.replace("to=", "too=")),
                of(valid.path[..20].to_owned()),
            ]
        } else {
            broken(&valid.body).map(|body| ClientRequest { body, ..valid.clone() }).into()
        };
        for request in requests {
            let (status, answer) = system.send_request(&request).await;
            let is_rejected = status.is_client_error() || status == 200 && !(format.accepts)(&answer);
            assert!(is_rejected, "{}: {status} {answer} to {} {}", format.name, request.path, request.body);
        }
    }
    assert_eq!(system.get(DEMO, "/messages").await.body, json!({"messages": []}));
}

#[tokio::test]
async fn compressed_or_reencoded_body_is_rejected() {
    let system = System::start().await;
    let body = json!({"messages": [owned(&PHONE, "Hello")]}).to_string();
    let utf_16: Vec<u8> = body.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for bytes in [b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03".to_vec(), utf_16] {
        let post = |path: &str| {
            let posted = system.request(Method::POST, path).body(bytes.clone());
            posted.header("X-CM-PRODUCTTOKEN", DEMO).bearer_auth(DEMO)
        };
        for path in ["/message", "/v1.0/message", "/gateway.ashx"] {
            let encoded = post(path).header("content-encoding", "gzip").send().await.unwrap();
            assert_eq!(encoded.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{path}");
        }
        let answered = answer(post("/message")).await;
        assert_eq!((answered.status.as_u16(), &answered.body["errors"][0]["code"]), (400, &Value::from("malformed")));
        assert_eq!(answer(post("/v1.0/message")).await.body["errorCode"], 202);
        let answered = post("/gateway.ashx").send().await.unwrap().text().await.unwrap();
        assert!(answered.starts_with("Error: ERROR"), "{answered}");
    }
    assert_eq!(system.get(DEMO, "/messages").await.body, json!({"messages": []}));
}

#[test]
fn any_http_event_reaches_the_function() {
    let hosts = ["gateway.example", "gateway.example:443", "[::1]:8", "1.2.3.4"];
    let paths =
        ["/message", "/messages/%00", "/messages/%ff", "//evil.example/x", "/\\evil.example", "/a;b=c", "/x@y:80"];
    let queries = ["", "a=%", "%zz=%00", "a[]=1&a[]=2&&&=", "key=%ff", "a=|\\^`{}", "==&=", "?a=?b"];
    let all = hosts.iter().flat_map(|host| paths.iter().flat_map(move |path| queries.map(|query| (host, path, query))));
    for (host, path, query) in all {
        let event = json!({"version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query,
            "headers": {"host": host, "x-forwarded-proto": "https"}, "isBase64Encoded": false,
            "requestContext": {"stage": "$default", "http": {"method": "POST", "path": path, "protocol": "HTTP/1.1",
                "sourceIp": "1.2.3.4", "userAgent": "x"}}});
        let request = lambda_http::request::from_str(&event.to_string()).unwrap();
        assert_eq!(request.raw_http_path(), *path);
    }
}
