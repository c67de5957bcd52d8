//! A store that is as simple as can be, to compare others with.
