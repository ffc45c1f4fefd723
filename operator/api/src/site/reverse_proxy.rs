//! What stands between browsers and the servers of a site.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether a reverse proxy stands before Web and Service (vendor: install/iis/reverse-proxy). The operator configures none;
/// it looks whether the site's host leads through it to both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ReverseProxy {
    /// None: browsers reach the servers of the site themselves.
    None,
    /// IIS with Application Request Routing and URL Rewrite, the one that the vendor describes.
    IisArr,
    /// Another product.
    External,
}
