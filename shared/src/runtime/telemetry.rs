//! Logs: one JSON line per event in the cloud, one readable line locally.
//!
//! An object's fields have dotted names (`message.id`). No field holds a message text, phone number, key or
//! secret. Libraries log only warnings and errors, even if `LOG_LEVEL` asks for more, because some log
//! whole requests. The exception is the Lambda runtime's span of an invocation, which has the IDs of its
//! request and trace.

use std::{
    error::Error,
    io,
    panic::{self, PanicHookInfo},
};

use tracing::{Level, Subscriber, error, level_filters::LevelFilter};
use tracing_subscriber::{
    Layer,
    filter::{FilterExt, Targets, filter_fn},
    fmt::{self, MakeWriter},
    layer::SubscriberExt,
    registry,
    util::SubscriberInitExt,
};

use super::{ConfigError, Variables};

/// This project's crates, as log targets.
const OURS: [&str; 10] = [
    "shared",
    "send",
    "schedule_tick",
    "dispatch",
    "dlr_webhook",
    "mo_webhook",
    "callback",
    "messages",
    "account",
    "local",
];

/// The target under which the Lambda runtime opens an invocation's span, and logs no events.
const INVOCATION: &str = "lambda_runtime::layers::trace";

/// Starts JSON logs at `LOG_LEVEL`: `error`, `warn`, `info` (default), `debug` or `trace`.
///
/// # Errors
/// `LOG_LEVEL` has another value.
pub fn start(variables: &Variables) -> Result<(), ConfigError> {
    lines(level(variables)?, io::stdout).init();
    panic::set_hook(Box::new(report_panic));
    Ok(())
}

/// Logs the location of a panic, but not its message, which may quote private text.
pub fn report_panic(panic: &PanicHookInfo<'_>) {
    let location = panic.location().map(ToString::to_string);
    error!(panic.at = location, "panicked");
}

/// Returns an error's message with those of its sources, without repetitions.
#[must_use]
pub fn error_chain(error: &(dyn Error + 'static)) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !words.contains(&more) {
            words = format!("{words}: {more}");
        }
        source = cause.source();
    }
    words
}

/// Returns the subscriber that writes a function's log to `out`.
pub fn lines<W>(level: LevelFilter, out: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Clone + Send + Sync + 'static,
{
    let lines = || fmt::layer().json().flatten_event(true).with_span_list(false).with_writer(out.clone());
    // INFO, DEBUG and TRACE lines have no target: the text identifies them, and we pay for each logged byte.
    let below_warn = filter_fn(|line| *line.level() > Level::WARN).with_max_level_hint(LevelFilter::TRACE);
    let routine = lines().with_target(false).with_filter(targets(level).and(below_warn));
    let warnings = lines().with_filter(targets(level.min(LevelFilter::WARN)));
    // A `vec`, because `and_then` would apply the level of one layer to both.
    registry().with(vec![routine.boxed(), warnings.boxed()])
}

/// # Errors
/// `LOG_LEVEL` is not the name of a level.
pub fn level(variables: &Variables) -> Result<LevelFilter, ConfigError> {
    variables.parsed("LOG_LEVEL", LevelFilter::INFO)
}

/// Returns a filter that logs this project's crates at `level`, and libraries from warnings up only.
#[must_use]
pub fn targets(level: LevelFilter) -> Targets {
    let others =
        Targets::new().with_default(level.min(LevelFilter::WARN)).with_target(INVOCATION, level.max(LevelFilter::INFO));
    OURS.into_iter().fold(others, |targets, ours| targets.with_target(ours, level))
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn every_function_is_a_log_target() {
        let functions = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions")).unwrap();
        for function in functions {
            let target = function.unwrap().file_name().into_string().unwrap().replace('-', "_");
            assert!(OURS.contains(&target.as_str()), "{target}");
        }
    }
}
