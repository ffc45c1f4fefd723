//! How a program ends: a number for whoever supervises it, and one sentence for a person.

use std::process::ExitCode;

/// Why a program could not go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Something broke inside.
    #[error("{0}")]
    Broken(String),
    /// A flag or a file that it names is wrong.
    #[error("{0}")]
    Flag(String),
    /// There is no way to a cluster, or nobody answers there, or not to us.
    #[error("{0}")]
    Cluster(String),
    /// The cluster lacks the definitions of our kinds.
    #[error("{0}")]
    Definitions(String),
    /// An address or a folder of this machine is not to be had.
    #[error("{0}")]
    Place(String),
}

/// Every exit code and its meaning, as guides show them.
pub const CODES: [(u8, &str); 6] = [
    (0, "ended as it was told to (SIGTERM, SIGINT, Ctrl-C)"),
    (1, "something broke inside the program; its log says what"),
    (2, "a flag, an environment variable or a file that one names is wrong"),
    (3, "no way to a cluster, or no answer from its API server, or it does not know us"),
    (4, "the cluster lacks definitions from `crds/`"),
    (5, "an address to listen on, or a folder of its own, is not to be had on this machine"),
];

impl Failure {
    /// As the process ends with it; see [`CODES`].
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Self::Broken(_) => 1,
            Self::Flag(_) => 2,
            Self::Cluster(_) => 3,
            Self::Definitions(_) => 4,
            Self::Place(_) => 5,
        }
    }
}

/// Ends a program: the sentence goes to standard error, whatever becomes of the log.
#[must_use]
pub fn end(program: &str, ended: Result<(), Failure>) -> ExitCode {
    let Err(failure) = ended else { return ExitCode::SUCCESS };
    use std::io::Write as _;
    // Where nobody reads it, the number still tells.
    let _ = writeln!(std::io::stderr(), "{program}: {failure}");
    ExitCode::from(failure.code())
}
