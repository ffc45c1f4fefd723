//! No secret of a story stands in what the control plane has stored or written down: objects and events, its audit log (who
//! asked for what; bodies are not in it) and what its parts say.

use std::path::Path;

use crm_sandbox::secrets::Secrets;
use serde_json::Value;

use crate::server::Server;

/// Everything that operator, agents and people write.
const STORED: [&str; 8] = [
    "crm-operator.io/v1alpha1/crmsites",
    "crm-operator.io/v1alpha1/crmnodes",
    "crm-operator.io/v1alpha1/crmchanges",
    "crm-operator.io/v1alpha1/crmbackups",
    "crm-operator.io/v1alpha1/crmdecisions",
    "crm-operator.io/v1alpha1/crmreleases",
    "coordination.k8s.io/v1/leases",
    "events.k8s.io/v1/events",
];

/// Searches what the server has stored of a story.
pub(crate) fn assert_no_secret_is_stored(server: &Server, secrets: &Secrets) {
    let mut found = 0;
    for kind in STORED {
        let list = server.expect(200..=200, "GET", &format!("/apis/{kind}"), &Value::Null);
        for object in list["items"].as_array().into_iter().flatten() {
            found += 1;
            let leak = secrets.in_text(object.to_string().as_bytes());
            assert!(leak.is_none(), "{kind} holds {leak:?}: {object}");
        }
    }
    assert!(found > 10, "the objects of the story are there: {found}");
}

/// Searches both logs; says aloud where they are not ours to read.
pub(crate) fn assert_no_secret_in_the_logs(secrets: &[Secrets]) {
    let Some(audit_log) = std::env::var_os("CRM_TEST_AUDIT_LOG") else {
        println!("logs of the control plane: NOT SEARCHED, since an existing cluster's are not ours to read");
        return;
    };
    let audit_log = Path::new(&audit_log);
    for file in [audit_log, &audit_log.with_file_name("log")] {
        let text = std::fs::read(file).unwrap();
        assert!(!text.is_empty(), "{} is empty", file.display());
        for line in text.split(|byte| *byte == b'\n') {
            let leak = secrets.iter().find_map(|secrets| secrets.in_text(line));
            assert!(leak.is_none(), "{} holds {leak:?}: {}", file.display(), String::from_utf8_lossy(line));
        }
    }
}
