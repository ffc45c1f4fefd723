//! Rules about names and paths that people write: each with the field at which it stands, the value, and what to write
//! instead. They are part of the schema, so that the API answers at once and nothing is stored.

use schemars::Schema;
use serde_json::{Value, json};

/// What no Windows path may hold: a part that ends in a dot or a space (`..` among them; Windows drops the ending and
/// means another folder), a device name (Microsoft: Naming Files, Paths, and Namespaces), characters that are no part of
/// names, and a colon that is not behind the drive.
const NO_PATH: &str =
    r#"[. ]([\\/]|$)|(^|[\\/])(?i:con|prn|aux|nul|com[0-9]|lpt[0-9])([.][^\\/]*)?([\\/]|$)|[<>"|?*]|[[:cntrl:]]|^..+:"#;
const LOCAL: &str = r"^[A-Za-z]:\\";
const SHARE: &str = r"^\\\\[^\\/]+\\[^\\/]+";
const PLAIN_PARTS: &str = "without .., parts that end in a dot or a space, names of devices (CON, NUL, COM1), or any of < > | ? * : and quotes";

/// A folder on the machine.
pub(crate) fn local_path(schema: &mut Schema) {
    add(
        schema,
        &path(LOCAL),
        &format!("is no path of a local folder; write it in full, for example C:\\SuperOffice\\Web, {PLAIN_PARTS}"),
    );
}

/// A folder on a share.
pub(crate) fn share_path(schema: &mut Schema) {
    add(
        schema,
        &path(SHARE),
        &format!("is no path of a share; write \\\\SERVER\\SHARE and what lies below, {PLAIN_PARTS}"),
    );
}

/// Folders on the machine or on a share.
pub(crate) fn any_paths(schema: &mut Schema) {
    let said =
        format!("is no path of a folder; write it in full, from the drive or from \\\\SERVER\\SHARE on, {PLAIN_PARTS}");
    each(schema, &path(&format!("{LOCAL}|{SHARE}")), &said);
}

/// A path below another one.
pub(crate) fn relative_path(schema: &mut Schema) {
    let rule = format!("!self.matches({}) && !self.matches({})", quoted(r"^([\\/]|.:)"), quoted(NO_PATH));
    add(
        schema,
        &rule,
        &format!("is no path below the media location; write it without a drive or a leading backslash, {PLAIN_PARTS}"),
    );
}

/// A host name as browsers ask for it.
pub(crate) fn host_name(schema: &mut Schema) {
    let said = "is no host name; write lower-case letters, digits, dots and hyphens, and a name with other letters in its ASCII form, xn--...";
    add(schema, &format!("self.matches({})", quoted(r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$")), said);
}

/// The name of another object in the cluster.
pub(crate) fn object_name(schema: &mut Schema) {
    add(schema, &object_rule(), OBJECT_NAME);
}

/// Names of other objects in the cluster.
pub(crate) fn object_names(schema: &mut Schema) {
    each(schema, &object_rule(), OBJECT_NAME);
}

/// A SQL Server.
pub(crate) fn server_name(schema: &mut Schema) {
    let said =
        r"is no SQL Server; write its host name, with \INSTANCE or ,PORT where needed, without spaces, quotes, ; and =";
    add(schema, &format!("self.matches({})", quoted(r#"^[^\s;='"]+$"#)), said);
}

/// A database.
pub(crate) fn database_name(schema: &mut Schema) {
    let said = "is no name that is passed on to SQL Server; brackets, quotes, semicolons and control characters cannot be part of it";
    add(schema, &format!("self.matches({})", quoted(r#"^[^\[\]'";[:cntrl:]]+$"#)), said);
}

const OBJECT_NAME: &str = "is no name of an object in Kubernetes; write lower-case letters, digits, dots and hyphens, as kubectl get shows it";

fn object_rule() -> String {
    format!("self.matches({})", quoted(r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))
}

fn path(shape: &str) -> String {
    format!("self.matches({}) && !self.matches({})", quoted(shape), quoted(NO_PATH))
}

fn each(schema: &mut Schema, rule: &str, said: &str) {
    if let Some(Value::Object(items)) = schema.get_mut("items") {
        items.insert(VALIDATIONS.to_owned(), validation(rule, said));
    }
}

fn add(schema: &mut Schema, rule: &str, said: &str) {
    schema.insert(VALIDATIONS.to_owned(), validation(rule, said));
}

const VALIDATIONS: &str = "x-kubernetes-validations";

/// The plain message is what the API falls back to where the value has line breaks.
fn validation(rule: &str, said: &str) -> Value {
    json!([{
        "rule": rule,
        "message": format!("this {said}"),
        "messageExpression": format!("'\"' + self + '\" ' + {}", quoted(said)),
    }])
}

/// A text as CEL writes it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
