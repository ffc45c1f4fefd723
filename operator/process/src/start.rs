//! What stands before everything else: which cryptography TLS uses, and the runtime.

use crate::exit::Failure;
use crate::logs::{self, LogFlags};

/// Runs a program to its end, with its log.
///
/// Two threads: the endpoints must answer while the loop does something long.
///
/// # Errors
/// What the program says, or that the system gives no threads.
pub fn run(
    log: &LogFlags,
    name: &'static str,
    program: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    choose_cryptography();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::Broken(format!("the system gives this process no threads: {error}")))?;
    let ended = runtime.block_on(async {
        let logging = logs::start(log, name)?;
        let ended = program.await;
        logging.end();
        ended
    });
    // What still reads from a slow disk or share must not hold the end up.
    runtime.shutdown_background();
    ended
}

/// The tree holds two providers of cryptography, so rustls cannot choose by itself.
pub fn choose_cryptography() {
    // Chosen already: that choice stands.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
