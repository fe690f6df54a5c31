//! Connection options. Only `admin --help` lists them.

use std::ffi::OsString;

use clap::{Arg, Args};
use url::Url;

const HEADING: &str = "Connection";
const POINTER: &str =
    "`admin --help` lists the connection options (--local, --stack, --profile, ...) and the exit codes.";

/// Where the gateway is.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = HEADING)]
pub struct ConnectionOptions {
    /// CloudFormation stack [default: sms-gateway]
    #[arg(long, global = true, value_name = "NAME")]
    pub stack: Option<String>,

    /// AWS region (or `AWS_REGION`)
    #[arg(long, global = true, value_name = "NAME", conflicts_with = "local")]
    pub region: Option<String>,

    /// AWS CLI profile (or `AWS_PROFILE`)
    #[arg(long, global = true, value_name = "NAME", conflicts_with = "local")]
    pub profile: Option<String>,

    /// AWS endpoint, for an emulator (or `AWS_ENDPOINT_URL`)
    #[arg(long, global = true, value_name = "URL")]
    pub endpoint_url: Option<Url>,

    #[arg(
        long, value_parser = local_url, help = "Use `cargo run -p local`, with its clock, instead of AWS [default URL: http://127.0.0.1:3000]", global = true, value_name = "URL", num_args = 0..=1, require_equals = true,
        default_missing_value = "http://127.0.0.1:3000", conflicts_with_all = ["stack", "endpoint_url"]
    )]
    pub local: Option<Url>,

    /// Message table (or `MESSAGES_TABLE`)
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    pub messages_table: Option<String>,

    /// Recipient table: conversations' sender IDs, opt-outs (or `RECIPIENTS_TABLE`)
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    pub recipients_table: Option<String>,

    /// Directory table: accounts, keys, senders, carriers (or `DIRECTORY_TABLE`)
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    pub directory_table: Option<String>,

    /// Secret with the carriers' webhook tokens, credentials and signing secrets (or `CARRIER_SECRETS`)
    #[arg(long, global = true, value_name = "ARN", hide_short_help = true)]
    pub carrier_secrets: Option<String>,

    /// Secret with the key that encrypts callback secrets (or `CALLBACK_SECRETS_KEY`)
    #[arg(long, global = true, value_name = "ARN", hide_short_help = true)]
    pub callback_secrets_key: Option<String>,

    /// Queue of urgent jobs (or `URGENT_JOBS_QUEUE_URL`)
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    pub urgent_jobs_queue_url: Option<String>,

    /// Dead-letter queue of urgent jobs (or `URGENT_JOBS_DEAD_LETTERS_URL`)
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    pub urgent_jobs_dead_letters_url: Option<String>,

    /// Queue of jobs in the normal lane (or `JOBS_QUEUE_URL`)
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    pub jobs_queue_url: Option<String>,

    /// Dead-letter queue of jobs in the normal lane (or `JOBS_DEAD_LETTERS_URL`)
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    pub jobs_dead_letters_url: Option<String>,

    /// Queue of bulk jobs (or `BULK_JOBS_QUEUE_URL`)
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    pub bulk_jobs_queue_url: Option<String>,

    /// Dead-letter queue of bulk jobs (or `BULK_JOBS_DEAD_LETTERS_URL`)
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    pub bulk_jobs_dead_letters_url: Option<String>,

    /// Queue of the jobs for send slots (or `SEND_SLOTS_QUEUE_URL`)
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    pub send_slots_queue_url: Option<String>,

    /// Dead-letter queue of the jobs for send slots (or `SEND_SLOTS_DEAD_LETTERS_URL`)
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    pub send_slots_dead_letters_url: Option<String>,

    /// Callback queue (or `CALLBACKS_QUEUE_URL`)
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    pub callbacks_queue_url: Option<String>,

    /// Dead-letter queue for callbacks (or `CALLBACKS_DEAD_LETTERS_URL`)
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    pub callbacks_dead_letters_url: Option<String>,
}

/// Hides the connection options on the help pages of subcommands, and points to `admin --help` instead.
pub(super) fn hide_in_subcommands(command: clap::Command) -> clap::Command {
    let hidden: Vec<Arg> = command
        .get_arguments()
        .filter(|arg| arg.get_help_heading() == Some(HEADING))
        .map(|arg| arg.clone().hide(true))
        .collect();
    command.mut_subcommands(|subcommand| with_hidden(subcommand, &hidden))
}

/// Defines the hidden options in each subcommand, before clap copies the parent's visible ones there.
fn with_hidden(command: clap::Command, hidden: &[Arg]) -> clap::Command {
    let footer = match command.get_after_help() {
        Some(words) => format!("{words}\n\n{POINTER}"),
        None => POINTER.to_owned(),
    };
    command.after_help(footer).args(hidden).mut_subcommands(|subcommand| with_hidden(subcommand, hidden))
}

/// Joins `--local URL` to `--local=URL`. For clap the option needs the `=`, because otherwise clap would take
/// any next word as the value, even a subcommand.
pub(super) fn join_local<W: Into<OsString>>(words: impl IntoIterator<Item = W>) -> Vec<OsString> {
    let mut joined: Vec<OsString> = Vec::new();
    for word in words.into_iter().map(Into::into) {
        let is_address = word.to_str().is_some_and(is_address);
        match joined.last_mut().filter(|last| is_address && *last == "--local") {
            Some(local) => {
                local.push("=");
                local.push(word);
            }
            None => joined.push(word),
        }
    }
    joined
}

/// Tells an address (`http://127.0.0.1:3000`, `localhost:3000`) from a subcommand.
fn is_address(word: &str) -> bool {
    has_scheme(word) || word.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok())
}

fn has_scheme(word: &str) -> bool {
    word.starts_with("http://") || word.starts_with("https://")
}

fn local_url(text: &str) -> Result<Url, url::ParseError> {
    if has_scheme(text) { text.parse() } else { format!("http://{text}").parse() }
}
