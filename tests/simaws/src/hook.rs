//! What a test does at each request of one caller: look, hold it, or never let it go.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

/// A request at one of its two moments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passing {
    /// The service's name as in [`Recorded`](crate::Recorded).
    pub service: &'static str,
    pub operation: String,
    /// False: it has arrived. True: it is done, and the caller does not know yet.
    pub is_answered: bool,
}

type Held = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Called for each request of one caller, see [`Sim::hooked`](crate::Sim::hooked).
#[derive(Clone)]
pub struct Hook(Arc<dyn Fn(Passing) -> Held + Send + Sync>);

impl Hook {
    /// Requests go on when the future ends.
    pub fn new<F>(hold: impl Fn(Passing) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self(Arc::new(move |passing| Box::pin(hold(passing))))
    }

    pub(crate) async fn pass(&self, passing: Passing) {
        (self.0)(passing).await;
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook")
    }
}
