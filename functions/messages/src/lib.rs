//! `messages`: lists, shows and cancels an account's messages, lists conversations, and serves the API's
//! description. Paths below `/v3` are in the dialect of Mobile Text Alerts.

mod mta;
mod view;

use http::{Method, Response, StatusCode};
use lambda_http::{Body, Request};
use shared::{
    domain::{AccountId, FieldError, FieldErrorCode, MessageId, PhoneNumber, SenderId, State},
    edge::{self, Problem, authenticate, check_query, json, mta::respond, path_segments},
    flow::{
        Gateway,
        cancel::{Cancelled, cancel},
        query::{self as queries, Filter},
    },
    gateway::{Part, connect_directory, connect_gateway},
    runtime::{ConfigError, Environment},
    store::{Directory, Position},
    vendors::cymba::dialect as mplus,
};

/// The API's description, served at `/openapi.json`.
pub const OPENAPI: &str = include_str!("../../../docs/openapi.json");

/// Entries in a page, by default and at most.
const PAGE: u16 = 50;
const LARGEST_PAGE: u16 = 100;

pub struct Messages {
    gateway: Gateway,
    directory: Directory,
}

impl Messages {
    /// # Errors
    /// A variable is missing or malformed.
    pub fn new(environment: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            gateway: connect_gateway(environment, &[Part::Recipients, Part::Callbacks])?,
            directory: connect_directory(environment)?,
        })
    }

    pub async fn handle(&self, request: Request) -> Response<Body> {
        let segments = path_segments(&request);
        let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
        if let ["v3", ..] = segments.as_slice() {
            return respond(&self.gateway, mta::answer(self, &request, &segments).await);
        }
        self.answer(&request, &segments).await.unwrap_or_else(Response::from)
    }

    async fn answer(&self, request: &Request, segments: &[&str]) -> Result<Response<Body>, Problem> {
        check_query(request)?;
        if let (&Method::GET, ["openapi.json"]) = (request.method(), segments) {
            return Ok(json(StatusCode::OK, OPENAPI.to_owned()));
        }
        let account = authenticate(request, &self.directory).await?.account;
        match (request.method(), segments) {
            (&Method::GET, ["messages"]) => self.list(request, &account).await,
            (&Method::GET, ["messages", id]) => self.show(&account, id).await,
            (&Method::DELETE, ["messages", id]) => self.cancel(&account, id).await,
            (&Method::GET, ["conversations", number]) => self.conversation(request, &account, number).await,
            (&Method::GET, ["dr-responses"]) => Ok(json(StatusCode::OK, mplus::event::codes())),
            _ => Err(Problem::not_found()),
        }
    }

    async fn show(&self, account: &AccountId, id: &str) -> Result<Response<Body>, Problem> {
        let id = id.parse::<MessageId>().map_err(|_| Problem::not_found())?;
        let message = queries::message(&self.gateway, account, id).await?.ok_or_else(Problem::not_found)?;
        Ok(json(StatusCode::OK, view::message(&message)))
    }

    async fn cancel(&self, account: &AccountId, id: &str) -> Result<Response<Body>, Problem> {
        let id = id.parse::<MessageId>().map_err(|_| Problem::not_found())?;
        match cancel(&self.gateway, account, id).await? {
            Cancelled::Done(message) => Ok(json(StatusCode::OK, view::message(&message))),
            Cancelled::TooLate(message) => Err(Problem::too_late(message.state().into_str())),
            Cancelled::NotFound => Err(Problem::not_found()),
        }
    }

    async fn list(&self, request: &Request, account: &AccountId) -> Result<Response<Body>, Problem> {
        let mut errors = Vec::new();
        let state = parameter(request, "state", &mut errors, |text| {
            text.parse::<State>().map_err(|_| (FieldErrorCode::UnknownValue, "is not a state".to_owned()))
        });
        let number = parameter(request, "to", &mut errors, parse_number);
        let sender = parameter(request, "sender", &mut errors, parse_sender);
        let (after, limit) = paging(request, &mut errors);
        refuse(errors)?;
        let filter = Filter { state, number, sender };
        let page = queries::list(&self.gateway, account, &filter, after, limit).await?;
        Ok(json(StatusCode::OK, view::page(&page, filter.omits_names())))
    }

    async fn conversation(
        &self,
        request: &Request,
        account: &AccountId,
        number: &str,
    ) -> Result<Response<Body>, Problem> {
        let mut errors = Vec::new();
        let number = parse_number(number).map_err(|(code, words)| errors.push(FieldError::new("number", code, words)));
        let sender = parameter(request, "sender", &mut errors, parse_sender);
        let (after, limit) = paging(request, &mut errors);
        let Ok(number) = number else { return Err(Problem::invalid(errors)) };
        refuse(errors)?;
        let page = queries::conversation(&self.gateway, account, number, sender, after, limit).await?;
        Ok(json(StatusCode::OK, view::page(&page, false)))
    }
}

type ParameterError = (FieldErrorCode, String);

fn parse_number(text: &str) -> Result<PhoneNumber, ParameterError> {
    text.parse::<PhoneNumber>().map_err(|error| (FieldErrorCode::Malformed, error.to_string()))
}

fn parse_sender(text: &str) -> Result<SenderId, ParameterError> {
    text.parse::<SenderId>().map_err(|error| (FieldErrorCode::Malformed, error.to_string()))
}

fn paging(request: &Request, errors: &mut Vec<FieldError>) -> (Option<Position>, u16) {
    let after = parameter(request, "cursor", errors, |text| {
        view::read_cursor(text).ok_or((FieldErrorCode::Malformed, "is not a cursor of this API".to_owned()))
    });
    let limit = parameter(request, "limit", errors, |text| {
        let limit = text.parse().ok().filter(|limit| (1..=LARGEST_PAGE).contains(limit));
        limit.ok_or_else(|| (FieldErrorCode::Malformed, format!("must be 1 to {LARGEST_PAGE}")))
    });
    (after, limit.unwrap_or(PAGE))
}

fn parameter<T>(
    request: &Request,
    name: &str,
    errors: &mut Vec<FieldError>,
    read: impl FnOnce(&str) -> Result<T, ParameterError>,
) -> Option<T> {
    let text = edge::parameter(request, name).map_err(|error| errors.push(error)).ok()??;
    read(&text).map_err(|(code, words)| errors.push(FieldError::new(name, code, words))).ok()
}

fn refuse(errors: Vec<FieldError>) -> Result<(), Problem> {
    if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
}
