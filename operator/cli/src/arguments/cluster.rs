//! The words of the commands that speak to a cluster.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, ValueHint};

use super::Format;
use super::standing::{
    FORWARD_HELP, ForwardArguments, HOLD_HELP, HoldArguments, OVERRIDE_HELP, OverrideArguments, RESTORE_HELP,
    RESUME_HELP, RestoreArguments, STOP_HELP, StopArguments, WordArguments,
};

/// Where a command looks.
#[derive(Args, Clone, Debug, Default)]
pub struct Place {
    /// Namespace of the site; left out: the one of the context
    #[arg(short, long, value_name = "NAME", help_heading = "Cluster")]
    pub namespace: Option<String>,

    /// Context of the kubeconfig
    #[arg(long, value_name = "NAME", help_heading = "Cluster")]
    pub context: Option<String>,

    /// Kubeconfig file; left out: what KUBECONFIG names, or ~/.kube/config
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Cluster")]
    pub kubeconfig: Option<PathBuf>,
}

/// Commands about the sites of a cluster.
#[derive(Debug, Subcommand)]
pub enum SiteCommand {
    /// Say what is wanted, proven and observed of a site, what comes next, what blocks it and who can unblock it
    #[command(after_help = EXPLAIN_HELP)]
    Explain(ExplainArguments),
    /// Show how sites stand; with --watch, follow one while it changes
    #[command(after_help = STATUS_HELP)]
    Status(StatusArguments),
    /// List what differs from what was proven, over all sites
    #[command(after_help = DRIFT_HELP)]
    Drift(DriftArguments),
    /// List what was done to a site, who said what, what people were told, and which backup sets there are
    #[command(after_help = HISTORY_HELP)]
    History(HistoryArguments),
    /// Approve the plan that waits for approval
    #[command(after_help = APPROVE_HELP)]
    Approve(ApproveArguments),
    /// Say that you are doing a step that a person has to do
    #[command(after_help = ATTEND_HELP)]
    Attend(StepArguments),
    /// Say that you have seen what no machine can see
    #[command(after_help = ATTEST_HELP)]
    Attest(StepArguments),
    /// Let a halted change try its step once more, or a change that was taken back be planned again
    #[command(after_help = RETRY_HELP)]
    Retry(StepArguments),
    /// Bring a halted site back from its backup set; shows first what comes back and what is lost
    #[command(after_help = RESTORE_HELP)]
    Restore(RestoreArguments),
    /// Finish a site that other hands left half done; shows first what was found and what the plan does
    #[command(after_help = FORWARD_HELP)]
    Forward(ForwardArguments),
    /// Leave a site alone: no change enters it, and none passes its point of no return
    #[command(after_help = HOLD_HELP)]
    Hold(HoldArguments),
    /// End a hold
    #[command(after_help = RESUME_HELP)]
    Resume(WordArguments),
    /// Begin nothing more between any two steps, at any site of the namespace; --off ends it
    #[command(after_help = STOP_HELP)]
    Stop(StopArguments),
    /// Let the plan that waits for its window begin outside the windows, once
    #[command(after_help = OVERRIDE_HELP)]
    Override(OverrideArguments),
}

impl SiteCommand {
    /// Where it looks.
    #[must_use]
    pub fn place(&self) -> &Place {
        match self {
            Self::Explain(wanted) => &wanted.place,
            Self::Status(wanted) => &wanted.place,
            Self::Drift(wanted) => &wanted.place,
            Self::History(wanted) => &wanted.place,
            Self::Approve(wanted) => &wanted.place,
            Self::Restore(wanted) => &wanted.place,
            Self::Forward(wanted) => &wanted.place,
            Self::Hold(wanted) => &wanted.place,
            Self::Resume(wanted) => &wanted.place,
            Self::Stop(wanted) => &wanted.place,
            Self::Override(wanted) => &wanted.place,
            Self::Attend(wanted) | Self::Attest(wanted) | Self::Retry(wanted) => &wanted.place,
        }
    }
}

/// Words of `explain`.
#[derive(Args, Debug)]
pub struct ExplainArguments {
    /// The site
    #[arg(value_name = "SITE")]
    pub site: String,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    pub output: Format,
    /// Where.
    #[command(flatten)]
    pub place: Place,
}

/// Words of `status`.
#[derive(Args, Debug)]
pub struct StatusArguments {
    /// The site; left out: all sites of the namespace
    #[arg(value_name = "SITE")]
    pub site: Option<String>,
    /// Follow the site until nothing more comes by itself: it is as declared, refused, halted, taken back or restored
    #[arg(short, long, requires = "site", conflicts_with = "output")]
    pub watch: bool,
    /// With --watch: end as well where only a person lets it go on (approval, a step by hand, hold, stop, a check)
    #[arg(long, requires = "watch")]
    pub until_person: bool,
    /// All namespaces
    #[arg(short = 'A', long, conflicts_with_all = ["namespace", "site"])]
    pub all_namespaces: bool,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    pub output: Format,
    /// Where.
    #[command(flatten)]
    pub place: Place,
}

/// Words of `drift`.
#[derive(Args, Debug)]
pub struct DriftArguments {
    /// Only this site
    #[arg(value_name = "SITE")]
    pub site: Option<String>,
    /// All namespaces
    #[arg(short = 'A', long, conflicts_with_all = ["namespace", "site"])]
    pub all_namespaces: bool,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    pub output: Format,
    /// Where.
    #[command(flatten)]
    pub place: Place,
}

/// Words of `history`.
#[derive(Args, Debug)]
pub struct HistoryArguments {
    /// The site
    #[arg(value_name = "SITE")]
    pub site: String,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    pub output: Format,
    /// Where.
    #[command(flatten)]
    pub place: Place,
}

/// How something is said.
#[derive(Args, Clone, Debug)]
pub struct Saying {
    /// Why, or what was seen; it stands in the record
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Do not ask first
    #[arg(short, long)]
    pub yes: bool,
    /// Show what would be said: without the API server (client), or checked by it (server)
    #[arg(long, value_enum, value_name = "WHERE")]
    pub dry_run: Option<DryRun>,
    /// Print the decision for a program
    #[arg(short, long, value_enum)]
    pub output: Option<Printed>,
}

/// How far a dry run goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DryRun {
    /// Nothing is sent
    Client,
    /// The API server checks it and stores nothing
    Server,
}

/// How a decision is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Printed {
    /// kind/name
    Name,
    /// As YAML
    Yaml,
    /// As JSON
    Json,
}

/// Words of `approve`.
#[derive(Args, Debug)]
pub struct ApproveArguments {
    /// The site
    #[arg(value_name = "SITE")]
    pub site: String,
    /// Approve every hop of the path that the plan belongs to; only where the site declares approval.scope: Path
    #[arg(long)]
    pub path: bool,
    /// The plan that you have read; refused if another one waits by now
    #[arg(long, value_name = "HASH")]
    pub plan: Option<String>,
    /// How.
    #[command(flatten)]
    pub saying: Saying,
    /// Where.
    #[command(flatten)]
    pub place: Place,
}

/// Words of `attend`, `attest` and `retry`.
#[derive(Args, Debug)]
pub struct StepArguments {
    /// The site
    #[arg(value_name = "SITE")]
    pub site: String,
    /// The step; left out: the one that waits for it
    #[arg(value_name = "STEP")]
    pub step: Option<String>,
    /// The plan that you have read; refused if another one is current by now
    #[arg(long, value_name = "HASH")]
    pub plan: Option<String>,
    /// How.
    #[command(flatten)]
    pub saying: Saying,
    /// Where.
    #[command(flatten)]
    pub place: Place,
}

const EXPLAIN_HELP: &str = "\
Examples:
  kubectl crm explain contoso -n crm

  # Which command unblocks it, for a script
  kubectl crm explain contoso -o json | jq -r '.blockedBy[].command'

Exit codes: 0 explained; 1 no such site; 2 command line; 7 the cluster did not answer";

const STATUS_HELP: &str = "\
Examples:
  # Every site of the cluster, one line each
  kubectl crm status -A

  # The steps of one site's change, and where it stands
  kubectl crm status contoso -n crm

  # Follow it, as the sandbox shows it. Waits for a person go on; the screen says who ends them, and with which command
  kubectl crm status contoso --watch

  # For a script: end as well where a person has to act
  kubectl crm status contoso --watch --until-person || kubectl crm explain contoso

Exit codes:
  0  shown; with --watch: the site is as declared
  1  no such site; with --watch: refused, the output says why
  2  the command line is wrong
  3  with --watch: the change was taken back, or the site was restored
  4  with --watch: halted or left half done; nothing goes on until a
     person chooses
  5  with --until-person: waiting for a person
  7  the cluster did not answer";

const DRIFT_HELP: &str = "\
Drift is the difference between what agents and database show and what the site was last proven to be at. A pending \
version bump is none.

Examples:
  # The whole fleet in one table
  kubectl crm drift -A

  # For a script: fails if anything differs
  kubectl crm drift -A -o json > drift.json || mail -s 'CRM drift' ops@example.com < drift.json

Exit codes: 0 no drift; 1 drift, or no such site; 2 command line; 5 no drift seen, but for some site it cannot be told; \
7 the cluster did not answer";

const HISTORY_HELP: &str = "\
Examples:
  kubectl crm history contoso -n crm

  # Every approval with its user
  kubectl crm history contoso -o json | jq '.entries[] | select(.word == \"Approve\")'

Exit codes: 0 listed; 1 no such site; 2 command line; 7 the cluster did not answer";

const APPROVE_HELP: &str = "\
Examples:
  # Read the plan, then approve exactly that plan
  kubectl crm plan contoso
  kubectl crm approve contoso --plan ab2b6f

  # From a script
  kubectl crm approve contoso --plan ab2b6f --yes --reason CHG-4711

  # All hops of the path, where the site declares approval.scope: Path
  kubectl crm approve contoso --path

  # The manifest of the approval, for Git
  kubectl crm approve contoso --dry-run=client -o yaml

Exit codes: 0 said, or said before; 1 nothing to approve, or another plan is current; 2 command line; \
7 the cluster did not answer";

const ATTEND_HELP: &str = "\
Examples:
  # I do the step that waits for a person; print its instructions once more
  kubectl crm attend contoso

  kubectl crm attend contoso upgrade-service@contoso-cs --yes

Exit codes: 0 said, or said before; 1 no step waits for a person; 2 command line; 7 the cluster did not answer";

const ATTEST_HELP: &str = "\
Examples:
  kubectl crm attest contoso --reason 'I clicked \"Flush caches\", after upgrade.exe had ended'

  # After the change: the edited templates are merged again
  kubectl crm attest contoso customer-centre --reason 'index.html merged'

Exit codes: 0 said, or said before; 1 nothing is to be attested; 2 command line; 7 the cluster did not answer";

const RETRY_HELP: &str = "\
Look at the machine and mend the cause first: the step is started again although it is not certain that nothing of it \
has happened.

Examples:
  kubectl crm explain contoso
  kubectl crm retry contoso --reason 'disk was full, 40 GB freed'

Exit codes: 0 said, or said before; 1 nothing is halted and nothing was taken back; 2 command line; \
7 the cluster did not answer";
