//! From the new programs back to work: NetServer, pools, links, caches, proof, and the site is open.

use crm_api::change::{Executor, Gate, Task, Undo};
use crm_api::database::superoffice::{ATTACHMENTS, SATELLITES, SCHEDULER_HEARTBEAT, USE_EXTENSION};
use crm_api::evidence::{Expectation, Expected, Source};
use crm_api::order::Action;
use crm_api::probe::{Probe, RunState};
use crm_api::site::{Component, FastCgi};

use super::close::{runs_batch_service, start_service_actions};
use super::{Draft, Run, attested, controller, draft, fast_cgi, in_database, kind, on_node, text, version};
use crate::products::Hop;
use crate::products::superoffice::layout::{FROZEN, Layout};
use crate::products::superoffice::one_host::enters;
use crate::products::superoffice::parts::Tools;
use crate::products::superoffice::settings;
use crate::view::View;

pub(super) fn start_service_pool(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Draft> {
    let ending = extension(hop.fast_cgi.or(hop.fast_cgi_now));
    hop.changed(view, Component::Service)
        .into_iter()
        .map(|node| {
            let pool = layout.service_pool.clone();
            let url = format!("{}/scripts/rms.{ending}", service_address(layout, hop));
            let actions = vec![Action::StartPool { name: pool.clone() }, Action::AwaitUrl { url, status: 200 }];
            let title = format!("start Service's programs and see that a .{ending} request is answered");
            let mut draft = draft(kind::START_SERVICE_POOL, Some(node), title, Executor::Agent { actions });
            let probe = Probe::Pool { name: pool };
            draft.step.evidence = vec![on_node(node, probe, Expected::State { is: RunState::Running })];
            draft
        })
        .collect()
}

/// Where browsers find Service: on that host, below its own path where it has one.
fn service_address(layout: &Layout<'_>, hop: &Hop<'_>) -> String {
    format!("{}{}", address(layout, hop), layout.application)
}

/// Where browsers find the site's host.
fn address(layout: &Layout<'_>, hop: &Hop<'_>) -> String {
    let https = hop.to.super_office.as_ref().is_some_and(|block| block.https);
    format!("{}://{}", if https { "https" } else { "http" }, layout.host)
}

/// From 8.1 Service sends people to Web for their login, to the address in this preference (vendor: upgrade to 8.1). No
/// documented interface shows it.
pub(super) fn set_base_url(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Option<Draft> {
    let node = hop.carriers(view, Component::Web).first().copied()?;
    if !enters(hop.from, hop.to) || hop.carriers(view, Component::Service).is_empty() {
        return None;
    }
    let url = format!("{}{}", address(layout, hop), layout.web_application);
    let instructions = vec![
        format!("Log in to Web on {node} as an administrator."),
        format!(
            "Set the preference System, \"Base URL for Web client\", to {url}: Service sends people there to log in."
        ),
        "Then attest this step: no documented interface shows the preference.".to_owned(),
    ];
    let title = "tell Service where people log in from now on".to_owned();
    let statement = format!("The preference \"Base URL for Web client\" is {url}.");
    Some(attested(kind::SET_BASE_URL, Some(node), title, instructions, statement))
}

/// Web and Service answer at one host from the first hop on that demands it: Web with its release, Service with a page.
pub(super) fn on_one_host(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Expectation> {
    if !enters(hop.from, hop.to) {
        return Vec::new();
    }
    let url = format!("{}{}/api", address(layout, hop), layout.web_application);
    let web = Probe::JsonValue { url, key: "NetServerVersion".to_owned() };
    let ending = extension(hop.fast_cgi.or(hop.fast_cgi_now));
    let service = Probe::Url { url: format!("{}/scripts/rms.{ending}", service_address(layout, hop)) };
    let nodes = hop.carriers(view, Component::Service).into_iter();
    nodes
        .flat_map(|node| {
            [on_node(node, web.clone(), version(hop.to)), on_node(node, service.clone(), Expected::Status { is: 200 })]
        })
        .collect()
}

pub(super) fn extension(fast_cgi: Option<FastCgi>) -> &'static str {
    match fast_cgi {
        Some(FastCgi::Enabled) => "fcgi",
        Some(FastCgi::Disabled) | None => "exe",
    }
}

pub(super) fn link_fast_cgi(hop: &Hop<'_>) -> Option<Draft> {
    let wanted = hop.fast_cgi?;
    let value = extension(Some(wanted));
    let task = Task::SetDatabaseSetting { setting: USE_EXTENSION.to_owned(), value: value.to_owned() };
    let mut draft = controller(kind::LINK_FAST_CGI, "let Service generate links with the right ending", task);
    draft.step.evidence = vec![in_database(USE_EXTENSION, text(value))];
    draft.step.undo = Undo::Setting {};
    if hop.is_configuration_only() && wanted == FastCgi::Disabled {
        draft.step.gate = Some(Gate::Window);
    }
    Some(draft)
}

pub(super) fn flush_caches(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Draft> {
    let url = format!("{}/scripts/rms.exe?action=debug", service_address(layout, hop));
    hop.changed(view, Component::Service)
        .into_iter()
        .map(|node| {
            let instructions = vec![
                format!("Open {url} and log in with a user who has rights to it."),
                "Click \"Flush caches\" at the bottom of the page.".to_owned(),
                "Then attest this step: the vendor documents a button only, so no machine can see it.".to_owned(),
            ];
            let title = "flush Service's caches".to_owned();
            let statement = format!("I clicked \"Flush caches\" at {url}, after upgrade.exe had ended.");
            attested(kind::FLUSH_CACHES, Some(node), title, instructions, statement)
        })
        .collect()
}

/// The same flush after something else than a run of `upgrade.exe`.
pub(super) fn flushed_after(draft: &mut Draft, what: &str) {
    for expectation in &mut draft.step.evidence {
        if let Source::Attestation { statement } = &mut expectation.source {
            *statement = statement.replace("upgrade.exe had ended", what);
        }
    }
}

pub(super) fn verify_versions(hop: &Hop<'_>) -> Draft {
    let title = format!("see every part show {}", hop.to.version);
    let mut draft = controller(kind::VERIFY_VERSIONS, &title, Task::VerifyVersions {});
    draft.step.limit_minutes = 30;
    draft
}

pub(super) fn unfreeze(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Draft> {
    hop.standing(view, Component::Service).into_iter().map(|node| unfreeze_on(layout, node)).collect()
}

pub(super) fn unfreeze_on(layout: &Layout<'_>, node: &str) -> Draft {
    let action = Action::SetFlagLine { path: layout.config(), line: FROZEN.to_owned(), set: false };
    let title = "unfreeze Service: users are back".to_owned();
    let mut draft = draft(kind::UNFREEZE, Some(node), title, Executor::Agent { actions: vec![action] });
    let probe = Probe::FlagLine { path: layout.config(), line: FROZEN.to_owned() };
    draft.step.evidence = vec![on_node(node, probe, Expected::Flag { set: false })];
    draft
}

pub(super) fn start_writers(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Draft> {
    hop.standing(view, Component::Web)
        .into_iter()
        .filter(|node| runs_batch_service(view, layout, hop, node))
        .map(|node| {
            let name = layout.batch_service.to_owned();
            let actions = start_service_actions(view, &name, node);
            let title = "give the batch server its start type back and start it".to_owned();
            let mut draft = draft(kind::START_WRITERS, Some(node), title, Executor::Agent { actions });
            let probe = Probe::Service { name };
            draft.step.evidence = vec![on_node(node, probe, Expected::State { is: RunState::Running })];
            draft
        })
        .collect()
}

pub(super) fn start_scheduler(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Draft> {
    hop.changed(view, Component::Service).into_iter().map(|node| start_scheduler_on(view, layout, node)).collect()
}

pub(super) fn start_scheduler_on(view: &View<'_>, layout: &Layout<'_>, node: &str) -> Draft {
    let actions = start_service_actions(view, &layout.scheduler, node);
    let title = format!("give {} its start type back and start it", layout.scheduler);
    let mut draft = draft(kind::START_SCHEDULER, Some(node), title, Executor::Agent { actions });
    let probe = Probe::Service { name: layout.scheduler.clone() };
    draft.step.evidence = vec![on_node(node, probe, Expected::State { is: RunState::Running })];
    draft
}

pub(super) fn verify_site(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Draft {
    let mut draft = verify_setting(hop);
    if hop.carriers(view, Component::Service).is_empty() {
        // Without Service, Web is what users see of the site.
        let running = Expected::State { is: RunState::Running };
        let pool = Probe::Pool { name: layout.web_pool.to_owned() };
        let at_work = hop.carriers(view, Component::Web).into_iter();
        draft.step.evidence.extend(at_work.map(|node| on_node(node, pool.clone(), running.clone())));
    }
    for node in hop.changed(view, Component::Service) {
        let frozen = Probe::FlagLine { path: layout.config(), line: FROZEN.to_owned() };
        let scheduler = Probe::Service { name: layout.scheduler.clone() };
        let started = format!("{}@{node}", kind::START_SCHEDULER);
        draft.step.evidence.extend([
            on_node(node, frozen, Expected::Flag { set: false }),
            on_node(node, scheduler, Expected::State { is: RunState::Running }),
            in_database(SCHEDULER_HEARTBEAT, Expected::LaterThanStart { step: started }),
        ]);
    }
    draft.step.minutes = 2;
    draft.step.limit_minutes = 30;
    draft
}

/// Satellites hold copies of the old database: prototypes and then they are generated anew, once everything is up (vendor:
/// upgrade 7.5 to 8, crm-server). Users are back by then. CrmSetup's releases have none.
pub(super) fn generate_satellites(view: &View<'_>, hop: &Hop<'_>) -> Option<Draft> {
    let count = view.fact(SATELLITES).and_then(|value| value.parse::<u32>().ok()).filter(|count| *count > 0)?;
    let node = view.nodes_of(Component::CrmServer).first().filter(|_| Tools::of(hop.to) == Tools::ServerSetup)?;
    let instructions = vec![
        format!("On {node}, generate the prototypes anew, then all {count} satellites."),
        "Then attest this step: no documented fact shows of which release a satellite is.".to_owned(),
    ];
    let title = format!("generate {count} satellites anew");
    let statement = format!("The prototypes and all {count} satellites are generated from {}.", hop.to.version);
    let mut draft = attested(kind::GENERATE_SATELLITES, Some(node), title, instructions, statement);
    draft.step.minutes = 10;
    draft.step.limit_minutes = 1440;
    Some(draft)
}

/// The proof of a change of settings: links, handlers and attachments are as declared.
pub(super) fn verify_settings(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Draft {
    let mut draft = verify_setting(hop);
    let run = Run::of(view, layout, hop);
    if hop.fast_cgi == Some(FastCgi::Enabled) && run.handlers {
        draft.step.evidence.extend(view.nodes_of(Component::Service).iter().map(|node| handlers(view, layout, node)));
    }
    let leftovers = settings::leftovers(view, layout);
    draft.step.evidence.extend(leftovers.iter().map(|(node, _)| fast_cgi::none_left(view, layout, node)));
    if run.attachments {
        draft.step.evidence.extend(attachments_moved(view));
    }
    draft
}

/// Every program on a node has its FastCGI handler.
pub(super) fn handlers(view: &View<'_>, layout: &Layout<'_>, node: &str) -> Expectation {
    // A node that gets its first Service has no such site yet.
    let site = layout.iis_site(view, node).unwrap_or_else(|_| layout.site.clone());
    on_node(node, Probe::FastCgiHandlers { site, folder: layout.scripts() }, Expected::AllMapped {})
}

/// Every attachment lies in the sub-folder of its number, and none is lost.
pub(super) fn attachments_moved(view: &View<'_>) -> Option<Expectation> {
    let store = settings::store(view)?;
    let expected = Expected::AllFiled { known: ATTACHMENTS.to_owned(), missing_before: store.missing.unwrap_or(0) };
    Some(on_node(store.node, settings::store_probe(store.path), expected))
}

pub(super) fn verify_setting(hop: &Hop<'_>) -> Draft {
    let title = format!("see the site at work at {}", hop.to.version);
    let mut draft = controller(kind::VERIFY_SITE, &title, Task::Judge {});
    if let Some(fast_cgi) = hop.fast_cgi {
        draft.step.evidence = vec![in_database(USE_EXTENSION, text(extension(Some(fast_cgi))))];
    }
    draft
}
