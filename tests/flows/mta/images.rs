//! Images go over RCS as a picture, or in an SMS as a link, and never both ways.

use serde_json::{Value, json};
use shared::domain::{Channel, Route};
use tests::{System, TestConfig, route_to};

use super::{PHONE, message, send};
use crate::system::with;

const URL: &str = "https://media.example/map.png";

/// Returns everything that the phone shows once all work is done, hours later. The phone names every channel but SMS.
async fn shown(system: &System) -> Vec<Value> {
    system.advance_and_settle(4 * 3_600).await;
    let shown = system.handset(&PHONE).await;
    let channel = |entry: &Value| entry["channel"].as_str().unwrap_or("sms").to_owned();
    shown.iter().map(|entry| json!([channel(entry), entry["text"], entry["content"]])).collect()
}

fn with_image(text: &str) -> Value {
    with(message(&PHONE, text), "image", URL)
}

#[tokio::test]
async fn phone_with_rcs_shows_only_the_picture() {
    for (text, bubble) in
        [("Here", json!({"text": "Here", "media": {"mediaUri": URL}})), ("", json!({"media": {"mediaUri": URL}}))]
    {
        let system = System::start().await;
        send(&system, &with_image(text)).await;
        let id = system.newest().await.id().to_owned();
        system.until_state(&id, "delivered").await;
        let shown = shown(&system).await;
        assert_eq!((shown.len(), &shown[0][0], &shown[0][2]), (1, &json!("rcs"), &json!({"conversation": [bubble]})));
    }
}

#[tokio::test]
async fn phone_without_rcs_gets_one_sms_with_the_link() {
    for (behavior, text, expected) in [
        ("rejects", "Here", format!("Here\n{URL}")),
        ("fails", "Here", format!("Here\n{URL}")),
        ("rejects", "", URL.to_owned()),
    ] {
        let system = System::start().await;
        system.set_channels(&PHONE, json!({"rcs": behavior})).await;
        send(&system, &with_image(text)).await;
        let id = system.newest().await.id().to_owned();
        system.until_state(&id, "delivered").await;
        assert_eq!(shown(&system).await, [json!(["sms", expected, null])], "{behavior}");
    }
}

#[tokio::test]
async fn without_a_route_for_rcs_the_sms_goes_at_once() {
    let only_sms = Route { channel: Some(Channel::Sms), ..route_to(&["loopback"]) };
    // The second carrier has no RCS.
    for route in [only_sms, route_to(&["messangi"])] {
        let system = System::with_config(TestConfig::new().routes([route])).await;
        send(&system, &with_image("Here")).await;
        system.until_handset(&PHONE, 1).await;
        let id = system.newest().await.id().to_owned();
        let message = system.until_state(&id, "delivered").await;
        assert_eq!((message.channel(), message.failed_attempts()), ("sms", Vec::new()));
        assert_eq!(shown(&system).await, [json!(["sms", format!("Here\n{URL}"), null])]);
    }
}
