//! The gateway, its directory and its carriers' secrets, as an environment
//! describes them.

use strum::VariantArray;

use crate::{
    flow::Gateway,
    queue::{QueueUrls, SqsQueue},
    runtime::{
        ConfigError, Environment, Settings,
        aws::{dynamodb, secrets_manager, sqs},
    },
    store::{CarrierSecrets, Directory, DynamoDirectory, DynamoStore, SecretsManager, TableNames},
};

/// What of the gateway not every function uses. One that does not has no name for
/// it, and no permission either.
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

/// The gateway as this environment describes it, with those parts.
///
/// # Errors
/// When a variable is missing or malformed.
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
