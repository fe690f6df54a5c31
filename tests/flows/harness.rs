//! The harness itself: phones behave as their names say, and scripted carriers answer as scripted.

use std::time::Duration;

use tests::{
    LookupAnswer, MessageView, Phone, Response, ScriptedCarrier, SubmitAnswer, System, TestConfig, TestServer,
};

use crate::system::{DEMO, owned};

const PHONE: Phone = Phone::delivers();

#[tokio::test]
async fn phone_behaves_as_its_name_says() {
    let system = System::with_config(TestConfig::new().carrier_timeout_ms(1_000)).await;
    for (phone, history, texts) in [
        (Phone::delivers(), &["submitted", "delivered"][..], 1),
        (Phone::fails(), &["submitted", "undelivered"], 0),
        (Phone::rejects(), &["rejected"], 0),
        (Phone::delivers_without_receipt(), &["submitted"], 1),
        (Phone::repeats_receipt(), &["submitted", "delivered"], 1),
        (Phone::receipt_before_answer(), &["delivered", "submitted"], 1),
        (Phone::receipts_out_of_order(), &["submitted", "delivered", "submitted"], 1),
        (Phone::unanswered(), &["unknown"], 1),
        (Phone::unanswered_with_receipt(), &["delivered", "submitted"], 1),
        (Phone::replies_stop(), &["submitted", "delivered"], 1),
    ] {
        for phone in [phone, phone.nth(3)] {
            let sent = system.send_one(DEMO, owned(&phone, "Hello")).await;
            let what = format!("has the history {history:?}");
            let has_history = |message: &MessageView| message.states().get(2..).is_some_and(|states| states == history);
            let message = system.until_message(&sent, &what, has_history).await;
            assert_eq!(system.texts(&phone).await.len(), texts, "{phone}: {message}");
        }
    }
    let busy = system.send_one(DEMO, owned(&Phone::busy_twice(), "Hello")).await;
    for attempts in [1, 2] {
        system.until_state_after(&busy, "queued", attempts).await;
        system.advance(3).await;
    }
    system.until_state_after(&busy, "delivered", 3).await;
    assert_ne!(Phone::unanswered().nth(1), Phone::unanswered_with_receipt().nth(1));
    for stop in system.until_callbacks("replies", 2).await {
        assert_eq!(stop.json()["message"], "STOP");
    }
}

async fn with_carrier(submits: &[SubmitAnswer], lookup: LookupAnswer) -> (System, ScriptedCarrier) {
    let carrier = ScriptedCarrier::with_lookups(submits.iter().cloned(), lookup).await;
    let config = TestConfig::new().carrier_endpoint("loopback", carrier.url());
    (System::with_config(config.carrier_lookup().carrier_timeout_ms(300)).await, carrier)
}

#[tokio::test]
async fn scripted_carrier_gives_its_answers_in_order() {
    let late = SubmitAnswer::Late(Duration::from_secs(1), Box::new(SubmitAnswer::Accepts("late")));
    let rejection = SubmitAnswer::Rejects { code: "no", message: "Not today." };
    let script = [
        (SubmitAnswer::Accepts("c-1"), "submitted"),
        (rejection, "rejected"),
        (SubmitAnswer::NoAnswer, "unknown"),
        (late, "unknown"),
        (SubmitAnswer::Malformed(b"nonsense"), "unknown"),
        (SubmitAnswer::Accepts("c-2"), "submitted"),
    ];
    let (system, carrier) =
        with_carrier(&script.each_ref().map(|(answer, _)| answer.clone()), LookupAnswer::Denies).await;
    for (answer, state) in script {
        let sent = system.send_one(DEMO, owned(&PHONE, "Hello")).await;
        system.until_state(&sent, state).await;
        assert_eq!(carrier.requests().last().unwrap().json()["to"], *PHONE, "{answer:?}");
    }
    let repeated = system.send_one(DEMO, owned(&PHONE, "Hello")).await;
    assert_eq!(system.until_state(&repeated, "submitted").await.carrier_id(), "c-2", "the last answer is repeated");
    assert_eq!(carrier.methods(), ["POST"; 7]);
}

#[tokio::test]
async fn scripted_carrier_is_busy_and_answers_lookups() {
    let submits = [SubmitAnswer::Busy, SubmitAnswer::Busy, SubmitAnswer::NoAnswer];
    let (system, carrier) = with_carrier(&submits, LookupAnswer::Knows("c-1")).await;
    let sent = system.send_one(DEMO, owned(&PHONE, "Hello")).await;
    for attempts in [1, 2] {
        system.until_state_after(&sent, "queued", attempts).await;
        system.advance(10).await;
    }
    system.until_state_after(&sent, "unknown", 3).await;
    system.advance(125).await;
    assert_eq!(system.until_state(&sent, "submitted").await.carrier_id(), "c-1");
    assert_eq!(carrier.methods(), ["POST", "POST", "POST", "GET"]);
}

#[tokio::test]
async fn test_server_gives_its_responses_in_order() {
    let server = TestServer::scripted([Response::status(503), Response::status(410), Response::status(200)]).await;
    let call = async || {
        let call = tests::client().post(server.at("dr?id=1")).header("x-test", "1").body("Hello");
        call.send().await.map(|response| response.status().as_u16())
    };
    for status in [503, 410, 200, 200] {
        assert_eq!(call().await.unwrap(), status);
    }
    server.answers(500);
    assert_eq!(call().await.unwrap(), 500);
    assert_eq!((server.calls(), server.headers("x-test")), (5, vec!["1".to_owned(); 5]));
    let request = &server.requests()[4];
    assert_eq!((request.path.as_str(), request.text()), ("/dr?id=1", "Hello"));
    assert!(tests::client().get(tests::unreachable_url().await).send().await.is_err());
}
