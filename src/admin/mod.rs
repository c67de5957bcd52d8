//! The admin listener: metrics, health and status.
