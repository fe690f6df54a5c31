//! Runs a connector's tables.

use http::{HeaderMap, HeaderName};

use super::{
    Outgoing, Read, Tables, client,
    server::{Answer, Server},
};
use crate::{
    domain::{
        CarrierReceipt, CarrierReply, CarrierSettings, Credentials, LookupOutcome, Outcome, ParseError, ParsedItems,
        Timestamp,
    },
    vendors::{Connection, Connector, Sessions, Webhook},
};

/// The timeout of a submit to a server that does not answer.
const SHORT_MS: u64 = 100;
/// The digits from which on a run may be a phone number.
const FEWEST_DIGITS: usize = 6;

impl<C: Connector> Tables<C> {
    /// Checks that there are rows of every kind that the vendor's profile names.
    pub(crate) fn check_complete(&self) {
        C::PROFILE.check_credentials(&self.credentials).unwrap();
        C::PROFILE.check_settings(&self.settings).unwrap();
        assert!(!self.submits.is_empty() && !self.receipts.is_empty() && !self.replies.is_empty());
        let has = |is: fn(&Outcome) -> bool| self.answers.iter().any(|(_, outcome)| is(outcome));
        assert!(has(|outcome| matches!(outcome, Outcome::Accepted { .. })), "no answer accepts the message");
        assert!(has(|outcome| matches!(outcome, Outcome::Rejected { .. })), "no answer rejects the message");
        assert_eq!(!self.lookups.is_empty(), C::PROFILE.lookup, "lookups");
        assert_eq!(!self.signed.is_empty(), C::PROFILE.signs_webhooks, "signed webhooks");
    }

    pub(crate) async fn check_submits(self) {
        let server = Server::start();
        server.answer_with(self.accepting_answer());
        for row in &self.submits {
            let mut settings =
                CarrierSettings { endpoint: server.url.join(row.path).unwrap(), ..self.settings.clone() };
            (row.settings)(&mut settings);
            let credentials = row.credentials.as_ref().unwrap_or(&self.credentials);
            let (http, sessions) = (client(), Sessions::default());
            let connection = connection(&http, &settings, credentials, &sessions);
            C::submit(&connection, &row.message.submission(), row.now).await;
            let requests = server.take_requests();
            let [request] = requests.as_slice() else { panic!("{} requests for: {}", requests.len(), row.expected) };
            assert!(request.is(&row.expected), "got\n{request}\n\nexpected\n{}", row.expected);
        }
    }

    pub(crate) async fn check_answers(self) {
        let server = Server::start();
        for (answer, expected) in &self.answers {
            assert_eq!(self.answered(&server, answer.clone()).await, *expected, "{answer:?}");
            assert_eq!(server.take_requests().len(), 1, "{answer:?}");
        }
    }

    pub(crate) async fn check_lookups(self) {
        let server = Server::start();
        for (answer, expected) in &self.lookups {
            assert_eq!(self.looked_up(&server, answer.clone()).await, *expected, "{answer:?}");
            let requests = server.take_requests();
            assert!(requests.len() == 1 && requests[0].is(self.lookup), "got\n{}", requests[0]);
        }
    }

    pub(crate) fn check_receipts(self) {
        for row in &self.receipts {
            check(&row.body, C::read_receipts(&row.body), &row.expected);
        }
    }

    pub(crate) fn check_replies(self) {
        for row in &self.replies {
            let mut settings = self.settings.clone();
            (row.settings)(&mut settings);
            check(&row.body, C::read_replies(&row.body, &settings), &row.expected);
        }
    }

    /// Checks that each row's signature is valid, but only for its own secret and body.
    pub(crate) fn check_signed(self) {
        for row in &self.signed {
            let (name, value) = row.header;
            let headers = |value: &str| {
                let pairs = row.beside.into_iter().chain([(name, value)]);
                pairs.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect::<HeaderMap>()
            };
            let is_signed =
                |headers: &HeaderMap, body: &[u8], secret: &str| C::is_signed(&Webhook { headers, body }, secret);
            assert!(is_signed(&headers(value), row.body, row.secret), "{name}: {value}");
            assert!(!is_signed(&HeaderMap::new(), row.body, row.secret), "without a signature");
            assert!(!is_signed(&headers(value), row.body, "another secret"));
            if let Some((beside, _)) = row.beside {
                let mut changed = headers(value);
                changed.insert(beside.parse::<HeaderName>().unwrap(), "7".parse().unwrap());
                assert!(!is_signed(&changed, row.body, row.secret), "another {beside}");
                changed.remove(beside);
                assert!(!is_signed(&changed, row.body, row.secret), "without {beside}");
            }
            assert!(!is_signed(&headers(value), &[row.body, b" "].concat(), row.secret));
            for cut in [0, 1, value.len() - 1] {
                assert!(!is_signed(&headers(&value[..cut]), row.body, row.secret), "{}", &value[..cut]);
            }
        }
        let (headers, body) = (&HeaderMap::new(), b"".as_slice());
        assert!(!C::is_signed(&Webhook { headers, body }, ""));
    }

    /// Submits the example message to the server.
    pub(super) async fn answered(&self, server: &Server, answer: Answer) -> Outcome {
        let timeout_ms = if matches!(answer, Answer::Late) { SHORT_MS } else { self.settings.timeout_ms };
        server.answer_with(answer);
        self.submitted(&CarrierSettings { endpoint: server.url.clone(), timeout_ms, ..self.settings.clone() }).await
    }

    pub(super) async fn submitted(&self, settings: &CarrierSettings) -> Outcome {
        let (http, sessions) = (client(), Sessions::default());
        let connection = connection(&http, settings, &self.credentials, &sessions);
        C::submit(&connection, &Outgoing::example().submission(), Timestamp::UNIX_EPOCH).await
    }

    /// Returns an answer that accepts the example message.
    pub(super) fn accepting_answer(&self) -> Answer {
        let accepts = self.answers.iter().find(|(_, outcome)| matches!(outcome, Outcome::Accepted { .. }));
        accepts.unwrap().0.clone()
    }

    pub(super) async fn looked_up(&self, server: &Server, answer: Answer) -> LookupOutcome {
        let timeout_ms = if matches!(answer, Answer::Late) { SHORT_MS } else { self.settings.timeout_ms };
        server.answer_with(answer);
        let settings = &CarrierSettings { endpoint: server.url.clone(), timeout_ms, ..self.settings.clone() };
        let (http, sessions) = (client(), Sessions::default());
        let connection = connection(&http, settings, &self.credentials, &sessions);
        C::look_up(&connection, Outgoing::example().reference).await
    }
}

/// Returns a connection with an address of receipts. A vendor that is told it once ignores it.
pub(super) fn connection<'a>(
    http: &'a reqwest::Client,
    settings: &'a CarrierSettings,
    credentials: &'a Credentials,
    sessions: &'a Sessions,
) -> Connection<'a> {
    let receipts = "https://gateway.example/dlr/a-carrier/a-token".parse().ok();
    Connection { name: "a-carrier".parse().unwrap(), http, settings, credentials, receipts, sessions }
}

/// An item whose `Debug` may hide its values.
trait Item: PartialEq {
    fn show(&self) -> String;
}

impl Item for CarrierReceipt {
    fn show(&self) -> String {
        format!("{self:?}")
    }
}

impl Item for CarrierReply {
    fn show(&self) -> String {
        let Self { id, from, from_name, to, content, channel, at, answers } = self;
        let (from, text, extras) = (from.as_str(), &content.text, content.extras.to_json());
        format!("{id} {from} {from_name:?} {to:?} {text:?} {extras} {channel:?} {at:?} {answers:?}")
    }
}

fn check<T: Item>(body: &[u8], read: Result<ParsedItems<T>, ParseError>, expected: &Read<T>) {
    let body = String::from_utf8_lossy(body);
    match (read, expected) {
        (Err(error), Err(words)) => check_error(&error, words, &body),
        (Ok(read), Ok(expected)) => {
            assert_eq!(read.iter().len(), expected.len(), "items of {body}");
            for (item, expected) in read.iter().zip(expected) {
                match (item, expected) {
                    (Ok(item), Ok(expected)) => {
                        assert!(item == expected, "got {}, expected {}: {body}", item.show(), expected.show());
                    }
                    (Err(error), Err(words)) => check_error(error, words, &body),
                    (Err(error), Ok(_)) => panic!("{error}: {body}"),
                    (Ok(item), Err(words)) => panic!("got {}, expected an error of {words}: {body}", item.show()),
                }
            }
        }
        (Err(error), Ok(_)) => panic!("{error}: {body}"),
        (Ok(_), Err(words)) => panic!("expected an error of {words}: {body}"),
    }
}

fn check_error(error: &ParseError, words: &str, body: &str) {
    let said = error.to_string();
    assert!(error.field == words || said == words, "got {said}, expected {words}: {body}");
    let numbers = body.split(|c: char| !c.is_ascii_digit()).filter(|run| run.len() >= FEWEST_DIGITS);
    numbers.for_each(|number| assert!(!said.contains(number), "the error quotes {number}: {said}"));
}
