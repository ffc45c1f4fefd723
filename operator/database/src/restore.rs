//! Restoring a database from a file, and finding out how far that is. Everything here is asked of the server, not of the
//! database: one that is being restored lets nobody in.

use std::sync::Arc;

use crate::backup::BACKUP_SECONDS_MAX;
use crate::{DatabaseError, SqlServer, Statement, quote};

/// The database that is always there.
pub const MASTER: &str = "master";

/// How a database stands on its server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// `ONLINE`, `RESTORING`, `OFFLINE`... as `sys.databases` says; `None` where there is no such database.
    pub state: Option<String>,
    /// Whether it lets more than one connection in.
    pub multi_user: bool,
    /// Whether a restore of it runs at this moment.
    pub running: bool,
    /// Last log sequence number of the backup that it was last restored from, and when.
    pub last: Option<(String, jiff::Timestamp)>,
}

fn ask(name: &'static str, text: &str, database: &str) -> Statement {
    Statement { name, text: text.to_owned(), parameters: vec![database.to_owned()], time_limit_seconds: 30 }
}

/// Reads how a database stands. It changes nothing.
///
/// # Errors
/// When SQL Server refuses or does not answer.
pub async fn standing(sql: &Arc<dyn SqlServer>, database: &str) -> Result<Standing, DatabaseError> {
    let state = ask(
        "server.databaseState",
        "SELECT state_desc AS state, user_access_desc AS access FROM sys.databases WHERE name = @P1",
        database,
    );
    let running = ask(
        "server.restoresRunning",
        "SELECT t.text AS command FROM sys.dm_exec_requests r CROSS APPLY sys.dm_exec_sql_text(r.sql_handle) t \
         WHERE r.command = 'RESTORE DATABASE' AND CHARINDEX(QUOTENAME(@P1), t.text) > 0",
        database,
    );
    let last = ask(
        "server.lastRestore",
        "SELECT TOP 1 DATEADD(MINUTE, DATEDIFF(MINUTE, GETDATE(), GETUTCDATE()), h.restore_date) AS restoredAt, \
         b.last_lsn AS lastLsn FROM msdb.dbo.restorehistory h JOIN msdb.dbo.backupset b \
         ON b.backup_set_id = h.backup_set_id WHERE h.destination_database_name = @P1 ORDER BY h.restore_history_id DESC",
        database,
    );
    let rows = sql.run(state).await?;
    let row = rows.first();
    let text = |column: &str| row.and_then(|row| row.get(column)).cloned();
    let running = !sql.run(running).await?.is_empty();
    let rows = sql.run(last).await?;
    let last = rows.first().and_then(|row| Some((row.get("lastLsn")?.clone(), row.get("restoredAt")?.parse().ok()?)));
    let multi_user = text("access").as_deref() == Some("MULTI_USER");
    Ok(Standing { state: text("state"), multi_user, running, last })
}

/// Restores the database over what is there and lets everybody in again. Fails, with nothing changed, while anybody is
/// connected: nobody is thrown out.
#[must_use]
pub fn restore(database: &str, path: &str, is_online: bool) -> Statement {
    let name = quote(database);
    let single =
        if is_online { format!("ALTER DATABASE {name} SET SINGLE_USER WITH NO_WAIT; ") } else { String::new() };
    Statement {
        name: "restore.take",
        text: format!(
            "SET XACT_ABORT ON; {single}RESTORE DATABASE {name} FROM DISK = @P2 WITH REPLACE, CHECKSUM, RECOVERY; \
             ALTER DATABASE {name} SET MULTI_USER"
        ),
        parameters: vec![database.to_owned(), path.to_owned()],
        time_limit_seconds: BACKUP_SECONDS_MAX,
    }
}

/// Lets everybody in again.
#[must_use]
pub fn open(database: &str) -> Statement {
    Statement {
        name: "restore.open",
        text: format!("ALTER DATABASE {} SET MULTI_USER", quote(database)),
        parameters: vec![database.to_owned()],
        time_limit_seconds: 60,
    }
}
