//! Templates and interactive messages, as WhatsApp documents them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A template approved by WhatsApp, with its variables.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    pub namespace: String,
    pub element_name: String,
    pub language: Language,
    /// Variables of newer templates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub components: Option<Vec<Value>>,
    /// Variables of older templates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub localizable_params: Option<Vec<Value>>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Language {
    pub policy: LanguagePolicy,
    pub code: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LanguagePolicy {
    Deterministic,
    Fallback,
}

/// A text with choices, as WhatsApp documents it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interactive {
    /// A text or media, kept as the client's JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<Value>,
    pub body: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub footer: Option<String>,
    pub action: InteractiveAction,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum InteractiveAction {
    /// A list that opens when the recipient presses a button labelled `button`.
    List { button: String, sections: Vec<ListSection> },
    /// Buttons that are visible at once.
    Button { buttons: Vec<ReplyButton> },
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListSection {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    pub rows: Vec<ListRow>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListRow {
    /// The client's own ID, returned when the recipient chooses the row.
    pub id: String,
    pub title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyButton {
    /// The client's own ID, returned when the recipient presses the button.
    pub id: String,
    pub title: String,
}
