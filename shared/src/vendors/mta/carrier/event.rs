//! The event that a webhook reports.
//!
//! By the page, `type` is the event's name, but only `delivery-status` has it in a sample. So if `type` is missing or
//! has another word, the fields decide. That is our choice.

use crate::formats::caseless::Object;

/// The names of the events that we register.
pub(super) const DELIVERY_STATUS: &str = "delivery-status";
pub(super) const MESSAGE_REPLY: &str = "message-reply";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    DeliveryStatus,
    MessageReply,
    /// `message-send` or `number-opt-in`, which we ignore.
    Other,
}

/// Returns the event, or `None` if neither `type` nor the fields identify it.
pub(super) fn event(body: Object<'_>) -> Option<Event> {
    let has = |field: &str| body.get(field).is_some();
    match body.said("type").as_deref() {
        Some(DELIVERY_STATUS) => Some(Event::DeliveryStatus),
        Some(MESSAGE_REPLY) => Some(Event::MessageReply),
        Some("message-send" | "number-opt-in") => Some(Event::Other),
        _ if has("optintype") => Some(Event::Other),
        _ if has("fromnumber") => Some(Event::MessageReply),
        _ if has("status") => Some(Event::DeliveryStatus),
        _ => None,
    }
}
