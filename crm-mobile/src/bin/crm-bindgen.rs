//! Writes the Swift or Kotlin sources that belong to a built library.
//!
//! It is built with the library, from the same version of UniFFI: sources of another version would
//! be refused when they are loaded.

fn main() {
    uniffi::uniffi_bindgen_main();
}
