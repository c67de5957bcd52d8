//! stub
use super::PasswordSettings;
#[derive(Debug)]
pub struct Passwords;
#[derive(Debug)]
pub struct Busy;
impl Passwords {
    pub fn new(_: &PasswordSettings) -> Self {
        Self
    }
    pub async fn hash(&self, _: &str) -> Result<String, Busy> {
        Err(Busy)
    }
    pub async fn verify(&self, _: &str, _: Option<&str>) -> Result<bool, Busy> {
        Err(Busy)
    }
}
