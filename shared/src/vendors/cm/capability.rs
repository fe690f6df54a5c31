//! The rich content that CM.com shows on each channel, by the tables and chapters of its page "Business Messaging
//! API". The dialect refuses other content, and a CM.com carrier is no candidate for it.

use crate::domain::{Action, CapabilityCheck, Channel, ChannelCapability, Content};

/// The longest text in a bubble on Apple's channel, in characters.
const APPLE_TEXT: usize = 4096;
const TWITTER_MEDIA: [&str; 7] =
    ["image/jpg", "image/jpeg", "image/png", "image/webp", "image/gif", "video/mp4", "video/quicktime"];

/// Returns how CM.com shows the content: by the channel's rules, and then by its own.
pub(super) fn capability(content: &Content, channel: Channel) -> ChannelCapability {
    match content.capability(channel) {
        ChannelCapability::Full => ChannelCapability::of(check(content, channel), channel),
        less => less,
    }
}

fn check(content: &Content, channel: Channel) -> CapabilityCheck {
    match channel {
        // Buttons are in a template or an interactive message.
        Channel::WhatsApp => content.suggestions_are(|_| false),
        Channel::AppleBusinessChat => apple(content),
        Channel::Viber => viber(content),
        Channel::Twitter => twitter(content),
        _ => Ok(()),
    }
}

fn apple(content: &Content) -> CapabilityCheck {
    content.texts_within(APPLE_TEXT)?;
    if !content.suggestions.is_empty() {
        return Err("suggestions must be inside a conversation item".to_owned());
    }
    content.suggestions_are(|action| matches!(action, Action::OpenUrl { .. }))
}

fn viber(content: &Content) -> CapabilityCheck {
    if content.conversation.iter().any(|bubble| bubble.text.is_some() && bubble.media.is_some()) {
        return Err("an image and a text must be separate items".to_owned());
    }
    content.media_are(|kind| kind.starts_with("image/"))?;
    let ends_with_text = content.conversation.last().is_some_and(|bubble| bubble.text.is_some());
    if content.all_suggestions().next().is_some() && !ends_with_text {
        return Err("with suggestions, the last item must be a text".to_owned());
    }
    Ok(())
}

fn twitter(content: &Content) -> CapabilityCheck {
    content.media_are(|kind| TWITTER_MEDIA.contains(&kind))?;
    content.suggestions_are(|action| matches!(action, Action::Reply { .. }))
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
            ("text of 4097", &[Viber, Rcs, Twitter]),
            ("text of 10000", &[Viber, Rcs, Twitter]),
            ("text of 10001", &[Viber, Rcs]),
            ("untyped media", &[WhatsApp, Apple, Viber, Rcs, Twitter]),
            ("image", &[WhatsApp, Apple, Viber, Rcs, Twitter]),
            ("video", &[WhatsApp, Apple, Rcs, Twitter]),
            ("video with codecs", &[WhatsApp, Apple, Rcs, Twitter]),
            ("audio", &[WhatsApp, Apple, Rcs]),
            ("text and image", &[WhatsApp, Apple, Rcs, Twitter]),
            ("location", &[WhatsApp, Rcs]),
            ("contacts", &[WhatsApp]),
            ("template", &[WhatsApp]),
            ("interactive", &[WhatsApp]),
            ("list picker", &[Apple]),
            ("time picker", &[Apple]),
            ("oauth2", &[Apple]),
            ("link below text", &[Viber, Rcs]),
            ("link below image", &[Rcs]),
            ("dial below text", &[Rcs]),
            ("reply of 36", &[Rcs, Twitter]),
            ("reply of 37", &[Rcs]),
            ("link inside", &[Apple, Viber, Rcs]),
            ("reply inside", &[Rcs, Twitter]),
            ("rich card", &[Rcs]),
            ("carousel", &[Rcs]),
            ("carousel of 11", &[]),
            ("card with 5 links", &[]),
            ("reply with postback", &[Rcs, Twitter]),
            ("link with postback", &[Rcs]),
            ("request for location", &[Rcs]),
            ("radius", &[Rcs]),
            ("quote", &[WhatsApp]),
            ("tag", &[]),
        ];
        check(&rows, capability);
    }

    #[test]
    fn unsupported_content_has_a_reason() {
        let why = |stored: Value, channel: Channel| match capability(&content(&stored), channel) {
            ChannelCapability::Unsupported(why) => why,
            shown => panic!("{shown:?}"),
        };
        let location = bubble(json!({"location": {"search_query": "Breda"}}));
        assert_eq!(why(location, Channel::Viber), "cannot be shown by Viber: it does not support Location");
        let long = bubble(json!({"text": "x".repeat(4097)}));
        let most = "cannot be shown by Apple Business Chat: a text may have at most 4096 characters";
        assert_eq!(why(long, Channel::AppleBusinessChat), most);
        let both = bubble(json!({"text": "Hi", "media": {"uri": "https://a.example/x"}}));
        let separate = "cannot be shown by Viber: an image and a text must be separate items";
        assert_eq!(why(both, Channel::Viber), separate);
    }
}
