//! Header sections: what is removed, what is found in them, and whose word counts.
//!
//! The input is lines of `name: value`, as far as they are header lines at all.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::LazyLock;

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri};
use tollgate::identity::credential;
use tollgate::peer::{Peer, RequestLimits, address_value};
use tollgate::proxy::forwarded::PeerView;
use tollgate::proxy::{ManagedHeaders, sanitize, sanitize_response, sanitize_trailers};
use tollgate::route::TokenFrom;

use crate::Target;

/// Whatever passes has no identity header in any spelling, and nothing that belongs to the connection.
pub const SANITIZE: Target = Target {
    name: "sanitize",
    run: |data| {
        let mut head = head(data);
        let mut trailers = head.headers.clone();
        sanitize_trailers(&mut trailers, &MANAGED);
        assert!(trailers.keys().all(|name| !is_identity(name.as_str())), "no identity in trailers");
        let mut answer = head.headers.clone();
        sanitize_response(&mut answer);
        assert!(HOP_BY_HOP.iter().all(|name| !answer.contains_key(*name)), "hop-by-hop fields reach no client");
        let sent = head.headers.clone();
        if let Ok(clean) = sanitize(&mut head, &MANAGED, &LIMITS) {
            assert!(sent.len() <= LIMITS.header_count, "the limit holds");
            assert!(head.headers.keys().all(|name| !is_identity(name.as_str())), "no identity passes: {:?}", head.headers);
            assert!(
                HOP_BY_HOP.iter().all(|name| !head.headers.contains_key(*name)),
                "hop-by-hop fields pass: {:?}",
                head.headers
            );
            assert!(!(sent.contains_key("content-length") && sent.contains_key("transfer-encoding")), "one framing");
            assert!(
                head.headers.get_all("host").iter().count() <= 1 && head.headers.get_all("authorization").iter().count() <= 1
            );
            assert!(clean.identity_headers <= sent.len());
            let nominated = HeaderName::from_static("x-kept");
            let keeps = sent
                .get_all("connection")
                .iter()
                .all(|value| !value.as_bytes().to_ascii_lowercase().windows(6).any(|w| w == b"x-kept"));
            if keeps {
                let values = |headers: &HeaderMap| headers.get_all(&nominated).iter().cloned().collect::<Vec<_>>();
                assert_eq!(values(&head.headers), values(&sent), "what nobody manages stays as it was");
            }
        }
    },
    seeds: &[
        b"host: a.example\nx-forwarded-user: root\nX_Forwarded_User: root\nx-kept: 1",
        b"host: a\nconnection: close, x-forwarded-user, upgrade\nupgrade: websocket\nx-forwarded-user: a",
        b"host: a\ncontent-length: 3\ntransfer-encoding: chunked",
        b"host: a\ncookie: a=b\ncookie: c=d\nte: trailers\ntrailer: x-forwarded-user, x-checksum",
        b"host: a\nhost: b\nauthorization: a\nauthorization: b",
    ],
    dictionary: HEADER_WORDS,
};

/// What is found was sent, and what is stripped is gone for a reader that shares no code with the finder.
pub const CREDENTIAL: Target = Target {
    name: "credential",
    run: |data| {
        let mut headers = head(data).headers;
        let query = std::str::from_utf8(data).ok();
        let from = TokenFrom { header: true, cookie: true, query: true };
        if let Ok(Some(found)) = credential::find(&headers, query, &from) {
            let whole: Vec<&[u8]> = headers.values().map(HeaderValue::as_bytes).chain([data]).collect();
            let sent =
                |token: &str| whole.iter().any(|text| text.windows(token.len().max(1)).any(|part| part == token.as_bytes()));
            assert!(found.tokens().count() >= 1);
            assert!(found.tokens().all(sent), "a token is a piece of the request");
        }
        let others = foreign_cookies(&headers);
        credential::strip_cookies(&mut headers);
        credential::strip_authorization(&mut headers);
        let names: Vec<Vec<u8>> = cookies(&headers).map(|(name, _)| name).collect();
        assert!(names.iter().all(|name| name != b"access_token" && name != b"refresh_token"), "ours are gone");
        assert_eq!(foreign_cookies(&headers), others, "the others stay");
        let scheme = |value: &HeaderValue| value.as_bytes().to_ascii_lowercase();
        assert!(
            headers
                .get_all("authorization")
                .iter()
                .all(|value| !scheme(value).starts_with(b"bearer ") && !scheme(value).starts_with(b"jwt "))
        );
        if let Some(stripped) = query.and_then(credential::strip_query) {
            assert_eq!(credential::strip_query(&stripped), None, "nothing is left to strip");
        }
    },
    seeds: &[
        b"authorization: Bearer abc\ncookie: access_token=x; theme=dark; refresh_token=y",
        b"cookie: access_token=a; access_token=b;access_token=\"c\"\ncookie: a=1",
        b"authorization: Basic YTpi, Bearer x",
        b"/path?access_token=a&b=c&access%5ftoken=d",
    ],
    dictionary: HEADER_WORDS,
};

/// A stranger's forwarding headers change nothing; a trusted proxy's give an address that it named.
pub const FORWARDED: Target = Target {
    name: "forwarded",
    run: |data| {
        let headers = head(data).headers;
        let stranger = PeerView::of(&peer("192.0.2.1:5", "10.0.0.0/8"));
        assert!(stranger.hear(&headers).is_none(), "nobody else is believed");
        let proxy = PeerView::of(&peer("10.0.0.1:5", "10.0.0.0/8"));
        let heard = proxy.hear(&headers);
        let client = proxy.client(heard.as_ref(), "a.example", None);
        let entries = headers.get_all("x-forwarded-for").iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
        let named: Vec<String> = entries.map(|entry| String::from_utf8_lossy(entry).trim().to_owned()).collect();
        let own = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
        assert!(client.ip == own || named.iter().any(|entry| address(entry) == Some(client.ip)), "{} was never named", client.ip);
        let mut told = HeaderMap::new();
        proxy.tell(heard.as_ref(), &Uri::from_static("http://a.example/"), &mut told);
        assert!(told.keys().all(|name| told.get_all(name).iter().count() == 1), "one word each");
    },
    seeds: &[
        b"x-forwarded-for: 203.0.113.7, 10.1.1.1\nx-forwarded-proto: https\nx-forwarded-host: a.example:8443",
        b"x-forwarded-for: [2001:db8::1]:443, ::ffff:10.0.0.2\nx-forwarded-for: unknown",
        b"x-forwarded-for: 1.2.3.4:55\nx-forwarded-port: 443\nforwarded: for=1.2.3.4",
    ],
    dictionary: &[
        b"x-forwarded-for: ",
        b"x-forwarded-proto: ",
        b"x-forwarded-host: ",
        b"x-forwarded-port: ",
        b"10.0.0.9",
        b"203.0.113.9",
        b"::ffff:",
        b"[::1]",
        b",",
        b":443",
        b"https",
        b"http",
        b"unknown",
        b"_x",
        b"\n",
        b"%eth0",
        b"0x7f.1",
    ],
};

const HOP_BY_HOP: [&str; 6] =
    ["connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "upgrade"];
const HEADER_WORDS: &[&[u8]] = &[
    b"host: ",
    b"connection: ",
    b"x-forwarded-user",
    b"X_Forwarded_User: ",
    b"x.forwarded.user: ",
    b"remote-user: ",
    b"x-auth-request-email: ",
    b"x-tollgate-a: ",
    b"content-length: ",
    b"transfer-encoding: ",
    b"chunked",
    b"cookie: ",
    b"access_token=",
    b"refresh_token=",
    b"; ",
    b";",
    b"=",
    b"authorization: ",
    b"Bearer ",
    b"JWT ",
    b"Basic ",
    b", ",
    b"\n",
    b"te: trailers",
    b"trailer: ",
    b"upgrade: ",
    b"websocket",
    b"h2c",
    b"x-kept: 1",
    b"\"",
    b"&",
    b"?",
    b"access_token",
    b"%5f",
    b"+",
];
const LIMITS: RequestLimits = RequestLimits { header_count: 100, header_bytes: 65_536, target_bytes: 8192 };

static MANAGED: LazyLock<ManagedHeaders> = LazyLock::new(|| ManagedHeaders::new([&HeaderName::from_static("x-user-id")]));

fn head(data: &[u8]) -> Parts {
    let mut head = Request::new(()).into_parts().0;
    for line in data.split(|byte| *byte == b'\n') {
        let mut halves = line.splitn(2, |byte| *byte == b':');
        let (Some(name), Some(value)) = (halves.next(), halves.next()) else { continue };
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value.trim_ascii())) {
            // More lines than a header map can hold never reach the code under test.
            if head.headers.try_append(name, value).is_err() {
                break;
            }
        }
    }
    head
}

/// As a CGI-like backend reads names: only letters and digits differ.
fn is_identity(name: &str) -> bool {
    let folded: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
    let exact = [
        "x_user_id",
        "x_forwarded_user",
        "x_forwarded_email",
        "x_forwarded_groups",
        "x_forwarded_preferred_username",
        "remote_user",
    ];
    exact.contains(&folded.as_str()) || folded.starts_with("x_auth_request_") || folded.starts_with("x_tollgate_")
}

fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    let crumbs = headers.get_all("cookie").iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    crumbs.map(|crumb| {
        let crumb = crumb.trim_ascii();
        let at = crumb.iter().position(|byte| *byte == b'=').unwrap_or(crumb.len());
        (crumb[..at].trim_ascii().to_vec(), crumb.get(at + 1..).unwrap_or_default().trim_ascii().to_vec())
    })
}

/// Other applications' cookies, as a backend would find them.
fn foreign_cookies(headers: &HeaderMap) -> Vec<(Vec<u8>, Vec<u8>)> {
    let ours = |name: &[u8]| name == b"access_token" || name == b"refresh_token";
    cookies(headers).filter(|(name, value)| !ours(name) && !(name.is_empty() && value.is_empty())).collect()
}

fn peer(address: &str, trusted: &str) -> Peer {
    let address: SocketAddr = address.parse().expect("an address");
    Peer {
        address,
        address_value: address_value(address.ip()),
        listener: "fuzz".into(),
        secure: false,
        local_port: 80,
        server_name: None,
        client_certificates: false,
        trusted_proxies: [trusted.parse().expect("a network")].into(),
        limits: LIMITS,
        idle: std::time::Duration::from_secs(1),
    }
}

fn address(entry: &str) -> Option<IpAddr> {
    let bracketed = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let ip = entry
        .parse()
        .or_else(|_| bracketed.unwrap_or(entry).parse())
        .or_else(|_| entry.parse::<SocketAddr>().map(|socket| socket.ip()));
    ip.ok().map(|ip: IpAddr| ip.to_canonical())
}
