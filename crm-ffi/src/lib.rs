//! crm.h: an embeddable CRM engine. One library, one file, no server.
//!
//! Open a file, call operations by name with requests in JSON, close it:
//!
//! ```c
//! #include <stdio.h>
//! #include <string.h>
//! #include "crm.h"
//!
//! int main(void) {
//!     crm_handle crm = 0;
//!     crm_buffer result = CRM_BUFFER_INIT;
//!     crm_error *error = NULL;
//!     const char *ann = "{\"type\": \"contact\", \"values\": {\"email\": \"ann@example.org\"}}";
//!     if (crm_open("acme.crm", NULL, &crm, &error) == CRM_OK &&
//!         crm_call(crm, "records.create", ann, strlen(ann), &result, &error) == CRM_OK)
//!         puts(result.data);
//!     else
//!         fprintf(stderr, "%s\n", crm_error_message(error));
//!     crm_error_free(error);
//!     crm_buffer_free(&result);
//!     crm_close(crm);
//!     return error == NULL ? 0 : 1;
//! }
//! ```
//!
//! Results. A function that can fail returns a `crm_status`, and 0 is success. What it has to give
//! it writes to parameters that end in `_out`. When it fails they are untouched, except
//! `error_out`: if that is not NULL, `*error_out` is a new error that the caller releases by
//! `crm_error_free`. On success `error_out` is untouched, so begin with `crm_error *error = NULL`.
//!
//! Ownership. Every pointer that goes in is used during the call only; the caller keeps what it
//! points to, and does not change it meanwhile (`user_data` of an observer lives until the
//! observation ends, that of a key until its file is closed). What comes out is released by the
//! function that its type names, never by `free`. Texts that are returned as `const char *` are not
//! released.
//!
//! Text is UTF-8. Names and paths end with NUL; requests have a length. Times in JSON are RFC 3339,
//! ids are UUIDs, money is `{"amount": "12.34", "currency": "EUR"}`.
//!
//! Tables go out and in as streams of the Arrow C stream interface: `crm_query_arrow`,
//! `crm_ingest_arrow`, `crm_ingest_activities_arrow` and `crm_ingest_associations_arrow`.
//!
//! A file may be encrypted, by a key that a function of the host tells: `crm_open_encrypted` and
//! `crm_rekey`. They are there if the library was built with the feature `sqlcipher`, and are declared if
//! `CRM_SQLCIPHER` is defined before the header.
//!
//! Threads. Every function may be called from every thread, and one handle by several at once. What
//! a caller owns, a buffer or an error, is used by one thread at a time.
//!
//! Misuse. A NULL that is not allowed, text that is not UTF-8, an unknown operation, a handle that
//! was closed or never given out: each is refused with an error and harms nothing. After `fork` the
//! parent's handles give `CRM_FORKED`: the child opens the file anew when the parent has closed it.
//!
//! One process must not open the file with another copy of SQLite while it is open here: closing
//! that copy would drop the locks that protect the file. Use the operations `database.sql` and
//! `database.backup` instead.

mod guard;
mod handle;

// In the order in which a reader of the header meets them.
mod engine;

mod call;

#[cfg(feature = "arrow")]
mod arrow;

#[cfg(feature = "sqlcipher")]
mod cipher;

mod buffer;

mod error;

mod observe;

mod version;

#[cfg(feature = "arrow")]
pub use arrow::{
    crm_ingest_activities_arrow, crm_ingest_arrow, crm_ingest_associations_arrow, crm_query_arrow,
};
pub use buffer::{crm_buffer, crm_buffer_free};
pub use call::{crm_call, crm_call_watched, crm_operations, crm_progress_callback};
#[cfg(feature = "sqlcipher")]
pub use cipher::{CRM_KEY_BYTES, crm_key_callback, crm_open_encrypted, crm_rekey};
pub use engine::{crm_acting_as, crm_close, crm_interrupt, crm_open};
pub use error::*;
pub use handle::crm_handle;
pub use observe::{crm_commit_callback, crm_drop_callback, crm_observe, crm_unobserve};
pub use version::*;
