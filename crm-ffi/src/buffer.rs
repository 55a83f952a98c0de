//! Bytes that the library hands to C, and takes back.
//!
//! C's `free` may belong to another allocator than ours, so what we allocate only we release. The
//! invariant: a buffer that C did not change is either empty (NULL and 0) or holds `len` bytes and a
//! NUL after them, in one allocation of `len + 1` bytes.

use std::ffi::c_char;
use std::ptr;

use crate::guard::shield;

/// A result: `len` bytes of UTF-8 at `data`, followed by a NUL that is not counted.
///
/// Begin with `crm_buffer buffer = CRM_BUFFER_INIT;` and release it by `crm_buffer_free`. The
/// content may be changed; `data` and `len` may not.
#[derive(Debug)]
#[repr(C)]
pub struct crm_buffer {
    /// The bytes, or NULL when there are none.
    pub data: *mut c_char,
    /// How many bytes.
    pub len: usize,
}

impl crm_buffer {
    const EMPTY: Self = Self { data: ptr::null_mut(), len: 0 };

    /// Hands `text` over to C.
    pub(crate) fn new(mut text: Vec<u8>) -> Self {
        let len = text.len();
        text.push(0);
        Self { data: Box::into_raw(text.into_boxed_slice()).cast(), len }
    }
}

/// Releases what a call wrote into a buffer, and empties the buffer.
///
/// Does nothing for NULL and for an empty buffer, so releasing the same buffer twice is harmless. A
/// copy of the struct is not emptied with it: do not release both.
///
/// # Safety
///
/// `buffer` is NULL, or points to a `crm_buffer` that is empty or as a call of this library wrote
/// it, and that no other thread is using.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_buffer_free(buffer: *mut crm_buffer) {
    shield((), || {
        if buffer.is_null() {
            return;
        }
        // SAFETY: not NULL, so by the promise of the caller it is a buffer of its own.
        let crm_buffer { data, len } = unsafe { buffer.replace(crm_buffer::EMPTY) };
        if data.is_null() {
            return;
        }
        let bytes = ptr::slice_from_raw_parts_mut(data.cast::<u8>(), len + 1);
        // SAFETY: `crm_buffer::new` allocated it as a boxed slice of just that length.
        drop(unsafe { Box::from_raw(bytes) });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_ends_with_nul_and_can_be_released_twice() {
        for text in ["", "{\"id\":1}"] {
            let mut buffer = crm_buffer::new(text.as_bytes().to_vec());
            assert_eq!(buffer.len, text.len());
            // SAFETY: the buffer has that many bytes and one more.
            let bytes =
                unsafe { std::slice::from_raw_parts(buffer.data.cast::<u8>(), text.len() + 1) };
            assert_eq!(bytes, [text.as_bytes(), b"\0"].concat());
            for _ in 0..2 {
                // SAFETY: it is a buffer of ours, or empty.
                unsafe { crm_buffer_free(&raw mut buffer) };
                assert!(buffer.data.is_null());
            }
        }
        // SAFETY: NULL is allowed.
        unsafe { crm_buffer_free(ptr::null_mut()) };
    }
}
