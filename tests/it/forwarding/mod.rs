//! Requests on their way to backends and answers on their way back, byte by byte.

