//! `SuperOffice.ini`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok((text, _)) = crm_agent::text::encoding::decode(bytes) {
        let _ = crm_agent::text::ini::value(&text, "ServerSetup installation", "Version");
    }
});
