//! Traces by OTLP over HTTP: the spans of rounds, tasks, orders and requests. They leave in batches from a thread of their
//! own; a collector that does not answer costs the loop nothing.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::registry::LookupSpan;

use crate::exit::Failure;
use crate::web::Web;

/// One batch takes no longer; past it it is lost.
const SEND_LIMIT: Duration = Duration::from_secs(5);
/// Path that OTLP gives to traces.
const PATH: &str = "/v1/traces";

/// Sends spans until it is ended.
#[derive(Debug)]
pub(crate) struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// Sends what is left, for a moment.
    pub(crate) fn end(self) {
        // Nobody is left who could do anything about it.
        let _ = self.provider.shutdown_with_timeout(SEND_LIMIT);
    }
}

/// Begins to send.
pub(crate) fn start<S>(
    endpoint: &str,
    program: &'static str,
) -> Result<(OpenTelemetryLayer<S, SdkTracer>, Traces), Failure>
where
    S: tracing::Subscriber + for<'span> LookupSpan<'span>,
{
    let refused = |why: String| {
        Failure::Flag(format!("--otlp-endpoint {endpoint}: {why}; give for example http://127.0.0.1:4318"))
    };
    let uri: http::Uri = endpoint.parse().map_err(|error| refused(format!("{error}")))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) {
        return Err(refused("it must begin with http:// or https:// and name a host".to_owned()));
    }
    let endpoint = endpoint.trim_end_matches('/');
    let url = if endpoint.ends_with(PATH) { endpoint.to_owned() } else { format!("{endpoint}{PATH}") };
    let client = Sender { web: Arc::default(), runtime: tokio::runtime::Handle::current() };
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_endpoint(url)
        .with_timeout(SEND_LIMIT)
        .build()
        .map_err(|error| refused(error.to_string()))?;
    let resource = Resource::builder().with_service_name(program).build();
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer(program));
    Ok((layer, Traces { provider }))
}

/// The batches' thread has no runtime: the sockets are the program's.
#[derive(Clone, Debug)]
struct Sender {
    web: Arc<Web>,
    runtime: tokio::runtime::Handle,
}

type Sent<'a> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'a>>;

impl HttpClient for Sender {
    fn send_bytes<'life, 'sent>(&'life self, request: Request<Bytes>) -> Sent<'sent>
    where
        'life: 'sent,
        Self: 'sent,
    {
        let web = Arc::clone(&self.web);
        let sending = self.runtime.spawn(async move { tokio::time::timeout(SEND_LIMIT, web.bytes(request)).await });
        Box::pin(async move { Ok(sending.await???) })
    }
}

#[cfg(test)]
mod tests {
    use super::start;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tracing_subscriber::layer::SubscriberExt as _;

    #[test]
    fn an_address_that_is_none_is_refused_with_an_example() {
        for bad in ["127.0.0.1:4318", "ftp://x", "http://"] {
            let refused = start::<tracing_subscriber::Registry>(bad, "crm-test").err().unwrap();
            assert_eq!(refused.code(), 2, "{bad}");
            assert!(refused.to_string().contains("http://127.0.0.1:4318"), "{refused}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_collector_gets_the_spans_at_the_latest_at_the_end() {
        crate::start::choose_cryptography();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let collector = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut heard = Vec::new();
            let mut block = [0; 4096];
            while !heard.windows(9).any(|part| part == b"reconcile") {
                let length = stream.read(&mut block).await.unwrap();
                assert!(length > 0, "{}", String::from_utf8_lossy(&heard));
                heard.extend_from_slice(&block[..length]);
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
            String::from_utf8_lossy(&heard).into_owned()
        });
        let (layer, traces) = start(&endpoint, "crm-test").unwrap();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::info_span!("reconcile", site = "crm/contoso").in_scope(|| tracing::info!("x"));
        });
        tokio::task::spawn_blocking(|| traces.end()).await.unwrap();
        let heard = collector.await.unwrap();
        assert!(heard.starts_with("POST /v1/traces HTTP/1.1"), "{heard}");
        assert!(heard.contains("crm/contoso") && heard.contains("crm-test"), "{heard}");
    }
}
