//! Whether one fact is what it is expected to be. Controller and agent judge by this function, so that both mean the
//! same by *done*.

use crm_api::evidence::Expected;
use crm_api::probe::{Answer, Probe, RunState};

use crate::version_text::is_number_of;

/// A judgement, with the fact in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As expected.
    Holds(String),
    /// Otherwise.
    Fails(String),
    /// Cannot be told.
    Unknown(String),
}

impl Verdict {
    /// Whether it is as expected.
    #[must_use]
    pub fn holds(&self) -> bool {
        matches!(self, Self::Holds(_))
    }

    /// The fact in words.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Holds(text) | Self::Fails(text) | Self::Unknown(text) => text,
        }
    }

    /// The same judgement in other words.
    #[must_use]
    pub fn saying(self, words: String) -> Self {
        match self {
            Self::Holds(_) => Self::Holds(words),
            Self::Fails(_) => Self::Fails(words),
            Self::Unknown(_) => Self::Unknown(words),
        }
    }

    fn of(holds: bool, text: String) -> Self {
        if holds { Self::Holds(text) } else { Self::Fails(text) }
    }
}

/// Judges an agent's answer. `None` is a question that was never answered.
#[must_use]
pub fn judge(expected: &Expected, answer: Option<&Answer>) -> Verdict {
    let Some(answer) = answer else {
        return Verdict::Unknown("not answered".to_owned());
    };
    if let Answer::Unreadable { reason } = answer {
        return Verdict::Unknown(format!("unreadable: {reason}"));
    }
    let seen = describe(answer);
    match expected {
        Expected::Present {} => Verdict::of(!is_nothing(answer), seen),
        Expected::Absent {} => Verdict::of(is_nothing(answer), seen),
        Expected::Text { is } => Verdict::of(text_of(answer) == Some(is.as_str()), seen),
        Expected::Version { is } => Verdict::of(text_of(answer).is_some_and(|shown| is_number_of(is, shown)), seen),
        Expected::State { is } => Verdict::of(state_of(answer) == Some(*is), seen),
        Expected::Flag { set } => Verdict::of(flag_of(answer) == Some(*set), seen),
        Expected::NoneRunning {} => {
            Verdict::of(matches!(answer, Answer::Processes { running } if running.is_empty()), seen)
        }
        Expected::AllMapped {} => Verdict::of(
            matches!(answer, Answer::Handlers { programs, missing, without_options, .. }
                if *programs > 0 && missing.is_empty() && without_options.is_empty()),
            seen,
        ),
        Expected::NoneMapped {} => Verdict::of(matches!(answer, Answer::Handlers { mapped: 0, .. }), seen),
        Expected::AllFiled { .. } => {
            Verdict::of(matches!(answer, Answer::Numbered { loose: 0, misplaced: 0, .. }), seen)
        }
        Expected::Status { is } => Verdict::of(matches!(answer, Answer::Url { status } if status == is), seen),
        Expected::Sha256 { is } => Verdict::of(matches!(answer, Answer::File { sha256, .. } if sha256 == is), seen),
        Expected::OnlyName { is } => {
            Verdict::of(matches!(answer, Answer::Names { names } if names.len() == 1 && names[0] == *is), seen)
        }
        Expected::LaterThanStart { .. } | Expected::EarlierThanStart { .. } => {
            Verdict::Unknown("only a database fact is compared with a time".to_owned())
        }
        Expected::SameAsAtStart {} => Verdict::Unknown("the answer alone does not tell since when it is so".to_owned()),
    }
}

/// Judges a database fact; `start_of` gives the start of a step, for expectations that compare with it.
#[must_use]
pub fn judge_database(
    expected: &Expected,
    value: Option<&str>,
    start_of: impl Fn(&str) -> Option<jiff::Timestamp>,
) -> Verdict {
    let seen = value.unwrap_or("nothing").to_owned();
    match expected {
        Expected::Present {} => Verdict::of(value.is_some(), seen),
        Expected::Absent {} => Verdict::of(value.is_none(), seen),
        Expected::Text { is } => Verdict::of(value == Some(is.as_str()), seen),
        Expected::Version { is } => Verdict::of(value.is_some_and(|shown| is_number_of(is, shown)), seen),
        Expected::LaterThanStart { step } | Expected::EarlierThanStart { step } => {
            let later = matches!(expected, Expected::LaterThanStart { .. });
            match (value.and_then(|value| value.parse::<jiff::Timestamp>().ok()), start_of(step)) {
                (Some(seen_at), Some(start)) => Verdict::of((seen_at >= start) == later, seen),
                (None, _) | (_, None) => Verdict::Unknown(seen),
            }
        }
        Expected::State { .. }
        | Expected::Flag { .. }
        | Expected::NoneRunning {}
        | Expected::AllMapped {}
        | Expected::NoneMapped {}
        | Expected::AllFiled { .. }
        | Expected::SameAsAtStart {}
        | Expected::Status { .. }
        | Expected::Sha256 { .. }
        | Expected::OnlyName { .. } => Verdict::Unknown("not a question to a database".to_owned()),
    }
}

/// Whether nothing is there: a list without a name is nothing as well.
fn is_nothing(answer: &Answer) -> bool {
    matches!(answer, Answer::Absent {}) || matches!(answer, Answer::Names { names } if names.is_empty())
}

fn text_of(answer: &Answer) -> Option<&str> {
    match answer {
        Answer::Program { version, .. } | Answer::Version { version } => Some(version),
        Answer::Value { value } => Some(value),
        _ => None,
    }
}

fn state_of(answer: &Answer) -> Option<RunState> {
    match answer {
        Answer::Service { state, .. } | Answer::Pool { state } => Some(*state),
        _ => None,
    }
}

fn flag_of(answer: &Answer) -> Option<bool> {
    match answer {
        Answer::Flag { set } => Some(*set),
        _ => None,
    }
}

/// A fact as a person would say it: what was looked at, and what was seen there.
#[must_use]
pub fn say(probe: &Probe, answer: Option<&Answer>) -> String {
    let seen = answer.map_or_else(|| "not answered".to_owned(), describe);
    match probe {
        Probe::Machine {} => format!("the machine: {seen}"),
        Probe::Program { name } => format!("{name} {seen} in installed programs"),
        Probe::FileVersion { path } | Probe::FileHash { path } => format!("{} {seen}", file_name(path)),
        Probe::IniValue { path, key, .. } => format!("{key} {seen} in {}", file_name(path)),
        Probe::ConfigValue { path, key } => format!("{key} {seen} in {}", file_name(path)),
        Probe::FlagLine { path, line } => format!("`{line}` {seen} in {}", file_name(path)),
        Probe::XmlValue { path, key, .. } => format!("{key} {seen} in {}", file_name(path)),
        Probe::SecretDigest { path, key, .. } => format!("digest of {key} {seen} in {}", file_name(path)),
        Probe::Word { path, word } => format!("{word} {seen} in {}", file_name(path)),
        Probe::RegistrySubkeys { key } => format!("{key}: {seen}"),
        Probe::Service { name } => format!("service {name} {seen}"),
        Probe::Processes { folder } => format!("{seen} from {folder}"),
        Probe::Pool { name } => format!("pool {name} {seen}"),
        Probe::SitesServing { folder } => format!("IIS sites that serve {folder}: {seen}"),
        Probe::FastCgiHandlers { .. } => format!("FastCGI handlers: {seen}"),
        Probe::Url { url } => format!("{url}: {seen}"),
        Probe::JsonValue { url, key } => format!("{key} {seen} at {url}"),
        Probe::MailRelay { host, .. } => format!("mail server {host}: {seen}"),
        Probe::HostAddresses { name } => format!("{name} resolves to {seen}"),
        Probe::DataSource { name } => format!("data source {name}: {seen}"),
        Probe::DiskFree { path } | Probe::FolderSize { path } => format!("{path}: {seen}"),
        Probe::NumberedFiles { path, .. } => format!("files in {path}: {seen}"),
        Probe::Folders { path, prefix } => format!(r"{path}\{prefix}*: {seen}"),
        Probe::ChangedFiles { path, .. } => format!("changed in {path}: {seen}"),
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit(['\\', '/']).next().unwrap_or(path)
}

/// An answer in a few words.
#[must_use]
pub fn describe(answer: &Answer) -> String {
    match answer {
        Answer::Absent {} => "absent".to_owned(),
        Answer::Unreadable { reason } => format!("unreadable: {reason}"),
        Answer::Machine(machine) => machine.windows.clone(),
        Answer::Program { version, .. } | Answer::Version { version } => version.clone(),
        Answer::File { size_bytes, sha256 } => {
            format!("{size_bytes} bytes, sha256 {}", sha256.chars().take(12).collect::<String>())
        }
        Answer::Value { value } => value.clone(),
        Answer::Digest { sha256 } => sha256.chars().take(12).collect(),
        Answer::Flag { set: true } => "set".to_owned(),
        Answer::Flag { set: false } => "not set".to_owned(),
        Answer::Subkeys { subkeys } => subkeys.keys().cloned().collect::<Vec<_>>().join(", "),
        Answer::Service { state, start } => format!("{} (start type {start:?})", state_word(*state)),
        Answer::Processes { running } if running.is_empty() => "no program runs".to_owned(),
        Answer::Processes { running } => format!("running: {}", running.join(", ")),
        Answer::Pool { state } => state_word(*state).to_owned(),
        Answer::Names { names } if names.is_empty() => "none".to_owned(),
        Answer::Names { names } => names.join(", "),
        Answer::Handlers { programs, mapped: 0, .. } => format!("none of {programs} mapped"),
        Answer::Handlers { programs, missing, without_options, .. } => {
            match (missing.as_slice(), without_options.as_slice()) {
                ([], []) => format!("{programs} of {programs} mapped"),
                ([], without) => format!("of {programs} without the verb OPTIONS: {}", without.join(", ")),
                (missing, []) => format!("of {programs} not mapped: {}", missing.join(", ")),
                (missing, without) => format!(
                    "of {programs} not mapped: {}; without the verb OPTIONS: {}",
                    missing.join(", "),
                    without.join(", ")
                ),
            }
        }
        Answer::Numbered { files, loose, misplaced } => {
            format!("{files}, of which {loose} in no sub-folder and {misplaced} in a wrong one")
        }
        Answer::Relay { accepted: true, .. } => "relays".to_owned(),
        Answer::Relay { accepted: false, reply } => format!("does not relay: {reply}"),
        Answer::DataSource { server, database } => format!("{database} on {server}"),
        Answer::Url { status: 0 } => "no connection".to_owned(),
        Answer::Url { status } => format!("HTTP {status}"),
        Answer::DiskFree { free_bytes } => format!("{} MiB free", free_bytes / (1024 * 1024)),
        Answer::Size { files, size_bytes } => format!("{files} files, {} MiB", size_bytes / (1024 * 1024)),
    }
}

fn state_word(state: RunState) -> &'static str {
    match state {
        RunState::Running => "running",
        RunState::Stopped => "stopped",
    }
}
