//! The network as this machine sees it: names, pages, mail servers.

use std::net::IpAddr;
use std::time::Duration;

use crm_process::web::Web;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::host::HostError;
use crate::text::encoding::{TEXT_BYTES_MAX, decode};
use crate::text::smtp::is_positive;

/// One reply of a mail server takes no longer (RFC 5321 allows minutes; a probe does not).
const REPLY_LIMIT: Duration = Duration::from_secs(15);
/// No reply to an envelope is longer.
const REPLY_BYTES_MAX: u64 = 16 * 1024;

/// Status of a GET.
pub(super) async fn status(web: &Web, url: &str) -> Result<i32, HostError> {
    web.status(url).await.map(i32::from).map_err(HostError::Refused)
}

/// Body of a GET that asks for JSON.
pub(super) async fn text(web: &Web, url: &str) -> Result<String, HostError> {
    let (status, body) = web.body(url, "application/json", TEXT_BYTES_MAX).await.map_err(HostError::Refused)?;
    if status != 200 {
        return Err(HostError::Refused(format!("{url} answers with status {status}")));
    }
    decode(&body).map(|(text, _)| text).map_err(|error| HostError::Refused(format!("the answer of {url}: {error}")))
}

/// Addresses of a name. That there are none is said only where the system says so; a name server that does not answer is
/// another matter.
pub(super) async fn addresses(name: &str) -> Result<Vec<IpAddr>, HostError> {
    match tokio::net::lookup_host((name, 0)).await {
        Ok(found) => {
            let mut addresses: Vec<IpAddr> = found.map(|address| address.ip()).collect();
            addresses.sort();
            addresses.dedup();
            Ok(addresses)
        }
        Err(error) if is_unknown(&error) => Err(HostError::NotFound(format!("host {name}"))),
        Err(error) => Err(HostError::Refused(format!("host {name}: {error}"))),
    }
}

/// Windows has numbers for it (WSAHOST_NOT_FOUND, WSANO_DATA); other systems only the words of their resolver.
fn is_unknown(error: &std::io::Error) -> bool {
    const WINDOWS: [i32; 2] = [11001, 11004];
    const WORDS: [&str; 3] = ["name or service not known", "no address associated", "nodename nor servname"];
    let text = error.to_string().to_lowercase();
    error.raw_os_error().is_some_and(|number| WINDOWS.contains(&number)) || WORDS.iter().any(|word| text.contains(word))
}

/// Replies of a mail server: greeting, `EHLO`, and each command up to the first that is no yes.
pub(super) async fn mail_replies(host: &str, port: u16, commands: &[String]) -> Result<Vec<String>, HostError> {
    let refused = |error: std::io::Error| HostError::Refused(format!("{host}:{port}: {error}"));
    let stream = in_time(TcpStream::connect((host, port))).await.map_err(refused)?;
    let mut stream = BufReader::new(stream);
    let mut replies = vec![in_time(reply(&mut stream)).await.map_err(refused)?];
    let hello = format!("EHLO {}", crm_process::chance::machine_name());
    for command in std::iter::once(&hello).chain(commands) {
        if !replies.last().is_some_and(|reply| is_positive(reply)) {
            break;
        }
        stream.write_all(format!("{command}\r\n").as_bytes()).await.map_err(refused)?;
        replies.push(in_time(reply(&mut stream)).await.map_err(refused)?);
    }
    // A server that is gone by now has said all that was asked.
    let _ = stream.write_all(b"QUIT\r\n").await;
    Ok(replies)
}

async fn in_time<T>(answer: impl Future<Output = std::io::Result<T>>) -> std::io::Result<T> {
    tokio::time::timeout(REPLY_LIMIT, answer).await.unwrap_or_else(|_| {
        Err(std::io::Error::new(std::io::ErrorKind::TimedOut, format!("no answer within {} s", REPLY_LIMIT.as_secs())))
    })
}

/// One reply: lines of which all but the last have a `-` behind the code.
async fn reply(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut text = Vec::new();
    let mut limited = stream.take(REPLY_BYTES_MAX);
    loop {
        let begin = text.len();
        if limited.read_until(b'\n', &mut text).await? == 0 {
            return Err(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "it broke off"));
        }
        if text.get(begin + 3) != Some(&b'-') {
            return Ok(String::from_utf8_lossy(&text).trim_end().to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{addresses, mail_replies, text};
    use crate::host::HostError;
    use crate::text::smtp;
    use crm_process::web::Web;
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    use tokio::net::TcpListener;

    /// A mail server that relays for nobody; gives what was said to it.
    async fn mail_server(relays: bool) -> (u16, tokio::task::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            stream.write_all(b"220 mail\r\n").await.unwrap();
            let mut heard = Vec::new();
            let mut line = String::new();
            while stream.read_line(&mut line).await.unwrap() > 0 {
                let answer: &[u8] = match line.get(..4) {
                    Some("EHLO") => b"250-mail\r\n250-SIZE 1\r\n250 8BITMIME\r\n",
                    Some("RCPT") if !relays => b"550 5.7.1 no\r\n",
                    _ => b"250 ok\r\n",
                };
                heard.push(std::mem::take(&mut line).trim_end().to_owned());
                stream.write_all(answer).await.unwrap();
            }
            heard
        });
        (port, heard)
    }

    #[tokio::test]
    async fn a_mail_server_is_asked_and_left_without_a_mail() {
        let commands = smtp::envelope("a@b.example", "c@d.example").unwrap();
        let (port, heard) = mail_server(true).await;
        let replies = mail_replies("127.0.0.1", port, &commands).await.unwrap();
        assert!(smtp::verdict(&replies, commands.len()).0, "{replies:?}");
        let heard = heard.await.unwrap();
        assert!(heard[0].starts_with("EHLO ") && heard.last().unwrap() == "QUIT", "{heard:?}");
        assert!(!heard.iter().any(|line| line.starts_with("DATA")));
    }

    #[tokio::test]
    async fn the_first_no_is_the_last_word() {
        let commands = smtp::envelope("a@b.example", "c@d.example").unwrap();
        let (port, _) = mail_server(false).await;
        let replies = mail_replies("127.0.0.1", port, &commands).await.unwrap();
        assert_eq!(smtp::verdict(&replies, commands.len()), (false, "550 5.7.1 no".to_owned()));
        assert!(matches!(mail_replies("127.0.0.1", 1, &commands).await, Err(HostError::Refused(_))));
    }

    #[tokio::test]
    async fn this_machine_has_an_address() {
        let found = addresses("localhost").await.unwrap();
        assert!(found.iter().any(std::net::IpAddr::is_loopback), "{found:?}");
    }

    #[tokio::test]
    async fn a_page_that_says_no_is_no_text() {
        crm_process::start::choose_cryptography();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/api", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            for answer in
                ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"]
            {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut line = String::new();
                BufReader::new(&mut stream).read_line(&mut line).await.unwrap();
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        let web = Web::default();
        assert_eq!(text(&web, &url).await, Ok("{}".to_owned()));
        assert!(matches!(text(&web, &url).await, Err(HostError::Refused(why)) if why.contains("404")));
        server.await.unwrap();
    }
}
