//! Random edits of seed inputs: what a fuzzer does between two looks at coverage.
//!
//! Deterministic for a given start value, so that a failing run can be repeated; the words of a target's dictionary
//! reach states that random bytes would not.

/// A small generator (xorshift64*): speed and repeatability, no secrecy.
pub struct Random(u64);

impl Random {
    /// A generator that starts at `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `bound`; 0 where `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 11).unwrap_or(0).checked_rem(bound).unwrap_or(0)
    }
}

/// Longest input that is made.
const MAX_BYTES: usize = 16 * 1024;

/// One of `seeds` with a few random edits, some of which put in words of `dictionary`.
pub fn mutate(random: &mut Random, seeds: &[Vec<u8>], dictionary: &[&[u8]]) -> Vec<u8> {
    let mut input = seeds.get(random.below(seeds.len())).cloned().unwrap_or_default();
    for _ in 0..=random.below(6) {
        edit(random, &mut input, seeds, dictionary);
    }
    input.truncate(MAX_BYTES);
    input
}

fn edit(random: &mut Random, input: &mut Vec<u8>, seeds: &[Vec<u8>], dictionary: &[&[u8]]) {
    let at = random.below(input.len() + 1);
    match random.below(8) {
        0 => replace(random, input, at, &[0, b'\r', b'\n', b' ', b'"', b'%', 0x7f, 0x80, 0xff]),
        1 => input.insert(at, u8::try_from(random.below(256)).unwrap_or(0)),
        2 => drop(input.drain(at..at + random.below((input.len() - at).min(32) + 1))),
        3 => flip(random, input),
        4 => duplicate(random, input, at),
        5 => splice(random, input, at, seeds),
        _ => insert(input, at, dictionary.get(random.below(dictionary.len())).copied().unwrap_or(b"0")),
    }
}

fn replace(random: &mut Random, input: &mut [u8], at: usize, choices: &[u8]) {
    if let (Some(byte), Some(choice)) = (input.get_mut(at), choices.get(random.below(choices.len()))) {
        *byte = *choice;
    }
}

fn flip(random: &mut Random, input: &mut [u8]) {
    let at = random.below(input.len());
    if let Some(byte) = input.get_mut(at) {
        *byte ^= 1 << random.below(8);
    }
}

/// Repeats a piece, sometimes many times: nesting and lists are where limits are missed.
fn duplicate(random: &mut Random, input: &mut Vec<u8>, at: usize) {
    let piece = input.get(at..(at + 1 + random.below(16)).min(input.len())).unwrap_or_default().to_vec();
    let times = if random.below(16) == 0 { 1000 } else { 1 + random.below(4) };
    insert(input, at, &piece.repeat(times));
}

fn splice(random: &mut Random, input: &mut Vec<u8>, at: usize, seeds: &[Vec<u8>]) {
    let other = seeds.get(random.below(seeds.len())).cloned().unwrap_or_default();
    input.truncate(at);
    input.extend_from_slice(other.get(random.below(other.len() + 1)..).unwrap_or_default());
}

fn insert(input: &mut Vec<u8>, at: usize, piece: &[u8]) {
    input.splice(at..at, piece.iter().copied());
}
