//! Stored bytes: each content once, read back in pieces.

use super::{Crm, Writing};
use crate::{
    AddFile, Bytes, ChangeKind, Error, ErrorKind, FilePiece, FileRef, ReadFile, Result, limits,
    record::{check_file_name, check_media_type},
    store::files as rows,
};

/// Stored bytes: see [`Crm::files`].
#[derive(Debug)]
pub struct Files<'a> {
    crm: &'a Crm,
}

impl<'a> Files<'a> {
    pub(super) fn new(crm: &'a Crm) -> Self {
        Self { crm }
    }

    /// Stores bytes and returns the reference that an attribute of kind `file` takes. The same bytes
    /// are stored once, under whatever names.
    ///
    /// ```
    /// use crm_core::{AddFile, Crm};
    ///
    /// let crm = Crm::in_memory()?;
    /// let file = crm.files().add(&AddFile::new("note.txt", "text/plain", "hello"))?;
    /// assert_eq!(crm.files().read(&file.hash, 1, 3)?.content.0, b"ell");
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidValue` or `OutOfRange` if name or media type make no sense; `LimitExceeded` past
    /// 64 MiB.
    pub fn add(&self, file: &AddFile) -> Result<FileRef> {
        check_file_name(&file.name).map_err(|error| error.with_field("name"))?;
        check_media_type(&file.media_type).map_err(|error| error.with_field("media_type"))?;
        let content = &file.content.0;
        if content.len() > limits::FILE_BYTES {
            let message = format!("at most {} bytes", limits::FILE_BYTES);
            return Err(Error::new(ErrorKind::LimitExceeded, message).with_field("content"));
        }
        let hash = self.crm.write(|writing| store(writing, content))?;
        Ok(file.reference(hash))
    }

    /// Reads a piece of stored bytes: from `offset` on, at most `length`; nothing at and after the
    /// end.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if `hash` is not a hash or the length is not 1 to 4 MiB; `NotFound`.
    pub fn read(&self, hash: &str, offset: u64, length: u32) -> Result<FilePiece> {
        let hash = read_hash(hash)?;
        if !(1..=limits::FILE_PIECE_BYTES).contains(&length) {
            let message = format!("must be 1 to {}", limits::FILE_PIECE_BYTES);
            return Err(Error::new(ErrorKind::InvalidArgument, message).with_field("length"));
        }
        self.crm.shared.store.read_snapshot(|conn| {
            let size = rows::size(conn, &hash)?.ok_or_else(|| {
                Error::new(ErrorKind::NotFound, "no stored file has this hash").with_field("hash")
            })?;
            let content = Bytes(rows::read(conn, &hash, offset, length as usize)?);
            Ok(FilePiece { content, size })
        })
    }

    /// Reads a piece of stored bytes as the request says.
    ///
    /// # Errors
    ///
    /// As [`Files::read`].
    pub fn read_piece(&self, request: &ReadFile) -> Result<FilePiece> {
        self.read(&request.hash, request.offset, request.length)
    }
}

/// Stores bytes within a transaction, if they are not there yet; returns their hash.
pub(super) fn store(writing: &mut Writing<'_>, content: &[u8]) -> Result<String> {
    let hash = rows::hash(content);
    let text = write_hash(&hash);
    if rows::size(writing.tx, &hash)?.is_none() {
        let stamp = writing.stamp();
        rows::insert(writing.tx, &hash, content, stamp.at())?;
        let body = format!("{{\"hash\":\"{text}\",\"size\":{}}}", content.len());
        writing.log(stamp, ChangeKind::FileAdded, None, None, &body)?;
    }
    Ok(text)
}

/// A hash in hexadecimal.
pub(super) fn write_hash(hash: &[u8; 32]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The 32 bytes of a hash in hexadecimal.
///
/// # Errors
///
/// `InvalidArgument` if it is not one.
pub(super) fn read_hash(text: &str) -> Result<[u8; 32]> {
    let invalid = || {
        Error::new(ErrorKind::InvalidArgument, "not a hash")
            .with_field("hash")
            .with_hint("64 lower-case hexadecimal digits, as files.add returned them")
    };
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes: Option<Vec<u8>> =
        pairs.iter().map(|[high, low]| Some(digit(*high)? * 16 + digit(*low)?)).collect();
    match (bytes.map(<[u8; 32]>::try_from), rest) {
        (Some(Ok(hash)), []) => Ok(hash),
        _ => Err(invalid()),
    }
}
