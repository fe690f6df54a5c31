//! The gateway, its directory and its carriers' secrets, as an environment
//! describes them.

use super::{
    ConfigError, Environment, Settings,
    aws::{dynamodb, secrets_manager, sqs},
};
use crate::{
    flow::Gateway,
    queue::{QueueUrls, SqsQueue},
    store::{CarrierSecrets, Directory, DynamoDirectory, DynamoStore, SecretsManager, TableNames},
};

/// The gateway as this environment describes it.
///
/// # Errors
/// When a variable is missing or malformed.
pub fn connect_gateway(environment: &Environment) -> Result<Gateway, ConfigError> {
    let variables = &environment.variables;
    let settings = Settings::read(variables)?;
    let tables = TableNames {
        messages: variables.required("MESSAGES_TABLE")?.to_owned(),
        recipients: variables.optional("RECIPIENTS_TABLE").map(str::to_owned),
    };
    let url = |name| variables.optional(name).map(str::to_owned);
    let urls = QueueUrls {
        jobs: url("JOBS_QUEUE_URL"),
        callbacks: url("CALLBACKS_QUEUE_URL"),
        callbacks_dead_letters: url("CALLBACKS_DEAD_LETTERS_URL"),
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

/// The directory as this environment describes it.
///
/// # Errors
/// When a variable is missing or malformed.
pub fn connect_directory(environment: &Environment) -> Result<Directory, ConfigError> {
    let table = environment.variables.required("DIRECTORY_TABLE")?.to_owned();
    let store = DynamoDirectory::new(dynamodb(environment)?, table);
    Ok(Directory::new(store, environment.clock.clone()))
}

/// The carriers' secrets as this environment describes them.
///
/// # Errors
/// When a variable is missing or malformed.
pub fn connect_secrets(environment: &Environment) -> Result<CarrierSecrets, ConfigError> {
    let secret = environment.variables.required("CARRIER_SECRETS")?.to_owned();
    let store = SecretsManager::new(secrets_manager(environment)?, secret);
    Ok(CarrierSecrets::new(store, environment.clock.clone()))
}
