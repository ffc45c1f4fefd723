//! Every example tells its story with a real API server beside the model: each request of controller, agents and people
//! is answered by both, each watch is told by both, and no answer differs but in names. At the real server everybody has
//! the rights and is under the policies of a real installation, and no more.

use std::path::Path;
use std::sync::Arc;

use crm_sandbox::file::{ScenarioFile, scenarios_in};
use crm_sandbox::run::{Options, Sandbox};
use crm_sandbox::secrets::Secrets;

use crate::referee::SecondServer;
use crate::rights::AuditLog;
use crate::secrecy::{assert_no_secret_in_the_logs, assert_no_secret_is_stored};

/// What is played where nothing else is asked for: an upgrade, a correction, a restore, a switch and a half-done site. A whole
/// night is thousands of requests; `STORY=all` plays every example, `STORY=NAME` those with that in their name.
const SAMPLE: [&str; 5] = [
    "server-web-service-7.5-to-8.0",
    "drift-corrected",
    "restore-after-a-failed-upgrade",
    "fastcgi-enable",
    "half-upgraded-forward",
];

#[test]
fn stories_go_the_same_on_a_real_api_server_and_use_every_right_that_is_granted() {
    let _alone = crate::server::alone();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/superoffice");
    let only = std::env::var("STORY").unwrap_or_default();
    let is_played = |name: &str| match only.as_str() {
        "" => SAMPLE.contains(&name),
        "all" => true,
        part => name.contains(part),
    };
    let log = AuditLog::from_now();
    let (mut wrong, mut secrets, mut left_out) = (String::new(), Vec::new(), 0);
    for path in scenarios_in(&folder).unwrap() {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if !is_played(&name) {
            left_out += 1;
            continue;
        }
        let referee = SecondServer::confined();
        let file = ScenarioFile::read(&path).unwrap();
        let of_story = Secrets::of(&file);
        let sandbox = Sandbox::new(file).unwrap();
        let report = sandbox.refereed(Arc::clone(&referee) as _).run(&Options::default(), &mut |_| {}).unwrap();
        let comparison = referee.end();
        assert_no_secret_is_stored(referee.server(), &of_story);
        secrets.push(of_story);
        println!("{name}: {} requests, {} lines of watches", comparison.exchanges, comparison.lines);
        assert!(comparison.exchanges > 0 && comparison.lines > 0, "{name}");
        if !report.ends_as_announced {
            wrong.push_str(&format!("{name} ends otherwise\n"));
        }
        for difference in comparison.differences {
            wrong.push_str(&format!("{name}: {difference}\n"));
        }
    }
    if left_out > 0 {
        println!("NOT PLAYED: {left_out} other examples; STORY=all plays every one");
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert_no_secret_in_the_logs(&secrets);
    match log {
        Some(log) if only.is_empty() || only == "all" => log.assert_every_right_was_used(),
        Some(_) => println!("rights: NOT CHECKED, since only some stories were played"),
        None => println!("rights: NOT CHECKED, since an existing cluster's audit log is not ours to read"),
    }
}
