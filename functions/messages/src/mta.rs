//! Serves deliveries and scheduled requests in Mobile Text Alerts' format.

use http::Method;
use lambda_http::Request;
use shared::{
    domain::{AccountId, BatchId, CancelledBatch, Dialect, Message},
    edge::{mta::authenticate, parameter},
    flow::{
        batches,
        search::{Search, search},
    },
    vendors::mta::dialect::{
        deliveries::{self, Query},
        error::Failure,
        paging::Paging,
        scheduled,
    },
};

use crate::Messages;

pub(crate) async fn answer(function: &Messages, request: &Request, path: &[&str]) -> Result<String, Failure> {
    let account = authenticate(request, &function.directory).await?.account;
    match (request.method(), path) {
        (&Method::GET, ["v3", "deliveries"]) => function.list_deliveries(request, &account).await,
        (&Method::GET, ["v3", "scheduled"]) => function.list_scheduled(request, &account).await,
        (&Method::GET, ["v3", "scheduled", id]) => function.show_scheduled(&account, id).await,
        (&Method::POST, ["v3", "scheduled", id]) => function.cancel_scheduled(&account, id).await,
        _ => Err(Failure::not_found()),
    }
}

impl Messages {
    async fn list_deliveries(&self, request: &Request, account: &AccountId) -> Result<String, Failure> {
        let query = Query::read(&|name| parameter(request, name)).map_err(Failure::invalid)?;
        let admits = |message: &Message| query.admits(message);
        let wanted = Search {
            text: query.text.as_deref(),
            since: query.since,
            until: query.until,
            admits: query.needs_content().then_some(&admits),
            oldest_first: query.oldest_first,
            skip: query.paging.skip(),
            limit: query.paging.size,
        };
        let found = search(&self.gateway, account, &wanted).await?;
        Ok(deliveries::list(&found.messages, query.paging, found.total, found.omits_older))
    }

    async fn list_scheduled(&self, request: &Request, account: &AccountId) -> Result<String, Failure> {
        let paging = Paging::read(&|name| parameter(request, name)).map_err(Failure::invalid)?;
        let pending = batches::pending_requests(&self.gateway, account).await?;
        let total = pending.len();
        let page = batches::with_first_messages(&self.gateway, paging.part(pending)).await?;
        Ok(scheduled::list(&page, paging, total))
    }

    async fn show_scheduled(&self, account: &AccountId, id: &str) -> Result<String, Failure> {
        let number = scheduled::parse_id(id).ok_or_else(Failure::not_found)?;
        let pending = batches::pending_request(&self.gateway, account, number).await?;
        let found = batches::with_first_messages(&self.gateway, pending.into_iter().collect()).await?;
        Ok(scheduled::shown(found.first().ok_or_else(Failure::not_found)?))
    }

    async fn cancel_scheduled(&self, account: &AccountId, id: &str) -> Result<String, Failure> {
        let number = scheduled::parse_id(id).ok_or_else(Failure::not_found)?;
        let batch = BatchId::of_number(account, number);
        let cancelled = batches::cancel(&self.gateway, account, Dialect::Mta, batch).await?;
        match cancelled.ok_or_else(Failure::not_found)? {
            CancelledBatch { missing, .. } if missing > 0 => Err(Failure::incomplete()),
            CancelledBatch { cancelled: 0, .. } => {
                Err(Failure::conflict("Nothing is left to cancel: a carrier has the messages, or may have them."))
            }
            cancelled => Ok(scheduled::cancelled(number, cancelled)),
        }
    }
}
