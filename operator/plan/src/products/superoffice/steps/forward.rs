//! A site that other hands left half done is finished: the steps of the hop that they began, without those whose parts
//! show the new release already. A site at one release needs neither backup nor installer: it is only put to work again.

use crm_api::change::{Executor, Gate, Undo};
use crm_api::evidence::Expected;
use crm_api::order::Action;
use crm_api::probe::{Probe, RunState};
use crm_api::site::Component;

use super::{Draft, backup, close, draft, kind, net_server, on_node, open, upgrade};
use crate::products::Hop;
use crate::products::superoffice::half_done;
use crate::products::superoffice::layout::Layout;
use crate::products::superoffice::parts::SERVICE_DATA;
use crate::view::View;

pub(super) fn steps(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    if !hop.behind.is_empty() {
        drafts.extend(stop_old(view, layout, hop));
        let needed = |draft: &Draft| is_behind(draft, hop);
        drafts.extend(close::fetch_media(view, layout, hop).into_iter().filter(|draft| carries_behind(draft, hop)));
        let mut closing = close::stop_scheduler(view, layout, hop);
        closing.extend(close::stop_writers(view, layout, hop));
        // What is older than the rest of the site is not started again, whatever becomes of this change.
        let old = closing.iter_mut().filter(|draft| carries_behind(draft, hop));
        old.for_each(|draft| draft.step.undo = Undo::Nothing {});
        drafts.extend(closing);
        drafts.extend(close::freeze(view, layout, hop));
        drafts.push(close::prove_alone());
        drafts.extend(backup::files(view, layout, hop));
        drafts.extend(backup::database(view, hop));
        drafts.extend(upgrade::database(view, layout, hop).into_iter().filter(needed));
        drafts.extend(upgrade::web(view, layout, hop).into_iter().filter(needed));
        drafts.extend(net_server::upgrade(view, layout, hop).into_iter().filter(needed));
        drafts.extend(net_server::start(view, layout, hop));
        drafts.extend(net_server::reach(view, layout, hop));
        drafts.extend(upgrade::service_files(view, layout, hop).into_iter().filter(needed));
        drafts.extend(upgrade::run_upgrade_exe(view, layout, hop).into_iter().filter(|draft| runs(draft, hop)));
        drafts.extend(open::start_service_pool(view, layout, hop));
        drafts.extend(open::link_fast_cgi(hop));
        drafts.extend(open::flush_caches(view, layout, hop));
    }
    drafts.push(close::preflight());
    drafts.push(close::notice(view, layout, hop));
    drafts.extend(stop_second_schedulers(view, layout));
    drafts.push(open::verify_versions(hop));
    drafts.extend(open::unfreeze(view, layout, hop));
    drafts.extend(open::start_writers(view, layout, hop));
    drafts.extend(open::start_scheduler(view, layout, hop));
    let mut verify = open::verify_site(view, layout, hop);
    for node in half_done::second_schedulers(view, layout) {
        verify.step.evidence.push(stopped(layout, node));
    }
    drafts.push(verify);
    if !hop.behind.is_empty() {
        drafts.extend(net_server::remove(view, layout, hop));
    }
    close::mark_closing(&mut drafts);
    if hop.behind.is_empty() {
        // Nothing is closed by it: only what was left closed is opened.
        drafts.iter_mut().for_each(|draft| draft.step.gate = draft.step.gate.filter(|gate| *gate != Gate::Window));
    } else {
        mark_no_return(&mut drafts);
    }
    drafts
}

/// Whether a step takes a part to the new release that does not show it yet.
fn is_behind(draft: &Draft, hop: &Hop<'_>) -> bool {
    draft.step.moves.iter().any(|part| hop.behind.contains(part))
}

fn carries_behind(draft: &Draft, hop: &Hop<'_>) -> bool {
    let on_it = |part: &String| part.split_once('@').is_some_and(|(_, node)| Some(node) == draft.step.node.as_deref());
    hop.behind.iter().any(on_it)
}

/// `upgrade.exe` is run after every change of Service files, and on every node where what it keeps is old (rule 16).
fn runs(draft: &Draft, hop: &Hop<'_>) -> bool {
    let files = draft.step.node.as_ref().map(|node| format!("{}@{node}", Component::Service.name()));
    hop.behind.iter().any(|part| part == SERVICE_DATA || Some(part) == files.as_ref())
}

/// Programs that are older than the database must not run on it: they are stopped before anything else. They stay so
/// whatever becomes of this change.
fn stop_old(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Draft> {
    let old = |component: Component, node: &str| hop.behind.contains(&format!("{}@{node}", component.name()));
    let mut drafts = Vec::new();
    for node in view.node_names() {
        let (mut services, mut pools) = (Vec::new(), Vec::new());
        if old(Component::Web, node) {
            if close::runs_batch_service(view, layout, hop, node) {
                services.push(layout.batch_service.to_owned());
            }
            pools.push(layout.web_pool.to_owned());
        }
        if old(Component::NetServer, node) {
            pools.push(layout.net_server_pool.to_owned());
        }
        if old(Component::Service, node) {
            services.push(layout.scheduler.clone());
            pools.push(layout.service_pool.clone());
        }
        pools.dedup();
        let stopped = Expected::State { is: RunState::Stopped };
        let mut actions = Vec::new();
        let mut evidence = Vec::new();
        for name in services {
            evidence.push(on_node(node, Probe::Service { name: name.clone() }, stopped.clone()));
            actions.extend(close::stop_service_actions(&name));
        }
        for name in pools {
            evidence.push(on_node(node, Probe::Pool { name: name.clone() }, stopped.clone()));
            actions.push(Action::StopPool { name });
        }
        if actions.is_empty() {
            continue;
        }
        let title = "stop what is older than the rest of the site: it must not work on it".to_owned();
        let mut draft = draft(kind::STOP_OLD, Some(node), title, Executor::Agent { actions });
        draft.step.evidence = evidence;
        drafts.push(draft);
    }
    drafts
}

/// The scheduler stays where Service is declared, and is stopped for good everywhere else.
fn stop_second_schedulers(view: &View<'_>, layout: &Layout<'_>) -> Vec<Draft> {
    let name = &layout.scheduler;
    let second = half_done::second_schedulers(view, layout).into_iter();
    second
        .map(|node| {
            let actions = close::stop_service_actions(name).to_vec();
            let title = format!("stop the second {name} for good: it runs where no Service is declared");
            let mut draft = draft(kind::STOP_SECOND_SCHEDULER, Some(node), title, Executor::Agent { actions });
            draft.step.evidence = vec![stopped(layout, node)];
            draft.step.undo = Undo::Actions { actions: close::start_service_actions(view, name, node) };
            draft
        })
        .collect()
}

fn stopped(layout: &Layout<'_>, node: &str) -> crm_api::evidence::Expectation {
    on_node(node, Probe::Service { name: layout.scheduler.clone() }, Expected::State { is: RunState::Stopped })
}

/// The point of no return is passed before the first step that touches programs or database, whichever it is.
fn mark_no_return(drafts: &mut [Draft]) {
    if drafts.iter().any(|draft| draft.step.gate == Some(Gate::PointOfNoReturn)) {
        return;
    }
    // From NetServer's start on somebody works on the database again, so it is passed before that.
    for kind in [
        kind::UPGRADE_WEB,
        kind::UPGRADE_NET_SERVER,
        kind::START_NET_SERVER,
        kind::UPGRADE_SERVICE,
        kind::RUN_UPGRADE_EXE,
    ] {
        if let Some(draft) = drafts.iter_mut().find(|draft| draft.kind == kind) {
            draft.step.gate = Some(Gate::PointOfNoReturn);
            return;
        }
    }
}
