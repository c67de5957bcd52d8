//! What the gateway says about itself: log lines, metrics, request ids.

mod settings;
mod sharded;

pub use settings::{LogFormat, LogSettings};
pub use sharded::{Family, ShardedCounter, ShardedHistogram};
pub(crate) use sharded::{SHARDS, shard};
