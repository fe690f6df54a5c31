//! The functions of one proxy port. As on Lambda, an instance is created at the first invocation and
//! reused, with its caches, until it dies or is replaced.

use std::sync::{Mutex, PoisonError};

use account::Account;
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
use tests::with_role;

use crate::{
    proxy::{InvocationResult, Proxy},
    stage::CALLBACKS,
};

pub struct FunctionInstances {
    port: usize,
    pub environment: Environment,
    /// If false, each invocation gets a new instance.
    is_reused: bool,
    send: Warm<Send>,
    messages: Warm<Messages>,
    account: Warm<Account>,
    dispatch: Warm<Dispatch>,
    callback: Warm<Callback>,
    dlr: Warm<DlrWebhook>,
    mo: Warm<MoWebhook>,
    tick: Warm<ScheduleTick>,
}

struct Warm<T>(Mutex<Option<T>>);

impl<T> Default for Warm<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Warm<T> {
    fn swap(&self, with: Option<T>) -> Option<T> {
        std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), with)
    }
}

impl FunctionInstances {
    pub fn new(port: usize, environment: Environment) -> Self {
        Self {
            port,
            environment,
            is_reused: false,
            send: Warm::default(),
            messages: Warm::default(),
            account: Warm::default(),
            dispatch: Warm::default(),
            callback: Warm::default(),
            dlr: Warm::default(),
            mo: Warm::default(),
            tick: Warm::default(),
        }
    }

    pub fn restart(&mut self, random: Random, is_reused: bool) {
        let environment = Environment { random, ..self.environment.clone() };
        *self = Self { is_reused, ..Self::new(self.port, environment) };
    }

    fn environment_of(&self, function: &str) -> Environment {
        with_role(self.environment.clone(), function)
    }

    pub async fn handle_client_request(
        &self,
        proxy: &Proxy,
        path: &str,
        request: Request,
    ) -> InvocationResult<Response<Body>> {
        let is_below = |parts: &[&str]| parts.iter().any(|part| path.starts_with(part));
        if is_below(&["/messages", "/v3/deliveries", "/v3/scheduled"]) {
            let build = || Messages::new(&self.environment_of("messages")).unwrap();
            let call = async |messages: &Messages| messages.handle(request).await;
            return self.invoke(proxy, "messages", &self.messages, build, call).await;
        }
        if is_below(&["/v3/webhooks", "/v3/unsubscribes"]) {
            let build = || Account::new(&self.environment_of("account")).unwrap();
            let call = async |account: &Account| account.handle(request).await;
            return self.invoke(proxy, "account", &self.account, build, call).await;
        }
        let build = || Send::new(&self.environment_of("send")).unwrap();
        self.invoke(proxy, "send", &self.send, build, async |send: &Send| send.handle(request).await).await
    }

    pub async fn handle_webhook(
        &self,
        proxy: &Proxy,
        request: Request,
        is_reply: bool,
    ) -> InvocationResult<Response<Body>> {
        if is_reply {
            let build = || MoWebhook::new(&self.environment_of("mo-webhook")).unwrap();
            let call = async |replies: &MoWebhook| replies.handle(request).await;
            return self.invoke(proxy, "mo-webhook", &self.mo, build, call).await;
        }
        let build = || DlrWebhook::new(&self.environment_of("dlr-webhook")).unwrap();
        let call = async |receipts: &DlrWebhook| receipts.handle(request).await;
        self.invoke(proxy, "dlr-webhook", &self.dlr, build, call).await
    }

    pub async fn handle_receipts(
        &self,
        proxy: &Proxy,
        requests: Vec<Request>,
    ) -> InvocationResult<Vec<Response<Body>>> {
        let build = || DlrWebhook::new(&self.environment_of("dlr-webhook")).unwrap();
        let call = async |receipts: &DlrWebhook| join_all(requests.into_iter().map(|one| receipts.handle(one))).await;
        self.invoke(proxy, "dlr-webhook", &self.dlr, build, call).await
    }

    pub async fn process_batch(
        &self,
        proxy: &Proxy,
        queue: &str,
        event: SqsEvent,
    ) -> InvocationResult<SqsBatchResponse> {
        if queue == CALLBACKS {
            let build = || Callback::new(&self.environment_of("callback")).unwrap();
            let call = async |callback: &Callback| callback.handle(event).await;
            return self.invoke(proxy, "callback", &self.callback, build, call).await;
        }
        let build = || Dispatch::new(&self.environment_of("dispatch")).unwrap();
        let call = async |dispatch: &Dispatch| dispatch.handle(event).await;
        self.invoke(proxy, "dispatch", &self.dispatch, build, call).await
    }

    /// Runs a tick. A failure is ignored, because the next tick follows.
    pub async fn tick(&self, proxy: &Proxy) {
        let build = || ScheduleTick::new(&self.environment_of("schedule-tick")).unwrap();
        let call = async |tick: &ScheduleTick| tick.handle(u64::MAX).await;
        self.invoke(proxy, "schedule-tick", &self.tick, build, call).await.returned();
    }

    /// Invokes a function. If it dies, its instance is dropped, with its caches.
    async fn invoke<F, T>(
        &self,
        proxy: &Proxy,
        name: &'static str,
        warm: &Warm<F>,
        build: impl FnOnce() -> F,
        call: impl AsyncFnOnce(&F) -> T,
    ) -> InvocationResult<T> {
        let function = warm.swap(None).unwrap_or_else(build);
        // Boxed, because the caller's future is large enough already.
        let result = proxy.invoke(self.port, name, Box::pin(call(&function))).await;
        if self.is_reused && !matches!(result, InvocationResult::Died) {
            warm.swap(Some(function));
        }
        result
    }
}
