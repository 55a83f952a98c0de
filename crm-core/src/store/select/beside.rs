//! The SQL of what there is of a record: its fields, and beside it where it stands and what it scores.

use super::Query;
use crate::{
    cell::Cell,
    query::{Computed, FieldColumn, Held, ScoreColumn, ScorePart, StageColumn, StagePart},
};

impl Query<'_> {
    /// An expression for a cell of what there is of the record.
    pub(super) fn held(&mut self, held: &Held, cell: usize) {
        match held {
            Held::Field(FieldColumn { relation, columns, .. }) => {
                let scope = relation.map_or(&self.record, |place| &self.related[place]);
                self.writer.push(&scope.column(&columns[cell]));
            }
            Held::Stage(column) => self.stage(column, cell),
            Held::Score(ScoreColumn { score, part: ScorePart::Points(group) }) => {
                self.points(*score, *group);
            }
            Held::Score(ScoreColumn { score, part: ScorePart::Level(levels) }) => {
                if cell > 0 {
                    self.writer.bind(Cell::Text(json(&levels.names)));
                    self.writer.push(" ->> (");
                }
                for (side, (group, levels)) in levels.sides.iter().enumerate() {
                    let before = format!(" * {} + ", levels.len() + 1);
                    self.writer.push(if side > 0 { &before } else { "" });
                    self.writer.push("crm_reached(");
                    self.points(*score, *group);
                    self.writer.push(", ");
                    self.writer.bind(Cell::Text(json(levels)));
                    self.writer.push(")");
                }
                self.writer.push(if cell > 0 { ")" } else { "" });
            }
        }
    }

    /// What a lifecycle says of the record at the moment: of a stage its place, and then its name.
    fn stage(&mut self, column: &StageColumn, cell: usize) {
        let (row, other) = (self.writer.alias('v'), self.writer.alias('w'));
        self.writer.push("(SELECT ");
        match (column.part, cell) {
            (StagePart::EnteredAt, _) => self.writer.push(&format!("{row}.entered_at")),
            (StagePart::Cycle, _) => self.writer.push(&format!("{row}.cycle")),
            (StagePart::Stage, 0) => {
                self.writer.push("(SELECT key FROM json_each(");
                self.writer.bind(Cell::Text(column.stages.clone()));
                self.writer.push(&format!(") WHERE value = {row}.stage)"));
            }
            (StagePart::Stage, _) => self.writer.push(&format!("{row}.stage")),
            (StagePart::Reached, cell) => {
                if cell > 0 {
                    self.writer.bind(Cell::Text(column.stages.clone()));
                    self.writer.push(" ->> ");
                }
                self.writer.push(&format!(
                    "(SELECT max(key) FROM crm_stage_visit AS {other} CROSS JOIN json_each("
                ));
                self.writer.bind(Cell::Text(column.stages.clone()));
                self.writer.push(&format!(
                    ") ON value = {other}.stage WHERE {other}.lifecycle = {row}.lifecycle \
                     AND {other}.record_id = {row}.record_id AND {other}.cycle = {row}.cycle \
                     AND {other}.number <= {row}.number)"
                ));
            }
        }
        self.writer.push(&format!(" FROM crm_stage_visit AS {row} WHERE {row}.lifecycle = "));
        self.writer.bind(Cell::Integer(column.lifecycle));
        let id = format!("{}.id", self.record.row);
        self.writer.push(&format!(" AND {row}.record_id = {id} AND {row}.entered_at <= "));
        self.writer.bind(Cell::Integer(self.writer.moment.now().micros()));
        self.writer.push(&format!(" ORDER BY {row}.number DESC LIMIT 1)"));
    }

    /// The points of a record, or those of a group of the score; NULL if what is kept of it does not hold
    /// at the moment, and nothing was computed.
    fn points(&mut self, score: usize, group: Option<usize>) {
        let source = &self.source.scores[score];
        let computed: Vec<Cell> = source.computed.iter().flat_map(Computed::cells).collect();
        self.writer.push(if computed.is_empty() { "" } else { "coalesce(" });
        self.writer.push("(SELECT crm_points(");
        let sheet = self.writer.alias('c');
        self.writer.push(&format!("{sheet}.sheet, "));
        let number = group.and_then(|group| i64::try_from(group).ok());
        self.writer.bind(number.map_or(Cell::Null, Cell::Integer));
        self.writer.push(", ");
        self.writer.bind(Cell::Integer(self.writer.moment.now().micros()));
        self.writer.push(")");
        self.kept(score, &sheet);
        self.writer.push(")");
        let is_alone = computed.is_empty();
        for cell in computed {
            self.writer.push(", crm_computed(");
            self.writer.bind(cell);
            let place = group.map_or(0, |group| group + 1);
            let (groups, id) = (source.groups, &self.record.row);
            self.writer.push(&format!(", {groups}, {id}.id, {place})"));
        }
        self.writer.push(if is_alone { "" } else { ")" });
    }

    /// `FROM` what is kept of a score, `WHERE` it is of the record and holds at the moment.
    pub(super) fn kept(&mut self, score: usize, row: &str) {
        let source = &self.source.scores[score];
        self.writer.push(&format!(" FROM crm_score AS {row} WHERE {row}.model = "));
        self.writer.bind(Cell::Integer(source.model));
        let id = format!("{}.id", self.record.row);
        self.writer.push(&format!(" AND {row}.record_id = {id} AND {row}.version = "));
        self.writer.bind(Cell::Integer(source.version));
        let at = Cell::Integer(self.writer.moment.now().micros());
        self.writer.push(&format!(" AND {row}.as_of <= "));
        self.writer.bind(at.clone());
        self.writer.push(&format!(" AND ({row}.until IS NULL OR {row}.until > "));
        self.writer.bind(at);
        self.writer.push(")");
    }
}

fn json(of: &impl serde::Serialize) -> String {
    serde_json::to_string(of).expect("names and numbers are always JSON")
}
