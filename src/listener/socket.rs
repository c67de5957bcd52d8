//! The client's side of a connection as the HTTP library sees it: every byte is noted in the connection's vitals.
//!
//! Holds the connection's place until it is dropped, wherever it then is: after an upgrade the handler owns it. A drain
//! deadline reaches it there through [`Leash`].

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::limits::Place;
use super::vitals::Vitals;
use crate::gather;

/// A socket (plain or TLS) whose progress is noted.
#[derive(Debug)]
pub(super) struct Socket<S> {
    io: S,
    vitals: Arc<Vitals>,
    leash: Arc<Leash>,
    _place: Place,
}

impl<S> Socket<S> {
    /// Wraps `io`, which has `place` among the listener's connections.
    pub(super) fn new(io: S, vitals: Arc<Vitals>, leash: Arc<Leash>, place: Place) -> Self {
        Self { io, vitals, leash, _place: place }
    }

    fn note_write(&self, written: &Poll<io::Result<usize>>) {
        match written {
            Poll::Ready(Ok(_)) => self.vitals.note_written(),
            Poll::Ready(Err(_)) => self.vitals.note_io_failed(),
            Poll::Pending => self.vitals.note_write_blocked(),
        }
    }
}

impl<S> Drop for Socket<S> {
    fn drop(&mut self) {
        self.leash.closed.store(true, Ordering::Release);
        self.leash.owner.wake();
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Socket<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.io).poll_read(cx, buffer);
        match &read {
            Poll::Ready(Ok(())) => this.vitals.note_read(buffer.filled().get(before..).unwrap_or_default()),
            Poll::Ready(Err(_)) => this.vitals.note_io_failed(),
            Poll::Pending => this.vitals.note_read_blocked(),
        }
        this.leash.hold(read, &this.leash.reader, cx)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Socket<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.io).poll_write(cx, bytes);
        this.note_write(&written);
        this.leash.hold(written, &this.leash.writer, cx)
    }

    fn poll_write_vectored(self: Pin<&mut Self>, cx: &mut Context<'_>, pieces: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = gather::poll_write(&mut this.io, cx, pieces);
        this.note_write(&written);
        this.leash.hold(written, &this.leash.writer, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.io).poll_flush(cx);
        this.vitals.note_flush(flushed.is_pending());
        this.leash.hold(flushed, &this.leash.writer, cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let shut = Pin::new(&mut this.io).poll_shutdown(cx);
        this.leash.hold(shut, &this.leash.writer, cx)
    }
}

/// How the task that answers for a connection reaches its socket once a handler has taken it over.
#[derive(Debug, Default)]
pub(super) struct Leash {
    closed: AtomicBool,
    cut: AtomicBool,
    owner: AtomicWaker,
    reader: AtomicWaker,
    writer: AtomicWaker,
}

impl Leash {
    /// Resolves when the socket has been dropped.
    pub(super) async fn closed(&self) {
        std::future::poll_fn(|cx| {
            self.owner.register(cx.waker());
            if self.closed.load(Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Fails every further wait on the socket, and whoever is in one.
    pub(super) fn cut(&self) {
        self.cut.store(true, Ordering::Release);
        self.reader.wake();
        self.writer.wake();
    }

    /// Lets nobody wait on a socket that was cut. Registers first and asks afterwards, so that no cut is missed.
    fn hold<T>(&self, polled: Poll<io::Result<T>>, waiter: &AtomicWaker, cx: &Context<'_>) -> Poll<io::Result<T>> {
        if polled.is_pending() {
            waiter.register(cx.waker());
        }
        if self.cut.load(Ordering::Acquire) {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "drain deadline passed")));
        }
        polled
    }
}
