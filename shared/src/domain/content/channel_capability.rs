//! The rich content of each channel, by the channel's owner. A vendor may show less: its own rules are
//! in its folder, behind `Connector::capability`. So a rule is here only if no vendor could do better.

use crate::domain::{Action, Bubble, Channel, Content, Location, Media, Suggestion};

/// The longest text in a bubble, in characters. WhatsApp: Meta's "Text messages" (Cloud API). Twitter: X's "New event"
/// (Direct Messages).
const WHATSAPP_TEXT: usize = 4096;
const TWITTER_TEXT: usize = 10_000;
/// The longest label on a quick reply or button, in characters: X's "Quick Replies" and "Buttons".
const TWITTER_LABEL: usize = 36;
/// RCS: Google's "Rich cards" (RCS for Business).
const RCS_CARDS: usize = 10;
const RCS_CARD_SUGGESTIONS: usize = 4;

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

    /// Returns the capability of the channel through a vendor that sends texts only.
    pub(crate) fn at_most_text(self) -> Self {
        match self {
            Self::Full => Self::TextOnly,
            less => less,
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
            Channel::Rcs => rcs(self),
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
        let fits = self.texts().all(|text| text.chars().count() <= most);
        if fits { Ok(()) } else { Err(format!("a text may have at most {most} characters")) }
    }

    /// Checks the type of all media, in lower case and without parameters. Accepts media without a type, because then
    /// the server of the file names the type.
    pub(crate) fn media_are(&self, known: impl Fn(&str) -> bool) -> CapabilityCheck {
        let all_known = self.media().filter_map(kind_of).all(|kind| known(&kind));
        if all_known { Ok(()) } else { Err("it does not support that type of media".to_owned()) }
    }

    pub(crate) fn suggestions_are(&self, known: impl Fn(&Action) -> bool) -> CapabilityCheck {
        let all_known = self.all_suggestions().all(|Suggestion { action, .. }| known(action));
        if all_known { Ok(()) } else { Err("it does not support that suggestion".to_owned()) }
    }

    /// Checks that only replies have postback data, because a link or another action sends nothing back.
    fn postbacks_are_replies(&self) -> CapabilityCheck {
        let is_reply = |suggestion: &Suggestion| matches!(suggestion.action, Action::Reply { .. });
        let fits = self.all_suggestions().all(|suggestion| suggestion.postback.is_none() || is_reply(suggestion));
        if fits { Ok(()) } else { Err("it returns postback data only with a reply".to_owned()) }
    }
}

/// A bubble is a text, a file, a place, a rich card or a carousel. Every suggestion returns its postback data (Google's
/// "RCS for Business"). We accept a single card in a carousel, where Google asks for two, because CM.com's clients
/// write it.
fn rcs(content: &Content) -> CapabilityCheck {
    use Part::{CardLayout, Carousel, Header, Location, Media, Radius, Text};
    content.has_only(&[Text, Media, Location, Radius, Header, Carousel, CardLayout])?;
    if content.carousels().any(|carousel| carousel.cards.len() > RCS_CARDS) {
        return Err(format!("a carousel may have at most {RCS_CARDS} cards"));
    }
    if content.cards().any(|card| card.suggestions.len() > RCS_CARD_SUGGESTIONS) {
        return Err(format!("a card may have at most {RCS_CARD_SUGGESTIONS} suggestions"));
    }
    Ok(())
}

/// Suggestions are WhatsApp's interactive buttons: replies, or a link (Meta's "Interactive messages").
fn whatsapp(content: &Content) -> CapabilityCheck {
    use Part::{Contacts, Context, Interactive, Location, Media, Template, Text};
    content.has_only(&[Text, Media, Location, Contacts, Template, Interactive, Context])?;
    content.texts_within(WHATSAPP_TEXT)?;
    content.postbacks_are_replies()?;
    content.suggestions_are(|action| matches!(action, Action::Reply { .. } | Action::OpenUrl { .. }))
}

/// Suggestions are quick replies and rich links (Apple's "Messages for Business").
fn apple(content: &Content) -> CapabilityCheck {
    content.has_only(&[Part::Text, Part::Media, Part::ListPicker, Part::TimePicker, Part::OAuth2])?;
    content.postbacks_are_replies()?;
    content.suggestions_are(|action| matches!(action, Action::Reply { .. } | Action::OpenUrl { .. }))
}

/// A business message is a text, an image, a video or a file, and a button opens a link (Viber's "Business Messages").
fn viber(content: &Content) -> CapabilityCheck {
    content.has_only(&[Part::Text, Part::Media])?;
    content.postbacks_are_replies()?;
    content.suggestions_are(|action| matches!(action, Action::OpenUrl { .. }))
}

/// Suggestions are quick replies and buttons with a link. Attachments are images and videos (X's "Direct Messages").
fn twitter(content: &Content) -> CapabilityCheck {
    content.has_only(&[Part::Text, Part::Media])?;
    content.texts_within(TWITTER_TEXT)?;
    content.postbacks_are_replies()?;
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
    Carousel,
    Header,
    CardLayout,
    Radius,
    /// A quoted message.
    Context,
    Tag,
}

fn parts(bubble: &Bubble) -> impl Iterator<Item = Part> {
    let height = bubble.media.as_ref().and_then(|media| media.height);
    let radius = bubble.location.as_deref().and_then(|Location { radius, .. }| *radius);
    let has_layout = bubble.card_orientation.is_some() || bubble.thumbnail_alignment.is_some() || height.is_some();
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
        (Part::Carousel, bubble.carousel.is_some()),
        (Part::Header, bubble.header.is_some()),
        (Part::CardLayout, has_layout),
        (Part::Radius, radius.is_some()),
        (Part::Context, bubble.reply_to.is_some()),
        (Part::Tag, bubble.tag.is_some()),
    ];
    there.into_iter().filter(|(_, is_there)| *is_there).map(|(part, _)| part)
}

fn kind_of(media: &Media) -> Option<String> {
    let written = media.mime_type.as_deref()?;
    Some(written.split(';').next().unwrap_or(written).trim().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::capability_samples::{bubble, check, content};

    #[test]
    fn each_channel_shows_the_documented_content() {
        use Channel::{AppleBusinessChat as Apple, Rcs, Twitter, Viber, WhatsApp};
        let rows: [(&str, &[Channel]); 35] = [
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
            ("rich card", &[Rcs]),
            ("carousel", &[Rcs]),
            ("carousel of 11", &[]),
            ("card with 5 links", &[]),
            ("reply with postback", &[WhatsApp, Apple, Rcs, Twitter]),
            ("link with postback", &[Rcs]),
            ("request for location", &[Rcs]),
            ("radius", &[Rcs]),
            ("quote", &[WhatsApp]),
            ("tag", &[]),
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
