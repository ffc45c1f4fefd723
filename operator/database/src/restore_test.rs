//! Restoring a backup to a database of another name on the same server, to prove it: what its files would be, the restore,
//! the check of every page, and the end of that database.

use crate::backup::BACKUP_SECONDS_MAX;
use crate::{DatabaseError, Row, Statement, quote};

/// Letters that a database's name may have and a file's may not.
const NOT_IN_FILES: [char; 9] = ['\\', '/', ':', '*', '?', '"', '<', '>', '|'];

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

/// Where the files of a backup would lie under another name: beside those that they came from.
#[must_use]
pub fn targets(scratch: &str, files: &[BackedUpFile]) -> Vec<String> {
    let stem: String =
        scratch.chars().map(|letter| if NOT_IN_FILES.contains(&letter) { '_' } else { letter }).collect();
    let named = files.iter().enumerate().map(|(number, file)| {
        let (folder, name) = file.physical.rsplit_once('\\').unwrap_or(("", &file.physical));
        // A dot in a folder's name ends no file.
        let ending = name.rsplit_once('.').map_or("ndf", |(_, ending)| ending);
        format!(r"{folder}\{stem}-{number}.{ending}")
    });
    named.collect()
}

/// Restores a backup to a database of another name, with its files beside those that they came from, under that name.
#[must_use]
pub fn restore(scratch: &str, path: &str, files: &[BackedUpFile]) -> Statement {
    let mut parameters = vec![scratch.to_owned(), path.to_owned()];
    let mut moves = String::new();
    for (file, target) in files.iter().zip(targets(scratch, files)) {
        moves.push_str(&format!(", MOVE @P{} TO @P{}", parameters.len() + 1, parameters.len() + 2));
        parameters.extend([file.logical.clone(), target]);
    }
    Statement {
        name: "restoreTest.restore",
        text: format!("RESTORE DATABASE {} FROM DISK = @P2 WITH CHECKSUM, RECOVERY{moves}", quote(scratch)),
        parameters,
        time_limit_seconds: BACKUP_SECONDS_MAX,
    }
}

/// Where a database came from: its files, and the backup that it was last restored from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Where its files lie; none where there is no such database.
    pub files: Vec<String>,
    /// The file of that backup; `None` where no restore into a database of that name has ended.
    pub restored_from: Option<String>,
}

impl Origin {
    /// Whether a test restore of a backup made it: its files are those that the restore names, and what `msdb` knows to
    /// have been restored under this name was that backup. Of a restore that was broken off `msdb` knows nothing.
    #[must_use]
    pub fn is_test_of(&self, path: &str, targets: &[String]) -> bool {
        let is_target = |file: &String| targets.iter().any(|target| target.eq_ignore_ascii_case(file));
        let from = self.restored_from.as_deref();
        !self.files.is_empty()
            && self.files.iter().all(is_target)
            && from.is_none_or(|from| from.eq_ignore_ascii_case(path))
    }
}

/// Asks where a database came from. It changes nothing.
#[must_use]
pub fn origin(scratch: &str) -> Statement {
    Statement {
        name: "restoreTest.origin",
        text: "SELECT f.physical_name AS [file], (SELECT TOP 1 m.physical_device_name FROM msdb.dbo.restorehistory h \
               JOIN msdb.dbo.backupset b ON b.backup_set_id = h.backup_set_id \
               JOIN msdb.dbo.backupmediafamily m ON m.media_set_id = b.media_set_id \
               WHERE h.destination_database_name = @P1 ORDER BY h.restore_history_id DESC) AS restoredFrom \
               FROM sys.master_files f WHERE f.database_id = DB_ID(@P1)"
            .to_owned(),
        parameters: vec![scratch.to_owned()],
        time_limit_seconds: 30,
    }
}

/// Where a database came from.
#[must_use]
pub fn decode_origin(rows: &[Row]) -> Origin {
    Origin {
        files: rows.iter().filter_map(|row| row.get("file")).cloned().collect(),
        restored_from: rows.iter().find_map(|row| row.get("restoredFrom")).cloned(),
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
    use super::{BackedUpFile, Origin, decode_files, restore, targets};
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
    fn dots_and_brackets_in_names_end_no_file_and_make_no_folder() {
        let file = |physical: &str| BackedUpFile { logical: "CRM7".into(), physical: physical.into() };
        let files = [file(r"D:\data.v1\CRM7"), file(r"D:\data.v1\CRM7.old.mdf")];
        assert_eq!(
            targets("CRM[7].x-test-4f1c09", &files),
            [r"D:\data.v1\CRM[7].x-test-4f1c09-0.ndf", r"D:\data.v1\CRM[7].x-test-4f1c09-1.mdf"]
        );
        assert_eq!(targets(r"CRM\7:a", &files)[1], r"D:\data.v1\CRM_7_a-1.mdf");
    }

    #[test]
    fn only_what_a_test_of_this_backup_made_counts_as_its_copy() {
        let ours = [r"D:\data\CRM7-test-4f1c09-0.mdf".to_owned(), r"E:\log\CRM7-test-4f1c09-1.ldf".to_owned()];
        let path = r"\\backup\CRM7.bak";
        let origin = |files: &[&str], from: Option<&str>| Origin {
            files: files.iter().map(|file| (*file).to_owned()).collect(),
            restored_from: from.map(str::to_owned),
        };
        let files = [r"D:\DATA\CRM7-test-4f1c09-0.mdf", r"E:\log\CRM7-test-4f1c09-1.ldf"];
        assert!(origin(&files, Some(r"\\BACKUP\CRM7.bak")).is_test_of(path, &ours));
        assert!(origin(&files, None).is_test_of(path, &ours), "a restore that was broken off");
        assert!(!origin(&files, Some(r"\\backup\other.bak")).is_test_of(path, &ours));
        assert!(!origin(&[r"D:\data\CRM7-test-4f1c09.mdf"], Some(path)).is_test_of(path, &ours), "made by hand");
        assert!(!origin(&[], None).is_test_of(path, &ours));
    }

    #[test]
    fn files_without_names_are_no_answer() {
        assert!(decode_files(&[]).is_err());
        assert!(decode_files(&[Row::from([("LogicalName".to_owned(), "CRM7".to_owned())])]).is_err());
    }
}
