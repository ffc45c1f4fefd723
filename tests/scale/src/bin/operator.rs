//! The shipping `crm-operator`, but for one thing: behind its port to SQL Server stand the simulated databases of the fleet.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use crm_controller::program;
use crm_scale::sql::BehindSocket;

#[derive(Parser)]
struct Arguments {
    /// Where the SQL Servers of the fleet are answered for
    #[arg(long)]
    sql: SocketAddr,
    #[command(flatten)]
    flags: program::Flags,
}

fn main() -> ExitCode {
    let Arguments { sql, flags } = Arguments::parse();
    crm_process::exit::end("crm-scale-operator", program::run(&flags, Arc::new(BehindSocket(sql))))
}
