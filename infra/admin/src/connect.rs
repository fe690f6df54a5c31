//! Finds the gateway's tables, queues and secrets, and creates the clients for them.
//!
//! A name comes from the option, else the stack of `--stack` or `--local`, else the environment variable,
//! else the default stack. We call CloudFormation only for a name without another source.

use std::collections::HashMap;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_sdk_cloudformation::{
    error::{ProvideErrorMetadata, SdkError},
    types::{Output, Stack},
};
use shared::{
    domain::SegmentLimit,
    flow::Gateway,
    queue::{LaneUrls, QueueUrls, SqsQueue},
    runtime::{Environment, Settings, Variables},
    store::{CallbackSecrets, DynamoDirectory, DynamoStore, SecretsManager, TableNames},
};
use tokio::sync::OnceCell;
use url::Url;

use crate::{arguments::ConnectionOptions, failure::Failure};

/// As in `samconfig.toml`.
const DEFAULT_STACK: &str = "sms-gateway";
/// As in `infra/local`.
const LOCAL_REGION: &str = "us-east-1";
const LOCAL_ACCOUNT: &str = "123456789012";
/// The template's default. We write no messages, so here it only limits how far back a log is read.
const RETENTION_DAYS: u16 = 90;

/// A resource whose name the deployment chooses.
#[derive(Clone, Copy, Debug)]
pub enum Resource {
    MessagesTable,
    RecipientsTable,
    DirectoryTable,
    CarrierSecrets,
    CallbackSecretsKey,
    UrgentJobsQueue,
    UrgentJobsDeadLetters,
    JobsQueue,
    JobsDeadLetters,
    BulkJobsQueue,
    BulkJobsDeadLetters,
    SendSlotsQueue,
    SendSlotsDeadLetters,
    CallbacksQueue,
    CallbacksDeadLetters,
}

impl Resource {
    /// Returns the environment variable, the stack's output, and the logical ID in the template.
    fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::MessagesTable => ("MESSAGES_TABLE", "MessagesTableName", "MessagesTable"),
            Self::RecipientsTable => ("RECIPIENTS_TABLE", "RecipientsTableName", "RecipientsTable"),
            Self::DirectoryTable => ("DIRECTORY_TABLE", "DirectoryTableName", "DirectoryTable"),
            Self::CarrierSecrets => ("CARRIER_SECRETS", "CarrierSecretsArn", "CarrierSecrets"),
            Self::CallbackSecretsKey => ("CALLBACK_SECRETS_KEY", "CallbackSecretsKeyArn", "CallbackSecretsKey"),
            Self::UrgentJobsQueue => ("URGENT_JOBS_QUEUE_URL", "UrgentJobsQueueUrl", "UrgentJobsQueue"),
            Self::UrgentJobsDeadLetters => {
                ("URGENT_JOBS_DEAD_LETTERS_URL", "UrgentJobsDeadLettersUrl", "UrgentJobsDeadLetters")
            }
            Self::JobsQueue => ("JOBS_QUEUE_URL", "JobsQueueUrl", "JobsQueue"),
            Self::JobsDeadLetters => ("JOBS_DEAD_LETTERS_URL", "JobsDeadLettersUrl", "JobsDeadLetters"),
            Self::BulkJobsQueue => ("BULK_JOBS_QUEUE_URL", "BulkJobsQueueUrl", "BulkJobsQueue"),
            Self::BulkJobsDeadLetters => {
                ("BULK_JOBS_DEAD_LETTERS_URL", "BulkJobsDeadLettersUrl", "BulkJobsDeadLetters")
            }
            Self::SendSlotsQueue => ("SEND_SLOTS_QUEUE_URL", "SendSlotsQueueUrl", "SendSlotsQueue"),
            Self::SendSlotsDeadLetters => {
                ("SEND_SLOTS_DEAD_LETTERS_URL", "SendSlotsDeadLettersUrl", "SendSlotsDeadLetters")
            }
            Self::CallbacksQueue => ("CALLBACKS_QUEUE_URL", "CallbacksQueueUrl", "CallbacksQueue"),
            Self::CallbacksDeadLetters => {
                ("CALLBACKS_DEAD_LETTERS_URL", "CallbacksDeadLettersUrl", "CallbacksDeadLetters")
            }
        }
    }

    fn is_queue(self) -> bool {
        match self {
            Self::MessagesTable
            | Self::RecipientsTable
            | Self::DirectoryTable
            | Self::CarrierSecrets
            | Self::CallbackSecretsKey => false,
            Self::UrgentJobsQueue
            | Self::UrgentJobsDeadLetters
            | Self::JobsQueue
            | Self::JobsDeadLetters
            | Self::BulkJobsQueue
            | Self::BulkJobsDeadLetters
            | Self::SendSlotsQueue
            | Self::SendSlotsDeadLetters
            | Self::CallbacksQueue
            | Self::CallbacksDeadLetters => true,
        }
    }

    fn option(self, options: &ConnectionOptions) -> Option<&String> {
        match self {
            Self::MessagesTable => options.messages_table.as_ref(),
            Self::RecipientsTable => options.recipients_table.as_ref(),
            Self::DirectoryTable => options.directory_table.as_ref(),
            Self::CarrierSecrets => options.carrier_secrets.as_ref(),
            Self::CallbackSecretsKey => options.callback_secrets_key.as_ref(),
            Self::UrgentJobsQueue => options.urgent_jobs_queue_url.as_ref(),
            Self::UrgentJobsDeadLetters => options.urgent_jobs_dead_letters_url.as_ref(),
            Self::JobsQueue => options.jobs_queue_url.as_ref(),
            Self::JobsDeadLetters => options.jobs_dead_letters_url.as_ref(),
            Self::BulkJobsQueue => options.bulk_jobs_queue_url.as_ref(),
            Self::BulkJobsDeadLetters => options.bulk_jobs_dead_letters_url.as_ref(),
            Self::SendSlotsQueue => options.send_slots_queue_url.as_ref(),
            Self::SendSlotsDeadLetters => options.send_slots_dead_letters_url.as_ref(),
            Self::CallbacksQueue => options.callbacks_queue_url.as_ref(),
            Self::CallbacksDeadLetters => options.callbacks_dead_letters_url.as_ref(),
        }
    }
}

pub struct Connection {
    options: ConnectionOptions,
    variables: Variables,
    config: SdkConfig,
    outputs: OnceCell<HashMap<String, String>>,
}

impl Connection {
    /// Loads the AWS configuration.
    ///
    /// # Errors
    /// If no region is configured.
    pub async fn open(options: ConnectionOptions, environment: &Environment) -> Result<Self, Failure> {
        let variables = environment.variables.clone();
        let mut config = aws_config::defaults(BehaviorVersion::latest()).http_client(environment.http.clone());
        let region = options.region.as_deref().or_else(|| variables.optional("AWS_REGION"));
        if let Some(region) = region.filter(|_| options.local.is_none()) {
            config = config.region(Region::new(region.to_owned()));
        }
        if let Some(profile) = &options.profile {
            config = config.profile_name(profile);
        }
        if let Some(credentials) = credentials(&options, &variables) {
            config = config.credentials_provider(credentials);
        }
        if options.local.is_some() {
            config = config.region(Region::from_static(LOCAL_REGION));
        }
        let config = config.load().await;
        if config.region().is_none() {
            return Err(Failure::Refused(
                "no AWS region; give --region, set AWS_REGION, or use a profile that has one".to_owned(),
            ));
        }
        Ok(Self { options, variables, config, outputs: OnceCell::new() })
    }

    pub async fn directory(&self) -> Result<DynamoDirectory, Failure> {
        Ok(DynamoDirectory::new(self.dynamodb(), self.name(Resource::DirectoryTable).await?))
    }

    pub async fn store(&self) -> Result<DynamoStore, Failure> {
        let tables = TableNames { messages: self.name(Resource::MessagesTable).await?, recipients: None };
        Ok(DynamoStore::new(self.dynamodb(), tables, RETENTION_DAYS))
    }

    /// Creates the store for the locks on shared senders.
    pub async fn recipients(&self) -> Result<DynamoStore, Failure> {
        let recipients = Some(self.name(Resource::RecipientsTable).await?);
        let tables = TableNames { messages: self.name(Resource::MessagesTable).await?, recipients };
        Ok(DynamoStore::new(self.dynamodb(), tables, RETENTION_DAYS))
    }

    /// Returns the queues of jobs and of send slots.
    pub async fn job_queues(&self) -> Result<QueueUrls, Failure> {
        let jobs = LaneUrls {
            urgent: self.name(Resource::UrgentJobsQueue).await?,
            normal: self.name(Resource::JobsQueue).await?,
            bulk: self.name(Resource::BulkJobsQueue).await?,
        };
        let send_slots = Some(self.name(Resource::SendSlotsQueue).await?);
        Ok(QueueUrls { jobs: Some(jobs), send_slots, ..QueueUrls::default() })
    }

    /// Creates the gateway for operator steps.
    pub async fn gateway(&self, urls: QueueUrls, environment: &Environment) -> Result<Gateway, Failure> {
        Ok(Gateway {
            store: self.store().await?,
            queue: SqsQueue::new(self.sqs(), urls),
            clock: environment.clock.clone(),
            random: environment.random.clone(),
            settings: Settings { segment_limit: SegmentLimit::default().0, retention_days: RETENTION_DAYS },
            metrics: environment.metrics.clone(),
        })
    }

    pub async fn carrier_secrets(&self) -> Result<SecretsManager, Failure> {
        Ok(SecretsManager::new(self.secrets_manager(), self.name(Resource::CarrierSecrets).await?))
    }

    /// Creates the encryption of clients' callback secrets.
    pub async fn callback_secrets(&self, environment: &Environment) -> Result<CallbackSecrets, Failure> {
        let key = self.name(Resource::CallbackSecretsKey).await?;
        Ok(CallbackSecrets::new(self.secrets_manager(), key, environment.random.clone()))
    }

    fn secrets_manager(&self) -> aws_sdk_secretsmanager::Client {
        let mut config = aws_sdk_secretsmanager::config::Builder::from(&self.config);
        if let Some(endpoint) = self.endpoint("AWS_ENDPOINT_URL_SECRETS_MANAGER") {
            config = config.endpoint_url(endpoint);
        }
        aws_sdk_secretsmanager::Client::from_conf(config.build())
    }

    fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let mut config = aws_sdk_dynamodb::config::Builder::from(&self.config);
        if let Some(endpoint) = self.endpoint("AWS_ENDPOINT_URL_DYNAMODB") {
            config = config.endpoint_url(endpoint);
        }
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        let mut config = aws_sdk_sqs::config::Builder::from(&self.config);
        if let Some(endpoint) = self.endpoint("AWS_ENDPOINT_URL_SQS") {
            config = config.endpoint_url(endpoint);
        }
        aws_sdk_sqs::Client::from_conf(config.build())
    }

    fn cloudformation(&self) -> aws_sdk_cloudformation::Client {
        let mut config = aws_sdk_cloudformation::config::Builder::from(&self.config);
        if let Some(endpoint) = self.endpoint("AWS_ENDPOINT_URL_CLOUDFORMATION") {
            config = config.endpoint_url(endpoint);
        }
        aws_sdk_cloudformation::Client::from_conf(config.build())
    }

    /// Returns a service's endpoint; `own` is the service's own variable. With `None` the SDK uses the
    /// profile's endpoint, or AWS.
    fn endpoint(&self, own: &str) -> Option<String> {
        let given = self.options.local.as_ref().or(self.options.endpoint_url.as_ref()).map(Url::to_string);
        let set = || self.variables.optional(own).or_else(|| self.variables.optional("AWS_ENDPOINT_URL"));
        given.or_else(|| set().map(str::to_owned))
    }

    /// Returns a table's name, a queue's URL, or a secret's ARN (locally, its name).
    pub async fn name(&self, resource: Resource) -> Result<String, Failure> {
        let (variable, output, logical) = resource.names();
        if let Some(given) = resource.option(&self.options) {
            return Ok(given.clone());
        }
        if let Some(local) = &self.options.local {
            let queue = || local.join(&format!("{LOCAL_ACCOUNT}/{logical}")).map(String::from);
            let bad = |_| Failure::Usage(format!("{local} cannot be the address of a local stack"));
            return if resource.is_queue() { queue().map_err(bad) } else { Ok(logical.to_owned()) };
        }
        if let Some(set) = self.variables.optional(variable).filter(|_| self.options.stack.is_none()) {
            return Ok(set.to_owned());
        }
        let outputs = self.outputs().await?;
        outputs.get(output).cloned().ok_or_else(|| {
            let option = variable.to_lowercase().replace('_', "-");
            Failure::Refused(format!(
                "the stack {} has no output {output}; deploy it again, or give --{option}",
                self.stack()
            ))
        })
    }

    /// Returns the local stack's address if `--local` is given.
    pub fn local(&self) -> Option<&Url> {
        self.options.local.as_ref()
    }

    /// Returns the API's address for clients and carriers. Without `--stack` we do not call `CloudFormation`
    /// for it, but return `None` unless the outputs were read already.
    pub async fn api_url(&self) -> Option<Url> {
        if let Some(local) = &self.options.local {
            return Some(local.clone());
        }
        let known = self.options.stack.is_some() || self.outputs.initialized();
        let outputs = if known { self.outputs().await.ok()? } else { return None };
        outputs.get("ApiUrl").and_then(|url| Url::parse(url).ok())
    }

    fn stack(&self) -> &str {
        self.options.stack.as_deref().unwrap_or(DEFAULT_STACK)
    }

    async fn outputs(&self) -> Result<&HashMap<String, String>, Failure> {
        self.outputs.get_or_try_init(|| self.ask_cloudformation()).await
    }

    async fn ask_cloudformation(&self) -> Result<HashMap<String, String>, Failure> {
        let client = self.cloudformation();
        let answer = match client.describe_stacks().stack_name(self.stack()).send().await {
            Ok(answer) => answer,
            Err(error) if is_missing(&error) => {
                return Err(Failure::Refused(format!(
                    "there is no stack {} in this account and region; give another with --stack, \
                     or give the names of tables and queues (see admin --help)",
                    self.stack()
                )));
            }
            Err(error) => return Err(Failure::failed("reading the stack's outputs")(error)),
        };
        let outputs = answer.stacks().iter().flat_map(Stack::outputs);
        let pair = |output: &Output| Some((output.output_key()?.to_owned(), output.output_value()?.to_owned()));
        Ok(outputs.filter_map(pair).collect())
    }
}

/// Recognizes a missing stack by text: `CloudFormation` answers with a general validation error.
fn is_missing<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    error.message().is_some_and(|message| message.contains("does not exist"))
}

/// Returns dummy credentials for the local stack, or the environment's unless `--profile` is given. With
/// `None` the SDK uses its default chain.
fn credentials(options: &ConnectionOptions, variables: &Variables) -> Option<Credentials> {
    if options.local.is_some() {
        return Some(Credentials::new("local", "local", None, None, "local"));
    }
    if options.profile.is_some() {
        return None;
    }
    let (id, secret) = variables.optional("AWS_ACCESS_KEY_ID").zip(variables.optional("AWS_SECRET_ACCESS_KEY"))?;
    let token = variables.optional("AWS_SESSION_TOKEN").map(str::to_owned);
    Some(Credentials::new(id, secret, token, None, "environment"))
}
