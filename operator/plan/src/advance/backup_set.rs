//! Whether the backup set of a change is whole, and how far it is verified.

use crm_api::backup::{BackupFile, CrmBackupStatus, DatabaseBackup};
use crm_api::change::{Executor, StepPhase, StepRole};
use crm_api::condition::{self, Kind, State, Wanted};
use crm_api::site::Verification;

use super::Run;

impl Run<'_> {
    /// How far the database backup of this change is verified in all, and by whom.
    fn reached(&self, read: Verification) -> (Verification, String) {
        let mut steps = self.change.spec.steps.iter().filter(|step| step.role == Some(StepRole::RestoreTest));
        let test = steps.find_map(|step| {
            let result = self.out.status.result(&step.id).filter(|result| result.phase == StepPhase::Verified)?;
            Some(match &step.executor {
                Executor::Attended { .. } => result.evidence.clone(),
                Executor::Agent { .. } | Executor::Controller { .. } => "SQL Server".to_owned(),
            })
        });
        let clip = |text: String| text.chars().take(320).collect();
        match test {
            Some(by) => (Verification::RestoredAndChecked, clip(by)),
            None => (read, "SQL Server".to_owned()),
        }
    }

    /// Whether the set is whole: this database, begun after the writers had stopped, with checksums where the declared
    /// verification asks for them, and a recorded file of it and of every step that backed files up.
    pub(super) fn whole_set(&self, header: &DatabaseBackup, read: Verification) -> Result<CrmBackupStatus, String> {
        let alone = self.change.spec.steps.iter().find(|step| step.role == Some(StepRole::ProveAlone));
        let stopped = alone
            .and_then(|step| self.out.status.result(&step.id))
            .and_then(|result| result.ended_at.as_ref())
            .map(|at| at.0);
        if header.database != self.view.spec.database.name {
            return Err(format!("the header names database {}, not {}", header.database, self.view.spec.database.name));
        }
        let (verification, verified_by) = self.reached(read);
        if !header.checksums && verification >= Verification::Checksums {
            return Err("the backup carries no checksums".to_owned());
        }
        if stopped.is_none_or(|stopped| header.started_at.0.as_second() < stopped.as_second()) {
            return Err("the backup was begun before the writers had stopped".to_owned());
        }
        let mut files = Vec::new();
        for step in &self.change.spec.steps {
            if !step.is_of_backup() || !matches!(step.executor, Executor::Agent { .. }) {
                continue;
            }
            let recorded = self.out.status.result(&step.id).map(|result| result.files.as_slice()).unwrap_or_default();
            if recorded.is_empty() {
                return Err(format!("{} has recorded no file", step.id));
            }
            let node = step.node.clone().unwrap_or_default();
            files.extend(recorded.iter().map(|file| BackupFile { node: node.clone(), file: file.clone() }));
        }
        let now = crm_api::Time::from(self.view.now);
        let wanted = Wanted {
            kind: Kind::Verified,
            state: State::True,
            reason: verification.name(),
            message: format!("{} {}; {} files are recorded", header.path, proven(verification), files.len()),
        };
        let old = self.backup().and_then(|backup| backup.status.as_ref()).map(|status| status.conditions.clone());
        Ok(CrmBackupStatus {
            observed_generation: 1,
            conditions: condition::merge(&old.unwrap_or_default(), vec![wanted], 1, &now),
            database: Some(header.clone()),
            files,
            taken_at: stopped.map(crm_api::Time::from),
            verification: Some(verification),
            verified_by: Some(verified_by),
        })
    }
}

/// What a verification has shown, in words.
fn proven(verification: Verification) -> &'static str {
    match verification {
        Verification::FileExists => "is there, by its header",
        Verification::Checksums => "was written to its end, with checksums",
        Verification::RestoreVerifyOnly => "reads to its end with good checksums",
        Verification::RestoredAndChecked => "was restored elsewhere, and DBCC CHECKDB found no fault there",
    }
}
