//! The composition root: builds the parts in dependency order, runs the workers, reloads, shuts down.
