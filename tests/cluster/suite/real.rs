//! The real API server in the place of the sandbox's model: controller, agents and people of a story meet it and nothing
//! else. They ask from the thread of the simulation, which stands still until the answer is there.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use crm_sandbox::cluster::{Asked, Lines, Opened, Upstream};
use futures::StreamExt as _;
use http_body_util::BodyExt as _;
use kube::client::Body;

use crate::identities::{Grants, acting_as};
use crate::server::Server;

/// The server, for one story after the other.
pub(crate) struct RealApi {
    server: Arc<Server>,
    grants: Grants,
}

impl RealApi {
    /// With the rights and policies of a real installation.
    pub(crate) fn on(server: Server) -> Arc<Self> {
        server.with_policies();
        Arc::new(Self { server: Arc::new(server), grants: Grants::default() })
    }

    /// The server itself, for whoever does something to it.
    pub(crate) fn server(&self) -> &Server {
        &self.server
    }
}

impl Upstream for RealApi {
    fn begins(&self) {
        self.server.clear();
    }

    fn ask(&self, asked: &Asked) -> io::Result<(u16, Bytes)> {
        self.grants.prepare(&self.server, &asked.parts.method, &asked.body);
        self.server.answer(as_asked(asked))
    }

    fn watch(&self, asked: &Asked, lines: Lines) -> io::Result<Opened> {
        let (code, body) = self.server.open(as_asked(asked))?;
        if code == 200 {
            self.server.spawn(hand_over(body, lines));
            return Ok(Opened::Watching);
        }
        Ok(Opened::Refused(code, self.server.whole(body)?))
    }
}

/// The same request under the identity that asks.
fn as_asked(asked: &Asked) -> http::Request<Vec<u8>> {
    let mut request = http::Request::builder().method(asked.parts.method.clone()).uri(asked.parts.uri.clone());
    for name in [http::header::CONTENT_TYPE, http::header::ACCEPT, http::header::USER_AGENT] {
        if let Some(value) = asked.parts.headers.get(&name) {
            request = request.header(name, value);
        }
    }
    let mut request = request.body(asked.body.to_vec()).expect("a request that the sandbox has understood is one");
    request.headers_mut().extend(acting_as(&asked.identity));
    request
}

/// Reads a watch until it ends or nobody wants it any more.
async fn hand_over(body: Body, mut lines: Lines) {
    let mut frames = body.into_data_stream();
    loop {
        let frame = tokio::select! {
            frame = frames.next() => frame,
            () = lines.closed() => return,
        };
        match frame {
            Some(Ok(bytes)) => lines.push(&bytes),
            Some(Err(error)) => return lines.broken(io::Error::new(io::ErrorKind::ConnectionReset, error)),
            None => return,
        }
    }
}
