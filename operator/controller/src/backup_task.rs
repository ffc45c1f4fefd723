//! Backing a database up, and proving that the file is fit for a restore.
//!
//! A backup is never begun blindly. First a look: is one running (of an earlier life of this controller, or of somebody
//! else: SQL Server takes one at a time), and what lies in the file already? The backup of this try, whoever waited for
//! it, is found and not taken again; a torn, an older or an unchecked one of this database (the file belongs to one
//! change) is replaced; one of another database is never touched. So a repeated or interrupted task can neither run two
//! at once nor destroy what a later step has proven. Verifying only reads.

use std::sync::Arc;

use crm_api::backup::DatabaseBackup;
use crm_api::site::Verification;
use crm_database::{DatabaseError, SqlServer, backup, facts};
use crm_plan::snapshot::{TaskDone, TaskFailed};
use tokio::time::{Duration, Instant};

use crate::limits::BACKUP_POLL;
use crate::tasks::{Job, uncertain, untouched};

/// What lies at the place of the backup.
enum Found {
    /// Nothing of worth: no file, a torn one, or one of an earlier try. The backup may be begun.
    Nothing,
    /// A whole backup of this database, of this try.
    Ours(DatabaseBackup),
    /// A backup of another database; it must not be overwritten.
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
            // A backup changes nothing in the database, and none runs any more: it may be tried again.
            Found::Nothing => Err(untouched(format!("no whole backup lies in {file} although its backup is over"))),
        }
    }

    /// Proves that the file can be read to its end, with checksums, and is of this database. Whether it is young enough
    /// is judged by the planner, from the header: this try began after the backup, so its own start says nothing.
    pub(crate) async fn verify_backup(&self, file: &str, how_far: Verification) -> Result<TaskDone, TaskFailed> {
        let sql = self.open().await?;
        if how_far >= Verification::RestoreVerifyOnly {
            sql.run(backup::verify(file)).await.map_err(|error| untouched(format!("{file} is not proven: {error}")))?;
        }
        let header = backup::read_header(&sql, file).await.map_err(|error| untouched(error.to_string()))?;
        let header = header.ok_or_else(|| untouched(format!("there is no backup in {file}")))?;
        let wanted = &self.spec.database.name;
        if header.database != *wanted {
            return Err(untouched(format!("{file} is a backup of {}, not of {wanted}", header.database)));
        }
        if !header.checksums && how_far >= Verification::Checksums {
            return Err(untouched(format!("{file} carries no checksums")));
        }
        Ok(done(
            header,
            match how_far {
                Verification::FileExists => "is there",
                Verification::Checksums => "was written to its end, with checksums",
                Verification::RestoreVerifyOnly | Verification::RestoredAndChecked => "verified with checksums",
            },
        ))
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
            Ok(Some(header)) if header.database != self.spec.database.name => Ok(Found::Other(format!(
                "{file} is a backup of {}, not of {}; it is not overwritten: move it away, then retry the step",
                header.database, self.spec.database.name
            ))),
            Ok(Some(header)) if self.is_of_this_try(&header) => Ok(Found::Ours(header)),
            Ok(Some(header)) => {
                let (begun, checksums) = (header.started_at.0, header.checksums);
                tracing::info!(%begun, checksums, file, "an earlier backup of this change lies there");
                Ok(Found::Nothing)
            }
            // SQL Server can open the file but finds no whole backup in it.
            Err(error @ DatabaseError::Refused { .. }) => {
                tracing::warn!(%error, file, "a torn backup lies there");
                Ok(Found::Nothing)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether a whole backup of this database was taken by this try, whichever life of the controller began it.
    fn is_of_this_try(&self, header: &DatabaseBackup) -> bool {
        // SQL Server's headers know no fractions of a second.
        header.checksums && header.started_at.0.as_second() >= self.since.as_second()
    }
}

fn done(header: DatabaseBackup, how: &str) -> TaskDone {
    let evidence = format!(
        "{} {how}: database {}, begun {}, {} bytes, last LSN {}",
        header.path, header.database, header.started_at.0, header.size_bytes, header.last_lsn
    );
    TaskDone { evidence, database_backup: Some(header), old_value: None }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use crm_api::clock::Clock;
    use crm_api::site::{CrmSiteSpec, Verification};
    use crm_database::{DatabaseError, Row, SqlServer, Statement};
    use crm_plan::snapshot::{TaskDone, TaskFailed};
    use futures::future::BoxFuture;
    use jiff::Timestamp;
    use serde_json::json;
    use tokio::time::Instant;

    use crate::connection::{ConnectionError, Open};
    use crate::leadership::Term;
    use crate::tasks::Job;

    const FILE: &str = r"\\backup\crm\contoso-1\database-1.bak";
    const SINCE: &str = "2024-05-04T20:00:00.4Z";

    /// A SQL Server that takes backups of one database in no time, or as it is told.
    #[derive(Default)]
    struct Server {
        /// Headers by file.
        files: BTreeMap<String, Row>,
        running_until: Option<Instant>,
        /// The answer to the next backup gets lost, and the backup runs for so long.
        loses_answer: Option<Duration>,
        refuses: bool,
        begun: u32,
    }

    #[derive(Clone, Default)]
    struct Fake(Arc<Mutex<Server>>);

    struct Now;

    impl Clock for Now {
        fn now(&self) -> Timestamp {
            SINCE.parse().unwrap()
        }
    }

    impl Open for Fake {
        fn open(&self) -> BoxFuture<'_, Result<Arc<dyn SqlServer>, ConnectionError>> {
            let sql: Arc<dyn SqlServer> = Arc::new(self.clone());
            Box::pin(async move { Ok(sql) })
        }

        fn open_server(&self) -> BoxFuture<'_, Result<Arc<dyn SqlServer>, ConnectionError>> {
            self.open()
        }
    }

    impl SqlServer for Fake {
        fn run(&self, statement: Statement) -> BoxFuture<'_, Result<Vec<Row>, DatabaseError>> {
            Box::pin(async move { self.0.lock().unwrap().answer(&statement) })
        }
    }

    impl Server {
        fn answer(&mut self, statement: &Statement) -> Result<Vec<Row>, DatabaseError> {
            let running = self.running_until.is_some_and(|until| Instant::now() < until);
            let refused = |number| DatabaseError::Refused { number, message: "no".into() };
            match statement.name {
                "server.permission" => Ok(vec![[("allowed".to_owned(), "1".to_owned())].into()]),
                "server.backupsRunning" if running => Ok(vec![[("command".to_owned(), FILE.to_owned())].into()]),
                "backup.header" => {
                    self.files.get(&statement.parameters[0]).map(|row| vec![row.clone()]).ok_or_else(|| refused(3201))
                }
                "backup.take" if self.refuses => Err(refused(3023)),
                "backup.take" => {
                    assert!(!running, "never two backups at once");
                    self.begun += 1;
                    self.files.insert(statement.parameters[1].clone(), header("CRM7", "2024-05-04T20:00:05Z", "1"));
                    match self.loses_answer.take() {
                        None => Ok(Vec::new()),
                        Some(lasts) => {
                            self.running_until = Some(Instant::now() + lasts);
                            Err(DatabaseError::Lost { server: "sql1".into(), message: "reset".into() })
                        }
                    }
                }
                _ => Ok(Vec::new()),
            }
        }
    }

    fn header(database: &str, started: &str, checksums: &str) -> Row {
        let fields = [
            ("DatabaseName", database),
            ("BackupStartDate", started),
            ("BackupFinishDate", "2024-05-04T20:09:00Z"),
            ("BackupSize", "4096"),
            ("HasBackupChecksums", checksums),
            ("LastLSN", "42"),
        ];
        fields.into_iter().map(|(column, value)| (column.to_owned(), value.to_owned())).collect()
    }

    fn site() -> CrmSiteSpec {
        serde_json::from_value(json!({
            "product": "SuperOffice", "version": "8.0", "components": [],
            "database": {"server": "sql1", "name": "CRM7", "credentialsRef": {"name": "sql"}},
            "media": {"location": r"\\files\media"}, "backup": {"location": r"\\backup\crm"},
        }))
        .unwrap()
    }

    async fn back_up(server: &Fake, term: &Term) -> Result<TaskDone, TaskFailed> {
        let spec = site();
        let job = Job { term, clock: &Now, database: server, spec: &spec, since: SINCE.parse().unwrap() };
        job.back_up(FILE).await
    }

    fn with(change: impl FnOnce(&mut Server)) -> Fake {
        let fake = Fake::default();
        change(&mut fake.0.lock().unwrap());
        fake
    }

    fn begun(server: &Fake) -> u32 {
        server.0.lock().unwrap().begun
    }

    fn leading() -> Term {
        Term::for_test(1, Duration::from_secs(100_000))
    }

    #[tokio::test(start_paused = true)]
    async fn a_repeated_backup_finds_the_first_and_begins_none() {
        let server = Fake::default();
        let first = back_up(&server, &leading()).await.unwrap();
        let second = back_up(&server, &leading()).await.unwrap();
        assert_eq!(first.database_backup, second.database_backup);
        assert_eq!(begun(&server), 1);
        assert!(second.evidence.contains("found finished"), "{}", second.evidence);
    }

    #[tokio::test(start_paused = true)]
    async fn a_backup_that_still_runs_is_waited_for() {
        let server = with(|server| {
            server.running_until = Some(Instant::now() + Duration::from_secs(3_600));
            server.files.insert(FILE.to_owned(), header("CRM7", "2024-05-04T20:00:00Z", "1"));
        });
        let before = Instant::now();
        back_up(&server, &leading()).await.unwrap();
        assert!(before.elapsed() >= Duration::from_secs(3_600));
        assert_eq!(begun(&server), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_answer_is_no_end_the_backup_is_waited_for_and_read() {
        let server = with(|server| server.loses_answer = Some(Duration::from_secs(600)));
        let done = back_up(&server, &leading()).await.unwrap();
        assert_eq!(done.database_backup.map(|header| header.last_lsn).as_deref(), Some("42"));
        assert_eq!(begun(&server), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_backup_of_another_database_is_never_overwritten() {
        let server = with(|server| {
            server.files.insert(FILE.to_owned(), header("OTHER", "2024-05-04T20:00:05Z", "1"));
        });
        let failed = back_up(&server, &leading()).await.unwrap_err();
        assert!(failed.without_effect, "{}", failed.message);
        assert_eq!(begun(&server), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_backup_of_an_earlier_try_or_without_checksums_is_taken_again() {
        let useless = [header("CRM7", "2024-05-04T19:59:59Z", "1"), header("CRM7", "2024-05-04T20:00:05Z", "0")];
        for useless in useless {
            let server = with(|server| {
                server.files.insert(FILE.to_owned(), useless);
            });
            back_up(&server, &leading()).await.unwrap();
            assert_eq!(begun(&server), 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_backup_is_not_begun_by_who_does_not_lead() {
        let server = Fake::default();
        let failed = back_up(&server, &Term::for_test(1, Duration::ZERO)).await.unwrap_err();
        assert!(failed.without_effect);
        assert_eq!(begun(&server), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_backup_had_no_effect() {
        let server = with(|server| server.refuses = true);
        let failed = back_up(&server, &leading()).await.unwrap_err();
        assert!(failed.without_effect, "{}", failed.message);
    }

    #[tokio::test(start_paused = true)]
    async fn a_verified_backup_is_of_this_database_with_checksums_and_its_header_is_given_back() {
        let spec = site();
        let verify = |row: Row| {
            let server = with(|server| {
                server.files.insert(FILE.to_owned(), row);
            });
            let (term, spec) = (leading(), spec.clone());
            async move {
                let since = SINCE.parse().unwrap();
                let job = Job { term: &term, clock: &Now, database: &server, spec: &spec, since };
                job.verify_backup(FILE, Verification::RestoreVerifyOnly).await
            }
        };
        let done = verify(header("CRM7", "2024-05-04T19:50:00Z", "1")).await.unwrap();
        assert_eq!(
            done.database_backup.map(|header| header.started_at.0.to_string()),
            Some("2024-05-04T19:50:00Z".into())
        );
        assert!(verify(header("CRM6", "2024-05-04T20:00:00Z", "1")).await.is_err());
        assert!(verify(header("CRM7", "2024-05-04T20:00:00Z", "0")).await.is_err());
    }
}
