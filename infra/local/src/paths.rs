//! `GET /`: an instance's paths as plain text, for people with curl.

use std::fmt::Write;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use url::Url;

use crate::template::{Event, Function};

/// The emulator's paths, except those that only the gateway calls.
const EMULATOR: [(&str, &str, &str); 19] = [
    ("GET", "/handsets", "List the handsets: messages, replies, channel settings"),
    ("GET", "/handsets/{number}", "Show the messages on a handset"),
    ("POST", "/handsets/{number}/replies", r#"Reply: {"to": "SENDER ID", "text": "Yes", "media": [{"url": "…"}]}"#),
    ("GET", "/handsets/{number}/channels", "Show the channel settings of a handset"),
    ("PUT", "/handsets/{number}/channels", r#"Set channels: {"whatsapp": "rejects"}; or delivers, fails, silent"#),
    ("GET", "/sinks", "List the sinks: callbacks received"),
    ("POST", "/sinks/{name}", "Receive a callback; ?status=500 answers with that status"),
    ("GET", "/sinks/{name}", "Show the callbacks that a sink received"),
    ("DELETE", "/sinks/{name}", "Empty a sink"),
    ("GET", "/clock", "Show the time"),
    ("POST", "/clock", r#"Move the clock ahead: {"advance_seconds": 3600}"#),
    ("GET", "/meter", "Show the requests and units that AWS would bill"),
    ("DELETE", "/meter", "Reset the meter"),
    ("GET", "/transit", "Count the messages, receipts and replies that are on their way"),
    ("GET", "/carriers", "List the carriers: vendor, outage, accepted submits"),
    ("PUT", "/carriers/{name}", r#"Register a carrier: {"vendor": "cm", "receipts": URL, "replies": URL}"#),
    ("DELETE", "/carriers/{name}", "Remove a carrier"),
    ("PUT", "/carriers/{name}/outage", r#"Take a carrier down: {"down": true}; false ends it"#),
    ("PUT", "/loopback/receipts", r#"Write receipts with the carrier's own ID: {"by_id": "decimal"}; {} resets"#),
];

/// Who serves the gateway's API.
pub(crate) enum Api<'a> {
    /// Served by this instance.
    Here(&'a [Function]),
    /// Served by `cargo lambda watch` at this address.
    Watched(&'a Url),
}

pub(crate) fn of_emulator() -> String {
    let mut text = "Emulator of a messaging gateway: AWS, carriers, handsets, sinks, clock\n".to_owned();
    emulator_section(&mut text);
    text
}

pub(crate) fn of_gateway(api: &Api<'_>) -> String {
    let mut text = "Messaging gateway on this machine\n".to_owned();
    match api {
        Api::Here(functions) => {
            let document: Value = serde_json::from_str(messages::OPENAPI).unwrap_or_default();
            section(&mut text, "API (GET /openapi.json describes it)");
            for (method, path) in routes(functions, &document) {
                let summary = operation(&document, method, path)["summary"].as_str();
                line(&mut text, method, path, summary.unwrap_or_default());
            }
        }
        Api::Watched(endpoint) => section(&mut text, &format!("API: {endpoint} (cargo lambda watch)")),
    }
    emulator_section(&mut text);
    text
}

/// Returns the functions' routes in the order of the API document's tags: those for clients come first.
fn routes<'a>(functions: &'a [Function], document: &Value) -> Vec<(&'a str, &'a str)> {
    let mut routes: Vec<(&str, &str)> = Vec::new();
    for event in functions.iter().flat_map(|function| &function.events) {
        if let Event::Http { method, path } = event {
            routes.push((method, path));
        }
    }
    let tags = document["tags"].as_array().map(Vec::as_slice).unwrap_or_default();
    routes.sort_by_key(|(method, path)| {
        let own = &operation(document, method, path)["tags"][0];
        (tags.iter().position(|tag| tag["name"] == *own), *path)
    });
    routes
}

fn operation<'a>(document: &'a Value, method: &str, path: &str) -> &'a Value {
    &document["paths"][path][method.to_ascii_lowercase()]
}

pub(crate) fn answer(text: String) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

fn emulator_section(text: &mut String) {
    section(text, "Handsets, sinks, clock");
    for (method, path, summary) in EMULATOR {
        line(text, method, path, summary);
    }
    section(text, "AWS: DynamoDB, SQS and Secrets Manager, by the header X-Amz-Target");
}

fn section(text: &mut String, title: &str) {
    let _ = write!(text, "\n{title}\n");
}

fn line(text: &mut String, method: &str, path: &str, summary: &str) {
    let _ = writeln!(text, "  {method:<7} {path:<40} {summary}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gateway_lists_every_api_route_with_a_summary() {
        let functions = crate::gateway::functions(&"http://127.0.0.1:3000/".parse().unwrap()).unwrap();
        let text = of_gateway(&Api::Here(&functions));
        for line in text.lines().filter(|line| line.starts_with("  ")) {
            assert!(line.split_whitespace().count() > 2, "docs/openapi.json has no summary: {line}");
        }
        assert!(text.contains("POST    /message "), "{text}");
        assert!(text.contains("GET     /handsets "), "{text}");
    }

    #[test]
    fn watched_api_is_listed_by_its_address() {
        let text = of_gateway(&Api::Watched(&"http://127.0.0.1:9000/".parse().unwrap()));
        assert!(text.contains("API: http://127.0.0.1:9000/"), "{text}");
        assert!(!text.contains("POST    /message "), "{text}");
    }
}
