//! stub
use crate::clock::Timestamp;
use std::{net::IpAddr, time::Duration};
#[derive(Debug)]
pub struct Attempts;
#[derive(Debug)]
pub struct RetryAfter(pub Duration);
impl Attempts {
    pub fn allow(&self, _: &str, _: IpAddr, _: Timestamp) -> Result<(), RetryAfter> {
        Ok(())
    }
    pub fn succeeded(&self, _: &str, _: IpAddr, _: Timestamp) {}
}
