//! Which rich content each channel can show.
//!
//! Source: the tables and chapters of CM.com's "Business Messaging API", which covers most channels.

use crate::domain::{Action, Bubble, Channel, Content, Media, Suggestion};

/// The longest text in a bubble, in characters.
const WHATSAPP_TEXT: usize = 4096;
const APPLE_TEXT: usize = 4096;
const TWITTER_TEXT: usize = 10_000;
/// The longest label on a reply suggestion, in characters.
const TWITTER_LABEL: usize = 36;
const TWITTER_MEDIA: [&str; 7] =
    ["image/jpg", "image/jpeg", "image/png", "image/webp", "image/gif", "video/mp4", "video/quicktime"];

/// How a channel shows rich content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChannelCapability {
    /// The channel shows the content, or we know no rules for the channel.
    Full,
    /// The channel shows the text instead.
    TextOnly,
    /// The channel cannot show all the content, so we skip the channel. The reason is for people.
    Unsupported(String),
}

type Check = Result<(), String>;

impl Content {
    #[must_use]
    pub fn capability(&self, channel: Channel) -> ChannelCapability {
        let check = match channel {
            Channel::WhatsApp => whatsapp(self),
            Channel::AppleBusinessChat => apple(self),
            Channel::Viber => viber(self),
            Channel::Rcs => rcs(self),
            Channel::Twitter => twitter(self),
            Channel::Sms | Channel::Push | Channel::MobilePush => return ChannelCapability::TextOnly,
            Channel::Instagram | Channel::FacebookMessenger | Channel::Telegram => Ok(()),
        };
        match check {
            Ok(()) => ChannelCapability::Full,
            Err(why) => ChannelCapability::Unsupported(format!("cannot be shown by {}: {why}", channel.title())),
        }
    }
}

fn whatsapp(content: &Content) -> Check {
    each_bubble(content, |bubble| {
        let known = [Part::Text, Part::Media, Part::Location, Part::Contacts, Part::Template, Part::Interactive];
        only_parts(bubble, &known)?;
        text_within(bubble, WHATSAPP_TEXT)
    })?;
    only_suggestions(content, |_| false)
}

fn apple(content: &Content) -> Check {
    each_bubble(content, |bubble| {
        only_parts(bubble, &[Part::Text, Part::Media, Part::ListPicker, Part::TimePicker, Part::OAuth2])?;
        text_within(bubble, APPLE_TEXT)
    })?;
    if !content.suggestions.is_empty() {
        return Err("suggestions must be inside a conversation item".to_owned());
    }
    only_suggestions(content, |suggestion| matches!(suggestion.action, Action::OpenUrl { .. }))
}

fn viber(content: &Content) -> Check {
    each_bubble(content, |bubble| {
        only_parts(bubble, &[Part::Text, Part::Media])?;
        if bubble.text.is_some() && bubble.media.is_some() {
            return Err("an image and a text must be separate items".to_owned());
        }
        media_is(bubble, |kind| kind.starts_with("image/"))
    })?;
    only_suggestions(content, |suggestion| matches!(suggestion.action, Action::OpenUrl { .. }))?;
    let ends_with_text = content.conversation.last().is_some_and(|bubble| bubble.text.is_some());
    if content.all_suggestions().next().is_some() && !ends_with_text {
        return Err("with suggestions, the last item must be a text".to_owned());
    }
    Ok(())
}

fn rcs(content: &Content) -> Check {
    each_bubble(content, |bubble| only_parts(bubble, &[Part::Text, Part::Media, Part::Location]))
}

fn twitter(content: &Content) -> Check {
    each_bubble(content, |bubble| {
        only_parts(bubble, &[Part::Text, Part::Media])?;
        text_within(bubble, TWITTER_TEXT)?;
        media_is(bubble, |kind| TWITTER_MEDIA.contains(&kind))
    })?;
    only_suggestions(content, |suggestion| matches!(suggestion.action, Action::Reply { .. }))?;
    let too_long = content.all_suggestions().any(|suggestion| suggestion.label.chars().count() > TWITTER_LABEL);
    if too_long { Err(format!("a label may have at most {TWITTER_LABEL} characters")) } else { Ok(()) }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Text,
    Media,
    Location,
    Contacts,
    Template,
    Interactive,
    ListPicker,
    TimePicker,
    OAuth2,
}

fn each_bubble(content: &Content, check: impl FnMut(&Bubble) -> Check) -> Check {
    content.conversation.iter().try_for_each(check)
}

fn only_parts(bubble: &Bubble, known: &[Part]) -> Check {
    let there = [
        (Part::Text, bubble.text.is_some()),
        (Part::Media, bubble.media.is_some()),
        (Part::Location, bubble.location.is_some()),
        (Part::Contacts, !bubble.contacts.is_empty()),
        (Part::Template, bubble.template.is_some()),
        (Part::Interactive, bubble.interactive.is_some()),
        (Part::ListPicker, bubble.list_picker.is_some()),
        (Part::TimePicker, bubble.time_picker.is_some()),
        (Part::OAuth2, bubble.oauth2.is_some()),
    ];
    match there.into_iter().find(|(part, there)| *there && !known.contains(part)) {
        Some((part, _)) => Err(format!("it does not support {part:?}")),
        None => Ok(()),
    }
}

fn text_within(bubble: &Bubble, most: usize) -> Check {
    let length = bubble.text.as_ref().map_or(0, |text| text.chars().count());
    if length > most { Err(format!("a text may have at most {most} characters")) } else { Ok(()) }
}

/// Accepts media without a type, because then the server of the file names the type.
fn media_is(bubble: &Bubble, known: impl Fn(&str) -> bool) -> Check {
    let kind = bubble.media.as_ref().and_then(kind_of);
    if kind.is_none_or(|kind| known(&kind)) { Ok(()) } else { Err("it does not support that type of media".to_owned()) }
}

fn kind_of(media: &Media) -> Option<String> {
    let written = media.mime_type.as_deref()?;
    Some(written.split(';').next().unwrap_or(written).trim().to_ascii_lowercase())
}

fn only_suggestions(content: &Content, known: impl Fn(&Suggestion) -> bool) -> Check {
    let all_known = content.all_suggestions().all(known);
    if all_known { Ok(()) } else { Err("it does not support that suggestion".to_owned()) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use strum::IntoEnumIterator;

    use super::*;

    const WITH_RULES: [Channel; 5] =
        [Channel::WhatsApp, Channel::AppleBusinessChat, Channel::Viber, Channel::Rcs, Channel::Twitter];

    fn showing(stored: &Value, channel: Channel) -> ChannelCapability {
        Content::of_json(&stored.to_string()).unwrap_or_else(|error| panic!("{error}: {stored}")).capability(channel)
    }

    fn bubble(bubble: Value) -> Value {
        json!({"conversation": [bubble]})
    }

    #[test]
    fn each_channel_shows_the_documented_content() {
        use Channel::{AppleBusinessChat as Apple, Rcs, Twitter, Viber, WhatsApp};
        let media = |kind: &str| json!({"uri": "https://a.example/x", "mime_type": kind});
        let untyped = json!({"uri": "https://a.example/x"});
        let point = json!({"latitude": "51.6", "longitude": "4.7"});
        let location = json!({"point": point, "search_query": "Konijnenberg 30"});
        let language = json!({"policy": "deterministic", "code": "en"});
        let template = json!({"namespace": "n", "element_name": "e", "language": language, "components": []});
        let interactive =
            json!({"body": "Come?", "action": {"type": "button", "buttons": [{"id": "yes", "title": "Yes"}]}});
        let contact = json!({"name": {"formatted_name": "CM", "last_name": "x"}});
        let picker = json!({"label": "Pick", "options": [{"label": "One"}]});
        let slot = json!({"start": "2026-02-21T09:00", "end": "2026-02-21T10:00"});
        let suggested = |last: Value, suggestion: Value| json!({"conversation": [last], "suggestions": [suggestion]});
        let inside = |suggestion: Value| bubble(json!({"text": "Hi", "suggestions": [suggestion]}));
        let open = json!({"action": "open_url", "label": "Open", "url": "https://a.example"});
        let dial = json!({"action": "dial", "label": "Call us", "number": "310612345"});
        let reply = |label: String| json!({"action": "reply", "label": label});
        for (content, shown_by) in [
            (bubble(json!({"text": "Hi"})), vec![WhatsApp, Apple, Viber, Rcs, Twitter]),
            (bubble(json!({"text": "x".repeat(4096)})), vec![WhatsApp, Apple, Viber, Rcs, Twitter]),
            (bubble(json!({"text": "x".repeat(4097)})), vec![Viber, Rcs, Twitter]),
            (bubble(json!({"text": "x".repeat(10_000)})), vec![Viber, Rcs, Twitter]),
            (bubble(json!({"text": "x".repeat(10_001)})), vec![Viber, Rcs]),
            (bubble(json!({"media": untyped})), vec![WhatsApp, Apple, Viber, Rcs, Twitter]),
            (bubble(json!({"media": media("image/png")})), vec![WhatsApp, Apple, Viber, Rcs, Twitter]),
            (bubble(json!({"media": media("video/mp4")})), vec![WhatsApp, Apple, Rcs, Twitter]),
            (bubble(json!({"media": media("Video/MP4; codecs=avc1")})), vec![WhatsApp, Apple, Rcs, Twitter]),
            (bubble(json!({"media": media("audio/ogg; codecs=opus")})), vec![WhatsApp, Apple, Rcs]),
            (bubble(json!({"text": "Hi", "media": media("image/png")})), vec![WhatsApp, Apple, Rcs, Twitter]),
            (bubble(json!({"location": location})), vec![WhatsApp, Rcs]),
            (bubble(json!({"contacts": [contact]})), vec![WhatsApp]),
            (bubble(json!({"template": template})), vec![WhatsApp]),
            (bubble(json!({"interactive": interactive})), vec![WhatsApp]),
            (bubble(json!({"text": "Hi", "list_picker": picker})), vec![Apple]),
            (bubble(json!({"text": "Hi", "time_picker": {"options": [slot]}})), vec![Apple]),
            (bubble(json!({"oauth2": {"response_type": "token", "scope": ["email"]}})), vec![Apple]),
            (suggested(json!({"text": "Hi"}), open.clone()), vec![Viber, Rcs]),
            (suggested(json!({"media": media("image/png")}), open.clone()), vec![Rcs]),
            (suggested(json!({"text": "Hi"}), dial), vec![Rcs]),
            (suggested(json!({"text": "Hi"}), reply("x".repeat(36))), vec![Rcs, Twitter]),
            (suggested(json!({"text": "Hi"}), reply("x".repeat(37))), vec![Rcs]),
            (inside(open), vec![Apple, Viber, Rcs]),
            (inside(reply("Yes".to_owned())), vec![Rcs, Twitter]),
        ] {
            for channel in WITH_RULES {
                let shown = showing(&content, channel);
                assert!(shown != ChannelCapability::TextOnly, "{channel:?}: {content}");
                assert_eq!(shown == ChannelCapability::Full, shown_by.contains(&channel), "{channel:?}: {content}");
            }
        }
    }

    #[test]
    fn sms_and_push_show_text_and_other_channels_content() {
        let content = bubble(json!({"template": {"namespace": "n", "element_name": "e",
            "language": {"policy": "fallback", "code": "en"}, "components": []}}));
        for channel in Channel::iter().filter(|channel| !WITH_RULES.contains(channel)) {
            let shows_text = matches!(channel, Channel::Sms | Channel::Push | Channel::MobilePush);
            let expected = if shows_text { ChannelCapability::TextOnly } else { ChannelCapability::Full };
            assert_eq!(showing(&content, channel), expected, "{channel:?}");
        }
    }

    #[test]
    fn unsupported_content_has_a_reason() {
        let why = |content: Value, channel: Channel| match showing(&content, channel) {
            ChannelCapability::Unsupported(why) => why,
            shown => panic!("{shown:?}"),
        };
        let location = bubble(json!({"location": {"search_query": "Breda"}}));
        assert_eq!(why(location, Channel::Viber), "cannot be shown by Viber: it does not support Location");
        let long = bubble(json!({"text": "x".repeat(4097)}));
        let most = "cannot be shown by Apple Business Chat: a text may have at most 4096 characters";
        assert_eq!(why(long, Channel::AppleBusinessChat), most);
    }
}
