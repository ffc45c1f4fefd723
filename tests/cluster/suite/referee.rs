//! Asks the real API server whatever the model is asked, and writes down each answer that differs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crm_sandbox::cluster::{Answered, Asked, Referee};
use serde_json::Value;

use crate::identities::{Grants, acting_as};
use crate::names::Names;
use crate::server::{self, Server, Watch};

/// After so many differences the rest would only repeat them.
const DIFFERENCES_MAX: usize = 20;
/// What the real server sends beyond what the model has said must have come by then.
const GRACE: Duration = Duration::from_millis(100);
/// Answers that depend on who the caller is: the real server is asked by one who may do everything.
const ABOUT_THE_CALLER: &str = "/apis/authentication.k8s.io/";

/// The referee of one run.
pub(crate) struct SecondServer {
    server: Arc<Server>,
    /// Whether everybody asks with the rights and under the policies that a real installation has.
    confined: bool,
    grants: Grants,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    names: Names,
    watches: BTreeMap<u64, Watched>,
    exchanges: usize,
    lines: usize,
    /// What the model last answered to a read since the last write there, by collection and by what was asked.
    reads: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
    differences: Vec<String>,
}

struct Watched {
    title: String,
    real: Watch,
    model: Vec<Value>,
}

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Comparison {
    /// Requests that both have answered; in a story, a read that nothing was written to since is not asked again.
    pub(crate) exchanges: usize,
    /// Lines of watches that both have sent.
    pub(crate) lines: usize,
    pub(crate) differences: Vec<String>,
}

impl SecondServer {
    /// Everybody may do everything at this server, of which nothing is left from before.
    pub(crate) fn open(server: &Arc<Server>) -> Arc<Self> {
        server.clear_kinds();
        Arc::new(Self {
            server: Arc::clone(server),
            confined: false,
            grants: Grants::default(),
            state: Mutex::default(),
        })
    }

    /// The controller asks as its ServiceAccount, each agent as that of its node, with the rights of `charts/plain` and of an
    /// enrolled node; people may do everything that the policies let them.
    pub(crate) fn confined() -> Arc<Self> {
        let server = Server::empty();
        server.with_policies();
        Arc::new(Self { server: Arc::new(server), confined: true, grants: Grants::default(), state: Mutex::default() })
    }

    /// A watch from version 0 begins with what the server's cache has, however old. A list waits until the cache has caught
    /// up, so that the watch begins with what is stored.
    fn catch_up(&self, asked: &Asked) {
        if asked.parts.uri.query().unwrap_or_default().split('&').any(|pair| pair == "resourceVersion=0") {
            let list = http::Request::get(asked.parts.uri.path()).body(Vec::new());
            self.server.ask(list.expect("a path that the model has understood is one"));
        }
    }

    /// The real one.
    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Compares what is still open, and gives the result.
    pub(crate) fn end(&self) -> Comparison {
        let mut state = self.state();
        let open: Vec<Watched> = std::mem::take(&mut state.watches).into_values().collect();
        open.iter().for_each(|watched| state.close(watched));
        // In a trace everything that the model has to say was read, so the server may say no more either.
        if !self.confined && !open.is_empty() {
            std::thread::sleep(GRACE);
            open.iter().for_each(|watched| state.expect_no_more(watched));
        }
        Comparison {
            exchanges: state.exchanges,
            lines: state.lines,
            differences: std::mem::take(&mut state.differences),
        }
    }
}

impl State {
    fn differs(&mut self, title: &str, differences: impl IntoIterator<Item = String>) {
        let differences: Vec<String> = differences.into_iter().collect();
        if !differences.is_empty() && self.differences.len() < DIFFERENCES_MAX {
            self.differences.push(format!("{title}\n    {}", differences.join("\n    ")));
        }
    }

    fn close(&mut self, watched: &Watched) {
        let real = watched.real.lines(watched.model.len());
        self.lines += watched.model.len();
        for (index, model) in watched.model.iter().enumerate() {
            let title = format!("{}, line {}", watched.title, index + 1);
            let differences = match real.get(index) {
                Some(real) => self.names.compare(model, real),
                None => vec![format!("the model says {model:.200}, the server nothing")],
            };
            self.differs(&title, differences);
        }
    }

    fn expect_no_more(&mut self, watched: &Watched) {
        let real = watched.real.lines(0);
        if let Some(more) = real.get(watched.model.len()) {
            let title = format!("{}, after line {}", watched.title, watched.model.len());
            self.differs(&title, [format!("the model says nothing, the server {more:.200}")]);
        }
    }

    /// Whether this read has to be asked: a loop that reads all the time is told the same again and again.
    fn is_news(&mut self, asked: &Asked, body: &[u8]) -> bool {
        let reads = self.reads.entry(collection(asked.parts.uri.path())).or_default();
        let before = reads.insert(asked.parts.uri.to_string(), body.to_vec());
        before.is_none_or(|before| before != body)
    }

    /// After a write nothing that was read there counts any more; after a delete nothing at all, since it may take others along.
    fn forget_reads(&mut self, asked: &Asked) {
        if asked.parts.method == http::Method::DELETE {
            self.reads.clear();
        } else {
            self.reads.remove(&collection(asked.parts.uri.path()));
        }
    }
}

/// The plural in a path of the API, whatever the namespace.
fn collection(path: &str) -> String {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let of_group = if parts.first() == Some(&"api") { 2 } else { 3 };
    let of_namespace = if parts.get(of_group) == Some(&"namespaces") && parts.len() > of_group + 2 { 2 } else { 0 };
    parts.get(of_group + of_namespace).copied().unwrap_or_default().to_owned()
}

impl Referee for SecondServer {
    fn answered(&self, asked: &Asked, answer: Answered<'_>) {
        if asked.parts.uri.path().starts_with(ABOUT_THE_CALLER) {
            return;
        }
        let mut state = self.state();
        match answer {
            _ if asked.parts.method != http::Method::GET => state.forget_reads(asked),
            Answered::Whole(_, body) if self.confined && !state.is_news(asked, body) => return,
            Answered::Whole(..) | Answered::Watch(_) => {}
        }
        state.exchanges += 1;
        let title = title(asked);
        let mut request = for_real(asked, &state.names);
        if self.confined {
            self.grants.prepare(&self.server, &asked.parts.method, &asked.body);
            request.headers_mut().extend(acting_as(&asked.identity));
        }
        match answer {
            Answered::Whole(code, body) => {
                let real = self.server.ask(request);
                let model = server::body(body);
                if code != real.code {
                    let ours =
                        format!("the model answers {code}: {model:.300}; the server {}: {:.300}", real.code, real.body);
                    state.differs(&title, [ours]);
                    return;
                }
                let (mut model, mut real) = (model, real.body);
                if model["items"].is_array() {
                    state.names.learn_list(&model, &real);
                    for list in [&mut model, &mut real] {
                        list["metadata"]["resourceVersion"] = Value::Null;
                    }
                }
                let differences = state.names.compare(&model, &real);
                state.differs(&title, differences);
            }
            Answered::Watch(id) => {
                self.catch_up(asked);
                match self.server.watch(request) {
                    Ok(real) => {
                        state.watches.insert(id, Watched { title, real, model: Vec::new() });
                    }
                    Err(code) => {
                        state.differs(&title, [format!("the model opens the watch, the server answers {code}")]);
                    }
                }
            }
        }
    }

    fn told(&self, watch: u64, line: &[u8]) {
        let line: Value = serde_json::from_slice(line).unwrap_or_default();
        if line["type"] != "BOOKMARK"
            && let Some(watched) = self.state().watches.get_mut(&watch)
        {
            watched.model.push(line);
        }
    }

    fn closed(&self, watch: u64) {
        let mut state = self.state();
        if let Some(watched) = state.watches.remove(&watch) {
            state.close(&watched);
        }
    }
}

fn title(asked: &Asked) -> String {
    let body = String::from_utf8_lossy(&asked.body);
    format!("{} {} {body:.300}", asked.parts.method, asked.parts.uri)
}

/// The same request in the real server's names.
fn for_real(asked: &Asked, names: &Names) -> http::Request<Vec<u8>> {
    let path = asked.parts.uri.path();
    let uri = match asked.parts.uri.query() {
        Some(query) => format!("{path}?{}", names.query_for_real(query)),
        None => path.to_owned(),
    };
    let body = match serde_json::from_slice::<Value>(&asked.body) {
        Ok(mut body) => {
            names.body_for_real(&mut body);
            body.to_string().into_bytes()
        }
        Err(_) => asked.body.to_vec(),
    };
    let mut request = http::Request::builder().method(asked.parts.method.clone()).uri(uri);
    for name in [http::header::CONTENT_TYPE, http::header::ACCEPT, http::header::USER_AGENT] {
        if let Some(value) = asked.parts.headers.get(&name) {
            request = request.header(name, value);
        }
    }
    request.body(body).expect("a request that the model has understood is one")
}
