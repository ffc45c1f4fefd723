//! A SQL Server behind a socket: the operator is a process of its own, and the simulated databases live in another one. Each
//! connection is one of TCP, each statement one line there and one line back, both JSON.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex as Lock, PoisonError};

use crm_database::{Connect, Credentials, DatabaseError, Row, SqlServer, Statement, Target};
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;

/// The first line of a connection.
#[derive(Deserialize, Serialize)]
struct Login {
    server: String,
    database: String,
    username: String,
    password: String,
}

#[derive(Deserialize, Serialize)]
struct Question {
    name: String,
    text: String,
    parameters: Vec<String>,
    time_limit_seconds: u32,
}

#[derive(Deserialize, Serialize)]
enum Answer {
    Rows(Vec<Row>),
    Refused { number: i32, message: String },
    Lost(String),
}

impl Answer {
    fn of(result: Result<Vec<Row>, DatabaseError>) -> Self {
        match result {
            Ok(rows) => Self::Rows(rows),
            Err(DatabaseError::Refused { number, message }) => Self::Refused { number, message },
            Err(error @ (DatabaseError::Lost { .. } | DatabaseError::Unexpected { .. })) => {
                Self::Lost(error.to_string())
            }
        }
    }

    fn read(self, server: &str) -> Result<Vec<Row>, DatabaseError> {
        match self {
            Self::Rows(rows) => Ok(rows),
            Self::Refused { number, message } => Err(DatabaseError::Refused { number, message }),
            Self::Lost(message) => Err(DatabaseError::Lost { server: server.to_owned(), message }),
        }
    }
}

/// All SQL Servers of a fleet, behind one address.
pub struct BehindSocket(pub SocketAddr);

impl Connect for BehindSocket {
    fn connect(
        &self,
        target: Target,
        credentials: Credentials,
    ) -> BoxFuture<'_, Result<Arc<dyn SqlServer>, DatabaseError>> {
        Box::pin(async move {
            let Target { server, database } = target;
            let lost =
                |error: std::io::Error| DatabaseError::Lost { server: server.clone(), message: error.to_string() };
            let stream = TcpStream::connect(self.0).await.map_err(lost)?;
            let login = Login {
                server: server.clone(),
                database,
                username: credentials.username().to_owned(),
                password: credentials.password().to_owned(),
            };
            let connection = Connection { server: server.clone(), stream: Mutex::new(BufReader::new(stream)) };
            connection.ask(&login).await?;
            let connection: Arc<dyn SqlServer> = Arc::new(connection);
            Ok(connection)
        })
    }
}

struct Connection {
    server: String,
    stream: Mutex<BufReader<TcpStream>>,
}

impl Connection {
    async fn ask(&self, question: &(impl Serialize + Sync)) -> Result<Vec<Row>, DatabaseError> {
        let lost = |message: String| DatabaseError::Lost { server: self.server.clone(), message };
        let mut stream = self.stream.lock().await;
        say(stream.get_mut(), question).await.map_err(|error| lost(error.to_string()))?;
        let mut line = String::new();
        stream.read_line(&mut line).await.map_err(|error| lost(error.to_string()))?;
        let answer: Answer = serde_json::from_str(&line).map_err(|error| lost(error.to_string()))?;
        answer.read(&self.server)
    }
}

impl SqlServer for Connection {
    fn run(&self, statement: Statement) -> BoxFuture<'_, Result<Vec<Row>, DatabaseError>> {
        Box::pin(async move {
            let Statement { name, text, parameters, time_limit_seconds } = statement;
            self.ask(&Question { name: name.to_owned(), text, parameters, time_limit_seconds }).await
        })
    }
}

async fn say(stream: &mut TcpStream, what: &(impl Serialize + Sync)) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(what)?;
    line.push(b'\n');
    stream.write_all(&line).await
}

/// Answers for the SQL Servers of a fleet until it is dropped.
///
/// # Errors
/// When nobody can come in any more.
pub async fn serve(listener: TcpListener, servers: Arc<dyn Connect>) -> std::io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        let servers = Arc::clone(&servers);
        // Whoever asks may go away at any time: that ends the conversation, and nothing else.
        tokio::spawn(async move { converse(stream, &*servers).await });
    }
}

async fn converse(stream: TcpStream, servers: &dyn Connect) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let Login { server, database, username, password } = serde_json::from_str(&line)?;
    let opened = servers.connect(Target { server, database }, Credentials::new(username, password)).await;
    let sql = match opened {
        Ok(sql) => sql,
        Err(error) => return say(stream.get_mut(), &Answer::of(Err(error))).await,
    };
    say(stream.get_mut(), &Answer::Rows(Vec::new())).await?;
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let Question { name, text, parameters, time_limit_seconds } = serde_json::from_str(&line)?;
        let statement = Statement { name: known(name), text, parameters, time_limit_seconds };
        say(stream.get_mut(), &Answer::of(sql.run(statement).await)).await?;
    }
}

/// Names of statements are words of the operator's source: there are few, and each is kept for good.
fn known(name: String) -> &'static str {
    static NAMES: Lock<BTreeSet<&'static str>> = Lock::new(BTreeSet::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(name.as_str()) {
        return known;
    }
    let kept: &'static str = Box::leak(name.into_boxed_str());
    names.insert(kept);
    kept
}
