//! What the operator knows of a site: verified state, observed parts, findings, what is waited for.

mod ways;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Component, FastCgi, Placement, Verification};
use crate::Time;
use crate::database::DatabaseFacts;
pub use ways::{HalfDone, HopSummary, PlanSummary, RestoreOffer};

/// What the operator knows of a site. Written by the controller only.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CrmSiteStatus {
    /// Generation of the spec that this status speaks of; -1 before the first look.
    #[serde(default = "never_observed")]
    pub observed_generation: i64,
    /// `Ready`, `UpToDate`, `Drifted`, `FactsFresh` and, while they apply, `Reconciling`, `Stalled` and the debts.
    #[serde(default)]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".to_owned()]))]
    pub conditions: Vec<Condition>,
    /// What the site was last proven to be at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<VerifiedState>,
    /// Versions as observed, per part.
    #[serde(default)]
    #[schemars(length(max = 32))]
    pub parts: Vec<ObservedPart>,
    /// Facts of the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseFacts>,
    /// Drift in a word: `none`, or the classes found.
    #[serde(default)]
    #[schemars(length(max = 256))]
    pub drift: String,
    /// What checks found, worst first.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub findings: Vec<Finding>,
    /// The open change, or the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub change: Option<String>,
    /// What is waited for, and who can end it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
    /// The plan towards the declared version, in short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanSummary>,
    /// The hold that stands over the site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<StandingWord>,
    /// The stop that stands over the site, its namespace or all sites.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<StandingWord>,
    /// How the site was found half done by other hands, until a person has chosen and that is carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub half_done: Option<HalfDone>,
    /// The newest backup set of this site that is fit for a restore.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<LastBackup>,
    /// The restore that would bring the site back, while a change is halted behind its point of no return, or the site was
    /// found half done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore: Option<RestoreOffer>,
    /// Components that were taken out of the declaration and still stand on their nodes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub orphaned: Vec<Orphan>,
    /// Next opening of a window, in the site's own time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub next_window: Option<String>,
}

fn never_observed() -> i64 {
    -1
}

impl Default for CrmSiteStatus {
    fn default() -> Self {
        Self {
            observed_generation: never_observed(),
            conditions: Vec::new(),
            verified: None,
            parts: Vec::new(),
            database: None,
            drift: String::new(),
            findings: Vec::new(),
            change: None,
            waiting: None,
            plan: None,
            hold: None,
            stop: None,
            half_done: None,
            backup: None,
            restore: None,
            orphaned: Vec::new(),
            next_window: None,
        }
    }
}

/// What a site was last proven to be at. Declaration against this = update pending; observation against it = drift.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VerifiedState {
    /// Name of the release in the catalogue.
    #[schemars(length(max = 64))]
    pub version: String,
    /// Its rank in the catalogue at that time: a policy can refuse a version of a lower one without knowing the catalogue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<i32>,
    /// FastCGI as proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fast_cgi: Option<FastCgi>,
    /// What runs where, as proven. Taken out of the declaration it is orphaned, gone from its node it is missing; only
    /// what never stood here is installed.
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub components: Vec<Placement>,
    /// Digest of the spec that was proven.
    #[schemars(length(max = 64))]
    pub spec_digest: String,
    /// The change that led here; left out where a running site was adopted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub change: Option<String>,
    /// When it was proven.
    pub at: Time,
}

/// A component that was taken out of the declaration while it stood on its node. The operator uninstalls nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Orphan {
    /// The component.
    pub component: Component,
    /// The node.
    #[schemars(length(max = 253))]
    pub node: String,
    /// Programs, services and application pools that are still there, with their state where it is known.
    #[schemars(length(max = 16), inner(length(max = 256)))]
    pub left: Vec<String>,
    /// Since when it is not declared any more.
    pub since: Time,
}

/// One part of a site (the database, a component on a node) and the version it shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObservedPart {
    /// Name of the part, for example `Database` or `Web`.
    #[schemars(length(max = 64))]
    pub part: String,
    /// Node that carries it; left out for the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub node: Option<String>,
    /// Consistent, Inconsistent, Unknown, Stale or Absent.
    pub state: PartState,
    /// The version, where the sources agree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub version: Option<String>,
    /// What each source shows.
    #[schemars(length(max = 16))]
    pub sources: Vec<SourceValue>,
}

/// How several sources of one fact agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PartState {
    /// All sources show the same.
    Consistent,
    /// Two sources contradict each other.
    Inconsistent,
    /// No source could be read.
    Unknown,
    /// The facts are too old to lean on.
    Stale,
    /// Declared, and every source says that it is not installed. It does not count for *one release*.
    Absent,
}

/// One source and what it shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SourceValue {
    /// Where it was read, for example `installed programs`.
    #[schemars(length(max = 128))]
    pub source: String,
    /// What it shows; left out where it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub value: Option<String>,
}

/// What a named check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Name of the check.
    #[schemars(length(max = 64))]
    pub check: String,
    /// Drift class, for example `Version` or `FastCgi`; left out for findings that are no drift.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub class: Option<String>,
    /// How much it matters.
    pub severity: Severity,
    /// Node concerned, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub node: Option<String>,
    /// What was seen and what was expected.
    #[schemars(length(max = 1024))]
    pub message: String,
    /// What a person can do about it.
    #[schemars(length(max = 1024))]
    pub remedy: String,
    /// When it was first seen; only for drift.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// What the site's policy does about it: `Report`, `Correct`, or `Ignore` with its date; only for drift.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub policy: Option<String>,
}

impl Finding {
    /// In a sentence: check, node, what was found, and the remedy.
    #[must_use]
    pub fn sentence(&self) -> String {
        let at = self.node.as_deref().map(|node| format!(" on {node}")).unwrap_or_default();
        format!("{}{at}: {} ({})", self.check, self.message, self.remedy)
    }
}

/// A backup set that is fit for a restore, and how far that is proven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastBackup {
    /// The `CrmBackup`.
    #[schemars(length(max = 253))]
    pub name: String,
    /// Release of the site at that moment.
    #[schemars(length(max = 64))]
    pub release: String,
    /// When it was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_at: Option<Time>,
    /// How far it is verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<Verification>,
    /// By whom: SQL Server, or the decision of whoever attested it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 320))]
    pub verified_by: Option<String>,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Severity {
    /// A change cannot start.
    Block,
    /// A person should know.
    Warn,
    /// For the record.
    Info,
}

/// What a site waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Waiting {
    /// What for, in a word (`Approval`, `Window`, `Person`, `Evidence`, `Sessions`...).
    #[schemars(length(max = 64))]
    pub reason: String,
    /// What for, in a sentence.
    #[schemars(length(max = 1024))]
    pub message: String,
    /// Who or what can end it.
    #[schemars(length(max = 512))]
    pub ended_by: String,
    /// When it began.
    pub since: Time,
    /// When it is given up; left out where it may last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Time>,
}

/// A person's word that stands until it is taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StandingWord {
    /// Name of the `CrmDecision`.
    #[schemars(length(max = 253))]
    pub decision: String,
    /// Its namespace.
    #[serde(default)]
    #[schemars(length(max = 63))]
    pub namespace: String,
    /// Who said it.
    #[schemars(length(max = 256))]
    pub user: String,
    /// Why.
    #[schemars(length(max = 1024))]
    pub reason: String,
    /// Since when.
    pub since: Time,
    /// When it ends by itself; left out where it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}
