//! Files into typed documents. Whatever is wrong with them is said here, one line per mistake: file, document, kind and
//! name, field, value, remedy. What comes out has passed the schema and the rules of its kind.

use std::io::Read;
use std::path::PathBuf;

use crm_api::database::DatabaseFacts;
use crm_api::{API_VERSION, CrmBackup, CrmChange, CrmDecision, CrmNode, CrmRelease, CrmSite, GROUP};
use k8s_openapi::api::coordination::v1::Lease;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::files::{Document, documents};
use crate::kinds::Kind;
use crate::schema::{Mistake, mistakes};
use crate::words::{nearest, one_line, quoted, shown};

/// Our own kinds, by the names that manifests give them.
const KINDS: [&str; 7] = ["CrmSite", "CrmNode", "CrmRelease", "CrmChange", "CrmBackup", "CrmDecision", DATABASE_FACTS];
/// A local document with the facts of a site's database; no cluster knows it. `metadata.name` is the site.
pub const DATABASE_FACTS: &str = "DatabaseFacts";
/// Mistakes that are printed at once.
const LINES_MAX: usize = 50;

/// Facts of a site's database, as a file holds them.
#[derive(Clone, Debug, PartialEq)]
pub struct DatabaseDocument {
    /// Name of the site.
    pub site: String,
    /// Its namespace, where the document names one.
    pub namespace: Option<String>,
    /// What was read.
    pub facts: DatabaseFacts,
}

/// Everything that the files hold, in their order.
#[derive(Clone, Debug, Default)]
pub struct Manifests {
    /// Sites; the same one may be there several times.
    pub sites: Vec<CrmSite>,
    /// Nodes.
    pub nodes: Vec<CrmNode>,
    /// The catalogue.
    pub releases: Vec<CrmRelease>,
    /// Changes.
    pub changes: Vec<CrmChange>,
    /// Backup sets.
    pub backups: Vec<CrmBackup>,
    /// Decisions.
    pub decisions: Vec<CrmDecision>,
    /// Signs of life.
    pub leases: Vec<Lease>,
    /// Facts of databases.
    pub databases: Vec<DatabaseDocument>,
    /// What was passed over, because it is not for us: `kind name (file)`.
    pub ignored: Vec<String>,
}

impl Manifests {
    /// Whether nothing in the files is for us.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sites.is_empty()
            && self.nodes.is_empty()
            && self.releases.is_empty()
            && self.changes.is_empty()
            && self.backups.is_empty()
            && self.decisions.is_empty()
            && self.leases.is_empty()
            && self.databases.is_empty()
    }
}

/// Reads files, directories and standard input (`-`).
///
/// # Errors
/// With one line per mistake.
pub fn read(files: &[PathBuf], input: &mut dyn Read) -> Result<Manifests, Vec<String>> {
    let mut manifests = Manifests::default();
    let mut lines = Vec::new();
    let (found, unreadable) = documents(files, input);
    lines.extend(unreadable);
    for document in found {
        match parse(&document) {
            Ok(value) => accept(&mut manifests, &document, value, &mut lines),
            Err(what) => lines.push(format!("{}: {what}", document.place())),
        }
    }
    if lines.is_empty() {
        return Ok(manifests);
    }
    if lines.len() > LINES_MAX {
        let more = lines.len() - LINES_MAX;
        lines.truncate(LINES_MAX);
        lines.push(format!("and {more} more mistakes"));
    }
    Err(lines)
}

fn parse(document: &Document) -> Result<Value, String> {
    serde_saphyr::from_str(&document.text).map_err(|error| {
        let line = |within: u64| u64::try_from(document.lines_before).unwrap_or(0).saturating_add(within);
        let at = error.location().map(|at| format!("line {}: ", line(at.line()))).unwrap_or_default();
        let error = error.without_snippet().to_string();
        // The parser's own place is within the document, not within the file.
        let what = error.rfind(" at line ").map_or(error.as_str(), |end| &error[..end]);
        match what.strip_prefix("duplicate mapping key: ").and_then(|rest| rest.split(',').next()) {
            Some(key) => format!("{at}{key} stands there twice; keep one of the two"),
            None => format!("{at}no valid YAML: {}; check indentation, quotes and colons there", quoted_long(what)),
        }
    })
}

/// What a parser says, on one line and not endless.
fn quoted_long(text: &str) -> String {
    one_line(text).chars().take(200).collect()
}

/// Takes one document, or each item of a List, and says what is wrong with it.
fn accept(manifests: &mut Manifests, document: &Document, value: Value, lines: &mut Vec<String>) {
    let Value::Object(object) = value else {
        lines.push(format!(
            "{}: {} is no Kubernetes object; write apiVersion, kind and metadata",
            document.place(),
            shown(&value)
        ));
        return;
    };
    let is_list = text_of(&object, "kind").is_some_and(|kind| kind.ends_with("List"));
    match object.get("items") {
        Some(Value::Array(items)) if is_list => {
            for (index, item) in items.iter().enumerate() {
                let place = format!("{}, item {}", document.place(), index + 1);
                match item {
                    Value::Object(object) => one(manifests, &place, &document.file, object, lines),
                    other => lines.push(format!("{place}: {} is no Kubernetes object", shown(other))),
                }
            }
        }
        _ => one(manifests, &document.place(), &document.file, &object, lines),
    }
}

fn one(manifests: &mut Manifests, place: &str, file: &str, object: &Map<String, Value>, lines: &mut Vec<String>) {
    let (Some(kind), Some(version)) = (text_of(object, "kind"), text_of(object, "apiVersion")) else {
        lines.push(format!("{place}: apiVersion or kind is missing; write both, as text"));
        return;
    };
    let name = object.get("metadata").and_then(|metadata| metadata.get("name")).and_then(Value::as_str);
    let subject = format!("{place}, {} {}", quoted(kind), name.map_or_else(|| "without name".to_owned(), quoted));
    let (group, of_group) = version.split_once('/').unwrap_or(("", version));
    let found = match (group, kind) {
        ("coordination.k8s.io", "Lease") => take_lease(manifests, object),
        (GROUP, _) if of_group != crm_api::VERSION => vec![Mistake {
            field: "apiVersion".to_owned(),
            what: format!("\"{}\" is not known to this kubectl-crm", quoted(version)),
            remedy: format!("use {API_VERSION}"),
        }],
        (GROUP, _) => take(manifests, kind, object),
        (_, _) => {
            let name = name.map(quoted).unwrap_or_default();
            manifests.ignored.push(format!("{} {name} ({file})", quoted(kind)));
            Vec::new()
        }
    };
    lines.extend(found.into_iter().map(|mistake| {
        let field = if mistake.field.is_empty() { String::new() } else { format!("{}: ", mistake.field) };
        let remedy = if mistake.remedy.is_empty() { String::new() } else { format!("; {}", mistake.remedy) };
        format!("{subject}: {field}{}{remedy}", mistake.what)
    }));
}

/// Takes an object of our own group.
fn take(manifests: &mut Manifests, kind: &str, object: &Map<String, Value>) -> Vec<Mistake> {
    fn into<T>(list: &mut Vec<T>, kind: &Kind, object: &Map<String, Value>) -> Vec<Mistake>
    where
        T: Serialize + DeserializeOwned,
    {
        typed::<T>(kind, object).map(|typed| list.push(typed)).err().unwrap_or_default()
    }
    match (kind, Kind::named(kind)) {
        ("CrmSite", Some(kind)) => into(&mut manifests.sites, kind, object),
        ("CrmNode", Some(kind)) => into(&mut manifests.nodes, kind, object),
        ("CrmRelease", Some(kind)) => into(&mut manifests.releases, kind, object),
        ("CrmChange", Some(kind)) => into(&mut manifests.changes, kind, object),
        ("CrmBackup", Some(kind)) => into(&mut manifests.backups, kind, object),
        ("CrmDecision", Some(kind)) => into(&mut manifests.decisions, kind, object),
        (DATABASE_FACTS, _) => database(object).map(|facts| manifests.databases.push(facts)).err().unwrap_or_default(),
        (unknown, _) => {
            let remedy = match nearest(unknown, &KINDS) {
                Some(kind) => format!("did you mean {kind}?"),
                None => format!("known are: {}", KINDS.join(", ")),
            };
            vec![Mistake { field: "kind".to_owned(), what: format!("\"{}\" is not known", quoted(unknown)), remedy }]
        }
    }
}

/// One of our kinds: names, schema, type, rules.
fn typed<T>(kind: &Kind, object: &Map<String, Value>) -> Result<T, Vec<Mistake>>
where
    T: Serialize + DeserializeOwned,
{
    let mut found = metadata_mistakes(object);
    let mut body = object.clone();
    for every_object_has in ["apiVersion", "kind", "metadata"] {
        body.remove(every_object_has);
    }
    found.extend(mistakes(&kind.schema, &Value::Object(body), ""));
    if !found.is_empty() {
        return Err(found);
    }
    let typed: T = serde_json::from_value(Value::Object(object.clone())).map_err(|error| vec![said(&error)])?;
    // Rules are judged over the whole object with its defaults, as the API server has it.
    let whole = serde_json::to_value(&typed).map_err(|error| vec![said(&error)])?;
    match kind.validate(&whole) {
        Ok(()) => Ok(typed),
        Err(refused) => Err(refused.as_slice().iter().map(broken_rule).collect()),
    }
}

/// A rule's message names field and remedy itself.
fn broken_rule(error: &kube::core::cel::ValidationError) -> Mistake {
    Mistake { field: error.field_path.clone(), what: one_line(&error.message), remedy: String::new() }
}

fn said(error: &serde_json::Error) -> Mistake {
    Mistake {
        field: String::new(),
        what: quoted_long(&error.to_string()),
        remedy: "write it as `kubectl explain` shows it".to_owned(),
    }
}

/// Names are checked as every API server checks them.
fn metadata_mistakes(object: &Map<String, Value>) -> Vec<Mistake> {
    let metadata = object.get("metadata");
    let mut found = Vec::new();
    let mut check = |field: &str, required: bool| {
        let value = metadata.and_then(|metadata| metadata.get(field));
        let path = format!("metadata.{field}");
        let remedy = "write small letters, digits, `-` and `.`, at most 253 characters".to_owned();
        match value {
            None if !required => {}
            None => found.push(Mistake { field: path, what: "is missing".to_owned(), remedy: "add it".to_owned() }),
            Some(Value::String(name)) if is_name(name) => {}
            Some(other) => found.push(Mistake { field: path, what: format!("{} is no name", shown(other)), remedy }),
        }
    };
    check("name", true);
    check("namespace", false);
    found
}

fn is_name(name: &str) -> bool {
    let edge = |character: Option<char>| {
        character.is_some_and(|character| character.is_ascii_lowercase() || character.is_ascii_digit())
    };
    let inside = |character: char| {
        character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-' || character == '.'
    };
    name.len() <= 253 && edge(name.chars().next()) && edge(name.chars().next_back()) && name.chars().all(inside)
}

fn take_lease(manifests: &mut Manifests, object: &Map<String, Value>) -> Vec<Mistake> {
    match serde_json::from_value::<Lease>(Value::Object(object.clone())) {
        Ok(lease) => {
            manifests.leases.push(lease);
            Vec::new()
        }
        Err(error) => vec![said(&error)],
    }
}

/// The schema of a site's database facts is part of the schema of its status.
fn database(object: &Map<String, Value>) -> Result<DatabaseDocument, Vec<Mistake>> {
    let mut found = metadata_mistakes(object);
    let schema = Kind::named("CrmSite").and_then(|kind| kind.schema.pointer("/properties/status/properties/database"));
    let mut body = object.clone();
    let metadata = body.remove("metadata");
    body.remove("apiVersion");
    body.remove("kind");
    let body = Value::Object(body);
    found.extend(mistakes(schema.unwrap_or(&Value::Null), &body, ""));
    if !found.is_empty() {
        return Err(found);
    }
    let facts = serde_json::from_value(body).map_err(|error| vec![said(&error)])?;
    let text = |field: &str| {
        metadata.as_ref().and_then(|metadata| metadata.get(field)).and_then(Value::as_str).map(str::to_owned)
    };
    Ok(DatabaseDocument { site: text("name").unwrap_or_default(), namespace: text("namespace"), facts })
}

fn text_of<'a>(object: &'a Map<String, Value>, field: &str) -> Option<&'a str> {
    object.get(field).and_then(Value::as_str)
}
