//! A control plane of a test's own: one that may be stopped, killed, started again and set back to an earlier state.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::server::Server;

/// How long connections may take to notice that their server is gone.
const NOTICED_WITHIN: Duration = Duration::from_millis(300);

/// API server, etcd and controllers in one process; its state lies in a folder that is removed at the end.
pub(crate) struct ControlPlane {
    program: PathBuf,
    dir: PathBuf,
    process: Option<Child>,
}

impl ControlPlane {
    /// Starts one, where the suite is told with which program; where it is not, nothing of it is checked, which is said.
    pub(crate) fn of_our_own(what: &str) -> Option<Self> {
        let Some(program) = std::env::var_os("CRM_TEST_CONTROL_PLANE") else {
            println!("{what}: NOT CHECKED, since an existing cluster is not ours to stop");
            return None;
        };
        let dir = std::env::temp_dir().join(format!("crm-survive-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).unwrap();
        let mut plane = Self { program: program.into(), dir, process: None };
        plane.start();
        Some(plane)
    }

    /// The server, with our definitions.
    pub(crate) fn server(&self) -> Server {
        let server = Server::of(&self.dir.join("kubeconfig"));
        server.with_definitions();
        server.clear();
        server
    }

    /// Starts it and waits until it is ready. What it had stored it still has, under the same address.
    pub(crate) fn start(&mut self) {
        let begun = Instant::now();
        let log = std::fs::File::options().create(true).append(true).open(self.dir.join("log")).unwrap();
        let mut command = Command::new(&self.program);
        command.arg("--dir").arg(&self.dir).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let is_ready = lines.any(|line| line.is_ok_and(|line| line.starts_with("ready: ")));
        assert!(is_ready, "the control plane ended before it was ready:\n{}", tail(&self.dir.join("log")));
        // It says nothing more; read on all the same, so that it never waits for a reader.
        std::thread::spawn(move || lines.count());
        self.process = Some(process);
        println!("    control plane: ready after {:.1} s", begun.elapsed().as_secs_f64());
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) {
        let mut process = self.process.take().expect("it runs");
        process.kill().unwrap();
        process.wait().unwrap();
        std::thread::sleep(NOTICED_WITHIN);
    }

    /// Tells it to end, and waits until it has.
    pub(crate) fn stop(&mut self) {
        let mut process = self.process.take().expect("it runs");
        let told = Command::new("kill").arg(process.id().to_string()).status().unwrap();
        assert!(told.success());
        process.wait().unwrap();
        std::thread::sleep(NOTICED_WITHIN);
    }

    /// Keeps a copy of what etcd has stored by now. It must have ended in order.
    pub(crate) fn keep_etcd(&self) {
        self.copy("etcd", "etcd.old");
    }

    /// Puts that copy back.
    pub(crate) fn put_etcd_back(&self) {
        std::fs::remove_dir_all(self.dir.join("etcd")).unwrap();
        self.copy("etcd.old", "etcd");
    }

    fn copy(&self, from: &str, to: &str) {
        let done = Command::new("cp").arg("-a").arg(self.dir.join(from)).arg(self.dir.join(to)).status().unwrap();
        assert!(done.success());
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

impl Server {
    /// Installs our definitions and waits until they are served.
    pub(crate) fn with_definitions(&self) {
        for crd in crm_api::crds() {
            self.apply(&serde_json::to_value(crd).unwrap());
        }
        for crd in crm_api::crds() {
            let path = format!("/apis/{}/{}", crm_api::API_VERSION, crd.spec.names.plural);
            self.until(200, || self.plain("GET", &path, Value::Null));
        }
    }
}
