//! `explain`: what is wanted, proven and observed, how fresh that is, what comes next, what blocks it, who can unblock it
//! and when.

use crm_api::change::{Executor, Step};
use crm_api::condition::{self, Kind};
use crm_api::site::{Finding, ObservedPart, Severity, Waiting};
use crm_plan::hash::short;
use crm_plan::view::{STALE_AT_REST, STALE_UNDER_CHANGE};
use crm_plan::windows::local;
use jiff::Timestamp;
use serde::Serialize;

use super::read::{Situation, situation};
use super::show::{ago, document, line};
use crate::arguments::Format;
use crate::arguments::cluster::ExplainArguments;
use crate::{Connection, Exit, Failure, Streams};

/// The answer. Programs may rely on the names of its fields.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    api_version: &'static str,
    kind: &'static str,
    /// Name of the site.
    pub site: String,
    /// Its namespace.
    pub namespace: String,
    /// Its product.
    pub product: String,
    /// The release that is declared.
    pub wanted: String,
    /// Whether the controller has seen the declaration as it is now.
    pub declaration_seen: bool,
    /// The release at which it was last proven to be.
    pub verified: Option<String>,
    /// When that was.
    pub verified_at: Option<Timestamp>,
    /// What agents and database show.
    pub observed: Vec<ObservedPart>,
    /// Who was heard when.
    pub heard: Vec<Heard>,
    /// The change that is under way.
    pub change: Option<Underway>,
    /// What comes next.
    pub next: Option<Next>,
    /// When the change ends if all goes as expected, in the site's own time.
    pub ends_about: Option<String>,
    /// A restore that begins before this moment would still end inside the window, in the site's own time.
    pub restore_fits_before: Option<String>,
    /// What blocks it.
    pub blocked_by: Vec<Blocker>,
    /// Next opening of a window, in the site's own time.
    pub next_window: Option<String>,
    /// Drift in a word.
    pub drift: String,
    /// What checks found.
    pub findings: Vec<Finding>,
}

/// A source of facts.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Heard {
    /// A node, or `database`.
    pub who: String,
    /// When it was last heard.
    pub at: Option<Timestamp>,
    /// Whether that is recent enough to lean on.
    pub fresh: bool,
}

/// The change that is under way.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Underway {
    /// Its name.
    pub name: String,
    /// Hash of its plan.
    pub plan_hash: String,
    /// From which release.
    pub from: String,
    /// To which release.
    pub to: String,
    /// Where it stands, in a word.
    pub phase: String,
    /// Steps that are proven.
    pub verified_steps: usize,
    /// Steps.
    pub steps: usize,
}

/// What comes next.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Next {
    /// Number of the step, from 1.
    pub number: usize,
    /// Its id.
    pub step: String,
    /// What it does.
    pub title: String,
    /// Its node.
    pub node: Option<String>,
    /// Who does it.
    pub by: String,
    /// Why it comes now.
    pub why: String,
    /// What a person has to do, sentence by sentence.
    pub instructions: Vec<String>,
}

/// Something that blocks.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Blocker {
    /// In a word.
    pub reason: String,
    /// In a sentence.
    pub message: String,
    /// Who or what can end it.
    pub ended_by: String,
    /// Since when.
    pub since: Option<Timestamp>,
    /// When it is given up.
    pub deadline: Option<Timestamp>,
    /// The command that ends it, where there is one.
    pub command: Option<String>,
    /// The other way out, where there is one.
    pub or_command: Option<String>,
}

/// Runs `explain`.
///
/// # Errors
/// When there is no such site, the cluster does not answer, or the output ends.
pub async fn explain(
    connection: &Connection,
    wanted: &ExplainArguments,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let situation = situation(connection, &wanted.site).await?;
    let explained = explanation(&situation);
    match wanted.output {
        Format::Text => text(&situation, &explained, streams)?,
        format => document(format, &explained, streams.out)?,
    }
    Ok(Exit::Good)
}

/// What a situation means.
#[must_use]
pub fn explanation(situation: &Situation) -> Explanation {
    let site = &situation.site;
    let status = site.status.clone().unwrap_or_default();
    let change = situation.open_change();
    Explanation {
        api_version: crm_api::API_VERSION,
        kind: "SiteExplanation",
        site: situation.name().to_owned(),
        namespace: situation.namespace().to_owned(),
        product: format!("{:?}", site.spec.product),
        wanted: site.spec.version.clone(),
        declaration_seen: site.metadata.generation.is_none_or(|now| status.observed_generation >= now),
        verified: status.verified.as_ref().map(|verified| verified.version.clone()),
        verified_at: status.verified.as_ref().map(|verified| verified.at.0),
        heard: heard(situation),
        change: change.map(|change| {
            let record = change.status.clone().unwrap_or_default();
            let proven = change.spec.steps.iter().filter(|step| record.is_verified(&step.id)).count();
            Underway {
                name: change.metadata.name.clone().unwrap_or_default(),
                plan_hash: change.spec.plan_hash.clone(),
                from: change.spec.from.clone(),
                to: change.spec.to.clone(),
                phase: format!("{:?}", record.phase),
                verified_steps: proven,
                steps: change.spec.steps.len(),
            }
        }),
        next: next(situation),
        ends_about: status.plan.as_ref().and_then(|plan| plan.ends_about.clone()),
        restore_fits_before: status.plan.as_ref().and_then(|plan| plan.restore_fits_before.clone()),
        blocked_by: blockers(situation),
        next_window: status.next_window,
        drift: if status.drift.is_empty() { "unknown".to_owned() } else { status.drift },
        observed: status.parts,
        findings: status.findings,
    }
}

fn heard(situation: &Situation) -> Vec<Heard> {
    let nodes = situation.heard.iter().map(|node| {
        let limit = if node.attentive { STALE_UNDER_CHANGE } else { STALE_AT_REST };
        let fresh = node.at.is_some_and(|at| situation.now.duration_since(at) <= limit);
        Heard { who: node.name.clone(), at: node.at, fresh }
    });
    let status = situation.site.status.as_ref();
    let conditions = status.map(|status| status.conditions.as_slice()).unwrap_or_default();
    let unread =
        condition::find(conditions, Kind::FactsFresh).is_none_or(|fresh| fresh.message.contains("database cannot"));
    let read_at = status.and_then(|status| status.database.as_ref()).map(|facts| facts.read_at.0);
    // The status keeps facts with the time of their last change; whether they still hold, the condition says.
    nodes.chain([Heard { who: "database".to_owned(), at: read_at, fresh: read_at.is_some() && !unread }]).collect()
}

/// The step at which the change stands, or the first that is not proven.
#[must_use]
pub fn next(situation: &Situation) -> Option<Next> {
    let change = situation.open_change()?;
    let record = change.status.clone().unwrap_or_default();
    let steps = &change.spec.steps;
    let place = match &record.step {
        Some(id) => steps.iter().position(|step| step.id == *id),
        None => steps.iter().position(|step| !record.is_verified(&step.id)),
    }?;
    let step: &Step = steps.get(place)?;
    let instructions = match &step.executor {
        Executor::Attended { instructions } => instructions.clone(),
        Executor::Agent { .. } | Executor::Controller { .. } => Vec::new(),
    };
    Some(Next {
        number: place + 1,
        step: step.id.clone(),
        title: step.title.clone(),
        node: step.node.clone(),
        by: crm_plan::explain::executor_word(step).to_owned(),
        why: step.why.clone(),
        instructions,
    })
}

/// What blocks a site, from its waits and conditions.
#[must_use]
pub fn blockers(situation: &Situation) -> Vec<Blocker> {
    let Some(status) = &situation.site.status else {
        return vec![blocker(
            "NotSeen",
            "the controller has not looked at this site yet",
            "the controller, if it runs",
        )];
    };
    let mut found: Vec<Blocker> = status.waiting.iter().map(|waiting| waits(situation, waiting)).collect();
    if let Some(stalled) = condition::find(&status.conditions, Kind::Stalled) {
        let ended_by = match stalled.reason.as_str() {
            "Refused" => "whoever mends what was found or edits the declaration; it is looked at again by itself",
            _ => "a person",
        };
        let mut found_here = blocker(&stalled.reason, &stalled.message, ended_by);
        let can_retry = stalled.reason == "Halted" || stalled.message.contains("Retry");
        found_here.command = can_retry.then(|| command(situation, "retry", ""));
        if let Some(plan) = status.half_done.as_ref().and_then(|found| found.forward.as_ref()) {
            let words = format!(" --plan {} --reason '...'", short(&plan.hash));
            found_here.command = Some(command(situation, "forward", &words));
        }
        found_here.or_command = status
            .restore
            .as_ref()
            .map(|offer| command(situation, "restore", &format!(" --plan {} --reason '...'", short(&offer.plan_hash))));
        found_here.since = Some(stalled.last_transition_time.0);
        found.push(found_here);
    }
    if found.is_empty()
        && let Some(observing) =
            condition::find(&status.conditions, Kind::UpToDate).filter(|one| one.status == "Unknown")
    {
        found.push(blocker("Observing", &observing.message, "agents and database, once they answer"));
    }
    let others = status.findings.iter().filter(|finding| finding.severity == Severity::Block);
    let told: String = found.iter().map(|blocker| blocker.message.clone()).collect();
    found.extend(
        others
            .filter(|finding| !told.contains(&finding.message))
            .map(|finding| blocker(&finding.check, &finding.message, &finding.remedy)),
    );
    found
}

fn blocker(reason: &str, message: &str, ended_by: &str) -> Blocker {
    Blocker {
        reason: reason.to_owned(),
        message: message.to_owned(),
        ended_by: ended_by.to_owned(),
        since: None,
        deadline: None,
        command: None,
        or_command: None,
    }
}

fn waits(situation: &Situation, waiting: &Waiting) -> Blocker {
    let plan = situation.change.as_ref().map(|change| short(&change.spec.plan_hash).to_owned()).unwrap_or_default();
    let scope = situation.site.spec.approval.scope;
    let by_path = waiting.reason == "Approval" && scope == crm_api::site::ApprovalScope::Path;
    let command = match waiting.reason.as_str() {
        "Approval" => Some(command(situation, "approve", &format!(" --plan {plan}"))),
        "Person" => {
            let is_attested = waiting.message.contains("nobody has attested");
            Some(command(situation, if is_attested { "attest" } else { "attend" }, ""))
        }
        "Hold" => Some(command(situation, "resume", "")),
        "Stop" => {
            let stop = situation.site.status.as_ref().and_then(|status| status.stop.as_ref());
            stop.map(|stop| format!("kubectl crm stop --off -n {}", stop.namespace))
        }
        "Window" => Some(command(situation, "override", &format!(" --plan {plan} --for 2h --reason '...'"))),
        _ => None,
    };
    Blocker {
        reason: waiting.reason.clone(),
        message: waiting.message.clone(),
        ended_by: waiting.ended_by.clone(),
        since: Some(waiting.since.0),
        deadline: waiting.deadline.as_ref().map(|at| at.0),
        or_command: by_path.then(|| self::command(situation, "approve", " --path")),
        command,
    }
}

fn command(situation: &Situation, word: &str, more: &str) -> String {
    format!("kubectl crm {word} {} -n {}{more}", situation.name(), situation.namespace())
}

fn text(situation: &Situation, explained: &Explanation, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let windows = situation.site.spec.windows.as_ref();
    let at = |at: Timestamp| format!("{} ({} ago)", local(windows, at), ago(situation.now, at));
    let seen = if explained.declaration_seen { "" } else { " (the controller has not seen this declaration yet)" };
    line("site", &format!("{}/{}, {}", explained.namespace, explained.site, explained.product), streams)?;
    line("wanted", &format!("{}{seen}", explained.wanted), streams)?;
    let verified = match (&explained.verified, explained.verified_at) {
        (Some(version), Some(then)) => format!("{version}, {}", at(then)),
        _ => "nothing was proven yet".to_owned(),
    };
    line("verified", &verified, streams)?;
    for (number, part) in explained.observed.iter().enumerate() {
        let node = part.node.as_deref().map(|node| format!(" on {node}")).unwrap_or_default();
        let version = part.version.clone().unwrap_or_else(|| format!("{:?}", part.state));
        let label = if number == 0 { "observed" } else { "" };
        line(label, &format!("{version}  {}{node}", part.part), streams)?;
    }
    let ages: Vec<String> = explained.heard.iter().map(|heard| age(heard, situation.now)).collect();
    line("heard", &ages.join("; "), streams)?;
    let drift = explained.findings.iter().filter(|finding| finding.class.is_some());
    line("drift", &explained.drift, streams)?;
    for finding in drift {
        line("", &format!("{}; remedy: {}", finding.message, finding.remedy), streams)?;
    }
    if let Some(change) = &explained.change {
        let Underway { name, from, to, phase, verified_steps, steps, .. } = change;
        let hop = if from == to { format!("at {to}") } else { format!("{from} -> {to}") };
        line("change", &format!("{name}: {hop}, {phase}, {verified_steps} of {steps} steps proven"), streams)?;
    }
    match &explained.next {
        Some(next) => {
            let node = next.node.as_deref().map(|node| format!(" on {node}")).unwrap_or_default();
            line(
                "next",
                &format!("step {} ({}): {}{node}, by {}", next.number, next.step, next.title, next.by),
                streams,
            )?;
            line("why now", &next.why, streams)?;
            for (number, sentence) in next.instructions.iter().enumerate() {
                line(if number == 0 { "to do" } else { "" }, sentence, streams)?;
            }
        }
        None if explained.blocked_by.is_empty() => line("next", "nothing: the site is as declared", streams)?,
        None => {}
    }
    if let Some(end) = &explained.ends_about {
        let fits = explained.restore_fits_before.as_ref();
        let fits = fits.map(|until| format!("; a restore begun before {until} would end inside the window"));
        line("ends about", &format!("{end}{}", fits.unwrap_or_default()), streams)?;
    }
    for blocker in &explained.blocked_by {
        line("blocked", &format!("{}: {}", blocker.reason, blocker.message), streams)?;
        line("ended by", &blocker.ended_by, streams)?;
        for command in blocker.command.iter().chain(&blocker.or_command) {
            line("", command, streams)?;
        }
        if let Some(since) = blocker.since {
            line("since", &at(since), streams)?;
        }
        if let Some(deadline) = blocker.deadline {
            line("given up", &local(windows, deadline), streams)?;
        }
    }
    if let Some(window) = &explained.next_window {
        line("window", window, streams)?;
    }
    Ok(())
}

fn age(heard: &Heard, now: Timestamp) -> String {
    let stale = if heard.fresh { "" } else { ", too old to lean on" };
    match heard.at {
        Some(at) if heard.who == "database" => format!("database changed {} ago{stale}", ago(now, at)),
        Some(at) => format!("{} {} ago{stale}", heard.who, ago(now, at)),
        None => format!("{} never", heard.who),
    }
}
