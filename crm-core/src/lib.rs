//! An embeddable CRM engine: one library, one file, no server.

pub mod limits;

mod cell;
mod database;
mod error;
mod exchange;
mod id;
mod journal;
mod normal;
mod record;
mod schema;
mod time;
mod value;

#[cfg(feature = "sqlite")]
mod engine;
#[cfg(feature = "sqlite")]
pub mod ops;
#[cfg(feature = "sqlite")]
mod store;

pub(crate) use cell::Cell;
pub use database::{
    AddFile, BackupTo, DatabaseStats, Durability, Empty, EngineInfo, FilePiece, Flow, OpenOptions,
    Progress, ReadFile, Replay, RunSql, SqlResult, SqlRow, TypeCount, VerifyReport,
};
#[cfg(feature = "uniffi")]
pub use error::CrmError;
pub use error::{Error, ErrorKind, Result};
pub use exchange::{
    BadCells, CellProblem, ColumnMapping, CsvDialect, CsvProfile, ExportCsv, ExportReport,
    ImportCsv, ImportMode, ImportReport, MappingProposal, ProblemCount, ProposeMapping,
};
pub use id::{CountedIds, IdGenerator, RecordId};
pub use journal::{Change, ChangeKind, ChangePage, Commit, HistoryEntry, HistoryPage, ListChanges};
pub use record::{
    ApplyChanges, ApplyReport, ArchiveRecord, Archived, ChangeOutcome, CountRecords, CreateRecord,
    FoundRecords, GetHistory, GetManyRecords, GetRecord, GetRecordBy, ListRecords, Order, Outcome,
    PatchRecord, Problem, Record, RecordChange, RecordPage, RestoreRecord, UpsertRecord, Upserted,
};
pub use schema::{
    Attribute, AttributeName, ChoiceOption, DefineAttribute, DefinePreset, DefineType, EntityType,
    Kind, Preset, Sensitivity, TypeName,
};
pub use time::{Clock, Date, FixedClock, Timestamp};
pub use value::{Address, Bytes, FileRef, Money, Value, Values};

#[cfg(feature = "sqlite")]
pub use engine::{Crm, Files, Journal, Observer, Records, Types};

#[cfg(feature = "uniffi")]
uniffi::setup_scaffolding!();
