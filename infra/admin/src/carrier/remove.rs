//! `admin carrier remove`.

use serde_json::json;
use shared::{
    domain::CarrierName,
    flow::operator::carrier_use::{self, CarrierUse},
    store::{SecretStore, SecretsByCarrier},
};

use super::{
    Carriers, missing,
    report::{MissingPart, positions, routes_to},
    simulation,
};
use crate::{
    arguments::CarrierRemove,
    failure::Failure,
    output::{Report, counted},
};

/// Removes a carrier that nothing needs any more. The secret goes first, so that its webhooks end before its
/// settings. A crash in between leaves a part, and the same command then removes the rest.
pub async fn remove(carriers: &Carriers<'_>, which: CarrierRemove) -> Result<Report, Failure> {
    let CarrierRemove { name, abandon_messages, yes } = which;
    let directory = &carriers.context.directory;
    let missing_part = missing_part(carriers, name).await?;
    let routes = routes_to(&directory.latest_routes().await?, name);
    let store = carriers.connection.store().await?;
    let used = carrier_use::count(&store, name, carriers.context.clock.now()).await?;
    // An incomplete carrier may be restored, and can then report on its messages. So its messages block the
    // removal, too, unless the operator gives them up.
    let is_abandoned = abandon_messages && missing_part.is_some();
    if !routes.is_empty() || (used.messages > 0 && !is_abandoned) {
        return Err(Failure::Refused(in_use(name, &routes, used, missing_part)));
    }
    if !yes {
        return Err(unconfirmed(name, used));
    }
    simulation::unregister(carriers, name).await?;
    let delete = async |secrets: &mut SecretsByCarrier| {
        secrets.remove(&name);
        Ok::<_, Failure>(())
    };
    carriers.secrets.change(&carriers.context.random, delete).await?;
    directory.remove_carrier(name).await?;
    let late = routes_to(&directory.latest_routes().await?, name);
    let json = json!({"removed": name, "messages": used.messages, "unmatched": used.unmatched, "routes": late});
    let report = Report::new("", &json);
    let report =
        report.note(format!("Removed the carrier {name}. Its webhooks end within five minutes.{}", lost(used)));
    Ok(if late.is_empty() {
        report
    } else {
        report.note(format!(
            "Warning: another operator added a route to {name} meanwhile: rule {}. A message that has no other\n\
             carrier waits. Remove the rule with `admin route remove`, or add the carrier again.",
            positions(&late)
        ))
    })
}

/// Returns the part that the carrier lacks, if any.
///
/// # Errors
/// If the carrier has no part.
async fn missing_part(carriers: &Carriers<'_>, name: CarrierName) -> Result<Option<MissingPart>, Failure> {
    let directory = &carriers.context.directory;
    let has_settings = directory.latest_carrier(name).await?.is_some();
    let has_secret = carriers.secrets.carriers().await?.contains_key(&name);
    match (has_settings, has_secret) {
        (true, true) => Ok(None),
        (true, false) => Ok(Some(MissingPart::Secret)),
        (false, true) => Ok(Some(MissingPart::Settings)),
        (false, false) if directory.latest_carrier_names().await?.contains(&name) => Ok(Some(MissingPart::Settings)),
        (false, false) => Err(missing(name)),
    }
}

fn unconfirmed(name: CarrierName, used: CarrierUse) -> Failure {
    let named = match used.messages {
        0 => format!("no route and no unfinished message names {name}"),
        count => format!(
            "no route names {name}, but {}",
            counted(count, "unfinished message does", "unfinished messages do")
        ),
    };
    Failure::Unconfirmed {
        words: format!(
            "{named}. Removing it deletes its settings, credentials and\n\
             webhook addresses, which cannot be restored.{}\n\
             Run it again with --yes to do so.",
            lost(used)
        ),
        counts: json!({"messages": used.messages, "unmatched": used.unmatched}),
    }
}

fn in_use(name: CarrierName, routes: &[usize], used: CarrierUse, missing_part: Option<MissingPart>) -> String {
    let rules = match routes {
        [] => String::new(),
        routes => format!(" (rule {})", positions(routes)),
    };
    let repair = match missing_part.filter(|_| used.messages > 0) {
        None => String::new(),
        Some(part) => format!(
            "\nA part of {name} is missing. {}, so that it can report again;\n\
             --abandon-messages removes the rest in spite of the messages.",
            part.repair(name)
        ),
    };
    format!(
        "{}{rules} and {} name the carrier {name}, and nothing was changed.\n\
         `admin route list` shows the routes, `admin message list --carrier {name}` the messages. A message counts\n\
         while it is queued, submitting or unknown, or submitted without a final receipt, up to 3 days after its\n\
         last change. A message whose worker died before it recorded a carrier counts for every carrier;\n\
         `admin message list` shows it without one.{repair}",
        counted(routes.len(), "route", "routes"),
        counted(used.messages, "unfinished message", "unfinished messages"),
    )
}

/// Returns sentences about messages, receipts and replies that lose the carrier, if there are any.
fn lost(used: CarrierUse) -> String {
    let messages = match used.messages {
        0 => String::new(),
        count => format!(
            "\n{} can then get no more receipts from it.",
            counted(count, "unfinished message", "unfinished messages")
        ),
    };
    messages + &unmatched(used)
}

/// Returns a sentence about unmatched receipts and replies, if there are any.
fn unmatched(used: CarrierUse) -> String {
    match used.unmatched {
        0 => String::new(),
        count => format!(
            "\n{} from the carrier can then no longer be matched.",
            counted(count, "unmatched receipt or reply", "unmatched receipts and replies")
        ),
    }
}
