//! A plan as text for people: what will be done, by whom, why there, what it costs, and what is needed from whom.

use std::fmt::Write as _;

use crm_api::change::{CrmChangeSpec, Executor, Felt, Gate, Purpose, Step, Undo};
use crm_api::site::{ApprovalScope, Finding, HopSummary, WindowsSpec};
use jiff::{SignedDuration, Timestamp};

use crate::half_done::Found;
use crate::hash::short;
use crate::intent::{Plan, Standing};
use crate::path;
use crate::propose::minutes_needed;
use crate::snapshot::Snapshot;
use crate::view::View;
use crate::windows::{Opening, local, opening, time_zone};

/// Narrower than this, a step's reason stands below it instead of beside it.
const BESIDE_COLUMNS_MIN: usize = 116;
/// A space at which no line is broken.
const GLUE: &str = "\u{a0}";
/// Nothing is laid out for a narrower screen.
const COLUMNS_MIN: usize = 60;

/// A plan in full, as `kubectl crm plan` prints it, laid out for a screen of so many columns.
#[must_use]
pub fn explain(snapshot: &Snapshot, plan: &Plan, now: Timestamp, columns: usize) -> String {
    let view = View::new(snapshot, now);
    let page = Page { columns: columns.max(COLUMNS_MIN) };
    let site = view.name();
    let wanted = wanted(&view);
    match &plan.standing {
        Standing::Settled => {
            let product = view.spec.product;
            let text = format!("{site}   {product:?} {}   nothing to do: the site is as declared\n", view.spec.version);
            text + &page.findings(&crate::drift::at_rest(&view))
        }
        Standing::Observing { missing } => {
            let lines: String = missing.iter().map(|line| page.paragraph("  - ", line)).collect();
            format!("{site}   {wanted}   no plan yet: too little was seen\n{lines}")
        }
        Standing::Refused { findings } => format!("{site}   {wanted}   no plan\n{}", page.findings(findings)),
        Standing::Proposed { change, findings } => {
            let windows = view.spec.windows.as_ref();
            let mut text = headline(change, &view);
            text.push_str(&page.paragraph("", &timing(change, windows, now)));
            text.push_str(&page.paragraph("needs: ", &needs(change, windows, now)));
            for later in path::outline(&view, &change.to) {
                text.push_str(&page.paragraph("then:  ", &later_hop(&view, &later)));
            }
            text.extend(change.notices.iter().map(|notice| page.paragraph("mind:  ", notice)));
            text.push_str(&page.table(&change.steps));
            if !findings.is_empty() {
                let _ = write!(text, "\nfound, and no reason to stop:\n{}", page.findings(findings));
            }
            text
        }
        Standing::Underway { change, waiting } => {
            let mut text = format!("{site}   {wanted}   change {change} is under way\n");
            if let Some(waiting) = waiting {
                text += &page.paragraph("  waits for:  ", &format!("{}: {}", waiting.reason, waiting.message));
                text += &page.paragraph("  ended by:   ", &waiting.ended_by);
            }
            text
        }
        Standing::Halted { change, reason, remedy, restore } => {
            let mut text = format!("{site}   {wanted}   halted in change {change}\n");
            text += &page.paragraph("  why:         ", reason);
            text += &page.paragraph("  what to do:  ", remedy);
            if let Some(restore) = restore {
                text += "\nthe way back:\n\n";
                text += &headline(restore, &view);
                text.extend(restore.notices.iter().map(|notice| page.paragraph("mind:  ", notice)));
                text += &page.table(&restore.steps);
            }
            text
        }
        Standing::HalfDone { found } => {
            format!("{site}   {wanted}   half done by other hands\n{}", page.ways_out(found, &view))
        }
        Standing::Restored { change, remedy } => {
            let mut text = format!("{site}   {wanted}   everything came back by {change}\n");
            text += &page.paragraph("  what to do:  ", remedy);
            text
        }
    }
}

/// Product, where the site is proven to be, and where it shall be.
fn wanted(view: &View<'_>) -> String {
    let verified = view.snapshot.site.status.as_ref().and_then(|status| status.verified.as_ref());
    let product = view.spec.product;
    match verified {
        Some(verified) if verified.version != view.spec.version => {
            format!("{product:?} {} -> {}", verified.version, view.spec.version)
        }
        Some(_) => format!("{product:?} {}", view.spec.version),
        None => format!("{product:?} -> {}", view.spec.version),
    }
}

fn headline(change: &CrmChangeSpec, view: &View<'_>) -> String {
    let (site, product) = (view.name(), view.spec.product);
    let total: i32 = change.steps.iter().map(|step| step.minutes).sum();
    let out = match minutes_out(&change.steps) {
        None => "users stay at work".to_owned(),
        Some(minutes) => format!("users out for about {}", duration(minutes)),
    };
    let (steps, total) = (change.steps.len(), duration(total));
    if change.purpose == Purpose::Correct {
        let corrects = change.corrects.join(", ");
        return format!(
            "{site}   {product:?} {}    correction of {corrects}, {steps} steps, about {total}, {out}\n",
            change.to
        );
    }
    if change.purpose == Purpose::Configure {
        let fast_cgi = change.fast_cgi.map(|fast_cgi| format!(", fastCgi: {fast_cgi:?}")).unwrap_or_default();
        return format!(
            "{site}   {product:?} {}{fast_cgi}    settings only, {steps} steps, about {total}, {out}\n",
            change.to
        );
    }
    if let Some(restores) = &change.restores {
        let set = &restores.backup;
        return format!(
            "{site}   {product:?} {}    restore from {set}, {steps} steps, about {total}, {out}, plan {}\n",
            change.to,
            short(&change.plan_hash)
        );
    }
    let path = path_text(change, view);
    format!("{site}   {product:?} {} -> {}    {path}, {steps} steps, about {total}, {out}\n", change.from, change.to)
}

/// Expected minutes from the step that closes the site to the one that opens it; none where users stay at work.
#[must_use]
pub fn minutes_out(steps: &[Step]) -> Option<i32> {
    let first = steps.iter().position(|step| step.felt == Felt::Closes)?;
    let last = steps.iter().rposition(|step| step.felt == Felt::Opens).unwrap_or(steps.len());
    let felt = steps.iter().enumerate().filter(|(place, _)| (first..=last).contains(place));
    Some(felt.map(|(_, step)| step.minutes).sum())
}

/// The path beyond this hop in outline.
fn path_text(change: &CrmChangeSpec, view: &View<'_>) -> String {
    let (Some(from), Some(target)) = (view.catalogue.find(&change.from), view.catalogue.find(&view.spec.version))
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

/// A later hop in a sentence.
fn later_hop(view: &View<'_>, later: &HopSummary) -> String {
    let approval = match view.spec.approval.scope {
        ApprovalScope::Hop => "with a backup and an approval of its own",
        ApprovalScope::Path => "with a backup of its own; users stay out until then where the window has room for it",
    };
    format!(
        "{} -> {}, {} steps, about {} from its window on, {} by a person; planned anew when the site is at {}, {approval}",
        later.from,
        later.to,
        later.steps,
        duration(later.minutes),
        later.attended,
        later.from
    )
}

/// When it starts and ends, and until when a restore would still fit.
fn timing(change: &CrmChangeSpec, windows: Option<&WindowsSpec>, now: Timestamp) -> String {
    let (felt, restore) = minutes_needed(&change.steps);
    let need = felt.saturating_add(restore);
    let zone = windows.map_or("UTC", |windows| windows.time_zone.as_str());
    let (start, word) = match opening(windows, need, now) {
        Ok(Opening::Open { .. }) => (now, format!("can start now, {} {zone}", local(windows, now))),
        Ok(Opening::Closed { next: Some(next), .. }) => (next, format!("starts {} {zone}", local(windows, next))),
        Ok(Opening::Closed { why, next: None }) => return format!("cannot start: {why}"),
        Err(bad) => return bad.to_string(),
    };
    let end = start.saturating_add(SignedDuration::from_mins(i64::from(felt))).unwrap_or(start);
    let mut text = format!("{word}; ends about {}", clock_time(windows, end, start));
    if restore > 0 {
        let until = match opening(windows, need, start) {
            Ok(Opening::Open { until: Some(until) }) => format!(" before {}", clock_time(windows, until, start)),
            Ok(Opening::Open { until: None } | Opening::Closed { .. }) | Err(_) => String::new(),
        };
        let _ = write!(text, "; a restore ({}) would still fit{until}", duration(restore));
    }
    text
}

/// A moment close to another one: the day is said only where it differs.
fn clock_time(windows: Option<&WindowsSpec>, at: Timestamp, near: Timestamp) -> String {
    let Ok(zone) = time_zone(windows) else { return at.to_string() };
    let (at, near) = (at.to_zoned(zone.clone()), near.to_zoned(zone));
    let form = if at.date() == near.date() { "%H:%M" } else { "%a %H:%M" };
    at.strftime(form).to_string()
}

/// What people have to do for it.
fn needs(change: &CrmChangeSpec, windows: Option<&WindowsSpec>, now: Timestamp) -> String {
    let (felt, restore) = minutes_needed(&change.steps);
    let mut needs = Vec::new();
    if change.steps.iter().any(|step| step.gate == Some(Gate::Approval)) {
        let before = match opening(windows, felt.saturating_add(restore), now) {
            Ok(Opening::Closed { next: Some(next), .. }) => format!(" before {}", local(windows, next)),
            Ok(Opening::Closed { next: None, .. } | Opening::Open { .. }) | Err(_) => String::new(),
        };
        needs.push(format!("approval of this plan ({}){before}", short(&change.plan_hash)));
    }
    for (number, step) in change.steps.iter().enumerate() {
        if matches!(step.executor, Executor::Attended { .. }) {
            let node = step.node.as_deref().unwrap_or("the site");
            needs.push(format!("one person at {node} for step {} ({})", number + 1, duration(step.minutes)));
        }
    }
    if needs.is_empty() { format!("nobody (plan {})", short(&change.plan_hash)) } else { needs.join("; ") }
}

/// A screen of a certain width.
struct Page {
    columns: usize,
}

impl Page {
    /// What is half done, and both ways out of it with their steps.
    fn ways_out(&self, found: &Found, view: &View<'_>) -> String {
        let mut text = self.paragraph("  why:         ", &format!("{}: {}", found.reason(), found.message()));
        text += &self.paragraph("  what to do:  ", &found.remedy());
        for (way, plan) in [("forward", &found.forward), ("back", &found.back)] {
            let Ok(plan) = plan else { continue };
            let _ = write!(text, "\nthe way {way}:\n\n");
            text += &headline(plan, view);
            text.extend(plan.notices.iter().map(|notice| self.paragraph("mind:  ", notice)));
            text += &self.table(&plan.steps);
        }
        text
    }

    /// A text behind a lead; its further lines stand under its first.
    fn paragraph(&self, lead: &str, text: &str) -> String {
        let indent = lead.chars().count();
        let mut out = String::new();
        for (number, line) in wrapped(text, self.columns.saturating_sub(indent)).iter().enumerate() {
            let _ = if number == 0 { writeln!(out, "{lead}{line}") } else { writeln!(out, "{:indent$}{line}", "") };
        }
        out
    }

    fn findings(&self, findings: &[Finding]) -> String {
        findings.iter().fold(String::new(), |mut text, finding| {
            let node = finding.node.as_deref().map(|node| format!(" on {node}")).unwrap_or_default();
            let lead = format!("  {:6} ", format!("{:?}", finding.severity));
            text += &self.paragraph(&lead, &format!("{}{node}: {}", finding.check, finding.message));
            text += &self.paragraph("         remedy: ", &finding.remedy);
            text
        })
    }

    fn table(&self, steps: &[Step]) -> String {
        let node_width = steps.iter().map(|step| node_of(step).chars().count()).max().unwrap_or(0).max(4);
        // Number, node, mark, executor and undo with the gaps between them.
        let fixed = 5 + node_width + 2 + 2 + 10 + 9;
        let free = self.columns.saturating_sub(fixed);
        let beside = self.columns >= BESIDE_COLUMNS_MIN;
        let longest = steps.iter().map(|step| step.title.chars().count()).max().unwrap_or(4);
        let title_width = if beside { longest.min(free * 45 / 100) } else { longest.min(free) }.max(20);
        let reason_width = free.saturating_sub(title_width + 2);
        let mut text = format!("\n  #  {:node_width$}  {:title_width$}  {:10}{:9}", "node", "step", "  by", "  undo");
        text = text.trim_end().to_owned();
        text.push_str(if beside { "    why here\n" } else { "\n" });
        for (number, step) in steps.iter().enumerate() {
            let mark = if step.gate == Some(Gate::PointOfNoReturn) { '!' } else { ' ' };
            let reason = format!("{} {}", step.why, rules_text(&step.rules).replace(' ', GLUE));
            let titles = wrapped(&step.title, title_width);
            let reasons = if beside { wrapped(&reason, reason_width) } else { Vec::new() };
            for line in 0..titles.len().max(reasons.len()).max(1) {
                let title = titles.get(line).map_or("", String::as_str);
                let reason = reasons.get(line).map_or("", String::as_str);
                let row = if line == 0 {
                    let (node, by, undo) = (node_of(step), executor_word(step), undo_word(step));
                    format!(
                        "{:3}  {node:node_width$}  {title:title_width$} {mark} {by:8}  {undo:7}  {reason}",
                        number + 1
                    )
                } else {
                    format!("     {:node_width$}  {title:title_width$}   {:8}  {:7}  {reason}", "", "", "")
                };
                let _ = writeln!(text, "{}", row.trim_end());
            }
            if !beside {
                text += &self.paragraph("        ", &reason);
            }
        }
        if steps.iter().any(|step| step.gate == Some(Gate::PointOfNoReturn)) {
            text.push_str("\n  ! the point of no return: behind it only a restore leads back\n");
        }
        text
    }
}

/// A text in lines of at most so many characters, broken between words; longer words are broken anywhere.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let width = width.max(10);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut length = 0;
    for word in text.split([' ', '\n']).filter(|word| !word.is_empty()) {
        let letters: Vec<char> = word.replace(GLUE, " ").chars().collect();
        if length > 0 && length + 1 + letters.len() > width {
            lines.push(std::mem::take(&mut line));
            length = 0;
        }
        if length > 0 {
            line.push(' ');
            length += 1;
        }
        for piece in letters.chunks(width) {
            if length > 0 && length + piece.len() > width {
                lines.push(std::mem::take(&mut line));
                length = 0;
            }
            line.extend(piece);
            length += piece.len();
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// The rules behind a step, without their sources: `[consent; rules 7, 9]`.
fn rules_text(rules: &[String]) -> String {
    let (mut numbers, mut names) = (Vec::new(), Vec::new());
    for rule in rules {
        let name = rule.split(" (").next().unwrap_or(rule);
        let (list, name) = match name.strip_prefix("rule ") {
            Some(number) => (&mut numbers, number),
            None => (&mut names, name),
        };
        if !list.contains(&name) {
            list.push(name);
        }
    }
    numbers.sort_by_key(|number| (number.len(), *number));
    let numbered = match numbers.as_slice() {
        [] => String::new(),
        [one] => format!("rule {one}"),
        several => format!("rules {}", several.join(", ")),
    };
    let all: Vec<&str> = names.into_iter().chain((!numbered.is_empty()).then_some(numbered.as_str())).collect();
    if all.is_empty() { String::new() } else { format!("[{}]", all.join("; ")) }
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
        Undo::Actions { .. } | Undo::Setting {} => "yes",
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
