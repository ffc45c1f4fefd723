//! The vocabulary of crm-operator: the kinds, the words in their status, and the order language.
//!
//! Controller and agents meet only in these objects. The crate knows no client, no runtime and no clock: everything in
//! it is data with a schema. Where to find what:
//!
//! - [`site`]: `CrmSite`, what a person writes in Git; its status is what the operator knows.
//! - [`node`]: `CrmNode`, one Windows server: what its agent shall look at and do, what it saw and did.
//! - [`order`]: the closed list of actions and the order that carries them; [`probe`]: the closed list of questions.
//! - [`evidence`]: an expectation over a fact, and whether it holds.
//! - [`release`]: `CrmRelease`, the catalogue; [`change`]: `CrmChange`, the record of one change;
//!   [`backup`]: `CrmBackup`; [`decision`]: `CrmDecision`, one word of a person.
//! - [`notice`]: what people are told about a change, and the body that a webhook gets.
//! - [`clock`]: the one clock; [`database`]: facts read from a site's database; [`condition`]: condition types and reasons.

#![expect(unreachable_pub, reason = "the schema derive expands to private copies of public types")]
#![expect(clippy::duplicated_attributes, reason = "several printer columns of one type are no mistake")]

pub mod backup;
pub mod change;
pub mod clock;
pub mod condition;
pub mod database;
pub mod decision;
pub mod evidence;
mod names;
pub mod node;
pub mod notice;
pub mod order;
pub mod pace;
pub mod probe;
pub mod release;
pub mod site;

pub use backup::CrmBackup;
pub use change::CrmChange;
pub use decision::CrmDecision;
pub use node::CrmNode;
pub use release::CrmRelease;
pub use site::CrmSite;

use std::sync::LazyLock;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt as _;

/// A time stamp as Kubernetes writes it (RFC 3339, UTC).
pub type Time = k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// API group of every kind.
pub const GROUP: &str = "crm-operator.io";
/// API version of every kind.
pub const VERSION: &str = "v1alpha1";
/// `GROUP/VERSION`, as manifests carry it.
pub const API_VERSION: &str = "crm-operator.io/v1alpha1";

/// Field manager of the controller: the one writer of everything that it orders or reports.
pub const CONTROLLER: &str = "crm-operator";
/// Field manager of an agent: the one writer of its node's status.
pub const AGENT: &str = "crm-agent";

/// Finalizer that holds a `CrmSite` from freeze to unfreeze, so that deleting it cannot leave a site closed.
pub const SITE_FINALIZER: &str = "crm-operator.io/site-open";
/// Label on changes, backups and events: the site they belong to.
pub const SITE_LABEL: &str = "crm-operator.io/site";
/// Label on backups: the change that took them.
pub const CHANGE_LABEL: &str = "crm-operator.io/change";
/// Label on what makes up the identity of a node: its name.
pub const NODE_LABEL: &str = "crm-operator.io/node";

/// The name of the ServiceAccount (in the node's namespace) as which an agent speaks to the API server.
#[must_use]
pub fn node_account(node: &str) -> String {
    format!("crm-node-{node}")
}

/// The name of the Secret (in the node's namespace) to which a bootstrap token is bound. It holds nothing: with it, the token
/// ends.
#[must_use]
pub fn bootstrap_secret(node: &str) -> String {
    format!("crm-node-{node}-bootstrap")
}

/// The ConfigMap in which Kubernetes publishes the authority of the cluster's API server, in every namespace.
pub const AUTHORITY_MAP: &str = "kube-root-ca.crt";

/// The name of the Lease (in the node's namespace) that an agent renews as its sign of life.
///
/// It is kept apart from the facts, as kubelets do, so that a heartbeat wakes nobody.
#[must_use]
pub fn heartbeat_lease(node: &str) -> String {
    format!("crm-node-{node}")
}

/// Every kind of the group, in the order in which they should be installed. Deriving the schemas takes longer than
/// planning a change, so it is done once per process.
#[must_use]
pub fn crds() -> &'static [CustomResourceDefinition] {
    static CRDS: LazyLock<[CustomResourceDefinition; 6]> = LazyLock::new(|| {
        [CrmRelease::crd(), CrmSite::crd(), CrmNode::crd(), CrmChange::crd(), CrmBackup::crd(), CrmDecision::crd()]
    });
    CRDS.as_slice()
}
