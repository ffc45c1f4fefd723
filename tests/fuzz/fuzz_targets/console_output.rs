//! What `upgrade.exe` and other console programs print: the addresses in it.
#![no_main]

use crm_plan::carry_out::addresses;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok((text, _)) = crm_agent::text::encoding::decode(bytes) else { return };
    let found = addresses(&text);
    assert!(found.len() <= 5);
    for address in found {
        assert!(text.contains(address) && address.contains("://"));
        assert!(!address.contains(char::is_whitespace));
    }
});
