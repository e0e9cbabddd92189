//! A body that ends before its end, for tests without sockets.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame};

/// Gives what it holds, and then the error of a closed connection.
#[derive(Debug)]
pub struct BrokenOff(Option<Bytes>);

impl BrokenOff {
    #[must_use]
    pub fn after(bytes: Bytes) -> Self {
        Self(Some(bytes))
    }
}

impl Body for BrokenOff {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(Some(match self.0.take() {
            Some(bytes) => Ok(Frame::data(bytes)),
            None => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the body ended early")),
        }))
    }
}
