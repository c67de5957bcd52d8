//! Which tokens have ended early: the in-memory view that every request meets.
