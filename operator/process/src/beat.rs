//! Whether the task of a loop is blocked: a beat in the same task stops with it.

use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often the task shows that it is not blocked.
const EVERY: Duration = Duration::from_secs(1);
/// A task that has not shown it for so long is blocked.
const LIMIT: Duration = Duration::from_secs(30);

/// The beats of one task.
#[derive(Debug)]
pub struct Beat(Mutex<Instant>);

impl Default for Beat {
    fn default() -> Self {
        Self(Mutex::new(Instant::now()))
    }
}

impl Beat {
    /// Beats for ever. To be polled in the task that is watched, beside its loop.
    pub async fn go_on(&self) -> Infallible {
        loop {
            self.at(Instant::now());
            tokio::time::sleep(EVERY).await;
        }
    }

    /// The task was not blocked at that moment.
    pub fn at(&self, now: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// Whether the task is not blocked.
    ///
    /// # Errors
    /// For how long it has been, in one sentence.
    pub fn heard_at(&self, now: Instant) -> Result<(), String> {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match now.saturating_duration_since(last) {
            silent if silent > LIMIT => Err(format!("the loop has been blocked for {} seconds", silent.as_secs())),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Beat, LIMIT};
    use std::time::{Duration, Instant};

    #[tokio::test]
    async fn a_task_that_stands_still_does_not_beat() {
        let beat = Beat::default();
        let later = Instant::now() + LIMIT + Duration::from_secs(1);
        assert!(beat.heard_at(later).unwrap_err().contains("blocked for 3"));
        assert_eq!(beat.heard_at(Instant::now()), Ok(()));
        // It beats as soon as its task is polled.
        let before = *beat.0.lock().unwrap();
        std::thread::sleep(Duration::from_millis(2));
        assert!(tokio::time::timeout(Duration::from_millis(1), beat.go_on()).await.is_err());
        assert!(*beat.0.lock().unwrap() > before);
    }
}
