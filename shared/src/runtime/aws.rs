//! The clients of DynamoDB and SQS.
//!
//! Credentials and region come from the environment that Lambda sets; nothing
//! is looked up over the network at start. `AWS_ENDPOINT_URL` (or
//! `AWS_ENDPOINT_URL_DYNAMODB`, `AWS_ENDPOINT_URL_SQS`) leads elsewhere.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::{
    BehaviorVersion, Region, SharedCredentialsProvider, StalledStreamProtectionConfig, retry::RetryConfig,
    timeout::TimeoutConfig,
};

use super::{ConfigError, Environment, Variables};

/// How often one AWS call is tried in all.
const ATTEMPTS: u32 = 4;
/// How long one try may take. DynamoDB and SQS answer in milliseconds; a try
/// that takes longer is better made again. It also stands in for the SDK's own
/// watch over slow bodies, which takes a long poll for a stalled one.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);

struct Access {
    region: Region,
    credentials: SharedCredentialsProvider,
    retry: RetryConfig,
    timeout: TimeoutConfig,
}

impl Access {
    fn of(variables: &Variables) -> Result<Self, ConfigError> {
        let credentials = Credentials::new(
            variables.required("AWS_ACCESS_KEY_ID")?,
            variables.required("AWS_SECRET_ACCESS_KEY")?,
            variables.optional("AWS_SESSION_TOKEN").map(str::to_owned),
            None,
            "environment",
        );
        Ok(Self {
            region: Region::new(variables.required("AWS_REGION")?.to_owned()),
            credentials: SharedCredentialsProvider::new(credentials),
            retry: RetryConfig::standard().with_max_attempts(ATTEMPTS),
            timeout: TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).build(),
        })
    }
}

fn endpoint<'a>(variables: &'a Variables, own: &str) -> Option<&'a str> {
    variables.optional(own).or_else(|| variables.optional("AWS_ENDPOINT_URL"))
}

/// # Errors
/// When a variable is missing.
pub fn dynamodb(environment: &Environment) -> Result<aws_sdk_dynamodb::Client, ConfigError> {
    let access = Access::of(&environment.variables)?;
    let mut config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(access.region)
        .credentials_provider(access.credentials)
        .retry_config(access.retry)
        .timeout_config(access.timeout)
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .http_client(environment.http.clone());
    config.set_endpoint_url(endpoint(&environment.variables, "AWS_ENDPOINT_URL_DYNAMODB").map(str::to_owned));
    Ok(aws_sdk_dynamodb::Client::from_conf(config.build()))
}

/// # Errors
/// When a variable is missing.
pub fn sqs(environment: &Environment) -> Result<aws_sdk_sqs::Client, ConfigError> {
    let access = Access::of(&environment.variables)?;
    let mut config = aws_sdk_sqs::Config::builder()
        .behavior_version(aws_sdk_sqs::config::BehaviorVersion::latest())
        .region(access.region)
        .credentials_provider(access.credentials)
        .retry_config(access.retry)
        .timeout_config(access.timeout)
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .http_client(environment.http.clone());
    config.set_endpoint_url(endpoint(&environment.variables, "AWS_ENDPOINT_URL_SQS").map(str::to_owned));
    Ok(aws_sdk_sqs::Client::from_conf(config.build()))
}
