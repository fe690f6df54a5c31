//! Keys that a vendor issues for a login, kept in a worker's memory until they expire.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::time::timeout;

use crate::domain::{CarrierName, Credentials, Outcome};

/// Limit on a login, as a part of the carrier's timeout. The submit gets the rest, because an unanswered submit is
/// worse than an unanswered login.
const PART_FOR_LOGIN: u32 = 2;

/// A key of a login.
pub(crate) struct SessionKey {
    pub(crate) key: String,
    pub(crate) valid_for: SignedDuration,
}

/// Why a login gave no key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum LoginError {
    /// The vendor refused the credentials. Repeated, that may lock the account.
    Refused(Outcome),
    Failed(Outcome),
}

/// How long we do not repeat a refused login.
const REFUSED_FOR: SignedDuration = SignedDuration::from_secs(10);

struct Session {
    credentials: Credentials,
    key: Arc<str>,
    until: Timestamp,
}

/// A refused login.
struct Refusal {
    credentials: Credentials,
    outcome: Outcome,
    until: Timestamp,
}

/// The session of a carrier. `login` is held during a login, and `session` never across an await, so that a submit
/// with a refused key does not wait for another submit's login.
#[derive(Default)]
struct Slot {
    session: Mutex<Option<Session>>,
    /// Holds the last login's refusal.
    login: tokio::sync::Mutex<Option<Refusal>>,
}

impl Slot {
    fn session(&self) -> MutexGuard<'_, Option<Session>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the key, if it is valid and belongs to these credentials.
    fn key(&self, credentials: &Credentials, now: Timestamp) -> Option<Arc<str>> {
        let session = self.session();
        let valid = |session: &&Session| session.until > now && session.credentials == *credentials;
        session.as_ref().filter(valid).map(|session| Arc::clone(&session.key))
    }
}

/// The sessions of all carriers.
#[derive(Default)]
pub struct Sessions(Mutex<HashMap<CarrierName, Arc<Slot>>>);

impl Sessions {
    /// Returns the carrier's key, or logs in. Of several submits at once, one logs in and the others wait for it.
    ///
    /// # Errors
    /// `Busy` if the login fails, or was refused in the last ten seconds, or takes more than half of `within`, the
    /// carrier's timeout.
    pub(crate) async fn key(
        &self,
        carrier: CarrierName,
        credentials: &Credentials,
        (now, within): (Timestamp, Duration),
        log_in: impl Future<Output = Result<SessionKey, LoginError>>,
    ) -> Result<Arc<str>, Outcome> {
        let slot = self.slot(carrier);
        let key = async {
            if let Some(key) = slot.key(credentials, now) {
                return Ok(key);
            }
            let mut refusal = slot.login.lock().await;
            if let Some(key) = slot.key(credentials, now) {
                return Ok(key);
            }
            let refused = |last: &&Refusal| last.until > now && last.credentials == *credentials;
            if let Some(last) = refusal.as_ref().filter(refused) {
                return Err(last.outcome.clone());
            }
            let SessionKey { key, valid_for } = match log_in.await {
                Ok(key) => key,
                Err(LoginError::Failed(outcome)) => return Err(outcome),
                Err(LoginError::Refused(outcome)) => {
                    let until = now.saturating_add(REFUSED_FOR).unwrap_or(now);
                    *refusal = Some(Refusal { credentials: credentials.clone(), outcome: outcome.clone(), until });
                    return Err(outcome);
                }
            };
            let (key, until) = (Arc::from(key), now.saturating_add(valid_for).unwrap_or(now));
            *slot.session() = Some(Session { credentials: credentials.clone(), key: Arc::clone(&key), until });
            Ok(key)
        };
        timeout(within / PART_FOR_LOGIN, key).await.unwrap_or_else(|_| Err(Outcome::busy("the login took too long")))
    }

    /// Drops a key that the carrier refused, unless another submit has replaced it.
    pub(crate) fn forget(&self, carrier: CarrierName, refused: &str) {
        self.slot(carrier).session().take_if(|session| &*session.key == refused);
    }

    fn slot(&self, carrier: CarrierName) -> Arc<Slot> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(carrier).or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;

    use super::*;
    use crate::domain::CredentialPart;

    const WITHIN: Duration = Duration::from_millis(200);

    fn credentials(password: &str) -> Credentials {
        [(CredentialPart::Password, password.to_owned())].into_iter().collect()
    }

    fn at(hour: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hour)
    }

    #[tokio::test]
    async fn key_is_shared_until_it_expires_or_is_refused() {
        let (sessions, logins) = (Sessions::default(), AtomicUsize::new(0));
        let carrier = "one".parse().unwrap();
        let key = async |password: &str, hour| {
            let log_in = async {
                let number = logins.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(1)).await;
                Ok(SessionKey { key: number.to_string(), valid_for: SignedDuration::from_hours(24) })
            };
            sessions.key(carrier, &credentials(password), (at(hour), WITHIN), log_in).await.unwrap()
        };
        let concurrent = join_all((0..5).map(|_| key("a", 0))).await;
        assert!(concurrent.iter().all(|key| &**key == "0"), "{concurrent:?}");
        assert_eq!(&*key("a", 23).await, "0");
        assert_eq!(&*key("a", 24).await, "1");
        assert_eq!(&*key("b", 24).await, "2", "other credentials");
        sessions.forget(carrier, "1");
        assert_eq!(&*key("b", 24).await, "2");
        sessions.forget(carrier, "2");
        assert_eq!(&*key("b", 24).await, "3");
    }

    #[tokio::test]
    async fn slow_or_failed_login_is_busy_and_keeps_no_key() {
        let (sessions, carrier) = (Sessions::default(), "one".parse().unwrap());
        let slow = std::future::pending();
        let outcome = sessions.key(carrier, &credentials("a"), (at(0), WITHIN), slow).await;
        assert_eq!(outcome, Err(Outcome::busy("the login took too long")));
        let failed = async { Err(LoginError::Failed(Outcome::busy("failed"))) };
        let outcome = sessions.key(carrier, &credentials("a"), (at(0), WITHIN), failed).await;
        assert_eq!(outcome, Err(Outcome::busy("failed")));
    }

    #[tokio::test]
    async fn refused_key_is_dropped_during_another_login() {
        let (sessions, carrier) = (Sessions::default(), "one".parse().unwrap());
        let (old, new) = (credentials("old"), credentials("new"));
        let granted = async { Ok(SessionKey { key: "0".to_owned(), valid_for: SignedDuration::from_hours(24) }) };
        sessions.key(carrier, &old, (at(0), WITHIN), granted).await.unwrap();
        let forget_during = async {
            sessions.forget(carrier, "0");
            std::future::pending().await
        };
        let outcome = sessions.key(carrier, &new, (at(0), WITHIN), forget_during).await;
        assert_eq!(outcome, Err(Outcome::busy("the login took too long")));
        let again = sessions.key(carrier, &old, (at(0), WITHIN), no_key()).await;
        assert_eq!(again, Err(Outcome::busy("no key")));
    }

    fn no_key() -> impl Future<Output = Result<SessionKey, LoginError>> {
        std::future::ready(Err(LoginError::Failed(Outcome::busy("no key"))))
    }

    #[tokio::test]
    async fn refused_login_is_not_repeated_at_once() {
        let (sessions, carrier) = (Sessions::default(), "one".parse().unwrap());
        let refused = async { Err(LoginError::Refused(Outcome::busy("refused"))) };
        let outcome = sessions.key(carrier, &credentials("a"), (at(0), WITHIN), refused).await;
        assert_eq!(outcome, Err(Outcome::busy("refused")));
        let after = async |password: &str, seconds| {
            let now = at(0) + SignedDuration::from_secs(seconds);
            sessions.key(carrier, &credentials(password), (now, WITHIN), no_key()).await
        };
        assert_eq!(after("a", 9).await, Err(Outcome::busy("refused")));
        assert_eq!(after("b", 9).await, Err(Outcome::busy("no key")), "other credentials");
        assert_eq!(after("a", 10).await, Err(Outcome::busy("no key")));
    }
}
