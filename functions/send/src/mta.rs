//! `POST /v3/send`, in the dialect of Mobile Text Alerts.

use http::Response;
use lambda_http::{Body, Request};
use shared::{
    edge::mta::{authenticate, respond},
    vendors::mta::dialect::error::Failure,
};

use crate::Send;

pub(crate) async fn answer(send: &Send, request: &Request, _path: &[&str]) -> Response<Body> {
    respond(&send.gateway, accept_send(send, request).await)
}

async fn accept_send(send: &Send, request: &Request) -> Result<String, Failure> {
    let _account = authenticate(request, &send.directory).await?;
    Err(Failure::not_found())
}
