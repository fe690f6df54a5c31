//! Logs: one JSON line an event in the cloud, one readable line locally.
//!
//! Fields are dotted (`message.id`); no text, number, key or secret is ever one.

use tracing::level_filters::LevelFilter;

use super::{ConfigError, Variables};

/// Starts logging as JSON, at `LOG_LEVEL` (`error`, `warn`, `info`, `debug` or
/// `trace`; `info` unless set).
///
/// # Errors
/// When `LOG_LEVEL` is something else.
pub fn start(variables: &Variables) -> Result<(), ConfigError> {
    let level = variables.parsed("LOG_LEVEL", LevelFilter::INFO)?;
    tracing_subscriber::fmt().json().flatten_event(true).with_max_level(level).with_span_list(false).init();
    Ok(())
}
