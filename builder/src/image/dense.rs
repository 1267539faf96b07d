//! Which parts of some bytes cannot be compressed any further: archives, pictures, what is random.
//!
//! Judged by samples, so it costs little, and by the bytes alone, so it is the same everywhere.
//! Being wrong costs room or time and nothing else.

/// How many bytes are judged together.
const CHUNK: usize = 16 * 1024;

/// Of as many bytes each, the first [`SAMPLED`] are looked at: bytes side by side, since those of a
/// table have something in common only in its columns.
const STEP: usize = 256;
const SAMPLED: usize = 64;

/// How many groups of four bytes are compared with each other.
const GROUPS: usize = 1024;

/// Cuts `bytes` into stretches, each with whether it is dense; neighbours differ.
pub fn stretches(bytes: &[u8]) -> impl Iterator<Item = (&[u8], bool)> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let mut chunks = rest.chunks(CHUNK);
        let first = is_dense(chunks.next()?);
        let more = chunks.take_while(|chunk| is_dense(chunk) == first).count();
        let (stretch, after) = rest.split_at(((more + 1) * CHUNK).min(rest.len()));
        rest = after;
        Some((stretch, first))
    })
}

/// Whether all bytes are about equally frequent and no groups of them come again. What is quicker to
/// say no is asked first.
fn is_dense(chunk: &[u8]) -> bool {
    chunk.len() == CHUNK && !is_repetitive(chunk) && is_even(chunk)
}

/// Whether a code by frequencies would save less than one percent. The sum of the squares of all
/// counts is smallest when all are alike; for random bytes it is a little more.
fn is_even(chunk: &[u8]) -> bool {
    // Bytes side by side are counted apart: equal ones would wait for each other.
    let mut counts = [[0_u32; 256]; 4];
    for part in chunk.chunks(STEP) {
        for four in part.get(..SAMPLED).unwrap_or(part).as_chunks::<4>().0 {
            for (counts, byte) in counts.iter_mut().zip(four) {
                counts[usize::from(*byte)] += 1;
            }
        }
    }
    let count = (CHUNK / STEP * SAMPLED) as u32;
    let squares: u32 = (0..256)
        .map(|byte| counts.iter().map(|counts| counts[byte]).sum::<u32>())
        .map(|count| count * count)
        .sum();
    let random = count + count * (count - 1) / 256;
    squares < random + random / 16
}

/// Whether four bytes come again more often than chance has it, which is hardly ever.
fn is_repetitive(chunk: &[u8]) -> bool {
    let mut seen = [0_u32; GROUPS];
    let mut again = 0;
    for group in chunk.windows(4).take(GROUPS) {
        let word = u32::from_le_bytes([group[0], group[1], group[2], group[3]]);
        let slot = &mut seen[(word.wrapping_mul(0x9E37_79B1) >> 22) as usize];
        again += u32::from(*slot == word);
        if again > GROUPS as u32 / 64 {
            return true;
        }
        *slot = word;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The high bits of a linear congruential generator.
    fn random(size: usize) -> Vec<u8> {
        let mut state = 1_u32;
        std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .take(size)
        .collect()
    }

    fn judged(bytes: &[u8]) -> Vec<(usize, bool)> {
        stretches(bytes).map(|(stretch, dense)| (stretch.len(), dense)).collect()
    }

    #[test]
    fn what_is_random_or_compressed_is_dense() {
        assert_eq!(judged(&random(10 * CHUNK)), [(10 * CHUNK, true)]);
        let letters = |pair: &[u8]| format!("{:o} the {}\n", pair[0], u32::from(pair[1]).pow(3));
        let text: Vec<u8> =
            random(400_000).chunks(2).flat_map(|p| letters(p).into_bytes()).collect();
        let mut members = super::super::gzip::Members::new(Vec::new(), 9);
        std::io::Write::write_all(&mut members, &text).unwrap();
        let gzip = members.finish().unwrap();
        let dense: usize =
            stretches(&gzip).filter(|(_, dense)| *dense).map(|(bytes, _)| bytes.len()).sum();
        assert!(dense * 10 > gzip.len() * 9, "{dense} of {}", gzip.len());
    }

    #[test]
    fn what_can_be_compressed_is_not_dense() {
        let words = |f: fn(u32) -> u32| (0..CHUNK as u32).flat_map(move |at| f(at).to_le_bytes());
        for (what, bytes) in [
            ("zeros", vec![0; 4 * CHUNK]),
            ("text", "the quick brown fox ".repeat(CHUNK).into_bytes()),
            // All bytes are as frequent as any other.
            ("a ramp", (0..4 * CHUNK).map(|at| at as u8).collect()),
            ("a table", words(|at| at).collect()),
            (
                "a table of random columns",
                words(|at| at.wrapping_mul(0x9E37_79B1) & 0xFF00_FFFF).collect(),
            ),
            (
                "hexadecimal digits",
                random(2 * CHUNK).iter().flat_map(|b| format!("{b:02x}").into_bytes()).collect(),
            ),
            ("the end of a stream", random(CHUNK - 1)),
        ] {
            assert!(stretches(&bytes).all(|(_, dense)| !dense), "{what}");
        }
    }

    #[test]
    fn stretches_are_as_long_as_they_can_be_and_come_to_the_whole() {
        let zeros = |size: usize| vec![0; size];
        let bytes =
            [zeros(2 * CHUNK), random(3 * CHUNK), zeros(CHUNK), random(CHUNK), zeros(5)].concat();
        let expected = [(2, false), (3, true), (1, false), (1, true)]
            .map(|(count, dense)| (count * CHUNK, dense));
        assert_eq!(judged(&bytes), [&expected[..], &[(5, false)]].concat());
        assert_eq!(judged(&[]), []);
        let whole: Vec<u8> = stretches(&bytes).flat_map(|(stretch, _)| stretch).copied().collect();
        assert!(whole == bytes);
    }
}
