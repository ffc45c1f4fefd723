//! What was begun and what was finished, on disk. Every change is written whole and flushed before anything is done that
//! rests on it; what this agent knows is never ahead of what the next one will read.

use std::sync::Arc;

use crm_plan::carry_out::{Memory, Note};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::host::{Host, HostError, ProcessId};

/// Version of the journal's form. A higher one was written by a newer agent and is left alone.
const VERSION: u32 = 1;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    version: u32,
    /// The machine that wrote it: a copied disk carries the journal of another one.
    #[serde(default)]
    machine: Option<String>,
    memory: Memory,
    /// The program in hand, where it was started by an agent that lived to write this down.
    process: Option<ProcessId>,
}

/// The agent's journal.
pub(crate) struct Journal {
    host: Arc<dyn Host>,
    machine: String,
    content: Content,
}

/// Why there is no journal to go by.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JournalError {
    /// The machine does not let it be read now.
    #[error("the journal cannot be read: {0}")]
    Unreadable(#[source] HostError),
    /// It is there, but not a journal. Only a person can say what was begun.
    #[error("the journal is damaged, so nobody knows what was begun: {0}")]
    Damaged(String),
}

impl Journal {
    /// Reads the journal; there is none before the first order.
    pub(crate) async fn open(host: Arc<dyn Host>, machine: &str) -> Result<Self, JournalError> {
        let text = host.read_journal().await.map_err(JournalError::Unreadable)?;
        let content = match text {
            None => Content { version: VERSION, ..Content::default() },
            Some(text) => read(&text)?,
        };
        Ok(Self { host, machine: machine.to_owned(), content })
    }

    /// The machine that wrote it.
    pub(crate) fn written_by(&self) -> Option<&str> {
        self.content.machine.as_deref()
    }

    /// What it says.
    pub(crate) fn memory(&self) -> &Memory {
        &self.content.memory
    }

    /// The program in hand, where its process id is known.
    pub(crate) fn process(&self) -> Option<&ProcessId> {
        self.content.process.as_ref()
    }

    /// Writes notes down. Nothing is noted if that fails.
    pub(crate) async fn note(&mut self, notes: Vec<Note>, now: Timestamp) -> Result<(), HostError> {
        let mut content = self.content.clone();
        for note in notes {
            if ends_process(&note) {
                content.process = None;
            }
            content.memory.take(note, now);
        }
        self.write(content).await
    }

    /// Writes down that the program in hand was started.
    pub(crate) async fn note_started(&mut self, process: ProcessId, now: Timestamp) -> Result<(), HostError> {
        let mut content = self.content.clone();
        content.memory.take(Note::Started, now);
        content.process = Some(process);
        self.write(content).await
    }

    async fn write(&mut self, content: Content) -> Result<(), HostError> {
        let content = Content { machine: Some(self.machine.clone()), ..content };
        let text = serde_json::to_string_pretty(&content).map_err(|error| HostError::Refused(error.to_string()))?;
        self.host.write_journal(text).await?;
        self.content = content;
        Ok(())
    }
}

fn read(text: &str) -> Result<Content, JournalError> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    let damaged = |error: serde_json::Error| JournalError::Damaged(error.to_string());
    let Versioned { version } = serde_json::from_str(text).map_err(damaged)?;
    if version > VERSION {
        return Err(JournalError::Damaged(format!("its version is {version}, this agent knows {VERSION}")));
    }
    serde_json::from_str(text).map_err(damaged)
}

/// Whether the process id on record is history after this note.
fn ends_process(note: &Note) -> bool {
    match note {
        Note::Begun { .. }
        | Note::Recovered { .. }
        | Note::Reached { .. }
        | Note::Starting
        | Note::NotStarted
        | Note::Over { .. }
        | Note::Ended { .. } => true,
        Note::Epoch(_)
        | Note::Refused { .. }
        | Note::Started
        | Note::Seen
        | Note::Answering { .. }
        | Note::Failure(_)
        | Note::Question(_) => false,
    }
}
