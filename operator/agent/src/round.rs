//! Looks at the machine again and again, and keeps the node's status and its sign of life true.
//!
//! The sign of life is renewed only after the answers of a complete look are stored, and carries the time at which that
//! look began: it says that everything in the status was so then or later. A result that has ended is stored only
//! together with answers that were read after the end.

use std::sync::Arc;
use std::time::Duration;

use crm_api::clock::Clock;
use crm_api::node::CrmNodeStatus;
use crm_api::order::{OrderPhase, OrderResult};
use crm_api::pace::Pace;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::Watcher;
use crate::host::Host;
use crate::link::{AGAIN_FIRST, AGAIN_LONGEST};
use crate::observe;
use crate::owner::{Me, Standing};
use crate::report::{self, Seen};
use crate::spec::Spec;
use crate::turn::{Progress, changed};

/// How often the machine is looked at when nothing is under way.
pub(crate) const OBSERVE_AT_REST: Duration = Duration::from_secs(5 * 60);
/// How often it is looked at under an order, or while the controller asks for attention.
pub(crate) const OBSERVE_UNDER_ORDER: Duration = Duration::from_secs(30);
/// A look that takes longer than its interval is not followed by the next one at once.
const BREATH: Duration = Duration::from_secs(5);
/// So many missed renewals make a node stale.
const MISSED_RENEWALS: u32 = 3;

/// Where status and sign of life are kept.
pub(crate) trait Store {
    /// Why they could not be kept.
    type Error: std::fmt::Display;
    /// Replaces the status.
    fn store(&self, status: &CrmNodeStatus) -> impl Future<Output = Result<(), Self::Error>> + Send;
    /// Renews the sign of life.
    fn renew(&self, at: Timestamp, duration: Duration) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// What an agent says of itself, and to whom else.
pub(crate) struct About {
    /// Version of the agent.
    pub(crate) version: String,
    /// Who it is.
    pub(crate) me: Me,
    /// Who watches over it.
    pub(crate) watcher: Arc<dyn Watcher>,
}

/// The part of the agent that looks and reports.
pub(crate) struct Eye<S> {
    host: Arc<dyn Host>,
    clock: Arc<dyn Clock>,
    store: S,
    about: About,
    pace: Pace,
    /// Writes that failed, in a row.
    failures: u32,
    seen: Option<Seen>,
    looked: Instant,
    /// Results that had ended before the last look began.
    covered: Vec<(String, i32)>,
    /// The status as it is known to stand there, and the object that it stands in.
    stored: Option<(Option<String>, CrmNodeStatus)>,
    renewed: Option<Timestamp>,
    standing: Option<Standing>,
}

impl<S: Store> Eye<S> {
    pub(crate) fn new(host: Arc<dyn Host>, clock: Arc<dyn Clock>, store: S, about: About, pace: Pace) -> Self {
        Self {
            host,
            clock,
            store,
            about,
            pace,
            failures: 0,
            seen: None,
            looked: Instant::now(),
            covered: Vec::new(),
            stored: None,
            renewed: None,
            standing: None,
        }
    }

    /// Looks and reports until it is dropped.
    pub(crate) async fn look_and_report(
        mut self,
        mut spec: watch::Receiver<Option<Arc<Spec>>>,
        mut progress: watch::Receiver<Progress>,
    ) {
        loop {
            let wanted = spec.borrow_and_update().clone().filter(|spec| spec.uid.is_some());
            let known = progress.borrow_and_update().clone();
            let pause = match wanted {
                Some(wanted) => self.round(&wanted, &known).await,
                None => OBSERVE_AT_REST,
            };
            tokio::select! {
                biased;
                () = changed(&mut spec) => {}
                () = changed(&mut progress) => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// One round: looks if that is due, stores what changed, renews the sign of life. Says when to come again.
    pub(crate) async fn round(&mut self, spec: &Spec, progress: &Progress) -> Duration {
        if self.stand(spec) == Standing::Another {
            return OBSERVE_AT_REST;
        }
        let results = report::results(&spec.wish, progress, self.clock.now());
        let often = spec.attentive || report::busy(&spec.wish, progress);
        let interval = if often { OBSERVE_UNDER_ORDER } else { OBSERVE_AT_REST };
        let seen = match self.seen.take().filter(|seen| !self.look_is_due(spec, seen, &results, interval)) {
            Some(seen) => seen,
            None => self.look(spec, &results).await,
        };
        let status = report::compose(&self.about, &seen, &spec.wish, results, progress);
        let at = seen.at;
        self.seen = Some(seen);
        if let Err(error) = self.write(spec, status, at, interval).await {
            tracing::warn!(%error, "the status cannot be stored; trying again");
            self.failures = self.failures.saturating_add(1);
            return self.pace.after(self.failures, AGAIN_FIRST, AGAIN_LONGEST);
        }
        self.failures = 0;
        interval.saturating_sub(self.looked.elapsed()).max(BREATH)
    }

    /// Whose the node is; said once when that changes.
    fn stand(&mut self, spec: &Spec) -> Standing {
        let standing = self.about.me.standing(&spec.status);
        if self.standing.replace(standing) != Some(standing) {
            self.about.watcher.saw(standing);
            if standing == Standing::Another {
                tracing::error!(
                    machine = spec.status.machine,
                    this = self.about.me.machine,
                    "the CrmNode is another machine's, so this one does nothing: it looks like a copy of that one. If this is the \
                     one that shall go on: kubectl crm node revoke, then enroll it anew"
                );
            }
        }
        standing
    }

    fn look_is_due(&self, spec: &Spec, seen: &Seen, results: &[OrderResult], interval: Duration) -> bool {
        let ended = ended(results);
        seen.of != (spec.uid.clone(), spec.generation)
            || ended.iter().any(|attempt| !self.covered.contains(attempt))
            || self.looked.elapsed() >= interval
    }

    async fn look(&mut self, spec: &Spec, results: &[OrderResult]) -> Seen {
        self.looked = Instant::now();
        self.covered = ended(results);
        let at = self.clock.now();
        let of = (spec.uid.clone(), spec.generation);
        // Someone may have put an older status back; by now our own writes have come round.
        if self.stored.as_ref().is_none_or(|(uid, status)| *uid != spec.uid || *status != spec.status) {
            self.stored = Some((spec.uid.clone(), spec.status.clone()));
        }
        let answers = observe::ask_all(&*self.host, &spec.probes).await;
        let before = self.stored.as_ref().map_or(&[][..], |(_, status)| &status.observations);
        Seen { of, at, observations: report::observations(answers, before, at) }
    }

    async fn write(
        &mut self,
        spec: &Spec,
        status: CrmNodeStatus,
        at: Timestamp,
        interval: Duration,
    ) -> Result<(), S::Error> {
        let stands = self.stored.as_ref().is_some_and(|(uid, stored)| *uid == spec.uid && *stored == status);
        if !stands {
            self.store.store(&status).await?;
            self.stored = Some((spec.uid.clone(), status));
        }
        if self.renewed != Some(at) {
            self.store.renew(at, interval * MISSED_RENEWALS).await?;
            self.renewed = Some(at);
        }
        Ok(())
    }
}

fn ended(results: &[OrderResult]) -> Vec<(String, i32)> {
    results
        .iter()
        .filter(|result| result.phase == OrderPhase::Ended)
        .map(|result| (result.id.clone(), result.attempt))
        .collect()
}
