//! The words of `sandbox start`.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use crm_sandbox::faults::ArmedFault;
use crm_sandbox::home::Speed;

use super::Format;

pub(super) const START_HELP: &str = "\
The servers, the SQL Server and the people of the scenario are there, the real controller and agents work, and the API \
listens on 127.0.0.1: plain kubectl and `kubectl crm` find it by the printed KUBECONFIG line. The edit that the scenario \
would make is yours to make. The simulated night passes at the speed that you choose; ages in tables are told by its \
clock. There is one context per user (kubectl config get-contexts): the administrator, and the people of the scenario. \
The sandbox plays no RBAC: everybody may do everything. Ctrl-C ends it and takes the kubeconfig away.

Examples:
  # The main scenario, an hour per minute
  kubectl crm sandbox start

  # In another terminal, after the printed export line: all it takes
  kubectl patch crmsite contoso --type merge -p '{\"spec\":{\"version\":\"8.0 SR6\"}}'
  kubectl get crmsite -w

  # Nobody approves or attends but you; as fast as it goes
  kubectl crm sandbox start FILE --no-people --speed max

  # For a program: one line of JSON when the API listens
  kubectl crm sandbox start FILE --port 8443 -o json | jq -r .kubeconfig

Exit codes:
  0  ended by Ctrl-C
  1  it could not be opened: the port, the kubeconfig
  2  the command line or the file is wrong
  6  ended by Ctrl-C, and an invariant of safety was violated: by what
     came in over the API, or by a fault of the operator";

/// Words of `sandbox start`.
#[derive(Args, Debug)]
pub struct StartArguments {
    /// The scenario; left out: the main one, an upgrade from 7.5 SR2 to 8.0 SR6 on two servers
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,

    /// How many seconds of the night pass in one of yours; max: time jumps to what happens next while something is
    /// under way
    #[arg(long, value_name = "N|max", default_value = "60")]
    pub speed: Speed,

    /// The port on 127.0.0.1; left out: a free one
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,

    /// Write the kubeconfig there; left out: into a new folder for temporary files
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub write_kubeconfig: Option<PathBuf>,

    /// Whatever is left to chance (delays of people, ids) comes from this number
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,

    /// Let this go wrong, at its usual step or at the one that is named; repeat it for more
    #[arg(long = "fault", value_name = "NAME[@STEP]")]
    pub faults: Vec<ArmedFault>,

    /// The people of the scenario do nothing: approve and attend yourself
    #[arg(long)]
    pub no_people: bool,

    /// How to print where it listens; as YAML or JSON nothing else is printed
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    pub output: Format,
}
