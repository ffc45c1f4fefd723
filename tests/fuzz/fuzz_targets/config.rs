//! `config`: what was written is read again, and what was set already is not touched.
#![no_main]

use crm_agent::text::config_file::{flag, value, with_flag};
use crm_agent::text::encoding::{decode, encode};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok((text, encoding)) = decode(bytes) else { return };
    assert_eq!(encode(&text, encoding).as_deref(), Ok(bytes));
    let _ = value(&text, "nsEndPoint");
    for set in [true, false] {
        let written = with_flag(&text, "frozen", set).unwrap();
        assert_eq!(flag(&written, "frozen"), set);
        assert_eq!(with_flag(&written, "frozen", set), Ok(written.clone()));
        if flag(&text, "frozen") == set {
            assert_eq!(written, text);
        }
        assert!(encode(&written, encoding).is_ok());
    }
});
