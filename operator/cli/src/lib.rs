//! The command line of crm-operator, as a library: `main` and the tests run the same function.
//!
//! - [`arguments`]: subcommands, options and their help. [`streams`]: where is read from and written to.
//! - [`manifests`]: files into typed documents; [`schema`] and [`kinds`]: a document against its kind.
//! - [`connection`]: the way to a cluster; [`cluster`]: the commands about its sites.
//! - [`snapshot`]: documents into what the planner sees. [`plan`]: the command `plan`.
//! - [`sandbox`]: the commands `sandbox run`, `sandbox start` and `sandbox sweep`. [`live`]: the view while a story runs, made of
//!   [`log_line`] and [`block`]; [`progress`]: the line while a sweep runs; [`outcome`]: what a run came to, and
//!   [`outcome_document`] the same for programs; [`paint`]: colours.

pub mod arguments;
pub mod block;
pub mod cluster;
pub mod connection;
pub mod exit_codes;
pub mod files;
pub mod kinds;
pub mod live;
pub mod log_line;
pub mod manifests;
pub mod outcome;
pub mod outcome_document;
pub mod paint;
pub mod plan;
pub mod progress;
pub mod sandbox;
pub mod schema;
pub mod snapshot;
pub mod streams;
pub mod words;

use std::ffi::OsString;
use std::io;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};

use arguments::{Arguments, Command};
pub use connection::Connection;
pub use streams::{Pace, Screen, Streams};

/// How a command ended. Each command's help says which of these it uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// What was asked for is there.
    Good,
    /// It is not, for the reasons printed.
    No,
    /// The command line or an input file is wrong.
    BadInput,
    /// A story ended with its change taken back.
    BackedOut,
    /// A story ended halted: a person must act.
    Halted,
    /// A story ended waiting.
    Waiting,
    /// An invariant of safety was violated: a fault of the operator.
    Violated,
    /// The cluster did not answer, or does not let this person ask.
    Unanswered,
}

impl Exit {
    /// The number that the shell sees.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::No => 1,
            Self::BadInput => 2,
            Self::BackedOut => 3,
            Self::Halted => 4,
            Self::Waiting => 5,
            Self::Violated => 6,
            Self::Unanswered => 7,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// An input is wrong; one line per mistake.
    #[error("{}", .0.join("\n"))]
    Input(Vec<String>),
    /// What was asked for is not there or cannot be done now.
    #[error("{0}")]
    Refused(String),
    /// Nothing can be written any more.
    #[error("writing the output: {0}")]
    Output(#[from] io::Error),
    /// The sandbox does not work.
    #[error("{0}")]
    Sandbox(String),
    /// The cluster did not answer, or not what was expected.
    #[error("{0}")]
    Cluster(String),
}

/// Runs one command line, the name of the program being its first word.
pub fn run(words: impl IntoIterator<Item = OsString>, streams: &mut Streams<'_>) -> Exit {
    let arguments = match Arguments::try_parse_from(words) {
        Ok(arguments) => arguments,
        Err(refused) => return usage(&refused, streams),
    };
    let done = match arguments.command.place() {
        None => without_cluster(&arguments.command, streams),
        Some(place) => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::Cluster(format!("the runtime of the client: {error}")))
            .and_then(|runtime| {
                runtime.block_on(async {
                    let connection = Connection::open(place).await?;
                    cluster::run(&connection, &arguments.command, streams).await
                })
            }),
    };
    ended(done, streams)
}

/// Runs one command line against a cluster that the caller is connected to. Options that choose a cluster are ignored,
/// the namespace is not.
pub async fn run_in(
    connection: &Connection,
    words: impl IntoIterator<Item = OsString>,
    streams: &mut Streams<'_>,
) -> Exit {
    let arguments = match Arguments::try_parse_from(words) {
        Ok(arguments) => arguments,
        Err(refused) => return usage(&refused, streams),
    };
    let done = match arguments.command.place() {
        None => without_cluster(&arguments.command, streams),
        Some(place) => cluster::run(&connection.at(place), &arguments.command, streams).await,
    };
    ended(done, streams)
}

fn without_cluster(command: &Command, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    match command {
        Command::Plan(wanted) => plan::plan(wanted, streams),
        Command::Sandbox(wanted) => sandbox::sandbox(&wanted.command, streams),
        Command::Completion(wanted) => {
            let mut text = Vec::new();
            clap_complete::generate(wanted.shell, &mut Arguments::command(), "kubectl-crm", &mut text);
            streams.out.write_all(&text)?;
            Ok(Exit::Good)
        }
        Command::ExitCodes => {
            streams.out.write_all(exit_codes::TEXT.as_bytes())?;
            Ok(Exit::Good)
        }
        Command::Site(_) | Command::Node(_) => Err(Failure::Cluster("this command needs a cluster".to_owned())),
    }
}

fn ended(done: Result<Exit, Failure>, streams: &mut Streams<'_>) -> Exit {
    match done {
        Ok(exit) => exit,
        // Whoever reads our output has seen enough: `kubectl crm plan ... | head`.
        Err(Failure::Output(broken)) if broken.kind() == io::ErrorKind::BrokenPipe => Exit::Good,
        Err(failure) => {
            let exit = match failure {
                Failure::Input(_) => Exit::BadInput,
                Failure::Refused(_) | Failure::Output(_) | Failure::Sandbox(_) => Exit::No,
                Failure::Cluster(_) => Exit::Unanswered,
            };
            // Where even the errors cannot be written, the exit code has to do.
            let _ = writeln!(streams.err, "{failure}");
            exit
        }
    }
}

/// Help and version are answers; everything else that the parser says is a mistake of the command line.
fn usage(refused: &clap::Error, streams: &mut Streams<'_>) -> Exit {
    match refused.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let text = match streams.screen {
                Screen::Terminal { colours: true, .. } => refused.render().ansi().to_string(),
                Screen::Terminal { .. } | Screen::Pipe => refused.render().to_string(),
            };
            let _ = streams.out.write_all(text.as_bytes());
            Exit::Good
        }
        _ => {
            // What the output is says nothing of where the errors go: they may be in a file while a terminal is looked at.
            let _ = streams.err.write_all(refused.render().to_string().as_bytes());
            Exit::BadInput
        }
    }
}
