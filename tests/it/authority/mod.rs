//! What an attacker, a crash or bad luck does to the token authority: over real sockets, on a store of its own.

mod kinds;
