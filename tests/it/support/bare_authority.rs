//! A gateway with the token authority on a store of its own, and somebody who holds an API key for everything.

use std::fmt::Write;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::Value;

use super::client::exchange;
use super::gateway::{Gateway, configuration};
use super::http::Answer;

/// An API key that may do everything.
pub const API_KEY: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";

/// A gateway that is an authority and has no routes.
pub struct BareAuthority {
    pub gateway: Gateway,
}

impl BareAuthority {
    /// With these blocks: applications, identity providers and whatever else.
    #[track_caller]
    pub fn start(blocks: &str) -> Self {
        Self { gateway: Gateway::start(&Self::configuration(blocks)) }
    }

    /// The text that [`Self::start`] starts with, for a reload.
    pub fn configuration(blocks: &str) -> String {
        let mut hash = String::new();
        digest(&SHA256, API_KEY.as_bytes()).as_ref().iter().for_each(|byte| write!(hash, "{byte:02x}").unwrap());
        let rest = format!(
            "[store]\nurl = \"sqlite://tollgate.db\"\nencryption_key_file = \"tollgate.key\"\n\n\
             [authority]\nissuer = \"https://authority.example\"\n\n\
             [[api_key]]\nname = \"tests\"\nsha256 = \"{hash}\"\npermissions = \"all\"\n\n{blocks}"
        );
        configuration(&[], &[], &rest)
    }

    /// Sends `line` (method and target) with these headers and, where there is one, this JSON body.
    #[track_caller]
    pub fn call(&self, line: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Answer {
        let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let body = body.map(Value::to_string).unwrap_or_default();
        let of_body = match body.len() {
            0 => String::new(),
            length => format!("Content-Type: application/json\r\nContent-Length: {length}\r\n"),
        };
        exchange(self.gateway.plain(), format!("{line} HTTP/1.1\r\nHost: localhost\r\n{lines}{of_body}\r\n{body}"))
    }

    /// As [`Self::call`], with the API key.
    #[track_caller]
    pub fn manage(&self, line: &str, body: Option<&Value>) -> Answer {
        self.call(line, &[("Authorization", API_KEY)], body)
    }
}
