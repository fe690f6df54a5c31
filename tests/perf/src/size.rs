//! How large each function is as it is uploaded: the archive that `cargo lambda
//! build --output-format zip` makes of its binary.

use std::path::Path;

use anyhow::Context;

use crate::{
    binaries::{FUNCTIONS, NO_OP},
    budgets::Budgets,
    table::{Row, Table},
};

/// # Errors
/// When an archive is not there.
pub fn table(archives: &Path, budgets: &Budgets) -> anyhow::Result<Table> {
    let mut table = Table::new("size: each function's archive, bytes");
    let size = |name: &str| {
        let path = archives.join(name).join("bootstrap.zip");
        let file =
            std::fs::metadata(&path).with_context(|| format!("{}, which tests/perf/run makes", path.display()))?;
        anyhow::Ok(f64::from(u32::try_from(file.len())?))
    };
    // Not built where only what is counted is asked for.
    if let Ok(bytes) = size(NO_OP) {
        table.rows.push(Row::info(NO_OP, bytes));
    }
    for name in FUNCTIONS {
        table.rows.push(Row::budgeted(name, budgets.size.get(name).copied(), size(name)?));
    }
    Ok(table)
}
