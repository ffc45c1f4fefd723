//! What each action is: a program or not, whether it needs administrator rights, how its result is recognised.

use crm_api::evidence::Expected;
use crm_api::order::{Action, FileRecord, PromptAnswer};
use crm_api::probe::{Answer, Probe, RunState, StartType};

use super::ActionStanding;
use crate::evidence::{Verdict, describe, judge};

/// A program that an action starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program<'a> {
    /// Absolute path.
    pub path: &'a str,
    /// Arguments, one by one.
    pub arguments: &'a [String],
    /// What a console program is told; `None` where the program has no console.
    pub console: Option<Console<'a>>,
}

/// What a console program is told, and how it is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Console<'a> {
    /// Answers by the text of the question.
    pub answers: &'a [PromptAnswer],
    /// Texts in the output that mean failure.
    pub failure_texts: &'a [String],
    /// Whether the vendor calls a second run harmless.
    pub repeatable: bool,
}

impl Program<'_> {
    /// Whether it may be started again from a partial state.
    #[must_use]
    pub fn repeatable(&self) -> bool {
        self.console.is_some_and(|console| console.repeatable)
    }
}

/// The program that an action starts, if it is that kind of action. All other actions are simple: safe to repeat.
#[must_use]
pub fn program_of(action: &Action) -> Option<Program<'_>> {
    match action {
        Action::RunInstaller { program, arguments } => Some(Program { path: program, arguments, console: None }),
        Action::RunConsole { program, arguments, answers, failure_texts, repeatable } => {
            let console = Console { answers, failure_texts, repeatable: *repeatable };
            Some(Program { path: program, arguments, console: Some(console) })
        }
        Action::FetchMedia { .. }
        | Action::SetServiceStart { .. }
        | Action::StopService { .. }
        | Action::StartService { .. }
        | Action::AwaitProcessesGone { .. }
        | Action::AwaitUrl { .. }
        | Action::StopPool { .. }
        | Action::StartPool { .. }
        | Action::RemoveHandlers { .. }
        | Action::SetFlagLine { .. }
        | Action::SetConfigValue { .. }
        | Action::CopyTree { .. }
        | Action::CopyStore { .. }
        | Action::ExportRegistryKey { .. }
        | Action::ExportIis { .. }
        | Action::RestoreTree { .. }
        | Action::ImportRegistryKey { .. }
        | Action::ImportIis { .. }
        | Action::WriteListing { .. }
        | Action::RecordFile { .. }
        | Action::CheckFile { .. } => None,
    }
}

/// Whether Windows lets only administrators do it.
pub(super) fn needs_elevation(action: &Action) -> bool {
    match action {
        Action::SetServiceStart { .. }
        | Action::StopService { .. }
        | Action::StartService { .. }
        | Action::StopPool { .. }
        | Action::StartPool { .. }
        | Action::RemoveHandlers { .. }
        | Action::SetFlagLine { .. }
        | Action::SetConfigValue { .. }
        | Action::ExportIis { .. }
        | Action::RestoreTree { .. }
        | Action::ImportRegistryKey { .. }
        | Action::ImportIis { .. }
        | Action::RunInstaller { .. }
        | Action::RunConsole { .. } => true,
        Action::FetchMedia { .. }
        | Action::AwaitProcessesGone { .. }
        | Action::AwaitUrl { .. }
        | Action::CopyTree { .. }
        | Action::CopyStore { .. }
        | Action::ExportRegistryKey { .. }
        | Action::WriteListing { .. }
        | Action::RecordFile { .. }
        | Action::CheckFile { .. } => false,
    }
}

/// Whether all that an action can do is to leave less running than before.
pub(super) fn quiets(action: &Action) -> bool {
    matches!(
        action,
        Action::SetServiceStart { start: StartType::Disabled, .. }
            | Action::StopService { .. }
            | Action::StopPool { .. }
            | Action::AwaitProcessesGone { .. }
    )
}

/// What carrying out a simple action amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It is so or it is not: a failed try leaves nothing behind.
    Switch,
    /// It makes files; a failed try may leave some of them.
    Make,
    /// It waits until something is so, and changes nothing.
    Await,
    /// It looks once, and changes nothing.
    Inspect,
    /// It runs a program.
    Run,
}

pub(super) fn way(action: &Action) -> Way {
    match action {
        Action::SetServiceStart { .. }
        | Action::StopService { .. }
        | Action::StartService { .. }
        | Action::StopPool { .. }
        | Action::StartPool { .. }
        | Action::RemoveHandlers { .. }
        | Action::SetFlagLine { .. }
        | Action::SetConfigValue { .. }
        | Action::WriteListing { .. } => Way::Switch,
        Action::FetchMedia { .. }
        | Action::CopyTree { .. }
        | Action::CopyStore { .. }
        | Action::ExportRegistryKey { .. }
        | Action::ExportIis { .. }
        | Action::RestoreTree { .. }
        | Action::ImportRegistryKey { .. }
        | Action::ImportIis { .. } => Way::Make,
        Action::AwaitProcessesGone { .. } | Action::AwaitUrl { .. } => Way::Await,
        Action::RecordFile { .. } | Action::CheckFile { .. } => Way::Inspect,
        Action::RunInstaller { .. } | Action::RunConsole { .. } => Way::Run,
    }
}

/// An action in a few words, for a person.
pub(super) fn describe_action(action: &Action) -> String {
    match action {
        Action::FetchMedia { from, .. } => format!("fetch {from}"),
        Action::SetServiceStart { name, start } => {
            format!("set service {name} to start type {start:?}")
        }
        Action::StopService { name } => format!("stop service {name}"),
        Action::StartService { name } => format!("start service {name}"),
        Action::AwaitProcessesGone { folder } => format!("wait until nothing runs from {folder}"),
        Action::AwaitUrl { url, status } => format!("wait until {url} answers {status}"),
        Action::StopPool { name } => format!("stop pool {name}"),
        Action::StartPool { name } => format!("start pool {name}"),
        Action::RemoveHandlers { site, folder } => format!("remove the FastCGI handlers of site {site} for {folder}"),
        Action::SetFlagLine { path, line, set: true } => format!("set {line} in {path}"),
        Action::SetFlagLine { path, line, set: false } => format!("comment out {line} in {path}"),
        Action::SetConfigValue { path, key, .. } => format!("set {key} in {path}"),
        Action::CopyTree { from, to } | Action::CopyStore { from, to } => format!("copy {from} to {to}"),
        Action::ExportRegistryKey { key, .. } => format!("export {key}"),
        Action::ExportIis { to } => format!("export the IIS configuration to {to}"),
        Action::RestoreTree { from, to, .. } => format!("bring {to} back from {from}"),
        Action::ImportRegistryKey { key, .. } => format!("bring {key} back"),
        Action::ImportIis { from, .. } => format!("bring the IIS configuration back from {from}"),
        Action::WriteListing { from, .. } => format!("list {from}"),
        Action::RecordFile { path } => format!("record {path}"),
        Action::CheckFile { file } => format!("check {}", file.path),
        Action::RunInstaller { program, .. } | Action::RunConsole { program, .. } => {
            format!("run {program}")
        }
    }
}

/// How the result of a simple action is recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// By the answer to one probe: see [`standing_by_answer`].
    Probe(Probe),
    /// By comparing files: the agent does that where the files are.
    Files,
}

/// The question that tells whether an action is done.
#[must_use]
pub fn question_of(action: &Action) -> Question {
    match action {
        Action::SetServiceStart { name, .. } | Action::StopService { name } | Action::StartService { name } => {
            Question::Probe(Probe::Service { name: name.clone() })
        }
        Action::AwaitProcessesGone { folder } => Question::Probe(Probe::Processes { folder: folder.clone() }),
        Action::AwaitUrl { url, .. } => Question::Probe(Probe::Url { url: url.clone() }),
        Action::RecordFile { path } => Question::Probe(Probe::FileHash { path: path.clone() }),
        Action::CheckFile { file } => Question::Probe(Probe::FileHash { path: file.path.clone() }),
        Action::StopPool { name } | Action::StartPool { name } => Question::Probe(Probe::Pool { name: name.clone() }),
        Action::RemoveHandlers { site, folder } => {
            Question::Probe(Probe::FastCgiHandlers { site: site.clone(), folder: folder.clone() })
        }
        Action::SetFlagLine { path, line, .. } => {
            Question::Probe(Probe::FlagLine { path: path.clone(), line: line.clone() })
        }
        Action::SetConfigValue { path, key, .. } => {
            Question::Probe(Probe::ConfigValue { path: path.clone(), key: key.clone() })
        }
        Action::FetchMedia { .. }
        | Action::CopyTree { .. }
        | Action::CopyStore { .. }
        | Action::ExportRegistryKey { .. }
        | Action::ExportIis { .. }
        | Action::RestoreTree { .. }
        | Action::ImportRegistryKey { .. }
        | Action::ImportIis { .. }
        | Action::WriteListing { .. }
        | Action::RunInstaller { .. }
        | Action::RunConsole { .. } => Question::Files,
    }
}

/// How far an action is by the answer to its [`Question::Probe`].
#[must_use]
pub fn standing_by_answer(action: &Action, answer: &Answer) -> ActionStanding {
    let verdict = match action {
        Action::SetServiceStart { start, .. } => match answer {
            Answer::Unreadable { reason } => Verdict::Unknown(reason.clone()),
            Answer::Service { start: seen, .. } if seen == start => Verdict::Holds(describe(answer)),
            other => Verdict::Fails(describe(other)),
        },
        Action::StopService { .. } | Action::StopPool { .. } => {
            judge(&Expected::State { is: RunState::Stopped }, Some(answer))
        }
        Action::StartService { .. } | Action::StartPool { .. } => {
            judge(&Expected::State { is: RunState::Running }, Some(answer))
        }
        Action::AwaitProcessesGone { .. } => judge(&Expected::NoneRunning {}, Some(answer)),
        Action::AwaitUrl { status, .. } => judge(&Expected::Status { is: *status }, Some(answer)),
        Action::RemoveHandlers { .. } => judge(&Expected::NoneMapped {}, Some(answer)),
        Action::SetFlagLine { set, .. } => judge(&Expected::Flag { set: *set }, Some(answer)),
        Action::SetConfigValue { value, .. } => judge(&Expected::Text { is: value.clone() }, Some(answer)),
        Action::RecordFile { path } => return recorded(path, answer),
        Action::CheckFile { file } => return checked(file, answer),
        Action::FetchMedia { .. }
        | Action::CopyTree { .. }
        | Action::CopyStore { .. }
        | Action::ExportRegistryKey { .. }
        | Action::ExportIis { .. }
        | Action::RestoreTree { .. }
        | Action::ImportRegistryKey { .. }
        | Action::ImportIis { .. }
        | Action::WriteListing { .. }
        | Action::RunInstaller { .. }
        | Action::RunConsole { .. } => Verdict::Unknown("no probe answers for this action".to_owned()),
    };
    match verdict {
        Verdict::Holds(_) => ActionStanding::Done(Vec::new()),
        Verdict::Fails(seen) => ActionStanding::NotDone(seen),
        Verdict::Unknown(reason) => ActionStanding::Unknown(reason),
    }
}

fn recorded(path: &str, answer: &Answer) -> ActionStanding {
    match answer {
        Answer::File { size_bytes, sha256 } => {
            let file = FileRecord { path: path.to_owned(), size_bytes: *size_bytes, sha256: sha256.clone() };
            ActionStanding::Done(vec![file])
        }
        Answer::Unreadable { reason } => ActionStanding::Unknown(reason.clone()),
        other => ActionStanding::NotDone(describe(other)),
    }
}

fn checked(file: &FileRecord, answer: &Answer) -> ActionStanding {
    match answer {
        Answer::File { size_bytes, sha256 } if *size_bytes == file.size_bytes && *sha256 == file.sha256 => {
            ActionStanding::Done(Vec::new())
        }
        Answer::File { size_bytes, sha256 } => ActionStanding::NotDone(format!(
            "it has {size_bytes} bytes and sha256 {sha256}; recorded were {} bytes and sha256 {}",
            file.size_bytes, file.sha256
        )),
        Answer::Unreadable { reason } => ActionStanding::Unknown(reason.clone()),
        other => ActionStanding::NotDone(describe(other)),
    }
}
