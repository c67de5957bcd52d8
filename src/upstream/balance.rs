//! Choosing a server: the one with the least in flight of two random ones.
//!
//! Two choices keep the busiest server close to the mean without a queue that workers would have to share
//! (Mitzenmacher, "The power of two choices"). A server to which a connection just failed is taken last.

use std::cell::Cell;
use std::sync::Arc;

use super::pool::Server;

/// The servers in the order to try them: the chosen one, then the others.
pub(super) fn order(servers: &[Arc<Server>]) -> impl Iterator<Item = &Arc<Server>> {
    let first = if servers.len() < 2 { 0 } else { choose(servers) };
    servers.iter().cycle().skip(first).take(servers.len())
}

fn choose(servers: &[Arc<Server>]) -> usize {
    let one = random_below(servers.len());
    let other = (one + 1 + random_below(servers.len() - 1)) % servers.len();
    let (Some(a), Some(b)) = (servers.get(one), servers.get(other)) else { return 0 };
    if load(b) < load(a) { other } else { one }
}

fn load(server: &Server) -> (bool, usize) {
    (server.is_cooling_down(), server.in_flight())
}

/// A number below `bound`, good enough for balancing (xorshift64*); each thread has its own sequence.
fn random_below(bound: usize) -> usize {
    thread_local! {
        static STATE: Cell<u64> = Cell::new(ahash::RandomState::new().hash_one(0_u8) | 1);
    }
    STATE.with(|state| {
        let mut x = state.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        state.set(x);
        usize::try_from((x.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound.max(1) as u64).unwrap_or(0)
    })
}
