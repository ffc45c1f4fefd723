//! Restoring a backup to a database of another name on the same server, to prove it: what its files would be, the restore,
//! the check of every page, and the end of that database.

use crate::backup::BACKUP_SECONDS_MAX;
use crate::{DatabaseError, Row, Statement, quote};

/// One file that a backup brings back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackedUpFile {
    /// Its name inside the database.
    pub logical: String,
    /// Where it lay, and would lie again.
    pub physical: String,
}

/// Asks which files a backup brings back. It changes nothing.
#[must_use]
pub fn files(path: &str) -> Statement {
    Statement {
        name: "restoreTest.files",
        text: "RESTORE FILELISTONLY FROM DISK = @P1".to_owned(),
        parameters: vec![path.to_owned()],
        time_limit_seconds: 300,
    }
}

/// The files that a backup brings back.
///
/// # Errors
/// When a row has no names, or there is none.
pub fn decode_files(rows: &[Row]) -> Result<Vec<BackedUpFile>, DatabaseError> {
    let unexpected =
        |message: &str| DatabaseError::Unexpected { statement: "restoreTest.files", message: message.to_owned() };
    let file = |row: &Row| match (row.get("LogicalName"), row.get("PhysicalName")) {
        (Some(logical), Some(physical)) => Ok(BackedUpFile { logical: logical.clone(), physical: physical.clone() }),
        (_, _) => Err(unexpected("a row without LogicalName or PhysicalName")),
    };
    let files: Vec<BackedUpFile> = rows.iter().map(file).collect::<Result<_, _>>()?;
    if files.is_empty() { Err(unexpected("no row")) } else { Ok(files) }
}

/// Restores a backup to a database of another name, with its files beside those that they came from, under that name.
#[must_use]
pub fn restore(scratch: &str, path: &str, files: &[BackedUpFile]) -> Statement {
    let mut parameters = vec![scratch.to_owned(), path.to_owned()];
    let mut moves = String::new();
    for (number, file) in files.iter().enumerate() {
        let folder = file.physical.rsplit_once('\\').map_or("", |(folder, _)| folder);
        let ending = file.physical.rsplit_once('.').map_or("ndf", |(_, ending)| ending);
        moves.push_str(&format!(", MOVE @P{} TO @P{}", parameters.len() + 1, parameters.len() + 2));
        parameters.push(file.logical.clone());
        parameters.push(format!(r"{folder}\{scratch}-{number}.{ending}"));
    }
    Statement {
        name: "restoreTest.restore",
        text: format!("RESTORE DATABASE {} FROM DISK = @P2 WITH CHECKSUM, RECOVERY{moves}", quote(scratch)),
        parameters,
        time_limit_seconds: BACKUP_SECONDS_MAX,
    }
}

/// Checks every page and every structure of a database. It changes nothing; SQL Server refuses with the first fault.
#[must_use]
pub fn check(scratch: &str) -> Statement {
    Statement {
        name: "restoreTest.check",
        text: format!("DBCC CHECKDB ({}) WITH NO_INFOMSGS, ALL_ERRORMSGS", quote(scratch)),
        parameters: vec![scratch.to_owned()],
        time_limit_seconds: BACKUP_SECONDS_MAX,
    }
}

/// Ends that database with its files. One that is not there any more is no error.
#[must_use]
pub fn drop(scratch: &str) -> Statement {
    Statement {
        name: "restoreTest.drop",
        text: format!("IF DB_ID(@P1) IS NOT NULL DROP DATABASE {}", quote(scratch)),
        parameters: vec![scratch.to_owned()],
        time_limit_seconds: 300,
    }
}

#[cfg(test)]
mod tests {
    use super::{BackedUpFile, decode_files, restore};
    use crate::Row;

    #[test]
    fn a_test_restore_writes_beside_the_files_and_never_over_them() {
        let file = |logical: &str, physical: &str| BackedUpFile { logical: logical.into(), physical: physical.into() };
        let files = [file("CRM7", r"D:\data\CRM7.mdf"), file("CRM7_log", r"E:\log\CRM7_log.ldf")];
        let statement = restore("CRM7-test-4f1c09", r"\\backup\CRM7.bak", &files);
        assert_eq!(
            statement.text,
            "RESTORE DATABASE [CRM7-test-4f1c09] FROM DISK = @P2 WITH CHECKSUM, RECOVERY, MOVE @P3 TO @P4, MOVE @P5 TO @P6"
        );
        assert_eq!(
            statement.parameters[2..],
            ["CRM7", r"D:\data\CRM7-test-4f1c09-0.mdf", "CRM7_log", r"E:\log\CRM7-test-4f1c09-1.ldf"]
        );
        assert!(!statement.text.contains("REPLACE"), "nothing is written over");
    }

    #[test]
    fn files_without_names_are_no_answer() {
        assert!(decode_files(&[]).is_err());
        assert!(decode_files(&[Row::from([("LogicalName".to_owned(), "CRM7".to_owned())])]).is_err());
    }
}
