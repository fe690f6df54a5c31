//! The functions, as one machine of Lambda's has them: each is made when it is first
//! called and kept for the next call, with what it remembers, until it dies or its
//! time has come.

use std::sync::{Mutex, PoisonError};

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use callback::Callback;
use dispatch::Dispatch;
use dlr_webhook::DlrWebhook;
use futures_util::future::join_all;
use http::Response;
use lambda_http::{Body, Request};
use messages::Messages;
use mo_webhook::MoWebhook;
use schedule_tick::ScheduleTick;
use send::Send;
use shared::runtime::{Environment, Random};

use crate::{
    proxy::{Proxy, Ran},
    stage::JOBS,
};

pub struct Machine {
    door: usize,
    pub environment: Environment,
    /// Else each call finds a new one.
    keeps: bool,
    send: Kept<Send>,
    messages: Kept<Messages>,
    dispatch: Kept<Dispatch>,
    callback: Kept<Callback>,
    dlr: Kept<DlrWebhook>,
    mo: Kept<MoWebhook>,
    tick: Kept<ScheduleTick>,
}

struct Kept<T>(Mutex<Option<T>>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Kept<T> {
    fn swap(&self, with: Option<T>) -> Option<T> {
        std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), with)
    }
}

impl Machine {
    pub fn new(door: usize, environment: Environment) -> Self {
        Self {
            door,
            environment,
            keeps: false,
            send: Kept::default(),
            messages: Kept::default(),
            dispatch: Kept::default(),
            callback: Kept::default(),
            dlr: Kept::default(),
            mo: Kept::default(),
            tick: Kept::default(),
        }
    }

    /// New functions, with that chance.
    pub fn renew(&mut self, random: Random, keeps: bool) {
        let environment = Environment { random, ..self.environment.clone() };
        *self = Self { keeps, ..Self::new(self.door, environment) };
    }

    /// A request of a client.
    pub async fn answer(&self, proxy: &Proxy, request: Request, is_read: bool) -> Ran<Response<Body>> {
        if is_read {
            let made = || Messages::new(&self.environment).unwrap();
            let call = async |messages: &Messages| messages.handle(request).await;
            return self.run(proxy, "messages", &self.messages, made, call).await;
        }
        let made = || Send::new(&self.environment).unwrap();
        self.run(proxy, "send", &self.send, made, async |send: &Send| send.handle(request).await).await
    }

    /// A request of a carrier.
    pub async fn take(&self, proxy: &Proxy, request: Request, is_reply: bool) -> Ran<Response<Body>> {
        if is_reply {
            let made = || MoWebhook::new(&self.environment).unwrap();
            let call = async |replies: &MoWebhook| replies.handle(request).await;
            return self.run(proxy, "mo-webhook", &self.mo, made, call).await;
        }
        let made = || DlrWebhook::new(&self.environment).unwrap();
        let call = async |receipts: &DlrWebhook| receipts.handle(request).await;
        self.run(proxy, "dlr-webhook", &self.dlr, made, call).await
    }

    /// Receipts of a carrier, all at once.
    pub async fn take_receipts(&self, proxy: &Proxy, requests: Vec<Request>) -> Ran<Vec<Response<Body>>> {
        let made = || DlrWebhook::new(&self.environment).unwrap();
        let call = async |receipts: &DlrWebhook| join_all(requests.into_iter().map(|one| receipts.handle(one))).await;
        self.run(proxy, "dlr-webhook", &self.dlr, made, call).await
    }

    /// A batch of that queue.
    pub async fn work(&self, proxy: &Proxy, queue: &str, event: SqsEvent) -> Ran<SqsBatchResponse> {
        if queue == JOBS {
            let made = || Dispatch::new(&self.environment).unwrap();
            let call = async |dispatch: &Dispatch| dispatch.handle(event).await;
            return self.run(proxy, "dispatch", &self.dispatch, made, call).await;
        }
        let made = || Callback::new(&self.environment).unwrap();
        let call = async |callback: &Callback| callback.handle(event).await;
        self.run(proxy, "callback", &self.callback, made, call).await
    }

    /// One that fails is followed by the next.
    pub async fn tick(&self, proxy: &Proxy) {
        let made = || ScheduleTick::new(&self.environment).unwrap();
        let call = async |tick: &ScheduleTick| tick.handle(u64::MAX).await;
        self.run(proxy, "schedule-tick", &self.tick, made, call).await.heard();
    }

    /// What died takes with it what it remembered.
    async fn run<F, T>(
        &self,
        proxy: &Proxy,
        name: &'static str,
        kept: &Kept<F>,
        made: impl FnOnce() -> F,
        call: impl AsyncFnOnce(&F) -> T,
    ) -> Ran<T> {
        let function = kept.swap(None).unwrap_or_else(made);
        // On the heap, since whoever calls is deep enough by itself.
        let ran = proxy.invoke(self.door, name, Box::pin(call(&function))).await;
        if self.keeps && !matches!(ran, Ran::Died) {
            kept.swap(Some(function));
        }
        ran
    }
}
