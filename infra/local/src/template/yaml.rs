//! Converts YAML with CloudFormation's short tags to JSON: `!Ref x` to `{"Ref": "x"}`, `!GetAtt x.y` to
//! `{"Fn::GetAtt": "x.y"}`.

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value};

use super::TemplateError;

pub(super) fn read(text: &str) -> Result<Value, TemplateError> {
    let documents = Yaml::load_from_str(text).map_err(|error| TemplateError::Yaml(error.to_string()))?;
    let document = documents.first().ok_or_else(|| TemplateError::Yaml("the file is empty".to_owned()))?;
    convert(document)
}

fn convert(yaml: &Yaml<'_>) -> Result<Value, TemplateError> {
    let strange = |what: &str| TemplateError::Yaml(format!("{what} is not supported"));
    Ok(match yaml {
        Yaml::Value(scalar) => convert_scalar(scalar),
        Yaml::Representation(text, ..) => Value::String(text.to_string()),
        Yaml::Sequence(items) => Value::Array(items.iter().map(convert).collect::<Result<_, _>>()?),
        Yaml::Mapping(entries) => {
            let mut object = Map::new();
            for (key, value) in entries {
                let key = key.as_str().ok_or_else(|| strange("a key that is not a string"))?;
                object.insert(key.to_owned(), convert(value)?);
            }
            Value::Object(object)
        }
        Yaml::Tagged(tag, node) => {
            let name = match tag.suffix.as_str() {
                "Ref" | "Condition" => tag.suffix.clone(),
                other => format!("Fn::{other}"),
            };
            Value::Object(Map::from_iter([(name, convert(node)?)]))
        }
        Yaml::Alias(_) | Yaml::BadValue => return Err(strange("an alias or bad value")),
    })
}

fn convert_scalar(scalar: &Scalar<'_>) -> Value {
    match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(value) => Value::Bool(*value),
        Scalar::Integer(value) => Value::from(*value),
        Scalar::FloatingPoint(value) => Value::from(value.into_inner()),
        Scalar::String(text) => Value::String(text.to_string()),
    }
}
