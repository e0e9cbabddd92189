//! Logs: JSON lines on stdout under Lambda, plain text on stderr for a person.

use std::io;

use tracing_subscriber::EnvFilter;

/// `AWS_LAMBDA_LOG_LEVEL` wins over `RUST_LOG`; `info` without either. JSON, unless
/// `AWS_LAMBDA_LOG_FORMAT` says `Text`.
pub fn for_lambda(lookup: impl Fn(&str) -> Option<String>) {
    let level = lookup("AWS_LAMBDA_LOG_LEVEL").or_else(|| lookup("RUST_LOG"));
    let is_text = lookup("AWS_LAMBDA_LOG_FORMAT").is_some_and(|f| f.eq_ignore_ascii_case("text"));
    let logs = tracing_subscriber::fmt().with_env_filter(filter(level.as_deref(), "info")).with_target(false);
    if is_text {
        logs.with_ansi(false).init();
    } else {
        logs.json().flatten_event(true).with_current_span(false).with_span_list(false).init();
    }
}

/// Warnings and errors, so that they do not drown the table; `RUST_LOG` shows more.
pub fn for_terminal(lookup: impl Fn(&str) -> Option<String>) {
    let level = lookup("RUST_LOG");
    tracing_subscriber::fmt()
        .with_env_filter(filter(level.as_deref(), "error"))
        .with_target(false)
        .without_time()
        .with_writer(io::stderr)
        .init();
}

fn filter(level: Option<&str>, default: &str) -> EnvFilter {
    let wanted = level.filter(|l| !l.is_empty()).unwrap_or(default);
    // Lambda says FATAL, which tracing does not know.
    let wanted = if wanted.eq_ignore_ascii_case("fatal") { "error" } else { wanted };
    EnvFilter::try_new(wanted).unwrap_or_else(|_| EnvFilter::new(default))
}
