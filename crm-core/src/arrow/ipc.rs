//! Record batches from the bytes of an Arrow file or stream.
//!
//! A stream is read message by message. A file has an index at its end, and only that says where its
//! messages are: some programs leave out what a stream has before them. The bytes come from
//! strangers. The invariant: no length that they state is believed before as many bytes are there, and
//! what a batch takes in memory is bounded.

use std::{
    collections::{HashMap, VecDeque},
    io::{self, BufReader, Read, Seek, SeekFrom},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use arrow_array::{ArrayRef, RecordBatch, RecordBatchReader};
use arrow_buffer::Buffer;
use arrow_ipc::{
    CompressionType, Message as Description, MessageHeader, RecordBatch as Header, Schema,
    convert::try_fb_to_schema,
    reader::{read_dictionary, read_record_batch},
    root_as_footer, root_as_message,
};
use arrow_schema::{ArrowError, SchemaRef};

use crate::{Error, ErrorKind, Result, limits};

/// What a file begins and ends with.
const MAGIC: &[u8; 6] = b"ARROW1";
/// The length of the index, and the mark: what a file ends with.
const TRAILER_BYTES: u64 = 10;
/// What stands before the length of a message, since version 0.15 of the format.
const CONTINUATION: u32 = u32::MAX;
/// Bytes for which there is room before any came.
const FIRST_BYTES: u64 = 1024 * 1024;
/// Bytes of the description of a message, or of an index.
const HEADER_BYTES: u64 = 16 * 1024 * 1024;

/// The description of a message, and its body.
type Message = (Vec<u8>, Buffer);

/// Where a message of a file is.
struct Block {
    offset: u64,
    header: u64,
    body: u64,
}

/// An Arrow file or stream under way.
pub(crate) struct IpcBatches<R> {
    source: BufReader<R>,
    /// The messages of a file that are still to come; `None` in a stream.
    blocks: Option<VecDeque<Block>>,
    bytes: Arc<AtomicU64>,
    schema: SchemaRef,
    dictionaries: HashMap<i64, ArrayRef>,
    /// Bytes of all dictionaries, which stay to the end.
    dictionary_bytes: u64,
    is_ended: bool,
}

impl<R: Read + Seek> IpcBatches<R> {
    /// Reads the schema.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if the bytes are neither a file nor a stream of this format; `Io`.
    pub(crate) fn open(source: R) -> Result<Self> {
        let mut batches = Self {
            source: BufReader::with_capacity(64 * 1024, source),
            blocks: None,
            bytes: Arc::new(AtomicU64::new(0)),
            schema: SchemaRef::new(arrow_schema::Schema::empty()),
            dictionaries: HashMap::new(),
            dictionary_bytes: 0,
            is_ended: false,
        };
        batches.read_schema().map_err(|error| match error.kind() {
            // What is wrong with the first bytes says that they are something else.
            ErrorKind::InvalidArgument | ErrorKind::LimitExceeded => unknown(),
            _ => error,
        })?;
        Ok(batches)
    }

    fn read_schema(&mut self) -> Result<()> {
        let first = self.read_exactly(MAGIC.len() as u64, HEADER_BYTES)?;
        if first == MAGIC {
            let footer = self.read_footer()?;
            let footer = root_as_footer(&footer).map_err(|_| damaged())?;
            self.schema = to_schema(footer.schema().ok_or_else(damaged)?)?;
            let dictionaries = footer.dictionaries().into_iter().flatten();
            let blocks = dictionaries.chain(footer.recordBatches().into_iter().flatten());
            let block = |block: &arrow_ipc::Block| -> Result<Block> {
                let length = |length: i64| u64::try_from(length).map_err(|_| damaged());
                let header = length(block.metaDataLength().into())?;
                Ok(Block {
                    offset: length(block.offset())?,
                    header,
                    body: length(block.bodyLength())?,
                })
            };
            self.blocks = Some(blocks.map(block).collect::<Result<_>>()?);
            return Ok(());
        }
        self.seek(SeekFrom::Start(0))?;
        self.bytes.store(0, Ordering::Relaxed);
        let (header, _) = self.read_message()?.ok_or_else(damaged)?;
        let schema = read_header(&header)?.header_as_schema().ok_or_else(damaged)?;
        self.schema = to_schema(schema)?;
        Ok(())
    }

    /// The index of a file.
    fn read_footer(&mut self) -> Result<Vec<u8>> {
        let length = self.seek(SeekFrom::End(0))?;
        let trailer = length.checked_sub(TRAILER_BYTES).ok_or_else(damaged)?;
        self.seek(SeekFrom::Start(trailer))?;
        let end = self.read_exactly(TRAILER_BYTES, HEADER_BYTES)?;
        let (size, mark) = end.split_first_chunk().ok_or_else(damaged)?;
        if mark != MAGIC {
            return Err(damaged());
        }
        let size = u64::from(u32::from_le_bytes(*size));
        let start = trailer.checked_sub(size).ok_or_else(damaged)?;
        self.seek(SeekFrom::Start(start))?;
        self.read_exactly(size, HEADER_BYTES)
    }

    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        self.source.seek(to).map_err(failed)
    }

    /// How many bytes of the source have been read.
    pub(crate) fn bytes_read(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.bytes)
    }

    /// The next message; `None` at the end.
    fn read_message(&mut self) -> Result<Option<Message>> {
        let Some(blocks) = &mut self.blocks else { return self.read_streamed() };
        let Some(Block { offset, header, body }) = blocks.pop_front() else {
            let length = self.seek(SeekFrom::End(0))?;
            self.bytes.store(length, Ordering::Relaxed);
            return Ok(None);
        };
        self.seek(SeekFrom::Start(offset))?;
        self.bytes.store(offset, Ordering::Relaxed);
        let mut description = self.read_exactly(header, HEADER_BYTES)?;
        // The length stands before it, and what stands before the length.
        let is_marked = description.starts_with(&CONTINUATION.to_le_bytes());
        let before = if is_marked { 8 } else { 4 };
        if description.len() < before {
            return Err(damaged());
        }
        description.drain(..before);
        let body = self.read_exactly(body, limits::ARROW_BATCH_BYTES)?;
        Ok(Some((description, Buffer::from_vec(body))))
    }

    fn read_streamed(&mut self) -> Result<Option<Message>> {
        let mut length = self.read_word()?;
        if length == Some(CONTINUATION) {
            length = Some(self.read_word()?.ok_or_else(damaged)?);
        }
        let Some(length @ 1..) = length else {
            // What follows the end is of no concern, but that it is read.
            let rest = io::copy(&mut self.source, &mut io::sink()).map_err(failed)?;
            self.bytes.fetch_add(rest, Ordering::Relaxed);
            return Ok(None);
        };
        let header = self.read_exactly(length.into(), HEADER_BYTES)?;
        let body = u64::try_from(read_header(&header)?.bodyLength()).map_err(|_| damaged())?;
        let body = self.read_exactly(body, limits::ARROW_BATCH_BYTES)?;
        Ok(Some((header, Buffer::from_vec(body))))
    }

    fn read_word(&mut self) -> Result<Option<u32>> {
        let mut word = Vec::with_capacity(4);
        self.source.by_ref().take(4).read_to_end(&mut word).map_err(failed)?;
        self.bytes.fetch_add(word.len() as u64, Ordering::Relaxed);
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
        self.bytes.fetch_add(count, Ordering::Relaxed);
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
        Ok(None)
    }
}

impl<R: Read + Seek> Iterator for IpcBatches<R> {
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

impl<R: Read + Seek> RecordBatchReader for IpcBatches<R> {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }
}

fn to_schema(schema: Schema<'_>) -> Result<SchemaRef> {
    if !schema.endianness().equals_to_target_endianness() {
        return Err(damaged());
    }
    try_fb_to_schema(schema).map(Arc::new).map_err(|_| damaged())
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
