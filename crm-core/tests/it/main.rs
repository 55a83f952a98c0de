//! The engine as its users meet it: through the public interface, on real files.

mod bad_input;
mod conformance;
mod crash;
mod csv;
mod damage;
mod files;
mod fixture;
mod observers;
mod privacy;
mod records;
mod schema;
mod support;
mod threads;
mod time;
