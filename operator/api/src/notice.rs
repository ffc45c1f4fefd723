//! What people are told about a change: when their users will be out, that they are out or back, and how it ended. What
//! was told is recorded in the change; a webhook gets it as a [`Notice`].

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Time;
use crate::change::Purpose;
use crate::site::{Product, SecretRef};

/// Who is told what about changes of a site, and when. Left out: events of Kubernetes only.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NoticesSpec {
    /// Who is meant: addresses, groups, a channel. Passed on to the webhook as it stands; the operator sends no mail.
    #[serde(default)]
    #[schemars(length(max = 32), inner(length(min = 1, max = 256)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub recipients: Vec<String>,
    /// Minutes before users are out at which people are reminded, for example `[1440, 60]`. A change that is approved
    /// later than that is announced when it is approved.
    #[serde(default)]
    #[schemars(length(max = 8), inner(range(min = 1, max = 20160)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub minutes_before: Vec<i32>,
    /// Where notices are posted to. Left out: they are recorded in the change and published as events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookSpec>,
}

/// Where notices are posted to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookSpec {
    /// Secret with the key `url`: an address that begins with `https://`. Such addresses carry tokens, so they stand in no
    /// manifest.
    pub url_ref: SecretRef,
}

/// What a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum NoticeEvent {
    /// A change was approved: when users will be out, and for how long.
    Planned,
    /// Users will be out soon.
    Reminder,
    /// Users are out.
    UsersOut,
    /// Users are back.
    UsersBack,
    /// The goal is proven, and the site was open all the time.
    Done,
    /// Everything was taken back; the site is as it was before.
    BackedOut,
    /// What was announced does not take place.
    CalledOff,
    /// Nothing goes on until a person acts.
    Halted,
}

impl NoticeEvent {
    /// Its name as it stands in bodies and events.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Planned => "Planned",
            Self::Reminder => "Reminder",
            Self::UsersOut => "UsersOut",
            Self::UsersBack => "UsersBack",
            Self::Done => "Done",
            Self::BackedOut => "BackedOut",
            Self::CalledOff => "CalledOff",
            Self::Halted => "Halted",
        }
    }
}

/// One notice in the record of a change. It is recorded before it is posted, so it is posted at least once whoever dies
/// in between.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ToldNotice {
    /// Its place among the notices of this change, from 1.
    pub number: i32,
    /// What it is about.
    pub event: NoticeEvent,
    /// When it was decided.
    pub at: Time,
    /// The sentence.
    #[schemars(length(max = 512))]
    pub message: String,
    /// When users are out, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closes_at: Option<Time>,
    /// When users are back: as expected, and from `UsersBack` on as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opens_at: Option<Time>,
    /// For a reminder: so many minutes before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes_before: Option<i32>,
    /// What became of it at the webhook.
    #[serde(default)]
    pub delivery: Delivery,
    /// Tries to post it that are over.
    #[serde(default)]
    pub tries: i32,
    /// When it is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_try_at: Option<Time>,
    /// When the receiver had taken it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<Time>,
    /// Why the last try failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub failure: Option<String>,
}

/// What became of a notice at the webhook.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Delivery {
    /// The site names no webhook.
    #[default]
    NotPosted,
    /// The receiver has not taken it yet.
    Pending,
    /// The receiver has taken it.
    Delivered,
    /// The receiver did not take it for so long that it says nothing any more.
    GivenUp,
}

/// The body that a webhook gets, as JSON. Later versions may add fields; a receiver ignores those that it does not know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// `crm-operator.io/v1alpha1`.
    pub api_version: String,
    /// `Notice`.
    pub kind: String,
    /// The same for every try to deliver this notice, and for no other notice: `NAMESPACE/CHANGE/NUMBER`. A receiver drops
    /// what it has seen.
    pub id: String,
    /// What it is about.
    pub event: NoticeEvent,
    /// Namespace of the site.
    pub namespace: String,
    /// Name of the `CrmSite`.
    pub site: String,
    /// Its product.
    pub product: Product,
    /// Name of the `CrmChange`.
    pub change: String,
    /// What the change is for.
    pub purpose: Purpose,
    /// Release at which the site was before.
    pub from: String,
    /// Release that the change leads to.
    pub to: String,
    /// `spec.notices.recipients` of the site.
    pub recipients: Vec<String>,
    /// One sentence for people, times in the site's own time zone.
    pub message: String,
    /// When it was decided.
    pub at: Time,
    /// When users are out, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closes_at: Option<Time>,
    /// When users are back: as expected, and from `UsersBack` on as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opens_at: Option<Time>,
    /// Time zone in which the message speaks.
    pub time_zone: String,
}

impl Notice {
    /// [`Notice::kind`].
    pub const KIND: &str = "Notice";
}

/// Longest sentence of a notice, in characters.
pub const MESSAGE_CHARS_MAX: usize = 512;
/// Notices that a change keeps; the oldest that need nothing more are dropped.
pub const TOLD_MAX: usize = 48;

/// The JSON schema of the body that a webhook gets.
#[must_use]
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(Notice)
}
