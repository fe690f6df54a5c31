//! A function's HTTP clients for AWS, carriers and callbacks, with a common TLS configuration.
//!
//! The AWS SDK gets a connector over a `reqwest` client with this TLS configuration. Root certificates
//! are compiled in (`webpki-roots`), because reading the system's costs about half of a cold start.

use std::{error::Error, sync::Arc, time::Duration};

use aws_smithy_runtime_api::{
    client::{
        http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    shared::IntoShared,
};
use aws_smithy_types::body::SdkBody;
use reqwest::{Client, ClientBuilder, redirect::Policy};
use rustls::{ClientConfig, RootCertStore, crypto::ring};

/// Timeout for opening a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The same for AWS. Shorter than the timeout of an attempt, so that an attempt that opens no connection ends
/// as an error that says so.
const AWS_CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Headers of an answer at most. A client's proxies may add more than hyper's 100 to a 2xx.
const MOST_HEADERS: usize = 256;

/// How long an unused connection is kept for the next request. We drop a connection before its server does:
/// if a request and the server's close cross, or a frozen function has not seen the close, the request may or
/// may not have arrived.
#[derive(Clone, Copy, Debug)]
pub struct IdleTimeouts {
    /// DynamoDB closes idle connections after about 20 s.
    pub aws: Duration,
    /// For carriers and callbacks. Node and Apache close idle connections after 5 s.
    pub others: Duration,
}

impl Default for IdleTimeouts {
    fn default() -> Self {
        Self { aws: Duration::from_secs(15), others: Duration::from_secs(4) }
    }
}

/// An error in setting up TLS or the HTTP client.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("no usable TLS version")]
    Versions(#[from] rustls::Error),
    #[error("could not build the HTTP client")]
    Client(#[from] reqwest::Error),
}

/// An HTTP client, and the TLS configuration to build further ones. Clones share both.
#[derive(Clone, Debug)]
pub struct HttpStack {
    tls: ClientConfig,
    idle: IdleTimeouts,
    client: Client,
}

impl HttpStack {
    /// # Errors
    /// TLS cannot be set up.
    pub fn new() -> Result<Self, TlsError> {
        Self::with_idle_timeouts(IdleTimeouts::default())
    }

    /// # Errors
    /// TLS cannot be set up.
    pub fn with_idle_timeouts(idle: IdleTimeouts) -> Result<Self, TlsError> {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = builder(&tls).pool_idle_timeout(idle.aws).connect_timeout(AWS_CONNECT_TIMEOUT).build()?;
        Ok(Self { tls, idle, client })
    }

    /// Returns the client for AWS. It follows no redirects.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Builds a client for carriers.
    ///
    /// # Errors
    /// The client cannot be built.
    pub fn carrier_client(&self) -> Result<Client, TlsError> {
        Ok(self.builder().build()?)
    }

    /// Returns a builder for a client of carriers or callbacks.
    pub fn builder(&self) -> ClientBuilder {
        builder(&self.tls).pool_idle_timeout(self.idle.others).http1_max_headers(MOST_HEADERS)
    }
}

fn builder(tls: &ClientConfig) -> ClientBuilder {
    Client::builder()
        .tls_backend_preconfigured(tls.clone())
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(Policy::none())
        .no_proxy()
}

impl HttpClient for HttpStack {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        Connector { client: self.client.clone(), read_timeout: settings.read_timeout() }.into_shared()
    }
}

#[derive(Debug)]
struct Connector {
    client: Client,
    read_timeout: Option<Duration>,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(exchange(self.client.clone(), self.read_timeout, request))
    }
}

/// Makes an AWS call. Bodies are small, so they are held in memory.
async fn exchange(
    client: Client,
    timeout: Option<Duration>,
    request: HttpRequest,
) -> Result<HttpResponse, ConnectorError> {
    let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
    let request = request.map(|body| body.bytes().map(<[u8]>::to_vec).unwrap_or_default());
    let mut request = reqwest::Request::try_from(request).map_err(|error| ConnectorError::user(error.into()))?;
    *request.timeout_mut() = timeout;
    let response = client.execute(request).await.map_err(classify)?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = response.bytes().await.map_err(classify)?;
    let mut answer = http::Response::new(SdkBody::from(body));
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    HttpResponse::try_from(answer).map_err(|error| ConnectorError::other(error.into(), None))
}

/// Tells the SDK which errors it may retry.
fn classify(error: reqwest::Error) -> ConnectorError {
    if error.is_timeout() { ConnectorError::timeout(error.into()) } else { ConnectorError::io(error.into()) }
}

/// Returns whether an AWS call failed because no connection could be opened, so that nothing was sent. Any
/// later failure may have come after the request arrived. The client itself resends a request that it had
/// not begun to write when it found a reused connection closed.
pub(crate) fn found_no_connection(error: &ConnectorError) -> bool {
    let source = error.source().and_then(<dyn Error>::downcast_ref::<reqwest::Error>);
    source.is_some_and(reqwest::Error::is_connect)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_timeouts_are_below_those_of_servers() {
        let IdleTimeouts { aws, others } = IdleTimeouts::default();
        // DynamoDB's, and Node's `keepAliveTimeout`.
        assert!(aws < Duration::from_secs(20) && others < Duration::from_secs(5), "{aws:?}, {others:?}");
    }
}
