//! From file, environment and secret files to checked settings, problems of all blocks in one pass.
//!
//! Only this folder knows TOML, figment and environment names. It reads files; it opens no socket. Called by `gateway`
//! at start and reload and by the commands. Order of work: `load` (text), `document` (tree with places), `walk` (unknown
//! keys), `environment`, `layers` (tables to the shapes in `file`), `compile` (shapes to settings), `source` (places of
//! what was refused).

mod compile;
mod diagnostic;
mod document;
mod environment;
mod file;
mod files;
mod key_path;
mod layers;
mod load;
mod schema;
mod settings;
mod source;
mod units;
mod user_info;
mod walk;

#[cfg(test)]
mod tests;

pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use files::SourceFile;
pub use load::{load, load_at};
pub use settings::Settings;
pub(crate) use units::duration;
