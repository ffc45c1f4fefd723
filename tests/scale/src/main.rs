//! What the operator costs, measured: a fleet of sites on a real control plane, with the shipping controller, the shipping
//! agents on simulated machines, and kube's own reflectors beside them. `tests/scale/run` builds and starts it.
//!
//! - `fleet`: the sites, and the objects that they are in the cluster; `cluster`: a control plane, and what is put into it;
//! - `machines`: the process with all servers, databases and agents; `programs`: starting processes, and what they cost;
//! - `audit`: requests, by the API server's own count;
//! - `measure`: one size of fleet; `changes`: from a changed declaration to the order; `upgrade`: writes of a whole upgrade;
//! - `table`: what is printed, how costs grow, and the verdict.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a measurement speaks to whoever runs it")]

mod audit;
mod changes;
mod cluster;
mod fleet;
mod machines;
mod measure;
mod programs;
mod table;
mod upgrade;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Measures what a fleet of sites costs
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    role: Role,
}

#[derive(Subcommand)]
enum Role {
    /// Measures; started by tests/scale/run
    Measure(Plan),
    /// Is all servers, databases and agents of a fleet; started by the measurement
    Machines {
        /// The way to the cluster, as an administrator
        #[arg(long)]
        kubeconfig: PathBuf,
        /// Number of sites
        #[arg(long)]
        sites: usize,
    },
}

/// What is measured.
#[derive(Clone, clap::Args)]
struct Plan {
    /// Sizes of fleet, in sites of three servers each, measured one after another
    #[arg(long, value_delimiter = ',', default_value = "100,300,1000")]
    sites: Vec<usize>,
    /// Windows at rest that are measured, one after another
    #[arg(long, default_value_t = 3)]
    windows: usize,
    /// Length of such a window, in seconds. Everybody looks every 300 seconds: all windows together should be a multiple of it
    #[arg(long, default_value_t = 100)]
    window_seconds: u64,
    /// Sites of each fleet that get a new version, to measure how soon an order is given
    #[arg(long, default_value_t = 100)]
    changes: usize,
    /// Folder for state and logs
    #[arg(long)]
    dir: PathBuf,
    /// The repository
    #[arg(long)]
    repository: PathBuf,
    /// Keep state and logs, audit logs included
    #[arg(long)]
    keep: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    crm_process::start::choose_cryptography();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    let ended = match arguments.role {
        Role::Measure(plan) => runtime.block_on(run(&plan)),
        Role::Machines { kubeconfig, sites } => runtime.block_on(machines::run(&kubeconfig, sites)).map(|()| true),
    };
    runtime.shutdown_background();
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => failed(&error),
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("crm-scale: {error:#}");
    ExitCode::from(2)
}

/// Measures every size, prints the table and says whether all is as it must be.
async fn run(plan: &Plan) -> anyhow::Result<bool> {
    // It has a runtime of its own, whose clock jumps.
    let writes = tokio::task::spawn_blocking(upgrade::writes).await??;
    let mut fleets = Vec::new();
    for &sites in &plan.sites {
        eprintln!("\n== {sites} sites on {} servers", sites * fleet::SERVERS);
        fleets.push(measure::measure(plan, sites).await?);
    }
    Ok(table::show(plan, &writes, &fleets))
}
