//! What the watches read of an object: enough to know whom it concerns. Everything else is passed over unread, also what
//! does not parse, so that a round can say so.

use std::borrow::Cow;
use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::api::ApiResource;
use kube::core::{DynamicResourceScope, Resource};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The outline of an object of any kind.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Sketch {
    #[serde(deserialize_with = "outline")]
    metadata: ObjectMeta,
    spec: SketchSpec,
    status: SketchStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct SketchSpec {
    site: Value,
    components: Value,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct SketchStatus {
    phase: Value,
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

    /// `status.phase`, whatever it is.
    pub(crate) fn phase(&self) -> &Value {
        &self.status.phase
    }
}

/// Metadata without what nobody here asks for, above all without who wrote which field.
fn outline<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectMeta, D::Error> {
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Outline {
        name: Option<String>,
        namespace: Option<String>,
        resource_version: Option<String>,
        generation: Option<i64>,
        deletion_timestamp: Option<Time>,
        labels: Option<BTreeMap<String, String>>,
    }
    let Outline { name, namespace, resource_version, generation, deletion_timestamp, labels } =
        Outline::deserialize(deserializer)?;
    Ok(ObjectMeta {
        name,
        namespace,
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
