//! `cargo run -p admin`: the operator's tool.

use std::{
    io::{self, BufRead, IsTerminal, Read, Write},
    process::ExitCode,
};

use shared::runtime::Environment;

/// In bytes; no secret is longer.
const LONGEST_INPUT: u64 = 8_192;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let environment = match Environment::of_process() {
        Ok(environment) => environment,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let done = admin::run(std::env::args_os(), &environment, input).await;
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

/// Reads standard input; from a terminal up to an empty line.
fn input() -> io::Result<String> {
    let input = io::stdin().lock();
    let is_terminal = input.is_terminal();
    if is_terminal {
        eprint!("Paste the secret, each part on a line of its own, and end with an empty line: ");
    }
    read(input.take(LONGEST_INPUT), is_terminal)
}

fn read(mut input: impl BufRead, to_empty_line: bool) -> io::Result<String> {
    let mut text = String::new();
    loop {
        let start = text.len();
        let is_end = input.read_line(&mut text)? == 0;
        if is_end || (to_empty_line && text[start..].trim().is_empty()) {
            return Ok(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_input_ends_with_an_empty_line() {
        let text = "login\npassword\n\nmore\n";
        assert_eq!(read(text.as_bytes(), false).unwrap(), text);
        assert_eq!(read(text.as_bytes(), true).unwrap(), "login\npassword\n\n");
        assert_eq!(read(&b"key"[..], true).unwrap(), "key");
    }
}
