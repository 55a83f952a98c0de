//! The engine as its users meet it: through the public interface, on real files.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

#[cfg(feature = "arrow")]
mod arrow;
mod audit;
mod bad_input;
mod conditions;
mod conformance;
mod consents;
mod corpora;
mod crash;
mod csv;
mod damage;
mod erasure;
mod feed;
mod files;
mod fixture;
mod full_disk;
mod imports;
mod json_calls;
mod learned;
mod lifecycles;
mod observers;
mod paths;
mod privacy;
mod properties;
mod records;
mod retention;
mod rights;
mod rollups;
mod rules;
mod schema;
mod scores;
mod search;
mod segments;
mod sensitivity;
mod support;
mod threads;
mod time;
mod vcard;
mod years;
