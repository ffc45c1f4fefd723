//! The loop of one term: watches wake sites, due sites get their round, tasks that end wake their site. It touches
//! nothing itself. Everything that it started dies with it; all of it is found again by the next term's first rounds.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

use crate::context::Context;
use crate::limits::{DEBOUNCE, REST_INTERVAL, SIGHTINGS_MAX};
use crate::queue::{Queue, SiteKey};
use crate::reconcile::{Ended, Next, reconcile};
use crate::signs::{Outcome, Sign};
use crate::tasks::Tasks;
use crate::watches;

/// Why the work of a term ended before the term.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// A node obeys a higher epoch.
    Fenced,
    /// A watch broke inside the operator.
    WatchBroke,
}

/// Works until the term is of no more use.
pub(crate) async fn work(context: Context) -> Stop {
    let (sender, mut sights) = mpsc::channel(SIGHTINGS_MAX);
    let mut watches = watches::start(&context.client, &sender, &context.signs, &context.pace);
    let mut desk = Desk {
        queue: Queue::at(context.pace.clone()),
        context: Arc::new(context),
        rounds: JoinSet::new(),
        ids: Vec::new(),
        tasks: Tasks::default(),
    };
    loop {
        desk.start_rounds();
        let next_due = desk.next_due().unwrap_or_else(|| Instant::now() + REST_INTERVAL);
        tokio::select! {
            biased;
            Some(ended) = desk.rounds.join_next_with_id() => {
                if desk.round_ended(ended) == Next::Fenced {
                    return Stop::Fenced;
                }
            }
            Some(site) = desk.tasks.next_ended() => desk.queue.add(&site, Instant::now()),
            Some((kind, sight)) = sights.recv() => {
                let concerned = desk.context.fleet().concerned(kind, sight);
                for site in concerned {
                    desk.queue.add(&site, Instant::now() + DEBOUNCE);
                }
            }
            Some(broken) = watches.join_next() => {
                tracing::error!(?broken, "a watch broke inside the operator");
                return Stop::WatchBroke;
            }
            () = tokio::time::sleep_until(next_due) => {}
        }
    }
}

struct Desk {
    context: Arc<Context>,
    queue: Queue,
    rounds: JoinSet<Ended>,
    ids: Vec<(Id, SiteKey, Instant)>,
    tasks: Tasks,
}

impl Desk {
    /// When a round may begin; none while the fleet is not known, which only the watches can end.
    fn next_due(&self) -> Option<Instant> {
        self.context.fleet().is_known().then(|| self.queue.next_due()).flatten()
    }

    fn start_rounds(&mut self) {
        while let Some(site) = self.next_due().and_then(|_| self.queue.take(Instant::now())) {
            let known = self.tasks.of(&site);
            let handle = self.rounds.spawn(reconcile(Arc::clone(&self.context), site.clone(), known));
            self.context.signs.show(Sign::RoundBegan { site: (&site.namespace, &site.name) });
            self.ids.push((handle.id(), site, Instant::now()));
        }
        let (waiting, running) = self.queue.depth();
        self.context.signs.show(Sign::Queue { waiting, running });
    }

    fn round_ended(&mut self, joined: Result<(Id, Ended), JoinError>) -> Next {
        let (id, ended) = match joined {
            Ok((id, ended)) => (id, Some(ended)),
            Err(error) => {
                tracing::error!(%error, "a round broke inside the operator");
                (error.id(), None)
            }
        };
        let Some(place) = self.ids.iter().position(|(known, ..)| *known == id) else { return Next::Gone };
        let (_, site, begun) = self.ids.remove(place);
        let now = Instant::now();
        let outcome = ended.as_ref().map_or(Outcome::Broken, |ended| ended.outcome);
        let took = now.saturating_duration_since(begun);
        self.context.signs.show(Sign::RoundEnded { site: (&site.namespace, &site.name), outcome, took });
        let Some(Ended { next, start, settled, outcome: _ }) = ended else {
            self.queue.failed(&site, now);
            return Next::Backoff;
        };
        self.tasks.forget(&settled);
        for order in start {
            self.tasks.start(&self.context, order);
        }
        match &next {
            Next::After(wait) | Next::HeldUp(wait) => self.queue.succeeded(&site, now + *wait),
            Next::Backoff => self.queue.failed(&site, now),
            Next::Gone | Next::Fenced => self.queue.gone(&site),
        }
        next
    }
}
