use aws_lambda_events::event::sqs::SqsEvent;
use callback::Callback;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use shared::runtime::{Environment, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::of_process()?;
    telemetry::start(&environment.variables)?;
    let function = Callback::new(&environment)?;
    run(service_fn(async |event: LambdaEvent<SqsEvent>| Ok::<_, Error>(function.handle(event.payload).await))).await
}
