//! A client: sends, reads and cancels messages.

use lambda_http::RequestExt;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use shared::runtime::HttpStack;

use crate::{
    clients::ClientRequest,
    system::{DEMO, System, TIMEOUT},
    views::{Accepted, MessageRef, MessageView},
};

/// An answer: its status and its JSON body.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub body: Value,
}

/// Returns an HTTP client with compiled-in root certificates. [`Client::new`] reads the system's, which costs more than
/// the rest of a system's start.
pub fn client() -> Client {
    HttpStack::new().unwrap().client().clone()
}

/// Sends a request and reads its answer as JSON. An empty body is `null`.
pub async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let status = response.status();
    let text = response.text().await.unwrap();
    let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect(&text) };
    Answer { status, body }
}

/// Returns a POST by the demo account, as Lambda passes it to a function.
pub fn invocation(path: &str, body: &Value) -> lambda_http::Request {
    let request = http::Request::post(path).header("authorization", format!("Bearer {DEMO}"));
    let path = path.split('?').next().unwrap_or(path);
    request.body(lambda_http::Body::from(body.to_string())).unwrap().with_raw_http_path(path)
}

impl System {
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path))
    }

    /// Sends a request as a dialect's client writes it, and returns the answer's status and text.
    pub async fn send_request(&self, request: &ClientRequest) -> (StatusCode, String) {
        let ClientRequest { method, path, headers, body } = request;
        let sent = self.request(method.clone(), path).body(body.clone());
        let sent = headers.iter().fold(sent, |sent, (name, value)| sent.header(*name, value));
        let response = sent.send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    }

    /// Posts to `/message`.
    pub async fn post(&self, key: &str, body: &Value) -> Answer {
        answer(self.request(Method::POST, "/message").bearer_auth(key).json(body)).await
    }

    /// Posts a request to `/message`; fails unless it is accepted.
    pub async fn send(&self, key: &str, body: &Value) -> Vec<Accepted> {
        let answer = self.post(key, body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.body["messages"].as_array().unwrap().iter().cloned().map(Accepted::new).collect()
    }

    /// Sends messages in one request.
    pub async fn send_all(&self, key: &str, messages: impl IntoIterator<Item = Value>) -> Vec<Accepted> {
        self.send(key, &json!({"messages": messages.into_iter().collect::<Vec<_>>()})).await
    }

    /// Sends a message.
    pub async fn send_one(&self, key: &str, message: Value) -> Accepted {
        self.send_all(key, [message]).await.remove(0)
    }

    pub async fn get(&self, key: &str, path: &str) -> Answer {
        answer(self.request(Method::GET, path).bearer_auth(key)).await
    }

    pub async fn delete(&self, key: &str, path: &str) -> Answer {
        answer(self.request(Method::DELETE, path).bearer_auth(key)).await
    }

    /// Tries to cancel a message as the demo account.
    pub async fn cancel(&self, id: &(impl MessageRef + ?Sized)) -> Answer {
        self.delete(DEMO, &format!("/messages/{}", id.message_id())).await
    }

    /// Reads a message as the demo account.
    pub async fn message(&self, id: &(impl MessageRef + ?Sized)) -> MessageView {
        let answer = self.get(DEMO, &format!("/messages/{}", id.message_id())).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        MessageView::new(answer.body)
    }

    /// Reads the demo account's newest message or reply.
    pub async fn newest(&self) -> MessageView {
        MessageView::new(self.get(DEMO, "/messages?limit=1").await.body["messages"][0].take())
    }

    /// Waits until a message has a state.
    pub async fn until_state(&self, id: &(impl MessageRef + ?Sized), state: &str) -> MessageView {
        self.until_message(id, &format!("is {state}"), |message| message.state() == state).await
    }

    /// Waits until a message has a state and exactly so many attempts.
    pub async fn until_state_after(&self, id: &(impl MessageRef + ?Sized), state: &str, attempts: u64) -> MessageView {
        let what = format!("is {state} after {attempts} attempts");
        self.until_message(id, &what, |message| message.state() == state && message.attempts() == attempts).await
    }

    /// Waits until a condition holds for a message.
    pub async fn until_message(
        &self,
        id: &(impl MessageRef + ?Sized),
        what: &str,
        holds: impl Fn(&MessageView) -> bool,
    ) -> MessageView {
        self.until_found(TIMEOUT, &format!("{} {what}", id.message_id()), async || {
            let message = self.message(id).await;
            if holds(&message) { Ok(message) } else { Err(message) }
        })
        .await
    }
}
