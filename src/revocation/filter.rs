//! Says of most names that no entry has them, without a lock and mostly without leaving the processor's cache.
//!
//! A token is asked by six names or more; a million entries lie in fifty megabytes, where each look costs a miss and each
//! lock a write to a shared line. The filter answers from two megabytes that only writers write. A name's bits all lie in one
//! word, so a word can be replaced by a newer one without a moment at which the bits of a live entry are absent.

use std::sync::atomic::{AtomicU64, Ordering};

/// A Bloom filter of one word to a name: four bits of 64.
///
/// At its capacity it has 16 to 32 bits to an entry and passes less than one foreign name in a hundred; beyond, it passes more
/// of them, which costs time and nothing else.
#[derive(Debug)]
pub(super) struct Filter {
    words: Box<[AtomicU64]>,
}

impl Filter {
    pub(super) fn new(capacity: usize) -> Self {
        let words = capacity.div_ceil(4).clamp(64, 1 << 28).next_power_of_two();
        Self { words: (0..words).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Whether an entry may have the name of this hash. `false` is certain.
    pub(super) fn may_hold(&self, hash: u64) -> bool {
        let bits = bits(hash);
        self.words.get(self.place(hash)).is_some_and(|word| word.load(Ordering::Acquire) & bits == bits)
    }

    /// Knows the name of this hash from now on.
    pub(super) fn add(&self, hash: u64) {
        if let Some(word) = self.words.get(self.place(hash)) {
            word.fetch_or(bits(hash), Ordering::Release);
        }
    }

    /// Knows these and no others. Readers may ask meanwhile; no other writer may write.
    pub(super) fn rebuild(&self, hashes: impl Iterator<Item = u64>) {
        let mut fresh = vec![0_u64; self.words.len()];
        for hash in hashes {
            if let Some(word) = fresh.get_mut(self.place(hash)) {
                *word |= bits(hash);
            }
        }
        for (word, fresh) in self.words.iter().zip(fresh) {
            word.store(fresh, Ordering::Release);
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "only the low bits choose the word")]
    fn place(&self, hash: u64) -> usize {
        hash as usize & (self.words.len() - 1)
    }
}

/// Bits chosen by the upper part of the hash, which does not choose the word.
fn bits(hash: u64) -> u64 {
    (1 << (hash >> 58)) | (1 << (hash >> 52 & 63)) | (1 << (hash >> 46 & 63)) | (1 << (hash >> 40 & 63))
}
