//! How long a program waits after a failure. The rule stands here; the chance in it is given from outside, so that the same
//! story gives the same bytes where nobody gives any.

use std::sync::Arc;
use std::time::Duration;

/// Spreads waits, so that those who failed together do not come back together.
pub trait Jitter: Send + Sync {
    /// A wait near the one that is given.
    fn spread(&self, wait: Duration) -> Duration;
}

/// Waits after failures.
#[derive(Clone, Default)]
pub struct Pace(Option<Arc<dyn Jitter>>);

impl Pace {
    /// With chance.
    #[must_use]
    pub fn with(jitter: Arc<dyn Jitter>) -> Self {
        Self(Some(jitter))
    }

    /// The wait after so many failures in a row: it doubles from the first one up to the longest.
    #[must_use]
    pub fn after(&self, failures: u32, first: Duration, longest: Duration) -> Duration {
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1).min(16));
        self.spread(first.saturating_mul(doubled).min(longest))
    }

    /// A wait, spread where there is chance.
    #[must_use]
    pub fn spread(&self, wait: Duration) -> Duration {
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

    const FIRST: Duration = Duration::from_secs(1);
    const LONGEST: Duration = Duration::from_secs(60);

    struct Longer;

    impl Jitter for Longer {
        fn spread(&self, wait: Duration) -> Duration {
            wait + Duration::from_millis(1)
        }
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let pace = Pace::default();
        let waits: Vec<u64> = (1..=8).map(|failures| pace.after(failures, FIRST, LONGEST).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(pace.after(0, FIRST, LONGEST), FIRST);
        assert_eq!(pace.after(u32::MAX, FIRST, LONGEST), LONGEST);
    }

    #[test]
    fn with_chance_they_are_what_chance_makes_of_them() {
        assert_eq!(Pace::with(Arc::new(Longer)).after(3, FIRST, LONGEST), Duration::from_millis(4001));
    }
}
