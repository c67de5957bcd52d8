//! Cookies of a remote authority, made anew as this gateway's: a browser keeps a cookie only for the host that it talks to.

use std::time::Duration;

use http::HeaderValue;

use crate::identity::credential::{ACCESS_TOKEN, REFRESH_TOKEN};
use crate::proxy::cookies;
use crate::proxy::forwarded::ClientView;

/// What the remote has the browser do with one of our two cookies.
#[derive(Debug, PartialEq, Eq)]
enum Told<'a> {
    Keep { name: &'static str, value: &'a str, lifetime: Option<Duration> },
    Forget(&'static str),
}

/// Our cookies for those of `lines`, values of `Set-Cookie`, that have one of our names; no others.
pub(super) fn ours<'a>(
    lines: impl Iterator<Item = &'a HeaderValue>,
    lifetime: Duration,
    domain: Option<&str>,
    client: &ClientView<'_>,
) -> Vec<HeaderValue> {
    let make = |told: Told<'_>| match told {
        Told::Forget(name) => cookies::forgotten(name, domain, client),
        Told::Keep { name: ACCESS_TOKEN, value, .. } => cookies::access_token(value, domain, client).into_iter().collect(),
        Told::Keep { value, lifetime: own, .. } => {
            cookies::refresh_token(value, own.unwrap_or(lifetime), domain, client).into_iter().collect()
        }
    };
    lines.filter_map(|line| read(line.to_str().ok()?)).flat_map(make).collect()
}

/// One `Set-Cookie` (RFC 6265 section 5.2). `Max-Age` beats `Expires`, which is not looked at: servers send both.
fn read(line: &str) -> Option<Told<'_>> {
    let mut parts = line.split(';');
    let (name, value) = parts.next()?.split_once('=')?;
    let name = [ACCESS_TOKEN, REFRESH_TOKEN].into_iter().find(|ours| *ours == name.trim())?;
    let value = value.trim();
    let mut attributes = parts.filter_map(|part| part.split_once('='));
    let age = attributes.rfind(|(name, _)| name.trim().eq_ignore_ascii_case("max-age"));
    let age = age.and_then(|(_, seconds)| seconds.trim().parse::<i64>().ok());
    if value.is_empty() || age.is_some_and(|age| age <= 0) {
        return Some(Told::Forget(name));
    }
    let is_plain = value.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b'\\'));
    let lifetime = age.and_then(|age| u64::try_from(age).ok()).map(Duration::from_secs);
    is_plain.then_some(Told::Keep { name, value, lifetime })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(lines: &[&'static str], domain: Option<&str>) -> Vec<String> {
        let client = ClientView { ip: [192, 0, 2, 1].into(), secure: true, host: "auth.example.com".into(), port: 443 };
        let lines: Vec<_> = lines.iter().map(|line| HeaderValue::from_static(line)).collect();
        let made = ours(lines.iter(), Duration::from_secs(60), domain, &client);
        made.iter().map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn value_and_age_are_the_remotes_and_everything_else_is_ours() {
        let lines = [
            "access_token=a.b.c; Path=/api; Domain=evil.example; SameSite=None",
            "refresh_token=r; Max-Age=9; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/; HttpOnly",
        ];
        let expected = [
            "access_token=a.b.c; Domain=example.com; Path=/; HttpOnly; SameSite=Lax; Secure",
            "refresh_token=r; Max-Age=9; Domain=example.com; Path=/; HttpOnly; SameSite=Lax; Secure",
        ];
        assert_eq!(made(&lines, Some("example.com")), expected);
        assert_eq!(made(&["refresh_token=r"], None), ["refresh_token=r; Max-Age=60; Path=/; HttpOnly; SameSite=Lax; Secure"]);
    }

    #[test]
    fn what_is_to_be_forgotten_is_and_only_that() {
        for line in ["refresh_token=; Path=/", "refresh_token=x; max-age=0", "refresh_token=x; Max-Age=-1"] {
            let made = made(&[line], Some("example.com"));
            assert_eq!(made.len(), 2, "for the domain and the host: {made:?}");
            assert!(made.iter().all(|line| line.starts_with("refresh_token=; Max-Age=0")), "{made:?}");
        }
    }

    #[test]
    fn cookies_of_other_names_and_values_that_are_none_stay_behind() {
        let lines = ["fusionauth.sso=x", "Access_Token=x", "access_token", "access_token=\"a\"", "access_token=a,b", "=x"];
        assert_eq!(made(&lines, None), Vec::<String>::new());
    }
}
