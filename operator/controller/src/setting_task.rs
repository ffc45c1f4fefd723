//! Setting one named setting of the product in its database.
//!
//! The old value is read first; if it is the wanted one already, nothing is written. So a repeated task, or one whose
//! answer was lost, ends in the same value, and two at once write the same.

use crm_database::superoffice::{first, set_setting};
use crm_database::{DatabaseError, Statement, facts};
use crm_plan::snapshot::{TaskDone, TaskFailed};

use crate::tasks::{Job, uncertain, untouched};

impl Job<'_> {
    /// Sets a setting, named by the fact that shows it.
    pub(crate) async fn set_setting(&self, setting: &str, value: &str) -> Result<TaskDone, TaskFailed> {
        let statement = self.setting_statement(setting, value)?;
        let sql = self.open().await?;
        let read = facts::read(&sql, self.spec, self.clock.now()).await;
        let facts = read.map_err(|error| untouched(error.to_string()))?;
        let old = facts.value(setting).map(str::to_owned);
        if old.as_deref() == Some(value) {
            let evidence = format!("{setting} was {value} already");
            return Ok(TaskDone { evidence, database_backup: None, old_value: None });
        }
        self.ask_leave()?;
        let rows = sql.run(statement).await.map_err(|error| match error {
            DatabaseError::Refused { .. } => untouched(format!("{setting} was not set: {error}")),
            DatabaseError::Lost { .. } | DatabaseError::Unexpected { .. } => {
                uncertain(format!("{setting} may have been set: {error}"))
            }
        })?;
        match first(&rows, "rows") {
            Some("1") => {
                let before = old.as_deref().unwrap_or("nothing");
                let evidence = format!("{setting} set from {before} to {value}");
                Ok(TaskDone { evidence, database_backup: None, old_value: old })
            }
            Some("0") => Err(untouched(format!(
                "{setting} was not set: the database has no row for it; set it once in the product's own \
                 administration, then retry the step"
            ))),
            Some(rows) => Err(uncertain(format!("{setting}: {rows} rows were changed instead of one; check them"))),
            None => Err(uncertain(format!("{setting}: SQL Server did not say how many rows were changed"))),
        }
    }

    /// The statement of whichever product block the site has.
    fn setting_statement(&self, setting: &str, value: &str) -> Result<Statement, TaskFailed> {
        let block = self.spec.super_office.as_ref();
        let statement = block.and_then(|block| set_setting(&block.table_prefix, setting, value));
        statement.ok_or_else(|| untouched(format!("this version of the operator cannot set {setting}; upgrade it")))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use crm_api::clock::Clock;
    use crm_api::site::CrmSiteSpec;
    use crm_database::superoffice::USE_EXTENSION;
    use crm_database::{DatabaseError, Row, SqlServer, Statement};
    use crm_plan::snapshot::{TaskDone, TaskFailed};
    use futures::future::BoxFuture;
    use jiff::Timestamp;
    use serde_json::json;

    use crate::connection::{ConnectionError, Open};
    use crate::leadership::Term;
    use crate::tasks::Job;

    /// A registry table with one row, or none.
    #[derive(Clone, Default)]
    struct Table {
        value: Arc<Mutex<Option<String>>>,
        writes: Arc<AtomicU32>,
    }

    struct Now;

    impl Clock for Now {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }
    }

    impl Open for Table {
        fn open(&self) -> BoxFuture<'_, Result<Arc<dyn SqlServer>, ConnectionError>> {
            let sql: Arc<dyn SqlServer> = Arc::new(self.clone());
            Box::pin(async move { Ok(sql) })
        }

        fn open_server(&self) -> BoxFuture<'_, Result<Arc<dyn SqlServer>, ConnectionError>> {
            self.open()
        }
    }

    impl SqlServer for Table {
        fn run(&self, statement: Statement) -> BoxFuture<'_, Result<Vec<Row>, DatabaseError>> {
            let mut value = self.value.lock().unwrap();
            let cell = |column: &str, text: &str| vec![Row::from([(column.to_owned(), text.to_owned())])];
            let rows = match (statement.name, value.as_mut()) {
                ("server.permission", _) => cell("allowed", "1"),
                ("superoffice.useExtension", Some(value)) => cell("value", value),
                ("superoffice.setUseExtension", Some(value)) => {
                    self.writes.fetch_add(1, Ordering::Relaxed);
                    value.clone_from(&statement.parameters[0]);
                    cell("rows", "1")
                }
                ("superoffice.setUseExtension", None) => cell("rows", "0"),
                _ => Vec::new(),
            };
            Box::pin(std::future::ready(Ok(rows)))
        }
    }

    async fn set(table: &Table, setting: &str) -> Result<TaskDone, TaskFailed> {
        let spec: CrmSiteSpec = serde_json::from_value(json!({
            "product": "SuperOffice", "version": "8.0", "components": [],
            "database": {"server": "sql1", "name": "CRM7", "credentialsRef": {"name": "sql"}},
            "superOffice": {"tablePrefix": "CRM7", "hostName": "crm.example"},
            "media": {"location": r"\\files\media"}, "backup": {"location": r"\\backup\crm"},
        }))
        .unwrap();
        let term = Term::for_test(1, Duration::from_secs(60));
        let job = Job { term: &term, clock: &Now, database: table, spec: &spec, since: Timestamp::UNIX_EPOCH };
        job.set_setting(setting, "fcgi").await
    }

    #[tokio::test(start_paused = true)]
    async fn a_setting_is_written_once_and_the_old_value_is_reported() {
        let table = Table::default();
        *table.value.lock().unwrap() = Some("exe".to_owned());
        assert_eq!(set(&table, USE_EXTENSION).await.unwrap().old_value.as_deref(), Some("exe"));
        assert_eq!(set(&table, USE_EXTENSION).await.unwrap().old_value, None);
        assert_eq!(table.writes.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_setting_without_a_row_or_without_a_statement_is_not_written() {
        let failed = set(&Table::default(), USE_EXTENSION).await.unwrap_err();
        assert!(failed.without_effect && failed.message.contains("no row"), "{}", failed.message);
        let failed = set(&Table::default(), "colour").await.unwrap_err();
        assert!(failed.without_effect && failed.message.contains("colour"), "{}", failed.message);
    }
}
