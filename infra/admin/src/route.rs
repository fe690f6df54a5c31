//! `admin route`: rules for choosing carriers. The first match applies, so we reject a rule that exists
//! already, or that would never apply because an earlier rule matches all its messages.

use serde_json::{Value, json};
use shared::domain::{CarrierName, Route, Routes};

use crate::{
    Context, account,
    arguments::{RouteAdd, RouteCommand},
    carrier,
    failure::Failure,
    output::{Report, or_dash, table},
};

const WHEN: &str = "The change takes effect within 30 seconds.";

pub async fn run(command: RouteCommand, context: &Context) -> Result<Report, Failure> {
    match command {
        RouteCommand::List => Ok(report(&context.directory.latest_routes().await?)),
        RouteCommand::Add(new) => add(context, new).await,
        RouteCommand::Remove { position } => remove(context, position.into()).await,
    }
}

async fn add(context: &Context, new: RouteAdd) -> Result<Report, Failure> {
    check_carriers(context, &new).await?;
    if let Some(id) = &new.account {
        account::existing(&context.directory, id).await?;
    }
    let RouteAdd { carriers, name, account, sender, channel, prefix, receipt_timeout, at } = new;
    let mut route = Route { name, account, sender, channel, prefix, ..Route::to(carriers) };
    if let Some(seconds) = receipt_timeout {
        route.receipt_timeout_s = seconds;
    }
    let mut position = 0;
    let routes = context.directory.change_routes(|rules| {
        position = position_for(&route, rules, at.map(usize::from))?;
        rules.insert(position - 1, route.clone());
        Ok::<_, Failure>(())
    });
    let routes = routes.await?;
    let mut report = report(&routes).and("added", position).note(format!("Added rule {position}. {WHEN}"));
    // Another operator may have removed a carrier after we looked, and before the rule could keep it.
    for name in &route.carriers {
        if context.directory.latest_carrier(*name).await?.is_none() {
            report = report.note(format!("Warning: another operator removed the carrier {name} meanwhile."));
        }
    }
    let hidden = routes.0.iter().enumerate().skip(position).filter(|(_, later)| route.covers(later));
    let hidden: Vec<_> = hidden.map(|(index, _)| (index + 1).to_string()).collect();
    Ok(if hidden.is_empty() {
        report
    } else {
        let hidden = hidden.join(", ");
        report
            .note(format!("Warning: it matches every message of a later rule, which no longer applies: rule {hidden}."))
    })
}

/// Rejects duplicate carriers, and carriers without settings.
async fn check_carriers(context: &Context, new: &RouteAdd) -> Result<(), Failure> {
    for (index, name) in new.carriers.iter().enumerate() {
        if new.carriers[..index].contains(name) {
            return Err(Failure::Usage(format!("the carrier {name} is named twice; each is tried once")));
        }
        carrier::existing(context, *name).await?;
    }
    Ok(())
}

/// Returns the new rule's position, from 1.
fn position_for(route: &Route, rules: &[Route], wanted: Option<usize>) -> Result<usize, Failure> {
    let end = rules.len() + 1;
    let position = wanted.unwrap_or(end);
    if position > end {
        return Err(Failure::Refused(format!(
            "there are {} rules, so the last position for another is {end}",
            end - 1
        )));
    }
    if let Some(index) = rules.iter().position(|rule| rule == route) {
        return Err(Failure::Refused(format!("rule {} is the same", index + 1)));
    }
    match rules[..position - 1].iter().position(|earlier| earlier.covers(route)) {
        None => Ok(position),
        Some(index) => Err(Failure::Refused(format!(
            "rule {first} ({}) matches every message that this one would, so this one would never apply;\n\
             put it before that rule, with --at {first}",
            words(&rules[index]),
            first = index + 1
        ))),
    }
}

async fn remove(context: &Context, position: usize) -> Result<Report, Failure> {
    let mut removed: Option<Route> = None;
    let routes = context.directory.change_routes(|rules| {
        let Some(found) = rules.get(position - 1) else {
            let there = rules.len();
            return Err(Failure::Refused(format!("there is no rule {position}, only {there}; see `admin route list`")));
        };
        // If the change is retried, another rule may be at this position. The operator meant the first.
        if removed.get_or_insert_with(|| found.clone()) != found {
            return Err(Failure::Refused(
                "another operator changed the routes at the same time; check them and try again".to_owned(),
            ));
        }
        rules.remove(position - 1);
        Ok(())
    });
    let routes = routes.await?;
    let words = removed.as_ref().map(words).unwrap_or_default();
    let report = report(&routes).and("removed", removed.as_ref().map(shown));
    Ok(report.note(format!("Removed rule {position}: {words}. {WHEN}")))
}

fn report(routes: &Routes) -> Report {
    let row = |(index, route): (usize, &Route)| {
        [
            (index + 1).to_string(),
            or_dash(route.name.as_ref().map(ToString::to_string)),
            or_dash(route.account.as_ref().map(ToString::to_string)),
            or_dash(route.sender.as_ref().map(ToString::to_string)),
            or_dash(route.channel.map(|channel| channel.into_str().to_owned())),
            or_dash(route.prefix.as_ref().map(ToString::to_string)),
            names(route).join(","),
            format!("{} s", route.receipt_timeout_s),
        ]
    };
    let rows: Vec<_> = routes.0.iter().enumerate().map(row).collect();
    let headings = ["POSITION", "NAME", "ACCOUNT", "SENDER", "CHANNEL", "PREFIX", "CARRIERS", "RECEIPT TIMEOUT"];
    let report =
        Report::new(table(headings, &rows), &json!({"routes": routes.0.iter().map(shown).collect::<Vec<_>>()}));
    let everything = Route::to(Vec::new());
    if routes.0.iter().any(|route| route.covers(&everything)) {
        report
    } else {
        report.note("Warning: messages that match no rule have no route; `admin route add --carriers NAME` adds a rule for them.")
    }
}

fn shown(route: &Route) -> Value {
    json!({
        "name": route.name,
        "account": route.account,
        "sender": route.sender,
        "channel": route.channel,
        "prefix": route.prefix,
        "carriers": names(route),
        "receipt_timeout_s": route.receipt_timeout_s,
    })
}

fn names(route: &Route) -> Vec<&str> {
    route.carriers.iter().map(CarrierName::as_str).collect()
}

/// Describes a rule on a single line.
fn words(route: &Route) -> String {
    let conditions = [
        route.name.as_ref().map(|name| format!("name {name}")),
        route.account.as_ref().map(|account| format!("account {account}")),
        route.sender.as_ref().map(|sender| format!("sender {sender}")),
        route.channel.map(|channel| format!("channel {}", channel.into_str())),
        route.prefix.as_ref().map(|prefix| format!("prefix {prefix}")),
    ];
    let conditions: Vec<_> = conditions.into_iter().flatten().collect();
    let fits = if conditions.is_empty() { "everything".to_owned() } else { conditions.join(", ") };
    format!("{fits} to {}", names(route).join(", "))
}
