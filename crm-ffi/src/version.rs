//! Which library this is: as the header says, and as the library says that is there at run time.
//!
//! The two differ when a program is run with another library than it was compiled with. The
//! invariant, which a test holds: within one source tree they are the same.

use std::ffi::c_char;

/// The first part of the version: it changes when something is removed or works otherwise.
pub const CRM_VERSION_MAJOR: u32 = 0;
/// The second part of the version: it changes when something is added.
pub const CRM_VERSION_MINOR: u32 = 1;
/// The third part of the version.
pub const CRM_VERSION_PATCH: u32 = 0;
/// The version of this header as one number that grows: 2.5.1 is 2005001.
pub const CRM_VERSION_NUMBER: u32 =
    CRM_VERSION_MAJOR * 1_000_000 + CRM_VERSION_MINOR * 1_000 + CRM_VERSION_PATCH;
/// The version of the binary interface that this header describes.
pub const CRM_ABI_VERSION: u32 = 1;

/// The version of the library, such as `0.1.0`. The text is never freed. Any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn crm_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}

/// The version of the library as one number, to be compared with `CRM_VERSION_NUMBER`: it is less
/// when the library is older than the header and may lack what the header offers.
#[unsafe(no_mangle)]
pub extern "C" fn crm_version_number() -> u32 {
    CRM_VERSION_NUMBER
}

/// The version of the library's binary interface. A program works with every library that answers
/// `CRM_ABI_VERSION`: within one such version functions are added, and none is changed or removed.
#[unsafe(no_mangle)]
pub extern "C" fn crm_abi_version() -> u32 {
    CRM_ABI_VERSION
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_has_the_version_of_the_package() {
        let parts = [CRM_VERSION_MAJOR, CRM_VERSION_MINOR, CRM_VERSION_PATCH];
        assert_eq!(parts.map(|part| part.to_string()).join("."), env!("CARGO_PKG_VERSION"));
    }
}
