//! JSON baseline: parses and writes each line of a file TIMES times. The cost of a function is compared
//! with this program's on the same bytes.

use std::hint::black_box;

use anyhow::Context;
use serde_json::Value;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(file), Some(times)) = (arguments.next(), arguments.next()) else {
        anyhow::bail!("json-round-trip FILE TIMES");
    };
    let times: u32 = times.parse().context("TIMES")?;
    let documents = std::fs::read_to_string(&file).with_context(|| format!("reading {file}"))?;
    for _ in 0..times {
        for document in documents.lines() {
            let read: Value = serde_json::from_str(black_box(document))?;
            black_box(serde_json::to_vec(&read)?);
        }
    }
    Ok(())
}
