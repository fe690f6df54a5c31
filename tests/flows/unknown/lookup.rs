//! Lookups: if a carrier can be asked for an outcome, it is asked before a message is resent.

use tests::{LookupAnswer, ScriptedCarrier, SubmitAnswer};

use super::*;

async fn with_carrier(config: TestConfig, submits: &[SubmitAnswer], lookup: LookupAnswer) -> (System, ScriptedCarrier) {
    let carrier = ScriptedCarrier::with_lookups(submits.iter().cloned(), lookup).await;
    let system = System::with_config(config.carrier_endpoint("loopback", carrier.url())).await;
    (system, carrier)
}

fn with_lookup(on_unknown: &str) -> TestConfig {
    config(on_unknown).carrier_lookup()
}

#[tokio::test]
async fn lookup_that_finds_the_message_prevents_a_resend() {
    for on_unknown in ["wait", "resend"] {
        let system = System::with_config(with_lookup(on_unknown)).await;
        let id = unknown(&system, None).await;
        system.advance(100).await;
        system.until_only_delayed().await;
        assert_eq!(system.message(&id).await.state(), "unknown", "the submit may still be under way");
        system.advance(25).await;
        let message = system.until_state(&id, "submitted").await;
        assert!(!message.carrier_id().is_empty(), "{message}");
        assert_eq!(message.last_reason(), "the carrier says that it accepted the message");
        system.advance_and_settle(2 * DAY).await;
        assert_eq!((system.message(&id).await, system.handset(&PHONE).await.len()), (message, 1));
        system.deliver_status(&id, "delivered").await;
        assert_eq!(receipts(&system).await.len(), 1);
    }
}

#[tokio::test]
async fn lookup_that_denies_the_message_resends_under_any_policy() {
    for on_unknown in ["wait", "resend"] {
        let submits = [SubmitAnswer::NoAnswer, SubmitAnswer::Accepts("c-2")];
        let (system, carrier) = with_carrier(with_lookup(on_unknown), &submits, LookupAnswer::Denies).await;
        let id = unknown(&system, None).await;
        system.advance(2 * MINUTE + 5).await;
        let message = system.until_state(&id, "submitted").await;
        assert_eq!((message.attempt_outcomes(), message.carrier_id()), (vec!["not_accepted"], "c-2"));
        assert_eq!(carrier.methods(), ["POST", "GET", "POST"]);
    }
}

#[tokio::test]
async fn denied_message_that_is_then_refused_is_rejected() {
    let refusal = SubmitAnswer::Rejects { code: "no", message: "Not today." };
    let submits = [SubmitAnswer::NoAnswer, refusal];
    let (system, _carrier) = with_carrier(with_lookup("wait"), &submits, LookupAnswer::Denies).await;
    let id = unknown(&system, None).await;
    system.advance(2 * MINUTE + 5).await;
    let message = system.until_state(&id, "rejected").await;
    assert_eq!(message.attempt_outcomes(), ["not_accepted"]);
}

#[tokio::test]
async fn inconclusive_lookup_applies_on_unknown_and_is_repeated() {
    for (on_unknown, expected) in [
        ("wait", vec!["POST", "GET", "GET", "GET"]),
        ("resend", vec!["POST", "GET", "POST", "GET", "POST", "GET", "POST"]),
    ] {
        let (system, carrier) =
            with_carrier(with_lookup(on_unknown), &[SubmitAnswer::NoAnswer], LookupAnswer::Inconclusive).await;
        let id = unknown(&system, None).await;
        for (round, minutes) in [(2, 2), (3, 10), (4, 60)] {
            system.advance(minutes * MINUTE + 5).await;
            if on_unknown == "resend" {
                until_unknown_after(&system, &id, round).await;
            }
            system.until_idle().await;
        }
        assert_eq!(carrier.methods(), expected, "{on_unknown}");
        // The carrier is asked once more before the message fails.
        system.advance_and_settle(2 * DAY).await;
        system.until_state(&id, "failed").await;
        assert_eq!(carrier.methods(), [expected, vec!["GET"]].concat(), "{on_unknown}");
    }
}

#[tokio::test]
async fn receipt_cancels_a_pending_resend() {
    let submits = [SubmitAnswer::NoAnswer, SubmitAnswer::Busy];
    let (system, carrier) = with_carrier(config("resend"), &submits, LookupAnswer::NoAnswer).await;
    let id = unknown(&system, None).await;
    system.advance(2 * MINUTE + 5).await;
    system.until_state_after(&id, "queued", 2).await;
    system.deliver_status(&id, "sent").await;
    system.advance(MINUTE).await;
    let has_receipt = |message: &MessageView| message.states().get(6) == Some(&"submitted");
    system.until_message(&id, "has the receipt", has_receipt).await;
    system.advance_and_settle(DAY).await;
    assert_eq!(carrier.methods(), ["POST", "POST"]);
    assert_eq!(system.message(&id).await.state(), "submitted");
}

#[tokio::test]
async fn carrier_without_lookup_is_not_queried() {
    let (system, carrier) = with_carrier(config("wait"), &[SubmitAnswer::NoAnswer], LookupAnswer::Denies).await;
    let id = unknown(&system, None).await;
    system.advance_and_settle(2 * DAY).await;
    system.until_state(&id, "failed").await;
    assert_eq!(carrier.methods(), ["POST"]);
}

#[tokio::test]
async fn one_denial_is_ignored_if_another_carrier_may_have_it() {
    let (system, carrier) = with_carrier(with_lookup("wait"), &[SubmitAnswer::NoAnswer], LookupAnswer::Denies).await;
    let id = unknown(&system, None).await;
    // The worker died before it recorded its carrier, so CM.com may have the message.
    system.update_message(&id, "REMOVE carrier", &Value::Null, &Value::Null).await;
    system.advance_and_settle(2 * MINUTE + 5).await;
    assert_eq!(system.message(&id).await.state(), "unknown");
    assert_eq!(carrier.methods(), ["POST", "GET"]);
}
