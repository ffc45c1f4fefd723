//! The words of the command line: subcommands, options, and the help that explains them.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use jiff::Timestamp;

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
}

const PLAN_HELP: &str = "\
No cluster is needed: everything is read from the files. It is the function that the controller uses, so the plan and
its hash are the controller's own. Files may hold CrmSite, CrmNode (with status), CrmRelease, CrmChange, CrmBackup,
CrmDecision, the agents' Leases and DatabaseFacts; Lists as `kubectl get -o yaml` prints them, too. Where a CrmSite is
there twice, the last one is the declaration and the first one is what the cluster has.

Examples:
  # What would the version bump in Git do to the site as the agents saw it?
  kubectl crm plan -f examples/superoffice/catalogue.yaml -f examples/superoffice/plan/

  # Take the observed half from a cluster
  kubectl get crmsite,crmnode,crmrelease,crmchange,lease -n crm -o yaml | kubectl crm plan -f - -f contoso.yaml

  # The whole plan, steps with their actions and evidence, for a review
  kubectl crm plan -f catalogue.yaml -f site.yaml -f observed.yaml -o yaml

Exit codes:
  0  a plan, a change that is under way, or nothing to do
  1  no plan: refused, halted, or too little seen; the output says why and what to do about it
  2  the command line or a file is wrong";

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
        required = true,
        value_hint = ValueHint::AnyPath
    )]
    pub files: Vec<PathBuf>,

    /// Judge the facts at this time instead of the time at which they were read (RFC 3339: 2026-11-28T20:00:00Z)
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub now: Option<Timestamp>,

    /// How to print it
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    pub output: Format,
}

/// How a plan is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// The whole plan as YAML
    Yaml,
    /// The whole plan as JSON
    Json,
}

fn time(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| "expected a time with its zone, for example 2026-11-28T20:00:00Z".to_owned())
}
