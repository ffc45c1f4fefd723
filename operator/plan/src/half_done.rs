//! A site that other hands left half done: half upgraded, frozen, with two schedulers. It is named, both ways out are
//! shown with their plans, and nothing is touched before a person has chosen one.

use crm_api::change::{CrmChangeSpec, Gate, Purpose};
use crm_api::decision::Word;
use crm_api::release::CrmReleaseSpec;
use crm_api::site::{Finding, HalfDone, ObservedPart, PartState, Severity};

use crate::hash::{begun, spec_digest};
use crate::products::{self, Hop, LeftBehind};
use crate::propose::{absent, assemble, free_folder, minutes_needed, never_opens};
use crate::view::{View, part_key};
use crate::{path, restore, said};

/// What was found, and the ways out of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// What is half done, the worst first.
    pub left: Vec<LeftBehind>,
    /// The plan that finishes it, or why there is none.
    pub forward: Result<Box<CrmChangeSpec>, String>,
    /// The plan that brings an earlier set back, or why there is none.
    pub back: Result<Box<CrmChangeSpec>, String>,
}

/// Looks whether a site without an open change is half done; too little seen counts as no.
#[must_use]
pub fn look(view: &View<'_>, parts: &[ObservedPart]) -> Option<Found> {
    let seen = |part: &ObservedPart| !matches!(part.state, PartState::Stale | PartState::Unknown);
    if !parts.iter().all(seen) {
        return None;
    }
    let (furthest, behind) = standing(view, parts)?;
    let left = products::of(view.spec.product).left_behind(view, parts, &behind);
    if left.is_empty() {
        return None;
    }
    let from = started_at(view, parts, furthest, &behind);
    let forward = from.clone().and_then(|from| forward(view, parts, (from, furthest), &behind));
    let back = from.and_then(|from| restore::from_earlier_set(view, parts, (from, furthest)));
    Some(Found { left, forward, back })
}

/// The release that the furthest whole part shows, and the keys of the parts that do not show it. `None` where it cannot
/// be told: a number is in no release of the catalogue, or a part that is newer still contradicts itself.
fn standing<'a>(view: &View<'a>, parts: &[ObservedPart]) -> Option<(&'a CrmReleaseSpec, Vec<String>)> {
    let there = || parts.iter().filter(|part| part.state != PartState::Absent);
    let released = |numbers: Vec<&str>| -> Option<Vec<&'a CrmReleaseSpec>> {
        numbers.into_iter().map(|number| view.catalogue.by_number(number)).collect()
    };
    let whole = released(there().filter_map(|part| part.version.as_deref()).collect())?;
    let furthest = whole.into_iter().max_by_key(|release| release.rank)?;
    let all = there().flat_map(|part| part.sources.iter().filter_map(|source| source.value.as_deref()));
    if released(all.collect())?.iter().any(|release| release.rank > furthest.rank) {
        return None;
    }
    let is_behind = |part: &&ObservedPart| part.version.as_deref() != Some(furthest.number.as_str());
    Some((furthest, there().filter(is_behind).map(part_key).collect()))
}

/// The release at which all that is behind was left.
fn started_at<'a>(
    view: &View<'a>,
    parts: &[ObservedPart],
    furthest: &'a CrmReleaseSpec,
    behind: &[String],
) -> Result<&'a CrmReleaseSpec, String> {
    let old = parts.iter().filter(|part| behind.contains(&part_key(part)));
    let mut numbers: Vec<&str> = old
        .flat_map(|part| part.sources.iter().filter_map(|source| source.value.as_deref()))
        .filter(|number| *number != furthest.number)
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    match numbers.as_slice() {
        [] => Ok(furthest),
        [only] => {
            view.catalogue.by_number(only).ok_or_else(|| format!("no release in the catalogue shows the number {only}"))
        }
        several => Err(format!("what is behind shows several releases: {}", several.join(", "))),
    }
}

/// The plan that finishes the site at the release of its furthest part.
fn forward(
    view: &View<'_>,
    parts: &[ObservedPart],
    (from, to): (&CrmReleaseSpec, &CrmReleaseSpec),
    behind: &[String],
) -> Result<Box<CrmChangeSpec>, String> {
    let way = if from.version == to.version { Ok(Vec::new()) } else { view.catalogue.path(from, to) };
    if !way.is_ok_and(|way| way.len() <= 1) {
        return Err(format!(
            "{} is not one hop from {}, and what is behind cannot be taken over a stop",
            to.version, from.version
        ));
    }
    if let Some(part) = parts.iter().find(|part| part.node.is_none() && part.state == PartState::Inconsistent) {
        return Err(format!(
            "{} is half changed itself: no program of the vendor is known to finish that",
            part_key(part)
        ));
    }
    let rules = products::of(view.spec.product);
    let digest = spec_digest(view.spec);
    let folder = free_folder(view, &digest, from, to);
    let absent = absent(parts);
    let hop = Hop {
        fast_cgi_now: rules.fast_cgi(view),
        fast_cgi: rules.wanted_fast_cgi(view, &absent, &[]),
        absent: &absent,
        behind,
        backup_folder: &folder,
        ..Hop::between(Purpose::Forward, from, to)
    };
    let findings: Vec<Finding> = path::twins(view, &hop).into_iter().chain(rules.checks(view, &hop)).collect();
    let blocking: Vec<String> =
        findings.iter().filter(|finding| finding.severity == Severity::Block).map(Finding::sentence).collect();
    if !blocking.is_empty() {
        return Err(blocking.join("; "));
    }
    let plan = assemble(view, parts, &hop, digest, None).map_err(|finding| finding.message)?;
    let is_gated = plan.steps.iter().any(|step| step.gate == Some(Gate::Window));
    match never_opens(view, &plan.steps).filter(|_| is_gated) {
        Some(finding) => Err(format!("{} ({})", finding.message, finding.remedy)),
        None => Ok(Box::new(plan)),
    }
}

impl Found {
    /// The plan that a person has chosen by its hash.
    #[must_use]
    pub fn chosen(&self, view: &View<'_>) -> Option<&CrmChangeSpec> {
        let ways = [(Word::Forward, self.forward.as_ref()), (Word::Restore, self.back.as_ref())];
        ways.into_iter()
            .find_map(|(word, way)| way.ok().filter(|plan| said::about(view, word, &plan.plan_hash).is_some()))
            .map(|plan| &**plan)
    }

    /// In a word, the worst.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.left.first().map_or("HalfDone", |left| left.reason)
    }

    /// What was seen.
    #[must_use]
    pub fn message(&self) -> String {
        self.left.iter().map(|left| left.message.as_str()).collect::<Vec<_>>().join("; ")
    }

    /// The two ways out, and how a person chooses.
    #[must_use]
    pub fn remedy(&self) -> String {
        let forward = match &self.forward {
            Ok(plan) => format!(
                "forward, to {}: create a CrmDecision with word Forward, a reason and planHash {} ({} steps, about {} minutes)",
                plan.to,
                begun(&plan.plan_hash),
                plan.steps.len(),
                minutes_needed(&plan.steps).0
            ),
            Err(why) => format!("forward: there is no plan: {why}"),
        };
        let back = match &self.back {
            Ok(plan) => restore::how(plan),
            Err(why) => format!("back: there is no way back: {why}"),
        };
        format!("nothing is touched before a person chooses; {forward}; {back}")
    }

    /// As it stands in the site's status.
    #[must_use]
    pub fn described(&self, view: &View<'_>) -> HalfDone {
        let clip = |text: String| text.chars().take(1024).collect();
        HalfDone {
            reason: self.reason().to_owned(),
            message: clip(self.message()),
            remedy: clip(self.remedy()),
            forward: self.forward.as_ref().ok().map(|plan| crate::round::summary(view, plan, None)),
        }
    }

    /// As drift: one finding for each thing that is left.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let remedy: String = self.remedy().chars().take(1024).collect();
        let finding = |left: &LeftBehind| Finding {
            check: left.reason.to_owned(),
            class: Some(left.class.to_owned()),
            severity: Severity::Block,
            node: left.node.clone(),
            message: left.message.chars().take(1024).collect(),
            remedy: remedy.clone(),
            since: None,
            policy: None,
        };
        self.left.iter().map(finding).collect()
    }
}
