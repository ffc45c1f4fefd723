//! How a person's word goes its way: it is shown with its consequences, confirmed, and created as one `CrmDecision`.

use crm_api::Time;
use crm_api::change::CrmChange;
use crm_api::decision::{CrmDecision, CrmDecisionSpec, Word};
use crm_api::site::{PlanSummary, RestoreOffer};
use crm_plan::explain::duration;
use crm_plan::hash::short;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::Api;
use kube::api::PostParams;

use super::read::get;
use super::show::document;
use crate::arguments::Format;
use crate::arguments::cluster::{DryRun, Printed, Saying};
use crate::connection::refused;
use crate::words::one_line;
use crate::{Connection, Exit, Failure, Streams};

/// Longest name of an object.
const NAME_CHARS_MAX: usize = 253;
/// Longest part of a site's name in the name of a decision, so that what follows has room.
const SITE_CHARS_MAX: usize = 100;
/// Columns of a label with the gap behind it.
const LABEL: usize = 11;

/// What a statement is about.
#[derive(Clone, Copy)]
pub enum About<'a> {
    /// The plan of a change.
    Change(&'a CrmChange),
    /// The whole path that the plan of a change belongs to.
    Path(&'a CrmChange),
    /// The plan that finishes what was left half done.
    Forward(&'a PlanSummary),
    /// The plan of a restore that is offered.
    Restore(&'a RestoreOffer),
    /// A site, whatever its plan.
    Site,
    /// Every site of the namespace.
    Sites,
}

impl About<'_> {
    fn plan_hash(self) -> Option<String> {
        match self {
            Self::Change(change) => Some(change.spec.plan_hash.clone()),
            Self::Path(change) => Some(change.spec.path_hash.clone()),
            Self::Forward(offer) => Some(offer.hash.clone()),
            Self::Restore(offer) => Some(offer.plan_hash.clone()),
            Self::Site | Self::Sites => None,
        }
    }
}

/// What is about to be said.
pub struct Statement<'a> {
    /// Name of the site; not looked at where it is about every site.
    pub site: &'a str,
    /// What it is about.
    pub about: About<'a>,
    /// The word.
    pub word: Word,
    /// The step that it is about, with the try that it is about.
    pub step: Option<(&'a str, i32)>,
    /// For words that can be said again: which time it is. The same occasion has the same name.
    pub occasion: Option<usize>,
    /// Why, or what was seen.
    pub reason: Option<String>,
    /// From when on it says nothing any more.
    pub expires_at: Option<Time>,
    /// What comes of it: labels and sentences.
    pub consequences: Vec<(&'static str, String)>,
}

/// Shows a statement, has it confirmed, and says it.
///
/// # Errors
/// When nobody can be asked, the cluster refuses, or the output ends.
pub async fn say(
    connection: &Connection,
    statement: Statement<'_>,
    how: &Saying,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let user = who_am_i(connection).await?;
    let decision = decision(connection, &statement, &user);
    let name = decision.metadata.name.clone().unwrap_or_default();
    // A program that reads the decision must not have to skip what a person reads.
    let shown = shown(&statement, &decision, connection);
    let out = if how.output.is_some() { &mut *streams.err } else { &mut *streams.out };
    out.write_all(shown.as_bytes())?;
    if how.dry_run == Some(DryRun::Client) {
        printed(&decision, how.output.unwrap_or(Printed::Yaml), "(nothing was sent)", streams)?;
        return Ok(Exit::Good);
    }
    if let Some(before) = get::<CrmDecision>(connection, "read the decision", &name).await? {
        if before.spec.word != statement.word || before.spec.plan_hash != decision.spec.plan_hash {
            return Err(Failure::Refused(format!("CrmDecision {name} exists and says something else; look at it")));
        }
        writeln!(streams.err, "{} has said so before: CrmDecision {name}", before.spec.user)?;
        if let Some(output) = how.output {
            printed(&before, output, "", streams)?;
        }
        return Ok(Exit::Good);
    }
    if how.dry_run.is_none() && !how.yes && !confirmed(streams)? {
        writeln!(streams.err, "nothing was said")?;
        return Ok(Exit::No);
    }
    let api: Api<CrmDecision> = Api::namespaced(connection.client.clone(), &connection.namespace);
    let params = PostParams { dry_run: how.dry_run.is_some(), ..PostParams::default() };
    let created = api.create(&params, &decision).await.map_err(|error| refused("create a CrmDecision", &error))?;
    let done = if params.dry_run { "would be created (checked by the API server)" } else { "created" };
    match how.output {
        Some(output) => printed(&created, output, done, streams)?,
        None => writeln!(streams.out, "crmdecision/{name} {done}")?,
    }
    if !params.dry_run && how.output.is_none() {
        let namespace = &connection.namespace;
        let follow = match statement.about {
            About::Sites => format!("kubectl crm status -n {namespace}"),
            About::Change(_) | About::Path(_) | About::Forward(_) | About::Restore(_) | About::Site => {
                format!("kubectl crm status {} -n {namespace} --watch", statement.site)
            }
        };
        writeln!(streams.out, "follow it with: {follow}")?;
    }
    Ok(Exit::Good)
}

/// Whom the API server takes us for.
///
/// # Errors
/// When it does not say.
pub(super) async fn who_am_i(connection: &Connection) -> Result<String, Failure> {
    let api: Api<SelfSubjectReview> = Api::all(connection.client.clone());
    let asked = api.create(&PostParams::default(), &SelfSubjectReview::default()).await;
    let answer = asked.map_err(|error| refused("ask the API server who you are", &error))?;
    let user = answer.status.and_then(|status| status.user_info).and_then(|user| user.username);
    user.ok_or_else(|| Failure::Cluster("the API server does not say who you are; log in to the cluster".to_owned()))
}

fn decision(connection: &Connection, statement: &Statement<'_>, user: &str) -> CrmDecision {
    let spec = CrmDecisionSpec {
        site: (!matches!(statement.about, About::Sites)).then(|| statement.site.to_owned()),
        word: statement.word,
        plan_hash: statement.about.plan_hash(),
        step: statement.step.map(|(step, _)| step.to_owned()),
        reason: statement.reason.clone(),
        expires_at: statement.expires_at.clone(),
        user: user.to_owned(),
    };
    let mut decision = CrmDecision::new(&name_of(statement), spec);
    decision.metadata.namespace = Some(connection.namespace.clone());
    decision
}

/// The same word about the same try or on the same occasion has the same name: said twice, or said again after a lost
/// answer, it is there once.
fn name_of(statement: &Statement<'_>) -> String {
    let site: String = statement.site.chars().take(SITE_CHARS_MAX).collect();
    let word = format!("{:?}", statement.word);
    let plan = statement.about.plan_hash().map(|hash| short(&hash).to_owned());
    let step = statement.step.map(|(step, attempt)| format!("{}-{attempt}", step.replace('@', ".")));
    let occasion = statement.occasion.map(|occasion| occasion.to_string());
    let whom = (!matches!(statement.about, About::Sites)).then_some(site);
    let parts: Vec<String> = [whom, Some(word), plan, step, occasion].into_iter().flatten().collect();
    let is_allowed = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-.".contains(letter);
    let name = parts.join("-").to_lowercase();
    name.chars().map(|letter| if is_allowed(letter) { letter } else { '-' }).take(NAME_CHARS_MAX).collect()
}

/// What will be done, and what comes of it.
fn shown(statement: &Statement<'_>, decision: &CrmDecision, connection: &Connection) -> String {
    let (namespace, site) = (&connection.namespace, statement.site);
    let mut lines = match statement.about {
        About::Change(change) | About::Path(change) => {
            let spec = &change.spec;
            let hop =
                if spec.from == spec.to { format!("at {}", spec.to) } else { format!("{} -> {}", spec.from, spec.to) };
            vec![
                ("site", format!("{namespace}/{site}: {hop}")),
                ("plan", format!("{}, {} steps", short(&spec.plan_hash), spec.steps.len())),
            ]
        }
        About::Forward(offer) => vec![
            ("site", format!("{namespace}/{site}: forward to {}", offer.to)),
            ("plan", format!("{}, {} steps, about {}", short(&offer.hash), offer.steps, duration(offer.minutes))),
        ],
        About::Restore(offer) => vec![
            ("site", format!("{namespace}/{site}: back to {}", offer.release)),
            ("plan", format!("{}, about {}", short(&offer.plan_hash), duration(offer.minutes))),
        ],
        About::Site => vec![("site", format!("{namespace}/{site}"))],
        About::Sites => vec![("sites", format!("every site of namespace {namespace}"))],
    };
    lines.push(("says", format!("{:?}, by {}", statement.word, decision.spec.user)));
    if let Some((step, _)) = statement.step {
        lines.push(("step", step.to_owned()));
    }
    if let Some(reason) = &statement.reason {
        lines.push(("reason", one_line(reason)));
    }
    lines.extend(statement.consequences.iter().cloned());
    lines.iter().map(|(label, text)| format!("{label:LABEL$}{text}\n")).collect()
}

/// Asks, where somebody can be asked.
///
/// # Errors
/// When nobody can.
pub(super) fn confirmed(streams: &mut Streams<'_>) -> Result<bool, Failure> {
    if !streams.attended {
        let text =
            "nobody can be asked here: add --yes to say it, or --dry-run=client or --dry-run=server to look first";
        return Err(Failure::Input(vec![text.to_owned()]));
    }
    write!(streams.err, "Say it? [y/N] ")?;
    streams.err.flush()?;
    let mut answer = Vec::new();
    let mut letter = [0];
    // One letter at a time: what comes after the line is not ours.
    while answer.len() < 16 && streams.input.read(&mut letter)? == 1 && letter != *b"\n" {
        answer.extend(letter);
    }
    let answer = String::from_utf8_lossy(&answer).trim().to_lowercase();
    Ok(matches!(answer.as_str(), "y" | "yes"))
}

pub(super) fn printed(
    decision: &CrmDecision,
    how: Printed,
    done: &str,
    streams: &mut Streams<'_>,
) -> Result<(), Failure> {
    let mut decision = decision.clone();
    decision.metadata.managed_fields = None;
    match how {
        Printed::Name => {
            let name = decision.metadata.name.as_deref().unwrap_or_default();
            writeln!(streams.out, "crmdecision.{}/{name}", crm_api::GROUP)?;
        }
        Printed::Yaml => document(Format::Yaml, &decision, streams.out)?,
        Printed::Json => document(Format::Json, &decision, streams.out)?,
    }
    if !done.is_empty() {
        writeln!(streams.err, "{done}")?;
    }
    Ok(())
}
