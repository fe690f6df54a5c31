//! Renders messages as a client would write them, independently of the dialects' code.

use std::fmt::Write;

use serde_json::{Map, Value, json};
use shared::domain::{CallbackUrl, Channel, Draft, Encoding, Reference, RouteName, SenderChoice, Validity};

pub fn mplus(drafts: &[Draft]) -> Value {
    let message = |draft: &Draft| {
        let from = match &draft.from {
            SenderChoice::Custom(sender) => json!({"type": "custom", "value": sender.as_str()}),
            SenderChoice::Shared => json!({"type": "shared"}),
        };
        let mut message = json!({"to": draft.to.digits(), "from": from, "body": draft.text.as_str()});
        if let Some(callback) = draft.callbacks.first() {
            message["callback"] = json!(callback.as_str());
        }
        if !draft.channels.is_empty() {
            message["channels"] = draft.channels.iter().map(Channel::into_str).collect();
        }
        if let Some(id) = draft.client_id {
            message["id"] = json!(id.to_string());
        }
        if let Some(at) = draft.send_at {
            message["send_at"] = json!(at.to_string());
        }
        message
    };
    json!({"messages": drafts.iter().map(message).collect::<Value>()})
}

/// Returns a single message.
pub fn messangi(draft: &Draft) -> Value {
    let label = |label: &Option<Reference>| label.as_ref().map(|label| label.as_str().to_owned());
    let callbacks: Vec<_> = draft.callbacks.iter().map(CallbackUrl::as_str).collect();
    json!({
        "from": sender(draft), "text": draft.text.as_str(), "to": format!("+{}", draft.to.digits()),
        "requestDR": draft.wants_status, "connection": draft.route.as_ref().map(RouteName::as_str),
        "callbacks": callbacks.join(", "), "email": label(&draft.recipient.email), "type": "MT",
        "externalId": label(&draft.reference), "clientId": label(&draft.recipient.id),
    })
}

/// Returns a batch with the whole text of each message as its parameter.
pub fn messangi_batch(drafts: &[Draft]) -> Option<Value> {
    let mut batch = messangi(drafts.first()?);
    let to = |draft: &Draft| json!({"to": draft.to.digits(), "params": [draft.text.as_str()]});
    batch["text"] = json!("{0}");
    batch["to"] = drafts.iter().map(to).collect();
    Some(batch)
}

/// Returns a request to all drafts' numbers, with the first draft's content and labels.
pub fn mta(drafts: &[Draft]) -> Option<Value> {
    let first = drafts.first()?;
    let image =
        first.content.as_ref().and_then(|content| Some(content.conversation.first()?.media.as_ref()?.uri.as_str()));
    // The image's URL is the last line of the text.
    let text = first.text.as_str();
    let text = image.map_or(text, |image| text.strip_suffix(image).unwrap_or(text));
    let text = if image.is_some() { text.strip_suffix('\n').unwrap_or(text) } else { text };
    let subscribers: Vec<_> = drafts.iter().map(|draft| format!("+{}", draft.to.digits())).collect();
    let tags: Map<_, _> = first.tags.iter().map(|(key, value)| (key.to_owned(), json!(value))).collect();
    Some(json!({
        "subscribers": subscribers, "message": text, "image": image, "tags": tags,
        "scheduledDate": first.send_at.map(|at| at.to_string()),
        "externalId": first.reference.as_ref().map(Reference::as_str),
    }))
}

/// Returns the `cm` fields that JSON and XML have in common.
fn cm_fields(draft: &Draft) -> Vec<(&'static str, String)> {
    let mut fields = vec![("from", sender(draft))];
    fields.extend(draft.reference.as_ref().map(|reference| ("reference", reference.as_str().to_owned())));
    let groupings =
        ["customGrouping", "customGrouping2", "customGrouping3"].into_iter().zip(draft.groupings.as_array());
    fields.extend(groupings.map(|(name, group)| (name, group.clone())));
    fields.extend(draft.validity.map(|validity| ("validity", written(validity))));
    // Without `dcs`, a text is Unicode only if it needs to be.
    if draft.text.encoding() == Encoding::Ucs2 {
        fields.push(("dcs", "8".to_owned()));
    }
    fields
}

fn sender(draft: &Draft) -> String {
    match &draft.from {
        SenderChoice::Custom(sender) => sender.as_str().to_owned(),
        SenderChoice::Shared => String::new(),
    }
}

fn written(validity: Validity) -> String {
    match validity {
        Validity::Until(at) => at.to_string(),
        Validity::For(span) => format!("{}M", span.as_mins()),
    }
}

/// Returns a JSON `msg` without rich content.
pub fn cm(draft: &Draft) -> Value {
    let mut msg: Map<_, _> =
        cm_fields(draft).into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
    msg.insert("to".to_owned(), json!([{"number": format!("00{}", draft.to.digits())}]));
    msg.insert("body".to_owned(), json!({"content": draft.text.as_str()}));
    msg.insert("allowedChannels".to_owned(), draft.channels.iter().map(|channel| channel.title()).collect());
    msg.into()
}

pub fn cm_xml(draft: &Draft) -> String {
    let mut xml = "<MESSAGES><MSG>".to_owned();
    let element = |xml: &mut String, name: &str, text: &str| {
        let _ = write!(xml, "<{name}>{}</{name}>", escaped(text));
    };
    for (name, value) in cm_fields(draft) {
        element(&mut xml, &name.to_ascii_uppercase(), &value);
    }
    element(&mut xml, "TO", draft.to.digits());
    element(&mut xml, "BODY", draft.text.as_str());
    let channels: Vec<_> = draft.channels.iter().copied().map(Channel::title).collect();
    element(&mut xml, "ALLOWEDCHANNELS", &channels.join(","));
    xml.push_str("</MSG></MESSAGES>");
    xml
}

pub fn cm_query(draft: &Draft) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("from", &sender(draft)).append_pair("to", draft.to.digits());
    query.append_pair("body", draft.text.as_str());
    if let Some(reference) = &draft.reference {
        query.append_pair("reference", reference.as_str());
    }
    query.finish()
}

/// Escapes XML text. A raw carriage return would be normalized to a line feed.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\r', "&#13;")
}
