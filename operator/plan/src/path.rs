//! A path of several hops: each hop is a change of its own, but all of them are looked at before the first one starts.

use crm_api::change::{Executor, Purpose, Step};
use crm_api::release::CrmReleaseSpec;
use crm_api::site::{Finding, HopSummary, Severity};

use crate::hash::path_hash;
use crate::products::{self, Hop};
use crate::propose::{absent, minutes_needed, refusal, surroundings};
use crate::sort::sort;
use crate::view::View;

/// The hops behind one that leads to `to`, as pairs of releases; none where the declared version is reached or unknown.
#[must_use]
pub fn beyond<'a>(view: &View<'a>, to: &str) -> Vec<(&'a CrmReleaseSpec, &'a CrmReleaseSpec)> {
    let (Some(from), Some(target)) = (view.catalogue.find(to), view.catalogue.find(&view.spec.version)) else {
        return Vec::new();
    };
    let stops = view.catalogue.path(from, target).unwrap_or_default();
    let starts = std::iter::once(from).chain(stops.iter().copied());
    starts.zip(stops.iter().copied()).collect()
}

/// The parts that are installed nowhere yet when the hop to `to` is over: it installs them all if its release demands
/// them.
fn left_absent(view: &View<'_>, to: &str) -> Vec<String> {
    let rules = products::of(view.spec.product);
    match view.catalogue.find(to) {
        Some(release) if !rules.demands_all(release) => absent(&rules.parts(view)),
        Some(_) | None => Vec::new(),
    }
}

/// The missing parts that a later hop installs: the first that demands them, or the last one.
fn installed_by(view: &View<'_>, to: &CrmReleaseSpec, left: &[String]) -> Vec<String> {
    let demanded = to.is_called(&view.spec.version) || products::of(view.spec.product).demands_all(to);
    if demanded { left.to_vec() } else { Vec::new() }
}

/// What the checks find about a hop, and what blocks a later one: what a later hop needs and lacks blocks the first, so
/// that no site is left half-way.
#[must_use]
pub fn checked(view: &View<'_>, hop: &Hop<'_>) -> Vec<Finding> {
    let rules = products::of(view.spec.product);
    let mut findings = surroundings(view);
    findings.extend(rules.checks(view, hop));
    if hop.is_configuration_only() {
        return findings;
    }
    findings.extend(twins(view, hop));
    let mut left = left_absent(view, &hop.to.version);
    for (from, to) in beyond(view, &hop.to.version) {
        let installs = installed_by(view, to, &left);
        let later = Hop { from, to, absent: &left, installs: &installs, ..*hop };
        let found = rules.checks(view, &later);
        left.retain(|part| !installs.contains(part));
        for mut finding in found {
            let known = findings.iter().any(|other| other.check == finding.check && other.node == finding.node);
            if finding.severity == Severity::Block && !known {
                finding.message = format!("a later hop, to {}: {}", to.version, finding.message);
                findings.push(finding);
            }
        }
    }
    findings.sort_by_key(|finding| finding.severity);
    findings
}

/// A release that programs do not tell from another one proves nothing: neither where the site is, nor that it has arrived.
#[must_use]
pub fn twins(view: &View<'_>, hop: &Hop<'_>) -> Vec<Finding> {
    let stops = [hop.from, hop.to].into_iter().chain(beyond(view, &hop.to.version).into_iter().map(|(_, to)| to));
    stops.filter_map(|release| Some(alike(release, view.catalogue.twin_of(release)?))).collect()
}

fn alike(release: &CrmReleaseSpec, twin: &CrmReleaseSpec) -> Finding {
    refusal(
        "ReleaseNumber",
        format!(
            "CrmRelease {} has number {:?} and {} has {:?}: programs show the first three numbers of it, and these are the same",
            release.version, release.number, twin.version, twin.number
        ),
        format!(
            "correct spec.number of one of the two, or delete the CrmRelease that is none of its own; a second build of {} is an alias of it",
            release.version
        ),
    )
}

/// Visits the hops behind one that leads to `to`, as if the site were there already.
pub fn later_hops<T>(view: &View<'_>, to: &str, mut visit: impl FnMut(&Hop<'_>) -> T) -> Vec<T> {
    let rules = products::of(view.spec.product);
    let fast_cgi_now = rules.fast_cgi(view);
    let mut left = left_absent(view, to);
    let mut seen = Vec::new();
    for (from, to) in beyond(view, to) {
        let installs = installed_by(view, to, &left);
        seen.push(visit(&Hop {
            fast_cgi_now,
            fast_cgi: rules.wanted_fast_cgi(view, &left, &installs),
            absent: &left,
            installs: &installs,
            ..Hop::between(Purpose::Upgrade, from, to)
        }));
        left.retain(|part| !installs.contains(part));
    }
    seen
}

/// The steps of the hops behind one that leads to `to`, with the releases that each leads from and to; when its time
/// comes, each hop is planned anew from what is seen then.
#[must_use]
pub fn later_steps(view: &View<'_>, to: &str) -> Vec<(String, String, Vec<Step>)> {
    let rules = products::of(view.spec.product);
    later_hops(view, to, |hop| {
        let steps = sort(rules.steps(view, hop), rules.rules(hop.purpose)).unwrap_or_default();
        (hop.from.version.clone(), hop.to.version.clone(), steps)
    })
}

/// The hops behind one that leads to `to`, in outline.
#[must_use]
pub fn outline(view: &View<'_>, to: &str) -> Vec<HopSummary> {
    let counted = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    later_steps(view, to)
        .into_iter()
        .map(|(from, to, steps)| HopSummary {
            from,
            to,
            steps: counted(steps.len()),
            minutes: minutes_needed(&steps).0,
            attended: counted(steps.iter().filter(|step| matches!(step.executor, Executor::Attended { .. })).count()),
        })
        .collect()
}

/// The whole path that a hop belongs to, as it was shown before its first hop: what one approval may cover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WholePath {
    /// Its releases, the one it starts from first.
    pub stops: Vec<String>,
    /// Hash of site, spec and releases.
    pub hash: String,
}

/// The path from `current` over `rest`. Its first hops may be done already: then it is still the path that was shown
/// before them, as long as the rest of it is the same.
#[must_use]
pub fn whole(view: &View<'_>, spec_digest: &str, current: &CrmReleaseSpec, rest: &[&CrmReleaseSpec]) -> WholePath {
    let rest: Vec<&str> = rest.iter().map(|release| release.version.as_str()).collect();
    let before = view.snapshot.changes.last().map(|change| &change.spec).filter(|last| {
        let place = last.path.iter().position(|stop| *stop == current.version);
        let left = place.and_then(|place| last.path.get(place + 1..)).unwrap_or_default();
        last.spec_digest == spec_digest && last.to == current.version && !left.is_empty() && left == rest
    });
    let stops: Vec<String> = match before {
        Some(last) => last.path.clone(),
        None => std::iter::once(current.version.as_str()).chain(rest).map(str::to_owned).collect(),
    };
    let releases: Vec<_> = stops.iter().map(|stop| (stop.as_str(), view.catalogue.find(stop))).collect();
    let site_uid = view.snapshot.site.metadata.uid.as_deref().unwrap_or_default();
    let hash = path_hash(site_uid, spec_digest, &releases);
    WholePath { stops, hash }
}
