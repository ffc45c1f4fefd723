//! Label and field selectors of lists and watches.
//!
//! Fields: `metadata.name` and `metadata.namespace`, which every kind has, those of Events, and those that a custom kind declares;
//! where such a field is missing it counts as empty. Other selectable fields are left out.

use serde_json::Value;

use super::kinds::Kind;
use super::labels::{self, Label};
use super::refusal::Refusal;

/// What a list or watch asks for. Without any demand everything fits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selector {
    namespace: Option<String>,
    name: Option<String>,
    names_not: Vec<(Field, String)>,
    /// Fields of the content: where, whether the value shall be there, and the value.
    fields: Vec<(String, bool, String)>,
    labels: Vec<Label>,
}

/// What Events of `events.k8s.io/v1` are chosen by, and where it stands in them.
const FIELDS_OF_EVENTS: [(&str, &str); 10] = [
    ("regarding.kind", "/regarding/kind"),
    ("regarding.namespace", "/regarding/namespace"),
    ("regarding.name", "/regarding/name"),
    ("regarding.uid", "/regarding/uid"),
    ("regarding.apiVersion", "/regarding/apiVersion"),
    ("regarding.resourceVersion", "/regarding/resourceVersion"),
    ("regarding.fieldPath", "/regarding/fieldPath"),
    ("reason", "/reason"),
    ("reportingController", "/reportingController"),
    ("type", "/type"),
];

/// A field's content as selectors compare it.
fn text_of(field: Option<&Value>) -> String {
    match field {
        Some(Value::String(text)) => text.clone(),
        Some(found @ (Value::Bool(_) | Value::Number(_))) => found.to_string(),
        _ => String::new(),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Name,
    Namespace,
}

impl Selector {
    /// Reads the selectors of a request for `namespace` (or for all of them).
    pub(crate) fn read(kind: &Kind, namespace: Option<&str>, labels: &str, fields: &str) -> Result<Self, Refusal> {
        let mut selector = Self { namespace: namespace.map(str::to_owned), ..Self::default() };
        selector.labels = labels::read(labels).map_err(|error| Refusal::bad_request(&error))?;
        for term in fields.split(',').filter(|term| !term.trim().is_empty()) {
            selector.add_field(kind, term.trim())?;
        }
        Ok(selector)
    }

    /// The one name that can fit, when the selector allows only one.
    pub(crate) fn only_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub(crate) fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    pub(crate) fn fits(&self, object: &Value) -> bool {
        let metadata = &object["metadata"];
        let is = |field: &str, wanted: &Option<String>| match wanted {
            Some(wanted) => metadata[field].as_str().unwrap_or_default() == wanted,
            None => true,
        };
        let differs = |(field, value): &(Field, String)| {
            let field = match field {
                Field::Name => "name",
                Field::Namespace => "namespace",
            };
            metadata[field].as_str().unwrap_or_default() != value
        };
        is("name", &self.name)
            && is("namespace", &self.namespace)
            && self.names_not.iter().all(differs)
            && self.fields.iter().all(|(pointer, equal, value)| (text_of(object.pointer(pointer)) == *value) == *equal)
            && self.labels.iter().all(|label| label.fits(&metadata["labels"]))
    }

    fn add_field(&mut self, kind: &Kind, term: &str) -> Result<(), Refusal> {
        let (field, equal, value) = if let Some((field, value)) = term.split_once("!=") {
            (field, false, value)
        } else if let Some((field, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
            (field, true, value)
        } else {
            return Err(Refusal::bad_request(&format!("invalid selector: '{term}'; can't understand '{term}'")));
        };
        let field = match field.trim() {
            "metadata.name" => Field::Name,
            "metadata.namespace" => Field::Namespace,
            other => {
                let of_events = FIELDS_OF_EVENTS.iter().find(|(name, _)| &*kind.kind == "Event" && *name == other);
                let declared = kind.selectable.iter().find(|(name, _)| name == other);
                let pointer = of_events.map(|(_, pointer)| (*pointer).to_owned());
                let Some(pointer) = pointer.or_else(|| declared.map(|(_, pointer)| pointer.clone())) else {
                    return Err(Refusal::bad_request(&format!("field label not supported: {other}")));
                };
                self.fields.push((pointer, equal, value.to_owned()));
                return Ok(());
            }
        };
        match (field, equal) {
            (Field::Name, true) => self.name = Some(value.to_owned()),
            (Field::Namespace, true) if self.namespace.as_deref().is_none_or(|n| n == value) => {
                self.namespace = Some(value.to_owned());
            }
            // Another namespace than the one of the path: nothing can fit.
            (Field::Namespace, true) => {
                self.names_not.push((Field::Namespace, self.namespace.clone().unwrap_or_default()))
            }
            (field, false) => self.names_not.push((field, value.to_owned())),
        }
        Ok(())
    }
}
