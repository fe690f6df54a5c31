//! Serves the account's paths in Mobile Text Alerts' format.

use std::collections::BTreeSet;

use http::Method;
use lambda_http::Request;
use shared::{
    domain::{AccountId, CallingCode, PhoneNumber},
    edge::{
        mta::{authenticate, body},
        parameter,
    },
    flow::opt_outs,
    store::{MOST_WEBHOOKS, WebhookAddition},
    vendors::mta::dialect::{
        account::{self as views, read_unsubscribe, read_validation},
        error::Failure,
        number::parse_number,
        paging::Paging,
        webhooks,
    },
};

use crate::Account;

pub(crate) async fn answer(function: &Account, request: &Request, path: &[&str]) -> Result<String, Failure> {
    let account = authenticate(request, &function.directory).await?.account;
    match (request.method(), path) {
        (&Method::POST, ["v3", "webhooks"]) => function.add_webhook(request, &account).await,
        (&Method::GET, ["v3", "webhooks"]) => function.list_webhooks(request, &account).await,
        (&Method::PATCH, ["v3", "webhooks", id]) => function.change_webhook(request, &account, id).await,
        (&Method::DELETE, ["v3", "webhooks", id]) => function.remove_webhook(&account, id).await,
        (&Method::POST, ["v3", "unsubscribes"]) => function.unsubscribe(request, &account).await,
        (&Method::GET, ["v3", "unsubscribes"]) => Err(Failure::not_implemented(
            "a list of unsubscribed numbers. Ask for one number: GET /v3/unsubscribes/{number}",
        )),
        (&Method::GET, ["v3", "unsubscribes", number]) => function.show_subscription(&account, number).await,
        (&Method::POST, ["v3", "send", "validate-recipients"]) => function.validate(request, &account).await,
        (&Method::GET, ["v3", "auth", "verify-api-key"]) => function.verify_key(&account).await,
        (&Method::GET, ["v3", "dedicated-numbers"]) => {
            Ok(views::dedicated_numbers(&function.directory.senders(&account).await?))
        }
        _ => Err(Failure::not_found()),
    }
}

impl Account {
    async fn add_webhook(&self, request: &Request, account: &AccountId) -> Result<String, Failure> {
        self.check_active(account).await?;
        let new = webhooks::read(body(request)?).map_err(Failure::invalid)?;
        let secret = self.secrets.encrypt(account, new.secret.as_str()).await?;
        let webhook = new.with(secret, self.gateway.clock.now());
        match self.directory.add_webhook(account, &webhook).await? {
            WebhookAddition::Added(id) => Ok(webhooks::created(id, &webhook)),
            WebhookAddition::TooMany => Err(Failure::conflict(webhooks::too_many(MOST_WEBHOOKS))),
        }
    }

    async fn list_webhooks(&self, request: &Request, account: &AccountId) -> Result<String, Failure> {
        let paging = Paging::read(&|name| parameter(request, name)).map_err(Failure::invalid)?;
        Ok(webhooks::list(&self.directory.latest_webhooks(account).await?, paging))
    }

    async fn change_webhook(&self, request: &Request, account: &AccountId, id: &str) -> Result<String, Failure> {
        self.check_active(account).await?;
        let id = webhooks::parse_id(id).ok_or_else(Failure::not_found)?;
        let change = webhooks::read_change(body(request)?).map_err(Failure::invalid)?;
        let secret = match &change.secret {
            Some(secret) => Some(self.secrets.encrypt(account, secret.as_str()).await?),
            None => None,
        };
        let apply = |webhook| change.apply(webhook, secret.clone());
        let changed = self.directory.change_webhook(account, id, apply).await?;
        Ok(webhooks::changed(id, &changed.ok_or_else(Failure::not_found)?))
    }

    async fn remove_webhook(&self, account: &AccountId, id: &str) -> Result<String, Failure> {
        self.check_active(account).await?;
        let id = webhooks::parse_id(id).ok_or_else(Failure::not_found)?;
        let is_removed = self.directory.remove_webhook(account, id).await?;
        if is_removed { Ok(webhooks::removed(id)) } else { Err(Failure::not_found()) }
    }

    /// Checks that the account is not suspended. A leaked key must not redirect its callbacks.
    async fn check_active(&self, account: &AccountId) -> Result<(), Failure> {
        let account = self.directory.account(account).await?;
        if account.is_some_and(|account| account.suspended_at.is_some()) { Err(Failure::suspended()) } else { Ok(()) }
    }

    async fn unsubscribe(&self, request: &Request, account: &AccountId) -> Result<String, Failure> {
        let country = self.country(account).await?;
        let number = read_unsubscribe(body(request)?, country).map_err(|error| Failure::invalid(vec![error]))?;
        opt_outs::opt_out(&self.gateway, account, &number).await?;
        Ok(views::unsubscribed())
    }

    async fn show_subscription(&self, account: &AccountId, number: &str) -> Result<String, Failure> {
        let number: PhoneNumber = parse_number(number, "number", self.country(account).await?)
            .map_err(|error| Failure::invalid(vec![error]))?;
        let is_out = opt_outs::has_opted_out(&self.gateway, &self.directory, account, &number).await?;
        Ok(views::subscription(is_out))
    }

    async fn validate(&self, request: &Request, account: &AccountId) -> Result<String, Failure> {
        let country = self.country(account).await?;
        let validation = read_validation(body(request)?, country).map_err(Failure::invalid)?;
        let numbers = if validation.wants_unsubscribed { validation.numbers() } else { BTreeSet::new() };
        let unsubscribed = opt_outs::opted_out(&self.gateway, &self.directory, account, &numbers).await?;
        Ok(validation.answer(&unsubscribed))
    }

    async fn verify_key(&self, account: &AccountId) -> Result<String, Failure> {
        // We reject a key whose account is not in the directory.
        let account = self.directory.account(account).await?.ok_or_else(Failure::unauthorized)?;
        Ok(views::verified(&account.name))
    }

    async fn country(&self, account: &AccountId) -> Result<Option<CallingCode>, Failure> {
        Ok(self.directory.account(account).await?.and_then(|account| account.country_code))
    }
}
