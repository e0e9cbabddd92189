//! How a request ends.

use bytes::Bytes;
use http::Response;

/// How a request ends, which is not always with an answer.
#[derive(Debug)]
pub enum Reply {
    Http(Response<Bytes>),
    /// The connection is closed without an answer.
    Reset,
    /// There never was a connection.
    Unconnected(Unconnected),
    /// The headers promise more bytes than this body holds; then the connection is closed.
    Truncated(Response<Bytes>),
    /// No answer, ever.
    Hang,
}

/// Why a client gets no connection. Over sockets, where there is one already, it is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unconnected {
    /// The name does not exist.
    NoSuchName,
    /// Whether the name exists cannot be told at the moment.
    NameTryAgain,
    Refused,
    BadTls,
}
