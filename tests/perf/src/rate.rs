//! Messages a second through `local`, a single process with DynamoDB, SQS and the network. The rate
//! depends on the machine, so it has no budget.

use std::path::Path;

use crate::{
    budgets::Budgets,
    load::{Clients, Load},
    stack::Local,
    table::{Row, Table},
};

const LOADS: [Load; 2] = [
    Load { messages: 5_000, each_request: 1, connections: 32 },
    Load { messages: 20_000, each_request: 100, connections: 4 },
];
const WARM_UP: u32 = 500;

/// # Errors
/// `local` does not start, or a message is not delivered.
pub async fn table(local: &Path, profile: &str, budgets: &Budgets) -> anyhow::Result<Table> {
    let mut table = Table::new(format!("rate: messages a second through `local`, profile {profile}"));
    let clients = Clients::start().await?;
    let system = Local::start(local, &[]).await?;
    for load in LOADS {
        clients.send(&system.url, Load { messages: WARM_UP, ..load }).await?;
        let timings = clients.send(&system.url, load).await?;
        let requests = format!("requests of {}, {} connections", load.each_request, load.connections);
        let a_second = |seconds: f64| f64::from(load.messages) / seconds;
        let accepted = a_second(timings.accepted.as_secs_f64());
        table.rows.push(Row::beside(format!("{requests}: accepted"), budgets.rate.accepted_per_second, accepted));
        table.rows.push(Row::info(format!("{requests}: called back"), a_second(timings.called_back.as_secs_f64())));
    }
    system.stop().await?;
    table.notes.push("The reference is the rate of Kannel 1.4.5 on a machine with two processors. Here".into());
    table.notes.push("the clients, AWS and the network share the processors, and other programs may too.".into());
    Ok(table)
}
