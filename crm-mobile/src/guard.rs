//! The guard around every call: a panic becomes an error of kind `internal`.
//!
//! UniFFI would catch it as well, but as an error of another type that no caller expects. The
//! message of the panic goes to the panic hook and nowhere else: it may hold what was stored.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crm_core::{CrmError, Error, ErrorKind, Result};

/// Runs `body` and gives its error, or its panic, as callers see it.
///
/// Nothing that `body` touches is looked at after a panic, except through the engine, which rolls
/// its transaction back.
pub(crate) fn guard<T>(body: impl FnOnce() -> Result<T>) -> Result<T, CrmError> {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(outcome) => outcome.map_err(CrmError::from),
        Err(_) => Err(Error::new(ErrorKind::Internal, "the engine panicked")
            .with_hint("please report it, with what the panic printed")
            .into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_internal_error_without_its_message() {
        let error = guard::<()>(|| panic!("secret")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
        assert!(!error.text().contains("secret"));
    }
}
