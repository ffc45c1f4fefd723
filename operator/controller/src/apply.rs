//! Apply: the only writer. It carries out intents in list order and stops at the first that fails; the rest is decided
//! anew in the next round.
//!
//! Why a repeated, lost or concurrent write is harmless: creations have computed names, so a second one finds the first;
//! whatever orders something carries the resourceVersion that this round has read, so it fails if anybody wrote in
//! between; all else is server-side apply of a whole part that only the controller owns. What is equal is not written.

use std::collections::BTreeMap;

use crm_api::change::{CrmChangeSpec, CrmChangeStatus};
use crm_api::node::CrmNodeSpec;
use crm_api::{CrmBackup, CrmChange, CrmNode, CrmSite};
use crm_plan::intent::{Announcement, Intent};
use crm_plan::{Snapshot, snapshot::NodeView};
use kube::api::{Patch, PatchParams, PostParams, Request};
use kube::core::{NamespaceResourceScope, Resource};
use serde::Serialize;
use serde_json::{Value, json};

use crate::call::{CallError, Class, call};
use crate::claims;
use crate::context::Context;
use crate::events::{self, About};
use crate::ordered;
use crate::queue::SiteKey;
use crate::raw::{self, Head};
use crate::tasks::{Subject, TaskKey, TaskOrder, Work, is_run};

/// Why an intent was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApplyError {
    /// The term is over. Nothing was sent.
    #[error("not the leader any more")]
    NotLeader,
    /// A call failed; a lost answer may have had its effect.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The object was not there when this round looked, so there is no version that a write could depend on.
    #[error("{kind} {name} was not read in this round")]
    Unread {
        /// Its kind.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// Another change was faster.
    #[error("{claim} is held by a change of {holder} by now")]
    ClaimTaken {
        /// What was wanted.
        claim: String,
        /// Whose change.
        holder: String,
    },
    /// The content cannot be written as JSON.
    #[error("content of {what} is no JSON: {source}")]
    Content {
        /// Of what.
        what: &'static str,
        /// Why.
        source: serde_json::Error,
    },
}

impl ApplyError {
    /// What to do about it.
    pub(crate) fn class(&self) -> Class {
        match self {
            Self::NotLeader | Self::Unread { .. } | Self::ClaimTaken { .. } => Class::Retry,
            Self::Call(error) => error.class(),
            Self::Content { .. } => Class::Wait,
        }
    }

    /// In one word.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::NotLeader => "NotLeader",
            Self::Call(error) => error.reason(),
            Self::Unread { .. } => "Unread",
            Self::ClaimTaken { .. } => "ClaimTaken",
            Self::Content { .. } => "Content",
        }
    }
}

/// What became of the intents.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    /// Number of writes that the API server took.
    pub(crate) writes: u32,
    /// Tasks to start.
    pub(crate) tasks: Vec<TaskOrder>,
    /// What ended it before the last intent.
    pub(crate) stopped: Option<ApplyError>,
}

/// Carries out intents, one after the other, until one fails.
pub(crate) async fn apply(context: &Context, site: &SiteKey, snapshot: &Snapshot, intents: &[Intent]) -> Applied {
    let mut writer = Writer {
        context,
        site,
        snapshot,
        head: Head {
            resource_version: snapshot.site.metadata.resource_version.clone(),
            finalizers: snapshot.site.metadata.finalizers.clone().unwrap_or_default(),
        },
        written: BTreeMap::new(),
        applied: Applied::default(),
    };
    for intent in intents {
        if let Err(error) = writer.carry_out(intent).await {
            writer.applied.stopped = Some(error);
            break;
        }
    }
    writer.applied
}

/// Which part of an object a write is about.
#[derive(Clone, Copy)]
enum Part {
    Main,
    Status,
}

struct Writer<'a> {
    context: &'a Context,
    site: &'a SiteKey,
    snapshot: &'a Snapshot,
    /// The site's version and finalizers, as read or as our last write left them.
    head: Head,
    /// What this round wrote itself: version and status by kind and name. Only an unbroken chain of own writes on top of
    /// what was read may be built on.
    written: BTreeMap<(&'static str, String), (Option<String>, Value)>,
    applied: Applied,
}

impl Writer<'_> {
    async fn carry_out(&mut self, intent: &Intent) -> Result<(), ApplyError> {
        match intent {
            Intent::HoldSite => self.hold_site().await,
            Intent::CreateChange { name, spec } => self.create_change(name, spec).await,
            Intent::RecordChange { name, status } => self.record_change(name, status).await,
            Intent::CreateBackup { name, spec } => {
                let mut backup = CrmBackup::new(name, (**spec).clone());
                let change = (crm_api::CHANGE_LABEL.to_owned(), spec.change.clone());
                backup.metadata.labels = Some([self.site_label(), change].into());
                self.create("CrmBackup", name, backup).await
            }
            Intent::RecordBackup { name, status } => {
                let found = self.snapshot.backups.iter().find(|backup| backup.metadata.name.as_ref() == Some(name));
                let before = found.and_then(|backup| backup.status.as_ref());
                self.record::<CrmBackup>("CrmBackup", name, before, status, None).await
            }
            Intent::InstructNode { node, spec } => self.instruct_node(node, spec).await,
            Intent::RunTask { change, step, attempt, since, task, backup_file } => {
                let key = TaskKey {
                    namespace: self.site.namespace.clone(),
                    change: change.clone(),
                    subject: Subject::Step(step.clone()),
                    attempt: *attempt,
                };
                let (since, task, backup_file) = (*since, task.clone(), backup_file.clone());
                if is_run(&task) {
                    self.start(key, Work::Step { since, task, backup_file });
                } else {
                    tracing::warn!(step, "the planner judges this step itself; nothing to run");
                }
                Ok(())
            }
            Intent::DeliverNotice { change, number, attempt, secret, notice } => {
                let key = TaskKey {
                    namespace: self.site.namespace.clone(),
                    change: change.clone(),
                    subject: Subject::Notice(*number),
                    attempt: *attempt,
                };
                self.start(key, Work::Notice { secret: secret.clone(), notice: notice.clone() });
                Ok(())
            }
            Intent::RecordSite { status } => {
                let before = self.snapshot.site.status.as_ref();
                self.record::<CrmSite>("CrmSite", &self.site.name, before, status, None).await
            }
            Intent::Announce(word) => {
                self.announce(word).await;
                Ok(())
            }
            Intent::ReleaseSite => self.release_site().await,
        }
    }

    /// Found there already: nothing is written.
    async fn hold_site(&mut self) -> Result<(), ApplyError> {
        let mut finalizers = self.head.finalizers.clone();
        if finalizers.iter().any(|finalizer| finalizer == crm_api::SITE_FINALIZER) {
            return Ok(());
        }
        finalizers.push(crm_api::SITE_FINALIZER.to_owned());
        self.patch_finalizers(finalizers).await
    }

    /// Gone already: nothing is written.
    async fn release_site(&mut self) -> Result<(), ApplyError> {
        let mut finalizers = self.head.finalizers.clone();
        let before = finalizers.len();
        finalizers.retain(|finalizer| finalizer != crm_api::SITE_FINALIZER);
        if finalizers.len() == before {
            return Ok(());
        }
        self.patch_finalizers(finalizers).await
    }

    /// A merge patch replaces the whole list, so it carries the version that the list was read at.
    async fn patch_finalizers(&mut self, finalizers: Vec<String>) -> Result<(), ApplyError> {
        let version = self.head.resource_version.clone();
        let patch = json!({"metadata": {"resourceVersion": version, "finalizers": finalizers}});
        let params = PatchParams { field_manager: Some(crm_api::CONTROLLER.to_owned()), ..PatchParams::default() };
        let request = self.request::<CrmSite>().patch(&self.site.name, &params, &Patch::Merge(&patch));
        self.head = self.write("patch the finalizers", request).await?;
        Ok(())
    }

    /// No owner reference: the record survives the site.
    async fn create_change(&mut self, name: &str, spec: &CrmChangeSpec) -> Result<(), ApplyError> {
        let mut change = CrmChange::new(name, spec.clone());
        change.metadata.labels = Some([self.site_label()].into());
        self.create("CrmChange", name, change).await
    }

    fn site_label(&self) -> (String, String) {
        (crm_api::SITE_LABEL.to_owned(), self.site.name.clone())
    }

    /// Names are computed, so an object that is there already is the one that was meant. Its version is not known then,
    /// and what this round would write on top of it waits for the next.
    async fn create<K>(&mut self, kind: &'static str, name: &str, mut object: K) -> Result<(), ApplyError>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Serialize,
    {
        object.meta_mut().namespace = Some(self.site.namespace.clone());
        let body = serde_json::to_vec(&object).map_err(|source| ApplyError::Content { what: kind, source })?;
        let params = PostParams { field_manager: Some(crm_api::CONTROLLER.to_owned()), ..PostParams::default() };
        let request = self.request::<K>().create(&params, body);
        match self.write("create an object", request).await {
            Ok(created) => {
                self.written.insert((kind, name.to_owned()), (created.resource_version, Value::Null));
                Ok(())
            }
            Err(ApplyError::Call(error)) if error.is_already_exists() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The record comes before the order that it announces and is what other leaders read: it depends on the version
    /// that this round has judged.
    async fn record_change(&mut self, name: &str, status: &CrmChangeStatus) -> Result<(), ApplyError> {
        let found = self.snapshot.changes.iter().find(|change| change.metadata.name.as_deref() == Some(name));
        let before = found.and_then(|change| change.status.as_ref());
        let read = found.and_then(|change| change.metadata.resource_version.clone());
        let own = self.written.get(&("CrmChange", name.to_owned())).and_then(|(version, _)| version.clone());
        let version = own.or(read).ok_or_else(|| unread("CrmChange", name))?;
        let context = self.context;
        let _turn = claims::take_turn(context, self.site, before, status).await?;
        self.record::<CrmChange>("CrmChange", name, before, status, Some(version)).await?;
        tracing::debug!(change = name, step = status.step, phase = ?status.phase, "recorded");
        Ok(())
    }

    /// Applies a whole status, unless it is what is stored. Both are compared as JSON, where times have the precision
    /// that the API server keeps.
    async fn record<K>(
        &mut self,
        kind: &'static str,
        name: &str,
        before: Option<&(impl Serialize + Sync)>,
        status: &(impl Serialize + Sync),
        version: Option<String>,
    ) -> Result<(), ApplyError>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        let content = |source| ApplyError::Content { what: kind, source };
        let status = serde_json::to_value(status).map_err(content)?;
        let stored = match self.written.get(&(kind, name.to_owned())) {
            Some((_, written)) => written.clone(),
            None => serde_json::to_value(before).map_err(content)?,
        };
        if stored == status {
            return Ok(());
        }
        let answer = self.apply_part::<K>(kind, name, Part::Status, version, json!({"status": status})).await?;
        self.written.insert((kind, name.to_owned()), (answer.resource_version.clone(), status));
        if kind == "CrmSite" {
            self.head = answer;
        }
        Ok(())
    }

    /// An order given twice is one order: same id, same attempt, same place. An order on top of a node that somebody
    /// else has written to since (its agent, another leader) conflicts and is decided anew.
    async fn instruct_node(&mut self, name: &str, spec: &CrmNodeSpec) -> Result<(), ApplyError> {
        let NodeView { node, heartbeat: _ } = self.snapshot.node(name).ok_or_else(|| unread("CrmNode", name))?;
        let content = |source| ApplyError::Content { what: "CrmNode", source };
        let spec = serde_json::to_value(spec).map_err(content)?;
        let own = self.written.get(&("CrmNode", name.to_owned())).cloned();
        let (version, stored) = match own {
            Some(own) => own,
            None => (node.metadata.resource_version.clone(), serde_json::to_value(&node.spec).map_err(content)?),
        };
        if stored == spec {
            return Ok(());
        }
        let version = version.ok_or_else(|| unread("CrmNode", name))?;
        let body = json!({"spec": spec});
        let answer = self.apply_part::<CrmNode>("CrmNode", name, Part::Main, Some(version), body).await?;
        ordered::show(self.context, name, &stored, &spec);
        self.written.insert(("CrmNode", name.to_owned()), (answer.resource_version, spec));
        tracing::debug!(node = name, "instructed");
        Ok(())
    }

    /// Nothing is started here: a task runs in the background, and starting it twice is prevented by its key.
    fn start(&mut self, key: TaskKey, work: Work) {
        let object = self.snapshot.site.clone();
        self.applied.tasks.push(TaskOrder { key, site: self.site.clone(), object, work });
    }

    async fn announce(&self, word: &Announcement) {
        let change = word.change.as_ref().and_then(|name| {
            let found = self.snapshot.changes.iter().find(|change| change.metadata.name.as_ref() == Some(name))?;
            Some(("CrmChange", &found.metadata))
        });
        let (kind, metadata) = change.unwrap_or(("CrmSite", &self.snapshot.site.metadata));
        let about = About {
            kind: kind.to_owned(),
            namespace: metadata.namespace.clone(),
            name: metadata.name.clone().unwrap_or_default(),
            uid: metadata.uid.clone().unwrap_or_default(),
        };
        let site_uid = self.snapshot.site.metadata.uid.as_deref().unwrap_or_default();
        events::announce(self.context, self.site, site_uid, about, word).await;
    }

    /// Server-side apply of one part that only the controller owns.
    async fn apply_part<K>(
        &mut self,
        kind: &'static str,
        name: &str,
        part: Part,
        version: Option<String>,
        content: Value,
    ) -> Result<Head, ApplyError>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        let mut body = content;
        body["apiVersion"] = json!(crm_api::API_VERSION);
        body["kind"] = json!(kind);
        body["metadata"] = json!({"name": name, "namespace": self.site.namespace});
        if let Some(version) = version {
            body["metadata"]["resourceVersion"] = json!(version);
        }
        let (request, patch) = (self.request::<K>(), Patch::Apply(&body));
        let params = PatchParams::apply(crm_api::CONTROLLER).force();
        match part {
            Part::Main => self.write("apply a spec", request.patch(name, &params, &patch)).await,
            Part::Status => {
                self.write("apply a status", request.patch_subresource("status", name, &params, &patch)).await
            }
        }
    }

    fn request<K>(&self) -> Request
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Request::new(K::url_path(&(), Some(&self.site.namespace)))
    }

    /// The one place where something is sent: leadership is checked at the last moment before.
    async fn write(
        &mut self,
        what: &'static str,
        request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Result<Head, ApplyError> {
        if !self.context.term.may_write() {
            return Err(ApplyError::NotLeader);
        }
        let answer = call(what, raw::write(&self.context.client, request)).await?;
        self.applied.writes = self.applied.writes.saturating_add(1);
        Ok(answer)
    }
}

fn unread(kind: &'static str, name: &str) -> ApplyError {
    ApplyError::Unread { kind, name: name.to_owned() }
}
