//! CM.com's table of standard errors: why the network did not deliver a message, in the page's words.

use crate::formats::codes::{ErrorCodes, number};

pub(super) const STANDARD_ERRORS: ErrorCodes = ErrorCodes(&[
    (5, "Message not delivered at third party"),
    (7, "Message not delivered at operator because recipient has insufficient credit"),
    (8, "Message expired at third party"),
    (20, "Message not delivered because of a malformed request"),
    (21, "Message expired at operator"),
    (22, "Message not delivered at operator because recipient has insufficient credit"),
    (23, "Message not delivered because of an incorrect recipient number (invalid/blacklisted/barred)"),
    (24, "Message not delivered because the recipient was unreachable"),
    (25, "Message not delivered at third party"),
    (26, "Message not delivered because of a temporary handset issue (sim card full/memory exceeded/SME busy)"),
    (27, "Message not delivered because of a permanent handset issue (unable to receive SMS)"),
    (28, "Message not delivered because submission speed is too high (throttling errors)"),
    (29, "Message not delivered because content is not permitted"),
    (30, "Message not delivered because the set spend limit is reached"),
    (31, "Message not delivered because the recipient was suspended from premium services"),
    (33, "Message not delivered because of parental lock"),
    (34, "Message not delivered because age check failure"),
    (35, "Message not delivered because age check missing"),
    (36, "Message not delivered because age check unavailable"),
    (
        37,
        "Message not delivered because recipient is in national Do-Not-Call Register (for example, the Dutch SMS DienstenFilter and Chinese DnD list)",
    ),
    (38, "Message not delivered because maximum concatenation tariff exceeded"),
    (39, "Message not delivered because quota is empty"),
    (40, "Message not delivered because the conversation window is closed"),
    (41, "Message not delivered because too many messages were sent from this number"),
    (42, "Message not delivered because recipient is not capable to receive a message from this channel"),
    (43, "Message not delivered because a template related error occured"),
]);

/// Expired at a third party, and at the operator.
const EXPIRED: [u32; 2] = [8, 21];

pub(super) fn is_expiry(code: &str) -> bool {
    number(code).is_some_and(|number| EXPIRED.contains(&number))
}
