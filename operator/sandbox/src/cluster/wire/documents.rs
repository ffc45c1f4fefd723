//! What every caller is told the same: version, health, discovery and OpenAPI.

use serde_json::json;

use super::super::kinds::Kinds;
use super::{discovery, openapi};

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// A document.
pub(super) struct Document {
    pub(super) content_type: &'static str,
    pub(super) text: String,
}

/// The document at a path.
pub(super) fn at(kinds: &Kinds, path: &str) -> Option<Document> {
    let path = path.trim_end_matches('/');
    if is_health(path) {
        return Some(Document { content_type: TEXT, text: "ok".to_owned() });
    }
    let value = match path {
        "/version" => version(),
        "/openapi/v3" => openapi::index(kinds),
        _ => match path.strip_prefix("/openapi/v3/") {
            Some(group_version) => openapi::document(kinds, group_version)?,
            None => discovery::document(kinds, path)?,
        },
    };
    Some(Document { content_type: JSON, text: value.to_string() })
}

fn is_health(path: &str) -> bool {
    ["/readyz", "/livez", "/healthz"]
        .iter()
        .any(|at| path.strip_prefix(at).is_some_and(|rest| rest.is_empty() || rest == "/ping"))
}

/// The release of Kubernetes whose behaviour is modelled.
fn version() -> serde_json::Value {
    json!({
        "major": "1", "minor": "33", "gitVersion": format!("v1.33.0+crm-sandbox.{}", env!("CARGO_PKG_VERSION")),
        "gitCommit": "", "gitTreeState": "clean", "buildDate": "1970-01-01T00:00:00Z", "goVersion": "",
        "compiler": "rustc", "platform": format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
    })
}
