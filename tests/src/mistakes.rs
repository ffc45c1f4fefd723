//! Mistakes in a manifest, and what an API server answers to them.

use kube::api::{Api, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};

/// A site without a mistake, with names that are not ASCII.
#[must_use]
pub fn site() -> Value {
    json!({
        "apiVersion": "crm-operator.io/v1alpha1", "kind": "CrmSite", "metadata": {"name": "contoso"},
        "spec": {
            "product": "SuperOffice", "version": "8.0 SR6",
            "components": [
                {"name": "CrmServer", "nodes": ["contoso-app"]},
                {"name": "Web", "nodes": ["contoso-app"]},
                {"name": "Service", "nodes": ["contoso-cs"]},
            ],
            "database": {"server": r"sql1.contoso.example\CRM,1433", "name": "CRM7", "credentialsRef": {"name": "contoso-sql"}},
            "superOffice": {
                "tablePrefix": "CRM7", "hostName": "crm.contoso.example",
                "web": {"path": r"C:\SuperOffice\SuperOffice Web"},
                "service": {"path": r"D:\Støtte\Customer.Service 8", "iisSite": "Støtte"},
                "archives": [r"\\files.contoso.example\so_arc", r"E:\Arkiv"],
            },
            "media": {"location": r"\\files.contoso.example\superoffice"},
            "backup": {"location": r"\\backup.contoso.example\crm"},
            "windows": {"timeZone": "Europe/Oslo", "allow": [{"days": ["Sat"], "start": "22:00", "durationMinutes": 360}]},
        },
    })
}

/// What is wrong, where, and the value there; `null` takes the field away.
#[must_use]
pub fn cases() -> Vec<(&'static str, &'static str, Value)> {
    let long = "a".repeat(10_000);
    let nodes = |count: usize| (0..count).map(|number| format!("node-{number}")).collect::<Vec<_>>();
    vec![
        ("an unknown field", "/spec/fastCGI", json!("Enabled")),
        ("an unknown field inside a block", "/spec/superOffice/service/sitename", json!("Støtte")),
        ("a wrong type", "/spec/version", json!(8.0)),
        ("a required field left out", "/spec/database", Value::Null),
        ("an empty version", "/spec/version", json!("")),
        ("an unknown product", "/spec/product", json!("Sage")),
        ("an unknown component", "/spec/components/0/name", json!("CRMServer")),
        ("an unknown way of FastCGI", "/spec/fastCgi", json!(true)),
        ("handlers removed that links need", "/spec/fastCgiHandlers", json!("Remove")),
        ("no product block", "/spec/superOffice", Value::Null),
        ("the block of another product", "/spec/sage", json!({})),
        ("a component twice", "/spec/components/1/name", json!("CrmServer")),
        ("a node twice in one component", "/spec/components/0/nodes", json!(["contoso-app", "contoso-app"])),
        ("no component", "/spec/components", json!([])),
        ("more nodes than fit", "/spec/components/0/nodes", json!(nodes(17))),
        ("a list of 100,000 nodes", "/spec/components/0/nodes", json!(nodes(100_000))),
        ("a list of 100,000 archives, all the same", "/spec/superOffice/archives", json!(vec![r"E:\Arkiv"; 100_000])),
        ("a node that is a path", "/spec/components/0/nodes", json!(["../secrets/contoso-sql"])),
        ("a node in capitals", "/spec/components/0/nodes", json!(["CONTOSO-APP"])),
        ("a name of 10,000 characters", "/metadata/name", json!(long)),
        ("a name of 53 characters", "/metadata/name", json!("a".repeat(53))),
        ("a name that is not ASCII", "/metadata/name", json!("contoso-støtte")),
        ("a name in capitals", "/metadata/name", json!("Contoso")),
        ("a host name of 10,000 characters", "/spec/superOffice/hostName", json!(long)),
        ("a host name that is not ASCII", "/spec/superOffice/hostName", json!("støtte.contoso.example")),
        ("a host name with a path", "/spec/superOffice/hostName", json!("crm.contoso.example/service")),
        ("a folder with ..", "/spec/superOffice/service/path", json!(r"C:\SuperOffice\..\Windows")),
        ("a folder that ends in a dot", "/spec/superOffice/service/path", json!(r"C:\SuperOffice.")),
        ("a folder with a part that ends in a space", "/spec/superOffice/web/path", json!("C:\\SuperOffice \\Web")),
        ("a folder that is a device", "/spec/superOffice/web/path", json!(r"C:\SuperOffice\nul.txt\Web")),
        ("a folder that is not full", "/spec/superOffice/web/path", json!(r"SuperOffice\Web")),
        ("a folder with slashes", "/spec/superOffice/web/path", json!("C:/SuperOffice/Web")),
        ("a folder on a share where a local one is needed", "/spec/superOffice/web/path", json!(r"\\server\share\Web")),
        ("a folder with a second stream", "/spec/superOffice/web/path", json!(r"C:\SuperOffice\Web:hidden")),
        ("a folder with a line break", "/spec/superOffice/web/path", json!("C:\\SuperOffice\nWeb")),
        ("an archive with ..", "/spec/superOffice/archives", json!([r"\\files\so_arc\..\private"])),
        ("more archives than there can be", "/spec/superOffice/archives", json!(vec![r"E:\Arkiv"; 12])),
        ("media on no share", "/spec/media/location", json!(r"C:\media")),
        ("a backup location without a share", "/spec/backup/location", json!(r"\\backup")),
        ("a backup location with ..", "/spec/backup/location", json!(r"\\backup\crm\..\other")),
        ("a SQL Server with more than a name", "/spec/database/server", json!("sql1;Database=master")),
        ("a database with brackets", "/spec/database/name", json!("CRM7];DROP DATABASE x")),
        ("a Secret that is a path", "/spec/database/credentialsRef/name", json!("../crm/other")),
        ("a table prefix with a dot", "/spec/superOffice/tablePrefix", json!("crm7.dbo")),
        ("no window in the list", "/spec/windows/allow", json!([])),
        ("a window that begins at 24:00", "/spec/windows/allow/0/start", json!("24:00")),
        ("a window of negative length", "/spec/windows/allow/0/durationMinutes", json!(-60)),
        ("an unknown day", "/spec/windows/allow/0/days", json!(["Saturday"])),
        ("a reminder at the very moment", "/spec/notices", json!({"minutesBefore": [0]})),
        ("a reminder three weeks before", "/spec/notices", json!({"minutesBefore": [30_240]})),
        ("the same reminder twice", "/spec/notices", json!({"minutesBefore": [60, 60]})),
        (
            "an address in the manifest",
            "/spec/notices",
            json!({"webhook": {"url": "https://hooks.contoso.example/t/1"}}),
        ),
        ("a Secret of another namespace", "/spec/notices", json!({"webhook": {"urlRef": {"name": "other/hook"}}})),
        (
            "a moment that is none",
            "/spec/windows/deny",
            json!([{"from": "yesterday", "until": "2026-12-31T00:00:00Z", "reason": "x"}]),
        ),
    ]
}

fn set(object: &mut Value, pointer: &str, value: Value) {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    let parent = object.pointer_mut(parent).unwrap();
    match (parent, value) {
        (Value::Array(items), value) => items[field.parse::<usize>().unwrap()] = value,
        (Value::Object(fields), Value::Null) => drop(fields.remove(field)),
        (Value::Object(fields), value) => drop(fields.insert(field.to_owned(), value)),
        (_, _) => panic!("{pointer}"),
    }
}

/// Mistakes that only a site that is there already can meet.
#[must_use]
pub fn cases_of_an_existing_site() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("another database on an existing site", "/spec/database/name", json!("CRM8")),
        ("another server on an existing site", "/spec/database/server", json!("sql2")),
    ]
}

/// The site with this mistake in it.
#[must_use]
pub fn with(pointer: &str, value: Value) -> Value {
    let mut object = site();
    set(&mut object, pointer, value);
    object
}

/// Applies a site as somebody does who wants to hear of every mistake.
///
/// # Errors
/// What the API server answers.
pub async fn apply(api: &Api<DynamicObject>, object: &Value) -> Result<DynamicObject, kube::Error> {
    let name = object["metadata"]["name"].as_str().unwrap();
    api.patch(name, &PatchParams::apply("a-person").validation_strict(), &Patch::Apply(object)).await
}

/// What the API answers: one line per cause, very long values cut.
#[must_use]
pub fn answer(error: &kube::Error) -> String {
    let kube::Error::Api(status) = error else { return format!("  {error}\n") };
    let causes = status.details.as_ref().map(|details| details.causes.as_slice()).unwrap_or_default();
    let lines: Vec<String> = match causes {
        [] => vec![status.message.clone()],
        causes => causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect(),
    };
    lines.iter().fold(String::new(), |all, line| {
        let shown: String = line.chars().take(400).collect();
        let more = if shown.len() < line.len() { " ..." } else { "" };
        format!("{all}  {shown}{more}\n")
    })
}
