//! What went over the wire.

/// A reading of the counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CallStats {
    /// Attempts, retries included.
    pub requests: u64,
    pub throttled: u64,
    /// Time spent waiting for tokens, summed over calls that waited side by side.
    pub paced_wait_ms: u64,
}

impl CallStats {
    /// What was added since an earlier reading.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            requests: self.requests - earlier.requests,
            throttled: self.throttled - earlier.throttled,
            paced_wait_ms: self.paced_wait_ms - earlier.paced_wait_ms,
        }
    }
}
