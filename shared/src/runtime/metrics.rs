//! What the functions count and time, in CloudWatch's embedded metric format:
//! lines of the log that CloudWatch makes metrics of, so that a metric costs no
//! request. See "Specification: embedded metric format" in the user guide of
//! Amazon CloudWatch.
//!
//! A function adds up while it works and writes when its invocation ends: one
//! line for each account and carrier that it worked for, and each metric is
//! kept in sum, by account and by carrier. What an invocation that is cut off
//! had counted is lost; the records of the messages are what counts.

use std::{
    collections::BTreeMap,
    io::Write,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use strum::IntoStaticStr;

use super::Variables;

/// The most values of one metric that CloudWatch takes in a line.
const MOST_VALUES: usize = 100;

/// What is counted or timed, under the name that CloudWatch knows it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr)]
#[strum(const_into_str)]
pub enum Metric {
    /// Messages that were promised to be sent.
    Accepted,
    /// Messages that a carrier took.
    Submitted,
    /// From when a message was due until a carrier took it.
    SubmitDelay,
    /// Messages that reached their handset.
    Delivered,
    /// Messages that a carrier or the network refused, or whose time ran out.
    Failed,
    /// Messages to recipients who had opted out.
    Blocked,
    /// Submits without an answer.
    Unknown,
    /// Messages that were sent again, with an unknown outcome.
    Resent,
    /// Submits that a carrier could not take for now.
    Busy,
    /// Channels that failed over to the next that the client allowed.
    FailedOver,
    /// Replies of recipients.
    Replies,
    /// Receipts and replies that match nothing.
    Unmatched,
    /// Receipts whose carrier's id may be that of several messages.
    Ambiguous,
    /// Callbacks that a client took.
    CallbacksDelivered,
    /// From what happened until the client took its callback.
    CallbackDelay,
    /// Tries to call a client back that failed.
    CallbackFailures,
    /// Callbacks that are not tried again: after seven days, or a notice after a 410.
    CallbacksGivenUp,
    /// Callbacks that are not made because their endpoint is disabled, or because the account
    /// has no URL for them any more.
    CallbacksWithheld,
    /// Endpoints that were disabled.
    EndpointsDisabled,
    /// Messages that a tick enqueued.
    ScheduledWork,
    /// How late a tick found the message that was due the longest.
    ScheduleDelay,
}

impl Metric {
    fn unit(self) -> &'static str {
        match self {
            Self::SubmitDelay | Self::CallbackDelay | Self::ScheduleDelay => "Seconds",
            _ => "Count",
        }
    }
}

/// The account and carrier that a value is counted for.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct MetricDimensions {
    account: Option<String>,
    carrier: Option<String>,
}

impl MetricDimensions {
    #[must_use]
    pub fn new(account: Option<&str>, carrier: Option<&str>) -> Self {
        Self { account: account.map(str::to_owned), carrier: carrier.map(str::to_owned) }
    }

    /// The names that CloudWatch knows them by, with their values.
    fn named(&self) -> Vec<(&'static str, &str)> {
        let account = self.account.as_ref().map(|account| ("Account", account.as_str()));
        account.into_iter().chain(self.carrier.as_ref().map(|carrier| ("Carrier", carrier.as_str()))).collect()
    }
}

#[derive(Clone)]
enum Values {
    Sum(usize),
    Each(Vec<f64>),
}

/// What was counted since the last line. Clones share it.
#[derive(Clone)]
pub struct Metrics(Option<Arc<Inner>>);

struct Inner {
    namespace: String,
    tally: Mutex<BTreeMap<MetricDimensions, BTreeMap<Metric, Values>>>,
    out: Mutex<Box<dyn Write + Send>>,
}

impl Metrics {
    /// To standard output, under the name `METRICS_NAMESPACE`; nowhere where
    /// that is not set.
    #[must_use]
    pub fn of(variables: &Variables) -> Self {
        variables.optional("METRICS_NAMESPACE").map_or(Self::none(), |name| Self::to(name, std::io::stdout()))
    }

    /// Nowhere.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// To `out`, a line at a time.
    #[must_use]
    pub fn to(namespace: &str, out: impl Write + Send + 'static) -> Self {
        let namespace = namespace.to_owned();
        Self(Some(Arc::new(Inner { namespace, tally: Mutex::default(), out: Mutex::new(Box::new(out)) })))
    }

    pub fn count(&self, metric: Metric, dimensions: MetricDimensions, count: usize) {
        self.add(dimensions, metric, |values| match values {
            Values::Sum(sum) => *sum += count,
            Values::Each(_) => {}
        });
    }

    /// A time that has passed; one of another clock that ran ahead counts as none.
    pub fn time(&self, metric: Metric, dimensions: MetricDimensions, passed: SignedDuration) {
        self.add(dimensions, metric, |values| match values {
            Values::Each(values) => values.push(passed.as_secs_f64().max(0.0)),
            Values::Sum(_) => {}
        });
    }

    fn add(&self, dimensions: MetricDimensions, metric: Metric, change: impl FnOnce(&mut Values)) {
        let Some(inner) = &self.0 else { return };
        let mut tally = inner.tally.lock().unwrap_or_else(PoisonError::into_inner);
        let empty = if metric.unit() == "Count" { Values::Sum(0) } else { Values::Each(Vec::new()) };
        change(tally.entry(dimensions).or_default().entry(metric).or_insert(empty));
    }

    /// Writes what was counted.
    pub fn publish(&self, now: Timestamp) {
        let Some(inner) = &self.0 else { return };
        let tally = std::mem::take(&mut *inner.tally.lock().unwrap_or_else(PoisonError::into_inner));
        let mut lines = String::new();
        for (dimensions, mut metrics) in tally {
            while !metrics.is_empty() {
                let (line, rest) = line(&inner.namespace, &dimensions, metrics, now);
                lines += &line.to_string();
                lines.push('\n');
                metrics = rest;
            }
        }
        let mut out = inner.out.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = out.write_all(lines.as_bytes()).and_then(|()| out.flush()) {
            tracing::warn!(%error, "metrics could not be written");
        }
    }
}

/// A line, and what did not fit into it.
fn line(
    namespace: &str,
    dimensions: &MetricDimensions,
    metrics: BTreeMap<Metric, Values>,
    now: Timestamp,
) -> (Value, BTreeMap<Metric, Values>) {
    let dimensions = dimensions.named();
    let sets = std::iter::once(json!([])).chain(dimensions.iter().map(|(name, _)| json!([name])));
    let described = metrics.keys().map(|metric| json!({"Name": metric.into_str(), "Unit": metric.unit()}));
    let directive = json!({
        "Namespace": namespace,
        "Dimensions": sets.collect::<Vec<_>>(),
        "Metrics": described.collect::<Vec<_>>(),
    });
    let mut line = Map::new();
    line.insert("_aws".to_owned(), json!({"Timestamp": now.as_millisecond(), "CloudWatchMetrics": [directive]}));
    line.extend(dimensions.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value))));
    let mut rest = BTreeMap::new();
    for (metric, values) in metrics {
        let value = match values {
            Values::Sum(sum) => Value::from(sum),
            Values::Each(mut values) => {
                let more = values.split_off(values.len().min(MOST_VALUES));
                if !more.is_empty() {
                    rest.insert(metric, Values::Each(more));
                }
                Value::from(values)
            }
        };
        line.insert(metric.into_str().to_owned(), value);
    }
    (Value::Object(line), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Written {
        fn take(&self) -> Vec<Value> {
            let text = String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap();
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        }
    }

    fn start() -> (Metrics, Written) {
        let written = Written::default();
        (Metrics::to("ours", written.clone()), written)
    }

    fn acme() -> MetricDimensions {
        MetricDimensions::new(Some("acme"), Some("loopback"))
    }

    #[test]
    fn an_invocation_writes_one_line_for_an_account_and_carrier() {
        let (metrics, written) = start();
        metrics.count(Metric::Submitted, acme(), 2);
        metrics.count(Metric::Submitted, acme(), 1);
        metrics.time(Metric::SubmitDelay, acme(), SignedDuration::from_millis(250));
        metrics.time(Metric::SubmitDelay, acme(), SignedDuration::from_millis(-5));
        metrics.publish(Timestamp::from_millisecond(1_767_258_000_123).unwrap());
        let line = json!({
            "_aws": {"Timestamp": 1_767_258_000_123_i64, "CloudWatchMetrics": [{
                "Namespace": "ours",
                "Dimensions": [[], ["Account"], ["Carrier"]],
                "Metrics": [{"Name": "Submitted", "Unit": "Count"}, {"Name": "SubmitDelay", "Unit": "Seconds"}],
            }]},
            "Account": "acme", "Carrier": "loopback", "Submitted": 3, "SubmitDelay": [0.25, 0.0],
        });
        assert_eq!(written.take(), [line]);
        metrics.publish(Timestamp::UNIX_EPOCH);
        assert!(written.take().is_empty(), "what was written is not written again");
    }

    #[test]
    fn more_values_than_a_line_may_have_take_another() {
        let (metrics, written) = start();
        for second in 0..250 {
            metrics.time(Metric::CallbackDelay, MetricDimensions::default(), SignedDuration::from_secs(second));
        }
        metrics.count(Metric::CallbacksDelivered, MetricDimensions::default(), 250);
        metrics.publish(Timestamp::UNIX_EPOCH);
        let lines = written.take();
        let lengths: Vec<_> = lines.iter().map(|line| line["CallbackDelay"].as_array().unwrap().len()).collect();
        assert_eq!(lengths, [100, 100, 50]);
        let delivered: Vec<_> = lines.iter().filter_map(|line| line["CallbacksDelivered"].as_u64()).collect();
        assert_eq!(delivered, [250]);
    }
}
