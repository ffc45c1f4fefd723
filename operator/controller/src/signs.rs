//! What the loop shows of itself to whoever looks after the process: metrics, readiness, liveness. Nothing is decided by
//! it, and without a watcher nothing of it is even put together.

use std::sync::Arc;
use std::time::Duration;

use crm_api::change::ChangePhase;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

/// One thing that the loop has seen or done.
#[derive(Clone, Copy, Debug)]
pub enum Sign<'a> {
    /// The Lease was read: another controller leads.
    Following,
    /// The Lease could not be read, taken or renewed.
    LeaseFailed,
    /// The Lease is ours, taken or renewed.
    Leading {
        /// Epoch of the term.
        epoch: i64,
    },
    /// The term is over, whatever ended it.
    Deposed,
    /// A watch has its first list: what happens from now on is seen.
    Watching {
        /// The kind.
        kind: &'static str,
    },
    /// A watch failed and is tried again.
    WatchFailed {
        /// The kind.
        kind: &'static str,
    },
    /// How many sites wait for their time, and how many are being looked at.
    Queue {
        /// Those that wait.
        waiting: usize,
        /// Those that are being looked at.
        running: usize,
    },
    /// A round has begun.
    RoundBegan {
        /// Namespace and name of the site.
        site: (&'a str, &'a str),
    },
    /// A round has ended.
    RoundEnded {
        /// Namespace and name of the site.
        site: (&'a str, &'a str),
        /// How.
        outcome: Outcome,
        /// How long it took.
        took: Duration,
    },
    /// A site as a round has read it.
    Site {
        /// Namespace and name of the site.
        site: (&'a str, &'a str),
        /// Conditions in its status.
        conditions: &'a [Condition],
        /// Phases of its changes.
        phases: &'a [ChangePhase],
    },
    /// Orders that an agent had not been given before stand in its object now.
    Ordered {
        /// How many.
        orders: usize,
    },
}

/// How a round ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It was carried to its end.
    Done,
    /// It ended early and is tried again soon: a conflict, an answer that was lost.
    Retried,
    /// It cannot go on until somebody acts: a right that is missing, an object that does not parse.
    Blocked,
    /// The site is gone.
    Gone,
    /// A node obeys a higher epoch: this process does not lead any more.
    Fenced,
    /// It broke inside the operator.
    Broken,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Done, Self::Retried, Self::Blocked, Self::Gone, Self::Fenced, Self::Broken];

    /// In one word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Retried => "retried",
            Self::Blocked => "blocked",
            Self::Gone => "gone",
            Self::Fenced => "fenced",
            Self::Broken => "broken",
        }
    }
}

/// Looks after the process. It is called from inside the loop: it must neither block nor wait.
pub trait Watcher: Send + Sync {
    /// Is told of one sign.
    fn saw(&self, sign: Sign<'_>);
}

/// The watcher, where there is one.
#[derive(Clone, Default)]
pub(crate) struct Signs(Option<Arc<dyn Watcher>>);

impl Signs {
    pub(crate) fn to(watcher: Arc<dyn Watcher>) -> Self {
        Self(Some(watcher))
    }

    pub(crate) fn is_watched(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn show(&self, sign: Sign<'_>) {
        if let Some(watcher) = &self.0 {
            watcher.saw(sign);
        }
    }
}
