//! One reading of a site's database: the questions of SQL Server itself and those of the product.

use std::sync::Arc;

use crm_api::database::{DATABASE_BYTES, DatabaseFact, DatabaseFacts, SCHEMA_MODIFIED_AT, SQL_SERVER_VERSION, Session};
use crm_api::site::CrmSiteSpec;
use jiff::Timestamp;

use crate::superoffice::{self, Question, first};
use crate::{DatabaseError, Row, SqlServer, Statement};

/// Facts past this number of sessions name the first ones only.
const SESSIONS_MAX: usize = 64;

fn server_questions() -> Vec<Question> {
    let ask = |name, text: &str, facts| Question {
        statement: Statement { name, text: text.to_owned(), parameters: Vec::new(), time_limit_seconds: 30 },
        facts,
    };
    vec![
        ask(
            "server.version",
            "SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(64)) AS version",
            &[(SQL_SERVER_VERSION, "version", "SERVERPROPERTY('ProductVersion')")],
        ),
        ask(
            "server.schemaModified",
            // The server keeps local time; everything else is UTC.
            "SELECT DATEADD(MINUTE, DATEDIFF(MINUTE, GETDATE(), GETUTCDATE()), MAX(modify_date)) AS modifiedAt \
             FROM sys.objects WHERE is_ms_shipped = 0",
            &[(SCHEMA_MODIFIED_AT, "modifiedAt", "sys.objects.modify_date")],
        ),
        ask(
            "server.databaseBytes",
            "SELECT SUM(CAST(size AS bigint)) * 8192 AS bytes FROM sys.database_files WHERE type = 0",
            &[(DATABASE_BYTES, "bytes", "sys.database_files.size")],
        ),
    ]
}

fn sessions_statement(database: &str) -> Statement {
    Statement {
        name: "server.sessions",
        text: "SELECT s.session_id, s.host_name, s.program_name, s.login_name FROM sys.dm_exec_sessions s \
               WHERE s.is_user_process = 1 AND s.program_name <> APP_NAME() AND s.database_id = DB_ID(@P1) \
               ORDER BY s.session_id"
            .to_owned(),
        parameters: vec![database.to_owned()],
        time_limit_seconds: 30,
    }
}

fn permission_statement() -> Statement {
    Statement {
        name: "server.permission",
        text: "SELECT HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE') AS allowed".to_owned(),
        parameters: Vec::new(),
        time_limit_seconds: 30,
    }
}

fn running_backups_statement(database: &str) -> Statement {
    Statement {
        name: "server.backupsRunning",
        text: "SELECT t.text AS command FROM sys.dm_exec_requests r CROSS APPLY sys.dm_exec_sql_text(r.sql_handle) t \
               WHERE r.command = 'BACKUP DATABASE' AND r.database_id = DB_ID(@P1)"
            .to_owned(),
        parameters: vec![database.to_owned()],
        time_limit_seconds: 30,
    }
}

/// Reads everything that decisions about a site need from its database.
///
/// # Errors
/// When SQL Server refuses or does not answer: half a reading is none.
pub async fn read(
    sql: &Arc<dyn SqlServer>,
    site: &CrmSiteSpec,
    now: Timestamp,
) -> Result<DatabaseFacts, DatabaseError> {
    // Without this right SQL Server shows a login its own session only: an empty list would prove nothing.
    let rights = sql.run(permission_statement()).await?;
    if first(&rights, "allowed") != Some("1") {
        return Err(DatabaseError::Unexpected {
            statement: "server.permission",
            message: "the login may not see other sessions; GRANT VIEW SERVER STATE to it".to_owned(),
        });
    }
    let mut questions = server_questions();
    if let Some(block) = &site.super_office {
        questions.extend(superoffice::questions(&block.table_prefix));
    }
    let mut facts = Vec::new();
    for question in questions {
        let rows = sql.run(question.statement).await?;
        for (name, column, source) in question.facts {
            facts.push(DatabaseFact {
                name: (*name).to_owned(),
                value: first(&rows, column).map(str::to_owned),
                source: (*source).to_owned(),
            });
        }
    }
    let sessions = sql.run(sessions_statement(&site.database.name)).await?;
    let backups = sql.run(running_backups_statement(&site.database.name)).await?;
    Ok(DatabaseFacts {
        read_at: crm_api::Time::from(now),
        facts,
        sessions: sessions.iter().take(SESSIONS_MAX).map(session).collect(),
        backups_running: backups.iter().filter_map(|row| row.get("command").cloned()).collect(),
    })
}

fn session(row: &Row) -> Session {
    let text = |column: &str| row.get(column).cloned().unwrap_or_default();
    Session {
        id: text("session_id").parse().unwrap_or(0),
        host: text("host_name"),
        program: text("program_name"),
        login: text("login_name"),
    }
}
