//! SHA-256 of several streams at once.
//!
//! Each step of SHA-256 waits for the one before, so one stream leaves much of a core idle. Several
//! side by side fill it, and how many of them depends on the processor (x86-64): with instructions
//! for SHA two streams go in turn, and with vectors of 512 bits (AVX-512) sixteen go in step, which
//! is faster still once most of the sixteen places are taken. Elsewhere streams are hashed one after
//! the other.

#[cfg(target_arch = "x86_64")]
mod pair;
#[cfg(target_arch = "x86_64")]
mod sixteen;

use sha2::block_api::compress256;

use crate::digest::Digest;

/// How many bytes are hashed in one go.
pub const BLOCK: usize = 64;

/// The state before the first block (FIPS 180-4, 5.3.3).
const BEGIN: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// The constants of the rounds (FIPS 180-4, 4.2.2).
#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
const ROUNDS: [i32; 64] = signed([
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
]);

/// The same bits, as the instructions' types have them.
#[cfg(target_arch = "x86_64")]
const fn signed(words: [u32; 64]) -> [i32; 64] {
    let mut signed = [0; 64];
    let mut at = 0;
    while at < signed.len() {
        signed[at] = words[at].cast_signed();
        at += 1;
    }
    signed
}

/// One stream's hash, as far as it has come.
#[derive(Clone, Debug)]
pub struct Lane {
    state: [u32; 8],
    blocks: u64,
}

impl Lane {
    /// The hash of nothing yet.
    pub fn new() -> Self {
        Self { state: BEGIN, blocks: 0 }
    }

    /// Hashes more of the stream.
    pub fn update(&mut self, blocks: &[[u8; BLOCK]]) {
        compress256(&mut self.state, blocks);
        self.blocks += blocks.len() as u64;
    }

    /// Hashes the rest, with the length that ends every stream (FIPS 180-4, 5.1.1).
    pub fn finish(mut self, rest: &[u8]) -> Digest {
        let (blocks, last) = rest.as_chunks();
        self.update(blocks);
        let bits = (self.blocks * BLOCK as u64 + last.len() as u64) * 8;
        let mut end = last.to_vec();
        end.push(0x80);
        while end.len() % BLOCK != BLOCK - 8 {
            end.push(0);
        }
        end.extend_from_slice(&bits.to_be_bytes());
        self.update(end.as_chunks().0);
        let mut digest = [0; 32];
        for (bytes, word) in digest.as_chunks_mut().0.iter_mut().zip(self.state) {
            *bytes = word.to_be_bytes();
        }
        Digest::from_bytes(digest)
    }
}

/// How many streams a core hashes in the same time as fewer of them, or nearly so.
pub fn at_once() -> usize {
    if Side::of_this_processor().sixteen_from.is_some() { 16 } else { 2 }
}

/// Hashes more of each stream. It is fastest when all get equally many blocks.
pub fn update(streams: &mut [(&mut Lane, &[[u8; BLOCK]])]) {
    update_with(Side::of_this_processor(), streams);
}

fn update_with(side: Side, streams: &mut [(&mut Lane, &[[u8; BLOCK]])]) {
    for some in streams.chunks_mut(16) {
        if side.sixteen_from.is_some_and(|least| some.len() >= least) {
            side.sixteen(some);
        } else {
            some.chunks_mut(2).for_each(|pair| side.pair(pair));
        }
        for (lane, rest) in some {
            lane.update(rest);
        }
    }
}

/// What this processor has for streams side by side.
#[derive(Clone, Copy)]
struct Side {
    pairs: bool,
    /// The least number of streams for which sixteen in step beat whatever else there is.
    sixteen_from: Option<usize>,
}

impl Side {
    #[cfg(target_arch = "x86_64")]
    fn of_this_processor() -> Self {
        let pairs = is_x86_feature_detected!("sha") && is_x86_feature_detected!("sse4.1");
        let sixteen = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw");
        // Sixteen take as long as eleven in pairs, and as three without instructions for SHA.
        Self { pairs, sixteen_from: sixteen.then_some(if pairs { 11 } else { 3 }) }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn of_this_processor() -> Self {
        Self { pairs: false, sixteen_from: None }
    }

    /// Hashes of two streams what both have; the rest is left to be hashed.
    fn pair(self, streams: &mut [(&mut Lane, &[[u8; BLOCK]])]) {
        #[cfg(target_arch = "x86_64")]
        if self.pairs
            && let [(a, of_a), (b, of_b)] = streams
        {
            let both = of_a.len().min(of_b.len());
            let (blocks_a, rest_a) = of_a.split_at(both);
            let (blocks_b, rest_b) = of_b.split_at(both);
            // SAFETY: the processor has been asked whether it has these instructions.
            unsafe { pair::compress([&mut a.state, &mut b.state], [blocks_a, blocks_b]) };
            for lane in [a, b] {
                lane.blocks += both as u64;
            }
            (*of_a, *of_b) = (rest_a, rest_b);
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = (self.pairs, streams);
    }

    /// Hashes of up to sixteen streams what all of them have; the rest is left to be hashed.
    fn sixteen(self, streams: &mut [(&mut Lane, &[[u8; BLOCK]])]) {
        #[cfg(target_arch = "x86_64")]
        if self.sixteen_from.is_some() {
            let all = streams.iter().map(|(_, blocks)| blocks.len()).min().unwrap_or_default();
            let mut states = [BEGIN; 16];
            let mut blocks = [[].as_slice(); 16];
            for (at, place) in blocks.iter_mut().enumerate() {
                // A place that is not taken works on a stream that is there, for nothing.
                if let Some((lane, of_it)) = streams.get(at).or(streams.first()) {
                    (*place, states[at]) = (&of_it[..all], lane.state);
                }
            }
            // SAFETY: the processor has been asked whether it has these instructions.
            unsafe { sixteen::compress(&mut states, blocks) };
            for ((lane, of_it), state) in streams.iter_mut().zip(states) {
                lane.state = state;
                lane.blocks += all as u64;
                *of_it = &of_it[all..];
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = (self, streams);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(size: usize, step: usize) -> Vec<u8> {
        (0..size).map(|at| (at * step / 3) as u8).collect()
    }

    /// Hashes the streams side by side, in two goes, the second with what the first has come to.
    fn digests(side: Side, streams: &[Vec<u8>]) -> Vec<Digest> {
        let mut lanes = vec![Lane::new(); streams.len()];
        for second in [false, true] {
            let part = |stream: &'_ Vec<u8>| {
                let count = stream.len() / BLOCK;
                if second { count / 3..count } else { 0..count / 3 }
            };
            let mut some: Vec<(&mut Lane, &[[u8; BLOCK]])> = lanes
                .iter_mut()
                .zip(streams)
                .map(|(lane, stream)| (lane, &stream.as_chunks().0[part(stream)]))
                .collect();
            update_with(side, &mut some);
        }
        let rests = streams.iter().map(|stream| stream.as_chunks::<BLOCK>().1);
        lanes.into_iter().zip(rests).map(|(lane, rest)| lane.finish(rest)).collect()
    }

    #[test]
    fn every_length_has_the_digest_of_the_standard() {
        for size in (0..300).chain([1024, 65_536 + 17]) {
            let bytes = bytes(size, 7);
            assert_eq!(Lane::new().finish(&bytes), Digest::of(&bytes), "{size}");
        }
    }

    /// Whatever the processor has, and with less than that.
    #[test]
    fn streams_of_any_number_and_lengths_do_not_meet() {
        let here = Side::of_this_processor();
        let sides = [
            here,
            Side { sixteen_from: None, ..here },
            Side { sixteen_from: here.sixteen_from.map(|_| 1), ..here },
            Side { pairs: false, sixteen_from: None },
        ];
        for side in sides {
            for count in 0..40 {
                let sizes = [100 * BLOCK, 100 * BLOCK + 60, 5 * BLOCK + 3, 90 * BLOCK, 0, 1];
                let streams: Vec<Vec<u8>> =
                    (0..count).map(|at| bytes(sizes[(at * at + count) % 6], 5 + at)).collect();
                let expected: Vec<Digest> =
                    streams.iter().map(|stream| Digest::of(stream)).collect();
                assert_eq!(digests(side, &streams), expected, "{count}");
            }
        }
    }

    #[test]
    fn equally_long_streams_have_digests_of_their_own() {
        let here = Side::of_this_processor();
        for least in 1..=16 {
            let side = Side { sixteen_from: here.sixteen_from.map(|_| least), ..here };
            let streams: Vec<Vec<u8>> = (0..16).map(|at| bytes(70 * BLOCK + at, 3 + at)).collect();
            let expected: Vec<Digest> = streams.iter().map(|stream| Digest::of(stream)).collect();
            assert_eq!(digests(side, &streams[..least]), expected[..least], "{least}");
        }
    }
}
