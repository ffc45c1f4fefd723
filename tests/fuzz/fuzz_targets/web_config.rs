//! `web.config`.
#![no_main]

use crm_agent::text::{encoding, xml};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok((text, encoding)) = encoding::decode(bytes) else { return };
    if let Ok(document) = xml::parse(&text, encoding) {
        let _ = xml::value(&document, "SuperOffice/Data/Database", "TablePrefix");
    }
});
