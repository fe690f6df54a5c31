//! Size of each function's archive, as `cargo lambda build --output-format zip` makes it for the upload.

use std::path::Path;

use anyhow::Context;

use crate::{
    binaries::{FUNCTIONS, NO_OP},
    budgets::Budgets,
    table::{Row, Table},
};

/// # Errors
/// An archive is missing.
pub fn table(archives: &Path, budgets: &Budgets) -> anyhow::Result<Table> {
    let mut table = Table::new("size: each function's archive, bytes");
    let size = |name: &str| {
        let path = archives.join(name).join("bootstrap.zip");
        let file =
            std::fs::metadata(&path).with_context(|| format!("{}, which tests/perf/run makes", path.display()))?;
        anyhow::Ok(f64::from(u32::try_from(file.len())?))
    };
    // With `--counted`, tests/perf/run does not build the no-op.
    if let Ok(bytes) = size(NO_OP) {
        table.rows.push(Row::info(NO_OP, bytes));
    }
    for name in FUNCTIONS {
        table.rows.push(Row::budgeted(name, budgets.size.get(name).copied(), size(name)?));
    }
    Ok(table)
}
