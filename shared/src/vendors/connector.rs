//! The contract of a vendor's connector.

use http::HeaderMap;
use jiff::Timestamp;
use reqwest::{Client, RequestBuilder};
use url::Url;

use super::{Sessions, WebhookCall, WebhookSetupError, WebhookTargets};
use crate::domain::{
    CarrierName, CarrierReceipt, CarrierReply, CarrierSettings, Channel, ChannelCapability, Content, Credentials,
    LOOKUP_TIMEOUT, LookupOutcome, Outcome, ParseError, ParsedItems, Submission, SubmitReference, VendorProfile,
};

/// A carrier as its vendor's code sees it: its own settings and credentials, and nothing of any other carrier.
pub(crate) struct Connection<'a> {
    /// For log lines.
    pub(crate) name: CarrierName,
    pub(crate) http: &'a Client,
    pub(crate) settings: &'a CarrierSettings,
    /// One of the sets in [`VendorProfile::credentials`].
    pub(crate) credentials: &'a Credentials,
    /// The address of receipts, which contains a secret token. Present if [`VendorProfile::takes_webhook_url`].
    pub(crate) receipts: Option<Url>,
    pub(crate) sessions: &'a Sessions,
}

impl Connection<'_> {
    /// Begins a submit: a POST to a path below the endpoint, with the carrier's timeout.
    pub(crate) fn post(&self, path: &[&str]) -> RequestBuilder {
        self.post_to(self.url(path))
    }

    /// Begins a submit, as [`Connection::post`], with a pair in the query.
    pub(crate) fn post_with_query(&self, path: &[&str], (name, value): (&str, &str)) -> RequestBuilder {
        let mut url = self.url(path);
        url.query_pairs_mut().append_pair(name, value);
        self.post_to(url)
    }

    fn post_to(&self, url: Url) -> RequestBuilder {
        self.http.post(url).timeout(self.settings.timeout())
    }

    /// Begins a lookup: a GET of a path below the endpoint, with a short timeout.
    pub(crate) fn get(&self, path: &[&str]) -> RequestBuilder {
        self.http.get(self.url(path)).timeout(self.settings.timeout().min(LOOKUP_TIMEOUT))
    }

    /// Begins a GET as [`Connection::get`] does, with a name and value in the query.
    pub(crate) fn get_with_query(&self, path: &[&str], (name, value): (&str, &str)) -> RequestBuilder {
        let mut url = self.url(path);
        url.query_pairs_mut().append_pair(name, value);
        self.http.get(url).timeout(self.settings.timeout().min(LOOKUP_TIMEOUT))
    }

    /// Returns a path below the endpoint.
    pub(crate) fn url(&self, path: &[&str]) -> Url {
        below(&self.settings.endpoint, path)
    }

    /// Returns the address of the receipts for a submit. Its last segment is our reference.
    pub(crate) fn receipts_of(&self, reference: SubmitReference) -> Option<Url> {
        Some(below(self.receipts.as_ref()?, &[&reference.to_string()]))
    }
}

/// Returns a base URL with more path segments. A URL that cannot have a path stays as it is, and makes the request
/// fail unsent.
pub(crate) fn below(base: &Url, path: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    url
}

/// A request to a webhook, whose body is not parsed yet.
pub struct Webhook<'a> {
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
}

/// A vendor's connector.
pub(crate) trait Connector {
    const PROFILE: VendorProfile;

    /// Submits a message at most once, and waits for the answer up to the carrier's timeout. Without a clear
    /// answer the outcome is [`Outcome::Unknown`]. `now` is the time of the request.
    async fn submit(connection: &Connection<'_>, submission: &Submission<'_>, now: Timestamp) -> Outcome;

    /// Asks for the outcome of a submit. Called only if an operator enabled lookups, for which
    /// [`VendorProfile::lookup`] must be true.
    async fn look_up(_: &Connection<'_>, _: SubmitReference) -> LookupOutcome {
        LookupOutcome::Unknown
    }

    /// Returns how this vendor shows the content, at most as the channel can. The carrier is then no candidate for
    /// content that it cannot show, and gets the text if it shows texts only.
    fn capability(content: &Content, channel: Channel) -> ChannelCapability {
        content.capability(channel)
    }

    /// Parses a request to `dlr-webhook`, without a byte-order mark. A single unreadable receipt is an `Err` item. A
    /// receipt with a status that we do not know is no error, unless it names no message (`formats::codes::reported`).
    ///
    /// # Errors
    /// The body is not in the vendor's format.
    fn read_receipts(body: &[u8]) -> Result<ParsedItems<CarrierReceipt>, ParseError>;

    /// Parses a request to `mo-webhook`, without a byte-order mark. A single unreadable reply is an `Err` item.
    ///
    /// # Errors
    /// The body is not in the vendor's format.
    fn read_replies(body: &[u8], settings: &CarrierSettings) -> Result<ParsedItems<CarrierReply>, ParseError>;

    /// Returns whether a webhook bears the vendor's signature under `secret`. Called only if an operator set a
    /// secret, for which [`VendorProfile::signs_webhooks`] must be true.
    fn is_signed(_: &Webhook<'_>, _secret: &str) -> bool {
        false
    }

    /// Lists the calls that register our webhooks at the vendor. Called only if the vendor has
    /// [`VendorProfile::webhook_events`].
    ///
    /// # Errors
    /// We could not read the vendor's list of webhooks.
    async fn plan_webhooks(_: &Connection<'_>, _: &WebhookTargets<'_>) -> Result<Vec<WebhookCall>, WebhookSetupError> {
        Ok(Vec::new())
    }

    /// Makes a call from [`Connector::plan_webhooks`].
    ///
    /// # Errors
    /// The vendor refused the call or did not answer. Without an answer, it may have registered the webhook.
    async fn register_webhook(_: &Connection<'_>, _: &WebhookCall) -> Result<(), WebhookSetupError> {
        Ok(())
    }
}
