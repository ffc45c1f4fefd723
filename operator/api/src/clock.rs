//! The one clock. Decisions take `now` as an argument; the shells read it here.

use jiff::Timestamp;

/// Wall-clock time. It advances together with the runtime's timers, in the sandbox too.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;
}
