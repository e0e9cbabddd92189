//! The Lambda Runtime API, to run a function's binary as Lambda would: over real HTTP, with one
//! invocation at a time.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{Method, Request, Response};
use serde_json::{Value, json};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use crate::ids::uuid;
use crate::reply::Reply;
use crate::server::Server;
use crate::wire::{respond, set_header};

const FUNCTION_ARN: &str = "arn:aws:lambda:us-east-1:111122223333:function:connect-quota-monitor";

/// How an invocation ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Response(Value),
    /// What the function reported, or what Lambda says when it did not answer in time.
    Error {
        error_type: String,
        message: String,
        raw: Value,
    },
}

#[derive(Debug)]
struct Invocation {
    id: String,
    payload: Bytes,
    deadline_ms: u128,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Invocation>,
    /// Invocations that were handed out, or wait to be: who wants to know their end.
    open: BTreeMap<String, oneshot::Sender<Outcome>>,
    invocations: u64,
    first_poll: Option<Instant>,
    init_error: Option<Value>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running Runtime API. Dropping it closes its port.
#[derive(Debug)]
pub struct RuntimeApi {
    shared: Arc<Shared>,
    server: Server,
}

impl RuntimeApi {
    /// Listens on a loopback port.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start() -> io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let handler = Arc::clone(&shared);
        let server = Server::start(0, move |request| answer(Arc::clone(&handler), request)).await?;
        Ok(Self { shared, server })
    }

    /// Such as `127.0.0.1:9001`: what `AWS_LAMBDA_RUNTIME_API` takes.
    #[must_use]
    pub fn address(&self) -> String {
        self.server.address().to_string()
    }

    /// Invokes the function and waits for its answer, up to the deadline that it is told.
    pub async fn invoke(&self, payload: Bytes, deadline: Duration) -> Outcome {
        let (done, outcome) = oneshot::channel();
        let id = {
            let mut state = self.shared.state();
            state.invocations += 1;
            let id = uuid("invocation", "", state.invocations);
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            state.waiting.push_back(Invocation { id: id.clone(), payload, deadline_ms: (now + deadline).as_millis() });
            state.open.insert(id.clone(), done);
            id
        };
        self.shared.changed.notify_waiters();
        if let Ok(Ok(outcome)) = tokio::time::timeout(deadline, outcome).await {
            return outcome;
        }
        let mut state = self.shared.state();
        state.open.remove(&id);
        state.waiting.retain(|invocation| invocation.id != id);
        let message = format!("Task timed out after {:.2} seconds", deadline.as_secs_f64());
        let raw = json!({ "errorType": "Sandbox.Timedout", "errorMessage": message });
        Outcome::Error { error_type: "Sandbox.Timedout".to_owned(), message, raw }
    }

    /// Waits until the function reports that it could not start.
    pub async fn init_error(&self) -> Value {
        loop {
            let changed = self.shared.changed.notified();
            if let Some(error) = self.shared.state().init_error.clone() {
                return error;
            }
            changed.await;
        }
    }

    /// When the function asked for work for the first time: its start is over then.
    #[must_use]
    pub fn first_poll(&self) -> Option<Instant> {
        self.shared.state().first_poll
    }
}

async fn answer(shared: Arc<Shared>, request: Request<Bytes>) -> Reply {
    let path = request.uri().path().strip_prefix("/2018-06-01/runtime/").unwrap_or_default().to_owned();
    let parts: Vec<&str> = path.split('/').collect();
    let response = match (request.method(), parts.as_slice()) {
        (&Method::GET, ["invocation", "next"]) => next(&shared).await,
        (&Method::POST, ["invocation", id, end @ ("response" | "error")]) => {
            let body = serde_json::from_slice(request.body());
            let outcome = match (*end, body) {
                ("response", Ok(body)) => Outcome::Response(body),
                ("error", Ok(raw)) => failure(raw),
                // Lambda itself answers so when the function's answer is not JSON.
                (_, Err(error)) => failure(json!({
                    "errorType": "Function.ResponseNotJson",
                    "errorMessage": error.to_string(),
                })),
                _ => return Reply::Reset,
            };
            let caller = shared.state().open.remove(*id);
            match caller {
                Some(caller) => {
                    // Nobody waits any more when the deadline has just passed.
                    let _ = caller.send(outcome);
                    status("OK")
                }
                None => refuse(400, "InvalidRequestID", "Invalid request ID"),
            }
        }
        (&Method::POST, ["init", "error"]) => {
            let error = serde_json::from_slice(request.body()).unwrap_or(Value::Null);
            shared.state().init_error = Some(error);
            shared.changed.notify_waiters();
            status("OK")
        }
        _ => refuse(404, "InvalidPath", "There is no such path in the Runtime API"),
    };
    Reply::Http(response)
}

/// Waits for work; as in Lambda, for as long as it takes.
async fn next(shared: &Shared) -> Response<Bytes> {
    loop {
        let changed = shared.changed.notified();
        let invocation = {
            let mut state = shared.state();
            state.first_poll.get_or_insert_with(Instant::now);
            state.waiting.pop_front()
        };
        if let Some(invocation) = invocation {
            let mut response = respond(200, "application/json", invocation.payload);
            set_header(&mut response, "lambda-runtime-aws-request-id", &invocation.id);
            set_header(&mut response, "lambda-runtime-deadline-ms", &invocation.deadline_ms.to_string());
            set_header(&mut response, "lambda-runtime-invoked-function-arn", FUNCTION_ARN);
            let trace = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1";
            set_header(&mut response, "lambda-runtime-trace-id", trace);
            return response;
        }
        changed.await;
    }
}

fn failure(raw: Value) -> Outcome {
    let text = |name: &str| raw.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    Outcome::Error { error_type: text("errorType"), message: text("errorMessage"), raw }
}

fn status(text: &str) -> Response<Bytes> {
    respond(202, "application/json", json!({ "status": text }).to_string())
}

fn refuse(code: u16, kind: &str, message: &str) -> Response<Bytes> {
    respond(code, "application/json", json!({ "errorType": kind, "errorMessage": message }).to_string())
}
