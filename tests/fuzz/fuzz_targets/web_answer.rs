//! What a web service says about itself, as a JSON object or as a page for people.
#![no_main]

use crm_agent::text::{encoding, json};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok((text, _)) = encoding::decode(bytes) else { return };
    let read = json::value(&text, "NetServerVersion");
    if text.trim_start_matches('\u{feff}').trim_start().starts_with('<') {
        assert!(read.is_err());
    }
    assert_eq!(json::value(&format!("\u{feff}{text}"), "NetServerVersion").ok(), read.ok());
});
