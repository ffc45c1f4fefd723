//! The program `crm-agent`: this machine behind the trait, and what a process owes to those who run it.
//!
//! It ends within moments of being told to. What it has started runs on: the next agent finds it again by the journal.

mod credential;
mod flags;
mod identity;
mod vitals;

use std::fs::File;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{CommandFactory as _, Parser as _};
use crm_process::chance::Chance;
use crm_process::exit::{self, Failure};
use crm_process::{WallClock, cluster, endpoints, start, stop};
use kube::Client;

use crate::host::OsHost;
use crate::{Agent, Config};

use credential::Claims;
pub use flags::Flags;
use identity::{Access, Identity};
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

/// Runs until it is told to end, or dropped, which ends it as a power cut would: what was started runs on.
///
/// # Errors
/// When there is no way to a cluster, or the API server does not take the agent's identity.
pub async fn operate(flags: &Flags) -> Result<(), Failure> {
    let mut end = tokio::spawn(stop::told());
    let _alone = alone(flags)?;
    let vitals = Arc::new(Vitals::new(VERSION));
    let identity = Identity {
        folder: flags.data.clone(),
        node: flags.node(),
        life: Duration::from_secs(3600 * u64::from(flags.token_hours)),
        clock: Arc::new(WallClock),
        vitals: vitals.clone(),
    };
    tracing::info!(version = VERSION, node = identity.node, "{NAME} starts");
    let mut access = tokio::select! {
        biased;
        _ = &mut end => return Ok(()),
        access = identity.begin(&flags.cluster) => access?,
    };
    if let Some(address) = flags.listen {
        let listener = endpoints::listen(address).await?;
        tokio::spawn(endpoints::serve(listener, vitals.clone()));
    }
    loop {
        let client = cluster::client(access.config.clone(), &identity.counted())?;
        tokio::select! {
            biased;
            _ = &mut end => return Ok(()),
            met = cluster::meet(&client, &access.config.cluster_url, flags.cluster.start_patience) => met?,
        }
        tokio::select! {
            biased;
            told = &mut end => return match told {
                Ok(Ok(by)) => {
                    tracing::info!(by, "told to end; what was started runs on");
                    Ok(())
                }
                Ok(Err(error)) => Err(Failure::Broken(format!("the system gives no signals: {error}"))),
                Err(error) => Err(Failure::Broken(format!("the agent itself failed: {error}"))),
            },
            // An agent that is dropped and started anew goes on where it was.
            () = keep(&identity, &client, access.own.clone()) => {}
            () = agent(flags, &access, &client, &vitals).run() => {}
            // In the task of the loop: a loop that blocks its thread stops the beat as well.
            never = vitals.beat.go_on() => match never {},
        }
        access = identity.kept().await?;
    }
}

fn agent(flags: &Flags, access: &Access, client: &Client, vitals: &Arc<Vitals>) -> Agent {
    let config = Config {
        node: flags.node(),
        namespace: flags.namespace.clone().unwrap_or_else(|| access.config.default_namespace.clone()),
        version: VERSION.to_owned(),
        account: access.own.as_ref().map(|own| own.uid.clone()).unwrap_or_default(),
    };
    let host = Arc::new(OsHost::new(&flags.data, flags.machine_id.as_deref()));
    Agent::new(config, host, client.clone(), Arc::new(WallClock)).watched_by(vitals.clone()).spread_by(Arc::new(Chance))
}

/// Keeps the agent's own token good; somebody else's is left alone.
async fn keep(identity: &Identity, client: &Client, own: Option<Claims>) {
    match own {
        Some(own) => identity.keep(client, own).await,
        None => std::future::pending().await,
    }
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
