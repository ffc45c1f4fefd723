//! The way to the webhook of a site: one port, one body per call. What stands behind it (a wire, the sandbox) is not known
//! here.

use std::fmt;

use futures::future::BoxFuture;

/// The address of a webhook. It may carry a token, so it lives in memory only and prints nothing of itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(String);

impl Address {
    /// An address that begins with `https://` and names a host; none where the text is no such address.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let uri: http::Uri = text.parse().ok()?;
        let is_one = uri.scheme_str() == Some("https") && uri.host().is_some_and(|host| !host.is_empty());
        is_one.then(|| Self(text.to_owned()))
    }

    /// The whole address, for the wire only.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.0
    }

    /// What somebody else says of this address, without it: its path and its query may hold a token.
    #[must_use]
    pub fn hidden_in(&self, text: &str) -> String {
        let uri: Option<http::Uri> = self.0.parse().ok();
        let secret = uri.and_then(|uri| uri.path_and_query().map(|part| part.as_str().to_owned()));
        let text = text.replace(&self.0, "the receiver's address");
        match secret.filter(|secret| secret.len() > 1) {
            Some(secret) => text.replace(&secret, "/..."),
            None => text,
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Address").finish_non_exhaustive()
    }
}

/// No answer came. What was posted may have been taken all the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PostError(pub String);

/// Posts bodies.
pub trait Post: Send + Sync {
    /// Posts JSON and gives the status code of the answer. Redirects are not followed: a body is given to nobody but the
    /// one whom a person has named.
    fn post(&self, address: Address, body: Vec<u8>) -> BoxFuture<'_, Result<u16, PostError>>;
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn only_https_with_a_host_is_an_address_and_it_prints_nothing() {
        for bad in [
            "",
            "http://hooks.contoso.example/x",
            "hooks.contoso.example",
            "https://",
            "https:///x",
            "ftp://x",
            "https://a b",
        ] {
            assert_eq!(Address::parse(bad), None, "{bad}");
        }
        let good = Address::parse(" https://hooks.contoso.example/t/0123?x=1\n").unwrap();
        assert_eq!(good.url(), "https://hooks.contoso.example/t/0123?x=1");
        assert_eq!(format!("{good:?}"), "Address { .. }");
    }

    #[test]
    fn what_a_client_says_of_an_address_is_told_without_its_token() {
        let address = Address::parse("https://hooks.contoso.example/t/0123?x=1").unwrap();
        for said in ["error for https://hooks.contoso.example/t/0123?x=1: refused", "GET /t/0123?x=1: refused"] {
            let told = address.hidden_in(said);
            assert!(!told.contains("0123") && told.ends_with(": refused"), "{told}");
        }
    }
}
