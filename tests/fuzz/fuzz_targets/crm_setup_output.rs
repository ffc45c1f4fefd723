//! What CrmSetup prints: whether it says that it succeeded.
#![no_main]

use crm_plan::products::superoffice::crm_setup::{Said, read};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok((text, _)) = crm_agent::text::encoding::decode(bytes) else { return };
    let said = read(&text);
    assert!(said == Said::Nothing || text.to_lowercase().contains("pending upgrades") || text.to_lowercase().contains("completed successfully"));
    // What is printed last decides.
    assert_eq!(read(&format!("{text}\nUpgrade completed successfully")), Said::Upgraded);
});
