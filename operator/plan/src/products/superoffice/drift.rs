//! What is looked for at rest, debts that a change leaves visible, and what an approver must know.

mod net_servers;

use crm_api::change::Purpose;
use crm_api::condition::{Kind, State, Wanted};
use crm_api::database::superoffice::{MAINTENANCE_TO, SCHEDULER_HEARTBEAT};
use crm_api::decision::Word;
use crm_api::probe::{Answer, Probe, RunState};
use crm_api::release::CrmReleaseSpec;
use crm_api::site::{Attachments, Component, FastCgi, Finding, Severity};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::checks::machine::at_least;
use super::layout::{FROZEN, Layout};
use super::{net_server, parts, settings};
use crate::products::Hop;
use crate::view::View;
use crate::windows::local;

/// What a person names as step when attesting that edited templates were merged again.
pub const CUSTOMER_CENTRE: &str = "customer-centre";

/// The scheduler works every minute; older than this, its last work was too long ago even after a long run of a job.
const HEARTBEAT_AGE_MAX: SignedDuration = SignedDuration::from_mins(30);

/// Drift at rest, by class. Version drift is found by the planner from the parts themselves.
#[must_use]
pub fn at_rest(view: &View<'_>, layout: &Layout<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for node in view.nodes_of(Component::Service) {
        findings.extend(frozen(view, layout, node));
        findings.extend(scheduler(view, layout, node));
        findings.extend(handlers(view, layout, node));
        findings.extend(endpoint(view, layout, node));
    }
    findings.extend(net_servers::at_rest(view, layout));
    findings.extend(links(view));
    findings.extend(heartbeat(view, layout));
    findings.extend(licence(view));
    findings.extend(dot_net(view));
    findings
}

fn finding(check: &str, class: &str, node: Option<&str>, message: String, remedy: &str) -> Finding {
    Finding {
        check: check.to_owned(),
        class: Some(class.to_owned()),
        severity: Severity::Warn,
        node: node.map(str::to_owned),
        message,
        remedy: remedy.to_owned(),
    }
}

fn frozen(view: &View<'_>, layout: &Layout<'_>, node: &str) -> Option<Finding> {
    let probe = Probe::FlagLine { path: layout.config(), line: FROZEN.to_owned() };
    matches!(view.answer(node, &probe), Some(Answer::Flag { set: true })).then(|| {
        finding(
            "FrozenLeftOn",
            "Frozen",
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
            "SchedulerStopped",
            "Scheduler",
            Some(node),
            format!("{} is stopped and no change is under way: no mail comes in or goes out", layout.scheduler),
            "start it; if it stops again, read Service's log folder",
        )
    })
}

fn handlers(view: &View<'_>, layout: &Layout<'_>, node: &str) -> Option<Finding> {
    if verified_fast_cgi(view) != Some(FastCgi::Enabled) {
        return None;
    }
    let what = settings::lacking_handlers(view, layout, node)?;
    Some(finding(
        "FastCgiHandlers",
        "FastCgi",
        Some(node),
        format!("links end in .fcgi, and there are {what}"),
        "declare fastCgi: Enabled; a change then runs upgrade.exe -onlyFCGI, elevated, for this host",
    ))
}

fn links(view: &View<'_>) -> Option<Finding> {
    let verified = verified_fast_cgi(view)?;
    let seen = parts::fast_cgi(view);
    (seen != Some(verified)).then(|| {
        finding(
            "FastCgiLinks",
            "FastCgi",
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
            "SchedulerHeartbeat",
            "Scheduler",
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
fn endpoint(view: &View<'_>, layout: &Layout<'_>, node: &str) -> Option<Finding> {
    let wanted = verified_release(view)?.super_office.as_ref()?.services_endpoint.as_deref()?;
    let value = net_server::endpoint(view, layout, node)?;
    let is_services = |part: &&str| part.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("services"));
    let seen = value.split('/').rev().find(is_services)?;
    let number = |name: &str| name.get(8..).and_then(|digits| digits.parse::<u32>().ok());
    (number(seen)? < number(wanted)?).then(|| {
        finding(
            "ServicesEndpoint",
            "Endpoint",
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
            "Licence",
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
                "DotNet",
                Some(node),
                format!(".NET Framework is {seen}, {} needs {lowest}", release.version),
                "install the newer .NET Framework at a time when users can be out",
            )
        })
        .collect()
}

fn verified_release<'a>(view: &View<'a>) -> Option<&'a CrmReleaseSpec> {
    let verified = view.snapshot.site.status.as_ref()?.verified.as_ref()?;
    view.catalogue.find(&verified.version)
}

fn verified_fast_cgi(view: &View<'_>) -> Option<FastCgi> {
    view.snapshot.site.status.as_ref()?.verified.as_ref()?.fast_cgi
}

/// Conditions for debts: attachments in one flat folder, edited customer-centre templates that wait to be merged.
#[must_use]
pub fn debts(view: &View<'_>, layout: &Layout<'_>) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    if let Some(store) = settings::store(view).filter(|store| store.loose > 0) {
        let way = match layout.block.attachments {
            Some(Attachments::WhileOpen) => "a change of its own moves them while the site is open",
            Some(Attachments::DuringUpgrade) => "the next upgrade moves them",
            Some(Attachments::Deferred) | None => {
                "to have them moved while the site is open, declare attachments: WhileOpen"
            }
        };
        wanted.push(Wanted {
            kind: Kind::AttachmentsRemapped,
            state: State::False,
            reason: "Deferred",
            message: format!("{} attachments lie in one flat folder; {way}", store.loose),
        });
    }
    wanted.extend(templates_to_merge(view, layout));
    wanted
}

/// After an upgrade the public pages have the vendor's standard design; what people had edited lies in the newest
/// `templates_date_time` of each Service node (vendor: upgrade Service, customer center). The change that left it there
/// named it.
fn templates_to_merge(view: &View<'_>, layout: &Layout<'_>) -> Option<Wanted> {
    let (mut places, mut plan) = (Vec::new(), None);
    for node in view.nodes_of(Component::Service) {
        let Some(kept) = parts::kept_templates(view, layout, node) else { continue };
        let named =
            format!(r"{node}: the former customer-centre templates are kept in {}\{kept};", layout.service_path);
        let left_by = view.snapshot.changes.iter().rev().find(|change| {
            change.status.as_ref().is_some_and(|status| status.findings.iter().any(|text| text.starts_with(&named)))
        });
        let Some(change) = left_by.filter(|change| !is_attested(view, &change.spec.plan_hash)) else { continue };
        let files = match view.answer(node, &parts::changed_templates(layout, &kept)) {
            Some(Answer::Names { names }) if names.is_empty() => continue,
            Some(Answer::Names { names }) => names.join(", "),
            _ => "not read yet".to_owned(),
        };
        plan = Some(crate::hash::short(&change.spec.plan_hash));
        places.push(format!(r"{}\{kept} on {node}, different are: {files}", layout.service_path));
    }
    let plan = plan?;
    Some(Wanted {
        kind: Kind::CustomerCentreMerged,
        state: State::False,
        reason: "StandardDesign",
        message: format!(
            "the public pages have the vendor's standard design; the former templates lie in {}. Merge what people had edited, then attest the step {CUSTOMER_CENTRE} of plan {plan}",
            places.join("; in ")
        ),
    })
}

fn is_attested(view: &View<'_>, plan_hash: &str) -> bool {
    view.snapshot.decisions.iter().any(|decision| {
        decision.spec.word == Word::Attest
            && decision.spec.step.as_deref() == Some(CUSTOMER_CENTRE)
            && decision.spec.is_about(plan_hash)
    })
}

/// What a change leaves behind for people, as it stands in its record.
#[must_use]
pub fn aftermath(view: &View<'_>, layout: &Layout<'_>) -> Vec<String> {
    let mut findings: Vec<String> = view
        .nodes_of(Component::Service)
        .iter()
        .filter_map(|node| {
            let kept = parts::kept_templates(view, layout, node)?;
            Some(format!(r"{node}: the former customer-centre templates are kept in {}\{kept}; the public pages have the vendor's standard design", layout.service_path))
        })
        .collect();
    findings.extend(net_servers::aftermath(view, layout));
    findings.extend(argument_file_left(view, layout));
    findings.extend(debts(view, layout).into_iter().map(|debt| debt.message));
    findings
}

/// The file with CrmSetup's arguments has served, and there are passwords in it.
fn argument_file_left(view: &View<'_>, layout: &Layout<'_>) -> Option<String> {
    let probe = parts::argument_file(view, layout).filter(|_| parts::Tools::at_work(view) == parts::Tools::CrmSetup)?;
    let node = view.nodes_of(Component::CrmServer).first()?;
    let path = layout.block.argument_file.as_deref()?;
    matches!(view.answer(node, &probe), Some(Answer::Flag { .. }))
        .then(|| format!("{node}: {path} holds passwords and is not needed any more; delete it"))
}

/// What whoever approves has to know beforehand.
#[must_use]
pub fn notices(view: &View<'_>, hop: &Hop<'_>) -> Vec<String> {
    if hop.purpose == Purpose::Restore {
        let taken = hop.set.and_then(|set| set.status.as_ref()?.taken_at.clone());
        let at = taken.map(|at| crate::windows::local(view.spec.windows.as_ref(), at.0)).unwrap_or_default();
        return vec![
            format!("The set was taken {at}; whatever was written to the database since is lost."),
            "Files that the set does not know are moved into the folder `aside` of the set, not deleted.".to_owned(),
        ];
    }
    if hop.is_configuration_only() {
        let layout = Layout::of(view);
        let all = layout.map(|layout| settings::differences(view, &layout)).unwrap_or_default();
        return all.iter().map(|difference| difference.message().to_owned()).collect();
    }
    let mut notices = vec![
        "After the first schema change there is no undo but restoring database, program files, registry and IIS together.".to_owned(),
    ];
    if !view.nodes_of(Component::Service).is_empty() {
        notices.push(
            "Service's public pages (customer centre) get the vendor's standard design; edited templates are kept in templates_<date>_<time> and have to be merged again by a person.".to_owned(),
        );
    }
    if view
        .spec
        .super_office
        .as_ref()
        .is_some_and(|block| block.attachments != Some(crm_api::site::Attachments::DuringUpgrade))
    {
        notices.push("Attachments stay where they are; moving them into sub-folders is left for later.".to_owned());
    }
    let layout = Layout::of(view);
    let retired = layout.map(|layout| net_server::retired(view, &layout, hop)).unwrap_or_default();
    if !retired.is_empty() {
        notices.push(format!(
            "Service moves to the NetServer inside Web; its own one on {} is not started again, and a person uninstalls it at the end.",
            retired.join(", ")
        ));
    }
    let passed = view.catalogue.between(hop.from, hop.to);
    let dropped: Vec<&str> = passed
        .iter()
        .filter_map(|release| release.super_office.as_ref())
        .flat_map(|block| block.drops.iter().map(String::as_str))
        .collect();
    if !dropped.is_empty() {
        notices.push(format!("{} no longer has: {}.", hop.to.version, dropped.join("; ")));
    }
    notices
}
