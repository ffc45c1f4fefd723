//! `kubectl crm plan` on files: the same plan as the controller's, and every reason why there is none, each with what a
//! person can do about it. The observed half of the example is what the sandbox's agents and database really report.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use crm_sandbox::file::ScenarioFile;
use crm_sandbox::run::{Options, Sandbox};
use crm_sandbox::story::What;
use kubectl_crm::{Exit, Screen, Streams, run};
use serde_json::{Value, json};

use crate::files::{golden, repository};

const SCENARIO: &str = "examples/superoffice/server-web-service-7.5-to-8.0.yaml";
const CATALOGUE: &str = "examples/superoffice/catalogue.yaml";
const EXAMPLE: &str = "examples/superoffice/plan";

/// What one call of the command line came to.
struct Called {
    exit: Exit,
    out: String,
    err: String,
}

impl Called {
    #[track_caller]
    fn ends(&self, exit: Exit, says: &[&str]) {
        let text = format!("{}{}", self.out, self.err);
        assert_eq!(self.exit, exit, "{text}");
        let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in says {
            assert!(one_line.contains(part), "{part:?} is missing in:\n{text}");
        }
    }
}

fn call(words: &[&str], input: &str) -> Called {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let all = ["kubectl-crm"].iter().chain(words).map(OsString::from);
    let mut streams =
        Streams { input: &mut input.as_bytes(), out: &mut out, err: &mut err, screen: Screen::Pipe, attended: false };
    let exit = run(all, &mut streams);
    Called { exit, out: String::from_utf8(out).unwrap(), err: String::from_utf8(err).unwrap() }
}

fn path(of: &str) -> String {
    repository().join(of).to_str().unwrap().to_owned()
}

/// Plans with the catalogue and the given documents.
fn plan(documents: &[Value], more: &[&str]) -> Called {
    let input = documents.iter().map(|document| format!("---\n{document}\n")).collect::<String>();
    let catalogue = path(CATALOGUE);
    let mut words = vec!["plan", "-f", &catalogue, "-f", "-"];
    words.extend(more);
    call(&words, &input)
}

static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| {
    let file = ScenarioFile::read(&PathBuf::from(path(SCENARIO))).unwrap();
    Sandbox::new(file).unwrap()
});

/// The site, its nodes, their signs of life and the database's facts at rest.
static AT_REST: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let seen = SANDBOX.at_rest(0).unwrap();
    let mut database = serde_json::to_value(&seen.database).unwrap();
    database["apiVersion"] = json!(crm_api::API_VERSION);
    database["kind"] = json!("DatabaseFacts");
    database["metadata"] = json!({"name": "contoso", "namespace": "crm"});
    let mut objects = seen.objects;
    for object in &mut objects {
        let metadata = object["metadata"].as_object_mut().unwrap();
        metadata.remove("managedFields");
        metadata.remove("resourceVersion");
    }
    objects.push(database);
    objects
});

/// The observed documents, the last of them being the site as somebody now declares it.
fn bumped(version: &str) -> Vec<Value> {
    let mut documents = AT_REST.clone();
    let mut site = documents.iter().find(|document| document["kind"] == "CrmSite").unwrap().clone();
    site["spec"]["version"] = json!(version);
    documents.push(json!({
        "apiVersion": site["apiVersion"], "kind": "CrmSite",
        "metadata": {"name": "contoso", "namespace": "crm"}, "spec": site["spec"],
    }));
    documents
}

fn edit(documents: &mut [Value], kind: &str, change: impl Fn(&mut Value)) {
    documents.iter_mut().filter(|document| document["kind"] == kind).for_each(change);
}

fn set_fact(documents: &mut [Value], name: &str, value: &str) {
    edit(documents, "DatabaseFacts", |database| {
        let facts = database["facts"].as_array_mut().unwrap();
        let fact = facts.iter_mut().find(|fact| fact["name"] == name).unwrap();
        fact["value"] = json!(value);
    });
}

fn hash_of(called: &Called) -> String {
    let preview: Value = serde_json::from_str(&called.out).unwrap();
    preview["change"]["planHash"].as_str().unwrap().to_owned()
}

#[test]
fn the_observed_example_is_what_agents_and_database_report() {
    let head = "# What the API server and the database showed of the site at rest at 7.5 SR2, as\n\
                #   kubectl get crmsite,crmnode,lease -n crm -o yaml\n\
                # prints it. Generated from the sandbox: UPDATE=1 cargo test -p crm-tests plan_command\n";
    let documents = AT_REST.iter().map(|object| format!("---\n{}", serde_saphyr::to_string(object).unwrap()));
    golden(&repository().join(EXAMPLE).join("observed.yaml"), &(head.to_owned() + &documents.collect::<String>()));
}

#[test]
fn the_declared_example_is_the_scenarios_site_after_its_edit() {
    let text = fs::read_to_string(repository().join(EXAMPLE).join("site.yaml")).unwrap();
    let example: crm_api::CrmSite = serde_saphyr::from_str(&text).unwrap();
    let mut site = SANDBOX.file().site.clone();
    assert_eq!(SANDBOX.file().scenario.spec.then, json!({"version": example.spec.version}));
    site.spec.version.clone_from(&example.spec.version);
    assert_eq!(example, site);
}

#[test]
fn the_plan_of_the_example_is_the_controllers_own() {
    let mut planned = String::new();
    SANDBOX
        .run(&Options::default(), &mut |event| {
            if event.what == What::Planned {
                planned.clone_from(&event.why);
            }
        })
        .unwrap();
    let called = call(&["plan", "-f", &path(CATALOGUE), "-f", &path(EXAMPLE), "-o", "json"], "");
    called.ends(Exit::Good, &[]);
    let hash = hash_of(&called);
    assert!(planned.ends_with(&format!("plan {}", &hash[..6])), "{planned}, and {hash} from the files");
}

#[test]
fn the_plan_of_the_example_as_text() {
    let called = call(&["plan", "-f", &path(CATALOGUE), "-f", &path(EXAMPLE)], "");
    called.ends(Exit::Good, &[]);
    assert!(called.out.lines().all(|line| line.chars().count() <= 140 && !line.contains('\u{1b}')));
    golden(&repository().join("tests/golden/plan-7.5-to-8.0.txt"), &called.out);
}

#[test]
fn the_same_plan_comes_as_yaml_and_from_a_list() {
    let list = json!({"apiVersion": "v1", "kind": "List", "items": bumped("8.0 SR6")});
    let json = plan(std::slice::from_ref(&list), &["-o", "json"]);
    let yaml = plan(&[list], &["-o", "yaml"]);
    yaml.ends(Exit::Good, &["standing: Proposed", "kind: PlanPreview"]);
    let from_yaml: Value = serde_saphyr::from_str(&yaml.out).unwrap();
    assert_eq!(from_yaml, serde_json::from_str::<Value>(&json.out).unwrap());
}

#[test]
fn a_site_at_its_goal_has_nothing_to_do() {
    plan(&AT_REST, &[]).ends(Exit::Good, &["contoso SuperOffice 7.5 SR2 nothing to do: the site is as declared"]);
}

#[test]
fn facts_in_the_status_of_the_site_do_where_there_is_no_document() {
    let mut documents = bumped("8.0 SR6");
    documents.retain(|document| document["kind"] != "DatabaseFacts");
    let with_document = hash_of(&plan(&bumped("8.0 SR6"), &["-o", "json"]));
    assert_eq!(hash_of(&plan(&documents, &["-o", "json"])), with_document);
    plan(&documents, &[]).ends(Exit::Good, &["note: facts of the database are those in the status of the CrmSite"]);
}

#[test]
fn without_leases_the_newest_time_in_a_status_is_the_sign_of_life() {
    let mut documents = bumped("8.0 SR6");
    documents.retain(|document| document["kind"] != "Lease");
    plan(&documents, &[]).ends(Exit::Good, &["no file holds the Lease crm-node-contoso-app"]);
}

#[test]
fn an_older_version_is_refused_with_the_way_back() {
    plan(&bumped("7.5 SR1"), &[]).ends(
        Exit::No,
        &[
            "no plan",
            "7.5 SR1 is older than 7.5 SR2, at which the site is",
            "remedy: declare 7.5 SR2 or a later release",
        ],
    );
}

#[test]
fn an_unknown_version_is_refused_with_the_nearest_names() {
    plan(&bumped("8.0 SP6"), &[])
        .ends(Exit::No, &["\"8.0 SP6\" is no release in the catalogue", "did you mean 8.0 SR6"]);
}

#[test]
fn a_release_to_which_no_way_is_listed_is_refused() {
    let mut documents = bumped("9.0");
    documents.push(json!({
        "apiVersion": "crm-operator.io/v1alpha1", "kind": "CrmRelease", "metadata": {"name": "superoffice-9.0"},
        "spec": {"product": "SuperOffice", "version": "9.0", "number": "9.0.7000", "rank": 900_000, "superOffice": {}},
    }));
    plan(&documents, &[]).ends(Exit::No, &["the catalogue lists no way to 9.0", "remedy: declare another release"]);
}

#[test]
fn stale_facts_are_no_ground_for_a_plan() {
    plan(&bumped("8.0 SR6"), &["--now", "2026-11-28T20:00:00Z"]).ends(
        Exit::No,
        &["too little was seen", "the agent of contoso-app is silent; its facts are stale", "its facts were read at"],
    );
}

#[test]
fn parts_at_different_releases_are_shown_with_both_ways_out() {
    let mut documents = bumped("8.0 SR6");
    edit(&mut documents, "CrmNode", |node| {
        if node["metadata"]["name"] == "contoso-cs" {
            let upgraded = node["status"].to_string().replace("7.5.5885", "8.0.6465");
            node["status"] = serde_json::from_str(&upgraded).unwrap();
        }
    });
    plan(&documents, &[]).ends(
        Exit::No,
        &[
            "half done by other hands",
            "ComponentsBehind: Database is at 7.5 SR2 (7.5.5885)",
            "nothing is touched before a person chooses",
            "the way forward:",
            "stop what is older",
            "there is no way back",
        ],
    );
}

#[test]
fn sources_of_one_part_that_contradict_each_other_are_no_ground_for_a_plan() {
    let mut documents = bumped("8.0 SR6");
    set_fact(&mut documents, "serverSetupVersion", "8.0.6465");
    plan(&documents, &[])
        .ends(Exit::No, &["OneRelease: Database is Inconsistent: company.version shows 7.5.5885", "shows 8.0.6465"]);
}

#[test]
fn a_traveller_that_is_out_holds_the_upgrade_back() {
    let mut documents = bumped("8.0 SR6");
    set_fact(&mut documents, "travellersOut", "2");
    plan(&documents, &[]).ends(Exit::No, &["TravellersHome: 2 travellers are still out", "let them all come home"]);
}

#[test]
fn a_licence_without_maintenance_holds_the_upgrade_back() {
    let mut documents = bumped("8.0 SR6");
    set_fact(&mut documents, "maintenanceTo", "2026-06-30");
    plan(&documents, &[]).ends(Exit::No, &["the licence's maintenance ended on 2026-06-30", "renew the maintenance"]);
}

#[test]
fn a_site_that_is_not_there_and_one_that_cannot_be_changed_so_are_bad_input() {
    plan(&bumped("8.0 SR6"), &["fabrikam"])
        .ends(Exit::BadInput, &["no file holds a CrmSite fabrikam; there are: contoso"]);
    let mut documents = bumped("8.0 SR6");
    documents.last_mut().unwrap()["spec"]["database"]["name"] = json!("CRM8");
    plan(&documents, &[]).ends(Exit::BadInput, &["CrmSite contoso: database: server and name cannot change"]);
}

#[test]
fn mistakes_name_file_document_field_value_and_remedy() {
    let mut documents = bumped("8.0 SR6");
    let site = documents.last_mut().unwrap();
    site["spec"]["fastCgi"] = json!("enabled");
    site["spec"]["versoin"] = json!(8.0);
    site["spec"]["version"] = json!(8.0);
    let place = format!("standard input, document {}, CrmSite contoso: ", documents.len());
    for line in [
        "spec.fastCgi: \"enabled\" is not allowed; did you mean Enabled? allowed are: Enabled, Disabled",
        "spec.version: 8.0 is a number, expected is text; put it in quotes as it stands there",
        "spec.versoin: is not known; did you mean version?",
    ] {
        plan(&documents, &[]).ends(Exit::BadInput, &[&format!("{place}{line}")]);
    }
}

#[test]
fn hostile_files_are_refused_in_short_lines_and_nothing_panics() {
    let long = "x".repeat(10_000);
    let inputs = [
        "[".repeat(5_000),
        format!("{{{}}}", "a: {".repeat(300)),
        format!(
            "apiVersion: crm-operator.io/v1alpha1\nkind: CrmSite\nmetadata: {{name: {long}}}\nspec: {{{long}: 1}}\n"
        ),
        format!("apiVersion: crm-operator.io/v1alpha1\nkind: {long}\nmetadata: {{name: a}}\n"),
        "kind: List\napiVersion: v1\nitems: [1, [], null]\n".to_owned(),
        "a: &a [1]\nb: &b [*a, *a]\nc: [*b, *b, *b]\n".to_owned(),
        "apiVersion: crm-operator.io/v1alpha1\nkind: CrmNode\nmetadata: \"\\e[2J\"\n".to_owned(),
        "apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata: {name: a}\nspec: {renewTime: soon}\n".to_owned(),
        "\u{0}\u{1}\u{2}".to_owned(),
        "--- \n--- \n".to_owned(),
        "just text".to_owned(),
    ];
    for input in &inputs {
        let called = call(&["plan", "-f", "-"], input);
        called.ends(Exit::BadInput, &[]);
        assert!(called.err.lines().all(|line| line.len() < 1000), "{}", called.err);
        assert!(!called.err.contains('\u{1b}'), "{:?}", called.err);
    }
}

#[test]
fn documents_of_others_are_passed_over_aloud_only_where_nothing_else_is_there() {
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "contoso-sql"}});
    let scenario = path(SCENARIO);
    let mut documents = bumped("8.0 SR6");
    documents.push(secret.clone());
    assert_eq!(plan(&documents, &[]).err, "");
    let called = call(&["plan", "-f", "-"], &secret.to_string());
    called.ends(Exit::BadInput, &["passed over", "Secret contoso-sql (standard input)", "no file holds a CrmSite"]);
    call(&["plan", "-f", &scenario], "").ends(Exit::BadInput, &["no file holds a fact with its time"]);
}
