//! What the gateway says about itself: log lines, metrics, request ids.

mod settings;

pub use settings::{LogFormat, LogSettings};
