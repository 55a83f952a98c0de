//! Tables of other programs' memory: the results of queries as Arrow record batches, and such
//! batches as rows of an import.
//!
//! Arrow is how pandas, polars, DuckDB and Spark hand tables to each other without a copy. This room
//! maps: `schema` says which columns a result has, `columns` fills them from the cells of the file,
//! `rows` shows a foreign batch as rows of named cells, `ipc` reads batches from bytes.
//! `docs/arrow.md` has the table of types. The invariants: a column says by its type and its
//! metadata what it holds, whoever reads it; and what is written out and read in again under the
//! same names is the same values.

mod columns;
mod ipc;
mod leaf;
mod request;
mod rows;
mod schema;

pub use request::{
    IngestActivities, IngestAssociations, IngestTable, ReadTable, RecordsTable, TableQuery,
    ViewTable,
};

pub(crate) use columns::TableBuilder;
pub(crate) use ipc::IpcBatches;
pub(crate) use rows::{ArrowRows, stream_failed};
pub(crate) use schema::layout;
