//! The command `sandbox start`.

use crm_sandbox::file::ScenarioFile;
use crm_sandbox::home::{Home, HomeError, Opened, Scene};
use crm_sandbox::run::{Attendance, Options, Sandbox};
use serde_json::{Value, json};

use super::{chain, open, refused, title};
use crate::arguments::Format;
use crate::arguments::start::StartArguments;
use crate::cluster::show::document;
use crate::live::Live;
use crate::words::one_line;
use crate::{Exit, Failure, Pace, Screen, Streams};

/// The main scenario and its catalogue, for whoever has the program and not the repository.
const MAIN_SCENARIO: (&str, &[(&str, &str)]) = (
    include_str!("../../../../examples/superoffice/server-web-service-7.5-to-8.0.yaml"),
    &[("catalogue.yaml", include_str!("../../../../examples/superoffice/catalogue.yaml"))],
);

pub(super) fn start(wanted: &StartArguments, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    let sandbox = match &wanted.file {
        Some(file) => open(file)?,
        None => main_scenario()?,
    };
    let people = if wanted.no_people { Attendance::Nobody } else { Attendance::Present };
    let options = Options { seed: wanted.seed, people, faults: wanted.faults.clone(), ..Options::default() };
    let kubeconfig = wanted.write_kubeconfig.as_deref().map(std::path::absolute).transpose()?;
    let home = Home { options, speed: wanted.speed, port: wanted.port, kubeconfig };
    let violation = if wanted.output == Format::Text {
        told(&sandbox, &home, streams)?
    } else {
        let mut written = Ok(());
        let violation = sandbox.start(&home, &mut |scene| {
            if let Scene::Open(opened) = scene {
                written = document(wanted.output, &of(opened), streams.out).and_then(|()| Ok(streams.out.flush()?));
            }
        });
        written?;
        violation.map_err(not_opened)?
    };
    match violation {
        None => Ok(Exit::Good),
        Some(violation) => {
            writeln!(streams.err, "{violation}")?;
            Ok(Exit::Violated)
        }
    }
}

/// With the live log that `run` shows. The pace is that of the simulated clock, not of the telling.
fn told(
    sandbox: &Sandbox,
    home: &Home,
    streams: &mut Streams<'_>,
) -> Result<Option<crm_sandbox::invariants::Violation>, Failure> {
    let screen = match streams.screen {
        Screen::Terminal { columns, rows, colours, .. } => {
            Screen::Terminal { columns, rows, colours, pace: Pace::Unpaced }
        }
        Screen::Pipe => Screen::Pipe,
    };
    let mut live = Live::new(streams.out, screen, title(sandbox));
    let violation = sandbox.start(home, &mut |scene| match scene {
        Scene::Open(opened) => live.print(&invitation(opened)),
        Scene::Event(event) => live.show(event),
        Scene::Time(now) => live.pass(now),
        Scene::Violated(violation) => live.note(&format!("an invariant of safety was violated: {violation}")),
    });
    live.finish()?;
    violation.map_err(not_opened)
}

/// What a person needs to come in.
fn invitation(opened: &Opened) -> String {
    let patch = json!({"spec": opened.edit});
    let edit = match opened.edit {
        Value::Null => String::new(),
        _ => format!("    kubectl patch crmsite {} --type merge -p '{patch}'\n", opened.site),
    };
    format!(
        "The sandbox is open at {}. In another terminal:\n\n    export KUBECONFIG={}\n    kubectl get crm\n{edit}\n\
         Ctrl-C ends it.\n\n",
        opened.server,
        shell_word(&opened.kubeconfig.to_string_lossy()),
    )
}

/// A word that a shell takes as it is.
fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@".contains(c);
    if text.chars().all(is_plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

fn of(opened: &Opened) -> Value {
    json!({
        "server": opened.server, "kubeconfig": opened.kubeconfig.to_string_lossy(), "contexts": opened.contexts,
        "namespace": opened.namespace, "site": opened.site, "edit": opened.edit,
    })
}

fn main_scenario() -> Result<Sandbox, Failure> {
    let (text, catalogues) = MAIN_SCENARIO;
    let file = ScenarioFile::built_in(text, catalogues);
    let file = file.map_err(|error| Failure::Sandbox(one_line(&error.to_string())))?;
    Sandbox::new(file).map_err(refused)
}

fn not_opened(error: HomeError) -> Failure {
    match error {
        HomeError::Run(error) => refused(error),
        error => Failure::Sandbox(chain(&error)),
    }
}
