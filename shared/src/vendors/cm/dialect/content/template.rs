//! WhatsApp's templates. Their variables stay the client's JSON.

use serde_json::Value;

use super::{error, fields, fields::Read, list, part, required, text};
use crate::{
    domain::{Language, LanguagePolicy, Template},
    formats::caseless::Object,
};

const TEMPLATE: [&str; 5] = ["namespace", "element_name", "language", "components", "localizable_params"];

pub(super) fn read(value: &Value) -> Read<Template> {
    let template = fields(value, "a template", &["whatsapp"])?.get("whatsapp");
    let template = template.ok_or_else(|| error("has a template without 'whatsapp', the only kind supported"))?;
    let template = fields(template, "a template", &TEMPLATE)?;
    let language = part(template, "language", "a template's language", &["policy", "code"])?;
    let language = language.ok_or_else(|| error("has a template without a language"))?;
    let components = list(template, "components")?.map(<[Value]>::to_vec);
    let localizable_params = list(template, "localizable_params")?.map(<[Value]>::to_vec);
    if components.is_none() && localizable_params.is_none() {
        return Err(error("has a template without components or localizable_params"));
    }
    components.iter().flatten().try_for_each(check_component)?;
    Ok(Template {
        namespace: required(template, "namespace", "a template needs its namespace")?,
        element_name: required(template, "element_name", "a template needs its element_name")?,
        language: read_language(language)?,
        components,
        localizable_params,
    })
}

fn read_language(language: Object<'_>) -> Read<Language> {
    let policy = required(language, "policy", "a template's language needs its policy")?;
    let policy = match policy.to_ascii_lowercase().as_str() {
        "deterministic" => LanguagePolicy::Deterministic,
        "fallback" => LanguagePolicy::Fallback,
        _ => return Err(error("has a template whose language policy is unknown")),
    };
    Ok(Language { policy, code: required(language, "code", "a template's language needs its code")? })
}

fn check_component(value: &Value) -> Read<()> {
    let component = Object::of(value).ok_or_else(|| error("is wrong: a component of a template must be an object"))?;
    match required(component, "type", "a component of a template needs its type")?.as_str() {
        "header" | "body" | "footer" => Ok(()),
        "button" => match text(component, "sub_type")?.as_deref() {
            Some("quick_reply" | "url") if component.get("index").is_some() => Ok(()),
            _ => Err(error("has a template's button without its sub_type and index")),
        },
        _ => Err(error("has a template with an unknown type of component")),
    }
}
