//! Whether something that verified tokens may still vouch for them.
//!
//! A key and an issuer's settings each have one; what was remembered on their word asks it at every use. It ends once
//! and never begins again: a key that comes back is a new key.

use std::sync::atomic::{AtomicBool, Ordering};

/// Alive until it is ended.
#[derive(Debug)]
pub struct Liveness(AtomicBool);

impl Liveness {
    /// A living one.
    pub const fn new() -> Self {
        Self(AtomicBool::new(true))
    }

    /// Whether it has not been ended.
    pub fn is_alive(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Ends it, for good.
    pub fn end(&self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Default for Liveness {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_once_for_good() {
        let liveness = Liveness::new();
        assert!(liveness.is_alive());
        liveness.end();
        liveness.end();
        assert!(!liveness.is_alive());
    }
}
