//! Content: texts with their encoding and segments, rich content, and the channels that show it.

mod channel;
mod channel_capability;
mod rich_content;
mod text;

pub use channel::Channel;
pub(crate) use channel_capability::CapabilityCheck;
pub use channel_capability::ChannelCapability;
#[cfg(test)]
pub(crate) use channel_capability::samples as capability_samples;
pub use rich_content::{
    Action, Bubble, CalendarEvent, Contact, Content, Interactive, InteractiveAction, Language, LanguagePolicy,
    ListPicker, ListRow, ListSection, Location, Media, OAuth2, PickerOption, Point, ReplyButton, Suggestion, Template,
    TimePicker, TimeSlot,
};
pub use text::{Encoding, SegmentLimit, Text, TextError};
