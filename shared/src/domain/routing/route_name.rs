//! Names of routes.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The most bytes of a name.
const LONGEST: usize = 64;

/// The name that an operator gives to a route, such as `premium`: 1 to 64 printable ASCII characters without a
/// space. Clients choose routes by name, perhaps by the names that a vendor gave to its connections.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RouteName(String);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("is not the name of a route: 1 to {LONGEST} printable ASCII characters without a space")]
pub struct RouteNameError;

impl RouteName {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RouteName {
    type Err = RouteNameError;

    fn from_str(text: &str) -> Result<Self, RouteNameError> {
        let fits = (1..=LONGEST).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if fits { Ok(Self(text.to_owned())) } else { Err(RouteNameError) }
    }
}

impl TryFrom<String> for RouteName {
    type Error = RouteNameError;

    fn try_from(text: String) -> Result<Self, RouteNameError> {
        text.parse()
    }
}

impl From<RouteName> for String {
    fn from(name: RouteName) -> Self {
        name.0
    }
}

impl fmt::Display for RouteName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_is_printable_without_a_space() {
        for text in ["premium", "TELCEL_MX.2", &"a".repeat(LONGEST)] {
            assert_eq!(text.parse::<RouteName>().unwrap().as_str(), text);
        }
        for text in ["", "a b", "é", "a\n", &"a".repeat(LONGEST + 1)] {
            assert_eq!(text.parse::<RouteName>(), Err(RouteNameError), "{text}");
        }
    }
}
