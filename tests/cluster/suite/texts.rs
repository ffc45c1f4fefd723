//! Messages of both servers: versions and whole objects inside them, and complaints whose order nobody promises.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::Value;

static VERSION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(ResourceVersion in (?:the precondition|record) \()(\d+)\)").unwrap());

/// A text of the real server with the versions in it as the model calls them.
pub(crate) fn with_versions(text: &str, named: impl Fn(u64) -> Option<u64>) -> String {
    let replaced = VERSION.replace_all(text, |found: &Captures<'_>| {
        let version = found[2].parse().ok().and_then(&named).map_or_else(|| found[2].to_owned(), |v| v.to_string());
        format!("{}{version})", &found[1])
    });
    replaced.into_owned()
}

/// The object that a message shows as the value that is wrong, and what the message says of it.
pub(crate) fn shown_object(message: &str) -> Option<(Value, String)> {
    let text = message.strip_prefix("Invalid value: ")?;
    let mut reader = serde_json::Deserializer::from_str(text).into_iter::<String>();
    let quoted = reader.next()?.ok()?;
    let object: Value = serde_json::from_str(&quoted).ok().filter(Value::is_object)?;
    Some((object, text[reader.byte_offset()..].to_owned()))
}

/// Whether two messages complain of the same about a configuration that cannot be merged. The server walks over fields in
/// no order, and does not go on in an object in which it has met a field that is not declared: it may leave out some of
/// what else is wrong there.
pub(crate) fn is_same_complaint(model: &str, real: &str) -> bool {
    let (Some((ours, our_lines)), Some((theirs, their_lines))) = (complaints(model), complaints(real)) else {
        return false;
    };
    let undeclared = |line: &&str| line.ends_with("field not declared in schema");
    let is_part = !their_lines.is_empty() && their_lines.is_subset(&our_lines);
    ours == theirs && (our_lines == their_lines || (is_part && their_lines.iter().any(undeclared)))
}

fn complaints(message: &str) -> Option<(&str, BTreeSet<&str>)> {
    let rest = message.strip_prefix("failed to create typed patch object (")?;
    let (object, lines) = rest.split_once("): ")?;
    let lines = match lines.strip_prefix("errors:\n") {
        Some(lines) => lines.lines().map(str::trim).collect(),
        None => BTreeSet::from([lines]),
    };
    Some((object, lines))
}
