//! Bodies of answers: the one body type that everything the gateway sends has.
