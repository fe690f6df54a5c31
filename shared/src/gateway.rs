//! Builds the gateway, its directory and its secrets from an environment.

use strum::VariantArray;

use crate::{
    flow::Gateway,
    queue::{QueueUrls, SqsQueue},
    runtime::{
        ConfigError, Environment, Settings,
        aws::{dynamodb, secrets_manager, sqs},
    },
    store::{CallbackSecrets, CarrierSecrets, Directory, DynamoDirectory, DynamoStore, SecretsManager, TableNames},
};

/// A table or queue that only some functions use. Only they know its name and may use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, VariantArray)]
pub enum Part {
    Recipients,
    Jobs,
    Callbacks,
    CallbacksDeadLetters,
}

impl Part {
    fn variable(self) -> &'static str {
        match self {
            Self::Recipients => "RECIPIENTS_TABLE",
            Self::Jobs => "JOBS_QUEUE_URL",
            Self::Callbacks => "CALLBACKS_QUEUE_URL",
            Self::CallbacksDeadLetters => "CALLBACKS_DEAD_LETTERS_URL",
        }
    }
}

/// Builds the gateway with the given parts.
///
/// # Errors
/// A variable is missing or malformed.
pub fn connect_gateway(environment: &Environment, parts: &[Part]) -> Result<Gateway, ConfigError> {
    let variables = &environment.variables;
    let settings = Settings::read(variables)?;
    let part = |part: Part| {
        let is_used = parts.contains(&part);
        is_used.then(|| variables.required(part.variable()).map(str::to_owned)).transpose()
    };
    let tables =
        TableNames { messages: variables.required("MESSAGES_TABLE")?.to_owned(), recipients: part(Part::Recipients)? };
    let urls = QueueUrls {
        jobs: part(Part::Jobs)?,
        callbacks: part(Part::Callbacks)?,
        callbacks_dead_letters: part(Part::CallbacksDeadLetters)?,
    };
    let queue = SqsQueue::new(sqs(environment)?, urls);
    Ok(Gateway {
        store: DynamoStore::new(dynamodb(environment)?, tables, settings.retention_days),
        queue,
        clock: environment.clock.clone(),
        random: environment.random.clone(),
        settings,
        metrics: environment.metrics.clone(),
    })
}

/// Builds the directory.
///
/// # Errors
/// A variable is missing or malformed.
pub fn connect_directory(environment: &Environment) -> Result<Directory, ConfigError> {
    let table = environment.variables.required("DIRECTORY_TABLE")?.to_owned();
    let store = DynamoDirectory::new(dynamodb(environment)?, table);
    Ok(Directory::new(store, environment.clock.clone()))
}

/// Builds the access to the carriers' secrets.
///
/// # Errors
/// A variable is missing or malformed.
pub fn connect_secrets(environment: &Environment) -> Result<CarrierSecrets, ConfigError> {
    let secret = environment.variables.required("CARRIER_SECRETS")?.to_owned();
    let store = SecretsManager::new(secrets_manager(environment)?, secret);
    Ok(CarrierSecrets::new(store, environment.clock.clone()))
}

/// Builds the encryption of callback secrets.
///
/// # Errors
/// A variable is missing or malformed.
pub fn connect_callback_secrets(environment: &Environment) -> Result<CallbackSecrets, ConfigError> {
    let key = environment.variables.required("CALLBACK_SECRETS_KEY")?.to_owned();
    Ok(CallbackSecrets::new(secrets_manager(environment)?, key, environment.random.clone()))
}
