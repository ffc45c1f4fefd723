//! Version numbers as programs show them.
#![no_main]

use crm_plan::version_text::is_number_of;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok((text, _)) = crm_agent::text::encoding::decode(bytes) else { return };
    let (one, other) = text.split_once('\n').unwrap_or((&text, "8.0.6465"));
    let _ = is_number_of(one, other);
    assert!(is_number_of(one, one) || one.trim().is_empty());
});
