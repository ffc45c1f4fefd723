//! The kinds that a cluster serves, prepared once and shared by every cluster of every run.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceDefinitionVersion,
};
use serde_json::{Value, json};

use super::built_in;
use super::schema::{METADATA, Node, SchemaError};
use super::wire::{Column, columns_of_definition};

/// Why a CustomResourceDefinition cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum KindsError {
    /// The definition cannot be read as JSON.
    #[error("CustomResourceDefinition {name}")]
    Unreadable {
        /// Name of the definition.
        name: String,
        /// What serde says.
        source: serde_json::Error,
    },
    /// Its schema cannot be used.
    #[error("CustomResourceDefinition {name}")]
    Schema {
        /// Name of the definition.
        name: String,
        /// What is wrong.
        source: SchemaError,
    },
}

/// What the API server does differently for built-in kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Custom,
    /// Typed in the real server: nulls vanish, updates need no resourceVersion.
    BuiltIn,
}

/// One kind in one version.
#[derive(Debug)]
pub(crate) struct Kind {
    /// Place in [`Kinds`], and of its objects in the store.
    pub(crate) index: usize,
    pub(crate) group: String,
    pub(crate) api_version: String,
    pub(crate) kind: Arc<str>,
    pub(crate) plural: String,
    pub(crate) namespaced: bool,
    pub(crate) origin: Origin,
    pub(crate) has_status: bool,
    /// Whether a replace without resourceVersion is let through.
    pub(crate) blind_replace: bool,
    /// Whether a replace of a missing object creates it.
    pub(crate) create_on_replace: bool,
    pub(crate) schema: Node,
    pub(crate) names: Names,
    /// Fields of a custom kind by which it is selected, and where they stand: `spec.site`, `/spec/site`.
    pub(crate) selectable: Vec<(String, String)>,
    /// What a table shows of a custom kind.
    pub(crate) columns: Vec<Column>,
    /// The schema as it was written.
    pub(crate) document: Value,
}

/// How a kind is called on a command line.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) singular: String,
    pub(crate) short: Vec<String>,
    pub(crate) categories: Vec<String>,
}

impl Kind {
    /// `plural.group`, as messages name it.
    pub(crate) fn resource(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// Whether the server counts `metadata.generation` for this kind.
    pub(crate) fn has_generation(&self) -> bool {
        self.origin == Origin::Custom
    }
}

/// Every kind that a cluster serves.
#[derive(Debug)]
pub struct Kinds {
    list: Vec<Arc<Kind>>,
    /// `/api/v1/secrets`, `/apis/group/version/plural`.
    by_path: BTreeMap<String, usize>,
}

impl Kinds {
    /// The kinds of crm-operator and the built-in ones. They are the same for every cluster of a process and cost more
    /// to prepare than a whole change costs to play, so they are prepared once.
    pub fn ours() -> Result<Arc<Self>, KindsError> {
        static OURS: OnceLock<Arc<Kinds>> = OnceLock::new();
        if let Some(kinds) = OURS.get() {
            return Ok(Arc::clone(kinds));
        }
        let kinds = Arc::new(Self::from_crds(crm_api::crds())?);
        Ok(Arc::clone(OURS.get_or_init(|| kinds)))
    }

    /// Prepares every served version of these custom kinds, and adds the built-in ones: Namespace, Secret, Lease and
    /// Event (`events.k8s.io/v1`).
    pub fn from_crds(crds: &[CustomResourceDefinition]) -> Result<Self, KindsError> {
        let mut kinds = Self { list: Vec::new(), by_path: BTreeMap::new() };
        kinds.add_built_in()?;
        for crd in crds {
            let name = crd.metadata.name.clone().unwrap_or_default();
            let unreadable = |source| KindsError::Unreadable { name: name.clone(), source };
            for version in crd.spec.versions.iter().filter(|version| version.served) {
                let schema = version.schema.as_ref().and_then(|schema| schema.open_api_v3_schema.as_ref());
                let document = serde_json::to_value(schema).map_err(unreadable)?;
                let schema =
                    read_root(&document).map_err(|source| KindsError::Schema { name: name.clone(), source })?;
                kinds.add(Kind {
                    index: 0,
                    group: crd.spec.group.clone(),
                    api_version: format!("{}/{}", crd.spec.group, version.name),
                    kind: crd.spec.names.kind.as_str().into(),
                    plural: crd.spec.names.plural.clone(),
                    namespaced: crd.spec.scope == "Namespaced",
                    origin: Origin::Custom,
                    has_status: version.subresources.as_ref().is_some_and(|s| s.status.is_some()),
                    blind_replace: false,
                    create_on_replace: false,
                    schema,
                    names: Names {
                        singular: crd.spec.names.singular.clone().unwrap_or_else(|| crd.spec.names.kind.to_lowercase()),
                        short: crd.spec.names.short_names.clone().unwrap_or_default(),
                        categories: crd.spec.names.categories.clone().unwrap_or_default(),
                    },
                    selectable: selectable(version),
                    columns: columns_of_definition(version),
                    document,
                });
            }
        }
        Ok(kinds)
    }

    pub(crate) fn all(&self) -> &[Arc<Kind>] {
        &self.list
    }

    /// The kind of this name.
    pub(crate) fn named(&self, kind: &str) -> Option<&Arc<Kind>> {
        self.list.iter().find(|candidate| &*candidate.kind == kind)
    }

    /// The kind behind a URL: its group and version (`v1`, `group/version`) and plural.
    pub(crate) fn at(&self, api_version: &str, plural: &str) -> Option<&Arc<Kind>> {
        self.by_path.get(&path_of(api_version, plural)).and_then(|index| self.list.get(*index))
    }

    fn add(&mut self, mut kind: Kind) {
        kind.index = self.list.len();
        self.by_path.insert(path_of(&kind.api_version, &kind.plural), kind.index);
        self.list.push(Arc::new(kind));
    }

    fn add_built_in(&mut self) -> Result<(), KindsError> {
        for (group, version, kind, plural, short) in [
            ("", "v1", "Namespace", "namespaces", "ns"),
            ("", "v1", "Secret", "secrets", ""),
            ("coordination.k8s.io", "v1", "Lease", "leases", ""),
            ("events.k8s.io", "v1", "Event", "events", "ev"),
        ] {
            let document = built_in::schema_of(kind);
            let schema =
                read_root(&document).map_err(|source| KindsError::Schema { name: plural.to_owned(), source })?;
            self.add(Kind {
                index: 0,
                group: group.to_owned(),
                api_version: if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") },
                kind: kind.into(),
                plural: plural.to_owned(),
                namespaced: kind != "Namespace",
                origin: Origin::BuiltIn,
                has_status: false,
                blind_replace: kind != "Lease",
                create_on_replace: kind == "Lease" || kind == "Event",
                schema,
                names: Names {
                    singular: kind.to_lowercase(),
                    short: Some(short).filter(|short| !short.is_empty()).into_iter().map(str::to_owned).collect(),
                    categories: Vec::new(),
                },
                selectable: Vec::new(),
                columns: Vec::new(),
                document,
            });
        }
        Ok(())
    }
}

fn path_of(api_version: &str, plural: &str) -> String {
    format!("{api_version}/{plural}")
}

/// The selectable fields of a definition. The server takes simple paths only.
fn selectable(version: &CustomResourceDefinitionVersion) -> Vec<(String, String)> {
    let paths = version.selectable_fields.iter().flatten().map(|field| field.json_path.trim_start_matches('.'));
    paths.map(|path| (path.to_owned(), format!("/{}", path.replace('.', "/")))).collect()
}

/// The schema of a whole object: what the definition says, and the fields that every object has.
fn read_root(schema: &Value) -> Result<Node, SchemaError> {
    let mut root = Node::read(schema, "")?;
    let text = json!({"type": "string"});
    root.set_property("apiVersion", Node::read(&text, "apiVersion")?);
    root.set_property("kind", Node::read(&text, "kind")?);
    root.set_property("metadata", Node::read(&METADATA, "metadata")?);
    Ok(root)
}
