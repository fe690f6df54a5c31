//! One instance of a function: its process and its Runtime API.

use std::{
    collections::BTreeMap,
    io,
    process::{ExitStatus, Stdio},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use axum::body::Bytes;
use tokio::{
    process::{Child, Command},
    sync::oneshot,
};

use super::runtime_api::{Invocation, RuntimeApi};
use crate::template::resolve::{ACCOUNT, REGION};

/// What a function is configured with on Lambda.
#[derive(Clone, Debug)]
pub struct Settings {
    pub name: String,
    pub memory_mb: u32,
    pub timeout: Duration,
    pub variables: BTreeMap<String, String>,
}

/// An invocation that came to nothing. The instance can be used again after
/// [`InvocationError::Function`] only.
#[derive(Debug, thiserror::Error)]
pub enum InvocationError {
    #[error("the function answered with an error: {0}")]
    Function(String),
    #[error("the process ended with {0}")]
    Exited(ExitStatus),
    #[error("the function did not answer within {0:?}")]
    TimedOut(Duration),
    #[error("the process cannot be watched")]
    Process(#[from] io::Error),
}

/// A process that serves one invocation at a time. It is killed when dropped.
pub struct Instance {
    child: Child,
    api: RuntimeApi,
    timeout: Duration,
    started: Instant,
}

impl Instance {
    /// Starts `command`, which names the program, its arguments and where its
    /// output goes. Its environment is the one that Lambda gives and nothing else.
    ///
    /// # Errors
    /// When there is no port, or the program cannot be started.
    pub async fn start(mut command: Command, settings: &Settings) -> io::Result<Self> {
        let arn = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{}", settings.name);
        let api = RuntimeApi::start(&settings.name, arn).await?;
        let started = Instant::now();
        let child = command
            .env_clear()
            .envs(environment(settings, &api))
            .envs(&settings.variables)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        Ok(Self { child, api, timeout: settings.timeout, started })
    }

    /// The process, until it has ended.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Just before the process was made.
    #[must_use]
    pub fn started(&self) -> Instant {
        self.started
    }

    /// Returns when it has asked for its first invocation.
    ///
    /// # Errors
    /// When it ends before.
    pub async fn ready(&mut self) -> Result<(), InvocationError> {
        tokio::select! {
            // The sender lives as long as the API, which is held here.
            _ = self.api.is_ready.wait_for(|is_ready| *is_ready) => Ok(()),
            exit_status = self.child.wait() => Err(InvocationError::Exited(exit_status?)),
        }
    }

    /// Gives it an event and waits for the answer, for as long as the function may take.
    ///
    /// # Errors
    /// When it answers with an error, ends, or takes too long.
    pub async fn invoke(&mut self, event: Bytes) -> Result<Bytes, InvocationError> {
        let (answer, answered) = oneshot::channel();
        let deadline_ms = millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + self.timeout);
        // It can only fail once the API has ended, and then `answered` fails as well.
        let _ = self.api.invocations.send(Invocation { event, deadline_ms, answer }).await;
        let answer = tokio::select! {
            Ok(answer) = answered => answer,
            exit_status = self.child.wait() => return Err(InvocationError::Exited(exit_status?)),
            () = tokio::time::sleep(self.timeout) => return Err(InvocationError::TimedOut(self.timeout)),
        };
        answer.map_err(|error| InvocationError::Function(String::from_utf8_lossy(&error).into_owned()))
    }

    /// Ends it as Lambda does, without asking it, and waits until it is gone.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub async fn kill(mut self) -> io::Result<()> {
        self.child.kill().await
    }

    /// Waits until it has ended by itself, or been ended by others.
    ///
    /// # Errors
    /// When it cannot be watched.
    pub async fn wait(mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// What it ended with, if it has.
    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }
}

/// The variables that AWS's "Defined runtime environment variables" lists, as
/// far as a Rust function and its SDK look at them.
fn environment(settings: &Settings, api: &RuntimeApi) -> [(&'static str, String); 10] {
    [
        ("PATH", "/usr/local/bin:/usr/bin:/bin".to_owned()),
        ("AWS_LAMBDA_RUNTIME_API", api.address.to_string()),
        ("AWS_LAMBDA_FUNCTION_NAME", settings.name.clone()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", settings.memory_mb.to_string()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", settings.name)),
        ("AWS_LAMBDA_LOG_STREAM_NAME", format!("[$LATEST]{}", api.address.port())),
        ("AWS_LAMBDA_LOG_FORMAT", "JSON".to_owned()),
        ("_HANDLER", "bootstrap".to_owned()),
    ]
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
