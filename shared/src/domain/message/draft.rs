//! Drafts of messages.

use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::{
    CallbackUrl, Channel, Content, Groupings, PhoneNumber, RecipientLabels, Reference, RouteName, SenderId, Tags, Text,
    Validity,
};

/// A client's message: valid, not yet accepted.
#[derive(Clone, PartialEq, Eq)]
pub struct Draft {
    /// Index in the request, from 0.
    pub index: usize,
    pub to: PhoneNumber,
    pub from: SenderChoice,
    pub text: Text,
    /// Each gets every status callback.
    pub callbacks: Vec<CallbackUrl>,
    /// Whether the client wants status callbacks at all.
    pub wants_status: bool,
    pub channels: Vec<Channel>,
    pub client_id: Option<Uuid>,
    pub send_at: Option<Timestamp>,
    pub reference: Option<Reference>,
    pub recipient: RecipientLabels,
    /// The route that the client chose.
    pub route: Option<RouteName>,
    pub groupings: Groupings,
    pub tags: Tags,
    pub validity: Option<Validity>,
    pub content: Option<Arc<Content>>,
}

impl Draft {
    /// Returns a draft without optional fields.
    #[must_use]
    pub fn new(to: PhoneNumber, from: SenderChoice, text: Text) -> Self {
        Self {
            index: 0,
            to,
            from,
            text,
            callbacks: Vec::new(),
            wants_status: true,
            channels: Vec::new(),
            client_id: None,
            send_at: None,
            reference: None,
            recipient: RecipientLabels::default(),
            route: None,
            groupings: Groupings::default(),
            tags: Tags::default(),
            validity: None,
            content: None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SenderChoice {
    Custom(SenderId),
    Shared,
}
