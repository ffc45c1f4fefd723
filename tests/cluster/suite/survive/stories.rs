//! Every story that needs no fault of the API itself also goes on the real one.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use crm_sandbox::file::{ScenarioFile, scenarios_in};
use crm_sandbox::run::{Options, Sandbox};

use crate::real::RealApi;
use crate::server::Server;

/// What is played where nothing else is asked for. `STORY=all` plays every example, `STORY=NAME` those with that in their
/// name.
const SAMPLE: [&str; 2] = ["server-web-service-7.5-to-8.0", "drift-corrected"];

pub(super) fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/superoffice")
}

#[test]
fn stories_end_on_a_real_api_server_as_they_announce() {
    let _alone = crate::server::alone();
    let only = std::env::var("STORY").unwrap_or_default();
    let is_played = |name: &str| match only.as_str() {
        "" => SAMPLE.contains(&name),
        "all" => true,
        part => name.contains(part),
    };
    let api = RealApi::on(Server::empty());
    let mut wrong = String::new();
    for path in scenarios_in(&examples()).unwrap() {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if !is_played(&name) {
            continue;
        }
        let begun = Instant::now();
        let sandbox = Sandbox::new(ScenarioFile::read(&path).unwrap()).unwrap();
        let on_model = sandbox.run(&Options::default(), &mut |_| {}).unwrap();
        let modelled = begun.elapsed();
        let report = sandbox.on(Arc::clone(&api) as _).run(&Options::default(), &mut |_| {}).unwrap();
        println!("{name}: {:?}, model {modelled:?} {:?} {:?}", begun.elapsed(), report.outcome, report.waits);
        if !report.ends_as_announced || report.digest != on_model.digest {
            wrong.push_str(&format!("{name} ends otherwise: {}\n", report.outcome));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
