//! Proving a backup by restoring it to a database of another name and checking that.
//!
//! The site's own database is not touched. An interrupted try may have left that other database, or a restore of it that
//! still runs: it is waited for, dropped, and begun anew. A database of that name is dropped only where its files and the
//! restore history say that a test of this backup made it. Nothing else is ever dropped.

use std::sync::Arc;

use crm_database::restore::{self, Standing};
use crm_database::{DatabaseError, SqlServer, backup, restore_test};
use crm_plan::snapshot::{TaskDone, TaskFailed};
use tokio::time::{Duration, Instant};

use crate::limits::BACKUP_POLL;
use crate::tasks::{Job, untouched};

/// The database that a test restore makes.
struct Copy<'t> {
    scratch: &'t str,
    path: &'t str,
    targets: Vec<String>,
}

impl Job<'_> {
    /// Restores a backup file under another name, checks what came back, and drops it whatever the check says.
    pub(crate) async fn test_restore(&self, path: &str, scratch: &str) -> Result<TaskDone, TaskFailed> {
        if scratch.eq_ignore_ascii_case(&self.spec.database.name) {
            return Err(untouched(format!("{scratch} is the site's own database; a test never restores over it")));
        }
        let sql = self.open_server().await?;
        let standing = self.free_of_restores(&sql, scratch).await.map_err(|error| untouched(error.to_string()))?;
        let rows = sql.run(restore_test::files(path)).await.map_err(|error| untouched(format!("{path}: {error}")))?;
        let files = restore_test::decode_files(&rows).map_err(|error| untouched(error.to_string()))?;
        let copy = Copy { scratch, path, targets: restore_test::targets(scratch, &files) };
        if standing.state.is_some() {
            self.drop_scratch(&sql, &copy).await?;
        }
        self.ask_leave()?;
        tracing::info!(path, scratch, "test restore begins");
        let proven = match sql.run(restore_test::restore(scratch, path, &files)).await {
            Ok(_) => self.check_scratch(&sql, path, scratch).await,
            Err(error) => Err(untouched(format!("{path} cannot be restored: {error}"))),
        };
        // A fault that was found stays found, whether its database can be dropped or not.
        let dropped = self.drop_scratch(&sql, &copy).await;
        let left = match dropped {
            Ok(()) => "; no copy is left".to_owned(),
            Err(failed) => format!("; {}", failed.message),
        };
        match proven {
            Ok(evidence) => Ok(TaskDone { evidence: format!("{evidence}{left}"), ..TaskDone::default() }),
            Err(failed) => Err(TaskFailed { message: format!("{}{left}", failed.message), ..failed }),
        }
    }

    async fn check_scratch(&self, sql: &Arc<dyn SqlServer>, path: &str, scratch: &str) -> Result<String, TaskFailed> {
        match sql.run(restore_test::check(scratch)).await {
            Ok(_) => Ok(format!("{path} was restored as {scratch}, and DBCC CHECKDB found no fault there")),
            Err(error) => Err(untouched(format!("{path} was restored as {scratch}, and DBCC CHECKDB says: {error}"))),
        }
    }

    /// Drops the copy, where it is one: a database that somebody else has made under its name stays.
    async fn drop_scratch(&self, sql: &Arc<dyn SqlServer>, copy: &Copy<'_>) -> Result<(), TaskFailed> {
        let Copy { scratch, path, targets } = copy;
        let asked = sql.run(restore_test::origin(scratch)).await;
        let rows = asked.map_err(|error| untouched(format!("where {scratch} came from was not read: {error}")))?;
        let origin = restore_test::decode_origin(&rows);
        if origin.files.is_empty() {
            return Ok(());
        }
        if !origin.is_test_of(path, targets) {
            return Err(untouched(format!(
                "there is a database {scratch} already, and it is no test of {path}: its files are {}, and it was restored from {}; it is not dropped: rename or remove it, then retry",
                origin.files.join(", "),
                origin.restored_from.as_deref().unwrap_or("nothing")
            )));
        }
        self.ask_leave()?;
        match sql.run(restore_test::drop(scratch)).await {
            Ok(_) => Ok(()),
            Err(error) => Err(untouched(format!("{scratch} could not be dropped, drop it by hand: {error}"))),
        }
    }

    /// How the other database stands once no restore of it runs any more.
    async fn free_of_restores(&self, sql: &Arc<dyn SqlServer>, scratch: &str) -> Result<Standing, DatabaseError> {
        let give_up = Instant::now() + Duration::from_secs(u64::from(backup::BACKUP_SECONDS_MAX));
        loop {
            let standing = restore::standing(sql, scratch).await?;
            if !standing.running {
                return Ok(standing);
            }
            if Instant::now() >= give_up {
                let message = format!("a restore of {scratch} has been running for too long");
                return Err(DatabaseError::Unexpected { statement: "server.restoresRunning", message });
            }
            tokio::time::sleep(BACKUP_POLL).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use crm_api::clock::Clock;
    use crm_api::site::CrmSiteSpec;
    use crm_database::{DatabaseError, Row, SqlServer, Statement};
    use crm_plan::snapshot::{TaskDone, TaskFailed};
    use futures::future::BoxFuture;
    use jiff::Timestamp;
    use serde_json::json;

    use crate::connection::{ConnectionError, Open};
    use crate::leadership::Term;
    use crate::tasks::Job;

    const FILE: &str = r"\\backup\crm\contoso-1\CRM7.bak";
    const SCRATCH: &str = "CRM7-test-4f1c09";
    const TARGET: &str = r"D:\data\CRM7-test-4f1c09-0.mdf";

    /// A SQL Server that keeps the names of what it was asked.
    #[derive(Clone, Default)]
    struct Fake {
        asked: Arc<Mutex<Vec<&'static str>>>,
        /// A database of that name is there: its file, and what it was restored from.
        left: Option<(&'static str, Option<&'static str>)>,
        /// The copy that was restored, and not dropped yet.
        restored: Arc<Mutex<bool>>,
        /// Statement that it refuses.
        refuses: Option<&'static str>,
    }

    struct Now;

    impl Clock for Now {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
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
            let row = |cells: &[(&str, &str)]| -> Row {
                cells.iter().map(|(column, value)| ((*column).to_owned(), (*value).to_owned())).collect()
            };
            if statement.name.starts_with("restoreTest.") {
                self.asked.lock().unwrap().push(statement.name);
            }
            let rows = match statement.name {
                name if self.refuses == Some(name) => {
                    Err(DatabaseError::Refused { number: 8939, message: "Table error".to_owned() })
                }
                "restoreTest.restore" => {
                    *self.restored.lock().unwrap() = true;
                    Ok(Vec::new())
                }
                "restoreTest.origin" => Ok(match (self.left, *self.restored.lock().unwrap()) {
                    (_, true) => vec![row(&[("file", TARGET), ("restoredFrom", FILE)])],
                    (Some((file, Some(from))), false) => vec![row(&[("file", file), ("restoredFrom", from)])],
                    (Some((file, None)), false) => vec![row(&[("file", file)])],
                    (None, false) => Vec::new(),
                }),
                "server.databaseState" if self.left.is_some() => {
                    Ok(vec![row(&[("state", "ONLINE"), ("access", "MULTI_USER")])])
                }
                "restoreTest.files" => Ok(vec![row(&[("LogicalName", "CRM7"), ("PhysicalName", r"D:\data\CRM7.mdf")])]),
                _ => Ok(Vec::new()),
            };
            Box::pin(std::future::ready(rows))
        }
    }

    async fn test_restore(server: &Fake, scratch: &str, term: &Term) -> Result<TaskDone, TaskFailed> {
        let spec: CrmSiteSpec = serde_json::from_value(json!({
            "product": "SuperOffice", "version": "8.0", "components": [],
            "database": {"server": "sql1", "name": "CRM7", "credentialsRef": {"name": "sql"}},
            "media": {"location": r"\\files\media"}, "backup": {"location": r"\\backup\crm"},
        }))
        .unwrap();
        let job = Job { term, clock: &Now, database: server, spec: &spec, since: Timestamp::UNIX_EPOCH };
        job.test_restore(FILE, scratch).await
    }

    fn leading() -> Term {
        Term::for_test(1, Duration::from_secs(100_000))
    }

    fn asked(server: &Fake) -> Vec<&'static str> {
        server.asked.lock().unwrap().clone()
    }

    #[tokio::test(start_paused = true)]
    async fn a_copy_is_restored_checked_and_dropped() {
        let server = Fake::default();
        let done = test_restore(&server, SCRATCH, &leading()).await.unwrap();
        assert!(done.evidence.contains("DBCC CHECKDB found no fault there; no copy is left"), "{}", done.evidence);
        assert_eq!(
            asked(&server),
            ["restoreTest.files", "restoreTest.restore", "restoreTest.check", "restoreTest.origin", "restoreTest.drop"]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_fault_is_a_failure_and_its_copy_is_dropped_all_the_same() {
        let server = Fake { refuses: Some("restoreTest.check"), ..Fake::default() };
        let failed = test_restore(&server, SCRATCH, &leading()).await.unwrap_err();
        assert!(failed.without_effect && failed.message.contains("8939"), "{}", failed.message);
        assert_eq!(asked(&server).last(), Some(&"restoreTest.drop"));
        let server = Fake { refuses: Some("restoreTest.restore"), ..Fake::default() };
        let failed = test_restore(&server, SCRATCH, &leading()).await.unwrap_err();
        assert!(failed.without_effect && failed.message.contains("8939"), "{}", failed.message);
        assert!(!asked(&server).contains(&"restoreTest.drop"), "nothing came of it");
    }

    #[tokio::test(start_paused = true)]
    async fn a_copy_that_cannot_be_dropped_is_named_whatever_the_test_has_shown() {
        let server = Fake { refuses: Some("restoreTest.drop"), ..Fake::default() };
        let done = test_restore(&server, SCRATCH, &leading()).await.unwrap();
        assert!(done.evidence.contains("drop it by hand") && !done.evidence.contains("no copy"), "{}", done.evidence);
    }

    #[tokio::test(start_paused = true)]
    async fn what_another_try_left_is_dropped_first() {
        for from in [Some(FILE), None] {
            let server = Fake { left: Some((TARGET, from)), ..Fake::default() };
            test_restore(&server, SCRATCH, &leading()).await.unwrap();
            assert_eq!(asked(&server)[1..3], ["restoreTest.origin", "restoreTest.drop"]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_database_of_that_name_that_somebody_else_made_is_never_dropped() {
        for (file, from) in [(r"D:\data\CRM7-test-4f1c09.mdf", None), (TARGET, Some(r"\\backup\crm\other.bak"))] {
            let server = Fake { left: Some((file, from)), ..Fake::default() };
            let failed = test_restore(&server, SCRATCH, &leading()).await.unwrap_err();
            for expected in [SCRATCH, FILE, file, "rename or remove it"] {
                assert!(failed.message.contains(expected), "{}", failed.message);
            }
            assert_eq!(asked(&server), ["restoreTest.files", "restoreTest.origin"]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_restored_over_the_site_itself_or_by_who_does_not_lead() {
        let server = Fake::default();
        let failed = test_restore(&server, "crm7", &leading()).await.unwrap_err();
        assert!(failed.message.contains("own database"), "{}", failed.message);
        assert!(test_restore(&server, SCRATCH, &Term::for_test(1, Duration::ZERO)).await.is_err());
        assert!(!asked(&server).contains(&"restoreTest.restore"), "{:?}", asked(&server));
    }
}
