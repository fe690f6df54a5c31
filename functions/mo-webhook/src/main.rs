use lambda_http::{Error, run, service_fn};
use mo_webhook::MoWebhook;
use shared::runtime::{Environment, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::of_process()?;
    telemetry::start(&environment.variables)?;
    let function = MoWebhook::new(&environment)?;
    run(service_fn(async |request| Ok::<_, Error>(function.handle(request).await))).await
}
