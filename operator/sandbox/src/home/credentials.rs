//! Who may come in: one random token per user and start, and a certificate that only this start has.
//!
//! TLS is there because Kubernetes clients send tokens over nothing else, and tokens because a port on loopback is open to
//! everybody on the computer. Neither is written anywhere but into the kubeconfig, which only its owner can read.

use std::sync::Arc;

use rcgen::{CertificateParams, DnType, KeyPair};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

use crate::cluster::base64;

/// Bytes of a token.
const TOKEN_BYTES: usize = 32;
/// Letters in a line of PEM.
const PEM_COLUMNS: usize = 64;

/// Why there are no credentials.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The certificate.
    #[error("no certificate can be made")]
    Certificate(#[from] rcgen::Error),
    /// TLS.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    /// Random numbers.
    #[error("this computer gives no random numbers")]
    NoRandomNumbers,
}

/// The credentials of one start.
pub(super) struct Credentials {
    users: Vec<(Arc<str>, String)>,
    certificate: CertificateDer<'static>,
    pub(super) tls: TlsAcceptor,
}

impl Credentials {
    /// Makes them.
    pub(super) fn make(users: Vec<String>) -> Result<Self, CredentialsError> {
        let provider = Arc::new(ring::default_provider());
        let with_token = |user: String| Ok((Arc::from(user), token(&provider)?));
        let users = users.into_iter().map(with_token).collect::<Result<Vec<_>, CredentialsError>>()?;
        let key = KeyPair::generate()?;
        let mut wanted = CertificateParams::new(["127.0.0.1".to_owned(), "localhost".to_owned()])?;
        wanted.distinguished_name.push(DnType::CommonName, "crm-operator sandbox");
        let certificate = wanted.self_signed(&key)?.der().clone();
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], private)?;
        Ok(Self { users, certificate, tls: TlsAcceptor::from(Arc::new(config)) })
    }

    /// Names of the users, the administrator first.
    pub(super) fn users(&self) -> impl Iterator<Item = &str> {
        self.users.iter().map(|(user, _)| &**user)
    }

    /// Users and their tokens.
    pub(super) fn tokens(&self) -> &[(Arc<str>, String)] {
        &self.users
    }

    /// The certificate in the form of a kubeconfig: base64 of its PEM.
    pub(super) fn authority(&self) -> String {
        let encoded = base64(&self.certificate);
        let mut pem = "-----BEGIN CERTIFICATE-----\n".to_owned();
        for line in encoded.as_bytes().chunks(PEM_COLUMNS) {
            pem.push_str(&String::from_utf8_lossy(line));
            pem.push('\n');
        }
        pem.push_str("-----END CERTIFICATE-----\n");
        base64(pem.as_bytes())
    }
}

/// Whose token the header `Authorization` carries.
pub(super) fn user_of(tokens: &[(Arc<str>, String)], header: Option<&str>) -> Option<Arc<str>> {
    let given = header?.strip_prefix("Bearer ")?.trim();
    tokens.iter().find(|(_, token)| is_same(token, given)).map(|(user, _)| Arc::clone(user))
}

/// Compares without telling by its time where two tokens differ.
fn is_same(token: &str, given: &str) -> bool {
    let differing = token.bytes().zip(given.bytes()).fold(0, |sum, (one, other)| sum | (one ^ other));
    token.len() == given.len() && differing == 0
}

fn token(provider: &CryptoProvider) -> Result<String, CredentialsError> {
    let mut bytes = [0_u8; TOKEN_BYTES];
    provider.secure_random.fill(&mut bytes).map_err(|_| CredentialsError::NoRandomNumbers)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::{Credentials, user_of};

    #[test]
    fn a_token_belongs_to_one_user_and_nothing_else_lets_anybody_in() {
        let credentials = Credentials::make(vec!["administrator".to_owned(), "eva".to_owned()]).unwrap();
        let tokens = credentials.tokens();
        let eva = tokens[1].1.clone();
        assert_ne!(tokens[0].1, eva);
        assert_eq!(user_of(tokens, Some(&format!("Bearer {eva}"))).as_deref(), Some("eva"));
        for header in
            [None, Some(""), Some("Bearer "), Some(&*format!("Bearer {eva}0")), Some(&*format!("Basic {eva}"))]
        {
            assert_eq!(user_of(tokens, header), None, "{header:?}");
        }
        let other = Credentials::make(vec!["administrator".to_owned()]).unwrap();
        assert_ne!(other.tokens()[0].1, tokens[0].1);
        assert_ne!(other.authority(), credentials.authority());
    }
}
