//! The vocabulary for tests that run a whole system.
//!
//! A test starts a [`System`], sends messages to [`Phone`]s as a client, and looks at what phones, callbacks and
//! the API show. "A carrier that is busy twice is retried until it accepts":
//!
//! ```ignore
//! #[tokio::test]
//! async fn busy_carrier_is_retried_until_it_accepts() {
//!     let system = System::start().await;
//!     let phone = Phone::busy_twice();
//!     let message = with(owned(&phone, "Hello"), "callback", system.sink("receipts"));
//!     let sent = system.send_one(DEMO, message).await;
//!     for attempts in [1, 2] {
//!         system.until_state_after(&sent, "queued", attempts).await;
//!         system.advance(3).await;
//!     }
//!     assert_eq!(system.until_state(&sent, "delivered").await.attempts(), 3);
//!     assert_eq!(system.texts(&phone).await, ["Hello"]);
//!     assert_eq!(system.until_callback("receipts").await.receipt_code(), "00");
//! }
//! ```
//!
//! | to | use |
//! |---|---|
//! | choose what a phone does | [`Phone`], and [`System::set_channels`] for single channels |
//! | change the configuration | [`TestConfig`] with [`System::with_config`]; [`carrier`], [`route_to`] |
//! | send, read and cancel | [`System::send_one`], [`System::message`], [`System::cancel`]; [`shared`](messages::shared), [`owned`](messages::owned), [`with`](messages::with) build messages |
//! | wait | [`System::until_state`], [`System::until_message`], [`System::until_handset`], [`System::until_callbacks`], [`System::until_idle`] |
//! | read an answer | [`Accepted`], [`MessageView`], [`Callback`]: names for common fields, and the JSON behind them |
//! | let time pass | [`System::advance`] |
//! | keep messages of a rate-limited sender waiting | [`System::hold_send_slots`], [`System::free_send_slots`] |
//! | act as the simulated carrier or a phone | [`System::deliver_receipt`], [`System::deliver_reply`], [`System::reply_from`] |
//! | script a carrier's answers | [`ScriptedCarrier`] with [`TestConfig::carrier_endpoint`] |
//! | script a client's callback URL | [`TestServer`] |
//! | close or forget connections | [`Relay`] |
//! | send in every dialect | [`clients`] |
//! | look into tables and queues | [`System::scan`], [`System::queue_length`], [`System::aws`] |
//! | call a function directly | [`System::environment`] after [`System::without_gateway`] |

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test that fails may panic where it stands"
)]

mod aws;
pub mod carrier;
mod client;
pub mod clients;
mod config;
pub mod messages;
mod phone;
mod relay;
mod request;
mod scripted_carrier;
mod send_slots;
mod server;
mod sinks;
pub mod system;
mod views;

pub use self::{
    aws::{JOB_QUEUES, submit_job, with_role},
    client::client,
    config::{
        TestConfig, carrier, carrier_configs, carrier_of_each_vendor, carrier_settings, carriers, route_positions,
        route_to, vendor_of, webhook_path,
    },
    phone::Phone,
    relay::Relay,
    request::Request,
    scripted_carrier::{LookupAnswer, ScriptedCarrier, SubmitAnswer},
    send_slots::rate_excess,
    server::{Response, TestServer, unreachable_url},
    system::System,
    views::{Accepted, Callback, MessageRef, MessageView},
};
