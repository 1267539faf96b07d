//! Numbers that look random and are the same for the same seed: a failure can be had again.

use std::hash::{BuildHasher, RandomState};
use std::ops::RangeInclusive;

/// The seeds a test goes through: the same ones each time, for what was found once to stay found, and
/// one of its own each time, for what was not. That one is printed; `SEED` has it tried again.
pub fn seeds(known: RangeInclusive<u64>) -> impl Iterator<Item = u64> {
    let own = match std::env::var("SEED") {
        Ok(seed) => seed.parse().expect("SEED is a number"),
        Err(_) => RandomState::new().hash_one("seed"),
    };
    known.chain([own]).inspect(|seed| println!("seed {seed} (SEED={seed} has it tried again)"))
}

/// SplitMix64, after Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators" (2014).
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// Those of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// The next number below a limit, which must not be 0; the limits of tests are so small that
    /// the numbers need not be perfectly even.
    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.number() % limit as u64).expect("a number below a limit that fits")
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        self.number().to_be_bytes()[0]
    }
}
