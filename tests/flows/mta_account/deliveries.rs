//! Deliveries: a client lists and searches its messages.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use shared::{
    domain::{AccountId, Draft, PhoneNumber},
    gateway::{Part, connect_gateway},
    store::{Messages, Span},
};
use strum::VariantArray;
use tests::{Phone, System};

use super::{data, failure, read, send_numbered};
use crate::{
    cm,
    system::{DEMO, OTHER, OTHER_SENDER, OWN_SENDER, custom, owned, with},
};

const PHONE: Phone = Phone::delivers();

async fn list(system: &System, query: &str) -> Value {
    read(system, &format!("/v3/deliveries?{query}")).await
}

/// Returns a page's texts, and the total.
async fn texts(system: &System, query: &str) -> (Vec<String>, u64) {
    let listed = list(system, query).await;
    let rows = listed["rows"].as_array().unwrap();
    let texts = rows.iter().map(|row| row["message"].as_str().unwrap().to_owned()).collect();
    (texts, listed["total"].as_u64().unwrap())
}

fn found(texts: &[&str], total: u64) -> (Vec<String>, u64) {
    (texts.iter().map(|text| (*text).to_owned()).collect(), total)
}

fn referred(reference: &str) -> impl Fn(&mut Draft) {
    let reference = reference.parse().ok();
    move |draft| draft.reference.clone_from(&reference)
}

/// Sends messages with these texts, one second apart.
async fn send_each(system: &System, texts: &[&str]) {
    for text in texts {
        system.send_one(DEMO, owned(&PHONE, text)).await;
        system.advance_and_settle(1).await;
    }
}

#[tokio::test]
async fn messages_are_listed_by_pages_without_replies() {
    let system = System::start().await;
    send_each(&system, &["1", "2", "3"]).await;
    system.send_one(OTHER, custom(OTHER_SENDER, &PHONE, "Not yours")).await;
    system.reply_from(&PHONE, OWN_SENDER, "A reply").await;
    system.until_callbacks("replies", 1).await;
    system.advance_and_settle(1).await;
    send_each(&system, &["4"]).await;
    for (query, expected, total) in [
        ("", &["4", "3", "2", "1"][..], 4),
        ("sortBy=date&sortDirection=ASC", &["1", "2", "3", "4"], 4),
        ("pageSize=3", &["4", "3", "2"], 4),
        ("pageSize=3&page=1", &["1"], 4),
        ("pageSize=3&page=1&sortDirection=ASC", &["4"], 4),
        ("pageSize=3&page=2", &[], 4),
        ("page=1000000", &[], 4),
        // A filter makes the search read the messages.
        ("filters%5Bstatus%5D=delivered&pageSize=3&page=1", &["1"], 4),
        ("filters[type]=sms&sortDirection=ASC&pageSize=2", &["1", "2"], 4),
        ("filters%5Btype%5D=tts", &[], 0),
        ("type=mms", &[], 0),
    ] {
        assert_eq!(texts(&system, query).await, found(expected, total), "{query}");
    }
    let listed = list(&system, "pageSize=2&page=1").await;
    assert_eq!((&listed["page"], &listed["pageSize"], &listed["omitsOlder"]), (&json!(1), &json!(2), &Value::Null));
    let others = data(system.get(OTHER, "/v3/deliveries").await);
    assert_eq!((&others["total"], &others["rows"][0]["message"]), (&json!(1), &json!("Not yours")));
}

#[tokio::test]
async fn row_has_the_newest_status_in_any_dialect() {
    let system = System::start().await;
    let [undelivered, rejected] = [Phone::fails(), Phone::rejects()];
    let number = send_numbered(&system, &[&undelivered], referred("order 7")).await;
    system.until_idle().await;
    system.advance_and_settle(1).await;
    system.send_one(DEMO, owned(&rejected, "Rejected")).await;
    system.advance_and_settle(1).await;
    cm::post(&system, &[with(cm::message(&PHONE, "CM"), "reference", "r")]).await;
    let until = async |query: &str, total: u64| {
        system.until(query, async || (list(&system, query).await["total"] == total).then_some(())).await;
    };
    until("status=delivered", 1).await;
    until("status=undelivered", 1).await;
    let rows = list(&system, "").await["rows"].clone();
    let shown = |index: usize, field: &str| rows[index][field].clone();
    assert_eq!(
        [0, 1, 2].map(|index| shown(index, "status")),
        ["delivered", "rejected", "undelivered"].map(Value::from)
    );
    assert_eq!((shown(2, "messageId"), shown(2, "externalId")), (json!(number), json!("order 7")));
    assert_eq!(
        (shown(2, "number"), shown(2, "threadId")),
        (json!(format!("+{undelivered}")), json!(undelivered.parse::<u64>().unwrap()))
    );
    assert_eq!((shown(0, "externalId"), shown(0, "message")), (json!("r"), json!("CM")));
    for status in ["sent", "undeliverable", "unknown", "queued", "scheduled", "cancelled"] {
        assert_eq!(list(&system, &format!("status={status}")).await["total"], 0, "{status}");
    }
    let at = shown(1, "date");
    let at: Timestamp = at.as_str().unwrap().parse().unwrap();
    let (before, after) = (at - SignedDuration::from_millis(1), at + SignedDuration::from_millis(1));
    for (query, expected) in [
        (format!("startDate={at}&endDate={at}"), &["Rejected"][..]),
        (format!("filters[startDate]={after}"), &["CM"]),
        (format!("filters%5BendDate%5D={before}"), &["Hello, all"]),
        (format!("endDate={at}&status=rejected"), &["Rejected"]),
        (format!("endDate={before}&status=rejected"), &[]),
        ("endDate=2020-01-01".to_owned(), &[]),
    ] {
        assert_eq!(texts(&system, &query).await, found(expected, expected.len() as u64), "{query}");
    }
}

#[tokio::test]
async fn query_finds_by_number_recipient_or_reference() {
    let system = System::start().await;
    let phones = [PHONE.nth(1), PHONE.nth(2)];
    let number = send_numbered(&system, &[&phones[0], &phones[1]], referred("campaign")).await;
    let single = send_numbered(&system, &[&phones[1]], referred("447700900009")).await;
    system.send_one(DEMO, custom("CM.com", &PHONE, "From a name")).await;
    let plain = system.send_one(DEMO, owned(&PHONE.nth(3), "Plain")).await;
    let delivered = async || (list(&system, "status=delivered").await["total"] == 5).then_some(());
    system.until("all five are delivered", delivered).await;
    let numbers = async |query: &str| {
        let rows = list(&system, query).await["rows"].clone();
        let mut found: Vec<_> =
            rows.as_array().unwrap().iter().map(|row| row["number"].as_str().unwrap()).map(str::to_owned).collect();
        found.sort_unstable();
        found
    };
    let plus = |phones: &[Phone]| phones.iter().map(|phone| format!("+{phone}")).collect::<Vec<_>>();
    assert_eq!(numbers(&format!("query={number}")).await, plus(&phones));
    assert_eq!(numbers(&format!("query={number}&status=delivered&pageSize=1&page=1")).await.len(), 1);
    assert_eq!(numbers(&format!("query={number}&endDate=2020-01-01")).await, [""; 0]);
    assert_eq!(numbers(&format!("query={single}")).await, plus(&phones[1..]));
    for dates in ["endDate=2020-01-01", "startDate=2100-01-01", "startDate=2100-01-01&endDate=2100-01-02"] {
        for query in [number.to_string(), phones[0].to_string(), "campaign".to_owned(), String::new()] {
            assert_eq!(numbers(&format!("query={query}&{dates}")).await, [""; 0], "{query} {dates}");
        }
    }
    assert_eq!(list(&system, &format!("query=%2B{}", phones[1])).await["total"], 2);
    assert_eq!(list(&system, &format!("query={}&pageSize=1", phones[1])).await["rows"][0]["messageId"], single);
    assert_eq!(numbers("query=campaign").await, plus(&phones));
    assert_eq!(numbers("query=campaign&status=rejected").await, [""; 0]);
    for none in ["campaig", "campaign%20", "Campaign", "7", "9007199254740993", "447700900077"] {
        assert_eq!(numbers(&format!("query={none}")).await, [""; 0], "{none}");
    }
    // Some reference looks like a number. A message from a name is found only by reading.
    assert_eq!(numbers("query=447700900009").await, plus(&phones[1..]));
    assert_eq!(numbers(&format!("query={PHONE}")).await, plus(&[PHONE]));
    let rows = list(&system, &format!("query={}", PHONE.nth(3))).await["rows"].clone();
    assert_eq!(rows[0]["message"], "Plain", "{}", plain.id);
    let by_number = list(&system, &format!("query={}", rows[0]["messageId"])).await["rows"].clone();
    assert_eq!(by_number, rows, "a request that drew no number has one all the same");

    for query in [number.to_string(), "campaign".to_owned(), phones[0].to_string()] {
        let others = data(system.get(OTHER, &format!("/v3/deliveries?query={query}")).await);
        assert_eq!(others["total"], 0, "{query}");
    }
}

#[tokio::test]
async fn list_stops_behind_many_replies_and_says_so() {
    let system = System::start().await;
    send_each(&system, &["1"]).await;
    for index in 0..9 {
        let reply = json!({"id": format!("r{index}"), "from": PHONE, "to": OWN_SENDER, "text": "Hi"});
        system.deliver_reply(&reply).await;
    }
    system.until_callbacks("replies", 9).await;
    let gateway = connect_gateway(&system.environment(), Part::VARIANTS).unwrap();
    let (account, phone) = ("demo".parse::<AccountId>().unwrap(), PHONE.parse::<PhoneNumber>().unwrap());
    let span = Span { oldest: Timestamp::UNIX_EPOCH, newest: system.now().await };
    // Four queries for two entries each find only replies.
    for (most, count, is_cut) in [(1, 0, true), (2, 1, false), (5_000, 1, false)] {
        let list = gateway.store.list_messages_to(&account, &phone, span, most).await.unwrap();
        assert_eq!((list.ids.len(), list.omits_older), (count, is_cut), "{most}");
    }
}

#[tokio::test]
async fn invalid_parameters_are_named() {
    let system = System::start().await;
    for (query, words) in [
        ("page=x", "page must be"),
        ("pageSize=0", "pageSize must be"),
        ("filters%5Bstatus%5D=lost", "filters[status] must be one of sent, delivered,"),
        ("filters[type]=fax", "filters[type] must be sms, mms or tts"),
        ("startDate=x", "startDate is not"),
        ("sortDirection=down", "sortDirection must be"),
        ("status=sent&status=sent", "status is there more than once"),
        ("query=%E9", "query is not UTF-8"),
        ("startDate=2026-01-02&endDate=2026-01-01", "filters[endDate] is before"),
    ] {
        let refused = failure(system.get(DEMO, &format!("/v3/deliveries?{query}")).await, 400);
        assert!(refused.starts_with(words), "{query}: {refused}");
    }
}

#[tokio::test]
async fn list_reaches_over_months_and_says_what_it_omits() {
    let system = System::start().await;
    send_each(&system, &["1", "2", "3"]).await;
    system.advance_and_settle(40 * 24 * 3_600).await;
    assert_eq!(texts(&system, "").await, found(&[], 0), "the last 30 days");
    send_each(&system, &["4", "5", "6", "7"]).await;
    assert_eq!(texts(&system, "").await, found(&["7", "6", "5", "4"], 4));
    let all = ["7", "6", "5", "4", "3", "2", "1"];
    assert_eq!(texts(&system, "startDate=2020-01-01").await, found(&all, 7));
    let then = system.now().await - SignedDuration::from_hours(20 * 24);
    assert_eq!(texts(&system, &format!("endDate={then}")).await, found(&["3", "2", "1"], 3), "30 days before the end");

    let gateway = connect_gateway(&system.environment(), Part::VARIANTS).unwrap();
    let (account, phone) = ("demo".parse::<AccountId>().unwrap(), PHONE.parse::<PhoneNumber>().unwrap());
    let span = Span { oldest: Timestamp::UNIX_EPOCH, newest: system.now().await };
    for (most, is_cut) in [(1, true), (3, true), (4, true), (5, true), (6, true), (7, false), (8, false)] {
        for list in [
            gateway.store.list_messages(&account, span, most).await.unwrap(),
            gateway.store.list_messages_to(&account, &phone, span, most).await.unwrap(),
        ] {
            assert_eq!(list.omits_older, is_cut, "{most}");
            let messages = gateway.store.recent_messages(&list.ids).await.unwrap();
            let texts: Vec<_> = messages.iter().map(|message| message.request.text.as_str()).collect();
            assert_eq!(texts, all[..most.min(7)], "{most}");
        }
    }
}
