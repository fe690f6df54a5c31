//! Calls the functions: by their handlers in this process, by their binaries in separate processes, or by
//! the invoke endpoint of `cargo lambda watch`.

use std::{collections::HashMap, path::Path, time::Duration};

use anyhow::{Context, bail};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use http::StatusCode;
use lambda_http::{Body, Response};
use serde_json::json;
use shared::{
    edge,
    runtime::{Environment, Variables},
};
use tracing::error;
use url::Url;

use super::{processes::Processes, provision::aws_settings};
use crate::{
    lambda::{
        Settings,
        http_event::{self, HttpRequest},
    },
    template,
};

pub(super) enum Function {
    Send(send::Send),
    ScheduleTick(schedule_tick::ScheduleTick),
    Dispatch(dispatch::Dispatch),
    DlrWebhook(dlr_webhook::DlrWebhook),
    MoWebhook(mo_webhook::MoWebhook),
    Callback(callback::Callback),
    Messages(messages::Messages),
    Account(account::Account),
}

impl Function {
    fn build(binary: &str, environment: &Environment) -> anyhow::Result<Self> {
        Ok(match binary {
            "send" => Self::Send(send::Send::new(environment)?),
            "schedule-tick" => Self::ScheduleTick(schedule_tick::ScheduleTick::new(environment)?),
            "dispatch" => Self::Dispatch(dispatch::Dispatch::new(environment)?),
            "dlr-webhook" => Self::DlrWebhook(dlr_webhook::DlrWebhook::new(environment)?),
            "mo-webhook" => Self::MoWebhook(mo_webhook::MoWebhook::new(environment)?),
            "callback" => Self::Callback(callback::Callback::new(environment)?),
            "messages" => Self::Messages(messages::Messages::new(environment)?),
            "account" => Self::Account(account::Account::new(environment)?),
            other => bail!("the template names an unknown binary '{other}'"),
        })
    }
}

pub(super) enum Functions {
    InProcess(HashMap<String, Function>),
    Processes(Processes),
    Watched { client: reqwest::Client, endpoint: Url },
}

impl Functions {
    pub(super) fn in_process(
        described: &[template::Function],
        emulator: &Url,
        environment: impl Fn(Variables) -> Environment,
    ) -> anyhow::Result<Self> {
        let build = |function: &template::Function| {
            let built = Function::build(&function.binary, &environment(variables(function, emulator).collect()));
            Ok((function.binary.clone(), built.with_context(|| format!("starting {}", function.binary))?))
        };
        Ok(Self::InProcess(described.iter().map(build).collect::<anyhow::Result<_>>()?))
    }

    pub(super) fn processes(
        described: &[template::Function],
        emulator: &Url,
        directory: &Path,
    ) -> anyhow::Result<Self> {
        let settings = described.iter().map(|function| settings(function, emulator));
        Processes::new(directory, settings).map(Self::Processes)
    }

    pub(super) fn watched(endpoint: Url, client: reqwest::Client) -> Self {
        Self::Watched { client, endpoint }
    }

    /// Returns whether we serve the HTTP API, not `cargo lambda watch`.
    pub(super) fn serve_http(&self) -> bool {
        !matches!(self, Self::Watched { .. })
    }

    /// Returns where `cargo lambda watch` serves the functions.
    pub(super) fn watched_endpoint(&self) -> Option<&Url> {
        if let Self::Watched { endpoint, .. } = self { Some(endpoint) } else { None }
    }

    /// Returns whether the functions follow the emulator's clock.
    pub(super) fn follow_emulator_clock(&self) -> bool {
        matches!(self, Self::InProcess(_))
    }

    pub(super) async fn request(&self, binary: &str, request: HttpRequest) -> Response<Body> {
        let functions = match self {
            Self::InProcess(functions) => functions,
            Self::Processes(processes) => return through_api_gateway(processes, binary, request).await,
            Self::Watched { .. } => return not_found(),
        };
        let HttpRequest { method, path, query, headers, body } = request;
        let request = edge::request(method, headers, (&path, &query), body.to_vec().into());
        match functions.get(binary) {
            Some(Function::Send(function)) => function.handle(request).await,
            Some(Function::DlrWebhook(function)) => function.handle(request).await,
            Some(Function::MoWebhook(function)) => function.handle(request).await,
            Some(Function::Messages(function)) => function.handle(request).await,
            Some(Function::Account(function)) => function.handle(request).await,
            _ => not_found(),
        }
    }

    pub(super) async fn batch(&self, binary: &str, event: SqsEvent) -> anyhow::Result<SqsBatchResponse> {
        match self {
            Self::InProcess(functions) => match functions.get(binary) {
                Some(Function::Dispatch(function)) => Ok(function.handle(event).await),
                Some(Function::Callback(function)) => Ok(function.handle(event).await),
                _ => bail!("{binary} takes no batches"),
            },
            Self::Processes(processes) => {
                let answer = processes.invoke(binary, &serde_json::to_value(event)?).await?;
                Ok(serde_json::from_slice(&answer)?)
            }
            Self::Watched { client, endpoint } => {
                let answer = invoke(client, endpoint, binary, &serde_json::to_value(event)?).await?;
                Ok(answer.json().await?)
            }
        }
    }

    pub(super) async fn tick(&self, binary: &str, deadline_ms: u64) -> anyhow::Result<()> {
        match self {
            Self::InProcess(functions) => match functions.get(binary) {
                Some(Function::ScheduleTick(function)) => Ok(function.handle(deadline_ms).await?),
                _ => bail!("{binary} takes no schedule"),
            },
            Self::Processes(processes) => processes.invoke(binary, &json!({})).await.map(|_| ()),
            Self::Watched { client, endpoint } => invoke(client, endpoint, binary, &json!({})).await.map(|_| ()),
        }
    }
}

/// Returns a function's Lambda settings, with the emulator as its AWS endpoint.
pub(super) fn settings(function: &template::Function, emulator: &Url) -> Settings {
    let (name, timeout) = (function.binary.clone(), function.timeout);
    Settings { name, memory_mb: function.memory_mb, timeout, variables: variables(function, emulator).collect() }
}

fn variables(function: &template::Function, emulator: &Url) -> impl Iterator<Item = (String, String)> {
    aws_settings(emulator, &function.binary).chain(function.environment.clone())
}

/// Sets whether callbacks may go to private addresses: they must, because the emulator's sinks are at 127.0.0.1.
pub(super) fn allow_private_callbacks(described: &mut [template::Function], allow: &str) {
    for variable in described.iter_mut().filter_map(|function| function.environment.get_mut("ALLOW_PRIVATE_CALLBACKS"))
    {
        allow.clone_into(variable);
    }
}

/// Invokes a function as API Gateway does: an error or an invalid response becomes a 502.
async fn through_api_gateway(processes: &Processes, binary: &str, request: HttpRequest) -> Response<Body> {
    let answered = match processes.invoke(binary, &http_event::event(&request)).await {
        Ok(response) => http_event::answer(&response).map_err(anyhow::Error::from),
        Err(error) => Err(error),
    };
    answered.unwrap_or_else(|error| {
        error!(function = binary, error = format!("{error:#}"), "request failed");
        plain(StatusCode::BAD_GATEWAY, "Internal Server Error")
    })
}

/// Invokes a function of `cargo lambda watch`, by Lambda's API. The first call compiles the function, which
/// may take minutes.
async fn invoke(
    client: &reqwest::Client,
    endpoint: &Url,
    binary: &str,
    event: &serde_json::Value,
) -> anyhow::Result<reqwest::Response> {
    let url = endpoint.join(&format!("2015-03-31/functions/{binary}/invocations"))?;
    let request = client.post(url).timeout(Duration::from_mins(15)).json(event);
    Ok(request.send().await?.error_for_status()?)
}

fn not_found() -> Response<Body> {
    plain(StatusCode::NOT_FOUND, "Not Found")
}

fn plain(status: StatusCode, message: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(json!({"message": message}).to_string()));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use serde_json::Value;

    use super::*;
    use crate::template::Event;

    const WATCH_ENV: &str = include_str!("../../watch.env");
    const MANIFEST: &str = include_str!("../../../../Cargo.toml");

    fn described() -> Vec<template::Function> {
        super::super::functions(&"http://127.0.0.1:3000/".parse().unwrap()).unwrap()
    }

    #[test]
    fn watched_functions_have_the_environment_of_the_template() {
        let lines = WATCH_ENV.lines().filter(|line| !line.starts_with('#'));
        let watched: BTreeMap<&str, &str> = lines.filter_map(|line| line.split_once('=')).collect();
        for function in described() {
            for (name, value) in &function.environment {
                let expected = if name == "ALLOW_PRIVATE_CALLBACKS" { "true" } else { value };
                assert_eq!(watched.get(name.as_str()), Some(&expected), "{name} of {}", function.binary);
            }
        }
    }

    #[test]
    fn watched_functions_have_the_routes_of_the_template() {
        let manifest: Value = toml::from_str(MANIFEST).unwrap();
        let router = &manifest["workspace"]["metadata"]["lambda"]["watch"]["router"];
        let mut watched = BTreeSet::new();
        for (path, targets) in router.as_object().unwrap() {
            for target in targets.as_array().unwrap() {
                watched.insert(format!(
                    "{} {path} {}",
                    target["method"].as_str().unwrap(),
                    target["function"].as_str().unwrap()
                ));
            }
        }
        let mut deployed = BTreeSet::new();
        for function in described() {
            for event in &function.events {
                if let Event::Http { method, path } = event {
                    deployed.insert(format!("{method} {path} {}", function.binary));
                }
            }
        }
        assert_eq!(watched, deployed, "routes of `cargo lambda watch` in Cargo.toml, and of template.yaml");
    }
}
