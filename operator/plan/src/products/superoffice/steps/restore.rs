//! Everything comes back from one backup set: the set is proven again, the site closed, database, files, registry and IIS
//! brought back together, and the site opened as it was.

use crm_api::backup::CrmBackupStatus;
use crm_api::change::{Executor, Gate, StepRole, Task, Undo};
use crm_api::database::superoffice::{DATABASE_VERSION, SERVER_SETUP_VERSION, SERVICE_VERSION};
use crm_api::evidence::Expected;
use crm_api::order::Action;
use crm_api::probe::{Probe, RunState};
use crm_api::site::{Component, Placement};

use super::{Draft, backup, close, controller, draft, in_database, kind, on_node, open, version};
use crate::products::Hop;
use crate::products::superoffice::instances;
use crate::products::superoffice::layout::{Layout, same_path};
use crate::products::superoffice::net_server;
use crate::products::superoffice::parts::{Tools, version_probes_on};
use crate::view::View;

pub(super) fn steps(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Draft> {
    let Some(set) = hop.set.and_then(|set| set.status.as_ref()) else { return Vec::new() };
    let now = layout;
    let kept = path_in_set(view, hop).and_then(|path| Layout::of_path(view, path));
    let layout = kept.as_ref().unwrap_or(now);
    let mut drafts = check_set(view, set);
    drafts.push(see_nothing_runs(view, hop));
    drafts.push(notice(view, hop));
    let mut closing = close::stop_scheduler(view, layout, hop);
    closing.extend(close::freeze(view, layout, hop));
    closing.extend(close::stop_writers(view, layout, hop));
    if !same_path(now.service_path, layout.service_path) {
        closing.iter_mut().for_each(|draft| stop_newcomer(draft, now));
    }
    if view.snapshot.open_change().is_some() {
        // The halted change has closed the site: it stays closed if the restore cannot go on.
        closing.iter_mut().for_each(|draft| draft.step.undo = Undo::Nothing {});
    }
    drafts.extend(closing);
    drafts.push(close::prove_alone());
    drafts.extend(database(view, hop, set));
    drafts.extend(files(view, layout, hop));
    for mut draft in super::net_server::start(view, layout, hop) {
        "start the NetServer that came back".clone_into(&mut draft.step.title);
        drafts.push(draft);
    }
    drafts.extend(open::start_service_pool(view, layout, hop));
    for mut draft in open::flush_caches(view, layout, hop) {
        open::flushed_after(&mut draft, "everything had come back");
        drafts.push(draft);
    }
    drafts.push(open::verify_versions(hop));
    drafts.extend(open::unfreeze(view, layout, hop));
    drafts.extend(open::start_writers(view, layout, hop));
    drafts.extend(open::start_scheduler(view, layout, hop));
    drafts.push(open::verify_site(view, layout, hop));
    close::mark_closing(&mut drafts);
    for draft in drafts.iter_mut().filter(|draft| draft.step.gate == Some(Gate::Window)) {
        // Users are out already: nothing is waited for.
        draft.step.gate = None;
    }
    drafts
}

/// The folder of the Service instance that a set holds: a change that moved Service left another one in the registry. The
/// record of the change that took the set says from where each tree in it came.
fn path_in_set<'a>(view: &View<'a>, hop: &Hop<'_>) -> Option<&'a str> {
    let trees: Vec<String> =
        view.nodes_of(Component::Service).iter().map(|node| backup::service_tree(hop, node)).collect();
    let steps = view.snapshot.changes.iter().flat_map(|change| &change.spec.steps);
    steps.filter(|step| step.role == Some(StepRole::BackUp)).find_map(|step| match &step.executor {
        Executor::Agent { actions } => actions.iter().find_map(|action| match action {
            Action::CopyTree { from, to } if trees.contains(to) => Some(from.as_str()),
            _ => None,
        }),
        _ => None,
    })
}

/// The instance that the failed move has made stops as well: the site comes back to the former one.
fn stop_newcomer(draft: &mut Draft, newcomer: &Layout<'_>) {
    let Some(node) = draft.step.node.clone() else { return };
    let Executor::Agent { actions } = &mut draft.step.executor else { return };
    let stopped = Expected::State { is: RunState::Stopped };
    if draft.kind == kind::STOP_SCHEDULER {
        let name = newcomer.scheduler.clone();
        actions.extend(close::stop_service_actions(&name));
        draft.step.evidence.push(on_node(&node, Probe::Service { name }, stopped));
    } else if draft.kind == kind::STOP_WRITERS {
        let name = newcomer.service_pool.clone();
        actions.push(Action::StopPool { name: name.clone() });
        draft.step.evidence.push(on_node(&node, Probe::Pool { name }, stopped));
    }
}

/// Every recorded file of the set is read again where it lies, and the database backup by SQL Server itself.
fn check_set(view: &View<'_>, set: &CrmBackupStatus) -> Vec<Draft> {
    let mut drafts: Vec<Draft> = view
        .node_names()
        .into_iter()
        .filter_map(|node| {
            let files = set.files.iter().filter(|file| file.node == node);
            let actions: Vec<Action> = files.map(|file| Action::CheckFile { file: file.file.clone() }).collect();
            let title = "read every recorded file of the backup set again".to_owned();
            (!actions.is_empty()).then(|| draft(kind::CHECK_SET, Some(node), title, Executor::Agent { actions }))
        })
        .collect();
    if let Some(backup) = &set.database {
        let task = Task::CheckBackup { path: backup.path.clone(), last_lsn: backup.last_lsn.clone() };
        let mut draft = controller(kind::CHECK_SET, "prove that the database backup is the recorded one and fit", task);
        draft.step.minutes = 5;
        draft.step.limit_minutes = 240;
        drafts.push(draft);
    }
    drafts
}

/// A program of the halted change that still runs would write into what comes back.
fn see_nothing_runs(view: &View<'_>, hop: &Hop<'_>) -> Draft {
    let title = "see that no program of the halted change runs any more";
    let mut draft = controller(kind::SEE_NOTHING_RUNS, title, Task::Judge {});
    for placed in &view.spec.components {
        let folder = close::media_folder(hop.from, placed.name);
        for node in &placed.nodes {
            let gone = Probe::Processes { folder: folder.clone() };
            draft.step.evidence.push(on_node(node, gone, Expected::NoneRunning {}));
        }
    }
    draft.step.limit_minutes = 60;
    draft
}

fn notice(view: &View<'_>, hop: &Hop<'_>) -> Draft {
    let set = hop.set.and_then(|set| set.metadata.name.as_deref()).unwrap_or_default();
    let again = close::again(view, hop);
    let message = format!(
        "{}: everything comes back to {} from {set}{again}; what was written since that set was taken is lost",
        view.name(),
        hop.to.version
    );
    controller(kind::NOTICE, "tell people, and write down what is lost", Task::Notify { message })
}

fn database(view: &View<'_>, hop: &Hop<'_>, set: &CrmBackupStatus) -> Option<Draft> {
    let backup = set.database.as_ref()?;
    let task = Task::RestoreDatabase { path: backup.path.clone(), last_lsn: backup.last_lsn.clone() };
    let title = format!("restore the database to {}", hop.to.version);
    let mut draft = controller(kind::RESTORE_DATABASE, &title, task);
    draft.step.evidence =
        vec![in_database(DATABASE_VERSION, version(hop.to)), in_database(SERVER_SETUP_VERSION, version(hop.to))];
    if !view.nodes_of(Component::Service).is_empty() {
        draft.step.evidence.push(in_database(SERVICE_VERSION, version(hop.to)));
    }
    draft.step.gate = Some(Gate::PointOfNoReturn);
    draft.step.destructive = true;
    draft.step.undo = Undo::Restore {};
    draft.step.attempts_max = 3;
    draft.step.minutes = 30;
    draft.step.limit_minutes = 480;
    Some(draft)
}

/// The mirror image of the step that backed the files up.
fn files(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Draft> {
    backup::files(view, layout, hop)
        .into_iter()
        .filter_map(|taken| {
            let node = taken.step.node?;
            let Executor::Agent { actions: taken } = taken.step.executor else { return None };
            let aside = format!(r"{}\{node}\aside", hop.backup_folder);
            let mut actions: Vec<Action> = taken.into_iter().filter_map(|action| mirrored(action, &aside)).collect();
            let mut title = "bring back program files, configuration, registry and IIS".to_owned();
            if !instances::others(view, layout, &node).is_empty() {
                // The export of IIS is one for the whole server: it would take others back as well.
                actions.retain(|action| !matches!(action, Action::ImportIis { .. }));
                title = "bring back program files, configuration and registry; IIS stays, other instances use it"
                    .to_owned();
            }
            let mut draft = draft(kind::RESTORE_FILES, Some(&node), title, Executor::Agent { actions });
            let standing = net_server::standing(view, layout, hop);
            let comes_back = |placed: &&Placement| {
                placed.nodes.contains(&node)
                    && (placed.name != Component::NetServer || standing.contains(&node.as_str()))
            };
            for placed in view.spec.components.iter().filter(comes_back) {
                for (_, probe) in version_probes_on(view, layout, placed.name, Tools::of(hop.to), &node) {
                    draft.step.evidence.push(on_node(&node, probe, version(hop.to)));
                }
            }
            draft.step.destructive = true;
            draft.step.undo = Undo::Restore {};
            draft.step.attempts_max = 3;
            draft.step.minutes = 16;
            draft.step.limit_minutes = 240;
            Some(draft)
        })
        .collect()
}

fn mirrored(taken: Action, aside: &str) -> Option<Action> {
    let beside = |path: &str| format!(r"{aside}\{}", path.rsplit('\\').next().unwrap_or(path));
    match taken {
        Action::CopyTree { from, to } => Some(Action::RestoreTree { aside: beside(&to), from: to, to: from }),
        Action::ExportRegistryKey { key, to } => Some(Action::ImportRegistryKey { aside: beside(&to), key, from: to }),
        Action::ExportIis { to } => Some(Action::ImportIis { aside: beside(&to), from: to }),
        // Lists of archives prove what was there; nothing is restored from them.
        _ => None,
    }
}
