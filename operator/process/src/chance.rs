//! The only random numbers of the programs: they keep processes apart, and nothing secret rests on them.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

use crm_api::pace::Jitter;

/// Real chance, for the waits of a program.
pub struct Chance;

impl Jitter for Chance {
    fn spread(&self, wait: Duration) -> Duration {
        near(wait)
    }
}

/// A number that nobody foresees: the standard library seeds each of its hash states from the system.
#[must_use]
pub fn number() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// A wait between three and five quarters of the given one.
#[must_use]
pub fn near(wait: Duration) -> Duration {
    let thousandths = 750 + u32::try_from(number() % 501).unwrap_or(250);
    wait.saturating_mul(thousandths) / 1000
}

/// The machine's name, or the pod's.
#[must_use]
pub fn machine_name() -> String {
    let host = ["HOSTNAME", "COMPUTERNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    let host = host.or_else(|| std::fs::read_to_string("/etc/hostname").ok()).unwrap_or_default();
    let host = host.trim();
    if host.is_empty() { "unnamed" } else { host }.to_owned()
}

/// A name for this process: the machine's, and something that no earlier life of it had.
#[must_use]
pub fn process_name() -> String {
    format!("{}-{:08x}", machine_name(), number() & 0xffff_ffff)
}

#[cfg(test)]
mod tests {
    use super::{near, number, process_name};
    use std::time::Duration;

    #[test]
    fn waits_stay_near_and_differ() {
        let waits: Vec<Duration> = (0..100).map(|_| near(Duration::from_secs(8))).collect();
        assert!(waits.iter().all(|wait| (6..=10).contains(&wait.as_secs())), "{waits:?}");
        assert!(waits.iter().any(|wait| *wait != waits[0]));
        assert_ne!(number(), number());
    }

    #[test]
    fn two_lives_have_two_names() {
        assert_ne!(process_name(), process_name());
    }
}
