//! The engine as its users meet it: through the public interface, on real files.

mod conformance;
mod csv;
mod properties;
mod records;
