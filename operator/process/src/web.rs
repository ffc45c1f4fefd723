//! Requests to others than the API server: a webhook, a page that shall answer. TLS is checked against the certificates
//! that the system trusts; redirects are not followed; no more of an answer is kept than was asked for.

use std::sync::OnceLock;

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::told;

/// A client. Connections are made when they are needed.
#[derive(Debug, Default)]
pub struct Web {
    client: OnceLock<Client<HttpsConnector<HttpConnector>, Full<Bytes>>>,
}

impl Web {
    /// Reading the system's certificates takes a moment, so it waits for the first request.
    fn client(&self) -> Result<&Client<HttpsConnector<HttpConnector>, Full<Bytes>>, String> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let connector = HttpsConnectorBuilder::new()
            .with_native_roots()
            .map_err(|error| format!("the certificates that this system trusts cannot be read: {error}"))?
            .https_or_http()
            .enable_http1()
            .build();
        // A connection that was kept may be dead; and notices and probes come minutes apart.
        let made = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        Ok(self.client.get_or_init(|| made))
    }

    /// Posts JSON; gives the status code of the answer.
    ///
    /// # Errors
    /// When no answer came; what was posted may have been taken all the same.
    pub async fn post_json(&self, url: &str, body: Vec<u8>) -> Result<u16, String> {
        let request = Request::post(url)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, concat!("crm-operator/", env!("CARGO_PKG_VERSION")))
            .body(Full::new(Bytes::from(body)));
        Ok(self.send(request).await?.status().as_u16())
    }

    /// Status code of a GET.
    ///
    /// # Errors
    /// When no answer came.
    pub async fn status(&self, url: &str) -> Result<u16, String> {
        let request = Request::get(url).header(header::USER_AGENT, "crm-operator").body(Full::default());
        Ok(self.send(request).await?.status().as_u16())
    }

    /// Status code and body of a GET that asks for this type.
    ///
    /// # Errors
    /// When no answer came, or one of more than so many bytes.
    pub async fn body(&self, url: &str, accept: &str, bytes_max: usize) -> Result<(u16, Vec<u8>), String> {
        let request = Request::get(url)
            .header(header::ACCEPT, accept)
            .header(header::USER_AGENT, "crm-operator")
            .body(Full::default());
        let response = self.send(request).await?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), bytes_max).collect().await;
        let body = body.map_err(|error| format!("the answer cannot be read to its end: {error}"))?;
        Ok((status, body.to_bytes().to_vec()))
    }

    /// Sends a request as it is, and gives the whole answer.
    ///
    /// # Errors
    /// When no answer came, or a long one.
    #[cfg(feature = "otlp")]
    pub(crate) async fn bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, String> {
        /// A collector answers with a few numbers.
        const BYTES_MAX: usize = 64 * 1024;
        let (head, body) = self.send(Ok(request.map(Full::new))).await?.into_parts();
        let body = Limited::new(body, BYTES_MAX).collect().await;
        let body = body.map_err(|error| format!("the answer cannot be read to its end: {error}"))?;
        Ok(Response::from_parts(head, body.to_bytes()))
    }

    async fn send(&self, request: http::Result<Request<Full<Bytes>>>) -> Result<Response<Incoming>, String> {
        let request = request.map_err(|error| format!("no request can be made of it: {error}"))?;
        self.client()?.request(request).await.map_err(|error| told(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::Web;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    /// Answers one request with this text and gives what was asked.
    async fn once(answer: &'static str) -> (String, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/x?y=1", listener.local_addr().unwrap());
        let asked = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = vec![0; 4096];
            let length = stream.read(&mut asked).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8_lossy(&asked[..length]).into_owned()
        });
        (url, asked)
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_and_is_not_followed() {
        crate::start::choose_cryptography();
        let (url, asked) =
            once("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n").await;
        assert_eq!(Web::default().post_json(&url, b"{}".to_vec()).await, Ok(302));
        let asked = asked.await.unwrap();
        assert!(asked.starts_with("POST /x?y=1 HTTP/1.1\r\n") && asked.contains("application/json"), "{asked}");
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit_only() {
        crate::start::choose_cryptography();
        let (url, _) = once("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde").await;
        assert_eq!(Web::default().body(&url, "application/json", 5).await, Ok((200, b"abcde".to_vec())));
        let (url, _) = once("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabcdef").await;
        assert!(Web::default().body(&url, "application/json", 5).await.is_err());
        assert!(Web::default().status("http://127.0.0.1:1/").await.is_err());
    }
}
