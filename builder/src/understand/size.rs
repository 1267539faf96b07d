//! Sizes for people.

/// Bytes in binary units, as `12.3 MiB`.
pub fn human(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut units = UNITS.iter();
    let mut unit = units.next();
    while value >= 1024.0 {
        match units.next() {
            Some(larger) => (value, unit) = (value / 1024.0, Some(larger)),
            None => break,
        }
    }
    let unit = unit.unwrap_or(&"B");
    if bytes < 1024 { format!("{bytes} {unit}") } else { format!("{value:.1} {unit}") }
}

/// What [`parse`] takes, for the help of options.
pub const UNITS: &str =
    "K, M, G and T (or KiB, MiB, …) count in 1024, KB, MB, GB and TB in 1000, none in bytes";

/// Reads `200M`, `1.5 GiB`, `200MB` or a number of bytes, in letters of any case. Units are binary as in
/// other tools, but for those of two letters, which are decimal.
pub fn parse(text: &str) -> std::result::Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.get(digits.len()..).unwrap_or_default().to_ascii_lowercase();
    let powers = |letter: &str| ["k", "m", "g", "t"].iter().position(|unit| *unit == letter);
    let unit = match unit.as_str() {
        "" | "b" => Some(1),
        unit => {
            let (base, letter) = match (unit.strip_suffix("ib"), unit.strip_suffix('b')) {
                (Some(letter), _) => (1024_u64, letter),
                (None, Some(letter)) => (1000, letter),
                (None, None) => (1024, unit),
            };
            powers(letter).map(|power| base.pow(power as u32 + 1))
        }
    };
    let unit = unit.ok_or("use a number with B, K, M, G or T, as in 200M or 200MB")?;
    match digits.trim_end().parse::<f64>() {
        Ok(number) if number.is_finite() && number >= 0.0 => Ok((number * unit as f64) as u64),
        _ => Err("not a number".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_the_unit_that_fits() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1_572_864, "1.5 MiB"),
            (u64::MAX, "16777216.0 TiB"),
        ] {
            assert_eq!(human(bytes), text);
        }
    }

    #[test]
    fn sizes_are_read_with_their_units() {
        for (text, bytes) in [
            ("5", 5),
            ("5b", 5),
            ("2K", 2048),
            ("2kb", 2000),
            ("2KiB", 2048),
            ("1.5m", 1_572_864),
            ("200MB", 200_000_000),
            ("200 mib", 200 << 20),
            ("1G", 1 << 30),
            ("1gb", 1_000_000_000),
            ("1GiB", 1 << 30),
            ("0.5T", 1 << 39),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
        for text in ["", "x", "M", "5P", "5ib", "5Mb b", "-1", "1e999", "8 bananas"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
