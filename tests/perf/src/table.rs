//! The printed tables: measurements beside their budgets. A row is within its budget, over it, without one,
//! or not run.

use std::fmt;

/// A table with notes for its readers.
pub struct Table {
    pub title: String,
    pub notes: Vec<String>,
    pub rows: Vec<Row>,
}

pub struct Row {
    what: String,
    kind: Kind,
}

enum Kind {
    /// Over budget if the measurement exceeds the budget by more than the fraction `noise`.
    Gate {
        budget: f64,
        measured: f64,
        noise: f64,
    },
    /// Compared with a reference, without a limit.
    Reference {
        reference: f64,
        measured: f64,
    },
    Info {
        measured: f64,
    },
    NotRun {
        reason: String,
    },
}

impl Row {
    /// Returns a row that fails the command if over budget.
    pub fn gate(what: impl Into<String>, budget: f64, measured: f64) -> Self {
        Self::noisy(what, budget, measured, 0.0)
    }

    /// Returns a row that fails the command if over budget by more than the fraction `noise`.
    pub fn noisy(what: impl Into<String>, budget: f64, measured: f64, noise: f64) -> Self {
        Self { what: what.into(), kind: Kind::Gate { budget, measured, noise } }
    }

    pub fn beside(what: impl Into<String>, reference: f64, measured: f64) -> Self {
        Self { what: what.into(), kind: Kind::Reference { reference, measured } }
    }

    pub fn info(what: impl Into<String>, measured: f64) -> Self {
        Self { what: what.into(), kind: Kind::Info { measured } }
    }

    pub fn not_run(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { what: what.into(), kind: Kind::NotRun { reason: reason.into() } }
    }

    /// Returns a gate if there is a budget, or else a row that counts as not run, so that a misspelt
    /// name is noticed.
    pub fn budgeted(what: impl Into<String>, budget: Option<f64>, measured: f64) -> Self {
        let what = what.into();
        match budget {
            Some(budget) => Self::gate(what, budget, measured),
            None => Self::not_run(what, format!("{} without a budget in budgets.toml", number(measured))),
        }
    }

    pub fn is_over(&self) -> bool {
        match self.kind {
            Kind::Gate { budget, measured, noise } => measured > budget * (1.0 + noise) + 1e-9,
            _ => false,
        }
    }

    pub fn is_not_run(&self) -> bool {
        matches!(self.kind, Kind::NotRun { .. })
    }

    /// Returns the cells; the last is the remark.
    fn cells(&self) -> [String; 5] {
        let what = self.what.clone();
        let ratio = |measured: f64, budget: f64| {
            if budget == 0.0 { "-".to_owned() } else { format!("{:.2}", measured / budget) }
        };
        let none = || "-".to_owned();
        match &self.kind {
            Kind::Gate { budget, measured, noise } => {
                let remark = match (self.is_over(), measured > budget) {
                    (true, _) => "OVER BUDGET".to_owned(),
                    (false, true) if *noise > 0.0 => format!("over, within the noise of {:.0} %", noise * 100.0),
                    _ => String::new(),
                };
                [what, number(*budget), number(*measured), ratio(*measured, *budget), remark]
            }
            Kind::Reference { reference, measured } => {
                [what, number(*reference), number(*measured), ratio(*measured, *reference), "no gate".to_owned()]
            }
            Kind::Info { measured } => [what, none(), number(*measured), none(), String::new()],
            Kind::NotRun { reason } => [what, none(), "not run".to_owned(), none(), reason.clone()],
        }
    }
}

impl Table {
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), notes: Vec::new(), rows: Vec::new() }
    }

    pub fn over(&self) -> usize {
        self.rows.iter().filter(|row| row.is_over()).count()
    }

    pub fn not_run(&self) -> usize {
        self.rows.iter().filter(|row| row.is_not_run()).count()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["what", "budget", "measured", "ratio", ""].map(str::to_owned);
        let rows: Vec<_> = std::iter::once(head).chain(self.rows.iter().map(Row::cells)).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
        let widths = [width(0), width(1), width(2), width(3)];
        writeln!(f, "== {}", self.title)?;
        for (index, [what, budget, measured, ratio, remark]) in rows.iter().enumerate() {
            let line = format!(
                "{what:<0$} | {budget:>1$} | {measured:>2$} | {ratio:>3$} {remark}",
                widths[0], widths[1], widths[2], widths[3]
            );
            writeln!(f, "{}", line.trim_end())?;
            if index == 0 {
                writeln!(f, "{}", "-".repeat(widths.iter().sum::<usize>() + 9))?;
            }
        }
        for note in &self.notes {
            writeln!(f, "   {note}")?;
        }
        Ok(())
    }
}

/// Formats a number: the smaller, the more decimals.
pub fn number(value: f64) -> String {
    let digits = match value.abs() {
        large if large >= 1000.0 => 0,
        whole if whole.fract() == 0.0 => 0,
        medium if medium >= 10.0 => 1,
        small if small >= 0.1 => 2,
        _ => 4,
    };
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_measurements_above_budget_are_over() {
        let rows = [
            (Row::gate("at it", 3.0, 3.0), false),
            (Row::gate("above it", 3.0, 3.01), true),
            (Row::gate("of none", 0.0, 0.5), true),
            (Row::noisy("noise", 3.0, 3.2, 0.1), false),
            (Row::noisy("more than noise", 3.0, 3.4, 0.1), true),
            (Row::beside("a reference", 3.0, 9.0), false),
            (Row::info("no budget", 9.0), false),
            (Row::not_run("nothing", "no valgrind"), false),
        ];
        for (row, over) in rows {
            assert_eq!(row.is_over(), over, "{}", row.what);
        }
    }

    #[test]
    fn measurement_without_budget_counts_as_not_run() {
        assert!(Row::budgeted("misspelt", None, 1.0).is_not_run());
        assert!(Row::budgeted("written", Some(2.0), 3.0).is_over());
    }

    #[test]
    fn table_lists_rows_over_budget() {
        let mut table = Table::new("units");
        table.rows = vec![Row::gate("accept", 3.0, 4.0), Row::not_run("submit", "no valgrind")];
        let printed = table.to_string();
        assert!(printed.contains("accept |      3 |        4 |  1.33 OVER BUDGET"), "{printed}");
        assert!(printed.contains("submit |      - |  not run |     - no valgrind"), "{printed}");
        assert_eq!((table.over(), table.not_run()), (1, 1));
    }
}
