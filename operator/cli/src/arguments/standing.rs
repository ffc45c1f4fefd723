//! The words of the commands that hold, stop, let through and bring back.

use clap::Args;
use jiff::{SignedDuration, Timestamp};

use super::cluster::{Place, Saying};

/// Until when something is said.
#[derive(Args, Clone, Debug)]
#[group(multiple = false)]
pub struct Expiry {
    /// Until then (RFC 3339: 2026-11-28T20:00:00Z)
    #[arg(long, value_name = "TIME", value_parser = super::time)]
    pub until: Option<Timestamp>,
    /// For so long (90m, 4h, 2h30m)
    #[arg(long = "for", value_name = "DURATION", value_parser = length)]
    pub length: Option<SignedDuration>,
}

/// Words of `hold`.
#[derive(Args, Debug)]
pub struct HoldArguments {
    /// The site
    #[arg(value_name = "SITE")]
    pub site: String,
    /// Until when.
    #[command(flatten)]
    pub expiry: Expiry,
    /// How.
    #[command(flatten)]
    pub saying: Saying,
    /// Where.
    #[command(flatten)]
    pub place: Place,
}

/// Words of `resume`.
#[derive(Args, Debug)]
pub struct WordArguments {
    /// The site
    #[arg(value_name = "SITE")]
    pub site: String,
    /// How.
    #[command(flatten)]
    pub saying: Saying,
    /// Where.
    #[command(flatten)]
    pub place: Place,
}

/// Words of `stop`.
#[derive(Args, Debug)]
pub struct StopArguments {
    /// End the stops of this namespace instead: their decisions are deleted
    #[arg(long)]
    pub off: bool,
    /// How.
    #[command(flatten)]
    pub saying: Saying,
    /// Where.
    #[command(flatten)]
    pub place: Place,
}

/// Words of `override`.
#[derive(Args, Debug)]
pub struct OverrideArguments {
    /// The site
    #[arg(value_name = "SITE")]
    pub site: String,
    /// The plan that you have read; refused if another one waits by now
    #[arg(long, value_name = "HASH")]
    pub plan: Option<String>,
    /// Until when.
    #[command(flatten)]
    pub expiry: Expiry,
    /// How.
    #[command(flatten)]
    pub saying: Saying,
    /// Where.
    #[command(flatten)]
    pub place: Place,
}

/// Words of `forward`.
#[derive(Args, Debug)]
pub struct ForwardArguments {
    /// The site
    #[arg(value_name = "SITE")]
    pub site: String,
    /// The plan that you have read; refused if another one is offered by now
    #[arg(long, value_name = "HASH")]
    pub plan: Option<String>,
    /// How.
    #[command(flatten)]
    pub saying: Saying,
    /// Where.
    #[command(flatten)]
    pub place: Place,
}

/// Words of `restore`.
#[derive(Args, Debug)]
pub struct RestoreArguments {
    /// The site
    #[arg(value_name = "SITE")]
    pub site: String,
    /// The plan of the restore that you have read; refused if another one is offered by now
    #[arg(long, value_name = "HASH")]
    pub plan: Option<String>,
    /// How.
    #[command(flatten)]
    pub saying: Saying,
    /// Where.
    #[command(flatten)]
    pub place: Place,
}

fn length(text: &str) -> Result<SignedDuration, String> {
    let expected = "expected a length of time, for example 90m, 4h or 2h30m";
    let length: SignedDuration = text.parse().map_err(|_| expected.to_owned())?;
    if length.is_positive() { Ok(length) } else { Err(expected.to_owned()) }
}

/// Help of `hold`.
pub const HOLD_HELP: &str = "\
A change that is under way goes on to its point of no return; beyond it, it runs to its end. Users are never left \
outside for the sake of a hold: after half an hour the change is taken back.

Examples:
  kubectl crm hold contoso --reason 'year-end closing' --until 2027-01-08T06:00:00Z

  # Until somebody says resume
  kubectl crm hold contoso --reason 'the customer asked to wait'

Exit codes: 0 said, or held already; 1 no such site, or nobody said yes; 2 command line; \
7 the cluster did not answer";

/// Help of `resume`.
pub const RESUME_HELP: &str = "\
Examples:
  kubectl crm resume contoso

Exit codes: 0 said; 1 nothing is held; 2 command line; 7 the cluster did not answer";

/// Help of `stop`.
pub const STOP_HELP: &str = "\
In the operator's own namespace a stop stands over every site of the cluster. A program that runs already is not \
killed: its step ends, and nothing follows it. The command names the sites that are left closed to their users.

Examples:
  # Every site of this namespace
  kubectl crm stop -n crm --reason 'storage fails'

  # Every site of the cluster
  kubectl crm stop -n crm-operator --reason 'storage fails'

  # It is over
  kubectl crm stop --off -n crm-operator

Exit codes: 0 stopped, or stopped already (with --off: nothing is stopped any more); 1 nobody said yes; \
2 command line; 7 the cluster did not answer";

/// Help of `override`.
pub const OVERRIDE_HELP: &str = "\
For this one plan only, and once: a change that has begun runs to its end. Black-outs are overridden too.

Examples:
  kubectl crm override contoso --plan ab2b6f --for 2h --reason 'the customer is closed today'

Exit codes: 0 said, or said before; 1 nothing waits for a window; 2 command line; 7 the cluster did not answer";

/// Help of `forward`.
pub const FORWARD_HELP: &str = "\
Shown first: what other hands left half done, the plan that finishes it, and when users are out for it.

Examples:
  # Look, and say nothing
  kubectl crm forward contoso --dry-run=client --reason 'Henrik is on holiday'

  kubectl crm forward contoso --plan 3fa91c --reason 'Henrik is on holiday'

Exit codes: 0 said, or said before; 1 nothing is half done, or there is no such plan; 2 command line;
7 the cluster did not answer";

/// Help of `restore`.
pub const RESTORE_HELP: &str = "\
Shown first: which backup set, what comes back from it, how long it takes, and the work of users that is lost.

Examples:
  # Look, and say nothing
  kubectl crm restore contoso --dry-run=client --reason 'setup refuses to go on'

  kubectl crm restore contoso --plan 3fa91c --reason 'setup refuses to go on'

Exit codes: 0 said, or said before; 1 nothing is offered; 2 command line; 7 the cluster did not answer";
