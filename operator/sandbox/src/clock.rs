//! The clock of the simulated world: a start, plus what the runtime's paused clock has advanced since.

use std::sync::Arc;

use crm_api::clock::Clock;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::cluster;

/// Simulated wall-clock time. Make it inside the runtime whose timers it shall follow.
#[derive(Clone, Copy, Debug)]
pub struct SimClock {
    start: Timestamp,
    origin: Instant,
}

impl SimClock {
    /// A clock that shows `start` at this moment.
    #[must_use]
    pub fn starting_at(start: Timestamp) -> Self {
        Self { start, origin: Instant::now() }
    }

    /// The same clock in the form that the cluster takes.
    #[must_use]
    pub fn for_cluster(self) -> cluster::Clock {
        Arc::new(move || self.now())
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        let passed = Instant::now().saturating_duration_since(self.origin);
        self.start.checked_add(passed).unwrap_or(self.start)
    }
}
