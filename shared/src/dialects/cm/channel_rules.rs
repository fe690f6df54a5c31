//! Which channels rich content may go over: it is refused if none of those that
//! the client allows can show all of it; where one can, the others give way to it
//! when the message is sent.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use crate::domain::{Channel, Content, Showing};

/// How far behind UTC a place may be, where a time slot has not begun yet.
const FURTHEST_WEST: SignedDuration = SignedDuration::from_hours(12);

type Verdict = Result<(), String>;

/// Whether one of the channels can show it; without any it may go over all.
pub(super) fn check(content: &Content, channels: &[Channel], now: Timestamp) -> Verdict {
    begins_in_the_future(content, now)?;
    let verdicts: Vec<_> = channels
        .iter()
        .filter_map(|channel| match content.on(*channel) {
            Showing::Content => Some(Ok(())),
            Showing::Text => None,
            Showing::Not(why) => Some(Err(why)),
        })
        .collect();
    if verdicts.iter().any(Result::is_ok) { Ok(()) } else { verdicts.into_iter().next().unwrap_or(Ok(())) }
}

/// A slot's time is the recipient's, wherever that is.
fn begins_in_the_future(content: &Content, now: Timestamp) -> Verdict {
    let pickers = content.conversation.iter().filter_map(|bubble| bubble.time_picker.as_ref());
    let begun = pickers.flat_map(|picker| &picker.options).any(|slot| {
        let begins = slot.start.to_zoned(TimeZone::UTC).map(|start| start.timestamp());
        begins.is_ok_and(|begins| begins.saturating_add(FURTHEST_WEST).is_ok_and(|begins| begins <= now))
    });
    if begun { Err("has a time slot in the past".to_owned()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::content::read;
    use super::*;

    fn at(content: &Value, channels: &[Channel]) -> bool {
        let content = read(content).unwrap_or_else(|flaw| panic!("{flaw:?}: {content}"));
        check(&content, channels, "2026-01-01T00:00:00Z".parse().unwrap()).is_ok()
    }

    fn bubble(bubble: Value) -> Value {
        json!({"conversation": [bubble]})
    }

    #[test]
    fn each_channel_shows_what_the_page_says() {
        use Channel::{AppleBusinessChat as Apple, Rcs, Twitter, Viber, WhatsApp};
        let media = |kind: &str| json!({"mediaUri": "https://a.example/x", "mimeType": kind});
        let location = json!({"latitude": "51.6", "longitude": 4.7, "searchQuery": "Konijnenberg 30"});
        let language = json!({"policy": "deterministic", "code": "en"});
        let template =
            json!({"whatsapp": {"namespace": "n", "element_name": "e", "language": language, "components": []}});
        let buttons = json!([{"type": "reply", "reply": {"id": "yes", "title": "Yes"}}]);
        let interactive = json!({"type": "button", "body": {"text": "Come?"}, "action": {"buttons": buttons}});
        let contact = json!([{"name": {"formatted_name": "CM", "last_name": "x"}}]);
        let picker = json!({"label": "Pick", "options": [{"label": "One"}]});
        let slot = json!({"startTime": "2026-02-21T09:00", "endTime": "2026-02-21T10:00"});
        let past = json!({"startTime": "2025-02-21T09:00", "endTime": "2025-02-21T10:00"});
        let suggested = |last: Value, suggestion: Value| json!({"conversation": [last], "suggestions": [suggestion]});
        let inside = |suggestion: Value| bubble(json!({"text": "Hi", "suggestions": [suggestion]}));
        let open = json!({"action": "Openurl", "label": "Open", "url": "https://a.example"});
        let dial = json!({"action": "Dial", "label": "Call us", "dial": {"PhoneNumber": "+310612345"}});
        let reply = |label: String| json!({"action": "Reply", "label": label});
        for (content, shown_by) in [
            (bubble(json!({"text": "Hi"})), vec![WhatsApp, Apple, Viber, Rcs, Twitter]),
            (bubble(json!({"text": "x".repeat(4097)})), vec![Viber, Rcs, Twitter]),
            (bubble(json!({"text": "x".repeat(10_001)})), vec![Viber, Rcs]),
            (bubble(json!({"media": media("image/png")})), vec![WhatsApp, Apple, Viber, Rcs, Twitter]),
            (bubble(json!({"media": media("video/mp4")})), vec![WhatsApp, Apple, Rcs, Twitter]),
            (bubble(json!({"media": media("audio/ogg; codecs=opus")})), vec![WhatsApp, Apple, Rcs]),
            (bubble(json!({"text": "Hi", "media": media("image/png")})), vec![WhatsApp, Apple, Rcs, Twitter]),
            (bubble(json!({"location": location})), vec![WhatsApp, Rcs]),
            (bubble(json!({"contacts": contact})), vec![WhatsApp]),
            (bubble(json!({"contact": contact[0]})), vec![WhatsApp]),
            (bubble(json!({"template": template})), vec![WhatsApp]),
            (bubble(json!({"interactive": interactive})), vec![WhatsApp]),
            (bubble(json!({"text": "Hi", "listpicker": picker})), vec![Apple]),
            (bubble(json!({"text": "Hi", "timePicker": {"options": [slot]}})), vec![Apple]),
            (bubble(json!({"timePicker": {"options": [past]}})), vec![]),
            (bubble(json!({"oauth2": {"responseType": "token", "scope": ["email"]}})), vec![Apple]),
            (suggested(json!({"text": "Hi"}), open.clone()), vec![Viber, Rcs]),
            (suggested(json!({"media": media("image/png")}), open.clone()), vec![Rcs]),
            (suggested(json!({"text": "Hi"}), dial), vec![Rcs]),
            (suggested(json!({"text": "Hi"}), reply("x".repeat(36))), vec![Rcs, Twitter]),
            (suggested(json!({"text": "Hi"}), reply("x".repeat(37))), vec![Rcs]),
            (inside(open), vec![Apple, Viber, Rcs]),
            (inside(reply("Yes".to_owned())), vec![Rcs, Twitter]),
        ] {
            for channel in [WhatsApp, Apple, Viber, Rcs, Twitter] {
                assert_eq!(at(&content, &[channel]), shown_by.contains(&channel), "{channel:?}: {content}");
            }
        }
    }

    #[test]
    fn one_channel_that_can_is_enough_and_sms_shows_the_body() {
        let location = bubble(json!({"location": {"searchQuery": "Breda"}}));
        assert!(at(&location, &[Channel::Viber, Channel::WhatsApp]));
        assert!(!at(&location, &[Channel::Viber, Channel::Sms]));
        assert!(at(&location, &[Channel::Sms]));
        assert!(at(&location, &[]));
    }

    #[test]
    fn what_is_not_whole_is_refused_on_every_channel() {
        let suggestion = |suggestion: Value| json!({"conversation": [{"text": "Hi"}], "suggestions": [suggestion]});
        let many: Vec<_> = (0..12).map(|n| json!({"action": "Reply", "label": n})).collect();
        let calendar = json!({"startTime": "2018-02-05", "endTime": "soon", "title": "Demo"});
        let whatsapp = |template: Value| bubble(json!({"template": {"whatsapp": template}}));
        let language = json!({"policy": "deterministic", "code": "en"});
        let template = |components: Value| {
            whatsapp(json!({"namespace": "n", "element_name": "e", "language": language, "components": components}))
        };
        for content in [
            json!(7),
            json!({}),
            json!({"conversation": []}),
            json!({"conversation": {}}),
            json!({"conversation": [7]}),
            bubble(json!({})),
            bubble(json!({"text": ""})),
            bubble(json!({"text": {}})),
            bubble(json!({"suggestions": [{"action": "Reply", "label": "x"}]})),
            bubble(json!({"media": {"mediaName": "x"}})),
            bubble(json!({"media": {"mediaUri": "file:///etc/passwd"}})),
            bubble(json!({"location": {"label": "x"}})),
            bubble(json!({"location": {"latitude": "91", "longitude": "0"}})),
            bubble(json!({"location": {"latitude": "51"}})),
            bubble(json!({"contacts": [{"name": {"formatted_name": "x"}}]})),
            bubble(json!({"contacts": [{"name": {"last_name": "x"}}]})),
            bubble(json!({"template": {"line": {}}})),
            whatsapp(json!({"namespace": "n", "element_name": "e", "components": []})),
            whatsapp(json!({"namespace": "n", "element_name": "e", "language": language})),
            template(json!([{"type": "button", "index": "0"}])),
            template(json!([{"type": "sidebar"}])),
            bubble(json!({"interactive": {"type": "list", "body": {"text": "x"}, "action": {}}})),
            bubble(json!({"listPicker": {"label": "x", "options": []}})),
            bubble(json!({"timePicker": {"options": [{"startTime": "9", "endTime": "10"}]}})),
            suggestion(json!({"action": "Reply"})),
            suggestion(json!({"label": "x"})),
            suggestion(json!({"action": "Explode", "label": "x"})),
            suggestion(json!({"action": "OpenUrl", "label": "x"})),
            suggestion(json!({"action": "OpenUrl", "label": "x", "url": "/relative"})),
            suggestion(json!({"action": "Dial", "label": "x", "dial": {"phoneNumber": "call"}})),
            suggestion(json!({"action": "ViewLocation", "label": "x", "viewLocation": {}})),
            suggestion(json!({"action": "CreateCalendarEvent", "label": "x", "calendar": calendar})),
            json!({"conversation": [{"text": "Hi"}], "suggestions": many}),
            bubble(json!({"text": "x".repeat(25 << 10)})),
        ] {
            assert!(read(&content).is_err(), "{content}");
        }
    }
}
