//! `kubectl crm` on a cluster: every command in mid-run of a story, as a person at a second terminal would meet it.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use crm_sandbox::file::ScenarioFile;
use crm_sandbox::report::Outcome;
use crm_sandbox::run::{Attendance, Entrance, Options, Sandbox};
use kubectl_crm::{Connection, Exit, Screen, Streams, run_in};
use serde_json::Value;

use crate::files::repository;

const SCENARIO: &str = "examples/superoffice/server-web-service-7.5-to-8.0.yaml";

/// What one call came to.
pub(crate) struct Called {
    pub(crate) exit: Exit,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Called {
    #[track_caller]
    pub(crate) fn ends(&self, exit: Exit, says: &[&str]) {
        let text = format!("{}{}", self.out, self.err);
        assert_eq!(self.exit, exit, "{text}");
        let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in says {
            assert!(one_line.contains(part), "{part:?} is missing in:\n{text}");
        }
        assert!(!text.contains('\u{1b}'), "no colours in a pipe: {text}");
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }
}

/// Calls the command line as a person in the simulated cluster.
pub(crate) async fn call(entrance: &Entrance, person: &str, line: &str) -> Called {
    answer(entrance, person, line, None).await
}

/// The same, with somebody at the terminal who answers.
pub(crate) async fn answer(entrance: &Entrance, person: &str, line: &str, answer: Option<&str>) -> Called {
    let connection = Connection {
        client: entrance.client(person),
        namespace: "crm".to_owned(),
        server: None,
        clock: Arc::new(entrance.clock()),
    };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let words = ["kubectl-crm"].into_iter().chain(line.split(' ')).map(OsString::from);
    let mut streams = Streams {
        input: &mut answer.unwrap_or_default().as_bytes(),
        out: &mut out,
        err: &mut err,
        screen: Screen::Pipe,
        attended: answer.is_some(),
    };
    let exit = run_in(&connection, words, &mut streams).await;
    Called { exit, out: String::from_utf8(out).unwrap(), err: String::from_utf8(err).unwrap() }
}

/// Plays the main example with a guest.
pub(crate) fn visited(options: &Options, guest: impl AsyncFnOnce(Entrance)) -> Outcome {
    played(&repository().join(SCENARIO), options, guest)
}

/// The same with a site that declares something else about its approval.
pub(crate) fn visited_with(approval: &str, guest: impl AsyncFnOnce(Entrance)) -> Outcome {
    let text = std::fs::read_to_string(repository().join(SCENARIO)).unwrap();
    let catalogue = repository().join("examples/superoffice/catalogue.yaml");
    let text = text
        .replace("approval: {scope: Hop}", &format!("approval: {approval}"))
        .replace("catalogue: catalogue.yaml", &format!("catalogue: {}", catalogue.display()));
    assert!(text.contains(approval));
    let name: String = approval.chars().filter(char::is_ascii_alphanumeric).collect();
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.yaml"));
    std::fs::write(&file, text).unwrap();
    played(&file, &Options::default(), guest)
}

/// Plays a scenario with a guest.
pub(crate) fn played(file: &Path, options: &Options, guest: impl AsyncFnOnce(Entrance)) -> Outcome {
    let sandbox = Sandbox::new(ScenarioFile::read(file).unwrap()).unwrap();
    sandbox.run_with(options, &mut |_| {}, Box::new(|entrance| Box::pin(guest(entrance)))).unwrap().outcome
}

pub(crate) fn with_fault(fault: &str) -> Options {
    Options { faults: vec![fault.parse().unwrap()], ..Options::default() }
}

pub(crate) async fn waits_for(entrance: &Entrance, reason: &str) {
    entrance.until(|entrance| entrance.change()["status"]["waiting"]["reason"] == reason).await;
}

pub(crate) fn is_up_to_date(entrance: &Entrance) -> bool {
    let site = entrance.site();
    let conditions = site["status"]["conditions"].as_array().cloned().unwrap_or_default();
    conditions.iter().any(|one| one["type"] == "UpToDate" && one["status"] == "True")
}

pub(crate) fn decisions(entrance: &Entrance, word: &str) -> Vec<Arc<Value>> {
    let mut all = entrance.cluster().list("CrmDecision");
    all.retain(|decision| decision["spec"]["word"] == word);
    all
}

#[test]
fn a_plan_that_waits_is_explained_and_approved_exactly_once() {
    let outcome = visited(&Options::default(), async |entrance: Entrance| {
        waits_for(&entrance, "Approval").await;
        let hash = entrance.change()["spec"]["planHash"].as_str().unwrap()[..6].to_owned();
        let approve = format!("approve contoso --plan {hash}");
        call(&entrance, "anna", "explain contoso").await.ends(
            Exit::Good,
            &["wanted 8.0 SR6", "verified 7.5 SR2", "7.5.5885 Web on contoso-app", "blocked Approval: plan", &hash],
        );
        let explained = call(&entrance, "anna", "explain contoso -o json").await.json();
        assert_eq!(explained["kind"], "SiteExplanation");
        assert_eq!(explained["blockedBy"][0]["command"], format!("kubectl crm approve contoso -n crm --plan {hash}"));
        assert_eq!(explained["next"]["by"], "operator");
        assert!(explained["heard"].as_array().unwrap().iter().all(|heard| heard["fresh"] == true), "{explained}");

        call(&entrance, "anna", "plan contoso").await.ends(Exit::Good, &["change contoso-", "waits for: Approval"]);
        call(&entrance, "anna", "status contoso").await.ends(Exit::Good, &["✓ 1 ", "waits for Approval"]);
        call(&entrance, "anna", "status -A").await.ends(Exit::Good, &["crm contoso 8.0 SR6 7.5 SR2 True False none"]);
        call(&entrance, "anna", "approve contoso --plan 0123456")
            .await
            .ends(Exit::No, &["plan 0123456 is not current", &hash, "kubectl crm plan contoso"]);
        call(&entrance, "anna", "approve contoso --plan nonsense").await.ends(Exit::BadInput, &["hexadecimal"]);
        call(&entrance, "anna", "approve contoso")
            .await
            .ends(Exit::BadInput, &["no return", "--yes", "--dry-run=client"]);
        answer(&entrance, "anna", &approve, Some("n\n")).await.ends(Exit::No, &["nothing was said"]);
        let manifest = call(&entrance, "anna", "approve contoso --dry-run=client -o yaml").await;
        manifest.ends(Exit::Good, &["nothing was sent", "users are out for about"]);
        let manifest: Value = serde_saphyr::from_str(&manifest.out).unwrap();
        assert_eq!(manifest["spec"]["user"], "anna", "whom the API server authenticates");
        call(&entrance, "anna", "approve contoso --dry-run=server")
            .await
            .ends(Exit::Good, &["checked by the API server"]);
        assert_eq!(decisions(&entrance, "Approve").len(), 0, "nobody has said yes so far");

        answer(&entrance, "anna", &approve, Some("y\n"))
            .await
            .ends(Exit::Good, &["created", "status contoso -n crm --watch"]);
        call(&entrance, "bert", &format!("{approve} --yes")).await.ends(Exit::Good, &["anna has said so before"]);
        let said = decisions(&entrance, "Approve");
        assert_eq!(said.len(), 1);
        assert!(said[0]["spec"]["planHash"].as_str().unwrap().starts_with(&hash));
        entrance.until(|entrance| entrance.change()["status"]["approvedBy"].is_string()).await;
        call(&entrance, "anna", "approve contoso --yes").await.ends(Exit::No, &["is approved already", "(anna)"]);
    });
    assert_eq!(outcome, Outcome::Reached);
}

#[test]
fn a_step_for_a_person_is_attended_and_what_no_machine_sees_is_attested() {
    let outcome = visited(&Options::default(), async |entrance: Entrance| {
        waits_for(&entrance, "Approval").await;
        call(&entrance, "carl", "attend contoso --yes").await.ends(Exit::No, &["no step waits for a person"]);
        call(&entrance, "carl", "attest contoso --yes --reason seen")
            .await
            .ends(Exit::No, &["nothing is to be attested"]);
        waits_for(&entrance, "Person").await;
        call(&entrance, "carl", "explain contoso")
            .await
            .ends(Exit::Good, &["to do On contoso-cs, as administrator, start", "kubectl crm attend contoso -n crm"]);
        call(&entrance, "carl", "attend contoso upgrade-servce@contoso-cs")
            .await
            .ends(Exit::No, &["did you mean upgrade-service@contoso-cs?"]);
        call(&entrance, "carl", "attend contoso upgrade-web@contoso-app")
            .await
            .ends(Exit::No, &["does not wait for that"]);
        call(&entrance, "carl", "attend contoso --yes")
            .await
            .ends(Exit::Good, &["Click through the wizard", "created"]);
        assert_eq!(decisions(&entrance, "Attend").iter().filter(|said| said["spec"]["user"] == "carl").count(), 1);
        entrance.until(|entrance| entrance.change()["status"]["step"] == "flush-caches@contoso-cs").await;
        call(&entrance, "carl", "explain contoso").await.ends(Exit::Good, &["kubectl crm attest contoso -n crm"]);
        call(&entrance, "carl", "attest contoso --yes").await.ends(Exit::BadInput, &["--reason", "Flush caches"]);
        // Whoever vouches has done it: the sandbox knows what really happened.
        entrance.until(|entrance| entrance.world().flush_caches("contoso", "contoso-cs")).await;
        call(&entrance, "carl", "attest contoso --yes --reason clicked").await.ends(Exit::Good, &["created"]);
        entrance.until(is_up_to_date).await;
        let history = call(&entrance, "carl", "history contoso -o json").await.json();
        let entries = history["entries"].as_array().unwrap();
        let has = |word: &str, user: &str| entries.iter().any(|entry| entry["word"] == word && entry["user"] == user);
        assert!(has("Attend", "carl") && has("Attest", "carl"), "{history}");
    });
    assert_eq!(outcome, Outcome::Reached);
}

#[test]
fn a_halted_change_is_explained_and_tried_again() {
    let file = repository().join("examples/superoffice/restore-after-a-failed-upgrade.yaml");
    let mut said = 0;
    played(&file, &Options::default(), async |entrance: Entrance| {
        entrance.until(|entrance| entrance.change()["status"]["phase"] == "Halted").await;
        let explained = call(&entrance, "anna", "explain contoso -o json").await.json();
        let command = explained["blockedBy"].as_array().unwrap().iter().find_map(|one| one["command"].as_str());
        assert_eq!(command, Some("kubectl crm retry contoso -n crm"), "{explained}");
        let retried = call(&entrance, "anna", "retry contoso --yes --reason looked").await;
        retried.ends(Exit::Good, &["failed as", "started once more", "created"]);
        said = decisions(&entrance, "Retry").len();
    });
    assert_eq!(said, 1, "one decision for one word");
}

#[test]
fn a_settled_site_has_a_history_and_nothing_to_say_about() {
    let outcome = visited(&Options::default(), async |entrance: Entrance| {
        entrance.until(|entrance| entrance.change()["status"]["phase"] == "Succeeded" && is_up_to_date(entrance)).await;
        call(&entrance, "anna", "drift -A").await.ends(Exit::Good, &["1 site: 1 as verified, 0 drifted, 0 not known"]);
        call(&entrance, "anna", "explain contoso")
            .await
            .ends(Exit::Good, &["wanted 8.0 SR6", "nothing: the site is as declared"]);
        call(&entrance, "anna", "plan contoso").await.ends(Exit::Good, &["nothing to do: the site is as declared"]);
        call(&entrance, "anna", "history contoso").await.ends(
            Exit::Good,
            &[
                "Change",
                "7.5 SR2 -> 8.0 SR6, Succeeded, users out for 1 h",
                "Approve",
                "Attest flush-caches",
                "CRM7 at 7.5 SR2, verified",
            ],
        );
        for (line, says) in [
            ("approve contoso", "nothing waits for approval. contoso stands at AsDeclared"),
            ("attend contoso", "no step waits for a person"),
            ("attest contoso", "nothing is to be attested"),
            ("retry contoso", "nothing is halted and no change was taken back"),
            ("explain contosso", "there is no CrmSite contosso in namespace crm; did you mean contoso?"),
            ("explain contoso -n other", "there is one in namespace crm: add -n crm"),
            ("status fabrikam", "there are: contoso"),
            ("drift a/../b", "there is no CrmSite a/../b"),
        ] {
            call(&entrance, "anna", line).await.ends(Exit::No, &[says]);
        }
        assert_eq!(decisions(&entrance, "Retry").len(), 0);
        call(&entrance, "anna", "attest contoso customer-centre --yes --reason merged")
            .await
            .ends(Exit::Good, &["created"]);
    });
    assert_eq!(outcome, Outcome::Reached);
}

#[test]
fn drift_is_listed_with_its_remedy_and_fails_a_script() {
    visited(&Options::default(), async |entrance: Entrance| {
        entrance.until(|entrance| entrance.change()["status"]["phase"] == "Succeeded" && is_up_to_date(entrance)).await;
        let config = entrance.world().layout().config();
        entrance.world().edit_file("contoso-cs", &config, "frozen = 1\n").unwrap();
        entrance
            .until(|entrance| entrance.site()["status"]["drift"].as_str().is_some_and(|drift| drift != "none"))
            .await;
        call(&entrance, "anna", "drift")
            .await
            .ends(Exit::No, &["NAMESPACE SITE VERIFIED CLASS", "Frozen", "contoso-cs", "remedy: ", "1 drifted"]);
        let report = call(&entrance, "anna", "drift -A -o json").await;
        report.ends(Exit::No, &[]);
        let report = report.json();
        assert_eq!((&report["kind"], &report["drifted"]), (&"DriftReport".into(), &1.into()));
        assert_eq!(report["sites"][0]["drift"], "drifted");
        assert_eq!(report["sites"][0]["differences"][0]["node"], "contoso-cs");
        call(&entrance, "anna", "explain contoso").await.ends(Exit::Good, &["drift Frozen"]);
    });
}

#[test]
fn a_change_can_be_followed_from_anywhere() {
    let outcome = visited(&Options::default(), async |entrance: Entrance| {
        waits_for(&entrance, "Approval").await;
        let watched = call(&entrance, "anna", "status contoso --watch").await;
        watched.ends(
            Exit::Good,
            &[
                "verified with checksums",
                "Person is ended by a person at contoso-cs: kubectl crm attend contoso -n crm",
                "Bjarne: Attend",
                "succeeded the goal is proven",
            ],
        );
        assert!(!watched.out.contains("planned"), "what was before is in the history: {}", watched.out);
    });
    assert_eq!(outcome, Outcome::Reached);
}

#[test]
fn a_change_that_is_taken_back_ends_the_view_and_can_be_planned_again() {
    visited(&with_fault("backup-truncated"), async |entrance: Entrance| {
        waits_for(&entrance, "Approval").await;
        call(&entrance, "anna", "status contoso --watch").await.ends(Exit::BackedOut, &["backed out"]);
        call(&entrance, "anna", "explain contoso").await.ends(Exit::Good, &["kubectl crm retry contoso -n crm"]);
        call(&entrance, "anna", "retry contoso --yes").await.ends(Exit::Good, &["a new one is planned", "created"]);
        entrance.until(|entrance| entrance.change()["status"]["phase"] == "Preparing").await;
    });
}

#[test]
fn nobody_speaks_under_another_name_and_nothing_else_is_written() {
    let alone = Options { people: Attendance::Nobody, ..Options::default() };
    visited(&alone, async |entrance: Entrance| {
        waits_for(&entrance, "Approval").await;
        let before = entrance.cluster().resource_version();
        for line in ["explain contoso", "status", "status contoso", "drift", "history contoso", "plan contoso"] {
            call(&entrance, "anna", line).await;
        }
        call(&entrance, "anna", "approve contoso --dry-run=server").await.ends(Exit::Good, &[]);
        assert_eq!(entrance.cluster().resource_version(), before, "reading writes nothing");
        call(&entrance, "anna", "approve contoso --yes").await.ends(Exit::Good, &["says Approve, by anna"]);
        assert_eq!(entrance.cluster().resource_version(), before + 1, "one decision");
    });
}
