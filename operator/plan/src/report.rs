//! From a decision to what people see: the status of the site, its conditions, and what is told once.

mod conditions;

use crm_api::change::{ChangePhase, CrmChange, CrmChangeStatus, Purpose};
use crm_api::condition::{self, Kind, State, Wanted};
use crm_api::site::{CrmSiteStatus, Finding, ObservedPart, Orphan, PlanSummary, VerifiedState};

use crate::drift;
use crate::intent::{Announcement, Standing};
use crate::notices;
use crate::orphans;
use crate::products;
use crate::said;
use crate::view::View;
use crate::windows::{Opening, local, opening};
use conditions::{activity, drifted, fresh, half_done, held, ready, stopped, up_to_date};

/// Everything that a round found out about a site.
#[derive(Clone, Debug)]
pub struct Round<'a> {
    /// Where it stands.
    pub standing: &'a Standing,
    /// What it is proven to be at.
    pub verified: Option<VerifiedState>,
    /// Its parts.
    pub parts: Vec<ObservedPart>,
    /// Its open or last change with the status that it is about to have.
    pub change: Option<(&'a CrmChange, &'a CrmChangeStatus)>,
    /// The plan that is proposed or carried out.
    pub plan: Option<PlanSummary>,
}

/// The status of the site after a round.
#[must_use]
pub fn site_status(view: &View<'_>, round: Round<'_>) -> CrmSiteStatus {
    let old = view.snapshot.site.status.clone().unwrap_or_default();
    let orphaned = orphans::look(view);
    let findings = findings(view, &round, &orphaned);
    let drift = drift_word(&findings, round.verified.is_some());
    let generation = view.snapshot.site.metadata.generation.unwrap_or(1);
    let mut wanted =
        vec![ready(view, &round, &findings), up_to_date(view, &round), drifted(&findings, &round), fresh(view)];
    wanted.extend(activity(&round));
    wanted.extend(half_done(&round));
    wanted.extend(orphans::condition(&orphaned));
    let (hold, stop) = (said::hold(view), said::stop(view));
    wanted.extend(stop.as_ref().map(|stop| stopped(view, &round, stop)));
    wanted.extend(hold.as_ref().map(|hold| held(view, hold)));
    wanted.extend(products::of(view.spec.product).debts(view));
    wanted.extend(round.change.and_then(|(_, status)| notices::undelivered(view, status)));
    let now = crm_api::Time::from(view.now);
    let waiting = match round.standing {
        Standing::Underway { waiting, .. } => waiting.clone(),
        _ => None,
    };
    // Facts that only move (times, sessions of people at work) are not worth a write while nothing else does.
    let rules = products::of(view.spec.product);
    let database = view.database().cloned().map(|mut facts| {
        facts.facts.retain(|fact| !rules.is_restless(&fact.name));
        if round.change.is_none_or(|(_, status)| status.phase.is_over()) {
            facts.sessions.clear();
        }
        match &old.database {
            Some(before) if before.facts == facts.facts && before.sessions == facts.sessions => before.clone(),
            Some(_) | None => facts,
        }
    });
    let restore = match (round.standing, round.change) {
        (Standing::Halted { restore: Some(offer), .. }, Some((_, status))) => {
            Some(crate::restore::described(view, Some(status), offer))
        }
        (Standing::HalfDone { found }, _) => {
            found.back.as_ref().ok().map(|offer| crate::restore::described(view, None, offer))
        }
        _ => None,
    };
    CrmSiteStatus {
        observed_generation: generation,
        conditions: condition::merge(&old.conditions, wanted, generation, &now),
        verified: round.verified,
        parts: round.parts,
        database: database.or(old.database),
        drift,
        findings,
        change: round.change.and_then(|(change, _)| change.metadata.name.clone()),
        waiting,
        plan: round.plan,
        hold,
        stop,
        half_done: match round.standing {
            Standing::HalfDone { found } => Some(found.described(view)),
            _ => None,
        },
        backup: crate::restore::last_backup(view),
        restore,
        orphaned,
        next_window: next_window(view),
    }
}

fn findings(view: &View<'_>, round: &Round<'_>, orphaned: &[Orphan]) -> Vec<Finding> {
    let mut findings = match round.standing {
        Standing::Refused { findings } | Standing::Proposed { findings, .. } => findings.clone(),
        Standing::HalfDone { found } => found.findings(),
        Standing::Settled
        | Standing::Observing { .. }
        | Standing::Underway { .. }
        | Standing::Halted { .. }
        | Standing::Restored { .. } => Vec::new(),
    };
    // While a change is at work, and in the round that ends it, the verified state is not yet what is compared with.
    let at_work = matches!(round.standing, Standing::Underway { .. } | Standing::Halted { .. })
        && round.change.is_some_and(|(change, status)| {
            let begun = status.phase != ChangePhase::Preparing || change.spec.purpose == Purpose::Forward;
            // A correction touches nothing but what it takes away: that is shown until it is gone.
            begun && change.spec.purpose != Purpose::Correct && view.snapshot.open_change().is_some()
        });
    let at_rest = !at_work;
    if at_rest && round.verified.is_some() && !matches!(round.standing, Standing::Observing { .. }) {
        let drift = drift::at_rest(view);
        // What is half done is named with both ways out; the same thing as mere drift would name another remedy.
        let known =
            |drift: &Finding| findings.iter().any(|finding| finding.check == drift.check && finding.node == drift.node);
        let drift: Vec<Finding> = drift.into_iter().filter(|drift| !known(drift)).collect();
        findings.extend(drift);
    }
    findings.extend(orphaned.iter().map(orphans::finding));
    findings.truncate(64);
    let known = |finding: Finding| if finding.class.is_some() { drift::dated(view, finding) } else { finding };
    findings.into_iter().map(known).collect()
}

fn drift_word(findings: &[Finding], verified: bool) -> String {
    let mut classes: Vec<&str> = findings
        .iter()
        .filter(|finding| drift::counts(finding))
        .filter_map(|finding| finding.class.as_deref())
        .collect();
    classes.sort_unstable();
    classes.dedup();
    match (classes.is_empty(), verified) {
        (true, true) => "none".to_owned(),
        (true, false) => "unknown".to_owned(),
        (false, _) => classes.join(","),
    }
}

fn next_window(view: &View<'_>) -> Option<String> {
    let windows = view.spec.windows.as_ref()?;
    match opening(Some(windows), 0, view.now).ok()? {
        Opening::Open { until } => {
            Some(until.map_or_else(|| "open".to_owned(), |at| format!("open until {}", local(Some(windows), at))))
        }
        Opening::Closed { next, .. } => next.map(|at| local(Some(windows), at)),
    }
}

/// Conditions of a change.
#[must_use]
pub fn change_conditions(
    old: &CrmChangeStatus,
    new: &CrmChangeStatus,
    halted: Option<&(String, String)>,
    generation: i64,
    now: &crm_api::Time,
) -> Vec<k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition> {
    let reason = new.backing_out.clone().unwrap_or_default();
    let (state, word, message) = match new.phase {
        ChangePhase::Succeeded => (State::True, "Proven", "the goal is proven".to_owned()),
        ChangePhase::Failed if new.restored_by.is_some() => (State::False, "RestoredBy", reason),
        ChangePhase::Failed => (State::False, "BackedOut", reason),
        ChangePhase::Superseded => (State::False, "Superseded", reason),
        ChangePhase::Halted => (State::False, "Halted", halted.map_or_else(String::new, |(why, _)| why.clone())),
        ChangePhase::Preparing | ChangePhase::Changing | ChangePhase::BackingOut => {
            (State::Unknown, "Underway", "not over yet".to_owned())
        }
    };
    let mut wanted = vec![Wanted { kind: Kind::Succeeded, state, reason: word, message }];
    match new.phase {
        ChangePhase::Changing | ChangePhase::BackingOut => wanted.push(Wanted {
            kind: Kind::Reconciling,
            state: State::True,
            reason: "Underway",
            message: new.waiting.as_ref().map_or_else(String::new, |waiting| waiting.message.clone()),
        }),
        ChangePhase::Halted => wanted.push(Wanted {
            kind: Kind::Stalled,
            state: State::True,
            reason: "Halted",
            message: halted.map_or_else(String::new, |(why, remedy)| format!("{why}. {remedy}")),
        }),
        ChangePhase::Preparing | ChangePhase::Succeeded | ChangePhase::Failed | ChangePhase::Superseded => {}
    }
    condition::merge(&old.conditions, wanted, generation, now)
}

/// What changed about the site as a whole since the last round, for people: told once, when it changes.
#[must_use]
pub fn site_announcements(old: &CrmSiteStatus, new: &CrmSiteStatus) -> Vec<Announcement> {
    let mut told = Vec::new();
    let mut tell =
        |reason, message: String, warning| told.push(Announcement { reason, message, warning, change: None });
    if old.verified.is_none()
        && let Some(verified) = &new.verified
    {
        tell("Adopted", format!("the site is proven to be at {}", verified.version), false);
    }
    if old.drift != new.drift && new.drift != "none" && new.drift != "unknown" {
        let text: Vec<&str> = new
            .findings
            .iter()
            .filter(|finding| drift::counts(finding))
            .map(|finding| finding.message.as_str())
            .collect();
        tell("Drifted", text.join("; "), true);
    }
    let refusal = |status: &CrmSiteStatus| {
        condition::find(&status.conditions, Kind::UpToDate)
            .filter(|condition| condition.reason == "Refused")
            .map(|condition| condition.message.clone())
    };
    if let Some(found) = &new.half_done
        && old.half_done.as_ref() != Some(found)
    {
        tell("HalfDone", format!("{}. {}", found.message, found.remedy), true);
    }
    let is_old = |orphan: &&Orphan| {
        old.orphaned.iter().any(|known| known.component == orphan.component && known.node == orphan.node)
    };
    for orphan in new.orphaned.iter().filter(|orphan| !is_old(orphan)) {
        let Finding { message, remedy, .. } = orphans::finding(orphan);
        tell("Orphaned", format!("{message} ({remedy})"), true);
    }
    if let Some(message) = refusal(new)
        && refusal(old).as_ref() != Some(&message)
    {
        tell("Refused", message, true);
    }
    told
}
