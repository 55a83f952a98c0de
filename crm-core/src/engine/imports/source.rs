//! Where a table comes from: a file, a text, or bytes as text.

use std::{
    fs::File,
    io::{self, Cursor, Read, Seek, SeekFrom},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

use crate::{Error, ErrorKind, ImportSource, Result, SourceFormat, limits};

/// Bytes that are hashed in one go.
const CHUNK: usize = 256 * 1024;

/// A source that is open.
pub(in crate::engine) struct Source<'a> {
    bytes: Bytes<'a>,
    /// How many there are, where that can be known.
    pub(in crate::engine) total: Option<u64>,
}

enum Bytes<'a> {
    File(File),
    Text(Cursor<&'a [u8]>),
    Decoded(Cursor<Vec<u8>>),
}

impl<'a> Source<'a> {
    /// # Errors
    ///
    /// `InvalidArgument` if not exactly one of `path` and `text` is given, if there is no such file,
    /// or if a text is said to have an encoding; `LimitExceeded` if the text is too long; `Io`.
    pub(in crate::engine) fn open(
        path: Option<&str>,
        text: Option<&'a str>,
        has_encoding: bool,
    ) -> Result<Self> {
        match (path, text) {
            (Some(path), None) => {
                let file = File::open(path).map_err(failed)?;
                let metadata = file.metadata().map_err(failed)?;
                if metadata.is_dir() {
                    return Err(invalid("path", "this is a folder")
                        .with_hint("give the path of a file in it"));
                }
                // The size of a pipe says nothing.
                let total = metadata.is_file().then_some(metadata.len());
                Ok(Self { bytes: Bytes::File(file), total })
            }
            (None, Some(text)) => {
                if has_encoding {
                    return Err(invalid("encoding", "a text has no encoding any more")
                        .with_hint("leave it out, or give the path of the file"));
                }
                if text.len() > limits::CSV_TEXT_BYTES {
                    let message = format!("at most {} bytes", limits::CSV_TEXT_BYTES);
                    return Err(Error::new(ErrorKind::LimitExceeded, message)
                        .with_field("text")
                        .with_hint("write it to a file and give its path"));
                }
                let total = Some(text.len() as u64);
                Ok(Self { bytes: Bytes::Text(Cursor::new(text.as_bytes())), total })
            }
            _ => Err(invalid("path", "exactly one of path and text is needed")
                .with_hint("leave the other out")),
        }
    }

    /// # Errors
    ///
    /// As [`Self::open`].
    pub(super) fn of(source: &'a ImportSource) -> Result<Self> {
        let has_encoding = source.dialect.encoding.is_some();
        let opened = Self::open(source.path.as_deref(), source.text.as_deref(), has_encoding)?;
        match (opened.bytes, source.format) {
            (Bytes::Text(text), SourceFormat::Arrow) => {
                let bytes = STANDARD.decode(text.into_inner()).map_err(|_| {
                    invalid("text", "Arrow as text is in base64 with padding")
                        .with_hint("encode the bytes, or give the path of the file")
                })?;
                let total = Some(bytes.len() as u64);
                Ok(Self { bytes: Bytes::Decoded(Cursor::new(bytes)), total })
            }
            (bytes, _) => Ok(Self { bytes, total: opened.total }),
        }
    }

    /// The SHA-256 of all bytes, in hexadecimal. Reading begins at the first byte after it.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if the source cannot be read twice; `Io`; what `goes_on` answers, which is
    /// asked now and then.
    pub(in crate::engine) fn fingerprint(
        &mut self,
        mut goes_on: impl FnMut() -> Result<()>,
    ) -> Result<String> {
        if self.total.is_none() {
            return Err(invalid("path", "this is no regular file: it cannot be read twice")
                .with_hint("write it to a file first"));
        }
        let (mut digest, mut buffer) = (Sha256::new(), vec![0; CHUNK]);
        loop {
            goes_on()?;
            let count = self.read(&mut buffer).map_err(failed)?;
            if count == 0 {
                break;
            }
            digest.update(&buffer[..count]);
        }
        self.rewind().map_err(failed)?;
        Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

impl Read for Source<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match &mut self.bytes {
            Bytes::File(file) => file.read(out),
            Bytes::Text(text) => text.read(out),
            Bytes::Decoded(bytes) => bytes.read(out),
        }
    }
}

impl Seek for Source<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match &mut self.bytes {
            Bytes::File(file) => file.seek(to),
            Bytes::Text(text) => text.seek(to),
            Bytes::Decoded(bytes) => bytes.seek(to),
        }
    }
}

fn failed(error: io::Error) -> Error {
    use io::ErrorKind::{InvalidFilename, InvalidInput, NotADirectory, NotFound};
    let unnamed =
        |message| invalid("path", message).with_hint("give the path of a file that is there");
    match error.kind() {
        NotFound | NotADirectory => unnamed("there is no such file"),
        // Too long, or with a character that no path has.
        InvalidFilename | InvalidInput => unnamed("no file can have this path"),
        kind => Error::new(ErrorKind::Io, format!("the file cannot be read: {kind}"))
            .with_field("path")
            .with_hint("allow reading it, or copy it to a local disk")
            .with_source(error),
    }
}

fn invalid(field: &str, message: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, message).with_field(field)
}
