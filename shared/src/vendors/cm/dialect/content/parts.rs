//! Media, places and contacts.

use serde_json::Value;

use super::{choice, error, fields, fields::Read, filled, required, text};
use crate::{
    domain::{CallbackUrl, Contact, Location, Media, Point},
    formats::caseless::Object,
};

pub(super) fn read_media(value: &Value) -> Read<Media> {
    let media = fields(value, "media", &["medianame", "mediauri", "mimetype", "mediaheight"])?;
    let uri = required(media, "mediauri", "media needs a mediaUri")?;
    if uri.parse::<CallbackUrl>().is_err() {
        return Err(error("has a mediaUri that is not an http or https URL"));
    }
    let height = choice(media, "mediaHeight")?;
    Ok(Media { name: text(media, "medianame")?, uri, mime_type: text(media, "mimetype")?, height })
}

pub(super) fn read_location(value: &Value) -> Read<Location> {
    let known = ["latitude", "longitude", "searchquery", "label", "radius"];
    let location = fields(value, "a location", &known)?;
    let point = match (filled(location, "latitude")?, filled(location, "longitude")?) {
        (None, None) => None,
        (Some(latitude), Some(longitude)) => {
            Some(Point::parse(&latitude, &longitude).ok_or_else(|| error("has a location that is not in degrees"))?)
        }
        _ => return Err(error("has a location with only one of latitude and longitude")),
    };
    let search_query = filled(location, "searchquery")?;
    if point.is_none() && search_query.is_none() {
        return Err(error("has a location without latitude and longitude or searchQuery"));
    }
    let radius = filled(location, "radius")?.map(|radius| radius.parse());
    let radius = radius.transpose().map_err(|_| error("has a radius that is not a whole number"))?;
    Ok(Location { point, search_query, label: text(location, "label")?, radius })
}

/// Returns the contact with all its fields. `name_prefix` and `name_suffix` are the spelling of CM.com's clients.
pub(super) fn read_contact(value: &Value) -> Read<Contact> {
    let contact = Object::of(value).ok_or_else(|| error("is wrong: a contact must be an object"))?;
    let name = contact.object("name").ok_or_else(|| error("has a contact without a name"))?;
    required(name, "formatted_name", "a contact's name needs its formatted_name")?;
    let parts = ["first_name", "last_name", "middle_name", "suffix", "prefix", "name_suffix", "name_prefix"];
    if parts.iter().all(|part| name.get(part).is_none()) {
        return Err(error("has a contact's name without any of its parts"));
    }
    Ok(Contact(value.clone()))
}
