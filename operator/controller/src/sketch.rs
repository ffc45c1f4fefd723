//! What the watches read of an object: enough to know whom it concerns. Everything else is passed over unread, also what
//! does not parse, so that a round can say so.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crm_api::change::ChangePhase;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::api::ApiResource;
use kube::core::{DynamicResourceScope, Resource};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::queue::SiteKey;

/// The outline of an object of any kind.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Sketch {
    #[serde(deserialize_with = "outline")]
    metadata: ObjectMeta,
    spec: SketchSpec,
    status: Option<SketchStatus>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SketchSpec {
    site: Value,
    site_uid: Value,
    claims: Value,
    components: Value,
    database: Value,
    #[serde(deserialize_with = "sites")]
    asked: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SketchStatus {
    phase: Value,
    claims_held: Value,
}

/// What others need to know of a change that is not over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OpenChange {
    /// The site that it belongs to, where it says one.
    pub(crate) site: Option<SiteKey>,
    /// The uid of that site, where it says one.
    pub(crate) site_uid: Option<String>,
    /// The same for people.
    pub(crate) holder: String,
    pub(crate) held: Vec<String>,
    pub(crate) wanted: Vec<String>,
    /// When it was created.
    pub(crate) since: Option<Timestamp>,
}

impl Sketch {
    /// The name of the site that it belongs to: from its spec, which cannot be edited; by the label where the spec does
    /// not say.
    pub(crate) fn site(&self) -> Option<&str> {
        let by_label = || self.metadata.labels.as_ref()?.get(crm_api::SITE_LABEL).map(String::as_str);
        self.spec.site.as_str().or_else(by_label)
    }

    /// Names of the nodes that a site places something on.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = &str> {
        let components = self.spec.components.as_array().into_iter().flatten();
        components.filter_map(|component| component.get("nodes")?.as_array()).flatten().filter_map(Value::as_str)
    }

    /// Server and name of `spec.database`, where a site names both.
    pub(crate) fn database(&self) -> Option<(&str, &str)> {
        let database = &self.spec.database;
        Some((database["server"].as_str()?, database["name"].as_str()?))
    }

    /// Names of the sites for which a node is asked something.
    pub(crate) fn asked_by(&self) -> impl Iterator<Item = &str> {
        self.spec.asked.iter().map(String::as_str)
    }

    /// `spec.claims`, those that are texts.
    pub(crate) fn claims_wanted(&self) -> impl Iterator<Item = &str> {
        texts(&self.spec.claims)
    }

    /// What a change is to others; nothing where it is over. One whose phase is a word from a later version still holds what it
    /// holds.
    pub(crate) fn open_change(&self) -> Option<OpenChange> {
        let status = self.status.as_ref();
        if status.is_some_and(|status| ChangePhase::deserialize(&status.phase).is_ok_and(ChangePhase::is_over)) {
            return None;
        }
        let namespace = self.metadata.namespace.as_deref().unwrap_or_default();
        let uid = self.spec.site_uid.as_str().filter(|uid| !uid.is_empty());
        Some(OpenChange {
            site: self.site().map(|site| SiteKey::new(namespace, site)),
            site_uid: uid.map(str::to_owned),
            holder: format!("{namespace}/{}", self.site().unwrap_or("an unknown site")),
            held: status.into_iter().flat_map(|status| texts(&status.claims_held)).map(str::to_owned).collect(),
            wanted: self.claims_wanted().map(str::to_owned).collect(),
            since: self.metadata.creation_timestamp.as_ref().map(|at| at.0),
        })
    }
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// The sites that ask, without their questions: of a whole fleet these would be most of its bytes.
fn sites<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    struct Asked {
        site: String,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Found {
        Asked(Vec<Asked>),
        Else(IgnoredAny),
    }
    Ok(match Found::deserialize(deserializer)? {
        Found::Asked(asked) => asked.into_iter().map(|asked| asked.site).collect(),
        Found::Else(IgnoredAny) => Vec::new(),
    })
}

/// Metadata without what nobody here asks for, above all without who wrote which field.
fn outline<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectMeta, D::Error> {
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Outline {
        name: Option<String>,
        namespace: Option<String>,
        uid: Option<String>,
        creation_timestamp: Option<Time>,
        resource_version: Option<String>,
        generation: Option<i64>,
        deletion_timestamp: Option<Time>,
        labels: Option<BTreeMap<String, String>>,
    }
    let Outline { name, namespace, uid, creation_timestamp, resource_version, generation, deletion_timestamp, labels } =
        Outline::deserialize(deserializer)?;
    Ok(ObjectMeta {
        name,
        namespace,
        uid,
        creation_timestamp,
        resource_version,
        generation,
        deletion_timestamp,
        labels,
        ..ObjectMeta::default()
    })
}

impl Resource for Sketch {
    type DynamicType = ApiResource;
    type Scope = DynamicResourceScope;

    fn group(resource: &ApiResource) -> Cow<'_, str> {
        resource.group.as_str().into()
    }

    fn version(resource: &ApiResource) -> Cow<'_, str> {
        resource.version.as_str().into()
    }

    fn kind(resource: &ApiResource) -> Cow<'_, str> {
        resource.kind.as_str().into()
    }

    fn api_version(resource: &ApiResource) -> Cow<'_, str> {
        resource.api_version.as_str().into()
    }

    fn plural(resource: &ApiResource) -> Cow<'_, str> {
        resource.plural.as_str().into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
