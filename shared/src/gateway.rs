//! Builds the gateway, its directory and its secrets from an environment.

use strum::VariantArray;

use crate::{
    flow::Gateway,
    queue::{LaneUrls, QueueUrls, SqsQueue},
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
    /// The queues of all lanes.
    Jobs,
    SendSlots,
    Callbacks,
    CallbacksDeadLetters,
}

/// Builds the gateway with the given parts.
///
/// # Errors
/// A variable is missing or malformed.
pub fn connect_gateway(environment: &Environment, parts: &[Part]) -> Result<Gateway, ConfigError> {
    let variables = &environment.variables;
    let settings = Settings::read(variables)?;
    let required = |name| variables.required(name).map(str::to_owned);
    let of_part = |part, name| parts.contains(&part).then(|| required(name)).transpose();
    let lanes = || {
        Ok::<_, ConfigError>(LaneUrls {
            urgent: required("URGENT_JOBS_QUEUE_URL")?,
            normal: required("JOBS_QUEUE_URL")?,
            bulk: required("BULK_JOBS_QUEUE_URL")?,
        })
    };
    let tables = TableNames {
        messages: required("MESSAGES_TABLE")?,
        recipients: of_part(Part::Recipients, "RECIPIENTS_TABLE")?,
    };
    let urls = QueueUrls {
        jobs: parts.contains(&Part::Jobs).then(lanes).transpose()?,
        send_slots: of_part(Part::SendSlots, "SEND_SLOTS_QUEUE_URL")?,
        callbacks: of_part(Part::Callbacks, "CALLBACKS_QUEUE_URL")?,
        callbacks_dead_letters: of_part(Part::CallbacksDeadLetters, "CALLBACKS_DEAD_LETTERS_URL")?,
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
