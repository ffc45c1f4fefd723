//! Mistakes that no schema can see: the site says so in its conditions, nothing is begun, and once the mistake is mended
//! the site goes on by itself.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::pin::Pin;

use crm_sandbox::file::ScenarioFile;
use crm_sandbox::report::Outcome;
use crm_sandbox::run::{Attendance, Entrance, Options, Sandbox};
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use serde_json::{Value, json};

use crate::files::repository;

const SCENARIO: &str = "examples/superoffice/server-web-service-7.5-to-8.0.yaml";

/// What every mistake comes to, title by title.
pub(crate) fn words_of_the_site() -> String {
    let file = ScenarioFile::read(&repository().join(SCENARIO)).unwrap();
    let mut told = String::new();
    for (title, then) in edits() {
        let mut file = file.clone();
        file.scenario.spec.then = then;
        write!(told, "{title}\n  {}\n\n", refused(file)).unwrap();
    }
    for mistake in &MISTAKES {
        write!(told, "{}\n{}\n", mistake.title, made_and_mended(&file, mistake)).unwrap();
    }
    told
}

/// Edits of the declaration that are taken by the API and refused by the plan.
fn edits() -> Vec<(&'static str, Value)> {
    let window =
        |days: Value, start: &str, minutes: i32| json!({"days": days, "start": start, "durationMinutes": minutes});
    let bump = |windows: Value| json!({"version": "8.0 SR6", "windows": windows});
    let oslo = |allow: Value| bump(json!({"timeZone": "Europe/Oslo", "allow": allow}));
    let closed = |from: &str, until: &str| {
        bump(json!({
            "timeZone": "Europe/Oslo", "allow": [window(json!(["Sat"]), "22:00", 360)],
            "deny": [{"from": from, "until": until, "reason": "end of the year"}],
        }))
    };
    vec![
        ("an unknown version", json!({"version": "8.0 SR66"})),
        ("a version that is older than the site", json!({"version": "7.5 SR1"})),
        ("a bad time zone", bump(json!({"timeZone": "Europe/Olso", "allow": [window(json!(["Sat"]), "22:00", 360)]}))),
        ("a window that is too short", oslo(json!([window(json!(["Sat"]), "22:00", 15)]))),
        (
            "two windows that overlap",
            oslo(json!([window(json!(["Fri", "Sat"]), "22:00", 360), window(json!(["Sun"]), "03:00", 120)])),
        ),
        (
            "two windows that overlap around the end of the week",
            oslo(json!([window(json!(["Mon"]), "00:00", 120), window(json!(["Sun"]), "22:00", 180)])),
        ),
        ("a day that stands there twice", oslo(json!([window(json!(["Sat", "Sun", "Sat"]), "22:00", 360)]))),
        ("a black-out that ends before it begins", closed("2026-12-20T00:00:00Z", "2026-12-02T00:00:00Z")),
        ("a black-out over everything", closed("2026-01-01T00:00:00Z", "2199-01-01T00:00:00Z")),
    ]
}

fn refused(file: ScenarioFile) -> String {
    let options = Options { people: Attendance::Nobody, ..Options::default() };
    match Sandbox::new(file).unwrap().run(&options, &mut |_| {}) {
        Ok(report) => {
            assert_eq!(report.happened.effects, 0, "{}: nothing may be begun", report.outcome);
            report.outcome.to_string()
        }
        Err(error) => error.to_string(),
    }
}

type Doing<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Something that is wrong outside the declaration of the site, or in what it points at.
struct Mistake {
    title: &'static str,
    made: fn(&Entrance) -> Doing<'_>,
    mended: fn(&Entrance) -> Doing<'_>,
}

const MISTAKES: [Mistake; 8] = [
    Mistake {
        title: "no such Secret",
        made: |entrance| {
            Box::pin(async { drop(secrets(entrance).delete("contoso-sql", &DeleteParams::default()).await.unwrap()) })
        },
        mended: |entrance| Box::pin(write_secret(entrance, login())),
    },
    Mistake {
        title: "a Secret without a password",
        made: |entrance| {
            Box::pin(async {
                secrets(entrance).delete("contoso-sql", &DeleteParams::default()).await.unwrap();
                write_secret(entrance, json!({"username": LOGIN.0, "servers": SERVER})).await;
            })
        },
        mended: |entrance| Box::pin(rotate(entrance, LOGIN.1)),
    },
    Mistake {
        title: "a Secret whose login is for another server",
        made: |entrance| Box::pin(rewrite(entrance, "servers", "sql2.contoso.example")),
        mended: |entrance| Box::pin(rewrite(entrance, "servers", SERVER)),
    },
    Mistake {
        title: "a password that SQL Server does not know any more",
        made: |entrance| Box::pin(rotate(entrance, "last-year")),
        mended: |entrance| Box::pin(rotate(entrance, LOGIN.1)),
    },
    Mistake {
        title: "an unknown node",
        made: |entrance| Box::pin(place_web(entrance, "contoso-apq")),
        mended: |entrance| Box::pin(place_web(entrance, "contoso-app")),
    },
    Mistake {
        title: "an agent that is too old for the orders",
        made: |entrance| Box::pin(understand(entrance, crm_api::order::FORMAT - 1)),
        mended: |entrance| Box::pin(understand(entrance, crm_api::order::FORMAT)),
    },
    Mistake {
        title: "an unknown database",
        made: |entrance| Box::pin(declare_anew(entrance, "CRM8")),
        mended: |entrance| Box::pin(declare_anew(entrance, "CRM7")),
    },
    Mistake {
        title: "two sites on one database",
        made: |entrance| Box::pin(add_namesake(entrance)),
        mended: |entrance| {
            Box::pin(async {
                drop(sites(entrance, "default").delete("fabrikam", &DeleteParams::default()).await.unwrap())
            })
        },
    },
];

/// The login that the sandbox's SQL Server knows where a scenario brings no Secret.
const LOGIN: (&str, &str) = crm_sandbox::file::MADE_UP_LOGIN;
/// Where that login is known.
const SERVER: &str = "sql1.contoso.example";

/// What the sites say while it is wrong; afterwards the site has to be found healthy.
fn made_and_mended(file: &ScenarioFile, mistake: &Mistake) -> String {
    let mut file = file.clone();
    file.scenario.spec.then = json!({});
    let told = RefCell::new(String::new());
    let guest = async |entrance: Entrance| {
        (mistake.made)(&entrance).await;
        entrance.until(|entrance| entrance.cluster().list("CrmSite").iter().all(|site| says(site).is_some())).await;
        for site in entrance.cluster().list("CrmSite") {
            let name = site["metadata"]["name"].as_str().unwrap().to_owned();
            writeln!(told.borrow_mut(), "  {name}: {}", says(&site).unwrap()).unwrap();
        }
        assert!(entrance.cluster().list("CrmChange").is_empty(), "{}: nothing may be begun", mistake.title);
        (mistake.mended)(&entrance).await;
    };
    let sandbox = Sandbox::new(file).unwrap();
    let report = sandbox.run_with(&Options::default(), &mut |_| {}, Box::new(|entrance| Box::pin(guest(entrance))));
    let (report, told) = (report.unwrap(), told.into_inner());
    assert_eq!(report.outcome, Outcome::Reached, "{}: {told}", mistake.title);
    assert_eq!(report.happened.effects, 0, "{}", mistake.title);
    told
}

/// Why a site is not up to date, once it says so in words that are about more than having just begun to look.
fn says(site: &Value) -> Option<String> {
    let conditions = site["status"]["conditions"].as_array()?;
    let found = conditions.iter().find(|condition| condition["type"] == "UpToDate" && condition["status"] != "True")?;
    let message = found["message"].as_str()?;
    let starting = ["was never heard", "has not answered", "is silent"].iter().any(|word| message.contains(word));
    (!starting).then(|| format!("{}: {message}", found["reason"].as_str().unwrap_or_default()))
}

fn sites(entrance: &Entrance, namespace: &str) -> Api<DynamicObject> {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("crm-operator.io", "v1alpha1", "CrmSite"));
    Api::namespaced_with(entrance.client("a-person"), namespace, &kind)
}

fn secrets(entrance: &Entrance) -> Api<DynamicObject> {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "Secret"));
    Api::namespaced_with(entrance.client("a-person"), "crm", &kind)
}

fn login() -> Value {
    json!({"username": LOGIN.0, "password": LOGIN.1, "servers": SERVER})
}

async fn write_secret(entrance: &Entrance, content: Value) {
    let secret =
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "contoso-sql"}, "stringData": content});
    secrets(entrance).create(&PostParams::default(), &serde_json::from_value(secret).unwrap()).await.unwrap();
}

async fn rotate(entrance: &Entrance, password: &str) {
    rewrite(entrance, "password", password).await;
}

async fn rewrite(entrance: &Entrance, key: &str, value: &str) {
    let patch = Patch::Merge(json!({"stringData": {key: value}}));
    secrets(entrance).patch("contoso-sql", &PatchParams::default(), &patch).await.unwrap();
}

async fn place_web(entrance: &Entrance, node: &str) {
    let mut components = entrance.site()["spec"]["components"].clone();
    for placed in components.as_array_mut().unwrap() {
        if placed["name"] == "Web" {
            placed["nodes"] = json!([node]);
        }
    }
    let patch = Patch::Merge(json!({"spec": {"components": components}}));
    sites(entrance, "crm").patch("contoso", &PatchParams::default(), &patch).await.unwrap();
}

/// What the agent of Web's server says that it understands.
async fn understand(entrance: &Entrance, format: i32) {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("crm-operator.io", "v1alpha1", "CrmNode"));
    let nodes: Api<DynamicObject> = Api::namespaced_with(entrance.client("contoso-app"), "crm", &kind);
    let heard = |entrance: &Entrance| {
        let node = entrance.cluster().get("CrmNode", "crm", "contoso-app").unwrap_or_default();
        node["status"]["orderFormat"] == crm_api::order::FORMAT
    };
    entrance.until(heard).await;
    let patch = Patch::Merge(json!({"status": {"orderFormat": format}}));
    nodes.patch_status("contoso-app", &PatchParams::default(), &patch).await.unwrap();
}

/// A site is its database: another one is another site, declared anew.
async fn declare_anew(entrance: &Entrance, database: &str) {
    let mut spec = entrance.site()["spec"].clone();
    spec["database"]["name"] = json!(database);
    sites(entrance, "crm").delete("contoso", &DeleteParams::default()).await.unwrap();
    create_site(entrance, "crm", "contoso", spec).await;
}

/// The same database under another spelling of its server.
async fn add_namesake(entrance: &Entrance) {
    let mut spec = entrance.site()["spec"].clone();
    let server = spec["database"]["server"].as_str().unwrap().to_uppercase();
    spec["database"]["server"] = json!(format!("{server},1433"));
    create_site(entrance, "default", "fabrikam", spec).await;
}

async fn create_site(entrance: &Entrance, namespace: &str, name: &str, spec: Value) {
    let site = json!({
        "apiVersion": "crm-operator.io/v1alpha1", "kind": "CrmSite", "metadata": {"name": name}, "spec": spec,
    });
    sites(entrance, namespace).create(&PostParams::default(), &serde_json::from_value(site).unwrap()).await.unwrap();
}
