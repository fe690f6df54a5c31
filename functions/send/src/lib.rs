//! `send`: accepts messages on the paths of each dialect.

mod cm;
mod messangi;
mod mplus;
mod mta;

use http::Response;
use lambda_http::{Body, Request};
use shared::{
    domain::{Dialect, Draft, FieldError, FieldErrorCode, IdempotencyKey, Lane, OnUnknown, SegmentLimit},
    edge::{Client, Parameter, Problem, header, parameters, path_segments},
    flow::{
        Gateway,
        accept::{self, Grouping},
    },
    gateway::{Part, connect_directory, connect_gateway},
    runtime::{ConfigError, Environment},
    store::Directory,
};

pub struct Send {
    gateway: Gateway,
    directory: Directory,
}

impl Send {
    /// # Errors
    /// A variable is missing or malformed.
    pub fn new(environment: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            gateway: connect_gateway(environment, &[Part::Recipients, Part::Jobs, Part::SendSlots])?,
            directory: connect_directory(environment)?,
        })
    }

    pub async fn handle(&self, request: Request) -> Response<Body> {
        let answer = self.answer(&request).await;
        self.gateway.publish_metrics();
        answer
    }

    /// Returns the operator's limit.
    fn segment_limit(&self) -> SegmentLimit {
        SegmentLimit(self.gateway.settings.segment_limit)
    }

    async fn answer(&self, request: &Request) -> Response<Body> {
        let segments = path_segments(request);
        let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
        match Dialect::of_path(&segments) {
            Some(Dialect::Mplus) => mplus::answer(self, request, &segments).await.unwrap_or_else(Response::from),
            Some(Dialect::Cm) => cm::answer(self, request, &segments).await,
            Some(Dialect::Messangi) => messangi::answer(self, request, &segments).await,
            Some(Dialect::Mta) => mta::answer(self, request).await,
            None => Problem::not_found().into(),
        }
    }
}

const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// Optional headers and parameters that every dialect supports.
#[derive(Clone)]
struct Options {
    idempotency_key: Option<IdempotencyKey>,
    on_unknown: Option<OnUnknown>,
    lane: Option<Lane>,
    dry_run: bool,
}

impl Options {
    /// Parses the headers and parameters, or returns the error of each malformed one.
    fn read(request: &Request) -> Result<Self, Vec<FieldError>> {
        match (idempotency_key(request, IDEMPOTENCY_KEY), on_unknown(request), lane(request), dry_run(request)) {
            (Ok(idempotency_key), Ok(on_unknown), Ok(lane), Ok(dry_run)) => {
                Ok(Self { idempotency_key, on_unknown, lane, dry_run })
            }
            (key, choice, lane, dry_run) => {
                Err([dry_run.err(), key.err(), choice.err(), lane.err()].into_iter().flatten().collect())
            }
        }
    }
}

/// The messages of a request, in any dialect.
struct Messages {
    dialect: Dialect,
    drafts: Vec<Draft>,
    /// How many messages the client posted.
    posted: usize,
    grouping: Grouping,
}

impl Messages {
    /// Returns the request to accept. A lane in its header goes before that of its API key.
    fn request(self, client: &Client, options: Options) -> accept::Request {
        let Self { dialect, drafts, posted, grouping } = self;
        let Options { idempotency_key, on_unknown, lane, dry_run } = options;
        let (key, lane) = (Some(client.key.clone()), lane.or(client.lane));
        accept::Request { dialect, key, drafts, posted, idempotency_key, on_unknown, lane, dry_run, grouping }
    }
}

/// Returns the idempotency key in a header.
fn idempotency_key(request: &Request, name: &str) -> Result<Option<IdempotencyKey>, FieldError> {
    let key = header(request, name)?.map(str::parse::<IdempotencyKey>).transpose();
    key.map_err(|error| FieldError::new(name, FieldErrorCode::Malformed, error.to_string()))
}

fn on_unknown(request: &Request) -> Result<Option<OnUnknown>, FieldError> {
    const NAME: &str = "On-Unknown";
    let choice = header(request, NAME)?.map(|text| text.trim().parse::<OnUnknown>()).transpose();
    choice.map_err(|_| FieldError::new(NAME, FieldErrorCode::UnknownValue, "must be wait or resend"))
}

fn lane(request: &Request) -> Result<Option<Lane>, FieldError> {
    const NAME: &str = "Lane";
    let lane = header(request, NAME)?.map(|text| text.trim().parse::<Lane>()).transpose();
    lane.map_err(|_| FieldError::new(NAME, FieldErrorCode::UnknownValue, format!("must be {}", Lane::NAMES)))
}

/// Returns whether a dry run is wanted. One such parameter is enough, because a client that asks for a dry run must
/// not send.
fn dry_run(request: &Request) -> Result<bool, FieldError> {
    flag(request, is_dry_run, false)
}

/// Returns whether a parameter with this name is `true`, `1` or empty, in any letter case, or else whether it is
/// `false` or `0`. If there are several, one that is true suffices.
fn flag(request: &Request, is_named: impl Fn(&str) -> bool, default: bool) -> Result<bool, FieldError> {
    let mut given = None;
    for Parameter { name, value } in parameters(request).filter(|parameter| is_named(&parameter.name)) {
        let malformed = |error| FieldError::new(name.as_ref(), FieldErrorCode::Malformed, format!("{error}"));
        match value.map_err(malformed)?.to_ascii_lowercase().as_str() {
            "" | "true" | "1" => given = Some(true),
            "false" | "0" => given = given.or(Some(false)),
            _ => return Err(FieldError::new(name, FieldErrorCode::UnknownValue, "must be true or false")),
        }
    }
    Ok(given.unwrap_or(default))
}

/// Returns whether a parameter asks for a dry run. Cymba's page describes `isDryrun`, and its example has `dryRun`.
/// We take both in any letter case, and with underscores or hyphens, because a misspelt one would send.
fn is_dry_run(name: &str) -> bool {
    let plain = name.replace(['_', '-'], "");
    plain.eq_ignore_ascii_case("isDryrun") || plain.eq_ignore_ascii_case("dryRun")
}
