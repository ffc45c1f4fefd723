//! `CrmNode`: one Windows server that runs an agent. The controller writes the spec, its agent writes the status.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::order::{Order, OrderResult};
use crate::probe::{Answer, Observation, Probe};

/// What an agent shall look at, and what it shall do.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "crm-operator.io",
    version = "v1alpha1",
    kind = "CrmNode",
    namespaced,
    status = "CrmNodeStatus",
    derive = "PartialEq",
    derive = "Default",
    cel,
    category = "crm",
    shortname = "crmn",
    doc = "One Windows server that runs our agent: what it shall look at and do, what it saw and did.",
    printcolumn(name = "Agent", type_ = "string", json_path = ".status.agentVersion"),
    printcolumn(name = "Order", type_ = "string", json_path = ".spec.orders[0].id"),
    printcolumn(name = "Result", type_ = "string", json_path = ".status.results[0].phase"),
    printcolumn(name = "Machine", type_ = "string", json_path = ".status.machine", priority = "1"),
    printcolumn(name = "Epoch", type_ = "integer", json_path = ".status.highestEpoch", priority = "1"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct CrmNodeSpec {
    /// Who asks what: one entry per site that has something on this server.
    #[serde(default)]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["site".to_owned()]))]
    pub asked: Vec<Asked>,
    /// Orders, carried out one at a time in list order.
    #[serde(default)]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["id".to_owned()]))]
    pub orders: Vec<Order>,
}

/// What one site wants to know of a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// Name of the `CrmSite`.
    #[schemars(length(min = 1, max = 253))]
    pub site: String,
    /// Questions that the agent answers again and again.
    #[serde(default)]
    #[schemars(length(max = 128))]
    pub probes: Vec<Probe>,
    /// Whether the agent looks every 30 seconds instead of every 5 minutes, because a change is under way. An agent
    /// under an order looks every 30 seconds in any case.
    #[serde(default)]
    pub attentive: bool,
}

impl CrmNodeSpec {
    /// What a site asks.
    #[must_use]
    pub fn asked_by(&self, site: &str) -> Option<&Asked> {
        self.asked.iter().find(|asked| asked.site == site)
    }

    /// Whether any site wants the agent to look often.
    #[must_use]
    pub fn is_attentive(&self) -> bool {
        self.asked.iter().any(|asked| asked.attentive)
    }
}

/// What an agent saw and did. Written by that agent only; at most 16 KiB.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CrmNodeStatus {
    /// Generation of the spec that the answers and results speak of; -1 before the first look.
    #[serde(default = "never_observed")]
    pub observed_generation: i64,
    /// Version of the agent.
    #[serde(default)]
    #[schemars(length(max = 32))]
    pub agent_version: String,
    /// Highest version of the order language that the agent understands.
    #[serde(default)]
    pub order_format: i32,
    /// Highest epoch that the agent has seen; it refuses orders of a lower one.
    #[serde(default)]
    pub highest_epoch: i64,
    /// Answers, sorted by id.
    #[serde(default)]
    #[schemars(length(max = 128))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["id".to_owned()]))]
    pub observations: Vec<Observation>,
    /// The machine on which the agent runs: the first one that reports stays, as long as the ServiceAccount of the node is
    /// the same one. An agent carries out orders only where this is its own machine, so a copy of a server does nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 64))]
    pub machine: String,
    /// Uid of the ServiceAccount as which that machine reports; empty where the agent speaks as somebody else.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 64))]
    pub account: String,
    /// Results of the orders in the spec, and of one that is still in hand after it has left the spec.
    #[serde(default)]
    #[schemars(length(max = 9))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["id".to_owned()]))]
    pub results: Vec<OrderResult>,
}

fn never_observed() -> i64 {
    -1
}

impl Default for CrmNodeStatus {
    fn default() -> Self {
        Self {
            observed_generation: never_observed(),
            agent_version: String::new(),
            order_format: 0,
            highest_epoch: 0,
            observations: Vec::new(),
            machine: String::new(),
            account: String::new(),
            results: Vec::new(),
        }
    }
}

impl CrmNodeStatus {
    /// The answer to a question, if the agent has answered it. They are looked up as sorted; where another hand has put
    /// them into another order, they are all gone through.
    #[must_use]
    pub fn answer(&self, probe: &Probe) -> Option<&Answer> {
        let id = probe.id();
        let found = match self.observations.binary_search_by(|observation| observation.id.as_str().cmp(&id)) {
            Ok(place) => self.observations.get(place),
            Err(_) => self.observations.iter().find(|observation| observation.id == id),
        };
        found.map(|observation| &observation.answer)
    }

    /// The result of an order, if the agent has one.
    #[must_use]
    pub fn result(&self, order_id: &str) -> Option<&OrderResult> {
        self.results.iter().find(|result| result.id == order_id)
    }
}

/// Upper bound of a node's status, in bytes of JSON.
pub const STATUS_BYTES_MAX: usize = 16 * 1024;
