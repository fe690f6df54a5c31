//! A receipt's details as an attribute of a receipt or attempt, under short names (see `message_item`).
//!
//! We drop a malformed detail: it is not worth an unreadable message.

use std::num::NonZeroU16;

use serde::{Deserialize, Serialize};

use crate::domain::{NetworkCode, Price, ReceiptDetails};

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct DetailsItem {
    #[serde(skip_serializing_if = "Option::is_none")]
    net: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    op: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cc: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parts: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cur: Option<String>,
}

impl DetailsItem {
    /// Returns `None` if there are no details.
    pub(super) fn of(details: &ReceiptDetails) -> Option<Self> {
        let ReceiptDetails { network, operator, country, parts, price } = details;
        let item = Self {
            net: network.as_ref().map(|network| network.as_str().to_owned()),
            op: operator.as_ref().map(|operator| operator.as_str().to_owned()),
            cc: country.as_ref().map(|country| country.as_str().to_owned()),
            parts: parts.map(NonZeroU16::get),
            price: price.as_ref().map(|price| price.amount().to_owned()),
            cur: price.as_ref().and_then(Price::currency).map(str::to_owned),
        };
        (!details.is_empty()).then_some(item)
    }

    pub(super) fn read(self) -> ReceiptDetails {
        ReceiptDetails {
            network: self.net.and_then(|network| network.parse::<NetworkCode>().ok()),
            operator: self.op.and_then(|operator| operator.parse().ok()),
            country: self.cc.and_then(|country| country.parse().ok()),
            parts: self.parts.and_then(NonZeroU16::new),
            price: self.price.and_then(|amount| Price::new(&amount, self.cur.as_deref())),
        }
    }
}
