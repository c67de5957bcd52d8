//! What the gateway says about itself: log lines, metrics, request ids.
//!
//! Used by everything above it. No token, secret, cookie or claim is ever handed to it.

mod bounds;
mod log;
mod log_filter;
mod request_id;
mod settings;
mod sharded;

pub use bounds::EXCHANGE_BOUNDS;
pub use log::{LineBuffer, LogLevel, LogSink, LogWriter, install};
pub use request_id::RequestId;
pub use settings::{LogFormat, LogSettings};
pub use sharded::{Family, ShardedCounter, ShardedHistogram};
pub(crate) use sharded::{SHARDS, shard, thread_number};
