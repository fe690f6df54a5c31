//! A phone's channels. A phone has every channel, and behaves on each by its number ([`Behavior::of`])
//! unless a person set a [`ChannelBehavior`] for that channel.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::behavior::Behavior;
use super::problem::{Fields, Problem};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Channel {
    Sms,
    Rcs,
    WhatsApp,
    Viber,
    AppleBusinessChat,
    Twitter,
    Instagram,
    FacebookMessenger,
    Telegram,
    Push,
    MobilePush,
}

/// Each channel's name here and at the loopback carrier, and its present name at CM.com.
const NAMES: [(Channel, &str, &str); 11] = [
    (Channel::Sms, "sms", "SMS"),
    (Channel::Rcs, "rcs", "RCS"),
    (Channel::WhatsApp, "whatsapp", "WhatsApp"),
    (Channel::Viber, "viber", "Viber"),
    (Channel::AppleBusinessChat, "applebusinesschat", "Apple Messages for Business"),
    (Channel::Twitter, "twitter", "Twitter"),
    (Channel::Instagram, "instagram", "Instagram"),
    (Channel::FacebookMessenger, "facebookmessenger", "Facebook Messenger"),
    (Channel::Telegram, "telegram", "Telegram Messenger"),
    (Channel::Push, "push", "Push"),
    (Channel::MobilePush, "mobilepush", "MobilePush"),
];

impl Channel {
    pub(super) fn parse(name: &str) -> Option<Self> {
        NAMES.iter().find(|(_, known, _)| *known == name).map(|(channel, ..)| *channel)
    }

    /// Accepts the present name, and Apple's former name, which the page "Business Messaging API" has.
    pub(super) fn parse_cm(name: &str) -> Option<Self> {
        let is = |known: &str| known.eq_ignore_ascii_case(name);
        let found = NAMES.iter().find(|(channel, _, known)| is(known) || is(channel.cm_webhook_name()));
        found.map(|(channel, ..)| *channel)
    }

    pub(super) fn name(self) -> &'static str {
        NAMES.iter().find(|(channel, ..)| *channel == self).map_or("", |(_, name, _)| name)
    }

    /// Returns the channel's name in CM.com's webhooks. Apple's is the former name there, by CM.com's page "Apple
    /// Messages for Business" on incoming messages.
    pub(super) fn cm_webhook_name(self) -> &'static str {
        if self == Self::AppleBusinessChat {
            return "Apple Business Chat";
        }
        NAMES.iter().find(|(channel, ..)| *channel == self).map_or("", |(.., name)| name)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ChannelBehavior {
    Delivers,
    /// The carrier refuses the submit.
    Rejects,
    /// Accepted, then a receipt reports the failure.
    Fails,
    /// Accepted, then neither delivered nor reported.
    Silent,
}

impl From<ChannelBehavior> for Behavior {
    fn from(channel_behavior: ChannelBehavior) -> Self {
        match channel_behavior {
            ChannelBehavior::Delivers => Self::Delivered,
            ChannelBehavior::Rejects => Self::Rejected,
            ChannelBehavior::Fails => Self::Undelivered,
            ChannelBehavior::Silent => Self::Lost,
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(super) struct ChannelBehaviors(BTreeMap<Channel, ChannelBehavior>);

impl ChannelBehaviors {
    /// Parses a body such as `{"whatsapp": "rejects", "rcs": "silent"}`.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Problem> {
        Fields::parse(body)?.entries().map(|(name, value)| read(name, value)).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn on(&self, channel: Channel) -> Option<ChannelBehavior> {
        self.0.get(&channel).copied()
    }
}

fn read(name: &str, value: &Value) -> Result<(Channel, ChannelBehavior), Problem> {
    let Some(channel) = Channel::parse(name) else {
        let known: Vec<_> = NAMES.iter().map(|(_, known, _)| *known).collect();
        return Err(Problem::invalid(name.to_owned(), format!("is not a channel; channels: {}", known.join(", "))));
    };
    let channel_behavior = ChannelBehavior::deserialize(value)
        .map_err(|_| Problem::invalid(name.to_owned(), "must be delivers, rejects, fails or silent"))?;
    Ok((channel, channel_behavior))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channel_is_found_by_each_of_its_names() {
        for (channel, name, at_cm) in NAMES {
            assert_eq!(serde_json::to_value(channel).unwrap(), name);
            assert_eq!(Channel::parse(name), Some(channel));
            assert_eq!(channel.name(), name);
            assert_eq!(Channel::parse_cm(&at_cm.to_lowercase()), Some(channel));
            assert!(channel == Channel::AppleBusinessChat || channel.cm_webhook_name() == at_cm);
        }
        assert_eq!(Channel::parse("fax"), None);
        assert_eq!(Channel::parse_cm("AppleBusinessChat"), None);
        assert_eq!(Channel::AppleBusinessChat.cm_webhook_name(), "Apple Business Chat");
    }
}
