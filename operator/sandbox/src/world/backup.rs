//! Backups of the database: a file on the backup share, minutes of work, damage.

use std::time::Duration;

use crm_database::{DatabaseError, Row, Statement};
use jiff::Timestamp;
use tokio::sync::oneshot;

use crate::world::faults::WorldFault;
use crate::world::files::{BackupImage, Content, is_unc};
use crate::world::ghost::Happening;
use crate::world::sites::WorldAt;
use crate::world::sql::{parameter, refused, row};
use crate::world::state::{State, World};

/// Mebibyte.
const MEBIBYTE: i64 = 1024 * 1024;
/// SQL Server error: cannot open the backup device.
const CANNOT_OPEN: i32 = 3201;
/// SQL Server error: a write on the backup device failed.
const WRITE_FAILED: i32 = 3202;
/// SQL Server error: the backup set is damaged.
const DAMAGED: i32 = 3189;
/// SQL Server error: the file is no backup.
const NO_BACKUP: i32 = 3241;
/// Kinds of places at which a fault of a backup may be bound.
const PLACES: [&str; 2] = ["Database", "backup"];

/// What a backup needs to know once it has begun.
struct Begun {
    id: u32,
    path: String,
    database: String,
    started_at: Timestamp,
    seconds: u64,
    fails: bool,
}

impl WorldAt {
    /// Takes a backup. It goes on when the caller is gone, unless the assumptions say otherwise.
    pub(crate) async fn take_backup(&self, statement: &Statement) -> Result<Vec<Row>, DatabaseError> {
        let database = parameter(statement, 0)?;
        let path = parameter(statement, 1)?;
        let begun = self.with(|state| state.begin_backup(database, path))?;
        let survives = self.with(|state| state.assumptions.backup_survives_caller);
        let (send, receive) = oneshot::channel();
        let world = self.clone();
        let mut send = Some(send);
        tokio::spawn(async move {
            if survives {
                tokio::time::sleep(Duration::from_secs(begun.seconds)).await;
            } else if let Some(caller) = send.as_mut() {
                tokio::select! {
                    () = tokio::time::sleep(Duration::from_secs(begun.seconds)) => {}
                    () = caller.closed() => {
                        world.with(|state| {
                            state.database.backups_running.remove(&begun.id);
                            state.write(Happening::BackupFailed { path: begun.path.clone(), error: 3204 });
                        });
                        return;
                    }
                }
            }
            let result = world.with(|state| state.end_backup(&begun));
            if let Some(send) = send {
                let _ = send.send(result);
            }
        });
        match receive.await {
            Ok(result) => result.map(|()| Vec::new()),
            Err(_) => Err(refused(3013, "BACKUP DATABASE is terminating abnormally.")),
        }
    }

    /// Reads a backup file to its end.
    pub(crate) async fn verify_backup(&self, statement: &Statement) -> Result<Vec<Row>, DatabaseError> {
        let path = parameter(statement, 0)?;
        let seconds = self.with(|state| {
            state.backup_image(&path)?;
            Ok::<u64, DatabaseError>(state.backup_seconds() / 2)
        })?;
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        self.with(|state| {
            if state.backup_image(&path)?.whole {
                Ok(Vec::new())
            } else {
                Err(refused(DAMAGED, "Damage to the backup set was detected."))
            }
        })
    }
}

impl World {
    /// Damages a backup file after it was written: somebody's hand, or a bad disk.
    pub fn tamper_with_backup(&self, path: &str) {
        self.with(|state| {
            let site = state.site_of_share(path);
            state.at(&site, |state| state.tamper(path));
        });
    }
}

impl State {
    pub(crate) fn backup_seconds(&self) -> u64 {
        let mebibytes = u64::try_from(self.database.bytes / MEBIBYTE).unwrap_or(0);
        (mebibytes * 60 / self.assumptions.backup_mebibytes_per_minute.max(1)).max(1)
    }

    /// Free room on the backup share: what it had, less the backups on it.
    pub(crate) fn backup_share_free(&self) -> i64 {
        let had = i64::try_from(self.assumptions.backup_share_free_mebibytes).unwrap_or(0).saturating_mul(MEBIBYTE);
        let used = self.shares.size(&self.layout.backup).map_or(0, |content| content.size_bytes);
        had.saturating_sub(used).max(0)
    }

    fn begin_backup(&mut self, database: String, path: String) -> Result<Begun, DatabaseError> {
        if database != self.layout.database {
            return Err(refused(911, &format!("Database '{database}' does not exist.")));
        }
        if !is_unc(&path) {
            return Err(refused(CANNOT_OPEN, &format!("Cannot open backup device '{path}'.")));
        }
        let full = self.faults.strikes(WorldFault::DiskFullDuringBackup, &PLACES);
        if full {
            let fault = WorldFault::DiskFullDuringBackup.name().to_owned();
            self.write(Happening::FaultStruck { fault, at: path.clone() });
        }
        let fails = full || self.backup_share_free() < self.database.bytes;
        let id = self.database.backups_begun;
        self.database.backups_begun += 1;
        self.database.backups_running.insert(id, path.clone());
        let sessions = self.sessions().into_iter().map(|(host, program, _)| format!("{program}@{host}")).collect();
        self.write(Happening::BackupStarted { path: path.clone(), sessions });
        let begun = Begun { id, path, database, started_at: self.now, seconds: self.backup_seconds(), fails };
        let image = self.unfinished(&begun);
        self.shares.put(&begun.path, Content::Backup(image));
        Ok(begun)
    }

    /// What stands in the file until the backup is whole.
    fn unfinished(&self, begun: &Begun) -> BackupImage {
        BackupImage {
            database: begun.database.clone(),
            release: self.database.release(),
            started_at: begun.started_at,
            finished_at: self.now,
            size_bytes: self.database.bytes,
            last_lsn: self.database.last_lsn(),
            whole: false,
            sound: true,
            header: false,
        }
    }

    fn end_backup(&mut self, begun: &Begun) -> Result<(), DatabaseError> {
        self.database.backups_running.remove(&begun.id);
        if begun.fails {
            self.write(Happening::BackupFailed { path: begun.path.clone(), error: WRITE_FAILED });
            return Err(refused(
                WRITE_FAILED,
                &format!("Write on \"{}\" failed: 112(There is not enough space on the disk.)", begun.path),
            ));
        }
        let damaged = self.faults.strikes(WorldFault::DamagedPage, &PLACES);
        let image = BackupImage { whole: true, sound: !damaged, header: true, ..self.unfinished(begun) };
        let (size_bytes, last_lsn, database) = (image.size_bytes, image.last_lsn.clone(), image.release.clone());
        self.shares.put(&begun.path, Content::Backup(image));
        self.keep_image(&begun.path);
        let sha256 = self.shares.described(&begun.path).map(|content| content.sha256).unwrap_or_default();
        let (path, started_at) = (begun.path.clone(), begun.started_at);
        self.write(Happening::BackupTaken { path, size_bytes, sha256, started_at, last_lsn, database });
        if damaged {
            let fault = WorldFault::DamagedPage.name().to_owned();
            self.write(Happening::FaultStruck { fault, at: begun.path.clone() });
        }
        if self.faults.strikes(WorldFault::BackupTruncated, &PLACES) {
            let fault = WorldFault::BackupTruncated.name().to_owned();
            self.write(Happening::FaultStruck { fault, at: begun.path.clone() });
            self.tamper(&begun.path);
        }
        Ok(())
    }

    fn tamper(&mut self, path: &str) {
        let Some(Content::Backup(image)) = self.shares.get(path) else {
            return;
        };
        let image = BackupImage { whole: false, ..image.clone() };
        self.shares.put(path, Content::Backup(image));
        self.write(Happening::BackupTampered { path: path.to_owned() });
    }

    pub(crate) fn backup_image(&self, path: &str) -> Result<&BackupImage, DatabaseError> {
        match self.shares.get(path) {
            Some(Content::Backup(image)) if image.header => Ok(image),
            Some(_) => Err(refused(NO_BACKUP, "The media family is incorrectly formed.")),
            None => Err(refused(CANNOT_OPEN, &format!("Cannot open backup device '{path}'. Operating system error 2"))),
        }
    }

    pub(crate) fn backup_header(&self, statement: &Statement) -> Result<Vec<Row>, DatabaseError> {
        let path = parameter(statement, 0)?;
        let image = self.backup_image(&path)?;
        Ok(vec![row(&[
            ("DatabaseName", &image.database),
            ("BackupStartDate", &image.started_at.to_string()),
            ("BackupFinishDate", &image.finished_at.to_string()),
            ("BackupSize", &image.size_bytes.to_string()),
            ("HasBackupChecksums", "1"),
            ("LastLSN", &image.last_lsn),
        ])])
    }
}
