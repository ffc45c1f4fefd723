//! Databases that a backup is restored to only to be checked: beside the site's own, under another name.

use std::time::Duration;

use crm_database::{DatabaseError, Row, Statement};
use tokio::sync::oneshot;

use crate::world::ghost::Happening;
use crate::world::sites::WorldAt;
use crate::world::sql::{parameter, refused, row};
use crate::world::state::State;

/// SQL Server error: there is a database of that name already.
const EXISTS: i32 = 1801;
/// SQL Server error: the database is in use.
const IN_USE: i32 = 3702;
/// SQL Server error: no such database.
const UNKNOWN: i32 = 911;
/// SQL Server error: a page of a table is damaged.
const DAMAGED_PAGE: i32 = 8939;
/// SQL Server error: damage was found while restoring.
const DAMAGED_SET: i32 = 3183;

/// One of them.
#[derive(Clone, Debug)]
pub(crate) struct Scratch {
    path: String,
    files: Vec<String>,
    restoring: bool,
}

impl WorldAt {
    /// Restores a backup under another name. It goes on when the caller is gone.
    pub(crate) async fn restore_scratch(&self, statement: &Statement) -> Result<Vec<Row>, DatabaseError> {
        let (name, path) = (parameter(statement, 0)?, parameter(statement, 1)?);
        // Logical name and place, in turns.
        let files: Vec<String> = statement.parameters.iter().skip(3).step_by(2).cloned().collect();
        let seconds = self.with(|state| state.begin_scratch(&name, &path, files))?;
        let (send, receive) = oneshot::channel();
        let world = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            let result = world.with(|state| state.end_scratch(&name));
            let _ = send.send(result);
        });
        match receive.await {
            Ok(result) => result.map(|()| Vec::new()),
            Err(_) => Err(refused(3013, "RESTORE DATABASE is terminating abnormally.")),
        }
    }

    /// `DBCC CHECKDB`: it reads every page and every structure, which reading a backup to its end does not.
    pub(crate) async fn check_scratch(&self, statement: &Statement) -> Result<Vec<Row>, DatabaseError> {
        let name = parameter(statement, 0)?;
        let seconds = self.with(|state| state.backup_seconds() / 2);
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        self.with(|state| {
            let scratch = state.scratch.get(&name).filter(|scratch| !scratch.restoring).cloned();
            let Some(scratch) = scratch else {
                return Err(refused(UNKNOWN, &format!("Database '{name}' does not exist.")));
            };
            let sound = state.backup_image(&scratch.path).is_ok_and(|image| image.sound);
            state.write(Happening::RestoreTested { path: scratch.path, sound });
            if sound {
                return Ok(Vec::new());
            }
            let message = "Table error: page (1:4711). Test (m_headerVersion == HEADER_7_0) failed.";
            Err(refused(DAMAGED_PAGE, message))
        })
    }
}

/// What the catalogue of the server and `msdb` know of one: the history is written when a restore has ended.
fn origin_rows(scratch: &Scratch) -> Vec<Row> {
    let of = |file: &String| {
        let mut columns = vec![("file", file.as_str())];
        columns.extend((!scratch.restoring).then_some(("restoredFrom", scratch.path.as_str())));
        row(&columns)
    };
    scratch.files.iter().map(of).collect()
}

impl State {
    fn begin_scratch(&mut self, name: &str, path: &str, files: Vec<String>) -> Result<u64, DatabaseError> {
        if self.scratch.contains_key(name) || name.eq_ignore_ascii_case(&self.layout.database) {
            return Err(refused(EXISTS, &format!("Database '{name}' already exists.")));
        }
        self.backup_image(path)?;
        self.scratch.insert(name.to_owned(), Scratch { path: path.to_owned(), files, restoring: true });
        Ok(self.backup_seconds() * 2)
    }

    fn end_scratch(&mut self, name: &str) -> Result<(), DatabaseError> {
        let path = self.scratch.get(name).map(|scratch| scratch.path.clone()).unwrap_or_default();
        if !self.backup_image(&path).is_ok_and(|image| image.whole) {
            self.scratch.remove(name);
            return Err(refused(DAMAGED_SET, "RESTORE detected an error on page (1:4711)."));
        }
        if let Some(scratch) = self.scratch.get_mut(name) {
            scratch.restoring = false;
        }
        Ok(())
    }

    /// The files of a backup, the end of such a database, and how one stands.
    pub(crate) fn scratch_answer(&mut self, statement: &Statement) -> Result<Vec<Row>, DatabaseError> {
        let first = parameter(statement, 0)?;
        match statement.name {
            "restoreTest.files" => {
                let database = self.backup_image(&first)?.database.clone();
                let file = |logical: &str, physical: &str| row(&[("LogicalName", logical), ("PhysicalName", physical)]);
                Ok(vec![
                    file(&database, &format!("D:\\Data\\{database}.mdf")),
                    file(&format!("{database}_log"), &format!("D:\\Data\\{database}_log.ldf")),
                ])
            }
            "restoreTest.origin" => Ok(self.scratch.get(&first).map(origin_rows).unwrap_or_default()),
            "restoreTest.drop" => {
                if self.scratch.get(&first).is_some_and(|scratch| scratch.restoring) {
                    return Err(refused(IN_USE, &format!("Cannot drop database \"{first}\" because it is in use.")));
                }
                self.scratch.remove(&first);
                Ok(Vec::new())
            }
            "server.databaseState" => {
                let state = |scratch: &Scratch| if scratch.restoring { "RESTORING" } else { "ONLINE" };
                let found = self.scratch.get(&first).map(state);
                Ok(found.map(|state| row(&[("state", state), ("access", "MULTI_USER")])).into_iter().collect())
            }
            "server.restoresRunning" if self.scratch.get(&first).is_some_and(|scratch| scratch.restoring) => {
                Ok(vec![row(&[("command", "RESTORE DATABASE")])])
            }
            _ => Ok(Vec::new()),
        }
    }
}
