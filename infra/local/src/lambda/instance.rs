//! A function's instance: a process and its Runtime API.

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

#[derive(Clone, Debug)]
pub struct Settings {
    pub name: String,
    pub memory_mb: u32,
    pub timeout: Duration,
    pub variables: BTreeMap<String, String>,
}

/// A failed invocation. The instance is reusable only after [`InvocationError::Function`].
#[derive(Debug, thiserror::Error)]
pub enum InvocationError {
    #[error("the function returned an error: {0}")]
    Function(String),
    #[error("the process exited with {0}")]
    Exited(ExitStatus),
    #[error("the function timed out after {0:?}")]
    TimedOut(Duration),
    #[error("could not wait for the process")]
    Process(#[from] io::Error),
}

/// A process that serves one invocation at a time. Dropping it kills the process.
pub struct Instance {
    child: Child,
    api: RuntimeApi,
    timeout: Duration,
    started: Instant,
}

impl Instance {
    /// Starts `command` with only the environment that Lambda sets. The caller chooses program, arguments and
    /// output.
    ///
    /// # Errors
    /// If no port is free, or the program cannot be started.
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

    /// Returns the process ID, or `None` once the process has exited.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Returns the time just before the process was started.
    #[must_use]
    pub fn started(&self) -> Instant {
        self.started
    }

    /// Waits until the process asks for its first invocation.
    ///
    /// # Errors
    /// If the process exits before that.
    pub async fn ready(&mut self) -> Result<(), InvocationError> {
        tokio::select! {
            // Cannot fail: we hold the API, and with it the sender.
            _ = self.api.is_ready.wait_for(|is_ready| *is_ready) => Ok(()),
            exit_status = self.child.wait() => Err(InvocationError::Exited(exit_status?)),
        }
    }

    /// Invokes the function and waits for the response, up to the function's timeout.
    ///
    /// # Errors
    /// If the function returns an error, exits or times out.
    pub async fn invoke(&mut self, event: Bytes) -> Result<Bytes, InvocationError> {
        let (answer, answered) = oneshot::channel();
        let deadline_ms = millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + self.timeout);
        // Fails only if the API has ended, and then `answered` fails as well.
        let _ = self.api.invocations.send(Invocation { event, deadline_ms, answer }).await;
        let answer = tokio::select! {
            Ok(answer) = answered => answer,
            exit_status = self.child.wait() => return Err(InvocationError::Exited(exit_status?)),
            () = tokio::time::sleep(self.timeout) => return Err(InvocationError::TimedOut(self.timeout)),
        };
        answer.map_err(|error| InvocationError::Function(String::from_utf8_lossy(&error).into_owned()))
    }

    /// Kills the process, as Lambda does, and waits for its exit.
    ///
    /// # Errors
    /// If the process cannot be killed.
    pub async fn kill(mut self) -> io::Result<()> {
        self.child.kill().await
    }

    /// Waits until the process exits.
    ///
    /// # Errors
    /// If the system call fails.
    pub async fn wait(mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Returns the exit status if the process has exited.
    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }
}

/// Returns the variables of AWS's "Defined runtime environment variables" that a Rust function or its SDK
/// reads.
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
