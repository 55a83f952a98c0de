//! What a fuzzer does with its bytes: one function for each target.
//!
//! The same functions run over `fuzz/corpus` in the tests of the engine (`crm-core/tests/it/corpora.rs`),
//! on every compiler and without a fuzzer. Each panics when a law is broken: whatever comes in, the
//! engine answers or refuses with an error that is not its own fault, and what it answers in two ways
//! is the same.

pub mod conditions;
pub mod csv;

use crm_core::{Error, ErrorKind};

/// What is done with the bytes of one input.
pub type Target = fn(&[u8]);

/// Every target, by the name of its corpus.
pub const TARGETS: &[(&str, Target)] = &[
    ("condition_json", conditions::json),
    ("condition_text", conditions::text),
    ("csv_import", csv::import),
];

/// A refusal is one line for whoever handed the bytes over, and never a fault of the engine.
fn refused(error: &Error) {
    assert_ne!(error.kind(), ErrorKind::Internal, "{error}");
    assert!(!error.message().contains('\n'), "{error}");
    assert!(error.message().len() < 1_000, "{error}");
}
