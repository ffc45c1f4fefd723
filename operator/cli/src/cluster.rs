//! The commands about the sites of a cluster. They read through the API, decide nothing, and change nothing but by
//! creating one `CrmDecision`; those about nodes write and remove identities.
//!
//! - [`read`]: what the API server has of a site. [`explanation`], [`fleet`], [`past`]: what that means, as data that
//!   programs read as well. [`say`]: how a person's word is shown, confirmed and created; [`words`]: the words.
//! - [`enrolment`]: who a server is in the cluster, made of [`node_identity`].

pub mod approval;
pub mod enrolment;
pub mod explanation;
pub mod finishing;
pub mod fleet;
pub mod node_identity;
pub mod past;
pub mod plan;
pub mod read;
pub mod restoring;
pub mod say;
pub mod show;
pub mod standing;
pub mod status;
pub mod stopping;
pub mod watch;
pub mod words;

use crate::arguments::Command;
use crate::arguments::cluster::SiteCommand;
use crate::{Connection, Exit, Failure, Streams};

/// Runs a command on a cluster.
///
/// # Errors
/// When the cluster refuses, what was asked for is not there, or the output ends.
pub async fn run(connection: &Connection, command: &Command, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    match command {
        Command::Plan(wanted) => plan::plan(connection, wanted, streams).await,
        Command::Site(SiteCommand::Explain(wanted)) => explanation::explain(connection, wanted, streams).await,
        Command::Site(SiteCommand::Status(wanted)) => status::status(connection, wanted, streams).await,
        Command::Site(SiteCommand::Drift(wanted)) => fleet::drift(connection, wanted, streams).await,
        Command::Site(SiteCommand::History(wanted)) => past::history(connection, wanted, streams).await,
        Command::Site(SiteCommand::Approve(wanted)) => approval::approve(connection, wanted, streams).await,
        Command::Site(SiteCommand::Attend(wanted)) => words::attend(connection, wanted, streams).await,
        Command::Site(SiteCommand::Attest(wanted)) => words::attest(connection, wanted, streams).await,
        Command::Site(SiteCommand::Retry(wanted)) => words::retry(connection, wanted, streams).await,
        Command::Site(SiteCommand::Forward(wanted)) => finishing::forward(connection, wanted, streams).await,
        Command::Site(SiteCommand::Restore(wanted)) => restoring::restore(connection, wanted, streams).await,
        Command::Site(SiteCommand::Hold(wanted)) => standing::hold(connection, wanted, streams).await,
        Command::Site(SiteCommand::Resume(wanted)) => standing::resume(connection, wanted, streams).await,
        Command::Site(SiteCommand::Stop(wanted)) => stopping::stop(connection, wanted, streams).await,
        Command::Site(SiteCommand::Override(wanted)) => standing::override_windows(connection, wanted, streams).await,
        Command::Node(wanted) => enrolment::node(connection, wanted, streams).await,
        Command::Sandbox(_) | Command::Completion(_) | Command::ExitCodes => crate::without_cluster(command, streams),
    }
}
