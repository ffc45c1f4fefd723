//! `applicationHost.config`.
#![no_main]

use crm_agent::text::{encoding, iis::Iis};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok((text, encoding)) = encoding::decode(bytes) else { return };
    if let Ok(iis) = Iis::parse(&text, encoding) {
        for site in iis.sites_serving(r"C:\www\scripts") {
            assert!(iis.fast_cgi(&site, r"C:\www\scripts").is_some());
        }
    }
});
