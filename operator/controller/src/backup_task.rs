//! Backing a database up, and proving that the file is fit for a restore.
//!
//! A backup is never begun blindly. First a look: is one running (of an earlier life of this controller, or of somebody
//! else: SQL Server takes one at a time), and is there a file of that name already? Only where nothing whole lies a
//! backup is begun, so a repeated or interrupted task can neither run two at once nor overwrite a good file. Verifying
//! only reads.

use std::sync::Arc;

use crm_api::backup::DatabaseBackup;
use crm_database::{DatabaseError, SqlServer, backup, facts};
use crm_plan::snapshot::{TaskDone, TaskFailed};
use jiff::Timestamp;
use tokio::time::{Duration, Instant};

use crate::limits::BACKUP_POLL;
use crate::tasks::{Job, uncertain, untouched};

/// What lies at the place of the backup.
enum Found {
    /// Nothing, or the torn rest of an interrupted backup: it may be begun.
    Nothing,
    /// A whole backup of this database, of this try.
    Ours(DatabaseBackup),
    /// A whole backup of something else or of another time; it must not be overwritten.
    Other(String),
}

impl Job<'_> {
    /// Backs the database up to a file, unless that has happened.
    pub(crate) async fn back_up(&self, file: &str) -> Result<TaskDone, TaskFailed> {
        let sql = self.open().await?;
        match self.look(&sql, file).await.map_err(|error| untouched(error.to_string()))? {
            Found::Ours(header) => return Ok(done(header, "found finished")),
            Found::Other(reason) => return Err(untouched(reason)),
            Found::Nothing => {}
        }
        self.ask_leave()?;
        tracing::info!(file, "backup begins");
        match sql.run(backup::back_up(&self.spec.database.name, file)).await {
            Ok(_) => {}
            Err(error @ DatabaseError::Refused { .. }) => {
                return Err(untouched(format!("the backup was refused: {error}")));
            }
            // It may be running still, or be finished: the next look tells.
            Err(error @ (DatabaseError::Lost { .. } | DatabaseError::Unexpected { .. })) => {
                tracing::warn!(%error, file, "the answer to the backup was lost");
            }
        }
        let sql = self.open().await.map_err(|failed| uncertain(failed.message))?;
        match self.look(&sql, file).await.map_err(|error| uncertain(error.to_string()))? {
            Found::Ours(header) => Ok(done(header, "written")),
            Found::Other(reason) => Err(uncertain(reason)),
            // A backup changes nothing in the database, and no other runs: whatever became of this one, the next try
            // takes a new file.
            Found::Nothing => Err(untouched(format!("no whole backup lies in {file} although its backup is over"))),
        }
    }

    /// Proves that the file can be read to its end and is the backup that it should be.
    pub(crate) async fn verify_backup(&self, file: &str) -> Result<TaskDone, TaskFailed> {
        let sql = self.open().await?;
        sql.run(backup::verify(file)).await.map_err(|error| untouched(format!("{file} is not proven: {error}")))?;
        let header = backup::read_header(&sql, file).await.map_err(|error| untouched(error.to_string()))?;
        let header = header.ok_or_else(|| untouched(format!("there is no backup in {file}")))?;
        match self.flaw(&header) {
            Some(flaw) => Err(untouched(flaw)),
            None => Ok(done(header, "verified with checksums")),
        }
    }

    /// Waits until no backup of the database runs, then reads what lies there. It changes nothing.
    async fn look(&self, sql: &Arc<dyn SqlServer>, file: &str) -> Result<Found, DatabaseError> {
        let give_up = Instant::now() + Duration::from_secs(u64::from(backup::BACKUP_SECONDS_MAX));
        loop {
            let seen = facts::read(sql, self.spec, self.clock.now()).await?;
            if seen.backups_running.is_empty() {
                break;
            }
            if Instant::now() >= give_up {
                let message = format!("a backup of {} has been running for too long", self.spec.database.name);
                return Err(DatabaseError::Unexpected { statement: "server.backupsRunning", message });
            }
            tracing::debug!(file, "a backup of this database is running");
            tokio::time::sleep(BACKUP_POLL).await;
        }
        match backup::read_header(sql, file).await {
            Ok(None) => Ok(Found::Nothing),
            Ok(Some(header)) => Ok(self.flaw(&header).map_or(Found::Ours(header), |flaw| {
                Found::Other(format!("{flaw}; it is not overwritten: move it away, or let the next try take a new file"))
            })),
            // SQL Server can open the file but finds no whole backup in it.
            Err(error @ DatabaseError::Refused { .. }) => {
                tracing::warn!(%error, file, "a torn backup lies there");
                Ok(Found::Nothing)
            }
            Err(error) => Err(error),
        }
    }

    /// Why a whole backup is not the one that it should be.
    fn flaw(&self, header: &DatabaseBackup) -> Option<String> {
        let (path, name) = (&header.path, &self.spec.database.name);
        // SQL Server's headers know no fractions of a second.
        let since = Timestamp::from_second(self.since.as_second()).unwrap_or(self.since);
        if header.database != *name {
            Some(format!("{path} is a backup of {}, not of {name}", header.database))
        } else if !header.checksums {
            Some(format!("{path} carries no checksums"))
        } else if header.started_at.0 < since {
            Some(format!("{path} was begun at {}, before this step at {since}", header.started_at.0))
        } else {
            None
        }
    }
}

fn done(header: DatabaseBackup, how: &str) -> TaskDone {
    let evidence = format!(
        "{} {how}: database {}, begun {}, {} bytes, last LSN {}",
        header.path, header.database, header.started_at.0, header.size_bytes, header.last_lsn
    );
    TaskDone { evidence, database_backup: Some(header), old_value: None }
}
