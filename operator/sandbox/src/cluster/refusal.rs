//! Refusals: the `metav1.Status` answers of the API server, with its codes, reasons and wording.
//!
//! The wording follows the real server so that a message seen in a simulated run can be searched for, and so that
//! code which shows or sorts errors meets the real shapes.

use bytes::Bytes;
use kube::core::response::{Status, StatusCause, StatusDetails};
use serde_json::Value;

use super::kinds::Kind;

/// One request that was refused, as the body of its answer.
#[derive(Debug)]
pub(crate) struct Refusal(Box<Status>);

/// One field that made an object invalid.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cause {
    pub(crate) reason: CauseReason,
    pub(crate) field: String,
    /// The text behind the field name, with the kind of error in front: `Invalid value: "x": must be ...`.
    pub(crate) message: String,
}

/// The machine-readable reasons of a [`Cause`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CauseReason {
    Required,
    Duplicate,
    Invalid,
    TypeInvalid,
    NotSupported,
    Forbidden,
    TooLong,
    TooMany,
}

impl CauseReason {
    fn as_str(self) -> &'static str {
        match self {
            Self::Required => "FieldValueRequired",
            Self::Duplicate => "FieldValueDuplicate",
            Self::Invalid => "FieldValueInvalid",
            Self::TypeInvalid => "FieldValueTypeInvalid",
            Self::NotSupported => "FieldValueNotSupported",
            Self::Forbidden => "FieldValueForbidden",
            Self::TooLong => "FieldValueTooLong",
            Self::TooMany => "FieldValueTooMany",
        }
    }

    /// Errors of these kinds keep the real server from running CEL rules on the object at all.
    pub(crate) fn blocks_rules(self) -> bool {
        match self {
            Self::Required | Self::TypeInvalid | Self::NotSupported | Self::TooLong | Self::TooMany => true,
            Self::Duplicate | Self::Invalid | Self::Forbidden => false,
        }
    }
}

impl Cause {
    pub(crate) fn new(reason: CauseReason, field: String, message: String) -> Self {
        Self { reason, field, message }
    }

    pub(crate) fn invalid(field: String, value: &Value, detail: &str) -> Self {
        Self::new(CauseReason::Invalid, field, format!("Invalid value: {value}: {detail}"))
    }

    pub(crate) fn required(field: String, detail: &str) -> Self {
        let message = if detail.is_empty() { "Required value".to_owned() } else { format!("Required value: {detail}") };
        Self::new(CauseReason::Required, field, message)
    }

    pub(crate) fn forbidden(field: String, detail: &str) -> Self {
        Self::new(CauseReason::Forbidden, field, format!("Forbidden: {detail}"))
    }
}

impl Refusal {
    /// A refusal of any other code and reason, without details.
    pub(crate) fn plain(code: u16, reason: &str, message: &str) -> Self {
        Self(Status::failure(message, reason).with_code(code).boxed())
    }

    pub(crate) fn bad_request(message: &str) -> Self {
        Self::plain(400, "BadRequest", message)
    }

    /// A body that cannot be read as an object of the kind.
    pub(crate) fn unreadable(kind: &Kind, error: &str) -> Self {
        let version = kind.api_version.rsplit('/').next().unwrap_or_default();
        let kind = &kind.kind;
        Self::bad_request(&format!("{kind} in version \"{version}\" cannot be handled as a {kind}: {error}"))
    }

    /// A path of which the server knows nothing.
    pub(crate) fn unknown_path() -> Self {
        Self::plain(404, "NotFound", "the server could not find the requested resource")
    }

    pub(crate) fn not_found(kind: &Kind, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", kind.resource());
        Self::about(404, "NotFound", &message, &kind.group, &kind.plural, name)
    }

    pub(crate) fn namespace_not_found(name: &str) -> Self {
        let message = format!("namespaces \"{name}\" not found");
        Self::about(404, "NotFound", &message, "", "namespaces", name)
    }

    /// `is_going`: what is there is being deleted.
    pub(crate) fn already_exists(kind: &Kind, name: &str, is_going: bool) -> Self {
        let going = if is_going { "object is being deleted: " } else { "" };
        let message = format!("{going}{} \"{name}\" already exists", kind.resource());
        Self::about(409, "AlreadyExists", &message, &kind.group, &kind.plural, name)
    }

    pub(crate) fn conflict(kind: &Kind, name: &str, detail: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} \"{name}\": {detail}", kind.resource());
        Self::about(409, "Conflict", &message, &kind.group, &kind.plural, name)
    }

    /// The conflict of a delete with its preconditions, which names the kind where others name the resource.
    pub(crate) fn conflict_of_kind(kind: &Kind, name: &str, detail: &str) -> Self {
        let subject = subject(kind);
        let message = format!("Operation cannot be fulfilled on {subject} \"{name}\": {detail}");
        Self::about(409, "Conflict", &message, &kind.group, &kind.kind, name)
    }

    /// An update that does not say which version it is meant for.
    pub(crate) fn version_missing(kind: &Kind, name: &str) -> Self {
        let field = "metadata.resourceVersion".to_owned();
        let cause = Cause::invalid(field, &0.into(), "must be specified for an update");
        let subject = kind.resource();
        Self::invalid_object(&kind.group, &kind.plural, &subject, name, vec![cause])
    }

    /// A merge patch that leaves something that cannot be read as an object: `patched` is what it leaves.
    pub(crate) fn unreadable_patch(patched: &Value, error: &str) -> Self {
        let cause = Cause::invalid("patch".to_owned(), &patched.to_string().into(), error);
        Self::invalid_object("", "", "", "", vec![cause])
    }

    /// The conflict of a write that carries an old resourceVersion.
    pub(crate) fn modified(kind: &Kind, name: &str) -> Self {
        let detail = "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(kind, name, detail)
    }

    /// A resourceVersion or continue token of which the history is gone.
    pub(crate) fn expired(message: &str) -> Self {
        Self::plain(410, "Expired", message)
    }

    pub(crate) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::plain(405, "MethodNotAllowed", message)
    }

    /// 422 with one cause per field.
    pub(crate) fn invalid(kind: &Kind, name: &str, causes: Vec<Cause>) -> Self {
        Self::invalid_object(&kind.group, &kind.kind, &subject(kind), name, causes)
    }

    fn invalid_object(group: &str, kind: &str, subject: &str, name: &str, causes: Vec<Cause>) -> Self {
        let mut lines: Vec<String> = causes.iter().map(|c| format!("{}: {}", c.field, c.message)).collect();
        let mut told = std::collections::BTreeSet::new();
        lines.retain(|line| told.insert(line.clone()));
        let text = match lines.as_slice() {
            [one] => one.clone(),
            more => format!("[{}]", more.join(", ")),
        };
        let message = format!("{subject} \"{name}\" is invalid: {text}");
        let mut refusal = Self::about(422, "Invalid", &message, group, kind, name);
        refusal.set_causes(causes.into_iter().map(|c| (c.reason.as_str().to_owned(), c.field, c.message)));
        refusal
    }

    /// 409 of server-side apply: fields that other managers own. Each conflict is a manager's description and a path.
    pub(crate) fn apply_conflicts(conflicts: &[(String, String)]) -> Self {
        let mut managers: Vec<&str> = conflicts.iter().map(|(manager, _)| manager.as_str()).collect();
        managers.dedup();
        let mut text = String::new();
        for manager in managers {
            let paths: Vec<&str> =
                conflicts.iter().filter(|(m, _)| m == manager).map(|(_, path)| path.as_str()).collect();
            match paths.as_slice() {
                [one] if conflicts.len() == 1 => text.push_str(&format!("conflict with {manager}: {one}\n")),
                more => text.push_str(&format!("conflicts with {manager}:\n- {}\n", more.join("\n- "))),
            }
        }
        let count = conflicts.len();
        let plural = if count == 1 { "" } else { "s" };
        let message = format!("Apply failed with {count} conflict{plural}: {}", text.trim_end());
        let mut refusal = Self::about(409, "Conflict", &message, "", "", "");
        refusal.set_causes(conflicts.iter().map(|(manager, path)| {
            let reason = "FieldManagerConflict".to_owned();
            (reason, path.clone(), format!("conflict with {manager}"))
        }));
        refusal
    }

    pub(crate) fn code(&self) -> u16 {
        self.0.code
    }

    /// The JSON of the `Status`.
    pub(crate) fn to_json(&self) -> Bytes {
        let mut value = serde_json::to_value(&*self.0).unwrap_or_default();
        if let Some(map) = value.as_object_mut() {
            map.insert("kind".to_owned(), "Status".into());
            map.insert("apiVersion".to_owned(), "v1".into());
            map.insert("metadata".to_owned(), Value::Object(serde_json::Map::new()));
        }
        Bytes::from(value.to_string())
    }

    fn about(code: u16, reason: &str, message: &str, group: &str, kind: &str, name: &str) -> Self {
        let details = StatusDetails {
            name: name.to_owned(),
            group: group.to_owned(),
            kind: kind.to_owned(),
            uid: String::new(),
            causes: Vec::new(),
            retry_after_seconds: 0,
        };
        Self(Status::failure(message, reason).with_code(code).with_details(details).boxed())
    }

    fn set_causes(&mut self, causes: impl Iterator<Item = (String, String, String)>) {
        let Some(details) = self.0.details.as_mut() else {
            return;
        };
        details.causes = causes.map(|(reason, field, message)| StatusCause { reason, message, field }).collect();
    }
}

/// `Kind.group`, as messages name the kind of an object.
fn subject(kind: &Kind) -> String {
    if kind.group.is_empty() { kind.kind.to_string() } else { format!("{}.{}", kind.kind, kind.group) }
}
