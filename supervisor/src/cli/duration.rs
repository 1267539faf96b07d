//! Durations as people write them: `500ms`, `10s`, `1.5m`, `2h`, or a plain number of seconds.

/// Reads a duration into milliseconds.
///
/// # Errors
/// A sentence that says what was expected.
pub(super) fn parse(text: &str) -> Result<u64, String> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit_ms: u64 = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => return Err(expected(text)),
    };
    milliseconds(number, unit_ms).ok_or_else(|| expected(text))
}

/// In whole numbers: a float would make 0.1 s something else than 100 ms.
fn milliseconds(number: &str, unit_ms: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.len() > 9 || whole.is_empty() {
        return None;
    }
    let fraction_ms = match fraction {
        "" if number.contains('.') => return None,
        "" => 0,
        digits => {
            let scale = 10u64.checked_pow(u32::try_from(digits.len()).ok()?)?;
            digits.parse::<u64>().ok()?.checked_mul(unit_ms)? / scale
        }
    };
    whole.parse::<u64>().ok()?.checked_mul(unit_ms)?.checked_add(fraction_ms)
}

fn expected(text: &str) -> String {
    format!(
        "\"{}\" is no duration\nhint: write it as in 500ms, 10s, 1.5m or 2h",
        text.escape_debug()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_exactly() {
        for (text, want) in [
            ("500ms", 500),
            ("10s", 10_000),
            ("10", 10_000),
            ("0", 0),
            ("0.1s", 100),
            ("1.5m", 90_000),
            ("1.0005", 1_000),
            ("2h", 7_200_000),
        ] {
            assert_eq!(parse(text), Ok(want), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in
            ["", "s", ".5", "5.", "1..2", "-1s", "1 s", "1d", "99999999999999999999s", "1e3"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
