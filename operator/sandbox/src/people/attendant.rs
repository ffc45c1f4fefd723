//! The attendant: does what a step's instructions say, at the machine; vouches for what no machine can see; and when a
//! change is halted, does what the remedy says.

use std::collections::BTreeMap;
use std::time::Duration;

use crm_api::CrmChange;
use crm_api::change::{ChangePhase, Executor, Step, StepPhase, StepResult};
use crm_api::condition::find;
use crm_api::decision::Word;
use crm_api::evidence::Source;
use crm_api::order::{Action, PromptAnswer};
use crm_plan::products::superoffice::{clients, pocket};

use super::mover::{choices_of, do_by_hand};
use super::{LOOK_AGAIN, Person};
use crate::world::install::KEY_IN_CONFIG;
use crate::world::{CREATE_SITE, REPORTS, UNTICKED, World};

/// A person allows so many further tries of a step, then leaves it to somebody who knows more.
const RETRIES_MAX: u32 = 2;
/// A person runs a wizard again so many times where the new version does not show.
const RUNS_MAX: u32 = 3;
/// A person believes that a wizard hangs after so many times the step's expected minutes.
const PATIENCE: u32 = 4;
/// A page that does not come up is tried so many times.
const PAGE_TRIES: u32 = 12;

/// A program of which the instructions say this is run once, whatever shows afterwards.
const ONCE: &str = "Run it once only";
/// How instructions speak of mailboxes.
const LOG_IN: &str = "log in to the mailbox ";
/// The same.
const MAKE: &str = "create the mailbox ";
/// How instructions say that a Windows service is to be stopped once the program has ended, before its name in quotes.
const STOP_SERVICE: &str = "stop the Windows service \"";
/// How instructions say that the instance of Service is to be copied from another server.
const COPY: &str = "Copy the instance from ";

struct Attendant {
    person: Person,
    world: World,
    /// The change that the rest speaks of.
    change: Option<String>,
    /// How often each step was done by hand.
    done: BTreeMap<String, u32>,
    attested: BTreeMap<String, i32>,
    retried: BTreeMap<String, u32>,
}

/// Lives until dropped.
pub(super) async fn live(person: Person, world: World) {
    let mut mailbox = person.mailbox();
    let mut attendant = Attendant {
        person,
        world,
        change: None,
        done: BTreeMap::new(),
        attested: BTreeMap::new(),
        retried: BTreeMap::new(),
    };
    loop {
        mailbox.wait(LOOK_AGAIN).await;
        attendant.look().await;
    }
}

impl Attendant {
    async fn look(&mut self) {
        let Some(change) = self.person.open_change().await else { return self.afterwards().await };
        if self.change != change.metadata.name {
            // Another hop has steps of the same names, and nothing of them is done.
            self.change.clone_from(&change.metadata.name);
            self.done.clear();
            self.attested.clear();
            self.retried.clear();
        }
        if let Some((step, result)) = attended(&change) {
            return self.attend(&change, step, result).await;
        }
        let halted = change.status.as_ref().is_some_and(|status| status.phase == ChangePhase::Halted);
        if halted {
            self.mend().await;
        }
    }

    async fn attend(&mut self, change: &CrmChange, step: &Step, result: &StepResult) {
        let Executor::Attended { instructions } = &step.executor else { return };
        let plan = change.spec.plan_hash.as_str();
        let runs = self.done.get(&step.id).copied().unwrap_or(0);
        let most = if says(instructions, ONCE) { 1 } else { RUNS_MAX };
        if runs >= most || self.attested.get(&step.id) == Some(&result.attempt) {
            return;
        }
        self.person.take_minutes(2, 8).await;
        if runs == 0 {
            self.person.say(Word::Attend, plan, Some(&step.id), None).await;
        }
        let node = step.node.clone().unwrap_or_default();
        let did = match program_of(instructions) {
            Some(program) => self.run_wizard(&node, &program, instructions, step.minutes).await,
            None if says(instructions, "Flush caches") => self.flush(&node).await,
            None if says(instructions, ", uninstall ") => self.world.uninstall_net_server(&self.person.site, &node),
            None if says(instructions, "SoCreateMST.exe") => {
                self.person.take_minutes(3, 6).await;
                self.world.make_transform(&self.person.site, &node)
            }
            None if says(instructions, COPY) => self.copy_instance(&node, instructions),
            None => match mailbox_of(instructions) {
                Some((LOG_IN, address)) => self.world.log_in_to_mailbox(&address),
                Some((_, address)) => self.make_mailbox(&node, &address).await,
                None => do_by_hand(&self.world, &self.person.site, &node, instructions),
            },
        };
        if !did {
            return;
        }
        *self.done.entry(step.id.clone()).or_default() += 1;
        if let Some(statement) = statement_of(step) {
            let said = self.person.say(Word::Attest, plan, Some(&step.id), Some(statement)).await;
            if said {
                self.attested.insert(step.id.clone(), result.attempt);
            }
        } else {
            // Give the agent time to see the new version before believing that nothing came of it.
            self.person.take_minutes(2, 3).await;
        }
    }

    /// What a change has left to people: Windows clients are counted once they are rolled out, and Pocket Server is
    /// uninstalled when its phones have had their time.
    async fn afterwards(&mut self) {
        let Some(status) = self.person.site().await.and_then(|site| site.status) else { return };
        let owed =
            |kind| find(&status.conditions, kind).filter(|found| found.status == "False").map(|found| &found.message);
        for (kind, done) in [(clients::ROLLED_OUT, "brought to"), (clients::REMOVED, "taken away for")] {
            let plan = owed(kind).and_then(|message| message.split_once(" of plan "));
            let Some(plan) = plan.and_then(|(_, rest)| rest.split(' ').next()) else { continue };
            let Some(plan) = self.person.plan_that_begins(plan).await else { continue };
            self.person.take_minutes(30, 60).await;
            let version = status.verified.as_ref().map(|verified| verified.version.as_str()).unwrap_or_default();
            let reason =
                format!("Windows clients {done} {version}: {}", self.world.clients_rolled_out(&self.person.site));
            self.person.say(Word::Attest, &plan, Some("windows-clients"), Some(reason)).await;
        }
        if owed(pocket::REMOVED).is_some() {
            self.person.take_minutes(2 * 60, 3 * 60).await;
            self.world.uninstall_pocket_server(&self.person.site, &self.person.name);
        }
    }

    /// Clicks through a wizard; ends it in the task manager where it hangs.
    async fn run_wizard(&mut self, node: &str, program: &str, instructions: &[String], minutes: i32) -> bool {
        let minutes = u32::try_from(minutes).unwrap_or(0).max(1).saturating_mul(PATIENCE);
        let patience = Duration::from_secs(u64::from(minutes) * 60);
        let (mut arguments, mut answers) = (arguments_of(instructions), answers_of(instructions));
        // What is chosen in a wizard is told like an argument.
        arguments.extend(instance_of(instructions));
        answers.extend(choices_of(instructions));
        if says(instructions, CREATE_SITE) {
            let answer = if self.world.has_service_site(&self.person.site, node) { "no" } else { "yes" };
            answers.push(PromptAnswer { question: CREATE_SITE.to_owned(), answer: answer.to_owned() });
        }
        let run = self.world.run_attended(node, program, &arguments, answers);
        match tokio::time::timeout(patience, run).await {
            Ok(Ok(_)) => {
                if let Some(name) = word_in_quotes(instructions, STOP_SERVICE) {
                    self.world.stop_service(&self.person.site, node, &name);
                }
                true
            }
            // The machine is down, or the program is not there yet: look again later.
            Ok(Err(_)) => false,
            Err(_) => {
                self.world.end_process(node, program);
                true
            }
        }
    }

    /// Brings the instance of Service from another server, where the instructions say so.
    fn copy_instance(&self, node: &str, instructions: &[String]) -> bool {
        if let Some(from) = word_after(instructions, COPY) {
            self.world.copy_instance(&self.person.site, &from, node);
        }
        true
    }

    async fn make_mailbox(&mut self, node: &str, address: &str) -> bool {
        for _ in 0..PAGE_TRIES {
            self.person.take_minutes(1, 2).await;
            if self.world.make_mailbox(&self.person.site, node, address) {
                return true;
            }
        }
        false
    }

    async fn flush(&mut self, node: &str) -> bool {
        for _ in 0..PAGE_TRIES {
            self.person.take_minutes(1, 2).await;
            if self.world.flush_caches(&self.person.site, node) {
                return true;
            }
        }
        false
    }

    /// Looks at what stands still, after a while, and does what the remedy says.
    async fn mend(&mut self) {
        self.person.take_minutes(5, 15).await;
        let Some(change) = self.person.open_change().await else { return };
        let Some(status) = &change.status else { return };
        if status.phase != ChangePhase::Halted {
            return;
        }
        if status.waiting.as_ref().is_some_and(|waiting| waiting.reason == "Overdue") {
            return self.end_what_hangs(&change);
        }
        let failed = status.steps.iter().find(|result| result.phase == StepPhase::Failed);
        let Some(step) = failed.map(|result| result.id.clone()) else { return };
        let retried = self.retried.entry(step.clone()).or_default();
        if *retried >= RETRIES_MAX {
            return;
        }
        *retried += 1;
        let reason = "I have looked at the machine; once more".to_owned();
        self.person.say(Word::Retry, &change.spec.plan_hash, Some(&step), Some(reason)).await;
    }

    fn end_what_hangs(&self, change: &CrmChange) {
        let step = change.status.as_ref().and_then(|status| status.step.as_deref());
        let Some(step) = change.spec.steps.iter().find(|other| Some(other.id.as_str()) == step) else { return };
        let (Executor::Agent { actions }, Some(node)) = (&step.executor, &step.node) else { return };
        for action in actions {
            if let Action::RunInstaller { program, .. } | Action::RunConsole { program, .. } = action {
                self.world.end_process(node, program);
            }
        }
    }
}

/// The attended step that was started and is not proven.
fn attended(change: &CrmChange) -> Option<(&Step, &StepResult)> {
    let status = change.status.as_ref()?;
    change.spec.steps.iter().find_map(|step| {
        let result = status.result(&step.id).filter(|result| result.phase == StepPhase::Started)?;
        matches!(step.executor, Executor::Attended { .. }).then_some((step, result))
    })
}

fn says(instructions: &[String], words: &str) -> bool {
    instructions.iter().any(|sentence| sentence.contains(words))
}

/// What the instructions say to do with a mailbox, and its address: the word after what they say.
fn mailbox_of(instructions: &[String]) -> Option<(&'static str, String)> {
    [LOG_IN, MAKE].into_iter().find_map(|deed| Some((deed, word_after(instructions, deed)?)))
}

fn word_after(instructions: &[String], words: &str) -> Option<String> {
    let (_, rest) = instructions.iter().find_map(|sentence| sentence.split_once(words))?;
    rest.split_whitespace().next().map(str::to_owned)
}

fn word_in_quotes(instructions: &[String], words: &str) -> Option<String> {
    let (_, rest) = instructions.iter().find_map(|sentence| sentence.split_once(words))?;
    rest.split('"').next().map(str::to_owned)
}

/// The program that the instructions say to start: `On NODE, as administrator, start PROGRAM.`
fn program_of(instructions: &[String]) -> Option<String> {
    instructions.iter().find_map(|sentence| {
        let (_, program) = sentence.split_once("as administrator, start ")?;
        Some(program.trim_end_matches('.').to_owned())
    })
}

/// The arguments that the instructions say to give it.
fn arguments_of(instructions: &[String]) -> Vec<String> {
    let given = instructions.iter().find_map(|sentence| sentence.strip_prefix("Give it the arguments "));
    given.map(|given| given.trim_end_matches('.').split(' ').map(str::to_owned).collect()).unwrap_or_default()
}

/// The instance that the instructions say to choose, by its path.
fn instance_of(instructions: &[String]) -> Option<String> {
    let (_, rest) = instructions.iter().find_map(|sentence| sentence.split_once("and the instance in "))?;
    rest.split_once(" (host ").map(|(path, _)| path.to_owned())
}

/// The answers that the instructions say to give; what the person has to look up stands in `web.config`.
fn answers_of(instructions: &[String]) -> Vec<PromptAnswer> {
    let chosen = instructions.iter().filter_map(|sentence| choice(sentence));
    let asked = instructions.iter().filter(|sentence| choice(sentence).is_none());
    let asked = asked.filter_map(|sentence| sentence.strip_prefix("Where it asks "));
    let told = asked.flat_map(|told| {
        let quoted: Vec<&str> = told.split('"').skip(1).step_by(2).collect();
        match (quoted.as_slice(), told.contains(", answer ")) {
            ([question, answer], true) => vec![((*question).to_owned(), (*answer).to_owned())],
            (questions, _) => questions.iter().map(|one| ((*one).to_owned(), KEY_IN_CONFIG.to_owned())).collect(),
        }
    });
    let setup_type = setup_type_of(instructions);
    chosen.chain(told).chain(setup_type).map(|(question, answer)| PromptAnswer { question, answer }).collect()
}

/// The setup type that the instructions say to choose: `choose the setup type "TYPE"`.
fn setup_type_of(instructions: &[String]) -> Option<(String, String)> {
    let told = instructions.iter().find_map(|sentence| sentence.split_once("setup type \""))?.1;
    Some(("setup type".to_owned(), told.split('"').next().unwrap_or_default().to_owned()))
}

/// What a person chooses in a wizard: standard reports, or a box that stays without a tick.
fn choice(sentence: &str) -> Option<(String, String)> {
    let quoted = |text: &str| text.split('"').nth(1).map(str::to_owned);
    if let Some(tick) = sentence.strip_prefix("Untick ") {
        return Some((quoted(tick)?, UNTICKED.to_owned()));
    }
    let reports = sentence.strip_prefix("Where it asks about ")?.strip_prefix(REPORTS)?;
    Some((REPORTS.to_owned(), quoted(reports)?))
}

/// What the step asks a person to vouch for.
fn statement_of(step: &Step) -> Option<String> {
    step.evidence.iter().find_map(|expectation| match &expectation.source {
        Source::Attestation { statement } => Some(statement.clone()),
        Source::Node { .. } | Source::Database { .. } => None,
    })
}
