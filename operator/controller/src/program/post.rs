//! The way to webhooks: one body, one status. TLS is checked, redirects are not followed, and what the receiver says beside
//! its status is not read.

use std::sync::Arc;

use crm_process::web::Web;
use futures::future::BoxFuture;

use crate::webhook::{Address, Post, PostError};

/// Posts over the network.
#[derive(Clone, Debug, Default)]
pub(super) struct Webhooks {
    web: Arc<Web>,
}

impl Post for Webhooks {
    fn post(&self, address: Address, body: Vec<u8>) -> BoxFuture<'_, Result<u16, PostError>> {
        Box::pin(async move { self.web.post_json(address.url(), body).await.map_err(PostError) })
    }
}
