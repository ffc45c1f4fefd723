//! Restoring a database from the file of a backup set.
//!
//! A restore is never begun blindly. First a look: does one run (of an earlier life of this controller), and was this very
//! backup the last that came back, since this try began? Then there is nothing left to do. Otherwise the file is read
//! again, its header must be the recorded one, and the restore begins, also over a database that an interrupted restore
//! has left half: SQL Server begins it from the start.

use std::sync::Arc;

use crm_database::restore::{self, Standing};
use crm_database::{DatabaseError, SqlServer, backup};
use crm_plan::snapshot::{TaskDone, TaskFailed};
use tokio::time::{Duration, Instant};

use crate::limits::BACKUP_POLL;
use crate::tasks::{Job, uncertain, untouched};

impl Job<'_> {
    /// Proves that a backup file is the recorded one and reads to its end. Changes nothing.
    pub(crate) async fn check_backup(&self, path: &str, last_lsn: &str) -> Result<TaskDone, TaskFailed> {
        let sql = self.open_server().await?;
        self.same_header(&sql, path, last_lsn).await?;
        sql.run(backup::verify(path)).await.map_err(|error| untouched(format!("{path} is unfit: {error}")))?;
        let evidence = format!("{path} reads to its end with good checksums, last LSN {last_lsn}");
        Ok(TaskDone { evidence, ..TaskDone::default() })
    }

    /// Restores the database, unless that has happened.
    pub(crate) async fn restore(&self, path: &str, last_lsn: &str) -> Result<TaskDone, TaskFailed> {
        let sql = self.open_server().await?;
        let standing = self.stands(&sql).await.map_err(|error| uncertain(error.to_string()))?;
        if self.is_back(&standing, last_lsn) {
            return self.let_in(&sql, &standing, path, last_lsn).await;
        }
        self.same_header(&sql, path, last_lsn).await?;
        self.ask_leave()?;
        let is_online = standing.state.as_deref() == Some("ONLINE");
        tracing::info!(path, "restore begins");
        match sql.run(restore::restore(&self.spec.database.name, path, is_online)).await {
            Ok(_) => {}
            Err(error @ DatabaseError::Refused { .. }) => {
                return Err(uncertain(format!("the restore was refused: {error}")));
            }
            // It may be running still, or be finished: the next look tells.
            Err(error @ (DatabaseError::Lost { .. } | DatabaseError::Unexpected { .. })) => {
                tracing::warn!(%error, path, "the answer to the restore was lost");
            }
        }
        let sql = self.open_server().await.map_err(|failed| uncertain(failed.message))?;
        let standing = self.stands(&sql).await.map_err(|error| uncertain(error.to_string()))?;
        if self.is_back(&standing, last_lsn) {
            return self.let_in(&sql, &standing, path, last_lsn).await;
        }
        let state = standing.state.unwrap_or_else(|| "missing".to_owned());
        Err(uncertain(format!("the restore of {path} is over, and the database is {state} and not back")))
    }

    pub(crate) async fn open_server(&self) -> Result<Arc<dyn SqlServer>, TaskFailed> {
        self.database.open_server().await.map_err(|error| untouched(error.to_string()))
    }

    /// How the database stands once no restore of it runs any more.
    async fn stands(&self, sql: &Arc<dyn SqlServer>) -> Result<Standing, DatabaseError> {
        let give_up = Instant::now() + Duration::from_secs(u64::from(backup::BACKUP_SECONDS_MAX));
        loop {
            let standing = restore::standing(sql, &self.spec.database.name).await?;
            if !standing.running {
                return Ok(standing);
            }
            if Instant::now() >= give_up {
                let message = format!("a restore of {} has been running for too long", self.spec.database.name);
                return Err(DatabaseError::Unexpected { statement: "server.restoresRunning", message });
            }
            tokio::time::sleep(BACKUP_POLL).await;
        }
    }

    /// Whether this very backup came back in this try, whichever life of the controller began it.
    fn is_back(&self, standing: &Standing, last_lsn: &str) -> bool {
        // The history of restores knows no fractions of a second.
        let since = self.since.as_second();
        standing.state.as_deref() == Some("ONLINE")
            && standing.last.as_ref().is_some_and(|(lsn, at)| lsn == last_lsn && at.as_second() >= since)
    }

    async fn let_in(
        &self,
        sql: &Arc<dyn SqlServer>,
        standing: &Standing,
        path: &str,
        last_lsn: &str,
    ) -> Result<TaskDone, TaskFailed> {
        if !standing.multi_user {
            self.ask_leave()?;
            let open = sql.run(restore::open(&self.spec.database.name)).await;
            open.map_err(|error| uncertain(format!("the database is back but lets nobody in: {error}")))?;
        }
        let evidence = format!("the database came back from {path}, last LSN {last_lsn}");
        Ok(TaskDone { evidence, ..TaskDone::default() })
    }

    async fn same_header(&self, sql: &Arc<dyn SqlServer>, path: &str, last_lsn: &str) -> Result<(), TaskFailed> {
        let wanted = &self.spec.database.name;
        match backup::read_header(sql, path).await {
            Ok(Some(header)) if header.database == *wanted && header.last_lsn == last_lsn => Ok(()),
            Ok(Some(header)) => Err(untouched(format!(
                "{path} is a backup of {} with last LSN {}; the set names {wanted} and {last_lsn}",
                header.database, header.last_lsn
            ))),
            Ok(None) => Err(untouched(format!("{path} is not there"))),
            Err(error) => Err(untouched(format!("{path} cannot be read: {error}"))),
        }
    }
}
