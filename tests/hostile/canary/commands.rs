//! Every command of the operator's tool, with arguments, and with the kinds of private values that it may print.

use super::traffic::{CREDENTIAL, HOOK_TOKEN, NUMBER, PATH, SIGNING_SECRET};

/// The kind of a secret that a command creates and prints.
pub const NEW_SECRET: &str = "new secret";

const NOTHING: &[&str] = &[];
/// Creating a secret, and printing it for the one who needs it, is the purpose of the command.
const CREATED: &[&str] = &[NEW_SECRET];
/// Printing a carrier's webhook addresses is the purpose of the command: they are entered at the vendor.
const ADDRESSES: &[&str] = &["webhook token"];
/// The recipient of a single message, or the originator of a single reply.
const PARTY: &[&str] = &["number"];
const URLS: &[&str] =
    &["reply URL's query", "status URL's query", "notice URL's query", "webhook URL's query", "URL's path"];
const CONTENT: &[&str] = &["number", "text", "reply's text", "callback's query", "URL's path"];
const PAYLOADS: &[&str] = &["number", "text", "reply's text", "reference"];

/// A command line.
pub struct Row {
    pub line: String,
    /// On standard input.
    pub input: String,
    pub code: u8,
    /// Kinds of private values. No other may be printed.
    pub may_print: &'static [&'static str],
}

/// Records that commands need. The table is run in several rounds, with other names in each.
pub struct Records {
    pub round: usize,
    /// Sent to [`NUMBER`].
    pub message: String,
    pub reply: String,
    /// Of an API key of the account `other`.
    pub key_id: String,
    /// Two disabled callback URLs of the account `demo`.
    pub disabled: [String; 2],
}

fn row(code: u8, may_print: &'static [&'static str], line: impl Into<String>) -> Row {
    Row { line: line.into(), input: String::new(), code, may_print }
}

/// Returns the table.
pub fn rows(records: &Records) -> Vec<Row> {
    let round = records.round;
    let all =
        [accounts(records), senders(round), carriers(round), routes(round), callbacks(records), messages(records)];
    all.into_iter().flatten().collect()
}

fn accounts(Records { round, key_id, .. }: &Records) -> Vec<Row> {
    let url = format!("https://acme.example/{PATH}?token={HOOK_TOKEN}");
    let urls = format!("--reply-url {url} --status-url {url} --notice-url {url}");
    vec![
        row(0, CREATED, format!("account create acme-{round} --name Acme {urls}")),
        row(0, NOTHING, "account list"),
        row(0, URLS, "account list --reveal"),
        row(0, NOTHING, "account show demo"),
        row(0, URLS, "account show demo --reveal"),
        row(0, NOTHING, format!("account set acme-{round} --name Other")),
        row(0, NOTHING, format!("account suspend acme-{round}")),
        row(0, NOTHING, format!("account resume acme-{round}")),
        row(0, CREATED, format!("key issue acme-{round}")),
        row(0, NOTHING, "key list demo"),
        row(0, NOTHING, format!("key lane other {key_id} --lane bulk")),
        row(0, NOTHING, format!("key revoke other {key_id}")),
        row(0, CREATED, format!("secret rotate acme-{round}")),
        row(0, NOTHING, format!("secret retire acme-{round}")),
    ]
}

fn senders(round: usize) -> Vec<Row> {
    let (owned, shared, word) =
        (format!("44163296010{round}"), format!("44888888890{round}"), ["BASTANTE", "GENUG"][round]);
    vec![
        row(0, NOTHING, format!("sender add {owned} --account acme-{round}")),
        row(0, NOTHING, format!("sender rate {owned} --per-second 5")),
        row(0, NOTHING, format!("sender lane {owned} --lane urgent")),
        row(0, NOTHING, format!("sender exempt {owned}")),
        row(0, NOTHING, "sender list"),
        row(0, NOTHING, format!("sender remove {owned}")),
        row(0, NOTHING, format!("pool add {shared}")),
        row(0, NOTHING, "pool list"),
        row(0, NOTHING, format!("pool remove {shared}")),
        row(0, NOTHING, format!("pool release {NUMBER}")),
        row(0, NOTHING, format!("keyword add {word} --means stop")),
        row(0, NOTHING, "keyword list"),
        row(0, NOTHING, format!("keyword remove {word}")),
    ]
}

fn carriers(round: usize) -> Vec<Row> {
    let with_input = |input: &str, line: &str| Row { input: format!("{input}-{round}\n"), ..row(0, NOTHING, line) };
    // In the first round the webhooks of `mta` are not registered, and the command asks for `--yes`.
    let unconfirmed = if round == 0 { 2 } else { 0 };
    vec![
        row(0, CREATED, format!("carrier add net-{round} --vendor loopback")),
        row(0, NOTHING, "carrier list"),
        row(0, NOTHING, "carrier set cm --timeout-ms 300"),
        row(0, ADDRESSES, "carrier show cm"),
        with_input(CREDENTIAL, "carrier key cm"),
        with_input(SIGNING_SECRET, "carrier signing-secret mta"),
        row(0, CREATED, format!("carrier rotate net-{round}")),
        row(0, NOTHING, "carrier retire cm"),
        row(0, ADDRESSES, "carrier webhooks cm"),
        row(unconfirmed, NOTHING, "carrier webhooks mta"),
        row(0, NOTHING, "carrier webhooks mta --yes"),
        row(2, NOTHING, format!("carrier remove net-{round}")),
        row(0, NOTHING, format!("carrier remove net-{round} --yes")),
    ]
}

fn routes(round: usize) -> Vec<Row> {
    vec![
        row(0, NOTHING, format!("route add --carriers loopback --account acme-{round} --at 1")),
        row(0, NOTHING, "route list"),
        row(0, NOTHING, "route remove 1"),
    ]
}

fn callbacks(Records { disabled: [first, second], .. }: &Records) -> Vec<Row> {
    let replay = format!("callback replay demo --since 2020-01-01 --url {second}");
    vec![
        row(0, NOTHING, "endpoint list"),
        row(0, &["URL's path"], "endpoint list --reveal"),
        row(0, NOTHING, format!("endpoint enable demo {first}")),
        row(2, NOTHING, replay.clone()),
        row(0, NOTHING, format!("{replay} --yes")),
        row(0, NOTHING, "endpoint enable demo --all"),
    ]
}

fn messages(Records { message, reply, .. }: &Records) -> Vec<Row> {
    vec![
        row(0, NOTHING, "message list"),
        row(0, NOTHING, format!("message list --to {NUMBER}")),
        row(0, CONTENT, "message list --reveal"),
        row(0, PARTY, format!("message show {message}")),
        row(0, CONTENT, format!("message show {message} --reveal")),
        row(0, PARTY, format!("message show {reply}")),
        row(0, CONTENT, format!("message show {reply} --reveal")),
        row(2, NOTHING, "message cancel --account other --since 2020-01-01"),
        row(0, NOTHING, "message cancel --account other --since 2020-01-01 --yes"),
        row(0, NOTHING, "unmatched list"),
        row(0, PAYLOADS, "unmatched list --reveal"),
        row(0, NOTHING, "unmatched replay"),
        row(0, NOTHING, "dead-letters list"),
        row(0, NOTHING, "dead-letters replay jobs"),
        row(0, NOTHING, "dead-letters replay callbacks"),
        row(2, NOTHING, "requeue"),
        row(0, NOTHING, "requeue --yes"),
    ]
}
