//! Restores of the database: minutes of work in which nobody gets in, and what comes of a damaged file.

use std::time::Duration;

use crm_database::{DatabaseError, Row, Statement};
use tokio::sync::oneshot;

use crate::world::files::Content;
use crate::world::ghost::Happening;
use crate::world::sites::WorldAt;
use crate::world::sql::{Availability, Database, parameter, refused, row};
use crate::world::state::State;

/// SQL Server error: the database is in use.
const IN_USE: i32 = 5070;
/// SQL Server error: the restore ended abnormally.
const ABNORMAL: i32 = 3013;

impl WorldAt {
    /// Restores the database. It goes on when the caller is gone.
    pub(crate) async fn restore_database(&self, statement: &Statement) -> Result<Vec<Row>, DatabaseError> {
        let path = parameter(statement, 1)?;
        let seconds = self.with(|state| state.begin_restore(&path))?;
        let (send, receive) = oneshot::channel();
        let world = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            let result = world.with(|state| state.end_restore(&path));
            let _ = send.send(result);
        });
        match receive.await {
            Ok(result) => result.map(|()| Vec::new()),
            Err(_) => Err(refused(ABNORMAL, "RESTORE DATABASE is terminating abnormally.")),
        }
    }
}

impl State {
    fn begin_restore(&mut self, path: &str) -> Result<u64, DatabaseError> {
        if self.database.restore_running {
            return Err(refused(IN_USE, "Database state cannot be changed while other users are using the database"));
        }
        if self.database.availability == Availability::Online && !self.sessions().is_empty() {
            return Err(refused(IN_USE, "Database state cannot be changed while other users are using the database"));
        }
        self.backup_image(path)?;
        let sessions = self.sessions().into_iter().map(|(host, program, _)| format!("{program}@{host}")).collect();
        self.database.availability = Availability::Restoring;
        self.database.restore_running = true;
        self.write(Happening::RestoreStarted { path: path.to_owned(), sessions });
        Ok(self.backup_seconds() * 2)
    }

    /// A damaged file is found out at its end: the database stays half.
    fn end_restore(&mut self, path: &str) -> Result<(), DatabaseError> {
        self.database.restore_running = false;
        let image = self.backup_image(path)?.clone();
        let Some(saved) = self.saved.get(path).filter(|_| image.whole).cloned() else {
            self.write(Happening::RestoreFailed { path: path.to_owned() });
            return Err(refused(ABNORMAL, "RESTORE DATABASE is terminating abnormally: damage was detected."));
        };
        let now = &self.database;
        self.database = Database {
            backups_begun: now.backups_begun,
            backups_running: now.backups_running.clone(),
            foreign_session: now.foreign_session,
            availability: Availability::Online,
            restore_running: false,
            last_restore: Some((image.last_lsn.clone(), self.now)),
            ..saved
        };
        self.write(Happening::DatabaseRestored { path: path.to_owned(), release: image.release });
        self.touched = true;
        Ok(())
    }

    /// Whether a backup file is there, as `RESTORE` would find it.
    pub(crate) fn restore_answer(&self, statement: &Statement) -> Vec<Row> {
        let database = &self.database;
        match statement.name {
            "server.databaseState" => {
                let state = if database.availability == Availability::Online { "ONLINE" } else { "RESTORING" };
                vec![row(&[("state", state), ("access", "MULTI_USER")])]
            }
            "server.restoresRunning" if database.restore_running => vec![row(&[("command", "RESTORE DATABASE")])],
            "server.lastRestore" => database
                .last_restore
                .iter()
                .map(|(lsn, at)| row(&[("lastLsn", lsn), ("restoredAt", &at.to_string())]))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Keeps what a backup holds, for whoever restores it.
    pub(crate) fn keep_image(&mut self, path: &str) {
        if matches!(self.shares.get(path), Some(Content::Backup(_))) {
            self.saved.insert(path.to_owned(), self.database.clone());
        }
    }
}
