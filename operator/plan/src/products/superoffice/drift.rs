//! What is looked for at rest: everything that can differ from what was proven without anybody declaring it (vendor facts
//! with each kind). What was not read is no finding.
//!
//! - [`configuration`]: keys and addresses. [`correct`]: what is brought back by itself, and when.

pub mod configuration;
pub mod correct;
mod net_servers;

use crm_api::change::ChangePhase;
use crm_api::database::superoffice::{MAINTENANCE_TO, SCHEDULER_HEARTBEAT};
use crm_api::probe::{Answer, Probe, RunState};
use crm_api::release::CrmReleaseSpec;
use crm_api::site::{Component, DriftClass, FastCgi, Finding, Severity};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::checks::machine::at_least;
use super::layout::{FROZEN, Layout};
use super::steps::kind;
use super::{clients, net_server, one_host, parts, settings};
use crate::view::View;
use crate::windows::local;

/// The scheduler works every minute; older than this, its last work was too long ago even after a long run of a job.
const HEARTBEAT_AGE_MAX: SignedDuration = SignedDuration::from_mins(30);

/// Drift at rest, by class. Version drift is found by the planner from the parts themselves.
#[must_use]
pub fn at_rest(view: &View<'_>, layout: &Layout<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for node in view.nodes_of(Component::Service) {
        findings.extend(frozen(view, layout, node));
        findings.extend(scheduler(view, layout, node));
        findings.extend(former_scheduler(view, layout, node));
        findings.extend(handlers(view, layout, node));
        findings.extend(endpoint(view, layout, node));
    }
    findings.extend(net_servers::at_rest(view, layout));
    findings.extend(leftovers(view, layout));
    findings.extend(links(view));
    findings.extend(heartbeat(view, layout));
    findings.extend(configuration::keys(view, layout));
    findings.extend(configuration::address(view, layout));
    findings.extend(configuration::sub_path(view, layout));
    findings.extend(licence(view));
    findings.extend(dot_net(view));
    findings.extend(clients::at_rest(view, layout));
    findings
}

/// Names of the checks that corrections know.
pub mod check {
    #![expect(missing_docs, reason = "the message of each finding says what it is")]
    pub const FROZEN: &str = "FrozenLeftOn";
    pub const SCHEDULER_STOPPED: &str = "SchedulerStopped";
    pub const SCHEDULER_HEARTBEAT: &str = "SchedulerHeartbeat";
    pub const FORMER_SCHEDULER: &str = "FormerScheduler";
    pub const HANDLERS: &str = "FastCgiHandlers";
    pub const HANDLERS_STAY: &str = "FastCgiHandlersStay";
    pub const LINKS: &str = "FastCgiLinks";
    pub const ENDPOINT: &str = "ServicesEndpoint";
}

fn finding(check: &str, class: DriftClass, node: Option<&str>, message: String, remedy: &str) -> Finding {
    Finding {
        check: check.to_owned(),
        class: Some(class.name().to_owned()),
        severity: Severity::Warn,
        node: node.map(str::to_owned),
        message,
        remedy: remedy.to_owned(),
        since: None,
        policy: None,
    }
}

fn frozen(view: &View<'_>, layout: &Layout<'_>, node: &str) -> Option<Finding> {
    let probe = Probe::FlagLine { path: layout.config(), line: FROZEN.to_owned() };
    matches!(view.answer(node, &probe), Some(Answer::Flag { set: true })).then(|| {
        finding(
            check::FROZEN,
            DriftClass::Frozen,
            Some(node),
            format!(
                "the line `{FROZEN}` stands in {} and no change is under way: nobody can work in Service",
                layout.config()
            ),
            "if nobody is at work there, remove the line or comment it out",
        )
    })
}

fn scheduler(view: &View<'_>, layout: &Layout<'_>, node: &str) -> Option<Finding> {
    let probe = Probe::Service { name: layout.scheduler.clone() };
    matches!(view.answer(node, &probe), Some(Answer::Service { state: RunState::Stopped, .. })).then(|| {
        finding(
            check::SCHEDULER_STOPPED,
            DriftClass::Scheduler,
            Some(node),
            format!("{} is stopped and no change is under way: no mail comes in or goes out", layout.scheduler),
            "start it; if it stops again, read Service's log folder",
        )
    })
}

/// The instance from which Service was moved is at rest for good.
fn former_scheduler(view: &View<'_>, layout: &Layout<'_>, node: &str) -> Vec<Finding> {
    let names = one_host::former_schedulers(view, layout, node).into_iter();
    let runs = |name: &String| {
        let probe = Probe::Service { name: name.clone() };
        matches!(view.answer(node, &probe), Some(Answer::Service { state: RunState::Running, .. }))
    };
    names
        .filter(runs)
        .map(|name| {
            finding(
                check::FORMER_SCHEDULER,
                DriftClass::Scheduler,
                Some(node),
                format!("{name} is running, the scheduler of the instance from which Service was moved: two schedulers both fetch and send mail"),
                "stop that service and disable it; find out who started it",
            )
        })
        .collect()
}

fn handlers(view: &View<'_>, layout: &Layout<'_>, node: &str) -> Option<Finding> {
    if verified_fast_cgi(view) != Some(FastCgi::Enabled) {
        return None;
    }
    let what = settings::lacking_handlers(view, layout, node)?;
    Some(finding(
        check::HANDLERS,
        DriftClass::FastCgi,
        Some(node),
        format!("links end in .fcgi, and there are {what}"),
        "declare fastCgi: Enabled; a change then runs upgrade.exe -onlyFCGI, elevated, for this host",
    ))
}

/// Handlers that a change has removed, and that are there again. Where none was removed yet, a change is about to.
fn leftovers(view: &View<'_>, layout: &Layout<'_>) -> Vec<Finding> {
    if verified_fast_cgi(view) != Some(FastCgi::Disabled) {
        return Vec::new();
    }
    let leftovers = settings::leftovers(view, layout).into_iter();
    leftovers
        .filter(|(node, _)| was_removed(view, node))
        .map(|(node, count)| {
            finding(
                check::HANDLERS_STAY,
                DriftClass::FastCgi,
                Some(node),
                format!("fastCgiHandlers: Remove is declared, and {count} programs have a FastCGI handler again"),
                "find out who set them up; the next change removes them, or declare fastCgiHandlers: Keep",
            )
        })
        .collect()
}

fn was_removed(view: &View<'_>, node: &str) -> bool {
    let id = format!("{}@{node}", kind::REMOVE_HANDLERS);
    view.snapshot.changes.iter().any(|change| {
        let succeeded = change.status.as_ref().is_some_and(|status| status.phase == ChangePhase::Succeeded);
        succeeded && change.spec.steps.iter().any(|step| step.id == id)
    })
}

fn links(view: &View<'_>) -> Option<Finding> {
    let verified = verified_fast_cgi(view)?;
    let seen = parts::fast_cgi(view);
    (seen != Some(verified)).then(|| {
        finding(
            check::LINKS,
            DriftClass::FastCgi,
            None,
            format!(
                "links are generated with {}, proven was {} (registry row UseExtension)",
                settings::ending(seen),
                settings::ending(Some(verified))
            ),
            "set the row back, or declare fastCgi as you want it",
        )
    })
}

/// The scheduler runs its jobs every minute (vendor: automated tasks); a service that is running and writes nothing
/// hangs. One that is stopped is a finding of its own.
fn heartbeat(view: &View<'_>, layout: &Layout<'_>) -> Option<Finding> {
    let probe = Probe::Service { name: layout.scheduler.clone() };
    let runs =
        |node: &&String| matches!(view.answer(node, &probe), Some(Answer::Service { state: RunState::Running, .. }));
    let node = view.nodes_of(Component::Service).iter().find(runs)?;
    let last: Timestamp = view.fact(SCHEDULER_HEARTBEAT)?.parse().ok()?;
    // A change has stopped it meanwhile, and has just started it again.
    let changed = view.snapshot.changes.iter().filter_map(|change| change.status.as_ref()?.ended_at.as_ref());
    let begun = changed.map(|ended| ended.0).max().map_or(last, |ended| ended.max(last));
    (view.now.duration_since(begun) > HEARTBEAT_AGE_MAX).then(|| {
        finding(
            check::SCHEDULER_HEARTBEAT,
            DriftClass::Scheduler,
            Some(node),
            format!(
                "{} is running, and its last work was at {} (registry row EjournalCronNow)",
                layout.scheduler,
                local(view.spec.windows.as_ref(), last)
            ),
            "restart the service; if it happens again, read Service's log folder",
        )
    })
}

/// The web services' name belongs to a release (vendor: requirements, web services endpoint per version).
pub(super) fn endpoint(view: &View<'_>, layout: &Layout<'_>, node: &str) -> Option<Finding> {
    let wanted = verified_release(view)?.super_office.as_ref()?.services_endpoint.as_deref()?;
    let value = net_server::endpoint(view, layout, node)?;
    let is_services = |part: &&str| part.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("services"));
    let seen = value.split('/').rev().find(is_services)?;
    let number = |name: &str| name.get(8..).and_then(|digits| digits.parse::<u32>().ok());
    (number(seen)? < number(wanted)?).then(|| {
        finding(
            check::ENDPOINT,
            DriftClass::Endpoint,
            Some(node),
            format!("nsEndPoint in {} ends in {seen}, the release has {wanted}", layout.config()),
            "run upgrade.exe for this instance, elevated, or correct the address and flush the caches",
        )
    })
}

/// Later releases refuse to be installed when maintenance is over (vendor: licence and activation).
fn licence(view: &View<'_>) -> Option<Finding> {
    let text = view.fact(MAINTENANCE_TO)?;
    let until: Date = text.get(..10).unwrap_or(text).parse().ok()?;
    let today = view.now.to_zoned(TimeZone::UTC).date();
    (until < today).then(|| {
        finding(
            "LicenceMaintenance",
            DriftClass::Licence,
            None,
            format!("the licence's maintenance ended on {until}"),
            "renew it with the vendor; no later release can be installed before",
        )
    })
}

/// What the release at which the site was proven demands of each machine.
fn dot_net(view: &View<'_>) -> Vec<Finding> {
    let Some(release) = verified_release(view) else { return Vec::new() };
    let Some(lowest) = release.requires.dot_net.as_deref() else { return Vec::new() };
    let old = |node: &&str| {
        view.machine(node).and_then(|machine| machine.dot_net.as_deref()).is_some_and(|seen| !at_least(seen, lowest))
    };
    view.node_names()
        .into_iter()
        .filter(old)
        .map(|node| {
            let seen = view.machine(node).and_then(|machine| machine.dot_net.as_deref()).unwrap_or("none");
            finding(
                "DotNetRelease",
                DriftClass::DotNet,
                Some(node),
                format!(".NET Framework is {seen}, {} needs {lowest}", release.version),
                "install the newer .NET Framework at a time when users can be out",
            )
        })
        .collect()
}

pub(super) fn verified_release<'a>(view: &View<'a>) -> Option<&'a CrmReleaseSpec> {
    let verified = view.snapshot.site.status.as_ref()?.verified.as_ref()?;
    view.catalogue.find(&verified.version)
}

pub(super) fn verified_fast_cgi(view: &View<'_>) -> Option<FastCgi> {
    view.snapshot.site.status.as_ref()?.verified.as_ref()?.fast_cgi
}
