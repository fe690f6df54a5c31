//! The clients of AWS.
//!
//! Credentials and region come from the environment that Lambda sets; nothing
//! is looked up over the network at start. `AWS_ENDPOINT_URL` (or
//! `AWS_ENDPOINT_URL_DYNAMODB`, `_SQS`, `_SECRETS_MANAGER`) leads elsewhere.

use std::time::Duration;

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_sdk_dynamodb::config::{
    BehaviorVersion, StalledStreamProtectionConfig, retry::RetryConfig, timeout::TimeoutConfig,
};
use aws_types::{SdkConfig, region::Region};

use super::{ConfigError, Environment};

/// How often one AWS call is tried in all.
const ATTEMPTS: u32 = 4;
/// How long one try may take. DynamoDB and SQS answer in milliseconds; a try
/// that takes longer is better made again. It also stands in for the SDK's own
/// watch over slow bodies, which takes a long poll for a stalled one.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);

/// What the clients have in common; `endpoint` is the variable of the service's own.
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
/// When a variable is missing.
pub fn dynamodb(environment: &Environment) -> Result<aws_sdk_dynamodb::Client, ConfigError> {
    Ok(aws_sdk_dynamodb::Client::new(&access(environment, "AWS_ENDPOINT_URL_DYNAMODB")?))
}

/// # Errors
/// When a variable is missing.
pub fn sqs(environment: &Environment) -> Result<aws_sdk_sqs::Client, ConfigError> {
    Ok(aws_sdk_sqs::Client::new(&access(environment, "AWS_ENDPOINT_URL_SQS")?))
}

/// # Errors
/// When a variable is missing.
pub fn secrets_manager(environment: &Environment) -> Result<aws_sdk_secretsmanager::Client, ConfigError> {
    Ok(aws_sdk_secretsmanager::Client::new(&access(environment, "AWS_ENDPOINT_URL_SECRETS_MANAGER")?))
}
