//! The steps of a correction: what was proven is brought back, and nothing else is touched.

use crm_api::change::{Executor, Gate, Task, Undo};
use crm_api::database::superoffice::{SCHEDULER_HEARTBEAT, USE_EXTENSION};
use crm_api::evidence::Expected;
use crm_api::order::Action;
use crm_api::probe::{Probe, RunState};
use crm_api::site::FastCgi;

use super::close::{self, start_service_actions};
use super::{Draft, backup, controller, draft, fast_cgi, in_database, kind, net_server, on_node, open, text, upgrade};
use crate::products::Hop;
use crate::products::superoffice::drift::check;
use crate::products::superoffice::layout::{FROZEN, Layout};
use crate::products::superoffice::net_server::endpoint_probe;
use crate::view::View;

/// The steps of a correction, in declared order.
pub(super) fn steps(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    drafts.extend(hop.corrected(check::FROZEN).map(|node| open::unfreeze_on(layout, node)));
    drafts.extend(hop.corrected(check::SCHEDULER_STOPPED).map(|node| open::start_scheduler_on(view, layout, node)));
    drafts.extend(hop.corrected(check::SCHEDULER_HEARTBEAT).map(|node| restart_scheduler(view, layout, node)));
    let handlers: Vec<&str> = hop.corrected(check::HANDLERS).collect();
    let endpoints: Vec<&str> = hop.corrected(check::ENDPOINT).collect();
    let leftovers: Vec<&str> = hop.corrected(check::HANDLERS_STAY).collect();
    let in_iis: Vec<&str> = handlers.iter().chain(&leftovers).copied().collect();
    drafts.extend(backup::iis(view, hop).into_iter().filter(|draft| is_on(draft, &in_iis)));
    drafts.extend(leftovers.iter().map(|node| fast_cgi::remove_on(view, layout, hop, node)));
    drafts.extend(net_server::correct(view, layout, hop, &endpoints));
    drafts.extend(upgrade::only_fast_cgi(view, layout, hop, &handlers));
    if !handlers.is_empty() {
        drafts.extend(open::start_service_pool(view, layout, hop).into_iter().filter(|draft| is_on(draft, &handlers)));
    }
    if hop.corrected(check::LINKS).next().is_some() {
        if handlers.is_empty() && hop.fast_cgi == Some(FastCgi::Enabled) {
            // Links end in .fcgi only where such a request is answered on every node.
            drafts.extend(open::start_service_pool(view, layout, hop));
        }
        drafts.extend(open::link_fast_cgi(hop));
    }
    drafts.extend(flush(view, layout, hop, (&handlers, &endpoints)));
    // What interrupts nobody waits for no window; of the rest the first step does.
    drafts.iter_mut().for_each(|draft| draft.step.gate = None);
    let in_window = [check::FROZEN, check::SCHEDULER_HEARTBEAT, check::ENDPOINT, check::HANDLERS_STAY];
    if in_window.iter().any(|check| hop.corrected(check).next().is_some())
        && let Some(first) = drafts.first_mut()
    {
        first.step.gate = Some(Gate::Window);
    }
    let mut all = vec![close::preflight(), notice(view, hop)];
    all.extend(drafts);
    all.push(verify(view, layout, hop));
    all
}

/// Caches are flushed where Service has to read anew what was corrected.
fn flush(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>, (handlers, endpoints): (&[&str], &[&str])) -> Vec<Draft> {
    if handlers.is_empty() && endpoints.is_empty() {
        return Vec::new();
    }
    let mut drafts = open::flush_caches(view, layout, hop);
    drafts.retain(|draft| is_on(draft, handlers) || is_on(draft, endpoints));
    for draft in drafts.iter_mut().filter(|draft| !is_on(draft, handlers)) {
        open::flushed_after(draft, "the address of NetServer was written");
    }
    drafts
}

fn is_on(draft: &Draft, nodes: &[&str]) -> bool {
    draft.step.node.as_deref().is_some_and(|node| nodes.contains(&node))
}

/// People are told what is corrected; they are asked only where the site says so. The number tells one correction from an
/// earlier one of the same thing.
fn notice(view: &View<'_>, hop: &Hop<'_>) -> Draft {
    let earlier = view.snapshot.changes.iter().filter(|change| change.spec.purpose == hop.purpose).count();
    let message = format!(
        "{}: correction {}: what was proven is brought back ({})",
        view.name(),
        earlier.saturating_add(1),
        hop.corrects.join(", ")
    );
    let mut draft = controller(
        kind::NOTICE,
        "tell people what is corrected",
        Task::Notify { message: message.chars().take(512).collect() },
    );
    draft.step.gate = view.spec.approval.corrections.then_some(Gate::Approval);
    draft
}

/// A scheduler that runs and does nothing is stopped with all that it has started, and started again.
fn restart_scheduler(view: &View<'_>, layout: &Layout<'_>, node: &str) -> Draft {
    let name = &layout.scheduler;
    let mut actions = vec![
        Action::StopService { name: name.clone() },
        Action::AwaitProcessesGone { folder: layout.service_file("bin") },
    ];
    actions.extend(start_service_actions(view, name, node));
    let title = format!("stop {name}, which hangs, and start it again");
    let mut draft = draft(kind::RESTART_SCHEDULER, Some(node), title, Executor::Agent { actions });
    let id = draft.step.id.clone();
    draft.step.evidence = vec![
        on_node(node, Probe::Service { name: name.clone() }, Expected::State { is: RunState::Running }),
        in_database(SCHEDULER_HEARTBEAT, Expected::LaterThanStart { step: id }),
    ];
    draft.step.undo = Undo::Actions { actions: start_service_actions(view, name, node) };
    draft.step.minutes = 3;
    draft.step.limit_minutes = 30;
    draft
}

/// The proof of a correction: each thing that was found is as it was proven.
fn verify(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Draft {
    let mut draft = controller(kind::VERIFY_SITE, "see what was proven again", Task::Judge {});
    let evidence = &mut draft.step.evidence;
    for node in hop.corrected(check::FROZEN) {
        let probe = Probe::FlagLine { path: layout.config(), line: FROZEN.to_owned() };
        evidence.push(on_node(node, probe, Expected::Flag { set: false }));
    }
    for (check, begun) in
        [(check::SCHEDULER_STOPPED, kind::START_SCHEDULER), (check::SCHEDULER_HEARTBEAT, kind::RESTART_SCHEDULER)]
    {
        for node in hop.corrected(check) {
            let probe = Probe::Service { name: layout.scheduler.clone() };
            evidence.push(on_node(node, probe, Expected::State { is: RunState::Running }));
            let step = format!("{begun}@{node}");
            evidence.push(in_database(SCHEDULER_HEARTBEAT, Expected::LaterThanStart { step }));
        }
    }
    evidence.extend(hop.corrected(check::HANDLERS_STAY).map(|node| fast_cgi::none_left(view, layout, node)));
    evidence.extend(hop.corrected(check::HANDLERS).map(|node| open::handlers(view, layout, node)));
    evidence.extend(hop.corrected(check::ENDPOINT).filter_map(|node| {
        let address = net_server::of_release(view, layout, hop, node)?;
        Some(on_node(node, endpoint_probe(layout), text(&address)))
    }));
    if hop.corrected(check::LINKS).next().is_some()
        && let Some(wanted) = hop.fast_cgi
    {
        evidence.push(in_database(USE_EXTENSION, text(open::extension(Some(wanted)))));
    }
    draft.step.minutes = 2;
    draft.step.limit_minutes = 30;
    draft
}
