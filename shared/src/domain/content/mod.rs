//! Content: texts with their encoding and segments, rich content and the channels that show it, and replies' content.

#[cfg(test)]
pub(crate) mod capability_samples;
mod channel;
mod channel_capability;
mod event_time;
mod reply_content;
mod rich_content;
mod text;

pub use channel::Channel;
pub(crate) use channel_capability::CapabilityCheck;
pub use channel_capability::ChannelCapability;
pub use event_time::{EventTime, EventTimeError};
pub use reply_content::{ReplyContent, ReplyExtras};
pub use rich_content::{
    Action, Bubble, CalendarEvent, Card, CardOrientation, CardWidth, Carousel, Contact, Content, Interactive,
    InteractiveAction, Language, LanguagePolicy, ListPicker, ListRow, ListSection, Location, Media, MediaHeight,
    OAuth2, PickerOption, Point, ReplyButton, Suggestion, Template, ThumbnailAlignment, TimePicker, TimeSlot,
};
pub use text::{Encoding, SegmentLimit, Text, TextError};
