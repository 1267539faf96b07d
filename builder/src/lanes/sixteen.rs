//! Sixteen streams in step: each word of the algorithm is a vector with one of each stream (AVX-512).

use std::arch::x86_64::{
    __m512i, _mm_set_epi64x, _mm512_add_epi32, _mm512_broadcast_i32x4, _mm512_ror_epi32,
    _mm512_set1_epi32, _mm512_setzero_si512, _mm512_shuffle_epi8, _mm512_shuffle_i32x4,
    _mm512_srli_epi32, _mm512_ternarylogic_epi32, _mm512_unpackhi_epi32, _mm512_unpackhi_epi64,
    _mm512_unpacklo_epi32, _mm512_unpacklo_epi64,
};
use std::mem::transmute;

use super::{BLOCK, ROUNDS};

/// What three vectors come to bit by bit, as tables of results: the bits of the second to last
/// argument count 4, 2 and 1 in the place (FIPS 180-4, 4.1.2).
const XOR: i32 = 0x96;
const CHOICE: i32 = 0xca;
const MAJORITY: i32 = 0xe8;

/// One word of each stream.
type Word = __m512i;

/// Hashes as many blocks of each stream as all have.
#[target_feature(enable = "avx512f,avx512bw")]
pub fn compress(states: &mut [[u32; 8]; 16], blocks: [&[[u8; BLOCK]]; 16]) {
    let count = blocks.iter().map(|blocks| blocks.len()).min().unwrap_or_default();
    let mut state = [_mm512_setzero_si512(); 8];
    for (at, word) in state.iter_mut().enumerate() {
        let of_each = states.map(|state| state[at]);
        // SAFETY: any sixteen words are a value of this type.
        *word = unsafe { transmute::<[u32; 16], Word>(of_each) };
    }
    for at in 0..count {
        let mut words = load(blocks.map(|blocks| &blocks[at]));
        let mut now = state;
        sixteen_rounds::<0>(&mut now, &mut words);
        sixteen_rounds::<16>(&mut now, &mut words);
        sixteen_rounds::<32>(&mut now, &mut words);
        sixteen_rounds::<48>(&mut now, &mut words);
        for (word, now) in state.iter_mut().zip(now) {
            *word = _mm512_add_epi32(*word, now);
        }
    }
    for (at, word) in state.into_iter().enumerate() {
        // SAFETY: a value of this type is sixteen words.
        let of_each = unsafe { transmute::<Word, [u32; 16]>(word) };
        for (state, word) in states.iter_mut().zip(of_each) {
            state[at] = word;
        }
    }
}

/// The rounds from `FIRST` on. `words` are the last sixteen of the message schedule, and become the
/// next sixteen.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn sixteen_rounds<const FIRST: usize>(state: &mut [Word; 8], words: &mut [Word; 16]) {
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    for at in 0..16 {
        if FIRST > 0 {
            let (second, second_last) = (words[(at + 1) % 16], words[(at + 14) % 16]);
            let small_0 = xor(
                _mm512_ror_epi32::<7>(second),
                _mm512_ror_epi32::<18>(second),
                _mm512_srli_epi32::<3>(second),
            );
            let small_1 = xor(
                _mm512_ror_epi32::<17>(second_last),
                _mm512_ror_epi32::<19>(second_last),
                _mm512_srli_epi32::<10>(second_last),
            );
            let rest = _mm512_add_epi32(words[(at + 9) % 16], small_1);
            words[at] = _mm512_add_epi32(_mm512_add_epi32(words[at], small_0), rest);
        }
        let word = _mm512_add_epi32(words[at], _mm512_set1_epi32(ROUNDS[FIRST + at]));
        let large_1 =
            xor(_mm512_ror_epi32::<6>(e), _mm512_ror_epi32::<11>(e), _mm512_ror_epi32::<25>(e));
        let choice = _mm512_ternarylogic_epi32::<CHOICE>(e, f, g);
        let first = _mm512_add_epi32(_mm512_add_epi32(h, word), _mm512_add_epi32(large_1, choice));
        let large_0 =
            xor(_mm512_ror_epi32::<2>(a), _mm512_ror_epi32::<13>(a), _mm512_ror_epi32::<22>(a));
        let second = _mm512_add_epi32(large_0, _mm512_ternarylogic_epi32::<MAJORITY>(a, b, c));
        (h, g, f, e) = (g, f, e, _mm512_add_epi32(d, first));
        (d, c, b, a) = (c, b, a, _mm512_add_epi32(first, second));
    }
    *state = [a, b, c, d, e, f, g, h];
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn xor(one: Word, other: Word, third: Word) -> Word {
    _mm512_ternarylogic_epi32::<XOR>(one, other, third)
}

/// A block of each stream as sixteen words of big-endian bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn load(blocks: [&[u8; BLOCK]; 16]) -> [Word; 16] {
    let swap = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
    let swap = _mm512_broadcast_i32x4(swap);
    let mut words = [_mm512_setzero_si512(); 16];
    for (words, block) in words.iter_mut().zip(blocks) {
        // SAFETY: any 64 bytes are a value of this type.
        let bytes = unsafe { transmute::<[u8; BLOCK], Word>(*block) };
        *words = _mm512_shuffle_epi8(bytes, swap);
    }
    across(words)
}

/// Sixteen rows of words as sixteen columns: word `w` of row `r` becomes word `r` of row `w`.
///
/// First words change places within each quarter of a row, by two and by four rows, then whole
/// quarters do.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn across(rows: [Word; 16]) -> [Word; 16] {
    let mut pairs = rows;
    for at in (0..16).step_by(2) {
        let (one, other) = (rows[at], rows[at + 1]);
        pairs[at] = _mm512_unpacklo_epi32(one, other);
        pairs[at + 1] = _mm512_unpackhi_epi32(one, other);
    }
    let mut fours = pairs;
    for at in (0..16).step_by(4) {
        for half in [0, 1] {
            let (one, other) = (pairs[at + half], pairs[at + half + 2]);
            fours[at + 2 * half] = _mm512_unpacklo_epi64(one, other);
            fours[at + 2 * half + 1] = _mm512_unpackhi_epi64(one, other);
        }
    }
    let mut eights = fours;
    for at in [0, 1, 2, 3, 8, 9, 10, 11] {
        let (one, other) = (fours[at], fours[at + 4]);
        eights[at] = even_quarters(one, other);
        eights[at + 4] = odd_quarters(one, other);
    }
    let mut columns = eights;
    for at in 0..8 {
        let (one, other) = (eights[at], eights[at + 8]);
        columns[at] = even_quarters(one, other);
        columns[at + 8] = odd_quarters(one, other);
    }
    columns
}

/// The first and the third quarter of each.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn even_quarters(one: Word, other: Word) -> Word {
    _mm512_shuffle_i32x4::<0b10_00_10_00>(one, other)
}

/// The second and the last quarter of each.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn odd_quarters(one: Word, other: Word) -> Word {
    _mm512_shuffle_i32x4::<0b11_01_11_01>(one, other)
}
