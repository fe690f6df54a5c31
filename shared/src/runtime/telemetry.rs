//! Logs: one JSON line an event in the cloud, one readable line locally.
//!
//! Fields are dotted (`message.id`); no text, number, key or secret is ever one.
//! Libraries speak from warnings up only, whatever level is asked for: some log
//! whole requests. The one exception is the span that the Lambda runtime puts
//! around an invocation, with the ids of its request and trace.

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
    lines(level(variables)?, io::stdout).init();
    panic::set_hook(Box::new(report_panic));
    Ok(())
}

/// Says where, and not what: a panic's words may quote the text that it is about.
pub fn report_panic(panic: &PanicHookInfo<'_>) {
    let location = panic.location().map(ToString::to_string);
    error!(panic.at = location, "panicked");
}

/// An error and its causes, each told once: the words of an error alone seldom say why.
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

/// What writes a function's log at that level to `out`.
pub fn lines<W>(level: LevelFilter, out: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Clone + Send + Sync + 'static,
{
    let lines = || fmt::layer().json().flatten_event(true).with_span_list(false).with_writer(out.clone());
    // Up to INFO, a line's words say where it comes from, and each byte is paid for with each message.
    let below_warn = filter_fn(|line| *line.level() > Level::WARN).with_max_level_hint(LevelFilter::TRACE);
    let routine = lines().with_target(false).with_filter(targets(level).and(below_warn));
    let warnings = lines().with_filter(targets(level.min(LevelFilter::WARN)));
    // A list: `and_then` would have the level of the one hold for both.
    registry().with(vec![routine.boxed(), warnings.boxed()])
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
