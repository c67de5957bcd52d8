//! Bounds of histograms that several families share, so that their quantiles can be compared.

use std::time::Duration;

/// For a whole exchange of HTTP, by the gateway as by an upstream.
pub const EXCHANGE_BOUNDS: [Duration; 12] = [
    Duration::from_micros(100),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(30),
];
