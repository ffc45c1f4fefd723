//! Processes: starting and ending them, and what they cost by the kernel's own count.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdout, Command};

/// Clock ticks in a second, as Linux shows them in `/proc` on every machine.
const TICKS: f64 = 100.0;
const KIBIBYTES: u64 = 1024;

/// A process by its number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process {
    pid: u32,
}

impl Process {
    pub(crate) fn of(pid: u32) -> Self {
        Self { pid }
    }

    /// Memory that it has in RAM, in bytes.
    ///
    /// # Errors
    /// When it has ended.
    pub(crate) fn memory(self) -> anyhow::Result<u64> {
        self.status("VmRSS:")
    }

    /// The most that it ever had.
    ///
    /// # Errors
    /// When it has ended.
    pub(crate) fn memory_peak(self) -> anyhow::Result<u64> {
        self.status("VmHWM:")
    }

    fn status(self, field: &str) -> anyhow::Result<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).context("a process has ended")?;
        let line = text.lines().find_map(|line| line.strip_prefix(field)).context("a process has ended")?;
        let number = line.split_whitespace().next().context("no number")?;
        Ok(number.parse::<u64>()? * KIBIBYTES)
    }

    /// Time that processors have worked for it, in seconds.
    ///
    /// # Errors
    /// When it has ended.
    pub(crate) fn processor_seconds(self) -> anyhow::Result<f64> {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).context("a process has ended")?;
        // Behind the name, which may hold anything: user and system time are the 12th and 13th from there.
        let fields = text.rsplit_once(')').context("no name")?.1.split_whitespace();
        let ticks: Vec<f64> = fields.skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
        Ok(ticks.iter().sum::<f64>() / TICKS)
    }

    fn lives(self) -> bool {
        Path::new(&format!("/proc/{}", self.pid)).exists()
    }
}

/// A program of ours that ends with this.
pub(crate) struct Running {
    child: Child,
    out: Lines<BufReader<ChildStdout>>,
    pub(crate) process: Process,
}

impl Running {
    /// Starts a program that lies beside this one. Its log goes to a file.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start(program: &str, arguments: &[&str], log: &Path) -> anyhow::Result<Self> {
        let path = std::env::current_exe()?.with_file_name(program);
        let mut child = Command::new(&path)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(log)?)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{}", path.display()))?;
        let process = Process::of(child.id().context("it has ended at once")?);
        let out = BufReader::new(child.stdout.take().context("no output")?).lines();
        Ok(Self { child, out, process })
    }

    /// Waits for a line of its output that begins so, and gives the rest of it.
    ///
    /// # Errors
    /// When it ends before.
    pub(crate) async fn says(&mut self, beginning: &str) -> anyhow::Result<String> {
        while let Some(line) = self.out.next_line().await? {
            if let Some(rest) = line.strip_prefix(beginning) {
                return Ok(rest.trim().to_owned());
            }
        }
        bail!("a program has ended before it said {beginning:?}; see its log")
    }

    /// Ends it as Kubernetes would.
    pub(crate) async fn end(mut self) {
        end(&self.process).await;
        let _ = self.child.wait().await;
    }
}

/// Has a process end, and waits until it has.
pub(crate) async fn end(process: &Process) {
    let pid = process.pid.to_string();
    let _ = Command::new("kill").arg(&pid).stderr(Stdio::null()).status().await;
    for _ in 0..300 {
        // A child that has ended stays there until its parent has looked: whoever started it does.
        if !process.lives() || is_zombie(process.pid) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let _ = Command::new("kill").args(["-9", &pid]).stderr(Stdio::null()).status().await;
}

fn is_zombie(pid: u32) -> bool {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    text.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('Z'))
}

/// A number of a program's `/metrics`; labels as they are written there.
///
/// # Errors
/// When it does not answer.
pub(crate) async fn metric(address: &str, name: &str) -> anyhow::Result<f64> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    found.with_context(|| format!("no metric {name}"))?.trim().parse().context("no number")
}

/// An address on loopback that nobody listens on.
///
/// # Errors
/// When there is none.
pub(crate) fn free_address() -> anyhow::Result<String> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.to_string())
}

/// The machine, in a line.
pub(crate) fn machine() -> String {
    let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
    let value = |text: String, field: &str| {
        let line = text.lines().find(|line| line.starts_with(field)).and_then(|line| line.split_once(':'));
        line.map_or_else(|| "unknown".to_owned(), |(_, value)| value.trim().to_owned())
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kibibytes = value(read("/proc/meminfo"), "MemTotal").trim_end_matches(" kB").parse().unwrap_or(0_u64);
    let kernel = read("/proc/sys/kernel/osrelease");
    format!(
        "{cores} cores, {} GiB, {}, Linux {}",
        kibibytes / KIBIBYTES / KIBIBYTES,
        value(read("/proc/cpuinfo"), "model name"),
        kernel.trim()
    )
}

/// How many processes wait for a core, on average of the last minute.
pub(crate) fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("unknown").to_owned()
}
