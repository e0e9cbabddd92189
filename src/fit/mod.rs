//! Will it fit? What a plan adds, against a reading. Pure: files and AWS are read by the edge.

mod changes;
mod delta;
mod readings;
mod table;
mod template;
mod terraform;
#[cfg(test)]
mod tests;
mod verdict;

pub use changes::Changes;
pub use readings::{Readings, Row};
pub use table::{asked, instance_id};
pub use template::{Nested, parse as template};
pub use terraform::plan as terraform;
pub use verdict::{Line, Verdict, assess};
