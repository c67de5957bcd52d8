//! An HTTP/2 client that sends any frames, well formed or not (RFC 9113 section 4.1).

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(10);
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// A frame that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Status(u16),
    /// The stream was reset with this code.
    Reset(u32),
    /// The connection was given up with this code.
    GoAway(u32),
    /// The connection ended without a word.
    Closed,
}

/// One connection.
pub struct Frames {
    stream: TcpStream,
}

impl Frames {
    /// Connects and exchanges settings.
    #[track_caller]
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut frames = Self { stream };
        frames.send([PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).unwrap();
        frames
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// How long a send may wait for the gateway to take it.
    pub fn set_write_patience(&self, patience: Duration) {
        self.stream.set_write_timeout(Some(patience)).unwrap();
    }

    /// The next frame.
    pub fn next(&mut self) -> io::Result<Frame> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head)?;
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        self.stream.read_exact(&mut payload)?;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        Ok(Frame { kind: head[3], flags: head[4], stream, payload })
    }

    /// What becomes of the request on `stream`.
    #[track_caller]
    pub fn outcome(&mut self, stream: u32) -> Outcome {
        loop {
            match self.next() {
                Ok(frame) if frame.kind == HEADERS && frame.stream == stream => return Outcome::Status(status(&frame.payload)),
                Ok(frame) if frame.kind == RST_STREAM && frame.stream == stream => return Outcome::Reset(code(&frame.payload)),
                Ok(frame) if frame.kind == GOAWAY && code(&frame.payload[4..]) != 0 => {
                    return Outcome::GoAway(code(&frame.payload[4..]));
                }
                Ok(_) => {}
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    panic!("no outcome: {error}")
                }
                Err(_) => return Outcome::Closed,
            }
        }
    }

    /// Sends a request without body on a new connection and sees what becomes of it.
    #[track_caller]
    pub fn request(address: SocketAddr, fields: &[(&str, &[u8])]) -> Outcome {
        let mut frames = Self::open(address);
        frames.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, &block(fields))).unwrap();
        frames.outcome(1)
    }
}

/// A frame's bytes.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A header block of literals that are neither indexed nor coded (RFC 7541 section 6.2.2).
pub fn block(fields: &[(&str, &[u8])]) -> Vec<u8> {
    fields.iter().fold(Vec::new(), |mut block, (name, value)| {
        block.push(0);
        push_string(&mut block, name.as_bytes());
        push_string(&mut block, value);
        block
    })
}

/// The pseudo-header fields of a request.
pub fn pseudo<'a>(method: &'a str, path: &'a str) -> Vec<(&'static str, &'a [u8])> {
    vec![(":method", method.as_bytes()), (":scheme", b"http"), (":authority", b"localhost"), (":path", path.as_bytes())]
}

fn push_string(block: &mut Vec<u8>, bytes: &[u8]) {
    let mut rest = bytes.len();
    if rest < 127 {
        block.push(u8::try_from(rest).unwrap());
    } else {
        block.push(127);
        rest -= 127;
        while rest >= 128 {
            block.push(u8::try_from(rest % 128).unwrap() | 128);
            rest /= 128;
        }
        block.push(u8::try_from(rest).unwrap());
    }
    block.extend_from_slice(bytes);
}

fn code(payload: &[u8]) -> u32 {
    u32::from_be_bytes(payload[..4].try_into().unwrap())
}

/// The `:status` at the start of a connection's first response (RFC 7541 appendices A and B).
fn status(block: &[u8]) -> u16 {
    const INDEXED: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];
    match block {
        [index @ 0x88..=0x8e, ..] => INDEXED[usize::from(index - 0x88)],
        [0x48 | 0x08, length, text @ ..] if length & 0x80 != 0 => digits(&text[..usize::from(length & 0x7f)]),
        [0x48 | 0x08, 3, text @ ..] => std::str::from_utf8(&text[..3]).unwrap().parse().unwrap(),
        _ => panic!("no status in {block:x?}"),
    }
}

/// Three digits in Huffman code: 0, 1 and 2 have five bits, the others six.
fn digits(coded: &[u8]) -> u16 {
    let bits: Vec<u8> = coded.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let value = |bits: &[u8]| bits.iter().fold(0_u16, |value, bit| value << 1 | u16::from(*bit));
    let (mut at, mut number) = (0, 0);
    for _ in 0..3 {
        let short = value(&bits[at..at + 5]);
        let (digit, length) = if short < 3 { (short, 5) } else { (value(&bits[at..at + 6]) - 0b01_1001 + 3, 6) };
        number = number * 10 + digit;
        at += length;
    }
    number
}
