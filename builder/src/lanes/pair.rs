//! Two streams in turn, with the instructions for SHA of x86-64.

use std::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_extract_epi32, _mm_set_epi32, _mm_set_epi64x,
    _mm_setzero_si128, _mm_sha256msg1_epu32, _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32,
    _mm_shuffle_epi8, _mm_shuffle_epi32,
};
use std::iter::zip;

use super::{BLOCK, ROUNDS};

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
