//! Components that a site does not have yet: Web, Service with its one-time setup, and nodes added at the same release.

use crm_api::change::{Executor, Gate, Undo};
use crm_api::database::superoffice::SERVICE_VERSION;
use crm_api::evidence::Expected;
use crm_api::probe::{Probe, RunState};
use crm_api::site::{Component, FastCgi, NetServerMode, ServiceSetup};

use super::keys::asks_for_keys;
use super::upgrade::{choose_instance, installer, leave_others_alone, only_fast_cgi, run_upgrade_exe, versions};
use super::{Draft, attested, close, draft, in_database, kind, net_server, on_node, open, version};
use crate::products::Hop;
use crate::products::superoffice::instances;
use crate::products::superoffice::layout::{FROZEN, INSTANCES_KEY, Layout};
use crate::products::superoffice::net_server::ENDPOINT;
use crate::products::superoffice::parts::{SERVICE_DATA, Tools, version_probes_on};
use crate::products::superoffice::wizards;
use crate::view::View;

/// The node on which `ejTermSetup` runs: once in the life of a site, where the database knows no Service yet (vendor:
/// automated-tasks/ejtermsetup).
pub(super) fn set_up_on<'v>(view: &View<'v>, hop: &Hop<'_>) -> Option<&'v str> {
    let first = hop.installs.iter().any(|part| part == SERVICE_DATA);
    hop.newcomers(view, Component::Service).first().copied().filter(|_| first)
}

fn setup<'a>(layout: &Layout<'a>) -> Option<&'a ServiceSetup> {
    layout.block.service.setup.as_ref()
}

/// Components and nodes that are added at the release of the site.
pub(super) fn added(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Draft> {
    let mut drafts = close::fetch_media(view, layout, hop);
    drafts.push(close::preflight());
    drafts.push(close::notice(view, layout, hop));
    drafts.extend(web(view, layout, hop));
    drafts.extend(net_server(view, layout, hop));
    drafts.extend(net_server::start(view, layout, hop));
    drafts.extend(net_server::reach(view, layout, hop));
    drafts.extend(service(view, layout, hop));
    drafts.extend(copy_instance(view, layout, hop));
    drafts.extend(run_upgrade_exe(view, layout, hop));
    drafts.extend(open::start_service_pool(view, layout, hop));
    drafts.extend(open::flush_caches(view, layout, hop));
    drafts.push(open::verify_versions(hop));
    drafts.extend(open::start_scheduler(view, layout, hop));
    drafts.push(open::verify_site(view, layout, hop));
    // Nothing that serves is touched: there is nothing to bring back, and nobody is out.
    let mut gate = Some(Gate::Window);
    for draft in &mut drafts {
        if matches!(draft.step.undo, Undo::Restore {}) {
            draft.step.undo = Undo::Nothing {};
            draft.step.gate = draft.step.gate.or_else(|| gate.take());
        }
    }
    drafts
}

pub(super) fn web(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Draft> {
    let mut more = vec![format!(
        "Choose a new installation of SuperOffice Web in {}, with the application pool {:?}.",
        layout.web_path, layout.web_pool
    )];
    if layout.block.net_server == Some(NetServerMode::Shared) {
        more.push("In the product configuration tick \"Expose NetServer web services\": Service uses it.".to_owned());
    }
    let title = |node: &str| format!("install Web and NetServer {} on {node}", hop.to.version);
    component(view, layout, hop, Component::Web, kind::INSTALL_WEB, title, &more)
}

pub(super) fn net_server(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Draft> {
    let more = [format!(
        "Choose a new installation of the NetServer web services in {}, as the application {} with the application pool {:?}; Service reaches it over HTTP.",
        layout.net_server_path, layout.net_server_application, layout.net_server_pool
    )];
    let title = |node: &str| format!("install a NetServer of its own {} on {node}", hop.to.version);
    component(view, layout, hop, Component::NetServer, kind::INSTALL_NET_SERVER, title, &more)
}

pub(super) fn service(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Draft> {
    let mut more = vec![
        format!("In the wizard choose a new instance in {}; leave every other instance alone.", layout.service_path),
        format!(
            "Let it create the IIS site {:?} with the host name {}; where that site exists already, untick \"Create IIS web site\", or the installer fails.",
            layout.site, layout.host
        ),
    ];
    more.extend(wizards::templates_instruction(layout, hop));
    let title = |node: &str| format!("install the files of Service {} on {node}", hop.to.version);
    let mut drafts = component(view, layout, hop, Component::Service, kind::INSTALL_SERVICE, title, &more);
    let run = hop.to.package(Component::Service).and_then(|package| Some((package, package.install.as_ref()?)));
    for draft in &mut drafts {
        let node = draft.step.node.clone().unwrap_or_default();
        draft.step.absent_when.extend(instances::no_trace(view, layout, &node));
        if let Some(run) = run {
            choose_instance(draft, view, layout, (hop, run, &more));
        }
    }
    drafts
}

fn component(
    view: &View<'_>,
    layout: &Layout<'_>,
    hop: &Hop<'_>,
    component: Component,
    kind: &'static str,
    title: impl Fn(&str) -> String,
    more: &[String],
) -> Vec<Draft> {
    let Some(package) = hop.to.package(component) else { return Vec::new() };
    let Some(method) = package.install.as_ref() else { return Vec::new() };
    hop.newcomers(view, component)
        .into_iter()
        .map(|node| {
            let mut draft = installer(kind, node, title(node), (package, method), hop, more);
            let nothing = version_probes_on(view, layout, component, Tools::of(hop.to), node).into_iter();
            draft.step.evidence.extend(versions(view, layout, component, node, hop.to));
            draft.step.absent_when.extend(nothing.map(|(_, probe)| on_node(node, probe, Expected::Absent {})));
            draft.step.moves = vec![format!("{}@{node}", component.name())];
            draft
        })
        .collect()
}

/// What to answer `ejTermSetup`, question by question (vendor: install/service; automated-tasks/ejtermsetup). The agent starts
/// the scheduler, at the end.
fn answers(layout: &Layout<'_>, setup: &ServiceSetup, endpoint: &str) -> Vec<String> {
    let port = setup.smtp_port.to_string();
    [
        ("hostname", layout.block.host_name.as_str()),
        ("database type", "mssql"),
        ("DSN", &setup.odbc_dsn),
        ("NetServer endpoint", endpoint),
        ("base path", layout.service_path),
        ("default e-mail", &setup.mailbox),
        ("SMTP host", &setup.smtp_host),
        ("SMTP port", &port),
        ("start ejScheduler", "no"),
    ]
    .into_iter()
    .map(|(question, answer)| format!("Where it asks for \"{question}\", answer \"{answer}\"."))
    .collect()
}

/// `ejTermSetup`: asks for passwords, so a person runs it; exactly once, never on an instance that exists (rule 18).
pub(super) fn set_up_service(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Draft> {
    let (Some(node), Some(setup)) = (set_up_on(view, hop), setup(layout)) else { return Vec::new() };
    let services = hop.to.super_office.as_ref().and_then(|block| block.services_endpoint.as_deref());
    let endpoint = format!("{}/Remote/{}", setup.net_server.trim_end_matches('/'), services.unwrap_or_default());
    let mut instructions = vec![
        format!("On {node}, as administrator, start {}.", layout.service_file(r"bin\ejTermSetup.exe")),
        "Run it once only: it must never run on an instance that is set up already.".to_owned(),
    ];
    instructions.extend(answers(layout, setup, &endpoint));
    instructions.push(
        "Where it asks for \"database user\", \"database password\", \"CRM admin user\", \"CRM admin password\", \"CRM login\" or \"e-mail of the first user\", type them yourself; nothing stores them."
            .to_owned(),
    );
    if asks_for_keys(view, layout, hop, node) {
        instructions.push(
            "Where it asks for \"SymmetricKey\" or \"SymmetricSecret\", type those of Web's web.config.".to_owned(),
        );
    }
    instructions.push(
        "Where it asks for \"language\", \"your name\", \"cgi-bin path\", \"HTTP path\" or \"Internet\", answer as the site needs it; the language cannot be changed later."
            .to_owned(),
    );
    instructions.push(
        "The step ends by itself when the database shows the new Service; nothing has to be reported.".to_owned(),
    );
    let title = format!("set Service up for {}, once", layout.block.host_name);
    let mut draft = draft(kind::SET_UP_SERVICE, Some(node), title, Executor::Attended { instructions });
    let scheduler = Probe::Service { name: layout.scheduler.clone() };
    let config = Probe::ConfigValue { path: layout.config(), key: ENDPOINT.to_owned() };
    draft.step.evidence = vec![
        in_database(SERVICE_VERSION, version(hop.to)),
        on_node(node, config, Expected::Present {}),
        on_node(node, scheduler, Expected::State { is: RunState::Stopped }),
    ];
    draft.step.absent_when = vec![in_database(SERVICE_VERSION, Expected::Absent {})];
    draft.step.moves = vec![SERVICE_DATA.to_owned()];
    draft.step.undo = Undo::Restore {};
    draft.step.destructive = true;
    draft.step.attempts_max = 1;
    draft.step.minutes = 15;
    draft.step.limit_minutes = 120;
    leave_others_alone(&mut draft, view, layout, node);
    vec![draft]
}

/// A further node carries the instance of the site, not one of its own: `ejTermSetup` must not run again, and `upgrade.exe`
/// fails where no key in the registry names its host (vendor: install/iis, reverse-proxy). `config` holds passwords, so a
/// person copies it.
pub(super) fn copy_instance(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Draft> {
    let first = set_up_on(view, hop);
    let Some(from) = hop.standing(view, Component::Service).first().copied().or(first) else { return Vec::new() };
    let newcomers = hop.newcomers(view, Component::Service).into_iter().filter(|node| Some(*node) != first);
    newcomers
        .map(|node| {
            let key = format!(r"{INSTANCES_KEY}\{}", layout.host);
            let instructions = vec![
                format!("Copy the instance from {from} to {node}: `config`, without a line `{FROZEN}`, and `ejCrontab.txt` in {}.", layout.service_path),
                format!("Export the registry key {key} on {from}, and import it on {node}."),
                format!(
                    "Register the Windows service {} on {node} as on {from}, and leave it stopped; the agent starts it at the end.",
                    layout.scheduler
                ),
                "Do not start ejTermSetup.exe: it must never run on an instance that is set up already.".to_owned(),
                "The step ends by itself when the agent sees them; nothing has to be reported.".to_owned(),
            ];
            let title = format!("bring the instance of the site to {node}");
            let mut draft = draft(kind::COPY_INSTANCE, Some(node), title, Executor::Attended { instructions });
            let config = Probe::ConfigValue { path: layout.config(), key: ENDPOINT.to_owned() };
            let frozen = Probe::FlagLine { path: layout.config(), line: FROZEN.to_owned() };
            let scheduler = Probe::Service { name: layout.scheduler.clone() };
            draft.step.evidence = vec![
                on_node(node, config, Expected::Present {}),
                on_node(node, frozen, Expected::Flag { set: false }),
                on_node(node, scheduler, Expected::State { is: RunState::Stopped }),
            ];
            draft.step.minutes = 10;
            draft.step.limit_minutes = 120;
            leave_others_alone(&mut draft, view, layout, node);
            draft
        })
        .collect()
}

/// The handlers of a Service that was set up and not upgraded: `ejTermSetup` maps none.
pub(super) fn fast_cgi(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Draft> {
    match set_up_on(view, hop).filter(|_| hop.fast_cgi == Some(FastCgi::Enabled)) {
        Some(node) => only_fast_cgi(view, layout, hop, &[node]),
        None => Vec::new(),
    }
}

/// No agent reads a mailbox's password: a person logs in from the node and says so, before users feel anything.
pub(super) fn prove_mailbox(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Draft> {
    let (Some(node), Some(setup)) = (set_up_on(view, hop), setup(layout)) else { return Vec::new() };
    let instructions = vec![
        format!(
            "From {node}, log in to the mailbox {} with the user and password that Service shall use.",
            setup.mailbox
        ),
        "Then attest this step; no password is given to the operator.".to_owned(),
    ];
    let statement = format!("I logged in to the mailbox {} from {node}.", setup.mailbox);
    let title = format!("see that the mailbox {} works", setup.mailbox);
    vec![in_two_hours(attested(kind::PROVE_MAILBOX, Some(node), title, instructions, statement))]
}

/// Without a mailbox bounces are lost (vendor: upgrade 7.5 to 8, "Setup of the first mailbox").
pub(super) fn first_mailbox(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Draft> {
    let (Some(node), Some(setup)) = (set_up_on(view, hop), setup(layout)) else { return Vec::new() };
    let instructions = vec![
        format!(
            "In Service on http://{}, create the mailbox {} so that bounces are handled.",
            layout.block.host_name, setup.mailbox
        ),
        "Then attest this step: no documented interface shows mailboxes.".to_owned(),
    ];
    let statement = format!("The mailbox {} exists in Service.", setup.mailbox);
    let title = "create the first mailbox in Service".to_owned();
    vec![in_two_hours(attested(kind::FIRST_MAILBOX, Some(node), title, instructions, statement))]
}

fn in_two_hours(mut draft: Draft) -> Draft {
    draft.step.limit_minutes = 120;
    draft
}
