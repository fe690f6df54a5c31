//! The rich content that a channel can show at all, by the channel's owner. A vendor may show less: its own rules are in
//! its folder, behind `Connector::capability`. So a rule is here only if no vendor could do better.

use crate::domain::{Action, Bubble, Channel, Content, Media, Suggestion};

/// The longest text in a bubble, in characters. WhatsApp: Meta's "Text messages" (Cloud API). Twitter: X's "New event"
/// (Direct Messages).
const WHATSAPP_TEXT: usize = 4096;
const TWITTER_TEXT: usize = 10_000;
/// The longest label on a quick reply or button, in characters: X's "Quick Replies" and "Buttons".
const TWITTER_LABEL: usize = 36;

/// How a channel, or a vendor on a channel, shows rich content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChannelCapability {
    /// The channel shows the content, or we know no rules for the channel.
    Full,
    /// The channel shows the text instead.
    TextOnly,
    /// The channel cannot show all the content, so we skip the channel. The reason is for people.
    Unsupported(String),
}

/// Whether content keeps a rule, or why not.
pub(crate) type CapabilityCheck = Result<(), String>;

impl ChannelCapability {
    /// Returns `Full` or, with the reason, `Unsupported`.
    pub(crate) fn of(check: CapabilityCheck, channel: Channel) -> Self {
        match check {
            Ok(()) => Self::Full,
            Err(why) => Self::Unsupported(format!("cannot be shown by {}: {why}", channel.title())),
        }
    }
}

impl Content {
    /// Returns how the channel shows the content, through a vendor that can do all that the channel can.
    #[must_use]
    pub fn capability(&self, channel: Channel) -> ChannelCapability {
        let check = match channel {
            Channel::WhatsApp => whatsapp(self),
            Channel::AppleBusinessChat => apple(self),
            Channel::Viber => viber(self),
            Channel::Rcs => self.has_only(&[Part::Text, Part::Media, Part::Location]),
            Channel::Twitter => twitter(self),
            Channel::Sms | Channel::Push | Channel::MobilePush => return ChannelCapability::TextOnly,
            Channel::Instagram | Channel::FacebookMessenger | Channel::Telegram => Ok(()),
        };
        ChannelCapability::of(check, channel)
    }

    fn has_only(&self, known: &[Part]) -> CapabilityCheck {
        match self.conversation.iter().flat_map(parts).find(|part| !known.contains(part)) {
            Some(part) => Err(format!("it does not support {part:?}")),
            None => Ok(()),
        }
    }

    pub(crate) fn texts_within(&self, most: usize) -> CapabilityCheck {
        let length = |bubble: &Bubble| bubble.text.as_ref().map_or(0, |text| text.chars().count());
        let fits = self.conversation.iter().all(|bubble| length(bubble) <= most);
        if fits { Ok(()) } else { Err(format!("a text may have at most {most} characters")) }
    }

    /// Checks the type of all media, in lower case and without parameters. Accepts media without a type, because then
    /// the server of the file names the type.
    pub(crate) fn media_are(&self, known: impl Fn(&str) -> bool) -> CapabilityCheck {
        let mut kinds = self.conversation.iter().filter_map(|bubble| bubble.media.as_ref()).filter_map(kind_of);
        let all_known = kinds.all(|kind| known(&kind));
        if all_known { Ok(()) } else { Err("it does not support that type of media".to_owned()) }
    }

    pub(crate) fn suggestions_are(&self, known: impl Fn(&Action) -> bool) -> CapabilityCheck {
        let all_known = self.all_suggestions().all(|Suggestion { action, .. }| known(action));
        if all_known { Ok(()) } else { Err("it does not support that suggestion".to_owned()) }
    }
}

/// Suggestions are WhatsApp's interactive buttons: replies, or a link (Meta's "Interactive messages").
fn whatsapp(content: &Content) -> CapabilityCheck {
    content.has_only(&[Part::Text, Part::Media, Part::Location, Part::Contacts, Part::Template, Part::Interactive])?;
    content.texts_within(WHATSAPP_TEXT)?;
    content.suggestions_are(|action| matches!(action, Action::Reply { .. } | Action::OpenUrl { .. }))
}

/// Suggestions are quick replies and rich links (Apple's "Messages for Business").
fn apple(content: &Content) -> CapabilityCheck {
    content.has_only(&[Part::Text, Part::Media, Part::ListPicker, Part::TimePicker, Part::OAuth2])?;
    content.suggestions_are(|action| matches!(action, Action::Reply { .. } | Action::OpenUrl { .. }))
}

/// A business message is a text, an image, a video or a file, and a button opens a link (Viber's "Business Messages").
fn viber(content: &Content) -> CapabilityCheck {
    content.has_only(&[Part::Text, Part::Media])?;
    content.suggestions_are(|action| matches!(action, Action::OpenUrl { .. }))
}

/// Suggestions are quick replies and buttons with a link. Attachments are images and videos (X's "Direct Messages").
fn twitter(content: &Content) -> CapabilityCheck {
    content.has_only(&[Part::Text, Part::Media])?;
    content.texts_within(TWITTER_TEXT)?;
    content.media_are(|kind| kind.starts_with("image/") || kind.starts_with("video/"))?;
    content.suggestions_are(|action| matches!(action, Action::Reply { .. } | Action::OpenUrl { .. }))?;
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

fn parts(bubble: &Bubble) -> impl Iterator<Item = Part> {
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
    there.into_iter().filter(|(_, is_there)| *is_there).map(|(part, _)| part)
}

fn kind_of(media: &Media) -> Option<String> {
    let written = media.mime_type.as_deref()?;
    Some(written.split(';').next().unwrap_or(written).trim().to_ascii_lowercase())
}

#[cfg(test)]
pub(crate) mod samples {
    //! Contents with a part each, and the test that a table names the channels that show them.

    use serde_json::{Value, json};
    use strum::IntoEnumIterator;

    use super::*;

    /// The name of a sample, and the channels that show it, of those with rules.
    type Row<'a> = (&'a str, &'a [Channel]);

    const WITH_RULES: [Channel; 5] =
        [Channel::WhatsApp, Channel::AppleBusinessChat, Channel::Viber, Channel::Rcs, Channel::Twitter];

    pub(crate) fn content(stored: &Value) -> Content {
        Content::of_json(&stored.to_string()).unwrap_or_else(|error| panic!("{error}: {stored}"))
    }

    pub(crate) fn bubble(bubble: Value) -> Value {
        json!({"conversation": [bubble]})
    }

    /// Checks each sample against its row. The other channels show the text, or have no rules.
    pub(crate) fn check(rows: &[Row<'_>], capability: impl Fn(&Content, Channel) -> ChannelCapability) {
        assert!(contents().iter().map(|(name, _)| name).eq(rows.iter().map(|(name, _)| name)), "a row for each sample");
        for ((name, content), (_, shown_by)) in contents().iter().zip(rows) {
            for channel in Channel::iter() {
                let shown = capability(content, channel);
                let expected = match channel {
                    Channel::Sms | Channel::Push | Channel::MobilePush => shown == ChannelCapability::TextOnly,
                    _ if !WITH_RULES.contains(&channel) || shown_by.contains(&channel) => {
                        shown == ChannelCapability::Full
                    }
                    _ => matches!(shown, ChannelCapability::Unsupported(_)),
                };
                assert!(expected, "{name} on {channel:?}: {shown:?}");
            }
        }
    }

    pub(crate) fn contents() -> Vec<(&'static str, Content)> {
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
        let named = [
            ("text", bubble(json!({"text": "Hi"}))),
            ("text of 4096", bubble(json!({"text": "x".repeat(4096)}))),
            ("text of 4097", bubble(json!({"text": "x".repeat(4097)}))),
            ("text of 10000", bubble(json!({"text": "x".repeat(10_000)}))),
            ("text of 10001", bubble(json!({"text": "x".repeat(10_001)}))),
            ("untyped media", bubble(json!({"media": untyped}))),
            ("image", bubble(json!({"media": media("image/png")}))),
            ("video", bubble(json!({"media": media("video/mp4")}))),
            ("video with codecs", bubble(json!({"media": media("Video/MP4; codecs=avc1")}))),
            ("audio", bubble(json!({"media": media("audio/ogg; codecs=opus")}))),
            ("text and image", bubble(json!({"text": "Hi", "media": media("image/png")}))),
            ("location", bubble(json!({"location": location}))),
            ("contacts", bubble(json!({"contacts": [contact]}))),
            ("template", bubble(json!({"template": template}))),
            ("interactive", bubble(json!({"interactive": interactive}))),
            ("list picker", bubble(json!({"text": "Hi", "list_picker": picker}))),
            ("time picker", bubble(json!({"text": "Hi", "time_picker": {"options": [slot]}}))),
            ("oauth2", bubble(json!({"oauth2": {"response_type": "token", "scope": ["email"]}}))),
            ("link below text", suggested(json!({"text": "Hi"}), open.clone())),
            ("link below image", suggested(json!({"media": media("image/png")}), open.clone())),
            ("dial below text", suggested(json!({"text": "Hi"}), dial)),
            ("reply of 36", suggested(json!({"text": "Hi"}), reply("x".repeat(36)))),
            ("reply of 37", suggested(json!({"text": "Hi"}), reply("x".repeat(37)))),
            ("link inside", inside(open)),
            ("reply inside", inside(reply("Yes".to_owned()))),
        ];
        named.map(|(name, stored)| (name, content(&stored))).into()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{
        samples::{bubble, check, content},
        *,
    };

    #[test]
    fn each_channel_shows_the_documented_content() {
        use Channel::{AppleBusinessChat as Apple, Rcs, Twitter, Viber, WhatsApp};
        let rows: [(&str, &[Channel]); 25] = [
            ("text", &[WhatsApp, Apple, Viber, Rcs, Twitter]),
            ("text of 4096", &[WhatsApp, Apple, Viber, Rcs, Twitter]),
            ("text of 4097", &[Apple, Viber, Rcs, Twitter]),
            ("text of 10000", &[Apple, Viber, Rcs, Twitter]),
            ("text of 10001", &[Apple, Viber, Rcs]),
            ("untyped media", &[WhatsApp, Apple, Viber, Rcs, Twitter]),
            ("image", &[WhatsApp, Apple, Viber, Rcs, Twitter]),
            ("video", &[WhatsApp, Apple, Viber, Rcs, Twitter]),
            ("video with codecs", &[WhatsApp, Apple, Viber, Rcs, Twitter]),
            ("audio", &[WhatsApp, Apple, Viber, Rcs]),
            ("text and image", &[WhatsApp, Apple, Viber, Rcs, Twitter]),
            ("location", &[WhatsApp, Rcs]),
            ("contacts", &[WhatsApp]),
            ("template", &[WhatsApp]),
            ("interactive", &[WhatsApp]),
            ("list picker", &[Apple]),
            ("time picker", &[Apple]),
            ("oauth2", &[Apple]),
            ("link below text", &[WhatsApp, Apple, Viber, Rcs, Twitter]),
            ("link below image", &[WhatsApp, Apple, Viber, Rcs, Twitter]),
            ("dial below text", &[Rcs]),
            ("reply of 36", &[WhatsApp, Apple, Rcs, Twitter]),
            ("reply of 37", &[WhatsApp, Apple, Rcs]),
            ("link inside", &[WhatsApp, Apple, Viber, Rcs, Twitter]),
            ("reply inside", &[WhatsApp, Apple, Rcs, Twitter]),
        ];
        check(&rows, Content::capability);
    }

    #[test]
    fn unsupported_content_has_a_reason() {
        let why = |stored: Value, channel: Channel| match content(&stored).capability(channel) {
            ChannelCapability::Unsupported(why) => why,
            shown => panic!("{shown:?}"),
        };
        let location = bubble(json!({"location": {"search_query": "Breda"}}));
        assert_eq!(why(location, Channel::Viber), "cannot be shown by Viber: it does not support Location");
        let long = bubble(json!({"text": "x".repeat(4097)}));
        let most = "cannot be shown by WhatsApp: a text may have at most 4096 characters";
        assert_eq!(why(long, Channel::WhatsApp), most);
    }
}
