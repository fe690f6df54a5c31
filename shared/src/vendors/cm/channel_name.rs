//! CM.com's names of channels, as its pages and its clients for .NET, Java, JavaScript, PHP and Python have them.
//!
//! CM.com has renamed channels. We accept every name, in any case and with or without blanks. Requests bear the present
//! name. CM.com's replies keep some older names (page "Apple Messages for Business", incoming messages), so replies
//! that we hand on have the channel's title.

use tracing::warn;

use crate::domain::Channel;

/// Returns the channel of a name in a request or a webhook, or `None` if we do not have that channel.
pub(super) fn parse(written: &str) -> Option<Channel> {
    let name: String = written.split_whitespace().collect();
    match name.to_ascii_lowercase().as_str() {
        // "iMessage" is obsolete in CM.com's .NET client, in favour of "Apple Business Chat".
        "applemessagesforbusiness" | "imessage" => Some(Channel::AppleBusinessChat),
        "telegrammessenger" => Some(Channel::Telegram),
        known => known.parse().ok(),
    }
}

/// Returns the channel of a reply. A missing name means SMS. An unknown name counts as SMS, to keep the reply.
pub(super) fn of_reply(written: &str) -> Channel {
    if written.trim().is_empty() {
        return Channel::Sms;
    }
    parse(written).unwrap_or_else(|| {
        warn!("a reply came over an unknown channel and counts as SMS");
        Channel::Sms
    })
}

/// Returns the present name of a channel, for a request to CM.com.
pub(super) fn present(channel: Channel) -> &'static str {
    match channel {
        Channel::AppleBusinessChat => "Apple Messages for Business",
        Channel::Telegram => "Telegram Messenger",
        _ => channel.title(),
    }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn every_name_of_the_clients_is_known_or_unsupported() {
        use Channel::{
            AppleBusinessChat, FacebookMessenger, Instagram, MobilePush, Push, Rcs, Sms, Telegram, Twitter, Viber,
            WhatsApp,
        };
        for (name, channel) in [
            ("SMS", Some(Sms)),
            ("WhatsApp", Some(WhatsApp)),
            ("Whatsapp", Some(WhatsApp)),
            ("Push", Some(Push)),
            ("MobilePush", Some(MobilePush)),
            ("RCS", Some(Rcs)),
            ("Viber", Some(Viber)),
            ("iMessage", Some(AppleBusinessChat)),
            ("Apple Business Chat", Some(AppleBusinessChat)),
            ("AppleBusinessChat", Some(AppleBusinessChat)),
            ("Apple Messages for Business", Some(AppleBusinessChat)),
            ("Twitter", Some(Twitter)),
            ("Facebook Messenger", Some(FacebookMessenger)),
            ("FacebookMessenger", Some(FacebookMessenger)),
            ("Instagram", Some(Instagram)),
            ("Telegram", Some(Telegram)),
            ("Telegram Messenger", Some(Telegram)),
            ("Voice", None),
            ("Line", None),
            ("Google Business Messages", None),
            ("GoogleBusinessMessages", None),
            ("", None),
        ] {
            assert_eq!(parse(name), channel, "{name}");
            let spaced = format!(" {} ", name.to_uppercase().replace(' ', "  "));
            assert_eq!(parse(&spaced), channel, "{spaced}");
        }
    }

    #[test]
    fn present_name_and_title_of_each_channel_are_known() {
        for channel in Channel::iter() {
            assert_eq!(parse(present(channel)), Some(channel));
            assert_eq!(parse(channel.title()), Some(channel));
        }
    }

    #[test]
    fn reply_over_unknown_channel_counts_as_sms() {
        for name in ["", " ", "Line", "fax"] {
            assert_eq!(of_reply(name), Channel::Sms, "{name}");
        }
        assert_eq!(of_reply("telegram messenger"), Channel::Telegram);
    }
}
