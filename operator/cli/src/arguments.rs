//! The words of the command line: subcommands, options, and the help that explains them.

pub mod cluster;
pub mod node;
pub mod standing;
pub mod start;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use crm_sandbox::faults::ArmedFault;
use jiff::Timestamp;

use cluster::{Place, SiteCommand};
use node::NodeCommand;
use start::{START_HELP, StartArguments};

/// Plan and try out changes of on-premises CRM sites.
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-crm",
    bin_name = "kubectl crm",
    version,
    about,
    long_about = None,
    propagate_version = true,
    max_term_width = 110
)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the command line can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show what would be done to bring a site to its declared state, in which order and why, or why there is no plan
    #[command(after_help = PLAN_HELP)]
    Plan(PlanArguments),
    /// Commands about the sites of a cluster.
    #[command(flatten)]
    Site(SiteCommand),
    /// Enroll the servers of sites, and revoke them
    #[command(subcommand)]
    Node(NodeCommand),
    /// Try a change out in a simulated world, with the real controller and agents
    Sandbox(SandboxArguments),
    /// Print the completion script of a shell
    #[command(after_help = COMPLETION_HELP)]
    Completion(CompletionArguments),
    /// Say what the exit codes of all commands mean
    ExitCodes,
}

const COMPLETION_HELP: &str = "\
Examples:
  # bash, for this shell
  source <(kubectl crm completion bash)

  # zsh
  kubectl crm completion zsh > \"${fpath[1]}/_kubectl-crm\"

  # fish
  kubectl crm completion fish > ~/.config/fish/completions/kubectl-crm.fish

The scripts complete the program's own name: kubectl-crm.";

/// Words of `completion`.
#[derive(Args, Debug)]
pub struct CompletionArguments {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

impl Command {
    /// Where it looks, if it speaks to a cluster.
    #[must_use]
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Plan(wanted) => wanted.files.is_empty().then_some(&wanted.place),
            Self::Site(command) => Some(command.place()),
            Self::Node(command) => Some(command.place()),
            Self::Sandbox(_) | Self::Completion(_) | Self::ExitCodes => None,
        }
    }
}

const PLAN_HELP: &str = "\
With -f no cluster is needed: everything is read from the files. Without, SITE is read from the cluster. It is the \
function that the controller uses, so the plan and its hash are the controller's own. Files may hold CrmSite, CrmNode (with status), CrmRelease, CrmChange, CrmBackup, \
CrmDecision, the agents' Leases, DatabaseFacts, and Lists as `kubectl get -o yaml` prints them. Where a CrmSite is \
there twice, the last one is the declaration; what the cluster knows of it comes from the ones before.

Examples:
  # The plan of a site of the cluster
  kubectl crm plan contoso -n crm

  # What would the version bump do to the site as its agents saw it?
  kubectl crm plan -f examples/superoffice/catalogue.yaml \\
    -f examples/superoffice/plan/

  # Take the observed half from a cluster
  kubectl get crmsite,crmnode,crmrelease,crmchange,lease -n crm -o yaml |
    kubectl crm plan -f - -f contoso.yaml

  # The whole plan with actions, evidence and sources, for a review
  kubectl crm plan -f catalogue.yaml -f contoso/ -o yaml

Exit codes:
  0  a plan, a change that is under way, or nothing to do
  1  no plan: refused, halted, or too little seen; the output says why
     and what to do about it
  2  the command line or a file is wrong
  7  the cluster did not answer (without -f)";

/// Words of `plan`.
#[derive(Args, Debug)]
pub struct PlanArguments {
    /// The site, where the files hold several
    #[arg(value_name = "SITE")]
    pub site: Option<String>,

    /// YAML or JSON file, directory of such files, or - for standard input; repeat it for more
    #[arg(
        short = 'f',
        long = "filename",
        value_name = "FILE",
        required_unless_present = "site",
        value_hint = ValueHint::AnyPath
    )]
    pub files: Vec<PathBuf>,

    /// Judge the facts at this time instead of the time at which they were read (RFC 3339: 2026-11-28T20:00:00Z)
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub now: Option<Timestamp>,

    /// How to print it
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    pub output: Format,

    /// Where.
    #[command(flatten)]
    pub place: Place,
}

/// How something is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// All of it as YAML
    Yaml,
    /// All of it as JSON
    Json,
}

/// Words of `sandbox`.
#[derive(Args, Debug)]
pub struct SandboxArguments {
    /// What to do there.
    #[command(subcommand)]
    pub command: SandboxCommand,
}

/// What can be done in the sandbox.
#[derive(Debug, Subcommand)]
pub enum SandboxCommand {
    /// Play a scenario to its end: simulated Windows servers, SQL Server, installers and people; real operator
    #[command(after_help = RUN_HELP)]
    Run(RunArguments),
    /// Open a scenario for kubectl: it stays open, with its API on loopback, until Ctrl-C; you edit the site
    #[command(after_help = START_HELP)]
    Start(StartArguments),
    /// Kill controller and agents around every write and every act, one at a time, and compare how it ends
    #[command(after_help = SWEEP_HELP)]
    Sweep(SweepArguments),
}

const RUN_HELP: &str = "\
The file holds a CrmSite at its old version and a Scenario: what the servers look like and which line of the CrmSite \
changes. The site settles, the line changes, and what follows is shown until it is clear how it ends. Hours pass in \
seconds; nothing leaves this process.

Examples:
  kubectl crm sandbox run examples/superoffice/server-web-service-7.5-to-8.0.yaml

  # Every event in one line, the same bytes on every machine
  kubectl crm sandbox run FILE --story --seed 7

  # The installer of Web ends with an error although it has done its work
  kubectl crm sandbox run FILE --fault exit-one-with-effect@upgrade-web

  # For a program: how it ended, versions before and after, minutes without users
  kubectl crm sandbox run FILE -o json | jq '.sites[0] | .outcome, .downtimeSeconds'

Exit codes:
  0  the goal was reached and proved
  1  refused: there is no change, and the site says why; or the simulated time was up
  2  the command line or the file is wrong
  3  the change was taken back; the site is as it was
  4  halted: nothing goes on until a person acts
  5  waiting for somebody who does not come
  6  an invariant of safety was violated: a fault of the operator";

const SWEEP_HELP: &str = "\
Each kill is a run of its own. It must end as the undisturbed run does: same facts, versions and verified steps. A kill \
inside a vendor program that may not be repeated may end in a stop that the scenario names.

Examples:
  kubectl crm sandbox sweep examples/superoffice/server-web-service-7.5-to-8.0.yaml

  # A sample of it, for a program
  kubectl crm sandbox sweep FILE --sample 20 -o json | jq .different

Exit codes:
  0  no run ended differently
  1  at least one did; each is listed with where the kill was
  2  the command line or the file is wrong";

/// Words of `sandbox run`.
#[derive(Args, Debug)]
pub struct RunArguments {
    /// The scenario
    #[arg(value_name = "FILE", required_unless_present = "list_faults", value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,

    /// Print every event in one line instead of the live view; same file and seed, same bytes
    #[arg(long)]
    pub story: bool,

    /// Whatever is left to chance (delays of people, ids) comes from this number
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,

    /// Let this go wrong, at its usual step or at the one that is named; repeat it for more
    #[arg(long = "fault", value_name = "NAME[@STEP]")]
    pub faults: Vec<ArmedFault>,

    /// Nobody approves, attends or leaves: every wait stands
    #[arg(long)]
    pub no_people: bool,

    /// List what can go wrong, and what comes of it
    #[arg(long)]
    pub list_faults: bool,

    /// How to print what it came to; as YAML or JSON nothing else is printed
    #[arg(short, long, value_enum, default_value_t = Format::Text, conflicts_with = "story")]
    pub output: Format,
}

/// Words of `sandbox sweep`.
#[derive(Args, Debug)]
pub struct SweepArguments {
    /// The scenario
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,

    /// Whatever is left to chance comes from this number
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,

    /// Kill at so many points only, chosen by the seed
    #[arg(long, value_name = "N")]
    pub sample: Option<std::num::NonZeroUsize>,

    /// How to print what it came to
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    pub output: Format,
}

fn time(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| "expected a time with its zone, for example 2026-11-28T20:00:00Z".to_owned())
}
