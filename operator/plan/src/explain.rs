//! A plan as text for people: what will be done, by whom, why there, what it costs, and what is needed from whom.

use std::fmt::Write as _;

use crm_api::change::{CrmChangeSpec, Executor, Gate, Step, Undo};
use crm_api::site::{Finding, WindowsSpec};
use jiff::{SignedDuration, Timestamp};

use crate::hash::short;
use crate::intent::{Plan, Standing};
use crate::propose::minutes_needed;
use crate::snapshot::Snapshot;
use crate::view::View;
use crate::windows::{Opening, local, opening};

/// A plan in full, as `kubectl crm plan` prints it.
#[must_use]
pub fn explain(snapshot: &Snapshot, plan: &Plan, now: Timestamp) -> String {
    let view = View::new(snapshot, now);
    let site = view.name();
    let product = format!("{:?}", view.spec.product);
    match &plan.standing {
        Standing::Settled => {
            format!(
                "{site}   {product} {}   nothing to do: the site is as declared\n{}",
                view.spec.version,
                drift(&view)
            )
        }
        Standing::Observing { missing } => {
            format!("{site}   {product}   no plan yet: too little was seen\n{}", bullets(missing))
        }
        Standing::Refused { findings } => {
            format!("{site}   {product} -> {}   no plan\n{}", view.spec.version, findings_text(findings))
        }
        Standing::Proposed { change, findings } => {
            let mut text = headline(site, &product, change, &view, snapshot);
            text.push_str(&timing(change, view.spec.windows.as_ref(), now));
            text.push_str(&needs(change, view.spec.windows.as_ref(), now));
            text.push_str(&table(&change.steps));
            text.push_str(&findings_text(findings));
            text
        }
        Standing::Underway { change, waiting } => {
            let waiting = waiting
                .as_ref()
                .map(|waiting| {
                    format!(
                        "waiting for {}: {}\n  can be ended by: {}\n",
                        waiting.reason, waiting.message, waiting.ended_by
                    )
                })
                .unwrap_or_default();
            format!("{site}   {product} -> {}   change {change} is under way\n{waiting}", view.spec.version)
        }
        Standing::Halted { change, reason, remedy } => {
            format!(
                "{site}   {product} -> {}   halted in change {change}\n  {reason}\n  what to do: {remedy}\n",
                view.spec.version
            )
        }
    }
}

fn bullets(lines: &[String]) -> String {
    lines.iter().fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "  - {line}");
        text
    })
}

fn drift(view: &View<'_>) -> String {
    findings_text(&crate::products::of(view.spec.product).drift(view))
}

fn findings_text(findings: &[Finding]) -> String {
    findings.iter().fold(String::new(), |mut text, finding| {
        let node = finding.node.as_deref().map(|node| format!(" on {node}")).unwrap_or_default();
        let _ = writeln!(
            text,
            "  {:?}  {}{node}: {}\n         remedy: {}",
            finding.severity, finding.check, finding.message, finding.remedy
        );
        text
    })
}

fn headline(site: &str, product: &str, change: &CrmChangeSpec, view: &View<'_>, snapshot: &Snapshot) -> String {
    let steps = change.steps.len();
    let total: i32 = change.steps.iter().map(|step| step.minutes).sum();
    let (felt, _) = minutes_needed(&change.steps);
    let path = path_text(change, view, snapshot);
    format!(
        "{site}   {product} {} -> {}    {path}, {steps} steps, about {}, users out for about {}\n",
        change.from,
        change.to,
        duration(total),
        duration(felt)
    )
}

/// The path beyond this hop in outline.
fn path_text(change: &CrmChangeSpec, view: &View<'_>, snapshot: &Snapshot) -> String {
    let (Some(from), Some(target)) =
        (view.catalogue.find(&change.from), view.catalogue.find(&snapshot.site.spec.version))
    else {
        return "1 hop".to_owned();
    };
    match view.catalogue.path(from, target) {
        Ok(path) if path.len() > 1 => {
            let stops: Vec<&str> = path.iter().map(|release| release.version.as_str()).collect();
            format!("hop 1 of {} ({})", path.len(), stops.join(" -> "))
        }
        Ok(_) | Err(_) => "1 hop".to_owned(),
    }
}

fn timing(change: &CrmChangeSpec, windows: Option<&WindowsSpec>, now: Timestamp) -> String {
    let (felt, restore) = minutes_needed(&change.steps);
    let (start, word) = match opening(windows, felt.saturating_add(restore), now) {
        Ok(Opening::Open { .. }) => (Some(now), "can start now".to_owned()),
        Ok(Opening::Closed { next: Some(next), .. }) => (Some(next), format!("starts {}", local(windows, next))),
        Ok(Opening::Closed { why, next: None }) => (None, format!("cannot start: {why}")),
        Err(bad) => (None, bad.to_string()),
    };
    let zone = windows.map_or("UTC", |windows| windows.time_zone.as_str());
    let end = start
        .and_then(|start| start.checked_add(SignedDuration::from_mins(i64::from(felt))).ok())
        .map(|end| format!("; ends about {}", local(windows, end)))
        .unwrap_or_default();
    let back =
        if restore > 0 { format!("; room is kept for a restore of {}", duration(restore)) } else { String::new() };
    format!("{word} {zone}{end}{back}\n")
}

fn needs(change: &CrmChangeSpec, windows: Option<&WindowsSpec>, now: Timestamp) -> String {
    let (felt, restore) = minutes_needed(&change.steps);
    let before = match opening(windows, felt.saturating_add(restore), now) {
        Ok(Opening::Closed { next: Some(next), .. }) => format!(" before {}", local(windows, next)),
        Ok(Opening::Closed { .. } | Opening::Open { .. }) | Err(_) => String::new(),
    };
    let mut needs = vec![format!("approval of this plan ({}){before}", short(&change.plan_hash))];
    for (number, step) in change.steps.iter().enumerate() {
        if matches!(step.executor, Executor::Attended { .. }) {
            let node = step.node.as_deref().unwrap_or("the site");
            needs.push(format!("one person at {node} for step {} ({})", number + 1, duration(step.minutes)));
        }
    }
    let mut text = format!("needs: {}\n", needs.join("; "));
    for notice in &change.notices {
        let _ = writeln!(text, "mind:  {notice}");
    }
    text
}

fn table(steps: &[Step]) -> String {
    let node_width = steps.iter().map(|step| node_of(step).len()).max().unwrap_or(4).max(4);
    let title_width = steps.iter().map(|step| step.title.chars().count()).max().unwrap_or(4).min(72);
    let mut text = format!("\n  #  {:node_width$}  {:title_width$}    by        undo     why here\n", "node", "step");
    for (number, step) in steps.iter().enumerate() {
        let mark = if step.gate == Some(Gate::PointOfNoReturn) { '!' } else { ' ' };
        let names: Vec<&str> = step.rules.iter().filter_map(|rule| rule.split(" (").next()).collect();
        let mut names: Vec<&str> = names;
        names.dedup();
        let _ = writeln!(
            text,
            "{:3}  {:node_width$}  {:title_width$}  {mark} {:8}  {:7}  {}  [{}]",
            number + 1,
            node_of(step),
            step.title,
            executor_word(step),
            undo_word(step),
            step.why,
            names.join(", ")
        );
    }
    text.push_str("\n  ! the point of no return: behind it only a restore leads back\n");
    text
}

fn node_of(step: &Step) -> &str {
    step.node.as_deref().unwrap_or("-")
}

/// Who does a step, in a word.
#[must_use]
pub fn executor_word(step: &Step) -> &'static str {
    match step.executor {
        Executor::Agent { .. } => "agent",
        Executor::Attended { .. } => "a person",
        Executor::Controller { .. } => "operator",
    }
}

fn undo_word(step: &Step) -> &'static str {
    match step.undo {
        Undo::Nothing {} => "-",
        Undo::Actions { .. } => "yes",
        Undo::Restore {} => "restore",
    }
}

/// Minutes as people say them.
#[must_use]
pub fn duration(minutes: i32) -> String {
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}
