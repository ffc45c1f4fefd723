//! What `crm-operator` and `crm-agent` have in common as processes: flags of the log and of the cluster, the way to the API
//! server, endpoints, metrics, signals, exit codes. It knows nothing of what either of them does.
//!
//! - [`flags`]: how flags are shown in a guide; [`exit`]: exit codes, and sentences that end a program;
//! - [`cluster`]: from flags to a client, and the first words with the API server;
//! - [`logs`] and `traces`: where what `tracing` collects goes;
//! - [`metrics`]: a registry that knows what stands in it; [`requests`]: counts requests to the API server;
//! - [`endpoints`]: `/healthz`, `/readyz`, `/metrics`; [`web`]: requests to others than the API server;
//! - [`private`]: files that their owner alone reads; [`beat`]: whether a loop is blocked;
//! - [`stop`]: who tells a process to end; [`chance`]: the only random numbers; [`start`]: runtime and TLS.

pub mod beat;
pub mod chance;
pub mod cluster;
pub mod endpoints;
pub mod exit;
pub mod flags;
pub mod logs;
pub mod metrics;
pub mod private;
pub mod requests;
pub mod start;
pub mod stop;
#[cfg(feature = "otlp")]
mod traces;
pub mod web;

/// The clock of this computer.
#[derive(Clone, Copy, Debug, Default)]
pub struct WallClock;

impl crm_api::clock::Clock for WallClock {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::now()
    }
}

/// An error with its causes, on one line.
#[must_use]
pub fn told(error: &dyn std::error::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in std::iter::successors(Some(error), |error| error.source()) {
        let text = cause.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        // Many errors repeat their cause in their own text.
        if !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
    }
    parts.join(": ")
}
