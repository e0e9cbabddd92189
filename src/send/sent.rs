//! What became of some events.

use crate::domain::Fault;

/// What became of some events.
#[derive(Debug, Default)]
pub struct Sent {
    pub accepted: usize,
    /// Why the others were not; one fault may stand for many of them.
    pub faults: Vec<Fault>,
}
