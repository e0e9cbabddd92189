//! What a file is, where it is no report. Pure.

/// What a reader must hand over, as error messages say it.
pub const EXPECTED: &str = "expected the JSON that `check --output json` prints, or the object latest/report.json";

/// What to do with a document of another kind.
pub(super) fn of_kind(kind: &str) -> String {
    match kind {
        "cells" => {
            "it holds several Regions (`cells`): render one with `check --region REGION --output json`, or take one \
                    element of its `cells`"
                .to_owned()
        }
        "fleet" => "it is the report of a fleet (`fleet`): `fleet --from FILE` shows it".to_owned(),
        other => format!("its kind is `{other}`, which is no report; {EXPECTED}"),
    }
}
