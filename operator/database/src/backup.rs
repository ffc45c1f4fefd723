//! Backing a database up, verifying the file, reading its header.

use std::sync::Arc;

use crm_api::backup::DatabaseBackup;
use jiff::Timestamp;

use crate::{DatabaseError, Row, SqlServer, Statement};

/// A backup of a large database may take long; past this its outcome is unknown.
pub const BACKUP_SECONDS_MAX: u32 = 6 * 60 * 60;

/// Backs the database up to a file, with checksums, outside the regular chain of backups.
#[must_use]
pub fn back_up(database: &str, path: &str) -> Statement {
    Statement {
        name: "backup.take",
        text: "BACKUP DATABASE @P1 TO DISK = @P2 WITH CHECKSUM, COPY_ONLY, INIT, FORMAT".to_owned(),
        parameters: vec![database.to_owned(), path.to_owned()],
        time_limit_seconds: BACKUP_SECONDS_MAX,
    }
}

/// Checks that a backup file can be read to its end and that its checksums hold.
#[must_use]
pub fn verify(path: &str) -> Statement {
    Statement {
        name: "backup.verify",
        text: "RESTORE VERIFYONLY FROM DISK = @P1 WITH CHECKSUM".to_owned(),
        parameters: vec![path.to_owned()],
        time_limit_seconds: BACKUP_SECONDS_MAX,
    }
}

/// Reads the header of a backup file.
#[must_use]
pub fn header(path: &str) -> Statement {
    Statement {
        name: "backup.header",
        text: "RESTORE HEADERONLY FROM DISK = @P1".to_owned(),
        parameters: vec![path.to_owned()],
        time_limit_seconds: 300,
    }
}

/// Reads and decodes the header of a backup file; `None` where there is no such file (SQL Server error 3201).
///
/// # Errors
/// When the server refuses for another reason, does not answer, or the file is no whole backup.
pub async fn read_header(sql: &Arc<dyn SqlServer>, path: &str) -> Result<Option<DatabaseBackup>, DatabaseError> {
    match sql.run(header(path)).await {
        Ok(rows) => match rows.first() {
            Some(row) => decode_header(path, row).map(Some),
            None => Err(unexpected("no row")),
        },
        Err(DatabaseError::Refused { number: CANNOT_OPEN_DEVICE, .. }) => Ok(None),
        Err(other) => Err(other),
    }
}

/// SQL Server error "cannot open backup device": there is no such file, or no right to it.
pub const CANNOT_OPEN_DEVICE: i32 = 3201;

fn unexpected(message: &str) -> DatabaseError {
    DatabaseError::Unexpected { statement: "backup.header", message: message.to_owned() }
}

fn decode_header(path: &str, row: &Row) -> Result<DatabaseBackup, DatabaseError> {
    let text = |column: &str| row.get(column).cloned().ok_or_else(|| unexpected(&format!("no column {column}")));
    let time = |column: &str| -> Result<Timestamp, DatabaseError> {
        text(column)?.parse().map_err(|_| unexpected(&format!("{column} is no time")))
    };
    Ok(DatabaseBackup {
        path: path.to_owned(),
        database: text("DatabaseName")?,
        started_at: crm_api::Time::from(time("BackupStartDate")?),
        finished_at: crm_api::Time::from(time("BackupFinishDate")?),
        size_bytes: text("BackupSize")?.parse().map_err(|_| unexpected("BackupSize is no number"))?,
        checksums: text("HasBackupChecksums")? == "1",
        last_lsn: text("LastLSN")?,
    })
}
