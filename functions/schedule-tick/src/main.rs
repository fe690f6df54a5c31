use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use schedule_tick::ScheduleTick;
use serde_json::Value;
use shared::runtime::{Environment, telemetry};

// The function has two processors.
#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Error> {
    let environment = Environment::of_process()?;
    telemetry::start(&environment.variables)?;
    let function = ScheduleTick::new(&environment)?;
    run(service_fn(async |event: LambdaEvent<Value>| {
        function.handle(event.context.deadline).await.map_err(Error::from)
    }))
    .await
}
