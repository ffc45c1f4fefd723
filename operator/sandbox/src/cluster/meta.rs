//! `metadata`: what the server sets itself, what a client may change, and what names and labels must look like.

use serde_json::{Map, Value};

use super::kinds::Kind;
use super::refusal::{Cause, Refusal};

/// Metadata that only the server changes.
const SET_BY_SERVER: [&str; 9] = [
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
];

/// Maps and lists that are not stored when empty.
const DROPPED_WHEN_EMPTY: [&str; 4] = ["labels", "annotations", "finalizers", "ownerReferences"];

/// The bound of the real server on keys and values of all annotations together.
const ANNOTATION_BYTES_MAX: usize = 256 * 1024;

const NAME_RULE: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', \
     and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
     '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
pub(crate) const LABEL_RULE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', \
     and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used \
     for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
pub(crate) const KEY_RULE: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with \
     an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
     '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

/// The metadata of an object, made when it is missing.
pub(crate) fn of(value: &mut Value) -> Option<&mut Map<String, Value>> {
    let object = value.as_object_mut()?;
    let metadata = object.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
    metadata.as_object_mut()
}

/// A text field of the metadata; empty when it is missing.
pub(crate) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get("metadata").and_then(|metadata| metadata.get(field)).and_then(Value::as_str).unwrap_or_default()
}

/// What a new object gets from the server.
pub(crate) struct Birth<'a> {
    pub(crate) namespace: Option<&'a str>,
    pub(crate) serial: u64,
    pub(crate) now: &'a str,
}

/// Gives a new object its name, uid and times.
pub(crate) fn prepare_create(kind: &Kind, value: &mut Value, birth: &Birth<'_>) {
    let Some(metadata) = of(value) else { return };
    let name = match metadata.get("name").and_then(Value::as_str).filter(|name| !name.is_empty()) {
        Some(name) => name.to_owned(),
        None => generated_name(metadata, birth.serial),
    };
    for field in SET_BY_SERVER.into_iter().chain(["managedFields"]) {
        metadata.remove(field);
    }
    drop_empty(metadata);
    if !name.is_empty() {
        metadata.insert("name".to_owned(), name.into());
    }
    if let Some(namespace) = birth.namespace {
        metadata.insert("namespace".to_owned(), namespace.into());
    }
    metadata.insert("uid".to_owned(), format!("00000000-0000-4000-8000-{:012x}", birth.serial).into());
    metadata.insert("creationTimestamp".to_owned(), birth.now.into());
    if kind.has_generation() {
        metadata.insert("generation".to_owned(), 1.into());
    }
}

/// Takes over from the old version what a client cannot change.
pub(crate) fn prepare_update(old: &Value, value: &mut Value) {
    let Some(metadata) = of(value) else { return };
    for field in SET_BY_SERVER {
        match old["metadata"].get(field) {
            Some(kept) => {
                if metadata.get(field) != Some(kept) {
                    metadata.insert(field.to_owned(), kept.clone());
                }
            }
            None => {
                metadata.remove(field);
            }
        }
    }
    metadata.remove("managedFields");
    drop_empty(metadata);
}

/// Raises `metadata.generation` by one.
pub(crate) fn raise_generation(value: &mut Value) {
    if let Some(metadata) = of(value) {
        let generation = metadata.get("generation").and_then(Value::as_i64).unwrap_or_default();
        metadata.insert("generation".to_owned(), (generation + 1).into());
    }
}

pub(crate) fn is_being_deleted(value: &Value) -> bool {
    !text(value, "deletionTimestamp").is_empty()
}

pub(crate) fn has_finalizers(value: &Value) -> bool {
    value["metadata"]["finalizers"].as_array().is_some_and(|finalizers| !finalizers.is_empty())
}

/// Checks names, labels, annotations, finalizers and owner references of an object to be stored. The real server asks the
/// same three times of an update, and tells what it finds each time.
pub(crate) fn validate(value: &Value, old: Option<&Value>, causes: &mut Vec<Cause>) {
    let metadata = &value["metadata"];
    let Some(old) = old.map(|old| &old["metadata"]) else {
        validate_name(metadata, causes);
        validate_parts(metadata, causes);
        return validate_finalizers(metadata, causes);
    };
    if !old["deletionTimestamp"].is_null() {
        for _ in 0..2 {
            refuse_new_finalizers(metadata, old, causes);
        }
    }
    let is_same = |field: &str| old[field] == metadata[field];
    if ["labels", "annotations", "finalizers", "ownerReferences"].into_iter().all(is_same) {
        return;
    }
    for _ in 0..3 {
        validate_parts(metadata, causes);
    }
    validate_finalizers(metadata, causes);
}

fn validate_parts(metadata: &Value, causes: &mut Vec<Cause>) {
    validate_labels(metadata, causes);
    validate_annotations(metadata, causes);
    let controllers = items(&metadata["ownerReferences"]).filter(|owner| owner["controller"] == true).count();
    if controllers > 1 {
        let detail = "Only one reference can have Controller set to true";
        let field = "metadata.ownerReferences".to_owned();
        causes.push(Cause::invalid(field, &metadata["ownerReferences"], detail));
    }
}

fn validate_finalizers(metadata: &Value, causes: &mut Vec<Cause>) {
    for finalizer in items(&metadata["finalizers"]) {
        if let Some(text) = finalizer.as_str().filter(|text| !is_qualified(text)) {
            causes.push(Cause::invalid("metadata.finalizers".to_owned(), &text.into(), KEY_RULE));
        }
    }
}

/// The refusal of a body that names another object than its URL.
pub(crate) fn check_place(value: &Value, namespace: Option<&str>, name: Option<&str>) -> Result<(), Refusal> {
    let (own_name, own_namespace) = (text(value, "name"), text(value, "namespace"));
    if let Some(name) = name
        && !own_name.is_empty()
        && own_name != name
    {
        let message = format!("the name of the object ({own_name}) does not match the name on the URL ({name})");
        return Err(Refusal::bad_request(&message));
    }
    if !own_namespace.is_empty() && own_namespace != namespace.unwrap_or_default() {
        let message = "the namespace of the provided object does not match the namespace sent on the request";
        return Err(Refusal::bad_request(message));
    }
    Ok(())
}

fn validate_name(metadata: &Value, causes: &mut Vec<Cause>) {
    let name = metadata["name"].as_str().unwrap_or_default();
    if name.is_empty() {
        causes.push(Cause::required("metadata.name".to_owned(), "name or generateName is required"));
    } else if name.len() > 253 {
        let detail = "must be no more than 253 bytes";
        causes.push(Cause::invalid("metadata.name".to_owned(), &name.into(), detail));
    } else if !is_subdomain(name) {
        causes.push(Cause::invalid("metadata.name".to_owned(), &name.into(), NAME_RULE));
    }
}

fn validate_labels(metadata: &Value, causes: &mut Vec<Cause>) {
    let field = || "metadata.labels".to_owned();
    for (key, value) in entries(&metadata["labels"]) {
        if !is_qualified(key) {
            causes.push(Cause::invalid(field(), &key.as_str().into(), KEY_RULE));
        }
        let text = value.as_str().unwrap_or_default();
        if text.len() > 63 {
            causes.push(Cause::invalid(field(), value, "must be no more than 63 bytes"));
        } else if !text.is_empty() && !is_label_text(text) {
            causes.push(Cause::invalid(field(), value, LABEL_RULE));
        }
    }
}

fn validate_annotations(metadata: &Value, causes: &mut Vec<Cause>) {
    let field = || "metadata.annotations".to_owned();
    let mut size = 0;
    for (key, value) in entries(&metadata["annotations"]) {
        size += key.len() + value.as_str().map_or(0, str::len);
        if !is_qualified(&key.to_lowercase()) {
            causes.push(Cause::invalid(field(), &key.as_str().into(), KEY_RULE));
        }
    }
    if size > ANNOTATION_BYTES_MAX {
        let message = format!("Too long: may not be more than {ANNOTATION_BYTES_MAX} bytes");
        causes.push(Cause::new(super::refusal::CauseReason::TooLong, field(), message));
    }
}

fn refuse_new_finalizers(metadata: &Value, old: &Value, causes: &mut Vec<Cause>) {
    let new: Vec<&Value> =
        items(&metadata["finalizers"]).filter(|f| !items(&old["finalizers"]).any(|o| o == *f)).collect();
    if !new.is_empty() {
        let names: Vec<String> = new.iter().map(|finalizer| finalizer.to_string()).collect();
        let detail = format!(
            "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
            names.join(", ")
        );
        causes.push(Cause::forbidden("metadata.finalizers".to_owned(), &detail));
    }
}

/// `generateName` and five characters, different for every object of a cluster.
fn generated_name(metadata: &Map<String, Value>, serial: u64) -> String {
    const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    let Some(base) = metadata.get("generateName").and_then(Value::as_str).filter(|base| !base.is_empty()) else {
        return String::new();
    };
    let mut name: String = base.chars().take(58).collect();
    let mut rest = serial;
    for _ in 0..5 {
        let letter = usize::try_from(rest % 27).ok().and_then(|at| ALPHABET.get(at)).copied().unwrap_or(b'b');
        name.push(char::from(letter));
        rest /= 27;
    }
    name
}

fn drop_empty(metadata: &mut Map<String, Value>) {
    for field in DROPPED_WHEN_EMPTY {
        let is_empty = match metadata.get(field) {
            Some(Value::Object(map)) => map.is_empty(),
            Some(Value::Array(items)) => items.is_empty(),
            Some(Value::Null) => true,
            Some(_) | None => false,
        };
        if is_empty {
            metadata.remove(field);
        }
    }
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn is_subdomain(text: &str) -> bool {
    let is_part = |part: &str| {
        let fits = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        !part.is_empty() && part.bytes().all(fits) && !part.starts_with('-') && !part.ends_with('-')
    };
    text.split('.').all(is_part)
}

fn is_label_text(text: &str) -> bool {
    let is_outer = |c: char| c.is_ascii_alphanumeric();
    let is_inner = |c: char| is_outer(c) || matches!(c, '-' | '_' | '.');
    text.chars().all(is_inner) && text.starts_with(is_outer) && text.ends_with(is_outer)
}

/// Whether a text can be the value of a label.
pub(crate) fn is_label_value(text: &str) -> bool {
    text.len() <= 63 && (text.is_empty() || is_label_text(text))
}

/// `name` or `prefix/name`.
pub(crate) fn is_qualified(text: &str) -> bool {
    let (prefix, name) = text.split_once('/').map_or((None, text), |(prefix, name)| (Some(prefix), name));
    prefix.is_none_or(|prefix| prefix.len() <= 253 && is_subdomain(prefix)) && name.len() <= 63 && is_label_text(name)
}
