//! One round on one site: observe, validate, plan, apply, report. A round that is repeated, or dies anywhere, is
//! harmless: it decides from what is there, and every write of it is idempotent or conditional.

use std::sync::Arc;
use std::time::Duration;

use crm_plan::{Intent, Standing};
use jiff::Timestamp;

use crate::apply::{self, Applied, ApplyError};
use crate::call::Class;
use crate::context::Context;
use crate::events;
use crate::limits::{REST_INTERVAL, ROUND_GAP};
use crate::observe::{self, ObserveError};
use crate::queue::SiteKey;
use crate::signs::{Outcome, Sign};
use crate::tasks::{self, KnownTask, TaskKey, TaskOrder};
use crate::unreadable::{self, MALFORMED};
use crate::validate::{self, ValidateError};

/// When to look again.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// After this time at the latest.
    After(Duration),
    /// After a wait that grows with every failure.
    Backoff,
    /// Never: the site is gone.
    Gone,
    /// Not in this term: a node obeys a higher epoch than ours.
    Fenced,
    /// After this time: a node obeys a higher epoch than ours, and this term is too young to be given up for it.
    HeldUp(Duration),
}

/// What a round leaves for the loop of the term.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) next: Next,
    /// How it ended, for those who look after the process.
    pub(crate) outcome: Outcome,
    /// Tasks to start, even if a later intent failed.
    pub(crate) start: Vec<TaskOrder>,
    /// Tasks whose results may be forgotten.
    pub(crate) settled: Vec<TaskKey>,
}

/// Why a round ended early: one verb, one cause.
#[derive(Debug, thiserror::Error)]
enum RoundError {
    #[error("observe: {0}")]
    Observe(#[from] ObserveError),
    #[error("validate: {0}")]
    Validate(#[from] ValidateError),
    #[error("apply: {0}")]
    Apply(#[from] ApplyError),
}

impl RoundError {
    fn class(&self) -> Class {
        match self {
            Self::Observe(ObserveError::Call(error)) => error.class(),
            Self::Observe(ObserveError::Site(_)) | Self::Validate(_) => Class::Wait,
            Self::Apply(error) => error.class(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Observe(ObserveError::Call(error)) => error.reason(),
            Self::Observe(ObserveError::Site(_)) | Self::Validate(_) => MALFORMED,
            Self::Apply(error) => error.reason(),
        }
    }
}

/// One round.
#[tracing::instrument(skip_all, fields(%site, epoch = context.term.epoch()))]
pub(crate) async fn reconcile(context: Arc<Context>, site: SiteKey, known: Vec<KnownTask>) -> Ended {
    let mut ended = Ended { next: Next::Backoff, outcome: Outcome::Retried, start: Vec::new(), settled: Vec::new() };
    match round(&context, &site, &known, &mut ended).await {
        Ok(next) => {
            ended.outcome = match next {
                Next::After(_) => Outcome::Done,
                Next::Backoff => Outcome::Retried,
                Next::Gone => Outcome::Gone,
                Next::Fenced | Next::HeldUp(_) => Outcome::Fenced,
            };
            ended.next = next;
        }
        Err(error) => {
            ended.outcome = match error.class() {
                Class::Retry => Outcome::Retried,
                Class::Wait => Outcome::Blocked,
            };
            ended.next = after(&error);
            report_failure(&context, &site, &error).await;
        }
    }
    ended
}

async fn round(context: &Context, site: &SiteKey, known: &[KnownTask], ended: &mut Ended) -> Result<Next, RoundError> {
    let Some(observed) = observe::observe(context, site, known).await? else {
        ended.settled = known.iter().map(|task| task.key.clone()).collect();
        return Ok(Next::Gone);
    };
    let (snapshot, ignored) = validate::validate(observed)?;
    show(context, site, &snapshot);
    if is_fenced(&snapshot) {
        return Ok(context.term.lasts_anyway().map_or(Next::Fenced, Next::HeldUp));
    }
    ended.settled = tasks::settled(known, &snapshot.changes);

    let now = context.clock.now();
    let plan = crm_plan::plan(&snapshot, now);

    let Applied { writes, tasks, stopped } = apply::apply(context, site, &snapshot, &plan.intents).await;
    ended.start = tasks;

    tracing::debug!(standing = standing_word(&plan.standing), intents = plan.intents.len(), writes, "round");
    for malformed in &ignored {
        events::complain(context, malformed).await;
    }
    if let Some(error) = stopped.as_ref().filter(|error| error.class() == Class::Wait) {
        // What waits for a person stands where people look: the rest of this round was not written.
        let status = crm_plan::unwritten::site_status(&snapshot, &plan.intents, &error.to_string(), now);
        apply::apply(context, site, &snapshot, &[Intent::RecordSite { status: Box::new(status) }]).await;
    }
    stopped.map_or(Ok(Next::After(look_again(plan.wake_at, now, writes))), |error| Err(error.into()))
}

/// Shows the site as it was read: its status is the one that the round before has left.
fn show(context: &Context, site: &SiteKey, snapshot: &crm_plan::Snapshot) {
    if !context.signs.is_watched() {
        return;
    }
    let conditions = snapshot.site.status.as_ref().map_or(&[][..], |status| &status.conditions);
    let phases: Vec<_> =
        snapshot.changes.iter().filter_map(|change| change.status.as_ref()).map(|status| status.phase).collect();
    context.signs.show(Sign::Site { site: (&site.namespace, &site.name), conditions, phases: &phases });
}

/// A node obeys a leader with a higher epoch than ours: it would refuse our orders, so this term can bring nothing more.
fn is_fenced(snapshot: &crm_plan::Snapshot) -> bool {
    let reported =
        snapshot.nodes.iter().filter_map(|view| view.node.status.as_ref()).map(|status| status.highest_epoch);
    reported.max().is_some_and(|highest| highest > snapshot.epoch)
}

/// After a round that wrote, soon: the next decision must not depend on a watch. Else when the plan says, and at rest
/// often enough that the age of facts is judged again.
fn look_again(wake_at: Option<Timestamp>, now: Timestamp, writes: u32) -> Duration {
    if writes > 0 {
        return ROUND_GAP;
    }
    let wake_in = wake_at.map(|at| Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO));
    wake_in.unwrap_or(REST_INTERVAL).clamp(ROUND_GAP, REST_INTERVAL)
}

fn after(error: &RoundError) -> Next {
    match error.class() {
        Class::Retry => Next::Backoff,
        Class::Wait => Next::After(REST_INTERVAL),
    }
}

/// Conflicts and lost answers are part of the day and make no noise; what waits for a person does.
async fn report_failure(context: &Context, site: &SiteKey, error: &RoundError) {
    let reason = error.reason();
    match error.class() {
        Class::Retry => tracing::info!(reason, %error, "round ended early"),
        Class::Wait => tracing::error!(reason, %error, "round cannot go on until somebody acts"),
    }
    let malformed = match error {
        RoundError::Observe(ObserveError::Site(malformed)) => std::slice::from_ref(malformed),
        RoundError::Validate(error) => &error.malformed,
        RoundError::Observe(ObserveError::Call(_)) | RoundError::Apply(_) => return,
    };
    for malformed in malformed {
        events::complain(context, malformed).await;
    }
    let why: Vec<String> = malformed.iter().map(ToString::to_string).collect();
    if let Err(error) = unreadable::show(context, site, &why.join("; ")).await {
        tracing::warn!(%error, "the site does not show that it cannot be read");
    }
}

fn standing_word(standing: &Standing) -> &'static str {
    match standing {
        Standing::Settled => "Settled",
        Standing::Observing { .. } => "Observing",
        Standing::HalfDone { .. } => "HalfDone",
        Standing::Refused { .. } => "Refused",
        Standing::Proposed { .. } => "Proposed",
        Standing::Underway { .. } => "Underway",
        Standing::Halted { .. } => "Halted",
        Standing::Restored { .. } => "Restored",
    }
}

#[cfg(test)]
mod tests {
    use super::look_again;
    use crate::limits::{REST_INTERVAL, ROUND_GAP};
    use jiff::{SignedDuration, Timestamp};
    use std::time::Duration;

    #[test]
    fn the_next_look_is_when_the_plan_says_but_neither_at_once_nor_later_than_at_rest() {
        let now = Timestamp::UNIX_EPOCH;
        let at = |seconds| now.checked_add(SignedDuration::from_secs(seconds)).ok();
        assert_eq!(look_again(None, now, 0), REST_INTERVAL);
        assert_eq!(look_again(at(90), now, 0), Duration::from_secs(90));
        assert_eq!(look_again(at(86_400), now, 0), REST_INTERVAL);
        assert_eq!(look_again(at(-5), now, 0), ROUND_GAP);
        assert_eq!(look_again(at(90), now, 1), ROUND_GAP, "what was written is looked at, watch or no watch");
    }
}
