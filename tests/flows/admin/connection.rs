//! `--local`, and the help on connection options.

use super::{PHONE, admin, read, run};
use crate::system::{DEMO, System, owned, with};

#[tokio::test]
async fn local_takes_its_url_with_a_blank_or_an_equals_sign() {
    let system = System::start().await;
    let url = system.emulator.url().as_str();
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    for words in [
        vec!["admin", "--local", url, "pool", "list"],
        vec!["admin", "pool", "list", "--local", url],
        vec!["admin", "--local", address, "pool", "list"],
        vec!["admin", &format!("--local={url}"), "pool", "list"],
    ] {
        let done = run(&words, &system.environment()).await;
        assert_eq!((done.code, done.out.lines().count()), (0, 6), "{words:?}: {}", done.err);
    }
    let both = run(&["admin", "--local", url, "--stack", "ours", "pool", "list"], &system.environment()).await;
    assert!(both.code == 2 && both.err.contains("cannot be used with"), "{}", both.err);
}

#[tokio::test]
async fn local_commands_follow_the_simulated_clock() {
    let system = System::start().await;
    let before = system.now().await.to_string();
    system.advance(7 * 86_400).await;
    let message = with(owned(&PHONE, "Next week"), "callback", system.sink("receipts"));
    system.send_one(DEMO, message).await;
    system.until_sink_requests("receipts", 1).await;
    system.until_idle().await;
    let replayed = read(&system, &["callback", "replay", "demo", "--since", &before, "--yes"]).await;
    assert_eq!(replayed["messages"], 1);
}

#[tokio::test]
async fn connection_options_are_listed_by_the_top_help_alone() {
    let system = System::start().await;
    let top = admin(&system, &["--help"]).await.out;
    assert_eq!(top.matches("--callbacks-dead-letters-url").count(), 1, "{top}");
    for words in [&["key", "--help"][..], &["key", "issue", "--help"], &["help", "requeue"], &["message", "list", "-h"]]
    {
        let help = admin(&system, words).await;
        assert_eq!(help.code, 0, "{}", help.err);
        assert!(!help.out.contains("-table") && !help.out.contains("--profile <"), "{words:?}: {}", help.out);
        assert!(help.out.contains("--json") && help.out.contains("`admin --help`"), "{words:?}: {}", help.out);
    }
}
