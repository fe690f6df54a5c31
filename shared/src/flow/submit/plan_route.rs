//! Plan route: list the channels in the client's order, and for each the carriers in the route's order.

use std::{collections::HashMap, time::Duration};

use crate::{
    domain::{
        AttemptOutcome, CarrierName, Channel, ChannelCapability, Content, DEFAULT_RECEIPT_TIMEOUT, Message, Route,
        Routes, TextLimitError, Vendor,
    },
    store::{Directory, StoreError},
};

/// The routes, and the vendors of the carriers in a message's routes.
pub(super) struct Routing {
    routes: Routes,
    /// Lacks a carrier that is not set up, or could not be looked up.
    vendors: HashMap<CarrierName, Vendor>,
}

impl Routing {
    /// Reads the routes and vendors for a message.
    pub(super) async fn of(directory: &Directory, message: &Message) -> Result<Self, StoreError> {
        let routes = directory.routes().await?;
        let mut vendors = HashMap::new();
        for (_, channel) in message.channels_by_index() {
            for name in route(message, &routes, channel).into_iter().flat_map(|route| &route.carriers) {
                // The attempt reads the carrier again, and handles the error.
                let Ok(Some(carrier)) = directory.carrier(*name).await else { continue };
                vendors.insert(*name, carrier.settings.vendor);
            }
        }
        Ok(Self { routes, vendors })
    }

    /// Returns whether the carrier shows the message's rich content on the channel, or its text instead. `None` if
    /// it can show neither, does not have the channel, or takes no text of this length.
    fn shows_content(&self, message: &Message, channel: Channel, carrier: CarrierName) -> Option<bool> {
        let shows_content = self.shows_content_of_any_length(message, channel, carrier)?;
        (shows_content || self.check_text(message, carrier).is_ok()).then_some(shows_content)
    }

    /// Returns the first carrier whose vendor takes no text of this length, and which would be a candidate otherwise.
    pub(super) fn too_short_for_text(&self, message: &Message) -> Option<(CarrierName, TextLimitError)> {
        remaining_channels(message).find_map(|(_, channel)| {
            let carriers = &route(message, &self.routes, channel)?.carriers;
            carriers.iter().find_map(|carrier| {
                let shows_text = self.shows_content_of_any_length(message, channel, *carrier) == Some(false);
                self.check_text(message, *carrier).err().filter(|_| shows_text).map(|error| (*carrier, error))
            })
        })
    }

    fn check_text(&self, message: &Message, carrier: CarrierName) -> Result<(), TextLimitError> {
        let vendor = self.vendors.get(&carrier);
        vendor.map_or(Ok(()), |vendor| vendor.profile().check_text(&message.request.text))
    }

    fn shows_content_of_any_length(&self, message: &Message, channel: Channel, carrier: CarrierName) -> Option<bool> {
        let vendor = self.vendors.get(&carrier);
        if vendor.is_some_and(|vendor| !vendor.profile().has_channel(channel)) {
            return None;
        }
        let shown = message.request.content.as_deref().map(|content| match vendor {
            Some(vendor) => vendor.capability(content, channel),
            None => content.capability(channel),
        });
        match shown {
            Some(ChannelCapability::Full) => Some(true),
            Some(ChannelCapability::TextOnly) | None => (!message.request.text.is_empty()).then_some(false),
            Some(ChannelCapability::Unsupported(_)) => None,
        }
    }
}

/// A channel and a carrier to attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RouteCandidate {
    /// The channel's position among the client's channels.
    pub(super) channel_index: u8,
    pub(super) channel: Channel,
    pub(super) carrier: CarrierName,
    /// Whether the carrier gets the rich content instead of the text.
    shows_content: bool,
    /// Time to wait for a receipt before we fail over. `None` on the last channel.
    pub(super) receipt_timeout: Option<Duration>,
}

impl RouteCandidate {
    /// Returns the message's rich content, if the carrier can show all of it.
    pub(super) fn content<'a>(&self, message: &'a Message) -> Option<&'a Content> {
        message.request.content.as_deref().filter(|_| self.shows_content)
    }
}

/// Returns the remaining candidates, preferred first.
///
/// Skips a channel that has no route, a carrier that cannot show the message there, and a carrier that rejected
/// the message on the same channel.
pub(super) fn plan_route(message: &Message, routing: &Routing) -> Vec<RouteCandidate> {
    let mut candidates = Vec::new();
    for (channel_index, channel) in remaining_channels(message) {
        let Some(route) = route(message, &routing.routes, channel) else { continue };
        let has_rejected = |carrier| {
            let mut attempts = message.delivery.failed_attempts.iter();
            attempts.any(|attempt| {
                (attempt.carrier, attempt.channel, attempt.outcome)
                    == (Some(carrier), channel, AttemptOutcome::Rejected)
            })
        };
        let carriers = route.carriers.iter().copied();
        let mut carriers: Vec<_> = carriers.filter(|carrier| !has_rejected(*carrier)).collect();
        if channel_index == message.delivery.channel_index {
            // A carrier that may already have the message comes first, because only that carrier can recognise
            // our reference as a repeat.
            carriers
                .sort_by_key(|carrier| !message.carriers_of_unknown_attempts().any(|holder| holder == Some(*carrier)));
        }
        let receipt_timeout = Some(route.receipt_timeout());
        candidates.extend(carriers.into_iter().filter_map(|carrier| {
            let shows_content = routing.shows_content(message, channel, carrier)?;
            Some(RouteCandidate { channel_index, channel, carrier, shows_content, receipt_timeout })
        }));
    }
    let last = candidates.last().map(|candidate| candidate.channel_index);
    for candidate in candidates.iter_mut().filter(|candidate| Some(candidate.channel_index) == last) {
        candidate.receipt_timeout = None;
    }
    candidates
}

/// Returns the current channel and those after it.
fn remaining_channels(message: &Message) -> impl Iterator<Item = (u8, Channel)> {
    message.channels_by_index().filter(|(channel_index, _)| *channel_index >= message.delivery.channel_index)
}

fn route<'a>(message: &Message, routes: &'a Routes, channel: Channel) -> Option<&'a Route> {
    let request = &message.request;
    routes.for_message(request.route.as_ref(), &message.account, &request.from.id, channel, &request.to)
}

/// Returns the current channel's receipt timeout, or `None` if no later channel has a candidate.
pub(super) fn receipt_timeout(message: &Message, routing: &Routing) -> Option<Duration> {
    let has_next =
        plan_route(message, routing).iter().any(|candidate| candidate.channel_index > message.delivery.channel_index);
    let route = route(message, &routing.routes, message.channel());
    has_next.then(|| route.map_or(DEFAULT_RECEIPT_TIMEOUT, Route::receipt_timeout))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Attempt, ReceiptDetails, SegmentLimit, Text};

    fn routes(rules: &[(Option<Channel>, &[CarrierName])]) -> Routing {
        let rule = |(channel, carriers): &(Option<Channel>, &[CarrierName])| Route {
            channel: *channel,
            ..Route::to(carriers.to_vec())
        };
        through(Routes(rules.iter().map(rule).collect()), &[])
    }

    fn through(routes: Routes, vendors: &[(CarrierName, Vendor)]) -> Routing {
        Routing { routes, vendors: vendors.iter().copied().collect() }
    }

    fn over(message: &Message, routes: &Routing) -> Vec<(u8, Channel, CarrierName, bool)> {
        let candidates = plan_route(message, routes).into_iter();
        candidates
            .map(|candidate| {
                (candidate.channel_index, candidate.channel, candidate.carrier, candidate.receipt_timeout.is_some())
            })
            .collect()
    }

    #[test]
    fn channels_go_in_the_clients_order_and_carriers_in_the_routes() {
        use Channel::{Rcs, Sms, Viber, WhatsApp};
        let (one, other): (CarrierName, CarrierName) = ("cm-nl".parse().unwrap(), "cm-uk".parse().unwrap());
        let routes =
            routes(&[(Some(WhatsApp), &[other]), (Some(Rcs), &[one, other]), (Some(Viber), &[]), (Some(Sms), &[one])]);
        let mut message = Message::example();
        assert_eq!(over(&message, &routes), [(0, Sms, one, false)]);
        message.request.channels = vec![Viber, WhatsApp, Rcs, Sms];
        let all = [(1, WhatsApp, other, true), (2, Rcs, one, true), (2, Rcs, other, true), (3, Sms, one, false)];
        assert_eq!(over(&message, &routes), all);
        // A carrier's rejection holds for a single channel.
        let (at, outcome, reason) = (message.created_at, AttemptOutcome::Rejected, None);
        let details = ReceiptDetails::default();
        message.delivery.failed_attempts =
            vec![Attempt { channel: Rcs, carrier: Some(one), at, outcome, reason, details }];
        message.delivery.channel_index = 2;
        assert_eq!(over(&message, &routes), all[2..]);
        assert_eq!(receipt_timeout(&message, &routes), Some(DEFAULT_RECEIPT_TIMEOUT));
        message.delivery.channel_index = 3;
        assert_eq!(receipt_timeout(&message, &routes), None);
        assert_eq!(over(&message, &through(Routes::default(), &[])), []);
    }

    #[test]
    fn channel_without_rich_content_shows_the_text() {
        use Channel::{Rcs, Sms, Viber};
        let content = r#"{"conversation":[{"location":{"search_query":"Breda"}}]}"#;
        let routes = through(Routes(vec![Route::to(vec!["loopback".parse().unwrap()])]), &[]);
        let message = Message::example().with(|message| {
            message.request.content = Some(Content::of_json(content).unwrap().into());
            message.request.channels = vec![Viber, Rcs, Sms];
        });
        let candidates = plan_route(&message, &routes);
        let shown: Vec<_> =
            candidates.iter().map(|candidate| (candidate.channel, candidate.content(&message).is_some())).collect();
        assert_eq!(shown, [(Rcs, true), (Sms, false)]);
    }

    #[test]
    fn without_text_only_channels_that_show_content_are_left() {
        use Channel::{Rcs, Sms, Viber, WhatsApp};
        let content = r#"{"conversation":[{"location":{"search_query":"Breda"}}]}"#;
        let routes = through(Routes(vec![Route::to(vec!["loopback".parse().unwrap()])]), &[]);
        let mut message = Message::example().with(|message| {
            message.request.text = Text::none();
            message.request.content = Some(Content::of_json(content).unwrap().into());
            message.request.channels = vec![Sms, Rcs, Viber, WhatsApp, Sms];
        });
        let loopback: CarrierName = "loopback".parse().unwrap();
        assert_eq!(over(&message, &routes), [(1, Rcs, loopback, true), (3, WhatsApp, loopback, false)]);
        message.delivery.channel_index = 3;
        assert_eq!(receipt_timeout(&message, &routes), None, "SMS has nothing to show");
        message.request.content = None;
        message.delivery.channel_index = 0;
        assert_eq!(over(&message, &routes), []);
    }

    #[test]
    fn carrier_that_takes_no_text_of_this_length_is_no_candidate() {
        use Channel::{Sms, WhatsApp};
        let [limited, other]: [CarrierName; 2] = ["limited", "other"].map(|name| name.parse().unwrap());
        let routes = |carriers: &[CarrierName]| {
            let vendors = [(limited, Vendor::Messangi), (other, Vendor::Loopback)];
            through(Routes(vec![Route::to(carriers.to_vec())]), &vendors)
        };
        let of_length = |length: usize| {
            Message::example().with(|message| {
                message.request.text = Text::parse(&"x".repeat(length), SegmentLimit(100)).unwrap();
            })
        };
        let most = TextLimitError { most: 1_600 };
        let (longest, longer) = (of_length(1_600), of_length(1_601));
        let both = routes(&[limited, other]);
        assert_eq!(over(&longest, &both), [(0, Sms, limited, false), (0, Sms, other, false)]);
        assert_eq!(both.too_short_for_text(&longest), None);
        assert_eq!(over(&longer, &both), [(0, Sms, other, false)]);
        assert_eq!(over(&longer, &routes(&[limited])), []);
        assert_eq!(routes(&[limited]).too_short_for_text(&longer), Some((limited, most)));
        // Messangi has no WhatsApp, so the length does not matter there, and WhatsApp is the last channel.
        let channels = |channels: &[Channel]| longer.clone().with(|message| message.request.channels = channels.into());
        assert_eq!(over(&channels(&[WhatsApp, Sms]), &routes(&[limited, other])).len(), 2);
        assert_eq!(routes(&[limited]).too_short_for_text(&channels(&[WhatsApp])), None);
        let sms_is_too_short = through(
            Routes(vec![
                Route { channel: Some(WhatsApp), ..Route::to(vec![other]) },
                Route { channel: Some(Sms), ..Route::to(vec![limited]) },
            ]),
            &[(limited, Vendor::Messangi), (other, Vendor::Loopback)],
        );
        assert_eq!(receipt_timeout(&channels(&[WhatsApp, Sms]), &sms_is_too_short), None);
    }

    #[test]
    fn vendor_that_cannot_show_the_content_is_no_candidate() {
        use Channel::{Viber, WhatsApp};
        // Viber shows both, but CM.com needs two items for them there.
        let content =
            r#"{"conversation":[{"text":"Hi","media":{"uri":"https://a.example/x","mime_type":"image/png"}}]}"#;
        let [cm, other]: [CarrierName; 2] = ["cm-nl", "other"].map(|name| name.parse().unwrap());
        let message = Message::example().with(|message| {
            message.request.text = Text::none();
            message.request.content = Some(Content::of_json(content).unwrap().into());
            message.request.channels = vec![WhatsApp, Viber];
        });
        let routes = |carriers: &[CarrierName]| {
            through(Routes(vec![Route::to(carriers.to_vec())]), &[(cm, Vendor::Cm), (other, Vendor::Loopback)])
        };
        assert_eq!(over(&message, &routes(&[cm])), [(0, WhatsApp, cm, false)], "WhatsApp is the last channel");
        assert_eq!(receipt_timeout(&message, &routes(&[cm])), None);
        // Loopback shows texts only, and there is none.
        assert_eq!(over(&message, &routes(&[other])), []);
    }
}
