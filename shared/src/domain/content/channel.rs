//! Channels, such as SMS and WhatsApp.

use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr};

/// A channel to a handset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, EnumIter, EnumString, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase", ascii_case_insensitive, const_into_str)]
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
    /// A message to the client's own app, through CM.com's older library.
    Push,
    MobilePush,
}

impl Channel {
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
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn channel_parses_in_any_case() {
        for channel in Channel::iter() {
            assert_eq!(channel.into_str().to_uppercase().parse(), Ok(channel));
            assert_eq!(channel.title().replace(' ', "").parse(), Ok(channel));
        }
        assert_eq!("fax".parse::<Channel>().ok(), None);
    }
}
