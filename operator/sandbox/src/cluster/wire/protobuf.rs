//! Objects in protobuf: typed clients, as `kubectl create namespace` and `kubectl create secret` are, send them so. Read
//! are the fields of Namespace and Secret that a person writes; anything else in protobuf is refused, not guessed.
//!
//! Numbers of fields: `generated.proto` of k8s.io/api/core/v1 and k8s.io/apimachinery (runtime, meta/v1).

use serde_json::{Map, Value, json};

use super::super::base64;
use super::super::refusal::Refusal;

/// What stands before every object in this form.
const MAGIC: &[u8] = b"k8s\0";

/// What is in one field.
enum Field<'a> {
    Number,
    Bytes(&'a [u8]),
}

/// The object in JSON.
pub(super) fn object(body: &[u8]) -> Result<Value, Refusal> {
    let unreadable = || Refusal::bad_request("the object provided is unrecognized: it is no protobuf");
    let unknown = fields(body.strip_prefix(MAGIC).ok_or_else(unreadable)?).ok_or_else(unreadable)?;
    let kind = first(&unknown, 1).and_then(fields).and_then(|kind| text(&kind, 2)).unwrap_or_default();
    let raw = first(&unknown, 2).unwrap_or_default();
    let read = match kind.as_str() {
        "Namespace" => namespace(raw),
        "Secret" => secret(raw),
        other => {
            let message = format!("the sandbox reads {other} as JSON only; use kubectl apply -f");
            return Err(Refusal::plain(415, "UnsupportedMediaType", &message));
        }
    };
    read.ok_or_else(unreadable)
}

fn namespace(raw: &[u8]) -> Option<Value> {
    let metadata = metadata(first(&fields(raw)?, 1).unwrap_or_default())?;
    Some(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}))
}

fn secret(raw: &[u8]) -> Option<Value> {
    let found = fields(raw)?;
    let mut secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": metadata(first(&found, 1).unwrap_or_default())?,
        "data": map(&found, 2, |value| Some(base64(value)))?, "stringData": map(&found, 4, utf8)?,
    });
    if let Some(of_type) = text(&found, 3).filter(|of_type| !of_type.is_empty()) {
        secret["type"] = of_type.into();
    }
    Some(secret)
}

fn metadata(raw: &[u8]) -> Option<Value> {
    let found = fields(raw)?;
    let mut metadata = Map::new();
    for (number, name) in [(1, "name"), (2, "generateName"), (3, "namespace")] {
        if let Some(text) = text(&found, number).filter(|text| !text.is_empty()) {
            metadata.insert(name.to_owned(), text.into());
        }
    }
    for (number, name) in [(11, "labels"), (12, "annotations")] {
        let entries = map(&found, number, utf8)?;
        if entries.as_object().is_some_and(|entries| !entries.is_empty()) {
            metadata.insert(name.to_owned(), entries);
        }
    }
    Some(Value::Object(metadata))
}

/// A map: each entry is a message of a key and a value.
fn map(found: &[(u64, Field<'_>)], number: u64, read: impl Fn(&[u8]) -> Option<String>) -> Option<Value> {
    let mut entries = Map::new();
    for entry in all(found, number) {
        let entry = fields(entry)?;
        entries.insert(text(&entry, 1)?, read(first(&entry, 2).unwrap_or_default())?.into());
    }
    Some(Value::Object(entries))
}

fn all<'a, 'b>(found: &'b [(u64, Field<'a>)], number: u64) -> impl Iterator<Item = &'a [u8]> + use<'a, 'b> {
    found.iter().filter_map(move |(of, field)| match field {
        Field::Bytes(bytes) if *of == number => Some(*bytes),
        Field::Bytes(_) | Field::Number => None,
    })
}

fn first<'a>(found: &[(u64, Field<'a>)], number: u64) -> Option<&'a [u8]> {
    all(found, number).next()
}

fn text(found: &[(u64, Field<'_>)], number: u64) -> Option<String> {
    first(found, number).and_then(utf8)
}

fn utf8(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

/// The fields of a message in their order; none, where it is cut off.
fn fields(mut rest: &[u8]) -> Option<Vec<(u64, Field<'_>)>> {
    let mut found = Vec::new();
    while !rest.is_empty() {
        let tag = number(&mut rest)?;
        let field = match tag & 7 {
            0 => number(&mut rest).map(|_| Field::Number)?,
            1 => rest.split_off(..8).map(|_| Field::Number)?,
            2 => {
                let length = usize::try_from(number(&mut rest)?).ok()?;
                Field::Bytes(rest.split_off(..length)?)
            }
            5 => rest.split_off(..4).map(|_| Field::Number)?,
            _ => return None,
        };
        found.push((tag >> 3, field));
    }
    Some(found)
}

/// A number in seven bits per byte, the lowest first.
fn number(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = *rest.split_off_first()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{MAGIC, object};

    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![number << 3 | 2, u8::try_from(content.len()).unwrap()];
        bytes.extend_from_slice(content);
        bytes
    }

    fn envelope(kind: &str, raw: &[u8]) -> Vec<u8> {
        let meaning = [field(1, b"v1"), field(2, kind.as_bytes())].concat();
        [MAGIC.to_vec(), field(1, &meaning), field(2, raw)].concat()
    }

    #[test]
    fn a_secret_is_read_and_what_is_cut_off_or_unknown_is_refused() {
        let metadata = [field(1, b"login"), field(3, b"crm"), field(11, &[field(1, b"a"), field(2, b"b")].concat())];
        let entry = [field(1, b"username"), field(2, b"eva")].concat();
        let secret = [field(1, &metadata.concat()), field(2, &entry), field(3, b"Opaque")].concat();
        let bytes = envelope("Secret", &secret);
        assert_eq!(
            object(&bytes).unwrap(),
            json!({
                "apiVersion": "v1", "kind": "Secret",
                "metadata": {"name": "login", "namespace": "crm", "labels": {"a": "b"}},
                "data": {"username": "ZXZh"}, "stringData": {}, "type": "Opaque",
            })
        );
        for length in MAGIC.len() + 1..bytes.len() {
            let cut = object(&bytes[..length]);
            // An envelope that ends before its object is of no kind, or of one without content.
            assert!(cut.is_err() || cut.is_ok_and(|read| read["metadata"] == json!({})), "{length}");
        }
        assert_eq!(object(&envelope("Lease", b"")).unwrap_err().code(), 415);
        assert_eq!(object(b"{}").unwrap_err().code(), 400);
    }
}
