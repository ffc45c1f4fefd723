//! How fast simulated time passes.
//!
//! The runtime of the simulation jumps from one thing that happens to the next (tokio's paused clock), each at its exact
//! time. To slow it down it is stopped at regular moments of simulated time until the time of this computer has caught up.
//! While it is stopped everybody who has something to do still does it: requests are answered at that moment. A blocking
//! task is what keeps tokio from jumping.

use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::{Duration, Instant};

/// Real time between two stops.
const FRAME: Duration = Duration::from_millis(100);
/// Lost time is not made up for beyond this: a computer that was asleep does not race afterwards.
const BEHIND_MAX: Duration = Duration::from_secs(1);
/// How fast time passes at rest, where it jumps otherwise: an hour per minute.
const AT_REST: u32 = 60;

/// How many simulated seconds pass in one of this computer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speed {
    /// So many.
    Times(NonZeroU32),
    /// As many as can be computed while something is under way; an hour per minute at rest.
    Max,
}

/// A speed that cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error("expected a whole number from 1 (as this computer) to 100000, or max; 60 lets an hour pass in a minute")]
pub struct SpeedError;

impl Default for Speed {
    fn default() -> Self {
        Self::Times(NonZeroU32::new(AT_REST).unwrap_or(NonZeroU32::MIN))
    }
}

impl FromStr for Speed {
    type Err = SpeedError;

    fn from_str(text: &str) -> Result<Self, SpeedError> {
        if text == "max" {
            return Ok(Self::Max);
        }
        let times = text.parse::<NonZeroU32>().map_err(|_| SpeedError)?;
        if times.get() > 100_000 { Err(SpeedError) } else { Ok(Self::Times(times)) }
    }
}

impl Speed {
    fn times(self) -> u32 {
        match self {
            Self::Times(times) => times.get(),
            Self::Max => AT_REST,
        }
    }
}

/// Keeps the pace until it is dropped. `is_under_way` is asked where time may jump; `on_stop` is told of each stop.
pub(crate) async fn keep(speed: Speed, is_under_way: impl Fn() -> bool, on_stop: impl Fn()) {
    let mut due = Instant::now();
    loop {
        tokio::time::sleep(FRAME * speed.times()).await;
        due += FRAME;
        let now = Instant::now();
        if speed == Speed::Max && is_under_way() {
            due = now;
            // Requests that came in meanwhile are answered before the next jump.
            tokio::task::yield_now().await;
            continue;
        }
        if now > due + BEHIND_MAX {
            due = now;
        }
        let pause = due.saturating_duration_since(now);
        // The join only fails where the runtime ends, and with it this task.
        let _ = tokio::task::spawn_blocking(move || std::thread::sleep(pause)).await;
        on_stop();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::{Duration, Instant};

    use super::{FRAME, Speed, keep};

    #[test]
    fn speeds_are_whole_numbers_or_max() {
        assert_eq!("max".parse::<Speed>().unwrap(), Speed::Max);
        assert_eq!("60".parse::<Speed>().unwrap(), Speed::default());
        for wrong in ["", "0", "-1", "1.5", "fast", "100001"] {
            assert!(wrong.parse::<Speed>().is_err(), "{wrong}");
        }
    }

    /// Simulated time between stops, each with the real time it took at least.
    #[test]
    fn time_is_held_up_at_stops_and_passes_exactly_between_them() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (began, began_simulated) = (Instant::now(), tokio::time::Instant::now());
            let stops = Cell::new(0);
            let timer = async {
                // Not a multiple of a frame: nobody is woken late for that.
                tokio::time::sleep(Duration::from_millis(9_999)).await;
                assert_eq!(began_simulated.elapsed(), Duration::from_millis(9_999));
                tokio::time::sleep(Duration::from_millis(2_002)).await;
            };
            tokio::select! {
                () = keep("60".parse().unwrap(), || false, || stops.set(stops.get() + 1)) => {}
                () = timer => {}
            }
            // 12.001 simulated seconds contain two stops at 60 times the speed.
            assert_eq!(stops.get(), 2);
            assert!(began.elapsed() >= FRAME * 2);
        });
    }
}
