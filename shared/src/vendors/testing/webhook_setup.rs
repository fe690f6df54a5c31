//! Checks how connectors register webhooks.

use super::{
    Tables, client,
    connector::connection,
    server::{Answer, Server},
};
use crate::{
    domain::CarrierSettings,
    vendors::{Connector, Sessions, WebhookCall, WebhookSetupError, WebhookTarget, WebhookTargets},
};

const TOKEN: &str = "0f8b414c517bf0fc";
const SECRET: &str = "a-signing-secret";

/// A vendor's list of webhooks, and the calls that register our webhooks.
pub(crate) struct WebhookSetupRow {
    /// The request line of each call for the list, and its answer.
    pub(crate) lists: Vec<(&'static str, Answer)>,
    /// The calls, or the error.
    pub(crate) expected: Result<Vec<PlannedCall>, &'static str>,
}

pub(crate) struct PlannedCall {
    /// The request, as [`submit`](super::submit) describes one.
    pub(crate) request: &'static str,
    /// The body as an operator sees it.
    pub(crate) shown: &'static str,
    pub(crate) is_registered: bool,
    pub(crate) others: usize,
}

fn targets() -> WebhookTargets<'static> {
    let target = |kind: &str| WebhookTarget {
        url: format!("https://gateway.example/{kind}/mta/{TOKEN}").parse().unwrap(),
        shown: format!("https://gateway.example/{kind}/mta/…"),
    };
    WebhookTargets { receipts: target("dlr"), replies: target("mo"), signing_secret: SECRET }
}

impl<C: Connector> Tables<C> {
    /// Checks the calls for each list, and that a refused call is an error without secrets.
    pub(crate) async fn check_webhook_setups(self) {
        assert_eq!(!self.webhook_setups.is_empty(), C::PROFILE.webhook_events.is_some(), "registrations of webhooks");
        for row in &self.webhook_setups {
            let server = Server::start();
            server.answer_with("404".into());
            row.lists.iter().for_each(|(line, answer)| server.answer_to(line, answer.clone()));
            let settings = CarrierSettings { endpoint: server.url.clone(), ..self.settings.clone() };
            let (http, sessions) = (client(), Sessions::default());
            let connection = connection(&http, &settings, &self.credentials, &sessions);
            let planned = C::plan_webhooks(&connection, &targets()).await;
            let lines: Vec<_> = server.take_requests().into_iter().map(|request| request.line).collect();
            assert_eq!(lines, row.lists.iter().map(|(line, _)| *line).collect::<Vec<_>>());
            let calls = match (planned, &row.expected) {
                (Ok(calls), Ok(expected)) => calls.into_iter().zip(expected),
                (Err(error), Err(words)) => {
                    assert_eq!(error.to_string(), *words);
                    continue;
                }
                (Ok(_), Err(words)) => panic!("expected {words}"),
                (Err(error), Ok(_)) => panic!("{error}"),
            };
            for (call, expected) in calls {
                self.check_call(&server, &call, expected, C::register_webhook(&connection, &call)).await;
            }
        }
    }

    async fn check_call(
        &self,
        server: &Server,
        call: &WebhookCall,
        expected: &PlannedCall,
        register: impl Future<Output = Result<(), WebhookSetupError>>,
    ) {
        assert_eq!((call.is_registered, call.others), (expected.is_registered, expected.others), "{}", call.event);
        let shown = call.shown_body.to_string();
        assert_eq!(shown, expected.shown);
        assert!(!shown.contains(TOKEN) && !shown.contains(SECRET), "{shown}");
        let line = expected.request.lines().next().unwrap_or_default();
        server.answer_to(line, "200\n\n{}".into());
        assert!(register.await.is_ok(), "{}", call.event);
        let requests = server.take_requests();
        assert!(requests.len() == 1 && requests[0].is(expected.request), "got\n{}", requests[0]);
    }
}
