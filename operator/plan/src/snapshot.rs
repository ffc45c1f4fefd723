//! Everything observed about one site in one round, as plain data.

use crm_api::backup::DatabaseBackup;
use crm_api::change::Purpose;
use crm_api::database::DatabaseFacts;
use crm_api::{CrmBackup, CrmChange, CrmDecision, CrmNode, CrmRelease, CrmSite};
use jiff::Timestamp;

/// One round's view of one site. Read live from the API server and the database; nothing in it is guessed.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The site itself.
    pub site: CrmSite,
    /// Those nodes named by the site that exist, in the order of their names; with them those that it named before.
    pub nodes: Vec<NodeView>,
    /// The whole catalogue.
    pub releases: Vec<CrmRelease>,
    /// All changes of this site, oldest first.
    pub changes: Vec<CrmChange>,
    /// All backup sets of this site.
    pub backups: Vec<CrmBackup>,
    /// All decisions about this site, and every stop that stands over it, oldest first.
    pub decisions: Vec<CrmDecision>,
    /// The database, or why it could not be read.
    pub database: Result<DatabaseFacts, String>,
    /// Claims that open changes of other sites hold or wait for.
    pub foreign_claims: Vec<ForeignClaim>,
    /// Other sites that declare this site's database, as `namespace/name`.
    pub same_database: Vec<String>,
    /// What this controller process itself is doing or has just done for the open change. Empty after a restart.
    pub tasks: Vec<TaskState>,
    /// Notices that this controller process is posting or has just tried to post. Empty after a restart.
    pub deliveries: Vec<DeliveryState>,
    /// Epoch under which this controller may give orders.
    pub epoch: i64,
}

/// A node and its sign of life.
#[derive(Clone, Debug)]
pub struct NodeView {
    /// The node.
    pub node: CrmNode,
    /// When its agent last confirmed everything in the node's status.
    pub heartbeat: Option<Timestamp>,
}

/// A claim that another site's change holds or waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignClaim {
    /// The claim.
    pub claim: String,
    /// `namespace/name` of the site whose change that is.
    pub holder: String,
    /// When the change that waits for it was created; `None` where it holds the claim.
    pub waits_since: Option<Timestamp>,
}

/// A task that the controller carries out itself.
#[derive(Clone, Debug)]
pub struct TaskState {
    /// Step that it belongs to.
    pub step: String,
    /// Try.
    pub attempt: i32,
    /// `None` while it runs.
    pub result: Option<Result<TaskDone, TaskFailed>>,
}

/// A try to post a notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryState {
    /// Change that it is about.
    pub change: String,
    /// Its number there.
    pub number: i32,
    /// Try.
    pub attempt: i32,
    /// `None` while it runs; else whether the receiver has taken it, or why not.
    pub result: Option<Result<(), String>>,
}

/// What a task brought.
#[derive(Clone, Debug, Default)]
pub struct TaskDone {
    /// Evidence, for a person.
    pub evidence: String,
    /// Header of the database backup, for the tasks that read one.
    pub database_backup: Option<DatabaseBackup>,
    /// Value that was overwritten.
    pub old_value: Option<String>,
}

/// Why a task brought nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskFailed {
    /// For a person.
    pub message: String,
    /// Whether it is certain that nothing was changed. A lost answer is not.
    pub without_effect: bool,
}

impl Snapshot {
    /// The view of a node, if it exists.
    #[must_use]
    pub fn node(&self, name: &str) -> Option<&NodeView> {
        self.nodes.iter().find(|view| view.node.metadata.name.as_deref() == Some(name))
    }

    /// The change that is open, if one is: a restore before the change that it ends, else the oldest.
    #[must_use]
    pub fn open_change(&self) -> Option<&CrmChange> {
        let restore = self.open_changes().find(|change| change.spec.purpose == Purpose::Restore);
        restore.or_else(|| self.open_changes().next())
    }

    /// Changes that are not over, oldest first: one; where it is halted a restore beside it, and where it leaves the site closed
    /// the next hop, until it has ended.
    pub fn open_changes(&self) -> impl Iterator<Item = &CrmChange> {
        self.changes.iter().filter(|change| !change.status.as_ref().is_some_and(|status| status.phase.is_over()))
    }
}

/// Whether two declarations mean the same database. Names have no case; the port 1433 and the instance `MSSQLSERVER` are
/// those that SQL Server takes where none is named. A host under two names is not recognised.
#[must_use]
pub fn is_one_database((server, name): (&str, &str), (other_server, other_name): (&str, &str)) -> bool {
    database_key(server, name) == database_key(other_server, other_name)
}

/// What two declarations of the same database have in common.
#[must_use]
pub fn database_key(server: &str, name: &str) -> (String, String) {
    let server = server.trim().to_lowercase();
    let server = server.strip_prefix("tcp:").unwrap_or(&server);
    let server = server.strip_suffix(",1433").unwrap_or(server);
    let server = server.strip_suffix(r"\mssqlserver").unwrap_or(server);
    (server.trim_end_matches('.').to_owned(), name.trim().to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::is_one_database;

    #[test]
    fn a_database_is_the_same_however_its_server_is_written() {
        let same = |one, other| is_one_database((one, "CRM7"), (other, "crm7"));
        assert!(same("SQL1.contoso.example", "sql1.contoso.example,1433"));
        assert!(same(r"sql1\MSSQLSERVER", "tcp:sql1."));
        assert!(!same(r"sql1\CRM", "sql1"));
        assert!(!same("sql1,1434", "sql1"));
        assert!(!is_one_database(("sql1", "CRM7"), ("sql1", "CRM8")));
    }
}
