//! HTTP/1.1 messages read from a socket, byte by byte, by code that only tests use.

use std::io::{self, BufRead};

/// A header section in the order it came.
pub type Headers = Vec<(String, String)>;

/// One response.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub status: u16,
    pub headers: Headers,
    pub body: Vec<u8>,
    pub trailers: Headers,
}

impl Answer {
    /// The value of the only header called `name`; fails where there are several.
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<&str> {
        only(&self.headers, name)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The reason word of a refusal.
    pub fn reason(&self) -> String {
        let body: serde_json::Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body["reason"].as_str().unwrap_or_default().to_owned()
    }
}

/// The value of the only header called `name`.
#[track_caller]
pub fn only<'h>(headers: &'h Headers, name: &str) -> Option<&'h str> {
    let mut values = headers.iter().filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str());
    let first = values.next();
    assert!(values.next().is_none(), "several {name} in {headers:?}");
    first
}

/// The first line and the header section.
pub fn read_head(from: &mut impl BufRead) -> io::Result<(String, Headers)> {
    let line = read_line(from)?;
    Ok((line, read_headers(from)?))
}

fn read_headers(from: &mut impl BufRead) -> io::Result<Headers> {
    let mut headers = Vec::new();
    loop {
        let line = read_line(from)?;
        if line.is_empty() {
            return Ok(headers);
        }
        let (name, value) = line.split_once(':').ok_or_else(|| io::Error::other(format!("no header: {line}")))?;
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
}

fn read_line(from: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    if from.read_until(b'\n', &mut line)? == 0 || !line.ends_with(b"\r\n") {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    line.truncate(line.len() - 2);
    Ok(String::from_utf8_lossy(&line).into_owned())
}

/// The body that the headers announce, and its trailers. Without framing: nothing, or (`to_end`) all until the end.
pub fn read_body(from: &mut impl BufRead, headers: &Headers, to_end: bool) -> io::Result<(Vec<u8>, Headers)> {
    let mut body = Vec::new();
    if only(headers, "transfer-encoding").is_some() {
        while let length @ 1.. = read_chunk_length(from)? {
            let start = body.len();
            body.resize(start + length, 0);
            from.read_exact(&mut body[start..])?;
            read_line(from)?;
        }
        return Ok((body, read_headers(from)?));
    }
    match only(headers, "content-length") {
        Some(length) => {
            body.resize(length.parse().map_err(io::Error::other)?, 0);
            from.read_exact(&mut body)?;
        }
        None if to_end => drop(from.read_to_end(&mut body)?),
        None => {}
    }
    Ok((body, Vec::new()))
}

fn read_chunk_length(from: &mut impl BufRead) -> io::Result<usize> {
    let line = read_line(from)?;
    usize::from_str_radix(line.split(';').next().unwrap_or_default().trim(), 16).map_err(io::Error::other)
}

/// One response to a request with `method`; interim ones (1xx but 101) are skipped.
pub fn read_answer(from: &mut impl BufRead, method: &str) -> io::Result<Answer> {
    loop {
        let (line, headers) = read_head(from)?;
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(|| io::Error::other(line.clone()))?;
        match status {
            101 => return Ok(Answer { status, headers, ..Answer::default() }),
            100..200 => {}
            _ if method == "HEAD" || matches!(status, 204 | 304) => {
                return Ok(Answer { status, headers, ..Answer::default() });
            }
            _ => {
                let (body, trailers) = read_body(from, &headers, true)?;
                return Ok(Answer { status, headers, body, trailers });
            }
        }
    }
}
