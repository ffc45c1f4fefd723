//! The named checks that a change must pass. The same table serves the preview, the preflight step and the last look
//! before the window's gate. A check that cannot tell says so and blocks like one that fails.

mod choices;
mod components;
mod configuration;
mod first_service;
mod gates;
mod hosts;
mod installs;
pub(super) mod machine;
mod net_servers;
mod room;

use crm_api::change::Purpose;
use crm_api::database::SQL_SERVER_VERSION;
use crm_api::database::superoffice::{MAINTENANCE_TO, SATELLITES, TRAVELLERS_OUT};
use crm_api::probe::{Answer, Probe, RunState};
use crm_api::site::{Component, Finding, Severity};

use super::drift::check;
use super::half_done;
use super::layout::{FROZEN, INSTANCES_KEY, Layout, named_instances, same_path};
use super::settings;
use super::steps::Run;
use crate::products::Hop;
use crate::view::View;
use choices::{customer_centre, pocket_server, standard_reports};
use components::{full_stack, new_service, orphans_stopped, packages, server_behind};
use configuration::{scheduler_table, web_config, web_config_read};
use gates::{argument_file, https, symmetric_keys, web_view2};
use hosts::{host_name, one_domain, reverse_proxy};
use machine::{dot_net, elevated, fast_cgi_support, iis_features, reboot_pending, windows_version};
use net_servers::{net_server_merge, net_server_over_http, remote_net_server, service_net_server};
use room::{backup_room, disk_room};

/// What one check found on one node, or on the site.
struct Found {
    node: Option<String>,
    message: String,
    remedy: String,
}

/// Which changes a check concerns.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Concerns {
    /// All of them, be it of settings only.
    All,
    /// Those that bring another release.
    Releases,
    /// Those that bring another release; and, where something is installed at the release of the site, the servers that
    /// receive it: installers need the same of them (vendor: install).
    Servers,
}

/// One named check.
struct Check {
    name: &'static str,
    severity: Severity,
    concerns: Concerns,
    run: RunCheck,
}

type RunCheck = fn(&View<'_>, &Layout<'_>, &Hop<'_>) -> Vec<Found>;

/// A check that stands in the way of a change.
const fn block(name: &'static str, concerns: Concerns, run: RunCheck) -> Check {
    Check { name, severity: Severity::Block, concerns, run }
}

/// A check whose finding people read before they approve.
const fn warn(name: &'static str, concerns: Concerns, run: RunCheck) -> Check {
    Check { name, severity: Severity::Warn, concerns, run }
}

const CHECKS: &[Check] = &[
    block("Elevated", Concerns::All, elevated),
    block("SiteName", Concerns::All, site_name),
    block("FastCgiSupport", Concerns::All, fast_cgi_support),
    block("Instance", Concerns::All, instance),
    block("NotFrozen", Concerns::All, not_frozen),
    block("NobodyAtWork", Concerns::All, nobody_at_work),
    block("SchedulerRunning", Concerns::All, scheduler_running),
    block("ServerBehind", Concerns::All, server_behind),
    block("FullStack", Concerns::Releases, full_stack),
    block("OneDomain", Concerns::Releases, one_domain),
    block("ReverseProxy", Concerns::Releases, reverse_proxy),
    block("HostName", Concerns::All, host_name),
    block("Https", Concerns::Releases, https),
    block("WebView2", Concerns::Releases, web_view2),
    block("SymmetricKeys", Concerns::Releases, symmetric_keys),
    block("ArgumentFile", Concerns::Releases, argument_file),
    block("ServiceNetServer", Concerns::Releases, service_net_server),
    block("NetServerOverHttp", Concerns::Releases, net_server_over_http),
    block("NetServerMerge", Concerns::Releases, net_server_merge),
    block("RemoteNetServer", Concerns::Releases, remote_net_server),
    block("OrphansStopped", Concerns::Releases, orphans_stopped),
    block("PocketServer", Concerns::Releases, pocket_server),
    block("StandardReports", Concerns::Releases, standard_reports),
    block("CustomerCentre", Concerns::Releases, customer_centre),
    block("Packages", Concerns::All, packages),
    block("WizardChoices", Concerns::All, installs::wizard_choices),
    block("InstanceFolder", Concerns::All, installs::instance_folder),
    block("NewService", Concerns::All, new_service),
    block("MailRelay", Concerns::All, first_service::relay),
    block("HostAddress", Concerns::All, first_service::host_address),
    block("DataSource", Concerns::All, first_service::odbc),
    block("WebConfig", Concerns::All, web_config),
    warn("WebConfigRead", Concerns::All, web_config_read),
    warn("SchedulerTable", Concerns::All, scheduler_table),
    block("UpgradeAnswers", Concerns::All, upgrade_answers),
    block("AttachmentsRoom", Concerns::All, attachments_room),
    block("AttachmentsCounted", Concerns::All, attachments_counted),
    block("Licence", Concerns::Releases, licence),
    block("TravellersHome", Concerns::Releases, travellers_home),
    warn("Satellites", Concerns::Releases, satellites),
    block("WindowsVersion", Concerns::Servers, windows_version),
    block("SqlServerVersion", Concerns::Releases, sql_server_version),
    block("DotNet", Concerns::Servers, dot_net),
    block("IisFeatures", Concerns::Servers, iis_features),
    block("RebootPending", Concerns::Servers, reboot_pending),
    block("DiskRoom", Concerns::Servers, disk_room),
    block("BackupRoom", Concerns::Releases, backup_room),
];

/// Runs every check that concerns a hop; what passed leaves no trace.
#[must_use]
pub fn run(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Finding> {
    let is_release = !hop.is_configuration_only();
    let mut findings: Vec<Finding> = CHECKS
        .iter()
        .filter(|check| check.concerns == Concerns::All || is_release || check.concerns == Concerns::Servers)
        .flat_map(|check| {
            let found = (check.run)(view, layout, hop).into_iter();
            let concerned = move |found: &Found| {
                let on_newcomer = || found.node.as_deref().is_some_and(|node| receives(view, hop, node));
                is_release || check.concerns == Concerns::All || on_newcomer()
            };
            found.filter(concerned).map(|found| Finding {
                check: check.name.to_owned(),
                class: None,
                severity: check.severity,
                node: found.node,
                message: found.message,
                remedy: found.remedy,
                since: None,
                policy: None,
            })
        })
        .collect();
    findings.sort_by_key(|finding| finding.severity);
    findings
}

/// Whether a hop installs a component on a node.
fn receives(view: &View<'_>, hop: &Hop<'_>, node: &str) -> bool {
    view.spec.components.iter().any(|placed| hop.newcomers(view, placed.name).contains(&node))
}

fn on(node: &str, message: impl Into<String>, remedy: impl Into<String>) -> Found {
    Found { node: Some(node.to_owned()), message: message.into(), remedy: remedy.into() }
}

fn site(message: impl Into<String>, remedy: impl Into<String>) -> Found {
    Found { node: None, message: message.into(), remedy: remedy.into() }
}

const LOOK_AGAIN: &str = "see that the agent runs and may read this; the check is repeated by itself";

fn site_name(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Found> {
    hop.standing(view, Component::Service)
        .into_iter()
        .filter_map(|node| {
            let why = layout.iis_site(view, node).err()?;
            let remedy = "declare the name that IIS manager shows in spec.superOffice.service.iisSite, or repair IIS";
            Some(on(node, why, remedy))
        })
        .collect()
}

fn instance(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Found> {
    let host = &layout.host;
    hop.standing(view, Component::Service)
        .into_iter()
        .filter_map(|node| {
            let probe = Probe::RegistrySubkeys { key: INSTANCES_KEY.to_owned() };
            let Some(Answer::Subkeys { subkeys }) = view.answer(node, &probe) else {
                return Some(on(node, "the Service instances in the registry were not read", LOOK_AGAIN));
            };
            let instances = named_instances(subkeys).into_iter();
            let mut named = instances.filter(|(name, _)| name.eq_ignore_ascii_case(host)).map(|(_, path)| path);
            match named.next() {
                Some(path) if same_path(path, layout.service_path) => None,
                Some(path) => Some(on(
                    node,
                    format!("the registry has host {host} at {path}, not at {}", layout.service_path),
                    "declare spec.superOffice.service.path as the registry has it",
                )),
                None => Some(on(
                    node,
                    format!("no Service instance is registered for host {host}"),
                    "declare the host name under which Service was installed; upgrade.exe fails without its registry key",
                )),
            }
        })
        .collect()
}

/// Somebody has started a program of Service by hand, and it still runs.
fn nobody_at_work(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Found> {
    let bin = Probe::Processes { folder: layout.service_file("bin") };
    let nodes = hop.standing(view, Component::Service).into_iter();
    nodes
        .filter_map(|node| {
            if let Some(Answer::Unreadable { reason }) = view.answer(node, &bin) {
                return Some(on(
                    node,
                    format!("whether somebody is at work on Service was not read: {reason}"),
                    LOOK_AGAIN,
                ));
            }
            let running = half_done::at_work(view, layout, node);
            let message = format!("somebody is at work on Service: {} runs", running.join(" and "));
            (!running.is_empty()).then(|| on(node, message, "let it come to its end; the check is repeated by itself"))
        })
        .collect()
}

fn not_frozen(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Found> {
    if hop.purpose == Purpose::Forward || hop.takes_over.is_some() || hop.corrected(check::FROZEN).next().is_some() {
        // What was left closed, by whomever, is opened by it.
        return Vec::new();
    }
    let probe = Probe::FlagLine { path: layout.config(), line: FROZEN.to_owned() };
    hop.standing(view, Component::Service)
        .into_iter()
        .filter_map(|node| match view.answer(node, &probe) {
            Some(Answer::Flag { set: false }) => None,
            Some(Answer::Flag { set: true }) => Some(on(
                node,
                "Service is frozen: somebody may be at work on it",
                "find out who froze it; then remove the line `frozen` from its config",
            )),
            _ => Some(on(node, "Service's config was not read", LOOK_AGAIN)),
        })
        .collect()
}

fn scheduler_running(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Found> {
    if matches!(hop.purpose, Purpose::Forward | Purpose::Correct) || hop.takes_over.is_some() {
        // It is started by it, or it is not needed for it.
        return Vec::new();
    }
    let probe = Probe::Service { name: layout.scheduler.clone() };
    hop.standing(view, Component::Service)
        .into_iter()
        .filter_map(|node| match view.answer(node, &probe) {
            Some(Answer::Service { state: RunState::Running, .. }) => None,
            Some(Answer::Service { .. }) => Some(on(
                node,
                format!("{} is stopped: somebody may be at work on Service", layout.scheduler),
                "find out who stopped it; then start it",
            )),
            _ => Some(on(
                node,
                format!("there is no Windows service {:?}, or it was not read", layout.scheduler),
                "declare its name in spec.superOffice.service.scheduler",
            )),
        })
        .collect()
}

/// `upgrade.exe` asks questions, in words that no document gives: without them the agent would stop at the first one.
fn upgrade_answers(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Found> {
    let runs = !hop.is_configuration_only() || Run::of(view, layout, hop) != Run::default();
    let declared = hop.to.super_office.as_ref().is_some_and(|block| !block.upgrade_questions.is_empty());
    if !runs || declared || hop.carriers(view, Component::Service).is_empty() {
        return Vec::new();
    }
    vec![site(
        format!("release {} declares no answers to the questions of upgrade.exe", hop.to.version),
        "add them to spec.superOffice.upgradeQuestions of the CrmRelease, by the text of each question",
    )]
}

/// The store is copied before any of it is moved: it needs room beside the sets.
fn attachments_room(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Found> {
    if !hop.is_configuration_only() || !Run::of(view, layout, hop).attachments {
        return Vec::new();
    }
    let Some(store) = settings::store(view).filter(|store| settings::is_copied(view, store)) else { return Vec::new() };
    let share = Probe::DiskFree { path: view.spec.backup.location.clone() };
    let mebibytes = |bytes: &i64| bytes / (1024 * 1024);
    match (view.answer(store.node, &settings::store_size_probe(store.path)), view.answer(store.node, &share)) {
        (Some(Answer::Size { size_bytes, .. }), Some(Answer::DiskFree { free_bytes })) if size_bytes <= free_bytes => {
            Vec::new()
        }
        (Some(Answer::Size { size_bytes, .. }), Some(Answer::DiskFree { free_bytes })) => vec![on(
            store.node,
            format!(
                "{} has {} MiB free, the attachments in {} have {} MiB",
                view.spec.backup.location,
                mebibytes(free_bytes),
                store.path,
                mebibytes(size_bytes)
            ),
            "make room there, or declare backup.storeGibibytesMax: a larger store has a backup of its own, which a person attests",
        )],
        (_, _) => {
            vec![on(store.node, "the size of the attachments or the room for their copy was not read", LOOK_AGAIN)]
        }
    }
}

/// What is proven by counting has to be counted before.
fn attachments_counted(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Found> {
    if !hop.is_configuration_only() || !Run::of(view, layout, hop).attachments {
        return Vec::new();
    }
    match settings::store(view) {
        Some(settings::Store { missing: Some(_), .. }) => Vec::new(),
        Some(_) | None => vec![site("the number of attachments was not read from the database", LOOK_AGAIN)],
    }
}

fn licence(view: &View<'_>, _: &Layout<'_>, _: &Hop<'_>) -> Vec<Found> {
    let remedy = "renew the maintenance with the vendor before upgrading; the installer refuses otherwise";
    let today = view.now.to_zoned(jiff::tz::TimeZone::UTC).date();
    match view.fact(MAINTENANCE_TO).map(|value| value.get(..10).unwrap_or(value).parse::<jiff::civil::Date>()) {
        Some(Ok(until)) if until >= today => Vec::new(),
        Some(Ok(until)) => vec![site(format!("the licence's maintenance ended on {until}"), remedy)],
        Some(Err(_)) | None => vec![site("the end of the licence's maintenance was not read", LOOK_AGAIN)],
    }
}

fn travellers_home(view: &View<'_>, _: &Layout<'_>, _: &Hop<'_>) -> Vec<Found> {
    match view.fact(TRAVELLERS_OUT).and_then(|value| value.parse::<u32>().ok()) {
        Some(0) => Vec::new(),
        Some(out) => vec![site(
            format!("{out} travellers are still out; the server setup refuses to upgrade"),
            "let them all come home (vendor: upgrade 7.5 to 8), then the change goes on by itself",
        )],
        None => vec![site("the number of travellers was not read", LOOK_AGAIN)],
    }
}

fn satellites(view: &View<'_>, _: &Layout<'_>, _: &Hop<'_>) -> Vec<Found> {
    match view.fact(SATELLITES).and_then(|value| value.parse::<u32>().ok()) {
        Some(0) => Vec::new(),
        Some(count) => vec![site(
            format!("{count} satellites have to be generated again afterwards"),
            "read in their last up-files before the window; a step at the end asks for them",
        )],
        None => vec![site("the number of satellites was not read", LOOK_AGAIN)],
    }
}

fn sql_server_version(view: &View<'_>, _: &Layout<'_>, hop: &Hop<'_>) -> Vec<Found> {
    let supported = &hop.to.requires.sql_server;
    if supported.is_empty() {
        return Vec::new();
    }
    let Some(version) = view.fact(SQL_SERVER_VERSION) else {
        return vec![site("the version of SQL Server was not read", LOOK_AGAIN)];
    };
    if supported.iter().any(|major| version.strip_prefix(major.as_str()).is_some_and(|rest| rest.starts_with('.'))) {
        return Vec::new();
    }
    vec![site(
        format!("{} does not support SQL Server {version}", hop.to.version),
        format!("supported major versions are: {}", supported.join(", ")),
    )]
}
