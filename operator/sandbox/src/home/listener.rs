//! The listener on loopback: HTTP/1.1 over TLS, in a thread of its own with an ordinary runtime. It lets in whoever has a
//! token and hands the rest over; it ends with this process' signal to end, and with it everything.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, Request, Response, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use super::credentials::{Credentials, user_of};
use super::desk::{Knock, Reply, ReplyBody};
use crate::cluster::wire;

/// A body of this size is refused by the API itself; nobody reads more of it.
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Whoever connects and does not speak TLS is let go.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// Between two requests a connection may be silent for so long: kubectl keeps it for as long as it runs.
const HEAD_WITHIN: Duration = Duration::from_secs(120);
/// Connections at once; each asks one thing at a time, which also bounds what waits to be answered.
const CONNECTIONS_MAX: usize = 256;
/// A connection that could not be taken (no file is left for it, say) is followed by a pause.
const BREATH: Duration = Duration::from_millis(100);
/// How long a watch lasts that names no time: the lower end of the real server's random choice.
const WATCH_LASTS: Duration = Duration::from_secs(1_800);

/// An open listener.
pub(super) struct Listener {
    pub(super) address: SocketAddr,
}

/// Opens it. When this process is told to end, the listener goes, and with it the sender of `knocks`.
pub(super) fn open(port: u16, credentials: &Credentials, knocks: UnboundedSender<Knock>) -> io::Result<Listener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let door = Door { tls: credentials.tls.clone(), tokens: credentials.tokens().into(), knocks };
    std::thread::Builder::new().name("listener".to_owned()).spawn(move || {
        runtime.block_on(async {
            // Registered before anything else: from here on Ctrl-C ends the sandbox in good order.
            let ended = told_to_end();
            let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
            let serve = async {
                let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
                while let Ok(place) = Arc::clone(&places).acquire_owned().await {
                    let Ok((stream, _)) = listener.accept().await else {
                        tokio::time::sleep(BREATH).await;
                        continue;
                    };
                    let visit = door.clone().let_in(stream);
                    tokio::spawn(async move {
                        visit.await;
                        drop(place);
                    });
                }
            };
            tokio::select! {
                () = ended => {}
                () = serve => {}
            }
        });
    })?;
    Ok(Listener { address })
}

/// Ctrl-C, or the signal by which a service is ended.
async fn told_to_end() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    {
        let _ = tokio::signal::ctrl_c().await;
    }
}

#[derive(Clone)]
struct Door {
    tls: TlsAcceptor,
    tokens: Arc<[(Arc<str>, String)]>,
    knocks: UnboundedSender<Knock>,
}

impl Door {
    async fn let_in(self, stream: TcpStream) {
        // Nagle's algorithm would hold back the lines of a watch. Without the option they are late, not lost.
        let _ = stream.set_nodelay(true);
        let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE_WITHIN, self.tls.accept(stream)).await else { return };
        let service = service_fn(move |request| {
            let door = self.clone();
            async move { door.answer(request).await }
        });
        // A connection that breaks has nobody left who could be told.
        let _ = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_WITHIN)
            .serve_connection(TokioIo::new(stream), service)
            .await;
    }

    async fn answer(self, request: Request<Incoming>) -> Reply {
        let (parts, body) = request.into_parts();
        let text = |name: HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let Some(user) = user_of(&self.tokens, text(header::AUTHORIZATION)) else {
            return own(wire::unauthorized()).await;
        };
        if parts.headers.keys().any(|name| name.as_str().starts_with("impersonate-")) {
            return own(wire::no_impersonation()).await;
        }
        let body = match Limited::new(body, BODY_BYTES_MAX).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => return own(wire::unreadable(&error.to_string())).await,
        };
        let lasts = watch_time(parts.uri.query().unwrap_or_default());
        let (reply, answered) = oneshot::channel();
        // Where the other side is gone, the sandbox ends.
        let gone = || io::Error::from(io::ErrorKind::ConnectionAborted);
        self.knocks.send(Knock { user, parts, body, reply }).map_err(|_| gone())?;
        let mut response = answered.await.unwrap_or_else(|_| Err(gone()))?;
        response.body_mut().end_after(lasts);
        Ok(response)
    }
}

/// An answer that needs no simulation.
async fn own(response: Response<wire::WireBody>) -> Reply {
    let (head, body) = response.into_parts();
    let body = body.collect().await?;
    Ok(Response::from_parts(head, ReplyBody::Whole(Some(body.to_bytes()))))
}

fn watch_time(query: &str) -> Duration {
    let asked = query.split('&').find_map(|pair| pair.strip_prefix("timeoutSeconds=")?.parse().ok());
    asked.map_or(WATCH_LASTS, Duration::from_secs)
}
