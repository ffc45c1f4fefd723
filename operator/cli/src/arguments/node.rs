//! The words of the commands about servers.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::Format;
use super::cluster::Place;

/// Commands about the servers of sites.
#[derive(Debug, Subcommand)]
pub enum NodeCommand {
    /// Write the identity of a server's agent, and print the file that it begins with
    #[command(after_help = ENROLL_HELP)]
    Enroll(EnrollArguments),
    /// Take the identity of a server's agent away; its tokens may do nothing from then on
    #[command(after_help = REVOKE_HELP)]
    Revoke(RevokeArguments),
}

impl NodeCommand {
    /// Where it looks.
    #[must_use]
    pub fn place(&self) -> &Place {
        match self {
            Self::Enroll(wanted) => &wanted.place,
            Self::Revoke(wanted) => &wanted.place,
        }
    }
}

const ENROLL_HELP: &str = "\
Writes a ServiceAccount, a Role, its binding, the Lease of the sign of life and an empty Secret, with your own rights: you need \
those that the node gets. The identity may read its own CrmNode, report on it, give its sign of life and renew its own token. \
The file holds a token that is good for a short time and once: it is bound to that Secret, which the agent removes when it has \
exchanged the file for a token of its own. Where \
the server is refused because somebody else has used the file, or where others may have seen it, revoke the server.

The first machine that reports under an identity stays: a copy of it is refused. Where another machine takes its place, or its \
hardware was changed, revoke the server and enrol it anew.

Examples:
  # The server contoso-app, which a site of namespace crm names
  kubectl crm node enroll contoso-app -n crm --file contoso-app.kubeconfig

  # Its agent was set up anew on the same machine and has lost its identity, or was away for longer than its token lives
  kubectl crm node enroll contoso-app -n crm --renew --file contoso-app.kubeconfig

Exit codes:
  0  enrolled
  1  refused, for the reason printed
  7  the cluster did not answer, or you may not";

const REVOKE_HELP: &str = "\
Examples:
  kubectl crm node revoke contoso-app -n crm

Exit codes:
  0  revoked
  1  it was not enrolled
  7  the cluster did not answer, or you may not";

/// Words of `node enroll`.
#[derive(Args, Debug)]
pub struct EnrollArguments {
    /// The server, as the site's components name it
    #[arg(value_name = "NAME")]
    pub node: String,
    /// Bootstrap file to write, readable by you alone; left out: it is printed
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,
    /// How to print what was done
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    pub output: Format,
    /// For how many minutes the file can be used (10 to 1440)
    #[arg(long, value_name = "MINUTES", default_value_t = 15, value_parser = clap::value_parser!(u16).range(10..=1440))]
    pub valid_minutes: u16,
    /// A new file for a server that is enrolled already
    #[arg(long)]
    pub renew: bool,
    /// Where.
    #[command(flatten)]
    pub place: Place,
}

/// Words of `node revoke`.
#[derive(Args, Debug)]
pub struct RevokeArguments {
    /// The server
    #[arg(value_name = "NAME")]
    pub node: String,
    /// How to print what was done
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    pub output: Format,
    /// Where.
    #[command(flatten)]
    pub place: Place,
}
