//! Runs `local` in its own processes, as a user does. Its log and those of its functions go to a file, which
//! we keep if `local` does not stop cleanly.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::Context;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};
use url::Url;

/// A running `local`. [`Local::stop`] also stops its child processes.
pub struct Local {
    child: Child,
    log: PathBuf,
    pub url: Url,
}

impl Local {
    /// Starts `local` on a free port and waits until it is ready.
    ///
    /// # Errors
    /// `local` cannot be started, or exits.
    pub async fn start(program: &Path, arguments: &[&str]) -> anyhow::Result<Self> {
        let mut command = Command::new(program);
        command.args(arguments).args(["--port", "0"]).env("LOG_LEVEL", "error");
        let log = std::env::temp_dir().join(format!("perf-local-{}.log", uuid::Uuid::new_v4()));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(&log)?);
        let mut child = command.kill_on_drop(true).spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
        let line = lines.next_line().await?.with_context(|| format!("`local` did not start; see {}", log.display()))?;
        let (_, url) = line.split_once(' ').with_context(|| format!("`local` printed '{line}'"))?;
        Ok(Self { url: url.parse()?, child, log })
    }

    /// # Errors
    /// `local` has ended.
    pub fn id(&self) -> anyhow::Result<u32> {
        self.child.id().context("`local` has ended")
    }

    /// # Errors
    /// `local` cannot be signalled, or reports a failure.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        let process = self.id()?.to_string();
        Command::new("kill").args(["-TERM", &process]).status().await?;
        let status = self.child.wait().await?;
        anyhow::ensure!(status.success(), "`local` ended with {status}; see {}", self.log.display());
        std::fs::remove_file(&self.log)?;
        Ok(())
    }
}
