//! Watches on events: who was throttled, within minutes. Pure: an event's text in, what it is out; counts in,
//! what is to be told out.

mod caller;
mod clean;
pub mod event;
mod genesys;
mod ids;
pub mod index;
pub mod look;
pub mod record;
mod span;
pub mod state;
pub mod table;
pub mod words;
