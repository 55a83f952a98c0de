//! One transaction under way: its place in the journal, its actor, and the schema as it will be.
//!
//! Everything that writes goes through here, so that no change can miss its row in the journal.

use std::{collections::BTreeMap, sync::Arc};

use super::{Catalog, Crm, View, reactions::Reactions, rollups::Pending};
use crate::{
    ChangeKind, Commit, Error, ErrorKind, RecordId, Result, Retention, Timestamp,
    association::AssociationModel,
    consent::Book,
    journal::{
        Hlc,
        chain::{self, Hash, Header},
    },
    lifecycle::LifecycleModel,
    limits,
    record::concerns_one_row,
    rule::RuleModel,
    schema::TypeModel,
    scoring::StoredModel,
    segment::SegmentModel,
    store::{
        Connection, Transaction,
        activities::KindTable,
        associations::AssociationTable,
        journal::{self as rows, NewRow},
        table::Table,
        timers::{self, Room},
        trial,
    },
};

/// The end of the journal, from which the next change counts on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    /// The number of this file's own device.
    pub(super) device: i64,
    /// Its id.
    uuid: [u8; 16],
    pub(super) seq: i64,
    pub(super) device_seq: i64,
    pub(super) hlc: Hlc,
    /// The hash of the last row.
    hash: Hash,
}

impl Default for Head {
    fn default() -> Self {
        Self { device: 0, uuid: [0; 16], seq: 0, device_seq: 0, hlc: Hlc(0), hash: chain::START }
    }
}

impl Head {
    /// Reads it from the file; `None` if the file has no device yet, because nothing was written.
    ///
    /// # Errors
    ///
    /// `Corrupt` if something was.
    pub(super) fn load(conn: &Connection) -> Result<Option<Self>> {
        let Some((device, uuid)) = rows::own_device(conn)? else {
            return match rows::is_untouched(conn)? {
                true => Ok(None),
                false => Err(Error::new(ErrorKind::Corrupt, "the file does not name its device")
                    .with_hint("the file is left as it is: copy it, then restore a backup")),
            };
        };
        let ((seq, hlc, hash), device_seq) = rows::last(conn, device)?;
        Ok(Some(Self { device, uuid, seq, device_seq, hlc, hash }))
    }
}

/// A transaction under way.
pub(super) struct Writing<'a> {
    pub(super) crm: &'a Crm,
    pub(super) tx: &'a Transaction<'a>,
    pub(super) catalog: Arc<Catalog>,
    /// The wall clock, read once for the transaction.
    pub(super) now: Timestamp,
    /// A buffer for the body of a row of the journal, used again and again.
    pub(super) body: String,
    /// What is still to be written of roll-ups.
    pub(super) pending: Pending,
    /// What was told and is not done yet.
    pub(super) reactions: Reactions,
    schema_changed: bool,
    first_seq: i64,
    /// The number of who writes.
    pub(super) actor: i64,
    /// The commitment to the name of who writes.
    actor_commitment: Hash,
    head: Head,
}

/// What a finished transaction leaves to do after its commit.
pub(super) struct End {
    pub(super) head: Head,
    /// The new schema, if it changed.
    pub(super) catalog: Option<Arc<Catalog>>,
    /// What observers are told; `None` if nothing was changed.
    pub(super) commit: Option<Commit>,
}

impl<'a> Writing<'a> {
    pub(super) fn begin(crm: &'a Crm, tx: &'a Transaction<'a>, head: Head) -> Result<Self> {
        let (actor, actor_commitment) = rows::actor(tx, &crm.actor, || crm.shared.ids.next_salt())?;
        Ok(Self {
            crm,
            tx,
            catalog: crm.catalog(),
            now: crm.now(),
            body: String::new(),
            pending: Pending::default(),
            reactions: Reactions::default(),
            schema_changed: false,
            first_seq: head.seq + 1,
            actor,
            actor_commitment,
            head,
        })
    }

    /// # Errors
    ///
    /// `DefinitionConflict` if the new schema does not bear the lifecycles, scores, segments, rules
    /// or retention rules.
    pub(super) fn finish(self) -> Result<End> {
        if self.schema_changed {
            self.catalog.programs()?;
            self.catalog.score_programs()?;
            self.catalog.segment_programs()?;
            self.catalog.rule_programs()?;
            self.catalog.check_circles(&self.crm.catalog(), None)?;
            self.catalog.check_retentions()?;
        }
        let last_seq = self.head.seq;
        let commit = Commit { first_seq: self.first_seq, last_seq };
        Ok(End {
            head: self.head,
            catalog: self.schema_changed.then_some(self.catalog),
            commit: (last_seq >= self.first_seq).then_some(commit),
        })
    }

    /// Gives a new file its device.
    pub(super) fn add_device(&mut self, id: RecordId) -> Result<()> {
        self.head.device = rows::add_device(self.tx, id.as_bytes())?;
        self.head.uuid = *id.as_bytes();
        Ok(())
    }

    /// The entity type of this name.
    ///
    /// # Errors
    ///
    /// `UnknownType`.
    pub(super) fn table(&self, name: &str) -> Result<Arc<Table>> {
        self.catalog.table(name).cloned()
    }

    /// Makes `model` part of the schema.
    pub(super) fn set_model(&mut self, model: TypeModel) -> Arc<Table> {
        let (catalog, table) = self.catalog.with(model);
        self.catalog = Arc::new(catalog);
        self.schema_changed = true;
        table
    }

    /// What this transaction sees.
    pub(super) fn view(&self) -> View<'_> {
        View::new(self.tx, &self.catalog)
    }

    /// The `seq` of the last change so far.
    pub(super) fn last_seq(&self) -> i64 {
        self.head.seq
    }

    /// The kind of activity of this name.
    ///
    /// # Errors
    ///
    /// `UnknownType`.
    pub(super) fn kind(&self, name: &str) -> Result<Arc<KindTable>> {
        self.catalog.kind(name).cloned()
    }

    /// Makes the kind of activity `model` part of the schema.
    pub(super) fn set_kind(&mut self, model: TypeModel) -> Arc<KindTable> {
        let (catalog, kind) = self.catalog.with_kind(model);
        self.catalog = Arc::new(catalog);
        self.schema_changed = true;
        kind
    }

    /// The type of associations of this name.
    ///
    /// # Errors
    ///
    /// `UnknownType`.
    pub(super) fn associations(&self, name: &str) -> Result<Arc<AssociationTable>> {
        self.catalog.associations(name).cloned()
    }

    /// Makes the type of associations `model` part of the schema.
    pub(super) fn set_associations(&mut self, model: AssociationModel) -> Arc<AssociationTable> {
        let (catalog, table) = self.catalog.with_associations(model);
        self.catalog = Arc::new(catalog);
        self.schema_changed = true;
        table
    }

    /// Makes a lifecycle part of the schema.
    pub(super) fn set_lifecycle(&mut self, model: LifecycleModel) {
        self.catalog = Arc::new(self.catalog.with_lifecycle(model));
        self.schema_changed = true;
    }

    /// Makes a rule part of the schema.
    pub(super) fn set_rule(&mut self, model: RuleModel) {
        self.catalog = Arc::new(self.catalog.with_rule(model));
        self.schema_changed = true;
    }

    /// Does something that may fail without the rest; then nothing of it stays, and the inner result
    /// says why. No roll-up is waiting to be written.
    ///
    /// # Errors
    ///
    /// What does not concern the attempt alone, such as a full disk.
    pub(super) fn attempt<T>(
        &mut self,
        f: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<Result<T>> {
        self.attempt_if(concerns_one_row, f)
    }

    /// As [`Self::attempt`]; `concerns_it` says which kinds of errors concern the attempt alone.
    ///
    /// # Errors
    ///
    /// As [`Self::attempt`].
    pub(super) fn attempt_if<T>(
        &mut self,
        concerns_it: impl FnOnce(ErrorKind) -> bool,
        f: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<Result<T>> {
        trial::begin(self.tx)?;
        let (head, mark) = (self.head, self.mark());
        match f(self) {
            Ok(value) => {
                trial::keep(self.tx)?;
                self.forget(mark);
                Ok(Ok(value))
            }
            Err(error) => {
                // Also where all of the write fails: it may itself be part of another attempt.
                let undone = trial::undo(self.tx);
                self.head = head;
                self.go_back(mark);
                match concerns_it(error.kind()) {
                    true => undone.map(|()| Err(error)),
                    false => Err(error),
                }
            }
        }
    }

    /// Does something, with all that follows from it, and undoes it.
    ///
    /// # Errors
    ///
    /// What `f` answers.
    pub(super) fn pretend<T>(&mut self, f: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        trial::begin(self.tx)?;
        let head = self.head;
        let value = f(self)?;
        trial::undo(self.tx)?;
        self.head = head;
        Ok(value)
    }

    /// Makes these definitions of consent part of the schema.
    pub(super) fn set_book(&mut self, book: Book) {
        self.catalog = Arc::new(self.catalog.with_book(book));
        self.schema_changed = true;
    }

    /// Makes these retention rules all that there are.
    pub(super) fn set_retentions(&mut self, rules: BTreeMap<String, Retention>) {
        self.catalog = Arc::new(self.catalog.with_retentions(rules));
        self.schema_changed = true;
    }

    /// Makes a segment part of the schema.
    pub(super) fn set_segment(&mut self, model: SegmentModel) {
        self.catalog = Arc::new(self.catalog.with_segment(model));
        self.schema_changed = true;
    }

    /// Sets when a room is to look at a record again for one of its definitions; `None` if never.
    pub(super) fn set_timer(
        &mut self,
        room: Room,
        owner: i64,
        id: RecordId,
        due_at: Option<Timestamp>,
    ) -> Result<()> {
        timers::set(self.tx, (room, owner, id), due_at.map(|due_at| self.later(due_at)))
    }

    /// A moment at which a timer can be due: after the present one, so that a tick comes to an end.
    pub(super) fn later(&self, due_at: Timestamp) -> Timestamp {
        due_at.max(Timestamp::clamped(self.now.micros().saturating_add(1)))
    }

    /// Makes a version of a score part of the schema.
    pub(super) fn set_score(&mut self, stored: StoredModel) {
        self.catalog = Arc::new(self.catalog.with_score(stored));
        self.schema_changed = true;
    }

    /// A new id. Its time never lies before the journal's last stamp, so that ids ascend
    /// when the wall clock goes back.
    pub(super) fn new_id(&self) -> RecordId {
        self.crm.shared.ids.next_id(self.now.max(self.head.hlc.at()))
    }

    /// The place of the next change in the journal.
    pub(super) fn next_seq(&self) -> i64 {
        self.head.seq + 1
    }

    /// The stamp of the next change.
    pub(super) fn stamp(&self) -> Hlc {
        Hlc::next(self.head.hlc, self.now)
    }

    /// Refuses a change that the journal cannot hold, before anything of it is written: in a batch
    /// the others are kept, and the table must not be ahead of the journal.
    pub(super) fn check_body(&self) -> Result<()> {
        check_body(&self.body)
    }

    /// Appends a change of a record to the journal; its body stands in `self.body`.
    pub(super) fn log_record(
        &mut self,
        stamp: Hlc,
        kind: ChangeKind,
        table: &Table,
        id: RecordId,
    ) -> Result<()> {
        self.log_body(stamp, kind, Some(&table.model.name), Some(id))
    }

    /// Appends a change to the journal whose body stands in `self.body`.
    pub(super) fn log_body(
        &mut self,
        stamp: Hlc,
        kind: ChangeKind,
        entity_type: Option<&str>,
        record_id: Option<RecordId>,
    ) -> Result<()> {
        let body = std::mem::take(&mut self.body);
        let logged = self.log(stamp, kind, entity_type, record_id, &body);
        self.body = body;
        logged
    }

    /// Appends a change to the journal.
    pub(super) fn log(
        &mut self,
        stamp: Hlc,
        kind: ChangeKind,
        entity_type: Option<&str>,
        record_id: Option<RecordId>,
        body: &str,
    ) -> Result<()> {
        self.head.seq += 1;
        self.head.device_seq += 1;
        self.head.hlc = stamp;
        let cause = self.reactions.chain.cause().or(self.crm.cause.as_deref());
        let salt = self.crm.shared.ids.next_salt();
        let commitment = chain::commit(&salt, cause.map(str::as_bytes), body.as_bytes());
        let header = Header {
            seq: self.head.seq,
            device: &self.head.uuid,
            device_seq: self.head.device_seq,
            hlc: stamp.0,
            transaction: self.first_seq,
            actor: &self.actor_commitment,
            kind: kind.name().as_bytes(),
            entity_type: entity_type.map(str::as_bytes),
            record_id: record_id.as_ref().map(|id| id.as_bytes().as_slice()),
        };
        self.head.hash = header.link(&self.head.hash, &commitment);
        rows::append(
            self.tx,
            &NewRow {
                seq: self.head.seq,
                device: self.head.device,
                device_seq: self.head.device_seq,
                hlc: stamp,
                transaction: self.first_seq,
                actor: self.actor,
                cause,
                kind,
                entity_type,
                record_id,
                body,
                salt,
                hash: self.head.hash,
            },
        )
    }
}

/// # Errors
///
/// `LimitExceeded` if the journal cannot hold a change with this body.
pub(super) fn check_body(body: &str) -> Result<()> {
    if body.len() <= limits::CHANGE_BYTES {
        return Ok(());
    }
    let message = format!("the change takes more than {} bytes", limits::CHANGE_BYTES);
    Err(Error::new(ErrorKind::LimitExceeded, message)
        .with_field("values")
        .with_hint("store long texts as files"))
}
