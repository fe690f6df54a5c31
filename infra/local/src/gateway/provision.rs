//! Creates the template's tables, queues and secrets unless they exist. Then writes the configuration to the
//! directory and the carriers' secret, over the entries of an earlier start.

use std::{collections::HashMap, iter::repeat_n};

use anyhow::{Context, anyhow};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, TimeToLiveSpecification,
};
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::{Map, Value};
use shared::{
    domain::{Account, ApiKeyHash, CallbackUrl, CarrierName},
    runtime::{Clock, Environment, HttpStack, Metrics, Random, Variables, aws},
    store::{CallbackSecrets, DynamoDirectory, SecretStore, SecretsManager},
};
use url::Url;

use super::carriers;
use crate::{
    config::{AccountConfig, CarrierConfig, Config},
    template::{Names, Resource, Template, resolve},
};

pub(super) async fn provision(
    template: &Template,
    names: &Names,
    config: &Config,
    (emulator, gateway): (&Url, &Url),
    http: HttpStack,
) -> anyhow::Result<aws_sdk_sqs::Client> {
    let environment = Environment {
        variables: aws_variables(emulator),
        clock: Clock::system(),
        random: Random::of_system(),
        http,
        metrics: Metrics::none(),
    };
    let (dynamodb, sqs) = (aws::dynamodb(&environment)?, aws::sqs(&environment)?);
    let secrets = aws::secrets_manager(&environment)?;
    let encryption = CallbackSecrets::new(secrets.clone(), "CallbackSecretsKey".to_owned(), environment.random.clone());
    for table in template.resources("AWS::DynamoDB::Table") {
        create_table(&dynamodb, &table).await.with_context(|| format!("creating table {}", table.name))?;
    }
    let queues = template.resources("AWS::SQS::Queue");
    for queue in &queues {
        create_queue(&sqs, queue).await.with_context(|| format!("creating queue {}", queue.name))?;
    }
    for queue in &queues {
        redrive(&sqs, queue, names).await.with_context(|| format!("the redrive policy of {}", queue.name))?;
    }
    for secret in template.resources("AWS::SecretsManager::Secret") {
        create_secret(&secrets, &secret).await.with_context(|| format!("creating secret {}", secret.name))?;
    }
    write_secrets(&SecretsManager::new(secrets, "CarrierSecrets".to_owned()), config, emulator, gateway)
        .await
        .context("writing the carriers' secrets")?;
    let directory = DynamoDirectory::new(dynamodb, "DirectoryTable".to_owned());
    fill_directory(&directory, &encryption, config, (emulator, gateway)).await.context("filling the directory")?;
    Ok(sqs)
}

/// Returns the variables with which an AWS SDK may make any call to the emulator.
pub(super) fn aws_variables(emulator: &Url) -> Variables {
    aws_settings(emulator, "local").collect()
}

/// Returns the variables with which an AWS SDK finds the emulator. A function's access key is its name, by which the
/// emulator finds its role.
pub(super) fn aws_settings(emulator: &Url, access_key: &str) -> impl Iterator<Item = (String, String)> {
    let variables = [
        ("AWS_REGION", resolve::REGION),
        ("AWS_ACCESS_KEY_ID", access_key),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_ENDPOINT_URL", emulator.as_str()),
    ];
    variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter()
}

async fn create_table(dynamodb: &aws_sdk_dynamodb::Client, table: &Resource<'_>) -> anyhow::Result<()> {
    let properties = table.properties;
    let mut request = dynamodb
        .create_table()
        .table_name(table.name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(key_schema(&properties["KeySchema"])?));
    for attribute in list(&properties["AttributeDefinitions"]) {
        let definition = AttributeDefinition::builder()
            .attribute_name(text(attribute, "AttributeName")?)
            .attribute_type(ScalarAttributeType::from(text(attribute, "AttributeType")?));
        request = request.attribute_definitions(definition.build()?);
    }
    for index in properties.get("GlobalSecondaryIndexes").map(list).unwrap_or_default() {
        let projected = &index["Projection"];
        let mut projection =
            Projection::builder().projection_type(ProjectionType::from(text(projected, "ProjectionType")?));
        for attribute in list(&projected["NonKeyAttributes"]) {
            projection = projection.non_key_attributes(attribute.as_str().context("an attribute is not a string")?);
        }
        let index = GlobalSecondaryIndex::builder()
            .index_name(text(index, "IndexName")?)
            .set_key_schema(Some(key_schema(&index["KeySchema"])?))
            .projection(projection.build());
        request = request.global_secondary_indexes(index.build()?);
    }
    match request.send().await.map_err(aws_sdk_dynamodb::Error::from) {
        Ok(_) => {}
        Err(aws_sdk_dynamodb::Error::ResourceInUseException(_)) => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    if let Some(specification) = properties.get("TimeToLiveSpecification") {
        let specification = TimeToLiveSpecification::builder()
            .attribute_name(text(specification, "AttributeName")?)
            .enabled(true)
            .build()?;
        let request = dynamodb.update_time_to_live().table_name(table.name);
        request.time_to_live_specification(specification).send().await?;
    }
    Ok(())
}

fn key_schema(schema: &Value) -> anyhow::Result<Vec<KeySchemaElement>> {
    let element = |element: &Value| -> anyhow::Result<KeySchemaElement> {
        let key = KeySchemaElement::builder().attribute_name(text(element, "AttributeName")?);
        Ok(key.key_type(KeyType::from(text(element, "KeyType")?)).build()?)
    };
    list(schema).iter().map(element).collect()
}

async fn create_queue(sqs: &aws_sdk_sqs::Client, queue: &Resource<'_>) -> anyhow::Result<()> {
    let mut request = sqs.create_queue().queue_name(queue.name);
    for name in ["VisibilityTimeout", "MessageRetentionPeriod"] {
        if let Some(value) = queue.properties.get(name) {
            request = request.attributes(QueueAttributeName::from(name), value.to_string());
        }
    }
    request.send().await?;
    Ok(())
}

async fn redrive(sqs: &aws_sdk_sqs::Client, queue: &Resource<'_>, names: &Names) -> anyhow::Result<()> {
    let Some(policy) = queue.properties.get("RedrivePolicy") else { return Ok(()) };
    let policy = names.resolve(policy)?.to_string();
    let url = names.resolve(&Value::Object(Map::from_iter([("Ref".to_owned(), Value::from(queue.name))])))?;
    let request = sqs.set_queue_attributes().queue_url(url.as_str().unwrap_or_default());
    let attributes = HashMap::from([(QueueAttributeName::RedrivePolicy, policy)]);
    request.set_attributes(Some(attributes)).send().await?;
    Ok(())
}

async fn create_secret(
    client: &aws_sdk_secretsmanager::Client,
    secret: &Resource<'_>,
) -> Result<(), aws_sdk_secretsmanager::Error> {
    let first = secret.properties.get("SecretString").and_then(Value::as_str).map(str::to_owned);
    // The secrets are in memory, but the tables may be in files that outlive them. So each start "generates" the same
    // text.
    let generated = secret.properties.get("GenerateSecretString").map(|generate| {
        let length = generate["PasswordLength"].as_u64().and_then(|length| length.try_into().ok()).unwrap_or(32);
        repeat_n(secret.name, length).flat_map(str::chars).take(length).collect()
    });
    match client.create_secret().name(secret.name).set_secret_string(first.or(generated)).send().await {
        Ok(_) => Ok(()),
        Err(error) => match error.into() {
            aws_sdk_secretsmanager::Error::ResourceExistsException(_) => Ok(()),
            other => Err(other),
        },
    }
}

async fn write_secrets(store: &SecretsManager, config: &Config, emulator: &Url, gateway: &Url) -> anyhow::Result<()> {
    let connect = |(name, carrier): (&CarrierName, &CarrierConfig)| {
        carriers::connect(*name, carrier, emulator, gateway).map(|(_, secret)| (*name, secret))
    };
    // Carriers that an operator added stay.
    let mut secrets = store.carriers().await?;
    secrets.extend(config.carriers.iter().map(connect).collect::<anyhow::Result<Vec<_>>>()?);
    Ok(store.put(&secrets).await?)
}

async fn fill_directory(
    directory: &DynamoDirectory,
    encryption: &CallbackSecrets,
    config: &Config,
    (emulator, gateway): (&Url, &Url),
) -> anyhow::Result<()> {
    directory.put_pool(&config.pool).await?;
    for account in &config.accounts {
        let mut written = read_account(account, emulator)?;
        for secret in &account.secrets {
            written.secrets.push(encryption.encrypt(&account.id, secret.as_str()).await?);
        }
        directory.put_account(&written).await?;
        for sender in &account.senders {
            directory.put_sender(sender, &account.id).await?;
        }
        for (keys, revoked) in [(&account.keys, false), (&account.revoked_keys, true)] {
            for key in keys {
                directory.put_key(&ApiKeyHash::of(key), &account.id, revoked).await?;
            }
        }
    }
    for (name, carrier) in &config.carriers {
        let (settings, _) = carriers::connect(*name, carrier, emulator, gateway)?;
        directory.put_carrier(*name, &settings).await?;
    }
    for name in config.routes.0.iter().flat_map(|route| &route.carriers) {
        anyhow::ensure!(config.carriers.contains_key(name), "routes: there is no carrier {name}");
    }
    directory.put_rates(&config.rates).await?;
    directory.put_routes(&config.routes).await?;
    Ok(())
}

/// Returns the account without its secrets.
fn read_account(account: &AccountConfig, emulator: &Url) -> anyhow::Result<Account> {
    let url = |name: &str, written: &Option<String>| -> anyhow::Result<Option<CallbackUrl>> {
        let Some(written) = written else { return Ok(None) };
        let url = if written.starts_with('/') { emulator.join(written)?.to_string() } else { written.clone() };
        url.parse::<CallbackUrl>().map(Some).map_err(|error| anyhow!("account {}: {name} {error}", account.id))
    };
    Ok(Account {
        id: account.id.clone(),
        name: account.name.clone(),
        reply_url: url("reply_url", &account.reply_url)?,
        status_url: url("status_url", &account.status_url)?,
        notice_url: url("notice_url", &account.notice_url)?,
        secrets: Vec::new(),
        on_unknown: account.on_unknown,
        stop_text: account.stop_text.clone(),
        start_text: account.start_text.clone(),
        help_text: account.help_text.clone(),
        default_sender: account.default_sender.clone(),
        country_code: account.country_code,
        suspended_at: None,
    })
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text<'a>(value: &'a Value, key: &str) -> anyhow::Result<&'a str> {
    value[key].as_str().ok_or_else(|| anyhow!("the template has no {key}"))
}
