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
