//! The order language: what a controller can ask an agent to do. The list is closed; an agent refuses what it does not
//! know. Every action states its *probe-before-repeat rule*: how the agent finds out, before it starts the action and
//! again after it was interrupted, whether the action is absent, done, partial or unknown.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Time;
use crate::evidence::LocalExpectation;
use crate::probe::StartType;

/// Version of this language. An agent refuses orders of a higher one.
pub const FORMAT: i32 = 1;

/// One thing that an agent can do to its machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Action {
    /// Copies a package to this machine, checks its sha256 and unpacks it.
    ///
    /// Done = the copy has the sha256 and the mark of a finished unpacking lies beside it. Safe to repeat.
    FetchMedia {
        /// UNC path of the package.
        #[schemars(length(max = 1024))]
        from: String,
        /// Folder for the copy and what comes out of it.
        #[schemars(length(max = 1024))]
        to: String,
        /// sha256 of the package, lower-case hexadecimal.
        #[schemars(length(max = 64))]
        sha256: String,
    },
    /// Changes what starts a service. Done = it has that start type. Safe to repeat.
    SetServiceStart {
        /// Service name.
        #[schemars(length(max = 256))]
        name: String,
        /// The start type.
        start: StartType,
    },
    /// Stops a service. Done = stopped. Safe to repeat.
    StopService {
        /// Service name.
        #[schemars(length(max = 256))]
        name: String,
    },
    /// Starts a service. Done = running. Safe to repeat.
    StartService {
        /// Service name.
        #[schemars(length(max = 256))]
        name: String,
    },
    /// Waits until no program runs from a folder any more; ends none. Done = none runs.
    AwaitProcessesGone {
        /// Absolute Windows path.
        #[schemars(length(max = 1024))]
        folder: String,
    },
    /// Waits until a GET request from this machine is answered with a status; changes nothing. Done = it is.
    AwaitUrl {
        /// `http://` or `https://`.
        #[schemars(length(max = 1024))]
        url: String,
        /// The status.
        status: i32,
    },
    /// Stops an IIS application pool. Done = stopped. Safe to repeat.
    StopPool {
        /// Name in IIS manager.
        #[schemars(length(max = 256))]
        name: String,
    },
    /// Starts an IIS application pool. Done = running. Safe to repeat.
    StartPool {
        /// Name in IIS manager.
        #[schemars(length(max = 256))]
        name: String,
    },
    /// Takes away the FastCGI handlers that an IIS site has for the programs in a folder, and their FastCGI applications;
    /// every other handler stays. Done = no program in the folder has one. Safe to repeat.
    RemoveHandlers {
        /// Name in IIS manager.
        #[schemars(length(max = 256))]
        site: String,
        /// Absolute Windows path of the folder that the site serves.
        #[schemars(length(max = 1024))]
        folder: String,
    },
    /// Puts a bare word on a line of its own into a configuration file, or comments it out; all other lines stay as
    /// they are. Done = the line is so. Safe to repeat.
    SetFlagLine {
        /// Absolute Windows path.
        #[schemars(length(max = 1024))]
        path: String,
        /// The bare word.
        #[schemars(length(max = 128))]
        line: String,
        /// Whether it shall stand there.
        set: bool,
    },
    /// Gives a key of a configuration file of `key = value` lines a value; all other lines stay as they are. A key that does
    /// not stand there yet gets a line at the end. Done = the key has that value. Safe to repeat.
    SetConfigValue {
        /// Absolute Windows path.
        #[schemars(length(max = 1024))]
        path: String,
        /// Key, exact.
        #[schemars(length(max = 128))]
        key: String,
        /// The value. Never a secret.
        #[schemars(length(max = 1024))]
        value: String,
    },
    /// Copies a folder tree with a list of every file and its sha256. Done = list and files agree. Safe to repeat: a
    /// half copy is written over.
    CopyTree {
        /// Absolute Windows path.
        #[schemars(length(max = 1024))]
        from: String,
        /// Folder that receives the tree.
        #[schemars(length(max = 1024))]
        to: String,
    },
    /// Copies a folder in which people go on working, with a list of every file and its sha256: whatever lay there when the
    /// copying began and was not deleted meanwhile is in the copy. What is added later may be missing.
    ///
    /// Done = list and copy agree. Safe to repeat: a half copy is written over.
    CopyStore {
        /// Absolute Windows path or UNC path.
        #[schemars(length(max = 1024))]
        from: String,
        /// Folder that receives the files.
        #[schemars(length(max = 1024))]
        to: String,
    },
    /// Exports a registry key to a file. Done = the file is there. Safe to repeat.
    ExportRegistryKey {
        /// Full path, from the hive on.
        #[schemars(length(max = 512))]
        key: String,
        /// File that receives the export.
        #[schemars(length(max = 1024))]
        to: String,
    },
    /// Exports the IIS configuration to a folder. Done = the export is there. Safe to repeat.
    ExportIis {
        /// Folder that receives the export.
        #[schemars(length(max = 1024))]
        to: String,
    },
    /// Brings a folder tree back as its list in a backup set names it. Files that the list does not name are moved into
    /// another folder, never deleted. Ends the order if the copy in the set is not what its list says.
    ///
    /// Done = the tree is exactly the one of the list. Safe to repeat: what was moved stays moved, the rest is compared.
    RestoreTree {
        /// Folder in the set, with its list beside it.
        #[schemars(length(max = 1024))]
        from: String,
        /// Absolute Windows path of the tree.
        #[schemars(length(max = 1024))]
        to: String,
        /// Folder that receives what the set does not know.
        #[schemars(length(max = 1024))]
        aside: String,
    },
    /// Makes a registry key exactly what an export of it holds; what it was is exported first.
    ///
    /// Done = an export taken now would hold the same. Safe to repeat: the first export of what it was is kept.
    ImportRegistryKey {
        /// Full path, from the hive on.
        #[schemars(length(max = 512))]
        key: String,
        /// The export.
        #[schemars(length(max = 1024))]
        from: String,
        /// File that receives what it was.
        #[schemars(length(max = 1024))]
        aside: String,
    },
    /// Makes the IIS configuration exactly what an export of it holds; what it was is exported first.
    ///
    /// Done = an export taken now would hold the same. Safe to repeat: the first export of what it was is kept.
    ImportIis {
        /// Folder of the export.
        #[schemars(length(max = 1024))]
        from: String,
        /// Folder that receives what it was.
        #[schemars(length(max = 1024))]
        aside: String,
    },
    /// Writes a list of every file (path, size, time) below a folder: proof for archives too large to copy. Done = the
    /// list is there. Safe to repeat.
    WriteListing {
        /// Folder to list.
        #[schemars(length(max = 1024))]
        from: String,
        /// File that receives the list.
        #[schemars(length(max = 1024))]
        to: String,
    },
    /// Reports size and sha256 of a file that something else wrote (a database backup). Changes nothing.
    RecordFile {
        /// Absolute Windows path or UNC path.
        #[schemars(length(max = 1024))]
        path: String,
    },
    /// Reads a file again and ends the order if it is not what it was. Changes nothing, so it counts as absent.
    CheckFile {
        /// The file as it was recorded.
        file: FileRecord,
    },
    /// Runs an installer and waits for its end.
    ///
    /// Never repeated blindly: if it still runs (same pid, start time and boot), the agent waits on; if it is gone, the
    /// order's `doneWhen` and `absentWhen` decide. Only absent may start it. Its exit code is reported, not believed.
    RunInstaller {
        /// Absolute path of the program, out of fetched media.
        #[schemars(length(max = 1024))]
        program: String,
        /// Arguments, one by one.
        #[schemars(length(max = 64), inner(length(max = 1024)))]
        arguments: Vec<String>,
    },
    /// Runs a console program, answers the questions it asks, and waits for its end.
    ///
    /// A question that no answer matches ends the attempt. A program that its vendor calls safe to run again
    /// (`repeatable`) may also be started from partial.
    RunConsole {
        /// Absolute path of the program.
        #[schemars(length(max = 1024))]
        program: String,
        /// Arguments, one by one.
        #[schemars(length(max = 64), inner(length(max = 1024)))]
        arguments: Vec<String>,
        /// Answers, found by the text of the question and not by its position.
        #[schemars(length(max = 32))]
        answers: Vec<PromptAnswer>,
        /// Texts in the output that mean failure, whatever follows them.
        #[schemars(length(max = 32), inner(length(max = 256)))]
        failure_texts: Vec<String>,
        /// Whether the vendor calls a second run harmless.
        repeatable: bool,
    },
}

/// The answer to one question of a console program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PromptAnswer {
    /// Text that the question contains, compared without regard to case.
    #[schemars(length(max = 256))]
    pub question: String,
    /// What to type.
    #[schemars(length(max = 256))]
    pub answer: String,
}

/// A step as handed to one node's agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// Change and step, and `undo` where it takes the step back; stays the same over attempts.
    #[schemars(length(max = 256))]
    pub id: String,
    /// 1 for the first try. A higher one is a new try that a decision or the retry rule has allowed.
    pub attempt: i32,
    /// Version of the order language.
    pub format: i32,
    /// Hash of the plan that this step belongs to.
    #[schemars(length(max = 64))]
    pub plan_hash: String,
    /// Epoch of the controller that gives the order. Agents refuse a lower one than they have seen.
    pub epoch: i64,
    /// An agent that has not started by then does not start.
    pub start_before: Time,
    /// After so many seconds a running action is reported as overdue; it is not killed.
    pub time_limit_seconds: i32,
    /// What to do, in this order.
    #[schemars(length(max = 64))]
    pub actions: Vec<Action>,
    /// Whether a person has looked and allowed this attempt: then what earlier attempts began does not forbid it.
    #[serde(default)]
    pub granted: bool,
    /// Whether the controller has changed its mind. An agent that has not begun it refuses it; one that has begins no further
    /// action and reports how it ends. It stays in the list until its node has reported on it: so nobody has to guess
    /// whether it was begun.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withdrawn: bool,
    /// Whether `doneWhen` says all that the step is judged by. Only then an order that finds it true may be called done
    /// without having run; where other machines or the database have a say, only a run counts.
    #[serde(default)]
    pub may_skip: bool,
    /// If all of these hold after its actions, the order is done.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub done_when: Vec<LocalExpectation>,
    /// If all of these hold, nothing of the order has had an effect, and it may be started.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub absent_when: Vec<LocalExpectation>,
}

/// How far an agent is with an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OrderPhase {
    /// Journalled; an action is running or about to run.
    Running,
    /// Running for longer than its time limit.
    Overdue,
    /// Over; `outcome` says how.
    Ended,
    /// Not begun, and will not be: epoch, format or expiry forbid it.
    Refused,
}

/// What became of an order, judged by probes. A post-condition over facts of other nodes or of the database is not for
/// the agent to judge: it says *done*, never *verified*.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Outcome {
    /// Everything expected on this machine is there.
    Done,
    /// Nothing of it is there; it may be tried again.
    Absent,
    /// Some of it is there. A person, or a step that the vendor calls repeatable, has to go on.
    Partial,
    /// The machine does not let itself be judged.
    Unknown,
}

/// What an agent reports of one order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderResult {
    /// [`Order::id`].
    #[schemars(length(max = 256))]
    pub id: String,
    /// [`Order::attempt`] that this is the result of.
    pub attempt: i32,
    /// [`Order::epoch`] under which it was begun.
    pub epoch: i64,
    /// How far it is.
    pub phase: OrderPhase,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Why, for a person.
    #[serde(default)]
    #[schemars(length(max = 1024))]
    pub message: String,
    /// Exit code of the last program, where one ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// When it was begun.
    pub started_at: Time,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Time>,
    /// Files that it left (copies, exports, logs) with their hashes.
    #[serde(default)]
    #[schemars(length(max = 32))]
    pub files: Vec<FileRecord>,
}

/// A file that an order left behind: the record keeps path and hash, never the content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileRecord {
    /// Absolute Windows path or UNC path.
    #[schemars(length(max = 1024))]
    pub path: String,
    /// Size in bytes.
    pub size_bytes: i64,
    /// Lower-case hexadecimal.
    #[schemars(length(max = 64))]
    pub sha256: String,
}
