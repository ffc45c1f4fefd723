//! Where requests come in on the side of the simulation. Each is answered between two moments of simulated time; what
//! follows of a watch is carried out line by line.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http::request::Parts;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Sleep;

use crate::cluster::{Cluster, wire};

/// Lines of a watch that wait for a slow reader.
const LINES_WAITING: usize = 64;

/// A request that came in.
pub(crate) struct Knock {
    /// Who asks.
    pub(super) user: Arc<str>,
    pub(super) parts: Parts,
    pub(super) body: Bytes,
    pub(super) reply: oneshot::Sender<Reply>,
}

/// What goes back; an error breaks the connection.
pub(super) type Reply = Result<Response<ReplyBody>, io::Error>;

/// The body of an answer, on the side of the listener.
pub(super) enum ReplyBody {
    Whole(Option<Bytes>),
    /// A watch, and when it ends in the time of this computer: set by the listener, whose clock it is.
    Lines(mpsc::Receiver<Bytes>, Option<Pin<Box<Sleep>>>),
}

impl ReplyBody {
    /// Lets a watch end after a while. Called in the runtime of the listener.
    pub(super) fn end_after(&mut self, time: Duration) {
        if let Self::Lines(_, until) = self {
            *until = Some(Box::pin(tokio::time::sleep(time)));
        }
    }
}

impl http_body::Body for ReplyBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Lines(lines, until) => {
                if let Poll::Ready(line) = lines.poll_recv(context) {
                    return Poll::Ready(line.map(|line| Ok(Frame::data(line))));
                }
                let is_over = until.as_mut().is_some_and(|until| until.as_mut().poll(context).is_ready());
                if is_over { Poll::Ready(None) } else { Poll::Pending }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                let length = bytes.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
            }
            Self::Lines(..) => SizeHint::default(),
        }
    }
}

/// Answers one request; in the runtime of the simulation.
pub(crate) async fn attend(cluster: Cluster, knock: Knock) {
    let Knock { user, parts, body, mut reply } = knock;
    let answer = tokio::select! {
        answer = wire::answer(&cluster, &user, parts, &body) => answer,
        // A fault of the run may keep an answer for ever; whoever asked may not wait so long.
        () = reply.closed() => return,
    };
    let (head, mut body) = match answer {
        Ok(response) => response.into_parts(),
        Err(error) => {
            let _ = reply.send(Err(io::Error::new(io::ErrorKind::ConnectionReset, error)));
            return;
        }
    };
    if !body.is_watch() {
        let whole = body.collect().await;
        let _ = reply.send(whole.map(|whole| Response::from_parts(head, ReplyBody::Whole(Some(whole.to_bytes())))));
        return;
    }
    let (lines, out) = mpsc::channel(LINES_WAITING);
    let _ = reply.send(Ok(Response::from_parts(head, ReplyBody::Lines(out, None))));
    loop {
        let frame = tokio::select! {
            frame = body.frame() => frame,
            () = lines.closed() => return,
        };
        let Some(Ok(frame)) = frame else { return };
        if lines.send(frame.into_data().unwrap_or_default()).await.is_err() {
            return;
        }
    }
}
