//! Record batches from the bytes of an Arrow file or stream.
//!
//! Both forms hold the same messages; a file has a mark before them and an index after them, which is
//! not needed by who reads from the first row to the last. The bytes come from strangers. The
//! invariant: no length that they state is believed before as many bytes are there, and what a batch
//! takes in memory is bounded.

use std::{
    collections::HashMap,
    io::{self, BufReader, Chain, Cursor, Read},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use arrow_array::{ArrayRef, RecordBatch, RecordBatchReader};
use arrow_buffer::Buffer;
use arrow_ipc::{
    CompressionType, Message as Description, MessageHeader, RecordBatch as Header,
    convert::try_fb_to_schema,
    reader::{read_dictionary, read_record_batch},
    root_as_message,
};
use arrow_schema::{ArrowError, SchemaRef};

use crate::{Error, ErrorKind, Result, limits};

/// What a file begins with, and the bytes that fill it up.
const MAGIC: &[u8] = b"ARROW1";
const MAGIC_BYTES: usize = 8;
/// How many more words a file may be filled up by: writers align by 64 bytes at most.
const PADDING_WORDS: usize = 64;
/// What stands before the length of a message, since version 0.15 of the format.
const CONTINUATION: u32 = u32::MAX;
/// Bytes for which there is room before any came.
const FIRST_BYTES: u64 = 1024 * 1024;
/// Bytes of the description of a message.
const HEADER_BYTES: u64 = 16 * 1024 * 1024;

/// The description of a message, and its body.
type Message = (Vec<u8>, Buffer);

/// An Arrow file or stream under way.
pub(crate) struct IpcBatches<R> {
    source: Chain<Cursor<Vec<u8>>, BufReader<Counted<R>>>,
    bytes: Arc<AtomicU64>,
    schema: SchemaRef,
    dictionaries: HashMap<i64, ArrayRef>,
    /// Bytes of all dictionaries, which stay to the end.
    dictionary_bytes: u64,
    is_file: bool,
    is_ended: bool,
}

/// A source that counts what is read of it.
struct Counted<R> {
    source: R,
    bytes: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(out)?;
        self.bytes.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

impl<R: Read> IpcBatches<R> {
    /// Reads the schema.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if the bytes are neither a file nor a stream of this format; `Io`.
    pub(crate) fn open(source: R) -> Result<Self> {
        let bytes = Arc::new(AtomicU64::new(0));
        let counted = Counted { source, bytes: Arc::clone(&bytes) };
        let mut source = BufReader::with_capacity(64 * 1024, counted);
        let mut first = Vec::with_capacity(MAGIC_BYTES);
        source.by_ref().take(MAGIC_BYTES as u64).read_to_end(&mut first).map_err(failed)?;
        let is_file = first.starts_with(MAGIC);
        if is_file {
            first.clear();
        }
        let mut batches = Self {
            source: Cursor::new(first).chain(source),
            bytes,
            schema: SchemaRef::new(arrow_schema::Schema::empty()),
            dictionaries: HashMap::new(),
            dictionary_bytes: 0,
            is_file,
            is_ended: false,
        };
        let (header, _) = batches.read_first().map_err(not_arrow)?.ok_or_else(unknown)?;
        let message = read_header(&header).map_err(not_arrow)?;
        let schema = message.header_as_schema().ok_or_else(unknown)?;
        if !schema.endianness().equals_to_target_endianness() {
            return Err(invalid("the numbers of the table have their bytes in another order")
                .with_hint("write it anew on a machine of the usual kind"));
        }
        batches.schema = Arc::new(try_fb_to_schema(schema).map_err(|_| unknown())?);
        Ok(batches)
    }

    /// How many bytes of the source have been read.
    pub(crate) fn bytes_read(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.bytes)
    }

    /// The first message, before which a file may be filled up to a multiple of some length.
    fn read_first(&mut self) -> Result<Option<Message>> {
        let mut word = self.read_word()?;
        for _ in 0..PADDING_WORDS {
            if !self.is_file || word != Some(0) {
                break;
            }
            word = self.read_word()?;
        }
        self.read_after(word)
    }

    /// The next message; `None` at the end.
    fn read_message(&mut self) -> Result<Option<Message>> {
        let word = self.read_word()?;
        self.read_after(word)
    }

    /// The message that begins with this word.
    fn read_after(&mut self, word: Option<u32>) -> Result<Option<Message>> {
        let mut length = match word {
            // The end of a file is marked.
            None if self.is_file => return Err(damaged()),
            None => return Ok(None),
            Some(length) => length,
        };
        if length == CONTINUATION {
            length = self.read_word()?.ok_or_else(damaged)?;
        }
        if length == 0 {
            return Ok(None);
        }
        let header = self.read_exactly(length.into(), HEADER_BYTES)?;
        let body = u64::try_from(read_header(&header)?.bodyLength()).map_err(|_| damaged())?;
        let body = self.read_exactly(body, limits::ARROW_BATCH_BYTES)?;
        Ok(Some((header, Buffer::from_vec(body))))
    }

    fn read_word(&mut self) -> Result<Option<u32>> {
        let mut word = Vec::with_capacity(4);
        self.source.by_ref().take(4).read_to_end(&mut word).map_err(failed)?;
        match <[u8; 4]>::try_from(&word[..]) {
            Ok(word) => Ok(Some(u32::from_le_bytes(word))),
            Err(_) if word.is_empty() => Ok(None),
            Err(_) => Err(damaged()),
        }
    }

    /// As many bytes, if they are there.
    fn read_exactly(&mut self, count: u64, most: u64) -> Result<Vec<u8>> {
        if count > most {
            return Err(too_large());
        }
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < count {
            // Room for what may come, and never for more than twice of what came.
            let step = (count - bytes.len() as u64).min(FIRST_BYTES.max(bytes.len() as u64));
            bytes.reserve_exact(usize::try_from(step).map_err(|_| too_large())?);
            let read = self.source.by_ref().take(step).read_to_end(&mut bytes).map_err(failed)?;
            if (read as u64) < step {
                return Err(damaged());
            }
        }
        Ok(bytes)
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        while let Some((header, body)) = self.read_message()? {
            let message = read_header(&header)?;
            match message.header_type() {
                MessageHeader::DictionaryBatch => {
                    let dictionary = message.header_as_dictionary_batch().ok_or_else(damaged)?;
                    let values = dictionary.data().ok_or_else(damaged)?;
                    self.dictionary_bytes += check_size(&values, &body)?;
                    if self.dictionary_bytes > limits::ARROW_BATCH_BYTES {
                        return Err(too_large());
                    }
                    let known = &mut self.dictionaries;
                    unpacked(|| {
                        read_dictionary(&body, dictionary, &self.schema, known, &message.version())
                    })?;
                }
                MessageHeader::RecordBatch => {
                    let batch = message.header_as_record_batch().ok_or_else(damaged)?;
                    check_size(&batch, &body)?;
                    let schema = SchemaRef::clone(&self.schema);
                    let known = &self.dictionaries;
                    return unpacked(|| {
                        read_record_batch(&body, batch, schema, known, None, &message.version())
                    })
                    .map(Some);
                }
                _ => return Err(damaged()),
            }
        }
        // Nothing is wanted of the index of a file, but that it is read.
        io::copy(&mut self.source, &mut io::sink()).map_err(failed)?;
        Ok(None)
    }
}

impl<R: Read> Iterator for IpcBatches<R> {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_ended {
            return None;
        }
        let next = self.next_batch().transpose();
        self.is_ended = !matches!(next, Some(Ok(_)));
        next.map(|batch| batch.map_err(|error| ArrowError::ExternalError(Box::new(error))))
    }
}

impl<R: Read> RecordBatchReader for IpcBatches<R> {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }
}

fn read_header(bytes: &[u8]) -> Result<Description<'_>> {
    root_as_message(bytes).map_err(|_| damaged())
}

/// What the reader of the format makes of a message. It checks what it reads, and panics over some of
/// what contradicts itself.
fn unpacked<T>(read: impl FnOnce() -> Result<T, ArrowError>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(read) => read.map_err(|error| damaged().with_source(error)),
        Err(_) => Err(damaged()),
    }
}

/// How many bytes a batch takes when it is unpacked, before it is.
fn check_size(batch: &Header<'_>, body: &Buffer) -> Result<u64> {
    let is_within = |count: i64, most: u64| u64::try_from(count).is_ok_and(|count| count <= most);
    let mut nodes = batch.nodes().into_iter().flatten();
    if !is_within(batch.length(), limits::ARROW_BATCH_ROWS)
        || !nodes.all(|node| is_within(node.length(), limits::ARROW_BATCH_BYTES))
    {
        return Err(too_large());
    }
    for buffer in batch.buffers().into_iter().flatten() {
        let end = buffer.offset().checked_add(buffer.length()).map(usize::try_from);
        let is_there = end.is_some_and(|end| end.is_ok_and(|end| end <= body.len()));
        if !is_there || buffer.offset() < 0 || buffer.length() < 0 {
            return Err(damaged());
        }
    }
    let Some(compression) = batch.compression() else { return Ok(body.len() as u64) };
    if compression.codec() != CompressionType::LZ4_FRAME {
        return Err(invalid("the table is compressed in a way that is not read here")
            .with_hint("write it without compression, or with LZ4"));
    }
    let mut size = 0_u64;
    for buffer in batch.buffers().into_iter().flatten() {
        let start = usize::try_from(buffer.offset()).map_err(|_| damaged())?;
        if buffer.length() > 0 {
            // What stands first is the length, or -1 for bytes that are not compressed.
            let length = body.get(start..).and_then(<[u8]>::first_chunk).ok_or_else(damaged)?;
            let unpacked = u64::try_from(i64::from_le_bytes(*length).max(0));
            size = size.saturating_add(unpacked.unwrap_or(u64::MAX));
        }
    }
    if size > limits::ARROW_BATCH_BYTES { Err(too_large()) } else { Ok(size) }
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, message).with_field("source")
}

fn unknown() -> Error {
    invalid("this is neither an Arrow file nor an Arrow stream")
        .with_hint("write it in the IPC format, also called Feather 2")
}

/// What is wrong with the first bytes says that they are something else.
fn not_arrow(error: Error) -> Error {
    if error.kind() == ErrorKind::Io { error } else { unknown() }
}

fn damaged() -> Error {
    invalid("the Arrow table is damaged, or was cut off").with_hint("write it anew")
}

fn too_large() -> Error {
    let (bytes, rows) = (limits::ARROW_BATCH_BYTES >> 20, limits::ARROW_BATCH_ROWS);
    let message = format!("a batch of the table has more than {bytes} MiB or {rows} rows");
    Error::new(ErrorKind::LimitExceeded, message)
        .with_field("source")
        .with_hint("write it in batches of fewer rows")
}

fn failed(error: io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("the table cannot be read: {}", error.kind()))
        .with_source(error)
}
