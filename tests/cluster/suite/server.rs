//! The real API server, asked from a thread of its own: whoever asks stands still meanwhile, and so does simulated time.
//! `prepared`: what it is given before a test, and what is taken away again.

mod prepared;

use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use prepared::NAMESPACES;
pub(crate) use prepared::documents;

/// A watch that has not shown by then what was written will not show it.
const PATIENCE: Duration = Duration::from_secs(10);

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) body: Value,
}

/// Whoever holds this has the cluster for himself.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The API server of `KUBECONFIG`.
pub(crate) struct Server {
    /// Gone while the server is dropped.
    runtime: Option<Runtime>,
    client: Client,
    /// Brings no identity of its own.
    nobody: Client,
}

/// Lines of an open watch.
pub(crate) struct Watch {
    lines: Arc<(Mutex<Vec<Value>>, Condvar)>,
    task: JoinHandle<()>,
}

impl Server {
    /// Connects, and leaves nothing of earlier stories. Panics without a cluster: this suite is about one.
    pub(crate) fn empty() -> Self {
        assert!(
            std::env::var_os("CRM_TEST_CLUSTER").is_some(),
            "this suite empties the namespaces {NAMESPACES:?} of the cluster that KUBECONFIG names: start it with tests/cluster/run"
        );
        let server = Self::connected(async { kube::Config::infer().await.expect("KUBECONFIG names no cluster") });
        server.clear();
        server
    }

    /// Connects to the server of this kubeconfig, which is nobody else's.
    pub(crate) fn of(kubeconfig: &Path) -> Self {
        let read = kube::config::Kubeconfig::read_from(kubeconfig).unwrap();
        Self::connected(async move { kube::Config::from_custom_kubeconfig(read, &Default::default()).await.unwrap() })
    }

    fn connected(config: impl Future<Output = kube::Config>) -> Self {
        // A build of the whole workspace has two providers of cryptography; chosen already, that choice stands.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let entered = runtime.enter();
        let config = runtime.block_on(config);
        let mut bare = config.clone();
        bare.auth_info = kube::config::AuthInfo::default();
        let client = Client::try_from(config).unwrap();
        let nobody = Client::try_from(bare).unwrap();
        drop(entered);
        Self { runtime: Some(runtime), client, nobody }
    }

    /// Sends a request as somebody who may do everything.
    pub(crate) fn ask(&self, request: http::Request<Vec<u8>>) -> Answer {
        self.send(&self.client, request)
    }

    fn send(&self, client: &Client, request: http::Request<Vec<u8>>) -> Answer {
        let client = client.clone();
        self.elsewhere(async move {
            let response = client.send(request.map(Body::from)).await.unwrap();
            let code = response.status().as_u16();
            let bytes = response.into_body().collect().await.unwrap().to_bytes();
            Answer { code, body: body(&bytes) }
        })
    }

    /// A client of somebody who may do everything, for the other thread.
    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    /// Does something on the other thread while this one stands still. This one may be a runtime's own.
    pub(crate) fn elsewhere<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        let (sender, receiver) = std::sync::mpsc::channel();
        self.runtime().spawn(async move {
            let _ = sender.send(work.await);
        });
        receiver.recv().expect("the work on the other thread panicked")
    }

    fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("it is there until the server is dropped")
    }

    /// Opens a watch, or says with which code it was refused.
    pub(crate) fn watch(&self, request: http::Request<Vec<u8>>) -> Result<Watch, u16> {
        let client = self.client.clone();
        let response = self.elsewhere(async move { client.send(request.map(Body::from)).await }).unwrap();
        if !response.status().is_success() {
            return Err(response.status().as_u16());
        }
        let lines = Arc::new((Mutex::new(Vec::new()), Condvar::new()));
        let task = self.runtime().spawn(read_lines(response.into_body(), Arc::clone(&lines)));
        Ok(Watch { lines, task })
    }

    /// Sends a request that may find nobody there.
    pub(crate) fn answer(&self, request: http::Request<Vec<u8>>) -> io::Result<(u16, Bytes)> {
        let client = self.client.clone();
        self.elsewhere(async move {
            let response = client.send(request.map(Body::from)).await.map_err(io::Error::other)?;
            let code = response.status().as_u16();
            Ok((code, response.into_body().collect().await.map_err(io::Error::other)?.to_bytes()))
        })
    }

    /// The same, for an answer that goes on.
    pub(crate) fn open(&self, request: http::Request<Vec<u8>>) -> io::Result<(u16, Body)> {
        let client = self.client.clone();
        self.elsewhere(async move {
            let response = client.send(request.map(Body::from)).await.map_err(io::Error::other)?;
            Ok((response.status().as_u16(), response.into_body()))
        })
    }

    /// An answer that ends, after all.
    pub(crate) fn whole(&self, body: Body) -> io::Result<Bytes> {
        self.elsewhere(async move { Ok(body.collect().await.map_err(io::Error::other)?.to_bytes()) })
    }

    /// Has something done on the other thread.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        drop(self.runtime().spawn(work));
    }

    /// Asks until the answer has this code: caches of the server follow a write after a moment.
    pub(crate) fn until(&self, code: u16, ask: impl Fn() -> Answer) -> Answer {
        self.until_with(code, ask)
    }

    /// The same, of a question that is another one each time.
    pub(crate) fn until_with(&self, code: u16, mut ask: impl FnMut() -> Answer) -> Answer {
        for _ in 0..300 {
            let answer = ask();
            if answer.code == code {
                return answer;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("never answered with {code}: {:?}", ask());
    }

    /// Asks, and panics at any other code.
    pub(crate) fn expect(&self, codes: std::ops::RangeInclusive<u16>, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.plain(method, path, body.clone());
        assert!(codes.contains(&answer.code), "{method} {path}: {answer:?}");
        answer.body
    }

    /// Applies an object of whatever kind, as an administrator.
    pub(crate) fn apply(&self, object: &Value) {
        let text = |place: &Value| place.as_str().unwrap_or_default().to_owned();
        let (version, kind) = (text(&object["apiVersion"]), text(&object["kind"]));
        let root = if version.contains('/') { format!("/apis/{version}") } else { format!("/api/{version}") };
        let namespace = object["metadata"]["namespace"].as_str();
        let of_namespace = ["ServiceAccount", "Role", "RoleBinding", "Lease"].contains(&kind.as_str());
        let place = if of_namespace { format!("/namespaces/{}", namespace.unwrap_or("crm")) } else { String::new() };
        let plural = match kind.strip_suffix('y') {
            Some(stem) => format!("{stem}ies"),
            None => format!("{kind}s"),
        };
        let path = format!(
            "{root}{place}/{}/{}?fieldManager=suite&force=true",
            plural.to_lowercase(),
            text(&object["metadata"]["name"])
        );
        let request =
            http::Request::builder().method("PATCH").uri(&path).header("content-type", "application/apply-patch+yaml");
        let answer = self.ask(request.body(object.to_string().into_bytes()).unwrap());
        assert!(answer.code < 300, "{path}: {answer:?}");
    }

    /// Who the API server takes the suite for.
    pub(crate) fn whoami(&self) -> String {
        let body = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
        let answer = self.expect(201..=201, "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", &body);
        answer["status"]["userInfo"]["username"].as_str().unwrap().to_owned()
    }

    /// The token of a person who may do everything with our kinds in `crm`, and nothing else.
    pub(crate) fn person(&self, name: &str) -> String {
        let metadata = json!({"name": name, "namespace": "crm"});
        self.apply(&json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}));
        self.apply(&json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata,
            "rules": [{"apiGroups": [crm_api::GROUP], "resources": ["*"], "verbs": ["get", "list", "watch", "create", "patch", "delete"]}],
        }));
        self.apply(&json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": "crm"}],
        }));
        self.token("crm", name, &json!({}))
    }

    /// A token of a ServiceAccount, with this in the request's spec.
    pub(crate) fn token(&self, namespace: &str, account: &str, spec: &Value) -> String {
        let mut spec = spec.clone();
        spec["expirationSeconds"] = json!(600);
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token");
        let answer = self.expect(201..=201, "POST", &path, &json!({"spec": spec}));
        answer["status"]["token"].as_str().unwrap().to_owned()
    }

    /// A token that was good once and is not any more: what it was bound to is gone.
    pub(crate) fn ended_token(&self, account: &str) -> String {
        let secrets = "/api/v1/namespaces/crm/secrets";
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "bound-to"}});
        let made = self.expect(201..=201, "POST", secrets, &secret);
        let bound = json!({"kind": "Secret", "apiVersion": "v1", "name": "bound-to", "uid": made["metadata"]["uid"]});
        let token = self.token("crm", account, &json!({"boundObjectRef": bound}));
        self.expect(200..=200, "DELETE", &format!("{secrets}/bound-to"), &Value::Null);
        self.until(401, || self.as_bearer(&token, "GET", "/version", &Value::Null));
        token
    }

    /// Asks as whoever has this token; without one, as nobody.
    pub(crate) fn as_bearer(&self, token: &str, method: &str, path: &str, body: &Value) -> Answer {
        let content = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        let request = http::Request::builder().method(method).uri(path).header(http::header::CONTENT_TYPE, content);
        let request =
            if token.is_empty() { request } else { request.header("authorization", format!("Bearer {token}")) };
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        self.send(&self.nobody, request.body(body).unwrap())
    }

    /// Applies as whoever has this token.
    pub(crate) fn apply_as_bearer(&self, token: &str, path: &str, body: &Value) -> Answer {
        let request = http::Request::builder().method("PATCH").uri(path);
        let request = request.header(http::header::CONTENT_TYPE, "application/apply-patch+yaml");
        let request =
            if token.is_empty() { request } else { request.header("authorization", format!("Bearer {token}")) };
        self.send(&self.nobody, request.body(body.to_string().into_bytes()).unwrap())
    }

    pub(crate) fn plain(&self, method: &str, path: &str, body: Value) -> Answer {
        let content = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        let request = http::Request::builder().method(method).uri(path).header(http::header::CONTENT_TYPE, content);
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        self.ask(request.body(body).unwrap())
    }
}

/// What an answer says; where it is no JSON, its text.
pub(crate) fn body(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(bytes).into_owned()))
}

async fn read_lines(body: Body, lines: Arc<(Mutex<Vec<Value>>, Condvar)>) {
    let mut frames = body.into_data_stream();
    let mut rest = Vec::new();
    while let Some(Ok(bytes)) = frames.next().await {
        rest.extend_from_slice(&bytes);
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            let Ok(line) = serde_json::from_slice::<Value>(&line) else { continue };
            // The server sends bookmarks when it likes.
            if line["type"] != "BOOKMARK" {
                lines.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
                lines.1.notify_all();
            }
        }
    }
}

impl Watch {
    /// Waits until there are so many lines, but not for ever, and gives what there is.
    pub(crate) fn lines(&self, count: usize) -> Vec<Value> {
        let (lines, told) = &*self.lines;
        let lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        let (lines, _) = told
            .wait_timeout_while(lines, PATIENCE, |lines| lines.len() < count)
            .unwrap_or_else(PoisonError::into_inner);
        lines.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be dropped where nothing may be waited for.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}
