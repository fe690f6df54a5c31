//! Logs: one JSON line an event in the cloud, one readable line locally.
//!
//! Fields are dotted (`message.id`); no text, number, key or secret is ever one.
//! Libraries speak from warnings up only, whatever level is asked for: some log
//! whole requests. The one exception is the span that the Lambda runtime puts
//! around an invocation, with the ids of its request and trace.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{Layer, filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

use super::{ConfigError, Variables};

/// The crates of this project, as they name themselves in logs.
const OURS: [&str; 9] =
    ["shared", "send", "schedule_tick", "dispatch", "dlr_webhook", "mo_webhook", "callback", "messages", "local"];

/// Where the Lambda runtime opens the span of an invocation, and says nothing else.
const INVOCATION: &str = "lambda_runtime::layers::trace";

/// Starts logging as JSON, at `LOG_LEVEL` (`error`, `warn`, `info`, `debug` or
/// `trace`; `info` unless set).
///
/// # Errors
/// When `LOG_LEVEL` is something else.
pub fn start(variables: &Variables) -> Result<(), ConfigError> {
    let targets = targets(level(variables)?);
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_span_list(false);
    tracing_subscriber::registry().with(lines.with_filter(targets)).init();
    Ok(())
}

/// # Errors
/// When `LOG_LEVEL` is not the name of a level.
pub fn level(variables: &Variables) -> Result<LevelFilter, ConfigError> {
    variables.parsed("LOG_LEVEL", LevelFilter::INFO)
}

/// This project's crates at that level, all others at no more than warnings.
#[must_use]
pub fn targets(level: LevelFilter) -> Targets {
    let others =
        Targets::new().with_default(level.min(LevelFilter::WARN)).with_target(INVOCATION, level.max(LevelFilter::INFO));
    OURS.into_iter().fold(others, |targets, ours| targets.with_target(ours, level))
}
