//! Errors to the emulator's clients as `application/problem+json` (RFC 9457), and a parser of JSON fields
//! whose errors name the field.

use std::borrow::Cow;
use std::fmt;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// A rejected request.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    detail: String,
    field_error: Option<FieldError>,
}

#[derive(Debug, Serialize)]
struct FieldError {
    field: Cow<'static, str>,
    code: &'static str,
    message: String,
}

impl Problem {
    /// Returns a 400: `field` is invalid for the reason in `message`.
    pub(super) fn invalid(field: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::in_field(field.into(), "invalid", message.into())
    }

    fn missing(field: &'static str) -> Self {
        Self::in_field(field.into(), "required", "is required".into())
    }

    fn in_field(field: Cow<'static, str>, code: &'static str, message: String) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            detail: format!("{field} {message}"),
            field_error: Some(FieldError { field, code, message }),
        }
    }

    /// Returns the name of the invalid field.
    pub(super) fn field(&self) -> Option<&str> {
        self.field_error.as_ref().map(|field_error| &*field_error.field)
    }

    /// Names the field as a field of an object, `outer.field`.
    pub(super) fn within(mut self, outer: &'static str) -> Self {
        if let Some(field_error) = &mut self.field_error {
            field_error.field = format!("{outer}.{}", field_error.field).into();
            self.detail = format!("{} {}", field_error.field, field_error.message);
        }
        self
    }

    pub(super) fn not_found() -> Self {
        Self::unknown("This path does not exist. GET / lists all paths.")
    }

    /// Returns a 404 for a thing that does not exist.
    pub(super) fn unknown(detail: &str) -> Self {
        Self { status: StatusCode::NOT_FOUND, detail: detail.into(), field_error: None }
    }

    pub(super) fn method_not_allowed() -> Self {
        Self {
            status: StatusCode::METHOD_NOT_ALLOWED,
            detail: "This path does not take this method.".into(),
            field_error: None,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = serde_json::json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if let Some(field_error) = self.field_error {
            body["errors"] = serde_json::json!([field_error]);
        }
        let content_type = HeaderValue::from_static("application/problem+json");
        (self.status, [(header::CONTENT_TYPE, content_type)], format!("{body}\n")).into_response()
    }
}

/// A JSON object in a request's body.
#[derive(Default)]
pub(super) struct Fields(Map<String, Value>);

impl From<Map<String, Value>> for Fields {
    fn from(fields: Map<String, Value>) -> Self {
        Self(fields)
    }
}

impl Fields {
    pub(super) fn parse(body: &[u8]) -> Result<Self, Problem> {
        // Windows programs write a byte-order mark.
        match serde_json::from_slice(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(Problem::invalid("body", "must be a JSON object")),
            Err(error) => Err(Problem::invalid("body", format!("is not JSON: {error}"))),
        }
    }

    /// Lays the fields over defaults, and an object among them over an object.
    pub(super) fn over(self, defaults: &Self) -> Self {
        Self(lay_over(self.0, &defaults.0))
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.0.iter()
    }

    pub(super) fn has(&self, field: &str) -> bool {
        self.0.get(field).is_some_and(|value| !value.is_null())
    }

    /// Rejects all fields but these.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Problem> {
        match self.0.keys().find(|field| !known.contains(&field.as_str())) {
            Some(field) => {
                Err(Problem::invalid(field.clone(), format!("is not a field; fields: {}", known.join(", "))))
            }
            None => Ok(()),
        }
    }

    /// Reads a field, `None` if it is missing or null.
    pub(super) fn optional<'a, T>(
        &'a self,
        field: &'static str,
        read: impl FnOnce(&'a Self, &'static str) -> Result<T, Problem>,
    ) -> Result<Option<T>, Problem> {
        if self.has(field) { read(self, field).map(Some) } else { Ok(None) }
    }

    pub(super) fn object(&self, field: &'static str) -> Result<Option<Self>, Problem> {
        match self.0.get(field) {
            Some(Value::Object(fields)) => Ok(Some(Self(fields.clone()))),
            Some(Value::Null) | None => Ok(None),
            Some(_) => Err(Problem::invalid(field, "must be an object")),
        }
    }

    /// Reads a list, empty if it is missing or null.
    pub(super) fn list<T: DeserializeOwned>(&self, field: &'static str) -> Result<Vec<T>, Problem> {
        let values = match self.0.get(field) {
            Some(Value::Array(values)) => values.as_slice(),
            Some(Value::Null) | None => &[],
            Some(_) => return Err(Problem::invalid(field, "must be a list")),
        };
        let read = |(index, value): (usize, &Value)| {
            T::deserialize(value).map_err(|error| Problem::invalid(format!("{field}[{index}]"), error.to_string()))
        };
        values.iter().enumerate().map(read).collect()
    }

    pub(super) fn flag(&self, field: &'static str) -> Result<bool, Problem> {
        match self.0.get(field) {
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(Value::Null) | None => Err(Problem::missing(field)),
            Some(_) => Err(Problem::invalid(field, "must be true or false")),
        }
    }

    pub(super) fn text(&self, field: &'static str) -> Result<&str, Problem> {
        match self.0.get(field) {
            Some(Value::String(text)) => Ok(text),
            Some(Value::Null) | None => Err(Problem::missing(field)),
            Some(_) => Err(Problem::invalid(field, "must be a string")),
        }
    }

    pub(super) fn filled_text(&self, field: &'static str) -> Result<&str, Problem> {
        match self.text(field)? {
            "" => Err(Problem::invalid(field, "must not be empty")),
            text => Ok(text),
        }
    }

    pub(super) fn whole_number(&self, field: &'static str) -> Result<u64, Problem> {
        match self.0.get(field) {
            Some(Value::Null) | None => Err(Problem::missing(field)),
            Some(value) => value.as_u64().ok_or_else(|| Problem::invalid(field, "must be a whole number, 0 or more")),
        }
    }
}

fn lay_over(fields: Map<String, Value>, defaults: &Map<String, Value>) -> Map<String, Value> {
    let mut merged = defaults.clone();
    for (name, value) in fields {
        let value = match (value, defaults.get(&name)) {
            (Value::Object(fields), Some(Value::Object(defaults))) => Value::Object(lay_over(fields, defaults)),
            (value, _) => value,
        };
        merged.insert(name, value);
    }
    merged
}
