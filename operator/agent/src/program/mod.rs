//! The program `crm-agent`: this machine behind the trait, and what a process owes to those who run it.
//!
//! It ends within moments of being told to. What it has started runs on: the next agent finds it again by the journal.

mod flags;
mod vitals;

use std::fs::File;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory as _, Parser as _};
use crm_process::exit::{self, Failure};
use crm_process::requests::Counted;
use crm_process::{WallClock, cluster, endpoints, start, stop};

use crate::host::OsHost;
use crate::{Agent, Config};

pub use flags::Flags;
use vitals::Vitals;

/// Name of the program.
pub const NAME: &str = "crm-agent";
/// Its version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Held as long as an agent works with a folder.
const LOCK: &str = "lock";

/// Reads flags and environment, and runs until it is told to end.
#[must_use]
pub fn main() -> ExitCode {
    let flags = Flags::parse();
    exit::end(NAME, flags.judged().and_then(|()| start::run(&flags.log, NAME, operate(&flags))))
}

/// Its flags as a table of a guide.
#[must_use]
pub fn flags_table() -> String {
    crm_process::flags::table(&Flags::command())
}

/// Its metrics as a table of a guide.
#[must_use]
pub fn metrics_table() -> String {
    Vitals::new(VERSION).table()
}

async fn operate(flags: &Flags) -> Result<(), Failure> {
    let mut end = tokio::spawn(stop::told());
    let _alone = alone(flags)?;
    let connection = cluster::configured(&flags.cluster).await?;
    let url = connection.cluster_url.clone();
    let namespace = flags.namespace.clone().unwrap_or_else(|| connection.default_namespace.clone());
    let vitals = Arc::new(Vitals::new(VERSION));
    let client = cluster::client(connection, &Counted::by(vitals.clone()))?;
    if let Some(address) = flags.listen {
        let listener = endpoints::listen(address).await?;
        tokio::spawn(endpoints::serve(listener, vitals));
    }
    let config = Config { node: flags.node(), namespace, version: VERSION.to_owned() };
    tracing::info!(version = VERSION, node = config.node, namespace = config.namespace, "{NAME} starts");
    tokio::select! {
        biased;
        _ = &mut end => return Ok(()),
        met = cluster::meet(&client, &url, flags.cluster.start_patience) => met?,
    }
    let host = Arc::new(OsHost::new(&flags.data));
    let agent = Agent::new(config, host, client, Arc::new(WallClock));
    tokio::select! {
        biased;
        told = end => match told {
            Ok(Ok(by)) => tracing::info!(by, "told to end; what was started runs on"),
            Ok(Err(error)) => return Err(Failure::Broken(format!("the system gives no signals: {error}"))),
            Err(error) => return Err(Failure::Broken(format!("the agent itself failed: {error}"))),
        },
        () = agent.run() => {}
    }
    Ok(())
}

/// Takes the folder for this process alone: two agents with one journal would both believe it.
fn alone(flags: &Flags) -> Result<File, Failure> {
    let told = |error: &std::io::Error| {
        Failure::Place(format!(
            "--data {}: {error}; name a folder that this program may write to",
            flags.data.display()
        ))
    };
    std::fs::create_dir_all(&flags.data).map_err(|error| told(&error))?;
    let lock = File::create(flags.data.join(LOCK)).map_err(|error| told(&error))?;
    lock.try_lock().map_err(|error| match error {
        std::fs::TryLockError::WouldBlock => Failure::Place(format!(
            "--data {}: another agent works with this folder; end it first, or name another folder",
            flags.data.display()
        )),
        std::fs::TryLockError::Error(error) => told(&error),
    })?;
    Ok(lock)
}

#[cfg(test)]
mod tests {
    use super::{Flags, alone};
    use clap::Parser as _;

    #[test]
    fn two_agents_do_not_share_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let flags = Flags::parse_from(["crm-agent", "--data", &folder.path().join("data").to_string_lossy()]);
        let first = alone(&flags).unwrap();
        let second = alone(&flags).unwrap_err();
        assert_eq!(second.code(), 5);
        assert!(second.to_string().contains("another agent"), "{second}");
        drop(first);
        assert!(alone(&flags).is_ok());
    }

    #[test]
    fn a_folder_that_cannot_be_had_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let flags = Flags::parse_from(["crm-agent", "--data", &file.join("below").to_string_lossy()]);
        let failure = alone(&flags).unwrap_err();
        assert_eq!(failure.code(), 5);
        assert!(failure.to_string().contains("--data"), "{failure}");
    }
}
