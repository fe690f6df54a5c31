//! Metrics, written as log lines in CloudWatch's embedded metric format, so that they cost no request.
//! See "Specification: embedded metric format" in the Amazon CloudWatch user guide.
//!
//! Values are collected in memory and written when the invocation ends, a line for each combination of
//! account and carrier. CloudWatch keeps each metric in total, by account and by carrier. If an
//! invocation is cut off, its metrics are lost; the messages' records are authoritative.

use std::{
    collections::BTreeMap,
    io::Write,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use strum::IntoStaticStr;

use super::Variables;

/// CloudWatch's limit of values for a metric in one line.
const MOST_VALUES: usize = 100;

/// A counted or timed metric. The variant's name is CloudWatch's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr)]
#[strum(const_into_str)]
pub enum Metric {
    /// Messages accepted from clients.
    Accepted,
    /// Submits accepted by a carrier.
    Submitted,
    /// Time from when a message was due until a carrier first accepted it.
    SubmitDelay,
    /// Messages with a *delivered* receipt.
    Delivered,
    /// Messages rejected, undelivered, expired or failed.
    Failed,
    /// Messages to recipients who opted out.
    Blocked,
    /// Submits without an answer.
    Unknown,
    /// Messages resent although their outcome was unknown.
    Resent,
    /// Attempts that found a carrier busy, down or behind an open circuit breaker.
    Busy,
    /// Requests that were refused on the way to a carrier, in an answer that is not the vendor's.
    Refused,
    /// Failovers to the next channel.
    FailedOver,
    /// Replies from recipients.
    Replies,
    /// Unmatched receipts and replies.
    Unmatched,
    /// Receipts whose carrier ID may belong to several messages.
    Ambiguous,
    /// Receipts and replies that were recorded before.
    Repeated,
    /// Webhooks with an unknown carrier or token, without the vendor's signature, or malformed.
    WebhooksRefused,
    /// Callbacks answered with a 2xx.
    CallbacksDelivered,
    /// Time from the event until its callback was delivered.
    CallbackDelay,
    /// Failed attempts to deliver a callback.
    CallbackFailures,
    /// Callbacks no longer retried: after seven days, or a notice after a 410.
    CallbacksGivenUp,
    /// Callbacks not made, because the endpoint is disabled or the account has no URL any more.
    CallbacksWithheld,
    /// Disabled endpoints.
    EndpointsDisabled,
    /// Scheduled work enqueued by a tick.
    ScheduledWork,
    /// Lateness of the most overdue work at a tick.
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

/// The account and carrier of a value.
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

    /// Returns CloudWatch's dimension names with their values.
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

/// Values collected since the last [`Metrics::publish`]. Clones share them.
#[derive(Clone)]
pub struct Metrics(Option<Arc<Inner>>);

struct Inner {
    namespace: String,
    tally: Mutex<BTreeMap<MetricDimensions, BTreeMap<Metric, Values>>>,
    out: Mutex<Box<dyn Write + Send>>,
}

impl Metrics {
    /// Writes to standard output under the namespace `METRICS_NAMESPACE`, or discards metrics if that
    /// is not set.
    #[must_use]
    pub fn of(variables: &Variables) -> Self {
        variables.optional("METRICS_NAMESPACE").map_or(Self::none(), |name| Self::to(name, std::io::stdout()))
    }

    /// Discards all metrics.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// Writes to `out`.
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

    /// Adds a duration. A negative one counts as 0, because another machine's clock may be ahead.
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

    /// Writes the collected values and clears them.
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
            tracing::warn!(%error, "could not write metrics");
        }
    }
}

/// Returns a line, and the values that exceed [`MOST_VALUES`].
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
    fn publish_writes_a_line_per_account_and_carrier() {
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
        assert!(written.take().is_empty(), "published values are not written again");
    }

    #[test]
    fn values_over_the_limit_go_to_another_line() {
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
