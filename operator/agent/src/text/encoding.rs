//! How a text stands in its file. Notepad and the vendors' tools leave UTF-8 with and without a byte order mark, UTF-16
//! in both byte orders, and Windows-1252; a file that is written back keeps what it had.

use super::TextError;

/// Largest file that is read as text, in bytes. Configuration files have kilobytes; a log that somebody named like one
/// must not fill the agent's memory.
pub const TEXT_BYTES_MAX: usize = 8 * 1024 * 1024;

const UTF_8_MARK: &[u8] = &[0xef, 0xbb, 0xbf];
const UTF_16_LITTLE_MARK: &[u8] = &[0xff, 0xfe];
const UTF_16_BIG_MARK: &[u8] = &[0xfe, 0xff];

/// The characters of Windows-1252 from 0x80 to 0x9f; those that it leaves open stand for themselves, as browsers read
/// them (WHATWG Encoding Standard, index windows-1252).
const WINDOWS_1252: [char; 32] = [
    '\u{20ac}', '\u{81}', '\u{201a}', '\u{192}', '\u{201e}', '\u{2026}', '\u{2020}', '\u{2021}', '\u{2c6}', '\u{2030}',
    '\u{160}', '\u{2039}', '\u{152}', '\u{8d}', '\u{17d}', '\u{8f}', '\u{90}', '\u{2018}', '\u{2019}', '\u{201c}',
    '\u{201d}', '\u{2022}', '\u{2013}', '\u{2014}', '\u{2dc}', '\u{2122}', '\u{161}', '\u{203a}', '\u{153}', '\u{9d}',
    '\u{17e}', '\u{178}',
];

/// How the characters of a file are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8.
    #[default]
    Utf8,
    /// UTF-8 behind a byte order mark.
    Utf8WithMark,
    /// UTF-16, low byte first, behind a byte order mark.
    Utf16Little,
    /// UTF-16, high byte first, behind a byte order mark.
    Utf16Big,
    /// The code page of western Windows: what is no UTF-8 and has no mark.
    Windows1252,
}

/// The text of a file, without its byte order mark, and how it is written.
///
/// # Errors
/// When the bytes are no text: too many, a NUL character, half a character of UTF-16.
pub fn decode(bytes: &[u8]) -> Result<(String, Encoding), TextError> {
    if bytes.len() > TEXT_BYTES_MAX {
        let problem = format!("{} bytes, more than the {TEXT_BYTES_MAX} that are read as text", bytes.len());
        return Err(TextError::new(1, problem));
    }
    let (text, encoding) = if let Some(rest) = bytes.strip_prefix(UTF_8_MARK) {
        (marked_utf_8(rest)?, Encoding::Utf8WithMark)
    } else if let Some(rest) = bytes.strip_prefix(UTF_16_LITTLE_MARK) {
        (utf_16(rest, u16::from_le_bytes)?, Encoding::Utf16Little)
    } else if let Some(rest) = bytes.strip_prefix(UTF_16_BIG_MARK) {
        (utf_16(rest, u16::from_be_bytes)?, Encoding::Utf16Big)
    } else {
        match std::str::from_utf8(bytes) {
            Ok(text) => (text.to_owned(), Encoding::Utf8),
            Err(_) => (bytes.iter().map(|byte| from_windows_1252(*byte)).collect(), Encoding::Windows1252),
        }
    };
    match text.find('\0') {
        Some(at) => Err(TextError::new(line_of(&text, at), "a NUL character: no text, or UTF-16 without its mark")),
        None => Ok((text, encoding)),
    }
}

/// The bytes of a text.
///
/// # Errors
/// When a character does not exist in the encoding.
pub fn encode(text: &str, encoding: Encoding) -> Result<Vec<u8>, TextError> {
    Ok(match encoding {
        Encoding::Utf8 => text.as_bytes().to_vec(),
        Encoding::Utf8WithMark => [UTF_8_MARK, text.as_bytes()].concat(),
        Encoding::Utf16Little => {
            UTF_16_LITTLE_MARK.iter().copied().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
        }
        Encoding::Utf16Big => {
            UTF_16_BIG_MARK.iter().copied().chain(text.encode_utf16().flat_map(u16::to_be_bytes)).collect()
        }
        Encoding::Windows1252 => {
            let byte = |(at, character)| {
                to_windows_1252(character)
                    .ok_or_else(|| TextError::new(line_of(text, at), format!("{character:?} is not in Windows-1252")))
            };
            text.char_indices().map(byte).collect::<Result<_, _>>()?
        }
    })
}

fn marked_utf_8(bytes: &[u8]) -> Result<String, TextError> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        TextError::new(newlines(before) + 1, "the byte order mark says UTF-8, and the bytes are none")
    })
}

fn utf_16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, TextError> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let mut text = String::with_capacity(pairs.len());
    for character in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
        match character {
            Ok(character) => text.push(character),
            Err(_) => return Err(TextError::new(line_of(&text, text.len()), "half a character of UTF-16")),
        }
    }
    if rest.is_empty() {
        Ok(text)
    } else {
        Err(TextError::new(line_of(&text, text.len()), "the UTF-16 text ends in the middle of a character"))
    }
}

fn from_windows_1252(byte: u8) -> char {
    let special = byte.checked_sub(0x80).and_then(|index| WINDOWS_1252.get(usize::from(index)));
    special.copied().unwrap_or(char::from(byte))
}

fn to_windows_1252(character: char) -> Option<u8> {
    if let Some(index) = WINDOWS_1252.iter().position(|special| *special == character) {
        return u8::try_from(index + 0x80).ok();
    }
    u8::try_from(u32::from(character)).ok().filter(|byte| !(0x80..0xa0).contains(byte))
}

fn line_of(text: &str, at: usize) -> usize {
    newlines(text.as_bytes().get(..at).unwrap_or_default()) + 1
}

fn newlines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Encoding, decode, encode};

    #[test]
    fn each_encoding_is_recognised_by_its_mark_or_its_bytes() {
        let cases: [(&[u8], &str, Encoding); 6] = [
            (b"a\r\n", "a\r\n", Encoding::Utf8),
            (b"\xef\xbb\xbfa", "a", Encoding::Utf8WithMark),
            (b"\xff\xfea\0\xe6\0", "aæ", Encoding::Utf16Little),
            (b"\xfe\xff\0a\0\xe6", "aæ", Encoding::Utf16Big),
            ("æøå".as_bytes(), "æøå", Encoding::Utf8),
            (b"sti = C:\\S\xf8k \x80", "sti = C:\\Søk €", Encoding::Windows1252),
        ];
        for (bytes, text, encoding) in cases {
            assert_eq!(decode(bytes), Ok((text.to_owned(), encoding)));
            assert_eq!(encode(text, encoding).as_deref(), Ok(bytes));
        }
    }

    #[test]
    fn what_is_no_text_is_an_error_that_says_where() {
        let cases: [(&[u8], &str); 5] = [
            (b"a\nb\0c", "line 2: a NUL character: no text, or UTF-16 without its mark"),
            (b"\xff\xfea\0\n\0b", "line 2: the UTF-16 text ends in the middle of a character"),
            (b"\xfe\xff\xd8\x00\0a", "line 1: half a character of UTF-16"),
            (b"\xef\xbb\xbfa\n\n\xff", "line 3: the byte order mark says UTF-8, and the bytes are none"),
            (b"a\0b\0", "line 1: a NUL character: no text, or UTF-16 without its mark"),
        ];
        for (bytes, said) in cases {
            assert_eq!(decode(bytes).unwrap_err().to_string(), said);
        }
        assert!(decode(&vec![b'a'; super::TEXT_BYTES_MAX + 1]).is_err());
        assert_eq!(
            encode("a\nΩ", Encoding::Windows1252).unwrap_err().to_string(),
            "line 2: 'Ω' is not in Windows-1252"
        );
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_back_byte_by_byte(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok((text, encoding)) = decode(&bytes) {
                prop_assert_eq!(encode(&text, encoding), Ok(bytes));
            }
        }

        #[test]
        fn every_text_survives_every_unicode_encoding(text in "[^\0\u{feff}]{0,60}") {
            for encoding in [Encoding::Utf8, Encoding::Utf8WithMark, Encoding::Utf16Little, Encoding::Utf16Big] {
                prop_assert_eq!(decode(&encode(&text, encoding).unwrap()), Ok((text.clone(), encoding)));
            }
        }
    }
}
