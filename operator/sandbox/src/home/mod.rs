//! The sandbox at home: a scenario that stays open, with its API on loopback for `kubectl`.
//!
//! - `listener`: HTTP over TLS on loopback, in a thread and runtime of its own with the time of this computer. It knows
//!   no object: it hands each request over.
//! - `desk`: takes requests on the side of the simulation, where the model answers them between two moments of its time.
//! - `credentials` and `kubeconfig`: who may come in, and the file by which clients find the way.
//! - `pace`: how fast the simulated time passes.
//!
//! What plays is what `run` plays: the same cluster, world, controller, agents and people. Only the edit of the site is
//! left to whoever comes in, and nothing is judged to be over.

mod credentials;
pub(crate) mod desk;
mod kubeconfig;
mod listener;
pub(crate) mod pace;

use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::oneshot;

pub use credentials::CredentialsError;
pub use pace::{Speed, SpeedError};

use crate::invariants::Violation;
use crate::run::{Options, RunError, Sandbox, stay};
use crate::story::StoryEvent;
use credentials::Credentials;
use kubeconfig::KubeconfigFile;

/// How the sandbox is opened.
#[derive(Clone, Debug, Default)]
pub struct Home {
    /// Seed, people and faults.
    pub options: Options,
    /// How fast its time passes.
    pub speed: Speed,
    /// The port on 127.0.0.1; none: a free one.
    pub port: Option<u16>,
    /// Where the kubeconfig is written; none: a new folder for temporary files.
    pub kubeconfig: Option<PathBuf>,
}

/// The sandbox is open.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Where the API is.
    pub server: String,
    /// How clients find it.
    pub kubeconfig: PathBuf,
    /// The contexts of that file; the first one is the current one.
    pub contexts: Vec<String>,
    /// Namespace of the site.
    pub namespace: String,
    /// The site.
    pub site: String,
    /// What the scenario would change in its spec.
    pub edit: serde_json::Value,
}

/// What is to be seen while the sandbox is open.
#[derive(Debug)]
pub enum Scene<'a> {
    /// It is open now.
    Open(&'a Opened),
    /// Something happened.
    Event(&'a StoryEvent),
    /// Time passed.
    Time(Timestamp),
    /// An invariant was broken. It goes on all the same: whoever came in may have broken it.
    Violated(&'a Violation),
}

/// Why it could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// The scenario cannot be played.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The port cannot be had.
    #[error("127.0.0.1:{port}: {source}; choose another one with --port, or leave it out for a free one")]
    Port {
        /// The port.
        port: u16,
        /// What the system says.
        source: io::Error,
    },
    /// The kubeconfig cannot be written.
    #[error("{}: {source}", .file.display())]
    Kubeconfig {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// No certificate or token can be made.
    #[error("the credentials of the API")]
    Credentials(#[from] CredentialsError),
}

impl Sandbox {
    /// Plays on at that speed without a listener on loopback, for those who come in by another API server ([`Sandbox::on`]),
    /// until the other end of `until` is gone.
    ///
    /// # Errors
    /// When it cannot begin.
    pub fn live(
        &self,
        options: &Options,
        speed: Speed,
        until: oneshot::Receiver<()>,
        on_scene: &mut dyn FnMut(Scene<'_>),
    ) -> Result<Option<Violation>, RunError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
        let (knocks, waiting) = unbounded_channel();
        runtime.spawn(async move {
            let _ = until.await;
            drop(knocks);
        });
        let seen = runtime.block_on(stay::stay(self, options, speed, waiting, on_scene));
        runtime.shutdown_background();
        seen
    }

    /// Opens it, and returns when this process is told to end (Ctrl-C): with the violation of an invariant, if there was
    /// one.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn start(&self, home: &Home, on_scene: &mut dyn FnMut(Scene<'_>)) -> Result<Option<Violation>, HomeError> {
        let file = self.file();
        let credentials = Credentials::make(users(file))?;
        let (knocks, waiting) = unbounded_channel();
        let port = home.port.unwrap_or_default();
        let listener = listener::open(port, &credentials, knocks).map_err(|source| HomeError::Port { port, source })?;
        let server = format!("https://{}", listener.address);
        let written = KubeconfigFile::write(home.kubeconfig.as_deref(), &server, file.namespace(), &credentials)?;
        on_scene(Scene::Open(&Opened {
            server,
            kubeconfig: written.path().to_owned(),
            contexts: credentials.users().map(kubeconfig::context_of).collect(),
            namespace: file.namespace().to_owned(),
            site: file.site_name().to_owned(),
            edit: file.scenario.spec.then.clone(),
        }));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .map_err(RunError::Runtime)?;
        let seen = runtime.block_on(stay::stay(self, &home.options, home.speed, waiting, on_scene));
        runtime.shutdown_background();
        Ok(seen?)
    }
}

/// Who has a context: the administrator, and everybody whom the scenario names.
fn users(file: &crate::file::ScenarioFile) -> Vec<String> {
    let people = &file.scenario.spec.people;
    let named = [&people.approver, &people.attendant, &people.recoverer, &people.finisher];
    let mut users = vec![crate::run::ADMINISTRATOR.to_owned()];
    for name in named.into_iter().flatten() {
        if !users.contains(name) {
            users.push(name.clone());
        }
    }
    users
}

fn unwritable(file: &Path, source: io::Error) -> HomeError {
    HomeError::Kubeconfig { file: file.to_owned(), source }
}
