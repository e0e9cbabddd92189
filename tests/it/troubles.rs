//! The ways in which a call can fail, and what an answer calls them.

use simaws::{FaultKind, Times};

/// A fault, what it is called in an answer, and whether it passes by itself.
pub struct Trouble {
    pub kind: FaultKind,
    pub times: Times,
    pub named: &'static [&'static str],
}

impl Trouble {
    /// A retry passes it: nobody may notice.
    pub fn passes(&self) -> bool {
        self.named.is_empty()
    }
}

/// Every kind, once and for ever.
pub fn troubles() -> Vec<Trouble> {
    let kinds = [
        FaultKind::Throttle,
        FaultKind::InternalError,
        FaultKind::AccessDenied,
        FaultKind::Hang,
        FaultKind::Reset,
        FaultKind::NoSuchName,
        FaultKind::NameTryAgain,
        FaultKind::Refused,
        FaultKind::BadTls,
        FaultKind::TruncatedBody,
        FaultKind::InvalidBody,
        FaultKind::EndlessToken,
        FaultKind::RepeatToken,
        FaultKind::EmptyPageWithToken,
    ];
    let mut troubles = Vec::new();
    for kind in kinds {
        // A kind that joins must say here what it is called.
        let named: &[&str] = match &kind {
            FaultKind::Throttle => &["throttled"],
            FaultKind::InternalError | FaultKind::Reset => &["unavailable"],
            FaultKind::NoSuchName | FaultKind::NameTryAgain | FaultKind::Refused | FaultKind::BadTls => {
                &["unavailable"]
            }
            FaultKind::AccessDenied => &["access_denied"],
            FaultKind::Hang => &["timeout"],
            FaultKind::TruncatedBody => &["unavailable", "bad_response"],
            FaultKind::InvalidBody | FaultKind::EndlessToken | FaultKind::RepeatToken => &["bad_response"],
            FaultKind::EmptyPageWithToken | FaultKind::Delay(_) => &[],
            FaultKind::Status { .. } => continue,
        };
        // What passes by itself.
        let passes = !matches!(
            kind,
            FaultKind::AccessDenied
                | FaultKind::Reset
                | FaultKind::InvalidBody
                | FaultKind::EndlessToken
                | FaultKind::RepeatToken
                | FaultKind::EmptyPageWithToken
        );
        if passes {
            troubles.push(Trouble { kind: kind.clone(), times: Times::Once, named: &[] });
        }
        troubles.push(Trouble { kind, times: Times::Forever, named });
    }
    troubles
}
