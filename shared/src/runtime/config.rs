//! Settings, read from environment variables at start. A function does not start if a variable is
//! missing or malformed; the error names the variable.

use std::{collections::HashMap, str::FromStr};

/// Environment variables of the process or of a test.
#[derive(Clone, Debug, Default)]
pub struct Variables(HashMap<String, String>);

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{0} is not set")]
    Missing(&'static str),
    #[error("{name} {reason}")]
    Malformed { name: &'static str, reason: String },
}

impl Variables {
    #[must_use]
    pub fn of_process() -> Self {
        Self(std::env::vars().collect())
    }

    /// Adds variables, replacing those of the same name.
    #[must_use]
    pub fn with(mut self, others: impl IntoIterator<Item = (String, String)>) -> Self {
        self.0.extend(others);
        self
    }

    /// # Errors
    /// The variable is not set, or is empty.
    pub fn required(&self, name: &'static str) -> Result<&str, ConfigError> {
        self.optional(name).ok_or(ConfigError::Missing(name))
    }

    #[must_use]
    pub fn optional(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// # Errors
    /// The variable is set, but is not a `T`.
    pub fn parsed<T: FromStr>(&self, name: &'static str, default: T) -> Result<T, ConfigError> {
        let Some(value) = self.optional(name) else { return Ok(default) };
        let what = std::any::type_name::<T>();
        value.parse().map_err(|_| ConfigError::Malformed { name, reason: format!("is not a valid {what}") })
    }
}

impl FromIterator<(String, String)> for Variables {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self(variables.into_iter().collect())
    }
}

const DEFAULT_SEGMENT_LIMIT: u16 = 10;

/// Limits that an operator may set.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// `SEGMENT_LIMIT`: maximum number of segments in a text, 1 to 255. Default 10.
    pub segment_limit: u16,
    /// `RETENTION_DAYS`: days for which messages and replies are kept, 10 to 3650. Default 90. A
    /// callback is retried for seven days and needs its record until then.
    pub retention_days: u16,
}

impl Settings {
    /// # Errors
    /// A setting is malformed or out of range.
    pub fn read(variables: &Variables) -> Result<Self, ConfigError> {
        let segments = variables.parsed("SEGMENT_LIMIT", DEFAULT_SEGMENT_LIMIT)?;
        if !(1..=255).contains(&segments) {
            return Err(ConfigError::Malformed { name: "SEGMENT_LIMIT", reason: "is not 1 to 255".to_owned() });
        }
        let retention_days = variables.parsed("RETENTION_DAYS", 90)?;
        if !(10..=3650).contains(&retention_days) {
            return Err(ConfigError::Malformed { name: "RETENTION_DAYS", reason: "is not 10 to 3650".to_owned() });
        }
        Ok(Self { segment_limit: segments, retention_days })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_variable() {
        let variables = |name: &str, value: &str| Variables::from_iter([(name.to_owned(), value.to_owned())]);
        for (name, value) in [("SEGMENT_LIMIT", "many"), ("SEGMENT_LIMIT", "0"), ("RETENTION_DAYS", "9")] {
            let error = Settings::read(&variables(name, value)).unwrap_err().to_string();
            assert!(error.starts_with(name), "{error}");
        }
        let error = Variables::default().required("MESSAGES_TABLE").unwrap_err().to_string();
        assert_eq!(error, "MESSAGES_TABLE is not set");
    }
}
