//! Fetching from a server that answers well, badly, slowly or without end.

pub(crate) mod mock;

use mock::{Mock, Reply};

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

fn bounds() -> Bounds {
    Bounds { timeout: Duration::from_secs(5), max_bytes: 1000, reach: Reach::Anywhere }
}

async fn get(url: &Uri) -> Result<Document, FetchError> {
    Fetcher::new(&TrustRoots::Given(Vec::new())).get(url, &bounds(), NOW).await
}

/// The word of the error that `reply` ends in, or `ok`.
async fn outcome(reply: Reply) -> &'static str {
    let mock = Mock::start(move |_| reply.clone()).await;
    get(&mock.url("/keys?secret=1")).await.map_or_else(|error| error.word(), |_| "ok")
}

#[tokio::test]
async fn a_document_comes_with_its_freshness() {
    let mock = Mock::start(|_| Reply::JsonWith("cache-control: max-age=60\r\n", "{}".into())).await;
    let document = get(&mock.url("/keys?v=1")).await.unwrap();
    assert_eq!((&document.body[..], document.freshness), (&b"{}"[..], Some(Duration::from_secs(60))));
    let head = mock.asked().remove(0).to_ascii_lowercase();
    assert!(head.starts_with("get /keys?v=1 http/1.1\r\n"), "{head}");
    assert!(head.contains("accept: application/json\r\n") && head.contains("user-agent: tollgate/"), "{head}");
    assert!(head.contains(&format!("host: {}\r\n", mock.base().trim_start_matches("http://"))), "{head}");
}

#[tokio::test]
async fn every_bad_answer_has_its_word() {
    let raw = |text: &str| Reply::Raw(text.as_bytes().to_vec());
    let large_head = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "a".repeat(64 * 1024));
    let cases = [
        (Reply::Json("1".repeat(1000)), "ok"),
        (Reply::Json("1".repeat(1001)), "too_large"),
        (Reply::Status(500), "status"),
        (Reply::Status(204), "status"),
        (raw("not http\r\n\r\n"), "http"),
        (raw("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345"), "http"),
        (raw("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n12345"), "http"),
        (raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n12345\r\n"), "http"),
        (raw(""), "http"),
        (raw(&large_head), "http"),
        (raw("HTTP/1.1 302 Found\r\n\r\n"), "redirect"),
    ];
    for (reply, expected) in cases {
        let shown = format!("{reply:?}");
        assert_eq!(outcome(reply).await, expected, "{}", &shown[..shown.len().min(200)]);
    }
}

#[tokio::test]
async fn traefik_cve_2026_26998_an_endless_body_ends_at_the_bound() {
    let starts = [
        "HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n40000000\r\n",
    ];
    for start in starts {
        assert_eq!(outcome(Reply::Endless(start)).await, "too_large", "{start}");
    }
    assert_eq!(outcome(Reply::Endless("HTTP/1.1 200 OK\r\nx: ")).await, "http");
}

#[tokio::test]
async fn the_deadline_covers_silence_and_dripping() {
    let short = Bounds { timeout: Duration::from_millis(200), ..bounds() };
    for reply in [Reply::Hang, Reply::Drip(Duration::from_millis(20), "{}".into())] {
        let mock = Mock::start(move |_| reply.clone()).await;
        let begun = std::time::Instant::now();
        let got = Fetcher::new(&TrustRoots::System).get(&mock.url("/"), &short, NOW).await;
        assert_eq!(got.err(), Some(FetchError::Timeout));
        assert!(begun.elapsed() < Duration::from_secs(2));
    }
}

#[tokio::test]
async fn redirects_are_followed_three_times_within_the_origin() {
    let mock = Mock::start(|path| match path.strip_prefix("/hop/").map(|left| left.parse::<u32>().unwrap()) {
        Some(0) => Reply::Json("{}".into()),
        Some(left) => Reply::Redirect(format!("/hop/{}", left - 1)),
        None => Reply::Redirect("http://127.0.0.1:1/keys".into()),
    })
    .await;
    assert!(get(&mock.url("/hop/3")).await.is_ok());
    assert_eq!(get(&mock.url("/hop/4")).await.err(), Some(FetchError::TooManyRedirects));
    assert_eq!(get(&mock.url("/away")).await.err(), Some(FetchError::Redirect));
}

#[tokio::test]
async fn https_believes_only_the_given_roots() {
    let (mock, certificate) = Mock::start_tls(|_| Reply::Json("{}".into())).await;
    let believing = Fetcher::new(&TrustRoots::Given(vec![certificate]));
    assert!(believing.get(&mock.url("/"), &bounds(), NOW).await.is_ok());

    let (other, _) = Mock::start_tls(|_| Reply::Json("{}".into())).await;
    assert_eq!(believing.get(&other.url("/"), &bounds(), NOW).await.unwrap_err().word(), "tls");
}

#[tokio::test]
async fn an_unknown_authority_is_said_to_be_one_for_ca_file() {
    let (mock, _) = Mock::start_tls(|_| Reply::Json("{}".into())).await;
    let mut stranger = rcgen::CertificateParams::new(vec!["stranger".to_owned()]).unwrap();
    stranger.distinguished_name.push(rcgen::DnType::CommonName, "stranger");
    let stranger = stranger.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
    let believing = Fetcher::new(&TrustRoots::Given(vec![stranger.der().clone()]));
    let error = believing.get(&mock.url("/"), &bounds(), NOW).await.unwrap_err();
    assert!(error.to_string().ends_with("UnknownIssuer; `ca_file` names the authorities to believe"), "{error}");
}

#[tokio::test]
async fn without_roots_https_is_unusable_and_plain_is_not() {
    let fetcher = Fetcher::new(&TrustRoots::Given(Vec::new()));
    assert_eq!(fetcher.usable_for(&Uri::from_static("https://issuer.example/")), Err(RootsError::NoneFound));
    assert_eq!(fetcher.usable_for(&Uri::from_static("http://127.0.0.1/")), Ok(()));
}

#[tokio::test]
async fn error_texts_never_show_the_query() {
    let mock = Mock::start(|_| Reply::Status(403)).await;
    let error = get(&mock.url("/keys?secret=hunter2")).await.unwrap_err();
    assert_eq!(error.to_string(), "answered with status 403 Forbidden");
}
