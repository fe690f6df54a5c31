//! Checks of a login before a submit.

use super::{
    Login, Outgoing, Tables, client,
    connector::connection,
    server::{Answer, Request, Server},
};
use crate::{
    domain::{CarrierSettings, Credentials, Outcome, SignedDuration, Timestamp},
    vendors::{Connector, Sessions},
};

/// The timeout of a submit whose login is not answered.
const SHORT_MS: u64 = 100;

impl<C: Connector> Tables<C> {
    /// Checks that each login is used for several submits, until the carrier refuses the key, and that a login without
    /// a key leaves the message unsent.
    pub(crate) async fn check_login(self) {
        let Some(login) = &self.login else { return };
        let credentials = login.credentials.iter().map(|(part, value)| (*part, (*value).to_owned())).collect();
        C::PROFILE.check_credentials(&credentials).unwrap();
        for granted in &login.granted {
            self.check_granted(login, &credentials, granted).await;
        }
        let mut refused = login.refused.clone();
        refused.push((Answer::Closes, Outcome::busy("login: the connection broke")));
        refused.push((Answer::Late, Outcome::busy("the login took too long")));
        for (answer, expected) in refused {
            let timeout_ms = if matches!(answer, Answer::Late) { SHORT_MS } else { self.settings.timeout_ms };
            let session = Session::start(&self, login, (&credentials, timeout_ms));
            session.server.answer_to(login.line(), answer.clone());
            assert_eq!(session.submit::<C>().await, expected, "{answer:?}");
            session.assert_requests(1, 0);
            session.server.answer_to(login.line(), login.granted[0].clone());
            // A refused login is not repeated at once.
            let later = Timestamp::UNIX_EPOCH + SignedDuration::from_mins(1);
            assert!(matches!(session.submit_at::<C>(later).await, Outcome::Accepted { .. }), "after {answer:?}");
            session.assert_requests(1, 1);
        }
    }

    async fn check_granted(&self, login: &Login, credentials: &Credentials, granted: &Answer) {
        let session = Session::start(self, login, (credentials, self.settings.timeout_ms));
        session.server.answer_to(login.line(), granted.clone());
        for logins in [1, 0] {
            assert!(matches!(session.submit::<C>().await, Outcome::Accepted { .. }), "{granted:?}");
            session.assert_requests(logins, 1);
        }
        for refusal in ["401", "403", "401\n\n{\"error\":{\"code\":\"ERROR\"}}"] {
            session.server.answer_with(refusal.into());
            assert!(matches!(session.submit::<C>().await, Outcome::Refused { .. }), "{refusal}");
            session.assert_requests(0, 1);
            session.server.answer_with(self.accepting_answer());
            assert!(matches!(session.submit::<C>().await, Outcome::Accepted { .. }), "after {refusal}");
            session.assert_requests(1, 1);
        }
    }
}

/// Submits of one worker.
struct Session<'a> {
    server: Server,
    settings: CarrierSettings,
    login: &'a Login,
    credentials: &'a Credentials,
    http: reqwest::Client,
    sessions: Sessions,
}

impl<'a> Session<'a> {
    fn start<C: Connector>(
        tables: &Tables<C>,
        login: &'a Login,
        (credentials, timeout_ms): (&'a Credentials, u64),
    ) -> Self {
        let server = Server::start();
        server.answer_with(tables.accepting_answer());
        let settings = CarrierSettings { endpoint: server.url.clone(), timeout_ms, ..tables.settings.clone() };
        Self { server, settings, login, credentials, http: client(), sessions: Sessions::default() }
    }

    async fn submit<C: Connector>(&self) -> Outcome {
        self.submit_at::<C>(Timestamp::UNIX_EPOCH).await
    }

    async fn submit_at<C: Connector>(&self, now: Timestamp) -> Outcome {
        let connection = connection(&self.http, &self.settings, self.credentials, &self.sessions);
        C::submit(&connection, &Outgoing::example().submission(), now).await
    }

    /// Checks the requests since the last call: so many logins, and so many submits with the key.
    fn assert_requests(&self, logins: usize, submits: usize) {
        let requests = self.server.take_requests();
        let is_submit = |request: &&Request| request.has_header(self.login.submit_header);
        let count = |is: &dyn Fn(&&Request) -> bool| requests.iter().filter(|request| is(request)).count();
        let counted = (count(&|request| request.is(self.login.request)), count(&is_submit));
        let shown: Vec<_> = requests.iter().map(ToString::to_string).collect();
        assert_eq!((counted, requests.len()), ((logins, submits), logins + submits), "{}", shown.join("\n\n"));
    }
}

impl Login {
    /// Returns the request's method and path.
    fn line(&self) -> &str {
        self.request.lines().next().unwrap_or_default()
    }
}
