//! What one round may do. The controller carries intents out in list order and stops at the first that fails: records
//! come before the orders that they announce, so that a crash in between loses nothing.

use crm_api::backup::{CrmBackupSpec, CrmBackupStatus};
use crm_api::change::{CrmChangeSpec, CrmChangeStatus, Task};
use crm_api::node::CrmNodeSpec;
use crm_api::notice::Notice;
use crm_api::site::{CrmSiteStatus, Finding, Waiting};
use jiff::Timestamp;

use crate::half_done::Found;

/// What was decided in one round.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Where the site stands.
    pub standing: Standing,
    /// What to do now, in this order. Each may be repeated and may be lost.
    pub intents: Vec<Intent>,
    /// When to look again at the latest.
    pub wake_at: Option<Timestamp>,
}

/// Where a site stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// Nothing to do: observed, verified and declared are the same.
    Settled,
    /// Too little was seen yet to decide anything.
    Observing {
        /// What is missing.
        missing: Vec<String>,
    },
    /// There is no plan, for these reasons; each names its remedy.
    Refused {
        /// The reasons, worst first.
        findings: Vec<Finding>,
    },
    /// Other hands left it half done; nothing is touched before a person has chosen a way out.
    HalfDone {
        /// What was found, and the ways out.
        found: Box<Found>,
    },
    /// There is a plan, and no change carries it out yet.
    Proposed {
        /// The plan of the next hop.
        change: Box<CrmChangeSpec>,
        /// What the checks found that does not block.
        findings: Vec<Finding>,
    },
    /// A change is being carried out, waits, or is being taken back.
    Underway {
        /// Name of the change.
        change: String,
        /// What it waits for, where it waits.
        waiting: Option<Waiting>,
    },
    /// Nothing goes on until a person acts.
    Halted {
        /// Name of the change.
        change: String,
        /// Why.
        reason: String,
        /// What a person can do.
        remedy: String,
        /// The restore that would end it, where there is a set that fits.
        restore: Option<Box<CrmChangeSpec>>,
    },
    /// Everything came back from a backup set; the declaration is carried out again only on a person's word.
    Restored {
        /// Name of the restore.
        change: String,
        /// What a person can do.
        remedy: String,
    },
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Intent {
    /// Put the finalizer on the site: it must not vanish while users are out.
    HoldSite,
    /// Create a change with this pinned plan. It already exists: fine.
    CreateChange {
        /// Name, computed from site and plan.
        name: String,
        /// The pinned plan.
        spec: Box<CrmChangeSpec>,
    },
    /// Write the record of a change. Fails on conflict.
    RecordChange {
        /// Name.
        name: String,
        /// The whole status.
        status: Box<CrmChangeStatus>,
    },
    /// Create a backup set. It already exists: fine.
    CreateBackup {
        /// Name.
        name: String,
        /// What it is of.
        spec: Box<CrmBackupSpec>,
    },
    /// Write what a backup set holds.
    RecordBackup {
        /// Name.
        name: String,
        /// The whole status.
        status: Box<CrmBackupStatus>,
    },
    /// Give a node its questions, its orders and how often to look, as a whole. Fails on conflict.
    InstructNode {
        /// Name.
        node: String,
        /// The whole spec.
        spec: Box<CrmNodeSpec>,
    },
    /// Do this yourself, unless it is running already. Probe before you repeat.
    RunTask {
        /// Name of the change.
        change: String,
        /// Step.
        step: String,
        /// Try.
        attempt: i32,
        /// When this try was recorded as begun: evidence must be later.
        since: Timestamp,
        /// What.
        task: Task,
        /// File of the database backup in the change's backup set.
        backup_file: Option<String>,
    },
    /// Post a notice to the webhook, unless this try is running already. It may have been taken before: its id says so.
    DeliverNotice {
        /// Name of the change.
        change: String,
        /// Number of the notice there.
        number: i32,
        /// Try.
        attempt: i32,
        /// Secret that holds the address.
        secret: String,
        /// The body.
        notice: Box<Notice>,
    },
    /// Write the status of the site.
    RecordSite {
        /// The whole status.
        status: Box<CrmSiteStatus>,
    },
    /// Publish an event.
    Announce(Announcement),
    /// Take the finalizer off again.
    ReleaseSite,
}

/// One event for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// CamelCase word, the same as the condition's or result's.
    pub reason: &'static str,
    /// Sentence.
    pub message: String,
    /// Whether a person should look.
    pub warning: bool,
    /// Change that it is about; the site where there is none.
    pub change: Option<String>,
}
