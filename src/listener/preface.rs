//! Tells HTTP/2 with prior knowledge from HTTP/1 on a cleartext connection, by its first bytes (RFC 9113 section 3.3).
//!
//! The HTTP library's own detection has no deadline; this one is bounded by its caller and hands the bytes back.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use super::vitals::Protocol;

const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A stream that gives back first what was read ahead.
#[derive(Debug)]
pub(super) struct Rewound<S> {
    ahead: [u8; PREFACE.len()],
    /// Which bytes of `ahead` are still to be given back.
    start: usize,
    end: usize,
    io: S,
}

impl<S: AsyncRead + Unpin> Rewound<S> {
    /// Nothing read ahead.
    pub(super) fn new(io: S) -> Self {
        Self { ahead: [0; PREFACE.len()], start: 0, end: 0, io }
    }

    /// Reads ahead until a first byte is there; false at the end of the stream.
    pub(super) async fn await_first_byte(&mut self) -> io::Result<bool> {
        self.read_ahead().await
    }

    /// Reads ahead until it is clear what the client speaks.
    pub(super) async fn detect(&mut self) -> io::Result<Protocol> {
        loop {
            let seen = self.ahead.get(..self.end).unwrap_or_default();
            if !PREFACE.starts_with(seen) {
                return Ok(Protocol::Http1);
            }
            if seen.len() == PREFACE.len() {
                return Ok(Protocol::Http2);
            }
            if !self.read_ahead().await? {
                return Ok(Protocol::Http1);
            }
        }
    }

    async fn read_ahead(&mut self) -> io::Result<bool> {
        let Some(room) = self.ahead.get_mut(self.end..) else { return Ok(false) };
        let read = self.io.read(room).await?;
        self.end += read;
        Ok(read > 0)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Rewound<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let length = buffer.remaining().min(this.end - this.start);
        match this.ahead.get(this.start..this.start + length) {
            Some(ahead) if !ahead.is_empty() => {
                buffer.put_slice(ahead);
                this.start += length;
                Poll::Ready(Ok(()))
            }
            _ => Pin::new(&mut this.io).poll_read(cx, buffer),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Rewound<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(self: Pin<&mut Self>, cx: &mut Context<'_>, pieces: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn detect(pieces: &[&[u8]]) -> (Protocol, Vec<u8>) {
        let mut mock = tokio_pieces(pieces);
        let mut rewound = Rewound::new(&mut mock);
        let protocol = rewound.detect().await.unwrap();
        let mut all = Vec::new();
        rewound.read_to_end(&mut all).await.unwrap();
        (protocol, all)
    }

    /// A stream that gives one piece to each read.
    fn tokio_pieces(pieces: &[&[u8]]) -> impl AsyncRead + Unpin {
        let pieces: Vec<Vec<u8>> = pieces.iter().map(|piece| piece.to_vec()).collect();
        let (mut writer, reader) = tokio::io::duplex(1);
        tokio::spawn(async move {
            for piece in pieces {
                tokio::io::AsyncWriteExt::write_all(&mut writer, &piece).await.unwrap();
            }
        });
        reader
    }

    #[tokio::test]
    async fn protocol_is_told_byte_by_byte_and_no_byte_is_lost() {
        let cases: [(&[u8], Protocol); 5] = [
            (b"GET / HTTP/1.1\r\n\r\n", Protocol::Http1),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nabc", Protocol::Http2),
            (b"PRI * HTTP/1.1\r\n\r\n", Protocol::Http1),
            (b"PRI", Protocol::Http1),
            (b"", Protocol::Http1),
        ];
        for (bytes, expected) in cases {
            assert_eq!(detect(&[bytes]).await, (expected, bytes.to_vec()));
        }
    }
}
