//! Nix's own base 32.

/// The digits: no letters that make words.
const DIGITS: &[u8; 32] = b"0123456789abcdfghijklmnpqrsvwxyz";

/// The bits from the last byte to the first, five a digit.
pub fn of(bytes: &[u8]) -> String {
    let digit = |at: usize| {
        let (byte, shift) = (at * 5 / 8, at * 5 % 8);
        let pair = |at: usize| u16::from(bytes.get(at).copied().unwrap_or_default());
        let bits = (pair(byte) | pair(byte + 1) << 8) >> shift;
        char::from(DIGITS[usize::from(bits & 0x1f)])
    };
    (0..(bytes.len() * 8).div_ceil(5)).rev().map(digit).collect()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn bytes_of_every_hash_are_written_as_nix_writes_them() {
        for (kind, length) in [("md5", 16), ("sha1", 20), ("sha256", 32), ("sha512", 64)] {
            let bytes: Vec<u8> = (0..length).map(|at| (at * 37 + 11) as u8).collect();
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let said = Command::new("nix-hash")
                .args(["--type", kind, "--to-base32", &hex])
                .output()
                .unwrap();
            assert_eq!(of(&bytes), String::from_utf8(said.stdout).unwrap().trim_end(), "{kind}");
        }
    }
}
