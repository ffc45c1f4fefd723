//! What the parts show before anything is proposed: what has to be seen first, which release the site is at, what is absent,
//! and what it is proven to be.

use crm_api::release::CrmReleaseSpec;
use crm_api::site::{Component, Finding, ObservedPart, PartState, Placement, VerifiedState};

use super::refusals::{unknown_number, version_finding};
use crate::hash::spec_digest;
use crate::products;
use crate::view::{View, part_key};

/// The nodes that have not been asked yet, or have not answered, what this declaration makes worth knowing. Of what nobody
/// has looked at nothing is refused.
pub(super) fn unheard(view: &View<'_>) -> Vec<String> {
    let questions = products::of(view.spec.product).probes(view);
    let declared = view.node_names();
    let open = questions.iter().filter(|(node, probes)| {
        declared.contains(&node.as_str()) && probes.iter().any(|probe| view.answer(node, probe).is_none())
    });
    open.map(|(node, _)| format!("the agent of {node} has not answered every question about {} yet", view.spec.version))
        .collect()
}

/// What to do about a node that does not exist: most such names are mistyped.
fn unknown_node(view: &View<'_>, name: &str) -> String {
    let declared = view.node_names();
    let others = view.snapshot.nodes.iter().filter_map(|stored| stored.node.metadata.name.as_deref());
    let near = others
        .filter(|other| !declared.contains(other))
        .map(|other| (strsim::damerau_levenshtein(other, name), other))
        .filter(|(distance, _)| *distance <= 2)
        .min();
    match near {
        Some((_, other)) => format!("did you mean {other}? Otherwise create it and start the agent there"),
        None => "create it and start the agent there".to_owned(),
    }
}

/// What has to be seen before anything is decided.
pub(super) fn missing(view: &View<'_>) -> Vec<String> {
    let mut missing = Vec::new();
    for name in view.node_names() {
        match view.snapshot.node(name) {
            None => missing.push(format!("spec.components: there is no CrmNode {name}; {}", unknown_node(view, name))),
            Some(node) if node.heartbeat.is_none() => {
                missing.push(format!("the agent of {name} was never heard; start it"));
            }
            Some(_) if !view.is_fresh(name) => {
                missing.push(format!("the agent of {name} is silent; its facts are stale"));
            }
            Some(_) if !view.is_answered(name) => {
                missing.push(format!("the agent of {name} has not answered every question yet"));
            }
            Some(_) => {}
        }
    }
    if let Err(why) = &view.snapshot.database {
        missing.push(format!("the database cannot be read: {why}"));
    }
    missing
}

/// The release that every part shows.
pub(super) fn current_release<'a>(
    view: &View<'a>,
    parts: &[ObservedPart],
    before: Option<&VerifiedState>,
) -> Result<&'a CrmReleaseSpec, Vec<Finding>> {
    let mut findings: Vec<Finding> = parts
        .iter()
        .filter(|part| !matches!(part.state, PartState::Consistent | PartState::Absent))
        .map(|part| {
            let seen: Vec<String> = part
                .sources
                .iter()
                .map(|source| format!("{} shows {}", source.source, source.value.as_deref().unwrap_or("nothing")))
                .collect();
            version_finding(part, format!("{} is {:?}: {}", part_key(part), part.state, seen.join(", ")))
        })
        .collect();
    findings.extend(parts.iter().filter_map(|part| gone(part, before?)));
    let mut numbers: Vec<&str> = parts.iter().filter_map(|part| part.version.as_deref()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    if findings.is_empty() && numbers.len() > 1 {
        findings = parts
            .iter()
            .filter(|part| part.state != PartState::Absent)
            .map(|part| {
                let version = part.version.as_deref().unwrap_or("nothing");
                version_finding(part, format!("{} is at {version}; all parts must be at one release", part_key(part)))
            })
            .collect();
    }
    if !findings.is_empty() {
        return Err(findings);
    }
    let number = numbers.first().copied().unwrap_or_default();
    view.catalogue.by_number(number).ok_or_else(|| vec![unknown_number(view, number)])
}

pub(super) fn any_gone(parts: &[ObservedPart], before: Option<&VerifiedState>) -> bool {
    before.is_some_and(|before| parts.iter().any(|part| gone(part, before).is_some()))
}

/// What was proven to stand on a node and is gone: that is no wish for an installation.
fn gone(part: &ObservedPart, before: &VerifiedState) -> Option<Finding> {
    let node = part.node.as_ref().filter(|_| part.state == PartState::Absent)?;
    let stood = before.components.iter().any(|placed| placed.name.name() == part.part && placed.nodes.contains(node));
    stood.then(|| Finding {
        remedy: format!(
            "find out who removed it, and restore it from a backup set of {}; or take {node} out of spec.components",
            before.version
        ),
        ..version_finding(part, format!("{} was proven there and is not installed any more", part_key(part)))
    })
}

/// Keys of the declared parts that are installed nowhere.
#[must_use]
pub fn absent(parts: &[ObservedPart]) -> Vec<String> {
    parts.iter().filter(|part| part.state == PartState::Absent).map(part_key).collect()
}

/// What runs where, as declared and seen, with what a change installs.
pub(super) fn placed(view: &View<'_>, parts: &[ObservedPart], installs: &[String]) -> Vec<Placement> {
    let stands = |component: Component, node: &str| {
        let key = format!("{}@{node}", component.name());
        installs.contains(&key) || parts.iter().any(|part| part.state != PartState::Absent && part_key(part) == key)
    };
    let declared = view.spec.components.iter().map(|placement| Placement {
        name: placement.name,
        nodes: placement.nodes.iter().filter(|node| stands(placement.name, node)).cloned().collect(),
    });
    declared.filter(|placement| !placement.nodes.is_empty()).collect()
}

/// The same without the parts that a change takes away.
pub(super) fn without(mut placed: Vec<Placement>, removed: &[String]) -> Vec<Placement> {
    for placement in &mut placed {
        let name = placement.name.name();
        placement.nodes.retain(|node| !removed.contains(&format!("{name}@{node}")));
    }
    placed.retain(|placement| !placement.nodes.is_empty());
    placed
}

pub(super) fn adopted(view: &View<'_>, parts: &[ObservedPart], current: &CrmReleaseSpec) -> VerifiedState {
    VerifiedState {
        version: current.version.clone(),
        rank: Some(current.rank),
        fast_cgi: products::of(view.spec.product).fast_cgi(view),
        components: placed(view, parts, &[]),
        spec_digest: spec_digest(view.spec),
        change: None,
        at: crm_api::Time::from(view.now),
    }
}

/// The verified state of a site at its goal: kept as it is, or renewed where it was adopted or changed by hand.
pub(super) fn settled(
    view: &View<'_>,
    parts: &[ObservedPart],
    current: &CrmReleaseSpec,
    before: Option<VerifiedState>,
) -> VerifiedState {
    let is_declared = |verified: &VerifiedState| {
        let same_links = view.spec.fast_cgi.is_none() || view.spec.fast_cgi == verified.fast_cgi;
        same_links && verified.components == placed(view, parts, &[])
    };
    match before {
        Some(verified) if verified.version == current.version && is_declared(&verified) => verified,
        Some(_) | None => adopted(view, parts, current),
    }
}
