//! Parses the parts of a SAM template that we run: functions with their environment, events and permissions, tables,
//! queues and secrets.
//!
//! Supports `Ref`, `Fn::GetAtt`, `Fn::Sub` and the defaults of parameters. Any other intrinsic function in
//! those parts is an error that names the function.

mod permissions;
pub mod resolve;
mod yaml;

use std::{collections::BTreeMap, sync::OnceLock, time::Duration};

use serde_json::{Map, Value};

pub use permissions::{Access, Permissions};
pub use resolve::{Names, ResolveError};

const OURS: &str = include_str!("../../../../template.yaml");

#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    #[error("the template is not YAML: {0}")]
    Yaml(String),
    #[error("the template has no {0}")]
    Missing(String),
    #[error("{location}: {reason}")]
    Malformed { location: String, reason: String },
    #[error(transparent)]
    Resolve(#[from] ResolveError),
}

pub struct Template {
    root: Value,
}

/// A resource with its logical name and unresolved properties.
pub struct Resource<'a> {
    pub name: &'a str,
    pub properties: &'a Map<String, Value>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    pub name: String,
    /// The name of the binary, and of its package in `functions/`.
    pub binary: String,
    pub timeout: Duration,
    pub memory_mb: u32,
    pub environment: BTreeMap<String, String>,
    pub events: Vec<Event>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    Http { method: String, path: String },
    Queue { arn: String, batch_size: u16, concurrency: u16 },
    Schedule { every: Duration },
}

impl Template {
    /// Returns the gateway's template.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn ours() -> Result<&'static Self, TemplateError> {
        static PARSED: OnceLock<Template> = OnceLock::new();
        match PARSED.get() {
            Some(parsed) => Ok(parsed),
            None => Self::parse(OURS).map(|parsed| PARSED.get_or_init(|| parsed)),
        }
    }

    /// Parses a template.
    ///
    /// # Errors
    /// If the text is not YAML or has no resources.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let root = yaml::read(text)?;
        if !root["Resources"].is_object() {
            return Err(TemplateError::Missing("Resources".to_owned()));
        }
        Ok(Self { root })
    }

    /// Returns the resources of a CloudFormation type.
    pub fn resources<'a>(&'a self, r#type: &str) -> Vec<Resource<'a>> {
        static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
        let resources = self.root["Resources"].as_object().into_iter().flatten();
        resources
            .filter(|(_, resource)| resource["Type"] == r#type)
            .map(|(name, resource)| Resource { name, properties: resource["Properties"].as_object().unwrap_or(&NONE) })
            .collect()
    }

    /// Returns the parameters' defaults as strings.
    #[must_use]
    pub fn parameters(&self) -> BTreeMap<String, String> {
        let parameters = self.root["Parameters"].as_object().into_iter().flatten();
        parameters.map(|(name, parameter)| (name.clone(), text(&parameter["Default"]))).collect()
    }

    /// Returns the functions, resolved with `names`.
    ///
    /// # Errors
    /// If a required property is missing, an event is not supported, or a reference cannot be resolved.
    pub fn functions(&self, names: &Names) -> Result<Vec<Function>, TemplateError> {
        let read = |resource: Resource<'_>| self.function(&resource, names);
        self.resources("AWS::Serverless::Function").into_iter().map(read).collect()
    }

    /// Returns the name of a function's binary.
    fn binary(&self, function: &str) -> Result<String, TemplateError> {
        let binary = &self.root["Resources"][function]["Metadata"]["BuildProperties"]["Binary"];
        let missing = || TemplateError::Missing(format!("{function}.Metadata.BuildProperties.Binary"));
        binary.as_str().map(str::to_owned).ok_or_else(missing)
    }

    fn function(&self, resource: &Resource<'_>, names: &Names) -> Result<Function, TemplateError> {
        let location = |what: &str| format!("{}.{what}", resource.name);
        let timeout = resource.properties.get("Timeout").and_then(Value::as_u64).unwrap_or(3);
        let memory = resource.properties.get("MemorySize").unwrap_or(&self.root["Globals"]["Function"]["MemorySize"]);
        // Lambda's own defaults are 128 MB and 3 s.
        let memory_mb = memory.as_u64().and_then(|megabytes| megabytes.try_into().ok()).unwrap_or(128);
        let mut environment = BTreeMap::new();
        let own = resource.properties.get("Environment").map(|environment| &environment["Variables"]);
        for variables in [Some(&self.root["Globals"]["Function"]["Environment"]["Variables"]), own] {
            for (name, value) in variables.and_then(Value::as_object).into_iter().flatten() {
                environment.insert(name.clone(), text(&names.resolve(value)?));
            }
        }
        let mut events = Vec::new();
        for (name, event) in resource.properties.get("Events").and_then(Value::as_object).into_iter().flatten() {
            events.push(read_event(event, names, &location(name))?);
        }
        let (name, binary) = (resource.name.to_owned(), self.binary(resource.name)?);
        Ok(Function { name, binary, timeout: Duration::from_secs(timeout), memory_mb, environment, events })
    }
}

fn read_event(event: &Value, names: &Names, location: &str) -> Result<Event, TemplateError> {
    let malformed =
        |reason: &str| TemplateError::Malformed { location: location.to_owned(), reason: reason.to_owned() };
    let properties = &event["Properties"];
    let property =
        |key: &str| properties[key].as_str().map(str::to_owned).ok_or_else(|| malformed(&format!("no {key}")));
    match event["Type"].as_str() {
        Some("HttpApi") => Ok(Event::Http { method: property("Method")?.to_uppercase(), path: property("Path")? }),
        Some("SQS") => {
            let arn = names.resolve(&properties["Queue"])?;
            let concurrency = names.resolve(&properties["ScalingConfig"]["MaximumConcurrency"])?;
            Ok(Event::Queue {
                arn: text(&arn),
                batch_size: properties["BatchSize"].as_u64().and_then(|size| size.try_into().ok()).unwrap_or(10),
                concurrency: text(&concurrency).parse().unwrap_or(2),
            })
        }
        Some("ScheduleV2") => {
            let every = parse_rate(&property("ScheduleExpression")?);
            Ok(Event::Schedule {
                every: every.ok_or_else(|| malformed("only rate(N minutes) or rate(N hours) is supported"))?,
            })
        }
        _ => Err(malformed("is not an HttpApi, SQS or ScheduleV2 event")),
    }
}

fn parse_rate(expression: &str) -> Option<Duration> {
    let (count, unit) = expression.strip_prefix("rate(")?.strip_suffix(')')?.split_once(' ')?;
    let count: u64 = count.parse().ok()?;
    match unit {
        "minute" | "minutes" => Some(Duration::from_mins(count)),
        "hour" | "hours" => Some(Duration::from_hours(count)),
        _ => None,
    }
}

/// Returns a scalar as a string, as CloudFormation does.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "
Parameters:
  Days: {Type: Number, Default: 30}
Globals:
  Function: {Environment: {Variables: {LEVEL: INFO}}}
Resources:
  Jobs: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 90}}
  Work:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: work}}
    Properties:
      Timeout: 60
      Environment:
        Variables: {DAYS: !Ref Days, QUEUE: !Ref Jobs, INDEX: !Sub '${Jobs.Arn}/x'}
      Events:
        Hook: {Type: HttpApi, Properties: {Method: post, Path: '/x/{id}'}}
        Job: {Type: SQS, Properties: {Queue: !GetAtt Jobs.Arn, BatchSize: 5}}
        Tick: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 minute)}}
";

    fn names(template: &Template) -> Names {
        let mut names = Names::new(template.parameters());
        names.add("Jobs", "http://q/Jobs", "arn:q:Jobs");
        names
    }

    #[test]
    fn function_has_its_environment_and_events() {
        let template = Template::parse(TEMPLATE).unwrap();
        let functions = template.functions(&names(&template)).unwrap();
        let [work] = functions.as_slice() else { panic!("one function") };
        assert_eq!((work.binary.as_str(), work.timeout.as_secs()), ("work", 60));
        let variables: Vec<_> = work.environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(variables, ["DAYS=30", "INDEX=arn:q:Jobs/x", "LEVEL=INFO", "QUEUE=http://q/Jobs"]);
        let hook = Event::Http { method: "POST".to_owned(), path: "/x/{id}".to_owned() };
        let job = Event::Queue { arn: "arn:q:Jobs".to_owned(), batch_size: 5, concurrency: 2 };
        assert!(work.events.contains(&hook) && work.events.contains(&job));
        assert!(work.events.contains(&Event::Schedule { every: Duration::from_mins(1) }));
    }

    #[test]
    fn unsupported_template_parts_are_named() {
        let strange = TEMPLATE.replace("!Ref Jobs", "!If [A, B, C]");
        let template = Template::parse(&strange).unwrap();
        let error = template.functions(&names(&template)).unwrap_err().to_string();
        assert!(error.contains("Fn::If"), "{error}");
        let unknown = TEMPLATE.replace("!Ref Jobs", "!Ref Nobody");
        let template = Template::parse(&unknown).unwrap();
        let error = template.functions(&names(&template)).unwrap_err().to_string();
        assert!(error.contains("Nobody"), "{error}");
    }
}
