//! Real HTTP/1.1 on a loopback port.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::body::{Body, Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Sleep;

use crate::reply::Reply;

/// A running server. Dropping it closes the port and every connection.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    task: AbortHandle,
}

impl Server {
    /// Such as `http://127.0.0.1:4566`: what `AWS_ENDPOINT_URL` takes.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers with what `handler` says; port 0 is any free one.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn start<H, F>(port: u16, handler: H) -> io::Result<Self>
    where
        H: Fn(Request<Bytes>) -> F + Clone + Send + 'static,
        F: Future<Output = Reply> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(accept(listener, handler)).abort_handle();
        Ok(Self { address, task })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Accepts until aborted. The connections live in this task's set, and so end with it.
async fn accept<H, F>(listener: TcpListener, handler: H)
where
    H: Fn(Request<Bytes>) -> F + Clone + Send + 'static,
    F: Future<Output = Reply> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let handler = handler.clone();
                    connections.spawn(async move {
                        let service = service_fn(move |request| exchange(request, handler.clone()));
                        // A broken connection is the client's concern, or the scripted fault itself.
                        let _ = hyper::server::conn::http1::Builder::new()
                            .timer(TokioTimer::new())
                            .serve_connection(TokioIo::new(stream), service)
                            .await;
                    });
                }
                // Out of file handles, for instance: others may close soon.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
        }
    }
}

async fn exchange<H, F>(request: Request<Incoming>, handler: H) -> io::Result<Response<BoxBody<Bytes, Infallible>>>
where
    H: Fn(Request<Bytes>) -> F,
    F: Future<Output = Reply>,
{
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    match handler(Request::from_parts(parts, body)).await {
        Reply::Http(response) => Ok(response.map(|body| Full::new(body).boxed())),
        Reply::Truncated(response) => Ok(response.map(|body| Cut::new(body).boxed())),
        // An error instead of an answer makes hyper close the connection.
        Reply::Reset | Reply::Unconnected(_) => Err(io::ErrorKind::ConnectionReset.into()),
        Reply::Hang => std::future::pending().await,
    }
}

/// A body that ends before the promised `content-length`. It ends a moment late, because what hyper
/// has not flushed when a body fails is never sent, and then nothing would arrive at all.
struct Cut {
    bytes: Option<Bytes>,
    pause: Pin<Box<Sleep>>,
}

impl Cut {
    fn new(bytes: Bytes) -> Self {
        Self { bytes: Some(bytes), pause: Box::pin(tokio::time::sleep(Duration::from_millis(20))) }
    }
}

impl Body for Cut {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.bytes.take() {
            Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            None => self.pause.as_mut().poll(context).map(|()| None),
        }
    }
}
