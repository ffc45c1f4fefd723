//! From an HTTP request to a typed one.

use std::sync::Arc;

use http::Method;
use http::request::Parts;
use serde_json::Value;

use super::intercept::Verb;
use super::kinds::{Kind, Kinds, Origin};
use super::refusal::Refusal;

/// The largest body that the real server takes (its own default).
const BODY_BYTES_MAX: usize = 3 * 1024 * 1024;

/// One request, understood.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) verb: Verb,
    pub(crate) kind: Arc<Kind>,
    pub(crate) namespace: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) subresource: String,
    pub(crate) query: Query,
    pub(crate) user_agent: String,
    pub(crate) body: Option<Arc<Value>>,
}

/// The query parameters that are understood; all others are ignored.
#[derive(Debug, Default)]
pub(crate) struct Query {
    pub(crate) watch: bool,
    pub(crate) label_selector: String,
    pub(crate) field_selector: String,
    pub(crate) limit: Option<usize>,
    pub(crate) continue_token: String,
    pub(crate) resource_version: String,
    pub(crate) resource_version_match: String,
    pub(crate) timeout_secs: Option<u64>,
    pub(crate) bookmarks: bool,
    pub(crate) send_initial_events: bool,
    pub(crate) field_manager: String,
    pub(crate) field_validation: String,
    pub(crate) force: bool,
    pub(crate) dry_run: bool,
    pub(crate) propagation_policy: String,
}

/// Reads a request.
pub(crate) fn read(kinds: &Kinds, parts: &Parts, body: &[u8]) -> Result<Request, Refusal> {
    let place = read_path(kinds, parts.uri.path())?;
    let query = read_query(parts.uri.query().unwrap_or_default())?;
    if body.len() > BODY_BYTES_MAX {
        let message = format!("Request entity too large: limit is {BODY_BYTES_MAX}");
        return Err(Refusal::plain(413, "RequestEntityTooLarge", &message));
    }
    let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let verb = read_verb(&parts.method, &place, &query, header(http::header::CONTENT_TYPE))?;
    let body = if verb.is_write() && !body.is_empty() {
        let value = serde_json::from_slice::<Value>(body)
            .map_err(|error| Refusal::bad_request(&format!("the object provided is unrecognized: {error}")))?;
        Some(Arc::new(value))
    } else {
        None
    };
    Ok(Request {
        verb,
        kind: place.kind,
        namespace: place.namespace,
        name: place.name,
        subresource: place.subresource,
        query,
        user_agent: header(http::header::USER_AGENT).to_owned(),
        body,
    })
}

/// The kind behind a path of objects.
pub(crate) fn kind_at(kinds: &Kinds, path: &str) -> Option<Arc<Kind>> {
    read_path(kinds, path).ok().map(|place| place.kind)
}

struct Place {
    kind: Arc<Kind>,
    namespace: Option<String>,
    name: Option<String>,
    subresource: String,
}

fn read_path(kinds: &Kinds, path: &str) -> Result<Place, Refusal> {
    let parts: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(decode).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let (api_version, rest) = match parts.as_slice() {
        ["api", version, rest @ ..] => ((*version).to_owned(), rest),
        ["apis", group, version, rest @ ..] => (format!("{group}/{version}"), rest),
        _ => return Err(Refusal::unknown_path()),
    };
    let kind_of = |plural: &str| kinds.at(&api_version, plural).cloned().ok_or_else(Refusal::unknown_path);
    let (namespace, plural, rest) = match rest {
        ["namespaces", namespace, plural, rest @ ..] if *plural != "status" && *plural != "finalize" => {
            (Some((*namespace).to_owned()), *plural, rest)
        }
        [plural, rest @ ..] => (None, *plural, rest),
        [] => return Err(Refusal::unknown_path()),
    };
    let kind = kind_of(plural)?;
    let (name, subresource) = match rest {
        [] => (None, ""),
        [name] => (Some((*name).to_owned()), ""),
        [name, "status"] if kind.has_status => (Some((*name).to_owned()), "status"),
        // As if the object were not there.
        [name, "status"] => return Err(Refusal::not_found(&kind, name)),
        _ => return Err(Refusal::unknown_path()),
    };
    let is_misplaced = namespace.is_some() != kind.namespaced && (namespace.is_some() || name.is_some());
    if is_misplaced {
        return Err(Refusal::unknown_path());
    }
    Ok(Place { kind, namespace, name, subresource: subresource.to_owned() })
}

fn read_verb(method: &Method, place: &Place, query: &Query, content_type: &str) -> Result<Verb, Refusal> {
    let verb = match (method.as_str(), place.name.is_some()) {
        ("GET", true) => Verb::Get,
        ("GET", false) if query.watch => Verb::Watch,
        ("GET", false) => Verb::List,
        ("POST", false) => Verb::Create,
        ("PUT", true) => Verb::Update,
        ("DELETE", true) if place.subresource.is_empty() => Verb::Delete,
        ("DELETE", false) => Verb::DeleteCollection,
        ("PATCH", true) => match content_type.split(';').next().unwrap_or_default() {
            "application/merge-patch+json" => Verb::Patch,
            // The two differ where lists are merged, which the built-in kinds here have nowhere but in their metadata.
            "application/strategic-merge-patch+json" if place.kind.origin == Origin::BuiltIn => Verb::Patch,
            "application/apply-patch+yaml" => Verb::Apply,
            other => {
                let message = format!(
                    "the body of the request was in an unknown format - accepted media types include: \
                     application/merge-patch+json, application/apply-patch+yaml; this is {other}"
                );
                return Err(Refusal::plain(415, "UnsupportedMediaType", &message));
            }
        },
        _ => return Err(Refusal::method_not_allowed()),
    };
    let needs_namespace = verb == Verb::Create && place.kind.namespaced && place.namespace.is_none();
    if needs_namespace { Err(Refusal::method_not_allowed()) } else { Ok(verb) }
}

fn read_query(text: &str) -> Result<Query, Refusal> {
    let mut query = Query::default();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decode(value);
        let flag = matches!(value.as_str(), "true" | "1");
        match key {
            "watch" => query.watch = flag,
            "labelSelector" => query.label_selector = value,
            "fieldSelector" => query.field_selector = value,
            "limit" => query.limit = Some(number(&value)?).filter(|limit| *limit > 0),
            "continue" => query.continue_token = value,
            "resourceVersion" => query.resource_version = value,
            "resourceVersionMatch" => query.resource_version_match = value,
            "timeoutSeconds" => query.timeout_secs = Some(number(&value)?),
            "allowWatchBookmarks" => query.bookmarks = flag,
            "sendInitialEvents" => query.send_initial_events = flag,
            "fieldManager" => query.field_manager = value,
            "fieldValidation" => query.field_validation = value,
            "force" => query.force = flag,
            "dryRun" => query.dry_run = !value.is_empty(),
            "propagationPolicy" => query.propagation_policy = value,
            _ => {}
        }
    }
    Ok(query)
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, Refusal> {
    text.parse().map_err(|_| Refusal::bad_request(&format!("strconv.ParseInt: parsing \"{text}\": invalid syntax")))
}

/// Undoes percent-encoding, and `+` for a space.
fn decode(text: &str) -> String {
    if !text.contains(['%', '+']) {
        return text.to_owned();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        rest = more;
        let encoded = more.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match (first, encoded) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &more[2..];
            }
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(*first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
