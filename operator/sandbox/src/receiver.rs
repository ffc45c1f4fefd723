//! The receiver behind a site's webhook: it takes notices, drops those that it has seen, and can fail.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crm_api::notice::Notice;
use crm_controller::webhook::{Address, Post, PostError};
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::edge::{Fate, Lives, Moment, Points};
use crate::story::What;
use crate::witness::Witness;

/// A request takes so long there and back.
const ROUND_TRIP: Duration = Duration::from_millis(200);

/// The receiver of a scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Webhook {
    /// Its address, as the Secret of the site names it.
    pub url: String,
    /// Its first answers: status codes; 0 never answers. Afterwards it takes everything with 202.
    #[serde(default)]
    pub answers: Vec<u16>,
}

/// The receiver; clones are the same one.
#[derive(Clone)]
pub(crate) struct Receiver {
    webhook: Arc<Webhook>,
    witness: Witness,
    inbox: Arc<Mutex<Inbox>>,
}

#[derive(Debug, Default)]
struct Inbox {
    asked: usize,
    /// Bodies that it has taken, by id.
    taken: BTreeMap<String, Vec<u8>>,
}

impl Receiver {
    pub(crate) fn new(webhook: Option<Webhook>, witness: Witness) -> Self {
        Self { webhook: Arc::new(webhook.unwrap_or_default()), witness, inbox: Arc::default() }
    }

    /// What it has taken, each once: number and event, in the order of the ids.
    pub(crate) fn digest(&self) -> String {
        let inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        let mut notices: Vec<(i32, &str)> = Vec::new();
        for (id, body) in &inbox.taken {
            let number = id.rsplit('/').next().and_then(|number| number.parse().ok()).unwrap_or_default();
            let event = serde_json::from_slice::<Notice>(body).map_or("?", |notice| notice.event.name());
            notices.push((number, event));
        }
        notices.sort_unstable();
        notices.iter().map(|(number, event)| format!("{number} {event}")).collect::<Vec<_>>().join(", ")
    }

    /// The status with which a body is answered; none where it never is. The story says what came.
    fn answer(&self, address: &Address, body: &[u8]) -> Option<u16> {
        self.witness.shown("the body of a notice", body);
        if address.url() != self.webhook.url {
            self.witness.note(None, What::Told, "the webhook is asked at an address that it does not have");
            return Some(404);
        }
        let Ok(notice) = serde_json::from_slice::<Notice>(body) else {
            self.witness.note(None, What::Told, "the webhook got a body that is no notice");
            return Some(400);
        };
        let site = notice.site.clone();
        let (status, told) = self.take(notice, body);
        self.witness.note_at(&site, What::Told, &told);
        status
    }

    fn take(&self, notice: Notice, body: &[u8]) -> (Option<u16>, String) {
        let named = format!("{} {}", notice.event.name(), notice.id);
        let mut inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = self.webhook.answers.get(inbox.asked).copied();
        inbox.asked += 1;
        match answer {
            Some(0) => return (None, format!("the webhook does not answer to {named}")),
            Some(status) if !(200..300).contains(&status) => {
                return (Some(status), format!("the webhook answers {status} to {named}"));
            }
            Some(_) | None => {}
        }
        let told = match inbox.taken.get(&notice.id) {
            None => format!("the webhook has {named} for {}: {}", notice.recipients.join(", "), notice.message),
            Some(known) if known == body => format!("the webhook has {named} already and drops it"),
            Some(_) => format!("the webhook has another body of {named}"),
        };
        inbox.taken.entry(notice.id).or_insert_with(|| body.to_vec());
        (Some(answer.unwrap_or(202)), told)
    }
}

/// The way of one controller to the receiver: silent once that controller is dead, with a seam around every post.
pub(crate) struct ControllerPost {
    pub(crate) receiver: Receiver,
    pub(crate) identity: String,
    pub(crate) lives: Lives,
    pub(crate) points: Arc<Points>,
}

impl Post for ControllerPost {
    fn post(&self, address: Address, body: Vec<u8>) -> BoxFuture<'_, Result<u16, PostError>> {
        Box::pin(async move {
            self.lives.go_on(&self.identity).await;
            let number = self.points.controller_begins(format!("{} POST notice", self.identity));
            if self.points.controller_fate(&self.identity, number, Moment::Before) == Fate::Die {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(ROUND_TRIP).await;
            self.lives.go_on(&self.identity).await;
            let status = self.receiver.answer(&address, &body);
            let fate = self.points.controller_fate(&self.identity, number, Moment::After);
            match (fate, status) {
                (Fate::Die, _) | (Fate::Proceed, None) => std::future::pending().await,
                (Fate::LoseAnswer, _) => Err(PostError("the connection was reset".to_owned())),
                (Fate::Proceed, Some(status)) => Ok(status),
            }
        })
    }
}
