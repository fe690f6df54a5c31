//! Resolves `Ref`, `Fn::Sub`, and `Fn::GetAtt` of an ARN.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use url::Url;

use super::Template;

/// The region and account in ARNs and queue URLs.
pub const REGION: &str = "us-east-1";
pub const ACCOUNT: &str = "123456789012";

#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    #[error("the template refers to an unknown '{0}'")]
    Unknown(String),
    #[error("the template uses {0}, which is not supported here")]
    Function(String),
}

/// Returns the ARN of a resource of the local stack.
#[must_use]
pub fn arn(service: &str, name: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{name}")
}

/// Returns the URL of a queue at the emulator.
#[must_use]
pub fn queue_url(emulator: &Url, name: &str) -> String {
    format!("{emulator}{ACCOUNT}/{name}")
}

pub struct Names {
    refs: BTreeMap<String, String>,
    arns: BTreeMap<String, String>,
}

impl Names {
    /// Names the template's tables, queues, secrets and log groups by their logical names. Queue URLs point to the
    /// emulator, even if the emulator uses another SQS.
    #[must_use]
    pub fn of(template: &Template, emulator: &Url) -> Self {
        let mut names = Self::new(template.parameters());
        for table in template.resources("AWS::DynamoDB::Table") {
            names.add(table.name, table.name, arn("dynamodb", &format!("table/{}", table.name)));
        }
        for secret in template.resources("AWS::SecretsManager::Secret") {
            // In CloudFormation a secret's `Ref` is its ARN, but Secrets Manager accepts the name, too.
            names.add(secret.name, secret.name, arn("secretsmanager", &format!("secret:{}", secret.name)));
        }
        for queue in template.resources("AWS::SQS::Queue") {
            names.add(queue.name, queue_url(emulator, queue.name), arn("sqs", queue.name));
        }
        for group in template.resources("AWS::Logs::LogGroup") {
            names.add(group.name, group.name, arn("logs", &format!("log-group:{}:*", group.name)));
        }
        names
    }

    #[must_use]
    pub fn new(parameters: BTreeMap<String, String>) -> Self {
        let mut refs = parameters;
        for (name, value) in [("AWS::Region", REGION), ("AWS::AccountId", ACCOUNT), ("AWS::StackName", "local")] {
            refs.insert(name.to_owned(), value.to_owned());
        }
        Self { refs, arns: BTreeMap::new() }
    }

    pub fn add(&mut self, logical: &str, name: impl Into<String>, arn: impl Into<String>) {
        self.refs.insert(logical.to_owned(), name.into());
        self.arns.insert(logical.to_owned(), arn.into());
    }

    /// Returns the value with all references resolved.
    ///
    /// # Errors
    /// If a name is unknown, or an intrinsic function is not supported.
    pub fn resolve(&self, value: &Value) -> Result<Value, ResolveError> {
        match value {
            Value::Object(object) if object.len() == 1 => self.resolve_function(object),
            Value::Object(object) => self.resolve_each(object),
            Value::Array(items) => {
                Ok(Value::Array(items.iter().map(|item| self.resolve(item)).collect::<Result<_, _>>()?))
            }
            other => Ok(other.clone()),
        }
    }

    fn resolve_each(&self, object: &Map<String, Value>) -> Result<Value, ResolveError> {
        let entries = object.iter().map(|(key, value)| Ok((key.clone(), self.resolve(value)?)));
        Ok(Value::Object(entries.collect::<Result<_, ResolveError>>()?))
    }

    fn resolve_function(&self, object: &Map<String, Value>) -> Result<Value, ResolveError> {
        let argument = |key: &str| object.get(key).and_then(Value::as_str);
        if let Some(name) = argument("Ref") {
            return self.reference(name).map(Value::String);
        }
        if let Some(name) = argument("Fn::GetAtt") {
            return self.attribute(name).map(Value::String);
        }
        if let Some(text) = argument("Fn::Sub") {
            return self.substitute(text).map(Value::String);
        }
        match object.keys().find(|key| key.starts_with("Fn::")) {
            Some(function) => Err(ResolveError::Function(function.clone())),
            None => self.resolve_each(object),
        }
    }

    fn reference(&self, name: &str) -> Result<String, ResolveError> {
        self.refs.get(name).cloned().ok_or_else(|| ResolveError::Unknown(name.to_owned()))
    }

    fn attribute(&self, name: &str) -> Result<String, ResolveError> {
        // The attribute `Id` of a secret is its ARN.
        let arn =
            name.strip_suffix(".Arn").or_else(|| name.strip_suffix(".Id")).and_then(|logical| self.arns.get(logical));
        arn.cloned().ok_or_else(|| ResolveError::Unknown(name.to_owned()))
    }

    fn substitute(&self, text: &str) -> Result<String, ResolveError> {
        let mut parts = text.split("${");
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, rest) = part.split_once('}').ok_or_else(|| ResolveError::Unknown(part.to_owned()))?;
            out += &if name.contains('.') { self.attribute(name)? } else { self.reference(name)? };
            out += rest;
        }
        Ok(out)
    }
}
