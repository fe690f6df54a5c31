//! Plan route: list the channels in the client's order, and for each the carriers in the route's order.

use std::time::Duration;

use crate::domain::{
    AttemptOutcome, CarrierName, Channel, ChannelCapability, Content, DEFAULT_RECEIPT_TIMEOUT, Message, Route, Routes,
};

/// A channel and a carrier to attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RouteCandidate {
    /// The channel's position among the client's channels.
    pub(super) channel_index: u8,
    pub(super) channel: Channel,
    pub(super) carrier: CarrierName,
    /// Time to wait for a receipt before we fail over. `None` on the last channel.
    pub(super) receipt_timeout: Option<Duration>,
}

impl RouteCandidate {
    /// Returns the message's rich content, if the channel can show all of it.
    pub(super) fn content<'a>(&self, message: &'a Message) -> Option<&'a Content> {
        message.request.content.as_ref().filter(|content| content.capability(self.channel) == ChannelCapability::Full)
    }
}

/// Returns the remaining candidates, preferred first.
///
/// Skips a channel that has no route or cannot show the message, and a carrier that refused the message on the
/// same channel.
pub(super) fn plan_route(message: &Message, routes: &Routes) -> Vec<RouteCandidate> {
    let mut candidates = Vec::new();
    for (channel_index, channel) in
        message.channels_by_index().filter(|(channel_index, _)| *channel_index >= message.delivery.channel_index)
    {
        let route = routes.for_message(&message.account, &message.request.from.id, channel, &message.request.to);
        let Some(route) = route.filter(|_| is_shown(message, channel)) else { continue };
        let has_refused = |carrier| {
            let mut attempts = message.delivery.failed_attempts.iter();
            attempts.any(|attempt| {
                (attempt.carrier, attempt.channel, attempt.outcome)
                    == (Some(carrier), channel, AttemptOutcome::Rejected)
            })
        };
        let carriers = route.carriers.iter().copied();
        let mut carriers: Vec<_> = carriers.filter(|carrier| !has_refused(*carrier)).collect();
        if channel_index == message.delivery.channel_index {
            // A carrier that may already have the message comes first, because only that carrier can recognise
            // our reference as a repeat.
            carriers
                .sort_by_key(|carrier| !message.carriers_of_unknown_attempts().any(|holder| holder == Some(*carrier)));
        }
        let receipt_timeout = Some(route.receipt_timeout());
        candidates.extend(carriers.into_iter().map(|carrier| RouteCandidate {
            channel_index,
            channel,
            carrier,
            receipt_timeout,
        }));
    }
    let last = candidates.last().map(|candidate| candidate.channel_index);
    for candidate in candidates.iter_mut().filter(|candidate| Some(candidate.channel_index) == last) {
        candidate.receipt_timeout = None;
    }
    candidates
}

fn is_shown(message: &Message, channel: Channel) -> bool {
    match message.request.content.as_ref().map(|content| content.capability(channel)) {
        Some(ChannelCapability::Full) => true,
        Some(ChannelCapability::TextOnly) | None => !message.request.text.is_empty(),
        Some(ChannelCapability::Unsupported(_)) => false,
    }
}

/// Returns the current channel's receipt timeout, or `None` if no later channel has a candidate.
pub(super) fn receipt_timeout(message: &Message, routes: &Routes) -> Option<Duration> {
    let has_next =
        plan_route(message, routes).iter().any(|candidate| candidate.channel_index > message.delivery.channel_index);
    let route = routes.for_message(&message.account, &message.request.from.id, message.channel(), &message.request.to);
    has_next.then(|| route.map_or(DEFAULT_RECEIPT_TIMEOUT, Route::receipt_timeout))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Attempt, Text};

    fn routes(rules: &[(Option<Channel>, &[CarrierName])]) -> Routes {
        let rule = |(channel, carriers): &(Option<Channel>, &[CarrierName])| Route {
            channel: *channel,
            ..Route::to(carriers.to_vec())
        };
        Routes(rules.iter().map(rule).collect())
    }

    fn over(message: &Message, routes: &Routes) -> Vec<(u8, Channel, CarrierName, bool)> {
        let candidates = plan_route(message, routes).into_iter();
        candidates
            .map(|candidate| {
                (candidate.channel_index, candidate.channel, candidate.carrier, candidate.receipt_timeout.is_some())
            })
            .collect()
    }

    #[test]
    fn channels_go_in_the_clients_order_and_carriers_in_the_routes() {
        use CarrierName::{Cm, Loopback};
        use Channel::{Rcs, Sms, Viber, WhatsApp};
        let routes = routes(&[
            (Some(WhatsApp), &[Cm]),
            (Some(Rcs), &[Loopback, Cm]),
            (Some(Viber), &[]),
            (Some(Sms), &[Loopback]),
        ]);
        let mut message = Message::example();
        assert_eq!(over(&message, &routes), [(0, Sms, Loopback, false)]);
        message.request.channels = vec![Viber, WhatsApp, Rcs, Sms];
        let all = [(1, WhatsApp, Cm, true), (2, Rcs, Loopback, true), (2, Rcs, Cm, true), (3, Sms, Loopback, false)];
        assert_eq!(over(&message, &routes), all);
        // A carrier's refusal holds for a single channel.
        let (at, outcome, reason) = (message.created_at, AttemptOutcome::Rejected, None);
        message.delivery.failed_attempts = vec![Attempt { channel: Rcs, carrier: Some(Loopback), at, outcome, reason }];
        message.delivery.channel_index = 2;
        assert_eq!(over(&message, &routes), all[2..]);
        assert_eq!(receipt_timeout(&message, &routes), Some(DEFAULT_RECEIPT_TIMEOUT));
        message.delivery.channel_index = 3;
        assert_eq!(receipt_timeout(&message, &routes), None);
        assert_eq!(over(&message, &Routes::default()), []);
    }

    #[test]
    fn channel_without_rich_content_shows_the_text() {
        use Channel::{Rcs, Sms, Viber};
        let content = r#"{"conversation":[{"location":{"search_query":"Breda"}}]}"#;
        let routes = Routes(vec![Route::to(vec![CarrierName::Loopback])]);
        let message = Message::example().with(|message| {
            message.request.content = Some(Content::of_json(content).unwrap());
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
        let routes = Routes(vec![Route::to(vec![CarrierName::Loopback])]);
        let mut message = Message::example().with(|message| {
            message.request.text = Text::none();
            message.request.content = Some(Content::of_json(content).unwrap());
            message.request.channels = vec![Sms, Rcs, Viber, WhatsApp, Sms];
        });
        let loopback = CarrierName::Loopback;
        assert_eq!(over(&message, &routes), [(1, Rcs, loopback, true), (3, WhatsApp, loopback, false)]);
        message.delivery.channel_index = 3;
        assert_eq!(receipt_timeout(&message, &routes), None, "SMS has nothing to show");
        message.request.content = None;
        message.delivery.channel_index = 0;
        assert_eq!(over(&message, &routes), []);
    }
}
