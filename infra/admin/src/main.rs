//! `cargo run -p admin`: the operator's tool.

use std::process::ExitCode;

use shared::runtime::Environment;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let environment = match Environment::of_process() {
        Ok(environment) => environment,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let done = admin::run(std::env::args_os(), &environment).await;
    print!("{}", done.out);
    eprint!("{}", done.err);
    ExitCode::from(done.code)
}
