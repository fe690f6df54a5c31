//! The driver of `tests/perf/run`: measures the cost of a message in AWS units, dollars, instructions, cold
//! starts, archive size and CPU time, and the rate on a single machine, and compares it with budgets.
//!
//! `--counted` skips all timing and valgrind, for machines that share their processors.
//!
//! The script builds the binaries. The exit code is 1 if a row is over its budget, and 3 if none is but
//! something could not be measured.

mod binaries;
mod budgets;
mod cold_start;
mod cpu;
mod dollars;
mod instructions;
mod lanes;
mod lines;
mod load;
mod messages;
mod procfs;
mod rate;
mod recorder;
mod size;
mod stack;
mod table;
mod units;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, ValueEnum};

use crate::{
    binaries::Binaries,
    budgets::{Budgets, Prices},
    table::Table,
};

/// Measures the cost of a message and compares it with tests/perf/budgets.toml.
#[derive(Debug, Parser)]
struct Arguments {
    /// Sections to measure [default: all]
    sections: Vec<Section>,

    /// Measure only counts, which are the same on every machine: units, dollars without Lambda's
    /// time, and size
    #[arg(long, conflicts_with = "sections")]
    counted: bool,

    /// Folder with NAME/bootstrap from `cargo lambda build`
    #[arg(long, value_name = "DIR")]
    functions: PathBuf,

    /// Folder with NAME/bootstrap.zip from `cargo lambda build --output-format zip`
    #[arg(long, value_name = "DIR")]
    archives: PathBuf,

    /// The program `local`
    #[arg(long, value_name = "FILE")]
    local: PathBuf,

    /// `local`'s Cargo profile
    #[arg(long, value_name = "NAME")]
    local_profile: String,

    /// Folder to keep callgrind's profiles in, for `callgrind_annotate`; functions are named if the
    /// binaries have symbols
    #[arg(long, value_name = "DIR")]
    profiles: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Section {
    Units,
    Dollars,
    Instructions,
    ColdStart,
    Size,
    Cpu,
    Rate,
    Lanes,
    Lines,
}

const COUNTED: [Section; 3] = [Section::Units, Section::Dollars, Section::Size];

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = Arguments::parse();
    if arguments.counted {
        arguments.sections = COUNTED.to_vec();
    } else if arguments.sections.is_empty() {
        arguments.sections = Section::value_variants().to_vec();
    }
    let mut run = Run {
        binaries: Binaries { folder: std::path::absolute(&arguments.functions)? },
        budgets: Budgets::read()?,
        prices: Prices::read()?,
        cpu_usage: None,
        arguments,
    };
    let (mut over, mut not_run) = (0, 0);
    for section in run.arguments.sections.clone() {
        let table = run.table(section).await?;
        println!("{table}");
        over += table.over();
        not_run += table.not_run();
    }
    Ok(match (over, not_run) {
        (0, 0) => {
            println!("all within budget");
            ExitCode::SUCCESS
        }
        (0, _) => {
            println!("0 over budget, {not_run} not run");
            ExitCode::from(3)
        }
        _ => {
            println!("{over} over budget, {not_run} not run");
            ExitCode::FAILURE
        }
    })
}

struct Run {
    arguments: Arguments,
    binaries: Binaries,
    budgets: Budgets,
    prices: Prices,
    /// Measured once for two tables.
    cpu_usage: Option<Vec<cpu::CpuUsage>>,
}

impl Run {
    async fn table(&mut self, section: Section) -> anyhow::Result<Table> {
        let is_timed = matches!(section, Section::Dollars | Section::Cpu) && !self.arguments.counted;
        if is_timed && self.cpu_usage.is_none() {
            self.cpu_usage = Some(cpu::measure(&self.arguments.local, &self.binaries).await?);
        }
        let cpu_usage = self.cpu_usage.as_deref().unwrap_or_default();
        let (arguments, binaries, budgets) = (&self.arguments, &self.binaries, &self.budgets);
        match section {
            Section::Units if arguments.counted => units::table(budgets, &units::FEW_PENDING).await,
            Section::Units => units::table(budgets, &units::PENDING).await,
            Section::Dollars => dollars::table(binaries, cpu_usage, budgets, &self.prices).await,
            Section::Instructions => instructions::table(binaries, budgets, arguments.profiles.as_deref()).await,
            Section::ColdStart => cold_start::table(binaries, budgets).await,
            Section::Size => size::table(&arguments.archives, budgets),
            Section::Cpu => cpu::table(cpu_usage, binaries, budgets).await,
            Section::Rate => rate::table(&arguments.local, &arguments.local_profile, budgets).await,
            Section::Lanes => lanes::table(&arguments.local, budgets).await,
            Section::Lines => lines::table(&arguments.local, budgets).await,
        }
    }
}
