//! S-3: before the schema changes there is a backup of this database: whole, taken alone, and nobody has written since.

use crm_api::site::{Component, Verification};

use super::{Broken, Invariant, Verdict};
use crate::file::ScenarioFile;
use crate::world::{Change, Happening};

/// The latest backup, and what has happened to it.
#[derive(Default)]
pub(super) struct BackupFirst {
    begun: Option<Begun>,
    /// Whether the site declares that a backup is restored and checked first.
    demands_test: bool,
    pub(super) times: u32,
}

struct Begun {
    path: String,
    /// Who was connected when it was begun.
    sessions: Vec<String>,
    taken: bool,
    tampered: bool,
    /// Whether it was restored under another name, and no fault was found there.
    tested: bool,
    /// Who wrote first after it was begun.
    written_by: Option<String>,
}

impl BackupFirst {
    pub(super) fn new(file: &ScenarioFile) -> Self {
        let declared = file.site.spec.backup.verification;
        Self { demands_test: declared == Verification::RestoredAndChecked, ..Self::default() }
    }

    pub(super) fn happened(&mut self, what: &Happening) -> Verdict {
        match what {
            Happening::BackupStarted { path, sessions } => {
                self.begun = Some(Begun {
                    path: path.clone(),
                    sessions: sessions.clone(),
                    taken: false,
                    tampered: false,
                    tested: false,
                    written_by: None,
                });
            }
            Happening::BackupTaken { path, .. } => {
                self.on(path, |begun| begun.taken = true);
            }
            Happening::RestoreTested { path, sound } => self.on(path, |begun| begun.tested = *sound),
            Happening::BackupFailed { path, .. } => self.on(path, |begun| begun.taken = false),
            Happening::BackupTampered { path } => self.on(path, |begun| begun.tampered = true),
            Happening::DatabaseWrite { by } => {
                if let Some(begun) = &mut self.begun {
                    begun.written_by.get_or_insert_with(|| by.clone());
                }
            }
            Happening::Started { component: Some(Component::CrmServer), program, .. } => {
                return self.check(&format!("{program} was started"));
            }
            Happening::Effect { change: Change::SchemaPart { part: 1, .. }, program, .. } => {
                return self.check(&format!("{program} changed the schema"));
            }
            _ => {}
        }
        Ok(())
    }

    fn on(&mut self, path: &str, act: impl FnOnce(&mut Begun)) {
        if let Some(begun) = self.begun.as_mut().filter(|begun| begun.path == path) {
            act(begun);
        }
    }

    fn check(&mut self, what: &str) -> Verdict {
        self.times += 1;
        let problem = match &self.begun {
            None => "there is no backup".to_owned(),
            Some(begun) if !begun.taken => format!("{} was never written to its end", begun.path),
            Some(begun) if begun.tampered => format!("{} is no longer what was written", begun.path),
            Some(begun) if self.demands_test && !begun.tested => {
                format!("{} was not restored and found sound, as the site demands", begun.path)
            }
            Some(begun) if !begun.sessions.is_empty() => {
                format!("{} was taken while {} were connected", begun.path, begun.sessions.join(", "))
            }
            Some(begun) => match &begun.written_by {
                Some(by) => format!("{by} wrote to the database after {} was begun", begun.path),
                None => return Ok(()),
            },
        };
        Err(Broken(Invariant::BackupFirst, format!("{what}, but {problem}")))
    }
}
