//! `/healthz`, `/readyz` and `/metrics`, by HTTP without TLS: to be reached from the pod's network or this machine only.
//! They show numbers and one sentence each, never an object.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::exit::Failure;

/// Connections at once. Past it new ones wait: one kubelet and one Prometheus need two.
const CONNECTIONS_MAX: usize = 32;
/// Whoever connects and asks nothing is not waited for any longer.
const HEAD_LIMIT: Duration = Duration::from_secs(5);
/// A connection that has not ended by then is ended.
const CONNECTION_LIMIT: Duration = Duration::from_secs(60);

/// What a process says of itself.
pub trait Vitals: Send + Sync {
    /// Whether it works; if not, why, in one sentence: it should be started anew.
    fn alive(&self) -> Result<(), String>;
    /// Whether it does its work or stands ready to; if not, why, in one sentence.
    fn ready(&self) -> Result<(), String>;
    /// The text of its metrics.
    fn metrics(&self) -> String;
}

/// Takes the address.
///
/// # Errors
/// When it is not to be had.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        Failure::Place(format!("cannot listen on {address}: {error}; choose another address with --listen"))
    })
}

/// Answers for ever.
pub async fn serve(listener: TcpListener, vitals: Arc<dyn Vitals>) -> Infallible {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return std::future::pending().await };
        match listener.accept().await {
            Ok((stream, _)) => {
                let vitals = Arc::clone(&vitals);
                tokio::spawn(async move {
                    converse(stream, vitals).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::debug!(%error, "a connection did not come about");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn converse(stream: TcpStream, vitals: Arc<dyn Vitals>) {
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        let response = answer(&*vitals, request.method(), request.uri().path());
        std::future::ready(Ok::<_, Infallible>(response))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .serve_connection(TokioIo::new(stream), service);
    match tokio::time::timeout(CONNECTION_LIMIT, connection).await {
        Ok(Ok(())) | Err(_) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a connection broke"),
    }
}

fn answer(vitals: &dyn Vitals, method: &Method, path: &str) -> Response<Full<Bytes>> {
    let judged = |judgement: Result<(), String>| match judgement {
        Ok(()) => (StatusCode::OK, "ok\n".to_owned()),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    };
    let (status, text) = match (method, path) {
        (&Method::GET | &Method::HEAD, "/healthz") => judged(vitals.alive()),
        (&Method::GET | &Method::HEAD, "/readyz") => judged(vitals.ready()),
        (&Method::GET | &Method::HEAD, "/metrics") => (StatusCode::OK, vitals.metrics()),
        (_, "/healthz" | "/readyz" | "/metrics") => (StatusCode::METHOD_NOT_ALLOWED, "only GET\n".to_owned()),
        _ => (StatusCode::NOT_FOUND, "there are /healthz, /readyz and /metrics\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let kind =
        if path == "/metrics" { "text/plain; version=0.0.4; charset=utf-8" } else { "text/plain; charset=utf-8" };
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}

#[cfg(test)]
mod tests {
    use super::{Vitals, listen, serve};
    use std::sync::Arc;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    struct HalfAwake;

    impl Vitals for HalfAwake {
        fn alive(&self) -> Result<(), String> {
            Ok(())
        }

        fn ready(&self) -> Result<(), String> {
            Err("the API server does not answer".to_owned())
        }

        fn metrics(&self) -> String {
            "x 1\n".to_owned()
        }
    }

    #[tokio::test]
    async fn each_endpoint_says_what_is_so() {
        let listener = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(serve(listener, Arc::new(HalfAwake)));
        for (ask, status, body) in [
            ("GET /healthz", "200", "ok\n"),
            ("GET /readyz", "503", "the API server does not answer\n"),
            ("GET /metrics", "200", "x 1\n"),
            ("POST /metrics", "405", "only GET\n"),
            ("GET /", "404", "there are /healthz, /readyz and /metrics\n"),
        ] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let request = format!("{ask} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{ask}: {answer}");
            assert!(answer.ends_with(&format!("\r\n\r\n{body}")), "{ask}: {answer}");
        }
        let taken = listen(address).await.unwrap_err();
        assert_eq!(taken.code(), 5);
        assert!(taken.to_string().contains("--listen"), "{taken}");
        server.abort();
    }
}
