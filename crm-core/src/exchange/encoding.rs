//! Bytes of a table, in whatever encoding it has, as UTF-8.
//!
//! A byte-order mark decides; without one the declared encoding does, and without that it is UTF-8.
//! The invariant: bytes that the encoding does not know are never replaced in silence. They come out
//! as a byte that UTF-8 does not have, so that whoever reads the cell finds that it is no text.

use std::io::{self, Read};

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_16BE, UTF_16LE};

use crate::{Error, ErrorKind, Result, limits};

/// Bytes that are read from the source in one go.
const CHUNK: usize = 64 * 1024;
/// Stands for bytes that are no text: it occurs nowhere in UTF-8.
const NO_TEXT: u8 = 0xFF;
/// What a place in a row costs in memory, apart from its text.
const PLACE_BYTES: usize = size_of::<usize>();

/// Finds the encoding of a label of the WHATWG Encoding Standard.
///
/// # Errors
///
/// `InvalidArgument`.
pub(crate) fn find(label: &str) -> Result<&'static Encoding> {
    Encoding::for_label_no_replacement(label.as_bytes()).ok_or_else(|| {
        Error::new(ErrorKind::InvalidArgument, "no such encoding")
            .with_field("encoding")
            .with_hint("a label of the WHATWG Encoding Standard, such as windows-1252 or utf-16le")
    })
}

/// Reads UTF-8 from a source of any encoding.
pub(crate) struct Utf8Reader<R> {
    source: R,
    /// `None` for UTF-8, which passes as it is.
    decoder: Option<Decoder>,
    /// The label to name when something is no text; `None` where none was declared or found.
    declared: Option<&'static str>,
    /// What was read and not yet decoded.
    raw: Vec<u8>,
    raw_start: usize,
    /// What was decoded and not yet handed out.
    ready: Vec<u8>,
    ready_start: usize,
    is_at_end: bool,
    bytes_read: u64,
    delimiter: u8,
    /// How much of the present row's allowance is used.
    row_bytes: usize,
}

/// The source went on for longer than a row may be.
#[derive(Debug, thiserror::Error)]
#[error("the row is too long")]
pub(super) struct RowTooLong;

impl<R: Read> Utf8Reader<R> {
    /// Looks for a byte-order mark and begins to read behind it.
    pub(crate) fn new(source: R, declared: Option<&'static Encoding>) -> io::Result<Self> {
        let mut reader = Self {
            source,
            decoder: None,
            declared: None,
            raw: Vec::with_capacity(CHUNK),
            raw_start: 0,
            ready: Vec::new(),
            ready_start: 0,
            is_at_end: false,
            bytes_read: 0,
            delimiter: b',',
            row_bytes: 0,
        };
        while reader.raw.len() < 3 && !reader.is_at_end {
            reader.read_raw()?;
        }
        let (encoding, mark) = match reader.raw[..] {
            [0xEF, 0xBB, 0xBF, ..] => (None, 3),
            [0xFF, 0xFE, ..] => (Some(UTF_16LE), 2),
            [0xFE, 0xFF, ..] => (Some(UTF_16BE), 2),
            _ => (declared, 0),
        };
        reader.raw_start = mark;
        reader.declared = encoding.map(Encoding::name);
        reader.decoder = encoding
            .filter(|encoding| *encoding != encoding_rs::UTF_8)
            .map(Encoding::new_decoder_without_bom_handling);
        Ok(reader)
    }

    /// The name of the encoding, where it is not plain UTF-8.
    pub(super) fn declared(&self) -> Option<&'static str> {
        self.declared
    }

    /// How many bytes of the source have been read.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// The first bytes of what is to come, at least `length` if there are as many.
    pub(super) fn peek(&mut self, length: usize) -> io::Result<&[u8]> {
        while self.ready.len() - self.ready_start < length && self.decode_more()? {}
        Ok(&self.ready[self.ready_start..])
    }

    /// Leaves out bytes that [`peek`](Self::peek) has shown.
    pub(super) fn skip(&mut self, length: usize) {
        self.ready_start += length;
    }

    /// Tells how cells are separated, of which the memory that a row takes depends.
    pub(super) fn set_delimiter(&mut self, delimiter: u8) {
        self.delimiter = delimiter;
    }

    /// Begins the allowance of a new row.
    pub(super) fn begin_row(&mut self) {
        self.row_bytes = 0;
    }

    /// Reads on from the source; what was read before must be decoded.
    fn read_raw(&mut self) -> io::Result<()> {
        let length = self.raw.len();
        self.raw.resize(length + CHUNK, 0);
        let count = loop {
            match self.source.read(&mut self.raw[length..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome => break outcome,
            }
        };
        self.raw.truncate(length + *count.as_ref().unwrap_or(&0));
        let count = count?;
        self.bytes_read += count as u64;
        self.is_at_end = count == 0;
        Ok(())
    }

    /// Decodes some more; false at the end of the source.
    fn decode_more(&mut self) -> io::Result<bool> {
        if self.ready_start == self.ready.len() {
            self.ready.clear();
            self.ready_start = 0;
        }
        if self.raw_start == self.raw.len() {
            if self.is_at_end {
                return Ok(false);
            }
            self.raw.clear();
            self.raw_start = 0;
            self.read_raw()?;
        }
        let raw = &self.raw[self.raw_start..];
        self.raw_start = self.raw.len();
        let Some(decoder) = &mut self.decoder else {
            self.ready.extend_from_slice(raw);
            return Ok(!raw.is_empty());
        };
        decode(decoder, raw, self.is_at_end, &mut self.ready);
        Ok(!self.is_at_end)
    }
}

/// Appends what `raw` means to `ready`.
fn decode(decoder: &mut Decoder, mut raw: &[u8], is_last: bool, ready: &mut Vec<u8>) {
    loop {
        let length = ready.len();
        // Three bytes for each is what the longest decoding takes, and some for what is pending.
        ready.resize(length + 3 * raw.len() + 16, 0);
        let (outcome, read, written) =
            decoder.decode_to_utf8_without_replacement(raw, &mut ready[length..], is_last);
        ready.truncate(length + written);
        raw = &raw[read..];
        match outcome {
            DecoderResult::InputEmpty => return,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(..) => ready.push(NO_TEXT),
        }
    }
}

impl<R: Read> Read for Utf8Reader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.row_bytes > limits::CSV_ROW_BYTES {
            return Err(io::Error::other(RowTooLong));
        }
        while self.ready_start == self.ready.len() && self.decode_more()? {}
        let ready = &self.ready[self.ready_start..];
        let count = ready.len().min(out.len());
        out[..count].copy_from_slice(&ready[..count]);
        self.ready_start += count;
        let places = out[..count].iter().filter(|byte| **byte == self.delimiter).count();
        self.row_bytes += count + places * PLACE_BYTES;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time, as a slow pipe may.
    struct Drops<'a>(&'a [u8]);

    impl Read for Drops<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let count = self.0.len().min(1);
            out[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn read(bytes: &[u8], label: Option<&str>) -> Vec<u8> {
        let encoding = label.map(|label| find(label).unwrap());
        let mut text = Vec::new();
        Utf8Reader::new(bytes, encoding).unwrap().read_to_end(&mut text).unwrap();
        let mut slowly = Vec::new();
        Utf8Reader::new(Drops(bytes), encoding).unwrap().read_to_end(&mut slowly).unwrap();
        assert_eq!(text, slowly);
        text
    }

    fn utf16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(to_bytes).collect()
    }

    #[test]
    fn a_byte_order_mark_decides_and_is_left_out() {
        assert_eq!(read(b"\xEF\xBB\xBFm\xC3\xBCll", None), "müll".as_bytes());
        assert_eq!(read(b"\xEF\xBB\xBFm\xC3\xBCll", Some("windows-1252")), "müll".as_bytes());
        let marked = utf16("\u{FEFF}mü🙂", u16::to_le_bytes);
        assert_eq!(read(&marked, None), "mü🙂".as_bytes());
        let marked = utf16("\u{FEFF}mü🙂", u16::to_be_bytes);
        assert_eq!(read(&marked, Some("utf-16le")), "mü🙂".as_bytes());
    }

    #[test]
    fn a_declared_encoding_is_used_where_there_is_no_mark() {
        assert_eq!(read(b"m\xFCll \x80", Some("windows-1252")), "müll €".as_bytes());
        assert_eq!(read(&utf16("mü🙂", u16::to_le_bytes), Some("utf-16le")), "mü🙂".as_bytes());
        assert_eq!(read(&utf16("mü🙂", u16::to_be_bytes), Some("UTF-16BE")), "mü🙂".as_bytes());
        assert_eq!(read(b"\x83J", Some("shift_jis")), "カ".as_bytes());
        assert_eq!(read(b"", Some("utf-16le")), b"");
        assert_eq!(read(b"a", None), b"a");
    }

    #[test]
    fn what_is_no_text_shows_and_is_not_replaced() {
        assert!(std::str::from_utf8(&read(b"m\xFCll", None)).is_err());
        let broken = read(b"a\x81 b", Some("shift_jis"));
        assert!(std::str::from_utf8(&broken).is_err());
        assert!(broken.contains(&b'a'));
        let unpaired = read(&[0xFF, 0xFE, 0x00, 0xD8, b'x', 0], None);
        assert_eq!(unpaired, [NO_TEXT, b'x']);
        assert_eq!(read(&[0xFF, 0xFE, b'x', 0, b'y'], None), [b'x', NO_TEXT]);
    }

    #[test]
    fn unknown_labels_are_refused() {
        assert_eq!(find("klingon").unwrap_err().field(), Some("encoding"));
    }
}
