//! Logs: JSON lines on stdout under Lambda, plain text on stderr for a person.

use std::io;

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{Targets, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{fmt, registry};

/// `AWS_LAMBDA_LOG_LEVEL` wins over `RUST_LOG`; `info` without either. JSON, unless
/// `AWS_LAMBDA_LOG_FORMAT` says `Text`.
pub fn for_lambda(lookup: impl Fn(&str) -> Option<String>) {
    let level = lookup("AWS_LAMBDA_LOG_LEVEL").or_else(|| lookup("RUST_LOG"));
    let is_text = lookup("AWS_LAMBDA_LOG_FORMAT").is_some_and(|f| f.eq_ignore_ascii_case("text"));
    let logs = registry().with(filter(level.as_deref(), "info")).with(filter_fn(is_ours_to_show));
    if is_text {
        logs.with(fmt::layer().with_target(false).with_ansi(false)).init();
    } else {
        let json = fmt::layer().json().flatten_event(true).with_current_span(false).with_span_list(false);
        logs.with(json.with_target(false)).init();
    }
}

/// Warnings and errors, so that they do not drown the table; `RUST_LOG` shows more.
pub fn for_terminal(lookup: impl Fn(&str) -> Option<String>) {
    let level = lookup("RUST_LOG");
    let text = fmt::layer().with_target(false).without_time().with_writer(io::stderr);
    registry().with(filter(level.as_deref(), "error")).with(filter_fn(is_ours_to_show)).with(text).init();
}

/// Below `info` only this program speaks, whatever the level: there the SDK prints whole requests and
/// answers, with the names of people in them.
fn is_ours_to_show(line: &Metadata<'_>) -> bool {
    *line.level() <= Level::INFO || line.target().starts_with(env!("CARGO_CRATE_NAME"))
}

/// A level, or directives such as `warn,connect_quota_monitor=debug`. One that cannot be read counts
/// as unset: a log at the default level beats none.
fn filter(level: Option<&str>, default: &str) -> Targets {
    let wanted = level.filter(|l| !l.is_empty()).unwrap_or(default);
    // Lambda says FATAL, which tracing does not know.
    let wanted = if wanted.eq_ignore_ascii_case("fatal") { "error" } else { wanted };
    wanted.parse().or_else(|_| default.parse()).unwrap_or_default()
}
