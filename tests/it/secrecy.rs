//! No secret gets out: what controller, agents and client write to their logs is searched, down to the last detail. Objects,
//! notices, arguments and files of agents are searched in every run of the sandbox (invariant S-10).

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use crm_sandbox::file::ScenarioFile;
use crm_sandbox::run::{Options, Sandbox};
use crm_sandbox::secrets::Secrets;
use tracing_subscriber::fmt::MakeWriter;

use crate::files::repository;

/// A log that is kept in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[test]
fn no_log_line_of_any_level_holds_a_secret() {
    for (example, fault) in [
        ("server-web-service-7.5-to-8.0", None),
        ("server-web-service-7.5-to-8.0", Some("lost-api-answer")),
        ("notices", None),
        ("restore-after-a-failed-upgrade", None),
    ] {
        let path = repository().join(format!("examples/superoffice/{example}.yaml"));
        let file = ScenarioFile::read(&path).unwrap();
        let secrets = Secrets::of(&file);
        let faults = fault.map(|fault| fault.parse().unwrap()).into_iter().collect();
        let log = Log::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
            .with_ansi(false)
            .with_writer(log.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            Sandbox::new(file).unwrap().run(&Options { faults, ..Options::default() }, &mut |_| {}).unwrap()
        });
        let text = log.0.lock().unwrap();
        for who in ["crm_controller", "crm_agent"] {
            assert!(String::from_utf8_lossy(&text).contains(who), "{example}: {who} has logged nothing");
        }
        let leak = text.split(|byte| *byte == b'\n').find_map(|line| Some((secrets.in_text(line)?, line)));
        assert!(leak.is_none(), "{example}: {:?}", leak.map(|(what, line)| (what, String::from_utf8_lossy(line))));
    }
}
