//! The real stores, over a fake AWS that gives a preset answer. The fake keeps the last request, so
//! that a test can let the store read an item that it wrote.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
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
use serde_json::{Value, json};
use shared::store::{DynamoDirectory, DynamoStore, SecretsManager, TableNames};
use tokio::runtime::{Builder, Runtime};

pub struct Stores {
    pub store: DynamoStore,
    pub directory: DynamoDirectory,
    pub secrets: SecretsManager,
    aws: Aws,
    runtime: Runtime,
}

impl Stores {
    /// # Panics
    /// No runtime can be built.
    #[expect(clippy::expect_used, reason = "setup of the test")]
    pub fn new() -> Self {
        let aws = Aws::default();
        let credentials = Credentials::new("key", "secret", None, None, "test");
        let dynamodb = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(credentials.clone())
            .retry_config(RetryConfig::disabled())
            .http_client(aws.clone())
            .build();
        let secrets = aws_sdk_secretsmanager::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(credentials)
            .retry_config(RetryConfig::disabled())
            .http_client(aws.clone())
            .build();
        let client = aws_sdk_dynamodb::Client::from_conf(dynamodb);
        let tables = TableNames { messages: "messages".to_owned(), recipients: Some("recipients".to_owned()) };
        Self {
            store: DynamoStore::new(client.clone(), tables, 90),
            directory: DynamoDirectory::new(client, "directory".to_owned()),
            secrets: SecretsManager::new(aws_sdk_secretsmanager::Client::from_conf(secrets), "carriers".to_owned()),
            aws,
            runtime: Builder::new_current_thread().enable_time().build().expect("a runtime"),
        }
    }

    /// Runs `does` while every read returns this item.
    pub fn with_item<T>(&self, item: &Value, does: impl Future<Output = T>) -> T {
        self.with_answer(&json!({"Item": item}), does)
    }

    /// Runs `does` while every request gets this answer.
    pub fn with_answer<T>(&self, answer: &Value, does: impl Future<Output = T>) -> T {
        self.aws.lock().answer = answer.to_string();
        self.runtime.block_on(does)
    }

    /// Returns the last written item.
    pub fn written(&self) -> Value {
        let posted: Value = serde_json::from_slice(&self.aws.lock().posted).unwrap_or_default();
        posted["Item"].clone()
    }
}

impl Default for Stores {
    fn default() -> Self {
        Self::new()
    }
}

#[derive(Clone, Debug, Default)]
struct Aws(Arc<Mutex<Exchange>>);

#[derive(Debug, Default)]
struct Exchange {
    answer: String,
    posted: Vec<u8>,
}

impl Aws {
    fn lock(&self) -> MutexGuard<'_, Exchange> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HttpClient for Aws {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        self.clone().into_shared()
    }
}

impl HttpConnector for Aws {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut exchange = self.lock();
        exchange.posted = request.body().bytes().map(<[u8]>::to_vec).unwrap_or_default();
        let answer = http::Response::new(SdkBody::from(exchange.answer.as_str()));
        let answer = HttpResponse::try_from(answer).map_err(|error| ConnectorError::other(error.into(), None));
        HttpConnectorFuture::ready(answer)
    }
}
