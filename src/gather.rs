//! Writing several pieces to a socket. Called where HTTP meets a socket, on both sides of the gateway.
//!
//! The system takes one piece faster than a list of pieces. The HTTP library hands over a head and a small body as two
//! pieces, or a head alone as a list of one.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;

/// Together up to this, pieces are copied into one.
const SMALL: usize = 2048;

/// Writes `pieces` in their order, as far as `io` takes them at once.
pub fn poll_write<S: AsyncWrite + Unpin>(io: &mut S, cx: &mut Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
    let io = Pin::new(io);
    match pieces {
        [piece] => io.poll_write(cx, piece),
        _ => {
            let mut whole = [0; SMALL];
            match copy(pieces, &mut whole) {
                Some(whole) => io.poll_write(cx, whole),
                None => io.poll_write_vectored(cx, pieces),
            }
        }
    }
}

/// All of `pieces` one after the other, if they fit.
fn copy<'w>(pieces: &[IoSlice<'_>], whole: &'w mut [u8]) -> Option<&'w [u8]> {
    let mut end = 0;
    for piece in pieces {
        whole.get_mut(end..end + piece.len())?.copy_from_slice(piece);
        end += piece.len();
    }
    whole.get(..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_byte_is_written_in_its_order_whatever_the_pieces() {
        for lengths in [&[][..], &[5], &[0], &[3, 0, 4], &[1000, 1048], &[1000, 1049], &[5000, 5000]] {
            let content: Vec<u8> = (0..lengths.iter().sum::<usize>()).map(|at| at.to_le_bytes()[0]).collect();
            let mut rest = &content[..];
            let pieces: Vec<IoSlice<'_>> = lengths
                .iter()
                .map(|&length| {
                    let (piece, after) = rest.split_at(length);
                    rest = after;
                    IoSlice::new(piece)
                })
                .collect();
            let mut written = Vec::new();
            let count = std::future::poll_fn(|cx| poll_write(&mut written, cx, &pieces)).await.unwrap();
            assert_eq!((count, &written), (content.len(), &content), "{lengths:?}");
        }
    }
}
