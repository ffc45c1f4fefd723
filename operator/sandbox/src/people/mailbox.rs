//! What a person notices: the operator's Events arrive like mail. Losing one is harmless, people also look by
//! themselves.

use std::time::Duration;

use futures::stream::{BoxStream, StreamExt as _};
use k8s_openapi::api::events::v1::Event;
use kube::api::{WatchEvent, WatchParams};
use kube::{Api, Client};
use tokio::time::Instant;

/// How long one watch lasts (the API server's usual upper bound).
const WATCH_SECS: u32 = 290;

/// One open watch.
type Events = BoxStream<'static, Result<WatchEvent<Event>, kube::Error>>;

/// The Events of one namespace.
pub(super) struct Mailbox {
    api: Api<Event>,
    stream: Option<Events>,
    /// Version from which the next watch goes on; empty: from now on.
    version: String,
}

impl Mailbox {
    pub(super) fn new(client: &Client, namespace: &str) -> Self {
        Self { api: Api::namespaced(client.clone(), namespace), stream: None, version: String::new() }
    }

    /// Waits for an Event, at most so long.
    pub(super) async fn wait(&mut self, most: Duration) {
        let deadline = Instant::now() + most;
        loop {
            let Ok(came) = tokio::time::timeout_at(deadline, self.next()).await else { return };
            if came {
                return;
            }
            // The watch ran out or was refused.
            self.stream = None;
            if tokio::time::timeout_at(deadline, tokio::time::sleep(Duration::from_secs(1))).await.is_err() {
                return;
            }
        }
    }

    /// Whether an Event came; false at the end of a watch.
    async fn next(&mut self) -> bool {
        if self.stream.is_none() {
            let params = WatchParams::default().timeout(WATCH_SECS);
            match self.api.watch(&params, &self.version).await {
                Ok(stream) => self.stream = Some(stream.boxed()),
                Err(_) => return false,
            }
        }
        let Some(stream) = &mut self.stream else { return false };
        match stream.next().await {
            Some(Ok(WatchEvent::Added(event) | WatchEvent::Modified(event) | WatchEvent::Deleted(event))) => {
                if let Some(version) = event.metadata.resource_version {
                    self.version = version;
                }
                true
            }
            Some(Ok(WatchEvent::Bookmark(bookmark))) => {
                self.version = bookmark.metadata.resource_version;
                false
            }
            Some(Ok(WatchEvent::Error(_))) => {
                self.version.clear();
                false
            }
            Some(Err(_)) | None => false,
        }
    }
}
