//! The registered connections, and the paths that register, list and interrupt them.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, put};
use serde_json::{Value, json};
use tokio::sync::watch;
use tracing::{info, warn};

use super::connection::{Connection, ConnectionName};
use super::{Credentials, Vendor};
use crate::emulator::json_line::JsonLine;
use crate::emulator::problem::{Fields, Problem};

const NOT_REGISTERED: &str = "No carrier of this name is registered.";

/// All connections, in the order of their first registration.
#[derive(Default)]
pub(in crate::emulator) struct Connections(watch::Sender<Vec<Arc<Connection>>>);

impl Connections {
    /// Adds a connection, or replaces the one of its name. An outage and the count of accepted submits stay.
    fn register(&self, mut connection: Connection) {
        self.0.send_modify(|all| {
            connection.registration = all.iter().map(|known| known.registration + 1).max().unwrap_or_default();
            match all.iter_mut().find(|known| known.name == connection.name) {
                Some(known) => {
                    connection.state = Arc::clone(&known.state);
                    *known = Arc::new(connection);
                }
                None => all.push(Arc::new(connection)),
            }
        });
    }

    /// Returns whether there was a connection of this name.
    fn remove(&self, name: &str) -> bool {
        self.0.send_if_modified(|all| {
            let before = all.len();
            all.retain(|known| known.name.as_str() != name);
            all.len() < before
        })
    }

    /// Returns the connection with these credentials. If several have them, the one registered last counts,
    /// so that a renamed connection keeps its submits.
    pub(super) fn with_credentials(
        &self,
        vendor: Vendor,
        credentials: Option<&Credentials>,
    ) -> Option<Arc<Connection>> {
        self.authorized_by(vendor, |registered| registered == credentials)
    }

    /// Like [`with_credentials`](Self::with_credentials), with a vendor's own comparison.
    pub(super) fn authorized_by(
        &self,
        vendor: Vendor,
        authorizes: impl Fn(Option<&Credentials>) -> bool,
    ) -> Option<Arc<Connection>> {
        let all = self.0.borrow();
        let matching = all.iter().filter(|known| known.vendor == vendor && authorizes(known.credentials.as_ref()));
        matching.max_by_key(|known| known.registration).cloned()
    }

    pub(super) fn any_of(&self, vendor: Vendor) -> bool {
        self.0.borrow().iter().any(|known| known.vendor == vendor)
    }

    /// Returns the connection to which the target's events go now.
    pub(super) fn find(&self, target: &Target) -> Option<Arc<Connection>> {
        target.find(&self.0.borrow())
    }

    fn named(&self, name: &str) -> Option<Arc<Connection>> {
        self.0.borrow().iter().find(|known| known.name.as_str() == name).cloned()
    }

    /// Returns a view of the connections that tells of each registration.
    pub(in crate::emulator) fn subscribe(&self) -> watch::Receiver<Vec<Arc<Connection>>> {
        self.0.subscribe()
    }

    fn warn_of_shared_credentials(&self, name: &ConnectionName, vendor: Vendor, credentials: Option<&Credentials>) {
        let all = self.0.borrow();
        let sharing = all.iter().filter(|known| known.vendor == vendor && known.credentials.as_ref() == credentials);
        for other in sharing.filter(|known| known.name != *name) {
            warn!(
                carrier = name.as_str(),
                other = other.name.as_str(),
                "carriers have the same credentials; the one registered last takes their submits"
            );
        }
    }
}

/// The connection that an event goes to.
#[derive(Clone)]
pub(in crate::emulator) enum Target {
    /// The connection of this name, as long as it belongs to this vendor, because the event is in its format.
    Connection(ConnectionName, Vendor),
    /// The vendor's first connection.
    FirstOf(Vendor),
    /// The vendor's first connection; if there is none, the first of any vendor.
    FirstOrAny(Vendor),
}

impl Target {
    pub(in crate::emulator) fn of(connection: &Connection) -> Self {
        Self::Connection(connection.name.clone(), connection.vendor)
    }

    pub(in crate::emulator) fn find(&self, all: &[Arc<Connection>]) -> Option<Arc<Connection>> {
        let first_of = |vendor: &Vendor| all.iter().find(|known| known.vendor == *vendor);
        let found = match self {
            Self::Connection(name, vendor) => all.iter().find(|known| known.name == *name && known.vendor == *vendor),
            Self::FirstOf(vendor) => first_of(vendor),
            Self::FirstOrAny(vendor) => first_of(vendor).or_else(|| all.first()),
        };
        found.cloned()
    }
}

pub(super) fn routes(connections: Arc<Connections>) -> Router {
    Router::new()
        .route("/carriers", get(list))
        .route("/carriers/{name}", put(register).delete(remove))
        .route("/carriers/{name}/outage", put(set_outage))
        .with_state(connections)
}

async fn register(
    State(connections): State<Arc<Connections>>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let connection = Connection::parse(&name, &body)?;
    let (name, vendor, credentials) = (connection.name.clone(), connection.vendor, connection.credentials.clone());
    connections.register(connection);
    info!(carrier = name.as_str(), vendor = vendor.into_str(), "carrier registered");
    connections.warn_of_shared_credentials(&name, vendor, credentials.as_ref());
    Ok(StatusCode::NO_CONTENT)
}

/// Removes a connection. Its undelivered events wait until it is registered again.
async fn remove(State(connections): State<Arc<Connections>>, Path(name): Path<String>) -> Result<StatusCode, Problem> {
    if !connections.remove(&name) {
        return Err(Problem::unknown(NOT_REGISTERED));
    }
    info!(carrier = name, "carrier removed");
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the connections without credentials, secrets and addresses, because addresses contain tokens.
async fn list(State(connections): State<Arc<Connections>>) -> JsonLine<Value> {
    let listed = |connection: &Arc<Connection>| {
        json!({
            "name": connection.name.as_str(),
            "vendor": connection.vendor.into_str(),
            "down": connection.is_down(),
            "accepted": connection.accepted(),
        })
    };
    let carriers: Vec<_> = connections.0.borrow().iter().map(listed).collect();
    JsonLine(json!({ "carriers": carriers }))
}

async fn set_outage(
    State(connections): State<Arc<Connections>>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let connection = connections.named(&name).ok_or_else(|| Problem::unknown(NOT_REGISTERED))?;
    let is_down = Fields::parse(&body)?.flag("down")?;
    connection.set_down(is_down);
    info!(
        carrier = connection.name.as_str(),
        vendor = connection.vendor.into_str(),
        "carrier {}",
        if is_down { "down" } else { "up" }
    );
    Ok(StatusCode::NO_CONTENT)
}
