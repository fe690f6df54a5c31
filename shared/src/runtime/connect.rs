//! The gateway and its directory, as an environment describes them.

use super::{
    ConfigError, Environment, Settings,
    aws::{dynamodb, sqs},
};
use crate::{
    flow::Gateway,
    queue::SqsQueue,
    store::{Directory, DynamoDirectory, DynamoStore, TableNames},
};

/// The gateway as this environment describes it.
///
/// # Errors
/// When a variable is missing or malformed.
pub fn gateway(environment: &Environment) -> Result<Gateway, ConfigError> {
    let variables = &environment.variables;
    let settings = Settings::read(variables)?;
    let tables = TableNames {
        messages: variables.required("MESSAGES_TABLE")?.to_owned(),
        recipients: variables.optional("RECIPIENTS_TABLE").map(str::to_owned),
    };
    let queue = SqsQueue::new(
        sqs(environment)?,
        variables.optional("JOBS_QUEUE_URL").map(str::to_owned),
        variables.optional("CALLBACKS_QUEUE_URL").map(str::to_owned),
    );
    Ok(Gateway {
        store: DynamoStore::new(dynamodb(environment)?, tables, settings.retention_days),
        queue,
        clock: environment.clock.clone(),
        random: environment.random.clone(),
        settings,
    })
}

/// The directory as this environment describes it.
///
/// # Errors
/// When a variable is missing or malformed.
pub fn connect_directory(environment: &Environment) -> Result<Directory, ConfigError> {
    let table = environment.variables.required("DIRECTORY_TABLE")?.to_owned();
    Ok(Directory::new(DynamoDirectory::new(dynamodb(environment)?, table)))
}
