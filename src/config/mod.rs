//! From file, environment and secret files to checked settings, with every problem in one pass.
//!
//! Only this folder knows TOML, figment and environment names. It reads files; it opens no socket.

mod settings;

pub use settings::Settings;
