//! Writes a message as a `msg` of `POST {endpoint}/v1.0/message`.
//!
//! The text goes out with our encoding, in at most the parts that we counted. So `body` has no `type`: with
//! `auto`, CM.com would choose and count anew. Without text `content` is empty, as CM.com's own client writes
//! it beside a template.

use jiff::{RoundMode, Timestamp, TimestampRound, Unit, tz::TimeZone};
use reqwest::Client;
use serde::Serialize;
use serde_json::Value;

use super::{
    content,
    post::{Address, WrittenMessage, post},
};
use crate::domain::{CarrierSettings, Encoding, Outcome, PhoneNumber, SenderId, Submission};

/// Limit on a sender's digits, by the page.
const SENDER_DIGITS: usize = 16;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Msg<'a> {
    allowed_channels: [&'a str; 1],
    from: String,
    to: [Recipient; 1],
    body: Body<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dcs: Option<u8>,
    minimum_number_of_message_parts: u16,
    maximum_number_of_message_parts: u16,
    reference: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    custom_grouping: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    custom_grouping2: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    custom_grouping3: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    validity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rich_content: Option<Value>,
}

#[derive(Serialize)]
struct Recipient {
    number: String,
}

#[derive(Serialize)]
struct Body<'a> {
    content: &'a str,
}

pub(crate) async fn submit(
    http: &Client,
    settings: &CarrierSettings,
    token: &str,
    submission: &Submission<'_>,
    now: Timestamp,
) -> Outcome {
    let busy = |reason: &str| Outcome::Busy { retry_after: None, reason: reason.to_owned() };
    let Some(address) = Address::new(settings, token) else { return busy("invalid endpoint or key") };
    let Ok(message) = write(submission, now) else { return busy("could not write the message as JSON") };
    post(http, &address, &message, now).await
}

fn write(submission: &Submission<'_>, now: Timestamp) -> Result<WrittenMessage, serde_json::Error> {
    let reference = submission.reference.to_string();
    let [grouping, grouping2, grouping3] = submission.groupings.as_array();
    let msg = Msg {
        allowed_channels: [submission.channel.title()],
        from: sender(submission.from),
        to: [Recipient { number: format!("00{}", submission.to.digits()) }],
        body: Body { content: submission.text.as_str() },
        dcs: match submission.text.encoding() {
            Encoding::Gsm7 => None,
            Encoding::Ucs2 => Some(8),
        },
        minimum_number_of_message_parts: 1,
        maximum_number_of_message_parts: submission.text.segments().max(1),
        reference: &reference,
        custom_grouping: grouping,
        custom_grouping2: grouping2,
        custom_grouping3: grouping3,
        validity: submission.expires_at.map(|until| validity(until, now)),
        rich_content: submission.content.map(content::write),
    };
    let msg = serde_json::to_string(&msg)?;
    Ok(WrittenMessage { msg, reference: submission.reference, to: submission.to.clone() })
}

/// Adds `00` to a number, unless that makes it too long. Short codes and names stay as they are.
fn sender(sender: &SenderId) -> String {
    match sender.as_str().parse::<PhoneNumber>() {
        Ok(number) if number.digits().len() + 2 <= SENDER_DIGITS => format!("00{}", number.digits()),
        _ => sender.as_str().to_owned(),
    }
}

/// Formats the expiry, rounded down to the minute, because CM.com rejects more than three days. Rounds up if
/// the minute has begun already.
fn validity(until: Timestamp, now: Timestamp) -> String {
    let to_the_minute = |mode| until.round(TimestampRound::new().smallest(Unit::Minute).mode(mode)).unwrap_or(until);
    let until = Some(to_the_minute(RoundMode::Floor)).filter(|down| *down > now);
    let until = until.unwrap_or_else(|| to_the_minute(RoundMode::Ceil));
    until.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M GMT").to_string()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::{Bubble, Channel, Content, Groupings, SegmentLimit, SubmitReference, Text};
    use serde_json::json;

    pub(in crate::vendors::cm::carrier) struct Sent {
        pub reference: SubmitReference,
        pub to: PhoneNumber,
        from: SenderId,
        text: Text,
        groupings: Groupings,
    }

    impl Sent {
        pub(in crate::vendors::cm::carrier) fn numbered(number: usize) -> Self {
            let id = format!("0197a3a0-0000-7000-8000-{number:012}");
            Self {
                reference: id.parse().unwrap(),
                to: format!("447911{number:06}").parse().unwrap(),
                from: "SenderName".parse().unwrap(),
                text: Text::parse("Hi", SegmentLimit::default()).unwrap(),
                groupings: Groupings::default(),
            }
        }

        pub(in crate::vendors::cm::carrier) fn submission(&self) -> Submission<'_> {
            Submission {
                reference: self.reference,
                to: &self.to,
                from: &self.from,
                text: &self.text,
                channel: Channel::Sms,
                content: None,
                expires_at: None,
                groupings: &self.groupings,
            }
        }
    }

    fn written(submission: &Submission<'_>) -> Value {
        serde_json::from_str(&write(submission, Timestamp::UNIX_EPOCH).unwrap().msg).unwrap()
    }

    #[test]
    fn message_is_written_with_its_encoding_and_parts() {
        let sent = Sent::numbered(1);
        let plain = json!({
            "allowedChannels": ["SMS"],
            "from": "SenderName",
            "to": [{"number": "00447911000001"}],
            "body": {"content": "Hi"},
            "minimumNumberOfMessageParts": 1,
            "maximumNumberOfMessageParts": 1,
            "reference": "0197a3a0000070008000000000000001",
        });
        assert_eq!(written(&sent.submission()), plain);

        let groupings = Groupings::parse(["Campaign ABC".to_owned(), String::new(), "Source 123".to_owned()]).unwrap();
        let sent = Sent {
            text: Text::parse_ucs2(&"a".repeat(71), SegmentLimit::default()).unwrap(),
            from: "+447911123456".parse().unwrap(),
            reference: SubmitReference { channel_index: 1, ..sent.reference },
            groupings,
            ..sent
        };
        let content = Content {
            conversation: vec![Bubble { text: Some("Hi!".to_owned()), ..Bubble::default() }],
            suggestions: Vec::new(),
        };
        let submission = Submission {
            channel: Channel::AppleBusinessChat,
            content: Some(&content),
            expires_at: Some("2017-04-20T11:50:59.999Z".parse().unwrap()),
            ..sent.submission()
        };
        let full = json!({
            "allowedChannels": ["Apple Business Chat"],
            "from": "00447911123456",
            "to": [{"number": "00447911000001"}],
            "body": {"content": "a".repeat(71)},
            "dcs": 8,
            "minimumNumberOfMessageParts": 1,
            "maximumNumberOfMessageParts": 2,
            "reference": sent.reference.to_string(),
            "customGrouping": "Campaign ABC",
            "customGrouping3": "Source 123",
            "validity": "2017-04-20 11:50 GMT",
            "richContent": {"conversation": [{"text": "Hi!"}]},
        });
        assert_eq!(written(&submission), full);
    }

    #[test]
    fn message_without_text_has_empty_body_and_one_part() {
        let sent = Sent { text: Text::none(), ..Sent::numbered(1) };
        let content = Content {
            conversation: vec![Bubble { text: Some("Hi!".to_owned()), ..Bubble::default() }],
            suggestions: Vec::new(),
        };
        let submission = Submission { channel: Channel::WhatsApp, content: Some(&content), ..sent.submission() };
        let expected = json!({
            "allowedChannels": ["WhatsApp"],
            "from": "SenderName",
            "to": [{"number": "00447911000001"}],
            "body": {"content": ""},
            "minimumNumberOfMessageParts": 1,
            "maximumNumberOfMessageParts": 1,
            "reference": "0197a3a0000070008000000000000001",
            "richContent": {"conversation": [{"text": "Hi!"}]},
        });
        assert_eq!(written(&submission), expected);
    }

    #[test]
    fn long_number_gets_country_prefix_and_short_code_does_not() {
        for (from, expected) in [
            ("447911123456", "00447911123456"),
            ("12345678901234", "0012345678901234"),
            ("123456789012345", "123456789012345"),
            ("1234567890123456", "1234567890123456"),
            ("12345", "12345"),
            ("CM.com", "CM.com"),
        ] {
            assert_eq!(sender(&from.parse::<SenderId>().unwrap()), expected);
        }
    }

    #[test]
    fn validity_is_rounded_down_to_the_minute() {
        for (until, expected) in [
            ("2017-04-20T11:50:00Z", "2017-04-20 11:50 GMT"),
            ("2017-04-20T13:50:01+02:00", "2017-04-20 11:50 GMT"),
            ("2017-12-31T23:59:59.999Z", "2017-12-31 23:59 GMT"),
        ] {
            assert_eq!(validity(until.parse().unwrap(), Timestamp::UNIX_EPOCH), expected);
        }
        let (until, now) = ("2017-04-20T11:50:59Z".parse().unwrap(), "2017-04-20T11:50:10Z".parse().unwrap());
        assert_eq!(validity(until, now), "2017-04-20 11:51 GMT", "the minute is not over yet");
        assert!(validity(Timestamp::MIN, Timestamp::MIN).ends_with("GMT"));
    }
}
