//! Programs that this agent starts. They outlive it: they print into a file and not into a pipe of ours, and no signal for
//! the agent reaches them. Only their input is a pipe, which the agent's end closes.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::{machine, said};
use crate::host::{HostError, ProcessId, ProcessState};

/// Of what a program has printed, the last part that is looked at.
const OUTPUT_BYTES_MAX: u64 = 1024 * 1024;
/// What programs printed is kept for so long, for people.
const OUTPUT_KEPT: Duration = Duration::from_secs(90 * 24 * 3600);

/// The programs that this agent has started.
pub(super) struct Processes {
    consoles: PathBuf,
    started: Mutex<BTreeMap<u32, Started>>,
}

struct Started {
    id: ProcessId,
    child: Child,
    input: Option<ChildStdin>,
}

impl Processes {
    /// None yet; what they print goes into files of this folder.
    pub(super) fn new(consoles: &Path) -> Self {
        Self { consoles: consoles.to_owned(), started: Mutex::default() }
    }

    fn started(&self) -> MutexGuard<'_, BTreeMap<u32, Started>> {
        self.started.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a program in its own folder.
    pub(super) fn start(&self, program: &Path, arguments: &[String]) -> Result<ProcessId, HostError> {
        let boot_id = machine::boot_id()?;
        if !program.is_file() {
            return Err(HostError::NotFound(program.display().to_string()));
        }
        fs::create_dir_all(&self.consoles).map_err(|error| said(&self.consoles, &error))?;
        self.forget_old_output();
        let begun = self.consoles.join("starting.txt");
        let output = File::create(&begun).map_err(|error| said(&begun, &error))?;
        let errors = output.try_clone().map_err(|error| said(&begun, &error))?;
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(output).stderr(errors);
        if let Some(folder) = program.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            command.current_dir(folder);
        }
        detach(&mut command);
        let mut child = command.spawn().map_err(|error| said(program, &error))?;
        let pid = child.id();
        let started_at = begun_at(pid).unwrap_or_else(Timestamp::now);
        let id = ProcessId { pid, started_at, boot_id };
        if let Err(error) = fs::rename(&begun, self.console(&id)) {
            tracing::warn!(%error, pid, "what this program prints cannot be kept by its name");
        }
        let input = child.stdin.take();
        self.started().insert(pid, Started { id: id.clone(), child, input });
        Ok(id)
    }

    /// What a process is at.
    pub(super) fn state(&self, id: &ProcessId) -> Result<ProcessState, HostError> {
        if machine::boot_id()? != id.boot_id {
            return Ok(ProcessState::Gone);
        }
        let mut started = self.started();
        if let Some(mine) = started.get_mut(&id.pid).filter(|mine| mine.id == *id) {
            let ended =
                mine.child.try_wait().map_err(|error| HostError::Refused(format!("process {}: {error}", id.pid)))?;
            let output = self.output(id);
            return Ok(match ended {
                None => ProcessState::Running { output },
                Some(status) => ProcessState::Ended { exit_code: status.code(), output },
            });
        }
        drop(started);
        Ok(if is_alive(id) { ProcessState::Running { output: self.output(id) } } else { ProcessState::Gone })
    }

    /// Types a line.
    pub(super) fn type_line(&self, id: &ProcessId, line: &str) -> Result<(), HostError> {
        let mut started = self.started();
        let mine = started.get_mut(&id.pid).filter(|mine| mine.id == *id);
        let input = mine.and_then(|mine| mine.input.as_mut()).ok_or_else(|| no_console(id))?;
        let end = if cfg!(windows) { "\r\n" } else { "\n" };
        let typed = input.write_all(format!("{line}{end}").as_bytes()).and_then(|()| input.flush());
        typed.map_err(|error| HostError::Refused(format!("the console of process {}: {error}", id.pid)))
    }

    /// Ends the input.
    pub(super) fn close(&self, id: &ProcessId) -> Result<(), HostError> {
        let mut started = self.started();
        let mine = started.get_mut(&id.pid).filter(|mine| mine.id == *id);
        mine.and_then(|mine| mine.input.take()).map(drop).ok_or_else(|| no_console(id))
    }

    fn console(&self, id: &ProcessId) -> PathBuf {
        self.consoles.join(format!("{}-{}.txt", id.started_at.as_second(), id.pid))
    }

    fn output(&self, id: &ProcessId) -> String {
        let mut text = Vec::new();
        let read = File::open(self.console(id)).and_then(|mut file| {
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(OUTPUT_BYTES_MAX)))?;
            file.take(OUTPUT_BYTES_MAX).read_to_end(&mut text)
        });
        if let Err(error) = read {
            tracing::debug!(%error, pid = id.pid, "nothing is known of what this program printed");
        }
        match crate::text::encoding::decode(&text) {
            Ok((text, _)) => text,
            Err(_) => String::from_utf8_lossy(&text).into_owned(),
        }
    }

    /// What cannot be taken away is tried again at the next start.
    fn forget_old_output(&self) {
        for entry in fs::read_dir(&self.consoles).into_iter().flatten().flatten() {
            let modified = entry.metadata().and_then(|known| known.modified());
            if modified.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > OUTPUT_KEPT)) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

fn no_console(id: &ProcessId) -> HostError {
    HostError::NotFound(format!("a console of process {}", id.pid))
}

/// Ctrl-C and the end of a terminal are for the agent, not for what it has started.
#[cfg(unix)]
fn detach(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;
    command.process_group(0);
}

/// Ctrl-C and the end of a console are for the agent, not for what it has started; and no window opens.
#[cfg(windows)]
fn detach(command: &mut Command) {
    use std::os::windows::process::CommandExt as _;
    const CREATE_NEW_PROCESS_GROUP: u32 = 0x0000_0200;
    const CREATE_NO_WINDOW: u32 = 0x0800_0000;
    command.creation_flags(CREATE_NEW_PROCESS_GROUP | CREATE_NO_WINDOW);
}

/// Whether a process of an earlier agent still runs: same number, and begun at the same time.
fn is_alive(id: &ProcessId) -> bool {
    !is_over(id.pid)
        && begun_at(id.pid).is_some_and(|begun| begun.duration_since(id.started_at).abs() <= BEGUN_PRECISION)
}

/// The kernel counts from the boot, whose time is adjusted with the clock.
const BEGUN_PRECISION: jiff::SignedDuration = jiff::SignedDuration::from_secs(2);

/// When a process was begun; none where there is no such process.
#[cfg(target_os = "linux")]
fn begun_at(pid: u32) -> Option<Timestamp> {
    /// `USER_HZ`, in which the kernel tells it on every architecture that we build for.
    const TICKS_PER_SECOND: i64 = 100;
    let ticks: i64 = fields(pid)?.get(19)?.parse().ok()?;
    let kernel = fs::read_to_string("/proc/stat").ok()?;
    let boot: i64 = kernel.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    let begun = Timestamp::from_second(boot.saturating_add(ticks / TICKS_PER_SECOND)).ok()?;
    begun.checked_add(jiff::SignedDuration::from_millis(ticks % TICKS_PER_SECOND * 10)).ok()
}

/// Whether a process is over and only waits for its parent to notice.
#[cfg(target_os = "linux")]
fn is_over(pid: u32) -> bool {
    fields(pid).is_none_or(|fields| fields.first().is_some_and(|state| state == "Z"))
}

/// What the kernel tells of a process, from its state on: the name before it, in brackets, may hold anything.
#[cfg(target_os = "linux")]
fn fields(pid: u32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(stat.rsplit_once(')')?.1.split_whitespace().map(str::to_owned).collect())
}

/// Whether a process is over: not told by what every system offers.
#[cfg(not(target_os = "linux"))]
fn is_over(_: u32) -> bool {
    true
}

/// When a process was begun: not told by what every system offers.
#[cfg(not(target_os = "linux"))]
fn begun_at(_: u32) -> Option<Timestamp> {
    None
}

/// Programs that run from a folder or below.
#[cfg(target_os = "linux")]
pub(super) fn below(folder: &Path) -> Result<Vec<String>, HostError> {
    let folder = fs::canonicalize(folder).map_err(|error| said(folder, &error))?;
    let proc = Path::new("/proc");
    let mut running = Vec::new();
    for entry in fs::read_dir(proc).map_err(|error| said(proc, &error))?.flatten() {
        if entry.file_name().to_string_lossy().bytes().all(|sign| sign.is_ascii_digit())
            && let Ok(program) = fs::read_link(entry.path().join("exe"))
            && program.starts_with(&folder)
        {
            running.push(program.display().to_string());
        }
    }
    running.sort();
    Ok(running)
}

/// Programs that run from a folder or below.
#[cfg(not(target_os = "linux"))]
pub(super) fn below(_: &Path) -> Result<Vec<String>, HostError> {
    super::foreign("which programs run")
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::{Processes, below};
    use crate::host::{HostError, ProcessId, ProcessState};
    use std::path::Path;
    use std::time::Duration;

    /// Starts a shell with this text and one argument.
    fn shell(processes: &Processes, text: &str) -> ProcessId {
        let arguments = ["-c", text, "setup", "sure"].map(str::to_owned);
        processes.start(Path::new("/bin/sh"), &arguments).unwrap()
    }

    /// Looks again and again until a state is as wanted. The limit is only for a test that fails.
    fn until(processes: &Processes, id: &ProcessId, wanted: impl Fn(&ProcessState) -> bool) -> ProcessState {
        let mut state = processes.state(id).unwrap();
        for _ in 0..1000 {
            if wanted(&state) {
                return state;
            }
            std::thread::sleep(Duration::from_millis(20));
            state = processes.state(id).unwrap();
        }
        panic!("it stays {state:?}");
    }

    #[test]
    fn a_program_prints_reads_and_ends_with_a_code() {
        let folder = tempfile::tempdir().unwrap();
        let processes = Processes::new(&folder.path().join("consoles"));
        // It stands in the folder of its program.
        let id = shell(&processes, "test -e ./sh && echo \"$1?\"; read answer; echo \"got $answer\"; exit 7");
        let asks = |state: &ProcessState| matches!(state, ProcessState::Running { output } if output == "sure?\n");
        until(&processes, &id, asks);
        processes.type_line(&id, "yes").unwrap();
        let ended = until(&processes, &id, |state| matches!(state, ProcessState::Ended { .. }));
        let ProcessState::Ended { exit_code, output } = ended else { panic!("{ended:?}") };
        assert_eq!(exit_code, Some(7));
        assert!(output.ends_with("got yes\n"), "{output}");
    }

    #[test]
    fn a_program_outlives_its_agent_and_is_found_again_by_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let consoles = folder.path().join("consoles");
        let first = Processes::new(&consoles);
        let id = shell(&first, "echo begun; read none; exec sleep 600");
        until(&first, &id, |state| matches!(state, ProcessState::Running { output } if output == "begun\n"));
        drop(first);
        let second = Processes::new(&consoles);
        assert_eq!(second.state(&id), Ok(ProcessState::Running { output: "begun\n".to_owned() }));
        assert!(matches!(second.type_line(&id, "x"), Err(HostError::NotFound(_))), "its console went with the first");
        let other_boot = ProcessId { boot_id: "another".to_owned(), ..id.clone() };
        assert_eq!(second.state(&other_boot), Ok(ProcessState::Gone));
        let another = ProcessId { started_at: jiff::Timestamp::UNIX_EPOCH, ..id.clone() };
        assert_eq!(second.state(&another), Ok(ProcessState::Gone), "the same number, another process");
        let killed = std::process::Command::new("kill").arg(id.pid.to_string()).status().unwrap();
        assert!(killed.success());
        until(&second, &id, |state| *state == ProcessState::Gone);
    }

    #[test]
    fn the_end_of_its_input_reaches_a_program_when_its_console_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let processes = Processes::new(&folder.path().join("consoles"));
        let id = shell(&processes, "cat; exit 3");
        processes.close(&id).unwrap();
        assert!(matches!(processes.close(&id), Err(HostError::NotFound(_))));
        let ended = until(&processes, &id, |state| matches!(state, ProcessState::Ended { .. }));
        assert_eq!(ended, ProcessState::Ended { exit_code: Some(3), output: String::new() });
    }

    #[test]
    fn a_program_that_is_not_there_is_not_found() {
        let folder = tempfile::tempdir().unwrap();
        let processes = Processes::new(&folder.path().join("consoles"));
        let missing = processes.start(&folder.path().join("none.exe"), &[]);
        assert!(matches!(missing, Err(HostError::NotFound(_))), "{missing:?}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn programs_are_found_by_the_folder_that_they_run_from() {
        let own = std::env::current_exe().unwrap();
        let running = below(own.parent().unwrap()).unwrap();
        assert!(running.contains(&own.display().to_string()), "{running:?}");
        assert!(matches!(below(Path::new("/nowhere")), Err(HostError::NotFound(_))));
    }
}
