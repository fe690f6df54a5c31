//! The one HTTP client and TLS stack of a function, for AWS, carriers and clients.
//!
//! The AWS SDK is given a connector over the same `reqwest` client that calls
//! carriers, so that a function holds one TLS configuration and one pool. Root
//! certificates are compiled in (`webpki-roots`): reading the system's costs
//! about half of a cold start.

use std::{sync::Arc, time::Duration};

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

/// How long making a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long a careful client keeps an idle connection.
const SHORT_IDLE: Duration = Duration::from_secs(4);

/// TLS that could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("no usable TLS version")]
    Versions(#[from] rustls::Error),
    #[error("the HTTP client could not be built")]
    Client(#[from] reqwest::Error),
}

/// The HTTP client and what further ones are built from. Clones share both.
#[derive(Clone, Debug)]
pub struct HttpStack {
    tls: ClientConfig,
    client: Client,
}

impl HttpStack {
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new() -> Result<Self, TlsError> {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = builder(&tls).build()?;
        Ok(Self { tls, client })
    }

    /// For AWS. Follows no redirects.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// For requests that must not be sent twice by themselves: connections are
    /// kept only so long that no server is likely to have closed them, for a
    /// request that breaks off may have arrived.
    ///
    /// # Errors
    /// When the client cannot be built.
    pub fn careful_client(&self) -> Result<Client, TlsError> {
        Ok(self.builder().pool_idle_timeout(SHORT_IDLE).build()?)
    }

    /// For another client with the same TLS configuration.
    pub fn builder(&self) -> ClientBuilder {
        builder(&self.tls)
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

/// The bodies of the AWS calls made here are small and wholly in memory.
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

/// So that the SDK knows what it may try again.
fn classify(error: reqwest::Error) -> ConnectorError {
    if error.is_timeout() { ConnectorError::timeout(error.into()) } else { ConnectorError::io(error.into()) }
}
