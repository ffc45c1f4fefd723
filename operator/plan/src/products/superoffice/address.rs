//! Addresses in their parts, as they are written.

/// The parts of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts<'t> {
    /// What stands before `://`.
    pub scheme: &'t str,
    /// The host; never empty.
    pub host: &'t str,
    /// The port with the colon before it; empty where there is none.
    pub port: &'t str,
    /// Everything behind, from the slash on; empty where there is nothing.
    pub path: &'t str,
}

impl<'t> Parts<'t> {
    /// Takes an address apart; `None` where it is none.
    #[must_use]
    pub fn of(address: &'t str) -> Option<Self> {
        let (scheme, rest) = address.split_once("://")?;
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (host, port) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
        (!host.is_empty()).then_some(Self { scheme, host, port, path })
    }
}

/// The host in an address.
#[must_use]
pub fn host_of(address: &str) -> Option<&str> {
    Parts::of(address).map(|parts| parts.host)
}

#[cfg(test)]
mod tests {
    use super::{Parts, host_of};

    #[test]
    fn an_address_is_taken_apart_where_each_part_begins() {
        let parts = |scheme, host, port, path| Some(Parts { scheme, host, port, path });
        for (address, expected) in [
            ("http://crm.contoso.example/scripts/", parts("http", "crm.contoso.example", "", "/scripts/")),
            ("https://crm:8080", parts("https", "crm", ":8080", "")),
            ("http://crm?x=a:b/c", parts("http", "crm", "", "?x=a:b/c")),
            ("http:///scripts", None),
            ("crm.contoso.example", None),
        ] {
            assert_eq!(Parts::of(address), expected, "{address}");
        }
        assert_eq!(host_of("http://CRM:80/x"), Some("CRM"));
    }
}
