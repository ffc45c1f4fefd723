//! From the first preparation to the proof that nobody works on the site any more.

use std::collections::BTreeMap;

use crm_api::change::{Executor, Felt, Gate, Purpose, StepRole, Task, Undo};
use crm_api::evidence::Expected;
use crm_api::order::Action;
use crm_api::probe::{Answer, Probe, RunState, StartType};
use crm_api::release::CrmReleaseSpec;
use crm_api::site::{ApprovalScope, Component};

use super::keys::asks_for_keys;
use super::{Draft, controller, draft, kind, on_node};
use crate::path::later_hops;
use crate::products::Hop;
use crate::products::superoffice::clients;
use crate::products::superoffice::layout::{FROZEN, Layout};
use crate::products::superoffice::net_server;
use crate::products::superoffice::one_host::Moving;
use crate::propose::earlier_tries;
use crate::view::View;

/// Longest sentence that people are told, in characters.
const MESSAGE_CHARS_MAX: usize = 512;

/// Folder on a node that receives the package of a component.
pub(super) fn media_folder(release: &CrmReleaseSpec, component: Component) -> String {
    format!(r"C:\ProgramData\crm-agent\media\{}\{}", release.number, component.name())
}

/// The packages of the hop on every node that needs them; where one approval covers the path, those of the later hops as
/// well: nothing is copied while users are out between two hops.
pub(super) fn fetch_media(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Draft> {
    let mut copies = packages(view, layout, hop);
    let mut releases = vec![hop.to.version.clone()];
    if hop.purpose == Purpose::Upgrade && view.spec.approval.scope == ApprovalScope::Path {
        let later =
            later_hops(view, &hop.to.version, |later| (later.to.version.clone(), packages(view, layout, later)));
        for (release, more) in later {
            releases.push(release);
            copies.extend(more);
        }
    }
    let mut actions: BTreeMap<&str, Vec<Action>> = BTreeMap::new();
    for (node, action) in copies {
        actions.entry(node).or_default().push(action);
    }
    actions
        .into_iter()
        .map(|(node, actions)| {
            let title = format!("copy, check and unpack the packages of {}", releases.join(" and "));
            let mut draft = draft(kind::FETCH_MEDIA, Some(node), title, Executor::Agent { actions });
            draft.step.minutes = 5;
            draft.step.limit_minutes = 120;
            draft
        })
        .collect()
}

fn packages<'v>(view: &View<'v>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<(&'v str, Action)> {
    let mut copies = Vec::new();
    for placed in &view.spec.components {
        let Some(package) = hop.to.package(placed.name) else { continue };
        let mut nodes = if hop.is_configuration_only() {
            hop.newcomers(view, placed.name)
        } else {
            hop.carriers(view, placed.name)
        };
        if placed.name == Component::NetServer {
            let changed = net_server::changed(view, layout, hop);
            nodes.retain(|node| changed.contains(node));
        }
        let copy = Action::FetchMedia {
            from: format!(r"{}\{}", view.spec.media.location.trim_end_matches('\\'), package.file),
            to: media_folder(hop.to, placed.name),
            sha256: package.sha256.clone(),
        };
        copies.extend(nodes.into_iter().map(|node| (node, copy.clone())));
    }
    copies
}

pub(super) fn preflight() -> Draft {
    controller(kind::PREFLIGHT, "run every check against fresh facts", Task::Preflight {})
}

/// Which try it is, where it is not the first.
pub(super) fn again(view: &View<'_>, hop: &Hop<'_>) -> String {
    match earlier_tries(view, hop) {
        0 => String::new(),
        earlier => format!(" (try {})", earlier.saturating_add(1)),
    }
}

pub(super) fn notice(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Draft {
    let mut message = if hop.purpose == Purpose::Forward {
        let again = again(view, hop);
        format!("{}: what was left half done is finished at {}{again}", view.name(), hop.to.version)
    } else if hop.is_configuration_only() && !hop.installs.is_empty() {
        format!("{}: {} is about to be installed; the site stays open", view.name(), hop.installs.join(", "))
    } else if hop.is_configuration_only() {
        format!("{}: settings are about to be changed; the site stays open", view.name())
    } else {
        let users = if hop.takes_over.is_some() { "users stay out" } else { "users are out meanwhile" };
        format!("{}: {} will be upgraded to {}; {users}", view.name(), hop.from.version, hop.to.version)
    };
    if let Some(more) = clients::told(view, layout, hop) {
        message = format!("{message}; {more}");
    }
    let message = message.chars().take(MESSAGE_CHARS_MAX).collect();
    let mut draft = controller(kind::NOTICE, "tell people when users will be out", Task::Notify { message });
    draft.step.gate = Some(Gate::Approval);
    draft
}

pub(super) fn stop_scheduler(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Draft> {
    let name = &layout.scheduler;
    let probe = Probe::Service { name: name.clone() };
    let bin = layout.service_file("bin");
    // Nobody starts the scheduler of an instance that is left behind.
    let leaves = Moving::of(view, layout, hop).is_some_and(|moving| moving.new_instance);
    hop.standing(view, Component::Service)
        .into_iter()
        .map(|node| {
            let mut actions = stop_service_actions(name).to_vec();
            if asks_for_keys(view, layout, hop, node) && !leaves {
                // A person runs upgrade.exe, which starts it; no boot does.
                actions[0] = Action::SetServiceStart { name: name.clone(), start: StartType::Manual };
            }
            actions.push(Action::AwaitProcessesGone { folder: bin.clone() });
            let title = format!("stop {name} so that no boot starts it, and wait for its children");
            let mut draft = draft(kind::STOP_SCHEDULER, Some(node), title, Executor::Agent { actions });
            draft.step.evidence = vec![
                on_node(node, probe.clone(), Expected::State { is: RunState::Stopped }),
                on_node(node, Probe::Processes { folder: bin.clone() }, Expected::NoneRunning {}),
            ];
            draft.step.undo = Undo::Actions { actions: start_service_actions(view, name, node) };
            draft.step.minutes = 2;
            draft
        })
        .collect()
}

/// Stops a service so that no boot starts it: Windows starts automatic services again, in the middle of anything.
pub(super) fn stop_service_actions(name: &str) -> [Action; 2] {
    [
        Action::SetServiceStart { name: name.to_owned(), start: StartType::Disabled },
        Action::StopService { name: name.to_owned() },
    ]
}

/// Gives a service the start type back that it had when the plan was made, and starts it.
pub(super) fn start_service_actions(view: &View<'_>, name: &str, node: &str) -> Vec<Action> {
    let seen = match view.answer(node, &Probe::Service { name: name.to_owned() }) {
        Some(Answer::Service { start: StartType::Manual, .. }) => StartType::Manual,
        _ => StartType::Automatic,
    };
    // A change that is under way has altered it and remembers what it was.
    let start = crate::restore::start_before(view, node, name).unwrap_or(seen);
    vec![Action::SetServiceStart { name: name.to_owned(), start }, Action::StartService { name: name.to_owned() }]
}

pub(super) fn freeze(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Draft> {
    let line = |set| Action::SetFlagLine { path: layout.config(), line: FROZEN.to_owned(), set };
    hop.standing(view, Component::Service)
        .into_iter()
        .map(|node| {
            let title = "freeze Service: its users are out".to_owned();
            let mut draft = draft(kind::FREEZE, Some(node), title, Executor::Agent { actions: vec![line(true)] });
            let probe = Probe::FlagLine { path: layout.config(), line: FROZEN.to_owned() };
            draft.step.evidence = vec![on_node(node, probe, Expected::Flag { set: true })];
            draft.step.undo = Undo::Actions { actions: vec![line(false)] };
            draft
        })
        .collect()
}

pub(super) fn stop_writers(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Draft> {
    let mut drafts: Vec<Draft> = Vec::new();
    for node in hop.standing(view, Component::Web) {
        let batch = layout.batch_service;
        let title = "stop the batch server, Web and NetServer: everybody is out".to_owned();
        let mut draft = draft(kind::STOP_WRITERS, Some(node), title, Executor::Agent { actions: Vec::new() });
        let mut undo = Vec::new();
        if runs_batch_service(view, layout, hop, node) {
            undo = start_service_actions(view, batch, node);
            let probe = Probe::Service { name: batch.to_owned() };
            draft.step.evidence.push(on_node(node, probe, Expected::State { is: RunState::Stopped }));
            draft.step.executor = Executor::Agent { actions: stop_service_actions(batch).to_vec() };
        }
        draft.step.undo = Undo::Actions { actions: undo };
        stop_pool(&mut draft, node, layout.web_pool);
        drafts.push(draft);
    }
    let own = net_server::standing(view, layout, hop).into_iter().map(|node| {
        let title = "stop NetServer: an old one crashes on a new schema";
        (node, layout.net_server_pool, title, "stop every pool of the site and the batch server: everybody is out")
    });
    let service = hop.standing(view, Component::Service).into_iter().map(|node| {
        let title = "stop Service's programs: FastCGI keeps them connected to the database";
        let both = "stop the batch server, Web with NetServer, and Service's programs: everybody is out";
        (node, layout.service_pool.as_str(), title, both)
    });
    for (node, pool, title, both) in service.chain(own) {
        // A server that carries several has one step for all of them: a step is known by its kind and its node.
        if let Some(draft) = drafts.iter_mut().find(|draft| draft.step.node.as_deref() == Some(node)) {
            if !stops_pool(draft, pool) {
                both.clone_into(&mut draft.step.title);
                stop_pool(draft, node, pool);
            }
            continue;
        }
        let mut draft =
            draft(kind::STOP_WRITERS, Some(node), title.to_owned(), Executor::Agent { actions: Vec::new() });
        draft.step.undo = Undo::Actions { actions: Vec::new() };
        stop_pool(&mut draft, node, pool);
        drafts.push(draft);
    }
    let has_served = net_server::has_served(view, layout);
    if hop.purpose == Purpose::Forward || has_served {
        // A NetServer that has served meets a newer database: it is not started again, whatever becomes of this change.
        let retired = net_server::retired(view, layout, hop);
        let served = if has_served { net_server::standing(view, layout, hop) } else { retired };
        let on_it = |draft: &&mut Draft| draft.step.node.as_deref().is_some_and(|node| served.contains(&node));
        let stays = Action::StartPool { name: layout.net_server_pool.to_owned() };
        for draft in drafts.iter_mut().filter(on_it) {
            if let Undo::Actions { actions } = &mut draft.step.undo {
                actions.retain(|action| *action != stays);
            }
        }
    }
    drafts
}

fn stops_pool(draft: &Draft, pool: &str) -> bool {
    let stops = |action: &Action| matches!(action, Action::StopPool { name } if name == pool);
    matches!(&draft.step.executor, Executor::Agent { actions } if actions.iter().any(stops))
}

/// Adds the stop of a pool to a step, and its start to what takes the step back: pools first, then services.
fn stop_pool(draft: &mut Draft, node: &str, pool: &str) {
    if let Executor::Agent { actions } = &mut draft.step.executor {
        actions.push(Action::StopPool { name: pool.to_owned() });
    }
    if let Undo::Actions { actions } = &mut draft.step.undo {
        let pools = actions.iter().filter(|action| matches!(action, Action::StartPool { .. })).count();
        actions.insert(pools, Action::StartPool { name: pool.to_owned() });
    }
    let probe = Probe::Pool { name: pool.to_owned() };
    draft.step.evidence.push(on_node(node, probe, Expected::State { is: RunState::Stopped }));
}

/// The first step that users may feel waits for the window; users are out from the first one that shuts something.
/// Without a Service there is no freeze, and without Web no pool: then only the session list shows who is still there.
pub(super) fn mark_closing(drafts: &mut [Draft]) {
    let gated = first_of(&[kind::STOP_SCHEDULER, kind::STOP_WRITERS, kind::PROVE_ALONE], drafts);
    if let Some(draft) = drafts.iter_mut().find(|draft| Some(draft.kind) == gated) {
        draft.step.gate = Some(Gate::Window);
    }
    let closing = first_of(&[kind::FREEZE, kind::STOP_WRITERS, kind::PROVE_ALONE], drafts);
    for draft in drafts.iter_mut().filter(|draft| Some(draft.kind) == closing) {
        draft.step.felt = Felt::Closes;
    }
    let opening = first_of(&[kind::UNFREEZE, kind::START_WRITERS, kind::START_SCHEDULER, kind::VERIFY_SITE], drafts);
    for draft in drafts.iter_mut().filter(|draft| Some(draft.kind) == opening) {
        draft.step.felt = Felt::Opens;
    }
}

fn first_of(kinds: &[&'static str], drafts: &[Draft]) -> Option<&'static str> {
    kinds.iter().copied().find(|kind| drafts.iter().any(|draft| draft.kind == *kind))
}

/// Whether the batch task server was running when the plan was made: the vendor has kept it installed, but its jobs run
/// inside IIS (vendor: batch task server).
pub(super) fn runs_batch_service(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>, node: &str) -> bool {
    let probe = Probe::Service { name: layout.batch_service.to_owned() };
    crate::restore::start_before(view, node, layout.batch_service).is_some()
        || match view.answer(node, &probe) {
            Some(Answer::Service { state: RunState::Running, .. }) => true,
            // On a half-done site it may have crashed, or have been stopped and forgotten.
            Some(Answer::Service { start: StartType::Automatic, .. }) => hop.purpose == Purpose::Forward,
            _ => false,
        }
}

pub(super) fn prove_alone() -> Draft {
    let mut draft =
        controller(kind::PROVE_ALONE, "see in the database that nobody is connected any more", Task::ProveAlone {});
    draft.step.role = Some(StepRole::ProveAlone);
    draft.step.limit_minutes = 30;
    draft
}
