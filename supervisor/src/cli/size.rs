//! Sizes as people write them: `512K`, `10M`, `1G`, or a plain number of bytes; and numbers of things.

use std::ffi::OsString;

use super::Failure;
use crate::machine::exit;

/// Reads a size into bytes; a K is 1024 of them. Nothing is no size.
///
/// # Errors
/// A sentence that says what was expected.
pub(super) fn parse(text: &str) -> Result<u64, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let shift = match unit {
        "" => Some(0),
        "K" | "k" => Some(10),
        "M" => Some(20),
        "G" => Some(30),
        _ => None,
    };
    let bytes = shift.and_then(|shift| number.parse::<u64>().ok()?.checked_mul(1 << shift));
    bytes.filter(|bytes| *bytes > 0).ok_or_else(|| {
        format!("\"{}\" is no size\nhint: write it as in 512K, 10M or 1G", text.escape_debug())
    })
}

/// Reads how many of something an option wants.
///
/// # Errors
/// It is no such number.
pub(super) fn count(option: &str, value: OsString) -> Result<u32, Failure> {
    let text = value.to_string_lossy();
    text.parse().map_err(|_| {
        let why = format!("\"{}\" is no number from 0 to {}", text.escape_debug(), u32::MAX);
        Failure::new(exit::USAGE, format!("{option}: {why}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_told_with_its_option() {
        assert_eq!(count("-n", "7".into()), Ok(7));
        for text in ["x", "", "-1", "4294967296"] {
            let told = count("-n", text.into()).expect_err(text).to_string();
            assert!(told.starts_with("-n: \"") && told.contains(text), "{told}");
        }
    }

    #[test]
    fn sizes_are_read_exactly() {
        for (text, want) in
            [("1", 1), ("512K", 524_288), ("2k", 2048), ("10M", 10_485_760), ("1G", 1 << 30)]
        {
            assert_eq!(parse(text), Ok(want), "{text}");
        }
        for text in
            ["", "0", "0K", "K", "10MB", "-1", "1.5M", "99999999999999999999", "99999999999G"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
