//! Audits: the records of a type are read, some times over, and the rules of [`crate::quality`]
//! judge them.
//!
//! The invariant: nothing is written, and however many records there are, memory is bounded.

use std::{collections::BTreeSet, ops::ControlFlow};

use super::{Crm, check_range, progress::Reports};
use crate::{
    Archived, AuditRecords, AuditReport, Error, ErrorKind, Flow, Kind, Progress, Result,
    cell::Cell,
    limits,
    ops::Watch,
    quality::Survey,
    schema::AttributeModel,
    store::{
        records::{self as rows, Position, Selection, StoredRow},
        table::Table,
    },
};

/// Records that are read in one go, from one state of the file.
const PAGE: u32 = 1_000;

/// Says to the host how far an audit is, and whether somebody wants it to end.
type GoesOn<'a> = dyn FnMut(u64, bool) -> Result<()> + 'a;

impl Crm {
    /// Counts how complete the records of a type are, and finds what looks like a mistake by the
    /// rules of [`AuditRule`](crate::AuditRule). Nothing is changed.
    ///
    /// Records are read by pages of 1,000 from several states of the file, and some times over;
    /// what others write meanwhile is counted or not. Progress counts the records that were read.
    ///
    /// ```
    /// use crm_core::{AuditRecords, AuditRule, Crm, Flow, values};
    ///
    /// let crm = Crm::in_memory()?;
    /// for city in ["Berlin", "Berlin", "berlin ", "Berlin"] {
    ///     crm.contacts().create(values! { "job_title" => city })?;
    /// }
    /// let report = crm.audit_records(&AuditRecords::new("contact"), &mut |_| Flow::Continue)?;
    /// let spelling = report.findings.iter().find(|found| found.rule == AuditRule::Spelling);
    /// assert_eq!(spelling.and_then(|found| found.expected.as_deref()), Some("Berlin"));
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `UnknownType`; `InvalidArgument` if the days are not 1 to 36,500 or the examples more than
    /// 20; `Interrupted` if `watch` cancelled it.
    pub fn audit_records(
        &self,
        request: &AuditRecords,
        watch: &mut Watch<'_>,
    ) -> Result<AuditReport> {
        check_range("stale_after_days", request.stale_after_days.into(), 1, 36_500)?;
        check_range("examples", request.examples.into(), 0, limits::AUDIT_EXAMPLES.into())?;
        let table = self.catalog().table(&request.entity_type)?.clone();
        let at = request.at.unwrap_or_else(|| self.now());
        let mark = self.shared.store.mark();
        let mut reports = Reports::new(&self.shared.observers, watch);
        let mut done = 0;
        let mut goes_on = |read: u64, is_last: bool| {
            done += read;
            let flow = reports.step(Progress { done, total: None }, is_last);
            self.shared.store.check_interrupted(mark)?;
            match flow {
                Flow::Continue => Ok(()),
                Flow::Cancel => Err(Error::new(ErrorKind::Interrupted, "the audit was cancelled")),
            }
        };

        let mut survey = Survey::new(&table.model, at, request.stale_after_days, request.examples);
        self.pass(&table, &mut goes_on, |row| survey.look(row.id, row.updated_at, &row.cells))?;
        self.compare(&table, &mut survey, &mut goes_on)?;
        if survey.conclude() {
            self.pass(&table, &mut goes_on, |row| survey.look_for_outliers(row.id, &row.cells))?;
        }
        for (place, parts) in survey.key_passes() {
            for part in 0..parts {
                let mut keys = survey.begin_keys(part, parts);
                self.pass(&table, &mut goes_on, |row| {
                    survey.look_at_key(place, &mut keys, row.id, &row.cells);
                })?;
            }
        }
        goes_on(0, true)?;
        Ok(survey.finish(at))
    }

    /// Shows every record in use to `look`, by id.
    fn pass(
        &self,
        table: &Table,
        goes_on: &mut GoesOn<'_>,
        mut look: impl FnMut(&StoredRow),
    ) -> Result<()> {
        let mut after: Option<Position> = None;
        loop {
            let selection = Selection {
                terms: &[],
                archived: Archived::Exclude,
                order: None,
                after: after.take(),
                limit: PAGE,
            };
            let mut count = 0;
            self.shared.store.read(|conn| {
                rows::visit(conn, table, &selection, |row| {
                    look(&row);
                    count += 1;
                    after = Some(Position { key: Cell::Null, id: row.id });
                    Ok(())
                })
            })?;
            goes_on(count.into(), false)?;
            if count < PAGE {
                return Ok(());
            }
        }
    }

    /// Compares the words of the records with every vocabulary of the file: the options of choices,
    /// and what names the records of small types.
    fn compare(
        &self,
        audited: &Table,
        survey: &mut Survey<'_>,
        goes_on: &mut GoesOn<'_>,
    ) -> Result<()> {
        let catalog = self.catalog();
        for table in catalog.iter().filter(|table| table.model.archived_at.is_none()) {
            for attribute in table.model.live() {
                let Some(vocabulary) = self.vocabulary(table, attribute)? else { continue };
                let is_own = table.model.name == audited.model.name;
                survey.compare(&vocabulary, is_own.then(|| attribute.name()));
                goes_on(0, false)?;
            }
        }
        Ok(())
    }

    /// The words that an attribute is a vocabulary of, if it is a short one.
    fn vocabulary(
        &self,
        table: &Table,
        attribute: &AttributeModel,
    ) -> Result<Option<BTreeSet<String>>> {
        let mut words = BTreeSet::new();
        let mut add = |word: &str| {
            if word.len() <= limits::AUDIT_VALUE_BYTES {
                words.insert(word.to_owned());
            }
            match words.len() <= limits::AUDIT_VOCABULARY {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        };
        let mut is_short = true;
        match attribute.definition.kind {
            Kind::Choice | Kind::Choices => {
                let options = &attribute.definition.options;
                is_short = options.iter().all(|option| add(&option.value).is_continue());
            }
            Kind::Text if attribute.definition.unique => self.shared.store.read(|conn| {
                rows::scan(conn, table, attribute, |_, cells| {
                    if let Some(Cell::Text(word)) = cells.first() {
                        is_short = add(word).is_continue();
                    }
                    Ok(is_short)
                })
            })?,
            _ => return Ok(None),
        }
        Ok((is_short && !words.is_empty()).then_some(words))
    }
}
