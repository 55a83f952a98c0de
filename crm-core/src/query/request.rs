//! What is asked of queries, and answered.
//!
//! A column, a key and a measure are told by the keys that are given, as conditions are; which go
//! together is judged when the query is checked.

use serde::{Deserialize, Serialize};

use super::Bucket;
use crate::{
    Archived, Condition, Kind, Timestamp, Value, limits, record::default_page, shape::debug,
};

macro_rules! records {
    ($( $(#[$meta:meta])* $name:ident { $( $(#[$field_meta:meta])* $field:ident: $type:ty, )* } )*) => {
        $(
            #[derive(Clone, PartialEq, Serialize, Deserialize)]
            #[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
            #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
            $(#[$meta])*
            pub struct $name { $( $(#[$field_meta])* pub $field: $type, )* }
        )*
    };
}

records! {
    /// A column of a select. Exactly one of these says what it holds:
    ///
    /// * `field`: a field of the record, as a condition names it: an attribute, a part of one such as
    ///   `home.city`, or `id`, `version`, `created_at`, `updated_at`;
    /// * `related` with `field`: a field of one related record: of associations that hold on the day
    ///   the primary one, or else the one valid from the earliest day, or else the one made first; of
    ///   records that refer to this one, the one created first. Archived records do not count;
    /// * `lifecycle`: where the record stands in it at the moment; `field` says what: `stage`, which it
    ///   is if it is left out, `entered_at`, `cycle` or `reached`, the furthest stage of the cycle;
    /// * `score`: what the record scores by it at the moment; `field` says what: `points`, which it is
    ///   if it is left out, with three digits after the point; `threshold`, the highest that is reached;
    ///   or `grade`. `score.group` is one group of it, which has points;
    /// * `event` with one of `count`, `sum`, `min`, `max`, `mean`, `first`, `last`: a figure over the
    ///   activities of the record.
    #[derive(Debug, Default)]
    #[serde(deny_unknown_fields)]
    SelectColumn {
        /// The field, of the record or of the related one, of a lifecycle or of a score.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        field: Option<String>,
        /// The association type; or an attribute of kind `reference`, which with `inverse` is named
        /// as `type.attribute`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        related: Option<String>,
        /// Whether the related record points to this one.
        #[serde(default, skip_serializing_if = "is_false")]
        #[cfg_attr(feature = "uniffi", uniffi(default = false))]
        inverse: bool,
        /// The entity type of the related record, where there can be several.
        #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        entity_type: Option<String>,
        /// Only associations of this role.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        role: Option<String>,
        /// The kind of activity; `any` is every kind.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        event: Option<String>,
        /// Only activities of the span that ends now, such as `P12M`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        within: Option<String>,
        /// Only activities at or after this moment.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        from: Option<Timestamp>,
        /// Only activities before this moment. Without it, those up to now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        until: Option<Timestamp>,
        /// Only activities for which this is true.
        #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        condition: Option<Condition>,
        /// How many activities there are.
        #[serde(default, skip_serializing_if = "is_false")]
        #[cfg_attr(feature = "uniffi", uniffi(default = false))]
        count: bool,
        /// The sum of a property, or of `amount`; 0 of none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        sum: Option<String>,
        /// The least value of a property.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        min: Option<String>,
        /// The greatest value of a property.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        max: Option<String>,
        /// The mean of a property, as a real number; of money in major units.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        mean: Option<String>,
        /// What the earliest activity has in a property, or `at`: when it was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        first: Option<String>,
        /// What the latest activity has in a property, or `at`: when it was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        last: Option<String>,
        /// Only amounts in this currency; needed for `sum`, `min`, `max`, `mean` of money, unless the
        /// property has but one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        currency: Option<String>,
        /// The lifecycle, one in use of the records' type.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        lifecycle: Option<String>,
        /// The score, a published one of the records' type; or as `score.group` one group of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        score: Option<String>,
        /// What the column is called, in JSON `as`; after what it holds if it is left out.
        #[serde(default, rename = "as", skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        name: Option<String>,
    }
    /// One of the fields or columns by which rows are ordered. Those without a value come first, or last when
    /// descending.
    #[derive(Debug)]
    #[serde(deny_unknown_fields)]
    FieldOrder {
        /// The name of a column of the result, or else a field of the record itself. What a column
        /// computes, or reads of a related record, is worked out for every record before the first
        /// page, and again for each of the next ones; money is ordered by its amount, stages as their
        /// lifecycle has them, and thresholds and grades by points.
        field: String,
        /// Whether the greatest comes first.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = false))]
        descending: bool,
    }
    /// Reads a page of rows: the request of `query.select`.
    #[serde(deny_unknown_fields)]
    SelectRows {
        /// The entity type.
        #[serde(rename = "type")]
        entity_type: String,
        /// Only records for which this condition is true, as JSON or as text.
        #[serde(default, rename = "where")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        condition: Option<Condition>,
        /// The columns, 1 to 50.
        columns: Vec<SelectColumn>,
        /// The order, and among equals by id; at most 8 fields.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default))]
        order: Vec<FieldOrder>,
        /// Which records, by whether they are archived.
        #[serde(default)]
        archived: Archived,
        /// The `next` of the page before; the first page if it is left out.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        after: Option<String>,
        /// How many rows at most, 1 to 10,000.
        #[serde(default = "default_page")]
        #[cfg_attr(feature = "uniffi", uniffi(default = 100))]
        limit: u32,
        /// The moment that counts as now; the present if it is left out. Hand in the same with every
        /// page, or a page may follow one of another moment.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        at: Option<Timestamp>,
        /// The time zone by whose calendar days are counted, of the IANA database; UTC if it is left
        /// out.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        zone: Option<String>,
    }
    /// A column of a result.
    #[derive(Debug)]
    ResultColumn {
        /// The name.
        name: String,
        /// The kind of its values, which are as an attribute of that kind shows them.
        kind: Kind,
    }
    /// A page of rows, or of groups: of these the columns of the keys come first, then those of the
    /// measures.
    RowsPage {
        /// The columns, in the order of the request.
        columns: Vec<ResultColumn>,
        /// The rows, a value for each column; null where there is none.
        rows: Vec<Vec<Value>>,
        /// What to hand in as `after` for the next page; `None` when there is none. A record that is
        /// neither created nor moved in the order meanwhile comes exactly once, whatever others write.
        /// Groups are counted anew for each page; one comes exactly once while its place in the order
        /// stays.
        next: Option<String>,
    }
    /// By what records are grouped: a field of theirs or of one related record, what a lifecycle or a
    /// score says of them, or the stretch of the calendar in which that lies. Records without a value are
    /// a group of their own.
    #[derive(Debug)]
    #[serde(deny_unknown_fields)]
    GroupKey {
        /// The field, of the record or of the related one; of a lifecycle `stage`, `entered_at`,
        /// `cycle` or `reached`; of a score `points`, `threshold` or `grade`.
        field: String,
        /// For a date or timestamp: the stretch of the calendar, which is told by its first day.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        bucket: Option<Bucket>,
        /// The association type or reference that leads to the related record, as in a select.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        related: Option<String>,
        /// Whether the related record points to this one.
        #[serde(default, skip_serializing_if = "is_false")]
        #[cfg_attr(feature = "uniffi", uniffi(default = false))]
        inverse: bool,
        /// The entity type of the related record, where there can be several.
        #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        entity_type: Option<String>,
        /// Only associations of this role.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        role: Option<String>,
        /// The lifecycle, one in use of the records' type.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        lifecycle: Option<String>,
        /// The score, a published one of the records' type; or as `score.group` one group of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        score: Option<String>,
        /// What the column is called, in JSON `as`; after what it holds if it is left out.
        #[serde(default, rename = "as", skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        name: Option<String>,
    }
    /// A figure over the records of a group. Exactly one of `count`, `sum`, `mean`, `min`, `max`,
    /// `distinct`, `quantile`, `share` says which.
    ///
    /// Sums, the least and the greatest are of the field's own kind and exact; means and quantiles are
    /// real numbers, of money in major units. Records without a value do not count.
    #[derive(Debug, Default)]
    #[serde(deny_unknown_fields)]
    GroupMeasure {
        /// How many records there are.
        #[serde(default, skip_serializing_if = "is_false")]
        #[cfg_attr(feature = "uniffi", uniffi(default = false))]
        count: bool,
        /// The sum of a field; 0 of none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        sum: Option<String>,
        /// The mean of a field.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        mean: Option<String>,
        /// The least value of a field.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        min: Option<String>,
        /// The greatest value of a field.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        max: Option<String>,
        /// How many different values a field has.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        distinct: Option<String>,
        /// The value below which this part of the values of the field `of` lies, 0 to 1: 0.5 is the
        /// median. Between two values it is interpolated (type 7 of Hyndman and Fan).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        quantile: Option<f64>,
        /// The field of the quantile.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        of: Option<String>,
        /// Of how many records this condition is true, divided by how many there are; null of none.
        /// Numerator and denominator follow in columns of their own, `….numerator` and
        /// `….denominator`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        share: Option<Condition>,
        /// Only amounts in this currency. Needed for money, unless the attribute has but one or the
        /// records are grouped by it (`price.currency`), because currencies do not add up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        currency: Option<String>,
        /// Only records for which this is true; of a share, numerator and denominator alike.
        #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        condition: Option<Condition>,
        /// The score of whose points, or of whose group's, the figure is taken; the field is `points`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        score: Option<String>,
        /// What the column is called, in JSON `as`; after what it holds if it is left out.
        #[serde(default, rename = "as", skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        name: Option<String>,
    }
    /// One of the columns by which groups are ordered. Those without a value come first, or last when
    /// descending.
    #[derive(Debug)]
    #[serde(deny_unknown_fields)]
    ResultOrder {
        /// The name of a column of the result.
        column: String,
        /// Whether the greatest comes first.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = false))]
        descending: bool,
    }
    /// Groups records and computes figures over each group: the request of `query.group`.
    #[serde(deny_unknown_fields)]
    GroupRecords {
        /// The entity type.
        #[serde(rename = "type")]
        entity_type: String,
        /// Only records for which this condition is true, as JSON or as text.
        #[serde(default, rename = "where")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        condition: Option<Condition>,
        /// By what, at most 8 keys; all records are one group if it is left out.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default))]
        by: Vec<GroupKey>,
        /// The figures, at most 32.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default))]
        measures: Vec<GroupMeasure>,
        /// The order, and among equals by the keys.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default))]
        order: Vec<ResultOrder>,
        /// Which records, by whether they are archived.
        #[serde(default)]
        archived: Archived,
        /// The `next` of the page before; the first page if it is left out.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        after: Option<String>,
        /// How many groups at most, 1 to 10,000.
        #[serde(default = "default_groups")]
        #[cfg_attr(feature = "uniffi", uniffi(default = 10000))]
        limit: u32,
        /// The moment that counts as now; the present if it is left out. Hand in the same with every
        /// page.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        at: Option<Timestamp>,
        /// The time zone by whose calendar days are counted, of the IANA database; UTC if it is left
        /// out.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        zone: Option<String>,
    }
    /// Groups records in two directions: the request of `query.pivot`.
    #[derive(Debug)]
    #[serde(deny_unknown_fields)]
    PivotRecords {
        /// The entity type.
        #[serde(rename = "type")]
        entity_type: String,
        /// Only records for which this condition is true, as JSON or as text.
        #[serde(default, rename = "where")]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        condition: Option<Condition>,
        /// By what the rows are grouped, 1 to 8 keys.
        rows: Vec<GroupKey>,
        /// By what the columns are grouped, 1 to 8 keys.
        columns: Vec<GroupKey>,
        /// The figure of each cell. For money it names the currency, unless the attribute has but one.
        measure: GroupMeasure,
        /// Which records, by whether they are archived.
        #[serde(default)]
        archived: Archived,
        /// The moment that counts as now; the present if it is left out.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        at: Option<Timestamp>,
        /// The time zone by whose calendar days are counted, of the IANA database; UTC if it is left
        /// out.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        zone: Option<String>,
    }
    /// A figure of a pivot. A cell without records has what the figure is of none: 0 for counts and
    /// sums, null for the rest.
    #[derive(Debug)]
    PivotCell {
        /// The figure.
        value: Value,
        /// Of a share: of how many records the condition is true.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        numerator: Option<i64>,
        /// Of a share: how many records there are.
        #[serde(default)]
        #[cfg_attr(feature = "uniffi", uniffi(default = None))]
        denominator: Option<i64>,
    }
    /// A two-way table. Totals are computed from the records, not from the cells, so that those of
    /// means, shares and quantiles are right.
    #[derive(Debug)]
    PivotTable {
        /// The keys of the rows.
        rows: Vec<ResultColumn>,
        /// The keys of the columns.
        columns: Vec<ResultColumn>,
        /// The figure.
        measure: ResultColumn,
        /// For each row the values of its keys.
        row_labels: Vec<Vec<Value>>,
        /// For each column the values of its keys.
        column_labels: Vec<Vec<Value>>,
        /// For each row its cells, one for each column.
        cells: Vec<Vec<PivotCell>>,
        /// For each row the figure over all its records.
        row_totals: Vec<PivotCell>,
        /// For each column the figure over all its records.
        column_totals: Vec<PivotCell>,
        /// The figure over all records.
        total: PivotCell,
    }
}

debug! {
    SelectRows
    shows(entity_type, condition, columns, order, archived, limit, at, zone)
    hides(after)
}
debug! { RowsPage shows(columns, rows) hides(next) }
debug! {
    GroupRecords
    shows(entity_type, condition, by, measures, order, archived, limit, at, zone)
    hides(after)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

fn default_groups() -> u32 {
    limits::GROUPS
}

impl SelectColumn {
    /// A field of the record.
    pub fn field(field: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..Self::default() }
    }

    /// A field of one related record.
    pub fn related(related: impl Into<String>, field: impl Into<String>) -> Self {
        Self { related: Some(related.into()), ..Self::field(field) }
    }

    /// The stage on which the record stands.
    pub fn stage(lifecycle: impl Into<String>) -> Self {
        Self { lifecycle: Some(lifecycle.into()), ..Self::default() }
    }

    /// The points that the record scores.
    pub fn score(score: impl Into<String>) -> Self {
        Self { score: Some(score.into()), ..Self::default() }
    }

    /// How many activities of a kind the record has.
    pub fn count(event: impl Into<String>) -> Self {
        Self { event: Some(event.into()), count: true, ..Self::default() }
    }

    /// When the latest activity of a kind was.
    pub fn last(event: impl Into<String>) -> Self {
        Self { event: Some(event.into()), last: Some("at".into()), ..Self::default() }
    }

    /// The same column under another name.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }
}

impl FieldOrder {
    /// From the least to the greatest.
    pub fn ascending(field: impl Into<String>) -> Self {
        Self { field: field.into(), descending: false }
    }

    /// From the greatest to the least.
    pub fn descending(field: impl Into<String>) -> Self {
        Self { field: field.into(), descending: true }
    }
}

impl SelectRows {
    /// The first page of all records in use, by id.
    pub fn new(
        entity_type: impl Into<String>,
        columns: impl IntoIterator<Item = SelectColumn>,
    ) -> Self {
        Self {
            entity_type: entity_type.into(),
            condition: None,
            columns: columns.into_iter().collect(),
            order: Vec::new(),
            archived: Archived::Exclude,
            after: None,
            limit: default_page(),
            at: None,
            zone: None,
        }
    }
}

impl GroupKey {
    /// The values of a field.
    pub fn field(field: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            bucket: None,
            related: None,
            inverse: false,
            entity_type: None,
            role: None,
            lifecycle: None,
            score: None,
            name: None,
        }
    }

    /// The stages on which records stand.
    pub fn stage(lifecycle: impl Into<String>) -> Self {
        Self { lifecycle: Some(lifecycle.into()), ..Self::field("stage") }
    }

    /// What a score says of records: `points`, `threshold` or `grade`.
    pub fn score(score: impl Into<String>, field: impl Into<String>) -> Self {
        Self { score: Some(score.into()), ..Self::field(field) }
    }

    /// The stretches of the calendar in which the values of a field lie.
    pub fn bucket(field: impl Into<String>, bucket: Bucket) -> Self {
        Self { bucket: Some(bucket), ..Self::field(field) }
    }

    /// The values of a field of one related record.
    pub fn related(related: impl Into<String>, field: impl Into<String>) -> Self {
        Self { related: Some(related.into()), ..Self::field(field) }
    }
}

impl GroupMeasure {
    /// How many records there are.
    #[must_use]
    pub fn count() -> Self {
        Self { count: true, ..Self::default() }
    }

    /// The sum of a field.
    pub fn sum(field: impl Into<String>) -> Self {
        Self { sum: Some(field.into()), ..Self::default() }
    }

    /// The mean of a field.
    pub fn mean(field: impl Into<String>) -> Self {
        Self { mean: Some(field.into()), ..Self::default() }
    }

    /// A quantile of a field.
    pub fn quantile(part: f64, field: impl Into<String>) -> Self {
        Self { quantile: Some(part), of: Some(field.into()), ..Self::default() }
    }

    /// Of what part of the records a condition is true.
    #[must_use]
    pub fn share(condition: Condition) -> Self {
        Self { share: Some(condition), ..Self::default() }
    }

    /// The same measure under another name.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }
}

impl GroupRecords {
    /// Groups of all records in use.
    pub fn new(
        entity_type: impl Into<String>,
        by: impl IntoIterator<Item = GroupKey>,
        measures: impl IntoIterator<Item = GroupMeasure>,
    ) -> Self {
        Self {
            entity_type: entity_type.into(),
            condition: None,
            by: by.into_iter().collect(),
            measures: measures.into_iter().collect(),
            order: Vec::new(),
            archived: Archived::Exclude,
            after: None,
            limit: default_groups(),
            at: None,
            zone: None,
        }
    }
}

impl PivotRecords {
    /// A table of all records in use.
    pub fn new(
        entity_type: impl Into<String>,
        rows: impl IntoIterator<Item = GroupKey>,
        columns: impl IntoIterator<Item = GroupKey>,
        measure: GroupMeasure,
    ) -> Self {
        Self {
            entity_type: entity_type.into(),
            condition: None,
            rows: rows.into_iter().collect(),
            columns: columns.into_iter().collect(),
            measure,
            archived: Archived::Exclude,
            at: None,
            zone: None,
        }
    }
}
