use reqwest::Client;

use crate::carriers::{CarrierSettings, Outcome, Submission};

pub(crate) async fn submit(_: &Client, _: &CarrierSettings, _: &str, _: &Submission<'_>) -> Outcome {
    Outcome::Busy { retry_after: None, reason: "not built yet".to_owned() }
}
