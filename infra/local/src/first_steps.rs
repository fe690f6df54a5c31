//! The first steps that `local` prints at start: commands for people to copy and paste.

use std::fmt::Write as _;

use local::{config::Config, gateway::FunctionsFrom};
use serde_json::json;
use shared::domain::SenderId;
use url::Url;

/// A number to which the emulator delivers at once. The UK regulator keeps it for fiction.
const HANDSET: &str = "447700900001";

/// Returns the first steps with a gateway at `gateway`.
pub fn with_gateway(gateway: &Url, config: &Config, functions: &FunctionsFrom) -> String {
    let here = trimmed(gateway);
    let api = if let FunctionsFrom::Watched(endpoint) = functions { trimmed(endpoint) } else { here };
    let mut text = String::new();
    if let FunctionsFrom::Watched(_) = functions {
        let _ = writeln!(text, "\nStart the functions, in another terminal:\n\n  {}", watch_command(gateway, api));
    }
    if let Some((key, sender)) = key_and_sender(config) {
        let from = match sender {
            Some(sender) => json!({"type": "custom", "value": sender}),
            None => json!({"type": "shared"}),
        };
        let _ = write!(
            text,
            "\nSend a message:\n\n  curl -s {} -d {}; echo\n\nA moment later, see it on the handset, and its callbacks:\n\n  \
             curl -s {here}/handsets/{HANDSET}\n  curl -s {here}/sinks/receipts\n",
            quoted(&format!("{api}/message?key={}", url_encoded(key))),
            quoted(&format!(
                "{{\"messages\": [{{\n    \"from\": {from}, \"to\": \"{HANDSET}\", \"body\": \"Hello!\",\n    \
                 \"callback\": \"{here}/sinks/receipts\"}}]}}"
            )),
        );
        let sender = sender.map_or("shared senders only", SenderId::as_str);
        let _ = writeln!(text, "\nAPI       {api}  (key {key}, sender {sender})");
    } else {
        let _ = writeln!(text, "\nAPI       {api}  (the configuration has no account with a key and a sender)");
    }
    let _ = writeln!(text, "Admin     cargo run -p admin -- --local={here} account list");
    emulator_lines(&mut text, here, matches!(functions, FunctionsFrom::InProcess));
    text
}

/// Returns the first steps with an emulator at `emulator`, which has no gateway yet.
pub fn with_emulator(emulator: &Url) -> String {
    let here = trimmed(emulator);
    let mut text =
        format!("\nStart the gateway, in another terminal:\n\n  cargo run -p local -- --emulator {here}\n\n");
    let _ = writeln!(text, "AWS       {here}  (AWS_ENDPOINT_URL)");
    emulator_lines(&mut text, here, true);
    text
}

fn emulator_lines(text: &mut String, here: &str, clock_moves: bool) {
    let clock = if clock_moves {
        format!("curl -s {here}/clock -d '{{\"advance_seconds\": 3600}}'  (an hour ahead)")
    } else {
        format!("{here}/clock  (cannot be moved: the functions run in processes of their own)")
    };
    let _ = write!(
        text,
        "Handsets  {here}/handsets  (447700900200 rejects, 447700900700 is busy; docs/local-development.md lists more)\n\
         Sinks     {here}/sinks  (callbacks received)\nClock     {clock}\nAll paths {here}/\n\n"
    );
}

/// Returns a key and a sender of the first account that has both. If none has, returns the first key, for use
/// with the pool's senders.
fn key_and_sender(config: &Config) -> Option<(&str, Option<&SenderId>)> {
    let found = config.accounts.iter().find_map(|account| Some((account.keys.first()?, account.senders.first()?)));
    if let Some((key, sender)) = found {
        return Some((key, Some(sender)));
    }
    let key = config.accounts.iter().find_map(|account| account.keys.first())?;
    (!config.pool.is_empty()).then_some((key, None))
}

fn watch_command(gateway: &Url, api: &str) -> String {
    let port = api.rsplit(':').next().unwrap_or("9000");
    let command = format!("cargo lambda watch -A 127.0.0.1 -P {port} --env-file infra/local/watch.env");
    match gateway.port() {
        Some(3000) => command,
        _ => format!("{command}\n\n  (watch.env names port 3000: replace it by this instance's, {})", trimmed(gateway)),
    }
}

fn trimmed(url: &Url) -> &str {
    url.as_str().trim_end_matches('/')
}

/// Quotes a word for the shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn url_encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use local::{
        emulator::{Emulator, EmulatorOptions},
        gateway::{Gateway, GatewayOptions},
    };
    use shared::runtime::{HttpStack, Metrics};

    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    fn steps(config: &str) -> String {
        with_gateway(&url("http://127.0.0.1:4321"), &Config::parse(config).unwrap(), &FunctionsFrom::InProcess)
    }

    #[test]
    fn default_steps_name_the_demo_account_and_the_port() {
        let text = steps(Config::DEFAULT);
        assert!(text.contains("'http://127.0.0.1:4321/message?key=demo-key'"), "{text}");
        assert!(text.contains(r#"{"type":"custom","value":"441234567890"}"#), "{text}");
        assert!(text.contains("--local=http://127.0.0.1:4321 "), "{text}");
        assert!(!text.contains(":3000"), "{text}");
    }

    #[test]
    fn steps_use_the_first_key_and_sender_of_the_configuration() {
        let text =
            steps(&Config::DEFAULT.replace("\"demo-key\"", "\"a b'c\"").replace("\"441234567890\",", "\"O'Neil\","));
        assert!(text.contains("key=a+b%27c'"), "{text}");
        assert!(text.contains(r#""value":"O'\''Neil""#), "{text}");
    }

    #[test]
    fn steps_fall_back_to_a_shared_sender_or_to_none() {
        let account = "[[accounts]]\nid = \"a\"\nname = \"A\"\nkeys = [\"k\"]\n";
        let rest = format!("routes = []\n[carriers]\n{account}");
        assert!(steps(&format!("pool = [\"448888888801\"]\n{rest}")).contains(r#"{"type":"shared"}"#));
        assert!(!steps(&format!("pool = []\n{rest}")).contains("curl -s 'http"));
    }

    #[tokio::test]
    async fn printed_message_reaches_the_handset() {
        let listener = async || tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let emulator = Emulator::start(listener().await, EmulatorOptions::default()).unwrap();
        let options = GatewayOptions {
            emulator: emulator.url().clone(),
            config: Config::parse(Config::DEFAULT).unwrap(),
            functions: FunctionsFrom::InProcess,
            metrics: Metrics::none(),
            offline: false,
            requeue: false,
        };
        let gateway = Gateway::start(listener().await, options).await.unwrap();
        let config = Config::parse(Config::DEFAULT).unwrap();
        let text = with_gateway(gateway.url(), &config, &FunctionsFrom::InProcess);
        let quoted: Vec<_> = text.split('\'').collect();
        let client = HttpStack::new().unwrap().client().clone();
        let sent = client.post(quoted[1]).body(quoted[3].to_owned()).send().await.unwrap();
        assert!(sent.status().is_success(), "{}", sent.text().await.unwrap());
        for path in [&format!("handsets/{HANDSET}"), "sinks/receipts"] {
            assert!(text.contains(&format!("curl -s {}{path}\n", gateway.url())), "{path} in {text}");
            let started = std::time::Instant::now();
            let shows =
                async || client.get(gateway.url().join(path).unwrap()).send().await.unwrap().text().await.unwrap();
            while !shows().await.contains("received_at") {
                assert!(started.elapsed().as_secs() < 20, "nothing at {path}");
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        }
        gateway.stop().await;
        emulator.stop().await;
    }

    #[test]
    fn watched_functions_have_their_own_address() {
        let config = Config::parse(Config::DEFAULT).unwrap();
        let endpoint = url("http://127.0.0.1:9000");
        let text = with_gateway(&url("http://127.0.0.1:3000"), &config, &FunctionsFrom::Watched(endpoint));
        assert!(text.contains("cargo lambda watch -A 127.0.0.1 -P 9000 "), "{text}");
        assert!(text.contains("'http://127.0.0.1:9000/message?key=demo-key'"), "{text}");
        assert!(text.contains("http://127.0.0.1:3000/handsets/447700900001"), "{text}");
    }
}
