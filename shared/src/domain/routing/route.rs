//! Routes: the carriers for a message, by account, sender, channel and destination.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

use super::route_name::RouteName;
use crate::domain::{AccountId, CarrierName, Channel, PhoneNumber, SenderId};

const DEFAULT_RECEIPT_TIMEOUT_SECONDS: u32 = 300;
/// The receipt timeout unless a route sets another.
pub const DEFAULT_RECEIPT_TIMEOUT: Duration = Duration::from_secs(DEFAULT_RECEIPT_TIMEOUT_SECONDS as u64);

/// The routes in order. The first match wins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Routes(pub Vec<Route>);

/// A route, for messages that meet all of its conditions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// A message may choose a route by its name. It then gets only routes of that name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<RouteName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<SenderId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// Beginning of the recipient's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<NumberPrefix>,
    /// In order of preference. We try a later carrier if the earlier ones are down, are busy or refuse the
    /// message.
    pub carriers: Vec<CarrierName>,
    /// [`Route::receipt_timeout`], in seconds.
    #[serde(default = "receipt_timeout_seconds", skip_serializing_if = "is_usual")]
    pub receipt_timeout_s: u32,
}

impl Routes {
    /// Returns the first route that matches the message, and has the name that the message chose, if any.
    #[must_use]
    pub fn for_message(
        &self,
        name: Option<&RouteName>,
        account: &AccountId,
        sender: &SenderId,
        channel: Channel,
        to: &PhoneNumber,
    ) -> Option<&Route> {
        self.0.iter().find(|route| {
            name.is_none_or(|name| route.name.as_ref() == Some(name))
                && route.account.as_ref().is_none_or(|wanted| wanted == account)
                && route.sender.as_ref().is_none_or(|wanted| wanted == sender)
                && route.channel.is_none_or(|wanted| wanted == channel)
                && route.prefix.as_ref().is_none_or(|prefix| to.digits().starts_with(&prefix.0))
        })
    }
}

impl Route {
    /// Returns a route without conditions.
    #[must_use]
    pub fn to(carriers: Vec<CarrierName>) -> Self {
        let receipt_timeout_s = DEFAULT_RECEIPT_TIMEOUT_SECONDS;
        Self { name: None, account: None, sender: None, channel: None, prefix: None, carriers, receipt_timeout_s }
    }

    /// Returns whether this route matches every message that `other` matches. Then `other` has no effect
    /// after this route. A route with a name stays in effect after routes without it, for messages that choose it.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let begins =
            |prefix: &NumberPrefix| other.prefix.as_ref().is_some_and(|longer| longer.0.starts_with(&prefix.0));
        (other.name.is_none() || self.name == other.name)
            && (self.account.is_none() || self.account == other.account)
            && (self.sender.is_none() || self.sender == other.sender)
            && (self.channel.is_none() || self.channel == other.channel)
            && self.prefix.as_ref().is_none_or(begins)
    }

    /// Returns how long we wait for a receipt before failing over to the next channel.
    #[must_use]
    pub fn receipt_timeout(&self) -> Duration {
        Duration::from_secs(self.receipt_timeout_s.into())
    }
}

fn receipt_timeout_seconds() -> u32 {
    DEFAULT_RECEIPT_TIMEOUT_SECONDS
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde requires this signature")]
fn is_usual(seconds: &u32) -> bool {
    *seconds == DEFAULT_RECEIPT_TIMEOUT_SECONDS
}

/// The first 1 to 15 digits of an international phone number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NumberPrefix(String);

#[derive(Debug, thiserror::Error)]
#[error("a prefix is the first 1 to 15 digits of an international number, optionally after + or 00")]
pub struct NumberPrefixError;

impl FromStr for NumberPrefix {
    type Err = NumberPrefixError;

    fn from_str(text: &str) -> Result<Self, NumberPrefixError> {
        let digits = text.strip_prefix('+').or_else(|| text.strip_prefix("00")).unwrap_or(text);
        let fits =
            (1..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
        if fits { Ok(Self(digits.to_owned())) } else { Err(NumberPrefixError) }
    }
}

impl TryFrom<String> for NumberPrefix {
    type Error = NumberPrefixError;

    fn try_from(text: String) -> Result<Self, NumberPrefixError> {
        text.parse()
    }
}

impl From<NumberPrefix> for String {
    fn from(prefix: NumberPrefix) -> Self {
        prefix.0
    }
}

impl fmt::Display for NumberPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_matching_route_wins() {
        let (loopback, cm) = ("loopback".parse().unwrap(), "cm".parse().unwrap());
        let any = Route::to(vec![loopback]);
        let routes = Routes(vec![
            Route { channel: Some(Channel::WhatsApp), ..Route::to(vec![cm]) },
            Route { prefix: Some("+31".parse().unwrap()), ..Route::to(vec![cm, loopback]) },
            Route { account: Some("other".parse().unwrap()), ..Route::to(vec![cm]) },
            Route { sender: Some("ACME".parse().unwrap()), ..Route::to(vec![]) },
            any,
        ]);
        let chosen = |account: &str, sender: &str, channel, to: &str| {
            let (account, sender) = (account.parse::<AccountId>().unwrap(), sender.parse::<SenderId>().unwrap());
            let route = routes.for_message(None, &account, &sender, channel, &to.parse::<PhoneNumber>().unwrap());
            route.unwrap().carriers.clone()
        };
        assert_eq!(chosen("demo", "12345", Channel::WhatsApp, "31612345678"), [cm]);
        assert_eq!(chosen("demo", "12345", Channel::Sms, "31612345678"), [cm, loopback]);
        assert_eq!(chosen("other", "12345", Channel::Sms, "447700900001"), [cm]);
        assert_eq!(chosen("demo", "ACME", Channel::Sms, "447700900001"), []);
        assert_eq!(chosen("demo", "12345", Channel::Rcs, "447700900001"), [loopback]);
        assert_eq!(Routes::default().0, []);
    }

    #[test]
    fn route_covers_equal_and_narrower_routes() {
        let rule = |account: Option<&str>, channel, prefix: Option<&str>| Route {
            account: account.map(|account| account.parse().unwrap()),
            channel,
            prefix: prefix.map(|prefix| prefix.parse().unwrap()),
            ..Route::to(vec!["cm".parse().unwrap()])
        };
        let any = rule(None, None, None);
        let dutch_sms = rule(None, Some(Channel::Sms), Some("31"));
        assert!(any.covers(&dutch_sms) && !dutch_sms.covers(&any));
        assert!(dutch_sms.covers(&dutch_sms) && any.covers(&any));
        assert!(dutch_sms.covers(&rule(Some("demo"), Some(Channel::Sms), Some("316"))));
        assert!(!dutch_sms.covers(&rule(None, Some(Channel::Rcs), Some("316"))));
        assert!(!dutch_sms.covers(&rule(None, Some(Channel::Sms), Some("3"))));
        assert!(!dutch_sms.covers(&rule(None, Some(Channel::Sms), None)));
        assert!(!rule(Some("demo"), None, None).covers(&rule(Some("other"), None, None)));
    }

    #[test]
    fn chosen_name_selects_among_routes_of_that_name() {
        let [loopback, cm]: [CarrierName; 2] = ["loopback", "cm"].map(|name| name.parse().unwrap());
        let premium = || Some("premium".parse::<RouteName>().unwrap());
        let dutch = Route { prefix: Some("31".parse().unwrap()), ..Route::to(vec![cm]) };
        let dutch = Route { name: premium(), ..dutch };
        let routes = Routes(vec![Route::to(vec![loopback]), dutch.clone()]);
        let chosen = |name: Option<RouteName>, to: &str| {
            let (account, sender) = ("demo".parse().unwrap(), "12345".parse().unwrap());
            let route = routes.for_message(name.as_ref(), &account, &sender, Channel::Sms, &to.parse().unwrap());
            route.map(|route| route.carriers[0])
        };
        assert_eq!(chosen(None, "31612345678"), Some(loopback));
        assert_eq!(chosen(premium(), "31612345678"), Some(cm));
        assert_eq!(chosen(premium(), "447700900001"), None);
        assert_eq!(chosen(Some("other".parse().unwrap()), "31612345678"), None);

        let any = Route::to(vec![loopback]);
        let named = Route { name: premium(), ..any.clone() };
        assert!(!any.covers(&dutch) && named.covers(&dutch) && named.covers(&any));
    }

    #[test]
    fn prefix_is_digits_and_misspelt_condition_is_named() {
        assert_eq!("0044".parse::<NumberPrefix>().unwrap(), "+44".parse::<NumberPrefix>().unwrap());
        for text in ["", "+", "0", "44a", &"4".repeat(16)] {
            assert!(text.parse::<NumberPrefix>().is_err(), "{text}");
        }
        let error = serde_json::from_str::<Route>(r#"{"carriers":["cm"],"chanel":"sms"}"#).unwrap_err().to_string();
        assert!(error.contains("chanel"), "{error}");
        let written = serde_json::to_string(&Route::to(vec!["cm".parse().unwrap()])).unwrap();
        assert_eq!(written, r#"{"carriers":["cm"]}"#);
    }
}
