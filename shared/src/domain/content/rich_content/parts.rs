//! Parts of several channels: media, places and contacts.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use strum::{EnumString, IntoStaticStr};

/// An image, video, audio or document.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    /// File name or caption.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `http` or `https`.
    pub uri: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    /// On a rich card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<MediaHeight>,
}

/// CM.com's page "Rich card messages" lists three heights, and has `small` in its sample.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, EnumString, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase", ascii_case_insensitive, const_into_str)]
pub enum MediaHeight {
    Small,
    Short,
    Medium,
    Tall,
}

/// A place: a point, a search query, or both.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub point: Option<Point>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search_query: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Shows a circle around the point on the map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub radius: Option<u32>,
}

/// Degrees, in the client's spelling.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    latitude: String,
    longitude: String,
}

impl Point {
    /// Returns `None` unless both are degrees within range.
    #[must_use]
    pub fn parse(latitude: &str, longitude: &str) -> Option<Self> {
        let within = |text: &str, most: f64| text.parse().is_ok_and(|degrees: f64| degrees.abs() <= most);
        let is_point = within(latitude, 90.0) && within(longitude, 180.0);
        is_point.then(|| Self { latitude: latitude.to_owned(), longitude: longitude.to_owned() })
    }

    #[must_use]
    pub fn latitude(&self) -> &str {
        &self.latitude
    }

    #[must_use]
    pub fn longitude(&self) -> &str {
        &self.longitude
    }
}

/// A contact, with the fields of WhatsApp's documents.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Contact(pub Value);
