use account::Account;
use lambda_http::Error;
use shared::{
    edge::run_http,
    runtime::{Environment, telemetry},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::of_process()?;
    telemetry::start(&environment.variables)?;
    let function = Account::new(&environment)?;
    run_http(|request| function.handle(request)).await
}
