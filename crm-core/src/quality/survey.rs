//! The audit of one type: what is kept while its records pass by, and what is concluded from it.
//!
//! The records pass several times: once for everything that one look tells, once more for outliers
//! when the fences are known, and for each attribute with keys as often as its keys need. The
//! engine reads them and asks here what comes next.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    AttributeAudit, AuditFinding, AuditReport, AuditRule, Tally, keys,
    numbers::{Fences, Sample},
    spelling, table,
};
use crate::{
    Kind, RecordId, Timestamp, cell::Cell, limits, normal, schema::AttributeModel,
    schema::TypeModel,
};

/// At most so many misspellings of one attribute are listed.
const SPELLINGS: usize = 50;
/// A text of many values is taken for a key where at most one record in so many repeats an earlier
/// one.
const RARELY: u64 = 20;

/// What is known of one attribute. It holds what is stored, so that there is no `Debug` of it.
struct Column {
    /// Its place among the attributes of the type.
    place: usize,
    filled: u64,
    invalid: Tally,
    spacing: Tally,
    /// The records of each value; `None` when there are too many values, or none that can be
    /// misspelt.
    values: Option<BTreeMap<String, Tally>>,
    misspelt: BTreeMap<String, String>,
    /// Values that stand in a vocabulary.
    right: BTreeSet<String>,
    sample: Option<Sample>,
    /// The one currency whose amounts are compared.
    currency: Option<String>,
    fences: Option<Fences>,
    outliers: Tally,
    repeated: Tally,
}

/// An audit under way.
pub(crate) struct Survey<'a> {
    model: &'a TypeModel,
    examples: usize,
    /// Records that were changed last before this are stale.
    fresh_since: i64,
    records: u64,
    stale: Tally,
    columns: Vec<Column>,
}

impl<'a> Survey<'a> {
    /// Begins an audit: of `model`, at `at`, naming so many examples.
    pub(crate) fn new(model: &'a TypeModel, at: Timestamp, stale_days: u32, examples: u32) -> Self {
        const DAY: i64 = 86_400_000_000;
        let numeric = model.live().filter(|attribute| is_number(attribute)).count().max(1);
        let columns = model.live().map(|attribute| Column {
            place: model.place(attribute),
            filled: 0,
            invalid: Tally::default(),
            spacing: Tally::default(),
            values: is_word(attribute).then(BTreeMap::new),
            misspelt: BTreeMap::new(),
            right: BTreeSet::new(),
            sample: is_number(attribute).then(|| Sample::new(limits::AUDIT_NUMBERS / numeric)),
            currency: attribute.definition.currency.clone(),
            fences: None,
            outliers: Tally::default(),
            repeated: Tally::default(),
        });
        Self {
            model,
            examples: examples as usize,
            fresh_since: at.micros().saturating_sub(i64::from(stale_days) * DAY),
            records: 0,
            stale: Tally::default(),
            columns: columns.collect(),
        }
    }

    /// The first look at a record.
    pub(crate) fn look(&mut self, id: RecordId, updated_at: Timestamp, cells: &[Cell]) {
        self.records += 1;
        if updated_at.micros() < self.fresh_since {
            self.stale.add(id, self.examples);
        }
        for column in &mut self.columns {
            let attribute = &self.model.attributes[column.place];
            column.look(attribute, id, &cells[attribute.span()], self.examples);
        }
    }

    /// Compares the values with a vocabulary of the file, for attributes other than the one that it
    /// comes from.
    pub(crate) fn compare(&mut self, vocabulary: &BTreeSet<String>, except: Option<&str>) {
        for column in &mut self.columns {
            let attribute = &self.model.attributes[column.place];
            let Some(values) = column.values.as_ref().filter(|_| except != Some(attribute.name()))
            else {
                continue;
            };
            let counts = counts(values);
            if let Some(found) = spelling::against(&counts, vocabulary) {
                column.misspelt.extend(found);
                let known = counts.into_keys().filter(|value| vocabulary.contains(value));
                column.right.extend(known);
            }
        }
    }

    /// Concludes from the first look. Says whether a second one is needed, for outliers.
    pub(crate) fn conclude(&mut self) -> bool {
        for column in &mut self.columns {
            column.fences = column.sample.take().and_then(Sample::fences);
            let is_unique = self.model.attributes[column.place].definition.unique;
            let Some(values) = column.values.as_ref().filter(|_| !is_unique) else { continue };
            for (value, expected) in spelling::within(&counts(values)) {
                column.misspelt.entry(value).or_insert(expected);
            }
            column.misspelt.retain(|value, _| !column.right.contains(value));
        }
        self.columns.iter().any(|column| column.fences.is_some())
    }

    /// The second look at a record.
    pub(crate) fn look_for_outliers(&mut self, id: RecordId, cells: &[Cell]) {
        for column in &mut self.columns {
            let attribute = &self.model.attributes[column.place];
            let cells = &cells[attribute.span()];
            let Some(fences) = column.fences else { continue };
            let number = number(attribute, cells, column.currency.as_deref());
            if number.is_some_and(|number| fences.excludes(number)) {
                column.outliers.add(id, self.examples);
            }
        }
    }

    /// The passes that keys need: an attribute each, by its place among those in use, and how many.
    pub(crate) fn key_passes(&self) -> Vec<(usize, u64)> {
        let columns = self.columns.iter().enumerate().filter(|(_, column)| {
            column.filled > 1 && column.is_key(&self.model.attributes[column.place])
        });
        columns.map(|(place, column)| (place, column.filled / limits::AUDIT_KEYS + 1)).collect()
    }

    /// Begins a pass over the keys of an attribute.
    pub(crate) fn begin_keys(&self, part: u64, parts: u64) -> KeyPass {
        KeyPass(keys::Pass::new(part, parts))
    }

    /// A look at the key of a record.
    pub(crate) fn look_at_key(
        &mut self,
        place: usize,
        pass: &mut KeyPass,
        id: RecordId,
        cells: &[Cell],
    ) {
        let column = &mut self.columns[place];
        let attribute = &self.model.attributes[column.place];
        if let Some(key) = keys::key(attribute, &cells[attribute.span()]) {
            pass.0.add(id, key, &mut column.repeated, self.examples);
        }
    }

    /// The report.
    pub(crate) fn finish(self, at: Timestamp) -> AuditReport {
        let Self { model, records, stale, columns, .. } = self;
        let (mut attributes, mut findings) = (Vec::new(), Vec::new());
        for column in columns {
            let attribute = &model.attributes[column.place];
            attributes.push(AttributeAudit {
                attribute: attribute.name().to_owned(),
                kind: attribute.definition.kind,
                filled: column.filled,
                missing: records - column.filled,
                distinct: column.values.as_ref().and_then(|values| values.len().try_into().ok()),
            });
            column.findings(attribute, records, &mut findings);
        }
        findings.extend(found(AuditRule::Stale, None, stale));
        let entity_type = model.name.clone();
        let mut report =
            AuditReport { entity_type, at, records, attributes, findings, text: String::new() };
        report.text = table::write(&report);
        report
    }
}

/// A pass over the keys of an attribute.
pub(crate) struct KeyPass(keys::Pass);

impl Column {
    fn look(&mut self, attribute: &AttributeModel, id: RecordId, cells: &[Cell], examples: usize) {
        if cells.iter().all(|cell| *cell == Cell::Null) {
            if attribute.definition.required {
                self.invalid.add(id, examples);
            }
            return;
        }
        self.filled += 1;
        if attribute.recheck(cells).is_err() {
            self.invalid.add(id, examples);
        }
        if let (Kind::Text | Kind::LongText, Some(Cell::Text(text))) =
            (attribute.definition.kind, cells.first())
            && (normal::trim(text).len() != text.len() || text.contains("  "))
        {
            self.spacing.add(id, examples);
        }
        if let Some(values) = &mut self.values
            && let Some(Cell::Text(text)) = cells.first()
        {
            if let Some(tally) = values.get_mut(text) {
                tally.add(id, examples);
            } else if values.len() < limits::AUDIT_VALUES && text.len() <= limits::AUDIT_VALUE_BYTES
            {
                let mut tally = Tally::default();
                tally.add(id, examples);
                values.insert(text.clone(), tally);
            } else {
                self.values = None;
            }
        }
        if let Some(sample) = &mut self.sample {
            if let (Kind::Money, None, Some(Cell::Text(code))) =
                (attribute.definition.kind, &self.currency, cells.get(1))
            {
                self.currency = Some(code.clone());
            }
            if let Some(number) = number(attribute, cells, self.currency.as_deref()) {
                sample.add(number);
            }
        }
    }

    fn is_key(&self, attribute: &AttributeModel) -> bool {
        match attribute.definition.kind {
            Kind::Email | Kind::Phone | Kind::Url => true,
            Kind::Text => attribute.definition.unique || self.values.is_none(),
            _ => false,
        }
    }

    fn findings(self, attribute: &AttributeModel, records: u64, findings: &mut Vec<AuditFinding>) {
        let name = Some(attribute.name());
        if self.filled == 0 && records > 0 {
            let all = Tally { count: records, examples: Vec::new() };
            findings.extend(found(AuditRule::Unused, name, all));
        }
        findings.extend(found(AuditRule::Invalid, name, self.invalid));
        findings.extend(found(AuditRule::Spacing, name, self.spacing));
        let mut values = self.values.unwrap_or_default();
        let mut misspelt: Vec<_> = self
            .misspelt
            .into_iter()
            .filter_map(|(value, expected)| Some((values.remove(&value)?, value, expected)))
            .collect();
        misspelt.sort_by_key(|(tally, ..)| std::cmp::Reverse(tally.count));
        for (tally, value, expected) in misspelt.into_iter().take(SPELLINGS) {
            let finding = found(AuditRule::Spelling, name, tally);
            findings.extend(finding.map(|finding| AuditFinding {
                value: Some(value),
                expected: Some(expected),
                ..finding
            }));
        }
        let is_text = attribute.definition.kind == Kind::Text && !attribute.definition.unique;
        if !is_text || self.repeated.count.saturating_mul(RARELY) <= self.filled {
            findings.extend(found(AuditRule::Duplicate, name, self.repeated));
        }
        let outliers = found(AuditRule::Outlier, name, self.outliers).zip(self.fences);
        findings.extend(outliers.map(|(finding, fences)| AuditFinding {
            lower: Some(fences.lower),
            upper: Some(fences.upper),
            ..finding
        }));
    }
}

fn found(rule: AuditRule, attribute: Option<&str>, tally: Tally) -> Option<AuditFinding> {
    let Tally { count, examples } = tally;
    (count > 0).then(|| AuditFinding {
        rule,
        attribute: attribute.map(str::to_owned),
        count,
        examples,
        value: None,
        expected: None,
        lower: None,
        upper: None,
    })
}

fn counts(values: &BTreeMap<String, Tally>) -> BTreeMap<String, u64> {
    values.iter().map(|(value, tally)| (value.clone(), tally.count)).collect()
}

/// Whether values of the attribute are words that can be misspelt.
fn is_word(attribute: &AttributeModel) -> bool {
    matches!(attribute.definition.kind, Kind::Text | Kind::Choice)
}

fn is_number(attribute: &AttributeModel) -> bool {
    matches!(attribute.definition.kind, Kind::Integer | Kind::Decimal | Kind::Real | Kind::Money)
}

/// A stored number as people write it; `None` if there is none, or an amount in another currency.
#[expect(clippy::cast_precision_loss, reason = "fences are no exact figures")]
fn number(attribute: &AttributeModel, cells: &[Cell], currency: Option<&str>) -> Option<f64> {
    let scale = match (attribute.definition.kind, cells.get(1)) {
        (Kind::Decimal, _) => attribute.definition.scale.unwrap_or(2),
        (Kind::Money, Some(Cell::Text(code))) if currency == Some(code) => {
            normal::currency::currency(code).ok()?.1
        }
        (Kind::Money, _) => return None,
        _ => 0,
    };
    match cells.first()? {
        Cell::Integer(number) => Some(*number as f64 / 10_f64.powi(scale.into())),
        Cell::Real(number) => Some(*number),
        _ => None,
    }
}
