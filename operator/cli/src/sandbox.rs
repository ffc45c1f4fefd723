//! The commands `sandbox run` and `sandbox sweep`, and, in `start`, `sandbox start`.

mod start;

use std::io::{self, Write};
use std::path::Path;
use std::sync::mpsc;
use std::thread;

use crm_sandbox::faults::Fault;
use crm_sandbox::file::ScenarioFile;
use crm_sandbox::report::{Outcome, RunReport};
use crm_sandbox::run::{Attendance, Options, RunError, Sandbox};
use crm_sandbox::sweep::{Sample, SweepError};
use jiff::tz::TimeZone;

use crate::arguments::{Format, RunArguments, SandboxCommand, SweepArguments};
use crate::cluster::show::document;
use crate::live::{Live, Title};
use crate::progress::Progress;
use crate::words::one_line;
use crate::{Exit, Failure, Screen, Streams, manifests, outcome, outcome_document};

/// Runs a command of `sandbox`.
///
/// # Errors
/// When an input is wrong or the output ends.
pub fn sandbox(command: &SandboxCommand, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    match command {
        SandboxCommand::Run(wanted) => run(wanted, streams),
        SandboxCommand::Start(wanted) => start::start(wanted, streams),
        SandboxCommand::Sweep(wanted) => sweep(wanted, streams),
    }
}

fn run(wanted: &RunArguments, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    let Some(file) = wanted.file.as_deref().filter(|_| !wanted.list_faults) else {
        match wanted.output {
            Format::Text => list_faults(streams.out)?,
            format => document(format, &outcome_document::of_faults(), streams.out)?,
        }
        return Ok(Exit::Good);
    };
    let sandbox = open(file)?;
    let people = if wanted.no_people { Attendance::Nobody } else { Attendance::Present };
    let options = Options { seed: wanted.seed, people, faults: wanted.faults.clone(), ..Options::default() };
    let report = if wanted.output != Format::Text {
        let report = sandbox.run(&options, &mut |_| {}).map_err(refused)?;
        let document_of = outcome_document::of_run(&report, ends(&report).code());
        document(wanted.output, &document_of, streams.out)?;
        report
    } else if wanted.story {
        let report = told(&sandbox, &options, streams.out)?;
        for outcome in outcomes(&report).filter(|outcome| **outcome != Outcome::Reached) {
            writeln!(streams.err, "{outcome}")?;
        }
        report
    } else {
        let mut live = Live::new(streams.out, streams.screen, title(&sandbox));
        let report = sandbox.run(&options, &mut |event| live.show(event)).map_err(refused)?;
        live.finish()?;
        outcome::print(&report, streams.screen, streams.out)?;
        report
    };
    Ok(ends(&report))
}

/// Where several sites have ends of their own, the first one that is not at its goal decides.
fn ends(report: &RunReport) -> Exit {
    let outcome = outcomes(report).find(|outcome| **outcome != Outcome::Reached);
    exit(outcome.unwrap_or(&report.outcome))
}

/// The canonical log, and nothing else.
fn told(sandbox: &Sandbox, options: &Options, out: &mut dyn Write) -> Result<RunReport, Failure> {
    let mut written = Ok(());
    let report = sandbox.run(options, &mut |event| {
        if written.is_ok() {
            written = writeln!(out, "{event}");
        }
    });
    written?;
    report.map_err(refused)
}

fn outcomes(report: &RunReport) -> impl Iterator<Item = &Outcome> {
    std::iter::once(&report.outcome).chain(report.others.iter().filter_map(|other| other.outcome.as_ref()))
}

fn exit(outcome: &Outcome) -> Exit {
    match outcome {
        Outcome::Reached => Exit::Good,
        Outcome::BackedOut(_) => Exit::BackedOut,
        Outcome::Halted { .. } => Exit::Halted,
        Outcome::Waiting { .. } => Exit::Waiting,
        Outcome::Refused(_) | Outcome::Gone | Outcome::TimedOut => Exit::No,
        Outcome::Violated(_) => Exit::Violated,
    }
}

/// Reads a scenario. Its CrmSite and catalogue are checked first, since those messages name field and remedy.
fn open(file: &Path) -> Result<Sandbox, Failure> {
    let input = |error: &dyn std::error::Error| Failure::Input(vec![one_line(&error.to_string())]);
    manifests::read(&[file.to_owned()], &mut io::empty()).map_err(Failure::Input)?;
    let scenario = ScenarioFile::read(file).map_err(|error| input(&error))?;
    Sandbox::new(scenario).map_err(refused)
}

fn refused(error: RunError) -> Failure {
    match error {
        RunError::World(_) | RunError::Refused { .. } => Failure::Input(vec![one_line(&error.to_string())]),
        RunError::Kinds(_) | RunError::Runtime(_) => Failure::Sandbox(chain(&error)),
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string);
    one_line(&causes.collect::<Vec<String>>().join(": "))
}

fn title(sandbox: &Sandbox) -> Title {
    let site = &sandbox.file().site;
    let zone = site.spec.windows.as_ref().and_then(|windows| TimeZone::get(&windows.time_zone).ok());
    Title {
        site: site.metadata.name.clone().unwrap_or_default(),
        product: format!("{:?}", site.spec.product),
        zone: zone.unwrap_or(TimeZone::UTC),
        is_one_of_several: !sandbox.file().others.is_empty(),
    }
}

fn list_faults(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "Name one with --fault NAME, or --fault NAME@STEP where it shall strike at another step.\n")?;
    for fault in Fault::all() {
        let step = fault.usual_step().map(|step| format!("  (usually at {step})")).unwrap_or_default();
        writeln!(out, "{}{step}\n    {}", fault.name(), fault.outcome())?;
    }
    Ok(())
}

fn sweep(wanted: &SweepArguments, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    let sandbox = open(&wanted.file)?;
    let sample = wanted.sample.map_or(Sample::All, |sample| Sample::Some(sample.get()));
    let (told, heard) = mpsc::channel();
    // The runs have threads of their own; this one draws.
    let swept = thread::scope(|scope| {
        let runs = scope.spawn(|| {
            // The receiver is there until the sender is gone.
            let on_run = move |done, all| {
                let _ = told.send((done, all));
            };
            sandbox.sweep(wanted.seed, sample, &on_run)
        });
        // A program that reads the outcome must not have to skip a line that moves.
        let screen = if wanted.output == Format::Text { streams.screen } else { Screen::Pipe };
        let drawn = Progress::new(screen).draw(&heard, streams.out);
        (runs.join(), drawn)
    });
    let report = match swept.0 {
        Ok(Ok(report)) => report,
        Ok(Err(SweepError::Run(error))) => return Err(refused(error)),
        Ok(Err(error @ SweepError::OtherEnd(_))) => return Err(Failure::Sandbox(one_line(&error.to_string()))),
        Err(_) => return Err(Failure::Sandbox("a run of the sweep ended in a panic".to_owned())),
    };
    swept.1?;
    let exit = if report.is_clean() { Exit::Good } else { Exit::No };
    match wanted.output {
        Format::Text => write!(streams.out, "{report}")?,
        format => document(format, &outcome_document::of_sweep(&report, exit.code()), streams.out)?,
    }
    Ok(exit)
}
