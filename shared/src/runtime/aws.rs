//! AWS clients.
//!
//! Credentials and region come from Lambda's environment variables, so a cold start makes no network
//! lookup. `AWS_ENDPOINT_URL` (or `AWS_ENDPOINT_URL_DYNAMODB`, `_SQS`, `_SECRETS_MANAGER`) overrides
//! the endpoint.

use std::time::Duration;

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_sdk_dynamodb::config::{
    BehaviorVersion, StalledStreamProtectionConfig, retry::RetryConfig, timeout::TimeoutConfig,
};
use aws_types::{SdkConfig, region::Region};

use super::{ConfigError, Environment};

/// Attempts per AWS call, including the first.
const ATTEMPTS: u32 = 4;
/// Timeout of one attempt. DynamoDB and SQS answer in milliseconds, so a slow attempt is better
/// retried. The timeout replaces the SDK's stalled-stream protection, which mistakes a long poll
/// for a stalled body.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);

/// Returns the clients' common configuration. `endpoint` names the service's endpoint variable.
fn access(environment: &Environment, endpoint: &str) -> Result<SdkConfig, ConfigError> {
    let variables = &environment.variables;
    let credentials = Credentials::new(
        variables.required("AWS_ACCESS_KEY_ID")?,
        variables.required("AWS_SECRET_ACCESS_KEY")?,
        variables.optional("AWS_SESSION_TOKEN").map(str::to_owned),
        None,
        "environment",
    );
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(variables.required("AWS_REGION")?.to_owned()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).build())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .http_client(environment.http.clone());
    let elsewhere = variables.optional(endpoint).or_else(|| variables.optional("AWS_ENDPOINT_URL"));
    config.set_endpoint_url(elsewhere.map(str::to_owned));
    Ok(config.build())
}

/// # Errors
/// A variable is missing.
pub fn dynamodb(environment: &Environment) -> Result<aws_sdk_dynamodb::Client, ConfigError> {
    Ok(aws_sdk_dynamodb::Client::new(&access(environment, "AWS_ENDPOINT_URL_DYNAMODB")?))
}

/// # Errors
/// A variable is missing.
pub fn sqs(environment: &Environment) -> Result<aws_sdk_sqs::Client, ConfigError> {
    Ok(aws_sdk_sqs::Client::new(&access(environment, "AWS_ENDPOINT_URL_SQS")?))
}

/// # Errors
/// A variable is missing.
pub fn secrets_manager(environment: &Environment) -> Result<aws_sdk_secretsmanager::Client, ConfigError> {
    Ok(aws_sdk_secretsmanager::Client::new(&access(environment, "AWS_ENDPOINT_URL_SECRETS_MANAGER")?))
}
