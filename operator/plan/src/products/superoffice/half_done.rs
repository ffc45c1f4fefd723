//! What hands other than ours leave half done on a SuperOffice site, each by what shows it (vendor: all components at the
//! same version; upgrade Service, "run upgrade.exe"; config/service; upgrade to 8.1, move-crm-server).

use crm_api::probe::{Answer, Probe, RunState};
use crm_api::site::{Component, ObservedPart};

use super::layout::{FROZEN, Layout};
use super::parts::SERVICE_DATA;
use crate::products::LeftBehind;
use crate::view::{View, part_key};

/// Programs in Service's `bin` that somebody starts by hand, and that say that somebody is at work.
const BY_HAND: [&str; 2] = ["upgrade.exe", "ejTermSetup.exe"];

/// What is left half done, the worst first.
#[must_use]
pub fn left_behind(view: &View<'_>, layout: &Layout<'_>, parts: &[ObservedPart], behind: &[String]) -> Vec<LeftBehind> {
    let mut left = Vec::new();
    left.extend(releases(view, parts, behind));
    left.extend(second_schedulers(view, layout).into_iter().map(|node| {
        let message = format!(
            "{} runs on {node} as well, where no Service is declared: two schedulers both fetch and send mail",
            layout.scheduler
        );
        LeftBehind { reason: "SchedulerTwice", class: "Scheduler", node: Some(node.to_owned()), message }
    }));
    left.extend(frozen(view, layout).into_iter().map(|node| {
        let message = format!(
            "the line `{FROZEN}` stands in {} on {node} and nobody is at work there: nobody can work in Service",
            layout.config()
        );
        LeftBehind { reason: "FrozenLeftOn", class: "Frozen", node: Some(node.to_owned()), message }
    }));
    left
}

/// The parts that the furthest one has left behind.
fn releases(view: &View<'_>, parts: &[ObservedPart], behind: &[String]) -> Option<LeftBehind> {
    let shown = |part: &ObservedPart| {
        let release = part.version.as_deref().and_then(|number| view.catalogue.by_number(number));
        match release {
            Some(release) => format!("{} is at {} ({})", part_key(part), release.version, release.number),
            None => {
                let seen: Vec<String> = part
                    .sources
                    .iter()
                    .map(|source| format!("{} {}", source.source, source.value.as_deref().unwrap_or("nothing")))
                    .collect();
                format!("{} shows {}", part_key(part), seen.join(", "))
            }
        }
    };
    let is_behind = |part: &&ObservedPart| behind.contains(&part_key(part));
    let old: Vec<String> = parts.iter().filter(is_behind).map(shown).collect();
    if old.is_empty() {
        return None;
    }
    let furthest = parts.iter().find(|part| part.version.is_some() && !is_behind(part)).map(shown);
    let furthest = furthest.map(|text| format!(", and {text}")).unwrap_or_default();
    let message = format!("{}{furthest}", old.join(", "));
    let only_data = behind.iter().all(|key| key == SERVICE_DATA);
    Some(if only_data {
        let message = format!("{message}: the files of Service are new, and upgrade.exe was never run");
        LeftBehind { reason: "UpgradeExeNotRun", class: "Version", node: None, message }
    } else {
        LeftBehind { reason: "ComponentsBehind", class: "Version", node: None, message }
    })
}

/// Servers of the site on which this site's scheduler runs though they carry no Service.
#[must_use]
pub fn second_schedulers<'v>(view: &View<'v>, layout: &Layout<'_>) -> Vec<&'v str> {
    let probe = Probe::Service { name: layout.scheduler.clone() };
    let runs =
        |node: &&str| matches!(view.answer(node, &probe), Some(Answer::Service { state: RunState::Running, .. }));
    others(view).into_iter().filter(runs).collect()
}

/// Servers of the site that carry no Service.
#[must_use]
pub fn others<'v>(view: &View<'v>) -> Vec<&'v str> {
    let services = view.nodes_of(Component::Service);
    if services.is_empty() {
        return Vec::new();
    }
    view.node_names().into_iter().filter(|node| !services.iter().any(|service| service == node)).collect()
}

fn frozen<'v>(view: &View<'v>, layout: &Layout<'_>) -> Vec<&'v str> {
    let probe = Probe::FlagLine { path: layout.config(), line: FROZEN.to_owned() };
    let is_frozen = |node: &&str| matches!(view.answer(node, &probe), Some(Answer::Flag { set: true }));
    let nodes = view.nodes_of(Component::Service).iter().map(String::as_str);
    nodes.filter(is_frozen).filter(|node| at_work(view, layout, node).is_empty()).collect()
}

/// Programs that somebody has started by hand in Service's `bin` and that still run.
#[must_use]
pub fn at_work(view: &View<'_>, layout: &Layout<'_>, node: &str) -> Vec<String> {
    match view.answer(node, &Probe::Processes { folder: layout.service_file("bin") }) {
        Some(Answer::Processes { running }) => {
            let by_hand = |program: &&String| BY_HAND.iter().any(|known| known.eq_ignore_ascii_case(program));
            running.iter().filter(by_hand).cloned().collect()
        }
        _ => Vec::new(),
    }
}
