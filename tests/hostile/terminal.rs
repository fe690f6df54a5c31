//! Terminal escapes: words of carriers, phones and clients do nothing to an operator's terminal. What a carrier says
//! is also stored without control characters.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::domain::Route;
use tests::{
    LookupAnswer, Phone, Response, ScriptedCarrier, SubmitAnswer, System, TestConfig, TestServer,
    carrier_of_each_vendor, route_to,
    system::{DEMO, DEMO_ACCOUNT, OWN_SENDER, owned},
    webhook_path,
};

use crate::tool::admin;

/// Sets the title and the color of a terminal, deletes a character, begins a line, and reverses the text behind it.
const ATTACK: &str = "a\u{1b}]0;pwned\u{7}b\u{9b}31mc\u{7f}d\r\ne\u{202e}f";
/// The same as a carrier's words are stored.
const STORED: &str = "a]0;pwnedb31mcd  e\u{202e}f";
/// The same within a word, because white space ends a field of an SMPP receipt.
const WORD: &str = "a\u{1b}]0;pwned\u{7}b\u{9b}31mc\u{7f}\u{202e}d";
const STORED_WORD: &str = "a]0;pwnedb31mc\u{202e}d";

/// Panics if the tool's output could do something to a terminal. The tool's own line breaks may stay.
#[track_caller]
fn assert_safe(words: &[&str], output: &str) {
    let is_unsafe = |c: char| {
        c.is_control() || "\u{61c}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}".contains(c)
    };
    for line in output.split_terminator('\n') {
        if let Some(c) = line.chars().find(|c| is_unsafe(*c)) {
            panic!("{words:?} prints {c:?}: {line:?}");
        }
    }
}

/// Runs a command for people and for scripts, expects an exit code and no unsafe character, and returns both outputs:
/// text, and JSON.
async fn outputs(system: &System, words: &[&str], code: u8) -> (String, Value) {
    let text = admin(system, "", words).await;
    let json = admin(system, "", &[words, &["--json"]].concat()).await;
    for done in [&text, &json] {
        assert_eq!(done.code, code, "{words:?}: {}", done.err);
        assert_safe(words, &done.out);
        assert_safe(words, &done.err);
    }
    let [text, json] = if code == 0 { [text.out, json.out] } else { [text.err, json.err] };
    (text, serde_json::from_str(&json).unwrap())
}

/// Returns a route for each carrier, by the number of the phone with its index.
fn routes_by_phone(phone: Phone, carriers: &[&str]) -> Vec<Route> {
    let route = |(index, carrier): (usize, &&str)| Route {
        prefix: Some(phone.nth(index).parse().unwrap()),
        ..route_to(&[carrier])
    };
    carriers.iter().enumerate().map(route).collect()
}

/// Panics if a stored message has a control character.
async fn assert_stored_without_control_characters(system: &System) {
    fn texts(value: &Value) -> Vec<&str> {
        match value {
            Value::String(text) => vec![text],
            Value::Array(listed) => listed.iter().flat_map(texts).collect(),
            Value::Object(fields) => fields.values().flat_map(texts).collect(),
            _ => Vec::new(),
        }
    }
    for message in system.scan("MessagesTable").await.iter().filter(|item| item["state"].is_object()) {
        for text in texts(message) {
            assert!(!text.contains(char::is_control), "{text:?} is stored");
        }
    }
}

/// A receipt in a vendor's format, with words of the attacker.
struct HostileReceipt {
    carrier: &'static str,
    /// Writes the receipt of a submit, by its reference.
    body: fn(&str) -> String,
    code: &'static str,
    description: Option<&'static str>,
    operator: Option<&'static str>,
}

/// Returns a receipt in each format that has room for words.
fn hostile_receipts() -> [HostileReceipt; 5] {
    let all_in = |carrier, body| HostileReceipt {
        carrier,
        body,
        code: STORED,
        description: Some(STORED),
        operator: Some(STORED),
    };
    [
        all_in("loopback", |reference| {
            json!({"reference": reference, "status": "undelivered", "code": ATTACK, "description": ATTACK,
                "operator": ATTACK})
            .to_string()
        }),
        all_in("cm", |reference| {
            let status = json!({"code": "3", "errorCode": ATTACK, "errorDescription": ATTACK});
            json!({"messages": {"msg": {"reference": reference, "status": status, "operator": ATTACK}}}).to_string()
        }),
        HostileReceipt {
            code: STORED_WORD,
            description: Some(STORED_WORD),
            operator: Some(STORED_WORD),
            ..all_in("cm", |reference| {
                format!(
                    "<MESSAGES><MSG><REFERENCE>{reference}</REFERENCE><OPERATOR>{WORD}</OPERATOR><STATUS><CODE>3</CODE>\
                    <ERRORCODE><![CDATA[{WORD}]]></ERRORCODE><ERRORDESCRIPTION>{WORD}</ERRORDESCRIPTION></STATUS></MSG>\
                    </MESSAGES>"
                )
            })
        },
        HostileReceipt {
            code: STORED_WORD,
            description: None,
            operator: None,
            ..all_in("cm", |reference| format!("id:{reference} stat:UNDELIV err:{WORD}"))
        },
        HostileReceipt {
            operator: None,
            ..all_in("cymba", |_| {
                json!({"delivered": false, "receiptInfo": {"code": ATTACK, "description": ATTACK}}).to_string()
            })
        },
    ]
}

#[tokio::test]
async fn words_of_receipts_reach_no_terminal() {
    let (phone, receipts) = (Phone::delivers_without_receipt(), hostile_receipts());
    let carriers = receipts.each_ref().map(|receipt| receipt.carrier);
    let system = System::with_config(TestConfig::new().routes(routes_by_phone(phone, &carriers))).await;
    for (index, receipt) in receipts.iter().enumerate() {
        let HostileReceipt { carrier, body, code, description, operator } = receipt;
        let sent = system.send_one(DEMO, owned(&phone.nth(index), "Hello")).await;
        system.until_state(&sent, "submitted").await;
        let reference = sent.id.replace('-', "");
        // Cymba's receipts bear the reference only in their path.
        let path =
            webhook_path("dlr", carrier) + &if *carrier == "cymba" { format!("/{reference}") } else { String::new() };
        let posted = system.request(Method::POST, &path).body(body(&reference)).send().await.unwrap();
        assert_eq!(posted.status(), StatusCode::OK, "{carrier} {index}");
        system.until_state(&sent, "undelivered").await;
        let (text, shown) = outputs(&system, &["message", "show", &sent.id], 0).await;
        let (shown, details) = (&shown["message"]["receipts"][0], &shown["message"]["receipt_details"]);
        assert_eq!((&shown["code"], &shown["description"]), (&json!(code), &json!(description)), "{carrier} {index}");
        assert_eq!(details["operator"], json!(operator), "{carrier} {index}");
        assert!(text.contains(&code.replace('\u{202e}', "\\u{202e}")), "{text}");
    }
    assert_stored_without_control_characters(&system).await;
}

#[tokio::test]
async fn unknown_statuses_reach_no_terminal() {
    let system = System::with_config(TestConfig::new().each_carrier(|_, carrier| carrier.signing_secret = None)).await;
    let reference = uuid::Uuid::new_v4().simple().to_string();
    let by_id = json!({"id": "c-1", "reference": reference, "externalId": reference, "status": ATTACK}).to_string();
    for (carrier, body, stored) in [
        ("loopback", by_id.clone(), STORED),
        ("mta", by_id.clone(), STORED),
        ("messangi", by_id, STORED),
        ("cm", json!({"messages": {"msg": {"reference": reference, "status": {"code": ATTACK}}}}).to_string(), STORED),
        ("cm-uk", format!("id:{reference} stat:{WORD}"), STORED_WORD),
        (
            "cymba",
            json!({"messageuuid": "c-1", "receiptInfo": {"code": ATTACK, "description": ATTACK}}).to_string(),
            STORED,
        ),
    ] {
        let posted =
            system.request(Method::POST, &webhook_path("dlr", carrier)).body(body.clone()).send().await.unwrap();
        assert_eq!(posted.status(), StatusCode::OK, "{carrier}");
        let (text, listed) = outputs(&system, &["unmatched", "list", "--carrier", carrier], 0).await;
        assert_eq!(listed["unmatched"][0]["reason"], format!("unknown status {stored}"), "{carrier}");
        assert!(text.contains(&stored.replace('\u{202e}', "\\u{202e}")), "{text}");
        let (_, revealed) = outputs(&system, &["unmatched", "list", "--carrier", carrier, "--reveal"], 0).await;
        assert_eq!(revealed["unmatched"][0]["payload"], body, "the payload is kept as posted");
    }
}

/// Returns each vendor's rejection with words of the attacker, and the reason that we store.
fn hostile_rejections() -> [(&'static str, Response, String); 5] {
    let cm = json!({"status": "Rejected", "messageErrorCode": 304, "messageDetails": ATTACK});
    [
        ("loopback", Response::json(422, &json!({"code": ATTACK, "message": ATTACK})), format!("{STORED}: {STORED}")),
        ("cm", Response::json(400, &json!({"errorCode": 201, "messages": [cm]})), format!("304: {STORED}")),
        ("cymba", Response::json(400, &json!({"error": ATTACK})), format!("status 400: {STORED}")),
        (
            "messangi",
            Response::json(400, &json!({"error": {"code": "BLACKLISTED", "message": ATTACK}})),
            format!("BLACKLISTED: {STORED}"),
        ),
        ("mta", Response::json(400, &json!({"errors": [{"message": ATTACK}]})), format!("status 400: {STORED}")),
    ]
}

#[tokio::test]
async fn words_of_rejections_reach_no_terminal() {
    let rejections = hostile_rejections();
    assert_eq!(rejections.len(), carrier_of_each_vendor().len(), "a vendor has no row");
    let carriers = rejections.each_ref().map(|(carrier, ..)| *carrier);
    let mut config = TestConfig::new().routes(routes_by_phone(Phone::delivers(), &carriers));
    let mut servers = Vec::new();
    for (carrier, rejection, _) in &rejections {
        let server = TestServer::responding(rejection.clone()).await;
        config = config.carrier_endpoint(carrier, server.url());
        servers.push(server);
    }
    let system = System::with_config(config).await;
    for (index, (carrier, _, reason)) in rejections.iter().enumerate() {
        let sent = system.send_one(DEMO, owned(&Phone::delivers().nth(index), "Hello")).await;
        system.until_state(&sent, "rejected").await;
        let (text, shown) = outputs(&system, &["message", "show", &sent.id], 0).await;
        let last = shown["message"]["history"].as_array().unwrap().last().unwrap();
        assert_eq!(last["reason"], **reason, "{carrier}");
        assert!(text.contains(&reason.replace('\u{202e}', "\\u{202e}")), "{text}");
    }
    assert_stored_without_control_characters(&system).await;
}

#[tokio::test]
async fn ids_of_carriers_reach_no_terminal() {
    let id = "c\u{1b}[31m\u{9b}\u{202e}-7\r\n";
    let answers = [
        ("loopback", Response::json(202, &json!({"id": id}))),
        ("cymba", Response::json(200, &json!({"messages": [{"messageUuid": id}]}))),
        ("messangi", Response::json(200, &json!({"data": {"id": id, "status": "QUEUE"}}))),
        ("mta", Response::json(200, &json!({"success": true, "data": {"messageId": id}}))),
    ];
    let carriers = answers.each_ref().map(|(carrier, _)| *carrier);
    let mut config = TestConfig::new().routes(routes_by_phone(Phone::delivers(), &carriers)).receipts_by_id();
    let mut servers = Vec::new();
    for (carrier, accepted) in &answers {
        let server = TestServer::responding(accepted.clone()).await;
        config = config.carrier_endpoint(carrier, server.url());
        servers.push(server);
    }
    let system = System::with_config(config).await;
    for (index, (carrier, _)) in answers.iter().enumerate() {
        let sent = system.send_one(DEMO, owned(&Phone::delivers().nth(index), "Hello")).await;
        system.until_state(&sent, "submitted").await;
        let (text, shown) = outputs(&system, &["message", "show", &sent.id], 0).await;
        assert_eq!(shown["message"]["carrier_id"], "c[31m\u{202e}-7", "{carrier}");
        assert!(text.contains(&format!("{carrier}, as c[31m\\u{{202e}}-7\n")), "{text}");
        if *carrier == "loopback" {
            // A receipt by the same ID still finds the message.
            system.deliver_receipt(&json!({"id": id, "status": "delivered"})).await;
            system.until_state(&sent, "delivered").await;
        }
    }
    assert_stored_without_control_characters(&system).await;
}

#[tokio::test]
async fn id_from_a_lookup_reaches_no_terminal() {
    let knows = LookupAnswer::Knows("c\u{1b}[31m\u{9b}\u{202e}-7");
    let carrier = ScriptedCarrier::with_lookups([SubmitAnswer::NoAnswer], knows).await;
    let config = TestConfig::new().carrier_endpoint("loopback", carrier.url()).carrier_lookup();
    let system = System::with_config(config.carrier_timeout_ms(300)).await;
    let sent = system.send_one(DEMO, owned(&Phone::delivers(), "Hello")).await;
    system.until_state(&sent, "unknown").await;
    system.advance(125).await;
    system.until_state(&sent, "submitted").await;
    let (_, shown) = outputs(&system, &["message", "show", &sent.id], 0).await;
    assert_eq!(shown["message"]["carrier_id"], "c[31m\u{202e}-7");
    assert_stored_without_control_characters(&system).await;
}

#[tokio::test]
async fn reply_is_kept_as_written_and_reaches_no_terminal() {
    let system = System::start().await;
    let sent = system.send_one(DEMO, owned(&Phone::delivers(), "Hello")).await;
    system.until_state(&sent, "delivered").await;
    let file = json!({"url": "https://a.example/", "name": ATTACK, "content_type": ATTACK});
    system
        .deliver_reply(&json!({"id": ATTACK, "from": &Phone::delivers(), "name": ATTACK, "to": OWN_SENDER,
            "text": ATTACK, "media": [file], "custom": {"key\u{9b}": ATTACK}}))
        .await;
    system.until_callback("replies").await;
    let listed = ["message", "list", "--to", &Phone::delivers(), "--reveal"];
    let (text, listed) = outputs(&system, &listed, 0).await;
    let reply = listed["messages"].as_array().unwrap().iter().find(|line| line["direction"] == "in").unwrap();
    assert_eq!(reply["body"], ATTACK);
    let escaped = r"a\u{1b}]0;pwned\u{7}b\u{9b}31mc\u{7f}d\r\ne\u{202e}f";
    assert!(text.contains(escaped) && text.lines().count() == 3, "a cell keeps its line: {text}");
    let (text, shown) = outputs(&system, &["message", "show", reply["id"].as_str().unwrap(), "--reveal"], 0).await;
    let shown = &shown["reply"];
    assert_eq!((&shown["body"], &shown["content"]["media"][0]["name"]), (&json!(ATTACK), &json!(ATTACK)));
    assert!(text.contains(&format!("text         {escaped}\n")), "{text}");
}

/// Records of an earlier release may have control characters. So may names of accounts that another program wrote.
#[tokio::test]
async fn stored_control_characters_reach_no_terminal() {
    let system = System::start().await;
    let sent = system.send_one(DEMO, owned(&Phone::delivers(), "Hello")).await;
    system.until_state(&sent, "delivered").await;
    let change = "SET carrier_id = :attack, receipt_delivered.#code = :attack, history[0].r = :attack, body = :attack";
    let names = json!({"#code": "code"});
    system.update_message(&sent, change, &names, &json!({":attack": {"S": ATTACK}})).await;
    let (text, shown) = outputs(&system, &["message", "show", &sent.id, "--reveal"], 0).await;
    let shown = &shown["message"];
    for stored in [&shown["carrier_id"], &shown["receipts"][0]["code"], &shown["history"][0]["reason"], &shown["body"]]
    {
        assert_eq!(stored, ATTACK, "{shown}");
    }
    let lines = text.lines().count();
    let name = json!({"TableName": "DirectoryTable", "Key": {"id": {"S": format!("account#{DEMO_ACCOUNT}")}},
        "UpdateExpression": "SET #name = :attack", "ExpressionAttributeNames": {"#name": "name"},
        "ExpressionAttributeValues": {":attack": {"S": ATTACK}}});
    system.aws("DynamoDB_20120810.UpdateItem", &name).await;
    let (text, listed) = outputs(&system, &["account", "list"], 0).await;
    assert_eq!((&listed["accounts"][0]["name"], text.lines().count()), (&json!(ATTACK), 3));
    let (_, shown) = outputs(&system, &["account", "show", DEMO_ACCOUNT], 0).await;
    assert_eq!(shown["account"]["name"], ATTACK);
    // Without the attack, the message takes as many lines.
    let plain = json!({":plain": {"S": "plain"}});
    system.update_message(&sent, &change.replace(":attack", ":plain"), &names, &plain).await;
    assert_eq!(outputs(&system, &["message", "show", &sent.id, "--reveal"], 0).await.0.lines().count(), lines);
}

#[tokio::test]
async fn refusal_of_a_webhook_reaches_no_terminal() {
    let server = TestServer::responding(Response::json(400, &json!({"message": ATTACK}))).await;
    let system = System::with_config(TestConfig::new().carrier_endpoint("mta", server.url())).await;
    let (_, refused) = outputs(&system, &["carrier", "webhooks", "mta"], 1).await;
    let expected = format!("the vendor refused: status 400: {STORED}. Nothing was registered.");
    assert_eq!(refused["error"], expected);
}
