//! The account's paths in the dialect of Mobile Text Alerts.

use lambda_http::Request;
use shared::{edge::mta::authenticate, vendors::mta::dialect::error::Failure};

use crate::Account;

pub(crate) async fn answer(account: &Account, request: &Request, _path: &[&str]) -> Result<String, Failure> {
    let _account = authenticate(request, &account.directory).await?;
    Err(Failure::not_found())
}
