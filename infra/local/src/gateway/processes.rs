//! The functions as Lambda runs them: a binary each, with a process for every concurrent invocation up to a
//! limit.
//!
//! An instance that exits or times out fails its invocation and is not reused; the next invocation starts
//! another.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::{Context, bail};
use axum::body::Bytes;
use serde_json::Value;
use tokio::{process::Command, sync::Semaphore};
use tracing::warn;

use crate::lambda::{Instance, InvocationError, Settings};

/// The limit for each function.
const MAX_INSTANCES: usize = 8;

pub(super) struct Processes {
    pools: HashMap<String, Arc<Pool>>,
}

struct Pool {
    bootstrap: PathBuf,
    settings: Settings,
    permits: Semaphore,
    idle: Mutex<Vec<Instance>>,
}

impl Processes {
    /// Returns the functions with binaries at `directory/NAME/bootstrap`, the layout of `cargo lambda
    /// build`.
    ///
    /// # Errors
    /// If a binary is missing.
    pub(super) fn new(directory: &Path, functions: impl Iterator<Item = Settings>) -> anyhow::Result<Self> {
        let pools = functions.map(|settings| {
            let bootstrap = directory.join(&settings.name).join("bootstrap");
            let bootstrap = std::path::absolute(&bootstrap)?;
            if !bootstrap.is_file() {
                bail!("{} not found; `cargo lambda build --release` builds it", bootstrap.display());
            }
            let name = settings.name.clone();
            let permits = Semaphore::new(MAX_INSTANCES);
            Ok((name, Arc::new(Pool { bootstrap, settings, permits, idle: Mutex::default() })))
        });
        Ok(Self { pools: pools.collect::<anyhow::Result<_>>()? })
    }

    pub(super) async fn invoke(&self, function: &str, event: &Value) -> anyhow::Result<Bytes> {
        let pool = self.pools.get(function).with_context(|| format!("the template has no function {function}"))?;
        let (pool, event) = (Arc::clone(pool), Bytes::from(serde_json::to_vec(event)?));
        // A separate task, because a client that disconnects must not cancel the invocation.
        let invocation = tokio::spawn(async move { pool.invoke(event).await });
        invocation.await?.with_context(|| function.to_owned())
    }
}

impl Pool {
    async fn invoke(&self, event: Bytes) -> anyhow::Result<Bytes> {
        let _permit = self.permits.acquire().await?;
        let mut instance = match self.pop_idle() {
            Some(instance) => instance,
            None => self.start().await?,
        };
        let answer = instance.invoke(event).await;
        if matches!(answer, Ok(_) | Err(InvocationError::Function(_))) {
            self.idle().push(instance);
        }
        Ok(answer?)
    }

    /// Takes the most recently used idle instance, as Lambda does, so that surplus instances stay idle.
    fn pop_idle(&self) -> Option<Instance> {
        let mut idle = self.idle();
        while let Some(mut instance) = idle.pop() {
            let Some(status) = instance.exit_status() else { return Some(instance) };
            warn!(function = self.settings.name, %status, "idle instance exited");
        }
        None
    }

    async fn start(&self) -> anyhow::Result<Instance> {
        let mut command = Command::new(&self.bootstrap);
        // Lambda logs both streams. Our own standard output has only the `ready` line.
        command.stdout(Stdio::from(std::io::stderr())).stderr(Stdio::inherit());
        let started = Instance::start(command, &self.settings).await;
        started.with_context(|| format!("starting {}", self.bootstrap.display()))
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Instance>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, time::Duration};

    use serde_json::json;

    use super::*;

    fn settings(name: &str) -> Settings {
        Settings {
            name: name.to_owned(),
            memory_mb: 128,
            timeout: Duration::from_secs(20),
            variables: [("SEEN".to_owned(), "yes".to_owned())].into(),
        }
    }

    /// Creates a folder with one function, a script. A shell writes the script: if this process did, a
    /// concurrent test's fork could inherit the open file, and `exec` would fail with "text file busy".
    fn folder(name: &str, script: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(uuid::Uuid::new_v4().to_string());
        fs::create_dir_all(folder.join(name)).unwrap();
        let write = "printf '#!/bin/sh\\n%s\\n' \"$1\" > bootstrap && chmod 755 bootstrap";
        let mut shell = std::process::Command::new("sh");
        let shell = shell.current_dir(folder.join(name)).args(["-c", write, "sh", script]);
        assert!(shell.status().unwrap().success());
        folder
    }

    #[tokio::test]
    async fn exited_instance_fails_its_invocation_and_is_replaced() {
        let folder = folder("ends", "echo started >> \"${0%/*}/starts\"; exit 7");
        let processes = Processes::new(&folder, [settings("ends")].into_iter()).unwrap();
        for starts in 1..=2 {
            let error = processes.invoke("ends", &json!({})).await.unwrap_err();
            assert!(format!("{error:#}").contains("exit status: 7"), "{error:#}");
            assert_eq!(fs::read_to_string(folder.join("ends/starts")).unwrap().lines().count(), starts);
        }
        fs::remove_dir_all(folder).unwrap();
    }

    #[tokio::test]
    async fn instance_has_only_the_environment_of_lambda() {
        let folder = folder("env", "env > \"${0%/*}/env\"; exit 0");
        let processes = Processes::new(&folder, [settings("env")].into_iter()).unwrap();
        assert!(processes.invoke("env", &json!({})).await.is_err());
        let written = fs::read_to_string(folder.join("env/env")).unwrap();
        for expected in ["SEEN=yes", "AWS_LAMBDA_FUNCTION_NAME=env", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128"] {
            assert!(written.lines().any(|line| line == expected), "{expected} in {written}");
        }
        assert!(written.contains("AWS_LAMBDA_RUNTIME_API=127.0.0.1:"), "{written}");
        assert!(!written.contains("CARGO"), "{written}");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn missing_binary_is_named() {
        let error = Processes::new(Path::new("/nowhere"), [settings("send")].into_iter()).err().unwrap();
        assert!(error.to_string().contains("/nowhere/send/bootstrap"), "{error}");
    }
}
