//! The ways to a handset.

use serde::{Deserialize, Serialize};

/// A channel that a client may ask for, most wanted first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    Sms,
    Rcs,
    WhatsApp,
    Viber,
    AppleBusinessChat,
    Twitter,
    Instagram,
    FacebookMessenger,
    Telegram,
    /// To an app of the client's own, through CM's older library.
    Push,
    MobilePush,
}

impl Channel {
    pub const ALL: [Self; 11] = [
        Self::Sms,
        Self::Rcs,
        Self::WhatsApp,
        Self::Viber,
        Self::AppleBusinessChat,
        Self::Twitter,
        Self::Instagram,
        Self::FacebookMessenger,
        Self::Telegram,
        Self::Push,
        Self::MobilePush,
    ];

    /// The name in records and in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Rcs => "rcs",
            Self::WhatsApp => "whatsapp",
            Self::Viber => "viber",
            Self::AppleBusinessChat => "applebusinesschat",
            Self::Twitter => "twitter",
            Self::Instagram => "instagram",
            Self::FacebookMessenger => "facebookmessenger",
            Self::Telegram => "telegram",
            Self::Push => "push",
            Self::MobilePush => "mobilepush",
        }
    }

    /// The name that people know it by.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Sms => "SMS",
            Self::Rcs => "RCS",
            Self::WhatsApp => "WhatsApp",
            Self::Viber => "Viber",
            Self::AppleBusinessChat => "Apple Business Chat",
            Self::Twitter => "Twitter",
            Self::Instagram => "Instagram",
            Self::FacebookMessenger => "Facebook Messenger",
            Self::Telegram => "Telegram",
            Self::Push => "Push",
            Self::MobilePush => "MobilePush",
        }
    }

    /// The channel of that name, in any case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str().eq_ignore_ascii_case(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_has_one_name_in_records_and_in_the_api() {
        for channel in Channel::ALL {
            assert_eq!(serde_json::to_value(channel).unwrap(), channel.as_str());
            assert_eq!(Channel::parse(&channel.as_str().to_uppercase()), Some(channel));
            assert_eq!(Channel::parse(&channel.title().replace(' ', "")), Some(channel));
        }
        assert_eq!(Channel::parse("fax"), None);
    }
}
