//! The engine for Swift and Kotlin.
//!
//! The records are those of `crm-core`, which carry UniFFI's derives; here is the one object that
//! both languages hold, [`Crm`], with a method for each row of the operation table. Everything is
//! converted, guarded and forwarded. The invariant: every method returns a `Result`, and neither a
//! panic nor an argument that cannot be read leaves it as anything but a [`CrmError`].
//!
//! What reads naturally in one language (sequences, closures, conversions) is written in that
//! language, over the generated sources.

#[cfg_attr(not(feature = "sqlcipher"), path = "no_cipher.rs")]
mod cipher;
mod guard;
mod handle;
mod keys;
mod observe;
mod operations;
mod progress;

pub use crm_core::CrmError;
pub use handle::Crm;
pub use keys::{KeySource, open_encrypted, rekey};
pub use observe::{CommitObserver, Observation};
pub use progress::{CallbackError, ProgressListener};

uniffi::setup_scaffolding!();
