//! Who tells a process to end: Kubernetes and service managers by SIGTERM, people by Ctrl-C, Windows by its console events.

/// Waits until the process is told to end, and says by what. Listening begins when this is first polled.
///
/// # Errors
/// When the system gives no signals.
#[cfg(unix)]
pub async fn told() -> std::io::Result<&'static str> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    })
}

/// Waits until the process is told to end, and says by what. Listening begins when this is first polled.
///
/// # Errors
/// When the system gives no signals.
#[cfg(windows)]
pub async fn told() -> std::io::Result<&'static str> {
    use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown};
    let (mut interrupt, mut pause, mut close, mut shutdown) =
        (ctrl_c()?, ctrl_break()?, ctrl_close()?, ctrl_shutdown()?);
    Ok(tokio::select! {
        _ = interrupt.recv() => "Ctrl-C",
        _ = pause.recv() => "Ctrl-Break",
        _ = close.recv() => "the closing of the console",
        _ = shutdown.recv() => "the shutdown of Windows",
    })
}
