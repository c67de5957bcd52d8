//! `cookie_domain`: the domain whose hosts share the authority's cookies.

use std::net::Ipv4Addr;

use crate::config::compile::address::is_host_name;
use crate::config::diagnostic::{Problems, quoted};
use crate::config::key_path::KeyPath;
use crate::route::HostPattern;

/// Domains below which anyone may have a name. The best known of the public suffix list, which has thousands: this finds
/// slips, and is no replacement for knowing that a domain is one's own. A suffix that is missing here is refused by browsers.
const PUBLIC_SUFFIXES: &str = "\
    ac.jp ac.nz ac.uk amazonaws.com appspot.com azurewebsites.net blogspot.com cloudfront.net co.at co.id co.il \
    co.in co.jp co.kr co.nz co.th co.uk co.za com.ar com.au com.br com.cn com.co com.eg com.hk com.mx com.my \
    com.ng com.pe com.ph com.pk com.pl com.sa com.sg com.tr com.tw com.ua com.vn firebaseapp.com fly.dev github.io \
    gitlab.io gov.uk herokuapp.com me.uk ne.jp net.au net.br net.uk netlify.app ngrok.io onrender.com or.jp or.kr \
    org.au org.uk pages.dev run.app vercel.app web.app workers.dev";

/// The domain in lower case.
pub(super) fn compile(text: &str, path: &KeyPath, problems: &mut Problems) -> Option<Box<str>> {
    let domain = text.to_ascii_lowercase();
    if !is_host_name(&domain) || domain.parse::<Ipv4Addr>().is_ok() {
        problems.refuse(
            path,
            quoted(text),
            r#"a domain such as "example.com", without dots around it (leave it out for an address)"#,
        );
        return None;
    }
    if !domain.contains('.') || PUBLIC_SUFFIXES.split(' ').any(|suffix| suffix == domain) {
        let found = format!("{}, below which strangers have names that would share the cookies", quoted(text));
        problems.refuse(path, found, r#"a domain of your own, such as "example.com" (leave it out for one host alone)"#);
        return None;
    }
    Some(domain.into())
}

/// Whether every host of `pattern` that cookies may be meant for lies in `domain`. A route without host has those that
/// the browser sends them to.
pub(super) fn covers(domain: &str, pattern: &HostPattern) -> bool {
    match pattern {
        HostPattern::Any => true,
        HostPattern::Below(host) | HostPattern::Exact(host) => {
            host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        }
    }
}
