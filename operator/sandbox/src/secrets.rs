//! The secrets of a scenario, and every form in which one could lie where it must not: as it is, as it stands in quoted
//! text, in base64 (wherever in a longer text it begins), in hex, as in a URL or in XML, and each of these of its UTF-16.

use std::collections::{BTreeMap, BTreeSet};

use regex::bytes::{Regex, RegexBuilder};
use serde_json::Value;

use crate::cluster::base64;
use crate::file::ScenarioFile;
use crate::world::PASSWORD_IN_CONFIG;

/// All forms of one secret may not make a bigger searcher than this.
const SEARCHER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// A shorter text stands in many places by chance.
const SECRET_LETTERS_MIN: usize = 8;

/// Secrets that are searched for.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// Which secret, in which form, by the text that gives it away.
    forms: BTreeMap<Vec<u8>, String>,
    searcher: Option<Regex>,
}

impl Secrets {
    /// Searches for these: what each is called, and what it is. Those of less than eight letters are left out.
    ///
    /// # Panics
    /// When there is more than a searcher can hold: some thousand secrets.
    #[must_use]
    pub fn new<'a>(secrets: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut forms = BTreeMap::new();
        for (name, secret) in secrets.into_iter().filter(|(_, secret)| secret.len() >= SECRET_LETTERS_MIN) {
            for (form, text) in forms_of(secret) {
                forms.entry(text).or_insert_with(|| format!("{name}, {form}"));
            }
        }
        // The longest first: it says most.
        let mut texts: Vec<&Vec<u8>> = forms.keys().collect();
        texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
        let pattern = texts.into_iter().map(|text| any_bytes(text)).collect::<Vec<_>>().join("|");
        let build = || RegexBuilder::new(&pattern).unicode(false).size_limit(SEARCHER_BYTES_MAX).build();
        #[expect(clippy::expect_used, reason = "escaped bytes are a pattern; its size is the documented limit")]
        let searcher = (!forms.is_empty()).then(|| build().expect("a searcher of bytes"));
        Self { forms, searcher }
    }

    /// Everything secret of a scenario: logins of SQL Server, addresses of webhooks and whatever else its Secrets hold, and the
    /// password that stands in the configuration of the product.
    #[must_use]
    pub fn of(file: &ScenarioFile) -> Self {
        let mut secrets =
            BTreeSet::from([("the password in the product's configuration".to_owned(), PASSWORD_IN_CONFIG.to_owned())]);
        for file in file.each() {
            secrets.insert(("the password of the login at SQL Server".to_owned(), file.login().1));
            for secret in &file.objects.secrets {
                let name = secret["metadata"]["name"].as_str().unwrap_or_default();
                for (key, value) in secret["stringData"].as_object().into_iter().flatten() {
                    if !["username", "servers"].contains(&key.as_str()) {
                        let value = value.as_str().unwrap_or_default();
                        secrets.insert((format!("{key} of Secret {name}"), value.to_owned()));
                    }
                }
            }
        }
        Self::new(secrets.iter().map(|(name, secret)| (name.as_str(), secret.as_str())))
    }

    /// The first secret that stands in a text, by its name and form.
    #[must_use]
    pub fn in_text(&self, text: &[u8]) -> Option<&str> {
        let found = self.searcher.as_ref()?.find(text)?;
        self.forms.get(found.as_bytes()).map(String::as_str)
    }

    /// The first secret in the texts of an object, and its names of fields.
    #[must_use]
    pub fn in_object(&self, object: &Value) -> Option<&str> {
        match object {
            Value::String(text) => self.in_text(text.as_bytes()),
            Value::Array(items) => items.iter().find_map(|item| self.in_object(item)),
            Value::Object(fields) => {
                fields.iter().find_map(|(name, value)| self.in_text(name.as_bytes()).or_else(|| self.in_object(value)))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => None,
        }
    }

    /// The first secret in what a newer version of an object has and the older one has not: a run stores the same again and
    /// again.
    #[must_use]
    pub fn in_news(&self, old: &Value, new: &Value) -> Option<&str> {
        match (old, new) {
            _ if old == new => None,
            (Value::Object(old), Value::Object(new)) => new.iter().find_map(|(name, value)| match old.get(name) {
                Some(old) => self.in_news(old, value),
                None => self.in_text(name.as_bytes()).or_else(|| self.in_object(value)),
            }),
            (Value::Array(old), Value::Array(new)) => {
                new.iter().enumerate().find_map(|(place, value)| match old.get(place) {
                    Some(old) => self.in_news(old, value),
                    None => self.in_object(value),
                })
            }
            _ => self.in_object(new),
        }
    }
}

/// A pattern for exactly these bytes.
fn any_bytes(text: &[u8]) -> String {
    text.iter().map(|byte| format!("\\x{byte:02x}")).collect()
}

/// Each form with its name.
fn forms_of(secret: &str) -> Vec<(String, Vec<u8>)> {
    let utf16: Vec<u8> = secret.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut forms = vec![
        ("in quoted text".to_owned(), Value::from(secret).to_string().trim_matches('"').as_bytes().to_vec()),
        ("as in a URL".to_owned(), percent_encoded(secret).into_bytes()),
        ("as in XML".to_owned(), in_xml(secret).into_bytes()),
    ];
    for (encoding, bytes) in [("as it is", secret.as_bytes().to_vec()), ("in UTF-16", utf16)] {
        forms.extend(base64_anywhere(&bytes).map(|text| (format!("{encoding}, in base64"), text.into_bytes())));
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        forms.push((format!("{encoding}, in hex"), hex.to_uppercase().into_bytes()));
        forms.push((format!("{encoding}, in hex"), hex.into_bytes()));
        forms.push((encoding.to_owned(), bytes));
    }
    // The plain text also stands for what needs no quoting; it is named last, so it is named so.
    forms.reverse();
    forms
}

/// Base64 of some bytes wherever in a longer text they begin: without the letters that depend on their neighbours.
fn base64_anywhere(bytes: &[u8]) -> impl Iterator<Item = String> + '_ {
    (0..3_usize).map(move |before| {
        let text = base64(&[&vec![0; before], bytes].concat());
        let first = (before * 8).div_ceil(6);
        let last = (before + bytes.len()) * 8 / 6;
        text.get(first..last).unwrap_or_default().to_owned()
    })
}

fn percent_encoded(text: &str) -> String {
    let letter = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(letter).collect()
}

fn in_xml(text: &str) -> String {
    let marks = [('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('"', "&quot;"), ('\'', "&apos;")];
    marks.iter().fold(text.to_owned(), |text, (mark, name)| text.replace(*mark, name))
}

#[cfg(test)]
mod tests {
    use super::Secrets;
    use crate::cluster::base64;
    use serde_json::json;

    const SECRET: &str = "made up: 100 % & <kept> \"here\"";

    #[test]
    fn a_secret_is_found_in_every_form() {
        let secrets = Secrets::new([("the secret", SECRET)]);
        let utf16: Vec<u8> = SECRET.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let texts: Vec<(&str, Vec<u8>)> = vec![
            ("as it is", format!("login as it/{SECRET} failed").into_bytes()),
            ("in quoted text", json!({"connection": SECRET}).to_string().into_bytes()),
            ("as it is, in base64", base64(SECRET.as_bytes()).into_bytes()),
            ("as it is, in base64", base64(format!("u:{SECRET}").as_bytes()).into_bytes()),
            ("as it is, in base64", base64(format!("x:{SECRET}.").as_bytes()).into_bytes()),
            ("as it is, in base64", base64(format!("user:{SECRET}").as_bytes()).into_bytes()),
            ("as it is, in hex", hex(SECRET.as_bytes()).into_bytes()),
            ("as it is, in hex", hex(SECRET.as_bytes()).to_uppercase().into_bytes()),
            ("as in a URL", b"https://made%20up%3A%20100%20%25%20%26%20%3Ckept%3E%20%22here%22@host/".to_vec()),
            ("as in XML", b"<a b=\"made up: 100 % &amp; &lt;kept&gt; &quot;here&quot;\"/>".to_vec()),
            ("in UTF-16", [b"\xff\xfe", utf16.as_slice()].concat()),
            ("in UTF-16, in base64", base64(&utf16).into_bytes()),
            ("in UTF-16, in hex", hex(&utf16).into_bytes()),
        ];
        for (form, text) in texts {
            let shown = String::from_utf8_lossy(&text).into_owned();
            assert_eq!(secrets.in_text(&text), Some(format!("the secret, {form}").as_str()), "{shown}");
        }
        assert_eq!(secrets.in_text(b"made up: 100 %"), None);
    }

    #[test]
    fn an_object_is_searched_in_all_its_texts_and_names() {
        let secrets = Secrets::new([("the secret", SECRET)]);
        let found = Some("the secret, as it is");
        assert_eq!(secrets.in_object(&json!({"status": {"conditions": [{"message": format!("no {SECRET}")}]}})), found);
        assert_eq!(secrets.in_object(&json!({"annotations": {SECRET: 1}})), found);
        assert_eq!(secrets.in_object(&json!({"annotations": {"a": [1, true, null, "b"]}})), None);
        let old = json!({"spec": {"text": "a"}, "list": [SECRET, "b"]});
        for (new, expected) in [
            (json!({"spec": {"text": "b"}, "list": [SECRET, "c", "d"]}), None),
            (json!({"spec": {"text": SECRET}, "list": []}), found),
            (json!({"spec": {"text": "a", SECRET: "a"}}), found),
            (json!({"spec": {"text": "a"}, "list": [SECRET, "b", SECRET]}), found),
            (json!({"spec": {"text": "a"}, "list": ["b", [SECRET]]}), found),
        ] {
            assert_eq!(secrets.in_news(&old, &new), expected, "{new}");
        }
        assert_eq!(Secrets::new([]).in_text(b"anything"), None);
    }
}
