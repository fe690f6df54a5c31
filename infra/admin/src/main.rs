//! `cargo run -p admin`: the operator's tool.

use std::{
    io::{self, BufRead, IsTerminal, Read, Write},
    process::ExitCode,
};

use shared::runtime::Environment;

/// In bytes; no key is longer.
const LONGEST_LINE: u64 = 8_192;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let environment = match Environment::of_process() {
        Ok(environment) => environment,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let done = admin::run(std::env::args_os(), &environment, line).await;
    // A reader that closes the pipe, such as `head`, has all it wants.
    if let Err(error) = io::stdout().write_all(done.out.as_bytes())
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        eprintln!("error: could not write the output: {error}");
        return ExitCode::FAILURE;
    }
    eprint!("{}", done.err);
    ExitCode::from(done.code)
}

/// Reads the first line of standard input.
fn line() -> io::Result<String> {
    let input = io::stdin().lock();
    if input.is_terminal() {
        eprint!("Paste the key, then press Enter: ");
    }
    let mut line = String::new();
    input.take(LONGEST_LINE).read_line(&mut line)?;
    Ok(line)
}
