//! Requests by the API server's own count: its audit log has one line for each answer.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;

use crate::cluster::{OPERATOR, REFLECTORS};
use crate::fleet;

/// Who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    Operator,
    Agents,
    Reflectors,
    /// Parts of the control plane, and whoever measures.
    Others,
}

/// Requests between two moments.
#[derive(Clone, Debug, Default)]
pub(crate) struct Requests {
    /// By who asked what: verb and resource.
    pub(crate) all: BTreeMap<(Who, String), u64>,
    /// Of these, writes of operator and agents that are no sign of life.
    pub(crate) writes: BTreeMap<(Who, String), u64>,
    /// Signs of life: renewals of Leases.
    pub(crate) heartbeats: BTreeMap<Who, u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    stage: String,
    verb: String,
    user: User,
    object_ref: Option<ObjectRef>,
}

#[derive(Deserialize)]
struct User {
    username: String,
}

#[derive(Deserialize)]
struct ObjectRef {
    resource: Option<String>,
    subresource: Option<String>,
}

/// Where the log ends now.
///
/// # Errors
/// When there is none.
pub(crate) fn end(log: &Path) -> anyhow::Result<u64> {
    Ok(std::fs::metadata(log).context("the audit log")?.len())
}

/// What was asked between two places of the log.
///
/// # Errors
/// When the log cannot be read.
pub(crate) fn between(log: &Path, from: u64, to: u64) -> anyhow::Result<Requests> {
    let mut file = std::fs::File::open(log).context("the audit log")?;
    file.seek(SeekFrom::Start(from))?;
    let mut requests = Requests::default();
    for line in BufReader::new(file.take(to.saturating_sub(from))).lines() {
        requests.add(&serde_json::from_str(&line?).context("a line of the audit log")?);
    }
    Ok(requests)
}

impl Requests {
    fn add(&mut self, line: &Line) {
        // A watch is answered for minutes: it counts when its answer begins, everything else when it ends.
        let counts = if line.verb == "watch" { "ResponseStarted" } else { "ResponseComplete" };
        if line.stage != counts {
            return;
        }
        let who = who(&line.user.username);
        let of = |object: &ObjectRef| {
            let resource = object.resource.clone().unwrap_or_default();
            object.subresource.as_ref().map_or(resource.clone(), |part| format!("{resource}/{part}"))
        };
        let what = format!("{} {}", line.verb, line.object_ref.as_ref().map(of).unwrap_or_default());
        let is_write = !["get", "list", "watch"].contains(&line.verb.as_str());
        if is_write && what.ends_with(" leases") {
            *self.heartbeats.entry(who).or_default() += 1;
        } else if is_write && [Who::Operator, Who::Agents].contains(&who) {
            *self.writes.entry((who, what.clone())).or_default() += 1;
        }
        *self.all.entry((who, what)).or_default() += 1;
    }

    /// How often somebody asked.
    pub(crate) fn of(&self, who: Who) -> u64 {
        self.all.iter().filter(|((asked, _), _)| *asked == who).map(|(_, count)| count).sum()
    }
}

fn who(user: &str) -> Who {
    let account = |namespace: &str, name: &str| format!("system:serviceaccount:{namespace}:{name}");
    if user == account(OPERATOR, OPERATOR) {
        Who::Operator
    } else if user == account(OPERATOR, REFLECTORS) {
        Who::Reflectors
    } else if user.starts_with(&account(fleet::NAMESPACE, "crm-node-")) {
        Who::Agents
    } else {
        Who::Others
    }
}
