//! Events out of the ghost history: programs, backups, users, restarts.

use super::teller::{Place, Teller};
use super::{What, duration_text};
use crate::world::{Change, GhostEvent, Happening, StartedBy};

impl Teller {
    /// Something really happened.
    #[expect(clippy::too_many_lines, reason = "one arm for each thing that can happen")]
    pub(crate) fn ghost(&mut self, event: &GhostEvent) {
        let at = event.at;
        match &event.what {
            Happening::Started { node, pid, program, by, .. } => {
                self.running.insert((node.clone(), *pid), at);
                let who = match by {
                    StartedBy::Agent { .. } => "the agent",
                    StartedBy::Person => "a person",
                };
                self.tell(at, Place::of_node(node), What::Runs, format!("{program}, started by {who}"));
            }
            Happening::Ended { node, pid, program, exit } => {
                let since = self.running.remove(&(node.clone(), *pid));
                let after = since.map(|since| format!(" after {}", duration_text(at.duration_since(since))));
                let after = after.unwrap_or_default();
                let how = exit.map_or("cut off".to_owned(), |exit| format!("exit code {exit}"));
                self.tell(at, Place::of_node(node), What::Ended, format!("{program}: {how}{after}"));
            }
            Happening::Effect { node, change: Change::SchemaPart { part: 1, .. }, program, number, .. } => {
                let why = format!("{program} begins to change it to {number}: no way back but the backup set");
                self.tell(at, Place::of_node(node), What::Schema, why);
            }
            Happening::Effect { node, change: Change::Schema, number, .. } => {
                self.tell(at, Place::of_node(node), What::Schema, format!("whole again, at {number}"));
            }
            Happening::Effect { node, change: Change::Reports, program, .. } => {
                let what = format!("{program} replaces the standard reports that people edited");
                self.tell(at, Place::of_node(node), What::Lost, what);
            }
            Happening::ByHand { who, what } => {
                self.tell(at, Place::default(), What::ByHand, format!("{who} {what}, without the operator"));
            }
            Happening::Effect { .. } | Happening::DatabaseWrite { .. } => {}
            Happening::WrongSchemaTouched { by, number, database } => {
                // An old scheduler does so every minute: told once.
                let why = format!("{by} of {number} touched a database of {database}");
                if self.told_wrong.insert(why.clone()) {
                    self.tell(at, Place::default(), What::Wrong, why);
                }
            }
            Happening::NetServerCrashed { node, number } => {
                let why = format!("NetServer {number} crashed on a database of another release");
                self.tell(at, Place::of_node(node), What::Wrong, why);
            }
            Happening::BackupStarted { path, sessions } => {
                let who =
                    if sessions.is_empty() { String::new() } else { format!(" while {} work", sessions.join(", ")) };
                self.tell(at, Place::default(), What::Backup, format!("SQL Server begins {path}{who}"));
            }
            Happening::BackupTaken { path, size_bytes, started_at, .. } => {
                let (size, took) = (size_bytes / (1024 * 1024), duration_text(at.duration_since(*started_at)));
                self.tell(at, Place::default(), What::Backup, format!("{path} is written, {size} MiB in {took}"));
            }
            Happening::RestoreStarted { path, sessions } => {
                let who =
                    if sessions.is_empty() { String::new() } else { format!(" while {} work", sessions.join(", ")) };
                self.tell(at, Place::default(), What::Backup, format!("SQL Server begins to restore {path}{who}"));
            }
            Happening::DatabaseRestored { path, release } => {
                self.tell(
                    at,
                    Place::default(),
                    What::Backup,
                    format!("the database is back from {path}, at {release}"),
                );
            }
            Happening::RestoreTested { path, sound } => {
                let found = if *sound { "no fault" } else { "a damaged page" };
                let why = format!("{path} was restored under another name, DBCC CHECKDB finds {found}");
                self.tell(at, Place::default(), What::Backup, why);
            }
            Happening::RestoreFailed { path } => {
                self.tell(at, Place::default(), What::Backup, format!("the restore from {path} failed"));
            }
            Happening::BackupFailed { path, error } => {
                self.tell(at, Place::default(), What::Backup, format!("{path} failed: SQL Server error {error}"));
            }
            Happening::BackupTampered { path } => {
                self.tell(at, Place::default(), What::Fault, format!("{path} is no longer what was written"));
            }
            Happening::AgentKilled { node } => {
                self.lost.insert(node.clone(), at);
                self.tell(at, Place::of_node(node), What::Lost, "the agent is gone; what it started runs on");
            }
            Happening::RebootStarted { node } => {
                self.lost.insert(node.clone(), at);
                self.tell(at, Place::of_node(node), What::Restart, "Windows goes down");
            }
            Happening::Booted { node, .. } => {
                self.tell(at, Place::of_node(node), What::Restart, "Windows is up again");
            }
            Happening::Frozen { .. } | Happening::Unfrozen { .. } => {}
            Happening::UserOut { user } => {
                self.users_out.insert(user.clone());
                self.count_downtime(at);
                self.tell(at, Place::default(), What::UserOut, format!("{user} cannot work"));
            }
            Happening::UserBack { user } => {
                self.users_out.remove(user);
                self.count_downtime(at);
                self.tell(at, Place::default(), What::UserBack, format!("{user} works again"));
            }
            Happening::CachesFlushed { node } => {
                self.tell(at, Place::of_node(node), What::ByHand, "somebody flushed the caches of Service");
            }
            Happening::FaultStruck { fault, at: place } => {
                self.tell(at, Place::default(), What::Fault, format!("{fault} ({place})"));
            }
        }
    }

    /// A process is there again.
    pub(crate) fn back(&mut self, at: jiff::Timestamp, node: Option<&str>, who: &str) {
        let since = self.lost.remove(node.unwrap_or(who));
        let away = since.map(|since| format!(", {} later", duration_text(at.duration_since(since))));
        let place = Place { node, step: None };
        self.tell(at, place, What::Back, format!("{who} is there again{}", away.unwrap_or_default()));
    }

    /// A controller is gone.
    pub(crate) fn controller_lost(&mut self, at: jiff::Timestamp, who: &str) {
        self.lost.insert(who.to_owned(), at);
        self.tell(at, Place::default(), What::Lost, format!("{who} is gone"));
    }
}
