//! SHA-256 of two streams at once.
//!
//! Each step of SHA-256 waits for the one before, so one stream leaves half of a core's units for it
//! idle. Two streams side by side fill them: where the processor has instructions for SHA (x86-64),
//! both take little longer than one. Elsewhere they are hashed one after the other.

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

/// Hashes more of two streams.
pub fn update_both((a, of_a): (&mut Lane, &[[u8; BLOCK]]), (b, of_b): (&mut Lane, &[[u8; BLOCK]])) {
    let both = of_a.len().min(of_b.len());
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("sha") && is_x86_feature_detected!("sse4.1") {
        let (of_a, rest_a) = of_a.split_at(both);
        let (of_b, rest_b) = of_b.split_at(both);
        // SAFETY: the processor has just been asked whether it has these instructions.
        unsafe { x86::compress([&mut a.state, &mut b.state], [of_a, of_b]) };
        a.blocks += both as u64;
        b.blocks += both as u64;
        a.update(rest_a);
        b.update(rest_b);
        return;
    }
    a.update(of_a);
    b.update(of_b);
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_extract_epi32, _mm_set_epi32, _mm_set_epi64x,
        _mm_setzero_si128, _mm_sha256msg1_epu32, _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32,
        _mm_shuffle_epi8, _mm_shuffle_epi32,
    };
    use std::iter::zip;

    use super::BLOCK;

    /// The constants of the rounds (FIPS 180-4, 4.2.2).
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
    const fn signed(words: [u32; 64]) -> [i32; 64] {
        let mut signed = [0; 64];
        let mut at = 0;
        while at < signed.len() {
            signed[at] = words[at].cast_signed();
            at += 1;
        }
        signed
    }

    /// A state in the order the instructions want: words a, b, e, f and words c, d, g, h.
    #[derive(Clone, Copy)]
    struct State {
        abef: __m128i,
        cdgh: __m128i,
    }

    /// Hashes as many blocks of each of `L` streams.
    #[target_feature(enable = "sha,ssse3,sse4.1")]
    pub fn compress<const L: usize>(states: [&mut [u32; 8]; L], blocks: [&[[u8; BLOCK]]; L]) {
        let count = blocks.iter().map(|blocks| blocks.len()).min().unwrap_or_default();
        let zero = _mm_setzero_si128();
        let mut now = [State { abef: zero, cdgh: zero }; L];
        for (now, state) in zip(&mut now, &states) {
            *now = State::load(state);
        }
        for at in 0..count {
            let before = now;
            let mut words = [[zero; 4]; L];
            for (words, blocks) in zip(&mut words, &blocks) {
                *words = load(&blocks[at]);
            }
            four_rounds::<L, 0>(&mut now, &mut words);
            four_rounds::<L, 1>(&mut now, &mut words);
            four_rounds::<L, 2>(&mut now, &mut words);
            four_rounds::<L, 3>(&mut now, &mut words);
            four_rounds::<L, 4>(&mut now, &mut words);
            four_rounds::<L, 5>(&mut now, &mut words);
            four_rounds::<L, 6>(&mut now, &mut words);
            four_rounds::<L, 7>(&mut now, &mut words);
            four_rounds::<L, 8>(&mut now, &mut words);
            four_rounds::<L, 9>(&mut now, &mut words);
            four_rounds::<L, 10>(&mut now, &mut words);
            four_rounds::<L, 11>(&mut now, &mut words);
            four_rounds::<L, 12>(&mut now, &mut words);
            four_rounds::<L, 13>(&mut now, &mut words);
            four_rounds::<L, 14>(&mut now, &mut words);
            four_rounds::<L, 15>(&mut now, &mut words);
            for (now, before) in zip(&mut now, &before) {
                now.abef = _mm_add_epi32(now.abef, before.abef);
                now.cdgh = _mm_add_epi32(now.cdgh, before.cdgh);
            }
        }
        for (state, now) in zip(states, now) {
            now.store(state);
        }
    }

    /// The rounds from `4 * R` on, of all streams in turn. `words` are the last sixteen of each
    /// one's message schedule; the oldest four make place for the next.
    #[inline]
    #[target_feature(enable = "sha,ssse3,sse4.1")]
    fn four_rounds<const L: usize, const R: usize>(
        states: &mut [State; L],
        words: &mut [[__m128i; 4]; L],
    ) {
        let constants =
            _mm_set_epi32(ROUNDS[4 * R + 3], ROUNDS[4 * R + 2], ROUNDS[4 * R + 1], ROUNDS[4 * R]);
        for (state, words) in zip(states, words) {
            if R >= 4 {
                let (oldest, next) = (words[R % 4], words[(R + 1) % 4]);
                let (third, newest) = (words[(R + 2) % 4], words[(R + 3) % 4]);
                let sum = _mm_add_epi32(
                    _mm_sha256msg1_epu32(oldest, next),
                    _mm_alignr_epi8::<4>(newest, third),
                );
                words[R % 4] = _mm_sha256msg2_epu32(sum, newest);
            }
            let both = _mm_add_epi32(words[R % 4], constants);
            state.cdgh = _mm_sha256rnds2_epu32(state.cdgh, state.abef, both);
            let upper = _mm_shuffle_epi32::<0b1110>(both);
            state.abef = _mm_sha256rnds2_epu32(state.abef, state.cdgh, upper);
        }
    }

    /// A block as sixteen words of big-endian bytes.
    #[inline]
    #[target_feature(enable = "sha,ssse3,sse4.1")]
    fn load(block: &[u8; BLOCK]) -> [__m128i; 4] {
        let swap = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
        let mut words = [_mm_setzero_si128(); 4];
        for (words, bytes) in zip(&mut words, block.as_chunks::<16>().0) {
            // SAFETY: any sixteen bytes are a value of this type.
            let bytes: __m128i = unsafe { std::mem::transmute(*bytes) };
            *words = _mm_shuffle_epi8(bytes, swap);
        }
        words
    }

    impl State {
        #[inline]
        #[target_feature(enable = "sha,ssse3,sse4.1")]
        fn load(words: &[u32; 8]) -> Self {
            let [a, b, c, d, e, f, g, h] = words.map(u32::cast_signed);
            Self { abef: _mm_set_epi32(a, b, e, f), cdgh: _mm_set_epi32(c, d, g, h) }
        }

        #[inline]
        #[target_feature(enable = "sha,ssse3,sse4.1")]
        fn store(self, words: &mut [u32; 8]) {
            *words = [
                _mm_extract_epi32::<3>(self.abef),
                _mm_extract_epi32::<2>(self.abef),
                _mm_extract_epi32::<3>(self.cdgh),
                _mm_extract_epi32::<2>(self.cdgh),
                _mm_extract_epi32::<1>(self.abef),
                _mm_extract_epi32::<0>(self.abef),
                _mm_extract_epi32::<1>(self.cdgh),
                _mm_extract_epi32::<0>(self.cdgh),
            ]
            .map(i32::cast_unsigned);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(size: usize, step: usize) -> Vec<u8> {
        (0..size).map(|at| (at * step / 3) as u8).collect()
    }

    #[test]
    fn every_length_has_the_digest_of_the_standard() {
        for size in (0..300).chain([1024, 65_536 + 17]) {
            let bytes = bytes(size, 7);
            assert_eq!(Lane::new().finish(&bytes), Digest::of(&bytes), "{size}");
        }
    }

    #[test]
    fn two_streams_of_any_lengths_do_not_meet() {
        for (one, other) in [(0, 0), (1, 1), (3, 0), (0, 2), (5, 90), (90, 5), (100, 101)] {
            let (one, other) = (bytes(one * BLOCK + 3, 5), bytes(other * BLOCK + 60, 11));
            let (mut a, mut b) = (Lane::new(), Lane::new());
            let ((of_a, rest_a), (of_b, rest_b)) = (one.as_chunks(), other.as_chunks());
            // In two goes, the second with what the first has come to.
            let ((a1, a2), (b1, b2)) =
                (of_a.split_at(of_a.len() / 2), of_b.split_at(of_b.len() / 3));
            update_both((&mut a, a1), (&mut b, b1));
            update_both((&mut b, b2), (&mut a, a2));
            assert_eq!(a.finish(rest_a), Digest::of(&one));
            assert_eq!(b.finish(rest_b), Digest::of(&other));
        }
    }
}
