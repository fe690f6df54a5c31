//! Webhooks: `/v3/webhooks`, by the page "Webhooks".
//!
//! No answer contains `secret`. Where the page is silent, the choices are ours:
//!
//! - A new webhook is answered with 200. The page shows no 201.
//! - `sendAlertEmail: true` is refused, because the gateway sends no e-mail. The gateway's operator gets the notices
//!   about failing endpoints.
//! - `skipErrors`, `skipErrorCodes`, `retryOnError` and `maxThroughputPerMinute` are checked and returned, but have no
//!   effect.
//! - A change replaces the fields that it names. An empty `alertEmail` removes the address.

use serde::Serialize;
use serde_json::Value;

use super::{
    fields::{Object, check_short, flag, given, read_object, short_text},
    paging::{Paging, rows},
};
use crate::{
    domain::{
        CallbackUrl, ClientSecret, ClientSecretError, EncryptedSecret, FieldError, FieldErrorCode as Code, Timestamp,
        Webhook, WebhookEvent, WebhookId, WebhookOptions, Webhooks,
    },
    formats::{
        field::{self, keep},
        json,
    },
};

/// The longest e-mail address, in bytes (RFC 5321, section 4.5.3.1.3).
const LONGEST_EMAIL: usize = 254;
/// Limits the codes, because all the account's webhooks are in one item.
const MOST_CODES: usize = 20;
const LONGEST_CODE: usize = 50;

/// A request's fields. Each is `None` if the request does not name it.
#[derive(Default)]
pub struct WebhookChange {
    event: Option<WebhookEvent>,
    url: Option<CallbackUrl>,
    pub secret: Option<ClientSecret>,
    /// An empty text removes the address.
    alert_email: Option<String>,
    skip_errors: Option<bool>,
    skip_error_codes: Option<Vec<String>>,
    retry_on_error: Option<bool>,
    max_throughput_per_minute: Option<u32>,
}

impl WebhookChange {
    /// Returns the webhook with these fields changed. `secret` is this change's secret, encrypted.
    #[must_use]
    pub fn apply(&self, webhook: Webhook, secret: Option<EncryptedSecret>) -> Webhook {
        let Webhook { event, url, secret: former, options, created_at } = webhook;
        let alert_email = self.alert_email.clone().or(options.alert_email).filter(|email| !email.is_empty());
        Webhook {
            event: self.event.unwrap_or(event),
            url: self.url.clone().unwrap_or(url),
            secret: secret.unwrap_or(former),
            options: WebhookOptions {
                alert_email,
                skip_errors: self.skip_errors.or(options.skip_errors),
                skip_error_codes: self.skip_error_codes.clone().unwrap_or(options.skip_error_codes),
                retry_on_error: self.retry_on_error.or(options.retry_on_error),
                max_throughput_per_minute: self.max_throughput_per_minute.or(options.max_throughput_per_minute),
            },
            created_at,
        }
    }
}

/// A webhook that is not stored yet.
pub struct NewWebhook {
    event: WebhookEvent,
    url: CallbackUrl,
    pub secret: ClientSecret,
    others: WebhookChange,
}

impl NewWebhook {
    /// Returns the webhook to store. `secret` is its secret, encrypted.
    #[must_use]
    pub fn with(self, secret: EncryptedSecret, created_at: Timestamp) -> Webhook {
        let Self { event, url, others, .. } = self;
        others.apply(Webhook { event, url, secret, options: WebhookOptions::default(), created_at }, None)
    }
}

/// Reads a new webhook.
///
/// # Errors
/// All errors in all fields, or the error in the body.
pub fn read(body: &[u8]) -> Result<NewWebhook, Vec<FieldError>> {
    let object = read_object(body).map_err(|error| vec![error])?;
    let mut errors = Vec::new();
    let change = read_fields(&object, &mut errors);
    for name in ["event", "url", "secret"] {
        if given(&object, name).is_none() {
            errors.push(FieldError::new(name, Code::Missing, "is required"));
        }
    }
    let named = (change.event, change.url.clone(), change.secret.clone());
    let (Some(event), Some(url), Some(secret)) = named else { return Err(errors) };
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(NewWebhook { event, url, secret, others: change })
}

/// Reads the changes to a webhook.
///
/// # Errors
/// As [`read`].
pub fn read_change(body: &[u8]) -> Result<WebhookChange, Vec<FieldError>> {
    let object = read_object(body).map_err(|error| vec![error])?;
    let mut errors = Vec::new();
    let change = read_fields(&object, &mut errors);
    if errors.is_empty() { Ok(change) } else { Err(errors) }
}

fn read_fields(object: &Object, errors: &mut Vec<FieldError>) -> WebhookChange {
    keep(refuse_alerts(object), errors);
    WebhookChange {
        event: keep(read_event(object), errors).flatten(),
        url: keep(field::callback(object.get("url"), "url"), errors).flatten(),
        secret: keep(read_secret(object), errors).flatten(),
        alert_email: keep(read_email(object), errors).flatten(),
        skip_errors: keep(flag(object, "skipErrors"), errors).flatten(),
        skip_error_codes: keep(read_codes(object), errors).flatten(),
        retry_on_error: keep(flag(object, "retryOnError"), errors).flatten(),
        max_throughput_per_minute: keep(read_throughput(object), errors).flatten(),
    }
}

fn read_event(object: &Object) -> Result<Option<WebhookEvent>, FieldError> {
    let event = field::optional_text(object.get("event"), "event")?.map(str::parse::<WebhookEvent>).transpose();
    event.map_err(|_| {
        let rule = "must be message-reply, delivery-status, message-send or number-opt-in";
        FieldError::new("event", Code::UnknownValue, rule)
    })
}

fn read_secret(object: &Object) -> Result<Option<ClientSecret>, FieldError> {
    let secret = field::optional_text(object.get("secret"), "secret")?.map(str::parse::<ClientSecret>).transpose();
    secret.map_err(|error| {
        let code = if error == ClientSecretError::Empty { Code::Empty } else { Code::TooLong };
        FieldError::new("secret", code, error.to_string())
    })
}

fn refuse_alerts(object: &Object) -> Result<(), FieldError> {
    const FIELD: &str = "sendAlertEmail";
    if flag(object, FIELD)? == Some(true) {
        let rule = "must be false: the gateway sends no e-mail; its operator gets the notices of failing endpoints";
        return Err(FieldError::new(FIELD, Code::UnknownValue, rule));
    }
    Ok(())
}

fn read_email(object: &Object) -> Result<Option<String>, FieldError> {
    const FIELD: &str = "alertEmail";
    match short_text(object, FIELD, LONGEST_EMAIL)? {
        None => Ok(None),
        Some(email) if email.is_empty() || email.contains('@') => Ok(Some(email.to_owned())),
        Some(_) => Err(FieldError::new(FIELD, Code::Malformed, "is no e-mail address: it has no '@'")),
    }
}

fn read_codes(object: &Object) -> Result<Option<Vec<String>>, FieldError> {
    const FIELD: &str = "skipErrorCodes";
    let listed = match given(object, FIELD) {
        None => return Ok(None),
        Some(Value::Array(listed)) => listed,
        Some(_) => return Err(FieldError::new(FIELD, Code::WrongType, "must be a list of strings")),
    };
    if listed.len() > MOST_CODES {
        return Err(FieldError::new(FIELD, Code::TooMany, format!("has more than {MOST_CODES} entries")));
    }
    let read = |(index, code): (usize, &Value)| {
        let wrong = || FieldError::new(FIELD, Code::WrongType, "must be a string").at(index);
        let code = check_short(code.as_str().ok_or_else(wrong)?, FIELD, LONGEST_CODE);
        code.map(str::to_owned).map_err(|error| error.at(index))
    };
    listed.iter().enumerate().map(read).collect::<Result<_, _>>().map(Some)
}

fn read_throughput(object: &Object) -> Result<Option<u32>, FieldError> {
    const FIELD: &str = "maxThroughputPerMinute";
    let Some(value) = given(object, FIELD) else { return Ok(None) };
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok()).filter(|number| *number > 0);
    let code = if value.is_number() { Code::Malformed } else { Code::WrongType };
    let rule = || FieldError::new(FIELD, code, format!("must be a whole number from 1 to {}", u32::MAX));
    number.map(Some).ok_or_else(rule)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownWebhook<'a> {
    id: WebhookId,
    event: WebhookEvent,
    url: &'a str,
    alert_email: Option<&'a str>,
    send_alert_email: bool,
    skip_errors: Option<bool>,
    skip_error_codes: &'a [String],
    retry_on_error: Option<bool>,
    max_throughput_per_minute: Option<u32>,
    created_at: String,
}

fn shown(id: WebhookId, webhook: &Webhook) -> ShownWebhook<'_> {
    let options = &webhook.options;
    ShownWebhook {
        id,
        event: webhook.event,
        url: webhook.url.as_str(),
        alert_email: options.alert_email.as_deref(),
        send_alert_email: false,
        skip_errors: options.skip_errors,
        skip_error_codes: &options.skip_error_codes,
        retry_on_error: options.retry_on_error,
        max_throughput_per_minute: options.max_throughput_per_minute,
        created_at: format!("{:.3}", webhook.created_at),
    }
}

/// Has no `success`, because the page shows none in these answers.
#[derive(Serialize)]
struct Changed<'a> {
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<ShownWebhook<'a>>,
}

/// Returns the answer to `POST /v3/webhooks`.
#[must_use]
pub fn created(id: WebhookId, webhook: &Webhook) -> String {
    json::write(&Changed { message: format!("Webhook {id} created successfully."), data: Some(shown(id, webhook)) })
}

/// Returns the answer to `PATCH /v3/webhooks/{id}`.
#[must_use]
pub fn changed(id: WebhookId, webhook: &Webhook) -> String {
    json::write(&Changed { message: format!("Webhook {id} updated successfully."), data: Some(shown(id, webhook)) })
}

/// Returns the answer to `DELETE /v3/webhooks/{id}`.
#[must_use]
pub fn removed(id: WebhookId) -> String {
    json::write(&Changed { message: format!("Webhook {id} deleted successfully."), data: None })
}

/// Returns the answer to `GET /v3/webhooks`: the oldest webhook first.
#[must_use]
pub fn list(webhooks: &Webhooks, paging: Paging) -> String {
    let page = paging.part(webhooks.iter().collect());
    let page = page.into_iter().map(|(id, webhook)| shown(*id, webhook)).collect();
    rows("Webhooks retrieved successfully.", page, paging, webhooks.len(), false)
}

/// Returns the message to an account with `most` webhooks already.
#[must_use]
pub fn too_many(most: usize) -> String {
    format!("The account has {most} webhooks, the most that it may have. Change one with PATCH, or delete one.")
}

/// Returns the ID in a path, or `None` if no webhook has it.
#[must_use]
pub fn parse_id(text: &str) -> Option<WebhookId> {
    text.parse().ok().filter(|id: &WebhookId| id.to_string() == text)
}
