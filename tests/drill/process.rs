//! A `local emulator` or `local --emulator` process, killed with SIGKILL.

use std::process::Stdio;

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};
use url::Url;

pub struct LocalProcess {
    child: Child,
    pub url: Url,
}

impl LocalProcess {
    /// Starts the process on a free port, and returns once it serves.
    pub async fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_local"));
        command.args(arguments).args(["--port", "0"]).env("LOG_LEVEL", "error");
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next_line().await.unwrap().unwrap();
        let (_, url) = line.split_once(' ').unwrap();
        Self { url: url.parse().unwrap(), child }
    }

    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}
