//! How long is waited after a failure. The length is a rule (`limits`); the chance in it is given from outside, so that
//! the same story gives the same bytes where nobody gives any.

use std::sync::Arc;
use std::time::Duration;

use crate::limits;

/// Spreads waits, so that those who failed together do not come back together.
pub trait Jitter: Send + Sync {
    /// A wait near the one that is given.
    fn spread(&self, wait: Duration) -> Duration;
}

/// Waits after failures.
#[derive(Clone, Default)]
pub(crate) struct Pace(Option<Arc<dyn Jitter>>);

impl Pace {
    pub(crate) fn with(jitter: Arc<dyn Jitter>) -> Self {
        Self(Some(jitter))
    }

    /// The wait after so many failures in a row.
    pub(crate) fn backoff(&self, failures: u32) -> Duration {
        self.spread(limits::backoff(failures))
    }

    /// A wait, spread where there is chance.
    pub(crate) fn spread(&self, wait: Duration) -> Duration {
        self.0.as_ref().map_or(wait, |jitter| jitter.spread(wait))
    }
}

impl std::fmt::Debug for Pace {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Pace").field(&self.0.is_some()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{Jitter, Pace};
    use std::sync::Arc;
    use std::time::Duration;

    struct Longer;

    impl Jitter for Longer {
        fn spread(&self, wait: Duration) -> Duration {
            wait + Duration::from_millis(1)
        }
    }

    #[test]
    fn without_chance_waits_are_exact_and_with_it_they_are_what_chance_makes_of_them() {
        assert_eq!(Pace::default().backoff(3), Duration::from_secs(4));
        assert_eq!(Pace::with(Arc::new(Longer)).backoff(3), Duration::from_millis(4001));
    }
}
