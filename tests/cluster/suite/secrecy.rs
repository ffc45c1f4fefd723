//! No secret of a story stands in what the control plane has written down: its audit log and what its parts say.

use std::path::Path;

use crm_sandbox::secrets::Secrets;

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
