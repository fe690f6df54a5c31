//! Apple's pickers and authentication.

use serde_json::Value;

use super::{
    error, fields,
    fields::Read,
    filled, list,
    parts::{read_location, read_media},
    present, required, span, text,
};
use crate::{
    domain::{ListPicker, OAuth2, PickerOption, TimePicker, TimeSlot},
    formats::caseless::Object,
};

const OAUTH2: [&str; 5] = ["responsetype", "state", "responseencryptionkey", "clientsecret", "scope"];

pub(super) fn read_list_picker(value: &Value) -> Read<ListPicker> {
    let picker = fields(value, "a list picker", &["label", "media", "options"])?;
    let option = |value: &Value| {
        let option = fields(value, "an option of a list picker", &["label", "description", "media"])?;
        Ok(PickerOption {
            label: required(option, "label", "an option of a list picker needs a label")?,
            description: filled(option, "description")?,
            media: present(option, "media").map(read_media).transpose()?,
        })
    };
    Ok(ListPicker {
        label: required(picker, "label", "a list picker needs a label")?,
        media: present(picker, "media").map(read_media).transpose()?,
        options: options(picker)?.iter().map(option).collect::<Read<_>>()?,
    })
}

pub(super) fn read_time_picker(value: &Value) -> Read<TimePicker> {
    let picker = fields(value, "a time picker", &["label", "location", "options"])?;
    let slot = |value: &Value| {
        let slot = fields(value, "an option of a time picker", &["starttime", "endtime"])?;
        let (start, end) = span(slot)?;
        Ok(TimeSlot { start, end })
    };
    Ok(TimePicker {
        label: text(picker, "label")?,
        location: present(picker, "location").map(read_location).transpose()?,
        options: options(picker)?.iter().map(slot).collect::<Read<_>>()?,
    })
}

fn options(picker: Object<'_>) -> Read<&[Value]> {
    list(picker, "options")?.filter(|options| !options.is_empty()).ok_or_else(|| error("has a picker without options"))
}

pub(super) fn read_oauth2(value: &Value) -> Read<OAuth2> {
    let prompt = fields(value, "oauth2", &OAUTH2)?;
    let scope = list(prompt, "scope")?.unwrap_or_default().iter().map(|scope| scope.as_str().map(str::to_owned));
    Ok(OAuth2 {
        response_type: required(prompt, "responsetype", "oauth2 needs its responseType")?,
        state: text(prompt, "state")?,
        response_encryption_key: text(prompt, "responseencryptionkey")?,
        client_secret: text(prompt, "clientsecret")?,
        scope: scope.collect::<Option<_>>().ok_or_else(|| error("has a scope that is not a list of names"))?,
    })
}
